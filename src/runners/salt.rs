//! `salt`: functions of the execution modules, on the master's host or on minions. Salt: runners/salt.py.

use std::time::Duration;

use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, always, keywords, opt, req, rest,
};
use crate::map;
use crate::value::yaml::condition_input;
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "salt",
    provides: "salt",
    available: always,
    functions: &[
        Function::new(
            "cmd",
            &[req("fun"), rest("args"), keywords("kwargs")],
            "Calls a function of the execution modules on the master's host: `salt.cmd test.echo hi`. The pillar of \
             the master's own id comes with `with_pillar=True`.",
            cmd,
        ),
        Function::new(
            "execute",
            &[
                req("tgt"),
                req("fun"),
                opt("arg", Default::EmptyList),
                opt("timeout", Default::None),
                opt("tgt_type", Default::Str("glob")),
                opt("ret", Default::Str("")),
                opt("jid", Default::Str("")),
                opt("kwarg", Default::None),
                keywords("kwargs"),
            ],
            "Runs a function on minions, with a list of arguments and a map of keyword arguments: `{id: return}`.",
            execute,
        ),
    ],
};

/// Keyword arguments without those that the caller put in. Salt: utils/args.py (`clean_kwargs`).
fn clean(keywords: &Map) -> Map {
    let own = keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("__")));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn cmd(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let fun = args.str("fun")?;
    let mut kwargs = clean(&args.keywords);
    let with_pillar = kwargs.remove("with_pillar").is_some_and(|wanted| wanted.truthy());
    match cx.master.execute(&fun, Call { args: args.rest.clone(), kwargs }, with_pillar) {
        Err(Fault::NotAvailable(_)) => Ok(format!("'{fun}' is not available.").into()),
        outcome => Ok(outcome?.value),
    }
}

fn execute(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut arg = args.list("arg")?;
    if let Value::Map(kwarg) = args.get("kwarg") {
        arg = condition_input(arg, kwarg.clone());
    }
    let seconds = args.given("timeout").or_else(|| cx.opts.get("timeout")).and_then(Value::as_float);
    let seconds = seconds.filter(|seconds| *seconds > 0.0).unwrap_or(5.0);
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(5));
    let load = map! {
        "tgt" => args.get("tgt").clone(),
        "tgt_type" => args.str("tgt_type")?,
        "fun" => args.get("fun").clone(),
        "arg" => arg,
        "ret" => args.str("ret")?,
        "kwargs" => clean(&args.keywords),
    };
    match cx.master.publish_and_wait(load, timeout) {
        Ok(returns) => {
            Ok(returns.into_iter().map(|(id, entry)| (id, returned(&entry))).collect::<Map>().into())
        }
        Err(error) => {
            // Salt: logged, and nothing came back.
            crate::log::error!(%error, "Error while executing {} on {}", args.str("fun")?, args.str("tgt")?);
            Ok(Map::new().into())
        }
    }
}

fn returned(entry: &Value) -> Value {
    entry.get("ret").cloned().unwrap_or_default()
}
