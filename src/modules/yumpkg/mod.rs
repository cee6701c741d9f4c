//! `pkg` by dnf or yum, and `lowpkg` by rpm. Salt: modules/yumpkg.py, rpm_lowpkg.py.

mod groups;
pub(super) mod lowpkg;
mod repos;

use std::fs;
use std::path::Path;

use super::packages::{difference, downloaded, finish, is_true, keyword, names, words};
use super::rpm;
use crate::host::local_zone;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, Ran, keywords, opt, req, rest};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, Value, sort, str_of};

const NAMES: &[Param] = &[rest("names"), keywords("kwargs")];
const MORE: &[Param] = &[keywords("kwargs")];
const REMOVE: &[Param] = &[opt("name", Default::None), opt("pkgs", Default::None), keywords("kwargs")];
const HOLD: &[Param] = &[
    opt("name", Default::None),
    opt("pkgs", Default::None),
    opt("sources", Default::None),
    keywords("kwargs"),
];
const GROUP: &[Param] =
    &[req("name"), opt("skip", Default::EmptyList), opt("include", Default::EmptyList), keywords("kwargs")];
const REPO: &[Param] = &[req("repo"), opt("basedir", Default::None), keywords("kwargs")];
const LATEST: &str = "The version that could be installed, or nothing where the newest one is: of one package, or of \
                      several as `{name: version}`.";

