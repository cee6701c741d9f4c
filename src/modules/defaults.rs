//! `defaults`: values that a formula brings along, and merging them. Salt: modules/defaults.py.

use std::fs;

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::{Map, MergeStrategy, Value, merge, traverse, yaml};

pub(super) static MODULE: Module = Module {
    file: "defaults",
    provides: "defaults",
    available: always,
    functions: &[
        Function::new("deepcopy", &[req("source")], "The value itself.", |_, args| {
            Ok(args.get("source").clone())
        })
        .cheap(),
        Function::new(
            "get",
            &[req("key"), opt("default", Default::Str(""))],
            "What `<formula>/defaults.yaml` or `.json` has below `formula:key`.",
            get,
        ),
        Function::new(
            "merge",
            &[
                req("dest"),
                req("src"),
                opt("merge_lists", Default::False),
                opt("in_place", Default::True),
                opt("convert_none", Default::True),
            ],
            "`src` over `dest`.",
            |_, args| {
                let none = args.truthy("convert_none");
                let dest = args.get("dest");
                if dest.is_null() && none && args.truthy("in_place") {
                    return Err(Fault::Type("Can't perform in-place merge into NoneType".to_owned()));
                }
                Ok(merged(given(dest, none), given(args.get("src"), none), args.truthy("merge_lists")))
            },
        )
        .cheap(),
        Function::new(
            "update",
            &[
                req("dest"),
                req("defaults"),
                opt("merge_lists", Default::True),
                opt("in_place", Default::True),
                opt("convert_none", Default::True),
            ],
            "Every map in `dest` over `defaults`.",
            update,
        )
        .cheap(),
    ],
};

/// An empty map for `None`.
fn given(value: &Value, convert_none: bool) -> Value {
    if value.is_null() && convert_none { Map::new().into() } else { value.clone() }
}

fn merged(base: Value, update: Value, lists: bool) -> Value {
    merge(base, update, if lists { MergeStrategy::RecurseMergeLists } else { MergeStrategy::Recurse })
}

fn load(cx: &Context, formula: &str) -> Result<Value, Fault> {
    for ending in ["yaml", "json"] {
        let url = format!("salt://{formula}/defaults.{ending}");
        let Some(file) = cx.minion.files().get_url(&url, "base", None, true)? else { continue };
        let text = fs::read_to_string(&file).map_err(|error| Fault::os(&error, &file.to_string_lossy()))?;
        let data = if ending == "yaml" {
            yaml::load(&text, &url).map_err(|error| Fault::exception("YAMLError", error.to_string()))?
        } else {
            Value::from_json(&text).map_err(|error| Fault::exception("JSONDecodeError", error.to_string()))?
        };
        return Ok(if data.truthy() { data } else { Map::new().into() });
    }
    Ok(Value::Null)
}

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked = args.str("key")?;
    let (formula, key) = asked.split_once(':').map_or((asked.as_str(), ""), |(formula, key)| (formula, key));
    let data = load(cx, formula)?;
    if key.is_empty() {
        return Ok(data);
    }
    Ok(traverse(&data, key, ":").cloned().unwrap_or_else(|| args.get("default").clone()))
}

fn update(_: &Context, args: &Args) -> Result<Value, Fault> {
    let none = args.truthy("convert_none");
    if args.get("dest").is_null() && args.truthy("in_place") {
        return Err(Fault::Type("Can't perform in-place update into NoneType".to_owned()));
    }
    let (dest, defaults) = (given(args.get("dest"), none), given(args.get("defaults"), none));
    let nodes = dest.as_map().into_iter().flatten().map(|(name, own)| {
        (name.clone(), merged(defaults.clone(), given(own, none), args.truthy("merge_lists")))
    });
    Ok(nodes.collect::<Map>().into())
}
