//! The paths that a pattern matches, as Python's `glob.glob` finds them: `*`, `?`, `[…]`; names with a leading dot only
//! where the pattern has it. Python: glob.py, fnmatch.py.

use std::fs;
use std::path::{Path, PathBuf};

use crate::value::sort;

/// How many paths a pattern may match.
const MOST: usize = 100_000;

/// Every path that is there and matches, sorted.
pub fn glob(pattern: &str) -> Vec<String> {
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|base| below(base, part)).take(MOST).collect();
    }
    let mut paths: Vec<String> =
        found.into_iter().filter_map(|path| path.into_os_string().into_string().ok()).collect();
    sort::all(&mut paths);
    paths
}

fn below(base: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        let path = base.join(part);
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let directory = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let pattern: Vec<char> = part.chars().collect();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| part.starts_with('.') || !name.starts_with('.'))
        .filter(|name| matches(&pattern, &name.chars().collect::<Vec<_>>()))
        .map(|name| base.join(name))
        .collect()
}

/// `fnmatch` of one name; a star tries again from where it last stood, so that the time stays quadratic.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match step(pattern.get(at..).unwrap_or_default(), name.get(in_name).copied()) {
            Step::Star => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Step::Match(length) => {
                at += length;
                in_name += 1;
            }
            Step::Differ => match star {
                Some((after_star, from)) => {
                    star = Some((after_star, from + 1));
                    at = after_star;
                    in_name = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|char| *char == '*')
}

enum Step {
    Star,
    /// Matches; so many characters of the pattern are used up.
    Match(usize),
    Differ,
}

fn step(pattern: &[char], char: Option<char>) -> Step {
    let (Some(first), Some(char)) = (pattern.first(), char) else { return Step::Differ };
    match first {
        '*' => Step::Star,
        '?' => Step::Match(1),
        '[' => match class(pattern, char) {
            Some((true, length)) => Step::Match(length),
            Some((false, _)) => Step::Differ,
            // A bracket that is never closed stands for itself.
            None if char == '[' => Step::Match(1),
            None => Step::Differ,
        },
        literal if *literal == char => Step::Match(1),
        _ => Step::Differ,
    }
}

/// Whether `[…]` at the start of the pattern holds the character, and how long it is.
fn class(pattern: &[char], char: char) -> Option<(bool, usize)> {
    let negated = pattern.get(1) == Some(&'!');
    let start = if negated { 2 } else { 1 };
    // A `]` right at the start is one of the characters.
    let length = pattern.iter().skip(start + 1).position(|char| *char == ']')? + start + 1;
    let set = pattern.get(start..length)?;
    let mut held = false;
    let mut at = 0;
    while let Some(low) = set.get(at) {
        match (set.get(at + 1), set.get(at + 2)) {
            (Some('-'), Some(high)) => {
                held |= (*low..=*high).contains(&char);
                at += 3;
            }
            _ => {
                held |= *low == char;
                at += 1;
            }
        }
    }
    Some((held != negated, length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_python() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&chars(pattern), &chars(name)), expected, "{pattern} {name}");
        };
        check("*.conf", "a.conf", true);
        check("*.conf", "a.conf.bak", false);
        check("a?c*", "abcd", true);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[]]", "]", true);
        check("[ab", "[ab", true);
        check("*a*b*c", "xaxbxbxc", true);
        check("*a*b*c", "xaxbxbx", false);
    }
}