pub(super) static MODULE: Module = Module {
    file: "yumpkg",
    provides: "pkg",
    available: |cx| {
        let others =
            ["amazon", "xcp", "xenserver", "virtuozzolinux", "virtuozzo", "issabel pbx", "openeuler"];
        if cx.grain("os_family") != "RedHat" && !others.contains(&cx.grain("os").to_lowercase().as_str()) {
            return Err("Module yumpkg: no yum based system detected".to_owned());
        }
        program(cx).map(drop).map_err(|_| "DNF nor YUM found".to_owned())
    },
    functions: &[
        Function::new("available_version", NAMES, LATEST, latest_version),
        Function::new("clean_metadata", MORE, "As `pkg.refresh_db`.", refresh_db),
        Function::new("del_repo", REPO, "Removes a repository.", repos::del_repo),
        Function::new("get_repo", REPO, "What is known of a repository; empty without one.", repos::get_repo),
        Function::new(
            "group_diff",
            &[req("name"), keywords("kwargs")],
            "What is installed of a group: `{kind: {installed: [name], \"not installed\": [name]}}`.",
            groups::diff,
        ),
        Function::new(
            "group_info",
            &[
                req("name"),
                opt("expand", Default::False),
                opt("ignore_groups", Default::None),
                keywords("kwargs"),
            ],
            "What a group is, and its packages by kind; `expand` looks into the groups of an environment.",
            groups::info,
        ),
        Function::new("group_install", GROUP, "Installs the packages of groups.", groups::group_install),
        Function::new("group_list", &[], "The groups that there are.", groups::list),
        Function::new("groupinstall", GROUP, "As `pkg.group_install`.", groups::group_install),
        Function::new("hold", HOLD, "Keeps packages as they are, by the plugin versionlock.", |cx, args| {
            hold(cx, args, true)
        }),
        Function::new(
            "install",
            &[
                opt("name", Default::None),
                opt("refresh", Default::False),
                opt("skip_verify", Default::False),
                opt("pkgs", Default::None),
                opt("sources", Default::None),
                opt("downloadonly", Default::False),
                opt("reinstall", Default::False),
                opt("normalize", Default::True),
                opt("update_holds", Default::False),
                opt("saltenv", Default::Str("base")),
                opt("ignore_epoch", Default::False),
                keywords("kwargs"),
            ],
            "Installs packages: `name` (with `version`), `pkgs` or `sources`. What has changed: `{name: {old, new}}`.",
            install,
        ),
        Function::new("latest_version", NAMES, LATEST, latest_version),
        Function::new(
            "list_downloaded",
            MORE,
            "Package files that were fetched: `{name: {version: {path, size, creation_date_time_t, \
             creation_date_time}}}`.",
            |cx, _| Ok(in_cache(cx)?.into()),
        ),
        Function::new(
            "list_holds",
            &[opt("pattern", Default::None), opt("full", Default::True)],
            "Packages that are held.",
            |cx, args| Ok(Value::list(holds(cx, args.truthy("full"))?)),
        ),
        Function::new(
            "list_installed_patches",
            MORE,
            "Advisories of which all packages are installed: `{advisory: {installed, summary: [package]}}`.",
            |cx, _| Ok(groups::patches(cx, true)?.into()),
        ),
        Function::new(
            "list_patches",
            &[opt("refresh", Default::False), keywords("kwargs")],
            "Advisories that repositories know: `{advisory: {installed, summary: [package]}}`.",
            groups::list_patches,
        ),
        Function::new(
            "list_pkgs",
            &[opt("versions_as_list", Default::False), keywords("kwargs")],
            "Installed packages: `{name: version}`.",
            list_pkgs,
        ),
        Function::new(
            "list_repos",
            &[opt("basedir", Default::None), keywords("kwargs")],
            "Every repository: `{id: {…}}`.",
            repos::list_repos,
        ),
        Function::new(
            "list_updates",
            &[opt("refresh", Default::True), keywords("kwargs")],
            "As `pkg.list_upgrades`.",
            list_upgrades,
        ),
        Function::new(
            "list_upgrades",
            &[opt("refresh", Default::True), keywords("kwargs")],
            "Packages that could be upgraded: `{name: version}`.",
            list_upgrades,
        ),
        Function::new("mod_repo", REPO, "Adds a repository or changes it.", repos::mod_repo),
        Function::new(
            "normalize_name",
            &[req("name")],
            "A name without the host's own architecture.",
            |cx, args| Ok(rpm::normal(&args.str("name")?, cx.grain("osarch")).into()),
        ),
        Function::new("owner", &[rest("paths"), keywords("kwargs")], "The package that a file is of.", owner),
        Function::new(
            "parse_arch",
            &[req("name")],
            "A name and its architecture: `{name, arch}`.",
            |_, args| {
                let name = args.str("name")?;
                let (short, arch) = rpm::split_arch(&name);
                Ok(map! { "name" => short, "arch" => arch }.into())
            },
        ),
        Function::new("purge", REMOVE, "As `pkg.remove`.", remove),
        Function::new(
            "refresh_db",
            MORE,
            "Reads the package lists anew: true where there is something new, none where not.",
            refresh_db,
        ),
        Function::new("remove", REMOVE, "Removes packages. What has changed: `{name: {old, new}}`.", remove),
        Function::new("unhold", HOLD, "Lets packages change again.", |cx, args| hold(cx, args, false)),
        Function::new(
            "upgrade",
            &[
                opt("name", Default::None),
                opt("pkgs", Default::None),
                opt("refresh", Default::True),
                opt("skip_verify", Default::False),
                opt("normalize", Default::True),
                opt("minimal", Default::False),
                opt("obsoletes", Default::True),
                opt("diff_attr", Default::None),
                keywords("kwargs"),
            ],
            "Upgrades packages, all without names. What has changed: `{name: {old, new}}`.",
            upgrade,
        ),
        Function::new(
            "upgrade_available",
            &[req("name"), keywords("kwargs")],
            "Whether there is a newer version.",
            |cx, args| {
                let found =
                    cx.ask_with("pkg.latest_version", &[args.get("name").clone()], args.keywords.clone())?;
                Ok(found.truthy().into())
            },
        ),
        Function::new("version", NAMES, "The installed version.", |cx, args| {
            cx.ask_with("pkg_resource.version", &args.rest, args.keywords.clone())
        }),
        Function::new(
            "version_cmp",
            &[req("pkg1"), req("pkg2"), opt("ignore_epoch", Default::False), keywords("kwargs")],
            "-1, 0 or 1: how two versions compare.",
            |_, args| {
                let order = rpm::compare(&args.str("pkg1")?, &args.str("pkg2")?, args.truthy("ignore_epoch"));
                Ok(Value::Int(order as i64))
            },
        ),
    ],
};

