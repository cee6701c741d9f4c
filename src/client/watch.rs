//! Waiting for a job: which minions are expected, who has answered, when to ask the others whether they still work,
//! and when to stop. Sans-io: events and the time come in, [`Step`]s go out. Salt: client/__init__.py
//! (`get_iter_returns`); salt-wire.md §10.3.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::value::{Map, Value};

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For returns before the minions are asked, and again for each that says it still works (`timeout`).
    pub timeout: Duration,
    /// For the answers to that question (`gather_job_timeout`).
    pub gather: Duration,
}

/// What the watch wants or tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A minion returned: the load of its return event (`return`, `retcode`, `out`, `success`, `jid` …).
    Returned { id: String, load: Map },
    /// Publish `saltutil.find_job` with the jid to these minions, then call [`Watch::asked`].
    Ask(Vec<String>),
    /// The master says that the job was refused.
    Refused,
    /// No answer will be waited for any longer from these.
    Silent { id: String, last_seen_as: LastSeen },
    /// Nothing more will come.
    Done,
}

/// What the minion's last word on the job was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastSeen {
    /// It never said anything.
    Nothing,
    /// It answered that it does not run this job.
    NotRunning,
    /// It answered that the job runs, as this process.
    Running { pid: Option<i64> },
    /// The master knows no accepted key of it.
    Missing,
}

/// One job that is waited for.
#[derive(Debug)]
pub struct Watch {
    jid: String,
    patience: Patience,
    expected: BTreeSet<String>,
    found: BTreeSet<String>,
    missing: BTreeSet<String>,
    /// Until when each minion may still work without being asked again.
    deadlines: BTreeMap<String, Instant>,
    said: BTreeMap<String, LastSeen>,
    /// When to ask, or to stop.
    timeout_at: Instant,
    /// Somebody may still work: ask (again) at `timeout_at`.
    working: bool,
    /// A question is being published.
    asking: bool,
    question: Option<String>,
    steps: VecDeque<Step>,
    done: bool,
}

impl Watch {
    /// Starts waiting for the returns of `minions`.
    pub fn new(
        jid: &str,
        minions: impl IntoIterator<Item = String>,
        missing: impl IntoIterator<Item = String>,
        patience: Patience,
        now: Instant,
    ) -> Self {
        let mut watch = Watch {
            jid: jid.to_owned(),
            patience,
            expected: minions.into_iter().collect(),
            found: BTreeSet::new(),
            missing: missing.into_iter().collect(),
            deadlines: BTreeMap::new(),
            said: BTreeMap::new(),
            timeout_at: now + patience.timeout,
            working: true,
            asking: false,
            question: None,
            steps: VecDeque::new(),
            done: false,
        };
        watch.settle(now);
        watch
    }

    /// The job.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// An event of the master's bus. Call [`Watch::poll`] afterwards until it gives `None`.
    pub fn handle_event(&mut self, tag: &str, data: &Map, now: Instant) {
        if self.done {
            return;
        }
        if below(tag, &self.jid).is_some() {
            self.job_event(tag, data);
        } else if self.question.as_deref().is_some_and(|question| below(tag, question).is_some()) {
            self.answer(tag, data, now);
        } else {
            return;
        }
        self.settle(now);
    }

    /// The time has come that [`Watch::poll_timeout`] named. Call [`Watch::poll`] afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// The question was published under `jid`, or could not be. Call [`Watch::poll`] afterwards.
    pub fn asked(&mut self, jid: Option<String>, now: Instant) {
        self.asking = false;
        self.question = jid;
        self.timeout_at = now + self.patience.gather;
        self.settle(now);
    }

