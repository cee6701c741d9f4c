//! What a minion asks of the master on the same host: jobs, runners and wheel functions. This program is started again
//! as `master-call`, which reads the master's configuration beside the minion's. Salt: modules/saltutil.py (`cmd`,
//! `runner`, `wheel`).

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::host::Command;
use crate::loader::{Args, Context, Fault, ORCHESTRATING};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::yaml::condition_input;
use crate::value::{Map, Value, str_of};

/// The hidden program of the binary that answers.
const PROGRAM: [&str; 2] = ["/proc/self/exe", "master-call"];

/// Asks; `question` has the words of that program.
fn ask(cx: &Context, mut question: Map) -> Result<Value, Fault> {
    let file = Path::new(cx.opt_str("conf_file"));
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        question.insert("dir", dir.display().to_string());
    }
    // Within an orchestration, its user is who asks.
    if let Some(user) = cx.published.str("user").filter(|_| cx.opt_str("__role") == "master") {
        question.insert("user", user);
    }
    let command = Command {
        stdin: Some(encode_map(&question, Dialect::Bin)),
        ..Command::new(PROGRAM[0], [PROGRAM[1].to_owned()])
    };
    let output = cx.host.run(&command)?;
    let answer = decode(&output.stdout, Reading::Wire).unwrap_or_default();
    match (answer.get("ret"), answer.get("error").and_then(Value::as_str)) {
        (Some(ret), _) => Ok(ret.clone()),
        (None, Some(error)) if answer.get("invocation").is_some() => Err(Fault::invocation(error)),
        (None, Some(error)) => Err(Fault::execution(error)),
        (None, None) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Fault::execution(format!("the master could not be asked: {}", said.trim())))
        }
    }
}

/// Keyword arguments without those that the caller put in.
fn own(keywords: &Map) -> Map {
    let own = keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("__")));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What a runner or wheel function told of its end; one that is not there is a mistake of who asked. An orchestration shows
/// it as the failure of that step.
fn told(cx: &Context, fun: &str, question: Map) -> Result<Value, Fault> {
    let data = ask(cx, question)?;
    let not_there = format!("'{fun}' is not available.");
    if cx.opt_str("__role") != "master" && data.get("return").and_then(Value::as_str) == Some(&*not_there) {
        return Err(Fault::execution(not_there));
    }
    Ok(data)
}

pub(super) fn wheel(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let fun = args.str("name")?;
    let question = map! {
        "what" => "wheel",
        "fun" => fun.clone(),
        "arg" => args.rest.clone(),
        "kwarg" => own(&args.keywords),
    };
    told(cx, &fun, question)
}

pub(super) fn runner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut kwarg = args.get("kwarg").as_map().cloned().unwrap_or_default();
    kwarg.extend(own(&args.keywords));
    let fun = args.str("name")?;
    if ORCHESTRATING.contains(&fun.as_str()) {
        for (key, of_ours) in [("saltenv", "saltenv"), ("orchestration_jid", "jid")] {
            let own = args.given(of_ours).filter(|_| !kwarg.contains(key));
            kwarg.extend(own.map(|own| (key, own.clone())));
        }
    }
    let question =
        map! { "what" => "runner", "fun" => fun.clone(), "arg" => args.list("arg")?, "kwarg" => kwarg };
    let data = told(cx, &fun, question)?;
    if args.truthy("full_return") {
        return Ok(data);
    }
    Ok(data.get("return").cloned().unwrap_or_default())
}

/// Publishes from here and waits.
pub(super) fn cmd(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("ssh") {
        return Err(Fault::NotSupported("saltutil.cmd ssh=True".to_owned()));
    }
    let mut arg = match args.get("arg") {
        Value::List(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    if let Value::Map(kwarg) = args.get("kwarg") {
        arg = condition_input(arg, kwarg.clone());
    }
    let mut load = map! {
        "fun" => args.get("fun").clone(),
        "arg" => arg,
        "tgt" => args.get("tgt").clone(),
        "tgt_type" => args.get("tgt_type").clone(),
        "ret" => args.get("ret").clone(),
    };
    if cx.opt_str("__role") == "master" {
        return in_master(cx, args, &load).map(Value::from);
    }
    load.insert("what", "local");
    load.insert("timeout", args.get("timeout").clone());
    match (given(args, "batch"), given(args, "subset")) {
        (Some(batch), _) => {
            let ids = answering(cx, &load, "test.ping", |_| true)?;
            let size = batch_size(&str_of(batch), ids.len())?;
            let found = in_turns(listed(&load, &ids, size), given(args, "failhard").is_some(), |turn| {
                Ok(ask(cx, turn)?.as_map().cloned().unwrap_or_default())
            })?;
            Ok(found.into_iter().map(|(id, answer)| (id, of_batch(answer))).collect::<Map>().into())
        }
        (None, Some(subset)) => {
            let has_it = |functions: &Value| {
                let functions = functions.as_list().unwrap_or_default();
                functions.contains(args.get("fun"))
            };
            let mut ids = answering(cx, &load, "sys.list_functions", has_it)?;
            some_of(cx, &mut ids, subset);
            let turn = listed(&load, &ids, ids.len()).pop();
            turn.map_or_else(|| Ok(Map::new().into()), |turn| ask(cx, turn))
        }
        (None, None) => ask(cx, load),
    }
}

fn given<'a>(args: &'a Args, name: &str) -> Option<&'a Value> {
    args.keywords.get(name).filter(|value| value.truthy())
}

