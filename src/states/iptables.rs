//! `iptables`: rules, chains and policies of the kernel's filter of packets. Salt: states/iptables.py (without
//! `mod_aggregate`).

use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const CHAIN: &[Param] =
    &[req("name"), opt("table", Default::Str("filter")), opt("family", Default::Str("ipv4"))];
const RULE: &[Param] = &[
    req("name"),
    opt("table", Default::Str("filter")),
    opt("family", Default::Str("ipv4")),
    keywords("kwargs"),
];

pub(super) static STATES: States = States {
    file: "iptables",
    provides: "iptables",
    available: |cx| {
        let missing = "iptables module could not be loaded";
        if cx.offers("iptables.version") { Ok(()) } else { Err(missing.to_owned()) }
    },
    functions: &[
        State::new(
            "append",
            RULE,
            "There is such a rule; a new one comes at the end of the chain.",
            |run, args| rule(run, args, Doing::Append),
        ),
        State::new("chain_absent", CHAIN, "There is no such chain.", chain_absent),
        State::new("chain_present", CHAIN, "There is such a chain.", chain_present),
        State::new("delete", RULE, "There is no such rule.", |run, args| rule(run, args, Doing::Delete)),
        State::new("flush", RULE, "A chain, or all of a table, has no rules.", flush),
        State::new("insert", RULE, "There is such a rule; a new one comes at `position`.", |run, args| {
            rule(run, args, Doing::Insert)
        }),
        State::new(
            "set_policy",
            RULE,
            "What becomes of packets that no rule is for is `policy`.",
            set_policy,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

#[derive(Clone, Copy, PartialEq)]
enum Doing {
    Append,
    Insert,
    Delete,
}

fn ended(name: &str, result: Option<bool>, comment: String) -> Result<StateReturn, Fault> {
    Ok(StateReturn::new(name, result, comment))
}

fn done(name: &str, comment: String) -> Result<StateReturn, Fault> {
    Ok(StateReturn::new(name, Some(true), comment).with(map! { "locale" => name }))
}

/// An argument that the state cannot do without.
fn needed(args: &Args, name: &str) -> Result<Value, Fault> {
    let value = args.keywords.get(name).cloned();
    value.ok_or_else(|| Fault::exception("KeyError", format!("'{name}'")))
}

/// Where to save the rules, if that is wanted: the usual file is `None`.
fn target(args: &Args) -> Option<Value> {
    let save = args.keywords.get("save").filter(|save| save.truthy())?;
    Some(if save.as_bool() == Some(true) { Value::Null } else { save.clone() })
}

fn save(running: &Running, filename: Value, family: &Value) -> Result<String, Fault> {
    let options = map! { "filename" => filename, "family" => family.clone() };
    Ok(str_of(&running.ask_with("iptables.save", &[], options)?))
}

/// The rules of every chain, without counters and policies.
fn rules(tables: &Value) -> Vec<&Value> {
    let chains = tables.as_map().into_iter().flat_map(Map::values).filter_map(Value::as_map);
    chains.flat_map(Map::values).filter_map(|chain| chain.get("rules")).collect()
}

/// Saves the rules where those in the kernel are others than those in the file: what to say about it.
fn save_new(running: &Running, args: &Args, about: &str) -> Result<String, Fault> {
    let Some(filename) = target(args) else { return Ok(String::new()) };
    let family = args.get("family");
    let asked = map! { "conf_file" => filename.clone(), "family" => family.clone() };
    let saved = running.ask_with("iptables.get_saved_rules", &[], asked)?;
    let there = running.ask_with("iptables.get_rules", &[], map! { "family" => family.clone() })?;
    if rules(&saved) == rules(&there) {
        return Ok(String::new());
    }
    Ok(format!("\nSaved iptables rule {about}\n{}", save(running, filename, family)?))
}

fn rule(running: &Running, args: &Args, doing: Doing) -> Result<StateReturn, Fault> {
    let (name, table, family) = (args.str("name")?, args.get("table"), args.get("family"));
    let mut words = args.keywords.clone();
    words.extend(map! { "table" => table.clone(), "family" => family.clone() });
    let built = running.ask_with("iptables.build_rule", &[], words.clone())?;
    let letter = match doing {
        Doing::Append => "A",
        Doing::Insert => "I",
        Doing::Delete => "D",
    };
    words.extend(map! { "full" => true, "command" => letter });
    let command = str_of(&running.ask_with("iptables.build_rule", &[], words)?);
    let (command, family_text) = (command.trim(), str_of(family));
    let chain = needed(args, "chain")?;
    let about = if doing == Doing::Append {
        format!("({command}) for {family_text}")
    } else {
        format!("for {family_text} ({command})")
    };
    let saved_as = format!("{name} for {family_text}\n{command}");
    let of_chain = [table.clone(), chain.clone()];
    let asked = [table.clone(), chain.clone(), built.clone(), family.clone()];
    let there = running.ask("iptables.check", &asked)?.as_bool() == Some(true);
    let position = args.keywords.get("position");
    let fine = if doing == Doing::Delete { !there && position.is_none() } else { there };
    if fine {
        let already = if doing == Doing::Delete { "absent" } else { "set" };
        let more = if doing == Doing::Delete { String::new() } else { save_new(running, args, &saved_as)? };
        return ended(&name, Some(true), format!("iptables rule for {name} already {already} {about}{more}"));
    }
    if running.test() {
        let to_be = if doing == Doing::Delete { "deleted" } else { "set" };
        return ended(&name, None, format!("iptables rule for {name} needs to be {to_be} {about}"));
    }
    let worked = match doing {
        Doing::Append => running.ask("iptables.append", &asked)?.truthy(),
        Doing::Insert => {
            let asked = [table.clone(), chain, needed(args, "position")?, built, family.clone()];
            !running.ask("iptables.insert", &asked)?.truthy()
        }
        Doing::Delete => {
            let which = if let Some(position) = position {
                map! { "position" => position.clone() }
            } else {
                map! { "rule" => built }
            };
            let mut options = which;
            options.insert("family", family.clone());
            !running.ask_with("iptables.delete", &of_chain, options)?.truthy()
        }
    };
    if !worked {
        let verb = if doing == Doing::Delete { "delete" } else { "set" };
        let of = if doing == Doing::Append { format!(" for {family_text}") } else { String::new() };
        let comment = format!("Failed to {verb} iptables rule for {name}.\nAttempted rule was {command}{of}");
        return ended(&name, Some(false), comment);
    }
    let said = match (target(args), doing) {
        (Some(filename), _) => {
            let verb = if doing == Doing::Delete { "Deleted" } else { "Set" };
            format!("{verb} and saved iptables rule {saved_as}\n{}", save(running, filename, family)?)
        }
        (None, Doing::Delete) => format!("Delete iptables rule for {name} {command}"),
        (None, _) => format!("Set iptables rule for {name} to: {command} for {family_text}"),
    };
    done(&name, said)
}

fn chain_present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, table, family) = (args.str("name")?, args.str("table")?, args.str("family")?);
    let asked = [table.as_str().into(), name.as_str().into(), family.as_str().into()];
    if running.ask("iptables.check_chain", &asked)?.as_bool() == Some(true) {
        let comment = format!("iptables {name} chain is already exist in {table} table for {family}");
        return ended(&name, Some(true), comment);
    }
    if running.test() {
        return ended(
            &name,
            None,
            format!("iptables {name} chain in {table} table needs to be set for {family}"),
        );
    }
    match running.ask("iptables.new_chain", &asked)? {
        Value::Bool(true) => {
            done(&name, format!("iptables {name} chain in {table} table create success for {family}"))
        }
        said => {
            let comment =
                format!("Failed to create {name} chain in {table} table: {} for {family}", trimmed(&said));
            ended(&name, Some(false), comment)
        }
    }
}

fn trimmed(said: &Value) -> String {
    str_of(said).trim().to_owned()
}

fn chain_absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, table, family) = (args.str("name")?, args.str("table")?, args.str("family")?);
    let asked = [table.as_str().into(), name.as_str().into(), family.as_str().into()];
    if !running.ask("iptables.check_chain", &asked)?.truthy() {
        let comment = format!("iptables {name} chain is already absent in {table} table for {family}");
        return ended(&name, Some(true), comment);
    }
    if running.test() {
        return ended(
            &name,
            None,
            format!("iptables {name} chain in {table} table needs to be removed {family}"),
        );
    }
    let failed = |verb: &str, said: &Value| {
        let said = trimmed(said);
        ended(
            &name,
            Some(false),
            format!("Failed to {verb} {name} chain in {table} table: {said} for {family}"),
        )
    };
    let flushed = running.ask("iptables.flush", &asked)?;
    if flushed.truthy() {
        return failed("flush", &flushed);
    }
    match running.ask("iptables.delete_chain", &asked)? {
        Value::Bool(true) => {
            done(&name, format!("iptables {name} chain in {table} table delete success for {family}"))
        }
        said => failed("delete", &said),
    }
}

