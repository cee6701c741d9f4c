//! A master's side of targeting: of the minions it knows, all that may be meant. Salt: utils/minions.py, `CkMinions`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::compound::Compound;
use super::leaf::Leaf;
use super::{Kind, MinionView, Target};
use crate::value::{Map, sort};

/// What a master has cached of a minion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinionData {
    pub grains: Map,
    pub pillar: Map,
}

/// Which entries at the top of grains and pillar a target looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Sorted, each once.
    pub grains: Vec<String>,
    /// Sorted, each once.
    pub pillar: Vec<String>,
}

impl Needs {
    /// Only these entries. Keys that are no text stay, as a path may name them by their text.
    pub fn of(&self, data: MinionData) -> MinionData {
        let keep = |mut map: Map, names: &[String]| {
            map.retain(|key, _| key.as_str().is_none_or(|key| names.iter().any(|name| name == key)));
            map
        };
        MinionData { grains: keep(data.grains, &self.grains), pillar: keep(data.pillar, &self.pillar) }
    }
}

/// The minions a master knows.
pub trait KnownMinions {
    /// The ids of accepted keys, sorted without regard to case. Answers come in this order.
    fn accepted(&self) -> Cow<'_, [String]>;

    /// Whether the key of this id is accepted.
    fn is_accepted(&self, id: &str) -> bool;

    /// The ids with cached data, accepted or not.
    fn cached(&self) -> Cow<'_, [String]>;

    /// The cached data of a minion.
    fn data(&self, id: &str) -> Option<Arc<MinionData>>;

    /// The option `minion_data_cache`.
    fn has_data_cache(&self) -> bool {
        true
    }
}

/// Whether minions without cached data count as meant by targets that ask for grains or pillar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greedy {
    /// Yes: they will decide themselves. For publishing jobs.
    Yes,
    /// No. For questions that the cache alone answers, such as the mine.
    No,
}

/// Whom a master chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// In the order of [`KnownMinions::accepted`]; for lists, in the order of the list.
    pub minions: Vec<String>,
    /// Named in a list, but not accepted.
    pub missing: Vec<String>,
}

impl Target {
    /// What has to be known of a minion to decide; `None`: all of it.
    pub fn needs(&self) -> Option<Needs> {
        let leaves = match &self.0 {
            Kind::Leaf(leaf) => std::slice::from_ref(leaf),
            Kind::Compound(compound) => compound.leaves.as_slice(),
        };
        let mut needs = Needs::default();
        for leaf in leaves {
            match leaf {
                Leaf::Grain(subdict) => needs.grains.push(subdict.first_step()?.to_owned()),
                Leaf::Pillar(subdict) => needs.pillar.push(subdict.first_step()?.to_owned()),
                Leaf::Ipcidr(_) => needs.grains.extend(["ipv4", "ipv6"].map(str::to_owned)),
                Leaf::Glob(_) | Leaf::Pcre(_) | Leaf::List(_) => {}
            }
        }
        for names in [&mut needs.grains, &mut needs.pillar] {
            sort::all(names);
            names.dedup();
        }
        Some(needs)
    }

    /// The minions that may be meant.
    pub fn select(&self, known: &impl KnownMinions, greedy: Greedy) -> Selection {
        match &self.0 {
            Kind::Leaf(leaf) => select_leaf(leaf, known, greedy),
            Kind::Compound(compound) => select_compound(compound, known, greedy),
        }
    }
}

fn of_accepted(known: &impl KnownMinions, meant: impl Fn(&str) -> bool) -> Selection {
    let minions = match known.accepted() {
        Cow::Borrowed(ids) => ids.iter().filter(|id| meant(id)).cloned().collect(),
        Cow::Owned(ids) => ids.into_iter().filter(|id| meant(id)).collect(),
    };
    Selection { minions, missing: Vec::new() }
}

fn select_leaf(leaf: &Leaf, known: &impl KnownMinions, greedy: Greedy) -> Selection {
    match leaf {
        Leaf::Glob(glob) if glob.is_everything() => of_accepted(known, |_| true),
        Leaf::Glob(glob) => of_accepted(known, |id| glob.matches(id)),
        Leaf::Pcre(regex) => of_accepted(known, |id| regex.matches(id)),
        Leaf::List(names) => {
            let (minions, missing) = names.in_order.iter().cloned().partition(|name| known.is_accepted(name));
            Selection { minions, missing }
        }
        Leaf::Grain(_) | Leaf::Pillar(_) | Leaf::Ipcidr(_) => match (known.has_data_cache(), greedy) {
            (false, Greedy::Yes) => of_accepted(known, |_| true),
            (false, Greedy::No) => Selection::default(),
            (true, Greedy::Yes) => {
                of_accepted(known, |id| Candidate::new(known, greedy, id, true).is_in(leaf))
            }
            (true, Greedy::No) => Selection {
                minions: sorted(known.cached().into_owned())
                    .into_iter()
                    // What is cached decides, accepted or not.
                    .filter(|id| Candidate::new(known, greedy, id, true).is_in(leaf))
                    .collect(),
                missing: Vec::new(),
            },
        },
    }
}

