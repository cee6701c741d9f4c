//! A run: chunk after chunk, each after what it waits for. Salt: state.py (`call_chunks`, `call_chunk`).

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::thread;

use crate::log::error;

use super::call::{Found, How, find};
use super::chunks::Chunks;
use super::high::disabled;
use super::outcome::{has_changes, name_it, not_run, result_of, skipped};
use super::parallel::Beside;
use super::pause;
use super::requisite::{Status, Waited, item, items};
use super::tag::field;
use crate::loader::{Call, Context, Fault, MinionServices, Scope};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, MergeStrategy, Value, merge_maps, str_of};

/// Grains and pillars that were read anew in the middle of a run, for as long as the run lasts.
#[derive(Default)]
pub struct Reloads {
    here: OnceCell<Box<(Map, Reloads)>>,
}

impl Reloads {
    fn keep(&self, map: Map) -> &Map {
        let mut at = self;
        while let Some(next) = at.here.get() {
            at = &next.1;
        }
        &at.here.get_or_init(|| Box::new((map, Reloads::default()))).0
    }
}

/// What a run is told besides its states.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The job; with it the run can be paused, and tells of its progress.
    pub jid: Option<String>,
    /// States are not called, they all succeed.
    pub mocked: bool,
    /// What the call says of the pillar; a pillar that is compiled anew in the middle of the run has it, too.
    pub pillar: Map,
}

/// The pillar for these options, with what a call says of it on top. Salt: state.py (`State.__init__`, `_gather_pillar`).
///
/// # Errors
/// When the master does not answer.
pub fn compile_pillar(minion: &dyn MinionServices, opts: &Map, overrides: &Map) -> Result<Map, Fault> {
    let text = |name: &str| opts.get(name).filter(|value| value.truthy()).map(str_of);
    let mut pillar =
        minion.compile_pillar(text("saltenv").as_deref(), text("pillarenv").as_deref(), overrides)?;
    if !overrides.is_empty() {
        let lists = opts.get("pillar_merge_lists").is_some_and(Value::truthy);
        let strategy = match opts.str("pillar_source_merging_strategy") {
            Some("overwrite") => MergeStrategy::Overwrite,
            _ if lists => MergeStrategy::RecurseMergeLists,
            _ => MergeStrategy::Recurse,
        };
        merge_maps(&mut pillar, overrides.clone(), strategy);
    }
    Ok(pillar)
}

/// A run and what it has come to. It has a context of its own.
pub struct Run<'t, 'a> {
    pub cx: Context<'a>,
    pub(super) threads: &'t thread::Scope<'t, 'a>,
    reloads: &'a Reloads,
    jid: Option<String>,
    pub(super) mocked: bool,
    overrides: Map,
    run_num: i64,
    /// `{tag: return}` of chunks that were tried for a `prereq`.
    pub(super) pre: Map,
    /// `{tag: return}`.
    pub(super) results: Map,
    /// Chunks whose requisites are being run.
    active: HashSet<String>,
    pub(super) beside: Beside<'t>,
    /// By module, then by function.
    known: HashMap<String, Vec<(String, Found)>>,
    pub(super) disabled_requisites: Vec<String>,
    failed_hard: bool,
    /// How many chunks wait for each other.
    nested: usize,
}

impl<'t, 'a> Run<'t, 'a> {
    /// Nothing has run yet.
    pub fn new(
        scope: Scope<'a>,
        threads: &'t thread::Scope<'t, 'a>,
        reloads: &'a Reloads,
        options: &RunOptions,
    ) -> Self {
        let disabled_requisites = disabled(scope.opts);
        Run {
            cx: Context::new(scope),
            threads,
            reloads,
            jid: options.jid.clone(),
            mocked: options.mocked,
            overrides: options.pillar.clone(),
            run_num: 0,
            pre: Map::new(),
            results: Map::new(),
            active: HashSet::new(),
            beside: Beside::new(),
            known: HashMap::new(),
            disabled_requisites,
            failed_hard: false,
            nested: 0,
        }
    }

