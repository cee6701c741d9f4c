//! `pkgrepo`: repositories of packages as they should be. Salt: states/pkgrepo.py.

use std::collections::BTreeSet;

use super::failure;
use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

pub(super) static STATES: States = States {
    file: "pkgrepo",
    provides: "pkgrepo",
    available: |cx| {
        if cx.offers("pkg.mod_repo") {
            Ok(())
        } else {
            Err("this host has no functions for repositories".to_owned())
        }
    },
    functions: &[
        State::new("absent", &[req("name"), keywords("kwargs")], "There is no such repository.", absent),
        State::new(
            "managed",
            &[
                req("name"),
                opt("ppa", Default::None),
                opt("copr", Default::None),
                opt("aptkey", Default::True),
                keywords("kwargs"),
            ],
            "There is such a repository; with apt `name` is its whole line.",
            managed,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn is_true(value: &Value) -> bool {
    match value {
        Value::Int(int) => *int > 0,
        Value::Text(text) => text.eq_ignore_ascii_case("true"),
        other => other.truthy(),
    }
}

fn combined(comments: &Value) -> String {
    match comments {
        Value::List(items) => items.iter().map(str_of).collect::<Vec<_>>().join(" ").trim().to_owned(),
        other => str_of(other).trim().to_owned(),
    }
}

/// Whether there is more than one of what says where the key is. Salt goes on with one of them; in a test the state is
/// then a failure.
fn has_two_keys(args: &Args) -> bool {
    let has = |key: &str| args.keywords.contains(key);
    [has("keyid") || has("keyserver"), has("key_text"), has("key_url")].iter().filter(|given| **given).count()
        > 1
}

/// The name that the functions of `pkg` are asked with, and what else they are told.
fn prepare(running: &Running, args: &Args) -> Result<(String, Map), String> {
    let mut kwargs = args.keywords.clone();
    let (enabled, disabled) = (kwargs.remove("enabled"), kwargs.remove("disabled"));
    let given = |value: &Option<Value>| value.clone().filter(|value| !value.is_null());
    let (mut enabled, disabled) = (given(&enabled), given(&disabled));
    if enabled.is_some() && disabled.is_some() {
        return Err("Only one of enabled/disabled is allowed".to_owned());
    }
    if enabled.is_none() && disabled.is_none() {
        enabled = Some(true.into());
    }
    let insecure = kwargs.get("key_url").is_some_and(|url| str_of(url).trim().starts_with("http:"));
    if insecure && kwargs.remove("allow_insecure_key").is_some_and(|allowed| !allowed.truthy()) {
        return Err("Cannot have 'key_url' using http with 'allow_insecure_key' set to True".to_owned());
    }
    kwargs.remove("allow_insecure_key");
    let name = str_of(args.get("name"));
    let mut repo = name.clone();
    kwargs.insert("name", name.as_str());
    let is_enabled = match &disabled {
        Some(disabled) => !is_true(disabled),
        None => enabled.as_ref().is_some_and(is_true),
    };
    let (os, family) = (running.grain("os"), running.grain("os_family"));
    if ["Ubuntu", "Mint"].contains(&os) {
        if let Some(ppa) = args.given("ppa") {
            repo = format!("ppa:{}", str_of(ppa));
        }
        let off = enabled
            .as_ref()
            .map_or_else(|| disabled.as_ref().is_some_and(is_true), |enabled| !is_true(enabled));
        kwargs.insert("disabled", off);
    } else if ["RedHat", "Suse", "NILinuxRT", "Poky"].contains(&family) {
        if let Some(copr) = args.given("copr").filter(|_| family == "RedHat") {
            repo = format!("copr:{}", str_of(copr));
        }
        if let Some(human) = kwargs.remove("humanname") {
            kwargs.insert("name", human);
        }
        kwargs.insert("enabled", is_enabled);
    }
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    Ok((repo, kwargs))
}

/// Words of a line with the components in order.
fn line_words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if let Some(components) = words.get_mut(3..) {
        sort::all(components);
    }
    words
}

fn sorted(value: &Value) -> Vec<String> {
    let mut all: Vec<String> = match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).chars().map(String::from).collect(),
    };
    sort::all(&mut all);
    all
}

