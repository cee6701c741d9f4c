//! Brings returns to a master: written down first, then sent, and again after growing waits until the master has
//! them. Salt: minion.py (`_return_pub`), which gives up after `return_retry_tries`.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::backoff::{Backoff, random_unit};
use super::spool::{Adopt, Spool};
use crate::config::Opts;
use crate::host::tasks;
use crate::log::{debug, error, warn};
use crate::map;
use crate::transport::master_channel::{MasterChannel, Patience, RequestError};
use crate::value::msgpack::Reading;
use crate::value::{Map, Value};

/// Returns on their way at the same time.
const MOST_IN_FLIGHT: usize = 4;
/// Returns kept in memory while they wait; the others are read from disk again.
const MOST_IN_MEMORY: usize = 64;
/// How often a return is sent again that the master takes but fails to work with.
const MOST_FAILURES: u32 = 8;
/// Returns up to this many octets every master takes.
const SURELY_TAKEN: u64 = 64 << 20;
/// Tries of a return that is bigger.
const TRIES_OF_BIG: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A job process that outlived its daemon writes its return down by itself: look for such this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// A younger file still is in its writer's hands.
const LEAST_AGE: Duration = Duration::from_secs(5);

/// A return to be sent.
#[derive(Debug)]
pub struct Item {
    /// Where it is written down; `None` if the disk did not take it.
    path: Option<PathBuf>,
    /// The load, unless it has to be read from there.
    load: Option<Map>,
    failures: u32,
}

impl Item {
    /// A fresh return, written down at `path` unless the disk did not take it.
    pub fn new(path: Option<PathBuf>, load: Map) -> Self {
        Item { path, load: Some(load), failures: 0 }
    }
}

enum Order {
    Send(Item),
    /// The master seems to be there again.
    Poke,
    /// Tell when nothing is left that could be sent now.
    Flush(oneshot::Sender<()>),
}

/// The way to the task that sends.
#[derive(Clone)]
pub struct Returner {
    orders: mpsc::Sender<Order>,
}

impl Returner {
    /// Starts the task. It ends when the last `Returner` is dropped.
    pub fn start(channel: MasterChannel, spool: Spool, opts: &Opts, adopt: Adopt) -> Self {
        let (orders, receiver) = mpsc::channel(256);
        let task = Task {
            channel,
            spool,
            patience: patience(opts),
            adopt,
            waiting: VecDeque::new(),
            in_flight: JoinSet::new(),
            known: HashSet::new(),
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            not_before: Instant::now(),
        };
        tasks::spawn(task.run(receiver));
        Returner { orders }
    }

    /// Takes a return.
    pub async fn send(&self, item: Item) {
        if self.orders.send(Order::Send(item)).await.is_err() {
            debug!("the returner has ended: a return waits on disk for the next start");
        }
    }

    /// The master seems to be there again: do not wait any longer.
    pub fn poke(&self) {
        // A full queue means that it is at work anyway.
        let _ = self.orders.try_send(Order::Poke);
    }

    /// Waits until nothing is left that could be sent now, but no longer than `patience`.
    pub async fn flushed(&self, patience: Duration) {
        let (done, told) = oneshot::channel();
        let flush = async {
            if self.orders.send(Order::Flush(done)).await.is_ok() {
                let _ = told.await;
            }
        };
        let _ = tokio::time::timeout(patience, flush).await;
    }
}

/// `return_retry_timer` to `return_retry_timer_max` seconds, spread over a fleet.
fn patience(opts: &Opts) -> Patience {
    let first = opts.duration("return_retry_timer").max(Duration::from_secs(1));
    let most = opts.duration("return_retry_timer_max").max(first);
    let tries = u32::try_from(opts.int("return_retry_tries")).unwrap_or(1).max(1);
    Patience { timeout: first + (most - first).mul_f64(random_unit()), tries }
}

struct Task {
    channel: MasterChannel,
    spool: Spool,
    patience: Patience,
    adopt: Adopt,
    waiting: VecDeque<Item>,
    in_flight: JoinSet<Outcome>,
    /// Files of what is in `waiting` or in flight.
    known: HashSet<PathBuf>,
    backoff: Backoff,
    not_before: Instant,
}

/// What became of one try.
enum Outcome {
    /// The master has it, or there is nothing to be sent.
    Done(Option<PathBuf>),
    Later(Item, String),
}

