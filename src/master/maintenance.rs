//! What a master does now and then: rotate its AES key, forget old jobs and departed minions, tell who is present.
//! Salt: master.py `Maintenance`; salt-wire.md §8, §11.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::pool::Kind;
use super::{Master, jobs, targets};
use crate::channel::commands::{Caller, PublishCommand};
use crate::event::tags;
use crate::map;
use crate::value::{Map, Value};

/// How often a rotation request is looked for. Salt takes up to `loop_interval` (60 s), during which a minion whose key
/// was deleted can still read what is published.
const ROTATION_CHECK: Duration = Duration::from_secs(2);

/// Runs until `stop` says so.
pub(super) async fn run(master: Arc<Master>, mut stop: watch::Receiver<bool>) {
    let started = Instant::now();
    let (mut last_rotation, mut last_loop) = (started, started);
    let mut present = BTreeSet::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROTATION_CHECK.min(master.options.loop_interval)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let life = master.options.publish_session;
        let is_old = !life.is_zero() && last_rotation.elapsed() >= life;
        let worker = master.clone();
        let asked = master
            .pool
            .run(Kind::Disk, move || crate::keys::take_rotation_request(&worker.options.cachedir))
            .await;
        if is_old || asked == Some(true) {
            rotate(&master).await;
            last_rotation = Instant::now();
        }
        if last_loop.elapsed() >= master.options.loop_interval {
            last_loop = Instant::now();
            clean(&master).await;
            crate::host::give_back();
            tell_presence(&master, &mut present);
        }
    }
}

async fn rotate(master: &Arc<Master>) {
    crate::log::info!("rotating the AES key");
    master.publisher.rotate(master.keys.key.clone());
    master.fire(tags::ROTATE_AES, map! { "rotate_aes_key" => true });
    if master.options.ping_on_rotate {
        let everybody = targets::select(master, &ping()).await;
        jobs::publish(master, ping(), everybody).await;
    }
}

fn ping() -> PublishCommand {
    PublishCommand {
        tgt: "*".into(),
        tgt_type: "glob".to_owned(),
        fun: "test.ping".into(),
        arg: Vec::new(),
        ret: String::new(),
        jid: None,
        kwargs: Map::new(),
        to: None,
        files: false,
        caller: Caller { user: "root".to_owned(), ..Caller::default() },
    }
}

async fn clean(master: &Arc<Master>) {
    let keep = master.options.keep_jobs;
    if let Some(keep) = keep {
        match master.store.clean_jobs(keep).await {
            Ok(0) => {}
            Ok(jobs) => crate::log::info!(jobs, "forgot old jobs"),
            Err(error) => crate::log::error!(%error, "old jobs cannot be forgotten"),
        }
    }
    let worker = master.clone();
    master
        .pool
        .run(Kind::Disk, move || {
            match worker.options.keep_jobs_bytes.map(|octets| worker.store.clean_jobs_beyond(octets)) {
                None | Some(Ok(0)) => {}
                Some(Ok(jobs)) => {
                    crate::log::info!(jobs, "forgot the oldest jobs: keep_jobs_bytes is reached")
                }
                Some(Err(error)) => {
                    crate::log::error!(%error, "jobs beyond keep_jobs_bytes cannot be forgotten")
                }
            }
            if let Some(keep) = keep
                && let Err(error) = worker.disk_cache.clean_jobs(keep)
            {
                crate::log::error!(%error, "files of old jobs cannot be removed");
            }
            let accepted: std::collections::HashSet<String> =
                worker.key_store.accepted_ids().iter().cloned().collect();
            worker.sessions.retain(|id| accepted.contains(id));
            worker.presence.retain(|id| accepted.contains(id));
            worker.user_tokens.clean(std::time::SystemTime::now());
            if let Some(keep) = keep {
                super::peer::clean(&worker.options.cachedir, keep);
            }
        })
        .await;
}

fn tell_presence(master: &Master, before: &mut BTreeSet<String>) {
    if !master.options.presence_events {
        return;
    }
    let now = crate::value::sort::into_set(master.presence.connected());
    let list = |ids: &mut dyn Iterator<Item = &String>| Value::list(ids.cloned().collect::<Vec<_>>());
    let (new, lost) = (list(&mut now.difference(before)), list(&mut before.difference(&now)));
    if now != *before {
        master.fire(tags::PRESENCE_CHANGE, map! { "new" => new, "lost" => lost });
    }
    master.fire(tags::PRESENCE_PRESENT, map! { "present" => list(&mut now.iter()) });
    *before = now;
}
