//! Pillars that Salt's master compiled from small trees (`pillar/*.case`, recorded by `pillar/record.py`).

use std::fs;
use std::path::Path;
use std::process::Command;

use halite::builtin;
use halite::config::{Opts, Role};
use halite::host;
use halite::local_pillar::{LocalPillar, Request};
use halite::value::{JsonStyle, Map, Value, str_of, traverse, yaml};

/// The sections of a case.
pub(crate) fn sections(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("--- ").filter(|name| !name.starts_with('-')) {
            Some(name) => found.push((name.trim().to_owned(), String::new())),
            None => {
                if let Some((_, body)) = found.last_mut() {
                    body.push_str(line);
                }
            }
        }
    }
    found
}

fn map_of(text: &str) -> Map {
    let data = yaml::load(text, "case").expect("YAML");
    data.as_map().cloned().unwrap_or_default()
}

/// One commit: `place` is `REPOSITORY BRANCH PATH`. Branches have no common ancestors.
fn commit(repositories: &Path, place: &str, body: &str) {
    let [repository, branch, path] = place.split(' ').collect::<Vec<_>>()[..] else { panic!("{place}") };
    let at = repositories.join(repository);
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&at).args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(words);
        host::starting(|| command.output()).is_ok_and(|output| output.status.success())
    };
    fs::create_dir_all(&at).expect("a directory");
    if !at.join(".git").exists() {
        assert!(git(&["init", "-q", "-b", branch]), "these cases need git");
    } else if !git(&["checkout", "-q", branch, "--"]) {
        assert!(git(&["checkout", "-q", "--orphan", branch]) && git(&["rm", "-rfq", "."]));
    }
    let path = at.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fs::write(path, body).expect("a file");
    assert!(git(&["add", "-A"]) && git(&["commit", "-q", "-m", "x"]));
}

fn compiled(case: &str, parts: &[(String, String)]) -> (Value, Value) {
    let dir = std::env::temp_dir().join(format!("halite-pillar-{}-{case}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    let root = dir.display().to_string();
    let part = |wanted: &str| parts.iter().find(|(name, _)| name == wanted).map_or("", |(_, body)| body);
    for (name, body) in parts {
        if let Some(place) = name.strip_prefix("git ") {
            commit(&dir.join(".git"), place, body);
        } else if let Some(path) = name.strip_prefix("file ") {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, body).expect("a file");
        }
    }
    let mut opts = Opts::defaults(Role::Master).into_map();
    let mut roots: Vec<String> = fs::read_dir(&dir)
        .expect("the tree")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    roots.sort();
    let roots: Map =
        roots.into_iter().map(|env| (env.clone(), Value::list([format!("{root}/{env}")]))).collect();
    opts.insert("pillar_roots", roots);
    opts.insert("cachedir", format!("{root}/.cache"));
    opts.extend(map_of(&part("opts").replace("{root}", &root)));
    let mut grains = map_of(part("grains"));
    grains.insert("id", "m1");
    let asked = map_of(part("request"));
    let request = Request {
        saltenv: asked.str("saltenv").map(str::to_owned),
        pillarenv: asked.str("pillarenv").map(str::to_owned),
        overrides: asked.get("pillar").and_then(Value::as_map).cloned().unwrap_or_default(),
        extra: asked.get("extra").and_then(Value::as_map).cloned().unwrap_or_default(),
        ext: None,
    };
    let pillars = LocalPillar::new(&opts, builtin::execution_modules());
    let pillar = pillars.compile("m1", &grains, &request);
    let again = pillars.compile("m1", &grains, &request);
    assert_eq!(pillar.pillar, again.pillar, "the second time");
    fs::remove_dir_all(&dir).expect("removed");
    let (_, expected) =
        parts.iter().find(|(name, _)| name.starts_with("expected")).expect("an expected pillar");
    let expected = Value::from_json(expected).expect("JSON");
    let whole = Value::Map(pillar.pillar.clone());
    let shown = yaml::load(part("shown"), "case").expect("YAML");
    let whole = match shown.as_list() {
        Some(paths) => {
            let at = |path: &Value| traverse(&whole, &str_of(path), ":").cloned().unwrap_or_default();
            paths.iter().map(|path| (path.clone(), at(path))).collect::<Map>().into()
        }
        None => whole,
    };
    let ours = whole.to_json(JsonStyle::default()).replace(&root, "{root}");
    (Value::from_json(&ours).expect("JSON"), expected)
}

/// How an error goes on with the name that was probably meant.
const NEAR: &str = "\ndid you mean '";

/// Equal, order of keys included; errors of ours may go on after Salt's text.
pub(crate) fn same(ours: &Value, expected: &Value) -> bool {
    match (ours, expected) {
        (Value::Map(ours), Value::Map(expected)) => {
            ours.len() == expected.len()
                && ours.iter().zip(expected).all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
        }
        (Value::List(ours), Value::List(expected)) => {
            ours.len() == expected.len() && ours.iter().zip(expected).all(|(one, other)| same(one, other))
        }
        (Value::Text(ours), Value::Text(expected)) => {
            ours.strip_prefix(expected.as_str()).is_some_and(|more| {
                more.is_empty() || ["\n\n", "; line ", NEAR].iter().any(|it| more.starts_with(it))
            })
        }
        _ => ours == expected,
    }
}

/// The case says what Salt tells; we tell the same, and what was probably meant.
#[test]
fn errors_of_pillars_name_what_was_probably_meant() {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pillar/near_names.case"));
    let (ours, expected) = compiled("near", &sections(&text.expect("a case")));
    let errors = |pillar: &Value| -> Vec<String> {
        pillar.get("_errors").and_then(Value::as_list).expect("errors").iter().map(str_of).collect()
    };
    let told: Vec<String> = errors(&ours)
        .iter()
        .zip(errors(&expected))
        .map(|(ours, salts)| ours.strip_prefix(&salts).unwrap_or_default().to_owned())
        .collect();
    let near = |name: &str| format!("{NEAR}{name}'?");
    assert_eq!(told, ["users", "web.common", "map.jinja", "port"].map(near));
}

#[test]
fn pillars_are_those_of_salts_master() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pillar");
    let mut failures = Vec::new();
    let mut total = 0;
    let has_git = host::starting(|| Command::new("git").arg("--version").output()).is_ok();
    for entry in fs::read_dir(dir).expect("cases").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".case") else { continue };
        let parts = sections(&fs::read_to_string(entry.path()).expect("a case"));
        if !has_git && parts.iter().any(|(part, _)| part.starts_with("git ")) {
            println!("SKIPPED: {name}: there is no git here");
            continue;
        }
        total += 1;
        let (ours, expected) = compiled(name, &parts);
        if !same(&ours, &expected) {
            failures.push(format!(
                "{name}:\n  ours     {}\n  expected {}",
                ours.to_json(JsonStyle::default()),
                expected.to_json(JsonStyle::default())
            ));
        }
    }
    failures.sort();
    crate::report(&failures, total);
}
