//! `unless`, `onlyif`, `creates` and `check_cmd`: is a state to run, and what counts as its success. Salt: state.py
//! (`_run_check` and its neighbours).

use std::path::Path;

use crate::log::warn;

use super::outcome::name_it;
use super::slots;
use crate::loader::{Call, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of, traverse};

/// What one of them says: whether the state is not to run, and why.
struct Said {
    skip: bool,
    skip_watch: Option<bool>,
    comment: Option<String>,
}

impl Said {
    fn run(comment: impl Into<String>) -> Self {
        Said { skip: false, skip_watch: None, comment: Some(comment.into()) }
    }

    fn skip(comment: impl Into<String>) -> Self {
        Said { skip: true, skip_watch: Some(true), comment: Some(comment.into()) }
    }
}

/// Whether a chunk has any of them.
pub(super) fn has_conditions(low: &Map) -> bool {
    ["unless", "onlyif", "creates"].iter().any(|key| low.contains(key))
}

/// The result of a state that is not to run; `None` when it is.
pub(super) fn conditions(cx: &Context, low: &Map) -> Result<Option<Map>, Fault> {
    let options = command_options(cx, low);
    let mut all = Vec::new();
    if let Some(value) = low.get("onlyif") {
        all.push(onlyif(cx, value, &options)?);
    }
    if let Some(value) = low.get("unless") {
        all.push(unless(cx, value, &options)?);
    }
    if let Some(value) = low.get("creates") {
        all.push(creates(value));
    }
    let mut comments = Vec::new();
    for said in &all {
        let missing = || Fault::exception("KeyError", "'comment'");
        comments.push(said.comment.clone().ok_or_else(missing)?);
    }
    if !all.iter().any(|said| said.skip) {
        return Ok(None);
    }
    let mut ret = map! { "result" => true, "name" => Value::Null, "changes" => Map::new(), "comment" => comments.join("\n") };
    name_it(&mut ret, low);
    if all.iter().any(|said| said.skip_watch.is_some()) {
        ret.insert("skip_watch", all.iter().any(|said| said.skip_watch == Some(true)));
    }
    Ok(Some(ret))
}

fn command_options(cx: &Context, low: &Map) -> Map {
    const PASSED: &[&str] =
        &["cwd", "root", "runas", "env", "prepend_path", "umask", "timeout", "success_retcodes"];
    let excluded: Vec<String> = match low.get("cmd_opts_exclude") {
        None => Vec::new(),
        Some(Value::List(names)) => names.iter().map(str_of).collect(),
        Some(name) => vec![str_of(name)],
    };
    let wanted = |name: &str| !excluded.iter().any(|excluded| excluded == name);
    let mut options = map! { "ignore_retcode" => true, "python_shell" => true };
    for name in PASSED.iter().filter(|name| wanted(name)) {
        if let Some(value) = low.get(name).filter(|value| !value.is_null()) {
            options.insert(*name, value.clone());
        }
    }
    match low.get("shell").filter(|_| wanted("shell")) {
        Some(shell) => options.insert("shell", shell.clone()),
        None => add_shell(cx, &mut options),
    };
    options
}

fn add_shell(cx: &Context, options: &mut Map) -> Option<Value> {
    cx.grains.get("shell").and_then(|shell| options.insert("shell", shell.clone()))
}

