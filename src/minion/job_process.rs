//! A job process: this binary again, with a socket to its daemon as standard input. It reads the job, runs it, asks
//! the daemon whatever a function asks of its master, and gives the return back. When the daemon is gone by then, the
//! return is written down for the next one. Salt: minion.py (`_target`, `SignalHandlingProcess`).

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::log::{error, info, secrets};

use super::execute;
use super::job::Job;
use super::proc_files::ProcFiles;
use super::rpc::{RpcError, Start, Up, child, texts};
use super::services::{fire_and_wait, watch};
use super::spool::Spool;
use crate::builtin;
use crate::config::Opts;
use crate::fileclient::{Files, Source};
use crate::host::RealHost;
use crate::loader::{Fault, FileClient, MinionServices, Nowhere, Scope};
use crate::transport::bus::BusPaths;
use crate::transport::master_channel::answers_blocking;
use crate::value::{Map, Value};

/// The hidden applet that a daemon starts for each job.
pub const APPLET: &str = "minion-job";

/// A job process that has read its job.
pub struct JobProcess {
    start: Start,
    stream: UnixStream,
}

impl JobProcess {
    /// Reads the job from standard input, which then is `/dev/null`.
    ///
    /// # Errors
    /// When standard input is no socket to a daemon.
    pub fn receive() -> Result<Self, RpcError> {
        let stdin = io::stdin();
        let mut stream = UnixStream::from(stdin.as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?).map_err(io::Error::from)?;
        let start = child::read_start(&mut stream)?;
        Ok(JobProcess { start, stream })
    }

    /// The options of the daemon.
    pub fn opts(&self) -> Opts {
        Opts::from_map(self.start.opts.clone())
    }

    /// Runs the job to its end. `false` if neither the daemon nor the disk took the return.
    pub fn run(self) -> bool {
        let Start { job: load, opts, grains, pillar, master, secrets } = self.start;
        secrets::conceal(&secrets);
        let daemon = Arc::new(Daemon { stream: Mutex::new(self.stream), timeout: request_timeout(&opts) });
        let job = match Job::parse(load) {
            Ok(job) => job,
            Err(problem) => {
                error!("{problem}");
                return false;
            }
        };
        let registry = execute::allowed(builtin::execution_modules(), &opts);
        let services = Services {
            daemon: Arc::clone(&daemon),
            files: Files::from_opts(daemon.clone(), &opts),
            bus: BusPaths::of_minion(&opts),
        };
        let scope = Scope {
            opts: &opts,
            grains: (&grains).into(),
            pillar: (&pillar).into(),
            published: &job.load,
            registry: &registry,
            host: &RealHost,
            minion: &services,
            master: &Nowhere,
        };
        info!("Starting a new job {} with PID {}", job.jid, std::process::id());
        let returned = execute::run(&job, scope);
        // Answered when the daemon has written the return down: from then on it is its business.
        let told = child::ask(&mut *daemon.stream(), &Up::Done(returned.clone()));
        if matches!(told, Ok(Ok(_))) {
            return true;
        }
        info!("The daemon is gone: the return of job {} is kept for the next one", job.jid);
        let cachedir = PathBuf::from(opts.str("cachedir").unwrap_or_default());
        let kept = Spool::new(&cachedir).add(&master, &returned);
        if let Err(problem) = &kept {
            error!("The return of job {} is lost: {problem}", job.jid);
        }
        ProcFiles::new(&cachedir).remove(&job.jid);
        kept.is_ok()
    }
}

fn request_timeout(opts: &Map) -> Duration {
    let seconds =
        opts.get("request_channel_timeout").and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// The daemon at the other end: one question at a time.
struct Daemon {
    stream: Mutex<UnixStream>,
    timeout: Duration,
}

impl Daemon {
    fn stream(&self) -> std::sync::MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, question: &Up) -> Result<Value, Fault> {
        let answer = child::ask(&mut *self.stream(), question);
        let gone = |error: RpcError| Fault::Unreachable(format!("the minion daemon is gone: {error}"));
        answer.map_err(gone)?.map_err(Fault::Unreachable)
    }
}

impl Source for Daemon {
    fn ask(&self, load: Map) -> Result<Value, Fault> {
        let timeout_ms = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        Daemon::ask(self, &Up::Request { load, timeout_ms })
    }

    fn ask_together(&self, loads: Vec<Map>) -> Result<Vec<Value>, Fault> {
        let timeout_ms = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        match Daemon::ask(self, &Up::Requests { loads, timeout_ms })? {
            Value::List(replies) => Ok(replies),
            _ => Err(Fault::Unreachable("the daemon's answer cannot be read".to_owned())),
        }
    }
}

struct Services {
    daemon: Arc<Daemon>,
    files: Files,
    bus: BusPaths,
}

impl Services {
    fn pillar(&self, question: &Up) -> Result<Map, Fault> {
        let answer = self.daemon.ask(question)?;
        secrets::conceal(&texts(answer.as_list().and_then(|list| list.get(1))));
        let Value::List(list) = answer else {
            return Err(Fault::Unreachable("the pillar has no secrets beside it".to_owned()));
        };
        match list.into_iter().next() {
            Some(Value::Map(pillar)) => Ok(pillar),
            _ => Err(Fault::Unreachable("the pillar is no map".to_owned())),
        }
    }
}

impl MinionServices for Services {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        self.daemon.ask(&Up::Request { load, timeout_ms })
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        self.daemon.ask(&Up::Fire { tag: tag.to_owned(), data }).map(|_| ())
    }

    fn fire_and_wait(
        &self,
        tag: &str,
        data: Map,
        answer: &str,
        timeout: Duration,
    ) -> Result<Option<Map>, Fault> {
        // Not through the daemon's socket: it answers one question at a time.
        fire_and_wait(&self.bus, tag, data, answer, timeout)
    }

    fn watch(&self, opts: &Map, node: &str, seen: &mut dyn FnMut(&str, Map) -> bool) -> Result<(), Fault> {
        watch(opts, node, seen)
    }

    fn answers(&self, opts: &Map, master: &str) -> Result<bool, Fault> {
        Ok(answers_blocking(&Opts::from_map(opts.clone()), master))
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        Ok(Files::here(opts))
    }

    fn collect_grains(&self, opts: &Map) -> Result<Map, Fault> {
        Ok(crate::grains::load(&RealHost, opts, true))
    }

    fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Result<Map, Fault> {
        self.pillar(&Up::Pillar {
            saltenv: saltenv.map(str::to_owned),
            pillarenv: pillarenv.map(str::to_owned),
            overrides: overrides.clone(),
            ext: None,
        })
    }

    fn external_pillar(&self, external: Map, overrides: &Map) -> Result<Map, Fault> {
        let overrides = overrides.clone();
        self.pillar(&Up::Pillar { saltenv: None, pillarenv: None, overrides, ext: Some(external) })
    }
}

/// The words after the name of the binary that start a job process. `salt` is in them because Salt looks for it in
/// the command lines of the processes that its job files name.
pub fn words(jid: &str) -> [String; 3] {
    [APPLET.to_owned(), "salt-minion".to_owned(), jid.to_owned()]
}

/// The start of a job, as the daemon sends it.
pub fn start_of(job: &Job, opts: &Map, grains: &Map, pillar: &Map, master: &str) -> Start {
    Start {
        job: job.load.clone(),
        opts: opts.clone(),
        grains: grains.clone(),
        pillar: pillar.clone(),
        master: master.to_owned(),
        secrets: secrets::known(),
    }
}
