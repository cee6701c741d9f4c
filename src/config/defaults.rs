//! The default options of a role as a map.

use super::options::{Given, OPTIONS};
use super::{Role, paths};
use crate::value::{Map, Value};

/// The defaults of a role for a user and their home.
pub(super) fn table(role: Role, user: &str, home: &str) -> Map {
    let mut map = Map::with_capacity(OPTIONS.len());
    for row in OPTIONS {
        if let Some(value) = value_of(row.default_of(role), user, home) {
            map.insert(row.name, value);
        }
    }
    map
}

/// The value of one default; `None` where the option is absent.
pub(super) fn value_of(given: &Given, user: &str, home: &str) -> Option<Value> {
    Some(match given {
        Given::Absent => return None,
        Given::Null => Value::Null,
        Given::Bool(bool) => Value::Bool(*bool),
        Given::Int(int) => Value::Int(*int),
        Given::Float(float) => Value::Float(*float),
        Given::Text(text) => Value::text(*text),
        Given::Texts(texts) => Value::list(texts.iter().copied()),
        Given::Ints(ints) => Value::list(ints.iter().copied()),
        Given::Map(entries) => Value::Map(
            entries.iter().filter_map(|(key, given)| Some((*key, value_of(given, user, home)?))).collect(),
        ),
        Given::User => Value::text(user),
        Given::UserHome(below) => Value::Text(paths::join(home, below)),
    })
}
