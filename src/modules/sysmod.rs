//! `sys`: which functions there are, what they take and what they do; all of it read from the rows. Salt:
//! modules/sysmod.py.

use std::collections::{BTreeMap, BTreeSet};

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::map;
use crate::patterns::Glob;
use crate::render;
use crate::value::{Map, Value, sort, str_of};

const NAMES: &[Param] = &[rest("args")];
const NAMES_AND_MORE: &[Param] = &[rest("args"), keywords("kwargs")];
const MODULE_NAME: &[Param] = &[opt("module", Default::Str(""))];

/// What can be asked about: `module.function` and its row, sorted; those that work here.
type Rows = fn(&Context) -> BTreeMap<String, Row>;

/// What a function takes, and what it does.
type Row = (&'static [Param], &'static str);

const fn argspec(name: &'static str, run: fn(&Context, &Args) -> Result<Value, Fault>) -> Function {
    let doc = "What the functions of a module take, or those that match: `{function: {args, defaults, varargs, kwargs}}`.";
    Function::new(name, MODULE_NAME, doc, run)
}

const fn doc(name: &'static str, run: fn(&Context, &Args) -> Result<Value, Fault>) -> Function {
    let doc = "What functions do: all of them, those of modules, single ones, or those that match: `{function: text}`.";
    Function::new(name, NAMES, doc, run)
}

const fn functions(name: &'static str, run: fn(&Context, &Args) -> Result<Value, Fault>) -> Function {
    let doc = "The names of functions, sorted: all, those of modules, or those that match.";
    Function::new(name, NAMES_AND_MORE, doc, run)
}

const fn modules(name: &'static str, run: fn(&Context, &Args) -> Result<Value, Fault>) -> Function {
    Function::new(name, NAMES, "The names of modules, sorted: all, or those that match.", run)
}

pub(super) static MODULE: Module = Module {
    file: "sysmod",
    provides: "sys",
    available: always,
    functions: &[
        argspec("argspec", |cx, args| Ok(specs_of(execution(cx), args))),
        doc("doc", |cx, args| Ok(docs_of(execution(cx), args))),
        functions("list_functions", |cx, args| Ok(functions_of(execution, cx, args))),
        modules("list_modules", |cx, args| Ok(modules_of(execution, cx, args))),
        modules("list_renderers", |_, args| {
            let wanted = wanted_by(args, |asked, name| Glob::new(asked).matches(name));
            Ok(Value::list(renderers().into_keys().filter(|name| wanted(name))))
        }),
        functions("list_returner_functions", |cx, args| Ok(functions_of(returners, cx, args))),
        modules("list_returners", |cx, args| Ok(modules_of(returners, cx, args))),
        functions("list_runner_functions", |cx, args| Ok(functions_of(runners, cx, args))),
        modules("list_runners", |cx, args| Ok(modules_of(runners, cx, args))),
        functions("list_state_functions", |cx, args| Ok(functions_of(states, cx, args))),
        modules("list_state_modules", |cx, args| Ok(modules_of(states, cx, args))),
        Function::new(
            "reload_modules",
            &[opt("initial_load", Default::False), opt("context", Default::None)],
            "There is nothing to load again.",
            |_, _| Ok(Value::Null),
        )
        .cheap(),
        doc("renderer_doc", |_, args| {
            let wanted =
                wanted_by(args, |asked, name| asked.contains(['*', '.']) && Glob::new(asked).matches(name));
            Ok(texts(renderers(), wanted))
        }),
        argspec("returner_argspec", |cx, args| Ok(specs_of(returners(cx), args))),
        doc("returner_doc", |cx, args| Ok(docs_of(returners(cx), args))),
        argspec("runner_argspec", |cx, args| Ok(specs_of(runners(cx), args))),
        doc("runner_doc", |cx, args| Ok(docs_of(runners(cx), args))),
        argspec("state_argspec", |cx, args| Ok(specs_of(states(cx), args))),
        doc("state_doc", |cx, args| Ok(docs_of(states(cx), args))),
        Function::new(
            "state_schema",
            MODULE_NAME,
            "What the functions of a state module take, or those that match, as a list of JSON schemas.",
            |cx, args| {
                let asked = str_of(args.get("module"));
                let found = states(cx).into_iter().filter(|(name, _)| matching(&asked, name));
                Ok(Value::list(found.map(|(name, (params, _))| schema(&name, params))))
            },
        ),
    ],
};

fn of_modules<'a>(modules: impl Iterator<Item = &'a &'static Module>) -> BTreeMap<String, Row> {
    let mut all = BTreeMap::new();
    for module in modules {
        for function in module.functions {
            let name = format!("{}.{}", module.provides, function.name);
            all.entry(name).or_insert((function.params, function.doc));
        }
    }
    all
}

fn execution(cx: &Context) -> BTreeMap<String, Row> {
    of_modules(cx.registry.modules().iter().filter(|module| (module.available)(cx).is_ok()))
}

fn runners(cx: &Context) -> BTreeMap<String, Row> {
    of_modules(cx.registry.runners().iter())
}

fn states(cx: &Context) -> BTreeMap<String, Row> {
    let mut all = BTreeMap::new();
    for table in cx.registry.states().iter().filter(|table| (table.available)(cx).is_ok()) {
        for state in table.functions.iter().chain(table.mod_watch) {
            all.entry(format!("{}.{}", table.provides, state.name)).or_insert((state.params, state.doc));
        }
    }
    all
}

