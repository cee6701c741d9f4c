//! `highstate`, the outputter of state runs: a block or a line for each state, and a summary. Salt:
//! output/highstate.py.

mod changes;
mod compress;
mod lines;
mod options;
mod summary;
mod wrap;

use super::colors::Color;
use super::{OutputOptions, Outputter, Unfit, python_pformat, python_splitlines};
use crate::value::{Map, Value, sort, str_of};
use changes::{Shown, changed_text};
pub use options::{StateOutput, Tabular};
use summary::Counts;

pub(super) static OUTPUTTER: Outputter = Outputter { name: "highstate", render };

const UNFIT: Unfit = Unfit { outputter: "highstate", problem: "what is no map of hosts" };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    whole(value, options, 1)
}

/// A whole return: `{host: {tag: return}}`, perhaps wrapped as runners wrap it.
fn whole(value: &Value, options: &OutputOptions, level: usize) -> Result<String, Unfit> {
    let mut data = value;
    for wrapping in ["return", "data"] {
        if let Some(inner) = data.get(wrapping) {
            data = inner;
        }
    }
    if let Value::Map(map) = data
        && map.len() == 1
        && let Some((_, Value::Map(only))) = map.at(0)
        && only.contains("jid")
        && only.contains("fun")
        && let Some(inner) = only.get("return").and_then(|ret| ret.get("data"))
    {
        data = inner;
    }
    let hosts = match data {
        Value::Map(hosts) => hosts,
        Value::Null => return Ok("None".to_owned()),
        Value::Text(text) => return Ok(text.clone()),
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => return Ok(str_of(data)),
        _ => return Err(UNFIT),
    };
    let is_master = |key: &Value| key.as_str().is_some_and(|key| key.ends_with("_master"));
    let of_orchestration =
        hosts.contains("retcode") && hosts.keys().filter(|key| is_master(key)).count() == 1;
    let compressed = if options.state.compress_ids { compress::ids(hosts) } else { None };
    let hosts = compressed.as_ref().unwrap_or(hosts);
    let mut texts = Vec::new();
    for (host, data) in hosts {
        if !(of_orchestration && host.as_str() == Some("retcode")) {
            texts.push(host_text(&str_of(host), data, options, level)?.text);
        }
    }
    Ok(texts.join("\n"))
}

/// One host's text, and whether anything changed there.
struct HostText {
    text: String,
    changed: bool,
}

/// Colours of this output.
struct Paint<'o> {
    options: &'o OutputOptions,
}

impl Paint<'_> {
    fn on(&self, color: Color) -> String {
        color.sequence(self.options).into_owned()
    }

    fn end(&self) -> String {
        self.on(Color::End)
    }

    fn line(&self, color: Color, text: &str) -> String {
        format!("{}{text}{}", self.on(color), self.end())
    }
}

fn host_text(host: &str, data: &Value, options: &OutputOptions, level: usize) -> Result<HostText, Unfit> {
    let paint = Paint { options };
    let (mut color, mut lines, mut changes) = (Color::Green, Vec::new(), 0);
    match data {
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => {
            changes = 1;
            lines.push(paint.line(Color::Green, &format!("    {}", str_of(data))));
            color = Color::Cyan;
        }
        Value::Text(text) => {
            changes = 1;
            lines.extend(
                python_splitlines(text).iter().map(|line| paint.line(Color::Green, &format!("    {line}"))),
            );
            color = Color::Cyan;
        }
        Value::List(errors) => {
            color = Color::LightRed;
            lines.push(format!("    {}Data failed to compile:{}", paint.on(color), paint.end()));
            for error in errors {
                let text = str_of(error);
                let text = if options.strip_colors { text.replace('\x1b', "?") } else { text };
                lines.push(format!("{}----------\n    {text}{}", paint.on(color), paint.end()));
            }
        }
        Value::Map(states) => {
            (color, changes) = states_text(host, states, &paint, level, &mut lines)?;
        }
        _ => {}
    }
    let host = if options.strip_colors { host.replace('\x1b', "?") } else { host.to_owned() };
    lines.insert(0, format!("{}{host}:{}", paint.on(color), paint.end()));
    Ok(HostText { text: lines.join("\n"), changed: changes > 0 })
}

/// The states of a host in the order in which they ran; the colour of the host, and how many changed.
fn states_text(
    host: &str,
    states: &Map,
    paint: &Paint,
    level: usize,
    lines: &mut Vec<String>,
) -> Result<(Color, usize), Unfit> {
    let state_options = &paint.options.state;
    for (tag, ret) in states {
        if let Value::Map(map) = ret
            && tag.as_str() != Some("changes")
            && !map.is_empty()
            && !map.contains("__run_num__")
        {
            lines.insert(0, python_pformat(ret, 1));
            lines.insert(
                0,
                "The State execution failed to record the order in which all states were executed. The state return \
                 missing data is:"
                    .to_owned(),
            );
        }
    }
    let number = |ret: &Map| ret.get("__run_num__").and_then(Value::as_float).unwrap_or_default();
    let mut ran: Vec<(String, &Map)> = states
        .iter()
        .filter_map(|(tag, ret)| Some((str_of(tag), ret.as_map().filter(|ret| ret.contains("result"))?)))
        .collect();
    sort::by(&mut ran, |(_, a), (_, b)| number(a).total_cmp(&number(b)));
    let mut counts = Counts::default();
    let mut color = Color::Green;
    for (tag, ret) in &ran {
        let parts: Vec<&str> = tag.split("_|-").collect();
        let [module, id, name, .., fun] = parts.as_slice() else { return Err(UNFIT) };
        let result = ret.get("result").unwrap_or(&Value::Null);
        let merged = compress::count(tag, id, state_options.compress_ids);
        counts.add(ret, result, merged);
        let Shown { changed, text } = changed_text(ret, paint.options, level)?;
        counts.changes(ret, changed, merged);
        if result.truthy() && !changed && (state_options.diff || !state_options.verbose) {
            continue;
        }
        let mut own = if changed { Color::Cyan } else { Color::Green };
        match result {
            Value::Bool(false) => (color, own) = (Color::Red, Color::Red),
            Value::Null => (color, own) = (Color::LightYellow, Color::LightYellow),
            _ => {}
        }
        let mode = state_options.mode.to_lowercase();
        let name = if mode.ends_with("_id") { id } else { name };
        let state = lines::State { module, fun, id, name, ret, color: own };
        let shown = str_of(result);
        if mode.starts_with("filter") {
            if state_options.terse.contains(&shown) {
                lines.push(state.terse(paint));
                continue;
            }
            if state_options.exclude.contains(&shown) {
                continue;
            }
        } else if mode.starts_with("terse")
            || (mode.starts_with("mixed") && *result != Value::Bool(false))
            || (mode.starts_with("changes") && result.truthy() && !changed)
        {
            lines.push(state.terse(paint));
            continue;
        }
        state.full(paint, &text, lines);
        if ret.contains("warnings") {
            counts.warnings += 1;
        }
    }
    counts.summary(host, paint, lines);
    Ok((color, counts.changed))
}
