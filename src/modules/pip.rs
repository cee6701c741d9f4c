//! `pip`: Python's packages, by the program `pip` of a virtual environment or of the system. Salt: modules/pip.py.

use std::path::Path;

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, Ran, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, PyVersion, Value, sort, str_of};

const BIN_ENV: Param = opt("bin_env", Default::None);
const USER: Param = opt("user", Default::None);
const CWD: Param = opt("cwd", Default::None);
const VT: Param = opt("use_vt", Default::False);
const ENV: Param = opt("env_vars", Default::None);

pub(super) static MODULE: Module = Module {
    file: "pip",
    provides: "pip",
    available: always,
    functions: &[
        Function::new(
            "freeze",
            &[BIN_ENV, USER, CWD, VT, ENV, keywords("kwargs")],
            "Lines `package==version`, as `pip freeze --all` prints them.",
            |cx, args| {
                Ok(Value::list(checked(Pip::of(cx, args)?.run(&["freeze", "--all"])?)?.stdout.lines()))
            },
        ),
        Function::new("install", INSTALL, "`pip install`: what `cmd.run_all` says of it.", install),
        Function::new(
            "is_installed",
            &[req("pkgname"), BIN_ENV, USER, CWD],
            "Whether a package is installed.",
            |cx, args| {
                let name = args.str("pkgname")?.to_lowercase();
                let all = list(&Pip::of(cx, args)?, Some(&name))?;
                Ok(all.keys().any(|key| str_of(key).to_lowercase() == name).into())
            },
        ),
        Function::new(
            "list",
            &[opt("prefix", Default::None), BIN_ENV, USER, CWD, ENV, keywords("kwargs")],
            "Installed packages whose names begin so: `{package: version}`.",
            |cx, args| Ok(list(&Pip::of(cx, args)?, args.opt_str("prefix")?.as_deref())?.into()),
        ),
        Function::new(
            "list_all_versions",
            &[
                req("pkg"),
                BIN_ENV,
                opt("include_alpha", Default::False),
                opt("include_beta", Default::False),
                opt("include_rc", Default::False),
                USER,
                CWD,
                opt("index_url", Default::None),
                opt("extra_index_url", Default::None),
            ],
            "Versions of a package that can be had, oldest first, or None.",
            list_all_versions,
        ),
        Function::new(
            "list_upgrades",
            &[BIN_ENV, USER, CWD],
            "Packages of which newer ones can be had: `{package: version [kind]}`.",
            |cx, args| upgrades(&Pip::of(cx, args)?).map(Value::Map),
        ),
        Function::new(
            "uninstall",
            &[
                opt("pkgs", Default::None),
                opt("requirements", Default::None),
                BIN_ENV,
                opt("log", Default::None),
                opt("proxy", Default::None),
                opt("timeout", Default::None),
                USER,
                CWD,
                opt("saltenv", Default::Str("base")),
                VT,
            ],
            "`pip uninstall -y`: what `cmd.run_all` says of it.",
            |cx, args| {
                let pip = Pip::of(cx, args)?;
                let mut words = vec!["uninstall".to_owned(), "-y".to_owned()];
                if let Some(failed) = requirements(cx, args, &mut words)? {
                    return Ok(failed);
                }
                flags(args, &mut words)?;
                words.extend(args.list("pkgs")?.iter().map(str_of));
                pip.asked(&words, Map::new())
            },
        ),
        Function::new(
            "upgrade",
            &[BIN_ENV, USER, CWD, VT],
            "Upgrades every package: `{changes, result, comment}`.",
            |cx, args| {
                let pip = Pip::of(cx, args)?;
                let before = list(&pip, None)?;
                let (mut result, mut comment) = (true, String::new());
                for name in upgrades(&pip)?.keys() {
                    let ran = pip.run(&["install", "-U", &str_of(name)])?;
                    result &= ran.ok();
                    comment += &ran.stderr;
                }
                let after = list(&pip, None)?;
                let mut changes = Map::new();
                for name in before.keys().chain(after.keys()) {
                    let (old, new) = (before.get_value(name).cloned(), after.get_value(name).cloned());
                    if old != new {
                        let text = |version: Option<Value>| version.unwrap_or_else(|| "".into());
                        changes.insert(name.clone(), map! { "old" => text(old), "new" => text(new) });
                    }
                }
                Ok(map! { "changes" => changes, "result" => result, "comment" => comment }.into())
            },
        ),
        Function::new("version", &[BIN_ENV, CWD, USER], "The version of pip.", |cx, args| {
            let ran = Pip::of(cx, args)?.run(&["--version"])?;
            if !ran.ok() {
                return Err(Fault::NotFound("Could not find a `pip` binary".to_owned()));
            }
            Ok(ran.stdout.strip_prefix("pip ").and_then(|rest| rest.split_whitespace().next()).into())
        }),
    ],
};

