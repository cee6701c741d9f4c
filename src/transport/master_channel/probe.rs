//! Whether a master answers at all: a clear `ping`. Salt: modules/status.py (`ping_master`).

use std::time::Duration;

use super::address::MasterAddress;
use super::lanes::Lanes;
use super::lanes_of;
use super::settings::{ChannelSettings, request_socket};
use super::source::SourceAddress;
use crate::channel::{PROTOCOL_VERSION, pack_map};
use crate::config::Opts;
use crate::host::{Host as _, RealHost};
use crate::map;

/// Asks once, without a session. Whatever comes back is an answer.
pub async fn answers(settings: &ChannelSettings, patience: Duration) -> bool {
    ask(lanes_of(settings), patience).await
}

/// The same, of whatever master, with the options of a minion, from a thread that may block.
pub fn answers_blocking(opts: &Opts, master: &str) -> bool {
    let port = u16::try_from(opts.int("master_port")).unwrap_or_default();
    let Ok(address) = MasterAddress::parse(master, port) else { return false };
    let source = SourceAddress::from_opts(opts, || RealHost.interfaces());
    let patience = opts.duration("auth_timeout").max(Duration::from_secs(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.is_ok_and(|runtime| {
        runtime.block_on(async {
            let endpoint = source.for_requests(address.endpoint());
            ask(Lanes::new(endpoint, request_socket(opts), source.has_one_ret_port()), patience).await
        })
    })
}

async fn ask(lanes: Lanes, patience: Duration) -> bool {
    let load = map! { "cmd" => "ping" };
    let body = pack_map(&map! { "enc" => "clear", "load" => load, "version" => PROTOCOL_VERSION });
    lanes.exchange(body, patience).await.is_ok()
}