    /// Calls chunks: `{tag: return}`.
    ///
    /// # Errors
    /// When a state is given what it does not know, or a requisite cannot be read.
    pub fn call_chunks(&mut self, lows: Vec<Map>) -> Result<Map, Fault> {
        let mut disabled = Map::new();
        let lows = self.without_disabled(lows, &mut disabled);
        let before = std::mem::take(&mut self.results);
        let mut chunks = Chunks::new(lows);
        let ended = self.call_all(&mut chunks);
        self.join_all();
        let results = std::mem::replace(&mut self.results, before);
        // A run that failed hard does not tell of disabled states.
        if ended? {
            disabled = Map::new();
        }
        disabled.extend(results);
        Ok(disabled)
    }

    /// True when it was ended by `failhard`.
    fn call_all(&mut self, chunks: &mut Chunks) -> Result<bool, Fault> {
        for at in 0..chunks.len() {
            if std::mem::take(&mut self.failed_hard) {
                return Ok(true);
            }
            let Some(tag) = chunks.tags.get(at).filter(|tag| !self.results.contains(tag)).cloned() else {
                continue;
            };
            let low = chunks.low(at);
            if self.jid.as_ref().is_some_and(|jid| pause::killed(&self.cx, jid, field(low, "__id__"))) {
                break;
            }
            self.call_chunk(chunks, at, 0)?;
            if self.fails_hard(chunks.low(at), &tag) {
                return Ok(true);
            }
            self.active.clear();
        }
        Ok(false)
    }

    /// Calls one of the chunks, and what it waits for, once: the returns of all that ran.
    ///
    /// # Errors
    /// As [`Run::call_chunks`].
    pub fn call_one(&mut self, chunks: &mut Chunks, at: usize) -> Result<Map, Fault> {
        let before = std::mem::take(&mut self.results);
        let called = self.call_chunk(chunks, at, 0);
        self.join_all();
        let results = std::mem::replace(&mut self.results, before);
        called.map(|()| results)
    }

    /// Calls a chunk as it is, without its requisites.
    ///
    /// # Errors
    /// As [`Run::call_chunks`].
    pub fn call_low(&mut self, low: Map) -> Result<Map, Fault> {
        let lows = std::sync::Arc::new(vec![low]);
        let Some(low) = lows.first() else { return Ok(Map::new()) };
        let tag = super::tag(low);
        let ret = self.call(low, &lows, How { prereq: false, attempt: 1 })?;
        self.results.insert(tag.clone(), ret);
        self.join_all();
        match self.results.remove(&tag) {
            Some(Value::Map(ret)) => Ok(ret),
            _ => Ok(Map::new()),
        }
    }

    fn without_disabled(&mut self, lows: Vec<Map>, disabled: &mut Map) -> Vec<Map> {
        let Some(Value::List(patterns)) = self.cx.grains.get("state_runs_disabled") else { return lows };
        let patterns: Vec<(String, Glob)> = patterns
            .iter()
            .map(str_of)
            .map(|pattern| {
                let glob = Glob::new(&pattern);
                (pattern, glob)
            })
            .collect();
        let mut kept = Vec::new();
        for low in lows {
            let name = format!("{}.{}", field(&low, "state"), field(&low, "fun"));
            match patterns.iter().find(|(_, glob)| glob.matches(&name)) {
                None => kept.push(low),
                Some((pattern, _)) => {
                    let comment = format!(
                        "The state function \"{name}\" is currently disabled by \"{pattern}\", to re-enable, run \
                         state.enable {pattern}."
                    );
                    let ret = map! {
                        "changes" => Map::new(),
                        "result" => false,
                        "comment" => comment,
                        "__run_num__" => self.next_run_num(),
                        "__sls__" => low.get("__sls__").cloned().unwrap_or_default(),
                    };
                    disabled.insert(super::tag(&low), ret);
                }
            }
        }
        kept
    }

    pub(super) fn next_run_num(&mut self) -> i64 {
        let number = self.run_num;
        self.run_num += 1;
        number
    }

    pub(super) fn find(&mut self, module: &str, fun: &str) -> Found {
        let of_module = self.known.get(module).into_iter().flatten();
        if let Some((_, found)) = of_module.into_iter().find(|(name, _)| name == fun) {
            return found.clone();
        }
        let found = find(&self.cx, module, fun);
        self.known.entry(module.to_owned()).or_default().push((fun.to_owned(), found.clone()));
        found
    }