/// Whether a repository is as wanted. Pure.
fn is_as_wanted(family: &str, before: &Map, wanted: &Map, kwargs: &Map) -> bool {
    wanted.iter().all(|(key, value)| {
        let key = str_of(key);
        let Some(now) = before.get(&key) else {
            return key == "enabled" && family == "RedHat" && is_true(value);
        };
        match key.as_str() {
            "comps" | "key_url" => sorted(value) == sorted(now),
            "line" if family == "Debian" => {
                if wanted.get("disabled").is_some_and(Value::truthy) {
                    return true;
                }
                let now = str_of(now);
                let (line, comment) = now.split_once('#').unwrap_or((&now, ""));
                line_words(&str_of(value)) == line_words(line)
                    && kwargs.get("comments").is_none_or(|comments| combined(comments) == comment.trim())
            }
            "comments" if family == "RedHat" => combined(now) == combined(value),
            "architectures" if value.truthy() => {
                let set = |value: &Value| sorted(value).into_iter().collect::<BTreeSet<_>>();
                set(value) == set(now)
            }
            _ if ["RedHat", "Suse"].contains(&family)
                && (value.as_bool().is_some() || now.as_bool().is_some()) =>
            {
                is_true(value) == is_true(now)
            }
            _ => str_of(value) == str_of(now),
        }
    })
}

/// What differs between two descriptions, for the keys of `wanted`.
fn changes(before: &Map, after: &Map, wanted: &Map) -> Map {
    let mut changes = Map::new();
    for key in wanted.keys() {
        let of = |map: &Map| map.get_value(key).cloned().unwrap_or_default();
        let (old, new) = (of(before), of(after));
        if old != new {
            changes.insert(key.clone(), map! { "new" => new, "old" => old });
        }
    }
    changes
}

const CAUTION: &str = "This may cause pkg states to behave differently than stated if this action is repeated without \
                       test=True, due to the differences in the configured repositories.";

fn managed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name");
    let shown = str_of(name);
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name.clone(), result, comment);
    if !running.offers("pkg.get_repo") {
        return Ok(answer(Some(false), "Repo management not implemented on this platform".to_owned()));
    }
    if args.keywords.contains("repo") {
        let comment = "'repo' is not a supported argument for this state. The 'name' argument is probably what was intended.";
        return Ok(answer(Some(false), comment.to_owned()));
    }
    if has_two_keys(args) {
        crate::log::warn!(repo = shown, "keyid (with keyserver), key_url and key_text exclude each other");
    }
    let (repo, kwargs) = match prepare(running, args) {
        Ok(prepared) => prepared,
        Err(comment) => return Ok(answer(Some(false), comment)),
    };
    let named = |more: &Map| {
        let mut all = more.clone();
        all.insert("repo", repo.as_str());
        all
    };
    let before = match running.ask_with("pkg.get_repo", &[], named(&kwargs)) {
        Ok(found) => found.as_map().cloned().unwrap_or_default(),
        Err(fault @ Fault::Execution { .. }) => {
            let text = failure::text(&fault);
            return Ok(answer(Some(false), format!("Failed to examine repo '{shown}': {text}")));
        }
        Err(fault) => return Err(fault),
    };
    let family = running.grain("os_family");
    let mut wanted = if family == "Debian" {
        let expanded = running.ask_with("pkg.expand_repo_def", &[], named(&kwargs))?;
        expanded.as_map().cloned().unwrap_or_default()
    } else {
        kwargs.clone()
    };
    let mut known = before.clone();
    if !before.is_empty() {
        known.remove("file");
        wanted.remove("file");
        if is_as_wanted(family, &known, &wanted, &kwargs) {
            return Ok(answer(Some(true), format!("Package repo '{shown}' already configured")));
        }
    }
    if running.test() {
        let changes = if before.is_empty() {
            map! { "repo" => name.clone() }
        } else {
            changes(&known, &wanted, &wanted)
        };
        let comment = format!("Package repo '{shown}' would be configured. {CAUTION}");
        let result = if has_two_keys(args) { Some(false) } else { None };
        return Ok(answer(result, comment).with(changes));
    }
    if let Err(fault) = configure(running, args, &repo, &kwargs, family) {
        let text = failure::text(&fault);
        return Ok(answer(Some(false), format!("Failed to configure repo '{shown}': {text}")));
    }
    match running.ask_with("pkg.get_repo", &[], named(&kwargs)) {
        Ok(after) => {
            let after = after.as_map().cloned().unwrap_or_default();
            let changes = if before.is_empty() {
                map! { "repo" => repo.as_str() }
            } else {
                changes(&known, &after, &wanted)
            };
            Ok(answer(Some(true), format!("Configured package repo '{shown}'")).with(changes))
        }
        Err(fault) => {
            let text = failure::text(&fault);
            Ok(answer(Some(false), format!("Failed to confirm config of repo '{shown}': {text}")))
        }
    }
}

