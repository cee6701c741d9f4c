//! `nodegroups`: the groups of the option `nodegroups` that a minion is in. Salt: pillar/nodegroups.py.

use crate::loader::{Context, Default, Function, opt, req};
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::value::{Map, Value, str_of};

pub(super) const ROW: Function = Function::new(
    "nodegroups",
    &[req("minion_id"), req("pillar"), opt("pillar_name", Default::None)],
    "The names of the nodegroups that the minion is in, below `pillar_name` (`nodegroups`).",
    |cx, args| {
        let name = args.opt_str("pillar_name")?.filter(|name| !name.is_empty());
        let pillar = args.get("pillar").as_map().cloned().unwrap_or_default();
        let mut found = Map::new();
        found.insert(
            name.unwrap_or_else(|| "nodegroups".to_owned()),
            Value::list(of_minion(cx, &str_of(args.get("minion_id")), &pillar)),
        );
        Ok(found.into())
    },
);

/// The nodegroups that a minion is in.
pub(super) fn of_minion(cx: &Context, id: &str, pillar: &Map) -> Vec<String> {
    let Some(groups) = cx.opts.get("nodegroups").and_then(Value::as_map) else { return Vec::new() };
    let options = ParseOptions { nodegroups: groups, ..ParseOptions::default() };
    let view = MinionView { id, grains: &cx.grains, pillar };
    let is_in = |name: &String| match Target::parse(&name.as_str().into(), TargetType::Nodegroup, &options) {
        Ok(target) => target.matches(&view),
        Err(problem) => {
            crate::log::error!(nodegroup = name, %problem, "a nodegroup cannot be read");
            false
        }
    };
    groups.keys().map(str_of).filter(is_in).collect()
}
