//! Words of a command line to arguments: YAML where it makes a number, list or map of them, `key=value` apart.
//! Salt: utils/args.py.

use std::sync::LazyLock;

use regex::Regex;

use super::load;
use crate::value::{Map, Value, is_letter_or_digit};

/// One word as a value: read as YAML, except where that would lose or surprise. Never fails: what cannot be read stays
/// the text it is.
pub fn yamlify_arg(word: &str) -> Value {
    let stripped = word.trim();
    let text = || Value::text(word);
    if matches!(stripped, "" | "---" | "...") || word.contains(['\t', '\r', '\n']) {
        return text();
    }
    if word.contains('_') && stripped.chars().all(|char| char.is_ascii_digit() || char == '_') {
        return text();
    }
    if word == "None" {
        return Value::Null;
    }
    let Ok(value) = load(word, "<unicode string>") else { return text() };
    if word.contains('#') {
        return match value {
            Value::Text(_) | Value::Null => text(),
            other => other,
        };
    }
    match value {
        Value::Map(_) if !word.starts_with('{') => text(),
        Value::List(_) if !word.starts_with('[') => text(),
        Value::Text(read) if read.is_empty() && matches!(word, "|" | "!") => text(),
        Value::Null if word == "!" => text(),
        Value::Bytes(_) | Value::Time(_) => text(),
        value => value,
    }
}

/// Name and value of a `name=value` word; `name==value` is not one, nor is one with a line break in its value.
pub fn parse_kwarg(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let value = value.strip_suffix('\n').unwrap_or(value);
    (is_name(name) && !value.starts_with('=') && !value.contains('\n')).then_some((name, value))
}

/// Letters, digits, `_`, `.` and `-`, of which neither a digit nor the last two begin it.
fn is_name(name: &str) -> bool {
    if name.is_ascii() {
        let begins = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        return begins && name.chars().all(|char| char.is_ascii_alphanumeric() || "_.-".contains(char));
    }
    let is_part = |char: char| is_letter_or_digit(char) || char == '_';
    let begins = name.starts_with(|char| is_part(char) && !is_decimal(char));
    begins && name.chars().all(|char| is_part(char) || ".-".contains(char))
}

/// `\d`: a digit of one of the world's scripts.
fn is_decimal(char: char) -> bool {
    static DECIMAL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d").expect("a fixed pattern compiles"));
    char.is_numeric() && DECIMAL.is_match(char.encode_utf8(&mut [0; 4]))
}

/// Positional arguments and keywords of a command line; keywords in `no_parse` stay text.
pub fn parse_input<W: AsRef<str>>(words: &[W], no_parse: &[&str]) -> (Vec<Value>, Map) {
    let (mut args, mut kwargs) = (Vec::new(), Map::new());
    for word in words {
        match parse_kwarg(word.as_ref()) {
            Some((name, value)) if no_parse.contains(&name) => {
                kwargs.insert(name, value);
            }
            Some((name, value)) => {
                kwargs.insert(name, yamlify_arg(value));
            }
            None => args.push(yamlify_arg(word.as_ref())),
        }
    }
    (args, kwargs)
}

/// The one list that is published: integers that are job ids as text again, keywords last in a map marked by
/// `__kwarg__`.
pub fn condition_input(args: Vec<Value>, kwargs: Map) -> Vec<Value> {
    let mut list: Vec<Value> = args.into_iter().map(jid_as_text).collect();
    if !kwargs.is_empty() {
        let mut marked = Map::with_capacity(kwargs.len() + 1);
        marked.insert("__kwarg__", true);
        marked.extend(kwargs);
        list.push(Value::Map(marked));
    }
    list
}

/// A number as long as a jid is one.
fn jid_as_text(arg: Value) -> Value {
    let digits = match &arg {
        Value::Int(int) => int.to_string(),
        Value::Big(big) => big.to_string(),
        _ => return arg,
    };
    if digits.len() == JID_LEN { Value::Text(digits) } else { arg }
}

const JID_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from `salt.utils.args.parse_kwarg` of Salt 3006.25.
    #[test]
    fn names_and_values_are_told_apart_as_salt_does() {
        for (word, expected) in [
            ("a=b", Some(("a", "b"))),
            ("a==b", None),
            ("=b", None),
            ("1a=b", None),
            ("a.b-c=", Some(("a.b-c", ""))),
            ("_x=1", Some(("_x", "1"))),
            ("-a=1", None),
            (".a=1", None),
            ("grün=1", Some(("grün", "1"))),
            ("a=b\n", Some(("a", "b"))),
            ("a=\n", Some(("a", ""))),
            ("a=b\nc", None),
            ("a=b\n\n", None),
            ("a b=c", None),
            ("a=b=c", Some(("a", "b=c"))),
            ("a= =", Some(("a", " ="))),
            ("٣a=1", None),
            ("Ⅷ=1", Some(("Ⅷ", "1"))),
            ("²=1", Some(("²", "1"))),
            ("a\n=b", None),
            ("a²=1", Some(("a²", "1"))),
        ] {
            assert_eq!(parse_kwarg(word), expected, "{word:?}");
        }
    }
}
