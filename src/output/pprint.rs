//! `pprint`: Python's pretty-printer, 80 columns wide. Salt: output/pprint_out.py; Python: pprint.py (3.11).
//!
//! What fits on the rest of the line is printed as `repr` with sorted keys; what does not is broken item by item,
//! and long text is broken at white space into adjacent literals.

use std::cmp::Ordering;

use super::python_text::{is_space, lines_with_ends};
use super::{Indent, MAX_INDENT, OutputOptions, Outputter, Unfit, push_spaces};
use crate::value::{Value, repr, sort};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "pprint", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    match options.indent {
        Indent::Unset => Ok(python_pformat(value, 1)),
        Indent::Spaces(spaces) => {
            Ok(python_pformat(value, usize::try_from(spaces).unwrap_or(1).min(MAX_INDENT)))
        }
        Indent::Null | Indent::Pretty | Indent::Other => {
            Err(Unfit { outputter: "pprint", problem: "an indentation that is not a number" })
        }
    }
}

/// `pprint.pformat(value, indent=indent)`.
pub fn python_pformat(value: &Value, indent: usize) -> String {
    let mut printer = Printer { out: String::new(), per_level: indent };
    printer.format(value, Place { indent: 0, allowance: 0, level: 0 });
    printer.out
}

const WIDTH: usize = 80;

/// Where something is printed: columns before it, columns to keep free behind it, and how many containers around it.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    allowance: usize,
    level: usize,
}

impl Place {
    /// Columns up to the right margin.
    fn columns(self) -> usize {
        WIDTH.saturating_sub(self.indent)
    }
}

struct Printer {
    out: String,
    per_level: usize,
}

impl Printer {
    fn format(&mut self, value: &Value, place: Place) {
        let text = sorted_repr(value);
        if width(&text) <= place.columns().saturating_sub(place.allowance) {
            self.out.push_str(&text);
            return;
        }
        let inside = Place { level: place.level + 1, ..place };
        match value {
            Value::Map(_) => self.map(value, inside),
            Value::List(items) => self.list(items, inside),
            Value::Text(text) if !text.is_empty() => self.text(text, inside),
            Value::Bytes(bytes) if bytes.len() > 4 => self.bytes(bytes, inside),
            _ => self.out.push_str(&text),
        }
    }

    fn map(&mut self, value: &Value, place: Place) {
        self.out.push('{');
        push_spaces(&mut self.out, self.per_level.saturating_sub(1));
        let entries = sorted_entries(value);
        let indent = place.indent + self.per_level;
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.next_line(",", indent);
            }
            let key = sorted_repr(key);
            self.out.push_str(&key);
            self.out.push_str(": ");
            let allowance = if index + 1 == entries.len() { place.allowance + 1 } else { 1 };
            self.format(value, Place { indent: indent + width(&key) + 2, allowance, level: place.level });
        }
        self.out.push('}');
    }

    fn list(&mut self, items: &[Value], place: Place) {
        self.out.push('[');
        push_spaces(&mut self.out, self.per_level.saturating_sub(1));
        let indent = place.indent + self.per_level;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.next_line(",", indent);
            }
            let allowance = if index + 1 == items.len() { place.allowance + 1 } else { 1 };
            self.format(item, Place { indent, allowance, level: place.level });
        }
        self.out.push(']');
    }

    fn text(&mut self, text: &str, place: Place) {
        let lines = lines_with_ends(text);
        let last = lines.len().saturating_sub(1);
        let place = place.parenthesised();
        let mut chunks = Vec::new();
        for (index, (line, _)) in lines.iter().enumerate() {
            let line_columns =
                if index == last { place.columns().saturating_sub(place.allowance) } else { place.columns() };
            let quoted = repr(&Value::from(*line));
            if width(&quoted) <= line_columns {
                chunks.push(quoted);
            } else {
                break_at_spaces(line, place.columns(), line_columns, &mut chunks);
            }
        }
        self.chunks(&chunks, place, chunks.len() > 1);
    }

    fn bytes(&mut self, bytes: &bytes::Bytes, place: Place) {
        let place = place.parenthesised();
        let quoted = |from: usize, to: usize| repr(&Value::Bytes(bytes.slice(from..to).into()));
        let mut columns = place.columns();
        let (mut chunks, mut start, mut end) = (Vec::new(), 0, 0);
        while end < bytes.len() {
            let next = (end + 4).min(bytes.len());
            if end == bytes.len() / 4 * 4 {
                columns = columns.saturating_sub(place.allowance);
            }
            if width(&quoted(start, next)) > columns {
                if start < end {
                    chunks.push(quoted(start, end));
                }
                start = end;
            }
            end = next;
        }
        chunks.push(quoted(start, end));
        self.chunks(&chunks, place, true);
    }

    /// Adjacent literals below each other, in parentheses where nothing else holds them together.
    fn chunks(&mut self, chunks: &[String], place: Place, several: bool) {
        let parentheses = several && place.level == 1;
        if parentheses {
            self.out.push('(');
        }
        for (index, chunk) in chunks.iter().enumerate() {
            if index > 0 {
                self.next_line("", place.indent);
            }
            self.out.push_str(chunk);
        }
        if parentheses {
            self.out.push(')');
        }
    }

    fn next_line(&mut self, end: &str, indent: usize) {
        self.out.push_str(end);
        self.out.push('\n');
        push_spaces(&mut self.out, indent);
    }
}