    pub(super) fn has_mod_watch(&mut self, module: &str) -> bool {
        self.find(module, "mod_watch").is_ok()
    }

    /// A failure that ends the run.
    fn fails_hard(&self, low: &Map, tag: &str) -> bool {
        if self.cx.test() {
            return false;
        }
        let failhard = low.get("failhard").or_else(|| self.cx.opts.get("failhard"));
        failhard.is_some_and(Value::truthy)
            && self.results.get(tag).and_then(Value::as_map).is_some_and(|ret| result_of(ret) == Some(false))
    }

    /// Runs what a chunk waits for, then the chunk.
    fn call_chunk(&mut self, chunks: &mut Chunks, at: usize, depth: usize) -> Result<(), Fault> {
        // Python's stack ends before that.
        const MAX_NESTED: usize = 600;
        if self.nested == MAX_NESTED {
            let Some(tag) = chunks.tags.get(at).cloned() else { return Ok(()) };
            let ret = self.recursive_return(chunks.low(at));
            self.results.insert(tag, ret);
            return Ok(());
        }
        self.nested += 1;
        let called = self.call_within(chunks, at, depth);
        self.nested -= 1;
        called
    }

    fn call_within(&mut self, chunks: &mut Chunks, at: usize, depth: usize) -> Result<(), Fault> {
        self.aggregate(chunks, at);
        let Some(tag) = chunks.tags.get(at).cloned() else { return Ok(()) };
        let prereq = chunks.flags.get(at).is_some_and(|flags| flags.prereq);
        if !chunks.low(at).get("prerequired").is_some_and(Value::truthy) {
            self.active.insert(tag.clone());
        }
        let (status, waited) = self.check_requisite(chunks, at, !prereq)?;
        let total = chunks.len();
        match status {
            Status::Unmet => return self.unmet(chunks, at, &tag, depth),
            Status::Change if !prereq => {
                let ret = self.call_watching(chunks, at, &waited)?;
                self.results.insert(tag.as_str(), ret);
            }
            Status::Met | Status::Change => self.call_into(chunks, at, &tag, prereq)?,
            Status::Fail => {
                let ret = self.failed(chunks, at, &tag, &waited);
                self.results.insert(tag.as_str(), ret);
                self.run_num += 1;
            }
            Status::Pre => {
                let number = self.next_run_num();
                let ret = not_run(&self.cx, chunks.low(at), true, "No changes detected", number);
                self.pre.insert(tag.as_str(), ret.clone());
                self.results.insert(tag.as_str(), ret);
            }
            Status::OnFail | Status::OnChanges => {
                let comment = match status {
                    Status::OnFail => "State was not run because onfail req did not change",
                    _ => "State was not run because none of the onchanges reqs changed",
                };
                let number = self.next_run_num();
                self.results.insert(tag.as_str(), skipped(&self.cx, chunks.low(at), comment, number));
            }
        }
        self.tell(chunks.low(at), &tag, total);
        self.sub_states(chunks.low(at), &tag);
        Ok(())
    }

    /// Calls a chunk; a trial goes to `pre`, a real call to the results.
    fn call_into(&mut self, chunks: &mut Chunks, at: usize, tag: &str, prereq: bool) -> Result<(), Fault> {
        let lows = std::sync::Arc::clone(&chunks.lows);
        let ret = self.call(chunks.low(at), &lows, How { prereq, attempt: 1 })?;
        drop(lows);
        if prereq {
            if let Some(flags) = chunks.flags.get_mut(at) {
                flags.prereq = false;
            }
            self.pre.insert(tag, ret);
        } else {
            self.results.insert(tag, ret);
        }
        Ok(())
    }

    /// The state itself; where that changes nothing, its reaction to the changes of others.
    fn call_watching(&mut self, chunks: &Chunks, at: usize, waited: &Waited) -> Result<Map, Fault> {
        let low = chunks.low(at);
        let how = How { prereq: false, attempt: 1 };
        let ret = self.call(low, &chunks.lows, how)?;
        if has_changes(&ret) || ret.get("skip_watch").is_some_and(Value::truthy) {
            return Ok(ret);
        }
        let mut low = low.clone();
        low.insert("sfun", low.get("fun").cloned().unwrap_or_default());
        low.insert("fun", "mod_watch");
        low.insert("__reqs__", self.required_chunks(chunks, waited));
        self.call(&low, &chunks.lows, how)
    }

