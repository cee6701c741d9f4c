//! `nested`, the outputter for everything that asks for no other: keys in order, one level deeper four spaces further.
//! Salt: output/nested.py.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::colors::Color;
use super::{OutputOptions, Outputter, Unfit, push_spaces, python_splitlines, safe};
use crate::value::{Map, Value, repr, sort, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "nested", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let failed = options.retcode != 0;
    let sequence = |color: Color| color.sequence(options);
    let mut writer = Writer {
        options,
        out: String::new(),
        lines: 0,
        end: sequence(Color::End),
        special: sequence(Color::LightYellow),
        text: sequence(Color::Green),
        item: sequence(if failed { Color::Red } else { Color::Green }),
        key: sequence(if failed { Color::Red } else { Color::Cyan }),
    };
    writer.display(value, options.nested_indent, "");
    Ok(writer.out)
}

struct Writer<'a> {
    options: &'a OutputOptions,
    out: String,
    lines: usize,
    end: Cow<'static, str>,
    special: Cow<'static, str>,
    text: Cow<'static, str>,
    item: Cow<'static, str>,
    key: Cow<'static, str>,
}

/// Which colour a line has.
#[derive(Clone, Copy)]
enum Shade {
    Special,
    Text,
    Item,
    Key,
}

impl Writer<'_> {
    fn line(&mut self, indent: usize, shade: Shade, prefix: &str, text: &str, suffix: &str) {
        if self.lines > 0 {
            self.out.push('\n');
        }
        self.lines += 1;
        push_spaces(&mut self.out, indent);
        let color = match shade {
            Shade::Special => &self.special,
            Shade::Text => &self.text,
            Shade::Item => &self.item,
            Shade::Key => &self.key,
        };
        self.out.extend([color, prefix, text, &self.end, suffix]);
    }

    fn display(&mut self, value: &Value, indent: usize, prefix: &str) {
        match value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                self.line(indent, Shade::Special, prefix, &repr(value), "");
            }
            Value::Text(text) => self.lines_of(text, indent, prefix),
            // Salt quirk: output/nested.py: bytes that are not UTF-8, and times, are shown as nothing at all.
            Value::Bytes(bytes) => {
                if let Ok(text) = std::str::from_utf8(bytes) {
                    self.lines_of(text, indent, prefix);
                }
            }
            Value::Time(_) => {}
            Value::List(items) => {
                for item in items {
                    match item {
                        Value::List(_) | Value::Map(_) => {
                            self.line(indent, Shade::Item, "", "|_", "");
                            let prefix = if matches!(item, Value::Map(_)) { "" } else { "- " };
                            self.display(item, indent + 2, prefix);
                        }
                        _ => self.display(item, indent, "- "),
                    }
                }
            }
            Value::Map(map) => {
                if indent > 0 {
                    self.line(indent, Shade::Key, "", "----------", "");
                }
                for (key, value) in in_order(map) {
                    self.line(indent, Shade::Key, prefix, &key, ":");
                    self.display(value, indent + 4, "");
                }
            }
        }
    }

    fn lines_of(&mut self, text: &str, indent: usize, prefix: &str) {
        let blank = " ".repeat(prefix.len());
        for (index, line) in python_splitlines(text).into_iter().enumerate() {
            let line = safe(line, self.options);
            self.line(indent, Shade::Text, if index == 0 { prefix } else { &blank }, &line, "");
        }
    }
}

/// The entries, those of no `OrderedDict` sorted by key; keys that Python cannot compare are made text first.
fn in_order(map: &Map) -> Vec<(Cow<'_, str>, &Value)> {
    let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
    if map.is_ordered() || sort_as_python(&mut entries) {
        return entries.into_iter().map(|(key, value)| (text_of(key), value)).collect();
    }
    let mut by_text: Vec<(Cow<'_, str>, &Value)> =
        map.iter().map(|(key, value)| (text_of(key), value)).collect();
    sort::by(&mut by_text, |(a, _), (b, _)| a.cmp(b));
    // Keys that became equal are one key, which keeps the last value.
    by_text.reverse();
    by_text.dedup_by(|later, earlier| later.0 == earlier.0);
    by_text.reverse();
    by_text
}

fn text_of(key: &Value) -> Cow<'_, str> {
    match key {
        Value::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(str_of(other)),
    }
}

/// Sorts by key as `sorted` would. False when Python would refuse to compare the keys; then nothing is moved.
pub(super) fn sort_as_python(entries: &mut [(&Value, &Value)]) -> bool {
    let comparable = entries.len() < 2
        || entries.iter().all(|(key, _)| matches!(key, Value::Text(_)))
        || entries.iter().all(|(key, _)| matches!(key, Value::Bytes(_)))
        || entries.iter().all(|(key, _)| matches!(key, Value::Time(_)))
        || entries.iter().all(|(key, _)| is_number(key));
    if comparable {
        sort::by(entries, |(a, _), (b, _)| compare(a, b));
    }
    comparable
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_))
}

/// Compares keys of one kind.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    let int = |value: &Value| match value {
        Value::Bool(bool) => Some(i64::from(*bool)),
        other => other.as_int(),
    };
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Big(a), Value::Big(b)) => a.cmp(b),
        _ => match (int(a), int(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => float(a).total_cmp(&float(b)),
        },
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Bool(bool) => f64::from(u8::from(*bool)),
        Value::Big(big) if big.sign() == num_bigint::Sign::Minus => f64::MIN,
        Value::Big(_) => f64::MAX,
        other => other.as_float().unwrap_or(0.0),
    }
}
