//! From text to tokens: data, and what stands between the delimiters. Jinja2 3.1: `lexer.py`.

use std::rc::Rc;

use num_bigint::BigInt;

use super::fault::{Fault, Res};
use super::options::Options;
use super::print::text_repr_owned;

/// One token with the line it starts on.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub line: u32,
    pub kind: Tok,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Data(Rc<str>),
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name(Rc<str>),
    Str(Rc<str>),
    Int(BigInt),
    Float(f64),
    /// An operator, by its own spelling.
    Op(&'static str),
    Eof,
    /// The text is wrong from here on; told only when the parser gets here.
    Wrong(String),
}

impl Tok {
    /// How Jinja names a token in its messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Tok::Data(_) => "template data / text".into(),
            Tok::VariableBegin => "begin of print statement".into(),
            Tok::VariableEnd => "end of print statement".into(),
            Tok::BlockBegin => "begin of statement block".into(),
            Tok::BlockEnd => "end of statement block".into(),
            Tok::Name(name) => name.to_string(),
            Tok::Str(_) => "string".into(),
            Tok::Int(_) => "integer".into(),
            Tok::Float(_) => "float".into(),
            Tok::Op(op) => (*op).into(),
            Tok::Eof => "end of template".into(),
            Tok::Wrong(text) => text.clone(),
        }
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self, Tok::Name(it) if &**it == name)
    }

    pub(super) fn is_op(&self, op: &str) -> bool {
        matches!(self, Tok::Op(it) if *it == op)
    }
}

/// Longest first.
const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";",
];

