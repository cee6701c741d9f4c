//! Characters to tokens: the scanner of YAML 1.1 with libyaml's rules, limits and error texts, so that a text is taken
//! or refused exactly where Salt's parser does it. libyaml: scanner.c.

mod cursor;
mod directives;
mod scalars;

use std::collections::VecDeque;

pub(super) use cursor::Mark;
use cursor::{Cursor, is_blank_or_end, is_break, is_break_or_end};

use super::YamlError;

#[derive(Debug)]
pub(super) struct Token {
    pub data: Data,
    pub start: Mark,
    pub end: Mark,
}

#[derive(Debug)]
pub(super) enum Data {
    Version { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { value: String, plain: bool },
}

/// How many characters before its `:` a key may begin.
const MAX_KEY_LEN: u64 = 1024;

pub(super) struct Scanner<'t> {
    cursor: Cursor<'t>,
    file: &'t str,
    tokens: VecDeque<Token>,
    /// How many tokens were handed out.
    taken: usize,
    /// The column of the block collection that is open, plus one; 0 outside of all.
    indent: u64,
    outer_indents: Vec<u64>,
    /// What may turn out to be a key once a `:` is met: one place per level of flow collections, and one outside.
    keys: Vec<Option<PossibleKey>>,
    key_allowed: bool,
}

#[derive(Clone, Copy)]
struct PossibleKey {
    /// Nothing else may begin at its column.
    required: bool,
    token: usize,
    mark: Mark,
}

impl<'t> Scanner<'t> {
    /// A scanner at the start of a text.
    ///
    /// # Errors
    /// When the text holds characters that no YAML text may hold.
    pub fn new(text: &'t str, file: &'t str) -> Result<Self, YamlError> {
        Ok(Scanner {
            cursor: Cursor::new(text, file)?,
            file,
            tokens: VecDeque::new(),
            taken: 0,
            indent: 0,
            outer_indents: Vec::new(),
            keys: vec![None],
            key_allowed: true,
        })
    }

    /// The next token, left where it is.
    pub fn peek(&mut self) -> Result<&Token, YamlError> {
        self.fetch_enough()?;
        match self.tokens.front() {
            Some(token) => Ok(token),
            None => Err(YamlError::at(self.file, self.cursor.mark(), "found no more tokens")),
        }
    }

    /// Takes the token that [`Scanner::peek`] showed.
    pub fn take(&mut self) -> Option<Token> {
        self.taken += 1;
        self.tokens.pop_front()
    }

    /// Fetches until the first token cannot become something else: a key's token comes before the key.
    fn fetch_enough(&mut self) -> Result<(), YamlError> {
        loop {
            if !self.tokens.is_empty() {
                self.forget_stale_keys()?;
                if !self.keys.iter().flatten().any(|key| key.token == self.taken) {
                    return Ok(());
                }
            }
            self.fetch_next()?;
        }
    }

