//! `sys`: which functions there are, what they take and what they do; all of it read from the rows. Salt:
//! modules/sysmod.py.

use std::collections::{BTreeMap, BTreeSet};

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, State, always, keywords, opt, rest,
};
use crate::map;
use crate::matchers::Glob;
use crate::value::{Map, Value, str_of};

const NAMES: &[Param] = &[rest("args")];
const NAMES_AND_MORE: &[Param] = &[rest("args"), keywords("kwargs")];
const MODULE_NAME: &[Param] = &[opt("module", Default::Str(""))];

pub(super) static MODULE: Module = Module {
    file: "sysmod",
    provides: "sys",
    available: always,
    functions: &[
        Function::new(
            "argspec",
            MODULE_NAME,
            "What the functions of a module take, or those that match: `{function: {args, defaults, varargs, \
             kwargs}}`.",
            argspec,
        ),
        Function::new(
            "doc",
            NAMES,
            "What functions do: all of them, those of modules, single ones, or those that match: `{function: text}`.",
            doc,
        ),
        Function::new(
            "list_functions",
            NAMES_AND_MORE,
            "The names of functions, sorted: all, those of modules, or those that match.",
            |cx, args| Ok(listed(all(cx).into_keys().collect(), args)),
        ),
        Function::new(
            "list_modules",
            NAMES,
            "The names of modules, sorted: all, or those that match.",
            |cx, args| Ok(modules_of(all(cx).into_keys().collect(), args)),
        ),
        Function::new("list_renderers", NAMES, NOT_HERE, |_, _| not_here("sys.list_renderers")),
        Function::new("list_returner_functions", NAMES_AND_MORE, NOT_HERE, |_, _| {
            not_here("sys.list_returner_functions")
        }),
        Function::new("list_returners", NAMES, NOT_HERE, |_, _| not_here("sys.list_returners")),
        Function::new("list_runner_functions", NAMES_AND_MORE, NOT_HERE, |_, _| {
            not_here("sys.list_runner_functions")
        }),
        Function::new("list_runners", NAMES, NOT_HERE, |_, _| not_here("sys.list_runners")),
        Function::new(
            "list_state_functions",
            NAMES_AND_MORE,
            "The names of state functions, sorted: all, those of modules, or those that match.",
            |cx, args| Ok(listed(states(cx).into_keys().collect(), args)),
        ),
        Function::new(
            "list_state_modules",
            NAMES,
            "The names of state modules, sorted: all, or those that match.",
            |cx, args| Ok(modules_of(states(cx).into_keys().collect(), args)),
        ),
        Function::new("reload_modules", &[], "True: there is nothing to load again.", |_, _| {
            Ok(Value::Bool(true))
        })
        .cheap(),
        Function::new("renderer_doc", NAMES, NOT_HERE, |_, _| not_here("sys.renderer_doc")),
        Function::new("returner_argspec", MODULE_NAME, NOT_HERE, |_, _| not_here("sys.returner_argspec")),
        Function::new("returner_doc", NAMES, NOT_HERE, |_, _| not_here("sys.returner_doc")),
        Function::new("runner_argspec", MODULE_NAME, NOT_HERE, |_, _| not_here("sys.runner_argspec")),
        Function::new("runner_doc", NAMES, NOT_HERE, |_, _| not_here("sys.runner_doc")),
        Function::new(
            "state_argspec",
            MODULE_NAME,
            "What the functions of a state module take, or those that match, as `sys.argspec`.",
            |cx, args| {
                let asked = str_of(args.get("module"));
                let found = states(cx).into_iter().filter(|(name, _)| matching(&asked, name));
                Ok(found.map(|(name, state)| (name, spec(state.params))).collect::<Map>().into())
            },
        ),
        Function::new(
            "state_doc",
            NAMES,
            "What state functions do: all of them, those of modules, single ones, or those that match.",
            |cx, args| {
                let asked: Vec<String> = args.rest.iter().map(str_of).collect();
                let wanted =
                    |name: &String| asked.is_empty() || asked.iter().any(|asked| is_asked_for(asked, name));
                let found = states(cx).into_iter().filter(|(name, _)| wanted(name));
                Ok(found.map(|(name, state)| (name, state.doc)).collect::<Map>().into())
            },
        ),
        Function::new("state_schema", MODULE_NAME, NOT_HERE, |_, _| not_here("sys.state_schema")),
    ],
};

const NOT_HERE: &str = "Not offered yet: execution functions know of no other kind.";

fn not_here(name: &str) -> Result<Value, Fault> {
    Err(Fault::NotSupported(name.to_owned()))
}

/// Every function that works here, sorted: `module.function` and its row.
fn all(cx: &Context) -> BTreeMap<String, &'static Function> {
    let mut all = BTreeMap::new();
    for module in cx.registry.available(cx) {
        for function in module.functions {
            all.entry(format!("{}.{}", module.provides, function.name)).or_insert(function);
        }
    }
    all
}

/// Every state function that works here, sorted: `module.function` and its row.
fn states(cx: &Context) -> BTreeMap<String, &'static State> {
    let mut all = BTreeMap::new();
    for table in cx.registry.states().iter().filter(|table| (table.available)(cx).is_ok()) {
        for state in table.functions.iter().chain(table.mod_watch) {
            all.entry(format!("{}.{}", table.provides, state.name)).or_insert(state);
        }
    }
    all
}

/// Whether a name is one that was asked for: a pattern, the name itself, or its module.
fn is_asked_for(asked: &str, name: &str) -> bool {
    if asked.contains('*') {
        return Glob::new(asked).matches(name);
    }
    let module = asked.strip_suffix('.').unwrap_or(asked);
    name == asked || asked.is_empty() || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
}

fn doc(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked: Vec<String> = args.rest.iter().map(str_of).collect();
    let wanted = |name: &String| asked.is_empty() || asked.iter().any(|asked| is_asked_for(asked, name));
    let docs = all(cx).into_iter().filter(|(name, _)| wanted(name));
    Ok(docs.map(|(name, function)| (name, function.doc)).collect::<Map>().into())
}

/// `module`, or a pattern over whole names.
fn matching(asked: &str, name: &str) -> bool {
    if asked.contains('*') || asked.contains('.') {
        Glob::new(asked).matches(name)
    } else {
        name.split('.').next() == Some(asked)
    }
}

fn listed(names: Vec<String>, args: &Args) -> Value {
    let asked: Vec<String> = args.rest.iter().map(str_of).collect();
    let wanted = |name: &String| asked.is_empty() || asked.iter().any(|asked| matching(asked, name));
    Value::list(names.into_iter().filter(wanted))
}

fn modules_of(names: Vec<String>, args: &Args) -> Value {
    let asked: Vec<String> = args.rest.iter().map(str_of).collect();
    let is_asked = |asked: &String, name: &String| {
        if asked.contains('*') {
            Glob::new(asked).matches(name)
        } else {
            name.split('.').next() == Some(asked)
        }
    };
    let wanted = |name: &String| asked.is_empty() || asked.iter().any(|asked| is_asked(asked, name));
    let modules: BTreeSet<String> = names
        .into_iter()
        .filter(wanted)
        .filter_map(|name| name.split('.').next().map(str::to_owned))
        .collect();
    Value::list(modules)
}

fn argspec(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked = str_of(args.get("module"));
    let functions = all(cx).into_iter().filter(|(name, _)| matching(&asked, name));
    Ok(functions.map(|(name, function)| (name, spec(function.params))).collect::<Map>().into())
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
