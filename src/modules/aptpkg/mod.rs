//! `pkg` by apt-get, apt-cache and dpkg. Salt: modules/aptpkg.py.

mod downloads;
mod install;
mod keys;
mod query;
mod repos;
mod selections;
mod sources;
pub mod version;

use std::path::Path;
use std::time::Duration;

use super::packages::{difference, finish, flag, is_true, keyword, names, words};
use crate::loader::{Context, Default, Fault, Function, Module, Param, Ran, keywords, only, opt, req, rest};
use crate::map;
use crate::value::{Map, Value};

const INFO: &[Param] = &[rest("names"), only(&["failhard"])];
const NAMES: &[Param] = &[rest("names"), keywords("kwargs")];
const HOLD: &[Param] = &[
    opt("name", Default::None),
    opt("pkgs", Default::None),
    opt("sources", Default::None),
    keywords("kwargs"),
];
const REMOVE: &[Param] = &[opt("name", Default::None), opt("pkgs", Default::None), keywords("kwargs")];
const LATEST: &str = "The version that could be installed, or nothing where the newest one is: of one package, or of \
                      several as `{name: version}`. `refresh=False` leaves the lists as they are, `fromrepo`, \
                      `show_installed`, `cache_valid_time` (seconds).";

pub(super) static MODULE: Module = Module {
    file: "aptpkg",
    provides: "pkg",
    available: |cx| match cx.grain("os_family") {
        "Debian" => Ok(()),
        _ => Err("The pkg module could not be loaded: unsupported OS family".to_owned()),
    },
    functions: &[
        Function::new(
            "add_repo_key",
            keys::ADD,
            "Adds a key that repositories are signed with.",
            keys::add_repo_key,
        ),
        Function::new(
            "autoremove",
            &[opt("list_only", Default::False), opt("purge", Default::False)],
            "Removes packages that nothing needs any more, or lists them.",
            install::autoremove,
        ),
        Function::new("available_version", NAMES, LATEST, query::latest_version),
        Function::new(
            "del_repo",
            &[req("repo"), keywords("kwargs")],
            "Removes a repository.",
            repos::del_repo,
        ),
        Function::new(
            "del_repo_key",
            &[
                opt("name", Default::None),
                opt("aptkey", Default::True),
                opt("keydir", Default::None),
                keywords("kwargs"),
            ],
            "Removes a key by its `keyid`.",
            keys::del_repo_key,
        ),
        Function::new(
            "expand_repo_def",
            &[keywords("kwargs")],
            "A repository's line as `pkg.get_repo` would show it, for the state pkgrepo.",
            repos::expand_repo_def,
        ),
        Function::new(
            "file_dict",
            &[rest("packages"), keywords("kwargs")],
            "The files of packages: `{errors, packages: {name: [path]}}`.",
            |cx, args| cx.ask("lowpkg.file_dict", &args.rest),
        ),
        Function::new(
            "file_list",
            &[rest("packages"), keywords("kwargs")],
            "The files of packages: `{errors, files: [path]}`.",
            |cx, args| cx.ask("lowpkg.file_list", &args.rest),
        ),
        Function::new(
            "get_repo",
            &[req("repo"), keywords("kwargs")],
            "What is known of a repository; empty without one.",
            repos::get_repo,
        ),
        Function::new(
            "get_repo_keys",
            keys::LIST,
            "The keys that repositories are signed with.",
            keys::get_repo_keys,
        ),
        Function::new(
            "get_selections",
            &[opt("pattern", Default::None), opt("state", Default::None)],
            "Selections of packages: `{state: [name]}`.",
            selections::get_selections,
        ),
        Function::new("hold", HOLD, "Keeps packages as they are.", selections::hold_row),
        Function::new("info_installed", INFO, "What is known of installed packages.", query::info_installed),
        Function::new(
            "install",
            install::PARAMS,
            "Installs packages: `name` (with `version`), `pkgs` (a list of names or `{name: version}`) or `sources` (a \
             list of `{name: path}`). What has changed: `{name: {old, new}}`.",
            install::install,
        ),
        Function::new("latest_version", NAMES, LATEST, query::latest_version),
        Function::new(
            "list_downloaded",
            &[opt("root", Default::None), keywords("kwargs")],
            "Package files that apt has fetched: `{name: {version: {path, size, creation_date_time_t, \
             creation_date_time}}}`.",
            downloads::list,
        ),
        Function::new(
            "list_pkgs",
            &[
                opt("versions_as_list", Default::False),
                opt("removed", Default::False),
                opt("purge_desired", Default::False),
                keywords("kwargs"),
            ],
            "Installed packages: `{name: version}`.",
            query::list_pkgs,
        ),
        Function::new(
            "list_repo_pkgs",
            &[rest("args"), keywords("kwargs")],
            "Versions that repositories offer: `{name: [version]}`.",
            query::list_repo_pkgs,
        ),
        Function::new(
            "list_repos",
            &[keywords("kwargs")],
            "Every repository: `{uri: [repo]}`.",
            repos::list_repos,
        ),
        Function::new(
            "list_upgrades",
            &[opt("refresh", Default::True), opt("dist_upgrade", Default::True), keywords("kwargs")],
            "Packages that could be upgraded: `{name: version}`.",
            query::list_upgrades,
        ),
        Function::new(
            "mod_repo",
            &[
                req("repo"),
                opt("saltenv", Default::Str("base")),
                opt("aptkey", Default::True),
                keywords("kwargs"),
            ],
            "Adds a repository or changes it.",
            repos::mod_repo,
        ),
        Function::new(
            "normalize_name",
            &[req("name")],
            "A name without the host's own architecture.",
            |cx, args| Ok(normal(&args.str("name")?, cx.grain("osarch")).into()),
        ),
        Function::new(
            "owner",
            &[rest("paths"), keywords("kwargs")],
            "The package that a file is of.",
            query::owner,
        ),
        Function::new(
            "parse_arch",
            &[req("name")],
            "A name and its architecture: `{name, arch}`.",
            |_, args| {
                let name = args.str("name")?;
                let parts = name.rsplit_once(':');
                Ok(map! { "name" => parts.map_or(name.as_str(), |(name, _)| name), "arch" => parts.map(|(_, arch)| arch) }
                    .into())
            },
        ),
        Function::new("purge", REMOVE, "Removes packages with their configuration.", |cx, args| {
            install::uninstall(cx, args, true)
        }),
        Function::new(
            "refresh_db",
            &[opt("cache_valid_time", Default::Int(0)), opt("failhard", Default::False), keywords("kwargs")],
            "Reads the package lists anew: `{repository: true, false or none}`.",
            query::refresh_db,
        ),
        Function::new(
            "remove",
            REMOVE,
            "Removes packages. What has changed: `{name: {old, new}}`.",
            |cx, args| install::uninstall(cx, args, false),
        ),
        Function::new(
            "services_need_restart",
            &[keywords("kwargs")],
            "Services that use files which have been replaced, as `checkrestart` tells them.",
            downloads::services_need_restart,
        ),
        Function::new(
            "set_selections",
            &[
                opt("path", Default::None),
                opt("selection", Default::None),
                opt("clear", Default::False),
                opt("saltenv", Default::Str("base")),
            ],
            "Sets selections of packages, `{state: [name]}` or a file of them.",
            selections::set_selections,
        ),
        Function::new(
            "show",
            &[rest("names"), only(&["filter", "refresh"])],
            "What repositories say of packages: `{name: {version: {field: text}}}`.",
            query::show,
        ),
        Function::new(
            "split_repo_str",
            &[req("repo")],
            "The parts of a repository's line, for the state pkgrepo.",
            repos::split_repo_str,
        ),
        Function::new("unhold", HOLD, "Lets packages change again.", selections::unhold_row),
        Function::new(
            "upgrade",
            &[opt("refresh", Default::True), opt("dist_upgrade", Default::False), keywords("kwargs")],
            "Upgrades all packages. What has changed: `{name: {old, new}}`.",
            install::upgrade,
        ),
        Function::new(
            "upgrade_available",
            &[req("name"), keywords("kwargs")],
            "Whether there is a newer version.",
            |cx, args| {
                query::versions(cx, false)?;
                query::refresh(cx, &Value::Null, false)?;
                let name = args.str("name")?;
                let found = query::latest(cx, std::slice::from_ref(&name), None, false)?;
                Ok(found.get(&name).is_some_and(Value::truthy).into())
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
                let (a, b) = (args.str("pkg1")?, args.str("pkg2")?);
                let order = version::compare(&a, &b, args.truthy("ignore_epoch"));
                Ok(Value::Int(order as i64))
            },
        ),
    ],
};