/// `dnf5`, `dnf`, `tdnf` or `yum`: the first that is there.
fn program(cx: &Context) -> Result<&'static str, Fault> {
    let found = ["dnf5", "dnf", "tdnf", "yum"].into_iter().find(|name| cx.which(name).is_some());
    found.ok_or_else(|| Fault::NotFound("dnf or yum".to_owned()))
}

fn is_dnf(cx: &Context) -> Result<bool, Fault> {
    Ok(["dnf", "dnf5"].contains(&program(cx)?))
}

fn yum(cx: &Context, more: &[String], options: Map) -> Result<Ran, Fault> {
    let mut line = Vec::new();
    if Path::new("/run/systemd/system").is_dir()
        && cx.ask("config.get", &["systemd.scope".into(), true.into()])?.truthy()
        && cx.which("systemd-run").is_some()
    {
        line.extend(words(&["systemd-run", "--scope"]));
    }
    line.push(program(cx)?.to_owned());
    line.extend_from_slice(more);
    cx.program_with(&line, options)
}

/// Options that choose repositories. Pure.
fn options(args: &Args) -> Vec<String> {
    let text = |key: &str| keyword(args, key).filter(|value| value.truthy()).map(str_of);
    let list = |key: &str| keyword(args, key).filter(|value| value.truthy()).map(names).unwrap_or_default();
    let mut all = Vec::new();
    if let Some(repo) = text("fromrepo").or_else(|| text("repo")) {
        all.extend(["--disablerepo=*".to_owned(), format!("--enablerepo={repo}")]);
    } else {
        for key in ["disablerepo", "enablerepo"] {
            all.extend(list(key).iter().map(|repo| format!("--{key}={repo}")));
        }
    }
    for key in ["disableexcludes", "branch"] {
        all.extend(text(key).map(|value| format!("--{key}={value}")));
    }
    let set = list("setopt");
    let set = set.iter().flat_map(|item| item.split(',')).map(str::trim).filter(|item| !item.is_empty());
    all.extend(set.map(|item| format!("--setopt={item}")));
    all
}

/// Installed packages as `{name: [version]}`.
fn installed(cx: &Context, remembered: bool) -> Result<Map, Fault> {
    const KEY: &str = "pkg.list_pkgs";
    let known = cx.memory.borrow().get(KEY).and_then(Value::as_map).cloned();
    if let Some(known) = known.filter(|_| remembered) {
        return Ok(known);
    }
    let format = format!("{}\n", rpm::FORMAT);
    let line = words(&["rpm", "-qa", "--nodigest", "--nosignature", "--queryformat", &format]);
    let text = cx.program(&line)?.stdout;
    let mut found: Map = Map::new();
    for (name, version) in text.lines().filter_map(|line| rpm::parse(line, cx.grain("osarch"))) {
        if let Value::List(versions) = found.entry(name, || Value::List(Vec::new())) {
            versions.push(version.into());
            sort::by_key(versions, str_of);
        }
    }
    cx.memory.borrow_mut().insert(KEY, found.clone());
    Ok(found)
}

fn forget(cx: &Context) {
    cx.memory.borrow_mut().remove("pkg.list_pkgs");
}

fn joined(mut pkgs: Map) -> Map {
    for (_, versions) in pkgs.iter_mut() {
        *versions = names(versions).join(",").into();
    }
    pkgs
}

fn list_pkgs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if ["removed", "purge_desired"].iter().any(|key| keyword(args, key).is_some_and(is_true)) {
        return Ok(Map::new().into());
    }
    if keyword(args, "attr").is_some() {
        return Err(Fault::NotSupported("pkg.list_pkgs attr".to_owned()));
    }
    let pkgs = installed(cx, args.keywords.get("use_context").is_none_or(Value::truthy))?;
    Ok(if is_true(args.get("versions_as_list")) { pkgs } else { joined(pkgs) }.into())
}

