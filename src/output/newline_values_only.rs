//! `newline_values_only`: what the minions returned, without their names, lists item by item. Salt:
//! output/newline_values_only.py.

use super::{OutputOptions, Outputter, Unfit};
use crate::value::{Value, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "newline_values_only", render };

fn render(value: &Value, _: &OutputOptions) -> Result<String, Unfit> {
    let map =
        value.as_map().ok_or(Unfit { outputter: "newline_values_only", problem: "anything but a map" })?;
    let mut lines = Vec::new();
    for value in map.values() {
        match value {
            Value::List(items) => lines.extend(items.iter().map(str_of)),
            other => lines.push(str_of(other)),
        }
    }
    Ok(lines.join("\n"))
}
