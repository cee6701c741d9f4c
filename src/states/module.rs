//! `module`: functions of execution modules as states, in the old style and in the new. Salt: states/module.py.

use crate::loader::{
    Args, Call, Default, Fault, Function, Param, Running, State, StateReturn, States, always, keywords, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const ANY: &[Param] = &[keywords("kwargs")];
const WAIT: &[Param] = &[req("name"), keywords("kwargs")];

pub(super) static STATES: States = States {
    file: "module",
    provides: "module",
    available: always,
    functions: &[
        State::new(
            "run",
            ANY,
            "Calls functions: `- test.echo: [hello]`, or in the old style by `name`.",
            run,
        ),
        State::new("wait", WAIT, "Calls a function when something that it watches has changed.", wait),
        State::new("watch", WAIT, "As `module.wait`.", wait),
    ],
    mod_watch: Some(&State::new("mod_watch", ANY, "Calls it.", run)),
    mod_aggregate: None,
};

fn wait(_: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(StateReturn::new(args.get("name").clone(), Some(true), ""))
}

fn run(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut kwargs = args.keywords.clone();
    kwargs.remove("__reqs__");
    let own = |key: &Value| matches!(key.as_str(), Some("name" | "sfun"));
    let keys: Vec<&Value> = kwargs.keys().filter(|key| !own(key)).collect();
    let dotted = |key: &&Value| key.as_str().is_some_and(|key| key.contains('.'));
    let legacy = (keys.is_empty() && !kwargs.is_empty()) || !keys.iter().all(dotted);
    if legacy { old_style(running, kwargs) } else { new_style(running, kwargs) }
}

/// `{function: [argument, {key: argument}]}`.
fn new_style(running: &Running, mut kwargs: Map) -> Result<StateReturn, Fault> {
    kwargs.remove("name");
    let name = Value::list(kwargs.keys().cloned());
    let functions: Vec<(String, Value)> = kwargs
        .iter()
        .map(|(fun, args)| (str_of(fun), args.clone()))
        .filter(|(fun, _)| fun.contains('.'))
        .collect();
    if functions.is_empty() {
        return Ok(StateReturn::new(name, Some(false), "No function provided."));
    }
    let plain = |fun: &str| fun.split(':').next().unwrap_or_default().to_owned();
    let (there, missing): (Vec<String>, Vec<String>) = functions
        .iter()
        .map(|(fun, _)| plain(fun))
        .partition(|fun| running.registry.function(running.cx, fun).is_ok());
    let tests = if running.test() { there } else { Vec::new() };
    if !missing.is_empty() || !tests.is_empty() {
        // Salt quirk: states/module.py: the plural is Python's `True`.
        let plural = |several: bool| if several { "True" } else { "" };
        let mut said = Vec::new();
        if !missing.is_empty() {
            said.push(format!("Unavailable function{}: {}.", plural(missing.len() > 1), missing.join(", ")));
        }
        if !tests.is_empty() {
            said.push(format!("Function{} {} to be executed.", plural(tests.len() > 1), tests.join(", ")));
        }
        let result = if missing.is_empty() { None } else { Some(false) };
        return Ok(StateReturn::new(name, result, said.join(" ")));
    }
    let (mut failures, mut successes, mut changes) = (Vec::new(), Vec::new(), Map::new());
    for (fun, args) in functions {
        let call = arguments(&args);
        let lacking = lacking(running, &plain(&fun), &call);
        if !lacking.is_empty() {
            failures.push(format!("'{fun}' failed: Missing arguments: {}", lacking.join(", ")));
            continue;
        }
        match running.call(&plain(&fun), call) {
            Ok(value) if good(&value) => {
                let said = match &value {
                    Value::Map(map) => map.get("comment").map_or_else(|| "Success".to_owned(), str_of),
                    other => str_of(other),
                };
                successes.push(format!("{fun}: {said}"));
                changes.insert(fun, value);
            }
            Ok(Value::Map(map)) => {
                let said = map.get("comment").map_or_else(|| "(error message N/A)".to_owned(), str_of);
                failures.push(format!("'{fun}' failed: {said}"));
            }
            Ok(value) => failures.push(format!("'{fun}': {}", str_of(&value))),
            Err(Fault::Invocation(text) | Fault::Type(text)) => {
                failures.push(format!("'{fun}' failed: {text}"))
            }
            Err(fault) => return Err(fault),
        }
    }
    let result = failures.is_empty();
    failures.extend(successes);
    Ok(StateReturn::new(name, Some(result), failures.join(", ")).with(changes))
}

/// Parameters of a function that have to be given, and are not.
fn lacking(running: &Running, fun: &str, call: &Call) -> Vec<&'static str> {
    let Ok(function) = running.registry.function(running.cx, fun) else { return Vec::new() };
    let required = function.params.iter().filter_map(|param| match param {
        Param::Required(name) => Some(*name),
        _ => None,
    });
    required.skip(call.args.len()).filter(|name| !call.kwargs.contains(name)).collect()
}

