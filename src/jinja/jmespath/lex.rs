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

/// What errors call a kind, and how strongly it binds to what stands before it; in the order of [`Kind`].
static KINDS: [(&str, u8); 29] = [
    ("eof", 0),
    ("unquoted_identifier", 0),
    ("quoted_identifier", 0),
    ("literal", 0),
    ("rbracket", 0),
    ("rparen", 0),
    ("comma", 0),
    ("rbrace", 0),
    ("number", 0),
    ("current", 0),
    ("expref", 0),
    ("colon", 0),
    ("pipe", 1),
    ("or", 2),
    ("and", 3),
    ("eq", 5),
    ("gt", 5),
    ("lt", 5),
    ("gte", 5),
    ("lte", 5),
    ("ne", 5),
    ("flatten", 9),
    ("star", 20),
    ("filter", 21),
    ("dot", 40),
    ("not", 45),
    ("lbrace", 50),
    ("lbracket", 55),
    ("lparen", 60),
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        KINDS[self as usize].0
    }

    pub(super) fn power(self) -> u8 {
        KINDS[self as usize].1
    }
}

/// Words of one character.
static SINGLE: &[(char, Kind)] = &[
    ('.', Kind::Dot),
    ('*', Kind::Star),
    (']', Kind::Rbracket),
    (',', Kind::Comma),
    (':', Kind::Colon),
    ('@', Kind::Current),
    ('(', Kind::Lparen),
    (')', Kind::Rparen),
    ('{', Kind::Lbrace),
    ('}', Kind::Rbrace),
    ('[', Kind::Lbracket),
    ('|', Kind::Pipe),
    ('&', Kind::Expref),
    ('<', Kind::Lt),
    ('>', Kind::Gt),
    ('!', Kind::Not),
];

/// Words of two, which come first.
static DOUBLE: &[([char; 2], Kind)] = &[
    (['[', ']'], Kind::Flatten),
    (['[', '?'], Kind::Filter),
    (['|', '|'], Kind::Or),
    (['&', '&'], Kind::And),
    (['<', '='], Kind::Lte),
    (['>', '='], Kind::Gte),
    (['!', '='], Kind::Ne),
    (['=', '='], Kind::Eq),
];

/// A word.
pub(super) struct Token {
    pub kind: Kind,
    /// What it stands for; errors print it.
    pub value: Val,
    /// Where it begins, in characters.
    pub start: usize,
}

/// All words, the end as the last.
pub(super) fn tokens(run: &mut Run<'_>, text: &str) -> Res<Vec<Token>> {
    run.charge(text.len().saturating_mul(size_of::<Token>() + size_of::<char>()))?;
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        run.tick()?;
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        let start = at;
        let bad = |message: String| {
            Fault::other(format!("Bad jmespath expression: {message}:\n{text}\n{}^", " ".repeat(start)))
        };
        let next = chars.get(at + 1).copied();
        let double = DOUBLE.iter().find(|(pair, _)| pair[0] == c && next == Some(pair[1]));
        let (kind, value) = if let Some((_, kind)) = double {
            at += 2;
            (*kind, Val::str(chars[start..at].iter().collect::<String>()))
        } else if let Some((_, kind)) = SINGLE.iter().find(|(own, _)| *own == c) {
            at += 1;
            (*kind, Val::str(c.encode_utf8(&mut [0; 4])))
        } else if c == '_' || c.is_ascii_alphabetic() {
            let word = run_of(&chars, &mut at, |c| c == '_' || c.is_ascii_alphanumeric());
            (Kind::Unquoted, Val::str(word))
        } else if c == '-' || c.is_ascii_digit() {
            let digits = run_of(&chars, &mut at, |c| c.is_ascii_digit());
            if digits == "-" {
                return Err(bad("Unknown token '-'".to_owned()));
            }
            (Kind::Number, number(&digits)?)
        } else if matches!(c, '\'' | '"' | '`') {
            let inside = until(&chars, &mut at, c).ok_or_else(|| bad(format!("Unclosed {c} delimiter")))?;
            match c {
                '\'' => (Kind::Literal, Val::str(inside.replace("\\'", "'"))),
                '"' => match Value::from_json(&format!("\"{inside}\"")) {
                    Ok(value) => (Kind::Quoted, from_value(&value)),
                    Err(_) => return Err(bad(mistake(&inside).to_owned())),
                },
                _ => {
                    let inside = inside.replace("\\`", "`");
                    let literal = literal(&inside)?.ok_or_else(|| bad(format!("Bad token {inside}")))?;
                    (Kind::Literal, literal)
                }
            }
        } else {
            let shown = if c == '=' { "'='".to_owned() } else { c.to_string() };
            return Err(bad(format!("Unknown token {shown}")));
        };
        tokens.push(Token { kind, value, start });
    }
    tokens.push(Token { kind: Kind::Eof, value: Val::str(""), start: chars.len() });
    Ok(tokens)
}

/// The character at `at`, whatever it is, and those after it that belong to it.
fn run_of(chars: &[char], at: &mut usize, belongs: fn(char) -> bool) -> String {
    let start = *at;
    *at += 1;
    while chars.get(*at).is_some_and(|c| belongs(*c)) {
        *at += 1;
    }
    chars[start..*at].iter().collect()
}

/// What stands between delimiters, escapes as they are; `None` when the second is not there.
fn until(chars: &[char], at: &mut usize, delimiter: char) -> Option<String> {
    let mut inside = String::new();
    loop {
        *at += 1;
        let mut c = *chars.get(*at)?;
        if c == delimiter {
            *at += 1;
            return Some(inside);
        }
        if c == '\\' {
            inside.push(c);
            *at += 1;
            c = *chars.get(*at)?;
        }
        inside.push(c);
    }
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

/// The value of a literal: JSON, or text that lacks its quotes.
fn literal(text: &str) -> Res<Option<Val>> {
    match Value::from_json(text) {
        Ok(value) => Ok(Some(from_value(&value))),
        Err(error) if error.problem.starts_with("recursion limit") => Err(too_deep()),
        Err(_) => {
            let quoted = format!("\"{}\"", text.trim_start_matches(is_space));
            Ok(Value::from_json(&quoted).ok().map(|value| from_value(&value)))
        }
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