impl Place {
    /// Room for parentheses around text that stands alone.
    fn parenthesised(self) -> Self {
        let extra = usize::from(self.level == 1);
        Place { indent: self.indent + extra, allowance: self.allowance + extra, level: self.level }
    }
}

/// Literals of as many words each as fit into `columns`, the last into `last_columns`.
fn break_at_spaces(line: &str, columns: usize, last_columns: usize, chunks: &mut Vec<String>) {
    let quoted = |text: &str| repr(&Value::from(text));
    let parts = words(line);
    let (mut start, mut end) = (0, 0);
    for (index, part) in parts.iter().enumerate() {
        let columns = if index + 1 == parts.len() { last_columns } else { columns };
        if width(&quoted(&line[start..end + part.len()])) > columns {
            if start < end {
                chunks.push(quoted(&line[start..end]));
            }
            start = end;
        }
        end += part.len();
    }
    if start < end {
        chunks.push(quoted(&line[start..end]));
    }
}

/// Cuts before every word: each part is a run of non-space followed by a run of space.
fn words(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(is_space).unwrap_or(rest.len());
        let space = rest[word..].find(|char| !is_space(char)).unwrap_or(rest.len() - word);
        let (part, after) = rest.split_at(word + space);
        parts.push(part);
        rest = after;
    }
    parts
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn sorted_repr(value: &Value) -> String {
    let mut out = String::new();
    write_sorted(&mut out, value);
    out
}

fn write_sorted(out: &mut String, value: &Value) {
    match value {
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_sorted(out, item);
            }
            out.push(']');
        }
        Value::Map(_) => {
            out.push('{');
            for (index, (key, value)) in sorted_entries(value).into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_sorted(out, key);
                out.push_str(": ");
                write_sorted(out, value);
            }
            out.push('}');
        }
        other => out.push_str(&repr(other)),
    }
}

fn sorted_entries(value: &Value) -> Vec<(&Value, &Value)> {
    let mut entries: Vec<_> = value.as_map().into_iter().flat_map(|map| map.iter()).collect();
    sort::by(&mut entries, |(a, _), (b, _)| compare(a, b));
    entries
}

/// Keys of one kind by value, of several kinds by the name of their type.
fn compare(a: &Value, b: &Value) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| super::nested::compare(a, b))
}

fn rank(key: &Value) -> u8 {
    match key {
        Value::Null => 0,
        Value::Bytes(_) => 1,
        Value::Time(_) => 2,
        Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => 3,
        Value::Text(_) | Value::List(_) | Value::Map(_) => 4,
    }
}
