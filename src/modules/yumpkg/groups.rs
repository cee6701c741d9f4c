//! Groups of packages, and advisories. Salt: modules/yumpkg.py (`group_*`, `list_patches`).

use std::collections::BTreeSet;

use super::{installed, is_true, names, options, program, refresh, words};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

const KINDS: [&str; 4] = ["mandatory", "optional", "default", "conditional"];

fn said(cx: &Context, line: Vec<String>) -> Result<String, Fault> {
    let mut command = vec![program(cx)?.to_owned()];
    command.extend(line);
    let how = map! { "output_loglevel" => "trace", "python_shell" => false };
    Ok(str_of(&cx.ask_with("cmd.run_stdout", &[Value::list(command)], how)?))
}

/// `{installed, available, "installed environments", "available environments": [name], "available languages": {}}`.
pub(super) fn list(cx: &Context, _: &Args) -> Result<Value, Fault> {
    const LANGUAGES: &str = "available languages";
    const SECTIONS: [(&str, &str); 5] = [
        ("installed groups:", "installed"),
        ("available groups:", "available"),
        ("installed environment groups:", "installed environments"),
        ("available environment groups:", "available environments"),
        ("available language groups:", LANGUAGES),
    ];
    let mut all: Map = SECTIONS.iter().map(|(_, name)| (*name, Value::List(Vec::new()))).collect();
    all.insert(LANGUAGES, Map::new());
    let mut section = None;
    for line in said(cx, words(&["grouplist", "hidden"]))?.split_terminator('\n') {
        let lower = line.to_lowercase();
        if lower == "done" {
            break;
        }
        let begun = SECTIONS.iter().find(|(title, _)| *title == lower).map(|(_, name)| *name);
        if begun.is_some() && begun != section {
            section = begun;
            continue;
        }
        let line = line.trim();
        match section.and_then(|section| all.get_mut(section)) {
            Some(Value::List(groups)) => groups.push(line.into()),
            Some(Value::Map(languages)) => {
                if let Some((name, language)) = line.strip_suffix(']').and_then(|line| line.rsplit_once(" ["))
                {
                    languages.insert(line, map! { "name" => name, "language" => language });
                }
            }
            _ => {}
        }
    }
    Ok(all.into())
}

/// What a group has: its packages by kind, or with `expand` those of all groups in it.
struct Group {
    about: Map,
    members: [BTreeSet<String>; 4],
}

impl Group {
    fn into_map(self) -> Map {
        let members = KINDS.iter().zip(self.members).map(|(kind, all)| (*kind, Value::list(all)));
        members.collect::<Map>().into_iter().chain(self.about).collect()
    }
}

/// The kind that a line is the title of.
fn title(line: &str) -> Option<usize> {
    let lower = line.to_lowercase();
    let (kind, rest) = lower.split_once(' ')?;
    let rest = rest.trim_end();
    (["groups:", "packages:"].contains(&rest)).then(|| KINDS.iter().position(|own| *own == kind))?
}

fn group(
    cx: &Context,
    name: &str,
    expand: bool,
    repos: &[String],
    known: &mut Vec<String>,
) -> Result<Group, Fault> {
    let mut line = words(&["--quiet"]);
    line.extend_from_slice(repos);
    line.extend(words(&["groupinfo", name]));
    let text = said(cx, line)?;
    let mut told = Map::new();
    for line in text.split_terminator('\n') {
        if let Some((key, value)) = line.split_once(':').filter(|(_, value)| !value.contains(':')) {
            told.insert(key.trim().to_lowercase(), value.trim());
        }
    }
    let of =
        |keys: [&str; 2]| keys.iter().find_map(|key| told.get(key).filter(|value| value.truthy()).cloned());
    let environment = told.contains("environment group");
    let mut about = Map::new();
    if environment || told.contains("group") {
        about.insert("type", if environment { "environment group" } else { "package group" });
    }
    let (full, id) = (of(["environment group", "group"]), of(["environment-id", "group-id"]));
    if full.is_none() && id.is_none() {
        return Err(Fault::execution(format!("Group '{name}' not found")));
    }
    about.insert("group", full);
    about.insert("id", id);
    about.insert("description", told.get("description").cloned().unwrap_or_else(|| "".into()));
    let mut members: [BTreeSet<String>; 4] = Default::default();
    for wanted in 0..KINDS.len() {
        let mut here = false;
        for line in text.split_terminator('\n') {
            let line = line.trim().trim_start_matches(|c: char| c.is_ascii_punctuation());
            if let Some(kind) = title(line) {
                if here {
                    break;
                }
                here = kind == wanted;
                continue;
            }
            if !here {
                continue;
            }
            if !(expand && environment) {
                if let Some(all) = members.get_mut(wanted) {
                    all.insert(line.to_owned());
                }
            } else if !line.is_empty() && !known.iter().any(|name| name == line) {
                known.push(line.to_owned());
                let inner = group(cx, &format!("@{line}"), true, &[], known)?;
                for (all, more) in members.iter_mut().zip(inner.members) {
                    all.extend(more);
                }
            }
        }
    }
    Ok(Group { about, members })
}

