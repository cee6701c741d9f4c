//! `pip`: Python's packages as they should be. Salt: states/pip_state.py.

use super::failure;
use crate::loader::{
    Args, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, PyVersion, Value, fulfills, str_of};

const BIN_ENV: Param = opt("bin_env", Default::None);
const USER: Param = opt("user", Default::None);
const CWD: Param = opt("cwd", Default::None);
const VT: Param = opt("use_vt", Default::False);

pub(super) static STATES: States = States {
    file: "pip_state",
    provides: "pip",
    available: always,
    functions: &[
        State::new(
            "installed",
            &[
                req("name"),
                opt("pkgs", Default::None),
                opt("pip_bin", Default::None),
                BIN_ENV,
                USER,
                CWD,
                keywords("kwargs"),
            ],
            "The packages are installed, as `name`, `pkgs` or a file of `requirements` asks for them. Other arguments are those \
             of `pip.install`.",
            installed,
        ),
        State::new(
            "removed",
            &[
                req("name"),
                opt("requirements", Default::None),
                BIN_ENV,
                opt("log", Default::None),
                opt("proxy", Default::None),
                opt("timeout", Default::None),
                USER,
                CWD,
                VT,
            ],
            "The package is not installed.",
            removed,
        ),
        State::new(
            "uptodate",
            &[req("name"), BIN_ENV, USER, CWD, VT],
            "Every package is the newest.",
            uptodate,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// What a requirement asks for; no name for a file or an address.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    name: String,
    text: String,
    specs: Vec<(String, String)>,
}

/// Reads `name[extras] >=1,<2; marker`. PEP 508. Pure.
fn parse(text: &str) -> Result<Wanted, String> {
    let invalid = |why: &str| Err(format!("pip raised an exception while parsing '{text}': {why}"));
    let is_place = text.contains("://") || text.contains('/') || text.starts_with('.');
    let head = text.split(';').next().unwrap_or_default().trim();
    let end =
        head.find(|char: char| !char.is_ascii_alphanumeric() && !"-_.".contains(char)).unwrap_or(head.len());
    let (name, rest) = head.split_at_checked(end).unwrap_or((head, ""));
    let rest = rest.trim();
    if is_place && !rest.starts_with('@') {
        let egg = text.split_once("#egg=").map(|(_, egg)| egg.split('&').next().unwrap_or_default());
        return Ok(Wanted {
            name: egg.unwrap_or_default().to_owned(),
            text: text.to_owned(),
            specs: Vec::new(),
        });
    }
    if name.is_empty() {
        return invalid(&format!("Invalid requirement: '{text}'"));
    }
    let mut rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest).trim(),
        None => rest,
    };
    let mut specs = Vec::new();
    if rest.starts_with('@') {
        rest = "";
    }
    rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let operators = ["===", "==", "!=", "<=", ">=", "~=", "<", ">"];
        let Some(operator) = operators.iter().find(|operator| part.starts_with(**operator)) else {
            if text.contains('=') && !text.contains("==") {
                return Err(format!(
                    "Invalid version specification in package {text}. '=' is not supported, use '==' instead."
                ));
            }
            return invalid(&format!("Invalid requirement: '{text}'"));
        };
        let version = part.get(operator.len()..).unwrap_or_default().trim();
        specs.push(((*operator).to_owned(), version.to_owned()));
    }
    let mut plain = String::new();
    for char in name.chars() {
        let char = if char.is_ascii_alphanumeric() || char == '.' { char } else { '-' };
        if char != '-' || !plain.ends_with('-') {
            plain.push(char);
        }
    }
    Ok(Wanted { name: plain, text: text.to_owned(), specs })
}

/// The version of a package, whatever the case of its name.
fn version_of(installed: &Map, name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    installed.iter().find(|(key, _)| str_of(key).to_lowercase() == lower).map(|(_, version)| str_of(version))
}

fn answer(name: &str, result: Option<bool>, comment: impl Into<String>) -> StateReturn {
    StateReturn::new(name, result, comment)
}

fn place(args: &Args, bin_env: &Value) -> Map {
    map! { "bin_env" => bin_env.clone(), "user" => args.get("user").clone(), "cwd" => args.get("cwd").clone() }
}

