//! `user`: accounts as they should be. Salt: states/user.py.

use std::collections::BTreeMap;
use std::path::Path;

use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value, repr, sort, str_of};

const fn none(name: &'static str) -> Param {
    opt(name, Default::None)
}

pub(super) static STATES: States = States {
    file: "user",
    provides: "user",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[req("name"), opt("purge", Default::False), opt("force", Default::False)],
            "There is no such user; `purge` removes the home directory too, `force` also who is logged in.",
            absent,
        ),
        State::new(
            "present",
            &[
                req("name"),
                none("uid"),
                none("gid"),
                none("usergroup"),
                none("groups"),
                none("optional_groups"),
                opt("remove_groups", Default::True),
                none("home"),
                opt("createhome", Default::True),
                opt("persist_home", Default::False),
                none("password"),
                opt("hash_password", Default::False),
                opt("enforce_password", Default::True),
                opt("empty_password", Default::False),
                none("shell"),
                opt("unique", Default::True),
                opt("system", Default::False),
                none("fullname"),
                none("roomnumber"),
                none("workphone"),
                none("homephone"),
                none("other"),
                none("loginclass"),
                none("date"),
                none("mindays"),
                none("maxdays"),
                none("inactdays"),
                none("warndays"),
                none("expire"),
                none("win_homedrive"),
                none("win_profile"),
                none("win_logonscript"),
                none("win_description"),
                opt("nologinit", Default::False),
                opt("allow_uid_change", Default::False),
                opt("allow_gid_change", Default::False),
                none("password_lock"),
            ],
            "There is such a user, with these properties.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

const REDACTED: &str = "XXX-REDACTED-XXX";

/// `(argument, key of shadow.info, words of a failure)`, each set by `shadow.set_<argument>`.
const AGES: [(&str, &str, &str); 6] = [
    ("date", "lstchg", "last change date"),
    ("mindays", "min", "minimum days"),
    ("maxdays", "max", "maximum days"),
    ("inactdays", "inact", "inactive days"),
    ("warndays", "warn", "warn days"),
    ("expire", "expire", "expire days"),
];
const GECOS: [&str; 5] = ["fullname", "roomnumber", "workphone", "homephone", "other"];

/// What the state asks for, read from its arguments.
struct Wanted<'a> {
    args: &'a Args,
    name: String,
    gid: Value,
    groups: Option<Vec<String>>,
    optional_groups: Vec<String>,
    password: Option<String>,
    gecos: Vec<(&'static str, String)>,
}

/// What is there.
struct Found {
    user: Map,
    shadow: Map,
    /// Numbers of all groups that matter.
    gids: BTreeMap<String, Value>,
    /// The primary group as wanted, and as it is.
    primary: String,
    old_primary: String,
    wanted_gid: Value,
    home_is_there: bool,
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

fn info(running: &Running, fun: &str, name: &str) -> Result<Map, Fault> {
    Ok(running.ask(fun, &[name.into()])?.as_map().cloned().unwrap_or_default())
}

fn inspect(running: &Running, wanted: &Wanted) -> Result<Option<Found>, Fault> {
    let shadow = info(running, "shadow.info", &wanted.name)?;
    let user = info(running, "user.info", &wanted.name)?;
    if user.is_empty() {
        return Ok(None);
    }
    let number = |group: &Value| running.ask("file.group_to_gid", std::slice::from_ref(group));
    let group_name =
        |gid: &Value| running.ask("file.gid_to_group", std::slice::from_ref(gid)).map(|name| str_of(&name));
    let mut gids = BTreeMap::new();
    let own = names(user.get("groups").unwrap_or(&Value::Null));
    for group in own.iter().chain(wanted.groups.iter().flatten()).chain(&wanted.optional_groups) {
        gids.insert(group.clone(), number(&group.as_str().into())?);
    }
    let gid = user.get("gid").cloned().unwrap_or_default();
    let home = match wanted.args.get("home") {
        home if home.truthy() => Some(str_of(home)),
        _ => user.str("home").map(str::to_owned),
    };
    Ok(Some(Found {
        gids,
        primary: group_name(if wanted.gid.is_null() { &gid } else { &wanted.gid })?,
        old_primary: group_name(&gid)?,
        wanted_gid: if wanted.gid.is_null() { Value::Null } else { number(&wanted.gid)? },
        home_is_there: home.is_none_or(|home| Path::new(&home).is_dir()),
        user,
        shadow,
    }))
}

impl Found {
    /// The groups of the user that are the same as `name`: its own name, or all that share its number.
    fn aliases(&self, groups: &[String], name: &str) -> Vec<String> {
        let same =
            |group: &&String| self.gids.contains_key(*group) && self.gids.get(*group) == self.gids.get(name);
        let shared: Vec<String> = groups.iter().filter(same).cloned().collect();
        if shared.len() > 1 { shared } else { vec![name.to_owned()] }
    }

    /// The groups to set, if they are not as wanted: without the primary one.
    fn groups(&self, wanted: &Wanted) -> Option<Vec<String>> {
        let own = names(self.user.get("groups").unwrap_or(&Value::Null));
        let remove = wanted.args.truthy("remove_groups");
        let mut asked =
            sort::into_set(wanted.groups.iter().flatten().chain(&wanted.optional_groups).cloned());
        if !remove || (wanted.groups.is_none() && wanted.optional_groups.is_empty()) {
            asked.extend(own.iter().cloned());
        }
        let mut now = sort::into_set(own.iter().cloned());
        if now.contains(&self.primary) || asked.contains(&self.primary) {
            for group in self.aliases(&own, &self.primary) {
                now.remove(&group);
                asked.remove(&group);
            }
        }
        if self.old_primary != self.primary && now.contains(&self.old_primary) {
            for group in self.aliases(&own, &self.old_primary) {
                now.remove(&group);
            }
        }
        if now.contains(&wanted.name) && !asked.contains(&wanted.name) {
            for group in self.aliases(&own, &wanted.name) {
                now.remove(&group);
            }
        }
        if now == asked || (!remove && asked.is_subset(&now)) {
            return None;
        }
        let all = sort::into_set(now.union(&asked));
        let differ: Vec<&String> = if remove {
            asked.symmetric_difference(&now).collect()
        } else {
            asked.difference(&now).collect()
        };
        // A group that another name has the number of makes no difference.
        let counts = |group: &&String| {
            !all.iter().any(|other| *other != *group && self.gids.get(*other) == self.gids.get(*group))
        };
        let matters = differ.into_iter().any(|group| counts(&group));
        (matters && (!asked.is_empty() || remove)).then(|| asked.into_iter().collect())
    }
}

/// What has to change: attribute names with their new values. Pure.
///
/// # Errors
/// The texts of changes that were not allowed.
fn plan(found: &Found, wanted: &Wanted, any_ids: bool) -> Result<Map, Vec<String>> {
    let args = wanted.args;
    let mut change = Map::new();
    let user = |key: &str| found.user.get(key).unwrap_or(&Value::Null);
    let shadow = |key: &str| found.shadow.get(key).unwrap_or(&Value::Null);
    let differs = |now: &Value, value: &Value| !now.loosely_equals(value);
    if args.truthy("uid") && differs(user("uid"), args.get("uid")) {
        change.insert("uid", args.get("uid").clone());
    }
    if !wanted.gid.is_null() && differs(user("gid"), &wanted.gid) && differs(user("gid"), &found.wanted_gid) {
        change.insert("gid", wanted.gid.clone());
    }
    if let Some(groups) = found.groups(wanted) {
        change.insert("groups", Value::list(groups));
    }
    let home = args.get("home");
    if home.truthy() && differs(user("home"), home) {
        change.insert("home", home.clone());
    }
    if args.truthy("createhome") && !found.home_is_there {
        change.insert("homeDoesNotExist", if home.truthy() { home } else { user("home") }.clone());
    }
    if args.truthy("shell") && differs(user("shell"), args.get("shell")) {
        change.insert("shell", args.get("shell").clone());
    }
    let hash = found.shadow.str("passwd").unwrap_or_default();
    let empty = args.truthy("empty_password");
    if let Some(password) = wanted.password.as_ref().filter(|password| !password.is_empty() && !empty)
        && (hash == "!" || args.truthy("enforce_password"))
        && hash != password
    {
        change.insert("passwd", password);
    }
    if empty && !hash.is_empty() {
        change.insert("empty_password", true);
    }
    for (argument, key, _) in AGES {
        let value = args.get(argument);
        let asked = if argument == "expire" { value.truthy() } else { !value.is_null() };
        if asked && differs(shadow(key), value) {
            change.insert(argument, value.clone());
        }
    }
    let lock = args.get("password_lock");
    if (lock.truthy() && !hash.starts_with('!')) || (lock.as_bool() == Some(false) && hash.starts_with('!')) {
        change.insert("password_lock", lock.clone());
    }
    for (key, value) in &wanted.gecos {
        if user(key).as_str() != Some(value) {
            change.insert(*key, value);
        }
    }
    let mut refused = Vec::new();
    for key in ["uid", "gid"] {
        if let Some(new) =
            change.get(key).filter(|_| !any_ids && !args.truthy(&format!("allow_{key}_change")))
        {
            refused.push(format!(
                "Changing {key} ({} -> {}) not permitted, set allow_{key}_change to True to force this change. Note \
                 that this will not change file ownership.",
                str_of(user(key)),
                str_of(new),
            ));
        }
    }
    if refused.is_empty() { Ok(change) } else { Err(refused) }
}

/// A map of changes as Python prints it, without the hash.
fn shown(change: &Map) -> Map {
    let mut change = change.clone();
    if let Some(hash) = change.get_mut("passwd") {
        *hash = REDACTED.into();
    }
    change
}

/// The hash of a password in clear text, with the salt of the one that is there.
fn hashed(running: &Running, name: &str, password: &str) -> Result<String, Fault> {
    let now = info(running, "shadow.info", name)?;
    let parts: Vec<&str> = now.str("passwd").unwrap_or_default().splitn(5, '$').collect();
    let mut options = Map::new();
    if let [_, kind, salt, _] = parts.as_slice() {
        let algorithm = match *kind {
            "1" => Some("md5"),
            "2a" => Some("blowfish"),
            "5" => Some("sha256"),
            "6" => Some("sha512"),
            _ => None,
        };
        options.insert("crypt_salt", *salt);
        options.insert("algorithm", algorithm);
    }
    Ok(str_of(&running.ask_with("shadow.gen_password", &[password.into()], options)?))
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let failed = |comment: String| Ok(StateReturn::new(name.as_str(), Some(false), comment));
    let mut password = Some(args.get("password")).filter(|value| value.truthy()).map(str_of);
    if args.truthy("hash_password")
        && let Some(text) = &password
    {
        password = Some(hashed(running, &name, text)?);
    }
    let gecos: Vec<(&str, String)> =
        GECOS.into_iter().filter_map(|key| Some((key, str_of(args.given(key)?)))).collect();
    if let Some((_, text)) = gecos
        .iter()
        .find(|(key, text)| ["fullname", "roomnumber", "workphone"].contains(key) && text.contains(','))
    {
        return failed(format!("Unsupported char ',' in {text}"));
    }
    let is_group = |group: &String| Ok::<_, Fault>(!info(running, "group.info", group)?.is_empty());
    let groups = args.given("groups").map(names);
    let mut missing = Vec::new();
    for group in groups.iter().flatten() {
        if !is_group(group)? {
            missing.push(group.clone());
        }
    }
    if !missing.is_empty() {
        return failed(format!("The following group(s) are not present: {}", missing.join(",")));
    }
    let mut optional_groups = Vec::new();
    for group in names(args.get("optional_groups")) {
        if is_group(&group)? {
            optional_groups.push(group);
        }
    }
    let has_own_group = args.truthy("usergroup")
        && running.ask("file.group_to_gid", &[name.as_str().into()])?.as_str() != Some("");
    let gid = if has_own_group { name.as_str().into() } else { args.get("gid").clone() };
    let mut wanted = Wanted { args, name: name.clone(), gid, groups, optional_groups, password, gecos };
    let Some(found) = inspect(running, &wanted)? else { return add(running, &wanted) };
    let change = match plan(&found, &wanted, false) {
        Ok(change) => change,
        Err(refused) => {
            let lines: Vec<String> = refused.iter().map(|line| format!("\n- {line}")).collect();
            let head = "Encountered error checking for needed changes. Additional info follows:\n";
            return failed(format!("{head}{}", lines.concat()));
        }
    };
    if change.is_empty() {
        return Ok(StateReturn::new(
            name.as_str(),
            Some(true),
            format!("User {name} is present and up to date"),
        ));
    }
    if running.test() {
        let lines: String = shown(&change)
            .iter()
            .map(|(key, value)| format!("{}: {}\n", str_of(key), str_of(value)))
            .collect();
        let comment = format!("The following user attributes are set to be changed:\n{lines}");
        return Ok(StateReturn::new(name.as_str(), None, comment));
    }
    apply(running, &wanted, &found, change)?;
    let comment = format!("User {name} is present and up to date");
    let mut outcome = StateReturn::new(name.as_str(), Some(true), comment);
    wanted.gid = args.get("gid").clone();
    let after = inspect(running, &wanted)?;
    let mut changes = Map::new();
    if let Some(after) = &after {
        collect(&mut changes, &found.user, &after.user);
        if found.shadow.str("passwd") != wanted.password.as_deref() {
            let mut shadow = Map::new();
            collect(&mut shadow, &found.shadow, &after.shadow);
            // `passwd` of user.info is no secret, that of shadow.info is.
            changes.extend(shown(&shadow));
        }
    }
    if !changes.is_empty() {
        outcome.comment = format!("Updated user {name}");
    }
    let left = match &after {
        Some(after) => plan(after, &wanted, true).unwrap_or_default(),
        None => Map::new(),
    };
    if !left.is_empty() {
        outcome.comment = format!("These values could not be changed: {}", repr(&shown(&left).into()));
        outcome.result = Some(false);
    }
    Ok(outcome.with(changes))
}

/// What is otherwise than before.
fn collect(changes: &mut Map, before: &Map, after: &Map) {
    for (key, value) in after.iter().filter(|(key, value)| before.get_value(key) != Some(value)) {
        changes.insert(key.clone(), value.clone());
    }
}

fn apply(running: &Running, wanted: &Wanted, found: &Found, mut change: Map) -> Result<(), Fault> {
    let args = wanted.args;
    let name: Value = wanted.name.as_str().into();
    let set = |fun: &str, more: &[Value]| {
        let all: Vec<Value> = std::iter::once(&name).chain(more).cloned().collect();
        running.ask(fun, &all)
    };
    if let Some(hash) = change.remove("passwd") {
        set("shadow.set_password", &[hash])?;
    }
    if change.remove("empty_password").is_some() {
        set("shadow.del_password", &[])?;
    }
    if let Some(lock) = change.remove("password_lock") {
        set(if lock.truthy() { "shadow.lock_password" } else { "shadow.unlock_password" }, &[])?;
    }
    if let Some(date) = change.remove("date") {
        set("shadow.set_date", &[date])?;
    }
    let move_home = |home: &Value| {
        let persist = map! { "persist" => args.get("persist_home").clone() };
        running.ask_with("user.chhome", &[name.clone(), home.clone()], persist)
    };
    let home = change.remove("home");
    match change.remove("homeDoesNotExist") {
        Some(home) => {
            move_home(&home)?;
            if !Path::new(&str_of(&home)).is_dir() {
                let owner = |key: &str| found.user.get(key).cloned().unwrap_or_default();
                running.ask("file.mkdir", &[home, owner("uid"), owner("gid"), 0o755.into()])?;
            }
        }
        None => {
            if let Some(home) = home {
                move_home(&home)?;
            }
        }
    }
    for (argument, ..) in AGES {
        if let Some(value) = change.remove(argument) {
            set(&format!("shadow.set_{argument}"), &[value])?;
        }
    }
    let groups = change.remove("groups");
    for (key, value) in change {
        set(&format!("user.ch{}", str_of(&key)), &[value])?;
    }
    if let Some(groups) = groups {
        set("user.chgroups", &[groups, (!args.truthy("remove_groups")).into()])?;
    }
    Ok(())
}

fn add(running: &Running, wanted: &Wanted) -> Result<StateReturn, Fault> {
    let (args, name) = (wanted.args, &wanted.name);
    if running.test() {
        return Ok(StateReturn::new(name, None, format!("User {name} set to be added")));
    }
    let mut params = map! { "name" => name };
    for key in [
        "uid",
        "gid",
        "home",
        "shell",
        "unique",
        "system",
        "createhome",
        "nologinit",
        "loginclass",
        "usergroup",
    ] {
        params.insert(key, args.get(key).clone());
    }
    for key in GECOS {
        let text = wanted.gecos.iter().find(|(own, _)| *own == key).map(|(_, text)| text.as_str());
        params.insert(key, text);
    }
    let groups: Vec<&String> = wanted.groups.iter().flatten().chain(&wanted.optional_groups).collect();
    let unasked = groups.is_empty() && wanted.groups.is_none();
    params.insert("groups", if unasked { Value::Null } else { Value::list(groups) });
    let added = running.ask_with("user.add", &[], params)?;
    if added.as_bool() != Some(true) {
        let comment = match added {
            Value::Text(text) => text,
            _ => format!("Failed to create new user {name}"),
        };
        return Ok(StateReturn::new(name, Some(false), comment));
    }
    let mut changes = info(running, "user.info", name)?;
    if !args.truthy("createhome") {
        changes.insert("home", "");
    }
    let mut outcome = StateReturn::new(name, Some(true), format!("New user {name} created"));
    set_up_shadow(running, wanted, &mut outcome, &mut changes)?;
    Ok(outcome.with(changes))
}

/// Password and ages of a new account.
fn set_up_shadow(
    running: &Running,
    wanted: &Wanted,
    outcome: &mut StateReturn,
    changes: &mut Map,
) -> Result<(), Fault> {
    let (args, name) = (wanted.args, &wanted.name);
    let mut fail = |text: String| {
        outcome.comment = format!("User {name} created but failed to {text}");
        outcome.result = Some(false);
    };
    let after = || info(running, "shadow.info", name);
    let empty = args.truthy("empty_password");
    if let Some(password) = wanted.password.as_ref().filter(|_| !empty) {
        running.ask("shadow.set_password", &[name.into(), password.into()])?;
        if after()?.str("passwd") != Some(password) {
            fail(format!("set password to {REDACTED}"));
        }
        changes.insert("password", REDACTED);
    }
    if empty && wanted.password.is_none() {
        running.ask("shadow.del_password", &[name.into()])?;
        if after()?.str("passwd") != Some("") {
            fail("empty password".to_owned());
        }
        changes.insert("password", "");
    }
    for (argument, key, words) in AGES {
        let value = args.get(argument);
        if value.is_null() || (argument != "date" && !value.truthy()) {
            continue;
        }
        running.ask(&format!("shadow.set_{argument}"), &[name.into(), value.clone()])?;
        if !after()?.get(key).is_some_and(|now| now.loosely_equals(value)) {
            fail(format!("set {words} to {}", str_of(value)));
        }
        changes.insert(argument, value.clone());
    }
    Ok(())
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    if info(running, "user.info", &name)?.is_empty() {
        return Ok(StateReturn::new(name.as_str(), Some(true), format!("User {name} is not present")));
    }
    if running.test() {
        return Ok(StateReturn::new(name.as_str(), None, format!("User {name} set for removal")));
    }
    let before = names(&running.ask("user.list_groups", &[name.as_str().into()])?);
    let flags = [name.as_str().into(), args.get("purge").clone(), args.get("force").clone()];
    if !running.ask("user.delete", &flags)?.truthy() {
        return Ok(StateReturn::new(name.as_str(), Some(false), format!("Failed to remove user {name}")));
    }
    let mut changes = Map::new();
    for group in before {
        if info(running, "group.info", &group)?.is_empty() {
            changes.insert(format!("{group} group"), "removed");
        }
    }
    changes.insert(name.as_str(), "removed");
    Ok(StateReturn::new(name.as_str(), Some(true), format!("Removed user {name}")).with(changes))
}
