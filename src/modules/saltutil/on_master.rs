//! What a minion asks of the master on the same host: jobs, runners and wheel functions. This program is started again
//! as `master-call`, which reads the master's configuration beside the minion's. Salt: modules/saltutil.py (`cmd`,
//! `runner`, `wheel`).

use std::path::Path;
use std::time::Duration;

use crate::host::Command;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value, str_of};

/// The hidden program of the binary that answers.
const PROGRAM: [&str; 2] = ["/proc/self/exe", "master-call"];

/// Asks; `question` has the words of that program.
fn ask(cx: &Context, mut question: Map) -> Result<Value, Fault> {
    let file = Path::new(cx.opt_str("conf_file"));
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        question.insert("dir", dir.display().to_string());
    }
    let command = Command {
        stdin: Some(encode_map(&question, Dialect::Bin)),
        ..Command::new(PROGRAM[0], [PROGRAM[1].to_owned()])
    };
    let output = cx.host.run(&command)?;
    let answer = decode(&output.stdout, Reading::Wire).unwrap_or_default();
    match (answer.get("ret"), answer.get("error").and_then(Value::as_str)) {
        (Some(ret), _) => Ok(ret.clone()),
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

pub(super) fn wheel(cx: &Context, args: &Args) -> Result<Value, Fault> {
    ask(
        cx,
        map! {
            "what" => "wheel",
            "fun" => args.str("name")?,
            "arg" => args.rest.clone(),
            "kwarg" => own(&args.keywords),
        },
    )
}

pub(super) fn runner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut kwarg = args.get("kwarg").as_map().cloned().unwrap_or_default();
    kwarg.extend(own(&args.keywords));
    let data = ask(
        cx,
        map! { "what" => "runner", "fun" => args.str("name")?, "arg" => args.list("arg")?, "kwarg" => kwarg },
    )?;
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
    for name in ["batch", "subset"] {
        if args.keywords.get(name).is_some_and(Value::truthy) {
            return Err(Fault::NotSupported(format!("saltutil.cmd {name}")));
        }
    }
    let mut arg = match args.get("arg") {
        Value::List(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    if let Value::Map(kwarg) = args.get("kwarg") {
        let mut kwarg = kwarg.clone();
        kwarg.insert("__kwarg__", true);
        arg.push(kwarg.into());
    }
    let mut load = map! {
        "fun" => args.get("fun").clone(),
        "arg" => arg,
        "tgt" => args.get("tgt").clone(),
        "tgt_type" => args.get("tgt_type").clone(),
        "ret" => args.get("ret").clone(),
    };
    if cx.opt_str("__role") == "master" {
        let seconds = args.get("timeout").as_float().or_else(|| cx.opts.get("timeout")?.as_float());
        let timeout = Duration::try_from_secs_f64(seconds.unwrap_or(5.0).max(0.0));
        return Ok(cx.master.publish_and_wait(load, timeout.unwrap_or(Duration::from_secs(5)))?.into());
    }
    load.insert("what", "local");
    load.insert("timeout", args.get("timeout").clone());
    ask(cx, load)
}

/// As [`cmd`], a list with one map for each return.
pub(super) fn cmd_iter(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let found = cmd(cx, args)?.as_map().cloned().unwrap_or_default();
    let one = |(id, ret): (Value, Value)| map! { str_of(&id) => ret };
    Ok(Value::list(found.into_iter().map(one)))
}
