//! `environ`: environment variables of the minion's process. Salt: modules/environ.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "environ",
    provides: "environ",
    available: always,
    functions: &[
        Function::new(
            "get",
            &[req("key"), opt("default", Default::Str(""))],
            "A variable, or `default`.",
            |cx, args| match args.get("key") {
                Value::Text(key) => Ok(found(cx, key, args.get("default"))),
                _ => Ok(Value::Bool(false)),
            },
        )
        .cheap(),
        Function::new(
            "has_value",
            &[req("key"), opt("value", Default::None)],
            "Whether there is such a variable, with that value when one is given.",
            has_value,
        )
        .cheap(),
        Function::new(
            "item",
            &[req("keys"), opt("default", Default::Str(""))],
            "Several variables: `{name: value}`.",
            item,
        )
        .cheap(),
        Function::new("items", &[], "Every variable: `{name: value}`.", |cx, _| {
            Ok(cx.host.env_all().into_iter().collect::<Map>().into())
        })
        .cheap(),
        Function::new(
            "setenv",
            &[
                req("environ"),
                opt("false_unsets", Default::False),
                opt("clear_all", Default::False),
                opt("update_minion", Default::False),
                opt("permanent", Default::False),
            ],
            "Sets several variables in the process of this job; `update_minion=True` also in the minion. `False` \
             empties a variable, or takes it out with `false_unsets=True`. `clear_all=True` does so with all others.",
            setenv,
        ),
        Function::new(
            "setval",
            &[req("key"), req("val"), opt("false_unsets", Default::False), opt("permanent", Default::False)],
            "Sets a variable in the process of this job, and gives its value.",
            |cx, args| {
                let key = str_of(args.get("key"));
                Ok(set(cx, &key, args.get("val"), args.truthy("false_unsets")))
            },
        ),
    ],
};

fn found(cx: &Context, key: &str, default: &Value) -> Value {
    cx.host.env(key).map_or_else(|| default.clone(), Value::from)
}

fn has_value(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Value::Text(key) = args.get("key") else { return Ok(Value::Bool(false)) };
    let has = match (cx.host.env(key), args.given("value")) {
        (Some(found), Some(wanted)) => wanted.as_str() == Some(&found),
        (found, None) => found.is_some(),
        (None, Some(_)) => false,
    };
    Ok(has.into())
}

fn item(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let keys = match args.get("keys") {
        key @ Value::Text(_) => vec![key.clone()],
        Value::List(keys) => keys.clone(),
        _ => Vec::new(),
    };
    let value = |key: &Value| (key.clone(), found(cx, &str_of(key), args.get("default")));
    Ok(keys.iter().map(value).collect::<Map>().into())
}

/// The new value; nothing where the variable was taken out; false where it cannot be set.
fn set(cx: &Context, key: &str, value: &Value, false_unsets: bool) -> Value {
    let text = match value {
        Value::Bool(false) if false_unsets => {
            cx.host.set_env(key, None);
            return Value::Null;
        }
        Value::Bool(false) => "",
        Value::Text(text) => text,
        _ => return Value::Bool(false),
    };
    if key.is_empty() || key.contains(['=', '\0']) || text.contains('\0') {
        crate::log::error!(key, "not the name or the value of an environment variable");
        return Value::Bool(false);
    }
    cx.host.set_env(key, Some(text));
    text.into()
}

fn setenv(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Value::Map(environ) = args.get("environ") else { return Ok(Value::Bool(false)) };
    let (false_unsets, clear_all) = (args.truthy("false_unsets"), args.truthy("clear_all"));
    let mut changed = Map::new();
    if clear_all {
        for key in cx.host.env_all().into_keys().filter(|key| !environ.contains(key)) {
            let value = set(cx, &key, &Value::Bool(false), false_unsets);
            changed.insert(key, value);
        }
    }
    for (key, value) in environ {
        if !matches!(value, Value::Text(_) | Value::Bool(false)) {
            return Ok(Value::Bool(false));
        }
        changed.insert(key.clone(), set(cx, &str_of(key), value, false_unsets));
    }
    if args.truthy("update_minion") {
        let data = map! {
            "environ" => environ.clone(),
            "false_unsets" => false_unsets,
            "clear_all" => clear_all,
            "permanent" => args.get("permanent").clone(),
        };
        cx.call("event.fire", Call::positional([data.into(), "environ_setenv".into()]))?;
    }
    Ok(changed.into())
}
