//! `listen` and `listen_in`: reactions to changes, after everything else. Salt: state.py (`call_listen`,
//! `call_beacons`).

use std::collections::HashMap;

use super::keywords::REQUISITES;
use super::outcome::has_changes;
use super::run::Run;
use super::tag;
use super::tag::{field, first};
use crate::loader::Fault;
use crate::map;
use crate::value::{Map, Value, str_of};

/// Chunks by module and by id or name.
struct References<'c> {
    chunks: &'c [Map],
    by_name: HashMap<(&'c str, &'c str), Vec<usize>>,
}

impl<'c> References<'c> {
    fn new(chunks: &'c [Map]) -> Self {
        let mut by_name: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (place, low) in chunks.iter().enumerate() {
            let (module, id, name) = (field(low, "state"), field(low, "__id__"), field(low, "name"));
            by_name.entry((module, id)).or_default().push(place);
            if id != name {
                by_name.entry((module, name)).or_default().push(place);
            }
        }
        References { chunks, by_name }
    }

    fn get(&self, module: &str, name: &str) -> Vec<&'c Map> {
        let places = self.by_name.get(&(module, name)).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.chunks.get(*place)).collect()
    }

    /// `module: name` of what is listened to; an id or a name alone is that of the last chunk that has it.
    fn resolved(&self, wanted: &Value) -> Option<(String, String)> {
        if let Value::Map(map) = wanted {
            return first(map).map(|(module, name)| (str_of(module), str_of(name)));
        }
        let wanted = wanted.as_str()?;
        let named = |low: &&Map| field(low, "__id__") == wanted || field(low, "name") == wanted;
        let found = self.chunks.iter().rfind(named)?;
        Some((field(found, "state").to_owned(), field(found, "__id__").to_owned()))
    }
}

/// Who reacts to what.
struct Listener {
    module: String,
    id: String,
    to: Vec<Value>,
}

fn listeners(chunks: &[Map]) -> Vec<Listener> {
    let mut all = Vec::new();
    for low in chunks {
        let (module, id) = (field(low, "state").to_owned(), field(low, "__id__").to_owned());
        if let Some(Value::List(to)) = low.get("listen") {
            all.push(Listener { module: module.clone(), id: id.clone(), to: to.clone() });
        }
        if let Some(Value::List(others)) = low.get("listen_in") {
            for (other_module, other) in others.iter().filter_map(Value::as_map).flatten() {
                let here = Map::from_iter([(Value::from(module.as_str()), Value::from(id.as_str()))]);
                all.push(Listener { module: str_of(other_module), id: str_of(other), to: vec![here.into()] });
            }
        }
    }
    all
}

fn missing(module: &str, name: &str) -> (String, Map) {
    let low = map! {
        "name" => format!("listen_{module}"),
        "__id__" => format!("listen_{name}"),
        "state" => "Listen_Error",
        "fun" => "Listen_Error",
    };
    let ret = map! {
        "comment" => format!("Referenced state {module}: {name} does not exist"),
        "name" => format!("listen_{module}:{name}"),
        "result" => false,
        "changes" => Map::new(),
    };
    (tag(&low), ret)
}

impl Run<'_, '_> {
    /// Runs the reactions of all that listen to something that has changed, and adds their returns.
    ///
    /// # Errors
    /// As [`Run::call_chunks`].
    pub fn call_listen(&mut self, chunks: &[Map], results: &mut Map) -> Result<(), Fault> {
        let listeners = listeners(chunks);
        if listeners.is_empty() {
            return Ok(());
        }
        let references = References::new(chunks);
        let (mut watchers, mut errors) = (Vec::new(), Map::new());
        for listener in &listeners {
            for wanted in &listener.to {
                let Some((module, name)) = references.resolved(wanted) else { continue };
                let heard = references.get(&module, &name);
                if heard.is_empty() {
                    let (tag, ret) = missing(&module, &name);
                    errors.insert(tag, ret);
                    continue;
                }
                let reacting = references.get(&listener.module, &listener.id);
                for low in heard {
                    let changed = results.get(&tag(low)).and_then(Value::as_map).is_some_and(has_changes);
                    if !changed {
                        continue;
                    }
                    if reacting.is_empty() {
                        let (tag, ret) = missing(&listener.module, &listener.id);
                        errors.insert(tag, ret);
                    }
                    watchers.extend(reacting.iter().map(|low| as_reaction(low)));
                }
            }
        }
        let returns = self.call_chunks(watchers)?;
        results.extend(returns);
        for (tag, ret) in errors {
            let Value::Map(mut ret) = ret else { continue };
            ret.insert("__run_num__", self.next_run_num());
            results.insert(tag, ret);
        }
        Ok(())
    }

    /// Sets up the beacons that states with `beacon: True` ask for.
    ///
    /// # Errors
    /// As [`Run::call_chunks`].
    pub fn call_beacons(&mut self, chunks: &[Map], results: &mut Map) -> Result<(), Fault> {
        let wanted = chunks.iter().filter(|low| low.contains("beacon")).map(|low| {
            let mut low = low.clone();
            low.insert("sfun", low.get("fun").cloned().unwrap_or_default());
            low.insert("fun", "mod_beacon");
            low.insert("__id__", format!("beacon_{}", field(&low, "__id__")));
            low
        });
        let wanted: Vec<Map> = wanted.collect();
        if !wanted.is_empty() {
            results.extend(self.call_chunks(wanted)?);
        }
        Ok(())
    }
}

fn as_reaction(low: &Map) -> Map {
    let mut low = low.clone();
    low.insert("sfun", low.get("fun").cloned().unwrap_or_default());
    low.insert("fun", "mod_watch");
    low.insert("__id__", format!("listener_{}", field(&low, "__id__")));
    for requisite in REQUISITES {
        low.remove(requisite);
    }
    low
}
