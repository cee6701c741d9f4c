//! Whether a master answers at all: a clear `ping`. Salt: modules/status.py (`ping_master`).

use std::time::Duration;

use super::lanes_of;
use super::settings::ChannelSettings;
use crate::channel::{PROTOCOL_VERSION, pack_map};
use crate::map;

/// Asks once, without a session. Whatever comes back is an answer.
pub async fn answers(settings: &ChannelSettings, patience: Duration) -> bool {
    let load = map! { "cmd" => "ping" };
    let body = pack_map(&map! { "enc" => "clear", "load" => load, "version" => PROTOCOL_VERSION });
    lanes_of(settings).exchange(body, patience).await.is_ok()
}
