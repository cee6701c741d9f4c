//! Requisites that are written at the other end, `prereq`, `use` and `use_in`, turned into extensions of the states
//! they are about. Salt: state.py (`requisite_in`).

use std::collections::HashSet;

use super::extend::reconcile_extend;
use super::index::Index;
use super::tag::first;
use crate::map;
use crate::value::{Map, Value, str_of};

const HANDLED: &[&str] =
    &["require_in", "watch_in", "onfail_in", "onchanges_in", "use", "use_in", "prereq", "prereq_in"];

/// Words that `use` does not take over, besides `name` and `names`.
const NOT_USED: &[&str] = &["require", "watch", "onfail", "onfail_stop", "onchanges"];

/// Applies them; the texts of what is wrong.
pub(super) fn requisite_in(high: &mut Map, disabled: &[String]) -> Vec<String> {
    let mut collector = Collector { index: Index::new(high), high, extend: Map::new(), errors: Vec::new() };
    for (id, body) in &*high {
        for (module, args) in body.as_map().into_iter().flatten() {
            let Some(module) = module.as_str().filter(|module| !module.starts_with("__")) else { continue };
            for arg in args.as_list().unwrap_or_default() {
                let Some((key, items)) = arg.as_map().and_then(first) else { continue };
                let Some(key) = key.as_str().filter(|key| HANDLED.contains(key)) else { continue };
                if disabled.iter().any(|disabled| disabled == key) {
                    crate::log::warn!("The {key} requisite has been disabled, Ignoring.");
                    continue;
                }
                let here = Here { id, module, body, key, rkey: key.split('_').next().unwrap_or_default() };
                collector.requisites(&here, items);
            }
        }
    }
    let Collector { extend, mut errors, .. } = collector;
    let extends: Vec<Value> = extend.into_iter().map(|entry| Map::from_iter([entry]).into()).collect();
    high.insert("__extend__", extends);
    errors.extend(reconcile_extend(high, true));
    errors
}

/// The state that has the requisite.
struct Here<'h> {
    id: &'h Value,
    module: &'h str,
    body: &'h Value,
    key: &'h str,
    /// `require` of `require_in`.
    rkey: &'h str,
}

struct Collector<'h> {
    high: &'h Map,
    index: Index<'h>,
    /// `{id: {module: [argument]}}`.
    extend: Map,
    errors: Vec<String>,
}