fn select_compound(compound: &Compound, known: &impl KnownMinions, greedy: Greedy) -> Selection {
    if !known.has_data_cache() {
        return of_accepted(known, |_| true);
    }
    let Ok(node) = &compound.master else { return Selection::default() };
    let meant = |id: &str, accepted| {
        let mut candidate = Candidate::new(known, greedy, id, accepted);
        // Accepted minions are all there is: `not` excludes from them.
        evaluate(node, accepted, &mut |index| {
            compound.leaves.get(index).is_some_and(|leaf| candidate.is_in(leaf))
        })
    };
    let mut ids: Vec<String> = known.accepted().iter().filter(|id| meant(id, true)).cloned().collect();
    if greedy == Greedy::No && compound.leaves.iter().any(Leaf::needs_data) {
        let known_besides = |id: &&String| !known.is_accepted(id) && meant(id, false);
        let before = ids.len();
        ids.extend(known.cached().iter().filter(known_besides).cloned());
        if ids.len() > before {
            ids = sorted(ids);
        }
    }
    let mut missing = Vec::new();
    let mut seen = HashSet::new();
    for leaf in compound.reports_missing.iter().filter_map(|index| compound.leaves.get(*index)) {
        let Leaf::List(names) = leaf else { continue };
        for name in &names.in_order {
            if !known.is_accepted(name) && seen.insert(name) {
                missing.push(name.clone());
            }
        }
    }
    Selection { minions: ids, missing }
}

/// Set algebra, element by element.
fn evaluate(node: &super::compound::Node, accepted: bool, leaf: &mut impl FnMut(usize) -> bool) -> bool {
    use super::compound::Node;
    match node {
        Node::Leaf(index) => leaf(*index),
        Node::Not(inner) => accepted && !evaluate(inner, accepted, leaf),
        Node::All(nodes) => nodes.iter().all(|node| evaluate(node, accepted, leaf)),
        Node::Any(nodes) => nodes.iter().any(|node| evaluate(node, accepted, leaf)),
        Node::Nothing | Node::Call => false,
    }
}

/// One id, whose data is fetched when first asked for.
struct Candidate<'a, K: KnownMinions> {
    known: &'a K,
    greedy: Greedy,
    id: &'a str,
    accepted: bool,
    data: Option<Option<Arc<MinionData>>>,
}

impl<'a, K: KnownMinions> Candidate<'a, K> {
    fn new(known: &'a K, greedy: Greedy, id: &'a str, accepted: bool) -> Self {
        Candidate { known, greedy, id, accepted, data: None }
    }

    /// Whether the id is in the set of a leaf.
    fn is_in(&mut self, leaf: &Leaf) -> bool {
        let empty = Map::new();
        if !leaf.needs_data() {
            let minion = MinionView { id: self.id, grains: &empty, pillar: &empty };
            return self.accepted
                && match leaf {
                    Leaf::List(names) => names.names(self.id),
                    other => other.matches(&minion),
                };
        }
        if self.greedy == Greedy::Yes && !self.accepted {
            return false;
        }
        // Nobody has an address that is none, whatever is cached.
        if matches!(leaf, Leaf::Ipcidr(None)) {
            return false;
        }
        match self.data.get_or_insert_with(|| self.known.data(self.id)) {
            Some(data) => {
                leaf.matches(&MinionView { id: self.id, grains: &data.grains, pillar: &data.pillar })
            }
            None => self.greedy == Greedy::Yes,
        }
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    sort::by_cached_key(&mut ids, |id| id.to_lowercase());
    ids
}

/// Known minions that do not change, for tests and small tools.
#[derive(Clone, Debug, Default)]
pub struct FixedMinions {
    accepted: Vec<String>,
    accepted_set: HashSet<String>,
    cached: Vec<String>,
    data: std::collections::HashMap<String, Arc<MinionData>>,
    no_data_cache: bool,
}

impl FixedMinions {
    /// Accepted ids, and what is cached of some.
    pub fn new(
        accepted: impl IntoIterator<Item = String>,
        cached: impl IntoIterator<Item = (String, MinionData)>,
    ) -> Self {
        let accepted = sorted(accepted.into_iter().collect());
        let data: std::collections::HashMap<_, _> =
            cached.into_iter().map(|(id, data)| (id, Arc::new(data))).collect();
        FixedMinions {
            accepted_set: accepted.iter().cloned().collect(),
            accepted,
            cached: sorted(data.keys().cloned().collect()),
            data,
            no_data_cache: false,
        }
    }

    /// With `minion_data_cache: False`.
    #[must_use]
    pub fn without_data_cache(mut self) -> Self {
        self.no_data_cache = true;
        self
    }
}

impl KnownMinions for FixedMinions {
    fn accepted(&self) -> Cow<'_, [String]> {
        Cow::Borrowed(&self.accepted)
    }

    fn is_accepted(&self, id: &str) -> bool {
        self.accepted_set.contains(id)
    }

    fn cached(&self) -> Cow<'_, [String]> {
        Cow::Borrowed(&self.cached)
    }

    fn data(&self, id: &str) -> Option<Arc<MinionData>> {
        self.data.get(id).cloned()
    }

    fn has_data_cache(&self) -> bool {
        !self.no_data_cache
    }
}
