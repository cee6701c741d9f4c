//! `Opts`: the options of a daemon, by Salt's names, with typed access.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Role, defaults};
use crate::value::{Map, Value};

/// Every option of a program, in the order of the tables, then of the files.
#[derive(Clone, Debug)]
pub struct Opts {
    role: Role,
    map: Map,
    notices: Vec<Notice>,
}

/// Something worth saying about the configuration, kept until there is a log to say it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub severity: Severity,
    pub text: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Debug,
}

impl Opts {
    /// The bare tables of a role: no files, nothing derived, directories below `/`. For tests and tools; a daemon
    /// gets its options from files.
    pub fn defaults(role: Role) -> Self {
        let mut map = defaults::table(role, "root", "/root");
        map.insert("__role", role.as_str());
        Opts { role, map, notices: Vec::new() }
    }

    /// Options that came from elsewhere (a parent process): `__role` tells whose they are.
    pub fn from_map(map: Map) -> Self {
        let role = if map.str("__role") == Some("minion") { Role::Minion } else { Role::Master };
        Opts { role, map, notices: Vec::new() }
    }

    pub(super) fn assembled(role: Role, map: Map, notices: Vec<Notice>) -> Self {
        Opts { role, map, notices }
    }

    /// Whose options these are.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The value of an option, if it is there at all.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    /// The text of an option; empty where it is missing, null or not text.
    pub fn str(&self, name: &str) -> &str {
        self.map.str(name).unwrap_or_default()
    }

    /// The integer of an option, also from text or a whole float; 0 where there is none.
    pub fn int(&self, name: &str) -> i64 {
        match self.map.get(name) {
            Some(Value::Int(int)) => *int,
            Some(Value::Bool(bool)) => i64::from(*bool),
            Some(Value::Text(text)) => text.trim().parse().unwrap_or_default(),
            Some(Value::Float(float)) => whole(*float),
            _ => 0,
        }
    }

    /// Python's truth value of an option; false where it is missing.
    pub fn bool(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::truthy)
    }

    /// The number of an option, also from text; 0 where there is none.
    pub fn float(&self, name: &str) -> f64 {
        match self.map.get(name) {
            Some(Value::Text(text)) => text.trim().parse().unwrap_or_default(),
            Some(value) => value.as_float().unwrap_or_default(),
            None => 0.0,
        }
    }

    /// The texts of a list; one text alone is a list of one, numbers are printed, anything else is empty.
    pub fn list_of_str(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(int) => Some(int.to_string()),
            _ => None,
        };
        match self.map.get(name) {
            Some(Value::List(items)) => items.iter().filter_map(text).collect(),
            Some(Value::Text(one)) if !one.is_empty() => vec![one.clone()],
            _ => Vec::new(),
        }
    }

    /// The path of an option; empty where it is missing.
    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(self.str(name))
    }

    /// Seconds as a duration; zero where missing or negative.
    pub fn duration(&self, name: &str) -> Duration {
        Duration::try_from_secs_f64(self.float(name)).unwrap_or_default()
    }

    /// The minion id, or the master's name for itself.
    pub fn id(&self) -> &str {
        self.str("id")
    }

    /// The directory of the configuration files.
    pub fn config_dir(&self) -> &Path {
        Path::new(self.str("config_dir"))
    }

    /// Sets an option, as a word on the command line does.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name, value);
    }

    /// Takes an option out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    /// All options.
    pub fn as_map(&self) -> &Map {
        &self.map
    }

    /// All options.
    pub fn into_map(self) -> Map {
        self.map
    }

    /// What was noticed while the options were read. Logged by `logging::start`.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Adds something to say once there is a log.
    pub fn notice(&mut self, severity: Severity, text: impl Into<String>) {
        self.notices.push(Notice { severity, text: text.into() });
    }
}

/// The integer of a float that is one and small enough to be exact.
fn whole(float: f64) -> i64 {
    if float.fract() == 0.0 && float.abs() < 9e15 {
        // The bound above keeps this exact.
        #[allow(clippy::cast_possible_truncation)]
        return float as i64;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_access_is_as_lenient_as_salts_own_use() {
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("master_port", "4506");
        assert_eq!(opts.int("master_port"), 4506);
        assert_eq!(opts.list_of_str("master"), ["salt"]);
        assert_eq!(opts.duration("auth_timeout"), Duration::from_secs(5));
        opts.set("auth_timeout", -1);
        assert_eq!(opts.duration("auth_timeout"), Duration::ZERO);
        assert_eq!(opts.str("no such option"), "");
        assert!(opts.bool("multiprocessing") && !opts.bool("open_mode"));
    }
}
