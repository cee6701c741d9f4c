//! `grains`: what the minion knows of its machine, and the grains that are written in its `grains` file. Salt:
//! modules/grains.py.

mod set;
mod write;

use super::filter;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::map;
use crate::value::{DEFAULT_DELIMITER, Map, Value, sort, str_of, traverse};

const DELIMITER: Param = opt("delimiter", Default::Str(DEFAULT_DELIMITER));

const GET: &[Param] =
    &[req("key"), opt("default", Default::Str("")), DELIMITER, opt("ordered", Default::True)];

pub(super) static MODULE: Module = Module {
    file: "grains",
    provides: "grains",
    available: always,
    functions: &[
        Function::new(
            "append",
            &[req("key"), req("val"), opt("convert", Default::False), DELIMITER],
            "Adds a value to a list in the grains file; `convert=True` makes a list of what is none.",
            set::append,
        ),
        Function::new(
            "delkey",
            &[req("key"), opt("force", Default::False)],
            "Takes a grain out of the grains file; `force=True` also when it is a list or a map.",
            |cx, args| set::set_to(cx, args, Value::Null, true),
        ),
        Function::new(
            "delval",
            &[req("key"), opt("destructive", Default::False), opt("force", Default::False)],
            "Sets a grain to nothing, or takes it out with `destructive=True`.",
            |cx, args| set::set_to(cx, args, Value::Null, args.truthy("destructive")),
        ),
        Function::new(
            "equals",
            &[req("key"), req("value")],
            "Whether a grain has a value, as texts.",
            |cx, args| Ok((str_of(args.get("value")) == str_of(&value(cx, args, "".into()))).into()),
        )
        .cheap(),
        Function::new("fetch", GET, "As `grains.get`.", get).cheap(),
        Function::new(
            "filter_by",
            filter::GRAINS,
            "The value of the first key of a map that matches a grain (`os_family`), or of the key `default`; with \
             the map `merge` laid on top, and the value of the key `base` below.",
            |cx, args| filter::filter_by(&cx.grains, args, "grain"),
        )
        .cheap(),
        Function::new("get", GET, "A grain by its path (`a:b:0`), or `default`.", get).cheap(),
        Function::new("has_value", &[req("key")], "Whether there is a grain at that path.", |cx, args| {
            let key = str_of(args.get("key"));
            Ok(at(cx, &key, DEFAULT_DELIMITER).is_some().into())
        })
        .cheap(),
        Function::new(
            "item",
            &[rest("args"), keywords("kwargs")],
            "Several grains by their paths: `{path: value}`. `sanitize=True` hides names and serial numbers.",
            item,
        )
        .output("nested")
        .cheap(),
        Function::new(
            "items",
            &[opt("sanitize", Default::False)],
            "Every grain. `sanitize=True` hides names and serial numbers.",
            |cx, args| {
                let mut grains = cx.grains.map().clone();
                if is_true(args.get("sanitize")) {
                    sanitize(&mut grains);
                }
                Ok(grains.into())
            },
        )
        .output("nested")
        .cheap(),
        Function::new("ls", &[], "The names of all grains, sorted.", |cx, _| {
            let mut names: Vec<String> = cx.grains.keys().map(str_of).collect();
            sort::all(&mut names);
            Ok(Value::list(names))
        })
        .cheap(),
        Function::new(
            "remove",
            &[req("key"), req("val"), DELIMITER],
            "Takes a value out of a list in the grains file.",
            set::remove,
        ),
        Function::new(
            "set",
            &[
                req("key"),
                opt("val", Default::Str("")),
                opt("force", Default::False),
                opt("destructive", Default::False),
                DELIMITER,
            ],
            "Sets a grain at a path, in the grains file: `{comment, changes, result}`. Lists and maps are replaced \
             only with `force=True`.",
            |cx, args| set::set_to(cx, args, args.get("val").clone(), args.truthy("destructive")),
        ),
        Function::new(
            "setval",
            &[
                req("key"),
                req("val"),
                opt("destructive", Default::False),
                opt("refresh_pillar", Default::True),
            ],
            "Sets a grain in the grains file: `grains.setval roles '[web, db]'`. `destructive=True` takes it out when \
             the value is nothing.",
            write::setval,
        )
        .output("nested"),
        Function::new(
            "setvals",
            &[req("grains"), opt("destructive", Default::False), opt("refresh_pillar", Default::True)],
            "Sets several grains in the grains file: `grains.setvals '{a: 1, b: 2}'`.",
            write::setvals,
        ),
    ],
};

/// The grain at a path.
fn at(cx: &Context, path: &str, delimiter: &str) -> Option<Value> {
    let first = path.split(delimiter).next().unwrap_or_default();
    let reachable: Map = cx
        .grains
        .iter()
        .filter(|(key, _)| key.as_str().is_none_or(|key| key == first))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    traverse(&reachable.into(), path, delimiter).cloned()
}

fn value(cx: &Context, args: &Args, default: Value) -> Value {
    let delimiter = args.given("delimiter").map_or_else(|| DEFAULT_DELIMITER.to_owned(), str_of);
    at(cx, &str_of(args.get("key")), &delimiter).unwrap_or(default)
}

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(value(cx, args, args.get("default").clone()))
}

fn item(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keyword = |name: &str| args.keywords.get(name);
    let default = keyword("default").cloned().unwrap_or_else(|| "".into());
    let delimiter = keyword("delimiter").map_or_else(|| DEFAULT_DELIMITER.to_owned(), str_of);
    let mut found = Map::new();
    for path in &args.rest {
        let value = at(cx, &str_of(path), &delimiter).unwrap_or_else(|| default.clone());
        found.insert(path.clone(), value);
    }
    if keyword("sanitize").is_some_and(is_true) {
        sanitize(&mut found);
    }
    Ok(found.into())
}

/// Salt: utils/data.py (`is_true`).
fn is_true(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.eq_ignore_ascii_case("true"),
        Value::Int(_) | Value::Float(_) => value.as_float().is_some_and(|number| number > 0.0),
        other => other.truthy(),
    }
}

fn sanitize(grains: &mut Map) {
    for (name, hidden) in [
        ("domain", "DOMAINNAME"),
        ("fqdn", "MINION.DOMAINNAME"),
        ("id", "MINION.DOMAINNAME"),
        ("host", "MINION"),
        ("localhost", "MINION"),
        ("nodename", "MINION"),
    ] {
        if grains.contains(name) {
            grains.insert(name, hidden);
        }
    }
    if let Some(serial) = grains.get("serialnumber").map(str_of) {
        let (length, kept) = (serial.chars().count(), serial.chars().count() * 3 / 4);
        let shown: String = serial.chars().take(kept).collect();
        grains.insert("serialnumber", shown + &"X".repeat(length - kept));
    }
}

/// `{comment, changes, result}` of a change that was made or refused.
fn outcome(comment: impl Into<String>, changes: Value, result: bool) -> Value {
    map! { "comment" => comment.into(), "changes" => changes, "result" => result }.into()
}
