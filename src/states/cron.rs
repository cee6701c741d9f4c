//! `cron`: entries of crontab(1) as they should be. Salt: states/cron.py.

use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const USER: Param = opt("user", Default::Str("root"));

const fn any(name: &'static str) -> Param {
    opt(name, Default::Str("*"))
}

pub(super) static STATES: States = States {
    file: "cron",
    provides: "cron",
    available: |cx| {
        if cx.offers("cron.list_tab") { Ok(()) } else { Err("cron module could not be loaded".to_owned()) }
    },
    functions: &[
        State::new(
            "absent",
            &[
                req("name"),
                USER,
                opt("identifier", Default::False),
                opt("special", Default::None),
                keywords("kwargs"),
            ],
            "There is no such entry.",
            absent,
        ),
        State::new("env_absent", &[req("name"), USER], "There is no such variable in the table.", env_absent),
        State::new(
            "env_present",
            &[req("name"), opt("value", Default::None), USER],
            "There is such a variable in the table.",
            env_present,
        ),
        State::new(
            "file",
            &[
                req("name"),
                opt("source_hash", Default::Str("")),
                opt("source_hash_name", Default::None),
                USER,
                opt("template", Default::None),
                opt("context", Default::None),
                opt("replace", Default::True),
                opt("defaults", Default::None),
                opt("backup", Default::Str("")),
                keywords("kwargs"),
            ],
            "The whole table of a user is what a file (`name`: `salt://…`) holds.",
            file,
        ),
        State::new(
            "present",
            &[
                req("name"),
                USER,
                any("minute"),
                any("hour"),
                any("daymonth"),
                any("month"),
                any("dayweek"),
                opt("comment", Default::None),
                opt("commented", Default::False),
                opt("identifier", Default::False),
                opt("special", Default::None),
            ],
            "There is such an entry; `name` is its command, `identifier` tells it from others.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

const TIMES: [&str; 5] = ["minute", "hour", "daymonth", "month", "dayweek"];

/// How an entry stands to what is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Status {
    Absent,
    Present,
    Update,
}

/// Whether `new` is asked for and is not what is there.
fn needs(old: &Value, new: &Value) -> bool {
    match new {
        Value::Null => false,
        Value::Text(text) if text == "random" => old.as_str() == Some("*"),
        new => !old.loosely_equals(new),
    }
}

/// Whether an entry is the one of a command, or of an identifier where there is one.
fn is_it(entry: &Map, cmd: &str, identifier: Option<&str>) -> bool {
    const NO_ID: &str = "NO ID SET";
    let own = entry.str("identifier").filter(|id| !id.is_empty()).unwrap_or(NO_ID);
    let wanted = identifier.filter(|id| !id.is_empty()).unwrap_or(NO_ID);
    let same = entry.str("cmd") == Some(cmd);
    if !same && own == NO_ID && wanted == NO_ID {
        return false;
    }
    own == wanted || (same && own == NO_ID)
}

fn identifier(args: &Args, name: &str) -> Value {
    match args.get("identifier") {
        Value::Bool(false) => name.into(),
        Value::Null => Value::Null,
        other => str_of(other).into(),
    }
}

/// What is there, for `test=True`. `wanted` maps keys of entries to what they should be.
fn status(table: &Value, special: bool, cmd: &str, id: &Value, wanted: &[(&str, Value)]) -> Status {
    let entries =
        table.get(if special { "special" } else { "crons" }).and_then(Value::as_list).unwrap_or_default();
    let found = entries.iter().filter_map(Value::as_map).find(|entry| is_it(entry, cmd, id.as_str()));
    match found {
        None => Status::Absent,
        Some(entry) => {
            let differs = wanted.iter().any(|(key, new)| needs(entry.get(key).unwrap_or(&Value::Null), new));
            if differs { Status::Update } else { Status::Present }
        }
    }
}

fn announce(name: &str, what: &str, status: Status, removal: bool) -> StateReturn {
    let (result, comment) = match (status, removal) {
        (Status::Absent, false) => (None, format!("{what} {name} is set to be added")),
        (Status::Present, false) => (Some(true), format!("{what} {name} already present")),
        (Status::Update, false) => (None, format!("{what} {name} is set to be updated")),
        (Status::Absent, true) => (Some(true), format!("{what} {name} is absent")),
        (_, true) => (None, format!("{what} {name} is set to be removed")),
    };
    StateReturn::new(name, result, comment)
}

/// What a function of `cron` said.
fn report(name: &str, what: &str, user: &str, said: &Value) -> StateReturn {
    let changes: Map = [(user, name)].into_iter().collect();
    let done = |comment: String| StateReturn::new(name, Some(true), comment);
    match str_of(said).as_str() {
        "present" => done(format!("{what} {name} already present")),
        "absent" => done(format!("{what} {name} already absent")),
        "new" => done(format!("{what} {name} added to {user}'s crontab")).with(changes),
        "updated" => done(format!("{what} {name} updated")).with(changes),
        "removed" => done(format!("{what} {name} removed from {user}'s crontab")).with(changes),
        _ => StateReturn::new(name, Some(false), ""),
    }
}

fn failed(name: &str, what: &str, user: &str, said: &Value, glue: &str) -> StateReturn {
    let comment = format!("{what} {name} for user {user} failed to commit with error {glue}{}", str_of(said));
    StateReturn::new(name, Some(false), comment)
}

fn or_failed(name: &str, what: &str, user: &str, said: &Value, glue: &str) -> StateReturn {
    let outcome = report(name, what, user, said);
    if outcome.result == Some(false) { failed(name, what, user, said, glue) } else { outcome }
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?.trim().to_owned(), args.str("user")?);
    let id = identifier(args, &name);
    let special = args.get("special");
    if running.test() {
        let table = running.ask("cron.list_tab", &[user.as_str().into()])?;
        let mut wanted: Vec<(&str, Value)> = vec![
            ("identifier", id.clone()),
            ("cmd", name.as_str().into()),
            ("comment", args.get("comment").clone()),
            ("commented", (args.get("commented").as_bool() == Some(true)).into()),
        ];
        if special.is_null() {
            wanted.extend(TIMES.map(|key| (key, str_of(args.get(key)).to_lowercase().into())));
        } else {
            wanted.push(("spec", special.clone()));
        }
        return Ok(announce(&name, "Cron", status(&table, !special.is_null(), &name, &id, &wanted), false));
    }
    let mut options = map! {
        "user" => user.as_str(),
        "cmd" => name.as_str(),
        "comment" => args.get("comment").clone(),
        "commented" => args.get("commented").clone(),
        "identifier" => id,
    };
    let said = if special.is_null() {
        options.extend(TIMES.map(|key| (key, args.get(key).clone())));
        running.ask_with("cron.set_job", &[], options)?
    } else {
        options.insert("special", special.clone());
        running.ask_with("cron.set_special", &[], options)?
    };
    Ok(or_failed(&name, "Cron", &user, &said, "\n"))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?.trim().to_owned(), args.str("user")?);
    let id = identifier(args, &name);
    let special = args.get("special");
    if running.test() {
        let table = running.ask("cron.list_tab", &[user.as_str().into()])?;
        // Salt looks among the entries with times, also for `special`; ours looks where the real run does.
        return Ok(announce(&name, "Cron", status(&table, !special.is_null(), &name, &id, &[]), true));
    }
    let args = [user.as_str().into(), name.as_str().into()];
    let said = if special.is_null() {
        running.ask_with("cron.rm_job", &args, map! { "identifier" => id })?
    } else {
        running.ask_with(
            "cron.rm_special",
            &args,
            map! { "special" => special.clone(), "identifier" => id },
        )?
    };
    Ok(or_failed(&name, "Cron", &user, &said, ""))
}

