//! Characters above U+FFFF, which libyaml escapes and the emitter underneath would print: they go through it as two
//! characters that it escapes to the same width, and are put in place afterwards. libyaml: yaml_private.h
//! (`IS_PRINTABLE_AT` ends at three octets).

use std::collections::VecDeque;

use crate::value::Value;

/// The replacement of such characters in one document.
pub(super) struct StandIn {
    /// Four octets, as the characters replaced have, so that lengths of keys come out the same.
    characters: &'static str,
    /// How the emitter writes them: ten columns, as `\U0001F600` has.
    escaped: &'static str,
    waiting: VecDeque<char>,
}

const CHOICES: [(&str, &str); 2] = [("\u{ffff}\x7f", "\\uFFFF\\x7F"), ("\u{fffe}\x7f", "\\uFFFE\\x7F")];

impl StandIn {
    /// A stand-in that no text of the value looks like; `None` where none is needed.
    pub fn for_texts_of(value: &Value) -> Option<Self> {
        let mut needed = false;
        let mut free = [true; CHOICES.len()];
        visit(value, &mut |text| {
            needed |= text.chars().any(is_high);
            for (free, (characters, escaped)) in free.iter_mut().zip(CHOICES) {
                *free &= !text.contains(characters) && !text.contains(escaped);
            }
        });
        let (_, (characters, escaped)) = free.into_iter().zip(CHOICES).find(|(free, _)| needed && *free)?;
        Some(StandIn { characters, escaped, waiting: VecDeque::new() })
    }

    /// The text with its high characters replaced.
    pub fn replace(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for char in text.chars() {
            if is_high(char) {
                self.waiting.push_back(char);
                out.push_str(self.characters);
            } else {
                out.push(char);
            }
        }
        out
    }

    /// The document with the high characters escaped where they belong.
    pub fn resolve(mut self, document: &str) -> String {
        let mut parts = document.split(self.escaped);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            if let Some(char) = self.waiting.pop_front() {
                out.push_str(&format!("\\U{:08X}", u32::from(char)));
            }
            out.push_str(part);
        }
        out
    }
}

fn is_high(char: char) -> bool {
    char > '\u{ffff}'
}

fn visit(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::Text(text) => see(text),
        Value::List(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Map(map) => map.iter().for_each(|(key, value)| {
            visit(key, see);
            visit(value, see);
        }),
        _ => {}
    }
}
