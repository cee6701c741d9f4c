//! `pkg` by apk, for Alpine. Salt: modules/apkpkg.py.

use super::packages::{difference, finish, is_true, keyword, names, words};
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, Ran, keywords, opt, rest};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

const FILES: &[Param] = &[rest("packages"), keywords("kwargs")];
const REMOVE: &[Param] = &[opt("name", Default::None), opt("pkgs", Default::None), keywords("kwargs")];

pub(super) static MODULE: Module = Module {
    file: "apkpkg",
    provides: "pkg",
    available: |cx| {
        let other = "Module apk only works on Alpine Linux based systems";
        if cx.grain("os_family") == "Alpine" { Ok(()) } else { Err(other.to_owned()) }
    },
    functions: &[
        Function::new(
            "file_dict",
            FILES,
            "The files of packages: `{errors, packages: {name: [path]}}`.",
            file_dict,
        ),
        Function::new("file_list", FILES, "As `pkg.file_dict`.", file_dict),
        Function::new(
            "install",
            &[
                opt("name", Default::None),
                opt("refresh", Default::False),
                opt("pkgs", Default::None),
                opt("sources", Default::None),
                keywords("kwargs"),
            ],
            "Installs packages, or upgrades them where they are there: `{name: {old, new}}`. Versions are not chosen.",
            install,
        ),
        Function::new(
            "latest_version",
            &[rest("names"), keywords("kwargs")],
            "The version that could be installed, or nothing where the newest one is.",
            latest_version,
        ),
        Function::new(
            "list_pkgs",
            &[opt("versions_as_list", Default::False), keywords("kwargs")],
            "Installed packages: `{name: version}`.",
            |cx, args| {
                if ["removed", "purge_desired"].iter().any(|key| keyword(args, key).is_some_and(is_true)) {
                    return Ok(Map::new().into());
                }
                let mut pkgs = installed(cx)?;
                if is_true(args.get("versions_as_list")) {
                    pkgs.iter_mut().for_each(|(_, version)| *version = Value::List(vec![version.clone()]));
                }
                Ok(pkgs.into())
            },
        ),
        Function::new(
            "list_upgrades",
            &[opt("refresh", Default::True), keywords("kwargs")],
            "Packages that could be upgraded: `{name: version}`.",
            |cx, args| {
                refresh(cx, args.get("refresh"))?;
                let ran = apk(cx, &["upgrade", "-s"], &[])?;
                if ran.ok() {
                    Ok(upgrades(&ran.stdout).into())
                } else {
                    Err(Fault::execution(ran.stderr + &ran.stdout))
                }
            },
        ),
        Function::new("owner", &[rest("paths"), keywords("kwargs")], "The package that a file is of.", owner),
        Function::new("purge", REMOVE, "Removes packages and their configuration.", |cx, args| {
            remove(cx, args, &["del", "--purge"])
        }),
        Function::new("refresh_db", &[keywords("kwargs")], "Reads the package lists anew.", |cx, _| {
            refresh(cx, &true.into())?;
            Ok(true.into())
        }),
        Function::new(
            "remove",
            REMOVE,
            "Removes packages. What has changed: `{name: {old, new}}`.",
            |cx, args| remove(cx, args, &["del"]),
        ),
        Function::new(
            "upgrade",
            &[
                opt("name", Default::None),
                opt("pkgs", Default::None),
                opt("refresh", Default::True),
                keywords("kwargs"),
            ],
            "Upgrades packages, all without names: `{result, changes, comment}`.",
            upgrade,
        ),
        Function::new(
            "version",
            &[rest("names"), keywords("kwargs")],
            "The installed version.",
            |cx, args| cx.ask_with("pkg_resource.version", &args.rest, args.keywords.clone()),
        ),
    ],
};

fn apk(cx: &Context, command: &[&str], more: &[String]) -> Result<Ran, Fault> {
    let mut line = words(&["apk"]);
    line.extend(words(command));
    line.extend_from_slice(more);
    cx.program(&line)
}

fn refresh(cx: &Context, wanted: &Value) -> Result<(), Fault> {
    if !is_true(wanted) {
        return Ok(());
    }
    let ran = apk(cx, &["update"], &[])?;
    if ran.ok() {
        return Ok(());
    }
    let info = map! { "errors" => Value::List(vec![ran.stdout.into()]), "changes" => false };
    Err(Fault::Execution {
        text: "Problem encountered installing package(s)".to_owned(),
        info: Some(info.into()),
    })
}