    fn failed(&mut self, chunks: &Chunks, at: usize, tag: &str, waited: &Waited) -> Map {
        let low = chunks.low(at);
        if let Some(Value::Map(tried)) = self.pre.get_mut(tag) {
            // It was tried for others, so its changes have not happened.
            if has_changes(tried) {
                tried.insert("changes", Map::new());
            }
            tried.insert("__run_num__", self.run_num);
            name_it(tried, low);
            return tried.clone();
        }
        let mut names: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for place in waited.iter().flat_map(|(_, places)| places) {
            let Some(of) = chunks.tags.get(*place) else { continue };
            let ret = self.pre.get(of).or_else(|| self.results.get(of)).and_then(Value::as_map);
            if ret.is_some_and(|ret| result_of(ret) == Some(false)) {
                let low = chunks.low(*place);
                let text = |key: &str| low.get(key).map(str_of).unwrap_or_default();
                let name = format!("{}.{}", text("__sls__"), text("__id__"));
                if seen.insert(name.clone()) {
                    names.push(name);
                }
            }
        }
        let comment = format!("One or more requisite failed: {}", names.join(", "));
        let ret = not_run(&self.cx, low, false, &comment, self.run_num);
        self.pre.insert(tag, ret.clone());
        ret
    }

    /// Runs what has not run yet, or says what is not there.
    fn unmet(&mut self, chunks: &mut Chunks, at: usize, tag: &str, depth: usize) -> Result<(), Fault> {
        const MAX_DEPTH: usize = 20;
        let prereq = chunks.flags.get(at).is_some_and(|flags| flags.prereq);
        let (waited, lost) = wanted(chunks, at, !prereq)?;
        if !lost.is_empty() {
            let comment = not_found(chunks, &lost);
            let number = self.next_run_num();
            let ret = not_run(&self.cx, chunks.low(at), false, &comment, number);
            if prereq {
                self.pre.insert(tag, ret.clone());
            } else {
                self.results.insert(tag, ret.clone());
            }
            self.tell_of(chunks.low(at), &ret, chunks.len());
            return Ok(());
        }
        for place in &waited {
            let Some(other) = chunks.tags.get(*place).cloned() else { continue };
            if self.results.contains(&other) {
                continue;
            }
            if self.active.contains(&other) {
                return self.recursive(chunks, at, *place, tag, &other);
            }
            self.call_chunk(chunks, *place, 0)?;
            if self.fails_hard(chunks.low(*place), &other) {
                self.failed_hard = true;
                return Ok(());
            }
            if self.failed_hard {
                return Ok(());
            }
        }
        if prereq {
            let (status, _) = self.check_requisite(chunks, at, false)?;
            self.call_into(chunks, at, tag, true)?;
            if status == Status::Change
                && let Some(Value::Map(tried)) = self.pre.get_mut(tag)
                && !has_changes(tried)
            {
                tried.insert("changes", map! { "watch" => "watch" });
                tried.insert("result", Value::Null);
            }
        } else if depth + 1 >= MAX_DEPTH {
            error!("Recursive requisite found");
            let ret = self.recursive_return(chunks.low(at));
            self.results.insert(tag, ret);
        } else {
            self.call_chunk(chunks, at, depth + 1)?;
        }
        let last = waited.last().copied().unwrap_or(chunks.len().saturating_sub(1));
        if let Some(other) = chunks.tags.get(last).cloned()
            && self.fails_hard(chunks.low(last), &other)
        {
            self.failed_hard = true;
        }
        Ok(())
    }

    fn recursive_return(&self, low: &Map) -> Map {
        let mut ret = map! {
            "changes" => Map::new(),
            "result" => false,
            "comment" => "Recursive requisite found",
            "__run_num__" => self.run_num,
        };
        name_it(&mut ret, low);
        ret
    }

