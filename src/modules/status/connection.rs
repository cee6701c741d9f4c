//! `status.master`: whether there is a connection to a master's publish port, as this machine knows; `status.ping_master`:
//! whether a master answers. Salt: modules/status.py, utils/network.py (`remote_port_tcp`).

use std::net::{IpAddr, ToSocketAddrs};

use crate::host::connections;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::Value;

/// Nothing for a master whose name nobody knows. An event on the minion's bus when it is not as it is `connected`.
pub(super) fn master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.opt_str("master")?.unwrap_or_default();
    let Ok(found) = (name.as_str(), 0).to_socket_addrs() else { return Ok(Value::Null) };
    let addresses: Vec<IpAddr> = found.map(|found| found.ip().to_canonical()).collect();
    if name.is_empty() || addresses.is_empty() {
        return Ok(Value::Null);
    }
    let port = cx.opts.get("publish_port").and_then(Value::as_int).and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or(4505);
    let connected = connections()
        .into_iter()
        .any(|(_, remote)| remote.port() == port && addresses.contains(&remote.ip()));
    if connected != args.truthy("connected") {
        tell(cx, if connected { "__master_connected" } else { "__master_disconnected" }, name);
    }
    Ok(connected.into())
}

/// An event on the minion's bus when it does.
pub(super) fn ping_master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.opt_str("master")?.unwrap_or_default();
    let answers = !name.is_empty() && cx.minion.answers(cx.opts, &name)?;
    if answers {
        tell(cx, "__master_failback", name);
    }
    Ok(answers.into())
}

fn tell(cx: &Context, tag: &str, master: String) {
    if let Err(fault) = cx.minion.fire(tag, map! { "master" => master }) {
        crate::log::debug!("{tag} could not be told: {fault}");
    }
}
