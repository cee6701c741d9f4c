//! `master-call`: what a function of a minion asks of the master on the same host (`saltutil.cmd`, `saltutil.runner`,
//! `saltutil.wheel`). A process of its own, because it takes the master's configuration and the local key. Salt:
//! modules/saltutil.py, which makes its clients in the job's process.
//!
//! Standard input is a msgpack map: `{"dir": str, "what": "local" | "runner" | "wheel", "user"?: str, …}`; standard output a map with
//! `ret`, or with `error`, beside which `invocation` stands where the function takes no such keywords.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::{Call, Exit, config_files, salt_run};
use crate::builtin;
use crate::client::{ClientError, Job, LocalClient, Patience, Progress};
use crate::config::Opts;
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_map};
use crate::value::{Map, Value, str_of};

/// The most that is asked.
const MAX_QUESTION: u64 = 64 << 20;

/// How long a wheel function may take, or a runner to be started.
const ANSWER: Duration = Duration::from_secs(60);

pub(super) fn run(_: &Call) -> anyhow::Result<Exit> {
    let mut input = Vec::new();
    io::stdin().lock().take(MAX_QUESTION).read_to_end(&mut input).context("the question cannot be read")?;
    let question = decode(&input, Reading::Wire).context("the question cannot be understood")?;
    let question = question.as_map().cloned().unwrap_or_default();
    if let Some(why) = misfit(&question) {
        let answer = map! { "error" => why, "invocation" => true };
        return write(&answer);
    }
    let answer = match answer(&question) {
        Ok(ret) => map! { "ret" => ret },
        Err(error) => map! { "error" => format!("{error:#}") },
    };
    write(&answer)
}

fn write(answer: &Map) -> anyhow::Result<Exit> {
    io::stdout().write_all(&encode_map(answer, Dialect::Bin)).context("the answer cannot be written")?;
    Ok(Exit::OK)
}

/// Why a runner or wheel function cannot be called so: nothing is told of it on the bus. Salt: client/mixins.py (`cmd`).
fn misfit(question: &Map) -> Option<String> {
    let registry = match question.str("what") {
        Some("runner") => builtin::runners(),
        Some("wheel") => builtin::wheel(),
        _ => return None,
    };
    let kwargs = question.get("kwarg").and_then(Value::as_map).cloned().unwrap_or_default();
    let fun = question.str("fun").unwrap_or_default();
    salt_run::misfit(&registry, fun, question_list(question, "arg"), kwargs)
}

fn answer(question: &Map) -> anyhow::Result<Value> {
    let opts = config_files::load_client(question.str("dir").map(Path::new))?;
    let client = LocalClient::new(opts.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        Ok(match question.str("what") {
            Some("local") => local(&client, &opts, question).await?,
            Some("runner") => runner(&client, question).await?,
            Some("wheel") => wheel(&client, question).await?,
            _ => anyhow::bail!("the question has no known 'what'"),
        })
    })
}

fn load(client: &LocalClient, question: &Map) -> Map {
    let part = |name: &str, empty: Value| question.get(name).cloned().unwrap_or(empty);
    let who = client.who();
    map! {
        "cmd" => part("what", Value::Null),
        "fun" => part("fun", Value::Null),
        "kwarg" => map! {
            "arg" => part("arg", Value::List(Vec::new())),
            "kwarg" => part("kwarg", Map::new().into()),
        },
        "user" => part("user", who.user.as_str().into()),
        "key" => who.key.as_str(),
    }
}

/// `{fun, jid, user, return, success}`.
async fn wheel(client: &LocalClient, question: &Map) -> Result<Value, ClientError> {
    let mut load = load(client, question);
    load.insert("as_client", true);
    for part in ["arg", "kwarg"] {
        load.insert(part, question.get(part).cloned().unwrap_or_default());
    }
    let reply = client.command(load, ANSWER).await?;
    reply.get("data").cloned().ok_or_else(|| ClientError::Publish(str_of(&reply)))
}

/// The data of the event that ends the runner.
async fn runner(client: &LocalClient, question: &Map) -> anyhow::Result<Value> {
    let mut events = client.listen("salt/run/").await?;
    let reply = client.command(load(client, question), ANSWER).await?;
    let tag = reply.get("tag").and_then(Value::as_str).context("the master did not start the runner")?;
    let end = format!("{tag}/ret");
    loop {
        match events.next(None).await? {
            Some(event) if event.tag == end => return Ok(event.data.into()),
            _ => {}
        }
    }
}

/// `{id: {ret, retcode, …}}`.
async fn local(client: &LocalClient, opts: &Opts, question: &Map) -> anyhow::Result<Value> {
    let mut job =
        Job::new(question.get("tgt").cloned().unwrap_or_default(), "", question_list(question, "arg"));
    job.fun = question.get("fun").cloned().unwrap_or_default();
    job.tgt_type = question.str("tgt_type").unwrap_or("glob").to_owned();
    job.ret = question.str("ret").unwrap_or_default().to_owned();
    let mut patience =
        Patience { timeout: opts.duration("timeout"), gather: opts.duration("gather_job_timeout") };
    if let Some(seconds) = question.get("timeout").and_then(Value::as_float).filter(|seconds| *seconds > 0.0)
    {
        patience.timeout = Duration::try_from_secs_f64(seconds).unwrap_or(patience.timeout);
    }
    let mut found = Map::new();
    let Some(mut running) = client.start(&job, patience).await? else { return Ok(found.into()) };
    while let Some(progress) = running.next().await? {
        if let Progress::Returned { id, mut load } = progress {
            let ret = load.remove("return").unwrap_or_default();
            let mut entry = map! { "ret" => ret };
            for part in ["retcode", "jid", "out"] {
                entry.extend(load.remove(part).map(|value| (part, value)));
            }
            found.insert(id, entry);
        }
    }
    Ok(found.into())
}

fn question_list(question: &Map, name: &str) -> Vec<Value> {
    question.get(name).and_then(Value::as_list).map(<[Value]>::to_vec).unwrap_or_default()
}
