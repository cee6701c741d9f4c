//! Texts and their lines as Python and Salt split, guess and compare them. CPython: `str.splitlines`, Lib/difflib.py (`SequenceMatcher`,
//! `unified_diff`).

use std::collections::HashMap;

use crate::value::sort;

/// `text.splitlines(keepends)`: ends at everything that Unicode calls the end of a line.
pub fn split_lines(text: &str, keep_ends: bool) -> Vec<&str> {
    split(text, keep_ends, |char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    })
}

/// `octets.splitlines(keepends)` for text: ends at `\n`, `\r` and `\r\n` only.
pub fn split_octet_lines(text: &str, keep_ends: bool) -> Vec<&str> {
    split(text, keep_ends, |char| matches!(char, '\n' | '\r'))
}

fn split(text: &str, keep_ends: bool, ends: fn(char) -> bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((at, char)) = rest.char_indices().find(|(_, char)| ends(*char)) {
        let mut end = at + char.len_utf8();
        if char == '\r' && rest[end..].starts_with('\n') {
            end += 1;
        }
        lines.push(&rest[..if keep_ends { end } else { at }]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// UTF-8, or else every octet one character.
pub fn decode_lossless(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}

/// Whether the beginning of a file looks like text.
pub fn is_text(octets: &[u8]) -> bool {
    let block = octets.get(..512).unwrap_or(octets);
    if block.contains(&0) {
        return false;
    }
    if std::str::from_utf8(block).is_ok() {
        return true;
    }
    let odd =
        block.iter().filter(|octet| !matches!(octet, 32..=126 | b'\n' | b'\r' | b'\t' | 12 | 8)).count();
    odd * 10 <= block.len() * 3
}

/// `difflib.unified_diff(a, b, fromfile, tofile, lineterm="\n")`: the lines of the diff, none where nothing differs.
pub fn unified_diff<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B], names: (&str, &str)) -> Vec<String> {
    unified_diff_near(a, b, names, 3)
}

/// As [`unified_diff`], with so many lines around what differs.
pub fn unified_diff_near<A: AsRef<str>, B: AsRef<str>>(
    a: &[A],
    b: &[B],
    names: (&str, &str),
    context: usize,
) -> Vec<String> {
    let mut out = Vec::new();
    for group in grouped(opcodes(a, b), context) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        if out.is_empty() {
            out.push(format!("--- {}\n", names.0));
            out.push(format!("+++ {}\n", names.1));
        }
        out.push(format!("@@ -{} +{} @@\n", range(first.a, last.a_end), range(first.b, last.b_end)));
        for code in &group {
            let old = a.get(code.a..code.a_end).unwrap_or_default().iter().map(AsRef::as_ref);
            let new = b.get(code.b..code.b_end).unwrap_or_default().iter().map(AsRef::as_ref);
            if code.same {
                out.extend(old.map(|line| format!(" {line}")));
            } else {
                out.extend(old.map(|line| format!("-{line}")));
                out.extend(new.map(|line| format!("+{line}")));
            }
        }
    }
    out
}

fn range(start: usize, stop: usize) -> String {
    match stop.saturating_sub(start) {
        1 => (start + 1).to_string(),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    }
}

/// `a[a..a_end]` becomes `b[b..b_end]`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Code {
    same: bool,
    a: usize,
    a_end: usize,
    b: usize,
    b_end: usize,
}

#[derive(Clone, Copy)]
struct Block {
    a: usize,
    b: usize,
    size: usize,
}

fn opcodes<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B]) -> Vec<Code> {
    let (mut i, mut j) = (0, 0);
    let mut codes = Vec::new();
    for block in matching_blocks(a, b) {
        if i < block.a || j < block.b {
            codes.push(Code { same: false, a: i, a_end: block.a, b: j, b_end: block.b });
        }
        (i, j) = (block.a + block.size, block.b + block.size);
        if block.size > 0 {
            codes.push(Code { same: true, a: block.a, a_end: i, b: block.b, b_end: j });
        }
    }
    codes
}

fn grouped(mut codes: Vec<Code>, context: usize) -> Vec<Vec<Code>> {
    if let Some(first) = codes.first_mut().filter(|code| code.same) {
        first.a = first.a.max(first.a_end.saturating_sub(context));
        first.b = first.b.max(first.b_end.saturating_sub(context));
    }
    if let Some(last) = codes.last_mut().filter(|code| code.same) {
        last.a_end = last.a_end.min(last.a + context);
        last.b_end = last.b_end.min(last.b + context);
    }
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    for mut code in codes {
        if code.same && code.a_end - code.a > 2 * context {
            let head = Code {
                a_end: code.a_end.min(code.a + context),
                b_end: code.b_end.min(code.b + context),
                ..code
            };
            group.push(head);
            groups.push(std::mem::take(&mut group));
            code.a = code.a.max(code.a_end - context);
            code.b = code.b.max(code.b_end - context);
        }
        group.push(code);
    }
    if group.iter().any(|code| !code.same) {
        groups.push(group);
    }
    groups
}