fn env_status(running: &Running, user: &str, name: &str, value: &Value) -> Result<Status, Fault> {
    let table = running.ask("cron.list_tab", &[user.into()])?;
    let wanted = if value.is_null() { String::new() } else { str_of(value) };
    let all = table.get("env").and_then(Value::as_list).unwrap_or_default();
    let found = all.iter().find(|env| env.get("name").and_then(Value::as_str) == Some(name));
    Ok(match found {
        None => Status::Absent,
        Some(env) if env.get("value").map(str_of).unwrap_or_default() == wanted => Status::Present,
        Some(_) => Status::Update,
    })
}

fn env_present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?, args.str("user")?);
    if running.test() {
        return Ok(announce(&name, "Cron env", env_status(running, &user, &name, args.get("value"))?, false));
    }
    let options = map! { "value" => args.get("value").clone() };
    let said = running.ask_with("cron.set_env", &[user.as_str().into(), name.as_str().into()], options)?;
    Ok(or_failed(&name, "Cron env", &user, &said, "\n"))
}

fn env_absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?.trim().to_owned(), args.str("user")?);
    if running.test() {
        return Ok(announce(&name, "Cron env", env_status(running, &user, &name, &Value::Null)?, true));
    }
    let said = running.ask("cron.rm_env", &[user.as_str().into(), name.as_str().into()])?;
    Ok(or_failed(&name, "Cron env", &user, &said, ""))
}

