//! What is installed and what could be: dpkg-query, apt-cache and apt-get read. Salt: modules/aptpkg.py.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::SystemTime;

use super::{apt, is_true, version};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, Value, str_of};

/// Installed, removed (configuration is left) and marked for purge, with versions: read by dpkg-query.
#[derive(Default)]
struct Listing {
    installed: BTreeMap<String, BTreeSet<String>>,
    removed: BTreeMap<String, BTreeSet<String>>,
    purge_desired: BTreeMap<String, BTreeSet<String>>,
}

impl Listing {
    /// Of lines as `install ok installed vim 2:9.0 amd64`.
    fn parse(text: &str, cpuarch: &str, osarch: &str) -> Self {
        let mut listing = Listing::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [wish, _, status, name, version, arch, ..] = words.as_slice() else { continue };
            let foreign = cpuarch == "x86_64" && *arch != "all" && osarch == "amd64" && osarch != *arch;
            let name = if foreign { format!("{name}:{arch}") } else { (*name).to_owned() };
            let into = if wish.contains("deinstall") {
                // "deinstall" holds "install": what is still there counts as installed.
                if status.contains("installed") { &mut listing.installed } else { &mut listing.removed }
            } else if (wish.contains("install") || wish.contains("hold")) && status.contains("installed") {
                &mut listing.installed
            } else if wish.contains("purge") && *status == "installed" {
                &mut listing.purge_desired
            } else {
                continue;
            };
            into.entry(name).or_default().insert((*version).to_owned());
        }
        listing
    }
}

fn to_map(listing: &BTreeMap<String, BTreeSet<String>>) -> Map {
    listing.iter().map(|(name, versions)| (name.as_str(), Value::list(versions))).collect()
}

/// The packages as `{name: [version]}`.
fn listed(cx: &Context, removed: bool, purge_desired: bool, remembered: bool) -> Result<Map, Fault> {
    const KEY: &str = "pkg.list_pkgs";
    if !remembered || !cx.memory.borrow().contains(KEY) {
        let format = "${Status} ${Package} ${Version} ${Architecture}\n";
        let line = ["dpkg-query", "--showformat", format, "-W"].map(str::to_owned);
        let ran = cx.program(&line)?;
        let listing = Listing::parse(&ran.stdout, cx.grain("cpuarch"), cx.grain("osarch"));
        let all = map! {
            "installed" => to_map(&listing.installed),
            "removed" => to_map(&listing.removed),
            "purge_desired" => to_map(&listing.purge_desired),
        };
        cx.memory.borrow_mut().insert(KEY, all);
    }
    let memory = cx.memory.borrow();
    let part = |key: &str| memory.get(KEY)?.get(key)?.as_map().cloned();
    if removed {
        return Ok(part("removed").unwrap_or_default());
    }
    let mut found = part("purge_desired").unwrap_or_default();
    if !purge_desired {
        found.extend(part("installed").unwrap_or_default());
    }
    Ok(found)
}

/// Forgets what [`listed`] remembers: packages have changed.
pub(super) fn forget(cx: &Context) {
    cx.memory.borrow_mut().remove("pkg.list_pkgs");
}

fn joined(mut pkgs: Map) -> Map {
    for (_, versions) in pkgs.iter_mut() {
        let all: Vec<String> = versions.as_list().unwrap_or_default().iter().map(str_of).collect();
        *versions = all.join(",").into();
    }
    pkgs
}

/// Installed packages as `{name: "version,version"}`, or those that were removed but not purged.
pub(super) fn versions(cx: &Context, removed: bool) -> Result<Map, Fault> {
    Ok(joined(listed(cx, removed, false, true)?))
}

pub(super) fn list_pkgs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let remembered = args.keywords.get("use_context").is_none_or(Value::truthy);
    let (removed, purge) = (is_true(args.get("removed")), is_true(args.get("purge_desired")));
    let pkgs = listed(cx, removed, purge, remembered)?;
    Ok(if is_true(args.get("versions_as_list")) { pkgs } else { joined(pkgs) }.into())
}

/// The candidate in what `apt-cache policy` prints.
fn candidate(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("Candidate")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [_, .., last] if !last.eq_ignore_ascii_case("(none)") => (*last).to_owned(),
        _ => String::new(),
    }
}

/// Candidates that are not installed yet; with `show_installed` all candidates.
pub(super) fn latest(
    cx: &Context,
    names: &[String],
    fromrepo: Option<&str>,
    show_installed: bool,
) -> Result<Map, Fault> {
    let pkgs = listed(cx, false, false, true)?;
    let mut found = Map::new();
    for name in names {
        let mut line: Vec<String> = ["apt-cache", "-q", "policy", name].map(str::to_owned).into();
        if let Some(repo) = fromrepo {
            line.extend(["-o".to_owned(), format!("APT::Default-Release={repo}")]);
        }
        let candidate = candidate(&apt(cx, &line, false, Map::new())?.stdout);
        let installed = pkgs.get(name).and_then(Value::as_list).unwrap_or_default();
        let at_least = |installed: &Value| version::compare(&str_of(installed), &candidate, false).is_ge();
        let wanted = installed.is_empty() || show_installed || !installed.iter().any(at_least);
        found.insert(name.as_str(), if wanted { candidate.clone() } else { String::new() });
    }
    Ok(found)
}

