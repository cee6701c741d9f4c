//! Targeting: which minions are meant. Salt: matchers/*.py and utils/minions.py.
//!
//! A [`Target`] is compiled once and then asked about many minions. A minion asks about itself
//! ([`Target::matches`]); a master, which knows grains and pillar of most minions only from its cache, asks for all
//! that may be meant ([`Target::select`]) and keeps those it knows nothing about unless told otherwise.

mod compound;
mod ipcidr;
mod leaf;
mod nodegroups;
mod select;
mod subdict;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

pub use compound::compound_problem;
pub use ipcidr::IpTarget;
pub use nodegroups::{UnknownNodegroup, expand_nodegroups};
pub use select::{FixedMinions, Greedy, KnownMinions, MinionData, Needs, Selection};
pub use subdict::{Comparison, Subdict};

use std::str::FromStr;

use thiserror::Error;

use compound::Compound;
use leaf::{Leaf, NameList};

use crate::patterns::{Glob, PyRegex, RegexError};
use crate::value::{DEFAULT_DELIMITER, Map, Value, str_of};

/// `tgt_type` of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetType {
    Glob,
    Pcre,
    List,
    Grain,
    GrainPcre,
    Pillar,
    PillarExact,
    PillarPcre,
    Nodegroup,
    Range,
    Compound,
    /// A compound target whose pillar parts have no wildcards; masters check permissions with it.
    CompoundPillarExact,
    Ipcidr,
}

/// A target type that Salt does not have (or that this program does not: `data`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the target type {0:?} is not supported")]
pub struct UnknownTargetType(pub String);

const TYPES: [(&str, TargetType); 13] = [
    ("glob", TargetType::Glob),
    ("pcre", TargetType::Pcre),
    ("list", TargetType::List),
    ("grain", TargetType::Grain),
    ("grain_pcre", TargetType::GrainPcre),
    ("pillar", TargetType::Pillar),
    ("pillar_exact", TargetType::PillarExact),
    ("pillar_pcre", TargetType::PillarPcre),
    ("nodegroup", TargetType::Nodegroup),
    ("range", TargetType::Range),
    ("compound", TargetType::Compound),
    ("compound_pillar_exact", TargetType::CompoundPillarExact),
    ("ipcidr", TargetType::Ipcidr),
];

impl TargetType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for TargetType {
    type Err = UnknownTargetType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TYPES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| UnknownTargetType(text.to_owned()))
    }
}

/// Why a target means nobody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    #[error("the target is neither text nor a list")]
    NotText,
    #[error("the delimiter is empty")]
    NoDelimiter,
    #[error("Invalid beginning operator: {0}")]
    BeginsWithOperator(&'static str),
    #[error("Invalid beginning operator after \"(\": {0}")]
    OperatorAfterParenthesis(&'static str),
    #[error("Invalid compound expr (unexpected right parenthesis): {0}")]
    UnexpectedParenthesis(String),
    #[error("Invalid compound target: {0}")]
    Invalid(String),
    #[error("Unrecognized target engine for target expression \"{0}\"")]
    UnknownEngine(String),
    #[error("range targets are not supported: \"{0}\"")]
    RangeNotSupported(String),
    #[error("not a regular expression: {0}")]
    Regex(#[source] RegexError),
    #[error("the compound target has too many words")]
    TooLong,
}

/// What a target is read with.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions<'a> {
    /// Between the levels of grains and pillar; `:` unless the user says otherwise.
    pub delimiter: &'a str,
    /// The option `nodegroups`.
    pub nodegroups: &'a Map,
}

impl Default for ParseOptions<'static> {
    fn default() -> Self {
        static NONE: std::sync::LazyLock<Map> = std::sync::LazyLock::new(Map::new);
        ParseOptions { delimiter: DEFAULT_DELIMITER, nodegroups: &NONE }
    }
}

/// What is known about one minion.
#[derive(Clone, Copy, Debug)]
pub struct MinionView<'a> {
    pub id: &'a str,
    pub grains: &'a Map,
    pub pillar: &'a Map,
}

/// A compiled target.
#[derive(Debug)]
pub struct Target(Kind);

#[derive(Debug)]
enum Kind {
    Leaf(Leaf),
    Compound(Compound),
}

impl Target {
    /// Reads a target: text, or for list and compound also a list.
    ///
    /// # Errors
    /// When it can mean nobody, on no side; that is to be logged.
    pub fn parse(
        target: &Value,
        target_type: TargetType,
        options: &ParseOptions<'_>,
    ) -> Result<Self, TargetError> {
        if options.delimiter.is_empty() {
            return Err(TargetError::NoDelimiter);
        }
        let text = || target.as_str().ok_or(TargetError::NotText);
        let subdict = |comparison| Ok(Subdict::new(text()?, options.delimiter, comparison));
        Ok(Target(Kind::Leaf(match target_type {
            TargetType::Glob => Leaf::Glob(Glob::new(text()?)),
            TargetType::Pcre => Leaf::Pcre(PyRegex::new(text()?).map_err(TargetError::Regex)?),
            TargetType::List => Leaf::List(match target {
                Value::List(names) => NameList::of_names(names.iter().map(str_of)),
                _ => NameList::of_text(text()?),
            }),
            TargetType::Grain => Leaf::Grain(subdict(Comparison::Glob)?),
            TargetType::GrainPcre => Leaf::Grain(subdict(Comparison::Regex)?),
            TargetType::Pillar => Leaf::Pillar(subdict(Comparison::Glob)?),
            TargetType::PillarExact => Leaf::Pillar(subdict(Comparison::Exact)?),
            TargetType::PillarPcre => Leaf::Pillar(subdict(Comparison::Regex)?),
            TargetType::Ipcidr => Leaf::ipcidr(text()?),
            TargetType::Range => return Err(TargetError::RangeNotSupported(text()?.to_owned())),
            TargetType::Nodegroup => {
                let words = nodegroups::words_of(text()?, options.nodegroups);
                return Self::compound(words, options, false);
            }
            TargetType::Compound | TargetType::CompoundPillarExact => {
                let words = match target {
                    Value::List(words) => words.iter().map(str_of).collect(),
                    _ => text()?.split_whitespace().map(str::to_owned).collect(),
                };
                return Self::compound(words, options, target_type == TargetType::CompoundPillarExact);
            }
        })))
    }

    fn compound(
        words: Vec<String>,
        options: &ParseOptions<'_>,
        pillar_exact: bool,
    ) -> Result<Self, TargetError> {
        Ok(Target(Kind::Compound(Compound::parse(words, options, pillar_exact)?)))
    }

    /// Whether the minion is meant, as it decides itself.
    pub fn matches(&self, minion: &MinionView<'_>) -> bool {
        match &self.0 {
            Kind::Leaf(leaf) => leaf.matches(minion),
            Kind::Compound(compound) => compound.minion.as_ref().is_ok_and(|node| {
                let mut leaf =
                    |index: usize| compound.leaves.get(index).is_some_and(|leaf| leaf.matches(minion));
                node.evaluate(&mut leaf).unwrap_or(false)
            }),
        }
    }

    /// Why no minion can find itself meant, for the log.
    pub fn minion_problem(&self) -> Option<&TargetError> {
        match &self.0 {
            Kind::Leaf(_) => None,
            Kind::Compound(compound) => compound.minion.as_ref().err(),
        }
    }

    /// Why a master chooses nobody, for the log.
    pub fn master_problem(&self) -> Option<&TargetError> {
        match &self.0 {
            Kind::Leaf(_) => None,
            Kind::Compound(compound) => compound.master.as_ref().err(),
        }
    }
}

#[cfg(test)]
mod tests;
