//! `Value`: the one dynamic value that every file, message, template and module speaks.
//!
//! It is Python's plain data, as Salt passes it around: ordered maps with keys of any kind, text and bytes kept
//! apart, integers of any size. Equality is structural (`1`, `1.0` and `True` differ); where Python's looser rule
//! is wanted, [`Value::loosely_equals`] says so.

pub mod addresses;
mod conceal;
mod json;
mod letters;
mod lines;
mod lookup;
mod map;
mod merge;
pub mod msgpack;
mod near;
mod octets;
mod pep440;
mod repr;
pub mod serializer;
pub mod sort;
pub mod toml;
mod twister;
mod url;
pub mod yaml;

pub use conceal::concealed;
pub use json::{JsonError, JsonStyle};
pub use letters::is_letter_or_digit;
pub use lines::{decode_lossless, is_text, split_lines, split_octet_lines, unified_diff, unified_diff_near};
pub use lookup::{DEFAULT_DELIMITER, traverse};
pub use map::Map;
pub use merge::{MergeStrategy, merge, merge_maps};
pub use near::nearest;
pub use octets::Octets;
pub use pep440::{PyVersion, fulfills};
pub use repr::{float_repr, is_printable, repr, str_of};
pub use twister::Twister;
pub use url::{is_remote_scheme, redacted_url, url_scheme};

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use num_bigint::BigInt;

/// A date and time without zone, as Salt sends `datetime` objects (msgpack ext 78).
pub type DateTime = jiff::civil::DateTime;

/// One piece of plain data.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Python's `None`, YAML's `null`, msgpack's nil.
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// An integer that does not fit `i64`.
    Big(Box<BigInt>),
    Float(f64),
    /// Unicode text.
    Text(String),
    /// Bytes that are not known to be text.
    Bytes(Octets),
    List(Vec<Value>),
    Map(Map),
    Time(Box<DateTime>),
}

/// Trees of thousands of states are made of values: another word in each is a tenth of their memory.
const _: () = assert!(size_of::<Value>() <= 4 * size_of::<usize>());

impl Value {
    /// Text from anything that can become a `String`.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    /// A list of values.
    pub fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The octets of text or bytes: wire fields are "bytes that may be UTF-8".
    pub fn as_octets(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The integer, if it is one that fits `i64`.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The number as a float: integers and floats, not booleans.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map, if this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value below a text key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Whether this is `Null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Python's truth value: everything but `None`, `False`, zero and the empty.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(bool) => *bool,
            Value::Int(int) => *int != 0,
            Value::Big(_) | Value::Time(_) => true,
            Value::Float(float) => *float != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(map) => !map.is_empty(),
        }
    }

    /// The name of the type as a Python user knows it (`str`, `dict`, `NoneType` …).
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Big(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "dict",
            Value::Time(_) => "datetime",
        }
    }

    /// Equality as Python's `==` has it: numbers and booleans compare by value, maps without order.
    pub fn loosely_equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.loosely_equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, value)| b.get_value(key).is_some_and(|other| value.loosely_equals(other)))
            }
            _ => match (self.numeric(), other.numeric()) {
                (Some(Numeric::Int(a)), Some(Numeric::Int(b))) => a == b,
                (Some(a), Some(b)) => a.float() == b.float(),
                _ => self == other,
            },
        }
    }

    fn numeric(&self) -> Option<Numeric> {
        match self {
            Value::Bool(bool) => Some(Numeric::Int(i64::from(*bool))),
            Value::Int(int) => Some(Numeric::Int(*int)),
            Value::Float(float) => Some(Numeric::Float(*float)),
            _ => None,
        }
    }

    /// An integer of any size, in its smallest form.
    pub fn from_bigint(big: BigInt) -> Self {
        match i64::try_from(&big) {
            Ok(int) => Value::Int(int),
            Err(_) => Value::Big(Box::new(big)),
        }
    }
}

enum Numeric {
    Int(i64),
    Float(f64),
}

impl Numeric {
    fn float(&self) -> f64 {
        match self {
            Numeric::Int(int) => *int as f64,
            Numeric::Float(float) => *float,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Big(a), Value::Big(b)) => a == b,
            // Values are also map keys: equality has to be reflexive, for NaN too.
            (Value::Float(a), Value::Float(b)) => a == b || a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            // Text hashes like `str`, so that maps are looked up by `&str` without building a `Value`.
            Value::Text(text) => text.as_str().hash(state),
            Value::Null => 0_u8.hash(state),
            Value::Bool(bool) => bool.hash(state),
            Value::Int(int) => int.hash(state),
            Value::Big(big) => big.hash(state),
            Value::Float(float) => (if *float == 0.0 { 0 } else { float.to_bits() }).hash(state),
            Value::Bytes(bytes) => bytes.hash(state),
            Value::List(items) => items.hash(state),
            Value::Map(map) => map.len().hash(state),
            Value::Time(time) => time.hash(state),
        }
    }
}

macro_rules! from {
    ($($type:ty => |$it:ident| $value:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($it: $type) -> Self { $value }
        }
    )*};
}

from! {
    bool => |it| Value::Bool(it),
    i64 => |it| Value::Int(it),
    i32 => |it| Value::Int(i64::from(it)),
    u32 => |it| Value::Int(i64::from(it)),
    u16 => |it| Value::Int(i64::from(it)),
    u64 => |it| i64::try_from(it).map_or_else(|_| Value::Big(Box::new(it.into())), Value::Int),
    usize => |it| Value::from(it as u64),
    f64 => |it| Value::Float(it),
    &str => |it| Value::Text(it.to_owned()),
    String => |it| Value::Text(it),
    &String => |it| Value::Text(it.clone()),
    Bytes => |it| Value::Bytes(it.into()),
    Octets => |it| Value::Bytes(it),
    Vec<Value> => |it| Value::List(it),
    Map => |it| Value::Map(it),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(it: Option<T>) -> Self {
        it.map_or(Value::Null, Into::into)
    }
}

/// A [`Map`] written down: `map! { "id" => "web1", "retcode" => 0 }`.
#[macro_export]
macro_rules! map {
    () => { $crate::value::Map::new() };
    ($($key:expr => $value:expr),+ $(,)?) => {{
        let mut map = $crate::value::Map::new();
        $(map.insert($key, $value);)+
        map
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_structural_and_loose_equality_is_pythons() {
        assert_ne!(Value::Int(1), Value::Bool(true));
        assert_ne!(Value::Int(1), Value::Float(1.0));
        assert!(Value::Int(1).loosely_equals(&Value::Float(1.0)));
        assert!(Value::Bool(true).loosely_equals(&Value::Int(1)));
        assert!(Value::list([1, 2]).loosely_equals(&Value::list([1.0, 2.0])));
        assert!(!Value::text("1").loosely_equals(&Value::Int(1)));
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
    }

    #[test]
    fn truth_is_pythons() {
        for falsy in
            [Value::Null, false.into(), 0.into(), 0.0.into(), "".into(), Value::List(vec![]), map! {}.into()]
        {
            assert!(!falsy.truthy(), "{falsy:?}");
        }
        for truthy in [true.into(), (-1).into(), "0".into(), Value::list([0]), map! { "a" => 1 }.into()] {
            let truthy: Value = truthy;
            assert!(truthy.truthy(), "{truthy:?}");
        }
    }

    #[test]
    fn maps_keep_order_and_are_found_by_str() {
        let map = map! { "b" => 1, "a" => 2 };
        assert_eq!(map.keys().filter_map(Value::as_str).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(map.get("a"), Some(&Value::Int(2)));
        assert_eq!(map.get("c"), None);
    }
}