/// What has to be done about one package: nothing (with the comment), or to install it.
fn check(
    running: &Running,
    args: &Args,
    place: &Map,
    installed: &Map,
    wanted: &Wanted,
) -> Result<Option<String>, Fault> {
    let flag = |name: &str| args.keywords.get(name).is_some_and(Value::truthy);
    let Some(version) = version_of(installed, &wanted.name) else { return Ok(None) };
    if flag("ignore_installed") || flag("force_reinstall") {
        return Ok(None);
    }
    let there = format!("Python package {} was already installed", wanted.text);
    if !flag("upgrade") {
        return Ok(fulfills(&version, &wanted.specs).unwrap_or(false).then_some(there));
    }
    let mut asked = place.clone();
    for (flag, letters) in [("include_alpha", "a"), ("include_beta", "b"), ("include_rc", "rc")] {
        asked.insert(flag, wanted.specs.iter().any(|(_, version)| version.contains(letters)));
    }
    for key in ["index_url", "extra_index_url"] {
        asked.insert(key, args.keywords.get(key).cloned());
    }
    let all = running.ask_with("pip.list_all_versions", &[wanted.name.as_str().into()], asked)?;
    let all: Vec<String> = all.as_list().unwrap_or_default().iter().map(str_of).collect();
    let fits = |version: &&String| wanted.specs.is_empty() || fulfills(version, &wanted.specs) == Some(true);
    let Some(best) = all.iter().rev().find(fits) else {
        return Ok(Some(format!(
            "Python package {} was already installed and\nthe available upgrade doesn't fulfills the version requirements",
            wanted.name
        )));
    };
    let same = PyVersion::parse(&version).is_some() && PyVersion::parse(&version) == PyVersion::parse(best);
    Ok(same.then_some(there))
}

/// The comments of those that are there, before another one.
fn after(there: &[String], text: &str) -> String {
    there.iter().map(|comment| format!("{comment}\n")).collect::<String>() + text
}

