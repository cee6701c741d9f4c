//! High data to low chunks in the order in which they run. Salt: state.py (`compile_high_data`, `order_chunks`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::tag::{field, tag};
use crate::patterns::Glob;
use crate::value::{Map, Value, nearest, sort, str_of};

/// The SLS files that include the one that a state is of: `sls` requisites mean these states, too, as in 3007.
pub const INCLUDED_FROM: &str = "__sls_included_from__";

/// The chunks of high data, in order.
pub fn low_of(high: Map, orchestration_jid: Option<&Value>) -> Vec<Map> {
    let mut chunks = Vec::with_capacity(high.len());
    for (name, body) in high {
        let Value::Map(body) = body else { continue };
        if name.as_str().is_some_and(|name| name.starts_with("__")) {
            continue;
        }
        let (sls, env) = (body.get("__sls__").cloned(), body.get("__env__").cloned());
        let from = body.get(INCLUDED_FROM).cloned();
        for (module, args) in body {
            let (Some(module), Value::List(args)) = (module.as_str(), args) else { continue };
            if module.starts_with("__") {
                continue;
            }
            let mut chunk = Map::with_capacity(args.len() + 6);
            chunk.insert("state", module);
            chunk.insert("name", name.clone());
            if let Some(jid) = orchestration_jid {
                chunk.insert("__orchestration_jid__", jid.clone());
            }
            for (key, value) in [("__sls__", &sls), ("__env__", &env), (INCLUDED_FROM, &from)] {
                if let Some(value) = value {
                    chunk.insert(key, value.clone());
                }
            }
            chunk.insert("__id__", name.clone());
            add_chunks(&name, chunk, args, &mut chunks);
        }
    }
    order(&mut chunks);
    chunks
}