fn entries(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// The exit code of a command; `failed` where it cannot be run.
fn retcode(cx: &Context, command: &str, options: &Map, failed: Option<i64>) -> Result<i64, Fault> {
    let call = Call { args: vec![command.into()], kwargs: options.clone() };
    match (cx.call("cmd.retcode", call), failed) {
        (Ok(code), _) => Ok(code.as_int().unwrap_or(1)),
        (Err(Fault::Execution { .. } | Fault::NotFound(_)), Some(failed)) => Ok(failed),
        (Err(fault), _) => Err(fault),
    }
}

/// What a function of the dictionary form says: an exit code that it left, or its value.
enum Answer {
    Code(i64),
    Value(bool),
}

fn ask(cx: &Context, entry: &Map) -> Result<Answer, Fault> {
    let mut kwargs = entry.clone();
    let fun = kwargs.remove("fun").map(|fun| str_of(&fun)).unwrap_or_default();
    let path = kwargs.remove("get_return").filter(Value::truthy).map(|path| str_of(&path));
    let mut args = match kwargs.remove("args") {
        Some(Value::List(args)) => map! { "args" => Value::List(args) },
        _ => Map::new(),
    };
    slots::fill(cx, &mut args)?;
    slots::fill(cx, &mut kwargs)?;
    let args = match args.remove("args") {
        Some(Value::List(args)) => args,
        _ => Vec::new(),
    };
    // What a command before it came to is not what this function says.
    cx.set_retcode(0);
    let mut value = cx.call(&fun, Call { args, kwargs }).map_err(|fault| match fault {
        Fault::NotAvailable(_) => Fault::exception("KeyError", format!("'{fun}'")),
        fault => fault,
    })?;
    if let Some(path) = path {
        value = traverse(&value, &path, ":").cloned().unwrap_or_default();
    }
    Ok(if cx.retcode() != 0 { Answer::Code(cx.retcode()) } else { Answer::Value(value.truthy()) })
}

fn without_fun(kind: &str, entry: &Value) -> Said {
    let comment = format!("no `fun` argument in {kind}: {}", str_of(entry));
    warn!("{comment}");
    Said::run(comment)
}

fn onlyif(cx: &Context, value: &Value, options: &Map) -> Result<Said, Fault> {
    const FALSE: &str = "onlyif condition is false";
    let mut said = Said { skip: false, skip_watch: None, comment: None };
    for entry in entries(value) {
        let go_on = match entry {
            Value::Text(command) => retcode(cx, command, options, Some(100))? == 0,
            Value::Map(map) if !map.contains("fun") => return Ok(without_fun("onlyif", entry)),
            Value::Map(map) => match ask(cx, map)? {
                Answer::Code(code) => code == 0,
                Answer::Value(value) => value,
            },
            _ => return Ok(Said::run("onlyif execution failed, bad type passed")),
        };
        if !go_on {
            return Ok(Said::skip(FALSE));
        }
        said.comment = Some("onlyif condition is true".to_owned());
    }
    Ok(said)
}

fn unless(cx: &Context, value: &Value, options: &Map) -> Result<Said, Fault> {
    let mut said = Said { skip: false, skip_watch: None, comment: None };
    for entry in entries(value) {
        let skips = match entry {
            Value::Text(command) => retcode(cx, command, options, Some(0))? == 0,
            Value::Map(map) if !map.contains("fun") => {
                return Ok(Said { comment: without_fun("unless", entry).comment, ..said });
            }
            Value::Map(map) => match ask(cx, map)? {
                Answer::Code(code) => code == 0,
                Answer::Value(value) => value,
            },
            _ => {
                said = Said {
                    comment: Some("unless condition is false, bad type passed".to_owned()),
                    skip: false,
                    ..said
                };
                continue;
            }
        };
        if !skips {
            return Ok(Said::run("unless condition is false"));
        }
        said = Said::skip("unless condition is true");
    }
    Ok(said)
}

fn creates(value: &Value) -> Said {
    let there = |path: &Value| path.as_str().is_some_and(|path| Path::new(path).exists());
    match value {
        Value::Text(path) if there(value) => Said::skip(format!("{path} exists")),
        Value::List(paths) if paths.iter().all(there) => Said::skip("All files in creates exist"),
        _ => Said::run("Creates files not found"),
    }
}

/// `check_cmd`: replaces result and comment.
pub(super) fn check_cmd(cx: &Context, low: &Map, ret: &mut Map) -> Result<(), Fault> {
    let mut options = map! { "ignore_retcode" => true, "python_shell" => true };
    add_shell(cx, &mut options);
    name_it(ret, low);
    ret.insert("result", false);
    for entry in entries(low.get("check_cmd").unwrap_or(&Value::Null)) {
        let good = retcode(cx, &str_of(entry), &options, None)? == 0;
        let word = if good { "succeeded" } else { "failed" };
        ret.insert("comment", format!("check_cmd determined the state {word}"));
        ret.insert("result", good);
        if !good {
            break;
        }
    }
    Ok(())
}
