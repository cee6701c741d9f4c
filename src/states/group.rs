//! `group`: groups as they should be. Salt: states/group.py.

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value, repr, str_of};

pub(super) static STATES: States = States {
    file: "group",
    provides: "group",
    available: always,
    functions: &[
        State::new("absent", &[req("name")], "There is no such group.", absent),
        State::new(
            "present",
            &[
                req("name"),
                opt("gid", Default::None),
                opt("system", Default::False),
                opt("addusers", Default::None),
                opt("delusers", Default::None),
                opt("members", Default::None),
                opt("non_unique", Default::False),
            ],
            "There is such a group; `members` says who is in it, `addusers` and `delusers` who at least is and is not.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn info(running: &Running, name: &str) -> Result<Map, Fault> {
    Ok(running.ask("group.info", &[name.into()])?.as_map().cloned().unwrap_or_default())
}

fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => None,
        Value::List(items) => Some(items.iter().map(str_of).collect()),
        other => Some(vec![str_of(other)]),
    }
}

/// What a group is asked to be.
struct Wanted {
    gid: Value,
    add: Vec<String>,
    remove: Vec<String>,
    members: Option<Vec<String>>,
}

/// One difference.
enum Change {
    Gid(Value),
    Add(Vec<String>),
    /// `true`: printed as one of Python's sets.
    Remove(Vec<String>, bool),
    Members(Vec<String>),
    /// Salt's answer to a gid that is no number: its words are taken for changes.
    Invalid,
}

impl Change {
    fn entries(&self) -> Vec<(&'static str, String)> {
        let list = |users: &[String]| repr(&Value::list(users));
        match self {
            Change::Gid(gid) => vec![("gid", str_of(gid))],
            Change::Add(users) => vec![("addusers", list(users))],
            Change::Remove(users, false) => vec![("delusers", list(users))],
            Change::Remove(users, true) => {
                let users: Vec<String> = users.iter().map(|user| repr(&user.into())).collect();
                vec![("delusers", format!("{{{}}}", users.join(", ")))]
            }
            Change::Members(users) => vec![("members", list(users))],
            Change::Invalid => vec![("result", "False".to_owned()), ("comment", "Invalid gid".to_owned())],
        }
    }

    fn values(&self) -> Vec<(&'static str, Value)> {
        match self {
            Change::Gid(gid) => vec![("gid", gid.clone())],
            Change::Add(users) => vec![("addusers", Value::list(users))],
            Change::Remove(users, _) => vec![("delusers", Value::list(users))],
            Change::Members(users) => vec![("members", Value::list(users))],
            Change::Invalid => vec![("result", false.into()), ("comment", "Invalid gid".into())],
        }
    }
}

/// What is otherwise than wanted. Pure.
fn plan(group: &Map, wanted: &Wanted) -> Vec<Change> {
    let mut changes = Vec::new();
    if wanted.gid.truthy() {
        match str_of(&wanted.gid).trim().parse::<i64>() {
            Ok(gid) if group.get("gid").and_then(Value::as_int) != Some(gid) => {
                changes.push(Change::Gid(gid.into()));
            }
            Ok(_) => {}
            Err(_) => return vec![Change::Invalid],
        }
    }
    let now = names(group.get("members").unwrap_or(&Value::Null)).unwrap_or_default();
    match &wanted.members {
        Some(members) if members.is_empty() && !now.is_empty() => {
            changes.push(Change::Remove(now.clone(), true))
        }
        Some(members) => {
            let same = members.iter().all(|user| now.contains(user))
                && now.iter().all(|user| members.contains(user));
            if !same {
                changes.push(Change::Members(members.clone()));
            }
        }
        None => {}
    }
    let add: Vec<String> = wanted.add.iter().filter(|user| !now.contains(user)).cloned().collect();
    if !add.is_empty() {
        changes.push(Change::Add(add));
    }
    let remove: Vec<String> = wanted.remove.iter().filter(|user| now.contains(user)).cloned().collect();
    if !remove.is_empty() {
        changes.push(Change::Remove(remove, false));
    }
    changes
}