    fn fetch_next(&mut self) -> Result<(), YamlError> {
        self.go_to_next_token();
        self.forget_stale_keys()?;
        self.close_blocks(self.cursor.column() + 1);
        let Some(char) = self.cursor.peek() else { return self.stream_end() };
        let blank_follows = is_blank_or_end(self.cursor.peek_at(1));
        let in_flow = self.in_flow();
        if self.cursor.column() == 0 {
            match char {
                '%' => return self.directive(),
                '-' if self.cursor.is_document_mark("---") => return self.document_mark(Data::DocumentStart),
                '.' if self.cursor.is_document_mark("...") => return self.document_mark(Data::DocumentEnd),
                _ => {}
            }
        }
        match char {
            '[' => self.flow_start(Data::FlowSequenceStart),
            '{' => self.flow_start(Data::FlowMappingStart),
            ']' => self.flow_end(Data::FlowSequenceEnd),
            '}' => self.flow_end(Data::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if blank_follows => self.block_entry(),
            '?' if in_flow || blank_follows => self.key(),
            ':' if in_flow || blank_follows => self.value(),
            '*' => self.anchor(true),
            '&' => self.anchor(false),
            '!' => self.tag(),
            '|' if !in_flow => self.block_scalar(true),
            '>' if !in_flow => self.block_scalar(false),
            '\'' => self.quoted_scalar(true),
            '"' => self.quoted_scalar(false),
            '#' | '|' | '>' | '%' | '@' | '`' | ' ' | '\t' => {
                let context = ("while scanning for the next token", self.cursor.mark());
                Err(self.error(context, "found character that cannot start any token"))
            }
            _ => self.plain_scalar(),
        }
    }

    fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    /// Over blanks, comments and line breaks. A tab is no blank where it could be indentation.
    fn go_to_next_token(&mut self) {
        loop {
            if self.cursor.column() == 0 && self.cursor.peek() == Some('\u{feff}') {
                self.cursor.skip();
            }
            let tabs = self.in_flow() || !self.key_allowed;
            self.cursor.run(|octet| octet == b' ' || (tabs && octet == b'\t'));
            if self.cursor.peek() == Some('#') {
                while !is_break_or_end(self.cursor.peek()) {
                    self.cursor.skip();
                }
            }
            if !is_break(self.cursor.peek()) {
                return;
            }
            self.cursor.skip_break();
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    /// A key is on one line and not longer than 1024 characters.
    fn forget_stale_keys(&mut self) -> Result<(), YamlError> {
        let now = self.cursor.mark();
        for place in &mut self.keys {
            let Some(key) = place else { continue };
            if key.mark.line < now.line || key.mark.index + MAX_KEY_LEN < now.index {
                if key.required {
                    return Err(expected_colon(self.file, key.mark, now));
                }
                *place = None;
            }
        }
        Ok(())
    }

    fn save_key(&mut self) -> Result<(), YamlError> {
        if !self.key_allowed {
            return Ok(());
        }
        let key = PossibleKey {
            required: !self.in_flow() && self.indent == self.cursor.column() + 1,
            token: self.taken + self.tokens.len(),
            mark: self.cursor.mark(),
        };
        self.remove_key()?;
        if let Some(place) = self.keys.last_mut() {
            *place = Some(key);
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Result<(), YamlError> {
        match self.keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(expected_colon(self.file, key.mark, self.cursor.mark())),
            _ => Ok(()),
        }
    }

    /// Opens a block collection where the column is deeper than the one that is open.
    fn open_block(&mut self, mark: Mark, before_token: Option<usize>, data: Data) {
        if self.in_flow() || self.indent > mark.column {
            return;
        }
        self.outer_indents.push(self.indent);
        self.indent = mark.column + 1;
        let token = Token { data, start: mark, end: mark };
        match before_token {
            Some(number) => self.insert(number, token),
            None => self.tokens.push_back(token),
        }
    }

    fn insert(&mut self, number: usize, token: Token) {
        let place = number.saturating_sub(self.taken).min(self.tokens.len());
        self.tokens.insert(place, token);
    }

    fn close_blocks(&mut self, indent: u64) {
        if self.in_flow() {
            return;
        }
        while self.indent > indent {
            let mark = self.cursor.mark();
            self.tokens.push_back(Token { data: Data::BlockEnd, start: mark, end: mark });
            self.indent = self.outer_indents.pop().unwrap_or_default();
        }
    }

    fn stream_end(&mut self) -> Result<(), YamlError> {
        self.cursor.end_line();
        self.close_blocks(0);
        self.remove_key()?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        self.tokens.push_back(Token { data: Data::StreamEnd, start: mark, end: mark });
        Ok(())
    }

    fn document_mark(&mut self, data: Data) -> Result<(), YamlError> {
        self.close_blocks(0);
        self.remove_key()?;
        self.key_allowed = false;
        self.push_after(3, data);
        Ok(())
    }

    fn flow_start(&mut self, data: Data) -> Result<(), YamlError> {
        self.save_key()?;
        self.keys.push(None);
        self.key_allowed = true;
        self.push_after(1, data);
        Ok(())
    }

    fn flow_end(&mut self, data: Data) -> Result<(), YamlError> {
        self.remove_key()?;
        if self.in_flow() {
            self.keys.pop();
        }
        self.key_allowed = false;
        self.push_after(1, data);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), YamlError> {
        self.remove_key()?;
        self.key_allowed = true;
        self.push_after(1, Data::FlowEntry);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), YamlError> {
        if !self.in_flow() {
            self.expect_allowed("block sequence entries are not allowed in this context")?;
            self.open_block(self.cursor.mark(), None, Data::BlockSequenceStart);
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.push_after(1, Data::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<(), YamlError> {
        if !self.in_flow() {
            self.expect_allowed("mapping keys are not allowed in this context")?;
            self.open_block(self.cursor.mark(), None, Data::BlockMappingStart);
        }
        self.remove_key()?;
        self.key_allowed = !self.in_flow();
        self.push_after(1, Data::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<(), YamlError> {
        if let Some(key) = self.keys.last_mut().and_then(Option::take) {
            self.insert(key.token, Token { data: Data::Key, start: key.mark, end: key.mark });
            self.open_block(key.mark, Some(key.token), Data::BlockMappingStart);
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                self.expect_allowed("mapping values are not allowed in this context")?;
                self.open_block(self.cursor.mark(), None, Data::BlockMappingStart);
            }
            self.key_allowed = !self.in_flow();
        }
        self.push_after(1, Data::Value);
        Ok(())
    }

    fn expect_allowed(&self, problem: &str) -> Result<(), YamlError> {
        if self.key_allowed { Ok(()) } else { Err(YamlError::at(self.file, self.cursor.mark(), problem)) }
    }

    /// Queues a token of so many characters from here.
    fn push_after(&mut self, characters: usize, data: Data) {
        let start = self.cursor.mark();
        for _ in 0..characters {
            self.cursor.skip();
        }
        self.tokens.push_back(Token { data, start, end: self.cursor.mark() });
    }

    fn error(&self, context: (&str, Mark), problem: &str) -> YamlError {
        YamlError::within(self.file, context, self.cursor.mark(), problem)
    }
}

fn expected_colon(file: &str, key: Mark, now: Mark) -> YamlError {
    YamlError::within(file, ("while scanning a simple key", key), now, "could not find expected ':'")
}
