//! `pillar`: the minion's pillar as it is, or compiled anew. Salt: modules/pillar.py.

use std::path::Path;

use super::filter;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::value::{DEFAULT_DELIMITER, Map, MergeStrategy, Value, merge, repr, str_of, traverse, yaml};

const DELIMITER: Param = opt("delimiter", Default::Str(DEFAULT_DELIMITER));

const GET: &[Param] = &[
    req("key"),
    opt("default", Default::Str(NOT_SET)),
    opt("merge", Default::False),
    opt("merge_nested_lists", Default::None),
    DELIMITER,
    opt("pillarenv", Default::None),
    opt("saltenv", Default::None),
];

/// Salt's name for "no default was given".
const NOT_SET: &str = "__unset__";

const ANY: &[Param] = &[rest("args"), keywords("kwargs")];

pub(super) static MODULE: Module = Module {
    file: "pillar",
    provides: "pillar",
    available: always,
    functions: &[
        Function::new("data", ANY, "As `pillar.items`.", items),
        Function::new(
            "ext",
            &[req("external"), opt("pillar", Default::None)],
            "The pillar with one more external source (`{name: configuration}`) that the master lets minions ask for \
             (`on_demand_ext_pillar`).",
            external,
        ),
        Function::new("fetch", GET, "As `pillar.get`.", get),
        Function::new(
            "file_exists",
            &[req("path"), opt("saltenv", Default::None)],
            "Whether there is such a file below `pillar_roots` of this host.",
            file_exists,
        ),
        Function::new(
            "filter_by",
            filter::PILLAR,
            "The value of the first key of a map that matches a pillar value, or of the key `default`; with the map \
             `merge` laid on top, and the value of the key `base` below.",
            |cx, args| filter::filter_by(cx.pillar.map(), args, "pillar"),
        )
        .cheap(),
        Function::new(
            "get",
            GET,
            "A pillar value by its path (`a:b:0`), or `default`. `merge=True` merges it into a default that is a list \
             or a map. With `pillarenv` or `saltenv` from a pillar compiled for it.",
            get,
        ),
        Function::new(
            "item",
            ANY,
            "Several pillar values by their paths: `{path: value}`. With `default`, `delimiter`, `pillarenv`, \
             `saltenv` as in `pillar.get`.",
            item,
        ),
        Function::new(
            "items",
            ANY,
            "The whole pillar, compiled anew. `pillar={…}` lays values on top, `pillarenv` names the environment.",
            items,
        ),
        Function::new(
            "keys",
            &[req("key"), DELIMITER],
            "The keys of a map in the pillar.",
            |cx, args| {
                let (key, delimiter) = (str_of(args.get("key")), str_of(args.get("delimiter")));
                match at(cx.pillar.map(), &key, &delimiter) {
                    None => Err(not_found(&key)),
                    Some(Value::Map(map)) => Ok(Value::list(map.keys().cloned())),
                    Some(_) => {
                        let text = format!("Pillar value in key {key} is not a dict");
                        Err(Fault::exception("ValueError", text))
                    }
                }
            },
        )
        .cheap(),
        Function::new("ls", &[rest("args")], "The names at the top of the pillar.", |cx, args| {
            Ok(match items(cx, args)? {
                Value::Map(pillar) => Value::list(pillar.keys().cloned()),
                other => other,
            })
        }),
        Function::new(
            "obfuscate",
            ANY,
            "As `pillar.items`, with the types of all values in place of the values.",
            |cx, args| Ok(obfuscated(&items(cx, args)?)),
        ),
        Function::new(
            "raw",
            &[opt("key", Default::None)],
            "The pillar in memory, or one value at its top.",
            |cx, args| match args.get("key") {
                key if key.truthy() => {
                    Ok(cx.pillar.get_value(key).cloned().unwrap_or_else(|| Map::new().into()))
                }
                _ => Ok(cx.pillar.map().clone().into()),
            },
        )
        .cheap(),
    ],
};

fn not_found(key: &str) -> Fault {
    Fault::exception("KeyError", repr(&format!("Pillar key not found: {key}").into()))
}

/// The value at a path.
fn at(pillar: &Map, path: &str, delimiter: &str) -> Option<Value> {
    let first = path.split(delimiter).next().unwrap_or_default();
    let reachable: Map = pillar
        .iter()
        .filter(|(key, _)| key.as_str().is_none_or(|key| key == first))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    traverse(&reachable.into(), path, delimiter).cloned()
}

fn text(value: Option<&Value>) -> Option<String> {
    value.filter(|value| !value.is_null()).map(str_of)
}

/// The pillar in memory, or one compiled for an environment that was named.
fn pillar_of(cx: &Context, saltenv: Option<String>, pillarenv: Option<String>) -> Result<Map, Fault> {
    match (&saltenv, &pillarenv) {
        (None, None) => Ok(cx.pillar.map().clone()),
        _ => compile(cx, saltenv, pillarenv, &Map::new()),
    }
}

