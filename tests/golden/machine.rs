//! Modules and states of the machine: what they give, what they call and which programs they run, recorded from real
//! Salt by `machine/*.py`. Every other function and every program answers from the case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use halite::builtin;
use halite::host::RealHost;
use halite::loader::{
    Args, Call, Context, Fault, Function, Module, Nowhere, Registry, Running, Scope, keywords, rest,
};
use halite::output::{OutputOptions, render};
use halite::value::{JsonStyle, Map, Value, str_of};
use halite::{map, states};

use crate::{cases, report};

#[test]
fn users_and_groups_are_as_salt_makes_them() {
    check("user");
}

#[test]
fn packages_and_repositories_of_debian_are_as_salt_makes_them() {
    check("pkg");
}

#[test]
fn states_of_packages_say_what_salts_do() {
    check("pkgstate");
}

#[test]
fn packages_and_repositories_of_red_hat_are_as_salt_makes_them() {
    check("dnf");
}

#[test]
fn tables_of_cron_hosts_and_others_are_as_salt_makes_them() {
    check("files");
}

#[test]
fn mounts_keys_and_files_of_options_are_as_salt_makes_them() {
    check("access");
}

#[test]
fn repositories_of_git_are_as_salt_makes_them() {
    check("git");
}

#[test]
fn packages_of_python_answers_and_locales_are_as_salt_makes_them() {
    check("software");
}

#[test]
fn packages_of_alpine_are_as_salt_makes_them() {
    check("apk");
}

#[test]
fn rules_for_packets_are_as_salt_makes_them() {
    check("iptables");
}

#[test]
fn routes_and_open_ports_are_as_salt_shows_them() {
    check("network");
}

#[test]
fn services_are_as_salt_makes_them() {
    check("service");
}

/// One module per function, so that each case has those that it answers.
macro_rules! fakes {
    ($($module:literal: $($name:literal)+;)+) => {
        static FAKES: &[&Module] = &[$($(
            &Module {
                file: $name,
                provides: $module,
                available: |cx| offered(cx, concat!($module, ".", $name)),
                functions: &[Function::new($name, &[rest("args"), keywords("kwargs")], "", |cx, args| {
                    answer(cx, concat!($module, ".", $name), args)
                })],
            },
        )+)+];
    };
}

fakes! {
    "cmd": "run" "run_all" "run_stdout" "run_stderr" "retcode" "run_bg" "shell" "which" "has_exec";
    "config": "get" "option";
    "user": "add" "delete" "info" "chuid" "chgid" "chgroups" "chhome" "chshell" "chfullname" "chroomnumber"
        "chworkphone" "chhomephone" "chother" "list_groups";
    "group": "add" "delete" "info" "getent" "chgid" "adduser" "deluser" "members";
    "shadow": "info" "default_hash" "set_password" "del_password" "lock_password" "unlock_password" "set_date"
        "set_mindays" "set_maxdays" "set_inactdays" "set_warndays" "set_expire";
    "cp": "cache_file" "get_url";
    "debconf": "set" "set_file" "set_template" "show";
    "disk": "blkid" "dump" "tune";
    "file": "group_to_gid" "gid_to_group" "is_blkdev" "is_link" "mkdir" "readlink";
    "git": "branch" "checkout" "clone" "config_get" "config_get_regexp" "config_set" "config_unset" "current_branch"
        "describe" "diff" "discard_local_changes" "fetch" "init" "is_worktree" "list_branches" "list_tags" "ls_remote"
        "merge" "merge_base" "remote_refs" "remote_set" "remotes" "reset" "rev_parse" "revision" "status" "submodule"
        "symbolic_ref" "tag" "version";
    "locale": "avail" "gen_locale" "get_locale" "set_locale";
    "mount": "active" "delete_mount_cache" "fstab" "mount" "read_mount_cache" "remount" "rm_fstab" "set_fstab" "swapon"
        "swaps" "umount" "write_mount_cache";
    "pip": "freeze" "install" "list" "list_all_versions" "list_upgrades" "uninstall" "upgrade" "version";
    "pkg": "install" "remove" "purge" "upgrade" "hold" "unhold" "list_pkgs" "latest_version" "version" "get_selections"
        "list_upgrades" "list_locks" "list_holds" "list_downloaded" "list_patches" "list_installed_patches" "group_diff" "check_db";
    "lowpkg": "unpurge";
    "ssh": "check_key_file" "rm_auth_key_from_file" "set_auth_key_from_file";
    "sysctl": "show" "get" "persist";
    "kmod": "mod_list" "available" "load" "remove";
    "timezone": "zone_compare" "get_hwclock" "set_zone" "set_hwclock";
    "alternatives": "check_exists" "check_installed" "show_current" "display" "install" "remove" "auto" "set";
    "service": "start" "stop" "restart" "reload" "force_reload" "full_restart" "enable" "disable" "mask" "unmask"
        "available" "status" "enabled" "disabled" "masked" "offline" "get_all";
}

