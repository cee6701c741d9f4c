//! From Python's regular expression syntax to that of `regex` and `fancy-regex`. Python: re/_parser.py.
//!
//! Everything is read and written anew, so that nothing gets through which has another meaning there: set operations
//! and POSIX classes inside `[]`, `\z`, `\<`, `{` as a literal, possible repeats of nothing.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::CharIndices;

use thiserror::Error;

use super::fold;

/// What Python says about a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    #[error("bad escape")]
    BadEscape,
    #[error("bad escape (end of pattern)")]
    EscapeAtEnd,
    #[error("unterminated character set")]
    UnterminatedSet,
    #[error("bad character range")]
    BadRange,
    #[error("missing ), unterminated subpattern")]
    UnterminatedGroup,
    #[error("unbalanced parenthesis")]
    UnbalancedParenthesis,
    #[error("nothing to repeat")]
    NothingToRepeat,
    #[error("multiple repeat")]
    MultipleRepeat,
    #[error("min repeat greater than max repeat")]
    RepeatOrder,
    #[error("the repetition number is too large")]
    RepeatTooLarge,
    #[error("unknown extension")]
    UnknownExtension,
    #[error("bad character in group name")]
    BadGroupName,
    #[error("invalid group reference")]
    InvalidReference,
    #[error("unknown flag")]
    UnknownFlag,
    #[error("too deeply nested")]
    TooDeep,
}

/// What `$` outside `(?m)` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DollarMeans {
    /// The end of the text: all there is to it when the text does not end with a line end.
    End,
    EndOrBeforeLineEnd,
}

/// A translated pattern, anchored at the start.
pub(super) struct Translated {
    pub text: String,
    pub needs_backtracking: bool,
    pub has_dollar: bool,
}

/// Deeper groups than this are refused.
const MAX_DEPTH: usize = 100;
/// Python takes more; a program of that size would be refused anyway.
const MAX_REPEAT: u32 = 65_535;

/// # Errors
/// What is wrong, and at which character.
pub(super) fn translate(pattern: &str, dollar: DollarMeans) -> Result<Translated, (PatternError, usize)> {
    // Verbose mode changes how everything is read, also what stands before it, and so has to be known first.
    let global = global_flags(pattern);
    let mut translator = Translator {
        chars: pattern.char_indices().peekable(),
        pattern,
        out: String::from(r"\A(?:"),
        flags: vec![Scope {
            verbose: global.contains('x'),
            multiline: global.contains('m'),
            fold: global.contains('i'),
        }],
        dollar,
        groups: 0,
        names: Vec::new(),
        last: Last::Nothing,
        needs_backtracking: dollar == DollarMeans::EndOrBeforeLineEnd,
        has_dollar: false,
    };
    let for_the_engine = global.replace(['i', 'x'], "");
    if !for_the_engine.is_empty() {
        translator.out.push_str(&format!("(?{for_the_engine})"));
    }
    translator.run().map_err(|problem| (problem, translator.position()))?;
    translator.out.push(')');
    Ok(Translated {
        text: translator.out,
        needs_backtracking: translator.needs_backtracking,
        has_dollar: translator.has_dollar,
    })
}

/// The flags of every `(?ims)` in the pattern: Python has them apply to all of it.
fn global_flags(pattern: &str) -> String {
    let mut found = String::new();
    for (at, _) in pattern.match_indices("(?") {
        let escaped = pattern[..at].bytes().rev().take_while(|octet| *octet == b'\\').count() % 2 == 1;
        let rest = &pattern[at + 2..];
        let flags = rest.find(|char: char| !char.is_ascii_alphabetic()).map_or(rest, |end| &rest[..end]);
        if !escaped && !flags.is_empty() && rest[flags.len()..].starts_with(')') {
            for flag in flags.chars().filter(|flag| "imsx".contains(*flag)) {
                if !found.contains(flag) {
                    found.push(flag);
                }
            }
        }
    }
    found
}

#[derive(Clone, Copy, Default)]
struct Scope {
    verbose: bool,
    multiline: bool,
    /// Case makes no difference.
    fold: bool,
}

