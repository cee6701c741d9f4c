//! Directives, anchors and tags. libyaml: scanner.c (`yaml_parser_scan_directive` and on).

use super::cursor::{is_blank, is_blank_or_end, is_break, is_break_or_end, is_name};
use super::{Data, Mark, Scanner, Token, YamlError};

const IN_DIRECTIVE: &str = "while scanning a directive";
const IN_YAML: &str = "while scanning a %YAML directive";
const IN_TAG: &str = "while scanning a tag";

/// The most digits of a version number.
const MAX_DIGITS: usize = 9;

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Result<(), YamlError> {
        self.close_blocks(0);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        self.cursor.skip();
        let name = self.name();
        let context = (IN_DIRECTIVE, start);
        if name.is_empty() {
            return Err(self.error(context, "could not find expected directive name"));
        }
        if !is_blank_or_end(self.cursor.peek()) {
            return Err(self.error(context, "found unexpected non-alphabetical character"));
        }
        let data = match name.as_str() {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.error(context, "found unknown directive name")),
        };
        let end = self.cursor.mark();
        self.skip_blanks();
        if self.cursor.peek() == Some('#') {
            while !is_break_or_end(self.cursor.peek()) {
                self.cursor.skip();
            }
        }
        if !is_break_or_end(self.cursor.peek()) {
            return Err(self.error(context, "did not find expected comment or line break"));
        }
        if is_break(self.cursor.peek()) {
            self.cursor.skip_break();
        }
        self.tokens.push_back(Token { data, start, end });
        Ok(())
    }

    fn version(&mut self, start: Mark) -> Result<Data, YamlError> {
        self.skip_blanks();
        let major = self.version_number(start)?;
        if self.cursor.peek() != Some('.') {
            return Err(self.error((IN_YAML, start), "did not find expected digit or '.' character"));
        }
        self.cursor.skip();
        Ok(Data::Version { major, minor: self.version_number(start)? })
    }

    fn version_number(&mut self, start: Mark) -> Result<u32, YamlError> {
        let mut digits = String::new();
        while let Some(digit) = self.cursor.peek().filter(char::is_ascii_digit) {
            if digits.len() == MAX_DIGITS {
                return Err(self.error((IN_YAML, start), "found extremely long version number"));
            }
            digits.push(digit);
            self.cursor.skip();
        }
        digits.parse().map_err(|_| self.error((IN_YAML, start), "did not find expected version number"))
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Data, YamlError> {
        let context = ("while scanning a %TAG directive", start);
        self.skip_blanks();
        let handle = self.tag_handle(true, start)?;
        if !is_blank(self.cursor.peek()) {
            return Err(self.error(context, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.tag_uri(true, true, "", start)?;
        if !is_blank_or_end(self.cursor.peek()) {
            return Err(self.error(context, "did not find expected whitespace or line break"));
        }
        Ok(Data::TagDirective { handle, prefix })
    }

    pub(super) fn anchor(&mut self, alias: bool) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        self.cursor.skip();
        let name = self.name();
        let end = self.cursor.mark();
        let next = self.cursor.peek();
        let ends =
            is_blank_or_end(next) || matches!(next, Some('?' | ':' | ',' | ']' | '}' | '%' | '@' | '`'));
        if name.is_empty() || !ends {
            let context = if alias { "while scanning an alias" } else { "while scanning an anchor" };
            return Err(self.error((context, start), "did not find expected alphabetic or numeric character"));
        }
        let data = if alias { Data::Alias(name) } else { Data::Anchor(name) };
        self.tokens.push_back(Token { data, start, end });
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.mark();
        let (handle, suffix) = if self.cursor.peek_at(1) == Some('<') {
            self.cursor.skip();
            self.cursor.skip();
            let suffix = self.tag_uri(true, false, "", start)?;
            if self.cursor.peek() != Some('>') {
                return Err(self.error((IN_TAG, start), "did not find the expected '>'"));
            }
            self.cursor.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri(false, false, "", start)?;
                (handle, suffix)
            } else {
                let suffix = self.tag_uri(false, false, &handle, start)?;
                // A `!` alone is a tag without a handle.
                if suffix.is_empty() { (suffix, "!".to_owned()) } else { ("!".to_owned(), suffix) }
            }
        };
        let ends_by_comma = self.in_flow() && self.cursor.peek() == Some(',');
        if !ends_by_comma && !is_blank_or_end(self.cursor.peek()) {
            return Err(self.error((IN_TAG, start), "did not find expected whitespace or line break"));
        }
        let end = self.cursor.mark();
        self.tokens.push_back(Token { data: Data::Tag { handle, suffix }, start, end });
        Ok(())
    }

    fn tag_handle(&mut self, directive: bool, start: Mark) -> Result<String, YamlError> {
        if self.cursor.peek() != Some('!') {
            let context = if directive { "while scanning a tag directive" } else { IN_TAG };
            return Err(self.error((context, start), "did not find expected '!'"));
        }
        self.cursor.skip();
        let mut handle = format!("!{}", self.name());
        if self.cursor.peek() == Some('!') {
            self.cursor.skip();
            handle.push('!');
        } else if directive && handle != "!" {
            return Err(self.error(("while parsing a tag directive", start), "did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The characters of a tag after its handle; `head` (without its `!`) belongs to them.
    fn tag_uri(
        &mut self,
        verbatim: bool,
        directive: bool,
        head: &str,
        start: Mark,
    ) -> Result<String, YamlError> {
        let mut uri = head.get(1..).unwrap_or_default().to_owned();
        let mut any = !head.is_empty();
        while let Some(char) = self.cursor.peek() {
            match char {
                '%' => uri.push(self.uri_escape(directive, start)?),
                ',' | '[' | ']' if !verbatim => break,
                ',' | '[' | ']' | ';' | '/' | '?' | ':' | '@' | '&' | '=' | '+' | '$' | '.' | '!' | '~'
                | '*' | '\'' | '(' | ')' => {
                    uri.push(char);
                    self.cursor.skip();
                }
                char if is_name(char) => {
                    uri.push(char);
                    self.cursor.skip();
                }
                _ => break,
            }
            any = true;
        }
        if !any {
            return Err(self.error((in_uri(directive), start), "did not find expected tag URI"));
        }
        Ok(uri)
    }

    /// One character written as `%XX` octets.
    fn uri_escape(&mut self, directive: bool, start: Mark) -> Result<char, YamlError> {
        let context = (in_uri(directive), start);
        let mut octets = Vec::new();
        let mut width = 1;
        while octets.len() < width {
            let digit = |places| self.cursor.peek_at(places).and_then(|char| char.to_digit(16));
            let (Some('%'), Some(high), Some(low)) = (self.cursor.peek(), digit(1), digit(2)) else {
                return Err(self.error(context, "did not find URI escaped octet"));
            };
            let octet = u8::try_from(high * 16 + low).unwrap_or_default();
            if octets.is_empty() {
                width = match octet {
                    0..=0x7f => 1,
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf7 => 4,
                    _ => return Err(self.error(context, "found an incorrect leading UTF-8 octet")),
                };
            } else if octet & 0xc0 != 0x80 {
                return Err(self.error(context, "found an incorrect trailing UTF-8 octet"));
            }
            octets.push(octet);
            for _ in 0..3 {
                self.cursor.skip();
            }
        }
        let char = std::str::from_utf8(&octets).ok().and_then(|text| text.chars().next());
        char.ok_or_else(|| self.error(context, "found an incorrect trailing UTF-8 octet"))
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(char) = self.cursor.peek().filter(|char| is_name(*char)) {
            name.push(char);
            self.cursor.skip();
        }
        name
    }

    pub(super) fn skip_blanks(&mut self) {
        while is_blank(self.cursor.peek()) {
            self.cursor.skip();
        }
    }
}

fn in_uri(directive: bool) -> &'static str {
    if directive { "while parsing a %TAG directive" } else { "while parsing a tag" }
}
