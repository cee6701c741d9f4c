//! Installing, removing and upgrading by apt-get. Salt: modules/aptpkg.py.

use super::{apt, difference, finish, flag, is_true, keyword, names, query, selections, version, words};
use crate::loader::{Args, Context, Default, Fault, Param, keywords, opt};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

pub(super) const PARAMS: &[Param] = &[
    opt("name", Default::None),
    opt("refresh", Default::False),
    opt("fromrepo", Default::None),
    opt("skip_verify", Default::False),
    opt("debconf", Default::None),
    opt("pkgs", Default::None),
    opt("sources", Default::None),
    opt("reinstall", Default::False),
    opt("downloadonly", Default::False),
    opt("ignore_epoch", Default::False),
    keywords("kwargs"),
];

/// What apt-get has to be told, by kind.
#[derive(Default)]
struct Targets {
    install: Vec<String>,
    downgrade: Vec<String>,
    /// Name and what apt-get is told.
    reinstall: Vec<(String, String)>,
    errors: Vec<String>,
}

/// One package that is asked for.
struct Asked {
    name: Option<String>,
    /// The path of a package file.
    path: Option<String>,
    version: Option<String>,
}

/// Whether the lists have to be read anew: not where exactly what is asked for is known already.
fn has_to_refresh(cx: &Context, args: &Args) -> Result<bool, Fault> {
    if !is_true(args.get("refresh")) {
        return Ok(false);
    }
    let is_latest = |name: &str, version: &Value| -> Result<bool, Fault> {
        let found = query::latest(cx, &[name.to_owned()], None, true)?;
        Ok(found.get(name) == Some(version))
    };
    if let Some(pkgs) = args.get("pkgs").as_list().filter(|pkgs| !pkgs.is_empty()) {
        let mut outdated = false;
        for pkg in pkgs {
            outdated |= match pkg.as_map().and_then(|map| map.at(0)) {
                Some((name, version)) => !is_latest(&str_of(name), version)?,
                None => true,
            };
        }
        return Ok(outdated);
    }
    match keyword(args, "version").filter(|version| version.truthy()) {
        Some(version) => Ok(!is_latest(&str_of(args.get("name")), version)?),
        None => Ok(true),
    }
}

fn asked(cx: &Context, args: &Args) -> Result<Option<(Vec<Asked>, bool)>, Fault> {
    let mut kwargs = args.keywords.clone();
    for key in ["name", "pkgs", "sources"] {
        kwargs.insert(key, args.get(key).clone());
    }
    let parsed = cx.ask_with("pkg_resource.parse_targets", &[], kwargs)?;
    let parts = parsed.as_list().unwrap_or_default();
    match parts.first() {
        Some(Value::Map(packages)) if !packages.is_empty() => {
            let one = packages.len() == 1 && args.truthy("name") && args.get("pkgs").is_null();
            let version = keyword(args, "version").filter(|version| one && version.truthy()).map(str_of);
            let all = packages.iter().map(|(name, own)| Asked {
                name: Some(str_of(name)),
                path: None,
                version: version.clone().or_else(|| (!own.is_null()).then(|| str_of(own))),
            });
            Ok(Some((all.collect(), true)))
        }
        Some(Value::List(paths)) if !paths.is_empty() => {
            let mut all = Vec::new();
            for path in paths {
                let info = cx.ask("lowpkg.bin_pkg_info", std::slice::from_ref(path))?;
                let text = |key: &str| info.get(key).map(str_of);
                all.push(Asked { name: text("name"), path: Some(str_of(path)), version: text("version") });
            }
            Ok(Some((all, false)))
        }
        _ => Ok(None),
    }
}

/// Sorts what is asked for by what apt-get has to do for it. Pure.
fn sort(asked: &[Asked], old: &Map, available: &Map, reinstall: bool, ignore_epoch: bool) -> Targets {
    let mut targets = Targets::default();
    for one in asked {
        let name = one.name.clone().unwrap_or_default();
        let now = old.get(&name).map(str_of).unwrap_or_default();
        let Some(wanted) = &one.version else {
            match &one.path {
                Some(path) => targets.install.push(path.clone()),
                None if reinstall && old.contains(&name) => targets.reinstall.push((name.clone(), name)),
                None => targets.install.push(name),
            }
            continue;
        };
        let mut wanted = if one.path.is_none() { wanted.trim_start_matches('=') } else { wanted }.to_owned();
        if one.path.is_none() && wanted.starts_with(['<', '>']) {
            let candidates: Vec<String> = available.get(&name).map(names).unwrap_or_default();
            match query::matching(&wanted, &candidates, ignore_epoch) {
                Some(found) => wanted = found,
                None => {
                    let listed =
                        if candidates.is_empty() { "None".to_owned() } else { candidates.join(", ") };
                    targets.errors.push(format!(
                        "No version matching '{name}{wanted}' could be found (available: {listed})"
                    ));
                    continue;
                }
            }
        }
        let word = one.path.clone().unwrap_or_else(|| format!("{name}={wanted}"));
        let order = version::compare(&wanted, &now, false);
        if reinstall && !now.is_empty() && order.is_eq() {
            targets.reinstall.push((name, word));
        } else if now.is_empty() || order.is_ge() {
            targets.install.push(word);
        } else {
            targets.downgrade.push(word);
        }
    }
    targets
}