/// What a repeat would apply to.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Anchor,
    Item,
    Repeat,
}

struct Translator<'p> {
    chars: Peekable<CharIndices<'p>>,
    pattern: &'p str,
    out: String,
    /// The flags of every open group, the pattern itself first.
    flags: Vec<Scope>,
    dollar: DollarMeans,
    groups: u32,
    names: Vec<String>,
    last: Last,
    needs_backtracking: bool,
    has_dollar: bool,
}

type Step = Result<(), PatternError>;

impl Translator<'_> {
    fn position(&mut self) -> usize {
        let octets = self.octets();
        self.pattern[..octets].chars().count()
    }

    /// How much has been read.
    fn octets(&mut self) -> usize {
        self.chars.peek().map_or(self.pattern.len(), |(at, _)| *at)
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, char)| *char)
    }

    fn next(&mut self) -> Option<char> {
        self.chars.next().map(|(_, char)| char)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, char)| *char == wanted).is_some()
    }

    fn take_while(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while taken.len() < most
            && let Some((_, char)) = self.chars.next_if(|(_, char)| wanted(*char))
        {
            taken.push(char);
        }
        taken
    }

    fn scope(&self) -> Scope {
        self.flags.last().copied().unwrap_or_default()
    }

    fn item(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Item;
    }

    fn anchor(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Anchor;
    }

    fn literal(&mut self, char: char) {
        if self.scope().fold {
            fold::push_literal(&mut self.out, char);
        } else {
            push_char(&mut self.out, char);
        }
        self.last = Last::Item;
    }

    fn run(&mut self) -> Step {
        while let Some(char) = self.next() {
            match char {
                ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' if self.scope().verbose => {}
                '#' if self.scope().verbose => while self.next().is_some_and(|char| char != '\n') {},
                '\\' => self.escape()?,
                '[' => {
                    let start = self.octets().saturating_sub(1);
                    if let Err(problem) = self.set() {
                        if problem == PatternError::UnterminatedSet {
                            // Python names the place where the set begins.
                            self.chars = self.pattern.char_indices().peekable();
                            while self.chars.next_if(|(at, _)| *at < start).is_some() {}
                        }
                        return Err(problem);
                    }
                }
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '.' => self.item("."),
                '^' => self.anchor("^"),
                '$' => self.dollar(),
                '*' | '+' | '?' => self.repeat(&char.to_string())?,
                '{' => self.braces()?,
                char => self.literal(char),
            }
        }
        if self.flags.len() > 1 { Err(PatternError::UnterminatedGroup) } else { Ok(()) }
    }

    fn dollar(&mut self) {
        if self.scope().multiline {
            return self.anchor("$");
        }
        self.has_dollar = true;
        match self.dollar {
            DollarMeans::End => self.anchor(r"\z"),
            DollarMeans::EndOrBeforeLineEnd => self.anchor(r"(?=\n?\z)"),
        }
    }

    fn repeat(&mut self, text: &str) -> Step {
        match self.last {
            Last::Nothing | Last::Anchor => return Err(PatternError::NothingToRepeat),
            Last::Repeat => return Err(PatternError::MultipleRepeat),
            Last::Item => {}
        }
        self.out.push_str(text);
        if self.eat('?') {
            self.out.push('?');
        } else if self.eat('+') {
            self.needs_backtracking = true;
            self.out.push('+');
        }
        self.last = Last::Repeat;
        Ok(())
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; anything else is a literal brace.
    fn braces(&mut self) -> Step {
        let before = self.chars.clone();
        if self.peek() == Some('}') {
            self.literal('{');
            return Ok(());
        }
        let digits = |char: char| char.is_ascii_digit();
        let low = self.take_while(usize::MAX, digits);
        let high = if self.eat(',') { self.take_while(usize::MAX, digits) } else { low.clone() };
        if !self.eat('}') {
            self.chars = before;
            self.literal('{');
            return Ok(());
        }
        let number = |text: &str| match text {
            "" => Ok(None),
            text => match text.parse::<u32>() {
                Ok(number) if number <= MAX_REPEAT => Ok(Some(number)),
                _ => Err(PatternError::RepeatTooLarge),
            },
        };
        let (low, high) = (number(&low)?.unwrap_or(0), number(&high)?);
        match high {
            Some(high) if high < low => Err(PatternError::RepeatOrder),
            Some(high) => self.repeat(&format!("{{{low},{high}}}")),
            None => self.repeat(&format!("{{{low},}}")),
        }
    }

    fn open(&mut self) -> Step {
        if self.flags.len() > MAX_DEPTH {
            return Err(PatternError::TooDeep);
        }
        let mut scope = self.scope();
        if !self.eat('?') {
            self.groups += 1;
            return self.group("(", scope);
        }
        match self.next() {
            Some(':') => self.group("(?:", scope),
            Some('P') => match self.next() {
                Some('<') => {
                    let name = self.name('>')?;
                    if self.names.contains(&name) {
                        return Err(PatternError::BadGroupName);
                    }
                    self.groups += 1;
                    let start = format!("(?P<{name}>");
                    self.names.push(name);
                    self.group(&start, scope)
                }
                Some('=') => {
                    let name = self.name(')')?;
                    let known = self.names.contains(&name);
                    self.reference(known, &format!("(?P={name})"))
                }
                _ => Err(PatternError::UnknownExtension),
            },
            Some('#') => {
                while self.peek().is_some_and(|char| char != ')') {
                    self.next();
                }
                if self.eat(')') { Ok(()) } else { Err(PatternError::UnterminatedGroup) }
            }
            Some('=') => self.backtracking_group("(?=", scope),
            Some('!') => self.backtracking_group("(?!", scope),
            Some('>') => self.backtracking_group("(?>", scope),
            Some('<') => match self.next() {
                Some('=') => self.backtracking_group("(?<=", scope),
                Some('!') => self.backtracking_group("(?<!", scope),
                _ => Err(PatternError::UnknownExtension),
            },
            Some('(') => {
                let name = self.take_while(usize::MAX, |char| char != ')');
                if !self.eat(')') {
                    return Err(PatternError::UnterminatedGroup);
                }
                let known = match name.parse::<u32>() {
                    Ok(number) => (1..=self.groups).contains(&number),
                    Err(_) => self.names.contains(&name),
                };
                if !known {
                    return Err(PatternError::InvalidReference);
                }
                let name = if name.parse::<u32>().is_ok() { name } else { format!("<{name}>") };
                self.backtracking_group(&format!("(?({name})"), scope)
            }
            Some(flag) if flag == '-' || flag.is_ascii_alphabetic() => self.flag_group(flag, &mut scope),
            _ => Err(PatternError::UnknownExtension),
        }
    }

    /// `(?i)`, whose flags are at the start of the translation already, or `(?i-m:`.
    fn flag_group(&mut self, first: char, scope: &mut Scope) -> Step {
        let mut text = String::from("(?");
        let (mut on, mut next) = (true, Some(first));
        let end = loop {
            match next {
                Some('-') if on => {
                    on = false;
                    text.push('-');
                }
                Some(flag @ ('i' | 'm' | 's' | 'x')) => {
                    match flag {
                        'm' => scope.multiline = on,
                        'x' => scope.verbose = on,
                        'i' => scope.fold = on,
                        _ => {}
                    }
                    // Verbose text is translated to plain text, and letters to sets of them.
                    if matches!(flag, 'm' | 's') {
                        text.push(flag);
                    }
                }
                Some('u') => {}
                Some(end @ (')' | ':')) => break end,
                _ => return Err(PatternError::UnknownFlag),
            }
            next = self.next();
        };
        if end == ')' {
            return if on { Ok(()) } else { Err(PatternError::UnknownFlag) };
        }
        let text = text.trim_end_matches('-').to_owned();
        self.group(&format!("{text}:"), *scope)
    }

    fn group(&mut self, start: &str, scope: Scope) -> Step {
        self.out.push_str(start);
        self.flags.push(scope);
        self.last = Last::Nothing;
        Ok(())
    }

    fn backtracking_group(&mut self, start: &str, scope: Scope) -> Step {
        self.needs_backtracking = true;
        self.group(start, scope)
    }

    fn close(&mut self) -> Step {
        if self.flags.len() < 2 {
            return Err(PatternError::UnbalancedParenthesis);
        }
        self.flags.pop();
        self.item(")");
        Ok(())
    }

    fn name(&mut self, end: char) -> Result<String, PatternError> {
        let name = self.take_while(64, |char| char.is_ascii_alphanumeric() || char == '_');
        if name.is_empty() || name.starts_with(|char: char| char.is_ascii_digit()) || !self.eat(end) {
            return Err(PatternError::BadGroupName);
        }
        Ok(name)
    }

    fn reference(&mut self, known: bool, text: &str) -> Step {
        if !known {
            return Err(PatternError::InvalidReference);
        }
        self.needs_backtracking = true;
        if self.scope().fold {
            self.item(&format!("(?i:{text})"));
        } else {
            self.item(text);
        }
        Ok(())
    }

    fn escape(&mut self) -> Step {
        let Some(char) = self.peek() else { return Err(PatternError::EscapeAtEnd) };
        match char {
            'A' => self.escaped(Self::anchor, r"\A"),
            'Z' => self.escaped(Self::anchor, r"\z"),
            'b' => self.escaped(Self::anchor, r"\b"),
            'B' => self.escaped(Self::anchor, r"\B"),
            'd' => self.escaped(Self::item, r"\d"),
            'D' => self.escaped(Self::item, r"\D"),
            's' => self.escaped(Self::item, SPACE),
            'S' => self.escaped(Self::item, NOT_SPACE),
            'w' => self.escaped(Self::item, r"\w"),
            'W' => self.escaped(Self::item, r"\W"),
            '1'..='9' => self.number()?,
            _ => {
                let char = self.escaped_char()?;
                self.literal(char);
            }
        }
        Ok(())
    }

    fn escaped(&mut self, push: impl Fn(&mut Self, &str), text: &str) {
        self.next();
        push(self, text);
    }

    /// `\1` to `\99`, or three octal digits.
    fn number(&mut self) -> Step {
        let before = self.chars.clone();
        let octal = self.take_while(3, |char| ('0'..='7').contains(&char));
        if octal.len() == 3 {
            let char = char_of(&octal, 8).filter(|char| *char <= '\u{ff}').ok_or(PatternError::BadEscape)?;
            self.literal(char);
            return Ok(());
        }
        self.chars = before;
        let digits = self.take_while(2, |char| char.is_ascii_digit());
        let known = digits.parse::<u32>().is_ok_and(|number| (1..=self.groups).contains(&number));
        self.reference(known, &format!("(?:\\{digits})"))
    }

    /// An escape for one character, the same inside and outside sets.
    fn escaped_char(&mut self) -> Result<char, PatternError> {
        let hex = |char: char| char.is_ascii_hexdigit();
        let char = self.next().ok_or(PatternError::EscapeAtEnd)?;
        let sized = |translator: &mut Self, digits: usize| {
            let text = translator.take_while(digits, hex);
            if text.len() == digits { char_of(&text, 16) } else { None }.ok_or(PatternError::BadEscape)
        };
        match char {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => sized(self, 2),
            'u' => sized(self, 4),
            'U' => sized(self, 8),
            '0' => {
                let more = self.take_while(2, |char| ('0'..='7').contains(&char));
                char_of(&format!("0{more}"), 8).ok_or(PatternError::BadEscape)
            }
            char if char.is_ascii_alphanumeric() => Err(PatternError::BadEscape),
            char => Ok(char),
        }
    }

    fn set(&mut self) -> Step {
        let mut text = String::from(if self.eat('^') { "[^" } else { "[" });
        let (mut first, fold) = (true, self.scope().fold);
        loop {
            let low = match self.next().ok_or(PatternError::UnterminatedSet)? {
                ']' if !first => break,
                char => self.member(char)?,
            };
            first = false;
            let range = self.peek() == Some('-') && {
                let mut ahead = self.chars.clone();
                ahead.next();
                ahead.peek().is_some_and(|(_, char)| *char != ']')
            };
            if !range {
                match low {
                    Member::Class(class) => text.push_str(class),
                    Member::Char(char) => {
                        push_char(&mut text, char);
                        if fold {
                            fold::push_range(&mut text, char, char);
                        }
                    }
                }
                continue;
            }
            self.next();
            let char = self.next().ok_or(PatternError::UnterminatedSet)?;
            match (low, self.member(char)?) {
                (Member::Char(low), Member::Char(high)) if low <= high => {
                    push_char(&mut text, low);
                    text.push('-');
                    push_char(&mut text, high);
                    if fold {
                        fold::push_range(&mut text, low, high);
                    }
                }
                _ => return Err(PatternError::BadRange),
            }
        }
        text.push(']');
        self.item(&text);
        Ok(())
    }

    /// One member of a set, of which `char` was read.
    fn member(&mut self, char: char) -> Result<Member, PatternError> {
        if char != '\\' {
            return Ok(Member::Char(char));
        }
        let class = match self.peek() {
            Some('d') => r"\d",
            Some('D') => r"\D",
            Some('s') => r"\s\x1c-\x1f",
            Some('S') => NOT_SPACE,
            Some('w') => r"\w",
            Some('W') => r"\W",
            Some('b') => {
                self.next();
                return Ok(Member::Char('\x08'));
            }
            Some('1'..='7') => {
                let octal = self.take_while(3, |char| ('0'..='7').contains(&char));
                return char_of(&octal, 8).map(Member::Char).ok_or(PatternError::BadEscape);
            }
            _ => return self.escaped_char().map(Member::Char),
        };
        self.next();
        Ok(Member::Class(class))
    }
}

