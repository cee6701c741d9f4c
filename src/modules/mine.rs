//! `mine`: results that the master keeps for other minions. Salt: modules/mine.py, utils/mine.py; salt-wire.md §12.2.

use std::time::Duration;

use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "mine",
    provides: "mine",
    available: always,
    functions: &[
        Function::new(
            "delete",
            &[req("fun")],
            "Takes one function out of this minion's mine.",
            |cx, args| {
                if is_local(cx) {
                    let mut store = local_store(cx)?;
                    store.remove(&str_of(args.get("fun")));
                    return keep_locally(cx, store);
                }
                tell(cx, map! { "cmd" => "_mine_delete", "id" => id(cx), "fun" => args.get("fun").clone() })
            },
        ),
        Function::new("flush", &[], "Empties this minion's mine.", |cx, _| {
            if is_local(cx) {
                return keep_locally(cx, Map::new());
            }
            tell(cx, map! { "cmd" => "_mine_flush", "id" => id(cx) })
        }),
        Function::new(
            "get",
            &[
                req("tgt"),
                req("fun"),
                opt("tgt_type", Default::Str("glob")),
                opt("exclude_minion", Default::False),
            ],
            "What other minions have in their mines: `mine.get '*' network.ip_addrs` gives `{id: result}`; for \
             several functions, `{function: {id: result}}`.",
            get,
        ),
        Function::new(
            "get_docker",
            &[
                opt("interfaces", Default::None),
                opt("cidrs", Default::None),
                opt("with_container_id", Default::False),
            ],
            "Not offered.",
            |_, _| Err(Fault::NotSupported("mine.get_docker".to_owned())),
        ),
        Function::new(
            "send",
            &[req("name"), rest("args"), keywords("kwargs")],
            "Runs a function and puts its result into this minion's mine, under `name`. `mine_function` names the \
             function, `allow_tgt` and `allow_tgt_type` the minions that may see it.",
            send,
        ),
        Function::new(
            "update",
            &[opt("clear", Default::False), opt("mine_functions", Default::None)],
            "Runs all functions of the option `mine_functions` and puts their results into this minion's mine. \
             `clear=True` forgets what else there was.",
            update,
        ),
        Function::new("valid", &[], "The functions of `mine_functions` that there are.", valid),
    ],
};

fn id<'a>(cx: &Context<'a>) -> &'a str {
    cx.opt_str("id")
}

fn is_local(cx: &Context) -> bool {
    cx.opt_str("file_client") == "local"
}

/// One entry of `mine_functions`.
struct Definition {
    function: Option<String>,
    args: Vec<Value>,
    kwargs: Map,
    allow_tgt: Value,
    allow_tgt_type: Value,
}

impl Definition {
    /// A map of keywords, or a list of arguments and such maps. Salt: `parse_function_definition`.
    fn parse(definition: &Value) -> Self {
        let (mut args, mut kwargs) = (Vec::new(), Map::new());
        match definition {
            Value::Map(map) => kwargs = map.clone(),
            Value::List(items) => {
                for item in items {
                    match item {
                        Value::Map(map) => kwargs.extend(map.clone()),
                        other => args.push(other.clone()),
                    }
                }
            }
            _ => {}
        }
        let mut take = |name: &str| kwargs.remove(name).unwrap_or_default();
        let function = Some(take("mine_function")).filter(Value::truthy).map(|name| str_of(&name));
        let (allow_tgt, allow_tgt_type) = (take("allow_tgt"), take("allow_tgt_type"));
        Definition { function, args, kwargs, allow_tgt, allow_tgt_type }
    }
}

/// A result with the minions that may see it. Salt: `wrap_acl_structure`.
fn wrapped(result: Value, allow_tgt: &Value, allow_tgt_type: &Value) -> Value {
    if !allow_tgt.truthy() {
        return result;
    }
    let mut entry = map! { "__data__" => result, "__saltmine_acl__" => 1, "allow_tgt" => allow_tgt.clone() };
    if allow_tgt_type.truthy() {
        entry.insert("allow_tgt_type", allow_tgt_type.clone());
    }
    entry.into()
}

/// Calls a function with arguments some of which may be maps of keywords. Salt: utils/functools.py
/// (`call_function`).
fn called(cx: &Context, fun: &str, args: &[Value], kwargs: &Map) -> Result<Value, Fault> {
    let function = cx.registry.function(cx, fun)?;
    let required: Vec<&str> = function
        .params
        .iter()
        .filter_map(|param| if let Param::Required(name) = param { Some(*name) } else { None })
        .collect();
    let mut call = Call::default();
    for arg in args {
        match arg {
            Value::Map(map) => call.kwargs.extend(map.clone()),
            other => call.args.push(other.clone()),
        }
    }
    call.kwargs.extend(kwargs.clone());
    let given = call.args.len();
    let missing: Vec<&str> =
        required.into_iter().skip(given).filter(|name| !call.kwargs.contains(name)).collect();
    if !missing.is_empty() {
        return Err(Fault::invocation(format!("Missing arguments: {}", missing.join(", "))));
    }
    cx.call(fun, call)
}

fn send(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = str_of(args.get("name"));
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !str_of(key).starts_with("__"));
    let mut take = |name: &str| kwargs.remove(name).unwrap_or_default();
    let (function, allow_tgt, allow_tgt_type) =
        (take("mine_function"), take("allow_tgt"), take("allow_tgt_type"));
    let function = if function.truthy() { str_of(&function) } else { name.clone() };
    match called(cx, &function, &args.rest, &kwargs) {
        Ok(result) => {
            let mut data = Map::new();
            data.insert(name, wrapped(result, &allow_tgt, &allow_tgt_type));
            store(cx, data, false)
        }
        Err(error) => {
            crate::log::error!(function, %error, "Function in mine.send failed to execute");
            Ok(Value::Bool(false))
        }
    }
}

