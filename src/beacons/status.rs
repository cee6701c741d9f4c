//! `status`: what functions of the module `status` give, regularly. Salt: beacons/status.py.

use super::{Beacon, Look};
use crate::loader::{Call, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) const ROW: Beacon = Beacon { name: "status", validate: |_| None, look };

/// What is told where nothing is configured.
const ALL: [&str; 5] = ["loadavg", "cpustats", "meminfo", "vmstats", "time"];

fn look(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let everything = [ALL.into_iter().map(|name| (name, "all")).collect::<Map>()];
    let items = if look.items.is_empty() { &everything[..] } else { look.items };
    let mut told = Map::new();
    for (fun, wanted) in items.iter().flat_map(Map::iter) {
        let fun = str_of(fun);
        let data = match look.cx.call(&format!("status.{fun}"), Call::default()) {
            Ok(data) => data,
            Err(Fault::Execution { .. }) => {
                told.insert(fun, Map::new());
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let wanted = wanted.as_list().unwrap_or(std::slice::from_ref(wanted));
        told.insert(fun, chosen(data, wanted));
    }
    let time = look.cx.host.now().strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string();
    Ok(vec![map! { "tag" => time, "data" => told }])
}

/// All of it, or a map of some of it.
fn chosen(data: Value, wanted: &[Value]) -> Value {
    let mut some = Map::new();
    for item in wanted {
        if item.as_str() == Some("all") {
            return data;
        }
        let found = match &data {
            Value::Map(map) => map.get_value(item),
            Value::List(list) => index(item).and_then(|index| list.get(index)),
            _ => None,
        };
        let letter = || match (&data, index(item)) {
            (Value::Text(text), Some(index)) => text.chars().nth(index).map(|char| char.to_string().into()),
            _ => None,
        };
        match found.cloned().or_else(letter) {
            Some(value) => some.insert(item.clone(), value),
            None => {
                let item = crate::value::repr(item);
                return format!("Status beacon is incorrectly configured: {item}").into();
            }
        };
    }
    some.into()
}

fn index(item: &Value) -> Option<usize> {
    str_of(item).parse().ok()
}
