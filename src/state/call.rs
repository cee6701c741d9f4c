//! One chunk is called: verified, its arguments bound, its conditions asked, its function run, its return completed.
//! Salt: state.py (`State.verify_data`, `State.call`), utils/args.py (`format_call`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::keywords::{self, is_internal};
use super::outcome::{Watch, map_of, raised};
use super::retry::{self, Retry};
use super::run::Run;
use super::tag::{field, first};
use super::{check, no_log, slots, told};
use crate::loader::{Context, Fault, Param, Running, State, StateReturn, States};
use crate::map;
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::patterns::Glob;
use crate::value::{Map, Value, nearest, repr, str_of};

/// A file of states and one of its functions, or why there is none.
pub(super) type Found = Result<(&'static States, &'static State), String>;

/// The function of a chunk.
pub(super) fn find(cx: &Context, module: &str, fun: &str) -> Found {
    let states = || cx.registry.states().iter().filter(|states| states.provides == module);
    if fun == "mod_watch" {
        let found = states().find(|states| (states.available)(cx).is_ok());
        if let Some((states, state)) = found.and_then(|states| Some((*states, states.mod_watch?))) {
            return Ok((states, state));
        }
    }
    cx.registry.state(cx, module, fun).map_err(|fault| {
        let reason = fault.to_string();
        let there = states().any(|states| (states.available)(cx).is_ok());
        if there || reason.is_empty() {
            format!("'{module}.{fun}' is not available.")
        } else {
            format!("'{module}' __virtual__ returned False: {reason}")
        }
    })
}

/// The function of a state that was probably meant.
fn near_function(cx: &Context, wanted: &str) -> Option<String> {
    let states = cx.registry.states().iter().filter(|states| (states.available)(cx).is_ok());
    let names: Vec<String> = states
        .flat_map(|states| states.functions.iter().map(|state| format!("{}.{}", states.provides, state.name)))
        .collect();
    nearest(wanted, &mut names.iter().map(String::as_str)).map(str::to_owned)
}

/// Every mistake in a chunk, in Salt's words; none when it can be called.
pub fn verify_chunk(cx: &Context, low: &Map) -> Vec<String> {
    let found = find(cx, field(low, "state"), field(low, "fun"));
    verify(cx, low, &found)
}

fn verify(cx: &Context, low: &Map, found: &Found) -> Vec<String> {
    let mut errors = Vec::new();
    for key in ["state", "fun", "name"] {
        if !low.contains(key) {
            errors.push(format!("Missing \"{key}\" data"));
        }
    }
    let sls = low.get("__sls__").map(str_of);
    if let Some(name) = low.get("name").filter(|name| name.truthy() && !matches!(name, Value::Text(_))) {
        let place = sls.as_ref().map(|sls| format!("in SLS '{sls}' ")).unwrap_or_default();
        errors.push(format!(
            "ID '{}' {place}is not formed as a string, but is a {}",
            str_of(name),
            name.type_name()
        ));
    }
    if let Some(umask) = low.get("umask")
        && mask(umask).is_none()
    {
        errors.push(format!("Invalid umask: {}", str_of(umask)));
    }
    if !errors.is_empty() {
        return errors;
    }
    let full = || format!("{}.{}", field(low, "state"), field(low, "fun"));
    match (found, sls) {
        (Err(reason), Some(sls)) => {
            errors.push(format!("State '{}' was not found in SLS '{sls}'", full()));
            errors.push(format!("Reason: {reason}"));
            if reason.ends_with("' is not available.")
                && let Some(near) = near_function(cx, &full())
            {
                // Salt does not say this.
                errors.push(format!("did you mean '{near}'?"));
            }
        }
        (Err(_), None) => errors.push(format!("Specified state '{}' was not found", full())),
        (Ok((_, state)), _) => {
            for param in state.params {
                if let Param::Required(name) = param
                    && !low.contains(name)
                {
                    errors.push(format!("Missing parameter {name} for state {}", full()));
                }
            }
        }
    }
    requires_itself(low, found, &mut errors);
    errors
}

