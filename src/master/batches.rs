//! `publish_batch`: a job on so many minions at a time, carried out by the master, so that it goes on when the command
//! line that asked for it is gone. Who may is asked as for `publish`. Salt: cli/batch.py, where the command line does it.
//!
//! What happens is told on the bus: `salt/batch/<jid>/start`, `/turn`, `/ret/<id>` and `/done`; `/stop` starts nobody
//! any more. Every minion of the target has one return under the batch's own jid at the end: what it returned, or why
//! there is none.
//!
//! `<cachedir>/batches/<jid>` has a line for each turn, its jid and its minions, for as long as the batch runs. A master
//! that finds one at its start asks nobody anew, but waits for those who were asked and has a last word on the others.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::services::Services;
use super::{Master, jobs, store};
use crate::channel::commands::{ClearCommand, PublishCommand};
use crate::client::{Batch, BatchSize, LastSeen, Patience, Step, Watch};
use crate::event::{Filter, tags};
use crate::loader::{Fault, MasterServices};
use crate::map;
use crate::matchers::Selection;
use crate::names::{Jid, MinionId};
use crate::output::report::retcode_of;
use crate::value::{Map, Value, sort, str_of};

/// How the minions take turns: what stands in `kwargs` under `batch`.
struct Wishes {
    size: BatchSize,
    wait: Duration,
    failhard: bool,
    patience: Patience,
}

impl Wishes {
    fn parse(asked: &Value) -> Result<Self, String> {
        let seconds = |key: &str, default: f64| {
            let seconds = asked.get(key).and_then(Value::as_float).unwrap_or(default);
            Duration::try_from_secs_f64(seconds).unwrap_or_default()
        };
        let size = str_of(asked.get("size").unwrap_or(&Value::Null));
        Ok(Wishes {
            size: BatchSize::parse(&size).map_err(|bad| bad.to_string())?,
            wait: seconds("wait", 0.0),
            failhard: asked.get("failhard").is_some_and(Value::truthy),
            patience: Patience { timeout: seconds("timeout", 5.0), gather: seconds("gather", 10.0) },
        })
    }
}

/// Starts a batch of a caller who may: `{"jid": str, "minions": [id], "missing": [id]}`; the rest are events.
pub(super) fn start(master: &Arc<Master>, mut command: PublishCommand, to: Selection) -> Value {
    let failed = |error: String| jobs::clear(map! { "error" => error });
    let wishes = match Wishes::parse(&command.kwargs.remove("batch").unwrap_or_default()) {
        Ok(wishes) => wishes,
        Err(error) => return failed(error),
    };
    let Selection { mut minions, missing } = to;
    if minions.is_empty() {
        return jobs::clear(map! { "jid" => Value::Null, "minions" => Value::List(Vec::new()) });
    }
    let Ok(place) = master.running_runners.clone().try_acquire_owned() else {
        return failed("Too many runners and batches are running already: try again".to_owned());
    };
    sort::all(&mut minions);
    let jid = master.new_jid();
    let run = Run {
        services: Services::new(master.clone(), tokio::runtime::Handle::current()),
        master: master.clone(),
        jid: jid.clone(),
        command,
        wishes,
    };
    let started = minions.clone();
    match spawn(move || {
        run.carry_out(started);
        drop(place);
    }) {
        Ok(_) => jobs::clear(map! {
            "jid" => jid.as_str(), "minions" => Value::list(minions), "missing" => Value::list(missing),
        }),
        Err(error) => failed(format!("The batch could not be started: {error}")),
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("batch".to_owned()).spawn(work)
}

/// After a restart minions have to find the master again, which Python's take seconds for.
const AFTER_RESTART: Patience =
    Patience { timeout: Duration::from_secs(30), gather: Duration::from_secs(30) };

/// Ends the batches that the master before this one began.
pub(super) fn wind_up(master: &Arc<Master>) {
    for entry in fs::read_dir(notes(master)).into_iter().flatten().flatten() {
        let Ok(jid) = Jid::parse(&entry.file_name().to_string_lossy()) else { continue };
        let begun: Vec<Turn> = fs::read_to_string(entry.path())
            .unwrap_or_default()
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                Some((Jid::parse(words.next()?).ok()?, words.map(str::to_owned).collect()))
            })
            .collect();
        let load = master.store.load(jid.as_str()).ok().flatten().unwrap_or_default();
        let Ok(ClearCommand::Publish(command)) = ClearCommand::parse(load) else {
            // The master ended before the load was kept: nothing more is known of it.
            let _ = fs::remove_file(entry.path());
            continue;
        };
        let run = Run {
            services: Services::new(master.clone(), tokio::runtime::Handle::current()),
            master: master.clone(),
            jid,
            command: *command,
            wishes: Wishes {
                size: BatchSize::Percent(100.0),
                wait: Duration::ZERO,
                failhard: false,
                patience: AFTER_RESTART,
            },
        };
        if let Err(error) = spawn(move || run.wind_up(begun)) {
            crate::log::error!(%error, "a batch of the last master could not be ended");
        }
    }
}