/// Salt manages a copy of the table as any file, and installs it where that changed.
fn file(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?, args.str("user")?);
    let failed = |comment: String| Ok(StateReturn::new(name.as_str(), Some(false), comment));
    let account = running.ask("user.info", &[user.as_str().into()]).unwrap_or_default();
    let groups = account.get("groups").and_then(Value::as_list).unwrap_or_default();
    let Some(group) = groups.first() else {
        return failed(format!("Could not identify group for user {user}"));
    };
    // Salt quirk: the copy is never empty, so every user has a table.
    if !args.truthy("replace") {
        let comment = format!("User {user} already has a crontab. No changes made");
        return Ok(StateReturn::new(name.as_str(), Some(true), comment));
    }
    let mut table = str_of(&running.ask("cron.raw_cron", &[user.as_str().into()])?);
    if !table.ends_with('\n') {
        table.push('\n');
    }
    let random = crate::crypt::digest::hex(&crate::crypt::random::bytes::<8>());
    let copy = std::env::temp_dir().join(format!("__salt.tmp.{random}"));
    crate::host::write_atomic(&copy, table.as_bytes(), 0o600, crate::host::FileOwner::default())
        .map_err(|error| Fault::os(&error, &copy.to_string_lossy()))?;
    let managed = from_file(running, args, &copy.to_string_lossy(), group);
    let _ = std::fs::remove_file(&copy);
    managed
}

fn from_file(running: &Running, args: &Args, copy: &str, group: &Value) -> Result<StateReturn, Fault> {
    let (name, user) = (args.str("name")?, args.str("user")?);
    let failed = |fault: &Fault| {
        let text = match fault {
            Fault::Execution { text, .. } | Fault::Invocation(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(StateReturn::new(name.as_str(), Some(false), format!("Unable to manage file: {text}")))
    };
    let saltenv = running.low.get("__env__").cloned().unwrap_or_else(|| "base".into());
    let mut options = args.keywords.clone();
    options.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    options.extend(map! {
        "name" => copy,
        "user" => user.as_str(),
        "group" => group.clone(),
        "mode" => "0600",
        "attrs" => Value::List(Vec::new()),
        "saltenv" => saltenv.clone(),
    });
    let mut looked_for = options.clone();
    for key in ["source_hash_name", "template", "context", "defaults"] {
        looked_for.insert(key, args.get(key).clone());
    }
    let mut source = name.as_str().into();
    looked_for.insert("source_hash", args.get("source_hash").clone());
    if running.test() {
        looked_for.insert("source", source);
        let said = running.ask_with("file.check_managed", &[], looked_for)?;
        let said = said.as_list().unwrap_or_default();
        let comment = said.get(1).map(str_of).unwrap_or_default();
        return Ok(StateReturn::new(name, said.first().and_then(Value::as_bool), comment));
    }
    let found = running.ask("file.source_list", &[source, args.get("source_hash").clone(), saltenv])?;
    let part = |value: &Value, at: usize| {
        value.as_list().and_then(|parts| parts.get(at)).cloned().unwrap_or_default()
    };
    source = part(&found, 0);
    looked_for.insert("source", source.clone());
    looked_for.insert("source_hash", part(&found, 1));
    let got = match running.ask_with("file.get_managed", &[], looked_for) {
        Ok(got) => got,
        Err(fault) => return failed(&fault),
    };
    let problem = part(&got, 2);
    if problem.truthy() {
        return Ok(StateReturn::new(name, Some(false), str_of(&problem)));
    }
    options.retain(|key, _| !matches!(key.as_str(), Some("replace" | "contents")));
    options.extend(map! {
        "sfn" => part(&got, 0),
        "ret" => map! { "name" => name.as_str(), "changes" => Map::new(), "comment" => "", "result" => true },
        "source" => source,
        "source_sum" => part(&got, 1),
        "backup" => args.get("backup").clone(),
    });
    let managed = match running.ask_with("file.manage_file", &[], options) {
        Ok(managed) => managed,
        Err(fault) => return failed(&fault),
    };
    let changes = managed.get("changes").cloned().unwrap_or_default();
    if changes.get("diff").is_none() {
        if managed.get("result").is_some_and(Value::truthy) {
            let comment = format!("Crontab for user {user} is in the correct state");
            return Ok(StateReturn::new(name, Some(true), comment));
        }
        let comment = managed.get("comment").map(str_of).unwrap_or_default();
        return Ok(StateReturn::new(name, Some(false), comment).with(changes));
    }
    let done = running.ask("cron.write_cron_file_verbose", &[user.as_str().into(), copy.into()])?;
    if done.get("retcode").and_then(Value::as_int) == Some(0) {
        let comment = format!("Crontab for user {user} was updated");
        return Ok(StateReturn::new(name, Some(true), comment).with(changes));
    }
    let error = done.get("stderr").map(str_of).unwrap_or_default();
    let comment = format!("Unable to update user {user} crontab {copy}. Error: {error}");
    Ok(StateReturn::new(name, Some(false), comment))
}