    /// `place` waits, over some others, for `at`.
    fn recursive(
        &mut self,
        chunks: &mut Chunks,
        at: usize,
        place: usize,
        tag: &str,
        other: &str,
    ) -> Result<(), Fault> {
        if chunks.flags.get(place).is_some_and(|flags| flags.prerequired) {
            if !self.pre.contains(tag) {
                let lows = std::sync::Arc::clone(&chunks.lows);
                let ret = self.call(chunks.low(at), &lows, How { prereq: true, attempt: 1 })?;
                self.pre.insert(other, ret);
            }
            return Ok(());
        }
        error!("Recursive requisite found");
        let ret = self.recursive_return(chunks.low(at));
        self.results.insert(tag, ret);
        self.run_num += 1;
        self.tell(chunks.low(at), tag, chunks.len());
        Ok(())
    }

    /// States that stand for several tell of each. Salt: `sub_state_run`.
    fn sub_states(&mut self, low: &Map, tag: &str) {
        let Some(Value::Map(ret)) = self.results.get_mut(tag) else { return };
        let Some(Value::List(subs)) = ret.remove("sub_state_run") else { return };
        for sub in subs.iter().filter_map(Value::as_map) {
            let Some(Value::Map(sub_low)) = sub.get("low") else { continue };
            self.run_num += 1;
            let mut ret = not_run(&self.cx, low, true, "", self.run_num);
            for key in ["changes", "result", "duration", "start_time", "comment"] {
                if let Some(value) = sub.get(key) {
                    ret.insert(key, value.clone());
                }
            }
            ret.insert("__state_ran__", true);
            self.results.insert(super::tag(sub_low), ret);
        }
    }

    /// Joins chunks of one kind, where the state can and somebody wants it.
    fn aggregate(&mut self, chunks: &mut Chunks, at: usize) {
        let low = chunks.low(at);
        let module = field(low, "state");
        let wanted = match low.get("aggregate").or_else(|| self.cx.opts.get("state_aggregate")) {
            Some(Value::Bool(wanted)) => *wanted,
            Some(Value::List(modules)) => modules.iter().any(|name| name.as_str() == Some(module)),
            _ => false,
        };
        if !wanted || chunks.flags.get(at).is_none_or(|flags| flags.aggregated) {
            return;
        }
        let Some(join) =
            self.find(module, field(low, "fun")).ok().and_then(|(states, _)| states.mod_aggregate)
        else {
            return;
        };
        let mut low = low.clone();
        low.insert("__agg__", true);
        let running = crate::loader::Running {
            cx: &self.cx,
            low: chunks.low(at),
            lowstate: &chunks.lows,
            results: &self.results,
        };
        let joined = join(&running, low);
        if let Some(own) = chunks.low_mut(at) {
            *own = joined;
        }
        if let Some(flags) = chunks.flags.get_mut(at) {
            flags.aggregated = true;
        }
    }

    fn tell(&mut self, low: &Map, tag: &str, total: usize) {
        if let Some(Value::Map(ret)) = self.results.get(tag) {
            self.tell_of(low, ret, total);
        }
    }

    /// An event for the master about one return, where `state_events` or `fire_event` want one.
    fn tell_of(&self, low: &Map, ret: &Map, total: usize) {
        let local = self.cx.opts.get("local").is_some_and(Value::truthy);
        let fire_event = low.get("fire_event").filter(|value| value.truthy());
        let state_events = self.cx.opts.get("state_events").is_none_or(Value::truthy);
        if local || (!state_events && fire_event.is_none()) {
            return;
        }
        let (jid, id) = (self.jid.as_deref().unwrap_or("None"), self.cx.opt_str("id"));
        let mut data = map! { "ret" => ret.clone() };
        let tag = match fire_event {
            Some(Value::Bool(_)) => {
                let name = ret.get("name").map(str_of).unwrap_or_default();
                format!("salt/state_result/{jid}/{id}/{name}")
            }
            Some(Value::Text(name)) => format!("salt/state_result/{jid}/{id}/{name}"),
            _ => {
                data.insert("len", total);
                let number = ret.get("__run_num__").map(str_of).unwrap_or_default();
                format!("salt/job/{jid}/prog/{id}/{number}")
            }
        };
        let preload = map! { "jid" => self.jid.clone() };
        let call = Call { args: vec![data.into(), tag.into(), preload.into()], kwargs: Map::new() };
        if let Err(problem) = self.cx.call("event.fire_master", call) {
            crate::log::debug!("the master was not told of a state: {problem}");
        }
    }

