//! From defaults and files to the options of a daemon: types checked, directories put below `root_dir`, the id and
//! everything else that follows from other options. Salt: config/__init__.py (`apply_master_config`,
//! `apply_minion_config`, `client_config`).

use crate::patterns::PySearch;
use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use super::opts::{Notice, Severity};
use super::paths::{self, basename, dirname, join, python_join};
use super::{Given, Opts, Role, defaults, kind, minion_id, row};
use crate::value::{Map, Value, str_of};

/// Where an option was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: String,
    /// From 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, line {}", self.file, self.line)
    }
}

/// What the files say, merged, and where each option comes from.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub map: Map,
    pub origins: HashMap<String, Origin>,
}

/// The id of this machine.
#[derive(Clone, Debug)]
pub struct Id {
    pub id: String,
    /// It is only an address: no domain goes behind it.
    pub is_address: bool,
}

/// What building needs to know of the world.
pub struct Facts<'a> {
    /// The name of the user who runs the program.
    pub user: &'a str,
    pub home: &'a str,
    pub cwd: &'a str,
    /// The file name of the program.
    pub program: &'a str,
    /// The absolute directory of the configuration.
    pub config_dir: &'a str,
    /// Finds (and for minions caches) the id where none is configured. Sees the options so far.
    pub id: &'a dyn Fn(&Map) -> Id,
    /// The paths that a glob matches.
    pub glob: &'a dyn Fn(&str) -> Vec<String>,
    /// Octets of memory of the machine.
    pub memory: &'a dyn Fn() -> u64,
}

/// Why options cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error(
        "Config option '{name}' with value {value} has an invalid type of {found}, a {expected} is required for this \
         option{}",
        place(origin)
    )]
    WrongType { name: String, value: String, found: &'static str, expected: String, origin: Option<Origin> },
    #[error("{problem}{}", place(origin))]
    Invalid { problem: String, origin: Option<Origin> },
}

fn place(origin: &Option<Origin>) -> String {
    origin.as_ref().map_or_else(String::new, |origin| format!(" ({origin})"))
}

/// The options of a role.
///
/// # Errors
/// When an option has a type that it does not take, or a value that has no meaning.
pub fn build(role: Role, overrides: Overrides, facts: &Facts<'_>) -> Result<Opts, ConfigError> {
    let mut build = Build { opts: Map::new(), origins: &overrides.origins, facts, notices: Vec::new() };
    build.merge(role, &overrides.map)?;
    match role {
        Role::Minion => build.minion(&overrides.map)?,
        Role::Master => build.master(&overrides.map)?,
        Role::Client => {
            build.master(&overrides.map)?;
            build.client();
        }
    }
    build.opts.insert("config_dir", facts.config_dir);
    Ok(Opts::assembled(role, build.opts, build.notices))
}

struct Build<'a> {
    opts: Map,
    origins: &'a HashMap<String, Origin>,
    facts: &'a Facts<'a>,
    notices: Vec<Notice>,
}