fn notes(master: &Master) -> PathBuf {
    master.options.cachedir.join("batches")
}

/// The jid of a turn and its minions.
type Turn = (Jid, Vec<String>);

struct Run {
    master: Arc<Master>,
    services: Services,
    jid: Jid,
    command: PublishCommand,
    wishes: Wishes,
}

impl Run {
    fn carry_out(&self, minions: Vec<String>) {
        self.note("");
        self.remember(&minions);
        let (up, down) = match self.ping(minions) {
            Ok(found) => found,
            Err(fault) => {
                crate::log::error!(jid = self.jid.as_str(), %fault, "the minions of a batch could not be pinged");
                return self.done(map! { "error" => fault.to_string(), "retcode" => 1 });
            }
        };
        for id in &down {
            self.keep(id, &without("Minion did not return. [No response]"));
        }
        let (all, gone) = (Value::list(up.clone()), Value::list(down));
        self.tell("start", map! { "available_minions" => all.clone(), "down_minions" => gone.clone() });
        let batch = Batch::new(up, self.wishes.size, self.wishes.wait);
        if let Some(outcome) = self.take_turns(batch, Vec::new()) {
            self.end(outcome, all, gone);
        }
    }

    /// Waits for those who were asked before the master was restarted; nobody else is asked.
    fn wind_up(&self, mut begun: Vec<Turn>) {
        let all = self.master.store.job_minions(self.jid.as_str()).unwrap_or_default();
        let kept = self.master.store.returns(self.jid.as_str()).unwrap_or_default();
        for (_, ids) in &mut begun {
            ids.retain(|id| !kept.contains(id.as_str()));
        }
        begun.retain(|(_, ids)| !ids.is_empty());
        let asked = begun.iter().flat_map(|(_, ids)| ids.clone());
        let mut batch = Batch::new(asked, self.wishes.size, self.wishes.wait);
        let _ = batch.start(Instant::now());
        let Some(outcome) = self.take_turns(batch, begun) else { return };
        for id in &all {
            self.keep(id, &without("Minion was not asked: the master was restarted."));
        }
        self.end(outcome, Value::list(all), Value::List(Vec::new()));
    }

    fn end(&self, outcome: Outcome, available: Value, gone: Value) {
        let mut told = map! {
            "available_minions" => available, "down_minions" => gone, "done_minions" => Value::list(outcome.done),
            "timedout_minions" => Value::list(outcome.silent), "retcode" => outcome.retcode,
        };
        told.extend(outcome.error.map(|error| ("error", error)));
        self.done(told);
    }

    fn done(&self, told: Map) {
        let _ = fs::remove_file(notes(&self.master).join(self.jid.as_str()));
        self.tell("done", told);
    }