/// Rows of `dnf list`: name, version; long rows are broken into several lines.
fn rows(text: &str, osarch: &str) -> Vec<(String, String)> {
    let titles = [
        "installed packages",
        "available packages",
        "available upgrades",
        "updated packages",
        "upgraded packages",
    ];
    let lines = text.lines().filter(|line| !titles.contains(&line.trim().to_lowercase().as_str()));
    let all: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let rows = all.chunks_exact(3).filter_map(|row| match row {
        [name, version, _] => {
            let (short, arch) = name.rsplit_once('.').unwrap_or((name, osarch));
            let version = version.trim_end_matches('-');
            let version = version.strip_prefix("0:").unwrap_or(version);
            Some((rpm::full_name(short, arch, osarch), version.to_owned()))
        }
        _ => None,
    });
    rows.collect()
}

fn latest_version(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked = names(&Value::List(args.rest.clone()));
    if asked.is_empty() {
        return Ok("".into());
    }
    if args.keywords.get("refresh").is_none_or(is_true) {
        refresh(cx, args)?;
    }
    let now = installed(cx, true)?;
    let mut line = words(&["--quiet"]);
    line.extend(options(args));
    line.extend(words(&["list", "available"]));
    line.extend(asked.iter().cloned());
    let ran = yum(cx, &line, map! { "ignore_retcode" => true })?;
    let mut updates = if ran.ok() { rows(&ran.stdout, cx.grain("osarch")) } else { Vec::new() };
    sort::by(&mut updates, |(_, a), (_, b)| rpm::compare(b, a, false));
    let mut found = Map::new();
    for name in &asked {
        let have = now.get(name).map(names).unwrap_or_default();
        let newer = |version: &str| !have.iter().any(|own| rpm::compare(own, version, false).is_ge());
        let newest = updates.iter().find(|(own, version)| own == name && newer(version));
        found.insert(name.as_str(), newest.map_or("", |(_, version)| version));
    }
    match found.at(0) {
        Some((_, version)) if asked.len() == 1 => Ok(version.clone()),
        _ => Ok(found.into()),
    }
}

fn refresh(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let _ = fs::remove_file(Path::new(cx.opt_str("cachedir")).join("pkg_refresh"));
    let more = options(args);
    let quiet = || map! { "ignore_retcode" => true };
    yum(cx, &[words(&["--quiet", "--assumeyes", "clean", "expire-cache"]), more.clone()].concat(), quiet())?;
    if args.keywords.get("check_update").is_some_and(|check| !check.truthy()) {
        return Ok(true.into());
    }
    let mut line = words(&["--quiet", "--assumeyes", "check-update"]);
    if cx.grain("os_family") == "RedHat"
        && cx.grains.map().get("osmajorrelease").and_then(Value::as_int) == Some(7)
    {
        line.push("--setopt=autocheck_running_kernel=false".to_owned());
    }
    line.extend(more);
    Ok(match yum(cx, &line, quiet())?.retcode {
        100 => true.into(),
        0 => Value::Null,
        _ => false.into(),
    })
}

fn refresh_db(cx: &Context, args: &Args) -> Result<Value, Fault> {
    refresh(cx, args)
}

fn list_upgrades(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        let mut quick = args.clone();
        quick.keywords.insert("check_update", false);
        refresh(cx, &quick)?;
    }
    let mut line = words(&["--quiet"]);
    line.extend(options(args));
    line.extend(words(&["list", if is_dnf(cx)? { "--upgrades" } else { "updates" }]));
    let ran = yum(cx, &line, map! { "ignore_retcode" => true })?;
    Ok(rows(&ran.stdout, cx.grain("osarch")).into_iter().collect::<Map>().into())
}

/// What dnf has to do, by command.
#[derive(std::default::Default)]
struct Targets {
    install: Vec<(String, String)>,
    downgrade: Vec<(String, String)>,
    reinstall: Vec<(String, String)>,
    errors: Vec<String>,
}

/// One package: its name, the path of its file, the version that is asked for.
type Asked = (String, Option<String>, Option<String>);

