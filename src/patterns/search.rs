//! Python's regular expressions as `re.search` and `re.sub` use them: anywhere in the text, with groups.
//! Python: re, "Regular expression operations".

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::translate::{DollarMeans, PatternError, translate};
use super::{MAX_PATTERN, RegexError};

/// Python's numbers of the flags.
pub mod flags {
    pub const IGNORECASE: u32 = 2;
    pub const MULTILINE: u32 = 8;
    pub const DOTALL: u32 = 16;
    pub const VERBOSE: u32 = 64;
}

/// A compiled pattern that is searched for.
#[derive(Debug)]
pub struct PySearch {
    regex: Regex,
}

/// Files are longer than targets: more steps than for those.
const BACKTRACK_LIMIT: usize = 10_000_000;
const PROGRAM_SIZE: usize = 1 << 24;

impl PySearch {
    /// Compiles a Python pattern with `re`'s flags.
    ///
    /// # Errors
    /// Where Python raises `re.error`, and for patterns beyond the limits of this program.
    pub fn new(pattern: &str, flags: u32) -> Result<Self, RegexError> {
        Self::bounded(pattern, flags, BACKTRACK_LIMIT)
    }

    /// As [`PySearch::new`], for searches of at most `steps` steps.
    ///
    /// # Errors
    /// See there.
    pub fn bounded(pattern: &str, flags: u32, steps: usize) -> Result<Self, RegexError> {
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::TooLong);
        }
        let letters: String =
            [(flags::IGNORECASE, 'i'), (flags::MULTILINE, 'm'), (flags::DOTALL, 's'), (flags::VERBOSE, 'x')]
                .iter()
                .filter(|(bit, _)| flags & bit != 0)
                .map(|(_, letter)| *letter)
                .collect();
        let before = if letters.is_empty() { String::new() } else { format!("(?{letters})") };
        let translated = translate(&format!("{before}{pattern}"), DollarMeans::EndOrBeforeLineEnd).map_err(
            |(problem, position)| RegexError::Pattern {
                problem,
                position: match problem {
                    PatternError::UnterminatedGroup => last_open(pattern).unwrap_or_default(),
                    _ => position.saturating_sub(before.len()),
                },
            },
        )?;
        // The translation is anchored; a search is not.
        let text = translated.text.strip_prefix(r"\A").unwrap_or(&translated.text);
        RegexBuilder::new(text)
            .backtrack_limit(steps)
            .delegate_size_limit(PROGRAM_SIZE)
            .build()
            .map(|regex| PySearch { regex })
            .map_err(RegexError::not_supported)
    }

    /// `re.search(pattern, text) is not None`. A search that takes too many steps is logged and finds nothing.
    pub fn is_in(&self, text: &str) -> bool {
        self.next(text, 0).is_some()
    }

    /// `re.match(pattern, text) is not None`.
    pub fn begins(&self, text: &str) -> bool {
        // The first match is the leftmost one: at the start, if there is one there.
        self.next(text, 0).and_then(|found| found.get(0)).is_some_and(|found| found.start() == 0)
    }

    /// `re.search` from an octet of the text on.
    ///
    /// # Errors
    /// When it takes too many steps.
    pub fn captures<'t>(
        &self,
        text: &'t str,
        from: usize,
    ) -> Result<Option<Captures<'t, str>>, Box<fancy_regex::Error>> {
        self.regex.captures_from_pos(text, from).map_err(Box::new)
    }

    fn next<'t>(&self, text: &'t str, from: usize) -> Option<Captures<'t, str>> {
        self.captures(text, from).unwrap_or_else(|error| {
            crate::log::warn!(pattern = self.regex.as_str(), %error, "a regular expression was given up");
            None
        })
    }

    /// `re.subn(pattern, template, text, count)`: the new text, and how often something was replaced. `count` 0 means
    /// everywhere.
    ///
    /// # Errors
    /// What Python says of a template that is wrong.
    pub fn replace(&self, text: &str, template: &str, count: usize) -> Result<(String, usize), String> {
        let template = self.template(template)?;
        let mut out = String::with_capacity(text.len());
        let (mut done, mut from, mut at) = (0, 0, 0);
        while (count == 0 || done < count) && at <= text.len() {
            let Some(found) = self.next(text, at) else { break };
            (from, at) = template.replace_one(&found, text, from, &mut out);
            done += 1;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Ok((out, done))
    }

    /// Reads what matches are replaced by.
    ///
    /// # Errors
    /// What Python says of it.
    pub fn template(&self, template: &str) -> Result<Template, String> {
        let groups = self.regex.captures_len();
        let group = |index: usize, at: usize| {
            if index < groups {
                Ok(Part::Group(index))
            } else {
                Err(format!("invalid group reference {index} at position {at}"))
            }
        };
        let mut parts = Vec::new();
        let mut literal = String::new();
        let chars: Vec<char> = template.chars().collect();
        let mut at = 0;
        while let Some(&char) = chars.get(at) {
            at += 1;
            if char != '\\' {
                literal.push(char);
                continue;
            }
            let Some(&next) = chars.get(at) else {
                return Err(format!("bad escape (end of pattern) at position {}", at - 1));
            };
            at += 1;
            let digit = |at: usize| chars.get(at).and_then(|char| char.to_digit(10));
            let part = match next {
                'g' => {
                    if chars.get(at) != Some(&'<') {
                        return Err(format!("missing < at position {at}"));
                    }
                    let Some(end) = chars.iter().skip(at).position(|char| *char == '>').map(|end| at + end)
                    else {
                        return Err(format!("missing >, unterminated name at position {}", at + 1));
                    };
                    let name: String = chars.get(at + 1..end).unwrap_or_default().iter().collect();
                    let start = at + 1;
                    at = end + 1;
                    match name.parse::<usize>() {
                        Ok(index) => group(index, start)?,
                        Err(_) => {
                            let index = self.regex.capture_names().position(|known| known == Some(&name));
                            Part::Group(index.ok_or_else(|| {
                                format!("unknown group name {}", crate::value::repr(&name.as_str().into()))
                            })?)
                        }
                    }
                }
                '0' => {
                    let mut code = 0;
                    for _ in 0..2 {
                        let Some(more) = digit(at).filter(|digit| *digit < 8) else { break };
                        code = code * 8 + more;
                        at += 1;
                    }
                    literal.push(char::from_u32(code).unwrap_or_default());
                    continue;
                }
                '1'..='9' => {
                    let start = at - 1;
                    let mut index = next.to_digit(10).unwrap_or_default() as usize;
                    if let Some(more) = digit(at) {
                        index = index * 10 + more as usize;
                        at += 1;
                    }
                    group(index, start)?
                }
                'n' | 'r' | 't' | 'a' | 'b' | 'f' | 'v' | '\\' => {
                    literal.push(match next {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'a' => '\x07',
                        'b' => '\x08',
                        'f' => '\x0c',
                        'v' => '\x0b',
                        other => other,
                    });
                    continue;
                }
                letter if letter.is_ascii_alphabetic() => {
                    return Err(format!("bad escape \\{letter} at position {}", at - 2));
                }
                other => {
                    literal.push('\\');
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(part);
        }
        parts.push(Part::Text(literal));
        Ok(Template(parts))
    }
}

/// Where the last group begins that has no end.
fn last_open(pattern: &str) -> Option<usize> {
    let (mut open, mut set, mut escaped) = (Vec::new(), false, false);
    for (at, char) in pattern.chars().enumerate() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !set => set = true,
            ']' => set = false,
            '(' if !set => open.push(at),
            ')' if !set => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// What matches are replaced by.
pub struct Template(Vec<Part>);

enum Part {
    Text(String),
    Group(usize),
}

impl Part {
    fn text<'a>(&'a self, found: &'a Captures<'_, str>) -> &'a str {
        match self {
            Part::Text(text) => text,
            Part::Group(index) => found.get(*index).map_or("", |group| group.as_str()),
        }
    }
}

impl Template {
    /// How many octets stand in the place of a match.
    pub fn len(&self, found: &Captures<'_, str>) -> usize {
        self.0.iter().map(|part| part.text(found).len()).sum()
    }

    /// Writes the text from `from` to a match, and what stands in the place of this. Returns where the text goes on,
    /// and where the next match is looked for.
    pub fn replace_one(
        &self,
        found: &Captures<'_, str>,
        text: &str,
        from: usize,
        out: &mut String,
    ) -> (usize, usize) {
        let Some(whole) = found.get(0) else { return (from, text.len() + 1) };
        out.push_str(text.get(from..whole.start()).unwrap_or_default());
        self.0.iter().for_each(|part| out.push_str(part.text(found)));
        let end = whole.end();
        // After an empty match the search goes on behind the next character, as it does in Python, where an empty match
        // is also found right behind one that is not.
        let step = text.get(end..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        (end, if whole.start() == end { end + step } else { end })
    }
}

/// `re.escape`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_is_pythons() {
        let check = |pattern: &str, flags, template: &str, text: &str, expected: (&str, usize)| {
            let search = PySearch::new(pattern, flags).expect("a pattern");
            let (new, count) = search.replace(text, template, 0).expect("a template");
            assert_eq!((new.as_str(), count), expected, "{pattern}");
        };
        check("^a", flags::MULTILINE, "b", "a\na\n", ("b\nb\n", 2));
        check("^a", 0, "b", "a\na\n", ("b\na\n", 1));
        check("(x)(?P<n>y)", 0, r"\g<n>\1\g<0>", "xy", ("yxxy", 1));
        check("x*", 0, "-", "axb", ("-a--b-", 4));
        check("c$", 0, "d", "c\n", ("d\n", 1));
    }

    #[test]
    fn case_makes_no_difference_as_in_python() {
        let check = |pattern: &str, flags, yes: &[&str], no: &[&str]| {
            let search = PySearch::new(pattern, flags).expect("a pattern");
            for text in yes {
                assert!(search.is_in(text), "{pattern} {text}");
            }
            for text in no {
                assert!(!search.is_in(text), "{pattern} {text}");
            }
        };
        // Expected: Python 3.11, re.search.
        let i = flags::IGNORECASE;
        check("straße[a-z]", i, &["STRAßEX", "straẞe\u{17f}", "straße\u{212a}"], &["STRASSEX"]);
        check("[^k]", i, &["x"], &["K", "k", "\u{212a}"]);
        check("[\\u0400-\\u042f]+$", i, &["жук", "\u{1c80}"], &["A"]);
        check("a(?-i:B)c", i, &["ABC", "aBC"], &["AbC"]);
        check("(?i:a)b", 0, &["Ab", "ab"], &["aB"]);
        check(r"(?i)(a)x\1", 0, &["aXA"], &["bxb"]);
        check("(?i)i", 0, &["İ", "ı", "I"], &["j"]);
        check("(?i)[i-k]z", 0, &["\u{212a}Z", "İz"], &["lz"]);
        check(r"(?i)\x41\u00e9", 0, &["aÉ"], &["AE"]);
        check(r"(?i)[\w]ß", 0, &["xẞ"], &["x"]);
        check("(?im)^b$", 0, &["a\nB\n"], &["ab"]);
    }
}
