//! `table`: lists of rows as tables, below the keys that lead to them. Salt: output/table_out.py.

use super::colors::Color;
use super::nested::sort_as_python;
use super::{OutputOptions, Outputter, Unfit, push_spaces};
use crate::value::{Map, Value, str_of};

pub(super) static OUTPUTTER: Outputter =
    Outputter { name: "table", render: |value, options| show(value, options, None, None) };

/// What the names of this outputter's options begin with.
const PREFIX: &str = "out.table.";

/// The options of this outputter, without the beginning of their names.
pub(super) fn options(opts: &Map) -> Map {
    let own = |(key, value): (&Value, &Value)| {
        Some((key.as_str()?.strip_prefix(PREFIX)?.to_owned(), value.clone()))
    };
    let mut found = Map::new();
    for (name, value) in opts.iter().filter_map(own) {
        found.insert(name, value);
    }
    found
}

/// The tables of a value: with `rows_key` only those below this key, with `labels_key` under the labels that stand
/// beside them.
pub(super) fn show(
    value: &Value,
    options: &OutputOptions,
    rows_key: Option<&str>,
    labels_key: Option<&str>,
) -> Result<String, Unfit> {
    let set = |name: &str| options.table.get(name);
    let text = |name: &str, default: &str| set(name).map_or_else(|| default.to_owned(), str_of);
    let truthy = |name: &str| set(name).is_none_or(Value::truthy);
    let size = |name: &str, default: usize| {
        set(name).map_or(Some(default), |given| usize::try_from(given.as_int()?).ok())
    };
    let key = |given: Option<&str>, name: &str| {
        given.map(str::to_owned).or_else(|| set(name).filter(|key| key.truthy()).map(str_of))
    };
    let table = Table {
        options,
        header: truthy("has_header"),
        line: text("row_delimiter", "-"),
        delimiter: text("delim", " | "),
        justify: text("justify", "center").to_lowercase(),
        separate: truthy("separate_rows"),
        prefix: text("prefix", "| "),
        suffix: text("suffix", " |"),
        width: size("width", 50).ok_or_else(|| unfit("a width that is no number"))?,
        rows_key: key(rows_key, "rows_key"),
        labels_key: key(labels_key, "labels_key"),
    };
    let indent = size("nested_indent", 0).unwrap_or(0).min(super::MAX_INDENT);
    let mut out = Vec::new();
    if let Some(title) = set("title").filter(|title| title.truthy() && table.rows_key.is_some()) {
        // Salt quirk: output/table_out.py: colour and text have changed places.
        let (white, end) = (Color::White.sequence(options), Color::End.sequence(options));
        out.push(format!("{:indent$}{}{white}{end}\n", "", str_of(title)));
    }
    table.display(value, indent, &mut out)?;
    Ok(out.join("\n"))
}

fn unfit(problem: &'static str) -> Unfit {
    Unfit { outputter: "table", problem }
}

struct Table<'a> {
    options: &'a OutputOptions,
    header: bool,
    line: String,
    delimiter: String,
    justify: String,
    separate: bool,
    prefix: String,
    suffix: String,
    /// In characters: what is longer goes on in the next line.
    width: usize,
    rows_key: Option<String>,
    labels_key: Option<String>,
}

