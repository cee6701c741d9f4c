//! `status.master`: whether there is a connection to a master's publish port, as this machine knows. Salt:
//! modules/status.py (`master`), utils/network.py (`remote_port_tcp`).

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
        let tag = if connected { "__master_connected" } else { "__master_disconnected" };
        if let Err(fault) = cx.minion.fire(tag, map! { "master" => name }) {
            crate::log::debug!("{tag} could not be told: {fault}");
        }
    }
    Ok(connected.into())
}
