//! `file.accumulated`: texts that other states of the run put into a file. Salt: states/file.py.
//!
//! They are remembered in the context of the run: by file, then by accumulator.

use super::ret::{Outcome, fresh, wrong};
use crate::loader::{Args, Running};
use crate::value::{Map, Value, str_of};

const MEMORY: &str = "file.accumulators";

/// `{file: {accumulator: [text]}}`, and which ids each is for: `{file: {accumulator: [id]}}`.
pub(super) fn accumulators(running: &Running) -> (Map, Map) {
    let memory = running.memory.borrow();
    let part = |key: &str| {
        let all = memory.get(MEMORY)?;
        all.get(key)?.as_map().cloned()
    };
    (part("data").unwrap_or_default(), part("deps").unwrap_or_default())
}

/// The list below two keys.
fn list<'m>(map: &'m mut Map, file: &Value, name: &Value) -> Option<&'m mut Vec<Value>> {
    let inner = map.entry(file.clone(), || Map::new().into()).as_map_mut()?;
    match inner.entry(name.clone(), || Value::List(Vec::new())) {
        Value::List(items) => Some(items),
        _ => None,
    }
}

pub(super) fn accumulated(running: &Running, args: &Args) -> Outcome {
    let (name, file, text) = (args.get("name"), args.get("filename"), args.get("text"));
    let shown = str_of(name);
    if !name.truthy() {
        return wrong(&shown, "Must provide name to file.accumulated");
    }
    if text.is_null() {
        return wrong(&shown, "No text supplied for accumulator");
    }
    let own = |key: &str| running.low.get(key).and_then(Value::as_list).unwrap_or_default();
    let deps: Vec<&Value> = own("require_in").iter().chain(own("watch_in")).collect();
    let for_files = |dep: &&Value| match dep {
        Value::Map(dep) => dep.contains("file"),
        Value::Text(dep) => dep.contains("file"),
        Value::List(dep) => dep.contains(&"file".into()),
        _ => false,
    };
    if !deps.iter().any(for_files) {
        let of = |key: &str| running.low.get(key).map(str_of).unwrap_or_default();
        return wrong(&shown, format!("Orphaned accumulator {shown} in {}:{}", of("__sls__"), of("__id__")));
    }
    let (mut data, mut ids) = accumulators(running);
    if let Some(list) = list(&mut ids, file, name) {
        for dep in deps {
            match dep {
                Value::Map(dep) => list.extend(dep.values().cloned()),
                Value::List(dep) => list.extend(dep.iter().cloned()),
                other => list.push(other.clone()),
            }
        }
    }
    let mut ret = fresh(&shown);
    let chunks = match text {
        Value::List(chunks) => chunks.clone(),
        one => vec![one.clone()],
    };
    if let Some(list) = list(&mut data, file, name) {
        for chunk in chunks {
            if !list.contains(&chunk) {
                list.push(chunk);
                ret.comment = format!("Accumulator {shown} for file {} was charged by text", str_of(file));
            }
        }
    }
    let mut all = Map::new();
    all.insert("data", data);
    all.insert("deps", ids);
    running.memory.borrow_mut().insert(MEMORY, all);
    Ok(ret)
}