const INSTALL: &[Param] = &[
    opt("pkgs", Default::None),
    opt("requirements", Default::None),
    BIN_ENV,
    opt("use_wheel", Default::False),
    opt("no_use_wheel", Default::False),
    opt("log", Default::None),
    opt("proxy", Default::None),
    opt("timeout", Default::None),
    opt("editable", Default::None),
    opt("find_links", Default::None),
    opt("index_url", Default::None),
    opt("extra_index_url", Default::None),
    opt("no_index", Default::False),
    opt("mirrors", Default::None),
    opt("build", Default::None),
    opt("target", Default::None),
    opt("download", Default::None),
    opt("download_cache", Default::None),
    opt("source", Default::None),
    opt("upgrade", Default::False),
    opt("force_reinstall", Default::False),
    opt("ignore_installed", Default::False),
    opt("exists_action", Default::None),
    opt("no_deps", Default::False),
    opt("no_install", Default::False),
    opt("no_download", Default::False),
    opt("global_options", Default::None),
    opt("install_options", Default::None),
    USER,
    CWD,
    opt("pre_releases", Default::False),
    opt("cert", Default::None),
    opt("allow_all_external", Default::False),
    opt("allow_external", Default::None),
    opt("allow_unverified", Default::None),
    opt("process_dependency_links", Default::False),
    opt("saltenv", Default::Str("base")),
    ENV,
    VT,
    opt("trusted_host", Default::None),
    opt("no_cache_dir", Default::False),
    opt("extra_args", Default::None),
    opt("cache_dir", Default::None),
    opt("no_binary", Default::None),
    opt("disable_version_check", Default::False),
    keywords("kwargs"),
];

/// The program of an environment, and how it is run.
struct Pip<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    command: Vec<String>,
    /// The directory of the virtual environment.
    venv: Option<String>,
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

impl<'a, 'c> Pip<'a, 'c> {
    fn of(cx: &'a Context<'c>, args: &'a Args) -> Result<Self, Fault> {
        let by_module = |python: &str| vec![python.to_owned(), "-m".to_owned(), "pip".to_owned()];
        let Some(bin) = args.opt_str("bin_env")?.filter(|bin| !bin.is_empty()) else {
            // Salt takes the pip of the Python that it runs in; here it is that of the system.
            let python = cx.which("python3").or_else(|| cx.which("python"));
            let python = python.ok_or_else(|| Fault::NotFound("Could not find a `pip` binary".to_owned()))?;
            return Ok(Pip { cx, args, command: by_module(&python), venv: None });
        };
        let path = Path::new(&bin);
        if path.is_dir() {
            let places = [path.join("python"), path.join("bin/python")];
            let found = places.iter().find(|place| place.is_file() && is_executable(place));
            let missing = || Fault::NotFound(format!("Could not find a pip binary in virtualenv {bin}"));
            let command = by_module(&found.ok_or_else(missing)?.display().to_string());
            return Ok(Pip { cx, args, command, venv: Some(bin) });
        }
        if !is_executable(path) {
            return Err(Fault::NotFound(format!("Access denied to {bin}, could not find a pip binary")));
        }
        if !path.is_file() {
            return Err(Fault::execution(format!("Could not find a pip binary within {bin}")));
        }
        let is_python = path.file_name().is_some_and(|name| name.to_string_lossy().contains("python"));
        let command = if is_python { by_module(&bin) } else { vec![bin] };
        Ok(Pip { cx, args, command, venv: None })
    }

