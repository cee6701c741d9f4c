//! `wordwrap`: Python's `textwrap.wrap`, paragraph by paragraph. Jinja2 3.1: `filters.py` (`do_wordwrap`).

use super::super::call::{Args, flag, given, int};
use super::super::fault::{Fault, Res};
use super::super::methods::text::split_lines;
use super::super::run::Run;
use super::super::val::Val;

pub(super) fn wordwrap(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, width, long, with, hyphens] =
        args.bind("do_wordwrap", ["s", "width", "break_long_words", "wrapstring", "break_on_hyphens"], 1)?;
    let val = given(val);
    let Some(text) = val.as_str().cloned() else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            Val::Bytes(_) => Fault::other(super::NO_TEXT),
            other => Fault::other(format!("'{}' object has no attribute 'splitlines'", other.type_name())),
        });
    };
    let width = int(width, 79)?;
    let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
        return Err(Fault::other(format!("invalid width {width} (must be > 0)")));
    };
    let with = match with {
        None | Some(Val::None) => "\n".into(),
        Some(with) => run.text_of(&with)?,
    };
    let (long, hyphens) = (flag(long, true)?, flag(hyphens, true)?);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in split_lines(&text, false) {
        run.ticks(paragraph.len())?;
        lines.push(wrap(paragraph, width, long, hyphens).join(&with));
    }
    run.charge(with.len().saturating_mul(lines.len()))?;
    run.text(lines.join(&with))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn wrap(text: &str, width: usize, break_long: bool, on_hyphens: bool) -> Vec<String> {
    let mut chunks = chunks(text, on_hyphens);
    chunks.reverse();
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.last() {
            let size = length(chunk);
            if used + size > width {
                break;
            }
            used += size;
            line.extend(chunks.pop());
        }
        if let Some(chunk) = chunks.last()
            && length(chunk) > width
        {
            long_word(&mut chunks, &mut line, used, width, break_long, on_hyphens);
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

fn is_blank(chunk: &str) -> bool {
    chunk.chars().all(is_wrap_space)
}

fn is_wrap_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

fn long_word(
    chunks: &mut Vec<String>,
    line: &mut Vec<String>,
    used: usize,
    width: usize,
    break_long: bool,
    on_hyphens: bool,
) {
    let left = width.saturating_sub(used).max(usize::from(width < 1));
    if break_long {
        let Some(chunk) = chunks.pop() else { return };
        let mut end = left;
        if on_hyphens && length(&chunk) > left {
            let head: String = chunk.chars().take(left).collect();
            if let Some(at) = head.rfind('-')
                && at > 0
                && head[..at].contains(|c| c != '-')
            {
                end = length(&head[..at]) + 1;
            }
        }
        let at = chunk.char_indices().nth(end).map_or(chunk.len(), |(at, _)| at);
        line.push(chunk[..at].to_owned());
        if at < chunk.len() {
            chunks.push(chunk[at..].to_owned());
        }
    } else if line.is_empty() {
        line.extend(chunks.pop());
    }
}

/// Words, the spaces between, and with `on_hyphens` the parts of hyphenated words.
fn chunks(text: &str, on_hyphens: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let space = rest.find(|c| !is_wrap_space(c)).unwrap_or(rest.len());
        if space > 0 {
            out.push(rest[..space].to_owned());
            rest = &rest[space..];
            continue;
        }
        let word_end = rest.find(is_wrap_space).unwrap_or(rest.len());
        let word = &rest[..word_end];
        if on_hyphens {
            split_hyphens(word, &mut out)
        } else {
            out.push(word.to_owned())
        }
        rest = &rest[word_end..];
    }
    out
}

/// Cuts after a hyphen between two letters on each side, and around dashes.
fn split_hyphens(word: &str, out: &mut Vec<String>) {
    let chars: Vec<char> = word.chars().collect();
    let letter =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic() || *c == '_');
    let word_char = |at: Option<usize>| {
        at.and_then(|at| chars.get(at))
            .is_some_and(|c| c.is_alphanumeric() || *c == '_' || "!\"'&.,?".contains(*c))
    };
    let mut start = 0;
    let mut at = 0;
    while at < chars.len() {
        if chars[at] == '-' {
            let run = chars[at..].iter().take_while(|c| **c == '-').count();
            if run >= 2
                && word_char(at.checked_sub(1))
                && chars.get(at + run).is_some_and(|c| c.is_alphanumeric() || *c == '_')
            {
                // A dash stands alone.
                if start < at {
                    out.push(chars[start..at].iter().collect());
                }
                out.push(chars[at..at + run].iter().collect());
                start = at + run;
                at += run;
                continue;
            }
            if run == 1 {
                let before = letter(at.checked_sub(1))
                    && (letter(at.checked_sub(2)) || chars.get(at.wrapping_sub(2)) == Some(&'-'));
                let after = letter(Some(at + 1)) && (letter(Some(at + 2)) || chars.get(at + 2) == Some(&'-'));
                if before && after {
                    out.push(chars[start..=at].iter().collect());
                    start = at + 1;
                }
            }
            at += run;
            continue;
        }
        at += 1;
    }
    if start < chars.len() {
        out.push(chars[start..].iter().collect());
    }
}