/// What a case knows of a function.
fn offered(cx: &Context, name: &str) -> Result<(), String> {
    let module = name.split('.').next().unwrap_or_default();
    let memory = cx.memory.borrow();
    let answers = memory.get("case").and_then(|case| case.get("salt"));
    let known = answers.is_some_and(|answers| answers.get(name).is_some());
    if known || ["cmd", "config"].contains(&module) { Ok(()) } else { Err(String::new()) }
}

fn remember(cx: &Context, list: &str, what: Value) {
    let mut memory = cx.memory.borrow_mut();
    if let Value::List(items) = memory.entry(list, || Value::List(Vec::new())) {
        items.push(what);
    }
}

fn listed(case: &Map, list: &str, is_it: impl Fn(&str) -> bool) -> bool {
    case.get(list)
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .any(|item| item.as_str().is_some_and(&is_it))
}

fn answer(cx: &Context, name: &str, args: &Args) -> Result<Value, Fault> {
    let case = cx.memory.borrow().get("case").and_then(Value::as_map).cloned().unwrap_or_default();
    let changed = cx.memory.borrow().contains("changed");
    if name.starts_with("config.") {
        let given = args.rest.get(1).or_else(|| args.keywords.get("default"));
        let asked = args.rest.first().map(str_of).unwrap_or_default();
        if asked == "systemd.scope" {
            return Ok(false.into());
        }
        let option = case.get("opts").and_then(|opts| opts.get(&asked));
        return Ok(option.or(given).cloned().unwrap_or_else(|| "".into()));
    }
    if let Some(fun) = name.strip_prefix("cmd.")
        && case.get("salt").is_none_or(|salt| salt.get(name).is_none())
    {
        return Ok(program(cx, &case, changed, fun, args));
    }
    let mut spec = case.get("salt").and_then(|salt| salt.get(name)).cloned().unwrap_or_default();
    if changed && let Some(after) = spec.get("after").cloned() {
        spec = after;
    }
    let first = args.rest.first().or_else(|| args.keywords.values().next()).map(str_of);
    let by = first.and_then(|first| spec.get("by")?.get(&first).cloned());
    if listed(&case, "effects", |effect| effect == name) {
        let values: Vec<Value> = args.rest.iter().chain(args.keywords.values()).cloned().collect();
        remember(cx, "calls", Value::list([Value::from(name), weighty(&values)]));
        cx.memory.borrow_mut().insert("changed", true);
    }
    Ok(by.or_else(|| spec.get("is").cloned()).unwrap_or_default())
}

/// The values of a call that say something, whichever way they were handed over.
fn weighty(values: &[Value]) -> Value {
    let said: BTreeSet<String> = values.iter().filter(|value| value.truthy()).map(str_of).collect();
    Value::list(said)
}