/// `apt-get` and its options, without the packages. Pure.
fn prefix(args: &Args, from_repository: bool) -> Vec<String> {
    let mut line = words(&["apt-get", "-q", "-y"]);
    let mut add = |all: &[&str]| line.extend(words(all));
    if flag(args, "force_yes") {
        add(&["--force-yes"]);
    }
    if flag(args, "force_conf_new") {
        add(&["-o", "DPkg::Options::=--force-confnew"]);
    } else {
        add(&["-o", "DPkg::Options::=--force-confold", "-o", "DPkg::Options::=--force-confdef"]);
    }
    if let Some(recommends) = args.keywords.get("install_recommends") {
        add(&[if recommends.truthy() { "--install-recommends" } else { "--no-install-recommends" }]);
    }
    if flag(args, "only_upgrade") {
        add(&["--only-upgrade"]);
    }
    if args.truthy("skip_verify") {
        add(&["--allow-unauthenticated"]);
    }
    let repo = args.given("fromrepo").filter(|repo| repo.truthy()).or_else(|| keyword(args, "repo"));
    if let Some(repo) = repo.filter(|repo| from_repository && repo.truthy()) {
        add(&["-t", &str_of(repo)]);
    }
    add(&["install"]);
    line
}

fn command_lines(args: &Args, targets: &Targets, from_repository: bool) -> Vec<Vec<String>> {
    let prefix = prefix(args, from_repository);
    let mut lines = Vec::new();
    if !targets.install.is_empty() {
        lines.push([prefix.as_slice(), &targets.install].concat());
    }
    if !targets.downgrade.is_empty() {
        let mut line = prefix.clone();
        if from_repository && !line.iter().any(|word| word == "--force-yes") {
            line.insert(line.len() - 1, "--force-yes".to_owned());
        }
        line.extend_from_slice(&targets.downgrade);
        lines.push(line);
    }
    if args.truthy("downloadonly")
        && let Some(last) = lines.last_mut()
    {
        last.push("--download-only".to_owned());
    }
    if !targets.reinstall.is_empty() {
        let mut line = prefix;
        if !args.truthy("sources") {
            line.push("--reinstall".to_owned());
        }
        line.extend(targets.reinstall.iter().map(|(_, word)| word.clone()));
        lines.push(line);
    }
    lines
}

/// Options that are handed on to the program.
fn options(args: &Args) -> Map {
    args.keywords.get("env").map(|env| map! { "env" => env.clone() }).unwrap_or_default()
}

pub(super) fn install(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let refresh = has_to_refresh(cx, args)?;
    if args.truthy("debconf") {
        cx.ask("debconf.set_file", &[args.get("debconf").clone()])?;
    }
    let Some((asked, from_repository)) = asked(cx, args)? else { return Ok(Map::new().into()) };
    let old = query::versions(cx, false)?;
    let compared: Vec<String> = asked
        .iter()
        .filter(|one| one.version.as_ref().is_some_and(|version| version.starts_with(['<', '>'])))
        .filter_map(|one| one.name.clone())
        .collect();
    let available = if compared.is_empty() { Map::new() } else { query::available_versions(cx, &compared)? };
    let mut targets = sort(&asked, &old, &available, args.truthy("reinstall"), args.truthy("ignore_epoch"));
    let lines = command_lines(args, &targets, from_repository);
    let mut changes = Map::new();
    if !lines.is_empty() {
        if refresh {
            query::refresh(cx, keyword(args, "cache_valid_time").unwrap_or(&Value::Null), false)?;
        }
        let targeted: Vec<&str> = targets
            .install
            .iter()
            .chain(targets.reinstall.iter().map(|(name, _)| name))
            .map(|word| word.split('=').next().unwrap_or(word))
            .collect();
        let mut released = selections::held(cx)?;
        released.retain(|name| targeted.contains(&name.as_str()));
        if !released.is_empty() {
            selections::hold(cx, &released, false)?;
        }
        for line in &lines {
            let ran = apt(cx, line, true, options(args))?;
            if !ran.ok() && !ran.stderr.is_empty() {
                targets.errors.push(ran.stderr);
            }
        }
        query::forget(cx);
        let new = query::versions(cx, false)?;
        changes = difference(&old, &new);
        for (name, _) in &targets.reinstall {
            if !changes.contains(name) || old.contains(name) {
                let of = |pkgs: &Map| pkgs.get(name).cloned().unwrap_or_else(|| "".into());
                changes.insert(name.as_str(), map! { "old" => of(&old), "new" => of(&new) });
            }
        }
        if !released.is_empty() {
            selections::hold(cx, &released, true)?;
        }
    }
    finish("Problem encountered installing package(s)", &targets.errors, changes)
}

