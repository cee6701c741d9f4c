//! Targeting against `target/cases.jsonl`, whom Salt 3006.25 and 3007.14 mean.

use std::collections::HashMap;

use halite::matchers::{
    Comparison, FixedMinions, Greedy, MinionData, MinionView, ParseOptions, Subdict, Target, TargetType,
    expand_nodegroups,
};
use halite::patterns::{Glob, PyRegex};
use halite::value::{Map, Value};

use crate::{cases, report, unpack};

/// Cases that differ on purpose. A target that can mean nobody means nobody, where a Salt master without a data
/// cache does not read it at all and waits for everyone.
const EXCUSED: &[(&str, &str)] =
    &[("E@[", "uncached"), ("web1 or E@[", "uncached"), ("R@web", "uncached"), ("web1 or R@web", "uncached")];

struct Fleet {
    texts: Vec<String>,
    data: Map,
    known: FixedMinions,
    accepted: Vec<String>,
    minions: Vec<(String, MinionData)>,
    nodegroups: Map,
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_list).unwrap_or_default();
    items.iter().map(|item| item.as_str().expect("text").to_owned()).collect()
}

fn map(value: Option<&Value>) -> Map {
    value.and_then(Value::as_map).cloned().unwrap_or_default()
}

fn unpack_map(value: Option<&Value>) -> Map {
    map(Some(&unpack(value.and_then(Value::as_str).expect("packed"))))
}

impl Fleet {
    fn read(header: &Value) -> Self {
        let cached: HashMap<String, MinionData> = unpack_map(header.get("cached"))
            .into_iter()
            .map(|(id, data)| {
                let data = MinionData { grains: map(data.get("grains")), pillar: map(data.get("pillar")) };
                (id.as_str().expect("an id").to_owned(), data)
            })
            .collect();
        let minions = texts(header.get("fleet")).into_iter().map(|id| {
            let unknown =
                || MinionData { grains: [("id", id.as_str())].into_iter().collect(), pillar: Map::new() };
            let data = cached.get(&id).cloned().unwrap_or_else(unknown);
            (id, data)
        });
        Fleet {
            texts: texts(header.get("texts")),
            data: unpack_map(header.get("data")),
            accepted: texts(header.get("accepted")),
            minions: minions.collect(),
            known: FixedMinions::new(texts(header.get("accepted")), cached),
            nodegroups: unpack_map(header.get("nodegroups")),
        }
    }

    fn bits(&self, fits: impl Fn(&str) -> bool) -> String {
        self.texts.iter().map(|text| if fits(text) { '1' } else { '0' }).collect()
    }
}

/// What we say to a case, field by field.
fn answers(fleet: &Fleet, case: &Value) -> Vec<(&'static str, Value)> {
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    if let Some(pattern) = text("glob") {
        let glob = Glob::new(pattern);
        return vec![("fits", fleet.bits(|text| glob.matches(text)).into())];
    }
    if let Some(pattern) = text("regex") {
        let regex = PyRegex::new(pattern).ok();
        return vec![("fits", regex.map(|regex| fleet.bits(|text| regex.matches(text))).into())];
    }
    let delimiter = text("delimiter").unwrap_or(":");
    if let Some(expr) = text("subdict") {
        let fits: String = [Comparison::Glob, Comparison::Regex, Comparison::Exact]
            .into_iter()
            .map(
                |comparison| {
                    if Subdict::new(expr, delimiter, comparison).matches(&fleet.data) { '1' } else { '0' }
                },
            )
            .collect();
        return vec![("fits", fits.into())];
    }
    let kind: TargetType = text("type").expect("a type").parse().expect("a known type");
    if let Some(target) = text("nodegroup") {
        return vec![("published", expand_nodegroups(target, kind, &fleet.nodegroups).ok().into())];
    }
    let options = ParseOptions { delimiter, nodegroups: &fleet.nodegroups };
    let target = Target::parse(case.get("target").expect("a target"), kind, &options).ok();
    let select = |known: &FixedMinions, greedy| {
        target.as_ref().map(|target| target.select(known, greedy)).unwrap_or_default()
    };
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort_by_key(|id| (id.to_lowercase(), id.clone()));
        Value::list(ids)
    };
    let greedy = select(&fleet.known, Greedy::Yes);
    let without = sorted(&select(&fleet.known.clone().without_data_cache(), Greedy::Yes).minions);
    let mut missing = greedy.missing;
    missing.sort();
    let mut meant = Vec::new();
    for (id, data) in &fleet.minions {
        let minion = MinionView { id, grains: &data.grains, pillar: &data.pillar };
        if target.as_ref().is_some_and(|target| target.matches(&minion)) {
            meant.push(id.clone());
        }
    }
    vec![
        ("greedy", sorted(&greedy.minions)),
        ("sure", sorted(&select(&fleet.known, Greedy::No).minions)),
        ("missing", Value::list(missing)),
        ("uncached", if without == sorted(&fleet.accepted) { "all".into() } else { without }),
        ("meant", Value::list(meant)),
    ]
}

#[test]
fn targets_mean_whom_salt_means() {
    let cases = cases("target/cases.jsonl");
    let (header, cases) = cases.split_first().expect("a header");
    let fleet = Fleet::read(header);
    let mut failures = Vec::new();
    for case in cases {
        for (field, ours) in answers(&fleet, case) {
            let target = case.get("target").and_then(Value::as_str).unwrap_or_default();
            if EXCUSED.contains(&(target, field)) {
                continue;
            }
            for field in [field.to_owned(), format!("{field}_3007")] {
                if let Some(theirs) = case.get(&field).filter(|theirs| **theirs != ours) {
                    let mut shown = map(Some(case));
                    shown.retain(|key, _| {
                        ["glob", "regex", "subdict", "target", "type", "delimiter", "nodegroup"]
                            .iter()
                            .any(|name| key.as_str() == Some(name))
                    });
                    let json = |value: &Value| value.to_json(Default::default());
                    failures.push(format!(
                        "{} {field}\n  salt {}\n  ours {}",
                        json(&Value::Map(shown)),
                        json(theirs),
                        json(&ours)
                    ));
                }
            }
        }
    }
    report(&failures, cases.len());
}