pub(super) fn latest_version(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.keywords.contains("repo") {
        return Err(Fault::invocation("The 'repo' argument is invalid, use 'fromrepo' instead"));
    }
    let names: Vec<String> = args.rest.iter().map(str_of).collect();
    if names.is_empty() {
        return Ok("".into());
    }
    listed(cx, false, false, true)?;
    let option = |key: &str| args.keywords.get(key).cloned().unwrap_or_default();
    if args.keywords.get("refresh").is_none_or(is_true) {
        refresh(cx, &option("cache_valid_time"), false)?;
    }
    let fromrepo = option("fromrepo");
    let fromrepo = Some(&fromrepo).filter(|repo| repo.truthy()).map(str_of);
    let found = latest(cx, &names, fromrepo.as_deref(), is_true(&option("show_installed")))?;
    match found.at(0) {
        Some((_, version)) if names.len() == 1 => Ok(version.clone()),
        _ => Ok(found.into()),
    }
}

/// What `apt-get update` says of each repository: true (got), false (failed or ignored), none (unchanged).
fn updated(text: &str) -> (Map, Vec<String>) {
    let (mut repos, mut failed) = (Map::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let mut name = words.collect::<Vec<_>>().join(" ");
        if first.contains("Get") {
            if let Some(at) = name.find(" [").filter(|_| name.ends_with("B]")) {
                name.truncate(at);
            }
            repos.insert(name, true);
        } else if first.contains("Ign") {
            repos.insert(name, false);
        } else if first.contains("Hit") {
            repos.insert(name, Value::Null);
        } else if first.contains("Err") {
            failed.push(name.clone());
            repos.insert(name, false);
        }
    }
    (repos, failed)
}

/// Reads the package lists anew, unless they are younger than `valid` seconds.
pub(super) fn refresh(cx: &Context, valid: &Value, failhard: bool) -> Result<Map, Fault> {
    let _ = fs::remove_file(std::path::Path::new(cx.opt_str("cachedir")).join("pkg_refresh"));
    if let Some(valid) = valid.as_int().filter(|valid| *valid > 0) {
        let age = fs::metadata("/var/lib/apt/lists")
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if age.is_some_and(|age| i64::try_from(age.as_secs()).is_ok_and(|age| age < valid)) {
            return Ok(Map::new());
        }
    }
    let ran = apt(cx, &["apt-get", "-q", "update"].map(str::to_owned), false, Map::new())?;
    if !ran.ok() {
        return Err(Fault::execution(ran.stderr));
    }
    let (repos, failed) = updated(&ran.stdout);
    if failhard && !failed.is_empty() {
        return Err(Fault::execution(format!("Error getting repos: {}", failed.join(", "))));
    }
    Ok(repos)
}

pub(super) fn refresh_db(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(refresh(cx, args.get("cache_valid_time"), is_true(args.get("failhard")))?.into())
}

/// `Conf name (version …` lines of a simulated upgrade.
fn upgrades(text: &str) -> Map {
    let mut found = Map::new();
    for line in text.lines() {
        let rest = line.strip_prefix("Conf ").and_then(|rest| rest.split_once(" ("));
        if let Some((name, rest)) = rest.filter(|(name, _)| !name.contains(' ')) {
            found.insert(name, rest.split([' ', ')']).next().unwrap_or_default());
        }
    }
    found
}

pub(super) fn list_upgrades(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_true(args.get("refresh")) {
        refresh(cx, args.keywords.get("cache_valid_time").unwrap_or(&Value::Null), false)?;
    }
    let kind = if args.truthy("dist_upgrade") { "dist-upgrade" } else { "upgrade" };
    let mut line = ["apt-get", "--just-print", kind].map(str::to_owned).to_vec();
    if let Some(repo) = args.keywords.get("fromrepo") {
        line.extend(["-o".to_owned(), format!("APT::Default-Release={}", str_of(repo))]);
    }
    let ran = apt(cx, &line, true, Map::new())?;
    if !ran.ok() {
        let said = [&ran.stderr, &ran.stdout].into_iter().find(|text| !text.is_empty());
        let said = said.map(|text| format!(": {text}")).unwrap_or_default();
        return Err(Fault::execution(format!("Failed to get upgrades{said}")));
    }
    Ok(upgrades(&ran.stdout).into())
}