fn asked(cx: &Context, args: &Args) -> Result<Vec<Asked>, Fault> {
    let mut kwargs = args.keywords.clone();
    for key in ["name", "pkgs", "sources", "saltenv"] {
        kwargs.insert(key, args.get(key).clone());
    }
    kwargs.insert(
        "normalize",
        args.truthy("normalize") && args.keywords.get("split_arch").is_none_or(Value::truthy),
    );
    let parsed = cx.ask_with("pkg_resource.parse_targets", &[], kwargs)?;
    match parsed.as_list().and_then(|parts| parts.first()) {
        Some(Value::Map(packages)) => Ok(packages
            .iter()
            .map(|(name, version)| (str_of(name), None, (!version.is_null()).then(|| str_of(version))))
            .collect()),
        Some(Value::List(paths)) => paths
            .iter()
            .map(|path| {
                let info = cx.ask("lowpkg.bin_pkg_info", std::slice::from_ref(path))?;
                let text = |key: &str| info.get(key).map(str_of);
                Ok((text("name").unwrap_or_default(), Some(str_of(path)), text("version")))
            })
            .collect(),
        _ => Ok(Vec::new()),
    }
}

/// Versions that repositories offer, newest first.
fn offered(cx: &Context, args: &Args, name: &str) -> Result<Vec<String>, Fault> {
    let mut line = words(&["--quiet", "--showduplicates"]);
    line.extend(options(args));
    line.extend(words(&["list", name]));
    let ran = yum(cx, &line, map! { "ignore_retcode" => true })?;
    let mut versions: Vec<String> =
        rows(&ran.stdout, cx.grain("osarch")).into_iter().map(|(_, version)| version).collect();
    sort::by(&mut versions, |a, b| rpm::compare(b, a, false));
    versions.dedup();
    Ok(versions)
}

fn resolve(cx: &Context, args: &Args, name: &str, wanted: &str) -> Result<Result<String, String>, Fault> {
    if !wanted.starts_with(['<', '>']) && !wanted.contains('*') {
        return Ok(Ok(wanted.to_owned()));
    }
    let candidates = offered(cx, args, name)?;
    let ignore = args.truthy("ignore_epoch");
    let fits = |version: &&String| {
        let order = |rest: &str| rpm::compare(version, rest.trim_start(), ignore);
        match wanted.split_at(wanted.find(|char| char != '<' && char != '>' && char != '=').unwrap_or(0)) {
            (">=", rest) => order(rest).is_ge(),
            ("<=", rest) => order(rest).is_le(),
            (">", rest) => order(rest).is_gt(),
            ("<", rest) => order(rest).is_lt(),
            (_, rest) => Glob::new(rest).matches(version),
        }
    };
    let listed = |none: &str| if candidates.is_empty() { none.to_owned() } else { candidates.join(", ") };
    Ok(candidates.iter().find(fits).cloned().ok_or_else(|| {
        if wanted.contains('*') {
            format!(
                "No version matching '{wanted}' found for package '{name}' (available: {})",
                listed("none")
            )
        } else {
            format!("No version matching '{name}{wanted}' could be found (available: {})", listed("None"))
        }
    }))
}

