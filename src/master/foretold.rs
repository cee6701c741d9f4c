//! Files for Python's `salt-run`, which runs its runners itself and shows what it finds in Salt's files. It says so on
//! the bus (`salt/run/<jid>/new`) before it begins, and takes tenths of a second to load what it needs: meanwhile
//! what it is about to read is written from the store. So nobody else pays for these files. Salt: client/mixins.py
//! (`_low`), runners/jobs.py, runners/mine.py, returners/local_cache.py.

use std::sync::Arc;

use tokio::sync::watch;

use super::pool::Kind;
use super::{Master, mine, targets};
use crate::event::{Event, Filter};
use crate::matchers::Greedy;
use crate::names::{Jid, MinionId};
use crate::value::{DEFAULT_DELIMITER, Map, Value, str_of};

/// What a runner reads.
#[derive(Clone, Copy)]
enum Reads {
    /// The returns of the job whose jid is its first argument.
    Returns,
    /// The mines of the minions that its first argument names; where the type of that target stands.
    Mines(usize),
}

const RUNNERS: &[(&str, Reads)] = &[
    ("runner.jobs.lookup_jid", Reads::Returns),
    ("runner.jobs.list_job", Reads::Returns),
    ("runner.jobs.print_job", Reads::Returns),
    ("runner.jobs.exit_success", Reads::Returns),
    ("runner.mine.get", Reads::Mines(2)),
    ("runner.cache.mine", Reads::Mines(1)),
];

/// Runs until `stop` says so.
pub(super) async fn run(master: Arc<Master>, mut stop: watch::Receiver<bool>) {
    let mut events = master.bus.subscribe_to_others(Filter::prefix("salt/run/"));
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(event) = event else { return };
        if !event.tag.ends_with("/new") {
            continue;
        }
        let worker = master.clone();
        let written = master.pool.run(Kind::Disk, move || write(&worker, &event)).await;
        if let Some(Err(error)) = written {
            crate::log::warn!(error, "what salt-run is about to read could not be written");
        }
    }
}

fn write(master: &Master, event: &Event) -> Result<(), String> {
    let fun = event.data.str("fun").unwrap_or_default();
    let Some((_, reads)) = RUNNERS.iter().find(|(name, _)| *name == fun) else { return Ok(()) };
    let args = Arguments::of(&event.data);
    match reads {
        Reads::Returns => match args.get(0, "jid").and_then(|jid| Jid::parse(&str_of(jid)).ok()) {
            Some(jid) => returns(master, &jid),
            None => Ok(()),
        },
        Reads::Mines(kind) => {
            let everybody = Value::from("*");
            let tgt = args.get(0, "tgt").unwrap_or(&everybody);
            mines(master, tgt, args.get(*kind, "tgt_type").and_then(Value::as_str).unwrap_or("glob"))
        }
    }
}

/// Arguments as events show them: those by name in a map behind the others.
struct Arguments<'a> {
    list: &'a [Value],
    named: Option<&'a Map>,
}

impl<'a> Arguments<'a> {
    fn of(data: &'a Map) -> Self {
        let all = data.get("fun_args").and_then(Value::as_list).unwrap_or_default();
        match all.split_last() {
            Some((Value::Map(named), list)) => Arguments { list, named: Some(named) },
            _ => Arguments { list: all, named: None },
        }
    }

    fn get(&self, place: usize, name: &str) -> Option<&'a Value> {
        self.list.get(place).or_else(|| self.named?.get(name))
    }
}

/// Returns do not change once they are there.
fn returns(master: &Master, jid: &Jid) -> Result<(), String> {
    for (id, entry) in &master.store.returns(jid.as_str()).map_err(|error| error.to_string())? {
        if let (Some(Ok(id)), Some(entry)) = (id.as_str().map(MinionId::parse), entry.as_map())
            && !master.disk_cache.has_return(jid, &id)
        {
            master.disk_cache.write_return(jid, &id, entry).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn mines(master: &Master, tgt: &Value, tgt_type: &str) -> Result<(), String> {
    let meant = targets::matching(master, tgt, mine::exact_type(tgt_type), DEFAULT_DELIMITER, Greedy::No)?;
    for id in meant.minions {
        let mine = master.store.mine(&id).map_err(|error| error.to_string())?;
        if let Ok(id) = MinionId::parse(&id) {
            master.disk_cache.write_mine(&id, mine).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