fn failed_changes(changes: &[Change]) -> Map {
    let all: Map = changes.iter().flat_map(Change::values).collect();
    map! { "Failed" => all }
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let (add, remove, members) =
        (names(args.get("addusers")), names(args.get("delusers")), names(args.get("members")));
    if members.is_some() && (add.is_some() || remove.is_some()) {
        let comment = "Error: Conflicting options \"members\" with \"addusers\" and/or \"delusers\" can not be used \
                       together. ";
        return Ok(StateReturn::new(name, None, comment));
    }
    let wanted = Wanted {
        gid: args.get("gid").clone(),
        add: add.unwrap_or_default(),
        remove: remove.unwrap_or_default(),
        members,
    };
    if wanted.add.iter().any(|user| wanted.remove.contains(user)) {
        let comment = "Error. Same user(s) can not be added and deleted simultaneously";
        return Ok(StateReturn::new(name, None, comment));
    }
    let group = info(running, &name)?;
    if group.is_empty() {
        return create(running, args, &name, &wanted);
    }
    let changes = plan(&group, &wanted);
    if changes.is_empty() {
        let comment = format!("Group {name} is present and up to date");
        return Ok(StateReturn::new(name, Some(true), comment));
    }
    let lines: String =
        changes.iter().flat_map(Change::entries).map(|(key, value)| format!("{key}: {value}\n")).collect();
    let mut outcome = StateReturn::new(
        name.as_str(),
        Some(true),
        format!("The following group attributes are set to be changed:\n{lines}"),
    );
    if running.test() {
        outcome.result = None;
        return Ok(outcome);
    }
    for change in &changes {
        apply(running, args, &name, change)?;
    }
    let left = plan(&info(running, &name)?, &wanted);
    if left.is_empty() {
        return Ok(outcome.with(map! { "Final" => "All changes applied successfully" }));
    }
    outcome.result = Some(false);
    outcome.comment += "Some changes could not be applied";
    Ok(outcome.with(failed_changes(&left)))
}

fn apply(running: &Running, args: &Args, name: &str, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Gid(gid) => {
            let non_unique = map! { "non_unique" => args.get("non_unique").clone() };
            let _ = gid;
            running.ask_with("group.chgid", &[name.into(), args.get("gid").clone()], non_unique)?;
        }
        Change::Add(users) => {
            for user in users {
                running.ask("group.adduser", &[name.into(), user.into()])?;
            }
        }
        Change::Remove(users, _) => {
            for user in users {
                running.ask("group.deluser", &[name.into(), user.into()])?;
            }
        }
        Change::Members(users) => {
            running.ask("group.members", &[name.into(), users.join(",").into()])?;
        }
        Change::Invalid => {}
    }
    Ok(())
}

fn create(running: &Running, args: &Args, name: &str, wanted: &Wanted) -> Result<StateReturn, Fault> {
    if running.test() {
        return Ok(StateReturn::new(name, None, format!("Group {name} set to be added")));
    }
    let (gid, non_unique) = (args.get("gid"), args.get("non_unique"));
    let all = running.ask("group.getent", &[])?;
    if !gid.is_null() && !non_unique.truthy() {
        let mut groups = all.as_list().unwrap_or_default().iter();
        if let Some(taken) = groups.find(|group| group.get("gid").is_some_and(|own| own.loosely_equals(gid)))
        {
            let comment = format!(
                "Group {name} is not present but gid {} is already taken by group {}",
                str_of(gid),
                taken.get("name").map(str_of).unwrap_or_default(),
            );
            return Ok(StateReturn::new(name, Some(false), comment));
        }
    }
    let options = map! { "gid" => gid.clone(), "system" => args.get("system").clone(), "non_unique" => non_unique.clone() };
    if !running.ask_with("group.add", &[name.into()], options)?.truthy() {
        return Ok(StateReturn::new(name, Some(false), format!("Failed to create new group {name}")));
    }
    let members =
        if wanted.add.is_empty() { wanted.members.clone().unwrap_or_default() } else { wanted.add.clone() };
    if !members.is_empty() {
        running.ask("group.members", &[name.into(), members.join(",").into()])?;
    }
    let group = info(running, name)?;
    let left = plan(&group, wanted);
    if left.is_empty() {
        return Ok(StateReturn::new(name, Some(true), format!("New group {name} created")).with(group));
    }
    let comment = format!("Group {name} has been created but, some changes could not be applied");
    Ok(StateReturn::new(name, Some(false), comment).with(failed_changes(&left)))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    if info(running, &name)?.is_empty() {
        return Ok(StateReturn::new(name, Some(true), "Group not present"));
    }
    if running.test() {
        let comment = format!("Group {name} is set for removal");
        return Ok(StateReturn::new(name, None, comment));
    }
    if !running.ask("group.delete", &[name.as_str().into()])?.truthy() {
        let comment = format!("Failed to remove group {name}");
        return Ok(StateReturn::new(name, Some(false), comment));
    }
    let comment = format!("Removed group {name}");
    let changes: Map = [(name.as_str(), "")].into_iter().collect();
    Ok(StateReturn::new(name, Some(true), comment).with(changes))
}
