//! Scalars: plain, quoted, literal and folded; how lines are joined. libyaml: scanner.c
//! (`yaml_parser_scan_block_scalar` and on).

use super::cursor::{is_blank, is_blank_or_end, is_break, is_break_or_end};
use super::{Data, Mark, Scanner, Token, YamlError};

const IN_BLOCK: &str = "while scanning a block scalar";
const IN_QUOTED: &str = "while scanning a quoted scalar";
const IN_ESCAPE: &str = "while parsing a quoted scalar";
const IN_PLAIN: &str = "while scanning a plain scalar";

/// What lies between two words of a flow scalar: blanks, or line breaks.
#[derive(Default)]
struct Gap {
    blanks: String,
    first_break: Option<char>,
    more_breaks: String,
}

impl Gap {
    /// Appends what the gap stands for: its blanks, or one space for one line break, or the breaks after the first.
    fn fold_into(&mut self, text: &mut String) {
        match self.first_break.take() {
            None => text.push_str(&self.blanks),
            Some('\n') if self.more_breaks.is_empty() => text.push(' '),
            Some('\n') => text.push_str(&self.more_breaks),
            Some(unicode) => {
                text.push(unicode);
                text.push_str(&self.more_breaks);
            }
        }
        self.blanks.clear();
        self.more_breaks.clear();
    }

    fn add_break(&mut self, char: char) {
        if self.first_break.is_none() {
            self.blanks.clear();
            self.first_break = Some(char);
        } else {
            self.more_breaks.push(char);
        }
    }
}

/// Octets of ASCII that a word of a quoted scalar goes on with, in both kinds of quotes.
fn is_of_quoted_word(octet: u8) -> bool {
    !matches!(octet, b' ' | b'\t' | b'\'' | b'"' | b'\\')
}

