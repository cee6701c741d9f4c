//! What the master lends to runners. Synchronous: runners have threads of their own.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Master;
use super::{identify, jobs, key_changes, store, targets};
use crate::channel::commands::{Caller, PublishCommand};
use crate::client::{LastSeen, Patience, Step, Watch};
use crate::event::Filter;
use crate::fileclient::{Files, LocalSource};
use crate::host::RealHost;
use crate::keys::{Change, KeyState};
use crate::loader::{
    Call, Context, Executed, Fault, FileClient, Forget, Late, MasterServices, MinionServices, Nowhere, Scope,
    Source,
};
use crate::local_pillar::Request;
use crate::map;
use crate::matchers::Greedy;
use crate::names::{Jid, MinionId};
use crate::output::report;
use crate::value::{DEFAULT_DELIMITER, Map, Value};

/// The master, as runners see it.
pub(super) struct Services {
    master: Arc<Master>,
    runtime: Handle,
    /// Who asked for the runner; empty for what nobody asked for.
    user: String,
    /// The run that this is for, which prints by its events.
    run: Option<Jid>,
    files: OnceLock<Files>,
    /// Those of the master's host, when a function first looks at them.
    grains: OnceLock<Map>,
}

/// The most jobs that are listed at once.
const MAX_JOBS: usize = 100_000;

impl Services {
    pub(super) fn new(master: Arc<Master>, runtime: Handle) -> Self {
        let (files, grains) = (OnceLock::new(), OnceLock::new());
        Services { master, runtime, user: String::new(), run: None, files, grains }
    }

    /// For a run that this user has asked for.
    pub(super) fn of_run(self, user: &str, jid: &Jid) -> Self {
        Services { user: user.to_owned(), run: Some(jid.clone()), ..self }
    }

    fn command(&self, mut load: Map) -> Result<PublishCommand, Fault> {
        // As every client of Salt does.
        let mut ret = load.str("ret").unwrap_or_default().to_owned();
        if let Some(cache) = self.master.opts.str("ext_job_cache").filter(|cache| !cache.is_empty()) {
            ret = if ret.is_empty() { cache.to_owned() } else { format!("{ret},{cache}") };
        }
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
            ret,
            jid: load.str("jid").and_then(|jid| Jid::parse(jid).ok()),
            kwargs,
            to: None,
            files: false,
            caller: Caller { user: self.master.options.user.clone(), ..Caller::default() },
        })
    }

    pub(super) fn publish_as(&self, command: PublishCommand) -> Result<Map, Fault> {
        let reply = self.runtime.block_on(async {
            let selected = targets::select(&self.master, &command).await;
            jobs::publish(&self.master, command, selected).await
        });
        let load = reply.get("load").and_then(Value::as_map).cloned().unwrap_or_default();
        match load.str("error") {
            Some(error) => Err(Fault::execution(error)),
            None => Ok(load),
        }
    }
}

impl Services {
    /// Waits for something of the event loop.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Text that `salt-run` prints at once.
    fn say(&self, text: String) {
        if let Some(run) = &self.run {
            let tag = format!("salt/run/{}/{}", run.as_str(), crate::runners::STDOUT);
            self.master.fire(&tag, map! { "text" => text });
        }
    }

    /// The return that is made up for a minion that stays silent.
    fn silence(&self, id: &str, jid: &Jid) -> Value {
        let presence = &self.master.presence;
        let gone = presence.count() > 0
            && self.master.store.minion_data(id).is_ok_and(|data| data.is_some())
            && !presence.is_connected(id);
        let silence = if gone { report::Silence::NotConnected } else { report::Silence::NoResponse };
        report::silent_return(silence, jid.as_str())
    }

    /// Publishes `saltutil.find_job` to minions that have not returned; its jid.
    pub(super) fn ask_who_works(&self, ids: Vec<String>, jid: &Jid) -> Option<String> {
        let question = map! {
            "tgt" => Value::list(ids),
            "tgt_type" => "list",
            "fun" => "saltutil.find_job",
            "arg" => Value::list([jid.as_str()]),
        };
        self.publish(question).ok()?.str("jid").map(str::to_owned)
    }
}

fn unreadable(error: impl std::fmt::Display) -> Fault {
    Fault::execution(format!("the job cache cannot be read: {error}"))
}

impl MasterServices for Services {
    fn publish(&self, load: Map) -> Result<Map, Fault> {
        self.publish_as(self.command(load)?)
    }