/// Every token of a template; the last is `Eof` or `Wrong`.
pub(super) fn tokens(source: &str, options: &Options) -> Vec<Token> {
    let mut source = source.replace("\r\n", "\n").replace('\r', "\n");
    if !options.keep_trailing_newline && source.ends_with('\n') {
        source.pop();
    }
    let mut lexer = Lexer { text: &source, options, at: 0, line: 1, out: Vec::new(), line_starting: true };
    let last = match lexer.run() {
        Ok(()) => Tok::Eof,
        Err(wrong) => Tok::Wrong(wrong),
    };
    let line = lexer.line;
    let mut out = lexer.out;
    // The end has the line of the last token, a mistake the line it stands on.
    let line = match last {
        Tok::Eof => out.last().map_or(1, |token| token.line),
        _ => line,
    };
    out.push(Token { line, kind: last });
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Begin {
    Raw,
    Variable,
    Block,
    Comment,
    LineStatement,
    LineComment,
}

/// Where a tag begins: `from..to` is the delimiter with its sign.
struct Found {
    kind: Begin,
    from: usize,
    to: usize,
    sign: Option<u8>,
}

struct Lexer<'t> {
    text: &'t str,
    options: &'t Options,
    at: usize,
    line: u32,
    out: Vec<Token>,
    line_starting: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), String> {
        while self.at < self.text.len() {
            let Some(found) = self.find() else {
                let rest = &self.text[self.at..];
                self.push(Tok::Data(rest.into()));
                self.advance(self.text.len());
                break;
            };
            self.data(&found);
            self.advance(found.to);
            match found.kind {
                Begin::Raw => self.raw()?,
                Begin::Comment => self.comment()?,
                Begin::LineComment => {
                    let rest = &self.text[self.at..];
                    let end = rest.find('\n').map_or(self.text.len(), |n| self.at + n);
                    self.advance(end);
                }
                Begin::Variable => {
                    self.push(Tok::VariableBegin);
                    self.code(found.kind)?;
                }
                Begin::Block | Begin::LineStatement => {
                    self.push(Tok::BlockBegin);
                    self.code(found.kind)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: Tok) {
        self.out.push(Token { line: self.line, kind });
    }

    /// Moves to `end`, counting lines.
    fn advance(&mut self, end: usize) {
        let eaten = &self.text.as_bytes()[self.at..end];
        self.line += u32::try_from(eaten.iter().filter(|&&b| b == b'\n').count()).unwrap_or(u32::MAX);
        if let Some(last) = eaten.last() {
            self.line_starting = *last == b'\n';
        }
        self.at = end;
    }

    /// The text before a tag, stripped as the tag's sign and `lstrip_blocks` say.
    fn data(&mut self, found: &Found) {
        let text = &self.text[self.at..found.from];
        let kept = match found.sign {
            Some(b'-') => text.trim_end_matches(is_space),
            Some(_) => text,
            None if self.options.lstrip_blocks && found.kind != Begin::Variable => {
                let start = text.rfind('\n').map_or(0, |n| n + 1);
                let blank = !text[start..].is_empty() && text[start..].chars().all(is_space);
                if (start > 0 || self.line_starting) && blank { &text[..start] } else { text }
            }
            None => text,
        };
        if !kept.is_empty() {
            self.push(Tok::Data(kept.into()));
        }
        self.advance(found.from);
    }

    /// The next tag at or after here.
    fn find(&self) -> Option<Found> {
        let bytes = self.text.as_bytes();
        let options = self.options;
        let plain = options.line_statement_prefix.is_none() && options.line_comment_prefix.is_none();
        let firsts: Vec<u8> = [&options.variable_start, &options.block_start, &options.comment_start]
            .iter()
            .filter_map(|delimiter| delimiter.bytes().next())
            .collect();
        let mut at = self.at;
        while at < bytes.len() {
            if plain {
                at += bytes[at..].iter().position(|byte| firsts.contains(byte))?;
            }
            if self.text.is_char_boundary(at)
                && let Some(found) = self.begins(at)
            {
                return Some(found);
            }
            at += 1;
        }
        None
    }

    /// The tag that begins exactly here: the longest delimiter wins, as in Jinja.
    fn begins(&self, at: usize) -> Option<Found> {
        let options = self.options;
        let rest = &self.text[at..];
        if let Some(found) = self.begins_raw(at) {
            return Some(found);
        }
        let mut best: Option<(usize, u8, Found)> = None;
        let mut offer = |length: usize, rank: u8, kind: Begin, to: usize| {
            if best.as_ref().is_none_or(|(l, r, _)| (length, rank) > (*l, *r)) {
                best = Some((length, rank, Found { kind, from: at, to, sign: None }));
            }
        };
        for (delimiter, rank, kind) in [
            (&options.variable_start, 4, Begin::Variable),
            (&options.comment_start, 1, Begin::Comment),
            (&options.block_start, 0, Begin::Block),
        ] {
            if !delimiter.is_empty() && rest.starts_with(delimiter.as_str()) {
                offer(delimiter.len(), rank, kind, at + delimiter.len());
            }
        }
        let at_line_start = at == 0 || self.text.as_bytes()[at - 1] == b'\n';
        if let Some(prefix) = options.line_statement_prefix.as_deref().filter(|_| at_line_start) {
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\x0b']).len();
            if rest[blank..].starts_with(prefix) {
                offer(prefix.len(), 3, Begin::LineStatement, at + blank + prefix.len());
            }
        }
        if let Some(prefix) = options.line_comment_prefix.as_deref() {
            let after_text = self.text[..at].chars().next_back().is_some_and(|c| !is_space(c));
            if at_line_start || after_text {
                let blank = rest.len() - rest.trim_start_matches(|c| is_space(c) && c != '\n').len();
                if rest[blank..].starts_with(prefix) {
                    offer(prefix.len(), 2, Begin::LineComment, at + blank + prefix.len());
                }
            }
        }
        let (_, _, mut found) = best?;
        if let Some(sign @ (b'-' | b'+')) = self.text.as_bytes().get(found.to) {
            found.sign = Some(*sign);
            found.to += 1;
        }
        Some(found)
    }

    fn begins_raw(&self, at: usize) -> Option<Found> {
        let rest = self.text[at..].strip_prefix(self.options.block_start.as_str())?;
        let (sign, rest) = match rest.as_bytes().first() {
            Some(sign @ (b'-' | b'+')) => (Some(*sign), &rest[1..]),
            _ => (None, rest),
        };
        let rest = rest.trim_start_matches(is_space).strip_prefix("raw")?.trim_start_matches(is_space);
        let rest = match rest.strip_prefix('-').and_then(|r| r.strip_prefix(self.options.block_end.as_str()))
        {
            Some(rest) => rest.trim_start_matches(is_space),
            None => rest.strip_prefix(self.options.block_end.as_str())?,
        };
        Some(Found { kind: Begin::Raw, from: at, to: self.text.len() - rest.len(), sign })
    }

    /// The end of a tag here: where it ends, with what it eats behind it.
    fn tag_end(&self, at: usize, end: &str, block: bool) -> Option<usize> {
        let rest = &self.text[at..];
        let bytes = rest.as_bytes();
        if block && bytes.first() == Some(&b'+') && rest[1..].starts_with(end) {
            return Some(at + 1 + end.len());
        }
        if bytes.first() == Some(&b'-') && rest[1..].starts_with(end) {
            let after = &rest[1 + end.len()..];
            return Some(self.text.len() - after.trim_start_matches(is_space).len());
        }
        if !rest.starts_with(end) {
            return None;
        }
        let after = at + end.len();
        let trim = block && self.options.trim_blocks && self.text.as_bytes().get(after) == Some(&b'\n');
        Some(after + usize::from(trim))
    }

    fn raw(&mut self) -> Result<(), String> {
        let start = self.options.block_start.as_str();
        let mut from = self.at;
        while let Some(n) = self.text[from..].find(start) {
            let tag = from + n;
            let mut inner = tag + start.len();
            let sign = self.text.as_bytes().get(inner).copied().filter(|b| matches!(b, b'-' | b'+'));
            inner += usize::from(sign.is_some());
            let rest = self.text[inner..].trim_start_matches(is_space);
            if let Some(rest) = rest.strip_prefix("endraw") {
                let rest = rest.trim_start_matches(is_space);
                let at = self.text.len() - rest.len();
                if let Some(end) = self.tag_end(at, &self.options.block_end, true) {
                    self.data(&Found { kind: Begin::Raw, from: tag, to: end, sign });
                    self.advance(end);
                    return Ok(());
                }
            }
            from = tag + 1;
        }
        Err("Missing end of raw directive".into())
    }

    fn comment(&mut self) -> Result<(), String> {
        let end = self.options.comment_end.as_str();
        let mut from = self.at;
        while let Some(n) = self.text[from..].find(end) {
            let at = from + n;
            let signed = at > self.at && matches!(self.text.as_bytes()[at - 1], b'-' | b'+');
            let at = if signed { at - 1 } else { at };
            if let Some(stop) = self.tag_end(at, end, true) {
                self.advance(stop);
                return Ok(());
            }
            from = at + 1;
        }
        Err("Missing end of comment tag".into())
    }

    /// Tokens up to the end of a tag.
    fn code(&mut self, kind: Begin) -> Result<(), String> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            if open.is_empty() && self.code_ends(kind) {
                return Ok(());
            }
            let rest = &self.text[self.at..];
            let Some(first) = rest.chars().next() else {
                return Ok(());
            };
            if is_space(first) {
                self.advance(self.text.len() - rest.trim_start_matches(is_space).len());
                continue;
            }
            if first.is_ascii_digit() && self.number() {
                continue;
            }
            if first.is_alphanumeric() || first == '_' {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                if !(first.is_alphabetic() || first == '_') {
                    return Err("Invalid character in identifier".into());
                }
                self.push(Tok::Name(rest[..length].into()));
                self.advance(self.at + length);
                continue;
            }
            if let Some(length) = string_length(rest) {
                let text = unescape(&rest[1..length - 1])?;
                self.push(Tok::Str(text.into()));
                self.advance(self.at + length);
                continue;
            }
            let Some(operator) = OPERATORS.into_iter().find(|op| rest.starts_with(op)) else {
                let place = self.text[..self.at].chars().count();
                return Err(format!(
                    "unexpected char {} at {place}",
                    text_repr_owned(first.encode_utf8(&mut [0; 4]))
                ));
            };
            match operator {
                "{" => open.push(b'}'),
                "(" => open.push(b')'),
                "[" => open.push(b']'),
                "}" | ")" | "]" => match open.pop() {
                    None => return Err(format!("unexpected '{operator}'")),
                    Some(expected) if operator.as_bytes() != [expected] => {
                        return Err(format!("unexpected '{operator}', expected '{}'", char::from(expected)));
                    }
                    Some(_) => {}
                },
                _ => {}
            }
            self.push(Tok::Op(operator));
            self.advance(self.at + operator.len());
        }
    }

    fn code_ends(&mut self, kind: Begin) -> bool {
        let (end, token) = match kind {
            Begin::Variable => (self.tag_end(self.at, &self.options.variable_end, false), Tok::VariableEnd),
            Begin::LineStatement => {
                let rest = &self.text[self.at..];
                let blank = rest.len() - rest.trim_start_matches(is_space).len();
                let end = match rest[..blank].rfind('\n') {
                    Some(newline) => Some(self.at + newline + 1),
                    None if blank == rest.len() => Some(self.text.len()),
                    None => None,
                };
                (end, Tok::BlockEnd)
            }
            _ => (self.tag_end(self.at, &self.options.block_end, true), Tok::BlockEnd),
        };
        let Some(end) = end else { return false };
        self.push(token);
        self.advance(end);
        true
    }

    fn number(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let after_dot = self.at > 0 && self.text.as_bytes()[self.at - 1] == b'.';
        if let Some(length) = float_length(rest).filter(|_| !after_dot) {
            let digits = rest[..length].replace('_', "");
            self.push(Tok::Float(digits.parse().unwrap_or(f64::INFINITY)));
            self.advance(self.at + length);
            return true;
        }
        let (digits, radix, length) = integer(rest);
        if length == 0 {
            return false;
        }
        self.push(Tok::Int(
            BigInt::parse_bytes(digits.replace('_', "").as_bytes(), radix).unwrap_or_default(),
        ));
        self.advance(self.at + length);
        true
    }
}

