//! `salt-master`. Salt: cli/daemons.py `Master`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::daemons::PidFile;
use super::logging::{self, Console};
use super::verify_env::verify_env;
use super::{Call, Exit, Parsed, Syntax, config_files, daemons, options};
use crate::config::Opts;
use crate::host::daemon;
use crate::master;

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options]",
    about: "The Salt master: publishes jobs to minions and keeps what they return.",
    groups: &[options::DAEMON, options::LOGGING],
};

/// How long a second SIGTERM is waited for before requests in work are given up.
const GRACE: Duration = Duration::from_secs(35);

/// Runs a master until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration cannot be read or the master cannot start, with what to do about it.
pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let opts = options_of(&parsed)?;
    if parsed.flag("daemon") && !daemon::is_detached() {
        return daemons::detach(call);
    }
    daemons::refuse_foreign(&opts, "master.pem")?;
    verify_env(&opts, &directories(&opts))?;
    let pidfile = PidFile::write(&opts);
    logging::prepare(&opts)?;
    daemons::become_user(&opts)?;
    logging::start(&opts, Console::On)?;
    pidfile.tell();
    let limit = daemon::raise_open_files(u64::try_from(opts.int("max_open_files")).unwrap_or(100_000));
    crate::log::debug!(open_files = limit, "every connected minion takes two");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(8))
        .max_blocking_threads(master::threads())
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    let outcome = runtime.block_on(serve(opts));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn options_of(parsed: &Parsed) -> anyhow::Result<Opts> {
    let mut opts = config_files::load_master(parsed.text("config_dir").map(Path::new))?;
    for option in ["pidfile", "user", "log_level", "log_file", "log_level_logfile"] {
        if let Some(value) = parsed.text(option) {
            opts.set(option, value);
        }
    }
    Ok(opts)
}

/// What the master writes into.
fn directories(opts: &Opts) -> [(PathBuf, u32); 4] {
    let cachedir = opts.path("cachedir");
    [
        (opts.path("pki_dir"), 0o700),
        (cachedir.join("jobs"), 0o755),
        (cachedir, 0o755),
        (opts.path("sock_dir"), 0o755),
    ]
}

async fn serve(opts: Opts) -> anyhow::Result<Exit> {
    let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    crate::host::debug::report_on_signal();
    let running = match master::start(opts).await {
        Ok(running) => running,
        Err(error) => {
            crate::log::error!("{error}");
            return Err(error.into());
        }
    };
    daemon::notify("READY=1");
    let name = tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    };
    crate::log::warn!("Master received a {name}. Exiting.");
    daemon::notify("STOPPING=1");
    tokio::select! {
        stopped = tokio::time::timeout(GRACE, running.stop()) => {
            if stopped.is_err() {
                crate::log::warn!("some requests were given up");
            }
        }
        _ = term.recv() => crate::log::warn!("told to stop twice: requests in work are given up"),
    }
    daemons::exited("The salt master", "Master", name);
    Ok(Exit::OK)
}
