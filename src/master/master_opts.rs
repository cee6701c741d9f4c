//! `_master_opts`: options of the master that a minion needs for states. salt-wire.md §12.4.

use crate::value::{Map, Value};

/// Sent always.
const ENVIRONMENTS: &[&str] = &["top_file_merging_strategy", "env_order", "default_top"];

/// Sent unless only the environments are asked for, in this order.
const RENDERING: &[&str] = &[
    "renderer",
    "failhard",
    "state_top",
    "state_top_saltenv",
    "nodegroups",
    "state_auto_order",
    "state_events",
    "state_aggregate",
    "jinja_env",
    "jinja_sls_env",
    "jinja_lstrip_blocks",
    "jinja_trim_blocks",
];

/// `{option: value}`; `file_roots` names the environments and no directory.
pub(super) fn answer(opts: &Map, env_only: bool) -> Value {
    let mut reply = Map::new();
    let mut file_roots = Map::new();
    for env in opts.get("file_roots").and_then(Value::as_map).into_iter().flat_map(Map::keys) {
        file_roots.insert(env.clone(), Value::List(Vec::new()));
    }
    reply.insert("file_roots", file_roots);
    let names = ENVIRONMENTS.iter().chain(if env_only { &[] } else { RENDERING });
    for &name in names {
        reply.insert(name, opts.get(name).cloned().unwrap_or_default());
    }
    reply.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn a_minion_learns_the_environments_and_not_the_directories() {
        let opts = map! { "file_roots" => map! { "base" => Value::list(["/srv/salt"]) }, "renderer" => "jinja|yaml" };
        let Value::Map(reply) = answer(&opts, false) else { panic!("a map") };
        assert_eq!(reply.len(), 1 + ENVIRONMENTS.len() + RENDERING.len());
        assert_eq!(reply.get("file_roots"), Some(&map! { "base" => Value::List(Vec::new()) }.into()));
        assert_eq!(reply.str("renderer"), Some("jinja|yaml"));
        assert!(answer(&opts, true).get("renderer").is_none());
    }
}
