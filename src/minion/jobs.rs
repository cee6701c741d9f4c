//! Jobs from their arrival to their return: where each runs, how many at once, and what becomes of those that do not
//! come to their end. Salt: minion.py (`_handle_decoded_payload`, `_invoke_execution`).

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, watch};

use super::Daemon;
use super::execute;
use super::executors::Executors;
use super::job::{Job, Work, failed_load};
use super::job_process;
use super::link::Link;
use super::proc_files;
use super::returner::Item;
use super::rpc::{Answer, Up, parent};
use super::scheduled::{self, SCHEDULE};
use super::services::ChannelServices;
use crate::config::Opts;
use crate::host::{self, Host, RealHost, tasks};
use crate::loader::{Context, Nowhere, Scope};
use crate::log::{error, info, warn};
use crate::map;
use crate::names::Jid;
use crate::returners;
use crate::transport::master_channel::Patience;
use crate::value::msgpack::Reading;
use crate::value::{Map, Value, str_of};

/// Jobs that may wait for others to end.
const MOST_WAITING: usize = 10_000;
/// Salt's minions need at least so long for a job. The command line of Salt 3007 counts on it: an answer that comes before
/// it has begun to listen lies unread until `timeout` has run out (transport/tcp.py, `PublishClient.recv`). Our master's
/// bus knows how to go round that, Salt's does not.
const QUICKEST_AT_SALTS: Duration = Duration::from_millis(100);
/// How long a process may take to end after it gave its return.
const ENDING: Duration = Duration::from_secs(30);

/// How many jobs run and wait.
pub struct JobSlots {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Jobs whose return only this process has in hand.
    busy: watch::Sender<usize>,
}

/// While it lives, the daemon should not end.
pub struct Busy<'a>(&'a watch::Sender<usize>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl JobSlots {
    /// `process_count_max`, or what the limit of open files allows.
    pub fn new(opts: &Opts, open_files: u64) -> Self {
        let most = match usize::try_from(opts.int("process_count_max")) {
            Ok(most) if most > 0 => most,
            _ => usize::try_from(open_files.saturating_sub(100) / 5).unwrap_or(1000).clamp(1, 100_000),
        };
        JobSlots {
            slots: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            busy: watch::Sender::new(0),
        }
    }

    fn busy(&self) -> Busy<'_> {
        self.busy.send_modify(|count| *count += 1);
        Busy(&self.busy)
    }

    /// Waits until no return is in the hands of this process alone, or `patience` is over.
    pub async fn settled(&self, patience: Duration) {
        let mut busy = self.busy.subscribe();
        if tokio::time::timeout(patience, busy.wait_for(|count| *count == 0)).await.is_err() {
            warn!(
                "some jobs on the minion's own threads did not end in time: they are reported at the next start"
            );
        }
    }
}

/// Runs a job and hands its return over. Never fails: whatever goes wrong is the return.
pub async fn run(link: Arc<Link>, job: Job) {
    let daemon = &link.daemon;
    let slots = Arc::clone(&daemon.slots.slots);
    let permit = match slots.try_acquire_owned() {
        Ok(permit) => permit,
        Err(_) => match wait_for_slot(daemon, &job).await {
            Ok(permit) => permit,
            Err(Some(text)) => return finish(&link, &job, failed_load(daemon.id(), &job, text)).await,
            // It runs after the next start.
            Err(None) => return,
        },
    };
    if daemon.opts.bool("grains_refresh_pre_exec") {
        daemon.refresh_grains(true).await;
    }
    let job = Arc::new(job);
    if runs_in_process(daemon, &job) {
        let _busy = daemon.slots.busy();
        let returned = run_on_thread(&link, &job).await;
        finish(&link, &job, returned).await;
    } else {
        run_in_child(&link, &job).await;
    }
    drop(permit);
}

/// Runs a function of the daemon's own, such as `mine.update`, as the job `name` of its schedule; its return goes nowhere
/// unless `report`.
pub async fn run_own(link: &Arc<Link>, name: &str, fun: &str, report: bool) {
    let jid = Jid::of(RealHost.now());
    let load = map! {
        "fun" => fun, "arg" => Value::List(Vec::new()), "jid" => jid.as_str(), "tgt" => link.daemon.id(), "ret" => "",
        SCHEDULE => name,
    };
    let Ok(job) = Job::parse(load) else { return };
    let job = Arc::new(job);
    let returned = run_on_thread(link, &job).await;
    if returned.get("retcode").and_then(Value::as_int) != Some(0) {
        warn!("{fun} failed: {}", returned.get("return").map(str_of).unwrap_or_default());
    }
    if report {
        finish(link, &job, returned).await;
    }
}