    /// What `cmd.run_all` gives for `pip WORDS`.
    fn asked(&self, words: &[String], mut options: Map) -> Result<Value, Fault> {
        let mut env = Map::new();
        match self.args.get("env_vars") {
            Value::Map(given) => env.extend(given.iter().map(|(key, value)| (str_of(key), str_of(value)))),
            given if given.truthy() => {
                return Err(Fault::execution(format!("env_vars {} is not a dictionary", str_of(given))));
            }
            _ => {}
        }
        env.extend(self.venv.as_deref().map(|venv| ("VIRTUAL_ENV", venv)));
        if !env.is_empty() {
            options.insert("env", env);
        }
        options.extend(self.args.given("user").map(|user| ("runas", user.clone())));
        let cwd = self.args.opt_str("cwd")?.filter(|cwd| !cwd.is_empty()).or_else(|| self.venv.clone());
        options.extend(cwd.map(|cwd| ("cwd", cwd)));
        options.insert("python_shell", false);
        let mut command = self.command.clone();
        command.extend_from_slice(words);
        self.cx.ask_with("cmd.run_all", &[Value::list(command)], options)
    }

    fn run(&self, words: &[&str]) -> Result<Ran, Fault> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let ran = self.asked(&words, Map::new())?;
        let text = |key: &str| ran.get(key).map(str_of).unwrap_or_default();
        let retcode = ran.get("retcode").and_then(Value::as_int).unwrap_or(1);
        Ok(Ran { retcode, stdout: text("stdout"), stderr: text("stderr") })
    }
}

fn checked(ran: Ran) -> Result<Ran, Fault> {
    if ran.ok() {
        return Ok(ran);
    }
    let info = map! {
        "retcode" => ran.retcode, "stdout" => ran.stdout.as_str(), "stderr" => ran.stderr.as_str(),
    };
    Err(Fault::Execution { text: ran.stderr, info: Some(info.into()) })
}

fn rows(ran: &Ran) -> Result<Vec<Value>, Fault> {
    match Value::from_json(&ran.stdout) {
        Ok(Value::List(rows)) => Ok(rows),
        _ => Err(Fault::execution("Invalid JSON")),
    }
}

fn list(pip: &Pip, prefix: Option<&str>) -> Result<Map, Fault> {
    let ran = checked(pip.run(&["list", "--format=json"])?)?;
    let part = |row: &Value, key: &str| row.get(key).map(str_of).unwrap_or_default();
    let all = rows(&ran)?;
    let named = all.iter().map(|row| (part(row, "name"), part(row, "version")));
    let prefix = prefix.unwrap_or_default().to_lowercase();
    Ok(named.filter(|(name, _)| name.to_lowercase().starts_with(&prefix)).collect())
}

fn upgrades(pip: &Pip) -> Result<Map, Fault> {
    let ran = checked(pip.run(&["list", "--outdated", "--format=json"])?)?;
    let part = |row: &Value, key: &str| row.get(key).map(str_of).unwrap_or_default();
    let line = |row: &Value| format!("{} [{}]", part(row, "latest_version"), part(row, "latest_filetype"));
    Ok(rows(&ran)?.iter().map(|row| (part(row, "name"), line(row))).collect())
}