/// `name-1.2-r3` as name and version.
fn split(line: &str) -> Option<(&str, &str)> {
    let before = line.rfind('-')?;
    let at = line.get(..before)?.rfind('-')?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

fn installed(cx: &Context) -> Result<Map, Fault> {
    let listed = apk(cx, &["info", "-v"], &[])?.stdout;
    let mut pkgs: Vec<_> = listed.lines().filter_map(split).collect();
    sort::all(&mut pkgs);
    Ok(pkgs.into_iter().collect())
}

/// Of what `apk upgrade -s` would do: `(1/2) Upgrading musl (1.2.3-r0 -> 1.2.3-r1)`.
fn upgrades(text: &str) -> Map {
    let rows = text.lines().filter(|line| line.contains("Upgrading"));
    let rows = rows.map(|line| line.split(' ').collect::<Vec<_>>());
    rows.filter_map(|row| Some((*row.get(2)?, row.get(5)?.trim_matches(')')))).collect()
}

fn latest_version(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked = names(&Value::List(args.rest.clone()));
    if asked.is_empty() {
        return Ok("".into());
    }
    let there = installed(cx)?;
    refresh(cx, args.keywords.get("refresh").unwrap_or(&true.into()))?;
    let newer = upgrades(&apk(cx, &["upgrade", "-s"], &[])?.stdout);
    let mut found = Map::new();
    for name in &asked {
        let mut version = newer.str(name).unwrap_or_default().to_owned();
        if version.is_empty() {
            let listed = apk(cx, &["search"], std::slice::from_ref(name))?.stdout;
            let last = listed.lines().filter_map(split).rfind(|(other, _)| other == name);
            version = last.map(|(_, version)| version.to_owned()).unwrap_or_default();
            if there.str(name) == Some(&version) {
                version.clear();
            }
        }
        found.insert(name.as_str(), version);
    }
    Ok(match asked.as_slice() {
        [name] => found.remove(name).unwrap_or_default(),
        _ => found.into(),
    })
}

/// `name`, several with commas between them, and those of `pkgs`.
fn wanted(args: &Args, with_name: bool) -> Vec<String> {
    let mut all = Vec::new();
    if with_name && args.truthy("name") {
        all.extend(str_of(args.get("name")).split(',').map(str::to_owned));
    }
    for pkg in args.get("pkgs").as_list().unwrap_or_default() {
        all.extend(names(pkg).into_iter().next());
    }
    all
}

/// Runs apk: what has changed, or a failure with what it says.
fn change(cx: &Context, command: &[&str], pkgs: &[String], old: &Map, text: &str) -> Result<Value, Fault> {
    let ran = apk(cx, command, pkgs)?;
    let errors = if ran.ok() || ran.stderr.is_empty() { Vec::new() } else { vec![ran.stderr] };
    finish(text, &errors, difference(old, &installed(cx)?))
}

fn install(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pkgs = wanted(args, !args.truthy("pkgs"));
    let old = installed(cx)?;
    if pkgs.is_empty() {
        return Ok(Map::new().into());
    }
    refresh(cx, args.get("refresh"))?;
    let command: &[&str] = if pkgs.iter().any(|pkg| old.contains(pkg)) { &["add", "-u"] } else { &["add"] };
    change(cx, command, &pkgs, &old, "Problem encountered installing package(s)")
}

fn remove(cx: &Context, args: &Args, command: &[&str]) -> Result<Value, Fault> {
    let (pkgs, old) = (wanted(args, true), installed(cx)?);
    if pkgs.is_empty() {
        return Ok(Map::new().into());
    }
    change(cx, command, &pkgs, &old, "Problem encountered removing package(s)")
}

fn upgrade(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refresh(cx, args.get("refresh"))?;
    let old = installed(cx)?;
    let pkgs = wanted(args, !args.truthy("pkgs"));
    let command: &[&str] = if pkgs.is_empty() { &["upgrade"] } else { &["add", "-u"] };
    let ran = apk(cx, command, &pkgs)?;
    let comment = if ran.ok() { String::new() } else { ran.stdout.clone() + &ran.stderr };
    let changes = difference(&old, &installed(cx)?);
    Ok(map! { "changes" => changes, "result" => ran.ok(), "comment" => comment }.into())
}

fn file_dict(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.rest.is_empty() {
        return Ok("Package name should be provided".into());
    }
    let mut packages = Map::new();
    for name in args.rest.iter().map(str_of) {
        let listed = apk(cx, &["info", "-L"], std::slice::from_ref(&name))?.stdout;
        let files: Vec<&str> = listed.lines().filter(|line| !line.ends_with("contains:")).collect();
        if !files.is_empty() {
            packages.insert(name, Value::list(files));
        }
    }
    Ok(map! { "errors" => Value::List(Vec::new()), "packages" => packages }.into())
}

fn owner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.rest.is_empty() {
        return Ok("You must provide a path".into());
    }
    let mut found = Map::new();
    for path in args.rest.iter().map(str_of) {
        let said = apk(cx, &["info", "-W"], std::slice::from_ref(&path))?.stdout;
        let name = match said.split_once("by ") {
            _ if said.contains("ERROR:") => "Could not find owner package".to_owned(),
            Some((_, name)) => name.trim().to_owned(),
            None => format!("Error running ['apk', 'info', '-W', '{path}']"),
        };
        found.insert(path, name);
    }
    Ok(found.into())
}
