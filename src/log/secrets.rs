//! Texts that no log, event, diff or return may show: what the pillar of this process holds from gpg or under a marked
//! key. Files and programs get them as they are. Not in Salt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// In the place of a secret.
pub const HIDDEN: &str = "***";

/// A secret that is shorter stands by chance in other texts.
const SHORTEST: usize = 4;
/// A line of a secret with several lines has to be longer: settings are not secret for standing beside one.
const SHORTEST_LINE: usize = 12;
/// So many are known at once, however many a peer sends; those that came first go first.
const MOST: usize = 10_000;
/// So many go at once: each time costs a walk through all.
const DROPPED: usize = MOST / 10;

static ANY: AtomicBool = AtomicBool::new(false);
static KNOWN: RwLock<Known> = RwLock::new(Known::NONE);

/// How a piece begins: a text without any such beginning holds no secret, however many are known.
type Start = [u8; SHORTEST];

struct Known {
    /// As they came.
    texts: Vec<String>,
    members: BTreeSet<String>,
    /// What is looked for.
    pieces: BTreeMap<Start, BTreeSet<String>>,
}

fn start_of(octets: &[u8]) -> Option<Start> {
    octets.get(..SHORTEST)?.try_into().ok()
}

impl Known {
    const NONE: Known = Known { texts: Vec::new(), members: BTreeSet::new(), pieces: BTreeMap::new() };

    /// Takes in texts, the last of them where they are too many.
    fn take(&mut self, texts: &[String]) {
        for text in texts.get(texts.len().saturating_sub(MOST)..).unwrap_or_default() {
            if self.members.insert(text.clone()) {
                self.texts.push(text.clone());
                self.look_for(text);
            }
        }
        if self.texts.len() > MOST {
            let surplus = (self.texts.len() - MOST).max(DROPPED);
            let kept = self.texts.split_off(surplus);
            *self = Known::NONE;
            self.take(&kept);
        }
    }

    fn look_for(&mut self, text: &str) {
        for piece in pieces(text) {
            if let Some(start) = start_of(piece.as_bytes()) {
                self.pieces.entry(start).or_default().insert(piece);
            }
        }
    }

    /// The end of the longest secret that begins here.
    fn end_of(&self, text: &str, at: usize) -> Option<usize> {
        let rest = text.as_bytes().get(at..)?;
        let pieces = self.pieces.get(&start_of(rest)?)?;
        let found = pieces.iter().filter(|piece| rest.starts_with(piece.as_bytes())).map(String::len).max();
        found.map(|length| at + length)
    }

    /// `None` where the text holds no secret. Of those that overlap nothing is left.
    fn shown(&self, text: &str) -> Option<String> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for at in 0..text.len() {
            let Some(end) = self.end_of(text, at) else { continue };
            match spans.last_mut() {
                Some((_, last)) if at < *last => *last = end.max(*last),
                _ => spans.push((at, end)),
            }
        }
        if spans.is_empty() {
            return None;
        }
        let mut shown = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end) in spans {
            // Both are ends of characters: a secret is whole text.
            shown.push_str(text.get(done..start).unwrap_or_default());
            shown.push_str(HIDDEN);
            done = end;
        }
        shown.push_str(text.get(done..).unwrap_or_default());
        Some(shown)
    }
}

/// Hides texts from now on.
pub fn conceal(texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.take(texts);
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
pub fn concealed(text: String) -> String {
    if !any() {
        return text;
    }
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.shown(&text).unwrap_or(text)
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

    fn knowing(texts: &[&str]) -> Known {
        let mut known = Known::NONE;
        known.take(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        known
    }

    #[test]
    fn nothing_is_left_of_secrets_that_overlap_or_touch() {
        let cases: [(&[&str], &str, &str); 5] = [
            (&["abcdef", "zzab"], "zzabcdef", "***"),
            (&["abcd", "abcdef"], "xabcdefx abcd", "x***x ***"),
            (&["aaaa"], "aaaaaaa b", "*** b"),
            (&["left", "right"], "leftright", "******"),
            (&["grün😀"], "→grün😀←", "→***←"),
        ];
        for (secrets, text, expected) in cases {
            assert_eq!(knowing(secrets).shown(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(knowing(&["abcdef"]).shown("abcde"), None);
    }

    /// A master that sends more than anybody can know costs a minion a bounded time and memory.
    #[test]
    fn of_any_number_of_secrets_the_last_ten_thousand_are_known() {
        let all: Vec<String> = (0..1_000_000).map(|number| format!("secret-{number:07}")).collect();
        let mut known = Known::NONE;
        known.take(&all);
        assert_eq!(known.texts, all[all.len() - MOST..]);
        for number in 0..3 * MOST {
            known.take(&[format!("another-{number:07}")]);
            assert!(known.texts.len() <= MOST && known.members.len() == known.texts.len());
        }
        assert!(known.texts.len() >= MOST - DROPPED);
        assert_eq!(known.shown("secret-0999999"), None, "it is long gone");
        assert_eq!(known.shown("is another-0029999"), Some("is ***".to_owned()));
    }
}