    fn publish_and_wait(&self, mut load: Map, timeout: Duration) -> Result<Map, Fault> {
        let gather =
            load.remove("gather_job_timeout").or_else(|| self.master.opts.get("gather_job_timeout").cloned());
        let gather = gather.and_then(|seconds| u64::try_from(seconds.as_int()?).ok()).unwrap_or(10);
        let patience = Patience { timeout, gather: Duration::from_secs(gather) };
        // Those that stay silent are told of only when somebody asks: `{"expect_minions"?, "verbose"?, …}`.
        let told = load.remove("silent");
        let wants = |name: &str| told.as_ref().and_then(|told| told.get(name)).is_some_and(Value::truthy);
        let mut command = self.command(load)?;
        // Our own jid, so that we listen before anybody can answer.
        let jid = self.master.new_jid();
        let mut events = self.master.bus.subscribe(Filter::prefix("salt/job/"));
        let jid = command.jid.get_or_insert(jid).clone();
        let published = match self.publish_as(command) {
            // Salt: nobody is meant, so nobody answers. Its client prints so.
            Err(Fault::Execution { text, .. }) if text.starts_with(jobs::NOBODY) => {
                self.say(report::NO_MINIONS_MATCHED.to_owned());
                return Ok(Map::new());
            }
            published => published?,
        };
        let ids = |key: &str| -> Vec<String> {
            let ids = published.get(key).and_then(Value::as_list).unwrap_or_default();
            ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        let header = report::job_header(jid.as_str(), wants("verbose"), wants("show_jid"));
        if !header.is_empty() {
            self.say(header);
        }
        let mut watch = Watch::new(jid.as_str(), ids("minions"), ids("missing"), patience, Instant::now());
        let mut returns = Map::new();
        loop {
            while let Some(step) = watch.poll() {
                match step {
                    Step::Returned { id, load } => {
                        let mut kept = map! { "ret" => load.get("return").cloned().unwrap_or_default() };
                        let also = ["out", "retcode", "success"];
                        kept.extend(also.into_iter().filter_map(|key| Some((key, load.get(key)?.clone()))));
                        kept.insert("jid", jid.as_str());
                        returns.insert(id, kept);
                    }
                    Step::Ask(ids) => watch.asked(self.ask_who_works(ids, &jid), Instant::now()),
                    Step::Silent { .. } if told.is_none() => {}
                    Step::Silent { id, last_seen_as } => {
                        let expected = ["expect_minions", "verbose", "show_timeout"].into_iter().any(wants);
                        let told = last_seen_as == LastSeen::Missing || expected;
                        returns.insert(&id, if told { self.silence(&id, &jid) } else { false.into() });
                    }
                    Step::Refused | Step::Done => return Ok(returns),
                }
            }
            let now = Instant::now();
            let Some(deadline) = watch.poll_timeout() else { return Ok(returns) };
            match self.runtime.block_on(events.next_within(deadline.saturating_duration_since(now))) {
                Some(event) => watch.handle_event(&event.tag, &event.data, Instant::now()),
                // The bus is gone: the master stops.
                None if Instant::now() < deadline => return Ok(returns),
                None => watch.handle_timeout(Instant::now()),
            }
        }
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        self.master.fire(tag, data);
        Ok(())
    }

    fn watch(&self, limit: Duration, look: &mut dyn FnMut(&str, &Map) -> bool) -> Result<bool, Fault> {
        let mut events = self.master.bus.subscribe(Filter::prefix(""));
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.runtime.block_on(events.next_within(left)) {
                Some(event) if look(&event.tag, &event.data) => return Ok(true),
                Some(_) if Instant::now() < deadline => {}
                _ => return Ok(false),
            }
        }
    }

    fn connected(&self) -> Vec<String> {
        let accepted = self.master.key_store.accepted_ids();
        let accepted: std::collections::HashSet<&String> = accepted.iter().collect();
        self.master.presence.connected().into_iter().filter(|id| accepted.contains(id)).collect()
    }

    fn address_of(&self, id: &str) -> Option<String> {
        self.master.presence.address_of(id).map(|address| address.to_string())
    }

    fn keys(&self) -> Map {
        let dirs = self.master.key_store.dirs();
        let ids = |state| Value::list(dirs.ids_of(state));
        map! {
            "accepted" => ids(KeyState::Accepted),
            "pending" => ids(KeyState::Pending),
            "rejected" => ids(KeyState::Rejected),
            "denied" => ids(KeyState::Denied),
        }
    }

    fn keys_changed(&self, act: &'static str, ids: &[String]) -> Result<(), Fault> {
        let changes: Vec<Change> = ids.iter().map(|id| Change { id: id.clone(), act }).collect();
        if act == "accept" {
            key_changes::tell(&self.master, &changes);
        } else {
            // Also where nothing fitted, as in Salt: a rotation costs little.
            key_changes::removed(&self.master, &changes, None);
        }
        Ok(())
    }

    fn make_token(&self, load: Map) -> Result<Map, Fault> {
        let caller = Caller::parse(&load);
        let expire = load.get("token_expire").and_then(Value::as_float);
        let made = self.runtime.block_on(identify::make_token(&self.master, &caller, expire, "a runner"));
        Ok(made.and_then(|made| made.as_map().cloned()).unwrap_or_default())
    }