fn compile(
    cx: &Context,
    saltenv: Option<String>,
    pillarenv: Option<String>,
    overrides: &Map,
) -> Result<Map, Fault> {
    let option = |name: &str| text(cx.opts.get(name));
    let from_saltenv = cx.opts.get("pillarenv_from_saltenv").is_some_and(Value::truthy);
    let pillarenv = pillarenv
        .or_else(|| if from_saltenv { saltenv.or_else(|| option("saltenv")) } else { option("pillarenv") });
    let fresh = cx.minion.compile_pillar(option("saltenv").as_deref(), pillarenv.as_deref(), overrides)?;
    Ok(crate::pillar::over_own(cx, fresh))
}

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (key, delimiter) = (str_of(args.get("key")), str_of(args.get("delimiter")));
    let pillar = pillar_of(cx, text(args.given("saltenv")), text(args.given("pillarenv")))?;
    let found = at(&pillar, &key, &delimiter);
    let default = Some(args.get("default")).filter(|default| default.as_str() != Some(NOT_SET));
    if args.truthy("merge") {
        let lists = args
            .given("merge_nested_lists")
            .or_else(|| cx.opts.get("pillar_merge_lists"))
            .is_some_and(Value::truthy);
        match (default, found.as_ref()) {
            (Some(Value::Map(_)), None) | (Some(Value::List(_)), None) => {
                return Ok(default.cloned().unwrap_or_default());
            }
            (Some(first @ Value::Map(_)), Some(found @ Value::Map(_))) => {
                let strategy = if lists { MergeStrategy::RecurseMergeLists } else { MergeStrategy::Recurse };
                return Ok(merge(first.clone(), found.clone(), strategy));
            }
            (Some(Value::List(first)), Some(Value::List(found))) => {
                let mut all = first.clone();
                all.extend(found.iter().filter(|item| !first.contains(item)).cloned());
                return Ok(all.into());
            }
            _ => crate::log::error!(
                key,
                "pillar.get: the default and the pillar value are not both a dict or a list. Merge will be skipped."
            ),
        }
    }
    let must_exist = cx.opts.get("pillar_raise_on_missing").is_some_and(Value::truthy);
    match (found, default) {
        (Some(found), _) => Ok(found),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) if must_exist => Err(not_found(&key)),
        (None, None) => Ok("".into()),
    }
}

fn items(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keyword = |name: &str| args.keywords.get(name);
    if !args.rest.is_empty() {
        let mut names = Args::default();
        names.rest.clone_from(&args.rest);
        return item(cx, &names);
    }
    if keyword("pillar_enc").is_some_and(Value::truthy) {
        return Err(Fault::NotSupported("pillar_enc".to_owned()));
    }
    let overrides = keyword("pillar").and_then(Value::as_map).cloned().unwrap_or_default();
    let mut pillar = compile(cx, text(keyword("saltenv")), text(keyword("pillarenv")), &overrides)?;
    // Python's `aggregate` makes an OrderedDict, of which a master's reply knows nothing.
    if cx.opt_str("pillar_source_merging_strategy") == "aggregate" && cx.opt_str("file_client") == "local" {
        pillar.keep_order();
    }
    Ok(pillar.into())
}

fn external(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let external = match args.get("external") {
        Value::Text(text) => yaml::load(text, "<unicode string>")
            .map_err(|error| Fault::exception("YAMLError", error.to_string()))?,
        other => other.clone(),
    };
    let Value::Map(external) = external else {
        return Err(Fault::invocation("external has to be a map: {name: configuration}"));
    };
    let overrides = args.get("pillar").as_map().cloned().unwrap_or_default();
    Ok(cx.minion.external_pillar(external, &overrides)?.into())
}

fn item(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keyword = |name: &str| args.keywords.get(name);
    let default = keyword("default").cloned().unwrap_or_else(|| "".into());
    let delimiter = keyword("delimiter").map_or_else(|| DEFAULT_DELIMITER.to_owned(), str_of);
    let pillar = pillar_of(cx, text(keyword("saltenv")), text(keyword("pillarenv")))?;
    let mut found = Map::new();
    for path in &args.rest {
        let value = at(&pillar, &str_of(path), &delimiter).unwrap_or_else(|| default.clone());
        found.insert(path.clone(), value);
    }
    Ok(found.into())
}

fn obfuscated(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let mut hidden = map.clone();
            hidden.iter_mut().for_each(|(_, value)| *value = obfuscated(value));
            hidden.into()
        }
        Value::List(items) => Value::list(items.iter().map(obfuscated)),
        other => format!("<{}>", other.type_name()).into(),
    }
}

fn file_exists(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let roots = cx.opts.get("pillar_roots").and_then(Value::as_map).filter(|roots| !roots.is_empty());
    let Some(roots) = roots else {
        return Err(Fault::execution("No pillar_roots found. Are you running this on the master?"));
    };
    let path = str_of(args.get("path"));
    let saltenv = args.given("saltenv").filter(|saltenv| saltenv.truthy());
    let exists = roots
        .iter()
        .filter(|(env, _)| saltenv.is_none_or(|saltenv| saltenv == *env))
        .filter_map(|(_, folders)| folders.as_list())
        .flatten()
        .any(|folder| Path::new(&str_of(folder)).join(&path).is_file());
    Ok(exists.into())
}
