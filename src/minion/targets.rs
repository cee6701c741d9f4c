//! Whether a publish is for this minion. Salt: minion.py (`_target_load`).

use crate::config::Opts;
use crate::value::{Map, Value};

/// Judges a publish load: it has to name target, jid, function and arguments, and its target has to match.
pub fn is_for(load: &Map, id: &str, _grains: &Value, _pillar: &Value, _opts: &Opts) -> bool {
    if ["tgt", "jid", "fun", "arg"].iter().any(|key| !load.contains(key)) {
        return false;
    }
    match (load.str("tgt_type").unwrap_or("glob"), load.get("tgt")) {
        ("glob", Some(Value::Text(pattern))) => crate::event::fnmatch(pattern, id),
        ("list", Some(Value::List(ids))) => ids.iter().any(|item| item.as_str() == Some(id)),
        ("list", Some(Value::Text(ids))) => ids.split(',').any(|item| item == id),
        _ => false,
    }
}
