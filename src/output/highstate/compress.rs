//! `state_compress_ids`: the names of one id with one result become one entry. Salt: output/highstate.py
//! (`_compress_ids`).

use std::collections::HashMap;

use crate::map;
use crate::value::{Map, Value, str_of};

/// `None` where a return lacks what this goes by.
pub(super) fn ids(hosts: &Map) -> Option<Map> {
    let mut compressed = Map::new();
    for (host, states) in hosts {
        compressed.insert(host.clone(), of_host(states.as_map()?)?);
    }
    Some(compressed)
}

fn of_host(states: &Map) -> Option<Map> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (tag, ret) in states {
        *counts.entry(key(&str_of(tag), ret)?).or_default() += 1;
    }
    let mut compressed = Map::new();
    for (tag, ret) in states {
        let tag = str_of(tag);
        let count = counts.get(&key(&tag, ret)?).copied()?;
        if count == 1 {
            compressed.insert(tag, ret.clone());
            continue;
        }
        let of = |name: &str| ret.get(name).map(str_of);
        let (sls, id, result) = (of("__sls__")?, of("__id__")?, of("result")?);
        let mut parts: Vec<String> = tag.split("_|-").map(str::to_owned).collect();
        *parts.get_mut(2)? = format!("state_compressed_{sls}_{id}_{result}");
        *parts.get_mut(1)? = format!("{id} ({count})");
        let tag = parts.join("_|-");
        match compressed.get_mut(&tag) {
            None => {
                compressed.insert(tag, ret.clone());
            }
            Some(Value::Map(all)) => join(all, ret.as_map()?)?,
            Some(_) => return None,
        }
    }
    Some(compressed)
}

fn key(tag: &str, ret: &Value) -> Option<String> {
    let of = |name: &str| ret.get(name).map(str_of);
    let module = tag.split("_|-").next()?;
    Some([module.to_owned(), of("__id__")?, of("__sls__")?, of("result")?].join("_"))
}

fn join(all: &mut Map, one: &Map) -> Option<()> {
    let number = all.get("__run_num__")?.as_int()?.min(one.get("__run_num__")?.as_int()?);
    all.insert("__run_num__", number);
    let duration = all.get("duration")?.as_float()? + one.get("duration")?.as_float()?;
    all.insert("duration", (duration * 1_000.0).round() / 1_000.0);
    let start = all.str("start_time")?.min(one.str("start_time")?).to_owned();
    all.insert("start_time", start);
    let changes = one.get("changes").filter(|changes| changes.truthy());
    let Some(changes) = changes else { return Some(()) };
    let name = all.get("name").map(str_of).unwrap_or_default();
    let own = all.get("changes").filter(|own| own.truthy()).cloned();
    let mut together = match own {
        None => Map::new(),
        Some(own) => match own.get("compressed changes").and_then(Value::as_map) {
            Some(together) => together.clone(),
            None => map! { name => own },
        },
    };
    together.insert(one.get("name").map(str_of).unwrap_or_default(), changes.clone());
    all.insert("changes", map! { "compressed changes" => together });
    Some(())
}

/// How many states an entry stands for.
pub(super) fn count(tag: &str, id: &str, compressing: bool) -> usize {
    if !compressing || !tag.contains("_|-state_compressed_") {
        return 1;
    }
    let number = id.strip_suffix(')').and_then(|id| id.rsplit_once('('));
    number.and_then(|(_, number)| number.parse().ok()).unwrap_or(1)
}