fn requires_itself(low: &Map, found: &Found, errors: &mut Vec<String>) {
    let watches = low.contains("watch") && found.as_ref().is_ok_and(|(states, _)| states.mod_watch.is_some());
    let kinds: &[&str] = if watches { &["watch"] } else { &["require", "watch"] };
    for item in kinds.iter().filter_map(|kind| low.get(kind)?.as_list()).flatten() {
        let Some((module, pattern)) = item.as_map().and_then(first) else { continue };
        let (Some(module), Some(pattern)) = (module.as_str(), pattern.as_str()) else { continue };
        if module != field(low, "state") {
            continue;
        }
        let glob = Glob::new(pattern);
        if glob.matches(field(low, "name")) || glob.matches(field(low, "__id__")) {
            errors.push(format!(
                "Recursive require detected in SLS {} for require {} in ID {}",
                field(low, "__sls__"),
                str_of(item),
                field(low, "__id__")
            ));
        }
    }
}

/// `umask: 022`, as octal digits.
fn mask(umask: &Value) -> Option<u32> {
    let text = str_of(umask);
    let digits = text.trim().trim_start_matches("0o");
    u32::from_str_radix(digits, 8).ok()
}

fn names(state: &State, name: &str) -> bool {
    state.params.iter().any(|param| match param {
        Param::Required(own) | Param::Optional(own, _) => *own == name,
        Param::Rest(_) | Param::Keywords(_) | Param::Only(_) => false,
    })
}

fn takes_any(state: &State) -> bool {
    state.params.iter().any(Param::is_open)
}

/// Words of a chunk that a misprint made, with the word that was meant: neither the engine nor its function names them.
/// A function that takes any word may want one that is like no other.
pub(super) fn misprints(cx: &Context, low: &Map) -> Vec<(String, Option<&'static str>)> {
    let Ok((_, state)) = find(cx, field(low, "state"), field(low, "fun")) else { return Vec::new() };
    let own = state.params.iter().filter_map(|param| match param {
        Param::Required(name) | Param::Optional(name, _) => Some(*name),
        _ => None,
    });
    let known: Vec<&'static str> = own.chain(keywords::declared()).collect();
    let words = low.keys().filter_map(Value::as_str).filter(|word| !word.starts_with("__"));
    words
        .filter(|word| !known.contains(word) && !is_internal(word))
        .map(|word| (word.to_owned(), nearest(word, &mut known.iter().copied())))
        .filter(|(word, meant)| !takes_any(state) || (meant.is_some() && word.len() > 4))
        .collect()
}

/// The arguments of a state function: what it names, and with `**kwargs` what is not the engine's.
fn arguments(state: &State, low: &Map) -> Result<Map, Fault> {
    let open = takes_any(state);
    let (mut kwargs, mut extra) = (Map::new(), Vec::new());
    for (key, value) in low {
        let name = key.as_str().unwrap_or_default();
        if names(state, name) {
            kwargs.insert(key.clone(), value.clone());
        } else if !is_internal(name) {
            if open {
                kwargs.insert(key.clone(), value.clone());
            } else if name != "__reqs__" {
                extra.push(str_of(key));
            }
        }
    }
    let full = || format!("{}.{}", field(low, "state"), field(low, "fun"));
    match extra.as_slice() {
        [] => Ok(kwargs),
        [one] => Err(Fault::invocation(format!("'{one}' is an invalid keyword argument for '{}'", full()))),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|name| format!("'{name}'")).collect();
            Err(Fault::invocation(format!(
                "{} and '{last}' are invalid keyword arguments for '{}'",
                most.join(", "),
                full()
            )))
        }
    }
}

/// Everything that running one chunk takes, in the run or beside it.
pub(super) struct Prepared<'p> {
    pub state: &'static State,
    pub kwargs: &'p Map,
    pub low: &'p Map,
    pub lowstate: &'p [Map],
    pub results: &'p Map,
}