fn add_chunks(id: &Value, mut chunk: Map, args: Vec<Value>, chunks: &mut Vec<Map>) {
    let mut functions: Vec<Value> = Vec::new();
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for arg in args {
        match arg {
            Value::Text(_) if !functions.contains(&arg) => functions.push(arg),
            Value::Map(arg) => {
                for (key, value) in arg {
                    match key.as_str() {
                        Some("names") => {
                            let Value::List(list) = value else { continue };
                            names.extend(list.into_iter().filter(|name| seen.insert(name.clone())));
                        }
                        // A state does not become another one.
                        Some("state") => {}
                        Some("name") if !matches!(value, Value::Text(_)) => {
                            chunk.insert(key, id.clone());
                        }
                        _ => {
                            chunk.insert(key, value);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut finish = |mut chunk: Map| {
        if let Some((last, others)) = functions.split_last() {
            for function in others {
                let mut chunk = chunk.clone();
                chunk.insert("fun", function.clone());
                chunks.push(chunk);
            }
            chunk.insert("fun", last.clone());
            chunks.push(chunk);
        }
    };
    if names.is_empty() {
        finish(chunk);
        return;
    }
    for (index, entry) in names.into_iter().enumerate() {
        let mut live = chunk.clone();
        match entry {
            Value::Map(entry) => {
                if let Some((name, more)) = entry.into_iter().next() {
                    live.insert("name", name);
                    let Value::List(more) = more else { continue };
                    for more in more {
                        if let Value::Map(more) = more {
                            live.extend(more);
                        }
                    }
                }
            }
            name => {
                live.insert("name", name);
            }
        }
        live.insert("name_order", index + 1);
        finish(live);
    }
}

/// Gives each chunk a number and sorts by it.
fn order(chunks: &mut [Map]) {
    let mut cap: i64 = 1;
    for order in chunks.iter().filter_map(|chunk| integer(chunk.get("order")?)) {
        if order > cap - 1 && order > 0 {
            cap = order.saturating_add(100);
        }
    }
    for chunk in chunks.iter_mut() {
        let Some(order) = chunk.get("order") else {
            chunk.insert("order", cap);
            continue;
        };
        let mut order = match order {
            Value::Int(_) | Value::Float(_) => order.clone(),
            Value::Bool(bool) => i64::from(*bool).into(),
            Value::Text(text) if text == "last" => (cap + 1_000_000).into(),
            Value::Text(text) if text == "first" => 0.into(),
            _ => cap.into(),
        };
        if let Some(place) = chunk.remove("name_order") {
            order = Value::Float(number(&order) + number(&place) / 10_000.0);
        }
        if number(&order) < 0.0 {
            order = match order {
                Value::Int(order) => (cap + 1_000_000 + order).into(),
                other => Value::Float((cap + 1_000_000) as f64 + number(&other)),
            };
        }
        chunk.insert("order", order);
    }
    sort::by_cached_key(chunks, |chunk| {
        let text = |key: &str| chunk.get(key).map(str_of).unwrap_or_default();
        (
            Order(number(chunk.get("order").unwrap_or(&Value::Null))),
            text("state") + &text("name") + &text("fun"),
        )
    });
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(bool) => Some(i64::from(*bool)),
        other => other.as_int(),
    }
}

fn number(value: &Value) -> f64 {
    value.as_float().unwrap_or_default()
}

#[derive(PartialEq)]
struct Order(f64);

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What a run knows of a chunk besides what is written in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// It is about to be tried with `test=True`, for a `prereq`.
    pub prereq: bool,
    /// A `prereq` of another one is about it.
    pub prerequired: bool,
    /// It has taken over what others of its kind have.
    pub aggregated: bool,
}

/// Chunks of a run, found quickly.
pub struct Chunks {
    /// Shared with states that run beside the run.
    pub(super) lows: Arc<Vec<Map>>,
    pub(super) tags: Vec<String>,
    pub(super) flags: Vec<Flags>,
    by_name: HashMap<String, Vec<usize>>,
    by_sls: HashMap<String, Vec<usize>>,
    /// By the files that include theirs.
    by_including: HashMap<String, Vec<usize>>,
}

impl Chunks {
    /// Indexes chunks.
    pub fn new(lows: Vec<Map>) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_sls: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_including: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, low) in lows.iter().enumerate() {
            let (name, id) = (field(low, "name"), field(low, "__id__"));
            by_name.entry(name.to_owned()).or_default().push(place);
            if id != name {
                by_name.entry(id.to_owned()).or_default().push(place);
            }
            by_sls.entry(field(low, "__sls__").to_owned()).or_default().push(place);
            for from in low.get(INCLUDED_FROM).and_then(Value::as_list).unwrap_or_default() {
                by_including.entry(str_of(from)).or_default().push(place);
            }
        }
        let tags = lows.iter().map(tag).collect();
        let flags = vec![Flags::default(); lows.len()];
        Chunks { lows: Arc::new(lows), tags, flags, by_name, by_sls, by_including }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lows.is_empty()
    }

    pub(super) fn low(&self, place: usize) -> &Map {
        static NONE: std::sync::LazyLock<Map> = std::sync::LazyLock::new(Map::new);
        self.lows.get(place).unwrap_or(&NONE)
    }

    pub(super) fn low_mut(&mut self, place: usize) -> Option<&mut Map> {
        Arc::make_mut(&mut self.lows).get_mut(place)
    }

    /// The name or id that a requisite which means nothing was probably to have.
    pub(super) fn nearest(&self, module: &str, pattern: &str) -> Option<String> {
        let lows = self.lows.iter().filter(|low| module == "id" || field(low, "state") == module);
        let mut names = lows.flat_map(|low| [field(low, "name"), field(low, "__id__")]);
        nearest(pattern, &mut names).map(str::to_owned)
    }

    /// The places of chunks that a requisite `module: pattern` means, in order. `id` is any module, `sls` whole files.
    pub(super) fn matching(&self, module: &str, pattern: &str) -> Vec<usize> {
        let index = if module == "sls" { &self.by_sls } else { &self.by_name };
        let mut places: Vec<usize> = if pattern.contains(['*', '?', '[']) {
            let glob = Glob::new(pattern);
            index
                .iter()
                .filter(|(name, _)| glob.matches(name))
                .flat_map(|(_, places)| places.clone())
                .collect()
        } else {
            index.get(pattern).cloned().unwrap_or_default()
        };
        // 3007 means them in any case, and then finds a circle where an included file waits for the including one.
        if module == "sls" && places.is_empty() {
            places.extend(self.by_including.get(pattern).into_iter().flatten());
        }
        places.retain(|place| matches!(module, "sls" | "id") || field(self.low(*place), "state") == module);
        sort::all(&mut places);
        places.dedup();
        places
    }
}
