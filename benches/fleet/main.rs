//! A fleet on the real wire: simulated minions that sign in, listen and return as real ones do, against any master,
//! ours or Salt's. Says what that cost the master, over its whole process tree. Not part of the product.
//!
//! ```text
//! cargo run --release --example fleet -- keys --pki PKI_DIR --own DIR --minions 1000
//! (start the master now)
//! cargo run --release --example fleet -- load --pki PKI_DIR --own DIR --minions 1000 --ret-port 4506 --pid PID
//!     --key CACHEDIR/.root_key [--storms 3] [--jobs 20]
//! cargo run --release --example fleet -- serve --pki PKI_DIR --own DIR --minions 1000 --ret-port 4506
//! ```
//!
//! `load` prints one JSON object; `serve` prints `ready` and answers jobs until its standard input ends.
//! `benches/compare` and `benches/ping` drive them.

mod cost;
mod keys;
mod minion;
mod phases;
mod words;

use anyhow::Context as _;
use serde_json::json;

use cost::Cost;
use words::Words;

/// Idle time after a phase, for work that follows the last answer.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let (command, words) = Words::read(std::env::args().skip(1))?;
    match command.as_str() {
        "keys" => keys::make(&words.path("pki")?, &words.path("own")?, words.number("minions", Some(1_000))?),
        "load" => {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let report = runtime.block_on(load(&words))?;
            println!("{report:#}");
            // Not waiting for a thousand sockets to say good-bye.
            std::process::exit(0)
        }
        "serve" => {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            runtime.block_on(serve(&words))
        }
        other => anyhow::bail!("there is no {other:?}: `keys`, `load` or `serve`"),
    }
}

/// Every minion signs in, listens and answers whatever comes with `True`.
async fn serve(words: &Words) -> anyhow::Result<()> {
    let minions: usize = words.number("minions", Some(1_000))?;
    halite::host::daemon::raise_open_files(u64::try_from(minions * 2 + 500)?);
    let master = phases::Master {
        pid: std::process::id(),
        request: format!("tcp://127.0.0.1:{}", words.number::<u16>("ret-port", None)?).parse()?,
        pinned: std::fs::read_to_string(words.path("pki")?.join("master.pub")).context("master.pub")?,
        key_file: std::path::PathBuf::new(),
    };
    let fleet = minion::fleet(&words.path("own")?, minions, &master)?;
    let (fleet, _) = phases::sign_in(fleet, &master).await?;
    let (listening, _) = phases::subscribe(fleet, &master).await?;
    let mut returns = phases::work(listening);
    println!("ready");
    let (ended, mut end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    loop {
        tokio::select! {
            returned = returns.recv() => {
                let returned = returned.context("the fleet has ended")?;
                returned.outcome.with_context(|| format!("a return of job {}", returned.jid))?;
            }
            _ = &mut end => std::process::exit(0),
        }
    }
}

async fn load(words: &Words) -> anyhow::Result<serde_json::Value> {
    let minions: usize = words.number("minions", Some(1_000))?;
    let pid = words.number("pid", None)?;
    halite::host::daemon::raise_open_files(u64::try_from(minions * 2 + 500)?);
    let master = phases::Master {
        pid,
        request: format!("tcp://127.0.0.1:{}", words.number::<u16>("ret-port", None)?).parse()?,
        pinned: std::fs::read_to_string(words.path("pki")?.join("master.pub")).context("master.pub")?,
        key_file: words.path("key")?,
    };
    let mut fleet = minion::fleet(&words.path("own")?, minions, &master)?;
    let idle = Cost::of(pid)?;

    let mut storms = Vec::new();
    for _ in 0..words.number("storms", Some(3))? {
        let (signed_in, spent) = phases::sign_in(fleet, &master).await?;
        fleet = signed_in;
        storms.push(spent);
    }
    let signed_in = Cost::of(pid)?;
    let (listening, subscribed) = phases::subscribe(fleet, &master).await?;
    let connected = Cost::of(pid)?;

    let jobs = phases::jobs(listening, &master, words.number("jobs", Some(20))?).await?;
    let after = Cost::of(pid)?;
    let each = |from: u64, to: u64| (to as f64 - from as f64) / 1024.0 / minions as f64;
    Ok(json!({
        "minions": minions,
        "processes": idle.processes,
        "sign_in": storms,
        "subscribe": subscribed,
        "jobs": jobs,
        "memory_mib": { "idle": idle.shown(), "signed_in": signed_in.shown(), "connected": connected.shown(), "after": after.shown() },
        "kib_per_minion": { "rss": each(idle.rss, connected.rss), "pss": each(idle.pss, connected.pss) },
    }))
}