/// Waits for others to end, in the queue on disk. Without a permit: why the job is not to run, or nothing where it
/// stays in the queue.
async fn wait_for_slot(
    daemon: &Daemon,
    job: &Job,
) -> Result<tokio::sync::OwnedSemaphorePermit, Option<&'static str>> {
    if daemon.slots.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
        daemon.slots.waiting.fetch_sub(1, Ordering::Relaxed);
        return Err(Some("too many jobs wait on this minion already"));
    }
    let queued = daemon.job_queue.add(job);
    if let Err(problem) = &queued {
        warn!("Job {} waits, but does not survive a restart: {problem}", job.jid);
    }
    warn!("Maximum number of processes reached while executing jid {}, waiting...", job.jid);
    let slots = Arc::clone(&daemon.slots.slots);
    let permit = tokio::select! {
        permit = slots.acquire_owned() => permit.map_err(|_| Some("the minion is stopping")),
        () = daemon.stopping() =>
            Err(queued.is_err().then_some("the minion was stopped before this job began")),
    };
    if permit.is_ok()
        && let Ok(file) = queued
    {
        let _ = std::fs::remove_file(file);
    }
    daemon.slots.waiting.fetch_sub(1, Ordering::Relaxed);
    permit
}

/// Cheap functions do not pay for a process; with `multiprocessing: False` none does.
fn runs_in_process(daemon: &Daemon, job: &Job) -> bool {
    let cheap = |fun: &str| daemon.registry.row(fun).is_none_or(|row| row.in_process);
    let direct = Executors::of(&job.load, daemon.opts.as_map()).are_direct();
    !daemon.opts.bool("multiprocessing")
        || direct
            && match &job.work {
                Work::One(step) => cheap(&step.fun),
                Work::Many(steps) => steps.iter().all(|step| cheap(&step.fun)),
            }
}

async fn run_on_thread(link: &Arc<Link>, job: &Arc<Job>) -> Map {
    let (on_thread, the_job) = (Arc::clone(link), Arc::clone(job));
    let listed = !link.daemon.opts.bool("multiprocessing");
    let ran = tasks::blocking(move || {
        let (link, job) = (on_thread, the_job);
        let daemon = &link.daemon;
        if listed && let Err(problem) = daemon.proc_files.write(&job, std::process::id()) {
            warn!("saltutil.running will not show job {}: {problem}", job.jid);
        }
        let (grains, pillar) = (daemon.grains(), link.pillar());
        let services = ChannelServices::new(link.uplink(), link.opts(), Arc::clone(&grains), link.fire());
        let scope = Scope {
            opts: link.opts(),
            grains: (&*grains).into(),
            pillar: (&*pillar).into(),
            published: &job.load,
            registry: &daemon.registry,
            host: &RealHost,
            minion: &services,
            master: &Nowhere,
        };
        execute::run(&job, scope)
    });
    ran.await.unwrap_or_else(|problem| {
        failed_load(link.daemon.id(), job, &format!("the job broke off: {problem}"))
    })
}

/// Runs a job in a process of its own, down to its return. What the process gives is answered when it is written
/// down: should we be gone by then, it writes it down itself.
async fn run_in_child(link: &Arc<Link>, job: &Arc<Job>) {
    let failed = |text: String| failed_load(link.daemon.id(), job, &text);
    let (starter, the_job) = (Arc::clone(link), Arc::clone(job));
    let started = tasks::blocking(move || start(&starter, &the_job)).await;
    let started = started.unwrap_or_else(|problem| Err(io::Error::other(problem)));
    let spoken = started.and_then(|(child, stream)| Ok((child, UnixStream::from_std(stream)?)));
    let (child, mut stream) = match spoken {
        Ok(spoken) => spoken,
        Err(problem) => {
            let text = format!("the job process could not be started: {problem}");
            return finish(link, job, failed(text)).await;
        }
    };
    let returned = converse(link, job, &mut stream).await;
    drop(stream);
    let how = ended(child, job).await;
    if !returned {
        let text = format!("the job process {how} before it gave its return");
        finish(link, job, failed(text)).await;
    }
}

/// Gives a process its job and answers its questions. Whether it gave a return.
async fn converse(link: &Arc<Link>, job: &Arc<Job>, stream: &mut UnixStream) -> bool {
    let start = job_process::start_of(
        job,
        link.opts(),
        &link.daemon.grains(),
        &link.pillar(),
        &link.channel.address().to_string(),
    );
    // A process that is gone already is noticed right below.
    let _ = parent::send_start(stream, &start).await;
    drop(start);
    loop {
        match parent::next(stream).await {
            Ok(Some(Up::Done(load))) => {
                let _busy = link.daemon.slots.busy();
                finish(link, job, load).await;
                let _ = parent::answer(stream, &Ok(Value::Null)).await;
                return true;
            }
            Ok(Some(question)) => {
                let answer = answer(link, question).await;
                if parent::answer(stream, &answer).await.is_err() {
                    return false;
                }
            }
            Ok(None) => return false,
            Err(problem) => {
                error!("job {}: {problem}", job.jid);
                return false;
            }
        }
    }
}