impl Build<'_> {
    fn merge(&mut self, role: Role, overrides: &Map) -> Result<(), ConfigError> {
        self.opts = defaults::table(role, self.facts.user, self.facts.home);
        self.opts.insert("__role", role.as_str());
        for (key, value) in overrides {
            let Some(row) = key.as_str().and_then(row) else {
                let name = str_of(key);
                if name != "include" {
                    let place = place(&self.origins.get(&name).cloned());
                    self.notice(Severity::Debug, format!("unknown option '{name}' is kept as it is{place}"));
                }
                self.opts.insert(key.clone(), value.clone());
                continue;
            };
            let has_default = !matches!(row.default_of(role), Given::Absent | Given::Null);
            if value.is_null() && (has_default || !kind::accepts(row.kinds, value)) {
                let place = place(&self.origins.get(row.name).cloned());
                self.warn(format!("Config option '{}' has no value, its default is used{place}", row.name));
                continue;
            }
            self.check(row.name, row.kinds, value)?;
            if holds_sdb(value) {
                let place = place(&self.origins.get(row.name).cloned());
                self.warn(format!(
                    "Config option '{}': sdb:// is not supported, kept as text{place}",
                    row.name
                ));
            }
            self.opts.insert(row.name, value.clone());
        }
        self.log_file(overrides);
        self.opts.insert("__cli", self.facts.program);
        self.environment();
        self.backends();
        Ok(())
    }

    fn check(&self, name: &str, kinds: &[kind::Kind], value: &Value) -> Result<(), ConfigError> {
        if kind::accepts(kinds, value) {
            return Ok(());
        }
        Err(ConfigError::WrongType {
            name: name.to_owned(),
            value: str_of(value),
            found: value.type_name(),
            expected: kind::in_words(kinds),
            origin: self.origins.get(name).cloned(),
        })
    }

    fn master(&mut self, overrides: &Map) -> Result<(), ConfigError> {
        self.opts.insert("__fs_update", true);
        let uses_rest = self.opts.get("external_auth").is_some_and(|auth| auth.get("rest").is_some());
        if uses_rest && !self.truthy("keep_acl_in_token") {
            self.warn(
                "The 'rest' external_auth backend requires 'keep_acl_in_token' to be True. Setting \
                 'keep_acl_in_token' to True.",
            );
            self.opts.insert("keep_acl_in_token", true);
        }
        self.sock_dir();
        let cachedir = self.str("cachedir").to_owned();
        self.opts.insert("token_dir", python_join(&cachedir, "tokens"));
        self.opts.insert("syndic_dir", python_join(&cachedir, "syndics"));
        self.extension_modules();
        self.ipc_write_buffer(overrides);
        self.id("_master");
        self.root_dir(
            &[
                "pki_dir",
                "cachedir",
                "pidfile",
                "sock_dir",
                "extension_modules",
                "autosign_file",
                "autoreject_file",
                "token_dir",
                "syndic_dir",
                "sqlite_queue_dir",
                "autosign_grains_dir",
            ],
            &["log_file", "key_logfile", "ssh_log_file"],
        );
        self.exactly_true("open_mode");
        self.exactly_true("auto_accept");
        self.roots("file_roots", "/srv/salt");
        // Salt quirk: a master's pillar_roots that are no mapping become the default of file_roots (3006, 3007).
        self.roots("pillar_roots", "/srv/salt");
        self.ignored_files();
        if self.opts.get("worker_threads").and_then(Value::as_int).is_some_and(|threads| threads < 3)
            && self.truthy("peer")
        {
            let conf_file = self.str("conf_file").to_owned();
            self.warn(format!(
                "The 'worker_threads' setting in '{conf_file}' cannot be lower than 3. Resetting it to the default \
                 value of 3."
            ));
            self.opts.insert("worker_threads", 3);
        }
        self.hash_type();
        self.ssl();
        self.discovery(&["port", "mapping"])?;
        self.algorithm("publish_signing_algorithm", SIGNING, "The  publish signging algorithm")?;
        self.ssh_minion_opts();
        self.nodegroups();
        self.joined_return();
        Ok(())
    }

    fn minion(&mut self, overrides: &Map) -> Result<(), ConfigError> {
        self.id("");
        self.dirs_with_id();
        self.sock_dir();
        self.exactly_true("open_mode");
        self.roots("file_roots", "/srv/salt");
        self.roots("pillar_roots", "/srv/pillar");
        self.extension_modules();
        self.root_dir(
            &["pki_dir", "cachedir", "sock_dir", "extension_modules", "pidfile"],
            &["log_file", "key_logfile"],
        );
        self.opts.entry("beacons", || Value::Map(Map::new()));
        self.ipc_write_buffer(overrides);
        self.hash_type();
        self.ssl();
        self.discovery(&["attempts", "pause", "port", "match", "mapping"])?;
        self.algorithm("encryption_algorithm", ENCRYPTION, "The encryption algorithm")?;
        self.algorithm("signing_algorithm", SIGNING, "The signging algorithm")?;
        self.joined_return();
        Ok(())
    }

    /// How a command of the master's host reaches the master.
    fn client(&mut self) {
        let interface = match self.str("interface") {
            "0.0.0.0" => "127.0.0.1".to_owned(),
            "::" => "::1".to_owned(),
            other => other.to_owned(),
        };
        if self.opts.get("master_uri").is_none() {
            let host = match interface.trim_start_matches('[').trim_end_matches(']') {
                v6 if v6.contains(':') => format!("[{v6}]"),
                other => other.to_owned(),
            };
            let port = self.opts.get("ret_port").map_or_else(String::new, str_of);
            self.opts.insert("master_uri", format!("tcp://{host}:{port}"));
        }
        self.opts.insert("interface", interface);
    }

    /// `log_dir` moves a log file that has no absolute path of its own.
    fn log_file(&mut self, overrides: &Map) {
        let Some(log_dir) = overrides.str("log_dir").filter(|dir| !dir.is_empty()) else { return };
        let log_file = match overrides.str("log_file").filter(|file| !file.is_empty()) {
            Some(file) => python_join(log_dir, file),
            None => python_join(log_dir, basename(self.str("log_file"))),
        };
        self.opts.insert("log_file", log_file);
    }

    /// `environment` is the old name of `saltenv`.
    fn environment(&mut self) {
        let Some(environment) = self.opts.get("environment").cloned() else { return };
        let saltenv = self.opts.get("saltenv").cloned().unwrap_or_default();
        let role = self.str("__role").to_owned();
        if saltenv.is_null() {
            self.warn(format!(
                "The 'environment' {role} config option has been renamed to 'saltenv'. Using {} as the 'saltenv' config \
                 value.",
                str_of(&environment)
            ));
            self.opts.insert("saltenv", environment);
        } else {
            self.warn(format!(
                "The 'saltenv' and 'environment' {role} config options cannot both be used. Ignoring 'environment' in \
                 favor of 'saltenv'."
            ));
            self.opts.insert("environment", saltenv);
        }
    }

    /// `git` is the old name of `gitfs`, and so on.
    fn backends(&mut self) {
        let Some(Value::List(backends)) = self.opts.get_mut("fileserver_backend") else { return };
        for backend in backends {
            if let Some(old @ ("git" | "hg" | "svn" | "minion")) = backend.as_str() {
                *backend = Value::Text(format!("{old}fs"));
            }
        }
    }

    fn id(&mut self, suffix: &str) {
        let configured = self.opts.get("id").filter(|id| id.truthy()).map(str_of);
        let (mut id, is_address, suffix) = match configured {
            Some(id) => (id, false, ""),
            None => {
                let found = (self.facts.id)(&self.opts);
                (found.id, found.is_address, suffix)
            }
        };
        if let (false, Some(domain)) = (is_address, self.opts.str("append_domain")) {
            id = minion_id::with_domain(&id, domain);
        }
        self.opts.insert("id", id + suffix);
    }

    /// `append_minionid_config_dirs`: directories of which each minion has its own.
    fn dirs_with_id(&mut self) {
        let id = self.str("id").to_owned();
        let names: Vec<String> = match self.opts.get("append_minionid_config_dirs") {
            Some(Value::List(names)) => {
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
            _ => return,
        };
        for name in names {
            let path = self.str(&name).to_owned();
            let path = match name.as_str() {
                "pki_dir" | "cachedir" | "extension_modules" => python_join(&path, &id),
                "default_include" => python_join(&python_join(dirname(&path), &id), basename(&path)),
                "pidfile" => {
                    python_join(&python_join(&python_join(dirname(&path), "salt"), &id), basename(&path))
                }
                _ => continue,
            };
            self.opts.insert(name, path);
        }
    }

    /// Unix socket paths are short; a long `sock_dir` moves below the cache.
    fn sock_dir(&mut self) {
        let cachedir = self.str("cachedir");
        if self.str("sock_dir").chars().count() > cachedir.chars().count() + 10 {
            let moved = python_join(cachedir, ".salt-unix");
            self.opts.insert("sock_dir", moved);
        }
    }

    fn extension_modules(&mut self) {
        if !self.truthy("extension_modules") {
            let below = python_join(self.str("cachedir"), "extmods");
            self.opts.insert("extension_modules", below);
        }
        if !self.truthy("utils_dirs") {
            let below = python_join(self.str("extension_modules"), "utils");
            self.opts.insert("utils_dirs", Value::list([below]));
        }
    }

    fn ipc_write_buffer(&mut self, overrides: &Map) {
        match overrides.get("ipc_write_buffer") {
            None => {
                self.opts.insert("ipc_write_buffer", 0);
            }
            Some(value) if value.as_str() == Some("dynamic") => {
                // Half of a twentieth of the memory, and not less than 5 MiB.
                let size = ((self.facts.memory)() / 40).max(5 << 20);
                self.opts.insert("ipc_write_buffer", size);
            }
            Some(_) => {}
        }
    }

    fn root_dir(&mut self, dirs: &[&str], logs: &[&str]) {
        let logs = logs.iter().filter(|name| paths::is_path(&self.opts, name));
        let names: Vec<&str> = dirs.iter().chain(logs).copied().collect();
        paths::prepend_root_dir(&mut self.opts, &names, self.facts.cwd);
    }

    /// Only `True` itself opens: no other true value does.
    fn exactly_true(&mut self, name: &str) {
        let on = self.opts.get(name) == Some(&Value::Bool(true));
        self.opts.insert(name, on);
    }

    /// `file_roots` and `pillar_roots`: environments are text, their directories a list, globs expanded.
    fn roots(&mut self, name: &str, default: &str) {
        let roots = match self.opts.get(name) {
            Some(Value::Map(roots)) => roots.clone(),
            _ => {
                self.warn(format!("The {name} parameter is not properly formatted, using defaults"));
                let dirs = self.expanded(&[default.into()]);
                self.opts.insert(name, crate::map! { "base" => dirs });
                return;
            }
        };
        let mut normal = Map::with_capacity(roots.len());
        for (saltenv, dirs) in roots {
            let dirs = self.expanded(dirs.as_list().unwrap_or_default());
            normal.insert(str_of(&saltenv), dirs);
        }
        self.opts.insert(name, normal);
    }

    fn expanded(&self, dirs: &[Value]) -> Value {
        let mut all = Vec::with_capacity(dirs.len());
        for dir in dirs {
            match dir.as_str().filter(|dir| dir.contains(['*', '?', '['])) {
                Some(pattern) => all.extend((self.facts.glob)(pattern).into_iter().map(Value::from)),
                None => all.push(dir.clone()),
            }
        }
        Value::List(all)
    }

    fn ignored_files(&mut self) {
        if let Some(one @ Value::Text(_)) =
            self.opts.get("file_ignore_glob").filter(|one| one.truthy()).cloned()
        {
            self.opts.insert("file_ignore_glob", Value::List(vec![one]));
        }
        let patterns = match self.opts.get("file_ignore_regex").cloned() {
            Some(Value::List(patterns)) => patterns,
            Some(one) if one.truthy() => vec![one],
            _ => return,
        };
        let (good, bad): (Vec<Value>, Vec<Value>) = patterns
            .into_iter()
            .partition(|pattern| pattern.as_str().is_some_and(|text| PySearch::new(text, 0).is_ok()));
        for pattern in bad {
            self.warn(format!("Unable to parse file_ignore_regex. Skipping: {}", str_of(&pattern)));
        }
        self.opts.insert("file_ignore_regex", Value::List(good));
    }

    fn hash_type(&mut self) {
        let lower = self.str("hash_type").to_lowercase();
        self.opts.insert("hash_type", lower);
    }

    fn ssl(&mut self) {
        let ssl = match self.opts.get("ssl") {
            None | Some(Value::Bool(false)) => Value::Null,
            Some(Value::Bool(true)) => Value::Map(Map::new()),
            Some(_) => return,
        };
        self.opts.insert("ssl", ssl);
    }

    fn discovery(&mut self, known: &[&str]) -> Result<(), ConfigError> {
        let set = match self.opts.get("discovery") {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
            Some(Value::Map(set)) => set.clone(),
            Some(_) => Map::new(),
        };
        let all = crate::map! {
            "attempts" => 3, "pause" => 5, "port" => 4520, "match" => "any", "mapping" => Map::new(),
        };
        if let Some(unknown) = set.keys().find(|key| all.get_value(key).is_none()) {
            let problem = format!("Unknown discovery option: {}", str_of(unknown));
            return Err(ConfigError::Invalid { problem, origin: self.origins.get("discovery").cloned() });
        }
        let mut discovery: Map =
            all.into_iter().filter(|(key, _)| key.as_str().is_some_and(|key| known.contains(&key))).collect();
        discovery.extend(set);
        self.opts.insert("discovery", discovery);
        Ok(())
    }

    fn algorithm(&self, name: &str, valid: &[&str], subject: &str) -> Result<(), ConfigError> {
        let chosen = self.str(name);
        if valid.contains(&chosen) {
            return Ok(());
        }
        Err(ConfigError::Invalid {
            problem: format!("{subject} '{chosen}' is not valid. Please specify one of {}.", valid.join(",")),
            origin: self.origins.get(name).cloned(),
        })
    }

    /// `ssh_minion_opts` may not touch file server and pillar.
    fn ssh_minion_opts(&mut self) {
        let is_forbidden = |name: &str| {
            let before_fs = name.to_ascii_lowercase();
            let before_fs = before_fs.split_once("fs_").map(|(before, _)| before.to_owned());
            before_fs.is_some_and(|before| {
                !before.is_empty() && before.bytes().all(|octet| octet.is_ascii_alphanumeric())
            }) || (name.contains("pillar") && name != "ssh_merge_pillar")
                || name == "fileserver_backend"
        };
        let Some(Value::Map(options)) = self.opts.get_mut("ssh_minion_opts") else { return };
        let mut dropped = Vec::new();
        options.retain(|name, _| {
            let keep = !name.as_str().is_some_and(is_forbidden);
            if !keep {
                dropped.push(str_of(name));
            }
            keep
        });
        for name in dropped {
            self.warn(format!("'{name}' is not a valid ssh_minion_opts parameter, ignoring"));
        }
    }

    /// A list of one-entry mappings is one mapping.
    fn nodegroups(&mut self) {
        let Some(Value::List(groups)) = self.opts.get("nodegroups") else { return };
        let pairs = groups.iter().filter_map(Value::as_map).flatten();
        let merged: Map = pairs.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.opts.insert("nodegroups", merged);
    }

    /// Several returners are written as one text.
    fn joined_return(&mut self) {
        if let Some(Value::List(returners)) = self.opts.get("return") {
            let joined = returners.iter().map(str_of).collect::<Vec<_>>().join(",");
            self.opts.insert("return", joined);
        }
    }

    fn str(&self, name: &str) -> &str {
        self.opts.str(name).unwrap_or_default()
    }

    fn truthy(&self, name: &str) -> bool {
        self.opts.get(name).is_some_and(Value::truthy)
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.notice(Severity::Warning, text);
    }

    fn notice(&mut self, severity: Severity, text: impl Into<String>) {
        self.notices.push(Notice { severity, text: text.into() });
    }
}

/// Whether there is an address of Salt's `sdb` anywhere in the value.
fn holds_sdb(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.starts_with("sdb://"),
        Value::List(items) => items.iter().any(holds_sdb),
        Value::Map(map) => map.values().any(holds_sdb),
        _ => false,
    }
}

const ENCRYPTION: &[&str] = &["OAEP-SHA1", "OAEP-SHA224"];
const SIGNING: &[&str] = &["PKCS1v15-SHA1", "PKCS1v15-SHA224"];

/// The file that caches the id of a minion, below the root directory whatever `-c` says.
pub fn id_cache(opts: &Map, cwd: &str) -> String {
    let root_dir = paths::absolute(opts.str("root_dir").unwrap_or("/"), cwd);
    join(&root_dir, "etc/salt/minion_id")
}