fn installed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let bin_env = if args.truthy("bin_env") { args.get("bin_env") } else { args.get("pip_bin") };
    let given = args.str("name")?;
    let pkgs: Vec<String> = match args.get("pkgs") {
        Value::List(pkgs) => pkgs.iter().map(str_of).collect(),
        pkgs if pkgs.truthy() => {
            return Ok(answer(&given, Some(false), "pkgs argument must be formatted as a list"));
        }
        _ => vec![given.clone()],
    };
    let name = pkgs.join(";");
    match running.ask("pip.version", std::slice::from_ref(bin_env)) {
        Ok(_) => {}
        Err(fault @ (Fault::NotFound(_) | Fault::Execution { .. })) => {
            let text = format!("Error installing '{given}': {}", failure::text(&fault));
            return Ok(answer(&name, Some(false), text));
        }
        Err(fault) => return Err(fault),
    }
    let word = |key: &str| args.keywords.get(key).filter(|value| value.truthy()).map(str_of);
    let (requirements, editable) = (word("requirements"), word("editable"));
    let by_file = requirements.is_some() || editable.is_some();
    let (mut wanted, mut mistakes) = (Vec::new(), Vec::new());
    for text in pkgs.iter().filter(|_| !by_file) {
        match parse(text) {
            Ok(one) => wanted.push(one),
            Err(text) => mistakes.push(text),
        }
    }
    if !mistakes.is_empty() {
        return Ok(answer(&name, Some(false), mistakes.join("\n")));
    }
    if let Some(user) = args.opt_str("user")?.filter(|user| !user.is_empty())
        && !running.ask("user.info", &[user.as_str().into()])?.truthy()
    {
        return Ok(answer(&name, Some(false), format!("User {user} does not exist")));
    }
    let place = place(args, bin_env);
    let (mut targets, mut there) = (Vec::new(), Vec::new());
    if by_file {
        if running.test() {
            let mut comments = Vec::new();
            comments
                .extend(requirements.map(|file| format!("Requirements file '{file}' will be processed.")));
            comments.extend(editable.map(|from| {
                format!("Package will be installed in editable mode (i.e. setuptools \"develop mode\") from {from}.")
            }));
            return Ok(answer(&name, None, comments.join(" ")));
        }
    } else {
        let known = running.ask_with("pip.list", &[], place.clone())?.as_map().cloned().unwrap_or_default();
        for one in &wanted {
            match check(running, args, &place, &known, one)? {
                Some(comment) => there.push(comment),
                None => targets.push(one.clone()),
            }
        }
        if let Some(first) = targets.first().filter(|_| running.test()) {
            let comment = if wanted.len() > 1 {
                let all: Vec<&str> = wanted.iter().map(|one| one.text.as_str()).collect();
                format!("Python package(s) set to be installed:\n{}", all.join("\n"))
            } else {
                format!("Python package {} is set to be installed", first.text)
            };
            return Ok(answer(&name, None, comment));
        }
        if targets.is_empty() {
            let more = if word("upgrade").is_some() { " and up-to-date" } else { "" };
            let text = format!("All specified packages are already installed{more}");
            return Ok(answer(&name, Some(true), after(&there, &text)));
        }
    }
    let mut asked = args.keywords.clone();
    asked.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    asked.extend(place.clone());
    let names: Vec<String> = targets.iter().map(|one| one.text.replace(',', ";")).collect();
    asked.insert("pkgs", names.join(","));
    asked.insert("saltenv", running.low.str("__env__").unwrap_or("base"));
    asked.insert("disable_version_check", true);
    let done = running.ask_with("pip.install", &[], asked)?;
    let part = |key: &str| done.get(key).map(str_of).unwrap_or_default();
    let fine = done.get("retcode").and_then(Value::as_int) == Some(0);
    if by_file {
        return Ok(by_requirements(&name, fine, &done, requirements.as_deref(), editable.as_deref()));
    }
    if !fine {
        let names: Vec<String> = targets.iter().map(|one| one.text.replace(',', ";")).collect();
        let error = if done.get("stdout").is_some() {
            format!("Error: {} {}", part("stdout"), part("stderr"))
        } else {
            format!("Error: {}", part("comment"))
        };
        let text = format!("Failed to install packages: {}. {error}", names.join(", "));
        return Ok(answer(&name, Some(false), after(&there, &text)));
    }
    let said = part("stdout");
    let same: Vec<String> = said
        .lines()
        .filter_map(|line| line.strip_prefix("Requirement already up-to-date: ")?.split_whitespace().next())
        .map(str::to_lowercase)
        .collect();
    let (mut changes, mut missing) = (Map::new(), Vec::new());
    for one in &targets {
        if one.name.is_empty() {
            changes.insert(format!("{}==???", one.text.replace(',', ";")), "Installed");
            continue;
        }
        let found = running.ask_with("pip.list", &[one.name.as_str().into()], place.clone())?;
        let found = found.as_map().cloned().unwrap_or_default();
        match version_of(&found, &one.name) {
            Some(version) if !same.contains(&one.name.to_lowercase()) => {
                changes.insert(format!("{}=={version}", one.name), "Installed");
            }
            None if found.is_empty() => missing.push(format!(
                "There was no error installing package '{}' although it does not show when calling 'pip.freeze'.",
                one.text
            )),
            _ => {}
        }
    }
    let text = if missing.is_empty() {
        "All packages were successfully installed".to_owned()
    } else {
        missing.join("\n")
    };
    Ok(answer(&name, Some(true), after(&there, &text)).with(changes))
}

