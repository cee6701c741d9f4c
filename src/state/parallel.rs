//! `parallel: True`: states that run beside the run, each on a thread of its own. Salt: state.py (`call_parallel`,
//! `reconcile_procs`), where each is a process.

use std::sync::Arc;
use std::thread::ScopedJoinHandle;

use super::call::Prepared;
use super::outcome::Watch;
use super::retry::{self, Retry};
use super::run::Run;
use super::tag::tag;
use crate::loader::{Context, Scope, State};
use crate::map;
use crate::value::{Map, Value, str_of};

/// The states that run beside the run, by their tags.
pub(super) type Beside<'t> = std::collections::HashMap<String, ScopedJoinHandle<'t, Map>>;

impl<'t, 'a> Run<'t, 'a> {
    pub(super) fn start_beside(
        &mut self,
        low: &Map,
        state: &'static State,
        kwargs: &Map,
        lowstate: &Arc<Vec<Map>>,
    ) {
        let scope: Scope<'a> = *self.cx;
        let (test, low, kwargs, lowstate) =
            (self.cx.own_test(), low.clone(), kwargs.clone(), Arc::clone(lowstate));
        let name = tag(&low);
        let thread = self.threads.spawn(move || {
            let cx = Context::new(scope);
            cx.set_test(test);
            let results = Map::new();
            let prepared =
                Prepared { state, kwargs: &kwargs, low: &low, lowstate: &lowstate, results: &results };
            run_beside(&cx, &prepared)
        });
        self.beside.insert(name, thread);
    }

    /// Waits for the states with these tags and puts their returns into the results.
    pub(super) fn join<'n>(&mut self, tags: impl Iterator<Item = &'n String>) {
        if self.beside.is_empty() {
            return;
        }
        for name in tags {
            let Some(thread) = self.beside.remove(name) else { continue };
            let ret = thread.join().unwrap_or_else(|_| {
                map! { "result" => false, "comment" => "Parallel process failed to return", "changes" => Map::new() }
            });
            if let Some(Value::Map(own)) = self.results.get_mut(name) {
                own.extend(ret);
            }
        }
    }

    /// Waits for all of them.
    pub(super) fn join_all(&mut self) {
        let tags: Vec<String> = self.beside.keys().cloned().collect();
        self.join(tags.iter());
    }
}

fn run_beside(cx: &Context, prepared: &Prepared) -> Map {
    let once = || {
        let watch = Watch::start(cx.host);
        let mut ret = prepared.finished(cx);
        ret.insert("start_time", watch.start_time());
        ret.insert("duration", watch.duration(cx.host));
        ret.insert("__parallel__", true);
        ret
    };
    let mut ret = once();
    let Some(wanted) = prepared.low.get("retry").map(Retry::of) else { return ret };
    if cx.test() {
        let comment = ret.get("comment").map(str_of).unwrap_or_default();
        ret.insert("comment", wanted.foretold(&comment));
        return ret;
    }
    let start = ret.get("start_time").cloned().unwrap_or_default();
    for number in 1..=wanted.attempts {
        if ret.get("result") == Some(&wanted.until.into()) {
            break;
        }
        let interval = wanted.pause();
        cx.host.sleep(retry::seconds(interval));
        let mut next = once();
        let said = if next.get("comment").is_some_and(Value::truthy) {
            retry::attempt(number, &next)
        } else {
            String::new()
        };
        let before = ret.get("comment").map(str_of).unwrap_or_default();
        next.insert("comment", format!("{before}\n{said}"));
        let earlier = ret.get("duration").and_then(Value::as_float).unwrap_or_default();
        retry::add_duration(&mut next, earlier + (interval * 1_000) as f64);
        next.insert("start_time", start.clone());
        ret = next;
    }
    ret
}
