//! Whether a publish is for this minion. Salt: minion.py (`_target_load`).

use crate::log::{debug, warn};

use crate::config::Opts;
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::value::{Map, Value};

/// Judges a publish load: it has to name target, jid, function and arguments, and its target has to match.
pub fn is_for(load: &Map, id: &str, grains: &Map, pillar: &Map, opts: &Opts) -> bool {
    if ["tgt", "jid", "fun", "arg"].iter().any(|key| !load.contains(key)) {
        return false;
    }
    let Ok(kind) = load.str("tgt_type").unwrap_or("glob").parse::<TargetType>() else {
        debug!(tgt_type = ?load.get("tgt_type"), "a target of a type that there is not");
        return false;
    };
    let empty = Map::new();
    let nodegroups = opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&empty);
    let options = ParseOptions { delimiter: load.str("delimiter").unwrap_or(":"), nodegroups };
    let tgt = load.get("tgt").unwrap_or(&Value::Null);
    match Target::parse(tgt, kind, &options) {
        Ok(target) => {
            if let Some(problem) = target.minion_problem() {
                debug!("the target can never match: {problem}");
            }
            target.matches(&MinionView { id, grains, pillar })
        }
        Err(problem) => {
            warn!("a job for nobody: {problem}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::map;

    fn check(tgt: impl Into<Value>, tgt_type: Option<&str>, expected: bool) {
        let mut load =
            map! { "tgt" => tgt, "jid" => "1", "fun" => "test.ping", "arg" => Value::List(vec![]) };
        if let Some(tgt_type) = tgt_type {
            load.insert("tgt_type", tgt_type);
        }
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("nodegroups", map! { "web" => "web*" });
        let grains = map! { "os" => "Debian" };
        let found = is_for(&load, "web1", &grains, &map! { "role" => "web" }, &opts);
        assert_eq!(found, expected, "{load:?}");
    }

    #[test]
    fn targets_of_every_kind_are_judged_with_what_the_minion_knows() {
        check("web*", None, true);
        check("db*", Some("glob"), false);
        check(Value::list(["db1", "web1"]), Some("list"), true);
        check("os:Deb*", Some("grain"), true);
        check("role:web", Some("pillar"), true);
        check("G@os:Debian and not E@db.*", Some("compound"), true);
        check("web1", Some("no_such_type"), false);
    }

    #[test]
    fn a_load_without_a_target_is_for_nobody() {
        let opts = Opts::defaults(Role::Minion);
        let load = map! { "jid" => "1", "fun" => "test.ping", "arg" => Value::List(vec![]) };
        assert!(!is_for(&load, "web1", &Map::new(), &Map::new(), &opts));
    }
}
