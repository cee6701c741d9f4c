//! How two pillars become one. Salt: utils/dictupdate.py (`merge`).

use crate::value::{Map, MergeStrategy, Value, merge_maps};

/// `pillar_source_merging_strategy` with `pillar_merge_lists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Maps are merged all the way down.
    Recurse { lists: bool },
    /// As `Recurse`, within the one environment that is asked for.
    None,
    /// The later value stands, at the top. Salt: `aggregate` (without `yamlex`) and `overwrite`.
    Replace,
    /// A key that both have becomes the list of both values; what only the later has is lost, as in Salt.
    List,
}

impl Strategy {
    /// By its name; unknown ones are `recurse` without lists, as in Salt, which logs them.
    pub fn named(name: &str, renderer: &str, lists: bool) -> Self {
        match name {
            "smart" | ""
                if renderer.rsplit('|').next() == Some("yamlex") || renderer.starts_with("yamlex_") =>
            {
                Strategy::Replace
            }
            "smart" | "" | "recurse" => Strategy::Recurse { lists },
            "aggregate" => Strategy::Replace,
            // Salt quirk: utils/dictupdate.py replaces what both have and then merges the same again.
            "overwrite" => Strategy::Replace,
            "list" => Strategy::List,
            "none" => Strategy::None,
            other => {
                crate::log::warn!("Unknown merging strategy '{other}', fallback to recurse");
                Strategy::Recurse { lists: false }
            }
        }
    }

    /// From the options of a master.
    pub fn of_opts(opts: &Map) -> Self {
        let lists = opts.get("pillar_merge_lists").is_some_and(Value::truthy);
        let text = |name| opts.str(name).unwrap_or_default();
        Strategy::named(text("pillar_source_merging_strategy"), text("renderer"), lists)
    }
}

/// `base` with `update` merged into it.
pub fn merge_with(mut base: Map, update: Map, strategy: Strategy) -> Map {
    let merging = match strategy {
        Strategy::Recurse { lists: true } => MergeStrategy::RecurseMergeLists,
        Strategy::Recurse { lists: false } | Strategy::None => MergeStrategy::Recurse,
        Strategy::Replace => MergeStrategy::Overwrite,
        Strategy::List => {
            for (key, old) in base.iter_mut() {
                if let Some(new) = update.get_value(key) {
                    *old = Value::List(vec![std::mem::take(old), new.clone()]);
                }
            }
            return base;
        }
    };
    merge_maps(&mut base, update, merging);
    base
}
