//! `blockdev`: block devices as they should be. Salt: states/blockdev.py.

use std::path::Path;
use std::time::Duration;

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, always, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "blockdev",
    provides: "blockdev",
    available: always,
    functions: &[
        State::new(
            "formatted",
            &[
                req("name"),
                opt("fs_type", Default::Str("ext4")),
                opt("force", Default::False),
                keywords("kwargs"),
            ],
            "The device has such a file system.",
            formatted,
        ),
        State::new("tuned", &[req("name"), keywords("kwargs")], "The device has these settings.", tuned),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// Settings of the state, and what `blockdev` calls them.
const SETTINGS: [(&str, &str); 4] = [
    ("read-ahead", "getra"),
    ("filesystem-read-ahead", "getfra"),
    ("read-only", "getro"),
    ("read-write", "getro"),
];

fn own_words(args: &Args) -> Map {
    let is_own = |key: &Value| !key.as_str().is_some_and(|key| key.starts_with("__"));
    args.keywords
        .iter()
        .filter(|(key, _)| is_own(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// What differs between two looks at a device. Pure.
fn differences(wanted: &Map, before: &Value, after: &Value) -> Map {
    let mut changes = Map::new();
    for (key, value) in wanted {
        let Some((name, switch)) = SETTINGS.iter().find(|(name, _)| Some(*name) == key.as_str()) else {
            continue;
        };
        let (old, new) = (before.get(switch).map(str_of), after.get(switch).map(str_of));
        if old == new {
            continue;
        }
        let shown = |text: Option<String>| {
            let text = text.unwrap_or_default();
            match (matches!(value, Value::Bool(_)), *name == "read-write") {
                (true, turned) => str_of(&Value::Bool((text == "1") != turned)),
                (false, true) => str_of(&Value::Bool(text.is_empty())),
                (false, false) => text,
            }
        };
        changes.insert(*name, format!("Changed from {} to {}", shown(old), shown(new)));
    }
    changes
}

fn tuned(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let answer = |result, comment: String| StateReturn::new(name.as_str(), result, comment);
    if !running.ask("file.is_blkdev", &[name.as_str().into()])?.truthy() {
        return Ok(answer(Some(false), format!("Changes to {name} cannot be applied. Not a block device.")));
    }
    if running.test() {
        return Ok(answer(None, format!("Changes to {name} will be applied ")));
    }
    let wanted = own_words(args);
    let before = running.ask("disk.dump", &[name.as_str().into()])?;
    let after = running.ask_with("disk.tune", &[name.as_str().into()], wanted.clone())?;
    if !after.truthy() {
        return Ok(answer(Some(false), format!("Failed to modify block device {name}")));
    }
    let changes = differences(&wanted, &before, &after);
    Ok(if changes.is_empty() {
        answer(Some(true), format!("Block device {name} already in correct state"))
    } else {
        answer(Some(true), format!("Block device {name} successfully modified ")).with(changes)
    })
}

fn file_system(running: &Running, name: &str) -> Result<String, Fault> {
    let words = Value::list(["blkid", "-o", "value", "-s", "TYPE", name]);
    let said = running.ask_with("cmd.run", &[words], map! { "ignore_retcode" => true })?;
    Ok(str_of(&said))
}

fn formatted(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    const LOOKS: usize = 10;
    let (name, kind) = (args.str("name")?, args.str("fs_type")?);
    let answer = |result, comment: String| StateReturn::new(name.as_str(), result, comment);
    if !Path::new(&name).exists() {
        return Ok(answer(Some(false), format!("{name} does not exist")));
    }
    let before = file_system(running, &name)?;
    if before == kind {
        return Ok(answer(Some(true), format!("{name} already formatted with {kind}")));
    }
    if running.which(&format!("mkfs.{kind}")).is_none() {
        return Ok(answer(Some(false), format!("Invalid fs_type: {kind}")));
    }
    if running.test() {
        return Ok(answer(None, format!("Changes to {name} will be applied ")));
    }
    let mut asked = map! { "force" => args.get("force").clone() };
    asked.extend(own_words(args));
    running.ask_with("disk.format", &[name.as_str().into(), kind.as_str().into()], asked)?;
    for _ in 0..LOOKS {
        let now = file_system(running, &name)?;
        if now == kind {
            // Salt quirk (3006, states/blockdev.py): what is called old is what is there now.
            let changes = map! { "new" => kind.as_str(), "old" => now };
            return Ok(answer(Some(true), format!("{name} has been formatted with {kind}")).with(changes));
        }
        if !now.is_empty() {
            break;
        }
        running.host.sleep(Duration::from_secs(3));
    }
    Ok(answer(Some(false), format!("Failed to format {name}")))
}