    /// Reads grains and pillar anew and forgets which states there are, where the chunk asks for it or installs things.
    pub(super) fn refresh(&mut self, low: &Map, ret: &Map) {
        let asks = |key: &str| low.get(key).is_some_and(Value::truthy);
        let set = self.cx.memory.borrow_mut().remove("grains set");
        if let Some(Value::Map(set)) = set {
            let mut grains = self.cx.grains.map().clone();
            grains.extend(set);
            let grains = self.reloads.keep(grains);
            self.renew(|scope| scope.grains = grains.into());
        }
        if asks("reload_grains") {
            match self.cx.minion.collect_grains(self.cx.opts) {
                Ok(grains) => {
                    let grains = self.reloads.keep(grains);
                    self.renew(|scope| scope.grains = grains.into());
                }
                Err(problem) => error!("grains cannot be collected anew: {problem}"),
            }
        }
        if asks("reload_pillar") {
            match compile_pillar(self.cx.minion, self.cx.opts, &self.overrides) {
                Ok(pillar) => {
                    let pillar = self.reloads.keep(pillar);
                    self.renew(|scope| scope.pillar = pillar.into());
                }
                Err(problem) => error!("the pillar cannot be compiled anew: {problem}"),
            }
        }
        let installs = matches!(field(low, "state"), "pkg" | "ports" | "pip");
        if asks("force_reload_modules") || (has_changes(ret) && (asks("reload_modules") || installs)) {
            self.known.clear();
        }
    }

    fn renew(&mut self, change: impl FnOnce(&mut Scope<'a>)) {
        let mut scope: Scope<'a> = *self.cx;
        change(&mut scope);
        let cx = Context::new(scope);
        cx.set_retcode(self.cx.retcode());
        cx.set_test(self.cx.own_test());
        cx.memory.swap(&self.cx.memory);
        self.cx = cx;
        self.known.clear();
    }
}

type Lost = Vec<(&'static str, Vec<(String, String)>)>;

/// The places of everything that a chunk waits for, and what is not there. Chunks that are meant by a `prereq` are told
/// so.
fn wanted(chunks: &mut Chunks, at: usize, with_prerequired: bool) -> Result<(Vec<usize>, Lost), Fault> {
    const KINDS: &[&str] = &[
        "require",
        "require_any",
        "watch",
        "watch_any",
        "prereq",
        "onfail",
        "onfail_any",
        "onchanges",
        "onchanges_any",
        "prerequired",
    ];
    let (mut places, mut lost): (Vec<usize>, Lost) = (Vec::new(), Vec::new());
    for &kind in KINDS {
        if kind == "prerequired" && !with_prerequired {
            continue;
        }
        let Some(value) = chunks.low(at).get(kind) else { continue };
        let mut missing = Vec::new();
        for wanted in items(value) {
            let Some((module, pattern)) = item(&wanted)? else { continue };
            let found = chunks.matching(&module, &pattern);
            if found.is_empty() {
                missing.push((module, pattern));
                continue;
            }
            for place in found {
                if let Some(flags) = chunks.flags.get_mut(place) {
                    flags.prereq |= kind == "prereq";
                    flags.prerequired |= kind == "prerequired" && module != "sls";
                }
                places.push(place);
            }
        }
        if !missing.is_empty() {
            lost.push((kind, missing));
        }
    }
    Ok((places, lost))
}

fn not_found(chunks: &Chunks, lost: &Lost) -> String {
    let mut comment = "The following requisites were not found:\n".to_owned();
    let mut near = String::new();
    for (kind, missing) in lost {
        comment.push_str(&format!("{}{kind}:\n", " ".repeat(19)));
        for (module, pattern) in missing {
            comment.push_str(&format!("{}{module}: {pattern}\n", " ".repeat(23)));
            if let Some(meant) = chunks.nearest(module, pattern) {
                near.push_str(&format!("did you mean '{meant}'?\n"));
            }
        }
    }
    // Salt does not say this.
    comment + &near
}
