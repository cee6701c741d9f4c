//! Python's regular expressions as `re.search` and `re.sub` use them: anywhere in the text, with groups.
//! Python: re, "Regular expression operations".

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::translate::{DollarMeans, PatternError, translate};
use super::{MAX_PATTERN, PROGRAM_SIZE, RegexError};

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

impl PySearch {
    /// Compiles a Python pattern with `re`'s flags.
    ///
    /// # Errors
    /// Where Python raises `re.error`, and for patterns beyond the limits of this program.
    pub fn new(pattern: &str, flags: u32) -> Result<Self, RegexError> {
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
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(PROGRAM_SIZE)
            .build()
            .map(|regex| PySearch { regex })
            .map_err(|error| {
                RegexError::NotSupported(error.to_string().lines().last().unwrap_or_default().to_owned())
            })
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

    fn next<'t>(&self, text: &'t str, from: usize) -> Option<Captures<'t, str>> {
        self.regex.captures_from_pos(text, from).unwrap_or_else(|error| {
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
        let parts = self.template(template)?;
        let mut out = String::with_capacity(text.len());
        let (mut done, mut from, mut at) = (0, 0, 0);
        while (count == 0 || done < count) && at <= text.len() {
            let Some(found) = self.next(text, at) else { break };
            let Some(whole) = found.get(0) else { break };
            out.push_str(text.get(from..whole.start()).unwrap_or_default());
            for part in &parts {
                match part {
                    Part::Text(text) => out.push_str(text),
                    Part::Group(index) => out.push_str(found.get(*index).map_or("", |group| group.as_str())),
                }
            }
            done += 1;
            from = whole.end();
            // After an empty match the search goes on behind the next character, as it does in Python.
            at = if whole.start() == whole.end() {
                let step = text.get(from..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
                from + step
            } else {
                from
            };
            // Python finds an empty match right behind one that is not empty; so does a search from there.
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Ok((out, done))
    }

    fn template(&self, template: &str) -> Result<Vec<Part>, String> {
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
        Ok(parts)
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

enum Part {
    Text(String),
    Group(usize),
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
}
