//! The matchers that look at one thing: the id, a grain, a value of the pillar, an address. Salt: matchers/*_match.py.

use std::collections::HashSet;

use super::subdict::{Comparison, Subdict};
use super::{IpTarget, MinionView, TargetError};
use crate::patterns::{Glob, PyRegex};
use crate::value::DEFAULT_DELIMITER;

/// One matcher, compiled.
#[derive(Debug)]
pub(super) enum Leaf {
    Glob(Glob),
    Pcre(PyRegex),
    List(NameList),
    Grain(Subdict),
    Pillar(Subdict),
    /// `None`: no address, which nobody has.
    Ipcidr(Option<IpTarget>),
}

impl Leaf {
    /// The matcher of `E@…`, or a glob where there is no engine.
    pub(super) fn of_engine(
        engine: Option<char>,
        delimiter: Option<&str>,
        pattern: &str,
        word: &str,
        pillar_exact: bool,
    ) -> Result<Self, TargetError> {
        let subdict = |comparison| Subdict::new(pattern, delimiter.unwrap_or(DEFAULT_DELIMITER), comparison);
        Ok(match engine {
            None => Leaf::Glob(Glob::new(word)),
            Some('G') => Leaf::Grain(subdict(Comparison::Glob)),
            Some('P') => Leaf::Grain(subdict(Comparison::Regex)),
            Some('I' | 'J') if pillar_exact => Leaf::Pillar(subdict(Comparison::Exact)),
            Some('I') => Leaf::Pillar(subdict(Comparison::Glob)),
            Some('J') => Leaf::Pillar(subdict(Comparison::Regex)),
            Some('L') => Leaf::List(NameList::of_text(pattern)),
            Some('S') => Leaf::ipcidr(pattern),
            Some('E') => Leaf::Pcre(PyRegex::new(pattern).map_err(TargetError::Regex)?),
            Some('R') => return Err(TargetError::RangeNotSupported(word.to_owned())),
            Some(_) => return Err(TargetError::UnknownEngine(word.to_owned())),
        })
    }

    pub(super) fn ipcidr(text: &str) -> Self {
        let target = IpTarget::parse(text);
        if target.is_none() {
            crate::log::error!("Invalid IP/CIDR target: {text}");
        }
        Leaf::Ipcidr(target)
    }

    /// Whether grains or pillar are looked at.
    pub(super) fn needs_data(&self) -> bool {
        matches!(self, Leaf::Grain(_) | Leaf::Pillar(_) | Leaf::Ipcidr(_))
    }

    pub(super) fn matches(&self, minion: &MinionView<'_>) -> bool {
        match self {
            Leaf::Glob(glob) => glob.matches(minion.id),
            Leaf::Pcre(regex) => regex.matches(minion.id),
            Leaf::List(names) => names.holds(minion.id),
            Leaf::Grain(subdict) => subdict.matches(minion.grains),
            Leaf::Pillar(subdict) => subdict.matches(minion.pillar),
            Leaf::Ipcidr(target) => target.is_some_and(|target| target.matches(minion.grains)),
        }
    }
}

/// Names between commas.
#[derive(Debug)]
pub(super) struct NameList {
    /// In the order given, each once.
    pub in_order: Vec<String>,
    set: HashSet<String>,
    /// As written, for ids that hold a comma themselves.
    text: Option<String>,
}

impl NameList {
    pub(super) fn of_text(text: &str) -> Self {
        let mut list = Self::of_names(text.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
        list.text = Some(text.to_owned());
        list
    }

    pub(super) fn of_names(names: impl Iterator<Item = String>) -> Self {
        let mut list = NameList { in_order: Vec::new(), set: HashSet::new(), text: None };
        for name in names {
            if list.set.insert(name.clone()) {
                list.in_order.push(name);
            }
        }
        list
    }

    /// Whether a master finds the id among the names; an id with a comma is never one.
    pub(super) fn names(&self, id: &str) -> bool {
        self.set.contains(id)
    }

    /// A minion finds itself in the text between commas, whatever it is called.
    fn holds(&self, id: &str) -> bool {
        match &self.text {
            Some(text) if id.contains(',') => {
                text == id
                    || text.contains(&format!(",{id},"))
                    || text.starts_with(&format!("{id},"))
                    || text.ends_with(&format!(",{id}"))
            }
            _ => self.set.contains(id),
        }
    }
}
