//! `fileserver_events`: an event with what has changed below `file_roots`, every `roots_update_interval`, and when
//! `fileserver.update` asks for it. Salt: master.py (`FileserverUpdate`), fileserver/roots.py (`update`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Master;
use super::pool::Kind;
use crate::event::tags;
use crate::host::tasks;
use crate::value::Value;

/// The default of `roots_update_interval`, which also stands in for 0.
const INTERVAL: Duration = Duration::from_secs(60);

/// Starts what looks until `stop` says so, where events are wished for.
pub(super) fn start(
    master: &Arc<Master>,
    mut stop: watch::Receiver<bool>,
) -> Option<tokio::task::JoinHandle<()>> {
    if !wanted(master) {
        return None;
    }
    let seconds = master.opts.get("roots_update_interval").and_then(Value::as_int);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    let (master, interval) = (master.clone(), seconds.map_or(INTERVAL, Duration::from_secs));
    Some(tasks::spawn(async move {
        loop {
            let worker = master.clone();
            if let Some(Err(error)) = master.pool.run(Kind::Disk, move || update(&worker)).await {
                crate::log::error!(%error, "changed files of the file server cannot be remembered");
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }))
}

fn wanted(master: &Master) -> bool {
    master.opts.get("fileserver_events").is_some_and(Value::truthy)
}

/// Looks, and tells also that nothing has changed.
///
/// # Errors
/// When the times of files cannot be kept.
pub(super) fn update(master: &Master) -> io::Result<()> {
    if wanted(master) {
        master.fire(&tags::fileserver_update("roots"), master.files.update(&master.options.cachedir)?);
    }
    Ok(())
}
