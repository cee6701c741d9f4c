//! The minions that a master on this machine knows, read from its files: accepted keys and cached data. For those who
//! want to know whom a target means without asking the master. salt-wire.md §15; Salt: utils/minions.py.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::presence::minion_data;
use crate::config::Opts;
use crate::matchers::{Greedy, KnownMinions, MinionData, ParseOptions, Target, TargetType};
use crate::names::MinionId;
use crate::value::{DEFAULT_DELIMITER, Map, Value, sort};

/// The files of a master.
pub struct MinionFiles {
    accepted: PathBuf,
    cache: PathBuf,
    has_cache: bool,
    nodegroups: Map,
    delimiter: String,
}

impl MinionFiles {
    /// The files that the options of the master name.
    pub fn new(opts: &Opts) -> Self {
        let delimiter = opts.str("delimiter");
        MinionFiles {
            accepted: opts.path("pki_dir").join("minions"),
            cache: opts.path("cachedir").join("minions"),
            has_cache: opts.bool("minion_data_cache"),
            nodegroups: opts.get("nodegroups").and_then(Value::as_map).cloned().unwrap_or_default(),
            delimiter: if delimiter.is_empty() { DEFAULT_DELIMITER } else { delimiter }.to_owned(),
        }
    }

    /// The minions that a target means.
    ///
    /// # Errors
    /// A sentence, when the target or its type cannot be understood.
    pub fn matching(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, String> {
        let tgt_type: TargetType = tgt_type.parse().map_err(|error| format!("{error}"))?;
        let options = ParseOptions { delimiter: &self.delimiter, nodegroups: &self.nodegroups };
        let target = Target::parse(tgt, tgt_type, &options).map_err(|error| error.to_string())?;
        match target.master_problem() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(target.select(self, Greedy::Yes).minions),
        }
    }
}

fn sorted_names(folder: &PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    sort::by_cached_key(&mut names, |name| (name.to_lowercase(), name.clone()));
    names
}

impl KnownMinions for MinionFiles {
    fn accepted(&self) -> Cow<'_, [String]> {
        sorted_names(&self.accepted).into()
    }

    fn is_accepted(&self, id: &str) -> bool {
        MinionId::parse(id).is_ok_and(|id| self.accepted.join(id.as_str()).is_file())
    }

    fn cached(&self) -> Cow<'_, [String]> {
        sorted_names(&self.cache).into()
    }

    fn data(&self, id: &str) -> Option<Arc<MinionData>> {
        let mut data = minion_data(&self.cache, id)?;
        let mut map = |key: &str| match data.remove(key) {
            Some(Value::Map(map)) => map,
            _ => Map::new(),
        };
        Some(Arc::new(MinionData { grains: map("grains"), pillar: map("pillar") }))
    }

    fn has_data_cache(&self) -> bool {
        self.has_cache
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::map;
    use crate::value::msgpack;

    #[test]
    fn targets_are_matched_against_keys_and_cached_grains() {
        let root = std::env::temp_dir().join(format!("halite-known-{}", std::process::id()));
        for id in ["web1", "web2", "db1"] {
            fs::create_dir_all(root.join("pki/minions")).expect("a directory");
            fs::write(root.join("pki/minions").join(id), "key").expect("written");
            fs::create_dir_all(root.join("cache/minions").join(id)).expect("a directory");
            let data =
                map! { "grains" => map! { "role" => id.trim_end_matches(['1', '2']) }, "pillar" => map! {} };
            let octets = msgpack::encode_map(&data, msgpack::Dialect::Bin);
            fs::write(root.join("cache/minions").join(id).join("data.p"), octets).expect("written");
        }
        let mut opts = Opts::defaults(Role::Client);
        opts.set("pki_dir", root.join("pki").display().to_string());
        opts.set("cachedir", root.join("cache").display().to_string());
        opts.set("nodegroups", map! { "all" => "web* or db*" });
        let files = MinionFiles::new(&opts);
        let check = |tgt: &str, kind: &str, expected: &[&str]| {
            assert_eq!(files.matching(&tgt.into(), kind).expect("understood"), expected, "{kind} {tgt}");
        };
        check("web*", "glob", &["web1", "web2"]);
        check("role:web", "grain", &["web1", "web2"]);
        check("G@role:db or web1", "compound", &["db1", "web1"]);
        check("all", "nodegroup", &["db1", "web1", "web2"]);
        assert!(files.matching(&"x".into(), "no such type").is_err());
        fs::remove_dir_all(root).expect("removed");
    }
}