/// Starts the process and says so in `proc`. Blocking.
fn start(link: &Link, job: &Job) -> io::Result<(Child, StdUnixStream)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .args(job_process::words(&job.jid))
        .env_clear()
        .envs(RealHost.env_all())
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        // A group of its own: what ends the daemon does not end its jobs, and a job can be ended with all it started.
        .process_group(0);
    let child = host::starting(|| command.spawn())?;
    if let Some(pid) = child.id()
        && let Err(problem) = link.daemon.proc_files.write(job, pid)
    {
        warn!("saltutil.running will not show job {}: {problem}", job.jid);
    }
    Ok((child, ours))
}

async fn ended(mut child: Child, job: &Job) -> String {
    match tokio::time::timeout(ENDING, child.wait()).await {
        Ok(Ok(status)) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("was ended by signal {signal}"),
            (None, Some(code)) => format!("ended with exit code {code}"),
            (None, None) => "ended".to_owned(),
        },
        Ok(Err(problem)) => format!("is lost ({problem})"),
        Err(_) => {
            warn!("the process of job {} does not end", job.jid);
            "does not end".to_owned()
        }
    }
}

/// Answers what a function asks of its master or its daemon.
async fn answer(link: &Arc<Link>, question: Up) -> Answer {
    match question {
        Up::Request { load, timeout_ms } => {
            let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default());
            let patience = Patience { timeout: timeout.max(Duration::from_secs(1)), ..link.patience() };
            let reply = link.channel.request(&load, patience, Reading::Wire).await;
            reply.map_err(|error| error.to_string())
        }
        Up::Requests { loads, timeout_ms } => {
            let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default());
            let patience = Patience { timeout: timeout.max(Duration::from_secs(1)), ..link.patience() };
            let replies = link.channel.requests(loads, patience, Reading::Wire).await;
            replies.map(Value::List).map_err(|error| error.to_string())
        }
        Up::Pillar { saltenv, pillarenv, overrides, ext } => {
            let pillar =
                link.compile_pillar(saltenv.as_deref(), pillarenv.as_deref(), &overrides, ext, false).await;
            let known = || Value::list(crate::log::secrets::known());
            pillar.map(|pillar| Value::List(vec![pillar.into(), known()])).map_err(|error| error.to_string())
        }
        Up::Fire { tag, data } => {
            link.daemon.bus.fire(&tag, data).map(|()| Value::Null).map_err(|error| error.to_string())
        }
        Up::Done(_) => Err("a return is no question".to_owned()),
    }
}

/// Writes a return down and hands it to the returner.
pub async fn finish(link: &Arc<Link>, job: &Job, load: Map) {
    let (jid, published) = (job.jid.clone(), job.load.clone());
    let at_disk = Arc::clone(link);
    let written = tasks::blocking(move || {
        let daemon = &at_disk.daemon;
        daemon.proc_files.remove(&jid);
        if daemon.opts.bool("cache_jobs")
            && let Err(problem) = proc_files::cache_job(&daemon.cachedir, &load)
        {
            error!("The return of job {jid} cannot be cached: {problem}");
        }
        if !daemon.opts.bool("pub_ret") {
            return None;
        }
        let Some(sent) = scheduled::for_master(&published, &load) else { return Some((None, load)) };
        info!("Returning information for job: {jid}");
        let path = daemon.spool.add(&at_disk.channel.address().to_string(), &sent);
        if let Err(problem) = &path {
            error!(
                "The return of job {jid} cannot be written down and will not survive a restart: {problem}"
            );
        }
        Some((Some(Item::new(path.ok(), sent)), load))
    });
    if let Ok(Some((item, load))) = written.await {
        if let Some(item) = item {
            if !link.channel.is_halite() {
                tokio::time::sleep_until((job.arrived + QUICKEST_AT_SALTS).into()).await;
            }
            link.returner.send(item).await;
        }
        let names = returners_of(job, link.daemon.opts.str("return"));
        if !names.is_empty() {
            let (link, published) = (Arc::clone(link), job.load.clone());
            let _ = tasks::blocking(move || to_returners(&link, &names, &published, load)).await;
        }
    }
}

/// The returners that the job (`salt --return`) and the option `return` name, separated by commas.
fn returners_of(job: &Job, option: &str) -> String {
    let asked = job.load.str("ret").unwrap_or_default();
    let names: Vec<&str> = [asked, option].into_iter().filter(|names| !names.is_empty()).collect();
    names.join(",")
}

/// Brings a return to returners. Blocking.
fn to_returners(link: &Arc<Link>, names: &str, published: &Map, mut ret: Map) {
    let daemon = &link.daemon;
    for key in ["ret_config", "ret_kwargs"] {
        if let Some(value) = published.get(key) {
            ret.insert(key, value.clone());
        }
    }
    ret.remove("cmd");
    let (grains, pillar) = (daemon.grains(), link.pillar());
    let services = ChannelServices::new(link.uplink(), link.opts(), Arc::clone(&grains), link.fire());
    let scope = Scope {
        opts: link.opts(),
        grains: (&*grains).into(),
        pillar: (&*pillar).into(),
        published,
        registry: &daemon.registry,
        host: &RealHost,
        minion: &services,
        master: &Nowhere,
    };
    returners::save(&Context::new(scope), names, &ret);
}