/// The same for a plain scalar.
fn is_of_plain_word(octet: u8, in_flow: bool) -> bool {
    match octet {
        b' ' | b'\t' | b':' => false,
        b',' | b'[' | b']' | b'{' | b'}' => !in_flow,
        _ => true,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, literal: bool) -> Result<(), YamlError> {
        self.remove_key()?;
        self.key_allowed = true;
        let start = self.cursor.mark();
        self.cursor.skip();
        let (chomping, increment) = self.block_header(start)?;
        let mut indent = increment.map(|increment| self.indent.saturating_sub(1) + increment);

        let mut text = String::new();
        let mut line_break: Option<char> = None;
        let mut blank_line_before = false;
        let (mut breaks, mut end) = self.block_breaks(&mut indent, start)?;
        while Some(self.cursor.column()) == indent && self.cursor.peek().is_some() {
            let begins_blank = is_blank(self.cursor.peek());
            let folds = !literal && line_break == Some('\n') && !blank_line_before && !begins_blank;
            match line_break.take() {
                Some(_) if folds && breaks.is_empty() => text.push(' '),
                Some(_) if folds => {}
                Some(char) => text.push(char),
                None => {}
            }
            text.push_str(&breaks);
            blank_line_before = begins_blank;
            while !is_break_or_end(self.cursor.peek()) {
                text.push_str(self.cursor.run(|_| true));
                if !is_break_or_end(self.cursor.peek()) {
                    text.extend(self.cursor.read());
                }
            }
            line_break = self.cursor.read_break();
            (breaks, end) = self.block_breaks(&mut indent, start)?;
        }
        if chomping != Chomping::Strip {
            text.extend(line_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        self.tokens.push_back(Token { data: Data::Scalar { value: text, plain: false }, start, end });
        Ok(())
    }

    /// `+`, `-` and a digit after `|` or `>`, to the end of the line.
    fn block_header(&mut self, start: Mark) -> Result<(Chomping, Option<u64>), YamlError> {
        let mut chomping = self.chomping();
        let mut increment = None;
        if let Some(digit) = self.cursor.peek().and_then(|char| char.to_digit(10)) {
            if digit == 0 {
                return Err(self.error((IN_BLOCK, start), "found an indentation indicator equal to 0"));
            }
            increment = Some(u64::from(digit));
            self.cursor.skip();
            chomping = chomping.or_else(|| self.chomping());
        }
        self.skip_blanks();
        if self.cursor.peek() == Some('#') {
            while !is_break_or_end(self.cursor.peek()) {
                self.cursor.skip();
            }
        }
        if !is_break_or_end(self.cursor.peek()) {
            return Err(self.error((IN_BLOCK, start), "did not find expected comment or line break"));
        }
        self.cursor.skip_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.peek()? {
            '+' => Chomping::Keep,
            '-' => Chomping::Strip,
            _ => return None,
        };
        self.cursor.skip();
        Some(chomping)
    }

    /// The line breaks before the next line of a block scalar, and where they end. Finds the indentation by the first
    /// line that is not empty, where it is not known.
    fn block_breaks(&mut self, indent: &mut Option<u64>, start: Mark) -> Result<(String, Mark), YamlError> {
        let mut breaks = String::new();
        let mut end = self.cursor.mark();
        let mut deepest = 0;
        loop {
            let may_indent = |column: u64| indent.is_none_or(|indent| column < indent);
            while may_indent(self.cursor.column()) && self.cursor.peek() == Some(' ') {
                self.cursor.skip();
            }
            deepest = deepest.max(self.cursor.column());
            if may_indent(self.cursor.column()) && self.cursor.peek() == Some('\t') {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.error((IN_BLOCK, start), problem));
            }
            let Some(line_break) = self.cursor.read_break() else { break };
            breaks.push(line_break);
            end = self.cursor.mark();
        }
        indent.get_or_insert(deepest.max(self.indent).max(1));
        Ok((breaks, end))
    }

    pub(super) fn quoted_scalar(&mut self, single: bool) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let quote = if single { '\'' } else { '"' };
        self.cursor.skip();
        let mut text = String::new();
        loop {
            if self.cursor.is_document_mark("---") || self.cursor.is_document_mark("...") {
                return Err(self.error((IN_QUOTED, start), "found unexpected document indicator"));
            }
            if self.cursor.peek().is_none() {
                return Err(self.error((IN_QUOTED, start), "found unexpected end of stream"));
            }
            let mut gap = Gap::default();
            let mut escaped_break = false;
            text.push_str(self.cursor.run(is_of_quoted_word));
            while let Some(char) = self.cursor.peek().filter(|char| !is_blank_or_end(Some(*char))) {
                let next = self.cursor.peek_at(1);
                if single && char == '\'' && next == Some('\'') {
                    text.push('\'');
                    self.cursor.skip();
                    self.cursor.skip();
                } else if char == quote {
                    break;
                } else if !single && char == '\\' && is_break(next) {
                    self.cursor.skip();
                    self.cursor.skip_break();
                    escaped_break = true;
                    break;
                } else if !single && char == '\\' {
                    text.push(self.escape(start)?);
                } else {
                    text.extend(self.cursor.read());
                }
                text.push_str(self.cursor.run(is_of_quoted_word));
            }
            if self.cursor.peek() == Some(quote) {
                break;
            }
            self.gap(&mut gap, escaped_break);
            if escaped_break {
                // The break itself is gone; those after it stay.
                text.push_str(&gap.more_breaks);
            } else {
                gap.fold_into(&mut text);
            }
        }
        self.cursor.skip();
        let end = self.cursor.mark();
        self.tokens.push_back(Token { data: Data::Scalar { value: text, plain: false }, start, end });
        Ok(())
    }

    /// Blanks and breaks up to the next word. After an escaped break every break is one more.
    fn gap(&mut self, gap: &mut Gap, escaped_break: bool) {
        while let Some(char) = self.cursor.peek() {
            if is_blank(Some(char)) {
                self.cursor.skip();
                if gap.first_break.is_none() && !escaped_break {
                    gap.blanks.push(char);
                }
            } else if let Some(line_break) = self.cursor.read_break() {
                if escaped_break {
                    gap.more_breaks.push(line_break);
                } else {
                    gap.add_break(line_break);
                }
            } else {
                break;
            }
        }
    }

    fn escape(&mut self, start: Mark) -> Result<char, YamlError> {
        let digits = match self.cursor.peek_at(1) {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            code => {
                let char = match code {
                    Some('0') => '\0',
                    Some('a') => '\x07',
                    Some('b') => '\x08',
                    Some('t' | '\t') => '\t',
                    Some('n') => '\n',
                    Some('v') => '\x0b',
                    Some('f') => '\x0c',
                    Some('r') => '\r',
                    Some('e') => '\x1b',
                    Some(same @ (' ' | '"' | '/' | '\\')) => same,
                    Some('N') => '\u{85}',
                    Some('_') => '\u{a0}',
                    Some('L') => '\u{2028}',
                    Some('P') => '\u{2029}',
                    _ => return Err(self.error((IN_ESCAPE, start), "found unknown escape character")),
                };
                self.cursor.skip();
                self.cursor.skip();
                return Ok(char);
            }
        };
        self.cursor.skip();
        self.cursor.skip();
        let mut code = 0_u32;
        for place in 0..digits {
            let Some(digit) = self.cursor.peek_at(place).and_then(|char| char.to_digit(16)) else {
                // The misspelling is libyaml's.
                return Err(self.error((IN_ESCAPE, start), "did not find expected hexdecimal number"));
            };
            code = code << 4 | digit;
        }
        let Some(char) = char::from_u32(code) else {
            return Err(self.error((IN_ESCAPE, start), "found invalid Unicode character escape code"));
        };
        for _ in 0..digits {
            self.cursor.skip();
        }
        Ok(char)
    }

    pub(super) fn plain_scalar(&mut self) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let mut end = start;
        let mut text = String::new();
        let mut gap = Gap::default();
        loop {
            if self.cursor.is_document_mark("---")
                || self.cursor.is_document_mark("...")
                || self.cursor.peek() == Some('#')
            {
                break;
            }
            let in_flow = self.in_flow();
            loop {
                let run = self.cursor.run(|octet| is_of_plain_word(octet, in_flow));
                if !run.is_empty() {
                    gap.fold_into(&mut text);
                    text.push_str(run);
                    end = self.cursor.mark();
                }
                let Some(char) = self.cursor.peek().filter(|char| !is_blank_or_end(Some(*char))) else {
                    break;
                };
                let next = self.cursor.peek_at(1);
                if char == ':' && in_flow && matches!(next, Some(',' | '?' | '[' | ']' | '{' | '}')) {
                    return Err(self.error((IN_PLAIN, start), "found unexpected ':'"));
                }
                if (char == ':' && is_blank_or_end(next))
                    || (in_flow && matches!(char, ',' | '[' | ']' | '{' | '}'))
                {
                    break;
                }
                gap.fold_into(&mut text);
                text.push(char);
                self.cursor.skip();
                end = self.cursor.mark();
            }
            if !is_blank(self.cursor.peek()) && !is_break(self.cursor.peek()) {
                break;
            }
            self.plain_gap(&mut gap, start)?;
            if !self.in_flow() && self.cursor.column() < self.indent {
                break;
            }
        }
        if gap.first_break.is_some() {
            self.key_allowed = true;
        }
        self.tokens.push_back(Token { data: Data::Scalar { value: text, plain: true }, start, end });
        Ok(())
    }

    fn plain_gap(&mut self, gap: &mut Gap, start: Mark) -> Result<(), YamlError> {
        while let Some(char) = self.cursor.peek() {
            if is_blank(Some(char)) {
                if gap.first_break.is_some() && self.cursor.column() < self.indent && char == '\t' {
                    let problem = "found a tab character that violates indentation";
                    return Err(self.error((IN_PLAIN, start), problem));
                }
                self.cursor.skip();
                if gap.first_break.is_none() {
                    gap.blanks.push(char);
                }
            } else if let Some(line_break) = self.cursor.read_break() {
                gap.add_break(line_break);
            } else {
                break;
            }
        }
        Ok(())
    }
}
