//! What the daemon does by itself from time to time: the mine, the grains, and a look after jobs that outlived an
//! earlier daemon. Salt does the first two with its scheduler (`__mine_interval`, `__update_grains`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Daemon;
use super::job::{Job, failed_load};
use super::jobs;
use super::link::Link;
use crate::event::tags;
use crate::host::tasks;
use crate::log::{info, warn};
use crate::map;

const MINUTE: Duration = Duration::from_secs(60);
/// As soon after the start as Salt's scheduler is.
const FIRST_MINE: Duration = Duration::from_secs(1);
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// Updates the mine every `mine_interval` minutes, for as long as the daemon runs.
pub async fn mine(daemon: Arc<Daemon>) {
    if !daemon.opts.bool("mine_enabled") || daemon.registry.row("mine.update").is_none() {
        return;
    }
    let every = minutes(&daemon, "mine_interval").unwrap_or(60 * MINUTE);
    let report = daemon.opts.bool("mine_return_job");
    daemon.first_link().await;
    let mut ticks = interval_at(Instant::now() + FIRST_MINE, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if let Some(link) = daemon.links().first() {
            jobs::run_own(link, "__mine_interval", "mine.update", report).await;
        }
    }
}

/// Collects the grains anew every `grains_refresh_every` minutes.
pub async fn grains(daemon: Arc<Daemon>) {
    let Some(every) = minutes(&daemon, "grains_refresh_every") else { return };
    info!("Enabling the grains refresher. Will run every {} minute(s).", every.as_secs() / 60);
    let mut ticks = interval_at(Instant::now() + every, every);
    loop {
        ticks.tick().await;
        let _ = daemon.bus.fire(tags::GRAINS_REFRESH, map! {});
    }
}

fn minutes(daemon: &Daemon, option: &str) -> Option<Duration> {
    let minutes = daemon.opts.float(option).abs();
    (minutes > 0.0 && minutes < 1e6).then(|| MINUTE.mul_f64(minutes))
}

/// Looks after the jobs of an earlier daemon: those that were cut short are returned as failed, those that still run
/// are waited for, in case that they are cut short as well. Nobody has to guess what became of a job. To be called
/// before the first job of our own.
pub async fn earlier_jobs(link: Arc<Link>) {
    let daemon = Arc::clone(&link.daemon);
    let queued = tasks::blocking(move || daemon.job_queue.take_all()).await.unwrap_or_default();
    for job in queued {
        info!("Job {} waited for others when the minion was stopped: it runs now", job.jid);
        link.daemon.first_time(&job.jid);
        let link = Arc::clone(&link);
        tasks::spawn(async move {
            link.daemon.first_link().await;
            jobs::run(link, job).await;
        });
    }
    if look_after_earlier(&link, true).await == 0 {
        return;
    }
    tasks::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_AFTER).await;
            if look_after_earlier(&link, false).await == 0 {
                return;
            }
        }
    });
}

/// How many still run.
async fn look_after_earlier(link: &Arc<Link>, first: bool) -> usize {
    let daemon = Arc::clone(&link.daemon);
    let looked = tasks::blocking(move || daemon.proc_files.look_after_earlier(first)).await;
    let (interrupted, still_running) = looked.unwrap_or_default();
    for job in interrupted {
        report_interrupted(link, &job).await;
    }
    still_running
}

async fn report_interrupted(link: &Arc<Link>, job: &Job) {
    warn!("Job {} was interrupted: the minion or its machine was restarted", job.jid);
    link.daemon.first_time(&job.jid);
    let text = "the job was interrupted: the minion or its machine was restarted";
    jobs::finish(link, job, failed_load(link.daemon.id(), job, text)).await;
}
