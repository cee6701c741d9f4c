//! `key`: the lists of `salt-key`, a heading per status and a line per minion. Salt: output/key.py.

use super::colors::Color;
use super::{OutputOptions, Outputter, Unfit, push_line, push_spaces, safe};
use crate::value::{Value, sort, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "key", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let unfit = |problem| Unfit { outputter: "key", problem };
    let map = value.as_map().ok_or(unfit("anything but a map of statuses"))?;
    let mut statuses = Vec::with_capacity(map.len());
    for (status, keys) in map {
        let status = status.as_str().ok_or(unfit("a status that is not text"))?;
        statuses.push((status, status_of(status).ok_or(unfit("an unknown status"))?, keys));
    }
    sort::by_key(&mut statuses, |(status, ..)| *status);

    let ident = if options.multi_key { 4 } else { 0 };
    let end = Color::End.sequence(options);
    let mut out = String::new();
    for (_, (heading, heading_color, color), keys) in statuses {
        push_spaces(&mut out, ident);
        push_line(&mut out, format_args!("{}{heading} Keys:{end}", heading_color.sequence(options)));
        let color = color.sequence(options);
        match keys {
            Value::List(ids) => {
                let mut ids: Vec<&Value> = ids.iter().collect();
                sort::by_key(&mut ids, |id| str_of(id));
                for id in ids {
                    push_spaces(&mut out, ident);
                    push_line(&mut out, format_args!("{color}{}{end}", safe(&str_of(id), options)));
                }
            }
            Value::Map(entries) => {
                let mut entries: Vec<(&Value, &Value)> = entries.iter().collect();
                sort::by_key(&mut entries, |(id, _)| str_of(id));
                for (id, finger) in entries {
                    push_spaces(&mut out, ident);
                    let id = safe(&str_of(id), options);
                    push_line(&mut out, format_args!("{color}{id}:  {}{end}", str_of(finger)));
                }
            }
            Value::Text(_) | Value::Bytes(_) => {}
            _ => return Err(unfit("keys that are neither a list nor a map")),
        }
    }
    Ok(out)
}

/// The heading of a status, its colour, and the colour of the ids below.
fn status_of(status: &str) -> Option<(&'static str, Color, Color)> {
    Some(match status {
        "minions" => ("Accepted", Color::LightGreen, Color::Green),
        "minions_pre" => ("Unaccepted", Color::LightRed, Color::Red),
        "minions_denied" => ("Denied", Color::LightMagenta, Color::Magenta),
        "minions_rejected" => ("Rejected", Color::LightBlue, Color::Blue),
        "local" => ("Local", Color::LightMagenta, Color::Magenta),
        _ => return None,
    })
}