/// Versions in what `apt-cache show` or `dump` prints: `{name: [version]}`.
fn repo_pkgs(text: &str) -> Map {
    let mut found = Map::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            name.clone_into(&mut current);
        } else if let Some(version) = line.trim_start().strip_prefix("Version:") {
            let list = found.entry(current.as_str(), || Value::List(Vec::new()));
            if let Value::List(versions) = list {
                versions.push(version.trim().into());
            }
        }
    }
    found
}

pub(super) fn available_versions(cx: &Context, names: &[String]) -> Result<Map, Fault> {
    let mut line = vec!["apt-cache".to_owned()];
    line.push(if names.is_empty() { "dump" } else { "show" }.to_owned());
    line.extend_from_slice(names);
    Ok(repo_pkgs(&apt(cx, &line, false, map! { "ignore_retcode" => true })?.stdout))
}

pub(super) fn list_repo_pkgs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let names: Vec<String> = args.rest.iter().map(str_of).collect();
    Ok(available_versions(cx, &names)?.into())
}

pub(super) fn show(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.keywords.get("refresh").is_some_and(Value::truthy) {
        refresh(cx, &Value::Null, false)?;
    }
    if args.rest.is_empty() {
        return Ok(Map::new().into());
    }
    let filter: Vec<String> = match args.keywords.get("filter") {
        Some(Value::List(items)) => items.iter().map(|item| str_of(item).to_lowercase()).collect(),
        Some(Value::Text(text)) => text.split(',').map(|part| part.trim().to_lowercase()).collect(),
        _ => Vec::new(),
    };
    let mut line = vec!["apt-cache".to_owned(), "show".to_owned()];
    line.extend(args.rest.iter().map(str_of));
    let text = apt(cx, &line, false, Map::new())?.stdout;
    let mut found = Map::new();
    let mut one = Map::new();
    for line in text.lines().chain([""]) {
        let line = line.trim();
        if let Some((key, value)) = line.split_once(':') {
            let (key, lower) = (key.trim(), key.trim().to_lowercase());
            if filter.is_empty()
                || ["package", "version"].contains(&lower.as_str())
                || filter.contains(&lower)
            {
                one.insert(key, value.trim());
            }
        } else if line.is_empty() {
            let (name, version) = (one.remove("Package"), one.remove("Version"));
            if let Some((name, version)) = name.zip(version)
                && let Value::Map(versions) = found.entry(name, || Map::new().into())
                && let Value::Map(info) = versions.entry(version, || Map::new().into())
            {
                info.extend(one.clone());
            }
            one = Map::new();
        }
    }
    Ok(found.into())
}

pub(super) fn info_installed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let failhard = args.keywords.get("failhard").is_none_or(Value::truthy);
    let all = cx.ask_with("lowpkg.info", &args.rest, map! { "failhard" => failhard })?;
    let mut found = Map::new();
    for (name, info) in all.as_map().into_iter().flatten() {
        let Some(info) = info.as_map() else { continue };
        if info.str("status").unwrap_or("ii").chars().nth(1) != Some('i') {
            continue;
        }
        let renamed = info.iter().filter_map(|(key, value)| {
            let key = match key.as_str()? {
                "package" => "name",
                "origin" => "vendor",
                "section" => "group",
                "maintainer" => "packager",
                "homepage" => "url",
                "status" => return None,
                other => other,
            };
            Some((key, value.clone()))
        });
        found.insert(name.clone(), renamed.collect::<Map>());
    }
    Ok(found.into())
}

pub(super) fn owner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    for path in args.rest.iter().map(str_of) {
        let ran = cx.program(&["dpkg".to_owned(), "-S".to_owned(), path.clone()])?;
        let name = ran.stdout.split(':').next().unwrap_or_default();
        let nobody = name.to_lowercase().contains("no path found");
        found.insert(path, if nobody { "" } else { name });
    }
    match found.at(0) {
        None => Ok("".into()),
        Some((_, name)) if found.len() == 1 => Ok(name.clone()),
        _ => Ok(found.into()),
    }
}

/// Whether a version is one of those that are wanted: a pattern or a comparison (`>=1.0`).
pub(super) fn matching(wanted: &str, available: &[String], ignore_epoch: bool) -> Option<String> {
    let (oper, wanted) = comparison(wanted);
    let fits = |version: &&String| {
        let order = version::compare(version, wanted, ignore_epoch);
        match oper {
            "" | "=" | "==" => order.is_eq() || Glob::new(wanted).matches(version),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" | ">>" => order.is_gt(),
            "<" | "<<" => order.is_lt(),
            "!=" | "<>" => order.is_ne(),
            _ => false,
        }
    };
    available.iter().find(fits).cloned()
}

/// `>= 1.0` as `>=` and `1.0`.
fn comparison(version: &str) -> (&str, &str) {
    for oper in ["<=>", "!=", ">=", "<=", ">>", "<<", "<>", ">", "<", "="] {
        if let Some(rest) = version.strip_prefix(oper) {
            return (oper, rest.strip_prefix(' ').unwrap_or(rest));
        }
    }
    ("", version)
}
