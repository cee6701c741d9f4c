//! `test`: is the master there, and does calling runners work? Salt: runners/test.py.

use std::time::Duration;

use super::{progress, say};
use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt, rest};
use crate::map;
use crate::value::{Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "test",
    provides: "test",
    available: always,
    functions: &[
        Function::new(
            "arg",
            &[rest("args"), keywords("kwargs")],
            "Gives back its arguments, without the keyword arguments whose names begin with two underscores.",
            arg,
        ),
        Function::new("get_opts", &[], "The options of the master.", get_opts),
        Function::new(
            "metasyntactic",
            &[opt("locality", Default::Str("us"))],
            "Names for things without a name, of the locality `us` or `uk`.",
            metasyntactic,
        ),
        Function::new(
            "raw_arg",
            &[rest("args"), keywords("kwargs")],
            "Gives back all of its arguments.",
            raw_arg,
        ),
        Function::new(
            "sleep",
            &[opt("s_time", Default::Int(10))],
            "Sleeps so many seconds, then gives True.",
            sleep,
        ),
        Function::new("stdout_print", &[], "Prints `foo` and gives `bar`.", stdout_print),
        Function::new("stream", &[], "Fires 99 progress events, then gives True.", stream),
    ],
};

fn arg(_: &Context, args: &Args) -> Result<Value, Fault> {
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !str_of(key).starts_with("__"));
    Ok(map! { "args" => args.rest.clone(), "kwargs" => kwargs }.into())
}

fn raw_arg(_: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(map! { "args" => args.rest.clone(), "kwargs" => args.keywords.clone() }.into())
}

fn get_opts(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(cx.opts.clone().into())
}

fn metasyntactic(_: &Context, args: &Args) -> Result<Value, Fault> {
    let names: &[&str] = match args.get("locality").as_str() {
        Some("us") => &[
            "foo", "bar", "baz", "qux", "quux", "quuz", "corge", "grault", "garply", "waldo", "fred",
            "plugh", "xyzzy", "thud",
        ],
        Some("uk") => &["wibble", "wobble", "wubble", "flob"],
        _ => return Ok(Value::Null),
    };
    Ok(Value::list(names.iter().copied()))
}

fn stdout_print(cx: &Context, _: &Args) -> Result<Value, Fault> {
    say(cx, "foo")?;
    Ok("bar".into())
}

fn sleep(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let time = args.get("s_time");
    say(cx, &str_of(time))?;
    if let Value::Text(_) = time {
        return Err(Fault::Type("'str' object cannot be interpreted as an integer".to_owned()));
    }
    let seconds = time.as_float().filter(|seconds| *seconds >= 0.0);
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Some(seconds) = seconds else {
        return Err(Fault::invocation(format!("s_time is no number of seconds: {}", str_of(time))));
    };
    cx.host.sleep(seconds);
    Ok(true.into())
}

fn stream(cx: &Context, _: &Args) -> Result<Value, Fault> {
    for percent in 1..100 {
        progress(cx, "progress", map! { "message" => format!("Runner is {percent}% done") })?;
        cx.host.sleep(Duration::from_millis(100));
    }
    Ok(true.into())
}