impl Collector<'_> {
    fn requisites(&mut self, here: &Here, items: &Value) {
        match items {
            Value::Map(items) => {
                for (module, name) in items {
                    let module = self.without_dot(here, &str_of(module), name);
                    self.add_requisite(here, name, &module);
                }
            }
            Value::List(items) => {
                // Salt quirk: state.py: the list grows from item to item, so that earlier ones are added again.
                let mut hinges = Vec::new();
                for item in items {
                    let Some((module, name)) = self.resolved(item) else { continue };
                    if module == "sls" {
                        hinges = self.index.of_sls(&name);
                    } else {
                        hinges.push((name.clone(), module.as_str().into()));
                    }
                    self.without_dot(here, &module, &name);
                    for (name, module) in &hinges {
                        self.hinge(here, name, &str_of(module));
                    }
                }
            }
            _ => {}
        }
    }

    /// Module and name of `module: name`, or of an id alone.
    fn resolved(&self, item: &Value) -> Option<(String, Value)> {
        if let Value::Map(map) = item {
            let (module, name) = first(map)?;
            return Some((str_of(module), name.clone()));
        }
        let modules = |body: &Value| -> Vec<String> {
            let body = body.as_map().into_iter().flat_map(Map::keys).filter_map(Value::as_str);
            body.filter(|key| !key.starts_with("__")).map(str::to_owned).collect()
        };
        if let Some(body) = self.high.get_value(item) {
            return Some((modules(body).into_iter().next()?, item.clone()));
        }
        let mut found = None;
        for (id, body) in self.high {
            for module in modules(body) {
                let args = body.get(&module).and_then(Value::as_list).unwrap_or_default();
                if args.iter().any(|arg| arg.get("name") == Some(item)) && found.is_none() {
                    found = Some((module, id.clone()));
                }
            }
        }
        found
    }

    fn without_dot(&mut self, here: &Here, module: &str, name: &Value) -> String {
        let Some((head, _)) = module.split_once('.') else { return module.to_owned() };
        let sls = here.body.get("__sls__").map(str_of).unwrap_or_default();
        self.errors.push(format!(
            "Invalid requisite in {}: {module} for {}, in SLS '{sls}'. Requisites must not contain dots, did you mean \
             '{head}'?",
            here.rkey,
            str_of(name)
        ));
        head.to_owned()
    }

    fn hinge(&mut self, here: &Here, name: &Value, module: &str) {
        match here.key {
            "prereq" => {
                for (id, module) in self.index.find(name, module, true) {
                    let prerequired = map! { "prerequired" => Value::List(vec![reference(here)]) };
                    self.push(&id, &str_of(&module), prerequired.into());
                }
            }
            "use_in" => {
                for (id, other) in self.index.find(name, module, true) {
                    self.use_arguments(here.id, here.module, &id, &str_of(&other));
                }
            }
            "use" => {
                for (id, other) in self.index.find(name, module, true) {
                    self.use_arguments(&id, &str_of(&other), here.id, here.module);
                }
            }
            key => {
                if key == "prereq_in" {
                    let back = Map::from_iter([(Value::from(module), name.clone())]);
                    let prerequired = map! { "prerequired" => Value::List(vec![back.into()]) };
                    self.push(here.id, here.module, prerequired.into());
                }
                self.add_requisite(here, name, module);
            }
        }
    }

    fn arguments_of(&mut self, id: &Value, module: &str) -> &mut Vec<Value> {
        let body = self.extend.entry(id.clone(), || Map::new().into());
        if !matches!(body, Value::Map(_)) {
            *body = Map::new().into();
        }
        let Value::Map(body) = body else { unreachable!("made a map above") };
        let args = body.entry(module, || Value::List(Vec::new()));
        if !matches!(args, Value::List(_)) {
            *args = Value::List(Vec::new());
        }
        let Value::List(args) = args else { unreachable!("made a list above") };
        args
    }

    fn push(&mut self, id: &Value, module: &str, arg: Value) {
        self.arguments_of(id, module).push(arg);
    }

    fn add_requisite(&mut self, here: &Here, name: &Value, module: &str) {
        let item = reference(here);
        let args = self.arguments_of(name, module);
        let mut found = false;
        for arg in args.iter_mut() {
            if let Value::Map(arg) = arg
                && first(arg).and_then(|(key, _)| key.as_str()) == Some(here.rkey)
                && let Some(Value::List(list)) = arg.get_mut(here.rkey)
            {
                list.push(item.clone());
                found = true;
            }
        }
        if !found {
            args.push(map! { here.rkey => Value::List(vec![item]) }.into());
        }
        if let Some(Value::Map(body)) = self.extend.get_value_mut(name) {
            for key in ["__env__", "__sls__"] {
                if let Some(value) = here.body.get(key) {
                    body.insert(key, value.clone());
                }
            }
        }
    }

    /// Gives `to` the arguments of `from` that it has not.
    fn use_arguments(&mut self, from: &Value, from_module: &str, to: &Value, to_module: &str) {
        let args = |id: &Value, module: &str| {
            let args = self.high.get_value(id).and_then(|body| body.get(module)).and_then(Value::as_list);
            args.unwrap_or_default()
        };
        let single = |arg: &Value| {
            arg.as_map().filter(|arg| arg.len() == 1).and_then(first).map(|(key, _)| str_of(key))
        };
        let own: HashSet<String> = args(to, to_module).iter().filter_map(single).collect();
        let taken: Vec<Value> = args(from, from_module)
            .iter()
            .filter(|arg| {
                single(arg).is_some_and(|key| {
                    let left_out = HANDLED.contains(&key.as_str()) || NOT_USED.contains(&key.as_str());
                    !left_out && !own.contains(&key) && key != "name" && key != "names"
                })
            })
            .cloned()
            .collect();
        self.arguments_of(to, to_module).extend(taken);
    }
}

fn reference(here: &Here) -> Value {
    Map::from_iter([(Value::from(here.module), here.id.clone())]).into()
}