    /// The next thing to do or to tell; ask again until `None`. After [`Step::Done`] there is nothing more.
    #[must_use]
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// When [`Watch::handle_timeout`] has to be called, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.done || self.asking {
            return None;
        }
        if self.working {
            return Some(self.timeout_at);
        }
        let last = self.outstanding().filter_map(|id| self.deadlines.get(id)).max().copied();
        Some(last.map_or(self.timeout_at, |last| last.max(self.timeout_at)))
    }

    /// Minions that are still waited for.
    pub fn outstanding(&self) -> impl Iterator<Item = &String> {
        self.expected.difference(&self.found)
    }

    fn job_event(&mut self, tag: &str, data: &Map) {
        // By the tag alone: in its own return and events a minion writes what it likes.
        match below(tag, &self.jid) {
            Some("error") => return self.steps.push_back(Step::Refused),
            Some("new") => {
                self.expected.extend(data.get("minions").into_iter().flat_map(texts));
                self.missing.extend(data.get("missing").into_iter().flat_map(texts));
                return;
            }
            Some(rest) if rest.starts_with("ret/") && data.contains("return") => {}
            _ => return,
        }
        // A minion repeats a return that was not acknowledged: the master announces it again, we tell it once.
        if let Some(id) = data.str("id")
            && self.found.insert(id.to_owned())
        {
            self.steps.push_back(Step::Returned { id: id.to_owned(), load: data.clone() });
        }
    }

    /// What a minion (or the master) says to the question whether the job still runs.
    fn answer(&mut self, tag: &str, data: &Map, now: Instant) {
        let is_new = self.question.as_deref().and_then(|question| below(tag, question)) == Some("new");
        if let Some(minions) = data.get("minions").filter(|_| is_new) {
            self.expected.extend(texts(minions));
            return;
        }
        let (Some(id), Some(answer)) = (data.str("id"), data.get("return")) else { return };
        if data.get("retcode").and_then(Value::as_int).is_some_and(|retcode| retcode > 0) {
            crate::log::error!("saltutil returning errors on minion {id}");
            self.expected.remove(id);
            return;
        }
        match answer {
            Value::Map(running) if !running.is_empty() && !empty_inner(running) => {
                let pid = running.get("pid").and_then(Value::as_int);
                self.said.insert(id.to_owned(), LastSeen::Running { pid });
                self.expected.insert(id.to_owned());
                self.deadlines.insert(id.to_owned(), now + self.patience.timeout);
                self.working = true;
            }
            Value::Map(_) => {
                self.said.insert(id.to_owned(), LastSeen::NotRunning);
            }
            other => crate::log::error!(
                "unexpected answer of minion {id} to saltutil.find_job: {}",
                other.type_name()
            ),
        }
    }

    /// Decides, after every change, whether to ask or to stop.
    fn settle(&mut self, now: Instant) {
        if self.done {
            return;
        }
        let outstanding: Vec<String> = self.outstanding().cloned().collect();
        if outstanding.is_empty() {
            self.finish(Vec::new());
            return;
        }
        for id in &outstanding {
            self.deadlines.entry(id.clone()).or_insert(now + self.patience.timeout);
        }
        if self.asking || now < self.timeout_at {
            return;
        }
        if self.working {
            self.working = false;
            self.asking = true;
            self.question = None;
            self.steps.push_back(Step::Ask(outstanding));
            return;
        }
        if outstanding.iter().all(|id| self.deadlines.get(id).is_none_or(|deadline| now >= *deadline)) {
            self.finish(outstanding);
        }
    }

    fn finish(&mut self, silent: Vec<String>) {
        self.done = true;
        let missing = std::mem::take(&mut self.missing);
        for id in silent {
            if !missing.contains(&id) {
                let last_seen_as = self.said.remove(&id).unwrap_or(LastSeen::Nothing);
                self.steps.push_back(Step::Silent { id, last_seen_as });
            }
        }
        for id in missing {
            if !self.found.contains(&id) {
                self.steps.push_back(Step::Silent { id, last_seen_as: LastSeen::Missing });
            }
        }
        self.steps.push_back(Step::Done);
    }
}

/// What follows `salt/job/<jid>/` in a tag.
fn below<'t>(tag: &'t str, jid: &str) -> Option<&'t str> {
    tag.strip_prefix("salt/job/")?.strip_prefix(jid)?.strip_prefix('/')
}

fn texts(value: &Value) -> impl Iterator<Item = String> + '_ {
    value.as_list().unwrap_or_default().iter().filter_map(Value::as_str).map(str::to_owned)
}