fn sort(cx: &Context, args: &Args, asked: Vec<Asked>, now: &Map) -> Result<Targets, Fault> {
    let (reinstall, ignore) = (is_true(args.get("reinstall")), args.truthy("ignore_epoch"));
    let mut targets = Targets::default();
    for (name, path, version) in asked {
        let have = now.get(&name).map(names).unwrap_or_default();
        let Some(wanted) = version else {
            let word = path.unwrap_or_else(|| name.clone());
            let into =
                if reinstall && !have.is_empty() { &mut targets.reinstall } else { &mut targets.install };
            into.push((name, word));
            continue;
        };
        let (version, word) = match path {
            Some(path) => (wanted, path),
            None => match resolve(cx, args, &name, wanted.trim_start_matches('='))? {
                Ok(version) => {
                    let (short, arch) = rpm::split_arch(&name);
                    let shown = if ignore {
                        version.as_str()
                    } else {
                        version.split_once(':').map_or(version.as_str(), |(_, rest)| rest)
                    };
                    let arch = arch.map(|arch| format!(".{arch}")).unwrap_or_default();
                    let word = format!("{short}-{shown}{arch}");
                    (version, word)
                }
                Err(error) => {
                    targets.errors.push(error);
                    continue;
                }
            },
        };
        let order = |own: &String| rpm::compare(&version, own, ignore);
        if reinstall && !have.is_empty() {
            if have.iter().any(|own| order(own).is_eq()) {
                targets.reinstall.push((name, word));
            }
        } else if have.is_empty()
            || have.iter().any(|own| order(own).is_ge())
            || ["kernel", "kernel-devel"].contains(&name.as_str())
        {
            targets.install.push((name, word));
        } else {
            targets.downgrade.push((name, word));
        }
    }
    Ok(targets)
}

/// What lies in the cache of the program.
fn in_cache(cx: &Context) -> Result<Map, Fault> {
    let time =
        |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(local_zone());
    downloaded(cx, &Path::new("/var/cache").join(program(cx)?), "rpm", time)
}

fn install(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        refresh(cx, args)?;
    }
    let advisories = groups::wanted(args);
    let asked = if advisories.is_some() { Vec::new() } else { asked(cx, args)? };
    if asked.is_empty() && advisories.as_ref().is_none_or(Vec::is_empty) {
        return Ok(Map::new().into());
    }
    let only_fetched = args.truthy("downloadonly");
    let state = |cx: &Context| if only_fetched { in_cache(cx) } else { Ok(joined(installed(cx, true)?)) };
    let now = if only_fetched { in_cache(cx)? } else { installed(cx, true)? };
    let old = state(cx)?;
    groups::check(cx, advisories.as_deref().unwrap_or_default())?;
    let mut targets = sort(cx, args, asked, &now)?;
    for advisory in advisories.iter().flatten() {
        targets.install.push((advisory.clone(), format!("--advisory={advisory}")));
    }
    let held = holds(cx, false).unwrap_or_default();
    let mut common = options(args);
    for (key, word) in [("skip_verify", "--nogpgcheck"), ("downloadonly", "--downloadonly")] {
        if args.truthy(key) {
            common.push(word.to_owned());
        }
    }
    let mut prevented = Vec::new();
    let kinds = [
        ("install", std::mem::take(&mut targets.install)),
        ("downgrade", std::mem::take(&mut targets.downgrade)),
        ("reinstall", targets.reinstall.clone()),
    ];
    for (action, all) in kinds {
        let (locked, free): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| held.contains(name));
        let released: Vec<String> = if args.truthy("update_holds") {
            locked.iter().map(|(name, _)| name.clone()).collect()
        } else {
            Vec::new()
        };
        if released.is_empty() {
            prevented.extend(locked.iter().map(|(name, _)| name.clone()));
        }
        let mut packages: Vec<String> = free.into_iter().map(|(_, word)| word).collect();
        if !released.is_empty() {
            lock(cx, &released, false)?;
            packages.extend(locked.into_iter().map(|(_, word)| word));
        }
        if !packages.is_empty() {
            let best = words(if action == "install" { &["--best", "--allowerasing"] } else { &[] });
            let kind = program(cx)?;
            let mut line = words(&["-y"]);
            if kind == "dnf" {
                line.extend(best.clone());
            }
            line.extend(common.clone());
            let update = action == "install" && advisories.is_some();
            line.push(if update { "update" } else { action }.to_owned());
            if kind == "dnf5" {
                line.extend(best);
            }
            line.extend(packages);
            let ran = yum(cx, &line, map! { "redirect_stderr" => true })?;
            if !ran.ok() {
                targets.errors.push(ran.stdout);
            }
        }
        if !released.is_empty() {
            lock(cx, &released, true)?;
        }
    }
    forget(cx);
    let new = state(cx)?;
    let mut changes = difference(&old, &new);
    for (name, _) in &targets.reinstall {
        let of = |pkgs: &Map| pkgs.get(name).cloned().unwrap_or_else(|| "".into());
        changes.insert(name.as_str(), map! { "old" => of(&old), "new" => of(&new) });
    }
    if !prevented.is_empty() {
        targets.errors.push(format!(
            "The following package(s) could not be updated because they are being held: {}. Set 'update_holds' to True to \
             temporarily unhold these packages so that they can be updated.",
            prevented.join(", ")
        ));
    }
    let more = if targets.reinstall.is_empty() { "" } else { "/reinstalling" };
    finish(&format!("Error occurred installing{more} package(s)"), &targets.errors, changes)
}

fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let parsed =
        cx.ask("pkg_resource.parse_targets", &[args.get("name").clone(), args.get("pkgs").clone()])?;
    let params = parsed.as_list().and_then(|parts| parts.first()?.as_map()).cloned().unwrap_or_default();
    let old = joined(installed(cx, true)?);
    let mut targets = Vec::new();
    for (name, version) in &params {
        let name = str_of(name);
        let matching: Vec<String> = if name.contains('*') {
            let glob = Glob::new(&name);
            old.keys().map(str_of).filter(|own| glob.matches(own)).collect()
        } else {
            vec![name]
        };
        for name in matching {
            let Some(have) = old.get(&name).map(str_of) else { continue };
            if !version.truthy() {
                targets.push(name);
            } else if have.split(',').any(|own| own == str_of(version)) {
                let version = str_of(version);
                let (short, arch) = rpm::split_arch(&name);
                let arch = arch.map(|arch| format!(".{arch}")).unwrap_or_default();
                targets.push(format!(
                    "{short}-{}{arch}",
                    version.split_once(':').map_or(version.as_str(), |(_, rest)| rest)
                ));
            }
        }
    }
    if targets.is_empty() {
        return Ok(Map::new().into());
    }
    let ran = yum(cx, &[words(&["-y", "remove"]), targets].concat(), Map::new())?;
    let errors: Vec<String> =
        Some(ran.stderr.clone()).filter(|text| !ran.ok() && !text.is_empty()).into_iter().collect();
    forget(cx);
    finish("Error occurred removing package(s)", &errors, difference(&old, &joined(installed(cx, true)?)))
}

fn upgrade(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        refresh(cx, args)?;
    }
    let old = joined(installed(cx, true)?);
    let mut line = words(&["--quiet", "-y"]);
    line.extend(options(args));
    if args.truthy("skip_verify") {
        line.push("--nogpgcheck".to_owned());
    }
    let verb = if args.truthy("obsoletes") || is_dnf(cx)? { "upgrade" } else { "update" };
    line.push(format!("{verb}{}", if args.truthy("minimal") { "-minimal" } else { "" }));
    if args.truthy("name") || args.truthy("pkgs") {
        let parsed =
            cx.ask("pkg_resource.parse_targets", &[args.get("name").clone(), args.get("pkgs").clone()])?;
        line.extend(parsed.as_list().and_then(|parts| parts.first()).map(names).unwrap_or_default());
    }
    let ran = yum(cx, &line, Map::new())?;
    forget(cx);
    let changes = difference(&old, &joined(installed(cx, true)?));
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

fn owner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    for path in args.rest.iter().map(str_of) {
        let ran = cx.program(&words(&["rpm", "-qf", "--queryformat", "%{name}", &path]))?;
        let unowned = ran.stdout.to_lowercase().contains("not owned") || !ran.ok();
        found.insert(path, if unowned { String::new() } else { ran.stdout });
    }
    match found.at(0) {
        None => Ok("".into()),
        Some((_, name)) if found.len() == 1 => Ok(name.clone()),
        _ => Ok(found.into()),
    }
}

