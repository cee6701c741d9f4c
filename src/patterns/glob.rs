//! Shell patterns as Python has them: `*`, `?`, `[a-z]`, `[!x]`; no braces, no escapes, and `*` crosses everything.
//! Python: fnmatch.py (3.11), `fnmatchcase`.

/// A pattern, compiled. Matching needs no memory and at most pattern times text steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Shape);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// No wildcard.
    Exact(String),
    /// `*`.
    Everything,
    Tokens(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`, or a set that excludes nothing.
    One,
    /// `*`.
    Star,
    Set(Set),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Glob {
    /// Compiles a pattern. Every text is one.
    pub fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let chars: Vec<char> = pattern.chars().collect();
        let mut rest = chars.as_slice();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                '*' if tokens.last() != Some(&Token::Star) => tokens.push(Token::Star),
                '*' => {}
                '?' => tokens.push(Token::One),
                '[' => match inside_of_set(after) {
                    Some(inside) => {
                        tokens.push(set(inside));
                        rest = after.get(inside.len() + 1..).unwrap_or_default();
                    }
                    None => tokens.push(Token::Char('[')),
                },
                char => tokens.push(Token::Char(*char)),
            }
        }
        if tokens == [Token::Star] {
            return Glob(Shape::Everything);
        }
        if tokens.iter().all(|token| matches!(token, Token::Char(_))) {
            return Glob(Shape::Exact(pattern.to_owned()));
        }
        Glob(Shape::Tokens(tokens))
    }

    /// Whether the whole text is of this pattern.
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Shape::Exact(exact) => exact == text,
            Shape::Everything => true,
            Shape::Tokens(tokens) => matches(tokens, text),
        }
    }

    /// Whether this is `*`.
    pub fn is_everything(&self) -> bool {
        self.0 == Shape::Everything
    }
}

/// Whether the whole `text` is of a pattern.
pub fn fnmatch(pattern: &str, text: &str) -> bool {
    Glob::new(pattern).matches(text)
}

/// On a mismatch only the last star takes one character more: what is before it is settled.
fn matches(tokens: &[Token], text: &str) -> bool {
    let (mut token, mut rest) = (0, text.chars());
    let mut last_star = None;
    loop {
        let here = rest.clone();
        let fits = match tokens.get(token) {
            Some(Token::Star) => {
                token += 1;
                last_star = Some((token, here));
                continue;
            }
            Some(Token::Char(char)) => rest.next() == Some(*char),
            Some(Token::One) => rest.next().is_some(),
            Some(Token::Set(set)) => rest.next().is_some_and(|char| set.holds(char)),
            None if rest.as_str().is_empty() => return true,
            None => false,
        };
        if fits {
            token += 1;
            continue;
        }
        let Some((after_star, from)) = &mut last_star else { return false };
        if from.next().is_none() {
            return false;
        }
        (token, rest) = (*after_star, from.clone());
    }
}

impl Set {
    fn holds(&self, char: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&char)) != self.negated
    }
}

/// What stands between `[` and its `]`; a `]` at the start belongs to the set.
fn inside_of_set(after: &[char]) -> Option<&[char]> {
    let mut at = usize::from(after.first() == Some(&'!'));
    at += usize::from(after.get(at) == Some(&']'));
    let end = at + after.get(at..)?.iter().position(|char| *char == ']')?;
    after.get(..end)
}

fn set(inside: &[char]) -> Token {
    let chunks = without_empty_ranges(chunks_of(inside));
    let mut set = Set::default();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut own = chunk.as_slice();
        if index == 0 && own.first() == Some(&'!') {
            set.negated = true;
            own = own.get(1..).unwrap_or_default();
        }
        set.ranges.extend(own.iter().map(|char| (*char, *char)));
        if let Some([next, ..]) = chunks.get(index + 1).map(Vec::as_slice)
            && let Some(last) = own.last()
        {
            set.ranges.push((*last, *next));
        }
    }
    if set.negated && set.ranges.is_empty() { Token::One } else { Token::Set(set) }
}

/// Cuts at the hyphens that make ranges: `a-cx-z_` is `a`, `cx`, `z_`.
fn chunks_of(inside: &[char]) -> Vec<Vec<char>> {
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut search = if inside.first() == Some(&'!') { 2 } else { 1 };
    while let Some(found) = inside.get(search..).and_then(|rest| rest.iter().position(|char| *char == '-')) {
        let hyphen = search + found;
        chunks.push(inside[start..hyphen].to_vec());
        start = hyphen + 1;
        search = hyphen + 3;
    }
    match (inside.get(start..), chunks.last_mut()) {
        (Some([]) | None, Some(last)) => last.push('-'),
        (rest, _) => chunks.push(rest.unwrap_or_default().to_vec()),
    }
    chunks
}

/// Drops ranges such as `z-a`, which Python takes for nothing.
fn without_empty_ranges(mut chunks: Vec<Vec<char>>) -> Vec<Vec<char>> {
    for index in (1..chunks.len()).rev() {
        if chunks[index - 1].last() > chunks[index].first() {
            let next = chunks.remove(index);
            chunks[index - 1].pop();
            chunks[index - 1].extend(next.into_iter().skip(1));
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cross_everything_and_sets_are_pythons() {
        for (pattern, yes, no) in [
            ("*", &["", "a/b.c"][..], &[][..]),
            ("web*.example", &["web.example", "web1.a.example"], &["web", "xweb.example"]),
            ("w?b", &["web", "wéb"], &["wb", "weeb"]),
            ("[!a]b", &["xb"], &["ab", "b"]),
            ("[]-]", &["]", "-"], &["a"]),
            ("[a-c]", &["a", "b", "c"], &["d", "-"]),
            ("[c-a]", &[], &["a", "b", "c", "-"]),
            ("[!c-a]", &["a", "-"], &[""]),
            ("[a", &["[a"], &["a"]),
            ("{a,b}", &["{a,b}"], &["a"]),
            ("a**b*c", &["abc", "axxbyyc"], &["ab"]),
        ] {
            let glob = Glob::new(pattern);
            for text in yes {
                assert!(glob.matches(text), "{pattern} {text}");
            }
            for text in no {
                assert!(!glob.matches(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn many_stars_are_still_quick() {
        let glob = Glob::new(&"*a".repeat(200));
        assert!(!glob.matches(&"a".repeat(199)));
        assert!(!glob.matches(&("a".repeat(20_000) + "b")));
    }

    #[test]
    fn patterns_fit_as_in_python() {
        // Expected values: Python 3.11, fnmatch.fnmatchcase.
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything/at all", true),
            ("", "", true),
            ("", "a", false),
            ("web*", "web1", true),
            ("web*", "aweb1", false),
            ("*web", "aweb", true),
            ("*a*b*c*", "xaybzc", true),
            ("*a*b*c*", "xaycz", false),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("[abc]", "b", true),
            ("[!abc]", "b", false),
            ("[!abc]", "d", true),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[]a]", "]", true),
            ("[]a]", "a", true),
            ("[!]a]", "b", true),
            ("[!]a]", "]", false),
            ("[a", "[a", true),
            ("[", "[", true),
            ("[!", "[!", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[c-a]", "b", false),
            ("a.b", "axb", false),
            ("é*", "etat", false),
            ("é*", "été", true),
            ("salt/job/*/ret/*", "salt/job/2026/ret/web/1", true),
            ("\\*", "\\x", true),
            ("\\*", "*", false),
            ("**", "x", true),
        ] {
            assert_eq!(fnmatch(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!fnmatch(&pattern, &"a".repeat(5_000)));
    }
}
