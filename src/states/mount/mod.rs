//! `mount`: file systems and swap as they should be. Salt: states/mount.py.

mod fstab;
mod mounted;
mod options;
mod unmounted;

use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const CONFIG: Param = opt("config", Default::Str("/etc/fstab"));

const WATCH: State = State::new(
    "mod_watch",
    &[req("name"), opt("user", Default::None), keywords("kwargs")],
    "Mounts it again with its options.",
    watch,
);

pub(super) static STATES: States = States {
    file: "mount",
    provides: "mount",
    available: always,
    functions: &[
        State::new(
            "fstab_absent",
            &[req("name"), req("fs_file"), opt("mount_by", Default::None), CONFIG],
            "The table of file systems has no such entry.",
            fstab::absent,
        ),
        State::new(
            "fstab_present",
            &[
                req("name"),
                req("fs_file"),
                req("fs_vfstype"),
                opt("fs_mntops", Default::Str("defaults")),
                opt("fs_freq", Default::Int(0)),
                opt("fs_passno", Default::Int(0)),
                opt("mount_by", Default::None),
                CONFIG,
                opt("mount", Default::True),
                opt("match_on", Default::Str("auto")),
                opt("not_change", Default::False),
                opt("fs_mount", Default::True),
            ],
            "The table of file systems has this entry; a new one is mounted, too.",
            fstab::present,
        ),
        State::new(
            "mounted",
            &[
                req("name"),
                req("device"),
                req("fstype"),
                opt("mkmnt", Default::False),
                opt("opts", Default::Str("defaults")),
                opt("dump", Default::Int(0)),
                opt("pass_num", Default::Int(0)),
                CONFIG,
                opt("persist", Default::True),
                opt("mount", Default::True),
                opt("user", Default::None),
                opt("match_on", Default::Str("auto")),
                opt("device_name_regex", Default::None),
                opt("extra_mount_invisible_options", Default::None),
                opt("extra_mount_invisible_keys", Default::None),
                opt("extra_mount_ignore_fs_keys", Default::None),
                opt("extra_mount_translate_options", Default::None),
                opt("hidden_opts", Default::None),
                opt("bind_mount_copy_active_opts", Default::True),
                keywords("kwargs"),
            ],
            "A device is mounted at `name`, with these options, now and (`persist`) after the next start.",
            mounted::mounted,
        ),
        State::new(
            "swap",
            &[req("name"), opt("persist", Default::True), CONFIG],
            "Swap is in use, now and (`persist`) after the next start.",
            swap,
        ),
        State::new(
            "unmounted",
            &[
                req("name"),
                opt("device", Default::None),
                CONFIG,
                opt("persist", Default::False),
                opt("user", Default::None),
                keywords("kwargs"),
            ],
            "Nothing is mounted at `name`; with `persist` also not after the next start.",
            unmounted::unmounted,
        ),
    ],
    mod_watch: Some(&WATCH),
    mod_aggregate: None,
};

/// The table: `{place: {device, fstype, opts …}}`.
fn table(running: &Running, config: &str) -> Result<Map, Fault> {
    let table = running.ask("mount.fstab", &[config.into()])?;
    Ok(table.as_map().cloned().unwrap_or_default())
}

fn device_in(table: &Map, place: &str) -> String {
    table.get(place).and_then(|entry| entry.get("device")).map(str_of).unwrap_or_default()
}

/// What became of the entry of the table, at the end of a comment and in the changes.
fn note_entry(ret: &mut StateReturn, done: &str) {
    let (change, text) = match done {
        "present" => ("", ". Entry already exists in the fstab."),
        "new" => ("new", ". Added new entry to the fstab."),
        "change" => ("update", ". Updated the entry in the fstab."),
        _ => return,
    };
    ret.comment += text;
    if let Some(changes) = ret.changes.as_map_mut().filter(|_| !change.is_empty()) {
        changes.insert("persist", change);
    }
}

fn swap(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, config) = (args.str("name")?, args.str("config")?);
    let swaps = || running.ask("mount.swaps", &[]);
    let mut device = name.clone();
    if running.ask("file.is_link", &[name.as_str().into()])?.truthy() {
        device = str_of(&running.ask("file.readlink", &[name.as_str().into()])?);
        if !device.starts_with('/') {
            device = format!("/dev/{}", device.rsplit('/').next().unwrap_or_default());
        }
    }
    let mut on = swaps()?;
    let mut ret = StateReturn::new(name.as_str(), Some(true), "");
    if on.get(&device).is_some() {
        ret.comment = format!("Swap {name} already active");
    } else if running.test() {
        ret.result = None;
        ret.comment = format!("Swap {name} is set to be activated");
    } else {
        running.ask("mount.swapon", &[device.as_str().into()])?;
        on = swaps()?;
        match on.get(&device) {
            Some(stats) => {
                ret.comment = format!("Swap {name} activated");
                ret.changes = stats.clone();
            }
            None => {
                ret.comment = format!("Swap {name} failed to activate");
                ret.result = Some(false);
            }
        }
    }
    if !args.truthy("persist") {
        return Ok(ret);
    }
    let table = table(running, &config)?;
    let is_kept = table.contains(&name)
        || table.values().any(|entry| entry.get("device") == Some(&name.as_str().into()));
    if running.test() {
        if !is_kept {
            ret.result = None;
            if on.get(&name).is_some() {
                ret.comment = format!("Swap {name} is set to be added to the fstab and to be activated");
            }
        }
        return Ok(ret);
    }
    let fstype = table.get("none").and_then(|entry| entry.get("fstype")).and_then(Value::as_str);
    if device_in(&table, "none") == name && fstype != Some("swap") {
        return Ok(ret);
    }
    let entry: [Value; 7] = [
        "none".into(),
        name.into(),
        "swap".into(),
        Value::list(["defaults"]),
        0.into(),
        0.into(),
        config.into(),
    ];
    let done = str_of(&running.ask("mount.set_fstab", &entry)?);
    if done != "present" {
        note_entry(&mut ret, &done);
    }
    Ok(ret)
}

fn watch(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let given = |key: &str| args.keywords.get(key).cloned();
    let answer = |result, comment: String| Ok(StateReturn::new(name.as_str(), Some(result), comment));
    let function = given("sfun").map(|fun| str_of(&fun)).unwrap_or_default();
    if function != "mounted" {
        return answer(true, format!("Watch not supported in {function} at this time"));
    }
    let asked = [
        name.as_str().into(),
        given("device").unwrap_or_default(),
        false.into(),
        given("fstype").unwrap_or_default(),
        given("opts").unwrap_or_else(|| "defaults".into()),
    ];
    let out = running.ask_with("mount.remount", &asked, map! { "user" => args.get("user").clone() })?;
    // Salt quirk (3006, states/mount.py): what the program complains about counts as success, too.
    if out.truthy() {
        answer(true, format!("{name} remounted"))
    } else {
        answer(false, format!("{name} failed to remount: {}", str_of(&out)))
    }
}