/// Salt: an answer `{"return": {}}` (through a syndic) says no, too.
fn empty_inner(running: &Map) -> bool {
    running.get("return").and_then(Value::as_map).is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    const JID: &str = "20260102030405678901";
    const QUESTION: &str = "20260102030410000000";

    struct Clock(Instant);

    impl Clock {
        fn at(&self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }
    }

    fn start(minions: &[&str]) -> (Watch, Clock) {
        let clock = Clock(Instant::now());
        let patience = Patience { timeout: Duration::from_secs(5), gather: Duration::from_secs(10) };
        let minions = minions.iter().map(|id| (*id).to_owned());
        (Watch::new(JID, minions, [], patience, clock.at(0)), clock)
    }

    fn returns(watch: &mut Watch, jid: &str, id: &str, value: impl Into<Value>, now: Instant) {
        let data = map! { "id" => id, "return" => value, "retcode" => 0, "jid" => jid };
        watch.handle_event(&format!("salt/job/{jid}/ret/{id}"), &data, now);
    }

    fn steps(watch: &mut Watch) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(step) = watch.poll() {
            told.push(match step {
                Step::Returned { id, .. } => format!("returned {id}"),
                Step::Ask(ids) => format!("ask {}", ids.join(" ")),
                Step::Refused => "refused".to_owned(),
                Step::Silent { id, last_seen_as } => format!("silent {id} {last_seen_as:?}"),
                Step::Done => "done".to_owned(),
            });
        }
        told
    }

    #[test]
    fn it_is_done_when_all_have_returned_and_each_is_told_once() {
        let (mut watch, clock) = start(&["a", "b"]);
        for id in ["a", "a", "b", "b"] {
            returns(&mut watch, JID, id, true, clock.at(1));
        }
        assert_eq!(steps(&mut watch), ["returned a", "returned b", "done"]);
        assert_eq!(watch.poll_timeout(), None);
    }

    #[test]
    fn the_silent_are_asked_after_the_timeout_and_given_up_after_the_gather_timeout() {
        let (mut watch, clock) = start(&["a", "b"]);
        returns(&mut watch, JID, "a", true, clock.at(1));
        assert_eq!(watch.poll_timeout(), Some(clock.at(5)));
        watch.handle_timeout(clock.at(5));
        assert_eq!(steps(&mut watch), ["returned a", "ask b"]);
        assert_eq!(watch.poll_timeout(), None);
        watch.asked(Some(QUESTION.to_owned()), clock.at(6));
        assert_eq!(watch.poll_timeout(), Some(clock.at(16)));
        watch.handle_timeout(clock.at(16));
        assert_eq!(steps(&mut watch), ["silent b Nothing", "done"]);
    }

    #[test]
    fn a_minion_that_still_works_is_waited_for_and_asked_again() {
        let (mut watch, clock) = start(&["a"]);
        watch.handle_timeout(clock.at(5));
        watch.asked(Some(QUESTION.to_owned()), clock.at(5));
        returns(&mut watch, QUESTION, "a", map! { "pid" => 4711, "fun" => "test.sleep" }, clock.at(6));
        assert_eq!(watch.poll_timeout(), Some(clock.at(15)));
        watch.handle_timeout(clock.at(15));
        assert_eq!(steps(&mut watch), ["ask a", "ask a"]);
        watch.asked(Some(QUESTION.to_owned()), clock.at(15));
        returns(&mut watch, QUESTION, "a", map! {}, clock.at(16));
        watch.handle_timeout(clock.at(25));
        assert_eq!(steps(&mut watch), ["silent a NotRunning", "done"]);
    }

    #[test]
    fn a_late_return_still_counts() {
        let (mut watch, clock) = start(&["a"]);
        watch.handle_timeout(clock.at(5));
        watch.asked(Some(QUESTION.to_owned()), clock.at(5));
        returns(&mut watch, JID, "a", "late", clock.at(14));
        assert_eq!(steps(&mut watch), ["ask a", "returned a", "done"]);
    }

    #[test]
    fn a_minion_whose_find_job_fails_is_no_longer_waited_for() {
        let (mut watch, clock) = start(&["a"]);
        watch.handle_timeout(clock.at(5));
        watch.asked(Some(QUESTION.to_owned()), clock.at(5));
        let failed = map! { "id" => "a", "return" => "no", "retcode" => 1 };
        watch.handle_event(&format!("salt/job/{QUESTION}/ret/a"), &failed, clock.at(6));
        assert_eq!(steps(&mut watch), ["ask a", "done"]);
    }

    #[test]
    fn the_announcement_adds_minions_and_names_those_without_a_key() {
        let (mut watch, clock) = start(&["a"]);
        let new = map! { "minions" => Value::list(["a", "b"]), "missing" => Value::list(["c"]) };
        watch.handle_event(&format!("salt/job/{JID}/new"), &new, clock.at(0));
        for id in ["a", "b"] {
            returns(&mut watch, JID, id, true, clock.at(1));
        }
        assert_eq!(steps(&mut watch), ["returned a", "returned b", "silent c Missing", "done"]);
    }

    #[test]
    fn events_of_other_jobs_and_refusals_are_told_apart() {
        let (mut watch, clock) = start(&["a"]);
        returns(&mut watch, "20260102030405678902", "a", true, clock.at(1));
        returns(&mut watch, &format!("{JID}9"), "a", true, clock.at(1));
        watch.handle_event(
            &format!("syndic/x/salt/job/{JID}/ret/a"),
            &map! { "return" => 1, "id" => "a" },
            clock.at(1),
        );
        assert_eq!(steps(&mut watch), Vec::<String>::new());
        watch.handle_event(&format!("salt/job/{JID}/error"), &map! { "error" => "no" }, clock.at(1));
        assert_eq!(steps(&mut watch), ["refused"]);
    }

    #[test]
    fn a_question_that_could_not_be_published_ends_as_if_nobody_had_answered() {
        let (mut watch, clock) = start(&["a"]);
        watch.handle_timeout(clock.at(5));
        watch.asked(None, clock.at(5));
        watch.handle_timeout(clock.at(15));
        assert_eq!(steps(&mut watch), ["ask a", "silent a Nothing", "done"]);
    }
}