/// `mine_functions`: of options, pillar and the pillar's `master`.
fn configured(cx: &Context) -> Result<Map, Fault> {
    let call = Call::positional(["mine_functions".into(), Map::new().into()]);
    Ok(match cx.call("config.merge", call)? {
        Value::Map(functions) => functions,
        other => {
            if other.truthy() {
                crate::log::error!("mine_functions must be of type dict, not {}", other.type_name());
            }
            Map::new()
        }
    })
}

fn update(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let functions = match args.get("mine_functions") {
        given if !given.truthy() => configured(cx)?,
        Value::List(names) => names.iter().map(|name| (name.clone(), Map::new())).collect(),
        Value::Map(functions) => functions.clone(),
        _ => return Ok(Value::Null),
    };
    if functions.is_empty() {
        return Ok(Value::Null);
    }
    let mut data = Map::new();
    for (alias, definition) in &functions {
        let definition = Definition::parse(definition);
        let function = definition.function.unwrap_or_else(|| str_of(alias));
        if cx.registry.function(cx, &function).is_err() {
            unavailable(&function);
            continue;
        }
        match called(cx, &function, &definition.args, &definition.kwargs) {
            Ok(result) => {
                let result = wrapped(result, &definition.allow_tgt, &definition.allow_tgt_type);
                data.insert(alias.clone(), result);
            }
            Err(error) => crate::log::error!(function, %error, "Function in mine.update failed to execute"),
        }
    }
    store(cx, data, args.truthy("clear"))
}

fn unavailable(function: &str) {
    crate::log::error!("Function {function} in mine_functions not available");
}

fn valid(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let functions = configured(cx)?;
    if functions.is_empty() {
        return Ok(Value::Null);
    }
    let mut found = Map::new();
    for (alias, given) in &functions {
        let definition = Definition::parse(given);
        let function = definition.function.clone().unwrap_or_else(|| str_of(alias));
        if cx.registry.function(cx, &function).is_err() {
            unavailable(&function);
            continue;
        }
        match definition.function {
            Some(function) => {
                let kwargs = definition.kwargs.into_iter().map(|(key, value)| {
                    let mut one = Map::new();
                    one.insert(key, value);
                    Value::Map(one)
                });
                let args = Value::list(definition.args.into_iter().chain(kwargs));
                found.insert(alias.clone(), map! { function => args });
            }
            None => {
                found.insert(alias.clone(), given.clone());
            }
        }
    }
    Ok(found.into())
}

fn store(cx: &Context, data: Map, clear: bool) -> Result<Value, Fault> {
    if is_local(cx) {
        let mut all = if clear { Map::new() } else { local_store(cx)? };
        all.extend(data);
        return keep_locally(cx, all);
    }
    tell(cx, map! { "cmd" => "_mine", "data" => data, "id" => id(cx), "clear" => clear })
}

/// Without a master the mine is a value of `data`.
fn local_store(cx: &Context) -> Result<Map, Fault> {
    match cx.call("data.get", Call::positional(["mine_cache".into()]))? {
        Value::Map(store) => Ok(store),
        _ => Ok(Map::new()),
    }
}

fn keep_locally(cx: &Context, store: Map) -> Result<Value, Fault> {
    cx.call("data.update", Call::positional(["mine_cache".into(), store.into()]))
}

/// Has the daemon send a load to the master; without a daemon (`salt-call`) it is sent from here.
fn tell(cx: &Context, load: Map) -> Result<Value, Fault> {
    if cx.minion.fire("_minion_mine", load.clone()).is_err() {
        cx.minion.request(load, TIMEOUT)?;
    }
    Ok(Value::Bool(true))
}

const TIMEOUT: Duration = Duration::from_secs(60);

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if is_local(cx) {
        return get_locally(cx, args);
    }
    let load = map! {
        "cmd" => "_mine_get",
        "id" => id(cx),
        "tgt" => args.get("tgt").clone(),
        "fun" => args.get("fun").clone(),
        "tgt_type" => args.get("tgt_type").clone(),
    };
    let mut found = cx.minion.request(load, TIMEOUT)?;
    if args.truthy("exclude_minion")
        && let Some(found) = found.as_map_mut()
    {
        found.remove(id(cx));
    }
    Ok(found)
}

fn get_locally(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let matcher = format!("match.{}", str_of(args.get("tgt_type")));
    if !cx.call(&matcher, Call::positional([args.get("tgt").clone()]))?.truthy() {
        return Ok(Map::new().into());
    }
    let store = local_store(cx)?;
    let functions: Vec<String> = match args.get("fun") {
        Value::Text(text) => {
            let mut names: Vec<String> = text.split(',').map(str::to_owned).collect();
            names.dedup();
            names
        }
        Value::List(names) => names.iter().map(str_of).collect(),
        _ => return Ok(Map::new().into()),
    };
    let by_function = functions.len() > 1 || matches!(args.get("fun"), Value::List(_));
    let mut found = Map::new();
    for function in functions {
        let Some(value) = store.get(&function) else { continue };
        let value = match value.get("__saltmine_acl__") {
            Some(_) => value.get("__data__").cloned().unwrap_or_default(),
            None => value.clone(),
        };
        let mut own = Map::new();
        own.insert(id(cx), value);
        if by_function {
            found.insert(function, own);
        } else {
            found.extend(own);
        }
    }
    Ok(found.into())
}
