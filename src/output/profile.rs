//! `profile`: how long each state of a run took, as a table. Salt: output/profile.py.

use super::{OutputOptions, Outputter, Unfit, table};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "profile", render };

/// Longer names are cut, in characters.
const LONGEST: usize = 60;
const LABEL: &str = "duration (ms)";

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let none = Map::new();
    let mut rows: Vec<(f64, String, String)> = Vec::new();
    for (_, states) in value.as_map().ok_or_else(|| unfit("what is not a map of minions"))? {
        match states {
            Value::Map(states) => {
                for (id, state) in states {
                    rows.push(match state {
                        Value::Map(state) => row(&str_of(id), state)?,
                        _ => row(&str_of(id), &map! { "name" => str_of(id) })?,
                    });
                }
            }
            // Salt quirk: output/profile.py: a text is a state for each of its characters.
            Value::Text(text) => {
                for char in text.chars() {
                    rows.push(row(&char.to_string(), &none)?);
                }
            }
            // Salt quirk: and an item of a list is the place of another one, if it is a number.
            Value::List(items) => {
                for item in items {
                    let place = match item {
                        Value::Bool(one) => i64::from(*one),
                        Value::Int(place) => *place,
                        _ => {
                            rows.push(row(&str_of(item), &none)?);
                            continue;
                        }
                    };
                    let from_end = place.checked_add_unsigned(items.len() as u64).filter(|_| place < 0);
                    let at = usize::try_from(from_end.unwrap_or(place)).ok();
                    let state =
                        at.and_then(|at| items.get(at)).ok_or_else(|| unfit("a number that is no place"))?;
                    let named = map! { "name" => str_of(item) };
                    rows.push(row(&str_of(item), state.as_map().unwrap_or(&named))?);
                }
            }
            Value::Bytes(octets) => {
                for octet in octets.iter() {
                    if usize::from(*octet) >= octets.len() {
                        return Err(unfit("an octet that is no place"));
                    }
                    rows.push(row(&octet.to_string(), &map! { "name" => octet.to_string() })?);
                }
            }
            _ => return Err(unfit("a return without states")),
        }
    }
    let width =
        rows.iter().map(|(taken, ..)| format!("{taken:.4}").len()).max().unwrap_or(0).max(LABEL.len());
    let mut rows: Vec<[String; 3]> =
        rows.into_iter().map(|(taken, name, fun)| [format!("{taken:width$.4}"), name, fun]).collect();
    sort::by(&mut rows, |a, b| a.cmp(b));
    let rows: Vec<Value> =
        rows.into_iter().map(|[taken, name, fun]| Value::list([name, fun, taken])).collect();
    let shown = map! { "labels" => Value::list(["name", "mod.fun", LABEL]), "rows" => rows };
    table::show(&shown.into(), options, Some("rows"), Some("labels"))
}

fn row(id: &str, state: &Map) -> Result<(f64, String, String), Unfit> {
    let name = match state.get("name").or_else(|| state.get("__id__")) {
        None | Some(Value::Null) => "<>".to_owned(),
        Some(Value::Text(name)) if name.chars().count() > LONGEST => {
            format!("{}...", name.chars().take(LONGEST - 3).collect::<String>())
        }
        Some(Value::Text(name)) => name.clone(),
        Some(_) => return Err(unfit("a name that is no text")),
    };
    let taken = match state.get("duration") {
        None => Some(-1.0),
        Some(Value::Text(text)) => text.trim().parse().ok(),
        Some(Value::Bool(one)) => Some(f64::from(u8::from(*one))),
        Some(other) => other.as_float(),
    };
    let taken = taken.ok_or_else(|| unfit("a duration that is no number"))?;
    let parts = || id.split("_|-");
    let (module, function) = (parts().next().unwrap_or_default(), parts().last().unwrap_or_default());
    Ok((taken, name, format!("{module}.{function}")))
}

fn unfit(problem: &'static str) -> Unfit {
    Unfit { outputter: "profile", problem }
}
