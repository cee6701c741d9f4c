//! What the master lends to runners. Synchronous: runners have threads of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Master;
use super::commands::{Caller, PublishCommand};
use super::{jobs, targets};
use crate::event::Filter;
use crate::loader::{Fault, MasterServices};
use crate::map;
use crate::matchers::Greedy;
use crate::names::Jid;
use crate::value::{DEFAULT_DELIMITER, Map, Value};

/// The master, as runners see it.
pub(super) struct Services {
    master: Arc<Master>,
    runtime: Handle,
}

/// The most jobs that are listed at once.
const MAX_JOBS: usize = 100_000;

impl Services {
    pub(super) fn new(master: Arc<Master>, runtime: Handle) -> Self {
        Services { master, runtime }
    }

    fn command(&self, mut load: Map) -> Result<PublishCommand, Fault> {
        let fun = load.remove("fun").ok_or_else(|| Fault::invocation("publish: no fun"))?;
        let arg = match load.remove("arg") {
            Some(Value::List(arg)) => arg,
            _ => Vec::new(),
        };
        let kwargs = match load.remove("kwargs") {
            Some(Value::Map(kwargs)) => kwargs,
            _ => Map::new(),
        };
        Ok(PublishCommand {
            tgt: load.remove("tgt").ok_or_else(|| Fault::invocation("publish: no tgt"))?,
            tgt_type: load.str("tgt_type").unwrap_or("glob").to_owned(),
            fun,
            arg,
            ret: load.str("ret").unwrap_or_default().to_owned(),
            jid: None,
            kwargs,
            to: None,
            caller: Caller { user: self.master.options.user.clone(), ..Caller::default() },
        })
    }

    fn publish_as(&self, command: PublishCommand) -> Result<Map, Fault> {
        let reply = self.runtime.block_on(jobs::publish(&self.master, command));
        let load = reply.get("load").and_then(Value::as_map).cloned().unwrap_or_default();
        match load.str("error") {
            Some(error) => Err(Fault::execution(error)),
            None => Ok(load),
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> Fault {
    Fault::execution(format!("the job cache cannot be read: {error}"))
}

impl MasterServices for Services {
    fn publish(&self, load: Map) -> Result<Map, Fault> {
        self.publish_as(self.command(load)?)
    }

    fn publish_and_wait(&self, load: Map, timeout: Duration) -> Result<Map, Fault> {
        let mut command = self.command(load)?;
        // Our own jid, so that we listen before anybody can answer.
        let jid = self.master.new_jid();
        let prefix = format!("salt/job/{jid}/ret/");
        let mut events = self.master.bus.subscribe(Filter::prefix(&prefix));
        command.jid = Some(jid);
        let published = self.publish_as(command)?;
        let mut missing: Vec<String> = published
            .get("minions")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        let mut returns = Map::new();
        let deadline = Instant::now() + timeout;
        while !missing.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(event) = self.runtime.block_on(events.next_within(left)) else { break };
            let Some(id) = event.data.str("id") else { continue };
            if let Some(place) = missing.iter().position(|known| known == id) {
                missing.swap_remove(place);
            }
            let keep = ["retcode", "success", "out"];
            let mut kept: Map =
                keep.iter().filter_map(|&key| Some((key, event.data.get(key)?.clone()))).collect();
            kept.insert("ret", event.data.get("return").cloned().unwrap_or_default());
            returns.insert(id, kept);
        }
        Ok(returns)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        self.master.fire(tag, data);
        Ok(())
    }

    fn connected(&self) -> Vec<String> {
        let accepted = self.master.key_store.accepted_ids();
        self.master.presence.connected().into_iter().filter(|id| accepted.contains(id)).collect()
    }

    fn keys(&self) -> Map {
        let listing = self.master.key_store.list();
        map! {
            "accepted" => Value::list(listing.accepted),
            "pending" => Value::list(listing.pending),
            "rejected" => Value::list(listing.rejected),
            "denied" => Value::list(listing.denied),
        }
    }

    fn jobs(&self, oldest: Option<&str>) -> Result<Map, Fault> {
        let jobs = self.master.store.jobs(oldest, None, MAX_JOBS).map_err(unreadable)?;
        Ok(jobs.into_iter().map(|(jid, load)| (jid, Value::from(load))).collect())
    }

    fn job_load(&self, jid: &str) -> Result<Option<Map>, Fault> {
        if Jid::parse(jid).is_err() {
            return Ok(None);
        }
        let Some(mut load) = self.master.store.load(jid).map_err(unreadable)? else { return Ok(None) };
        if !load.contains("Minions") {
            load.insert("Minions", Value::list(self.master.store.job_minions(jid).map_err(unreadable)?));
        }
        Ok(Some(load))
    }

    fn job_returns(&self, jid: &str) -> Result<Map, Fault> {
        self.master.store.returns(jid).map_err(unreadable)
    }

    fn minion_data(&self, id: &str) -> Option<Map> {
        self.master.store.minion_data(id).ok().flatten()
    }

    fn mine(&self, id: &str) -> Option<Map> {
        self.master.store.mine(id).ok().filter(|mine| !mine.is_empty())
    }

    fn match_minions(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault> {
        let selection = targets::matching(&self.master, tgt, tgt_type, DEFAULT_DELIMITER, Greedy::Yes);
        Ok(selection.map_err(Fault::execution)?.minions)
    }
}
