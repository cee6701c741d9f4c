//! Which characters are the same one to `re.IGNORECASE`. Python: re/_casefix.py and `_sre.unicode_tolower` (3.11).
//!
//! A pattern is written with all of them, so that the engine needs no tables of its own.

use super::translate::push_char;

/// Characters that are also the one beside them, though neither is the other in lower or upper case. Between `Ἀ` and
/// `ᾯ` there are more, see [`lower`].
const ODD: &[(char, char)] = &[
    ('\u{b5}', '\u{3bc}'),
    ('\u{130}', 'i'),
    ('\u{131}', 'i'),
    ('\u{17f}', 's'),
    ('\u{1c5}', '\u{1c6}'),
    ('\u{1c8}', '\u{1c9}'),
    ('\u{1cb}', '\u{1cc}'),
    ('\u{1f2}', '\u{1f3}'),
    ('\u{345}', '\u{3b9}'),
    ('\u{3c2}', '\u{3c3}'),
    ('\u{3d0}', '\u{3b2}'),
    ('\u{3d1}', '\u{3b8}'),
    ('\u{3d5}', '\u{3c6}'),
    ('\u{3d6}', '\u{3c0}'),
    ('\u{3f0}', '\u{3ba}'),
    ('\u{3f1}', '\u{3c1}'),
    ('\u{3f4}', '\u{3b8}'),
    ('\u{3f5}', '\u{3b5}'),
    ('\u{1c80}', '\u{432}'),
    ('\u{1c81}', '\u{434}'),
    ('\u{1c82}', '\u{43e}'),
    ('\u{1c83}', '\u{441}'),
    ('\u{1c84}', '\u{442}'),
    ('\u{1c85}', '\u{442}'),
    ('\u{1c86}', '\u{44a}'),
    ('\u{1c87}', '\u{463}'),
    ('\u{1c88}', '\u{a64b}'),
    ('\u{1e9b}', '\u{1e61}'),
    ('\u{1e9e}', '\u{df}'),
    ('\u{1fbc}', '\u{1fb3}'),
    ('\u{1fbe}', '\u{3b9}'),
    ('\u{1fcc}', '\u{1fc3}'),
    ('\u{1fd3}', '\u{390}'),
    ('\u{1fe3}', '\u{3b0}'),
    ('\u{1ffc}', '\u{1ff3}'),
    ('\u{2126}', '\u{3c9}'),
    ('\u{212a}', 'k'),
    ('\u{212b}', '\u{e5}'),
    ('\u{fb05}', '\u{fb06}'),
];

/// Where letters with two cases stand: first and last.
const CASED: &[(u32, u32)] = &[
    (0x41, 0x587),
    (0x10a0, 0x10ff),
    (0x13a0, 0x13fd),
    (0x1c80, 0x1cbf),
    (0x1d79, 0x1d8e),
    (0x1e00, 0x1ffc),
    (0x2126, 0x2188),
    (0x24b6, 0x24e9),
    (0x2c00, 0x2d2d),
    (0xa640, 0xa7ff),
    (0xab53, 0xabbf),
    (0xfb05, 0xfb06),
    (0xff21, 0xff5a),
    (0x10400, 0x105bc),
    (0x10c80, 0x10cf2),
    (0x118a0, 0x118df),
    (0x16e40, 0x16e7f),
    (0x1e900, 0x1e943),
];

/// The character that stands for its class.
fn lower(char: char) -> char {
    if let Some((_, same)) = ODD.iter().find(|(odd, _)| *odd == char) {
        return *same;
    }
    // Greek capitals with a small iota beside them: eight behind their small letters.
    let code = u32::from(char);
    if (0x1f88..=0x1faf).contains(&code) && code & 8 != 0 {
        return char::from_u32(code - 8).unwrap_or(char);
    }
    only(char.to_lowercase()).unwrap_or(char)
}

fn only(mut cases: impl Iterator<Item = char>) -> Option<char> {
    let first = cases.next();
    if cases.next().is_none() { first } else { None }
}

/// All that are `char` to Python, among them itself.
fn class(char: char) -> Vec<char> {
    let low = lower(char);
    let mut all = vec![low];
    let upper = only(low.to_uppercase()).filter(|upper| lower(*upper) == low);
    let iota =
        (0x1f80..=0x1faf).contains(&u32::from(low)).then(|| char::from_u32(u32::from(low) | 8)).flatten();
    let odd = ODD.iter().filter(|(_, same)| *same == low).map(|(odd, _)| *odd);
    for char in upper.into_iter().chain(iota).chain(odd) {
        if !all.contains(&char) {
            all.push(char);
        }
    }
    all
}

/// Writes a character of a pattern: a set of all that it may be.
pub(super) fn push_literal(out: &mut String, char: char) {
    let class = class(char);
    if class.len() < 2 {
        return push_char(out, char);
    }
    out.push('[');
    class.into_iter().for_each(|char| push_char(out, char));
    out.push(']');
}

/// Writes into a set what the characters from `low` to `high` may be besides.
pub(super) fn push_range(out: &mut String, low: char, high: char) {
    let (low, high) = (u32::from(low), u32::from(high));
    for (first, last) in CASED {
        for char in (low.max(*first)..=high.min(*last)).filter_map(char::from_u32) {
            for other in class(char).into_iter().filter(|other| !(low..=high).contains(&u32::from(*other))) {
                push_char(out, other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class in each line, those of more than two characters and one in forty of the others: what `re.IGNORECASE`
    /// of CPython 3.11 takes for each other.
    const CLASSES: &str = include_str!("fold.txt");

    #[test]
    fn classes_are_pythons() {
        assert!(CLASSES.lines().count() > 90);
        for line in CLASSES.lines() {
            for char in line.chars() {
                let mut found = class(char);
                found.sort_unstable();
                assert_eq!(found.iter().collect::<String>(), line, "{char:?}");
            }
        }
    }

    #[test]
    fn every_cased_letter_stands_where_ranges_look_for_it() {
        let looked_at = |code: u32| CASED.iter().any(|(first, last)| (*first..=*last).contains(&code));
        for line in CLASSES.lines() {
            assert!(line.chars().all(|char| looked_at(char.into())), "{line}");
        }
    }
}
