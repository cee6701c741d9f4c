//! What a plain scalar is: YAML 1.1's implicit types. PyYAML: resolver.py.

use std::sync::LazyLock;

use regex::Regex;

/// The types a scalar can have by its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Str,
    Bool,
    Float,
    Int,
    Merge,
    Null,
    Timestamp,
    Value,
    /// `!`, `&` and `*`: never read, but the writer has to quote them.
    Yaml,
}

impl Tag {
    pub fn as_str(self) -> &'static str {
        match self {
            Tag::Str => STR,
            Tag::Bool => BOOL,
            Tag::Float => FLOAT,
            Tag::Int => INT,
            Tag::Merge => MERGE,
            Tag::Null => NULL,
            Tag::Timestamp => TIMESTAMP,
            Tag::Value => VALUE,
            Tag::Yaml => "tag:yaml.org,2002:yaml",
        }
    }
}

pub(super) const STR: &str = "tag:yaml.org,2002:str";
pub(super) const BOOL: &str = "tag:yaml.org,2002:bool";
pub(super) const FLOAT: &str = "tag:yaml.org,2002:float";
pub(super) const INT: &str = "tag:yaml.org,2002:int";
pub(super) const MERGE: &str = "tag:yaml.org,2002:merge";
pub(super) const NULL: &str = "tag:yaml.org,2002:null";
pub(super) const TIMESTAMP: &str = "tag:yaml.org,2002:timestamp";
pub(super) const VALUE: &str = "tag:yaml.org,2002:value";
pub(super) const SEQ: &str = "tag:yaml.org,2002:seq";
pub(super) const MAP: &str = "tag:yaml.org,2002:map";

/// The type of a plain scalar.
pub(super) fn resolve(text: &str) -> Tag {
    match text.as_bytes().first() {
        None => Tag::Null,
        Some(b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') if is_bool(text) => Tag::Bool,
        Some(b'n' | b'N') if is_bool(text) => Tag::Bool,
        Some(b'~' | b'n' | b'N') if is_null(text) => Tag::Null,
        Some(b'-' | b'+' | b'.' | b'0'..=b'9') => number(text),
        Some(b'<') if text == "<<" => Tag::Merge,
        Some(b'=') if text == "=" => Tag::Value,
        Some(b'!' | b'&' | b'*') if text.len() == 1 => Tag::Yaml,
        _ => Tag::Str,
    }
}

/// Python's value of a boolean word, in any of its three spellings.
pub(super) fn bool_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn is_bool(text: &str) -> bool {
    bool_of(text).is_some() && is_cased_as_a_word(text)
}

fn is_null(text: &str) -> bool {
    text == "~" || text.eq_ignore_ascii_case("null") && is_cased_as_a_word(text)
}

/// `word`, `Word` or `WORD`.
fn is_cased_as_a_word(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let lower = |text: &str| text.bytes().all(|octet| octet.is_ascii_lowercase());
    lower(rest) || text.bytes().all(|octet| octet.is_ascii_uppercase())
}

fn number(text: &str) -> Tag {
    static FLOATS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?
             |\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
             |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
             |[-+]?\.(?:inf|Inf|INF)
             |\.(?:nan|NaN|NAN)",
        )
    });
    static INTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[-+]?0b[0-1_]+
             |[-+]?0[0-7_]+
             |[-+]?(?:0|[1-9][0-9_]*)
             |[-+]?0x[0-9a-fA-F_]+
             |[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
        )
    });
    static TIMES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}
             |[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?
              (?:[Tt]|[\ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
              (?:[\ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?",
        )
    });
    if FLOATS.is_match(text) {
        Tag::Float
    } else if INTS.is_match(text) {
        Tag::Int
    } else if TIMES.is_match(text) {
        Tag::Timestamp
    } else {
        Tag::Str
    }
}

fn pattern(alternatives: &str) -> Regex {
    Regex::new(&format!("^(?x:{alternatives})$")).expect("a fixed pattern compiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_booleans_in_three_spellings_only() {
        for yes in ["yes", "Yes", "YES", "on", "OFF", "True", "false", "No"] {
            assert_eq!(resolve(yes), Tag::Bool, "{yes}");
        }
        for text in ["y", "n", "yEs", "oN", "nUll", "TRUe", "Y", "yesno"] {
            assert_eq!(resolve(text), Tag::Str, "{text}");
        }
        for null in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(resolve(null), Tag::Null, "{null}");
        }
    }
}
