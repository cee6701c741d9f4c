//! What the fleet does, one thing after the other, and what each cost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use halite::map;
use halite::value::msgpack::{Dialect, Reading, decode, encode_map};
use halite::value::{Map, Value};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zmtp::{Endpoint, Event, Options, ReqSocket, SubSocket};

use crate::SETTLE;
use crate::cost::Cost;
use crate::minion::{Minion, Returned, SILENCE};

/// How long the master may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// The master under load.
pub struct Master {
    pub pid: u32,
    pub request: Endpoint,
    /// Its public key.
    pub pinned: String,
    /// `.<user>_key`, which lets this user publish.
    pub key_file: PathBuf,
}

/// All minions authenticate at once.
pub async fn sign_in(
    mut fleet: Vec<Minion>,
    master: &Master,
) -> anyhow::Result<(Vec<Minion>, serde_json::Value)> {
    fleet.iter_mut().try_for_each(Minion::prepare)?;
    let count = fleet.len();
    let (before, start) = (Cost::of(master.pid)?, Instant::now());
    let asking: JoinSet<_> = fleet.into_iter().map(Minion::ask).collect();
    let answered = timeout(PATIENCE, asking.join_all()).await.context("not every `_auth` was answered")?;
    let wall = start.elapsed();
    sleep(SETTLE).await;
    let spent = spent(before, Cost::of(master.pid)?, wall, count);
    let fleet = answered.into_iter().map(|minion| minion?.believe()).collect::<anyhow::Result<_>>()?;
    Ok((fleet, spent))
}

/// A minion that listens.
pub struct Listening {
    minion: Minion,
    publishes: SubSocket,
}

/// All minions connect to the publisher and subscribe.
pub async fn subscribe(
    fleet: Vec<Minion>,
    master: &Master,
) -> anyhow::Result<(Vec<Listening>, serde_json::Value)> {
    let count = fleet.len();
    let (before, start) = (Cost::of(master.pid)?, Instant::now());
    let mut listening = JoinSet::new();
    for minion in fleet {
        let port = minion.session.as_ref().context("signed in")?.credentials().publish_port;
        let endpoint: Endpoint = format!("tcp://127.0.0.1:{port}").parse()?;
        listening.spawn(async move {
            let publishes = SubSocket::new(Options::default());
            let mut events = publishes.events();
            publishes.subscribe(b"");
            publishes.dial(&endpoint);
            while let Some(event) = events.recv().await {
                if matches!(event, Event::Connected { .. }) {
                    break;
                }
            }
            Listening { minion, publishes }
        });
    }
    let fleet = timeout(PATIENCE, listening.join_all()).await.context("not every minion could subscribe")?;
    let wall = start.elapsed();
    sleep(SETTLE).await;
    Ok((fleet, spent(before, Cost::of(master.pid)?, wall, count)))
}

/// Every minion answers jobs from now on; what came of each.
pub fn work(fleet: Vec<Listening>) -> mpsc::UnboundedReceiver<Returned> {
    let (sender, returns) = mpsc::unbounded_channel();
    for Listening { minion, publishes } in fleet {
        tokio::spawn(minion.work(publishes, sender.clone()));
    }
    returns
}

/// Jobs for everybody, one after the other; each ends when every return is acknowledged. A first one is not counted.
pub async fn jobs(fleet: Vec<Listening>, master: &Master, jobs: usize) -> anyhow::Result<serde_json::Value> {
    let count = fleet.len();
    let mut returns = work(fleet);
    job(master, "test.ping", &mut returns, count).await.context("the first job")?;
    sleep(SETTLE).await;
    let (before, start) = (Cost::of(master.pid)?, Instant::now());
    for _ in 0..jobs {
        job(master, SILENCE, &mut returns, count).await.context("a job without returns")?;
    }
    let wall = start.elapsed();
    sleep(SETTLE).await;
    let published = spent(before, Cost::of(master.pid)?, wall, count * jobs);
    let (before, start) = (Cost::of(master.pid)?, Instant::now());
    let (mut jids, mut walls) = (Vec::new(), Vec::new());
    for _ in 0..jobs {
        let start = Instant::now();
        jids.push(job(master, "test.ping", &mut returns, count).await?);
        walls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let wall = start.elapsed();
    sleep(SETTLE).await;
    let mut report = spent(before, Cost::of(master.pid)?, wall, count * jobs);
    walls.sort_by(f64::total_cmp);
    report["median_ms_per_job"] = json!(walls.get(jobs / 2));
    report["jids"] = json!(jids);
    Ok(json!({ "publish": published, "job": report }))
}

/// Publishes a job and waits until every minion has heard it and, but for [`SILENCE`], its return is acknowledged.
async fn job(
    master: &Master,
    fun: &str,
    returns: &mut mpsc::UnboundedReceiver<Returned>,
    count: usize,
) -> anyhow::Result<String> {
    let jid = publish(master, fun).await?;
    let mut acknowledged = 0;
    while acknowledged < count {
        let returned = timeout(PATIENCE, returns.recv()).await;
        let returned = returned.with_context(|| format!("{acknowledged} of {count} acknowledged"))?;
        let Returned { jid: of, outcome } = returned.context("the fleet has ended")?;
        outcome.with_context(|| format!("a return of job {of}"))?;
        acknowledged += usize::from(of == jid);
    }
    Ok(jid)
}

/// A job for everybody, as the command line asks for it. Returns the jid.
async fn publish(master: &Master, fun: &str) -> anyhow::Result<String> {
    let name = master.key_file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let user = name.trim_start_matches('.').trim_end_matches("_key");
    let key = std::fs::read_to_string(&master.key_file).context("the local key")?;
    let load = map! {
        "cmd" => "publish", "tgt" => "*", "fun" => fun, "arg" => Vec::<Value>::new(),
        "key" => key, "tgt_type" => "glob", "ret" => "", "jid" => "", "user" => user,
    };
    let reply = clear(&master.request, load).await?;
    let jid = reply.get("load").and_then(Value::as_map).and_then(|load| load.str("jid"));
    Ok(jid.with_context(|| format!("the job was not published: {reply:?}"))?.to_owned())
}

async fn clear(request: &Endpoint, load: Map) -> anyhow::Result<Map> {
    let body = encode_map(&map! { "enc" => "clear", "load" => load, "version" => 3 }, Dialect::Wire);
    let mut socket = ReqSocket::connect(request, Options::default());
    socket.send(body.into()).await?;
    let reply = timeout(PATIENCE, socket.recv()).await.context("the master does not answer")??;
    match decode(reply.parts().last().context("an empty reply")?, Reading::Wire)? {
        Value::Map(reply) => Ok(reply),
        other => anyhow::bail!("the master said {other:?}"),
    }
}

fn spent(before: Cost, after: Cost, wall: Duration, count: usize) -> serde_json::Value {
    let each = (after.cpu - before.cpu) * 1e3 / count as f64;
    json!({ "count": count, "cpu_ms_each": each, "wall_s": wall.as_secs_f64(), "per_second": count as f64 / wall.as_secs_f64() })
}
