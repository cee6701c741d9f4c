//! The tag of a low chunk: `state_|-id_|-name_|-function`. Salt: state.py (`_gen_tag`, `split_low_tag`).

use crate::value::{Map, Value, str_of};

/// `cmd_|-say hello_|-echo hello_|-run`.
pub fn tag(low: &Map) -> String {
    let part = |name: &str| low.get(name).map(str_of).unwrap_or_default();
    [part("state"), part("__id__"), super::no_log::shown_name(low), part("fun")].join("_|-")
}

/// State, id, name and function of a tag.
pub fn split_tag(tag: &str) -> Option<[&str; 4]> {
    let parts: Vec<&str> = tag.split("_|-").collect();
    parts.try_into().ok()
}

/// The text of a field of a chunk, empty where it is missing or none.
pub(super) fn field<'l>(low: &'l Map, name: &str) -> &'l str {
    low.str(name).unwrap_or_default()
}

/// The first entry of a map.
pub(super) fn first(map: &Map) -> Option<(&Value, &Value)> {
    map.at(0)
}
