//! `survey`: minions grouped by what they answer. Salt: runners/survey.py.

use std::time::Duration;

use crate::loader::{Args, Context, Fault, Function, Module, always, keywords, rest};
use crate::map;
use crate::value::yaml::condition_input;
use crate::value::{Value, sort, str_of, unified_diff_near};

pub(super) static MODULE: Module = Module {
    file: "survey",
    provides: "survey",
    available: always,
    functions: &[
        Function::new(
            "diff",
            &[rest("args"), keywords("kwargs")],
            "As `survey.hash`, and prints for each pool how its result differs from that of the first.",
            diff,
        ),
        Function::new(
            "hash",
            &[rest("args"), keywords("kwargs")],
            "Runs a function on the minions of a target (compound, or `tgt_type=pcre`) and groups them by what they return: \
         `[{pool: [id], result: text}]`, the largest pool first, or last with `survey_sort=up`.",
            hash,
        ),
    ],
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
    let arg = condition_input(args.rest.iter().skip(2).cloned().collect(), kwargs);
    let load = map! {
        "tgt" => tgt.clone(), "tgt_type" => tgt_type, "fun" => fun.clone(), "arg" => arg, "silent" => map! {},
    };
    let seconds = cx.opts.get("timeout").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
    let returns = cx.master.publish_and_wait(load, Duration::from_secs(seconds.unwrap_or(5)))?;
    let answer = |(id, entry): (&Value, &Value)| (str_of(id), str_of(entry.get("ret").unwrap_or(entry)));
    let answers = sort::into_map(returns.iter().map(answer));
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

fn diff(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pools = hash(cx, args)?;
    let text = |pool: &Value| str_of(pool.get("result").unwrap_or(&Value::Null));
    let ids = |pool: &Value| pool.get("pool").cloned().unwrap_or_default();
    let name = |pool: &Value| ids(pool).as_list().and_then(|ids| ids.first()).map(str_of).unwrap_or_default();
    let all = pools.as_list().unwrap_or_default();
    let Some(first) = all.first() else { return Ok(pools) };
    for (place, pool) in all.iter().enumerate() {
        super::say(cx, &format!("minion pool :\n------------\n{}", str_of(&ids(pool))))?;
        let size = ids(pool).as_list().map_or(0, <[Value]>::len);
        super::say(cx, &format!("pool size :\n----------\n    {size}"))?;
        if place == 0 {
            super::say(cx, &format!("pool result :\n------------\n    {}\n", text(pool)))?;
            continue;
        }
        let heading = format!("differences from \"{}\" results :", name(first));
        super::say(cx, &format!("{heading}\n{}", "-".repeat(heading.len() - 1)))?;
        let lines =
            |pool: &Value| -> Vec<String> { text(pool).lines().map(|line| format!("{line}\n")).collect() };
        let diff = unified_diff_near(&lines(first), &lines(pool), (&name(first), &name(pool)), 0);
        super::say(cx, &format!("{}\n", diff.concat()))?;
    }
    Ok(pools)
}

fn is_own(key: &str) -> bool {
    matches!(key, "survey_sort" | "tgt_type")
}