fn program(cx: &Context, case: &Map, changed: bool, fun: &str, args: &Args) -> Value {
    let command = args.rest.first().or_else(|| args.keywords.get("cmd")).cloned().unwrap_or_default();
    if fun == "which" || fun == "has_exec" {
        let name = str_of(&command);
        let missing = listed(case, "missing", |missing| missing == name)
            || ["dnf5", "tdnf", "yum"].contains(&name.as_str());
        return if missing { Value::Null } else { format!("/usr/bin/{name}").into() };
    }
    let line = match &command {
        Value::List(words) => words.iter().map(str_of).collect::<Vec<_>>().join(" "),
        other => str_of(other),
    };
    if let Some(rest) = line.strip_prefix("crontab ").filter(|_| case.contains("crontab")) {
        return crontab(cx, fun, rest);
    }
    // How often a program is asked what it can is nobody's business.
    if !line.ends_with(" --help") {
        remember(cx, "ran", line.as_str().into());
    }
    let programs = case.get("programs").and_then(Value::as_list).unwrap_or_default();
    let found = programs
        .iter()
        .filter_map(Value::as_list)
        .find(|row| row.first().and_then(Value::as_str).is_some_and(|start| line.starts_with(start)));
    let answers = found.and_then(|row| row.get(1..)).unwrap_or_default();
    let answer = if changed { answers.last() } else { answers.first() };
    if listed(case, "acts", |start| line.starts_with(start)) {
        cx.memory.borrow_mut().insert("changed", true);
    }
    let text = |key: &str| answer.and_then(|answer| answer.get(key)).map(str_of).unwrap_or_default();
    let retcode = answer.and_then(|answer| answer.get("retcode")).cloned().unwrap_or(Value::Int(0));
    let (mut stdout, mut stderr) = (text("stdout"), text("stderr"));
    let both =
        [stdout.as_str(), stderr.as_str()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    match fun {
        "retcode" => retcode,
        "run_stderr" => stderr.into(),
        "run_stdout" => stdout.into(),
        "run_all" => {
            if args.keywords.get("redirect_stderr").is_some_and(Value::truthy) {
                stdout += &std::mem::take(&mut stderr);
            }
            map! { "pid" => 1, "retcode" => retcode, "stdout" => stdout, "stderr" => stderr }.into()
        }
        _ => both.join("\n").into(),
    }
}

/// The table of a case, read and replaced.
fn crontab(cx: &Context, fun: &str, rest: &str) -> Value {
    let mut memory = cx.memory.borrow_mut();
    let mut stdout = String::new();
    match rest.split_whitespace().last() {
        Some("-l") => stdout = memory.get("crontab").map(str_of).unwrap_or_default(),
        Some(path) => {
            memory.insert("crontab", fs::read_to_string(path).expect("the new table"));
        }
        None => {}
    }
    assert_eq!(fun, "run_all");
    map! { "pid" => 1, "retcode" => 0, "stdout" => stdout, "stderr" => "" }.into()
}

fn check(name: &str) {
    let cases = cases(&format!("machine/{name}.jsonl"));
    let failures: Vec<String> =
        cases.iter().enumerate().filter_map(|(number, case)| differs(name, number, case)).collect();
    report(&failures, cases.len());
}

fn differs(name: &str, number: usize, case: &Value) -> Option<String> {
    let (ours, salts) = (run(name, number, case), expected(case));
    let text = |value: &Map| Value::Map(value.clone()).to_json(JsonStyle::default());
    (!Value::Map(ours.clone()).loosely_equals(&salts.clone().into())).then(|| {
        let call =
            ["fun", "args", "kwargs", "test"].iter().filter_map(|key| Some((*key, case.get(key)?.clone())));
        let of = |map: &Map, other: &Map| -> Map {
            map.iter()
                .filter(|(key, value)| other.get_value(key) != Some(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let (a, b) = (text(&of(&salts, &ours)), text(&of(&ours, &salts)));
        format!("{number}: {}\n   Salt: {a}\n   ours: {b}", text(&call.collect()))
    })
}

fn expected(case: &Value) -> Map {
    let mut expected = Map::new();
    for key in ["return", "raises", "ran", "files_after", "crontab_after"] {
        if let Some(value) = case.get(key) {
            expected.insert(key, value.clone());
        }
    }
    let calls = case.get("calls").and_then(Value::as_list).unwrap_or_default().iter().map(|call| {
        let parts = call.as_list().unwrap_or_default();
        let args = parts.get(1).and_then(Value::as_list).unwrap_or_default().to_vec();
        let more = parts.get(2).and_then(Value::as_map).cloned().unwrap_or_default();
        let values: Vec<Value> = args.into_iter().chain(more.values().cloned()).collect();
        Value::list([parts.first().cloned().unwrap_or_default(), weighty(&values)])
    });
    expected.insert("calls", Value::list(calls));
    expected
}

fn substitute(value: &Value, old: &str, new: &str) -> Value {
    match value {
        Value::Text(text) => text.replace(old, new).into(),
        Value::List(items) => Value::list(items.iter().map(|item| substitute(item, old, new))),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| {
                // JSON has no other keys.
                let key = if key.is_null() { "None".to_owned() } else { str_of(key) };
                (key.replace(old, new), substitute(value, old, new))
            })
            .collect::<Map>()
            .into(),
        other => other.clone(),
    }
}

fn run(name: &str, number: usize, case: &Value) -> Map {
    let root = std::env::temp_dir().join(format!("halite-machine-{}-{name}-{number}", std::process::id()));
    fs::create_dir_all(&root).expect("a directory");
    let here = root.to_string_lossy().into_owned();
    let live = substitute(case, "{root}", &here);
    if let Some(files) = live.get("files").and_then(Value::as_map) {
        for (name, text) in files {
            let path = root.join(str_of(name));
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, str_of(text)).expect("written");
        }
    }
    let outcome = substitute(&play(&live, &root).into(), &here, "{root}");
    let _ = fs::remove_dir_all(&root);
    outcome.as_map().cloned().unwrap_or_default()
}

fn play(case: &Value, root: &Path) -> Map {
    let map = |key: &str| case.get(key).and_then(Value::as_map).cloned().unwrap_or_default();
    let mut grains = map! {
        "kernel" => "Linux", "os" => "Debian", "os_family" => "Debian", "osarch" => "amd64", "cpuarch" => "x86_64",
        "oscodename" => "bookworm", "osmajorrelease" => 12, "osrelease" => "12", "osfinger" => "Debian-12",
        "init" => "systemd", "lsb_distrib_codename" => "bookworm",
    };
    grains.extend(map("grains"));
    let mut opts = map("opts");
    opts.insert("test", case.get("test").is_some_and(Value::truthy));
    opts.insert("cachedir", root.join("cache").to_string_lossy().into_owned());
    let (pillar, published) = (map("pillar"), Map::new());
    let builtin = builtin::execution_modules();
    let is_state = case.get("fun").and_then(Value::as_str).is_some_and(|fun| fun.starts_with("states."));
    // States of services see only what the case answers, and so can miss functions.
    let real: Vec<&Module> = builtin
        .modules()
        .iter()
        .copied()
        .filter(|module| !is_state || module.provides != "service")
        .collect();
    let registry = Registry::new(&[FAKES, &real]).with_states(&[states::ALL]);
    let scope = Scope {
        opts: &opts,
        grains: (&grains).into(),
        pillar: (&pillar).into(),
        published: &published,
        registry: &registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &Nowhere,
    };
    let cx = Context::new(scope);
    cx.memory.borrow_mut().insert("case", case.clone());
    // Salt's recordings call states without the engine, which would have the first one read the package lists.
    cx.memory.borrow_mut().insert("pkg.mod_init", true);
    cx.memory.borrow_mut().insert("systemd.booted", true);
    if let Some(table) = case.get("crontab") {
        cx.memory.borrow_mut().insert("crontab", table.clone());
    }
    if case.get("files").is_some() {
        cx.memory.borrow_mut().insert("aptpkg.directory", root.to_string_lossy().into_owned());
    }
    let fun = case.get("fun").map(str_of).unwrap_or_default();
    let mut parts = fun.split('.');
    let (kind, file, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let call = Call {
        args: case.get("args").and_then(Value::as_list).unwrap_or_default().to_vec(),
        kwargs: map("kwargs"),
    };
    let returned = if kind == "states" {
        state(&cx, file, name, call)
    } else {
        function(&cx, &registry, file, name, call)
    };
    let mut outcome = Map::new();
    match returned {
        Ok(value) => outcome.insert("return", value),
        Err(fault) => outcome.insert("raises", raised(&fault)),
    };
    for list in ["calls", "ran"] {
        let all = cx.memory.borrow().get(list).cloned().unwrap_or_else(|| Value::List(Vec::new()));
        outcome.insert(list, all);
    }
    if case.get("crontab").is_some() {
        let table = cx.memory.borrow().get("crontab").cloned();
        outcome.insert("crontab_after", table);
    }
    if case.get("files").is_some() {
        let mut files = Map::new();
        collect(root, root, &mut files);
        outcome.insert("files_after", files);
    }
    outcome
}

fn raised(fault: &Fault) -> Value {
    let (kind, text) = match fault {
        Fault::Execution { text, info: None } => ("CommandExecutionError", text.clone()),
        Fault::Execution { text, info: Some(info) } => {
            let info = render(Some("nested"), info, &OutputOptions::default());
            let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
            let more = format!("{text}{end} Additional info follows:\n\n{}", info.trim_end());
            ("CommandExecutionError", more)
        }
        Fault::Invocation(text) => ("SaltInvocationError", text.clone()),
        Fault::NotFound(text) => ("CommandNotFoundError", text.clone()),
        Fault::Type(text) => ("TypeError", text.clone()),
        Fault::Exception { kind, text } => (*kind, text.clone()),
        other => ("other", other.to_string()),
    };
    Value::list([kind.to_owned(), text])
}

fn collect(root: &Path, directory: &Path, files: &mut Map) {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path).expect("read"));
        }
    }
}

