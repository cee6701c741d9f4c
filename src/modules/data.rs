//! `data`: a small store of the minion's own, `<cachedir>/datastore`, msgpack. Salt: modules/data.py.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "data",
    provides: "data",
    available: always,
    functions: &[
        Function::new(
            "cas",
            &[req("key"), req("value"), req("old_value")],
            "Replaces a value if it is still the old one. True when it was.",
            |cx, args| {
                let (mut store, key) = (load(cx), args.get("key"));
                if store.get_value(key) != Some(args.get("old_value")) {
                    return Ok(Value::Bool(false));
                }
                store.insert(key.clone(), args.get("value").clone());
                Ok(dump(cx, &store).into())
            },
        ),
        Function::new("clear", &[], "Removes the store.", |cx, _| {
            let _ = fs::remove_file(path(cx));
            Ok(Value::Bool(true))
        }),
        Function::new("dump", &[req("new_data")], "Replaces the whole store by a map.", |cx, args| {
            match args.get("new_data") {
                Value::Map(store) => Ok(dump(cx, store).into()),
                // A map in Python's words, as far as they are YAML's too.
                Value::Text(text) if text.trim_start().starts_with('{') => {
                    match crate::value::yaml::load(text, "new_data") {
                        Ok(Value::Map(store)) => Ok(dump(cx, &store).into()),
                        _ => Err(Fault::exception("ValueError", format!("malformed node or string: {text}"))),
                    }
                }
                other => {
                    let text = format!("malformed node or string: {}", crate::value::repr(other));
                    Err(Fault::exception("ValueError", text))
                }
            }
        }),
        Function::new(
            "get",
            &[req("key"), opt("default", Default::None)],
            "A value by its key, or `default`; a list of values for a list of keys.",
            get,
        ),
        Function::new("has_key", &[req("key")], "Whether there is such a key.", |cx, args| {
            Ok(load(cx).get_value(args.get("key")).is_some().into())
        }),
        Function::new("items", &[], "The whole store.", |cx, _| Ok(load(cx).into())),
        Function::new("keys", &[], "The keys of the store.", |cx, _| {
            Ok(Value::list(load(cx).keys().cloned()))
        }),
        Function::new("load", &[], "The whole store.", |cx, _| Ok(load(cx).into())),
        Function::new(
            "pop",
            &[req("key"), opt("default", Default::None)],
            "Takes a value out and gives it.",
            |cx, args| {
                let mut store = load(cx);
                let value = store.remove_value(args.get("key"));
                dump(cx, &store);
                Ok(value.unwrap_or_else(|| args.get("default").clone()))
            },
        ),
        Function::new("update", &[req("key"), req("value")], "Sets a value.", |cx, args| {
            let mut store = load(cx);
            store.insert(args.get("key").clone(), args.get("value").clone());
            Ok(dump(cx, &store).into())
        }),
        Function::new("values", &[], "The values of the store.", |cx, _| {
            Ok(Value::list(load(cx).values().cloned()))
        }),
    ],
};

fn path(cx: &Context) -> PathBuf {
    Path::new(cx.opt_str("cachedir")).join("datastore")
}

/// The store; an empty one where there is none or it cannot be read.
fn load(cx: &Context) -> Map {
    let Ok(octets) = fs::read(path(cx)) else { return Map::new() };
    match decode(&octets, Reading::Wire) {
        Ok(Value::Map(store)) => store,
        _ => Map::new(),
    }
}

fn dump(cx: &Context, store: &Map) -> bool {
    let octets = encode_map(store, Dialect::Bin);
    let written = cx.host.write_atomic(&path(cx), &octets, 0o600, FileOwner::default());
    if let Err(error) = &written {
        crate::log::error!(path = %path(cx).display(), %error, "the store could not be written");
    }
    written.is_ok()
}

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let store = load(cx);
    let default = args.get("default");
    match args.get("key") {
        Value::List(keys) if default.is_null() => {
            Ok(Value::list(keys.iter().filter_map(|key| store.get_value(key).cloned())))
        }
        Value::List(keys) => {
            let value = |key| store.get_value(key).unwrap_or(default).clone();
            Ok(Value::list(keys.iter().map(value)))
        }
        key => Ok(store.get_value(key).unwrap_or(default).clone()),
    }
}