impl Prepared<'_> {
    /// Runs the function.
    ///
    /// # Errors
    /// What it raises; a panic, too.
    pub(super) fn run(&self, cx: &Context) -> Result<Map, Fault> {
        let mut outcome = Ok(StateReturn::default());
        no_log::quietly(self.low, &mut || {
            outcome = catch_unwind(AssertUnwindSafe(|| self.try_run(cx))).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                Err(Fault::exception("panic", text))
            });
        });
        outcome.map(|outcome| map_of(field(self.low, "state"), self.state.name, outcome))
    }

    /// The same, where what is raised is a failed state.
    pub(super) fn finished(&self, cx: &Context) -> Map {
        let name = || self.low.get("name").cloned().unwrap_or_default();
        let mut ret = self.run(cx).unwrap_or_else(|fault| raised(name(), &fault));
        no_log::hide(self.low, &mut ret);
        ret
    }

    fn try_run(&self, cx: &Context) -> Result<StateReturn, Fault> {
        let mut kwargs = self.kwargs.clone();
        slots::fill(cx, &mut kwargs)?;
        let args = self.state.bind(kwargs)?;
        let running = Running { cx, low: self.low, lowstate: self.lowstate, results: self.results };
        let before = self.low.get("umask").and_then(mask).map(|mask| cx.host.set_umask(mask));
        let outcome = (self.state.run)(&running, &args);
        if let Some(before) = before {
            cx.host.set_umask(before);
        }
        outcome
    }
}

/// What a call is asked for beside its chunk.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// With `test=True`, for a `prereq`; then it is no step of the run.
    pub prereq: bool,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

impl Run<'_, '_> {
    /// Calls a chunk: the completed return.
    ///
    /// # Errors
    /// [`Fault::Invocation`] where the state does not know an argument: that ends the run.
    pub(super) fn call(
        &mut self,
        low: &Map,
        lowstate: &std::sync::Arc<Vec<Map>>,
        how: How,
    ) -> Result<Map, Fault> {
        let watch = Watch::start(self.cx.host);
        told::begins(low, &watch);
        let found = self.find(field(low, "state"), field(low, "fun"));
        let errors = verify(&self.cx, low, &found);
        let (Ok((_, state)), true) = (&found, errors.is_empty()) else {
            let comment: String = errors.iter().map(|error| format!("{error}\n")).collect();
            let name = low.get("name").cloned().unwrap_or_default();
            let ret = map! {
                "result" => false,
                "name" => name,
                "changes" => Map::new(),
                "comment" => comment,
                "__run_num__" => self.next_run_num(),
            };
            told::outcome(&ret);
            return Ok(ret);
        };
        if !how.prereq {
            told::executes(low);
        }
        let kwargs = arguments(state, low)?;
        let before = self.cx.own_test();
        if how.prereq {
            self.cx.set_test(Some(true));
        }
        let name = low.get("name").cloned().unwrap_or_default();
        let mut called = Ok(Map::new());
        no_log::quietly(low, &mut || called = self.conditions(low, state, &kwargs, lowstate, how));
        let mut ret = called.unwrap_or_else(|fault| raised(name, &fault));
        no_log::hide(low, &mut ret);
        self.cx.set_test(before);
        if how.prereq {
            return Ok(ret);
        }
        ret.insert("__sls__", low.get("__sls__").cloned().unwrap_or_default());
        ret.insert("__run_num__", self.next_run_num());
        told::outcome(&ret);
        self.refresh(low, &ret);
        ret.insert("start_time", watch.start_time());
        ret.insert("duration", watch.duration(self.cx.host));
        told::completed(low, self.cx.host, &ret);
        ret.insert("__id__", low.get("__id__").cloned().unwrap_or_default());
        match low.get("retry") {
            Some(wanted) if !low.contains("parallel") => {
                let wanted = Retry::of(wanted);
                self.retry(low, lowstate, how, wanted, ret)
            }
            _ => Ok(ret),
        }
    }

    fn conditions(
        &mut self,
        low: &Map,
        state: &'static State,
        kwargs: &Map,
        lowstate: &std::sync::Arc<Vec<Map>>,
        how: How,
    ) -> Result<Map, Fault> {
        let skipped = if check::has_conditions(low) { check::conditions(&self.cx, low)? } else { None };
        let mut ret = match skipped {
            Some(ret) => ret,
            // What is raised is the end: `check_cmd` makes no success of it.
            None => self.run_function(low, state, kwargs, lowstate, how)?,
        };
        let own = || {
            let takes = state.params.iter().any(|param| matches!(param, Param::Optional("check_cmd", _)));
            takes && self.cx.registry.state(&self.cx, field(low, "state"), "mod_run_check_cmd").is_ok()
        };
        if low.contains("check_cmd") && !own() {
            check::check_cmd(&self.cx, low, &mut ret)?;
        }
        Ok(ret)
    }