fn function(cx: &Context, registry: &Registry, file: &str, name: &str, call: Call) -> Result<Value, Fault> {
    let module = registry.modules().iter().skip(FAKES.len()).find(|module| module.file == file);
    let module = module.unwrap_or_else(|| panic!("no module {file}"));
    let row = module.functions.iter().find(|function| function.name == name);
    let row = row.unwrap_or_else(|| panic!("no function {file}.{name}"));
    let args = halite::loader::bind(row, call)?;
    (row.run)(cx, &args)
}

fn state(cx: &Context, file: &str, name: &str, call: Call) -> Result<Value, Fault> {
    let table =
        states::ALL.iter().find(|states| states.file == file).unwrap_or_else(|| panic!("no states {file}"));
    let watch = table.mod_watch.into_iter().filter(|state| state.name == name);
    let row = table.functions.iter().chain(watch).find(|state| state.name == name);
    let row = row.unwrap_or_else(|| panic!("no state {file}.{name}"));
    let mut kwargs = call.kwargs;
    if let Some(first) = call.args.into_iter().next() {
        kwargs.insert("name", first);
    }
    let (low, results) = (Map::new(), Map::new());
    let running = Running { cx, low: &low, lowstate: &[], results: &results };
    let returned = (row.run)(&running, &row.bind(kwargs)?)?;
    let mut map = map! {
        "name" => returned.name,
        "changes" => returned.changes,
        "result" => returned.result,
        "comment" => returned.comment,
    };
    map.extend(returned.extra);
    Ok(map.into())
}
