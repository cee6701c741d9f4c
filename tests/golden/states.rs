//! What states make of scratch roots, recorded from real Salt by `states/*.py`: a plan, a run, a second run and a plan
//! again, and what is there at the end.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use halite::fileclient::{Files, LocalSource};
use halite::host::RealHost;
use halite::loader::{Context, Fault, FileClient, MinionServices, Nowhere, Running, Scope, StateReturn};
use halite::value::{JsonStyle, Map, Value, str_of};
use halite::{builtin, map};

use crate::highstate::without_hints;
use crate::{cases, report};

/// Cases that differ, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "managed_source_list_map",
        "Salt's warning about source_hash fails on a list of maps, which its manual shows",
    ),
    (
        "managed_check_cmd_ext",
        "without tmp_dir Salt makes the new file in the working directory of the minion",
    ),
    ("serialize_merge_bad", "what is wrong with JSON is said in other words"),
    ("extracted_force", "Salt removes what is in the way with test=True, too"),
];

struct Local {
    files: Files,
}

impl MinionServices for Local {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        MinionServices::request(&Nowhere, load, timeout)
    }

    fn fire(&self, _: &str, _: Map) -> Result<(), Fault> {
        Ok(())
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        Ok(Map::new())
    }
}

#[test]
fn states_of_files_do_what_salts_do() {
    check("file");
}

#[test]
fn states_of_the_machine_come_to_rest_as_salts_do() {
    check("machine");
}