/// Lines of `b` by number, and where each stands; lines that stand everywhere are not looked for.
struct Index {
    a: Vec<Option<usize>>,
    b: Vec<usize>,
    places: Vec<Vec<usize>>,
}

fn index<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B]) -> Index {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut numbered = Vec::with_capacity(b.len());
    for (at, line) in b.iter().enumerate() {
        let number = *numbers.entry(line.as_ref()).or_insert_with(|| {
            places.push(Vec::new());
            places.len() - 1
        });
        places[number].push(at);
        numbered.push(number);
    }
    if b.len() >= 200 {
        let most = b.len() / 100 + 1;
        places.iter_mut().filter(|places| places.len() > most).for_each(Vec::clear);
    }
    Index { a: a.iter().map(|line| numbers.get(line.as_ref()).copied()).collect(), b: numbered, places }
}

fn matching_blocks<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B]) -> Vec<Block> {
    let index = index(a, b);
    let mut waiting = vec![(0, a.len(), 0, b.len())];
    let mut found = Vec::new();
    while let Some((a_low, a_high, b_low, b_high)) = waiting.pop() {
        let block = longest(&index, a_low, a_high, b_low, b_high);
        if block.size > 0 {
            if a_low < block.a && b_low < block.b {
                waiting.push((a_low, block.a, b_low, block.b));
            }
            if block.a + block.size < a_high && block.b + block.size < b_high {
                waiting.push((block.a + block.size, a_high, block.b + block.size, b_high));
            }
            found.push(block);
        }
    }
    sort::by_key(&mut found, |block| (block.a, block.b));
    let mut joined: Vec<Block> = Vec::new();
    for block in found {
        match joined.last_mut() {
            Some(last) if last.a + last.size == block.a && last.b + last.size == block.b => {
                last.size += block.size;
            }
            _ => joined.push(block),
        }
    }
    joined.push(Block { a: a.len(), b: b.len(), size: 0 });
    joined
}

fn longest(index: &Index, a_low: usize, a_high: usize, b_low: usize, b_high: usize) -> Block {
    let mut best = Block { a: a_low, b: b_low, size: 0 };
    // How long the run of equal lines is that ends here, by place in `b`, in ascending order.
    let mut before: Vec<(usize, usize)> = Vec::new();
    for (i, number) in index.a.iter().enumerate().take(a_high).skip(a_low) {
        let mut now = Vec::new();
        let mut from = 0;
        for &j in number.map_or(&[][..], |number| &index.places[number]) {
            if j < b_low {
                continue;
            }
            if j >= b_high {
                break;
            }
            while before.get(from).is_some_and(|(place, _)| place + 1 < j) {
                from += 1;
            }
            let size = before.get(from).filter(|(place, _)| place + 1 == j).map_or(1, |(_, size)| size + 1);
            now.push((j, size));
            if size > best.size {
                best = Block { a: i + 1 - size, b: j + 1 - size, size };
            }
        }
        before = now;
    }
    let same = |a: usize, b: usize| index.a[a] == Some(index.b[b]);
    while best.a > a_low && best.b > b_low && same(best.a - 1, best.b - 1) {
        best = Block { a: best.a - 1, b: best.b - 1, size: best.size + 1 };
    }
    while best.a + best.size < a_high
        && best.b + best.size < b_high
        && same(best.a + best.size, best.b + best.size)
    {
        best.size += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(a: &str, b: &str) -> String {
        unified_diff(&split_lines(a, true), &split_lines(b, true), ("", "")).concat()
    }

    #[test]
    fn a_diff_is_the_one_that_python_makes() {
        assert_eq!(diff("a\nb\nc\n", "a\nB\nc\n"), "--- \n+++ \n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert_eq!(diff("", "x\n"), "--- \n+++ \n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(diff("same\n", "same\n"), "");
        assert_eq!(
            diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n"),
            "--- \n+++ \n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@\n 6\n 7\n 8\n-9\n"
        );
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(split_lines("a\r\nb\rc\x0bd\u{2028}e", true), ["a\r\n", "b\r", "c\x0b", "d\u{2028}", "e"]);
        assert_eq!(split_octet_lines("a\r\nb\x0bc\n\n", false), ["a", "b\x0bc", ""]);
    }
}
