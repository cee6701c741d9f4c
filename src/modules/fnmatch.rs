//! File name patterns with `*`, `?` and `[…]`. CPython: Lib/fnmatch.py (`fnmatchcase`).

/// Whether the whole text matches.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    translate(pattern).is_some_and(|regex| regex.is_match(text))
}

fn translate(pattern: &str) -> Option<regex::Regex> {
    let mut regex = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' if chars.clone().skip(1).any(|char| char == ']') => {
                regex.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    regex.push('^');
                }
                for (at, char) in chars.by_ref().enumerate() {
                    match char {
                        ']' if at > 0 => break,
                        '\\' | '[' | ']' | '&' | '~' | '^' => regex.extend(['\\', char]),
                        char => regex.push(char),
                    }
                }
                regex.push(']');
            }
            char => regex.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex::Regex::new(&regex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_pythons() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a?c", "ac", false),
            ("[!a]b", "cb", true),
            ("[a-c]", "b", true),
            ("[]]", "]", true),
            ("[", "[", true),
            ("a.c", "abc", false),
            ("*", "a\nb", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