/// What is said of a file of requirements, or of a checkout. Pure.
fn by_requirements(
    name: &str,
    fine: bool,
    done: &Value,
    requirements: Option<&str>,
    editable: Option<&str>,
) -> StateReturn {
    const NOTHING_NEW: [&str; 7] = [
        "Requirement already satisfied",
        "Requirement already up-to-date",
        "Requirement not upgraded",
        "Collecting",
        "Cloning",
        "Cleaning up...",
        "Looking in indexes",
    ];
    let part = |key: &str| done.get(key).map(str_of).unwrap_or_default();
    let (mut comments, mut changes) = (Vec::new(), Map::new());
    if !fine {
        comments.extend(requirements.map(|file| format!("Unable to process requirements file \"{file}\"")));
        comments.extend(editable.map(|from| format!("Unable to install from VCS checkout {from}.")));
        comments.push(if done.get("stdout").is_some() {
            format!("Error: {} {}", part("stdout"), part("stderr"))
        } else {
            format!("Error: {}", part("comment"))
        });
        return answer(name, Some(false), comments.join(" "));
    }
    if let Some(file) = requirements {
        let said = part("stdout");
        let is_news = |line: &str| !NOTHING_NEW.iter().any(|start| line.trim().starts_with(start));
        if said.split('\n').any(is_news) {
            changes.insert("requirements", true);
            comments.push(format!("Successfully processed requirements file {file}."));
        } else {
            comments.push("Requirements were already installed.".to_owned());
        }
    }
    if let Some(from) = editable {
        comments.push(format!("Package successfully installed from VCS checkout {from}."));
        changes.insert("editable", true);
    }
    answer(name, Some(true), comments.join(" ")).with(changes)
}

fn removed(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let place = place(args, args.get("bin_env"));
    let known = match running.ask_with("pip.list", &[], place.clone()) {
        Ok(known) => known,
        Err(fault @ (Fault::NotFound(_) | Fault::Execution { .. })) => {
            let text = format!("Error uninstalling '{name}': {}", failure::text(&fault));
            return Ok(answer(&name, Some(false), text));
        }
        Err(fault) => return Err(fault),
    };
    if known.get(&name).is_none() {
        return Ok(answer(&name, Some(true), "Package is not installed."));
    }
    if running.test() {
        return Ok(answer(&name, None, format!("Package {name} is set to be removed")));
    }
    let mut asked = map! { "pkgs" => name.as_str() };
    asked.extend(place);
    for key in ["requirements", "log", "proxy", "timeout"] {
        asked.insert(key, args.get(key).clone());
    }
    let done = running.ask_with("pip.uninstall", &[], asked)?;
    // Salt takes every answer of the program for a success.
    let fine = done.get("retcode").is_none_or(|code| code.as_int() == Some(0)) && done.truthy();
    Ok(if fine {
        let changes: Map = [(name.as_str(), "Removed")].into_iter().collect();
        answer(&name, Some(true), "Package was successfully removed.").with(changes)
    } else {
        answer(&name, Some(false), "Could not remove package.")
    })
}

fn uptodate(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let place = place(args, args.get("bin_env"));
    let old = match running.ask_with("pip.list_upgrades", &[], place.clone()) {
        Ok(old) => old,
        Err(fault) => return Ok(answer(&name, Some(false), failure::text(&fault))),
    };
    if !old.truthy() {
        return Ok(answer(&name, Some(true), "System is already up-to-date."));
    }
    if running.test() {
        return Ok(answer(&name, None, "System update will be performed"));
    }
    let done = running.ask_with("pip.upgrade", &[], place)?;
    if done.get("result").and_then(Value::as_bool) == Some(false) {
        let changes = done.get("changes").cloned().unwrap_or_default();
        let comment = done.get("comment").map(str_of).unwrap_or_default();
        return Ok(answer(&name, Some(false), comment).with(changes));
    }
    Ok(answer(&name, Some(true), "Upgrade successful.").with(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_names_with_versions() {
        let check = |text: &str, name: &str, specs: &[(&str, &str)]| {
            let parsed = parse(text).expect(text);
            let specs: Vec<(String, String)> = specs
                .iter()
                .map(|(operator, version)| ((*operator).to_owned(), (*version).to_owned()))
                .collect();
            assert_eq!((parsed.name.as_str(), &parsed.specs), (name, &specs), "{text}");
        };
        check("django", "django", &[]);
        check(
            "My_Package[extra] >= 1.0, <2 ; python_version > '3'",
            "My-Package",
            &[(">=", "1.0"), ("<", "2")],
        );
        check("git+https://host/x.git#egg=thing", "thing", &[]);
        check("./local", "", &[]);
        assert_eq!(
            parse("django=1.0").unwrap_err(),
            "Invalid version specification in package django=1.0. '=' is not supported, use '==' instead."
        );
    }
}