/// The minions of a job whose answer to a function is as it should be.
fn answering(
    cx: &Context,
    load: &Map,
    fun: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Vec<String>, Fault> {
    let mut probe = load.clone();
    for (name, value) in [("fun", fun.into()), ("arg", Value::List(Vec::new())), ("ret", "".into())] {
        probe.insert(name, value);
    }
    let answers = ask(cx, probe)?;
    let found = answers.as_map().into_iter().flat_map(Map::iter);
    Ok(found.filter(|(_, answer)| answer.get("ret").is_some_and(&wanted)).map(|(id, _)| str_of(id)).collect())
}

/// An answer in the form that Salt's batches give to `saltutil.cmd`.
fn of_batch(answer: Value) -> Value {
    let ret = answer.get("ret").cloned().unwrap_or_default();
    let out = ret.as_map().and_then(|ret| ret.get("out")).cloned();
    map! { "out" => out.unwrap_or_else(|| "highstate".into()), "ret" => ret }.into()
}

/// So many of the minions. Any place to begin is as good as another.
fn some_of(cx: &Context, ids: &mut Vec<String>, count: &Value) {
    let at = usize::try_from(cx.host.now().subsec_nanosecond()).unwrap_or(0) / 1000;
    let begin = at % ids.len().max(1);
    ids.rotate_left(begin);
    if let Some(count) = count.as_int().and_then(|count| usize::try_from(count).ok()) {
        ids.truncate(count);
    }
}

/// The answers of one turn after the other, with `failhard` until one has failed.
fn in_turns(turns: Vec<Map>, failhard: bool, run: impl Fn(Map) -> Result<Map, Fault>) -> Result<Map, Fault> {
    let mut found = Map::new();
    for turn in turns {
        found.extend(run(turn)?);
        if failhard && found.values().any(|answer| answer.get("retcode").is_some_and(Value::truthy)) {
            break;
        }
    }
    Ok(found)
}

/// Publishes in the master itself: to all at once, to some of them (`subset`), or to so many at a time (`batch`). With
/// `expect_minions` those that do not answer are `{"failed": True}`.
fn in_master(cx: &Context, args: &Args, load: &Map) -> Result<Map, Fault> {
    let seconds = args.get("timeout").as_float().or_else(|| cx.opts.get("timeout")?.as_float());
    let timeout = Duration::try_from_secs_f64(seconds.unwrap_or(5.0).max(0.0));
    let timeout = timeout.unwrap_or(Duration::from_secs(5));
    let mut ids = cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)?;
    let mut turns = vec![load.clone()];
    if let Some(subset) = given(args, "subset") {
        let connected: HashSet<String> = cx.master.connected().into_iter().collect();
        ids.retain(|id| connected.contains(id));
        some_of(cx, &mut ids, subset);
        turns = listed(load, &ids, ids.len());
    } else if let Some(batch) = given(args, "batch") {
        let size = batch_size(&str_of(batch), ids.len())?;
        turns = listed(load, &ids, size);
    }
    let failhard = given(args, "failhard").is_some();
    let mut found = in_turns(turns, failhard, |turn| cx.master.publish_and_wait(turn, timeout))?;
    if given(args, "expect_minions").is_some() {
        for id in ids.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>() {
            found.insert(id, map! { "failed" => true });
        }
    }
    Ok(found)
}

/// The job for so many of the minions at a time.
fn listed(load: &Map, ids: &[String], size: usize) -> Vec<Map> {
    let turn = |ids: &[String]| {
        let mut turn = load.clone();
        turn.insert("tgt", Value::list(ids.to_vec()));
        turn.insert("tgt_type", "list");
        turn
    };
    ids.chunks(size.max(1)).map(turn).collect()
}

/// A number, or a percentage of all.
fn batch_size(text: &str, all: usize) -> Result<usize, Fault> {
    let bad = || Fault::invocation(format!("Invalid batch number sent: {text}"));
    let size = match text.strip_suffix('%') {
        Some(percent) => all.saturating_mul(percent.trim().parse::<usize>().map_err(|_| bad())?) / 100,
        None => text.trim().parse().map_err(|_| bad())?,
    };
    Ok(size.max(1))
}

/// As [`cmd`], a list with one map for each return.
pub(super) fn cmd_iter(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let found = cmd(cx, args)?.as_map().cloned().unwrap_or_default();
    let one = |(id, ret): (Value, Value)| map! { str_of(&id) => ret };
    Ok(Value::list(found.into_iter().map(one)))
}