/// Of the options of a call those that choose repositories.
fn repositories(args: &Args) -> Vec<String> {
    const CHOOSE: [&str; 3] = ["fromrepo", "enablerepo", "disablerepo"];
    let mut own = args.clone();
    own.keywords.retain(|key, _| key.as_str().is_some_and(|key| CHOOSE.contains(&key)));
    options(&own)
}

pub(super) fn info(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut known = names(args.get("ignore_groups"));
    let repos = repositories(args);
    Ok(group(cx, &args.str("name")?, args.truthy("expand"), &repos, &mut known)?.into_map().into())
}

/// `{kind: {installed: [name], "not installed": [name]}}`.
pub(super) fn diff(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let now = installed(cx, true)?;
    let found = group(cx, &args.str("name")?, true, &repositories(args), &mut Vec::new())?;
    let parted = KINDS.iter().zip(found.members).map(|(kind, members)| {
        let (here, missing): (Vec<_>, Vec<_>) = members.into_iter().partition(|name| now.contains(name));
        (*kind, map! { "installed" => Value::list(here), "not installed" => Value::list(missing) })
    });
    Ok(parted.collect::<Map>().into())
}

pub(super) fn group_install(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let listed = |name: &str| match args.get(name) {
        Value::Text(text) => text.split(',').map(str::to_owned).collect(),
        other => names(other),
    };
    let groups = listed("name");
    if groups.is_empty() {
        return Err(Fault::invocation("no groups specified"));
    }
    let skip = listed("skip");
    let mut targets = BTreeSet::new();
    for name in groups {
        let [mandatory, _, default, _] = group(cx, &name, false, &[], &mut Vec::new())?.members;
        targets.extend(mandatory);
        targets.extend(default.into_iter().filter(|name| !skip.contains(name)));
    }
    targets.extend(listed("include"));
    let now = installed(cx, true)?;
    targets.retain(|name| !now.contains(name));
    if targets.is_empty() {
        return Ok(Map::new().into());
    }
    let mut options = args.keywords.clone();
    options.insert("pkgs", Value::list(targets));
    cx.ask_with("pkg.install", &[], options)
}

/// `{advisory: {installed, summary: [package]}}`.
pub(super) fn patches(cx: &Context, installed_only: bool) -> Result<Map, Fault> {
    let mut command = vec![program(cx)?.to_owned()];
    command.extend(words(&["--quiet", "updateinfo", "list", "all"]));
    let text =
        str_of(&cx.ask_with("cmd.run_stdout", &[Value::list(command)], map! { "python_shell" => false })?);
    let mut all = Map::new();
    for line in text.split_terminator('\n') {
        let mark = line.chars().next().filter(|mark| *mark == 'i' || *mark == '|' || mark.is_whitespace());
        let rest =
            line.get(1..).and_then(|rest| rest.strip_prefix(' ')).filter(|rest| !rest.starts_with(' '));
        let rest: Vec<&str> = rest.unwrap_or_default().split_whitespace().collect();
        let (Some(mark), [advisory, _, package, ..]) = (mark, rest.as_slice()) else {
            if !line.is_empty() {
                crate::log::warn!("the list of patches has a line that is none: {line}");
            }
            continue;
        };
        let entry = all
            .entry(*advisory, || map! { "installed" => true, "summary" => Value::List(Vec::new()) }.into());
        if let Value::Map(entry) = entry {
            if mark != 'i' {
                entry.insert("installed", false);
            }
            if let Some(Value::List(summary)) = entry.get_mut("summary") {
                summary.push((*package).into());
            }
        }
    }
    if installed_only {
        all.retain(|_, patch| patch.get("installed").is_some_and(Value::truthy));
    }
    Ok(all)
}

pub(super) fn list_patches(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        refresh(cx, args)?;
    }
    Ok(patches(cx, false)?.into())
}

/// The advisories that `pkg.install` was asked for; `None` where it was asked for packages.
pub(super) fn wanted(args: &Args) -> Option<Vec<String>> {
    let ids = args.keywords.get("advisory_ids")?;
    if args.truthy("pkgs") {
        crate::log::error!("Cannot use \"advisory_ids\" and \"pkgs\" at the same time");
        return Some(Vec::new());
    }
    Some(names(if ids.truthy() { ids } else { args.get("name") }))
}

/// # Errors
/// When no repository knows one of these advisories.
pub(super) fn check(cx: &Context, ids: &[String]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let known = patches(cx, false)?;
    match ids.iter().find(|id| !known.contains(id)) {
        Some(id) => Err(Fault::execution(format!("Advisory id \"{id}\" not found"))),
        None => Ok(()),
    }
}
