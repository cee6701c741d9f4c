//! `network`: waking hosts by their MAC addresses (wake on LAN). Salt: runners/network.py.

use super::{progress, say};
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req, wake,
};
use crate::map;
use crate::value::{Value, str_of};

const BROADCAST: Param = opt("bcast", Default::Str("255.255.255.255"));
const PORT: Param = opt("destport", Default::Int(9));

pub(super) static MODULE: Module = Module {
    file: "network",
    provides: "network",
    available: always,
    functions: &[
        Function::new(
            "wol",
            &[req("mac"), BROADCAST, PORT],
            "Sends a magic packet that wakes the host with this MAC address. True when it was sent.",
            |_, args| {
                wake(&args.str("mac")?, args)?;
                Ok(true.into())
            },
        ),
        Function::new(
            "wollist",
            &[req("maclist"), BROADCAST, PORT],
            "Wakes the hosts whose MAC addresses are the lines of a file. `[mac]`.",
            wollist,
        ),
        Function::new(
            "wolmatch",
            &[req("tgt"), opt("tgt_type", Default::Str("glob")), BROADCAST, PORT],
            "Wakes the minions of a target, by the MAC addresses in their cached grains. `[mac]`.",
            wolmatch,
        ),
    ],
};

fn wollist(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut woken = Vec::new();
    let path = args.str("maclist")?;
    let read = std::fs::read_to_string(&path).map_err(|error| Fault::execution(os_error_text(&error, &path)));
    let outcome = read.and_then(|list| {
        for mac in list.lines().map(str::trim) {
            wake(mac, args)?;
            say(cx, &format!("Waking up {mac}"))?;
            woken.push(mac.to_owned());
        }
        Ok(())
    });
    if let Err(error) = outcome {
        progress(cx, "progress", map! { "error" => format!("Failed to open the MAC file. Error: {error}") })?;
        return Ok(Value::List(Vec::new()));
    }
    Ok(Value::list(woken))
}

fn wolmatch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut woken = Vec::new();
    for id in cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)? {
        let data = cx.master.minion_data(&id).unwrap_or_default();
        let addresses = data.get("grains").and_then(|grains| grains.get("hwaddr_interfaces"));
        for (interface, mac) in addresses.and_then(Value::as_map).into_iter().flatten() {
            if interface.as_str() != Some("lo") {
                let mac = str_of(mac).trim().to_owned();
                wake(&mac, args)?;
                woken.push(mac);
            }
        }
    }
    Ok(Value::list(woken))
}
