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
    // A text is a list of its characters, as in Python.
    let mut arg = match args.get("arg") {
        Value::Text(text) => text.chars().map(|char| char.to_string().into()).collect(),
        _ => args.list("arg")?,
    };
    if let Value::Map(kwarg) = args.get("kwarg") {
        arg = condition_input(arg, kwarg.clone());
    }
    let seconds = args.given("timeout").or_else(|| cx.opts.get("timeout")).and_then(Value::as_float);
    let seconds = seconds.filter(|seconds| *seconds > 0.0).unwrap_or(5.0);
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(5));
    let mut kwargs = clean(&args.keywords);
    let full = kwargs.remove("full_return").is_some_and(|full| full.truthy());
    let tgt = args.get("tgt").as_str().unwrap_or_default();
    let groups = cx.opts.get("nodegroups");
    if args.get("tgt_type").as_str() == Some("nodegroup") && groups.is_none_or(|all| all.get(tgt).is_none()) {
        crate::log::error!(
            "Node group {tgt} unavailable in {}",
            cx.opts.str("conf_file").unwrap_or_default()
        );
        return Ok(Map::new().into());
    }
    let load = map! {
        "silent" => kwargs.clone(),
        "tgt" => args.get("tgt").clone(),
        "tgt_type" => args.str("tgt_type")?,
        "fun" => args.get("fun").clone(),
        "arg" => arg,
        "ret" => args.str("ret")?,
        "jid" => args.str("jid")?,
        "kwargs" => kwargs,
    };
    match cx.master.publish_and_wait(load, timeout) {
        Ok(returns) => {
            Ok(returns.into_iter().map(|(id, entry)| (id, returned(entry, full))).collect::<Map>().into())
        }
        Err(error) => {
            // Salt: logged, and nothing came back.
            crate::log::error!(%error, "Error while executing {} on {}", args.str("fun")?, args.str("tgt")?);
            Ok(Map::new().into())
        }
    }
}

/// False stands for a minion that stayed silent.
fn returned(entry: Value, full: bool) -> Value {
    match entry {
        Value::Map(mut entry) if full => {
            entry.remove("success");
            entry.into()
        }
        Value::Map(mut entry) => entry.remove("ret").unwrap_or_default(),
        other => other,
    }
}