fn check(file: &str) {
    if !is_root() {
        return;
    }
    let _alone = crate::UMASK.lock().unwrap_or_else(PoisonError::into_inner);
    let base = std::env::temp_dir().join(format!("golden-{}-{file}", std::process::id()));
    let file = format!("states/{file}.jsonl");
    let file = file.as_str();
    let all = cases(file);
    let served = base.join("served");
    build(&served, all[0].get("served").and_then(Value::as_map).expect("served files"));
    let only = std::env::var("GOLDEN_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    let mut total = 0;
    for (number, case) in all[1..].iter().enumerate() {
        let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
        if !name.starts_with(&only) {
            continue;
        }
        total += 1;
        let root = base.join(format!("r{number}"));
        let wrong = one(case, &root, &base);
        match (wrong.is_empty(), DIFFERENT.iter().find(|(own, _)| *own == name)) {
            (false, None) => failures.push(format!("{name}:\n  {}", wrong.join("\n  "))),
            (true, Some(_)) => failures.push(format!("{name} is listed as different and is not")),
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(&base);
    report(&failures, total);
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

fn build(root: &Path, files: &Map) {
    fs::create_dir_all(root).expect("a directory");
    for (path, what) in files {
        let target = root.join(str_of(path).trim_end_matches('/'));
        if str_of(path).ends_with('/') {
            fs::create_dir_all(&target).expect("a directory");
            continue;
        }
        fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        if let Some(link) = what.get("link").and_then(Value::as_str) {
            symlink(link, &target).expect("a link");
            continue;
        }
        let text = |what: &Value| what.as_str().expect("a content").to_owned();
        let content = match what.get("octets") {
            Some(octets) => text(octets).chars().map(|char| u8::try_from(char).expect("an octet")).collect(),
            None => text(what.get("content").unwrap_or(what)).into_bytes(),
        };
        fs::write(&target, content).expect("written");
        let mode = what.get("mode").and_then(Value::as_str).unwrap_or("0644");
        let mode = u32::from_str_radix(mode, 8).expect("a mode");
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).expect("a mode");
    }
}

/// What differs.
fn one(case: &Value, root: &Path, base: &Path) -> Vec<String> {
    let text = case.to_json(JsonStyle::default());
    let put = |text: &str| text.replace("{root}", &root.to_string_lossy());
    let case = Value::from_json(&put(&text)).expect("a case");
    build(root, case.get("files").and_then(Value::as_map).expect("files"));
    let opts = map! {
        "id" => "golden",
        "file_client" => "local",
        "file_roots" => map! { "base" => Value::list([base.join("served").to_string_lossy().as_ref()]) },
        "cachedir" => base.join("cache").to_string_lossy().as_ref(),
        "hash_type" => "sha256",
        "user" => "root",
        "test" => false,
    };
    let grains = map! { "id" => "golden", "shell" => "/bin/sh", "kernel" => "Linux", "os_family" => "Debian", "os" => "Debian" };
    let pillar = case.get("pillar").and_then(Value::as_map).cloned().unwrap_or_default();
    let (registry, none) = (builtin::execution_modules(), Map::new());
    let local = Local { files: Files::from_opts(Arc::new(LocalSource::from_opts(&opts)), &opts) };
    let cx = Context::new(Scope {
        opts: &opts,
        grains: (&grains).into(),
        pillar: (&pillar).into(),
        published: &none,
        registry: &registry,
        host: &RealHost,
        minion: &local,
        master: &Nowhere,
    });
    let list = |key: &str| case.get(key).and_then(Value::as_list).expect("a list");
    let mut wrong = Vec::new();
    for (index, (step, expected)) in list("steps").iter().zip(list("rets")).enumerate() {
        let fun = step.get("fun").and_then(Value::as_str).expect("a function");
        let module = step.get("state").and_then(Value::as_str).unwrap_or("file");
        let args = step.get("args").and_then(Value::as_map).expect("arguments");
        let mut low = step.get("low").and_then(Value::as_map).cloned().unwrap_or_default();
        low.extend(args.clone());
        low.extend(map! { "state" => module, "fun" => fun, "__sls__" => "golden", "__env__" => "base" });
        low.insert("__id__", args.get("name").cloned().unwrap_or_default());
        cx.set_test(step.get("test").and_then(Value::as_bool));
        let running = Running { cx: &cx, low: &low, lowstate: &[], results: &none };
        let (_, state) = registry.state(&cx, module, fun).expect("a state");
        let got = state.bind(args.clone()).and_then(|args| (state.run)(&running, &args));
        compare(&format!("step {index} ({fun})"), got, expected, base, &mut wrong);
    }
    let after = look(root);
    for (path, expected) in case.get("after").and_then(Value::as_map).expect("files") {
        match after.get(&str_of(path)) {
            Some(found) if found == expected => {}
            found => wrong.push(format!(
                "{}: {} and not {}",
                str_of(path),
                found.map_or("missing".to_owned(), |found| found.to_json(JsonStyle::default())),
                expected.to_json(JsonStyle::default())
            )),
        }
    }
    for path in
        after.keys().filter(|path| case.get("after").is_some_and(|all| all.get(&str_of(path)).is_none()))
    {
        wrong.push(format!("{} should not be there", str_of(path)));
    }
    wrong
}

fn compare(
    step: &str,
    got: Result<StateReturn, Fault>,
    expected: &Value,
    base: &Path,
    wrong: &mut Vec<String>,
) {
    let comment = expected.get("comment").and_then(Value::as_str).unwrap_or_default();
    let got = match got {
        Ok(got) => got,
        // Salt shows where in its code it failed; the last line says what.
        Err(fault) => {
            let last = comment.trim_end().lines().last().unwrap_or_default();
            let told = without_hints(&fault.to_string());
            if !last.contains(&told) && !comment.contains(&told) {
                wrong.push(format!("{step}: fails with {told:?} and not {comment:?}"));
            }
            return;
        }
    };
    let json = |value: &Value| {
        let text = value.to_json(JsonStyle { sort_keys: true, ..JsonStyle::default() });
        let cache = base.join("cache");
        tame(&text.replace(&*cache.to_string_lossy(), "{cache}").replace(&*base.to_string_lossy(), "{base}"))
    };
    let mut ours = map! {
        "name" => got.name,
        "changes" => got.changes,
        "result" => got.result,
        "comment" => without_hints(got.comment.split("\ndid you mean '").next().unwrap_or_default()),
    };
    if let Some(warnings) = got.extra.get("warnings") {
        ours.insert("warnings", warnings.clone());
    }
    for key in ["name", "changes", "result", "comment", "warnings"] {
        let null = Value::Null;
        let (ours, theirs) = (json(ours.get(key).unwrap_or(&null)), json(expected.get(key).unwrap_or(&null)));
        // Salt makes the directories of a tree in any order, and those above with them.
        if ours != theirs && !(step.contains("(recurse)") && sorted(&ours) == sorted(&theirs)) {
            wrong.push(format!("{step}: {key}\n    ours:  {ours}\n    salts: {theirs}"));
        }
    }
}

/// Without what is another at each run: names of temporary files, numbers of processes.
fn tame(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let places = ["/tmp/__salt.tmp.", "\"pid\": ", "pid:\\n                  "]
            .map(|mark| rest.find(mark).map(|at| at + mark.len()));
        let Some(at) = places.into_iter().flatten().min() else { return out + rest };
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let end = tail.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(tail.len());
        out.push('*');
        rest = &tail[end..];
    }
}

/// The files of a tree, in order, without its directories.
fn sorted(text: &str) -> Vec<&str> {
    let parts = text.split("\\n\\n").flat_map(|part| part.split("}, \""));
    let mut parts: Vec<&str> = parts
        .map(|part| part.trim_matches(['"', '{', '}', '\\', 'n']))
        .filter(|part| !part.contains("directory") && !part.contains("####"))
        .collect();
    parts.sort_unstable();
    parts
}

fn look(root: &Path) -> Map {
    let mut found = Map::new();
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let stat = fs::symlink_metadata(&path).expect("stat");
            let mut told = map! { "uid" => stat.uid() };
            if stat.is_symlink() {
                told.insert("link", fs::read_link(&path).expect("a link").to_string_lossy().as_ref());
            } else {
                told.insert("gid", stat.gid());
                told.insert("mode", format!("0o{:o}", stat.mode() & 0o7777));
                if stat.is_dir() {
                    told.insert("dir", true);
                    waiting.push(path.clone());
                } else if stat.is_file() {
                    let octets = fs::read(&path).expect("read");
                    told.insert("content", octets.iter().map(|octet| char::from(*octet)).collect::<String>());
                }
            }
            found.insert(path.strip_prefix(root).expect("below").to_string_lossy().as_ref(), told);
        }
    }
    found
}
