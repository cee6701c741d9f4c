//! The words of an expression. jmespath: lexer.py.

use super::super::convert::from_value;
use super::super::fault::{Fault, Res};
use super::super::filters::parse_int;
use super::super::lex::is_space;
use super::super::print::too_deep;
use super::super::run::Run;
use super::super::val::Val;
use crate::value::Value;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Eof,
    Unquoted,
    Quoted,
    Literal,
    Rbracket,
    Rparen,
    Comma,
    Rbrace,
    Number,
    Current,
    Expref,
    Colon,
    Pipe,
    Or,
    And,
    Eq,
    Gt,
    Lt,
    Gte,
    Lte,
    Ne,
    Flatten,
    Star,
    Filter,
    Dot,
    Not,
    Lbrace,
    Lbracket,
    Lparen,
}

/// What errors call the kinds, in the order of [`Kind`]. One text, as all tables here: pointers cost more than what they
/// point to.
const NAMES: &str = "eof unquoted_identifier quoted_identifier literal rbracket rparen comma rbrace number current expref \
                     colon pipe or and eq gt lt gte lte ne flatten star filter dot not lbrace lbracket lparen";

/// How strongly they bind to what stands before them.
static POWERS: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 5, 5, 5, 5, 5, 9, 20, 21, 40, 45, 50, 55, 60];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        NAMES.split(' ').nth(self as usize).unwrap_or_default()
    }

    pub(super) fn power(self) -> u8 {
        POWERS[self as usize]
    }
}

/// Words that are signs; those of two come first.
const SIGNS: &str = "[] [? || && <= >= != == . * ] , : @ ( ) { } [ | & < > !";

static KINDS_OF_SIGNS: [Kind; 24] = [
    Kind::Flatten,
    Kind::Filter,
    Kind::Or,
    Kind::And,
    Kind::Lte,
    Kind::Gte,
    Kind::Ne,
    Kind::Eq,
    Kind::Dot,
    Kind::Star,
    Kind::Rbracket,
    Kind::Comma,
    Kind::Colon,
    Kind::Current,
    Kind::Lparen,
    Kind::Rparen,
    Kind::Lbrace,
    Kind::Rbrace,
    Kind::Lbracket,
    Kind::Pipe,
    Kind::Expref,
    Kind::Lt,
    Kind::Gt,
    Kind::Not,
];

/// A word.
pub(super) struct Token {
    pub kind: Kind,
    /// What it stands for; errors print it.
    pub value: Val,
    /// Where it begins, in octets.
    pub start: usize,
}

/// So many characters stand before an octet, as blanks.
pub(super) fn blanks(text: &str, at: usize) -> String {
    " ".repeat(text.get(..at).unwrap_or(text).chars().count())
}

/// All words, the end as the last.
pub(super) fn tokens(run: &mut Run<'_>, text: &str) -> Res<Vec<Token>> {
    run.charge(text.len().saturating_mul(size_of::<Token>()))?;
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        run.tick()?;
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let start = text.len() - rest.len();
        let Some(c) = rest.chars().next() else {
            tokens.push(Token { kind: Kind::Eof, value: Val::str(""), start });
            return Ok(tokens);
        };
        let bad = |message: String| {
            let mark = blanks(text, start);
            Fault::other(format!("Bad jmespath expression: {message}:\n{text}\n{mark}^"))
        };
        let word = |belongs: fn(char) -> bool| {
            let more = rest.get(1..).unwrap_or_default();
            rest.len() - more.trim_start_matches(belongs).len()
        };
        let mut value = None;
        let (kind, length) = if let Some((sign, kind)) =
            SIGNS.split(' ').zip(&KINDS_OF_SIGNS).find(|(sign, _)| rest.starts_with(sign))
        {
            (*kind, sign.len())
        } else if c == '_' || c.is_ascii_alphabetic() {
            (Kind::Unquoted, word(|c| c == '_' || c.is_ascii_alphanumeric()))
        } else if c == '-' || c.is_ascii_digit() {
            let length = word(|c| c.is_ascii_digit());
            let digits = rest.get(..length).unwrap_or_default();
            if digits == "-" {
                return Err(bad("Unknown token '-'".to_owned()));
            }
            value = Some(number(digits)?);
            (Kind::Number, length)
        } else if matches!(c, '\'' | '"' | '`') {
            let Some(inside) = until(rest, c) else { return Err(bad(format!("Unclosed {c} delimiter"))) };
            let (kind, found) = match c {
                '\'' => (Kind::Literal, Some(Val::str(inside.replace("\\'", "'")))),
                '"' => (Kind::Quoted, json(&format!("\"{inside}\""))?),
                _ => (Kind::Literal, literal(&inside.replace("\\`", "`"))?),
            };
            value = Some(found.ok_or_else(|| {
                bad(match c {
                    '"' => mistake(inside).to_owned(),
                    _ => format!("Bad token {}", inside.replace("\\`", "`")),
                })
            })?);
            (kind, inside.len() + 2)
        } else {
            let shown = if c == '=' { "'='".to_owned() } else { c.to_string() };
            return Err(bad(format!("Unknown token {shown}")));
        };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(Token { kind, value: value.unwrap_or_else(|| Val::str(word)), start });
        rest = after;
    }
}

/// What stands between delimiters, escapes as they are; `None` when the second is not there.
fn until(text: &str, delimiter: char) -> Option<&str> {
    let mut escaped = false;
    let inside = text.get(1..)?;
    let end = inside.find(|c| {
        let is_end = c == delimiter && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    inside.get(..end)
}

fn number(digits: &str) -> Res<Val> {
    parse_int(digits, 10).map(Val::from_big).ok_or_else(|| {
        Fault::other(format!(
            "Exceeds the limit (4300 digits) for integer string conversion: value has {} digits; use \
             sys.set_int_max_str_digits() to increase the limit",
            digits.trim_start_matches('-').len()
        ))
    })
}

/// The value of a JSON text, if it is one.
fn json(text: &str) -> Res<Option<Val>> {
    match Value::from_json(text) {
        Ok(value) => Ok(Some(from_value(&value))),
        Err(error) if error.problem.starts_with("recursion limit") => Err(too_deep()),
        Err(_) => Ok(None),
    }
}

/// The value of a literal: JSON, or text that lacks its quotes.
fn literal(text: &str) -> Res<Option<Val>> {
    match json(text)? {
        Some(val) => Ok(Some(val)),
        None => json(&format!("\"{}\"", text.trim_start_matches(is_space))),
    }
}

/// Why a text is no JSON string, in the words of Python's `json`.
fn mistake(inside: &str) -> &'static str {
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c < ' ' {
            return "Invalid control character at";
        }
        if c == '\\' {
            match chars.next() {
                Some('u') if chars.by_ref().take(4).filter(char::is_ascii_hexdigit).count() < 4 => break,
                Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u') => {}
                _ => return "Invalid \\escape",
            }
        }
    }
    "Invalid \\uXXXX escape"
}
