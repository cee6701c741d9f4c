//! Values to YAML text, byte for byte as PyYAML's C dumper writes it. PyYAML: representer.py, serializer.py; Salt:
//! utils/yamldumper.py.

use crate::value::sort;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};

use super::resolve::{self, Tag};
use super::stand_in::StandIn;
use crate::value::{Map, Value, float_repr};

/// When collections are written on one line: PyYAML's `default_flow_style`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// `False`: each item on a line of its own.
    Never,
    /// `None`: collections that hold only plain scalars are on one line.
    Leaves,
    /// `True`: everything is on one line.
    Always,
}

/// How YAML is laid out: the arguments of `yaml.dump`.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub flow: Flow,
    /// Keys in order, where Python can order them.
    pub sort_keys: bool,
    /// Those of an `OrderedDict`, too.
    pub sort_ordered: bool,
    /// Characters outside ASCII as they are, where they can be printed.
    pub allow_unicode: bool,
    /// Columns per level; libyaml takes 2 to 9 and makes 2 of anything else.
    pub indent: i32,
    /// Where long text is wrapped; negative: never.
    pub width: i32,
    pub explicit_start: bool,
    pub explicit_end: bool,
}

impl Style {
    /// `salt.utils.yaml.safe_dump(x, default_flow_style=False)`: what `--out=yaml` and most of Salt write.
    pub const SALT: Style = Style {
        flow: Flow::Never,
        sort_keys: true,
        sort_ordered: false,
        allow_unicode: true,
        indent: 2,
        width: 80,
        explicit_start: false,
        explicit_end: false,
    };

    /// `yaml.safe_dump(x)`.
    pub const PYYAML: Style = Style { allow_unicode: false, sort_ordered: true, ..Style::SALT };
}

/// The YAML of a value. Infallible: what YAML has no form for is written as the text Python would print.
pub fn dump(value: &Value, style: Style) -> String {
    let mut stand_in = if style.allow_unicode { StandIn::for_texts_of(value) } else { None };
    let mut out = Vec::new();
    {
        let mut emitter = Emitter::new();
        emitter.set_output(&mut out);
        emitter.set_encoding(Encoding::Utf8);
        emitter.set_indent(style.indent);
        emitter.set_width(style.width);
        emitter.set_unicode(style.allow_unicode);
        let mut writer = Writer { emitter, style, stand_in: stand_in.as_mut() };
        // The events below are well-formed and memory takes every write, so that nothing can go wrong.
        let _ = writer.document(value);
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    match stand_in {
        Some(stand_in) => stand_in.resolve(&text),
        None => text,
    }
}

struct Writer<'w> {
    emitter: Emitter<'w>,
    style: Style,
    stand_in: Option<&'w mut StandIn>,
}

type Written = Result<(), libyaml_safer::Error>;