/// Python's white space is Unicode's and four separators of ASCII.
const SPACE: &str = r"[\s\x1c-\x1f]";
const NOT_SPACE: &str = r"[^\s\x1c-\x1f]";

enum Member {
    Char(char),
    Class(&'static str),
}

/// A character that can be nothing but itself, inside sets too.
pub(super) fn push_char(out: &mut String, char: char) {
    if char.is_ascii_alphanumeric() || (!char.is_ascii() && !char.is_whitespace()) {
        out.push(char);
    } else {
        write!(out, "\\x{{{:x}}}", u32::from(char)).expect("writing to a String does not fail");
    }
}

fn char_of(digits: &str, radix: u32) -> Option<char> {
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_refuses_is_refused() {
        for (pattern, problem) in [
            ("*a", PatternError::NothingToRepeat),
            ("a|*", PatternError::NothingToRepeat),
            ("^*", PatternError::NothingToRepeat),
            ("a**", PatternError::MultipleRepeat),
            ("a{2}{3}", PatternError::MultipleRepeat),
            ("a{3,2}", PatternError::RepeatOrder),
            ("(a", PatternError::UnterminatedGroup),
            ("a)", PatternError::UnbalancedParenthesis),
            ("[a", PatternError::UnterminatedSet),
            ("[z-a]", PatternError::BadRange),
            (r"\z", PatternError::BadEscape),
            (r"\p{L}", PatternError::BadEscape),
            (r"\", PatternError::EscapeAtEnd),
            (r"(a)\2", PatternError::InvalidReference),
            ("(?<n>a)", PatternError::UnknownExtension),
        ] {
            let found = translate(pattern, DollarMeans::End).map(|_| ()).map_err(|(problem, _)| problem);
            assert_eq!(found, Err(problem), "{pattern}");
        }
    }

    #[test]
    fn a_set_without_end_is_named_by_its_beginning() {
        for (pattern, position) in [("[", 0), ("a[", 1), ("äb[c", 2), ("[^", 0), ("a[]", 1), ("(a[b", 2)] {
            let found = translate(pattern, DollarMeans::End).map(|_| ()).map_err(|(_, position)| position);
            assert_eq!(found, Err(position), "{pattern}");
        }
    }
}