    fn revoke_token(&self, token: &str) -> Result<bool, Fault> {
        Ok(self.master.user_tokens.revoke(token))
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
        let minions = self.master.store.job_minions(jid).map_err(unreadable)?;
        if !minions.is_empty() {
            load.insert("Minions", Value::list(minions));
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

    fn compile_pillar(
        &self,
        id: &str,
        grains: &Map,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
    ) -> Result<Map, Fault> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let request = Request { saltenv: text(saltenv), pillarenv: text(pillarenv), ..Request::default() };
        Ok(self.master.pillars.compile(id, grains, &request).pillar.clone())
    }

    fn pillar_top(&self, id: &str, grains: &Map, saltenv: &str) -> Result<Value, Fault> {
        let request = Request { saltenv: Some(saltenv.to_owned()), ..Request::default() };
        let (top, errors) = self.master.pillars.show_top(id, grains, &request);
        Ok(if errors.is_empty() { top.into() } else { Value::list(errors) })
    }

    fn match_minions(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault> {
        let selection = targets::matching(&self.master, tgt, tgt_type, DEFAULT_DELIMITER, Greedy::Yes);
        Ok(selection.map_err(Fault::execution)?.minions)
    }

    fn match_surely(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault> {
        let selection = targets::matching(&self.master, tgt, tgt_type, DEFAULT_DELIMITER, Greedy::No);
        Ok(selection.map_err(Fault::execution)?.minions)
    }

    fn files(&self) -> &dyn FileClient {
        self.files.get_or_init(|| {
            // Asked anew each time: a runner wants to see what was changed just now.
            let source = Arc::new(LocalSource::from_opts(&self.master.opts));
            Files::from_opts(source, &self.master.opts)
        })
    }

    fn execute(&self, fun: &str, call: Call, with_pillar: bool) -> Result<Executed, Fault> {
        let registry = crate::builtin::execution_modules();
        let here = OnHost { services: self };
        let pillar = if with_pillar {
            MinionServices::compile_pillar(&here, None, None, &Map::new())?
        } else {
            Map::new()
        };
        let mut published = map! { "fun" => fun };
        if !self.user.is_empty() {
            published.insert("user", self.user.as_str());
        }
        let context = Context::new(Scope {
            opts: &self.master.opts,
            grains: Late::Later(self),
            pillar: (&pillar).into(),
            published: &published,
            registry: &registry,
            host: &RealHost,
            minion: &here,
            master: self,
        });
        let value = context.call(fun, call)?;
        Ok(Executed { value, retcode: context.retcode() })
    }

    fn wheel_docs(&self) -> Result<Map, Fault> {
        Ok(crate::builtin::wheel().docs())
    }

    fn update_files(&self) -> Result<(), Fault> {
        super::file_events::update(&self.master)?;
        Ok(())
    }

    fn reactor(&self, look: &mut dyn FnMut(&mut Value, &mut bool) -> Value) -> Result<Value, Fault> {
        super::reactor::with(&self.master, look)
    }

    fn forget(&self, id: &str, what: &Forget) -> Result<(), Fault> {
        let id = MinionId::parse(id).map_err(|error| Fault::invocation(error.to_string()))?;
        let unwritable = |error| Fault::execution(format!("the cache cannot be written: {error}"));
        let store = &self.master.store;
        if (what.grains || what.pillar)
            && let Some(mut data) = store.minion_data(id.as_str()).map_err(unreadable)?
        {
            for (part, wanted) in [("grains", what.grains), ("pillar", what.pillar)] {
                if wanted {
                    data.insert(part, Map::new());
                }
            }
            store::wait(store.save_minion_data(&id, &data)).map_err(unwritable)?;
        }
        if what.mine {
            store::wait(store.flush_mine(&id)).map_err(unwritable)?;
        }
        if let Some(fun) = &what.mine_function {
            store::wait(store.delete_mine(&id, fun)).map_err(unwritable)?;
        }
        Ok(())
    }
}

/// Grains of the master's host, for execution modules that look at them.
impl Source for Services {
    fn map(&self) -> &Map {
        self.grains.get_or_init(|| crate::grains::load(&RealHost, &self.master.opts, false))
    }
}

/// What execution modules are lent that run on the master's host: its files, and no other master.
struct OnHost<'a> {
    services: &'a Services,
}

impl MinionServices for OnHost<'_> {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        Nowhere.request(load, timeout)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        match tag {
            // `event.send` and its like: an event for the master.
            "fire_master" => match data.str("tag") {
                Some(tag) => {
                    let inner = data.get("data").and_then(Value::as_map).cloned().unwrap_or_default();
                    self.services.fire(tag, inner)
                }
                None => Ok(()),
            },
            _ => self.services.fire(tag, data),
        }
    }

    fn files(&self) -> &dyn FileClient {
        MasterServices::files(self.services)
    }

    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        Ok(Files::here(opts))
    }

    fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Result<Map, Fault> {
        let request = Request {
            saltenv: saltenv.map(str::to_owned),
            pillarenv: pillarenv.map(str::to_owned),
            overrides: overrides.clone(),
            ..Request::default()
        };
        let master = &self.services.master;
        Ok(master.pillars.compile(&master.options.id, self.services.map(), &request).pillar.clone())
    }
}