impl Writer<'_> {
    fn document(&mut self, value: &Value) -> Written {
        self.emitter.emit(Event::stream_start(Encoding::Utf8))?;
        self.emitter.emit(Event::document_start(None, &[], !self.style.explicit_start))?;
        self.value(value)?;
        self.emitter.emit(Event::document_end(!self.style.explicit_end))?;
        self.emitter.emit(Event::stream_end())?;
        self.emitter.flush()
    }

    fn value(&mut self, value: &Value) -> Written {
        match value {
            Value::Null => self.scalar(resolve::NULL, "null"),
            Value::Bool(bool) => self.scalar(resolve::BOOL, if *bool { "true" } else { "false" }),
            Value::Int(int) => self.scalar(resolve::INT, &int.to_string()),
            Value::Big(big) => self.scalar(resolve::INT, &big.to_string()),
            Value::Float(float) => self.scalar(resolve::FLOAT, &float_text(*float)),
            Value::Text(text) => self.scalar(resolve::STR, text),
            Value::Bytes(octets) => {
                self.styled("tag:yaml.org,2002:binary", &base64_lines(octets), ScalarStyle::Literal)
            }
            Value::Time(time) => {
                self.scalar(resolve::TIMESTAMP, &super::super::str_of(&Value::Time(time.clone())))
            }
            Value::List(items) => self.list(items),
            Value::Map(map) => self.map(map),
        }
    }

    fn scalar(&mut self, tag: &str, text: &str) -> Written {
        self.styled(tag, text, ScalarStyle::Plain)
    }

    fn styled(&mut self, tag: &str, text: &str, style: ScalarStyle) -> Written {
        let plain_implicit = resolve_written(text).as_str() == tag;
        let quoted_implicit = tag == resolve::STR;
        let replaced = self.stand_in.as_mut().map(|stand_in| stand_in.replace(text));
        let text = replaced.as_deref().unwrap_or(text);
        self.emitter.emit(Event::scalar(None, Some(tag), text, plain_implicit, quoted_implicit, style))
    }

    fn list(&mut self, items: &[Value]) -> Written {
        let style = if self.on_one_line(items.iter()) { SequenceStyle::Flow } else { SequenceStyle::Block };
        self.emitter.emit(Event::sequence_start(None, Some(resolve::SEQ), true, style))?;
        for item in items {
            self.value(item)?;
        }
        self.emitter.emit(Event::sequence_end())
    }

    fn map(&mut self, map: &Map) -> Written {
        let style = if self.on_one_line(map.keys().chain(map.values())) {
            MappingStyle::Flow
        } else {
            MappingStyle::Block
        };
        self.emitter.emit(Event::mapping_start(None, Some(resolve::MAP), true, style))?;
        let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
        let sorts = self.style.sort_keys && (self.style.sort_ordered || !map.is_ordered());
        if sorts && can_be_ordered(map) {
            sort::by(&mut entries, |(a, _), (b, _)| compare(a, b));
        }
        for (key, value) in entries {
            self.value(key)?;
            self.value(value)?;
        }
        self.emitter.emit(Event::mapping_end())
    }

    fn on_one_line<'a>(&self, mut parts: impl Iterator<Item = &'a Value>) -> bool {
        match self.style.flow {
            Flow::Never => false,
            Flow::Always => true,
            Flow::Leaves => {
                parts.all(|part| !matches!(part, Value::List(_) | Value::Map(_) | Value::Bytes(_)))
            }
        }
    }
}

/// Python's `$` also matches before a line break at the end, so a text may look like a number there.
fn resolve_written(text: &str) -> Tag {
    match resolve::resolve(text.strip_suffix('\n').unwrap_or(text)) {
        Tag::Null if text == "\n" => Tag::Str,
        tag => tag,
    }
}

fn float_text(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = float_repr(float);
    // YAML 1.1 has no floats without a dot.
    if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
}

/// Base64 in lines of 76, each ended, as Python's `encodebytes` has it.
fn base64_lines(octets: &[u8]) -> String {
    const OCTETS_PER_LINE: usize = 57;
    octets.chunks(OCTETS_PER_LINE).map(|line| STANDARD.encode(line) + "\n").collect()
}

/// Whether Python can sort the keys: all text, all numbers, or all of one other ordered type.
fn can_be_ordered(map: &Map) -> bool {
    let class = |key: &Value| match key {
        Value::Text(_) => 1,
        Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => 2,
        Value::Bytes(_) => 3,
        Value::Time(_) => 4,
        Value::Null | Value::List(_) | Value::Map(_) => 0,
    };
    let mut classes = map.keys().map(class);
    let Some(first) = classes.next() else { return true };
    first != 0 && classes.all(|other| other == first)
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    use std::cmp::Ordering::Equal;
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => match (exact(a), exact(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => approximate(a).partial_cmp(&approximate(b)).unwrap_or(Equal),
        },
    }
}

fn exact(number: &Value) -> Option<num_bigint::BigInt> {
    match number {
        Value::Bool(bool) => Some(i64::from(*bool).into()),
        Value::Int(int) => Some((*int).into()),
        Value::Big(big) => Some((**big).clone()),
        _ => None,
    }
}

fn approximate(number: &Value) -> f64 {
    match number {
        Value::Float(float) => *float,
        other => exact(other).and_then(|big| big.to_string().parse().ok()).unwrap_or(f64::NAN),
    }
}
