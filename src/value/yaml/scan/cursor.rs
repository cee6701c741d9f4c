//! A place in a text, and the classes of characters. libyaml: yaml_private.h (the macros), reader.c.

use super::super::error::Position;
use super::YamlError;

/// A place: characters from the start, line and column, all from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Mark {
    pub index: u64,
    pub line: u64,
    pub column: u64,
}

/// A text with a place in it.
pub(super) struct Cursor<'t> {
    rest: &'t str,
    mark: Mark,
}

impl<'t> Cursor<'t> {
    /// # Errors
    /// At the first character that no YAML text may hold.
    pub fn new(text: &'t str, file: &str) -> Result<Self, YamlError> {
        if let Some((offset, character)) = text.char_indices().find(|(_, char)| !is_allowed(*char)) {
            let before = text.get(..offset).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            return Err(YamlError::Character {
                character: character.into(),
                problem: "control characters are not allowed".to_owned(),
                offset,
                at: Box::new(Position {
                    file: file.to_owned(),
                    line: before.matches('\n').count() as u64 + 1,
                    column: before.get(line_start..).unwrap_or_default().chars().count() as u64 + 1,
                }),
            });
        }
        Ok(Cursor { rest: text.strip_prefix('\u{feff}').unwrap_or(text), mark: Mark::default() })
    }

    pub fn mark(&self) -> Mark {
        self.mark
    }

    pub fn column(&self) -> u64 {
        self.mark.column
    }

    /// The character here; `None` at the end.
    #[inline]
    pub fn peek(&self) -> Option<char> {
        match self.rest.as_bytes().first() {
            Some(octet) if octet.is_ascii() => Some(char::from(*octet)),
            _ => self.rest.chars().next(),
        }
    }

    /// The character so many places on.
    pub fn peek_at(&self, places: usize) -> Option<char> {
        self.rest.chars().nth(places)
    }

    /// Takes characters of ASCII, none of them a line break, for as long as they are wanted: most of a text is such.
    pub fn run(&mut self, is_wanted: impl Fn(u8) -> bool) -> &'t str {
        let wanted = |octet: &u8| octet.is_ascii() && !matches!(octet, b'\n' | b'\r') && is_wanted(*octet);
        let length = self.rest.as_bytes().iter().take_while(|octet| wanted(octet)).count();
        let (run, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.mark.index += length as u64;
        self.mark.column += length as u64;
        run
    }

    /// Whether a line here is `---` or `...`, alone or before a blank.
    pub fn is_document_mark(&self, mark: &str) -> bool {
        self.mark.column == 0
            && self.rest.strip_prefix(mark).is_some_and(|after| is_blank_or_end(after.chars().next()))
    }

    /// Over one character.
    pub fn skip(&mut self) {
        let _ = self.read();
    }

    /// Takes one character that is no line break.
    pub fn read(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next()?;
        self.rest = chars.as_str();
        self.mark.index += 1;
        self.mark.column += 1;
        Some(char)
    }

    /// Over one line break, if there is one.
    pub fn skip_break(&mut self) {
        let _ = self.read_break();
    }

    /// Takes one line break, if there is one: as `\n`, but for the two that are Unicode's own.
    pub fn read_break(&mut self) -> Option<char> {
        let char = self.peek().filter(|char| is_break(Some(*char)))?;
        let length = if self.rest.starts_with("\r\n") { 2 } else { 1 };
        for _ in 0..length {
            self.skip();
        }
        self.mark.column = 0;
        self.mark.line += 1;
        Some(if matches!(char, '\u{2028}' | '\u{2029}') { char } else { '\n' })
    }

    /// The end of a text ends its line.
    pub fn end_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }
}

fn is_allowed(char: char) -> bool {
    matches!(
        char,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..
    )
}

pub(super) fn is_blank(char: Option<char>) -> bool {
    matches!(char, Some(' ' | '\t'))
}

pub(super) fn is_break(char: Option<char>) -> bool {
    matches!(char, Some('\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}'))
}

pub(super) fn is_break_or_end(char: Option<char>) -> bool {
    char.is_none() || is_break(char)
}

pub(super) fn is_blank_or_end(char: Option<char>) -> bool {
    is_blank(char) || is_break_or_end(char)
}

/// A character of the names of anchors and directives.
pub(super) fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}