impl Table<'_> {
    fn text(&self, indent: usize, color: Color, text: &str, suffix: &str) -> String {
        let mut out = String::new();
        push_spaces(&mut out, indent);
        out.extend([&color.sequence(self.options), text, &Color::End.sequence(self.options), suffix]);
        out
    }

    fn display(&self, value: &Value, indent: usize, out: &mut Vec<String>) -> Result<(), Unfit> {
        let wanted = self.rows_key.as_deref();
        match value {
            Value::Map(map) => {
                let here = wanted.is_none_or(|key| map.contains(key));
                for (key, value) in sorted(map)? {
                    if !here {
                        self.display(value, indent, out)?;
                        continue;
                    }
                    if wanted.is_some_and(|wanted| key.as_str() != Some(wanted)) {
                        continue;
                    }
                    if wanted.is_none() {
                        out.push(self.text(indent, Color::DarkGray, &shown(key), ":"));
                        out.push(self.text(indent, Color::DarkGray, "----------", ""));
                    }
                    match value {
                        Value::List(rows) => {
                            let labels = self.labels_key.as_deref().and_then(|labels| map.get(labels));
                            self.rows(rows, labels, indent, out)?;
                        }
                        other => self.display(other, indent + 4, out)?,
                    }
                }
            }
            Value::List(rows) if wanted.is_none() => self.rows(rows, None, indent, out)?,
            _ => {}
        }
        Ok(())
    }

    fn rows(
        &self,
        rows: &[Value],
        labels: Option<&Value>,
        indent: usize,
        out: &mut Vec<String>,
    ) -> Result<(), Unfit> {
        let Some(first) = rows.first() else { return Ok(()) };
        if rows.iter().any(|row| !same_kind(first, row)) {
            return Ok(());
        }
        let labels = match labels {
            Some(Value::Map(labels)) => sorted(labels)?.into_iter().map(|(_, label)| label.clone()).collect(),
            Some(Value::List(labels)) => labels.clone(),
            Some(Value::Text(labels)) => labels.chars().map(|label| label.to_string().into()).collect(),
            Some(other) if other.truthy() => return Err(unfit("labels that are no list")),
            _ => Vec::new(),
        };
        let mut table: Vec<Vec<String>> = Vec::new();
        if !labels.is_empty() {
            table.push(labels.iter().map(cell).collect::<Result<_, _>>()?);
        } else if let Value::Map(first) = first {
            table.push(sorted(first)?.into_iter().map(|(key, _)| title(&shown(key))).collect());
        }
        let has_header = self.header && !table.is_empty();
        for row in rows {
            table.push(match row {
                Value::Map(row) => sorted(row)?.into_iter().map(|(_, value)| shown(value)).collect(),
                Value::List(cells) => cells.iter().map(cell).collect::<Result<_, _>>()?,
                row => vec![cell(row)?],
            });
        }
        self.prepare(&table, has_header, indent + 4, out)
    }

    fn prepare(
        &self,
        table: &[Vec<String>],
        mut has_header: bool,
        indent: usize,
        out: &mut Vec<String>,
    ) -> Result<(), Unfit> {
        // Salt quirk: output/table_out.py: a row has as many lines as its shortest cell, and a table as many columns
        // as its shortest row.
        let mut wrapped: Vec<Vec<Vec<String>>> = Vec::new();
        for row in table {
            let cells: Vec<Vec<String>> = row.iter().map(|cell| self.wrap(cell)).collect();
            let lines = cells.iter().map(Vec::len).min().ok_or_else(|| unfit("a row without cells"))?;
            let line = |at: usize| cells.iter().filter_map(|cell| cell.get(at).cloned()).collect();
            wrapped.push((0..lines).map(line).collect());
        }
        let mut widths: Vec<usize> = vec![0; table.iter().map(Vec::len).min().unwrap_or(0)];
        for line in wrapped.iter().flatten() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let length = |text: &str| text.chars().count();
        let whole = length(&self.prefix)
            + length(&self.suffix)
            + widths.iter().sum::<usize>()
            + length(&self.delimiter) * widths.len().saturating_sub(1);
        let separator = self.text(indent, Color::LightGray, &self.line.repeat(whole), "");
        if self.separate {
            out.push(separator.clone());
        }
        for lines in &wrapped {
            for line in lines {
                let cells: Vec<String> = line
                    .iter()
                    .zip(&widths)
                    .map(|(cell, width)| self.justified(cell, *width))
                    .collect::<Result<_, _>>()?;
                let line = format!("{}{}{}", self.prefix, cells.join(&self.delimiter), self.suffix);
                out.push(self.text(indent, Color::White, &line, ""));
            }
            if self.separate || has_header {
                out.push(separator.clone());
                has_header = false;
            }
        }
        Ok(())
    }

    /// The lines of a cell: broken at blanks where they would be too wide.
    fn wrap(&self, text: &str) -> Vec<String> {
        let mut words = text.split(' ');
        let mut out = words.next().unwrap_or_default().to_owned();
        for word in words {
            let line = out.rsplit('\n').next().unwrap_or_default().chars().count();
            let next = word.split('\n').next().unwrap_or_default().chars().count();
            out.push(if line + next >= self.width { '\n' } else { ' ' });
            out.push_str(word);
        }
        out.split('\n').map(str::to_owned).collect()
    }

    fn justified(&self, cell: &str, width: usize) -> Result<String, Unfit> {
        let room = width.saturating_sub(cell.chars().count());
        let left = match self.justify.as_str() {
            // As Python's `str.center`.
            "center" => room / 2 + (room & width & 1),
            "right" => room,
            "left" => 0,
            _ => return Err(unfit("a justification that is none of center, right and left")),
        };
        Ok(format!("{:left$}{cell}{:right$}", "", "", right = room - left))
    }
}

fn sorted(map: &Map) -> Result<Vec<(&Value, &Value)>, Unfit> {
    let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
    if sort_as_python(&mut entries) { Ok(entries) } else { Err(unfit("keys of several types")) }
}

fn same_kind(a: &Value, b: &Value) -> bool {
    let is_int = |value: &Value| matches!(value, Value::Int(_) | Value::Big(_));
    std::mem::discriminant(a) == std::mem::discriminant(b) || (is_int(a) && is_int(b))
}

/// As Python's `str`, once bytes that are text are text, and times are as ISO 8601 has them.
fn shown(value: &Value) -> String {
    match value {
        Value::Time(_) => str_of(value).replace(' ', "T"),
        Value::Bytes(octets) => match std::str::from_utf8(octets) {
            Ok(text) => text.to_owned(),
            Err(_) => str_of(value),
        },
        other => str_of(other),
    }
}

/// A cell of a row that is a list: text only.
fn cell(value: &Value) -> Result<String, Unfit> {
    match value {
        Value::Text(_) | Value::Bytes(_) | Value::Time(_) => Ok(shown(value)),
        _ => Err(unfit("a cell that is no text")),
    }
}

/// A key as a label: Python's `str.title`, blanks for underscores.
fn title(key: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for char in key.replace('_', " ").chars() {
        if inside {
            out.extend(char.to_lowercase());
        } else {
            out.extend(char.to_uppercase());
        }
        inside = char.is_alphabetic();
    }
    out
}