    fn run_function(
        &mut self,
        low: &Map,
        state: &'static State,
        kwargs: &Map,
        lowstate: &std::sync::Arc<Vec<Map>>,
        how: How,
    ) -> Result<Map, Fault> {
        let name = || low.get("name").cloned().unwrap_or_default();
        if self.mocked {
            return Ok(
                map! { "name" => name(), "comment" => "Not called, mocked", "changes" => Map::new(), "result" => true },
            );
        }
        if !globally_allowed(&self.cx, low) {
            let comment = "Failed to meet global state conditions. State not called.";
            return Ok(
                map! { "name" => name(), "comment" => comment, "changes" => Map::new(), "result" => Value::Null },
            );
        }
        if !how.prereq && low.get("parallel").is_some_and(Value::truthy) {
            self.start_beside(low, state, kwargs, lowstate);
            let comment = "Started in a separate process";
            return Ok(
                map! { "name" => name(), "result" => Value::Null, "changes" => Map::new(), "comment" => comment },
            );
        }
        Prepared { state, kwargs, low, lowstate, results: &self.results }.run(&self.cx)
    }

    fn retry(
        &mut self,
        low: &Map,
        lowstate: &std::sync::Arc<Vec<Map>>,
        how: How,
        wanted: Retry,
        mut ret: Map,
    ) -> Result<Map, Fault> {
        let comment = ret.get("comment").filter(|comment| comment.truthy()).map(str_of).unwrap_or_default();
        if self.cx.test() {
            // Salt quirk: what `unless` and its kin said is a list still.
            let comment = match ret.contains("skip_watch") {
                true => repr(&Value::list(comment.split('\n'))),
                false => comment,
            };
            ret.insert("comment", wanted.foretold(&comment));
            return Ok(ret);
        }
        if ret.get("result") == Some(&wanted.until.into()) || wanted.attempts <= how.attempt {
            return Ok(ret);
        }
        let interval = wanted.pause();
        crate::log::info!(
            "State result does not match retry until value, state will be re-run in {interval} seconds"
        );
        self.cx.host.sleep(retry::seconds(interval));
        let mut next = self.call(low, lowstate, How { attempt: how.attempt + 1, ..how })?;
        let said = next.get("comment").filter(|comment| comment.truthy()).map(str_of).unwrap_or_default();
        next.insert("comment", format!("{}\n{said}", retry::attempt(how.attempt, &ret)));
        let before = ret.get("duration").and_then(Value::as_float).unwrap_or_default();
        retry::add_duration(&mut next, before + (interval * 1_000) as f64);
        if how.attempt == 1
            && let Some(start) = ret.remove("start_time")
        {
            next.insert("start_time", start);
        }
        Ok(next)
    }
}

/// The option `global_state_conditions`: `{state, function or "*": compound targets}`.
fn globally_allowed(cx: &Context, low: &Map) -> bool {
    let Some(Value::Map(all)) = cx.opts.get("global_state_conditions") else { return true };
    let (module, fun) = (field(low, "state"), field(low, "fun"));
    let full = format!("{module}.{fun}");
    let mut asked = false;
    for (about, targets) in all {
        if !about.as_str().is_some_and(|about| about == "*" || about == full || about == module) {
            continue;
        }
        let targets = match targets {
            Value::List(targets) => targets.as_slice(),
            one => std::slice::from_ref(one),
        };
        let view = MinionView { id: cx.opt_str("id"), grains: cx.grains.map(), pillar: cx.pillar.map() };
        for target in targets {
            asked = true;
            let target = Target::parse(target, TargetType::Compound, &ParseOptions::default());
            if target.is_ok_and(|target| target.matches(&view)) {
                return true;
            }
        }
    }
    !asked
}
