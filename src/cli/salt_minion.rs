//! `salt-minion`, and the hidden applet that runs one job for it. Salt: cli/daemons.py (`Minion`).

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::daemons::PidFile;
use super::logging::{self, Console};
use super::verify_env::verify_env;
use super::{Call, Exit, Parsed, Stop, Syntax, config_files, daemons, options};
use crate::config::Opts;
use crate::host::daemon;
use crate::minion::{self, JobProcess, MinionError};
use crate::transport::master_channel::SignInError;

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options]",
    about: "The Salt minion: signs in to its masters, runs their jobs and returns what came of them.",
    groups: &[options::DAEMON, options::LOGGING],
};

/// Runs a minion until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration cannot be read, the minion cannot start, or its master has rejected it for good.
pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let opts = options_of(&parsed)?;
    if parsed.flag("daemon") && !daemon::is_detached() {
        return daemons::detach(call);
    }
    daemons::refuse_foreign(&opts, "minion.pem")?;
    verify_env(&opts, &directories(&opts))?;
    let pidfile = PidFile::write(&opts);
    logging::prepare(&opts)?;
    daemons::become_user(&opts)?;
    logging::start(&opts, Console::On)?;
    pidfile.tell();
    crate::log::info!("Setting up the Salt Minion \"{}\"", opts.id());
    let outcome = minion::run(opts);
    match outcome {
        Ok(signal) => {
            daemons::exited("The Salt Minion", "Minion", signal);
            Ok(Exit::OK)
        }
        Err(error) => {
            crate::log::error!("{error}");
            Err(Stop::failed(exit_of(&error), format!("{}: {error}\n", call.prog)).into())
        }
    }
}

/// Runs the job that a minion hands over on standard input.
///
/// # Errors
/// When it was not started by a minion.
pub(super) fn run_job(call: &Call) -> anyhow::Result<Exit> {
    let process = JobProcess::receive()
        .with_context(|| format!("{} is started by salt-minion for one job, and not by hand", call.prog))?;
    logging::start(&process.opts(), Console::Off)?;
    Ok(if process.run() { Exit::OK } else { Exit::GENERIC })
}

fn options_of(parsed: &Parsed) -> anyhow::Result<Opts> {
    let mut opts = config_files::load_minion(parsed.text("config_dir").map(Path::new))?;
    for option in ["pidfile", "user", "log_level", "log_file", "log_level_logfile"] {
        if let Some(value) = parsed.text(option) {
            opts.set(option, value);
        }
    }
    Ok(opts)
}

/// Salt's codes: 77 for a rejected key, 42 for another master than `master_finger` says.
fn exit_of(error: &MinionError) -> Exit {
    match error {
        MinionError::Rejected => Exit::NO_PERMISSION,
        MinionError::SignIn(SignInError::NotBelieved(_)) => Exit::INCOMPLETE,
        _ => Exit::GENERIC,
    }
}

/// What the minion writes into.
fn directories(opts: &Opts) -> [(PathBuf, u32); 4] {
    let cachedir = opts.path("cachedir");
    [
        (opts.path("pki_dir"), 0o700),
        (cachedir.join("proc"), 0o755),
        (cachedir, 0o755),
        (opts.path("sock_dir"), 0o755),
    ]
}
