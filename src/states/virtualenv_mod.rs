//! `virtualenv`: virtual environments of Python as they should be. Salt: states/virtualenv_mod.py.

use std::collections::BTreeSet;
use std::path::Path;

use super::failure;
use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const PARAMS: &[Param] = &[
    req("name"),
    opt("venv_bin", Default::None),
    opt("requirements", Default::None),
    opt("system_site_packages", Default::False),
    opt("distribute", Default::False),
    opt("use_wheel", Default::False),
    opt("clear", Default::False),
    opt("python", Default::None),
    opt("extra_search_dir", Default::None),
    opt("never_download", Default::None),
    opt("prompt", Default::None),
    opt("user", Default::None),
    opt("cwd", Default::None),
    opt("index_url", Default::None),
    opt("extra_index_url", Default::None),
    opt("pre_releases", Default::False),
    opt("no_deps", Default::False),
    opt("pip_download", Default::None),
    opt("pip_download_cache", Default::None),
    opt("pip_exists_action", Default::None),
    opt("pip_ignore_installed", Default::False),
    opt("proxy", Default::None),
    opt("use_vt", Default::False),
    opt("env_vars", Default::None),
    opt("no_use_wheel", Default::False),
    opt("pip_upgrade", Default::False),
    opt("pip_pkgs", Default::None),
    opt("pip_no_cache_dir", Default::False),
    opt("pip_cache_dir", Default::None),
    opt("process_dependency_links", Default::False),
    opt("no_binary", Default::None),
    keywords("kwargs"),
];

const DOC: &str =
    "There is a virtual environment at `name`, with packages of a file of `requirements` or of `pip_pkgs`.";

pub(super) static STATES: States = States {
    file: "virtualenv_mod",
    provides: "virtualenv",
    available: always,
    functions: &[State::new("manage", PARAMS, DOC, managed), State::new("managed", PARAMS, DOC, managed)],
    mod_watch: None,
    mod_aggregate: None,
};

/// Arguments under their own names, and some under those of `pip.install`.
fn picked(args: &Args, names: &[(&'static str, &'static str)]) -> Map {
    names.iter().map(|(own, theirs)| (*theirs, args.get(own).clone())).collect()
}

fn frozen(running: &Running, asked: Map) -> Result<BTreeSet<String>, Fault> {
    let lines = running.ask_with("pip.freeze", &[], asked)?;
    Ok(lines.as_list().unwrap_or_default().iter().map(str_of).collect())
}

fn managed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let python = format!("{name}/bin/python");
    let (exists, clear) = (Path::new(&python).exists(), args.truthy("clear"));
    let mut ret = StateReturn::new(name.as_str(), Some(true), "virtualenv exists");
    let mut changes = Map::new();
    let version =
        || Ok::<_, Fault>(str_of(&running.ask("cmd.run_stderr", &[format!("{python} -V").into()])?));
    let failed = |comment: String, changes: Map| {
        Ok(StateReturn::new(name.as_str(), Some(false), comment).with(changes))
    };
    let mut requirements = args.get("requirements").clone();
    if let Some(url) = requirements.as_str().filter(|url| url.starts_with("salt://")) {
        let env = running.low.str("__env__").unwrap_or("base");
        let cached = running.ask("cp.cache_file", &[url.into(), env.into()])?;
        if !cached.truthy() {
            return failed(format!("pip requirements file '{url}' not found"), changes);
        }
        requirements = cached;
    }
    if exists && clear {
        changes.insert(
            "cleared_packages",
            running.ask_with("pip.freeze", &[], map! { "bin_env" => name.as_str() })?,
        );
        changes.insert("old", version()?);
    }
    if running.test() {
        let (result, text) = match (exists, clear) {
            (true, true) => (None, "set to be cleared"),
            (true, false) => (Some(true), "already created"),
            (false, _) => (None, "set to be created"),
        };
        let comment = format!("Virtualenv {name} is {text}");
        return Ok(StateReturn::new(name.as_str(), result, comment).with(changes));
    }
    if !exists || clear {
        let same = |name| (name, name);
        let mut asked = picked(
            args,
            &[
                "venv_bin",
                "system_site_packages",
                "distribute",
                "clear",
                "python",
                "extra_search_dir",
                "never_download",
                "prompt",
                "user",
                "use_vt",
            ]
            .map(same),
        );
        let own =
            args.keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("__")));
        asked.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        let made = match running.ask_with("virtualenv.create", &[name.as_str().into()], asked) {
            Ok(made) => made,
            Err(Fault::NotFound(text)) => {
                return failed(format!("Failed to create virtualenv: {text}"), changes);
            }
            Err(fault) => return Err(fault),
        };
        if made.get("retcode").is_none_or(Value::truthy) {
            let text = |key: &str| made.get(key).map(str_of).unwrap_or_default();
            return failed(text("stdout") + &text("stderr"), changes);
        }
        changes.insert("new", version()?);
        ret.comment = if clear { "Cleared existing virtualenv" } else { "Created new virtualenv" }.to_owned();
    }
    if requirements.truthy() || args.truthy("pip_pkgs") {
        let mut place = map! { "bin_env" => name.as_str() };
        place.extend(picked(args, &[("user", "user"), ("use_vt", "use_vt")]));
        let before = match frozen(running, place) {
            Ok(before) => before,
            Err(fault @ Fault::Execution { .. }) => return failed(failure::text(&fault), changes),
            Err(fault) => return Err(fault),
        };
        let mut asked = map! { "bin_env" => name.as_str(), "requirements" => requirements };
        asked.extend(picked(
            args,
            &[
                ("pip_pkgs", "pkgs"),
                ("process_dependency_links", "process_dependency_links"),
                ("use_wheel", "use_wheel"),
                ("no_use_wheel", "no_use_wheel"),
                ("no_binary", "no_binary"),
                ("user", "user"),
                ("cwd", "cwd"),
                ("index_url", "index_url"),
                ("extra_index_url", "extra_index_url"),
                ("pip_download", "download"),
                ("pip_download_cache", "download_cache"),
                ("pre_releases", "pre_releases"),
                ("pip_exists_action", "exists_action"),
                ("pip_ignore_installed", "ignore_installed"),
                ("pip_upgrade", "upgrade"),
                ("no_deps", "no_deps"),
                ("proxy", "proxy"),
                ("use_vt", "use_vt"),
                ("env_vars", "env_vars"),
                ("pip_no_cache_dir", "no_cache_dir"),
                ("pip_cache_dir", "cache_dir"),
            ],
        ));
        let done = running.ask_with("pip.install", &[], asked)?;
        if done.get("retcode").and_then(Value::as_int) != Some(0) {
            let text = |key: &str| done.get(key).map(str_of).unwrap_or_default();
            ret.result = Some(false);
            ret.comment = format!("{}\n{}\n{}", ret.comment, text("stdout"), text("stderr"));
        }
        let after = frozen(running, map! { "bin_env" => name.as_str() })?;
        let only = |some: &BTreeSet<String>, others: &BTreeSet<String>| -> Value {
            let lines: Vec<&String> = some.difference(others).collect();
            if lines.is_empty() { "".into() } else { Value::list(lines) }
        };
        if before != after {
            let packages = map! { "new" => only(&after, &before), "old" => only(&before, &after) };
            changes.insert("packages", packages);
        }
    }
    Ok(ret.with(changes))
}