fn configure(running: &Running, args: &Args, repo: &str, kwargs: &Map, family: &str) -> Result<(), Fault> {
    if kwargs.get("clean_file").is_some_and(Value::truthy)
        && let Some(file) = kwargs.get("file").map(str_of)
    {
        std::fs::write(&file, "")
            .map_err(|error| Fault::execution(crate::loader::os_error_text(&error, &file)))?;
    }
    let mut options = kwargs.clone();
    if family == "Debian" {
        options.insert("saltenv", running.low.str("__env__").unwrap_or("base"));
        options.insert("aptkey", args.truthy("aptkey") && running.which("apt-key").is_some());
    }
    running.ask_with("pkg.mod_repo", &[repo.into()], options).map(drop)
}

/// A line without the slashes at the end of its address.
fn strip_uri(repo: &str) -> String {
    let is_uri = |word: &str| ["http://", "https://", "ftp://"].iter().any(|scheme| word.starts_with(scheme));
    let words: Vec<&str> = repo
        .split_whitespace()
        .map(|word| if is_uri(word) { word.trim_end_matches('/') } else { word })
        .collect();
    words.join(" ")
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let state_name = args.get("name");
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    let mut name = str_of(state_name);
    let (os, family) = (running.grain("os"), running.grain("os_family"));
    for (key, applies) in [("ppa", ["Ubuntu", "Mint"].contains(&os)), ("copr", family == "RedHat")] {
        if let Some(value) = kwargs.get(key).filter(|_| applies).map(str_of) {
            kwargs.remove(key);
            let prefix = format!("{key}:");
            name = if value.starts_with(&prefix) { value } else { prefix + &value };
        }
    }
    let answer =
        |result: Option<bool>, comment: String| StateReturn::new(state_name.clone(), result, comment);
    let remove_key =
        ["keyid", "keyid_ppa"].iter().any(|key| kwargs.get(key).is_some_and(|value| !value.is_null()));
    if remove_key && !running.offers("pkg.del_repo_key") {
        let comment = "Repo key management is not implemented for this platform";
        return Ok(answer(Some(false), comment.to_owned()));
    }
    let stripped = if family == "Debian" { strip_uri(&name) } else { name.clone() };
    let mut found = match running.ask_with("pkg.get_repo", &[stripped.as_str().into()], kwargs.clone()) {
        Ok(found) => found.truthy().then_some(found),
        Err(fault @ Fault::Execution { .. }) => {
            let text = failure::text(&fault);
            return Ok(answer(Some(false), format!("Failed to configure repo '{name}': {text}")));
        }
        Err(fault) => return Err(fault),
    };
    if let Some(repo) = &found
        && family == "Debian"
    {
        let asked = running.ask("pkg.split_repo_str", &[stripped.as_str().into()])?;
        let architectures = |value: &Value| sorted(value.get("architectures").unwrap_or(&Value::Null));
        if architectures(&asked) != architectures(repo) {
            found = None;
        }
    }
    if found.is_none() {
        return Ok(answer(Some(true), format!("Package repo {name} is absent")));
    }
    if running.test() {
        return Ok(answer(None, format!("Package repo '{name}' will be removed. {CAUTION}")));
    }
    let mut options = kwargs.clone();
    options.insert("repo", stripped.as_str());
    match running.ask_with("pkg.del_repo", &[], options) {
        Ok(_) => {}
        Err(fault @ (Fault::Execution { .. } | Fault::Invocation(_))) => {
            return Ok(answer(Some(false), failure::text(&fault)));
        }
        Err(fault) => return Err(fault),
    }
    if running.ask("pkg.list_repos", &[])?.get(&stripped).is_some() {
        return Ok(answer(Some(false), format!("Failed to remove repo {name}")));
    }
    let mut outcome = answer(Some(true), format!("Removed repo {name}"));
    let mut changes = map! { "repo" => name };
    if remove_key {
        match running.ask_with("pkg.del_repo_key", &[stripped.as_str().into()], kwargs) {
            Ok(id) => {
                outcome.comment += &format!(", and keyid {}", str_of(&id));
                changes.insert("keyid", id);
            }
            Err(fault @ (Fault::Execution { .. } | Fault::Invocation(_))) => {
                outcome.comment += &format!(", but failed to remove key: {}", failure::text(&fault));
                outcome.result = Some(false);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(outcome.with(changes))
}
