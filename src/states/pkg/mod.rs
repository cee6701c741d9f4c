//! `pkg`: packages as they should be, whichever program manages them. Salt: states/pkg.py.

mod aggregate;
mod compare;
mod downloaded;
mod group;
mod held;
mod installed;
mod latest;
mod patch;
mod removed;
mod targets;
mod uptodate;

use std::fs;
use std::path::Path;

use super::beacon::MOD_BEACON;
use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, keywords, opt, req};
use crate::value::{Map, Value, str_of};

const fn none(name: &'static str) -> Param {
    opt(name, Default::None)
}

const REMOVE: &[Param] = &[
    req("name"),
    none("version"),
    none("pkgs"),
    opt("normalize", Default::True),
    none("ignore_epoch"),
    keywords("kwargs"),
];

static WATCH: State = State::new(
    "mod_watch",
    &[req("name"), keywords("kwargs")],
    "Runs the state again when something that it watches has changed.",
    watch,
);

pub(super) static STATES: States = States {
    file: "pkg",
    provides: "pkg",
    available: |cx| {
        if cx.offers("pkg.install") { Ok(()) } else { Err("pkg module could not be loaded".to_owned()) }
    },
    functions: &[
        State::new(
            "downloaded",
            &[
                req("name"),
                none("version"),
                none("pkgs"),
                none("fromrepo"),
                none("ignore_epoch"),
                keywords("kwargs"),
            ],
            "Packages are downloaded, not installed.",
            downloaded::downloaded,
        ),
        State::new(
            "group_installed",
            &[req("name"), none("skip"), none("include"), keywords("kwargs")],
            "The packages of a group are installed, without those in `skip` and with those in `include`.",
            group::installed,
        ),
        State::new(
            "held",
            &[req("name"), none("version"), none("pkgs"), opt("replace", Default::False), keywords("kwargs")],
            "Packages stay as they are; `replace` lets all others go.",
            held::held,
        ),
        State::new(
            "installed",
            &[
                req("name"),
                none("version"),
                none("refresh"),
                none("fromrepo"),
                opt("skip_verify", Default::False),
                opt("skip_suggestions", Default::False),
                none("pkgs"),
                none("sources"),
                opt("allow_updates", Default::False),
                opt("pkg_verify", Default::False),
                opt("normalize", Default::True),
                none("ignore_epoch"),
                opt("reinstall", Default::False),
                opt("update_holds", Default::False),
                keywords("kwargs"),
            ],
            "Packages are installed: one (`name`, `version`), several (`pkgs`) or from files (`sources`).",
            installed::installed,
        ),
        State::new(
            "latest",
            &[
                req("name"),
                none("refresh"),
                none("fromrepo"),
                opt("skip_verify", Default::False),
                none("pkgs"),
                opt("watch_flags", Default::True),
                keywords("kwargs"),
            ],
            "Packages are installed in the newest version.",
            latest::latest,
        ),
        MOD_BEACON,
        State::new(
            "patch_downloaded",
            &[req("name"), none("advisory_ids"), keywords("kwargs")],
            "What advisories call for is downloaded, not installed.",
            |running, args| patch::installed(running, args, true),
        ),
        State::new(
            "patch_installed",
            &[req("name"), none("advisory_ids"), none("downloadonly"), keywords("kwargs")],
            "What advisories call for is installed.",
            |running, args| patch::installed(running, args, false),
        ),
        State::new("purged", REMOVE, "Packages and their configuration are not there.", |running, args| {
            removed::state(running, args, "purge")
        }),
        State::new("removed", REMOVE, "Packages are not installed.", |running, args| {
            removed::state(running, args, "remove")
        }),
        State::new(
            "unheld",
            &[req("name"), none("version"), none("pkgs"), opt("all", Default::False), keywords("kwargs")],
            "Packages may change; `all` means every one.",
            held::unheld,
        ),
        State::new(
            "uptodate",
            &[req("name"), opt("refresh", Default::False), none("pkgs"), keywords("kwargs")],
            "All packages are as new as they can be.",
            uptodate::uptodate,
        ),
    ],
    mod_watch: Some(&WATCH),
    mod_aggregate: Some(aggregate::aggregate),
};

fn watch(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut kwargs = args.keywords.clone();
    let fun = kwargs.remove("sfun").map(|fun| str_of(&fun)).unwrap_or_default();
    kwargs.insert("name", args.get("name").clone());
    let known = ["installed", "latest", "purged", "removed"];
    match STATES.functions.iter().find(|state| state.name == fun && known.contains(&state.name)) {
        Some(state) => (state.run)(running, &state.bind(kwargs)?),
        None => {
            let comment = format!("pkg.{fun} does not work with the watch requisite");
            Ok(StateReturn::new(args.get("name").clone(), Some(false), comment))
        }
    }
}

/// Whether the package lists have to be read first: once in a run, before the first state that installs.
fn has_to_refresh(running: &Running, refresh: &Value) -> bool {
    const BEGUN: &str = "pkg.mod_init";
    let mark = Path::new(running.opt_str("cachedir")).join("pkg_refresh");
    if !running.memory.borrow().contains(BEGUN) {
        running.memory.borrow_mut().insert(BEGUN, true);
        if !mark.exists()
            && let Err(error) = fs::write(&mark, "")
        {
            crate::log::warn!("Encountered error writing rtag: {error}");
        }
    }
    match refresh {
        Value::Text(text) => text.eq_ignore_ascii_case("true") || mark.is_file(),
        Value::Bool(false) => false,
        other => other.truthy() || mark.is_file(),
    }
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Map(map) => map.keys().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

/// Installed packages: `{name: [version]}`.
fn list_pkgs(running: &Running, more: &[(&str, bool)]) -> Result<Map, Fault> {
    let mut options: Map = more.iter().copied().collect();
    options.insert("versions_as_list", true);
    let listed = running.ask_with("pkg.list_pkgs", &[], options)?;
    Ok(listed.as_map().cloned().unwrap_or_default())
}

/// Keywords for functions of `pkg`: what the state was given beyond its own parameters.
fn handed_on(running: &Running, args: &Args) -> Map {
    let mut kwargs = own_words(args);
    let saltenv = running.low.str("__env__").unwrap_or("base");
    kwargs.entry("saltenv", || saltenv.into());
    kwargs
}

/// What the state was given beyond its own parameters.
fn own_words(args: &Args) -> Map {
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    kwargs
}

/// The `pkgs` of a state: its own, or its name with its version.
fn asked(args: &Args) -> Value {
    let (name, version) = (args.get("name"), args.get("version"));
    if version.truthy() {
        let one: Map = [(name.clone(), version.clone())].into_iter().collect();
        Value::list([one])
    } else {
        Value::list([name.clone()])
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_list().is_some_and(<[Value]>::is_empty)
}

/// Several packages repacked to `{name: version}`.
fn repack(running: &Running, pkgs: &Value, normalize: bool) -> Result<Map, Fault> {
    let packed = running.ask("pkg_resource.repack_pkgs", &[pkgs.clone(), normalize.into()])?;
    Ok(packed.as_map().cloned().unwrap_or_default())
}

/// Packages with the names of what they provide (zypper); the others as they are.
fn resolved(running: &Running, pkgs: Value, refresh: bool) -> Result<(Value, bool), Fault> {
    if !pkgs.truthy() || !running.offers("pkg.resolve_capabilities") {
        return Ok((pkgs, refresh));
    }
    let options: Map = [("refresh", refresh)].into_iter().collect();
    Ok((running.ask_with("pkg.resolve_capabilities", &[pkgs], options)?, false))
}
