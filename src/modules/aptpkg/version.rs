//! Debian's versions compared without running dpkg. Source: deb-version(7).

use std::cmp::Ordering;

/// Which of two versions is the later one; with `ignore_epoch` what stands before the first colon does not count.
pub fn compare(a: &str, b: &str, ignore_epoch: bool) -> Ordering {
    let (epoch_a, upstream_a, revision_a) = split(a);
    let (epoch_b, upstream_b, revision_b) = split(b);
    let epochs = if ignore_epoch { Ordering::Equal } else { epoch_a.cmp(&epoch_b) };
    epochs.then_with(|| part(upstream_a, upstream_b)).then_with(|| part(revision_a, revision_b))
}

fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = match version.trim().split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version.trim()),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Text and numbers in turn: `~` sorts before the end, letters before all other signs.
fn part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (text_a, text_b) =
            (take(&mut a, |char| !char.is_ascii_digit()), take(&mut b, |char| !char.is_ascii_digit()));
        let texts = text(text_a, text_b);
        let (number_a, number_b) =
            (take(&mut a, |char| char.is_ascii_digit()), take(&mut b, |char| char.is_ascii_digit()));
        let found = texts.then_with(|| number(number_a, number_b));
        if found != Ordering::Equal || (a.is_empty() && b.is_empty()) {
            return found;
        }
    }
}

fn take<'t>(text: &mut &'t str, is_it: impl Fn(char) -> bool) -> &'t str {
    let end = text.find(|char| !is_it(char)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

fn text(a: &str, b: &str) -> Ordering {
    let weight = |char: Option<char>| match char {
        None => 0,
        Some('~') => -1,
        Some(char) if char.is_ascii_alphabetic() => i64::from(u32::from(char)),
        Some(char) => i64::from(u32::from(char)) + 256,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (one, other) = (a.next(), b.next());
        if one.is_none() && other.is_none() {
            return Ordering::Equal;
        }
        let found = weight(one).cmp(&weight(other));
        if found != Ordering::Equal {
            return found;
        }
    }
}

fn number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_does() {
        for (a, b, expected) in [
            ("1.0", "1.0", Ordering::Equal),
            ("1.0-1", "1.0-2", Ordering::Less),
            ("1:0.9", "1.0", Ordering::Greater),
            ("1.0~rc1", "1.0", Ordering::Less),
            ("1.0~~", "1.0~", Ordering::Less),
            ("1.10", "1.9", Ordering::Greater),
            ("1.0a", "1.0+", Ordering::Less),
            ("1.0", "1.0-0", Ordering::Equal),
            ("1.0-1+deb12u1", "1.0-1", Ordering::Greater),
            ("007", "7", Ordering::Equal),
        ] {
            assert_eq!(compare(a, b, false), expected, "{a} {b}");
        }
        assert_eq!(compare("2:1.0", "1.0", true), Ordering::Equal);
    }
}