fn normal(name: &str, osarch: &str) -> String {
    match name.rsplit_once(':') {
        Some((short, arch)) if [osarch, "all", "any"].contains(&arch) => short.to_owned(),
        _ => name.to_owned(),
    }
}

/// Variables that keep dpkg and its helpers from asking.
const QUIET: [(&str, &str); 4] = [
    ("APT_LISTBUGS_FRONTEND", "none"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// Runs apt-get or a relative of it; waits while somebody else holds the lock. With `scope` outside of the minion's own
/// control group, so that a package that restarts the minion does not end its own installation.
fn apt(cx: &Context, words: &[String], scope: bool, mut options: Map) -> Result<Ran, Fault> {
    const MOST_WAITS: u32 = 10;
    let mut line = Vec::new();
    if scope
        && Path::new("/run/systemd/system").is_dir()
        && cx.ask("config.get", &["systemd.scope".into(), true.into()])?.truthy()
        && cx.which("systemd-run").is_some()
    {
        line.extend(["systemd-run", "--scope", "--description", "\"halite pkg\""].map(str::to_owned));
    }
    line.extend_from_slice(words);
    let mut env: Map = QUIET.into_iter().collect();
    match options.remove("env") {
        Some(Value::Map(more)) => env.extend(more),
        Some(Value::List(items)) => {
            for more in items.iter().filter_map(Value::as_map) {
                env.extend(more.clone());
            }
        }
        _ => {}
    }
    options.insert("env", env);
    let mut ran = cx.program_with(&line, options.clone())?;
    for wait in 1..=MOST_WAITS {
        if !ran.stderr.contains("Could not get lock") {
            break;
        }
        crate::log::warn!("waiting for the lock of dpkg, attempt {wait} of {MOST_WAITS}");
        cx.host.sleep(Duration::from_secs(1 << wait));
        ran = cx.program_with(&line, options.clone())?;
    }
    Ok(ran)
}