fn set_policy(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, table, family) = (args.str("name")?, args.str("table")?, args.str("family")?);
    let (chain, policy) = (needed(args, "chain")?, needed(args, "policy")?);
    let (chain_text, policy_text) = (str_of(&chain), str_of(&policy));
    let about = format!("iptables default policy for chain {chain_text} on table {table} for {family}");
    let there = running.ask(
        "iptables.get_policy",
        &[args.get("table").clone(), chain.clone(), args.get("family").clone()],
    )?;
    if there == policy {
        return ended(&name, Some(true), format!("{about} already set to {policy_text}"));
    }
    if running.test() {
        return ended(&name, None, format!("{about} needs to be set to {policy_text}"));
    }
    let asked = [args.get("table").clone(), chain, policy, args.get("family").clone()];
    if running.ask("iptables.set_policy", &asked)?.truthy() {
        return ended(&name, Some(false), "Failed to set iptables default policy".to_owned());
    }
    let saved = match target(args) {
        Some(filename) => {
            save(running, filename, args.get("family"))?;
            " and saved"
        }
        None => "",
    };
    done(&name, format!("Set{saved} default policy for {chain_text} to {policy_text} family {family}"))
}

fn flush(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, table, family) = (args.str("name")?, args.str("table")?, args.str("family")?);
    let chain = args.keywords.get("chain").map(str_of).unwrap_or_default();
    if running.test() {
        let comment =
            format!("iptables rules in {name} table {table} chain {family} family needs to be flushed");
        return ended(&name, None, comment);
    }
    let asked = [table.as_str().into(), chain.as_str().into(), family.as_str().into()];
    if running.ask("iptables.flush", &asked)?.truthy() {
        return ended(&name, Some(false), "Failed to flush iptables rules".to_owned());
    }
    done(&name, format!("Flush iptables rules in {table} table {chain} chain {family} family"))
}