fn returners(cx: &Context) -> BTreeMap<String, Row> {
    const RETURN: Row = (&[req("ret")], "Brings a return there.");
    let rows = cx.registry.returners().iter();
    sort::into_map(rows.map(|returner| (format!("{}.returner", returner.name), RETURN)))
}

fn renderers() -> BTreeMap<String, Row> {
    sort::into_map(render::names().map(|name| (name.to_owned(), (NAMES, "A step of a pipe of renderers."))))
}

/// Whether a name was asked for, by one of `args.rest` or because there is none.
fn wanted_by(args: &Args, is_asked: fn(&str, &str) -> bool) -> impl Fn(&str) -> bool {
    let asked: Vec<String> = args.rest.iter().map(str_of).collect();
    move |name| asked.is_empty() || asked.iter().any(|asked| is_asked(asked, name))
}

/// Whether a name is one that was asked for: a pattern, the name itself, or its module.
fn is_asked_for(asked: &str, name: &str) -> bool {
    if asked.contains('*') {
        return Glob::new(asked).matches(name);
    }
    let module = asked.strip_suffix('.').unwrap_or(asked);
    name == asked || asked.is_empty() || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
}

fn texts(rows: BTreeMap<String, Row>, wanted: impl Fn(&str) -> bool) -> Value {
    let rows = rows.into_iter().filter(|(name, _)| wanted(name));
    rows.map(|(name, (_, doc))| (name, doc)).collect::<Map>().into()
}

fn docs_of(rows: BTreeMap<String, Row>, args: &Args) -> Value {
    texts(rows, wanted_by(args, is_asked_for))
}

/// `module`, or a pattern over whole names.
fn matching(asked: &str, name: &str) -> bool {
    if asked.contains(['*', '.']) {
        Glob::new(asked).matches(name)
    } else {
        name.split('.').next() == Some(asked)
    }
}

fn functions_of(rows: Rows, cx: &Context, args: &Args) -> Value {
    let wanted = wanted_by(args, matching);
    Value::list(rows(cx).into_keys().filter(|name| wanted(name)))
}

fn modules_of(rows: Rows, cx: &Context, args: &Args) -> Value {
    // A name with a dot that is no pattern means nothing here.
    let wanted = wanted_by(args, |asked, name| {
        if asked.contains('*') {
            Glob::new(asked).matches(name)
        } else {
            name.split('.').next() == Some(asked)
        }
    });
    let module = |name: String| name.split('.').next().map(str::to_owned);
    let modules: BTreeSet<String> =
        rows(cx).into_keys().filter(|name| wanted(name)).filter_map(module).collect();
    Value::list(modules)
}

fn specs_of(rows: BTreeMap<String, Row>, args: &Args) -> Value {
    let asked = str_of(args.get("module"));
    let rows = rows.into_iter().filter(|(name, _)| matching(&asked, name));
    rows.map(|(name, (params, _))| (name, spec(params))).collect::<Map>().into()
}

fn spec(params: &[Param]) -> Map {
    let (mut args, mut defaults) = (Vec::new(), Vec::new());
    let (mut varargs, mut kwargs) = (Value::Null, Value::Null);
    for param in params {
        match param {
            Param::Required(name) => args.push(Value::from(*name)),
            Param::Optional(name, default) => {
                args.push(Value::from(*name));
                defaults.push(default.value());
            }
            Param::Rest(_) => varargs = true.into(),
            Param::Keywords(_) | Param::Only(_) => kwargs = true.into(),
        }
    }
    let or_none = |items: Vec<Value>| if items.is_empty() { Value::Null } else { Value::List(items) };
    map! {
        "args" => or_none(args),
        "defaults" => or_none(defaults),
        "varargs" => varargs,
        "kwargs" => kwargs,
    }
}

/// Every argument may be a boolean, a number or a text.
fn schema(name: &str, params: &[Param]) -> Value {
    let mut properties = Map::new();
    for param in params {
        let default = match param {
            Param::Optional(_, default) => default.value(),
            Param::Required(_) => Value::Null,
            _ => continue,
        };
        let kinds = ["boolean", "integer", "number", "string"].map(|kind| {
            let mut kind = map! { "type" => kind, "title" => param.name(), "description" => param.name() };
            if default != Value::Null {
                kind.insert("default", default.clone());
            }
            kind
        });
        properties.insert(param.name(), map! { "oneOf" => Value::list(kinds) });
    }
    let ordering = Value::list(properties.keys().cloned());
    map! {
        "$schema" => "http://json-schema.org/draft-04/schema#",
        "title" => name,
        "description" => name,
        "type" => "object",
        "properties" => properties,
        "x-ordering" => ordering,
        "additionalProperties" => false,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_for_by_module_name_or_pattern() {
        for (asked, name, expected) in [
            ("sys", "sys.doc", true),
            ("sys", "sysctl.get", false),
            ("sys.", "sys.doc", true),
            ("sys.doc", "sys.doc", true),
            ("sys.do", "sys.doc", false),
            ("sys.*", "sys.doc", true),
            ("s*", "test.ping", false),
            ("", "test.ping", true),
        ] {
            assert_eq!(is_asked_for(asked, name), expected, "{asked} {name}");
        }
    }
}
