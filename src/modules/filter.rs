//! Picking from a map by a grain or pillar value. Salt: utils/data.py (`filter_by`).

use crate::loader::{Args, Default, Fault, Param, opt, req};
use crate::patterns::Glob;
use crate::value::{DEFAULT_DELIMITER, Map, MergeStrategy, Value, merge, str_of, traverse};

/// The parameters of `grains.filter_by` after the first.
pub(super) const GRAINS: &[Param] = &[
    req("lookup_dict"),
    opt("grain", Default::Str("os_family")),
    opt("merge", Default::None),
    opt("default", Default::Str("default")),
    opt("base", Default::None),
];

/// The parameters of `pillar.filter_by`.
pub(super) const PILLAR: &[Param] = &[
    req("lookup_dict"),
    req("pillar"),
    opt("merge", Default::None),
    opt("default", Default::Str("default")),
    opt("base", Default::None),
];

/// The value of the first key that matches what `facts` has at the path in the parameter `lookup`.
///
/// # Errors
/// When maps are to be merged with what is none.
pub(super) fn filter_by(facts: &Map, args: &Args, lookup: &str) -> Result<Value, Fault> {
    let wrong = |text: &str| Fault::exception("salt.exceptions.SaltException", text);
    let Value::Map(choices) = args.get("lookup_dict") else {
        let kind = args.get("lookup_dict").type_name();
        return Err(Fault::exception("AttributeError", format!("'{kind}' object has no attribute 'get'")));
    };
    let path = str_of(args.get(lookup));
    let found = traverse(&facts.clone().into(), &path, DEFAULT_DELIMITER).cloned();
    let found = match found {
        None => Vec::new(),
        Some(Value::List(items)) => items,
        Some(one) => vec![one],
    };
    let chosen = found.iter().find_map(|value| {
        let value = str_of(value);
        let mut matching = choices.iter().filter(|(key, _)| Glob::new(&str_of(key)).matches(&value));
        matching.next().map(|(_, choice)| choice.clone()).filter(|choice| !choice.is_null())
    });
    let mut chosen = chosen.or_else(|| choices.get_value(args.get("default")).cloned()).unwrap_or_default();
    if let Some(base) = args.given("base").and_then(|base| choices.get_value(base)) {
        chosen = match (base, chosen) {
            (base, Value::Null) => base.clone(),
            (Value::Map(_), chosen @ Value::Map(_)) => merge(base.clone(), chosen, MergeStrategy::Recurse),
            (Value::Map(_), _) => {
                return Err(wrong("filter_by default and look-up values must both be dictionaries."));
            }
            (_, chosen) => chosen,
        };
    }
    match args.get("merge") {
        more if !more.truthy() => Ok(chosen),
        Value::Map(_) if chosen.is_null() => Ok(args.get("merge").clone()),
        more @ Value::Map(_) => Ok(merge(chosen, more.clone(), MergeStrategy::Recurse)),
        _ => Err(wrong("filter_by merge argument must be a dictionary.")),
    }
}
