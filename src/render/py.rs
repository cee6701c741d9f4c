//! `py`: an SLS file that is a Python program with a function `run`. Salt: renderers/py.py, utils/templates.py (`py`).
//!
//! It runs in a `python3` of this machine, which knows nothing of Salt: it is given the variables as JSON. Where it
//! calls a function of Salt, the program ends with that wish, and is run anew with the answer; what it does besides
//! is therefore done several times.

use std::time::Duration;

use super::{RenderError, Source, sls_variables};
use crate::host::{Command, which};
use crate::loader::{Call, Context};
use crate::map;
use crate::value::{JsonStyle, Map, Value};

/// How many functions of Salt one file may call.
const MAX_CALLS: usize = 500;
/// How long it may work between two of them.
const TIME: Duration = Duration::from_secs(60);

const DRIVER: &str = r#"
import json, os, sys, traceback

def data(value):
    if isinstance(value, dict):
        return {"map": [[data(key), data(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple, set)):
        return {"list": [data(item) for item in value]}
    return value

def end(answer):
    answers.write(json.dumps(answer, default=str))
    answers.flush()
    os._exit(0)

class Salt:
    def __getitem__(self, name):
        return lambda *args, **kwargs: asked({"call": name, "args": args, "kwargs": kwargs})
    def __contains__(self, name):
        return asked({"has": name})
    def get(self, name, default=None):
        return self[name] if name in self else default
    def __getattr__(self, module):
        return Module(self, module)

class Module:
    def __init__(self, salt, module):
        self.salt, self.module = salt, module
    def __getattr__(self, name):
        return self.salt[self.module + "." + name]

def asked(wish):
    if not replies:
        end({key: data(value) for key, value in wish.items()})
    reply = replies.pop(0)
    if "error" in reply:
        raise Exception(reply["error"])
    return reply["value"]

answers, sys.stdout = sys.stdout, sys.stderr
given = json.load(sys.stdin)
replies = given["replies"]
scope = dict(given["variables"], salt=Salt(), __salt__=Salt(), __name__=given["name"], __file__=given["path"])
for name in ("grains", "opts", "pillar", "sls", "saltenv"):
    scope["__%s__" % name] = scope.get(name)
scope["__env__"] = scope["saltenv"]
try:
    exec(compile(given["source"], given["path"], "exec"), scope)
    end({"data": data(scope["run"]())})
except Exception as error:
    error.__traceback__ = error.__traceback__.tb_next
    end({"error": traceback.format_exc()})
"#;

/// What `run()` of a program returns.
///
/// # Errors
/// Without a `python3`, and when the program fails: with Python's traceback.
pub(super) fn run(cx: &Context, source: &Source, text: &str) -> Result<Value, RenderError> {
    let path = cx.host.env("PATH").unwrap_or_default();
    let python = which("python3", &path).ok_or_else(|| {
        RenderError::Py(
            "the renderer 'py' needs the program python3, which is not on this machine".to_owned(),
        )
    })?;
    // What it looks at is not known.
    cx.set_changeable();
    let mut given = map! {
        "variables" => sls_variables(cx, source),
        "name" => source.sls,
        "path" => source.path.unwrap_or("<string>"),
        "source" => text,
    };
    let mut replies = Vec::new();
    for _ in 0..=MAX_CALLS {
        given.insert("replies", replies.clone());
        let mut command = Command::new(python.to_string_lossy(), ["-c", DRIVER]);
        command.stdin = Some(Value::from(given.clone()).to_json(JsonStyle::default()).into_bytes());
        command.timeout = Some(TIME);
        let output = cx.host.run(&command).map_err(|error| RenderError::Py(format!("python3: {error}")))?;
        if output.timed_out {
            return Err(RenderError::Py(format!("python3 was stopped after {} s", TIME.as_secs())));
        }
        let answer = String::from_utf8_lossy(&output.stdout);
        let Ok(Value::Map(mut answer)) = Value::from_json(&answer) else {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(RenderError::Py(format!("python3 ended with {} and said: {said}", output.code)));
        };
        if let Some(error) = answer.str("error") {
            return Err(RenderError::Py(error.to_owned()));
        }
        if let Some(data) = answer.remove("data") {
            return Ok(plain(data));
        }
        let reply = if let Some(name) = answer.str("has") {
            map! { "value" => cx.registry.function(cx, name).is_ok() }
        } else {
            let name = answer.str("call").unwrap_or_default().to_owned();
            let mut part = |key| answer.remove(key).map(plain).unwrap_or_default();
            let call = match (part("args"), part("kwargs")) {
                (Value::List(args), Value::Map(kwargs)) => Call { args, kwargs },
                _ => Call { args: Vec::new(), kwargs: Map::new() },
            };
            match cx.call(&name, call) {
                Ok(value) => map! { "value" => value },
                Err(fault) => map! { "error" => fault.to_string() },
            }
        };
        replies.push(Value::Map(reply));
    }
    Err(RenderError::Py(format!("a program of the renderer 'py' may call {MAX_CALLS} functions")))
}

/// Undoes `data` of the program, which keeps keys that are no text.
fn plain(value: Value) -> Value {
    let Value::Map(mut map) = value else { return value };
    match (map.remove("map"), map.remove("list")) {
        (Some(Value::List(pairs)), _) => pairs
            .into_iter()
            .filter_map(|pair| match pair {
                Value::List(pair) => {
                    let mut pair = pair.into_iter();
                    Some((plain(pair.next()?), plain(pair.next()?)))
                }
                _ => None,
            })
            .collect::<Map>()
            .into(),
        (_, Some(Value::List(items))) => Value::list(items.into_iter().map(plain)),
        _ => Value::Null,
    }
}
