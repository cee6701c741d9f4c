//! Which configuration files a program reads, and what comes of them. Salt: config/__init__.py (`load_config`,
//! `master_config`, `minion_config`, `client_config`), utils/parsers.py (`ConfigDirMixIn`).
//!
//! A file that is missing is an empty one. A file that is there and cannot be read or understood is an error: Salt
//! goes on without it in some of these cases, which starts a daemon with other options than the ones written down.

mod identity;
mod include;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

pub use crate::host::glob;
pub use identity::{expand_user, home, host_name, user, xdg_dir};
use include::Reader;

use crate::config::{self, CONFIG_DIR, Facts, Opts, Overrides, Role, Severity, absolute};
use crate::value::{Map, Value, str_of};

/// The options of a master. `dir` is the value of `-c`.
///
/// # Errors
/// When a file cannot be read or parsed, or an option has a wrong type.
pub fn load_master(dir: Option<&Path>) -> Result<Opts> {
    load(Role::Master, dir, &Environment::of_process(), false)
}

/// The options of a minion; the id it finds for itself is cached in its `minion_id` file.
///
/// # Errors
/// As [`load_master`].
pub fn load_minion(dir: Option<&Path>) -> Result<Opts> {
    load(Role::Minion, dir, &Environment::of_process(), true)
}

/// The options of the proxy minion `id`. Salt: config/__init__.py (`proxy_config`).
///
/// # Errors
/// As [`load_master`].
pub fn load_proxy(dir: Option<&Path>, id: &str) -> Result<Opts> {
    let environment = Environment { proxy: Some(id.to_owned()), ..Environment::of_process() };
    load(Role::Minion, dir, &environment, true)
}

/// The options of a minion, for a program that is not one: nothing is written.
///
/// # Errors
/// As [`load_master`].
pub fn load_minion_uncached(dir: Option<&Path>) -> Result<Opts> {
    load(Role::Minion, dir, &Environment::of_process(), false)
}

/// The options of a command on the master's host (`salt`, `salt-key`, `salt-run`): the master's, then those of the
/// user's own `.saltrc`.
///
/// # Errors
/// As [`load_master`].
pub fn load_client(dir: Option<&Path>) -> Result<Opts> {
    load(Role::Client, dir, &Environment::of_process(), false)
}

/// What of the environment decides about files.
#[derive(Clone, Debug, Default)]
struct Environment {
    /// `SALT_CONFIG_DIR`
    config_dir: Option<String>,
    /// `SALT_MASTER_CONFIG`
    master_config: Option<String>,
    /// `SALT_MINION_CONFIG`
    minion_config: Option<String>,
    /// `SALT_CLIENT_CONFIG`
    client_config: Option<String>,
    /// `SALT_PROXY_CONFIG`
    proxy_config: Option<String>,
    /// The id of the proxy minion that the command line names.
    proxy: Option<String>,
}

impl Environment {
    fn of_process() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Environment {
            config_dir: var("SALT_CONFIG_DIR"),
            master_config: var("SALT_MASTER_CONFIG"),
            minion_config: var("SALT_MINION_CONFIG"),
            client_config: var("SALT_CLIENT_CONFIG"),
            proxy_config: var("SALT_PROXY_CONFIG"),
            proxy: None,
        }
    }

    fn file_name(&self, role: Role) -> &'static str {
        if self.proxy.is_some() { "proxy" } else { role.file_name() }
    }
}

fn load(role: Role, dir: Option<&Path>, environment: &Environment, cache_id: bool) -> Result<Opts> {
    let cwd = cwd();
    let dir = config_dir(dir, environment, &cwd);
    if !Path::new(&dir).is_dir() {
        eprintln!("WARNING: CONFIG '{dir}' directory does not exist.");
    }
    let mut reader = Reader::default();
    let overrides = read_files(&mut reader, role, &dir, environment)?;
    let (user, home) = (identity::user(), identity::home());
    let id_notices = RefCell::new(Vec::new());
    let facts = Facts {
        user: &user,
        home: &home,
        cwd: &cwd,
        program: &program(),
        config_dir: &dir,
        id: &|opts| identity::find_id(opts, &cwd, cache_id, &id_notices),
        glob: &glob,
        memory: &identity::memory,
    };
    let mut opts = config::build(role, overrides, &facts)?;
    if role == Role::Client {
        of_the_user(&mut opts, &mut reader, environment, &cwd)?;
    }
    for notice in reader.notices.into_iter().chain(id_notices.into_inner()) {
        opts.notice(notice.severity, notice.text);
    }
    Ok(opts)
}

/// The absolute directory of the configuration.
fn config_dir(dir: Option<&Path>, environment: &Environment, cwd: &str) -> String {
    let dir = match dir {
        Some(dir) => dir.to_string_lossy().into_owned(),
        None => environment.config_dir.clone().unwrap_or_else(|| CONFIG_DIR.to_owned()),
    };
    absolute(&expand_user(&dir), cwd)
}

/// The main file of a role. A file named by the environment is read only where no other directory was asked for.
fn main_file(role: Role, dir: &str, environment: &Environment) -> PathBuf {
    let name = environment.file_name(role);
    let path = Path::new(dir).join(name);
    if path != Path::new(CONFIG_DIR).join(name) {
        return path;
    }
    let named = match role {
        Role::Minion if environment.proxy.is_some() => &environment.proxy_config,
        Role::Minion => &environment.minion_config,
        Role::Master | Role::Client => &environment.master_config,
    };
    let in_dir = environment.config_dir.as_ref().map(|dir| Path::new(dir).join(name));
    named.as_ref().map(PathBuf::from).or(in_dir).filter(|file| file.is_file()).unwrap_or(path)
}

