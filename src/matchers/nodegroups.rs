//! Named targets of the configuration, which may name each other. Salt: utils/minions.py, `nodegroup_comp`;
//! client/__init__.py, `_prep_pub`.

use thiserror::Error;

use super::TargetType;
use crate::value::{Map, Value, repr, str_of};

/// A nodegroup that the configuration does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the nodegroup {0} is not in the configuration")]
pub struct UnknownNodegroup(pub String);

/// More words than this, nodegroups within nodegroups, are not expanded.
const MAX_WORDS: usize = 100_000;
const MAX_DEPTH: usize = 100;

/// What a client publishes for a target of the type compound or nodegroup: the compound target with its nodegroups
/// replaced by what they stand for.
///
/// # Errors
/// When a nodegroup is not in the configuration.
pub fn expand_nodegroups(
    target: &str,
    target_type: TargetType,
    nodegroups: &Map,
) -> Result<String, UnknownNodegroup> {
    let resolve = |name: &str| {
        if nodegroups.contains(name) {
            Ok(words_of(name, nodegroups))
        } else {
            Err(UnknownNodegroup(name.to_owned()))
        }
    };
    if target_type == TargetType::Nodegroup {
        return Ok(resolve(target)?.join(" "));
    }
    let mut words = Vec::new();
    for word in target.split_whitespace() {
        match word.strip_prefix("N@").filter(|name| !name.is_empty()) {
            Some(name) => words.extend(resolve(name)?),
            None => words.push(word.to_owned()),
        }
    }
    Ok(words.join(" "))
}

/// The words of a nodegroup, as a compound target; none when it cannot be expanded, which is logged.
pub(super) fn words_of(name: &str, nodegroups: &Map) -> Vec<String> {
    let mut budget = MAX_WORDS;
    expand(name, nodegroups, &mut Vec::new(), &mut budget)
}

fn expand(name: &str, groups: &Map, inside: &mut Vec<String>, budget: &mut usize) -> Vec<String> {
    if inside.iter().any(|outer| outer == name) || inside.len() >= MAX_DEPTH {
        crate::log::error!("Failed nodegroup expansion: illegal nested nodegroup \"{name}\"");
        return Vec::new();
    }
    let words: Vec<String> = match groups.get(name) {
        Some(Value::Text(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::List(items)) => items.iter().map(str_of).collect(),
        Some(other) => {
            crate::log::error!("Nodegroup '{name}' ({}) is neither a string, list nor tuple", repr(other));
            return Vec::new();
        }
        None => {
            crate::log::error!("Failed nodegroup expansion: unknown nodegroup \"{name}\"");
            return Vec::new();
        }
    };
    *budget = budget.saturating_sub(words.len());
    if *budget == 0 {
        crate::log::error!("Failed nodegroup expansion: \"{name}\" has more than {MAX_WORDS} words");
        return Vec::new();
    }

    let nested = |word: &String| word.strip_prefix("N@").filter(|name| !name.is_empty()).map(str::to_owned);
    if !words.iter().any(|word| nested(word).is_some()) {
        return match as_list_or_pattern(&words) {
            Some(word) => vec![word],
            None if inside.is_empty() => words,
            None => parenthesised(words),
        };
    }
    inside.push(name.to_owned());
    let mut expanded = Vec::new();
    for word in words {
        match nested(&word) {
            Some(inner) => expanded.extend(expand(&inner, groups, inside, budget)),
            None => expanded.push(word),
        }
    }
    inside.pop();
    if expanded.is_empty() { expanded } else { parenthesised(expanded) }
}

fn parenthesised(words: Vec<String>) -> Vec<String> {
    let mut all = Vec::with_capacity(words.len() + 2);
    all.push("(".to_owned());
    all.extend(words);
    all.push(")".to_owned());
    all
}

/// Words without operators, engines and stars are names, or parts of one regular expression.
fn as_list_or_pattern(words: &[String]) -> Option<String> {
    let is_operator = |word: &String| super::compound::OPERATORS.contains(&word.as_str());
    let has_engine = |word: &String| {
        word.contains('*') || matches!(word.as_bytes(), [engine, b'@', ..] if engine.is_ascii_uppercase())
    };
    if words.iter().any(|word| is_operator(word) || has_engine(word)) {
        return None;
    }
    let regex = words.iter().any(|word| word.contains(['(', '[', '{', '\\', '?', '}', ']', ')']));
    Some(format!("{}@{}", if regex { 'E' } else { 'L' }, words.join(",")))
}
