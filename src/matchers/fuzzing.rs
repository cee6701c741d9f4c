//! Property function of targets: whatever the text, both sides decide, and a master never invents minions.

use super::{FixedMinions, Greedy, MinionData, MinionView, ParseOptions, Target, TargetType};
use crate::map;
use crate::value::{Map, Value};

/// Any text as a compound target, asked by a minion and by a master.
pub fn compound_target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let nodegroups = nodegroups();
    let options = ParseOptions { delimiter: ":", nodegroups: &nodegroups };
    for kind in
        [TargetType::Compound, TargetType::Glob, TargetType::Pcre, TargetType::Grain, TargetType::List]
    {
        let Ok(target) = Target::parse(&Value::from(text.as_ref()), kind, &options) else { continue };
        let known = minions();
        for greedy in [Greedy::Yes, Greedy::No] {
            let selection = target.select(&known, greedy);
            assert!(selection.minions.iter().all(|id| id.starts_with("web") || id == "db"));
        }
        let MinionData { grains, pillar } = cached("db");
        target.matches(&MinionView { id: "db", grains: &grains, pillar: &pillar });
    }
}

fn cached(id: &str) -> MinionData {
    let addresses = Value::list(["127.0.0.1", "10.1.2.3"]);
    MinionData {
        grains: map! { "id" => id, "os" => "Debian", "ipv4" => addresses, "deep" => map! { "a" => map! { "a" => 1 } } },
        pillar: map! { "role" => Value::list(["x", "y"]) },
    }
}

fn minions() -> FixedMinions {
    FixedMinions::new(
        ["web1", "web2", "db"].map(str::to_owned),
        ["web1", "db"].map(|id| (id.to_owned(), cached(id))),
    )
}

fn nodegroups() -> Map {
    map! { "a" => "web1 or N@b", "b" => "N@a or db", "c" => "web*" }
}
