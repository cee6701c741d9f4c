//! The types of options, and which values pass for them. Salt: config/__init__.py (`_validate_opts`).

use crate::value::Value;

/// A type that an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Text,
    List,
    Tuple,
    Dict,
}

impl Kind {
    /// Python's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "NoneType",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Text => "str",
            Kind::List => "list",
            Kind::Tuple => "tuple",
            Kind::Dict => "dict",
        }
    }
}

/// The types in words: `str, list or dict`.
pub(super) fn in_words(kinds: &[Kind]) -> String {
    match kinds.split_last() {
        None => "any".to_owned(),
        Some((last, [])) => last.name().to_owned(),
        Some((last, others)) => {
            let others: Vec<_> = others.iter().map(|kind| kind.name()).collect();
            format!("{} or {}", others.join(", "), last.name())
        }
    }
}

/// Whether Salt takes the value for an option of these types: where Python's constructor of the type would turn it
/// into one, except where that would hide a mistake (a text is no list, `True` is no number).
pub(super) fn accepts(kinds: &[Kind], value: &Value) -> bool {
    // What an sdb:// address stands for is known only when it is looked up.
    kinds.is_empty()
        || value.as_str().is_some_and(|text| text.starts_with("sdb://"))
        || kinds.iter().any(|kind| converts(*kind, value))
}

fn converts(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Null, Value::Null)
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Int, Value::Int(_) | Value::Big(_))
        | (Kind::Float, Value::Int(_) | Value::Big(_) | Value::Float(_))
        | (Kind::List | Kind::Tuple, Value::List(_))
        | (Kind::Dict, Value::Map(_)) => true,
        (Kind::Text, value) => !matches!(value, Value::List(_) | Value::Map(_)),
        (Kind::Int, Value::Text(text)) => is_int(text),
        (Kind::Float, Value::Text(text)) => text.trim().replace('_', "").parse::<f64>().is_ok(),
        (Kind::Dict, Value::List(items)) => items.iter().all(is_pair),
        (Kind::Dict, Value::Text(text)) => text.is_empty(),
        _ => false,
    }
}

fn is_int(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_digit = |octet: u8| octet.is_ascii_digit();
    !digits.is_empty() && digits.split('_').all(|group| !group.is_empty() && group.bytes().all(is_digit))
}

/// Python makes a `dict` of a list of pairs.
fn is_pair(value: &Value) -> bool {
    match value {
        Value::List(items) => items.len() == 2,
        Value::Map(map) => map.len() == 2,
        Value::Text(text) => text.chars().count() == 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_would_convert_passes_and_hidden_mistakes_do_not() {
        use Kind::{Bool, Dict, Int, List, Null, Text};
        let check = |kinds: &[Kind], value: Value, expected: bool| {
            assert_eq!(accepts(kinds, &value), expected, "{kinds:?} {value:?}")
        };
        check(&[Int], "5".into(), true);
        check(&[Int], "five".into(), false);
        check(&[Int], true.into(), false);
        check(&[Int], 1.5.into(), false);
        check(&[Bool], "yes please".into(), false);
        check(&[Bool], 1.into(), false);
        check(&[Text], 5.into(), true);
        check(&[Text], Value::Null, true);
        check(&[Text], Value::list([1]), false);
        check(&[List], "a".into(), false);
        check(&[List, Text], "a".into(), true);
        check(&[Dict], Value::list(["a"]), false);
        check(&[Null, Int], Value::Null, true);
        check(&[Dict], "sdb://x/y".into(), true);
        assert_eq!(in_words(&[Null, Int]), "NoneType or int");
    }
}