/// Python's `\s` and `str.isspace` for what occurs in files.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `(\d+_)*\d+`: digits with single underscores between.
fn digits_length(text: &str, radix: u32) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(|b| char::from(*b).is_digit(radix));
    let mut at = 0;
    while digit(at) || (at > 0 && bytes.get(at) == Some(&b'_') && digit(at + 1)) {
        at += 1;
    }
    at
}

fn float_length(text: &str) -> Option<usize> {
    let whole = digits_length(text, 10);
    let mut at = whole;
    if text.as_bytes().get(at) == Some(&b'.') {
        let fraction = digits_length(&text[at + 1..], 10);
        if fraction > 0 {
            at += 1 + fraction;
        }
    }
    if matches!(text.as_bytes().get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.as_bytes().get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_length(text.get(at + 1 + sign..).unwrap_or_default(), 10);
        if exponent > 0 {
            return Some(at + 1 + sign + exponent);
        }
    }
    (whole > 0 && at > whole).then_some(at)
}

/// The digits, their radix and the length of an integer literal; length 0 when there is none.
fn integer(text: &str) -> (&str, u32, usize) {
    let bytes = text.as_bytes();
    if bytes[0] == b'0' {
        let radix = match bytes.get(1) {
            Some(b'b' | b'B') => 2,
            Some(b'o' | b'O') => 8,
            Some(b'x' | b'X') => 16,
            _ => 0,
        };
        if radix > 0 {
            let skip = 2 + usize::from(bytes.get(2) == Some(&b'_'));
            let length = digits_length(text.get(skip..).unwrap_or_default(), radix);
            if length > 0 {
                return (&text[skip..skip + length], radix, skip + length);
            }
        }
        let mut at = 1;
        while bytes.get(at) == Some(&b'0')
            || (bytes.get(at) == Some(&b'_') && bytes.get(at + 1) == Some(&b'0'))
        {
            at += 1;
        }
        return ("0", 10, at);
    }
    let length = digits_length(text, 10);
    (&text[..length], 10, length)
}