impl Task {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        // What an earlier daemon left behind is in nobody's hands.
        self.look_on_disk(Duration::ZERO).await;
        let mut look = tokio::time::interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        let mut flushes = Vec::new();
        loop {
            self.start_some();
            if self.in_flight.is_empty() {
                // Nothing in flight: what is left has to wait for the master.
                flushes.drain(..).for_each(|done: oneshot::Sender<()>| done.send(()).unwrap_or_default());
            }
            let held_back = !self.waiting.is_empty() && self.in_flight.len() < MOST_IN_FLIGHT;
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Send(item)) => self.take(item),
                    Some(Order::Poke) => self.hurry(),
                    Some(Order::Flush(done)) => {
                        self.hurry();
                        flushes.push(done);
                    }
                    None => return,
                },
                Some(outcome) = self.in_flight.join_next() => self.judge(outcome),
                () = tokio::time::sleep_until(self.not_before), if held_back => {}
                _ = look.tick() => self.look_on_disk(LEAST_AGE).await,
            }
        }
    }

    fn hurry(&mut self) {
        self.backoff.reset();
        self.not_before = Instant::now();
    }

    fn take(&mut self, mut item: Item) {
        if let Some(path) = &item.path {
            if !self.known.insert(path.clone()) {
                return;
            }
            if self.waiting.len() >= MOST_IN_MEMORY {
                item.load = None;
            }
        }
        self.waiting.push_back(item);
    }

    fn start_some(&mut self) {
        while self.in_flight.len() < MOST_IN_FLIGHT && Instant::now() >= self.not_before {
            let Some(item) = self.waiting.pop_front() else { return };
            self.in_flight.spawn(deliver(self.channel.clone(), self.patience, item));
        }
    }

    fn judge(&mut self, outcome: Result<Outcome, JoinError>) {
        match outcome {
            Ok(Outcome::Done(path)) => {
                if let Some(path) = path {
                    self.known.remove(&path);
                }
                self.backoff.reset();
            }
            Ok(Outcome::Later(item, why)) => {
                let wait = self.backoff.wait(random_unit());
                warn!(
                    "The minion failed to return the job information, it is kept and sent again in {:.1} seconds: {why}",
                    wait.as_secs_f32()
                );
                self.not_before = Instant::now() + wait;
                self.waiting.push_front(item);
            }
            Err(problem) => {
                error!("a return got lost on its way and waits on disk for the next start: {problem}")
            }
        }
    }

    async fn look_on_disk(&mut self, least_age: Duration) {
        let spool = self.spool.clone();
        let listed = tasks::blocking(move || spool.list(least_age)).await.unwrap_or_default();
        for path in listed {
            if self.adopt.takes(&path) && self.known.insert(path.clone()) {
                self.waiting.push_back(Item { path: Some(path), load: None, failures: 0 });
            }
        }
    }
}

async fn deliver(channel: MasterChannel, patience: Patience, mut item: Item) -> Outcome {
    let load = match (item.load.take(), &item.path) {
        (Some(load), _) => load,
        (None, Some(path)) => {
            let from = path.clone();
            match tasks::blocking(move || Spool::read(&from)).await.ok().flatten() {
                Some(load) => load,
                None => return Outcome::Done(item.path),
            }
        }
        (None, None) => return Outcome::Done(None),
    };
    let jid = load.str("jid").unwrap_or_default();
    let why = match channel.request(&load, patience, Reading::Wire).await {
        // salt-wire.md §6.3: what a handler that raised is answered with.
        Ok(Value::Text(text)) if text.is_empty() => {
            item.failures += 1;
            format!("the master failed to take the return of job {jid}")
        }
        Ok(Value::Bool(false)) => {
            error!("The master refused the return of job {jid}: does it require signed returns?");
            return done(item.path).await;
        }
        // A map is not sealed (it is a pillar): nobody knows who sent it.
        Ok(Value::Map(_)) => {
            item.failures += 1;
            "the answer to a return is none".to_owned()
        }
        Ok(_) => return done(item.path).await,
        Err(error @ RequestError::Refused { .. }) => {
            item.failures += 1;
            error.to_string()
        }
        Err(error) => {
            // A connection that ends by itself is tried again for ever, one that this return ends is not.
            let octets =
                item.path.as_ref().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |file| file.len());
            if octets > SURELY_TAKEN {
                item.failures += 1;
                if item.failures == TRIES_OF_BIG {
                    error!(
                        "The return of job {jid} is too big for the master and is replaced by a note: {error}"
                    );
                    item.load = Some(too_big(load, octets));
                    return Outcome::Later(item, "the return is too big".to_owned());
                }
            }
            error.to_string()
        }
    };
    if item.failures >= MOST_FAILURES {
        error!("The return of job {jid} is given up after {MOST_FAILURES} tries: {why}");
        return done(item.path).await;
    }
    if let Some(path) = item.path.clone() {
        let hardened = tasks::blocking(move || Spool::harden(&path)).await;
        if let Ok(Err(problem)) = hardened {
            warn!("the return of job {jid} may not survive a power cut: {problem}");
        }
    }
    item.load = Some(load);
    Outcome::Later(item, why)
}

/// What is sent in the place of a return that no master takes.
fn too_big(mut load: Map, octets: u64) -> Map {
    let text = format!(
        "ERROR: this return has {octets} octets, more than the master takes, and was not sent. Write it into a file and \
         fetch that, for example with cp.push."
    );
    load.extend(map! { "return" => text, "success" => false, "retcode" => 1 });
    load
}

async fn done(path: Option<PathBuf>) -> Outcome {
    if let Some(path) = path.clone() {
        let _ = tasks::blocking(move || Spool::remove(&path)).await;
    }
    Outcome::Done(path)
}
