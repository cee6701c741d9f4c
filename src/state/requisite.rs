//! Requisites: which chunks one waits for, and what their results mean for it. Salt: state.py (`check_requisite`).

use super::chunks::Chunks;
use super::outcome::{has_changes, result_of};
use super::run::Run;
use super::tag::{field, first};
use crate::loader::Fault;
use crate::map;
use crate::value::{Map, Value, str_of};

/// What becomes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Met,
    /// Something that it waits for has not run, or is not there.
    Unmet,
    Fail,
    /// A `prereq` would change nothing.
    Pre,
    OnFail,
    OnChanges,
    /// Something that it watches has changed.
    Change,
}

/// The kinds in the order in which Salt looks at them.
const KINDS: &[&str] = &[
    "require",
    "require_any",
    "watch",
    "watch_any",
    "prereq",
    "onfail",
    "onfail_any",
    "onfail_all",
    "onchanges",
    "onchanges_any",
    "prerequired",
];

/// `[(kind, places of chunks)]`.
pub(super) type Waited = Vec<(&'static str, Vec<usize>)>;

#[derive(Clone, Copy, Default)]
struct Seen {
    unmet: bool,
    fail: bool,
    pre: bool,
    premet: bool,
    onfail: bool,
    onchanges: bool,
    onchanges_met: bool,
    change: bool,
    met: bool,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.unmet |= other.unmet;
        self.fail |= other.fail;
        self.pre |= other.pre;
        self.premet |= other.premet;
        self.onfail |= other.onfail;
        self.onchanges |= other.onchanges;
        self.onchanges_met |= other.onchanges_met;
        self.change |= other.change;
        self.met |= other.met;
    }

    fn status(self) -> Status {
        match self {
            Seen { unmet: true, .. } => Status::Unmet,
            Seen { fail: true, .. } => Status::Fail,
            Seen { pre: true, premet: true, .. } => Status::Met,
            Seen { pre: true, .. } => Status::Pre,
            Seen { onfail: true, onchanges_met: false, .. } => Status::OnFail,
            Seen { onchanges: true, onchanges_met: false, .. } => Status::OnChanges,
            Seen { change: true, .. } => Status::Change,
            Seen { onfail: true, .. } => Status::OnFail,
            _ => Status::Met,
        }
    }
}

/// One item of a requisite: `module: pattern`, `id: pattern` for an id alone. `None` for what says nothing.
///
/// # Errors
/// Salt's words for a pattern that is no text.
pub(super) fn item(item: &Value) -> Result<Option<(String, String)>, Fault> {
    let (kind, wanted) = match item {
        Value::Text(id) => return Ok(Some(("id".to_owned(), id.clone()))),
        Value::Map(map) => match first(map) {
            Some((kind, wanted)) => (str_of(kind), wanted),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    // The function of `file.managed: x` does not count.
    let kind = kind.split('.').next().unwrap_or_default().to_owned();
    match wanted {
        Value::Null => Ok(None),
        Value::Text(wanted) => Ok(Some((kind, wanted.clone()))),
        _ => Err(Fault::exception(
            "salt.exceptions.SaltRenderError",
            format!("Could not locate requisite of [{kind}] present in state"),
        )),
    }
}

/// The items of a requisite; a map stands for the ids that are its keys.
pub(super) fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.clone(),
        Value::Map(map) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

impl Run<'_, '_> {
    /// Looks at everything that a chunk waits for. With `pre` also at those whose `prereq` it is.
    pub(super) fn check_requisite(
        &mut self,
        chunks: &mut Chunks,
        at: usize,
        pre: bool,
    ) -> Result<(Status, Waited), Fault> {
        self.without_watch(chunks, at);
        let mut waited: Waited = Vec::new();
        for &kind in KINDS {
            if kind == "prerequired" && !pre {
                continue;
            }
            let Some(value) = chunks.low(at).get(kind).filter(|value| !value.is_null()) else { continue };
            if self.disabled_requisites.iter().any(|disabled| disabled == kind) {
                crate::log::warn!("The {kind} requisite has been disabled, Ignoring.");
                continue;
            }
            let mut places = Vec::new();
            for wanted in items(value) {
                let Some((module, pattern)) = item(&wanted)? else { continue };
                let found = chunks.matching(&module, &pattern);
                if found.is_empty() {
                    return Ok((Status::Unmet, Vec::new()));
                }
                places.extend(found);
            }
            waited.push((kind, places));
        }
        let mut all = Seen::default();
        for (kind, places) in &waited {
            self.join(places.iter().filter_map(|place| chunks.tags.get(*place)));
            all.add(self.seen(chunks, kind, places));
        }
        Ok((all.status(), waited))
    }

    fn seen(&self, chunks: &Chunks, kind: &str, places: &[usize]) -> Seen {
        let mut seen = Seen::default();
        let is_prereq = kind == "prereq";
        let results = if is_prereq { &self.pre } else { &self.results };
        for tag in places.iter().filter_map(|place| chunks.tags.get(*place)) {
            let Some(Value::Map(ret)) = results.get(tag) else {
                seen.unmet = true;
                continue;
            };
            let result = result_of(ret);
            if kind.starts_with("onfail") {
                if result == Some(true) {
                    seen.onfail = true;
                    continue;
                }
            } else if result == Some(false) {
                seen.fail = true;
                continue;
            }
            if kind.starts_with("onchanges") {
                if has_changes(ret) {
                    seen.onchanges_met = true;
                } else {
                    seen.onchanges = true;
                }
                continue;
            }
            if kind.starts_with("watch") && has_changes(ret) {
                seen.change = true;
                continue;
            }
            if is_prereq && result.is_none() {
                seen.premet = true;
            }
            if kind.starts_with("prereq") && result.is_some() {
                seen.pre |= is_prereq;
            } else if ret.get("__state_ran__").is_none_or(Value::truthy) {
                seen.met = true;
            }
        }
        if kind.ends_with("_any") || kind == "onfail" {
            if seen.met || seen.change {
                seen.fail = false;
            }
            if seen.onchanges_met {
                seen.onchanges = false;
                seen.fail = false;
            }
            if seen.onfail && seen.met {
                seen.onfail = false;
            }
        }
        if kind.ends_with("_all") && seen.onfail {
            seen.met = false;
        }
        seen
    }

    /// States that do not know how to react to changes only require what they watch.
    fn without_watch(&mut self, chunks: &mut Chunks, at: usize) {
        let low = chunks.low(at);
        if !low.contains("watch") && !low.contains("watch_any") {
            return;
        }
        let module = field(low, "state").to_owned();
        if self.has_mod_watch(&module) {
            return;
        }
        let Some(low) = chunks.low_mut(at) else { return };
        for (watch, require) in [("watch", "require"), ("watch_any", "require_any")] {
            let Some(watched) = low.remove(watch) else { continue };
            match (low.get_mut(require), watched) {
                (Some(Value::List(required)), Value::List(watched)) => required.extend(watched),
                (_, watched) => {
                    low.insert(require, watched);
                }
            }
        }
    }

    /// `{kind: [chunk]}`, for states that react to changes.
    pub(super) fn required_chunks(&self, chunks: &Chunks, waited: &Waited) -> Map {
        let mut all = map! { "watch" => Value::List(Vec::new()) };
        for (kind, places) in waited {
            let lows: Vec<Value> = places.iter().map(|place| chunks.low(*place).clone().into()).collect();
            all.insert(*kind, lows);
        }
        all
    }
}