fn read_files(reader: &mut Reader, role: Role, dir: &str, environment: &Environment) -> Result<Overrides> {
    let main = main_file(role, dir, environment).to_string_lossy().into_owned();
    let mut all = Overrides::default();
    match fs::metadata(&main) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            reader.notices.push(config::Notice {
                severity: Severity::Debug,
                text: format!("Missing configuration file: {main}"),
            });
        }
        _ => {
            all = reader.file(&main)?;
            all.map.insert("conf_file", main.as_str());
        }
    }
    // Includes are looked for beside the file of the directory, wherever the main file was.
    let beside = format!("{dir}/{}", environment.file_name(role));
    if let Some(id) = &environment.proxy {
        be_proxy(&mut all.map, id);
    }
    let default_include = all.map.get("default_include").cloned().unwrap_or_else(|| {
        Value::text(match role {
            Role::Minion => "minion.d/*.conf",
            Role::Master | Role::Client => "master.d/*.conf",
        })
    });
    let include = all.map.get("include").cloned().unwrap_or_default();
    let mut includes = vec![(default_include, false), (include, true)];
    if environment.proxy.is_some() && lists(&all.map, "append_minionid_config_dirs", "default_include") {
        // Those of this one come after those of all.
        let of_all = all.map.str("default_include").unwrap_or_default();
        let (folder, files) = of_all.rsplit_once('/').unwrap_or_default();
        let id = all.map.get("id").map(str_of).unwrap_or_default();
        includes.push((format!("{folder}/{id}/{files}").into(), false));
    }
    for (include, verbose) in includes {
        let included = reader.includes(&include, &beside, verbose)?;
        all.map.extend(included.map);
        all.origins.extend(included.origins);
    }
    if all.map.get("id_function").is_some_and(Value::truthy) && !all.map.get("id").is_some_and(Value::truthy)
    {
        anyhow::bail!("'id_function' is not supported: set 'id' in {main}");
    }
    Ok(all)
}

/// What a proxy minion has in the place of a minion's defaults. The directories that are listed get its id.
fn be_proxy(options: &mut Map, id: &str) {
    let log_file = if options.contains("log_dir") { "proxy" } else { "/var/log/salt/proxy" };
    for (name, value) in [
        ("id", id),
        ("cachedir", "/var/cache/salt/proxy"),
        ("conf_file", "/etc/salt/proxy"),
        ("default_include", "proxy.d/*.conf"),
        ("extension_modules", "/var/cache/salt/proxy/extmods"),
        ("log_file", log_file),
        ("pki_dir", "/etc/salt/pki/proxy"),
        ("sock_dir", "/var/run/salt/proxy"),
    ] {
        options.entry(name, || value.into());
    }
    let dirs = ["cachedir", "pidfile", "default_include", "extension_modules"];
    options.entry("append_minionid_config_dirs", || Value::list(dirs));
}

fn lists(options: &Map, list: &str, item: &str) -> bool {
    let items = options.get(list).and_then(Value::as_list).unwrap_or_default();
    items.iter().any(|one| one.as_str() == Some(item))
}

/// What a user has of their own: `.saltrc`, and a token from an earlier login.
fn of_the_user(opts: &mut Opts, reader: &mut Reader, environment: &Environment, cwd: &str) -> Result<()> {
    let (dir, name) = match xdg_dir() {
        Some(dir) => (dir, "saltrc"),
        None => (PathBuf::from(home()), ".saltrc"),
    };
    let own = dir.join(name);
    let named = environment.client_config.as_ref().map(PathBuf::from).filter(|file| file.is_file());
    let saltrc = named.unwrap_or(own);
    if saltrc.is_file() {
        let file = saltrc.to_string_lossy().into_owned();
        for (key, value) in reader.file(&file)?.map {
            if let Value::Text(key) = key {
                opts.set(&key, value);
            }
        }
    }
    let token_file = match opts.str("token_file") {
        "" => dir.join("salt_token").to_string_lossy().into_owned(),
        file => file.to_owned(),
    };
    let token_file = absolute(&expand_user(&token_file), cwd);
    opts.set("token_file", token_file.as_str());
    if let Some(token) = token(Path::new(&token_file), opts)? {
        opts.set("token", token);
    }
    Ok(())
}

/// The token of the file, unless it is too old.
fn token(file: &Path, opts: &Opts) -> Result<Option<String>> {
    const DEFAULT_EXPIRE: Duration = Duration::from_secs(43_200);
    let Ok(metadata) = fs::metadata(file) else { return Ok(None) };
    if !metadata.is_file() {
        return Ok(None);
    }
    let lifetime =
        if opts.get("token_expire").is_some() { opts.duration("token_expire") } else { DEFAULT_EXPIRE };
    let expires = metadata.modified()?.checked_add(lifetime);
    if expires.is_some_and(|expires| expires <= SystemTime::now()) {
        return Ok(None);
    }
    let token =
        fs::read_to_string(file).with_context(|| format!("cannot read the token in {}", file.display()))?;
    Ok(Some(token.trim().to_owned()))
}

fn cwd() -> String {
    std::env::current_dir().map_or_else(|_| "/".to_owned(), |dir| dir.to_string_lossy().into_owned())
}

/// The name of this program as Salt knows it: of the link it was started by, or the applet in its first word.
fn program() -> String {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    match words.next() {
        Some(applet) if name == "halite" && !applet.starts_with('-') => applet,
        _ => name.to_owned(),
    }
}
