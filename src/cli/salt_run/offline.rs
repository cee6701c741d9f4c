//! A runner without a master: in this process, on what a master left on disk. Nothing can be published then.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::files;
use super::show::Shower;
use super::{Order, Registry};
use crate::cli::Exit;
use crate::client::MinionFiles;
use crate::config::Opts;
use crate::fileclient::{Files, LocalSource};
use crate::host::{RealHost, utc_now};
use crate::loader::{self, Call, Context, Fault, FileClient, MasterServices, Nowhere, Scope};
use crate::map;
use crate::master::store::{Store, StoreError};
use crate::matchers::KnownMinions as _;
use crate::names::Jid;
use crate::value::{Map, Value};

pub(super) fn run(
    opts: &Opts,
    order: &Order,
    registry: &Registry,
    shower: &Shower,
    store: Option<Store>,
) -> anyhow::Result<Exit> {
    let jid = Jid::parse(&order.jid).unwrap_or_else(|_| Jid::of(utc_now()));
    let published = map! { "jid" => jid.as_str(), "fun" => order.fun.as_str() };
    let left_behind = LeftBehind { opts, jid: jid.as_str(), store, shower, files: OnceLock::new() };
    let empty = Map::new();
    let context = Context::new(Scope {
        opts: opts.as_map(),
        grains: (&empty).into(),
        pillar: (&empty).into(),
        published: &published,
        registry,
        host: &RealHost,
        minion: &Nowhere,
        master: &left_behind,
    });
    let call = Call { args: order.args.clone(), kwargs: order.kwargs.clone() };
    let mut data = map! { "fun" => format!("runner.{}", order.fun), "jid" => jid.as_str() };
    match context.call(&order.fun, call) {
        Ok(value) => {
            data.insert("return", value);
        }
        Err(fault) => {
            data.insert("return", loader::failure("runner", &order.fun, registry.row(&order.fun), &fault));
            if !(fault.is_type_error() || matches!(fault, Fault::NotAvailable(_))) {
                data.insert("retcode", 1);
            }
        }
    }
    shower.result(&data)
}

/// The store of a Halite master that does not run. A Salt master has none.
pub(super) fn open_store(opts: &Opts) -> Result<Option<Store>, StoreError> {
    let dir = opts.path("cachedir").join("halite");
    if dir.is_dir() { Store::open(&dir).map(Some) } else { Ok(None) }
}

/// What a master left on disk.
struct LeftBehind<'a> {
    opts: &'a Opts,
    jid: &'a str,
    store: Option<Store>,
    shower: &'a Shower<'a>,
    files: OnceLock<Files>,
}

fn no_master<T>(what: &str, opts: &Opts) -> Result<T, Fault> {
    Err(Fault::Unreachable(format!(
        "{what}: the salt master could not be contacted at {}. Is master running?",
        Path::new(opts.str("sock_dir")).display()
    )))
}

impl LeftBehind<'_> {
    fn unreadable(error: impl std::fmt::Display) -> Fault {
        Fault::execution(format!("the job cache cannot be read: {error}"))
    }
}

impl MasterServices for LeftBehind<'_> {
    fn publish(&self, _: Map) -> Result<Map, Fault> {
        no_master("no job can be published", self.opts)
    }

    fn publish_and_wait(&self, _: Map, _: Duration) -> Result<Map, Fault> {
        no_master("no job can be published", self.opts)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        let own = format!("salt/run/{}/", self.jid);
        match tag.strip_prefix(&own) {
            Some(suffix) => {
                self.shower.event(suffix, &data).map_err(|error| Fault::execution(error.to_string()))
            }
            None => no_master("no event can be fired", self.opts),
        }
    }

    fn connected(&self) -> Vec<String> {
        Vec::new()
    }

    fn wheel_docs(&self) -> Result<Map, Fault> {
        Ok(crate::builtin::wheel().docs())
    }

    fn keys(&self) -> Map {
        map! { "accepted" => Value::list(MinionFiles::new(self.opts).accepted().into_owned()) }
    }

    /// Nobody listens; a key that has gone would have to be made known to a master.
    fn keys_changed(&self, act: &'static str, _: &[String]) -> Result<(), Fault> {
        if act == "accept" { Ok(()) } else { no_master(act, self.opts) }
    }

    fn jobs(&self, oldest: Option<&str>) -> Result<Map, Fault> {
        let mut jobs = files::jobs(self.opts);
        if let Some(store) = &self.store {
            jobs.extend(store.jobs(oldest, None, usize::MAX).map_err(Self::unreadable)?);
        }
        Ok(jobs)
    }

    fn job_load(&self, jid: &str) -> Result<Option<Map>, Fault> {
        let Some(store) = &self.store else { return Ok(files::load(self.opts, jid)) };
        match store.load(jid).map_err(Self::unreadable)? {
            Some(mut load) => {
                let minions = store.job_minions(jid).map_err(Self::unreadable)?;
                load.insert("Minions", Value::list(minions));
                Ok(Some(load))
            }
            None => Ok(files::load(self.opts, jid)),
        }
    }

    fn job_returns(&self, jid: &str) -> Result<Map, Fault> {
        let mut returns = files::returns(self.opts, jid);
        if let Some(store) = &self.store {
            returns.extend(store.returns(jid).map_err(Self::unreadable)?);
        }
        Ok(returns)
    }

    fn minion_data(&self, id: &str) -> Option<Map> {
        let data = MinionFiles::new(self.opts).data(id)?;
        Some(map! { "grains" => data.grains.clone(), "pillar" => data.pillar.clone() })
    }

    fn mine(&self, id: &str) -> Option<Map> {
        self.store.as_ref()?.mine(id).ok().filter(|mine| !mine.is_empty())
    }

    fn files(&self) -> &dyn FileClient {
        self.files.get_or_init(|| {
            let source = Arc::new(LocalSource::from_opts(self.opts.as_map()));
            Files::from_opts(source, self.opts.as_map())
        })
    }

    fn match_minions(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault> {
        MinionFiles::new(self.opts).matching(tgt, tgt_type).map_err(Fault::execution)
    }
}
