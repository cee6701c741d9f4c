//! Is high data well formed? Salt: state.py (`State.verify_high`), with its words.

use std::collections::HashMap;

use super::tag::first;
use crate::map;
use crate::value::{Map, Value, str_of};

/// Every mistake in high data.
pub fn verify_high(high: &Map) -> Vec<String> {
    let mut verifier = Verifier { errors: Vec::new(), requisites: HashMap::new() };
    for (name, body) in high {
        if !name.as_str().is_some_and(|name| name.starts_with("__")) {
            verifier.state(name, body);
        }
    }
    verifier.errors
}

struct Verifier<'h> {
    errors: Vec<String>,
    /// `{id: {"state": module, required id: module}}`: who asks for whom.
    requisites: HashMap<&'h Value, Map>,
}

impl<'h> Verifier<'h> {
    fn state(&mut self, name: &'h Value, body: &'h Value) {
        let shown = str_of(name);
        let sls = body.get("__sls__").map(str_of).unwrap_or_default();
        if !matches!(name, Value::Text(_)) {
            self.errors.push(format!(
                "ID '{shown}' in SLS '{sls}' is not formed as a string, but is a {}. It may need to be quoted.",
                name.type_name()
            ));
        }
        let Value::Map(body) = body else {
            self.errors
                .push(format!("The type {shown} in {} is not formatted as a dictionary", str_of(body)));
            return;
        };
        for (module, args) in body {
            let module = str_of(module);
            if module.starts_with("__") {
                continue;
            }
            match args {
                Value::Null => self.errors.push(format!(
                    "ID '{shown}' in SLS '{sls}' contains a short declaration ({module}) with a trailing colon. When not \
                     passing any arguments to a state, the colon must be omitted."
                )),
                Value::List(args) => self.arguments(name, &shown, &sls, &module, args),
                _ => self.errors.push(format!("State '{shown}' in SLS '{sls}' is not formed as a list")),
            }
        }
    }

    fn arguments(&mut self, name: &'h Value, shown: &str, sls: &str, module: &str, args: &'h [Value]) {
        let mut functions: Vec<&str> =
            module.split_once('.').map(|(_, function)| function).into_iter().collect();
        for arg in args {
            match arg {
                Value::Text(function) => {
                    functions.push(function);
                    if function.trim().contains(' ') {
                        self.errors.push(format!(
                            "The function \"{function}\" in state \"{shown}\" in SLS \"{sls}\" has whitespace, a function \
                             with whitespace is not supported, perhaps this is an argument that is missing a \":\""
                        ));
                    }
                }
                Value::Map(arg) => self.argument(name, shown, sls, module, arg),
                _ => {}
            }
        }
        match functions.as_slice() {
            [_] => {}
            [] if matches!(module, "require" | "watch") => {}
            [] => self.errors.push(format!("No function declared in state '{shown}' in SLS '{sls}'")),
            several => self.errors.push(format!(
                "Too many functions declared in state '{shown}' in SLS '{sls}'. Please choose one of the following: {}",
                several.join(", ")
            )),
        }
    }

    fn argument(&mut self, name: &'h Value, shown: &str, sls: &str, module: &str, arg: &'h Map) {
        let Some((key, value)) = first(arg) else { return };
        let key = str_of(key);
        if key == "names" && !matches!(value, Value::List(_)) {
            self.errors.push(format!(
                "The 'names' argument in state '{shown}' in SLS '{sls}' needs to be formed as a list"
            ));
        }
        if !matches!(key.as_str(), "require" | "watch" | "prereq" | "onchanges") {
            return;
        }
        match value {
            Value::List(items) => {
                self.requisites.insert(name, map! { "state" => module });
                for item in items {
                    self.requisite(name, shown, sls, module, item);
                }
            }
            _ => self.errors.push(format!(
                "The {key} statement in state '{shown}' in SLS '{sls}' needs to be formed as a list"
            )),
        }
        if arg.len() != 1 {
            self.errors
                .push(format!("Multiple dictionaries defined in argument of state '{shown}' in SLS '{sls}'"));
        }
    }

    fn requisite(&mut self, name: &'h Value, shown: &str, sls: &str, module: &str, item: &'h Value) {
        let (kind, wanted) = match item {
            Value::Text(_) => ("id".to_owned(), item),
            Value::Map(map) => match first(map) {
                Some((kind, wanted)) => (str_of(kind), wanted),
                None => return,
            },
            other => {
                self.errors.push(format!(
                    "Requisite declaration {} in SLS {sls} is not formed as a single key dictionary",
                    str_of(other)
                ));
                return;
            }
        };
        if let Some((head, _)) = kind.split_once('.') {
            self.errors.push(format!(
                "Invalid requisite type '{kind}' in state '{shown}', in SLS '{sls}'. Requisite types must not contain \
                 dots, did you mean '{head}'?"
            ));
        }
        if matches!(wanted, Value::List(_) | Value::Map(_)) {
            self.errors
                .push(format!("Illegal requisite \"{}\", please check your syntax.\n", str_of(wanted)));
            return;
        }
        if let Some(own) = self.requisites.get_mut(name) {
            own.insert(wanted.clone(), kind.as_str());
        }
        let back = self.requisites.get(wanted);
        let recursive = back.is_some_and(|back| {
            back.get_value(name).and_then(Value::as_str) == Some(module)
                && back.str("state") == Some(kind.as_str())
        });
        if recursive {
            self.errors.push(format!(
                "A recursive requisite was found, SLS \"{sls}\" ID \"{shown}\" ID \"{}\"",
                str_of(wanted)
            ));
        }
    }
}