/// Arguments as they are written in a state: a list whose maps are keywords, a map, or one value.
fn arguments(args: &Value) -> Call {
    let mut call = Call::default();
    match args {
        Value::Null => {}
        Value::List(items) => {
            for item in items {
                match item {
                    Value::Map(map) => call.kwargs.extend(map.clone()),
                    other => call.args.push(other.clone()),
                }
            }
        }
        Value::Map(map) => call.kwargs = map.clone(),
        other => call.args.push(other.clone()),
    }
    call
}

/// Arguments of the state's own that a function may have too: written with `m_`.
fn spelled(name: &str) -> String {
    match name {
        "name" | "fun" | "names" | "state" | "saltenv" => format!("m_{name}"),
        other => other.to_owned(),
    }
}

fn old_style(running: &Running, mut kwargs: Map) -> Result<StateReturn, Fault> {
    let Some(name) = kwargs.remove("name").map(|name| str_of(&name)) else {
        return Err(Fault::Type("_legacy_run() missing 1 required positional argument: 'name'".to_owned()));
    };
    let Ok(function) = running.registry.function(running.cx, &name) else {
        let comment = format!("Module function {name} is not available");
        return Ok(StateReturn::new(name, Some(false), comment));
    };
    if running.test() {
        let comment = format!("Module function {name} is set to execute");
        return Ok(StateReturn::new(name, None, comment));
    }
    let call = match old_call(function, &mut kwargs) {
        Ok(call) => call,
        Err(comment) => return Ok(StateReturn::new(name, Some(false), comment)),
    };
    let value = match running.call(&name, call) {
        Ok(value) => value,
        Err(fault) => {
            let text = match fault {
                Fault::Exception { text, .. } => text,
                other => other.to_string(),
            };
            let comment = format!("Module function {name} threw an exception. Exception: {text}");
            return Ok(StateReturn::new(name, Some(false), comment));
        }
    };
    let result = good(&value);
    let comment = format!("Module function {name} executed");
    Ok(StateReturn::new(name, Some(result), comment).with(map! { "ret" => value }))
}

/// The arguments of a function among the keywords of the state, or what is wrong with them.
fn old_call(function: &Function, kwargs: &mut Map) -> Result<Call, String> {
    let mut call = Call::default();
    let mut missing = Vec::new();
    for param in function.params {
        match param {
            Param::Required(name) => match kwargs.remove(&spelled(name)) {
                Some(value) => call.args.push(value),
                None => missing.push(spelled(name)),
            },
            Param::Optional(name, default) => {
                let given = if *name == "names" { None } else { kwargs.remove(&spelled(name)) };
                let given = given.or_else(|| kwargs.remove(name));
                call.args.push(given.unwrap_or_else(|| Default::value(*default)));
            }
            Param::Rest(_) | Param::Keywords(_) | Param::Only(_) => {}
        }
    }
    if !missing.is_empty() {
        return Err(format!("The following arguments are missing: {}", missing.join(" ")));
    }
    for param in function.params {
        match param {
            Param::Rest(name) => match kwargs.remove(&spelled(name)) {
                None => {}
                Some(Value::List(more)) => call.args.extend(more),
                Some(_) => return Err(format!("'{name}' must be a list.")),
            },
            Param::Keywords(_) | Param::Only(_) => match kwargs.remove(param.name()) {
                None => {}
                Some(Value::Map(more)) => call.kwargs = more,
                Some(_) => return Err(format!("'{}' must be a dict.", param.name())),
            },
            _ => {}
        }
    }
    Ok(call)
}

/// Neither `False` nor a map that says, at any depth, that something failed.
fn good(value: &Value) -> bool {
    match value {
        Value::Bool(bool) => *bool,
        Value::Map(map) => map.iter().all(|(key, value)| match (key.as_str(), value) {
            (Some("result"), Value::Bool(false)) => false,
            (Some("retcode"), value) => value.loosely_equals(&Value::Int(0)),
            (_, Value::Map(_)) => good(value),
            _ => true,
        }),
        _ => true,
    }
}
