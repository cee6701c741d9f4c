//! Texts that no log, event, diff or return may show: what the pillar of this process holds from gpg or under a marked
//! key. Files and programs get them as they are. Not in Salt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// In the place of a secret.
pub const HIDDEN: &str = "***";

/// A secret that is shorter stands by chance in other texts.
const SHORTEST: usize = 4;
/// A line of a secret with several lines has to be longer: settings are not secret for standing beside one.
const SHORTEST_LINE: usize = 12;
/// So many are known at once; those that came first go first.
const MOST: usize = 10_000;

static ANY: AtomicBool = AtomicBool::new(false);
static KNOWN: RwLock<Known> = RwLock::new(Known { texts: Vec::new(), pieces: Vec::new() });

struct Known {
    /// As they came.
    texts: Vec<String>,
    /// What is looked for, the longest first: a secret may be part of another.
    pieces: Vec<String>,
}

/// Hides texts from now on.
pub fn conceal(texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let before = known.texts.len();
    for text in texts {
        if !known.texts.contains(text) {
            known.texts.push(text.clone());
        }
    }
    if known.texts.len() == before {
        return;
    }
    let surplus = known.texts.len().saturating_sub(MOST);
    known.texts.drain(..surplus);
    known.pieces = known.texts.iter().flat_map(|text| pieces(text)).collect();
    known.pieces.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    known.pieces.dedup();
    ANY.store(!known.pieces.is_empty(), Ordering::Release);
}

/// What is hidden, for a process that is told the same pillar.
pub fn known() -> Vec<String> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).texts.clone()
}

/// Whether anything is hidden.
pub fn any() -> bool {
    ANY.load(Ordering::Acquire)
}

/// The text as it may be shown.
pub fn concealed(mut text: String) -> String {
    if any() {
        for piece in &KNOWN.read().unwrap_or_else(PoisonError::into_inner).pieces {
            if text.contains(piece.as_str()) {
                text = text.replace(piece.as_str(), HIDDEN);
            }
        }
    }
    text
}

/// The forms in which a secret may show: whole, line by line (as a diff has it), and with its quotes escaped.
fn pieces(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let shortest = if lines.len() > 1 { SHORTEST_LINE } else { SHORTEST };
    let mut pieces = Vec::new();
    for line in lines {
        if line.len() < shortest {
            continue;
        }
        pieces.push(line.to_owned());
        let escaped = line.replace('\\', "\\\\");
        for escaped in
            [escaped.replace('"', "\\\""), escaped.replace('\'', "\\'"), line.replace('\'', "''"), escaped]
        {
            if escaped != line {
                pieces.push(escaped);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_whole_in_lines_and_with_its_quotes_escaped() {
        let own = ["k3y-of-this-test".to_owned(), "k3y-of-this-test-too".to_owned(), "a\"k3y'\\".to_owned()];
        conceal(&own);
        conceal(&["first-line-of-a-k3y\nno\nsecond-line-of-a-k3y\n".to_owned(), "k3".to_owned()]);
        let cases = [
            ("echo k3y-of-this-test", "echo ***"),
            ("k3y-of-this-test-too k3y-of-this-test", "*** ***"),
            ("+first-line-of-a-k3y\n no\n", "+***\n no\n"),
            ("'a\"k3y\\'\\\\'", "'***'"),
            ("\"a\\\"k3y'\\\\\"", "\"***\""),
            ("k3 stays", "k3 stays"),
        ];
        for (text, expected) in cases {
            assert_eq!(concealed(text.to_owned()), expected, "{text}");
        }
        assert!(own.iter().all(|text| known().contains(text)));
    }
}