fn list_all_versions(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = vec!["index".to_owned(), "versions".to_owned(), args.str("pkg")?];
    indices(args, &mut words)?;
    let asked = map! { "output_loglevel" => "quiet", "redirect_stderr" => true };
    let ran = Pip::of(cx, args)?.asked(&words, asked)?;
    let said = ran.get("stdout").map(str_of).unwrap_or_default();
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix("Available versions: "));
    let unwanted: Vec<&str> = [("include_alpha", "a"), ("include_beta", "b"), ("include_rc", "rc")]
        .into_iter()
        .filter(|(flag, _)| !args.truthy(flag))
        .map(|(_, letters)| letters)
        .collect();
    let all = line.unwrap_or_default().split(", ").filter(|version| !version.is_empty());
    let mut versions: Vec<&str> =
        all.filter(|version| !unwanted.iter().any(|letters| version.contains(letters))).collect();
    sort::by_cached_key(&mut versions, |version| PyVersion::parse(version));
    Ok(if versions.is_empty() { Value::Null } else { Value::list(versions) })
}

/// Parts of text with commas, or of a list.
fn parts(args: &Args, name: &str) -> Result<Vec<String>, Fault> {
    Ok(args.list(name)?.iter().map(str_of).filter(|part| !part.is_empty()).collect())
}

/// Adds `--requirement FILE`; the return where a file cannot be had.
fn requirements(cx: &Context, args: &Args, words: &mut Vec<String>) -> Result<Option<Value>, Fault> {
    for given in parts(args, "requirements")? {
        let mut path = given.clone();
        if given.starts_with("salt://") {
            let cached = cx.ask("cp.cache_file", &[given.as_str().into(), args.get("saltenv").clone()])?;
            if !cached.truthy() {
                let comment = format!("pip requirements file '{given}' not found");
                return Ok(Some(map! { "result" => false, "comment" => comment }.into()));
            }
            path = str_of(&cached);
            if args.truthy("user") {
                // The cache is root's; the user gets a copy to read.
                let place = std::env::temp_dir().join(format!(
                    "salt-pip-{}",
                    crate::crypt::digest::hex(&crate::crypt::random::bytes::<8>())
                ));
                let place = place.display().to_string();
                cx.ask("file.copy", &[path.as_str().into(), place.as_str().into()])?;
                cx.ask("file.chown", &[place.as_str().into(), args.get("user").clone(), Value::Null])?;
                path = place;
            }
        }
        words.extend(["--requirement".to_owned(), path]);
    }
    Ok(None)
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| ["http", "https", "ftp", "file"].contains(&scheme))
}

fn indices(args: &Args, words: &mut Vec<String>) -> Result<(), Fault> {
    for (name, flag) in [("index_url", "--index-url"), ("extra_index_url", "--extra-index-url")] {
        if let Some(url) = args.opt_str(name)?.filter(|url| !url.is_empty()) {
            if !is_url(&url) {
                return Err(Fault::execution(format!("'{url}' is not a valid URL")));
            }
            words.extend([flag.to_owned(), url]);
        }
    }
    Ok(())
}

/// Flags that several functions have: log, proxy, timeout.
fn flags(args: &Args, words: &mut Vec<String>) -> Result<(), Fault> {
    for (name, flag) in [("log", "--log"), ("proxy", "--proxy")] {
        if args.truthy(name) {
            words.extend([flag.to_owned(), args.str(name)?]);
        }
    }
    if args.truthy("timeout") {
        let timeout = args.str("timeout")?;
        if timeout.parse::<u64>().is_err() {
            let text = format!("'{timeout}' is not a valid timeout, must be an integer");
            return Err(Fault::exception("ValueError", text));
        }
        words.extend(["--timeout".to_owned(), timeout]);
    }
    Ok(())
}

