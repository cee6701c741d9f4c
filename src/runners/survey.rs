//! `survey`: minions grouped by what they answer. Salt: runners/survey.py.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::loader::{Args, Context, Fault, Function, Module, always, keywords, rest};
use crate::map;
use crate::value::{Value, sort, str_of};

pub(super) static MODULE: Module = Module {
    file: "survey",
    provides: "survey",
    available: always,
    functions: &[Function::new(
        "hash",
        &[rest("args"), keywords("kwargs")],
        "Runs a function on the minions of a target (compound, or `tgt_type=pcre`) and groups them by what they return: \
         `[{pool: [id], result: text}]`, the largest pool first, or last with `survey_sort=up`.",
        hash,
    )],
};

fn hash(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (Some(tgt), Some(fun)) = (args.rest.first(), args.rest.get(1)) else {
        return Err(Fault::exception("IndexError", "tuple index out of range"));
    };
    let tgt_type = match args.keywords.str("tgt_type") {
        Some("pcre") => "pcre",
        _ => "compound",
    };
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with('_') || is_own(key)));
    let mut arg: Vec<Value> = args.rest.iter().skip(2).cloned().collect();
    if !kwargs.is_empty() {
        kwargs.insert("__kwarg__", true);
        arg.push(kwargs.into());
    }
    let load = map! { "tgt" => tgt.clone(), "tgt_type" => tgt_type, "fun" => fun.clone(), "arg" => arg };
    let seconds = cx.opts.get("timeout").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
    let returns = cx.master.publish_and_wait(load, Duration::from_secs(seconds.unwrap_or(5)))?;
    let answers: BTreeMap<String, String> = returns
        .iter()
        .map(|(id, entry)| (str_of(id), str_of(&entry.get("ret").cloned().unwrap_or_default())))
        .collect();
    let mut pools: Vec<(String, Vec<String>)> = Vec::new();
    for (id, result) in answers {
        match pools.iter_mut().find(|(known, _)| *known == result) {
            Some((_, pool)) => pool.push(id),
            None => pools.push((result, vec![id])),
        }
    }
    // Python sorts stably, also in reverse: pools of one size stay in the order of their first minions.
    match args.keywords.str("survey_sort") {
        Some("up") => sort::by_key(&mut pools, |(_, pool)| pool.len()),
        _ => sort::by_key(&mut pools, |(_, pool)| std::cmp::Reverse(pool.len())),
    }
    let shown =
        |(result, pool): (String, Vec<String>)| map! { "pool" => Value::list(pool), "result" => result };
    Ok(Value::list(pools.into_iter().map(shown)))
}

fn is_own(key: &str) -> bool {
    matches!(key, "survey_sort" | "tgt_type")
}