/// The package of the plugin that holds packages.
fn versionlock(cx: &Context) -> Result<&'static str, Fault> {
    let major = cx.grains.map().get("osmajorrelease").and_then(Value::as_int).unwrap_or(8);
    match program(cx)? {
        "tdnf" => Err(Fault::invocation("Cannot proceed, no versionlock for tdnf")),
        "yum" => Ok("yum-plugin-versionlock"),
        _ if cx.grain("os") == "Fedora" || major >= 8 => Ok("python3-dnf-plugin-versionlock"),
        _ => Ok("python2-dnf-plugin-versionlock"),
    }
}

/// Held packages, as the plugin prints them (`vim-2:9.0-1.el9.*`) or by name.
fn holds(cx: &Context, full: bool) -> Result<Vec<String>, Fault> {
    let plugin = versionlock(cx)?;
    if !installed(cx, true)?.contains(plugin) {
        return Err(Fault::invocation(format!("Cannot proceed, {plugin} is not installed.")));
    }
    let mut line = words(&["versionlock"]);
    if program(cx)? == "yum" {
        line.push("list".to_owned());
    }
    let ran = yum(cx, &line, map! { "ignore_retcode" => true })?;
    let is_lock = |line: &&str| line.contains('-') && !line.contains(' ') && !line.contains("://");
    let locks = ran.stdout.lines().map(str::trim).filter(is_lock);
    Ok(locks.map(|lock| if full { lock.to_owned() } else { lock_name(lock).to_owned() }).collect())
}

/// `vim-2:9.0-1.el9.*` or `2:vim-9.0-1.el9.*` as `vim`.
fn lock_name(lock: &str) -> &str {
    let lock =
        lock.split_once(':').filter(|(epoch, _)| epoch.parse::<u64>().is_ok()).map_or(lock, |(_, rest)| rest);
    let mut parts = lock.rsplitn(3, '-');
    let _ = (parts.next(), parts.next());
    parts.next().unwrap_or(lock)
}

fn lock(cx: &Context, names: &[String], on: bool) -> Result<Ran, Fault> {
    let mut line = words(if on { &["versionlock"] } else { &["versionlock", "delete"] });
    if on && program(cx)? == "dnf5" {
        line.push("add".to_owned());
    }
    line.extend_from_slice(names);
    yum(cx, &line, Map::new())
}

fn hold(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let (name, pkgs, sources) = (args.get("name"), args.get("pkgs"), args.get("sources"));
    if !name.truthy() && !pkgs.truthy() && !sources.truthy() {
        return Err(Fault::invocation("One of name, pkgs, or sources must be specified."));
    }
    if pkgs.truthy() && sources.truthy() {
        return Err(Fault::invocation("Only one of pkgs or sources can be specified."));
    }
    let first =
        |item: &Value| item.as_map().and_then(|map| map.keys().next()).map_or_else(|| str_of(item), str_of);
    let targets: Vec<String> = match if pkgs.truthy() { pkgs } else { sources } {
        Value::List(items) => items.iter().map(first).collect(),
        Value::Map(map) => map.keys().map(str_of).collect(),
        _ => vec![str_of(name)],
    };
    let held = holds(cx, false)?;
    let mut outcome = Map::new();
    for target in targets {
        let is_held = held.contains(&target);
        let one = |result: Option<bool>, comment: String, changes: Map| {
            map! { "name" => target.as_str(), "changes" => changes, "result" => result, "comment" => comment }
        };
        let entry = if is_held == on {
            let words = if on { "already set to be held" } else { "not being held" };
            one(Some(true), format!("Package {target} is {words}."), Map::new())
        } else if cx.test() {
            let words = if on { "set to be held" } else { "set to be unheld" };
            one(None, format!("Package {target} is {words}."), Map::new())
        } else if lock(cx, std::slice::from_ref(&target), on)?.ok() {
            let words = if on { "now being held" } else { "no longer held" };
            let (new, old) = if on { ("hold", "") } else { ("", "hold") };
            one(Some(true), format!("Package {target} is {words}."), map! { "new" => new, "old" => old })
        } else {
            let words = if on { "held" } else { "unheld" };
            one(Some(false), format!("Package {target} was unable to be {words}."), Map::new())
        };
        outcome.insert(target.as_str(), entry);
    }
    Ok(outcome.into())
}