fn install(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pip = Pip::of(cx, args)?;
    let mut words = vec!["install".to_owned()];
    if let Some(failed) = requirements(cx, args, &mut words)? {
        return Ok(failed);
    }
    for name in ["use_wheel", "no_use_wheel", "mirrors", "download", "build", "no_install", "no_download"] {
        if args.truthy(name) {
            return Err(Fault::execution(format!("pip >= 10 does not support the argument {name}")));
        }
    }
    if args.truthy("no_binary") {
        words.extend(["--no-binary".to_owned(), parts(args, "no_binary")?.join(",")]);
    }
    flags(args, &mut words)?;
    for link in parts(args, "find_links")? {
        if !is_url(&link) && !Path::new(&link).exists() {
            return Err(Fault::execution(format!("'{link}' is not a valid URL or path")));
        }
        words.extend(["--find-links".to_owned(), link]);
    }
    if args.truthy("no_index") && (args.truthy("index_url") || args.truthy("extra_index_url")) {
        return Err(Fault::execution(
            "'no_index' and ('index_url' or 'extra_index_url') are mutually exclusive.",
        ));
    }
    indices(args, &mut words)?;
    let switch = |words: &mut Vec<String>, name: &str, flag: &str| {
        words.extend(args.truthy(name).then(|| flag.to_owned()));
    };
    switch(&mut words, "no_index", "--no-index");
    switch(&mut words, "disable_version_check", "--disable-pip-version-check");
    let cache = if args.truthy("download_cache") { "download_cache" } else { "cache_dir" };
    for (name, flag) in [("target", "--target"), (cache, "--cache-dir"), ("source", "--source")] {
        if args.truthy(name) {
            words.extend([flag.to_owned(), args.str(name)?]);
        }
    }
    switch(&mut words, "upgrade", "--upgrade");
    switch(&mut words, "force_reinstall", "--force-reinstall");
    switch(&mut words, "ignore_installed", "--ignore-installed");
    if args.truthy("exists_action") {
        let action = args.str("exists_action")?;
        if !["s", "i", "w", "b"].contains(&action.to_lowercase().as_str()) {
            return Err(Fault::execution(format!(
                "The exists_action pip option only supports the values s, i, w, and b. '{action}' is not valid."
            )));
        }
        words.extend(["--exists-action".to_owned(), action]);
    }
    switch(&mut words, "no_deps", "--no-deps");
    switch(&mut words, "no_cache_dir", "--no-cache-dir");
    switch(&mut words, "pre_releases", "--pre");
    if args.truthy("cert") {
        words.extend(["--cert".to_owned(), args.str("cert")?]);
    }
    for (name, flag) in [("global_options", "--global-option"), ("install_options", "--install-option")] {
        for option in parts(args, name)? {
            words.extend([flag.to_owned(), option]);
        }
    }
    let pkgs = parts(args, "pkgs")?;
    if pkgs.is_empty() && !args.truthy("requirements") && !args.truthy("editable") {
        return Ok(map! { "retcode" => 0, "stdout" => "No packages to install." }.into());
    }
    words.extend(pkgs.iter().map(|name| name.replace(';', ",")));
    for entry in parts(args, "editable")? {
        let egg = entry
            .split_once('#')
            .and_then(|(_, tail)| tail.split('&').find_map(|part| part.strip_prefix("egg=")));
        let local = entry == "." || entry.starts_with('/') || entry.starts_with("file://");
        if !local && egg.is_none_or(str::is_empty) {
            return Err(Fault::execution("You must specify an egg for this editable"));
        }
        words.extend(["--editable".to_owned(), entry]);
    }
    if args.truthy("trusted_host") {
        words.extend(["--trusted-host".to_owned(), args.str("trusted_host")?]);
    }
    for argument in args.list("extra_args")? {
        match argument {
            Value::Map(pair) => {
                for (key, value) in &pair {
                    words.extend([str_of(key), str_of(value)]);
                }
            }
            word => words.push(str_of(&word)),
        }
    }
    pip.asked(&words, map! { "saltenv" => args.get("saltenv").clone() })
}