    /// A line for the next master.
    fn note(&self, line: &str) {
        let dir = notes(&self.master);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&dir)?;
            let mut file = fs::File::options().append(true).create(true).open(dir.join(self.jid.as_str()))?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        if let Err(error) = write() {
            crate::log::error!(jid = self.jid.as_str(), %error, "a turn of a batch could not be noted");
        }
    }

    fn tell(&self, what: &str, data: Map) {
        self.master.fire(&format!("salt/batch/{}/{what}", self.jid), data);
    }

    fn remember(&self, minions: &[String]) {
        let command = &self.command;
        let load = map! {
            "cmd" => "publish", "tgt" => command.tgt.clone(), "fun" => command.fun.clone(),
            "arg" => Value::List(command.arg.clone()), "tgt_type" => command.tgt_type.clone(),
            "ret" => command.ret.clone(), "jid" => self.jid.as_str(), "kwargs" => command.kwargs.clone(),
            "user" => command.caller.user.clone(),
        };
        if let Err(error) = store::wait(self.master.store.save_load(&self.jid, &load, minions)) {
            crate::log::error!(jid = self.jid.as_str(), %error, "a batch could not be remembered");
        }
    }

    /// The last word on a minion, under the jid of the batch.
    fn keep(&self, id: &str, ret: &Map) {
        let Ok(minion) = MinionId::parse(id) else { return };
        let mut ret = ret.clone();
        ret.insert("fun", self.command.fun.clone());
        ret.insert("id", id);
        if let Err(error) = store::wait(self.master.store.save_return(&self.jid, &minion, &ret)) {
            crate::log::error!(jid = self.jid.as_str(), minion = id, %error, "a return of a batch could not be kept");
        }
    }

    /// Who answers, and who does not.
    fn ping(&self, minions: Vec<String>) -> Result<(Vec<String>, Vec<String>), Fault> {
        let gather = i64::try_from(self.wishes.patience.gather.as_secs()).unwrap_or(10);
        let load = map! {
            "tgt" => Value::list(minions.clone()), "tgt_type" => "list", "fun" => "test.ping",
            "gather_job_timeout" => gather,
        };
        let answers = self.services.publish_and_wait(load, self.wishes.patience.timeout)?;
        Ok(minions.into_iter().partition(|id| answers.contains(id.as_str())))
    }

    /// `None` when the master stops.
    fn take_turns(&self, mut batch: Batch, begun: Vec<Turn>) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        let mut events = self.master.bus.subscribe(Filter::prefix("salt/"));
        let stop = format!("salt/batch/{}/stop", self.jid);
        let mut watches: Vec<Watch> = Vec::new();
        for (jid, ids) in begun {
            let now = Instant::now();
            let mut watch = Watch::new(jid.as_str(), ids, [], self.wishes.patience, now);
            for (id, load) in &self.master.store.returns(jid.as_str()).unwrap_or_default() {
                let Some(load) = load.as_map() else { continue };
                watch.handle_event(&tags::job_ret(&jid, str_of(id)), load, now);
            }
            watches.push(watch);
        }
        loop {
            let next = batch.start(Instant::now());
            if !next.is_empty() {
                self.tell("turn", map! { "minions" => Value::list(next.clone()) });
                match self.publish(next.clone()) {
                    Ok(watch) => watches.push(watch),
                    Err(fault) => {
                        next.iter().for_each(|id| self.missed(&mut batch, &mut outcome, id, true));
                        outcome.error = Some(fault.to_string());
                    }
                }
            }
            while let Some((at, step)) =
                watches.iter_mut().enumerate().find_map(|(at, watch)| Some((at, watch.poll()?)))
            {
                match step {
                    Step::Returned { id, load } => {
                        let retcode = retcode_of(&load.clone().into());
                        batch.ended(&id, Instant::now());
                        self.keep(&id, &load);
                        self.tell(&format!("ret/{id}"), load);
                        outcome.done.push(id);
                        outcome.retcode = outcome.retcode.max(retcode);
                        if retcode > 0 && self.wishes.failhard {
                            self.cut(&mut batch);
                        }
                    }
                    Step::Silent { id, last_seen_as } => {
                        self.missed(&mut batch, &mut outcome, &id, last_seen_as == LastSeen::Missing);
                    }
                    Step::Ask(ids) => {
                        let Some(watch) = watches.get_mut(at) else { continue };
                        let Ok(jid) = Jid::parse(watch.jid()) else { continue };
                        watch.asked(self.services.ask_who_works(ids, &jid), Instant::now());
                    }
                    Step::Refused | Step::Done => {
                        watches.remove(at);
                    }
                }
            }
            if watches.is_empty() {
                // Nobody is followed any longer: what was given up without a word.
                let rest: Vec<String> = batch.active().cloned().collect();
                rest.iter().for_each(|id| self.missed(&mut batch, &mut outcome, id, false));
            }
            if batch.is_done() {
                return Some(outcome);
            }
            let now = Instant::now();
            let until = watches.iter().filter_map(Watch::poll_timeout).chain(batch.poll_timeout()).min();
            let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            match self.services.block_on(events.next_within(wait)) {
                Some(event) if event.tag == stop => self.cut(&mut batch),
                Some(event) => {
                    let now = Instant::now();
                    watches.iter_mut().for_each(|watch| watch.handle_event(&event.tag, &event.data, now));
                }
                // The master stops.
                None if until.is_some_and(|until| Instant::now() < until) => return None,
                None => watches.iter_mut().for_each(|watch| watch.handle_timeout(Instant::now())),
            }
        }
    }

    /// Starts nobody any more.
    fn cut(&self, batch: &mut Batch) {
        for id in batch.cut() {
            self.keep(&id, &without("Minion was not asked: the batch was stopped."));
        }
    }

    fn missed(&self, batch: &mut Batch, outcome: &mut Outcome, id: &str, missing: bool) {
        batch.ended(id, Instant::now());
        self.keep(id, &without("Minion did not return. [No response]"));
        self.tell(&format!("ret/{id}"), map! { "id" => id, "missing" => missing });
        outcome.silent.push(id.to_owned());
    }

    fn publish(&self, ids: Vec<String>) -> Result<Watch, Fault> {
        let jid = self.master.new_jid();
        self.note(&format!("{jid} {}\n", ids.join(" ")));
        let command = PublishCommand {
            tgt: Value::list(ids.clone()),
            tgt_type: "list".to_owned(),
            jid: Some(jid.clone()),
            ..self.command.clone()
        };
        match self.services.publish_as(command) {
            Ok(_) => Ok(Watch::new(jid.as_str(), ids, [], self.wishes.patience, Instant::now())),
            Err(fault) => {
                crate::log::error!(jid = self.jid.as_str(), %fault, "a turn of a batch could not be published");
                Err(fault)
            }
        }
    }
}

#[derive(Default)]
struct Outcome {
    done: Vec<String>,
    silent: Vec<String>,
    retcode: i64,
    /// Why a turn could not be published.
    error: Option<String>,
}

fn without(why: &str) -> Map {
    map! { "return" => why, "success" => false, "retcode" => 1 }
}