pub(super) fn uninstall(cx: &Context, args: &Args, purge: bool) -> Result<Value, Fault> {
    let parsed =
        cx.ask("pkg_resource.parse_targets", &[args.get("name").clone(), args.get("pkgs").clone()])?;
    let asked = parsed.as_list().and_then(|parts| parts.first()).map(names).unwrap_or_default();
    let (old, old_removed) = (query::versions(cx, false)?, query::versions(cx, true)?);
    let mut targets: Vec<String> = asked.iter().filter(|name| old.contains(name)).cloned().collect();
    if purge {
        targets.extend(asked.iter().filter(|name| old_removed.contains(name)).cloned());
    }
    if targets.is_empty() {
        return Ok(Map::new().into());
    }
    let mut line = words(&["apt-get", "-q", "-y", if purge { "purge" } else { "remove" }]);
    line.extend(targets);
    let ran = apt(cx, &line, true, options(args))?;
    let errors: Vec<String> =
        Some(&ran.stderr).filter(|text| !ran.ok() && !text.is_empty()).cloned().into_iter().collect();
    query::forget(cx);
    let changes = difference(&old, &query::versions(cx, false)?);
    let changes = if purge {
        let removed = difference(&old_removed, &query::versions(cx, true)?);
        map! { "removed" => removed, "installed" => changes }
    } else {
        changes
    };
    finish("Problem encountered removing package(s)", &errors, changes)
}

pub(super) fn autoremove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let list_only = args.truthy("list_only");
    let mut line = words(&["apt-get", if list_only { "--assume-no" } else { "--assume-yes" }]);
    if args.truthy("purge") {
        line.push("--purge".to_owned());
    }
    line.push("autoremove".to_owned());
    let quiet = map! { "ignore_retcode" => true };
    if list_only {
        return Ok(Value::list(to_be_removed(&apt(cx, &line, true, quiet)?.stdout)));
    }
    let old = query::versions(cx, false)?;
    apt(cx, &line, true, quiet)?;
    query::forget(cx);
    Ok(difference(&old, &query::versions(cx, false)?).into())
}

fn to_be_removed(text: &str) -> Vec<String> {
    let rest =
        text.lines().skip_while(|line| !line.contains("The following packages will be REMOVED:")).skip(1);
    let listed = rest.take_while(|line| line.starts_with(' '));
    let mut names: Vec<String> = listed.flat_map(str::split_whitespace).map(str::to_owned).collect();
    sort::all(&mut names);
    names
}

pub(super) fn upgrade(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        query::refresh(cx, keyword(args, "cache_valid_time").unwrap_or(&Value::Null), false)?;
    }
    let old = query::versions(cx, false)?;
    let mut line = words(&["apt-get", "-q", "-y"]);
    let how: &[&str] = if flag(args, "force_conf_new") {
        &["--force-confnew"]
    } else {
        &["--force-confold", "--force-confdef"]
    };
    for option in how {
        line.extend(["-o".to_owned(), format!("DPkg::Options::={option}")]);
    }
    for (names, word) in [
        (&["force_yes"] as &[&str], "--force-yes"),
        (&["skip_verify"], "--allow-unauthenticated"),
        (&["download_only", "downloadonly"], "--download-only"),
        (&["allow_downgrades"], "--allow-downgrades"),
    ] {
        if names.iter().any(|name| flag(args, name)) {
            line.push(word.to_owned());
        }
    }
    line.push(if args.truthy("dist_upgrade") { "dist-upgrade" } else { "upgrade" }.to_owned());
    let ran = apt(cx, &line, true, Map::new())?;
    query::forget(cx);
    let changes = difference(&old, &query::versions(cx, false)?);
    if ran.ok() {
        return Ok(changes.into());
    }
    let result =
        map! { "pid" => 1, "retcode" => ran.retcode, "stdout" => ran.stdout, "stderr" => ran.stderr };
    let info = map! { "changes" => changes, "result" => result };
    Err(Fault::Execution {
        text: "Problem encountered upgrading packages".to_owned(),
        info: Some(info.into()),
    })
}
