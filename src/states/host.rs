//! `host`: lines of hosts(5) as they should be. Salt: states/host.py.

use std::net::IpAddr;

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "host",
    provides: "host",
    available: always,
    functions: &[
        State::new("absent", &[req("name"), req("ip")], "Addresses do not have this name.", absent),
        State::new(
            "only",
            &[req("name"), req("hostnames")],
            "The address `name` has these names and no others.",
            only,
        ),
        State::new(
            "present",
            &[req("name"), req("ip"), opt("comment", Default::Str("")), opt("clean", Default::False)],
            "Addresses have this name; with `clean` no others do.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        other => vec![str_of(other)],
    }
}

/// What has to be done, in order, and what is to be said of the rest. Pure.
#[derive(std::default::Default)]
struct Plan {
    add: Vec<String>,
    comment: Vec<String>,
    remove: Vec<String>,
    said: Vec<String>,
    warnings: Vec<String>,
    invalid: bool,
}

fn plan(all: &Map, name: &str, ips: &[String], comment: &str, clean: bool) -> Plan {
    let mut plan = Plan::default();
    for ip in ips.iter().filter(|ip| !all.contains(ip)) {
        plan.add.push(ip.clone());
        if !comment.is_empty() {
            plan.comment.push(ip.clone());
        }
    }
    for (ip, info) in all {
        let ip = str_of(ip);
        let names = info.get("aliases").map(list).unwrap_or_default();
        let has = names.iter().any(|own| own == name);
        if !ips.contains(&ip) {
            if has && clean {
                plan.remove.push(ip);
            } else if has {
                plan.warnings.push(format!(
                    "Host {name} present for IP address {ip}. To get rid of this warning, either run this state with 'clean' \
                     set to True to remove {name} from {ip}, or add {ip} to the 'ip' argument."
                ));
            }
        } else if has {
            let said = info.get("comment").map(str_of);
            if !comment.is_empty() && said.as_deref() != Some(comment) {
                plan.comment.push(ip);
            } else {
                plan.said.push(format!("Host {name} ({ip}) already present"));
            }
        } else if ip.parse::<IpAddr>().is_ok() {
            if !comment.is_empty() {
                plan.comment.push(ip.clone());
            }
            plan.add.push(ip);
        } else {
            plan.invalid = true;
            plan.said.push(format!("Invalid IP Address for {name} ({ip})"));
        }
    }
    plan
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, comment) = (args.str("name")?, args.str("comment")?);
    let all = running.ask("hosts.list_hosts", &[])?.as_map().cloned().unwrap_or_default();
    let mut plan = plan(&all, &name, &list(args.get("ip")), &comment, args.truthy("clean"));
    let mut outcome = StateReturn::new(name.as_str(), Some(!plan.invalid), "");
    let mut changes = Map::new();
    let mut note = |kind: &str, ip: &str, what: &str| {
        if let Value::Map(of_kind) = changes.entry(kind, || Map::new().into())
            && let Value::List(all) = of_kind.entry(ip, || Value::List(Vec::new()))
        {
            all.push(what.into());
        }
    };
    let test = running.test();
    let steps = [
        (
            &plan.add,
            "hosts.add_host",
            "added",
            name.as_str(),
            "Added host",
            "Failed to add host",
            "would be added",
        ),
        (
            &plan.comment,
            "hosts.set_comment",
            "comment_added",
            &comment,
            "Set comment for host",
            "Failed to add comment for host",
            "would be added",
        ),
        (
            &plan.remove,
            "hosts.rm_host",
            "removed",
            name.as_str(),
            "Removed host",
            "Failed to remove host",
            "would be removed",
        ),
    ];
    for (ips, fun, kind, what, done, failed, would) in steps {
        let of_comment = kind == "comment_added";
        for ip in ips {
            let shown = if of_comment { format!("{ip} ({what})") } else { format!("{what} ({ip})") };
            if test {
                if !of_comment {
                    outcome.result = None;
                }
                let head = if of_comment { "Comment for" } else { "Host" };
                plan.said.push(format!("{head} {shown} {would}"));
            } else if running.ask(fun, &[ip.into(), what.into()])?.truthy() {
                plan.said.push(format!("{done} {shown}"));
            } else {
                outcome.result = Some(false);
                plan.said.push(format!("{failed} {shown}"));
                continue;
            }
            note(kind, ip, what);
        }
    }
    outcome.comment = plan.said.join("\n");
    if !plan.warnings.is_empty() {
        outcome.extra.insert("warnings", Value::list(plan.warnings));
    }
    Ok(outcome.with(changes))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let mut outcome = StateReturn::new(name.as_str(), None, "");
    let mut said = Vec::new();
    for ip in list(args.get("ip")) {
        let pair = [ip.as_str().into(), name.as_str().into()];
        if !running.ask("hosts.has_pair", &pair)?.truthy() {
            outcome.result = Some(true);
            said.push(format!("Host {name} ({ip}) already absent"));
        } else if running.test() {
            said.push(format!("Host {name} ({ip}) needs to be removed"));
        } else if running.ask("hosts.rm_host", &pair)?.truthy() {
            outcome.changes = map! { "host" => name.as_str() }.into();
            outcome.result = Some(true);
            said.push(format!("Removed host {name} ({ip})"));
        } else {
            outcome.result = Some(false);
            said.push("Failed to remove host".to_owned());
        }
    }
    outcome.comment = said.join("\n");
    Ok(outcome)
}

fn only(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let old = list(&running.ask("hosts.get_alias", &[name.as_str().into()])?).join(" ");
    let new =
        list(args.get("hostnames")).iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>().join(" ");
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name.as_str(), result, comment);
    if old == new {
        return Ok(answer(Some(true), format!("IP address {name} already set to \"{new}\"")));
    }
    if running.test() {
        return Ok(answer(None, format!("Would change {name} from \"{old}\" to \"{new}\"")));
    }
    if !running.ask("hosts.set_host", &[name.as_str().into(), new.as_str().into()])?.truthy() {
        return Ok(answer(
            Some(false),
            format!("hosts.set_host failed to change {name} from \"{old}\" to \"{new}\""),
        ));
    }
    let changes: Map =
        [(name.as_str(), map! { "old" => old.as_str(), "new" => new.as_str() })].into_iter().collect();
    Ok(answer(Some(true), format!("successfully changed {name} from \"{old}\" to \"{new}\"")).with(changes))
}