/// The length of the string literal that begins here, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.first().filter(|b| matches!(b, b'"' | b'\''))?;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Python's `unicode-escape` over the inside of a string literal.
fn unescape(text: &str) -> Result<String, String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = chars.next() else { return Err("\\ at end of string".into()) };
        let width = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if width > 0 {
            let mut code = 0;
            for _ in 0..width {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else {
                    let shape = ["", "xXX", "uXXXX", "UXXXXXXXX"][match width {
                        2 => 1,
                        4 => 2,
                        _ => 3,
                    }];
                    return Err(format!("truncated \\{shape} escape"));
                };
                chars.next();
                code = code << 4 | digit;
            }
            if code > 0x0010_ffff {
                return Err("illegal Unicode character".into());
            }
            // A lone surrogate is no character for us: Rust's text cannot hold it.
            out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            continue;
        }
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'N' => return Err("unknown Unicode character name".into()),
            '0'..='7' => {
                let mut code = escape.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    chars.next();
                    code = code * 8 + digit;
                }
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            // `backslashreplace` has made `\xe9` of a letter outside ASCII: the backslash before it stays alone.
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Ok(out)
}

/// The error of a token that is wrong.
pub(super) fn wrong<T>(line: u32, text: &str) -> Res<T> {
    Err(Fault::syntax(text.to_owned(), line))
}
