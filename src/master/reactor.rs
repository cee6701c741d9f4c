//! The reactor: events have functions called, as the SLS files say that the option `reactor` names for their tags.
//! Salt: utils/reactor.py, engines/reactor.py.
//!
//! One event after the other, as in Salt; what piles up meanwhile is bounded by the bus. Runners and wheel functions
//! wait for one of `reactor_worker_threads`. A master reacts to no event of the functions that its reactor called.

use std::sync::{Arc, PoisonError};

use tokio::sync::{Semaphore, watch};

use super::services::Services;
use super::{Master, runners, wheel};
use crate::channel::commands::{Caller, MasterCall};
use crate::event::{Event, Filter};
use crate::host::tasks;
use crate::loader::{Call, Fault, MasterServices};
use crate::map;
use crate::patterns::fnmatch;
use crate::value::msgpack::{Dialect, encode_map};
use crate::value::yaml::{condition_input, parse_input};
use crate::value::{Map, Value, sort, str_of, yaml};

/// Who fires the events of functions that a reaction calls.
const USER: &str = "Reactor";

/// What is reacted to, and whether it is.
#[derive(Debug)]
pub(super) struct Reactor {
    /// `[{tag pattern: [SLS file]}]`, or the path of a YAML file with that.
    reactions: Value,
    leader: bool,
}

impl Reactor {
    /// By the options `reactor` and `engines`; `None` where neither asks for a reactor.
    pub(super) fn from_opts(opts: &Map) -> Option<Self> {
        let engines = match opts.get("engines") {
            Some(Value::List(engines)) => engines.clone(),
            Some(Value::Map(engines)) => engines.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        };
        let named = |engine: &Value| match engine {
            Value::Map(engine) => engine.at(0).map(|(name, _)| str_of(name)).unwrap_or_default(),
            name => str_of(name),
        };
        let mut asked = false;
        for engine in engines.iter().map(named) {
            asked |= engine == "reactor";
            if engine != "reactor" {
                crate::log::error!(
                    "The engine '{engine}' is not supported by this master: it is not started"
                );
            }
        }
        let reactions = opts.get("reactor").cloned().unwrap_or_default();
        (asked || reactions.truthy()).then_some(Reactor { reactions, leader: true })
    }

    /// The SLS files for a tag.
    fn files_for(&self, tag: &str) -> Vec<String> {
        let read;
        let reactions = match &self.reactions {
            Value::Text(path) => {
                let found = std::fs::read_to_string(path).map_err(|error| error.to_string());
                match found.and_then(|text| yaml::load(&text, path).map_err(|error| error.to_string())) {
                    Ok(value) => read = value,
                    Err(error) => {
                        crate::log::error!(path, error, "Failed to read reactor map");
                        return Vec::new();
                    }
                }
                &read
            }
            own => own,
        };
        let mut files = Vec::new();
        for reaction in reactions.as_list().unwrap_or_default() {
            let Some((pattern, named)) =
                reaction.as_map().filter(|map| map.len() == 1).and_then(|map| map.at(0))
            else {
                continue;
            };
            if pattern.as_str().is_some_and(|pattern| fnmatch(pattern, tag)) {
                let named = named.as_list().unwrap_or(std::slice::from_ref(named));
                files.extend(named.iter().filter_map(Value::as_str).map(str::to_owned));
            }
        }
        files
    }
}

/// Shows the reactor to `look`.
///
/// # Errors
/// When there is none.
pub(super) fn with(
    master: &Master,
    look: &mut dyn FnMut(&mut Value, &mut bool) -> Value,
) -> Result<Value, Fault> {
    let mut reactor = master.reactor.lock().unwrap_or_else(PoisonError::into_inner);
    let reactor = reactor.as_mut().ok_or_else(|| Fault::execution("Reactor system is not running."))?;
    Ok(look(&mut reactor.reactions, &mut reactor.leader))
}

/// Starts what reacts until `stop` says so, where there is something to react to.
pub(super) fn start(
    master: &Arc<Master>,
    stop: watch::Receiver<bool>,
) -> Option<tokio::task::JoinHandle<()>> {
    master.reactor.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?;
    // From now on, not from when the thread runs.
    let events = master.bus.subscribe(Filter::all());
    let master = master.clone();
    let done = tasks::blocking(move || react(&master, events, stop));
    Some(tasks::spawn(async move {
        let _ = done.await;
    }))
}

fn react(
    master: &Arc<Master>,
    mut events: crate::transport::bus::LocalEvents,
    mut stop: watch::Receiver<bool>,
) {
    let services = Services::new(master.clone(), tokio::runtime::Handle::current());
    let workers = Workers::from_opts(&master.opts);
    while let Some(event) = services.block_on(events.next_until(&mut stop)) {
        // Reactions may have each other as their consequences for ever: what still waits has none.
        if *stop.borrow() {
            return;
        }
        if is_own(&event) || managed(master, &event) {
            continue;
        }
        let mut files = Vec::new();
        {
            let reactor = master.reactor.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(reactor) = reactor.as_ref().filter(|reactor| reactor.leader) {
                files = reactor.files_for(&event.tag);
            }
        }
        for low in compile(master, &services, &files, &event) {
            let (id, form, fun) = (text(&low, "__id__"), text(&low, "state"), text(&low, "fun"));
            if let Err(reason) = carry_out(master, &services, &workers, low) {
                crate::log::error!("Reactor '{id}' failed to execute {form} '{fun}': {reason}");
            }
        }
    }
}

/// Whether this is an event of a function that the reactor called: nothing follows from it. No minion can fire such
/// a tag, whomever its data names as the user.
fn is_own(event: &Event) -> bool {
    event.data.str("user") == Some(USER)
        && ["salt/run/", "salt/wheel/"].iter().any(|prefix| event.tag.starts_with(prefix))
}

/// Does what Python's `salt-run reactor.*` asks for by an event, and answers it by another; whether this is such an event.
/// Who has not the key of the master's user asks in vain. Salt: runners/reactor.py.
fn managed(master: &Arc<Master>, event: &Event) -> bool {
    let Some((_, act)) = event.tag.rsplit_once("salt/reactors/manage/") else { return false };
    let (keys, answer): (&[&str], _) = match act {
        "add" => (&["event", "reactors"], "add-complete"),
        "delete" => (&["event"], "delete-complete"),
        "list" => (&[], "list-results"),
        "is_leader" => (&[], "leader/value"),
        "set_leader" => (&["value"], "leader/value"),
        _ => return true,
    };
    let key = event.data.str("key").unwrap_or_default();
    if !master.local_keys.is_key_of(&master.options.user, key) {
        crate::log::error!("received {} without the master's key: it is discarded", event.tag);
        return true;
    }
    let ask = |act: &str, kwargs: Map| {
        let call = Call { args: Vec::new(), kwargs };
        let (fun, runtime) = (format!("reactor.{act}"), tokio::runtime::Handle::current());
        runners::carry_out(master, &runtime, &master.new_jid(), USER, &fun, call).0
    };
    let given = keys.iter().filter_map(|&key| Some((key, event.data.get(key)?.clone())));
    let result = ask(act, given.collect());
    let mut data = Map::new();
    if !answer.starts_with("leader") {
        data.insert("reactors", ask("list", Map::new()));
    }
    if act != "list" {
        data.insert("result", result);
    }
    master.fire(&format!("salt/reactors/manage/{answer}"), data);
    true
}

/// Where the runners and wheel functions of reactions wait for their turn. Salt: utils/process.py (`ThreadPool`).
struct Workers {
    /// As many as `reactor_worker_hwm` may wait.
    places: Arc<Semaphore>,
    /// KiB of their arguments, which are made of what minions say.
    room: Arc<Semaphore>,
    /// As many as `reactor_worker_threads` run.
    turns: Arc<Semaphore>,
}

/// KiB of arguments that may wait.
const ROOM: usize = 64 << 10;

impl Workers {
    fn from_opts(opts: &Map) -> Self {
        let engines = opts.get("engines").and_then(Value::as_list).unwrap_or_default();
        let engine = engines.iter().find_map(|engine| engine.get("reactor"));
        let number = |name: &str, most: usize| {
            let option = || opts.get(&format!("reactor_{name}"));
            let number = engine.and_then(|engine| engine.get(name)).or_else(option).and_then(Value::as_int);
            let number = number.and_then(|number| usize::try_from(number).ok());
            // Python: a queue of length 0 has no end.
            let number = number.filter(|&number| number > 0).map_or(most, |number| number.min(most));
            Arc::new(Semaphore::new(number))
        };
        Workers {
            places: number("worker_hwm", 100_000),
            room: Arc::new(Semaphore::new(ROOM)),
            turns: number("worker_threads", runners::MAX_RUNNING / 2),
        }
    }

    /// Has a function called when its turn comes.
    fn begin(&self, master: &Arc<Master>, wheel: bool, call: MasterCall) -> Result<(), String> {
        let args = map! { "arg" => call.arg.clone(), "kwarg" => call.kwarg.clone() };
        let kib = u32::try_from(encode_map(&args, Dialect::Bin).len() >> 10).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_owned();
        let room = self.room.clone().try_acquire_many_owned(kib.saturating_add(1));
        let (Ok(place), Ok(room)) = (place, room) else {
            return Err("too many others wait for their turn (reactor_worker_hwm)".to_owned());
        };
        let (master, turns) = (master.clone(), self.turns.clone());
        tasks::spawn(async move {
            // None is left when the master stops.
            let Ok(_turn) = turns.acquire().await else { return };
            drop((place, room));
            if wheel {
                wheel::answer(&master, call).await;
            } else {
                runners::run_and_wait(&master, call).await;
            }
        });
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.turns.close();
    }
}

fn text(low: &Map, key: &str) -> String {
    low.get(key).map(str_of).unwrap_or_default()
}

/// What the files ask for, in order: chunks of `{__id__, state, fun, name, …}`.
fn compile(master: &Master, services: &Services, files: &[String], event: &Event) -> Vec<Map> {
    let mut high = Map::new();
    for file in files {
        let local = file.starts_with("salt://");
        let found = if local { vec![file.clone()] } else { crate::host::glob(file) };
        if found.is_empty() {
            let tag = &event.tag;
            crate::log::error!("Can not render SLS {file} for tag {tag}. File missing or not found.");
        }
        for path in found {
            let call = Call {
                args: vec![path.as_str().into()],
                kwargs: map! {
                    "default_renderer" => master.opts.str("renderer").unwrap_or("jinja|yaml"),
                    "tag" => event.tag.as_str(),
                    "data" => event.data.clone(),
                },
            };
            match services.execute("slsutil.renderer", call, false) {
                Ok(done) => match done.value {
                    Value::Map(states) => high.extend(states),
                    _ => crate::log::error!("Failed to render \"{path}\": it is no map"),
                },
                Err(fault) => crate::log::error!("Failed to render \"{path}\": {fault}"),
            }
        }
    }
    let mut chunks: Vec<(i64, String, Map)> = Vec::new();
    for (id, body) in &high {
        let Some(chunk) = chunk(&str_of(id), body) else {
            crate::log::error!(
                "Unable to render reactions for event {}: '{}' is no reaction",
                event.tag,
                str_of(id)
            );
            return Vec::new();
        };
        for low in chunk {
            let order = low.get("order").and_then(Value::as_int).unwrap_or(i64::MAX);
            let key = text(&low, "state") + &text(&low, "name") + &text(&low, "fun");
            chunks.push((order, key, low));
        }
    }
    sort::by(&mut chunks, |a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    chunks.into_iter().map(|(_, _, low)| low).collect()
}

/// The chunks of one id, `{local.test.ping: [{tgt: …}]}` or `{local: [test.ping, {tgt: …}]}`; `None` for what is neither.
fn chunk(id: &str, body: &Value) -> Option<Vec<Map>> {
    let mut chunks = Vec::new();
    for (key, words) in body.as_map()? {
        let key = key.as_str()?;
        if key.starts_with("__") {
            continue;
        }
        let (form, fun) = key.split_once('.').unwrap_or((key, ""));
        // The old name.
        let form = if form == "cmd" { "local" } else { form };
        let mut low = map! { "__id__" => id, "name" => id, "state" => form, "fun" => fun };
        for word in words.as_list()? {
            match word {
                Value::Text(fun) => {
                    low.insert("fun", fun.as_str());
                }
                Value::Map(more) => low.extend(more.clone()),
                _ => return None,
            }
        }
        // Whatever the arguments say.
        low.insert("state", form);
        chunks.push(low);
    }
    Some(chunks)
}

/// Keys of a chunk that are no arguments of a function.
const NOT_ARGUMENTS: [&str; 7] = ["__id__", "__sls__", "name", "order", "fun", "key", "state"];

/// Positional and keyword arguments: those of `args`, or in the old way `arg`, `kwarg` and, for functions of the master,
/// whatever else there is.
fn arguments(form: &str, low: &mut Map) -> Result<Call, String> {
    let Some(given) = low.remove("args") else {
        let args = match low.remove("arg") {
            Some(Value::List(args)) => args,
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one],
        };
        let mut kwargs = match low.remove("kwarg") {
            Some(Value::Map(kwargs)) => kwargs,
            _ => Map::new(),
        };
        if matches!(form, "runner" | "wheel") {
            let is_argument = |key: &str| !NOT_ARGUMENTS.contains(&key);
            let rest = low.iter().filter(|(key, _)| key.as_str().is_some_and(is_argument));
            kwargs.extend(rest.map(|(key, value)| (key.clone(), value.clone())));
        }
        return Ok(Call { args, kwargs });
    };
    let is_old = |list: &[Value]| !list.iter().all(|entry| entry.as_map().is_some_and(|map| map.len() == 1));
    match given {
        Value::Map(kwargs) => Ok(Call { args: Vec::new(), kwargs }),
        Value::List(args) if form == "caller" && is_old(&args) => Ok(Call { args, kwargs: Map::new() }),
        Value::List(entries) => {
            let mut kwargs = Map::new();
            for entry in entries {
                match entry {
                    Value::Map(entry) if entry.len() == 1 => kwargs.extend(entry),
                    Value::Text(_) | Value::Int(_) | Value::Float(_) => {
                        kwargs.insert(entry, Value::Null);
                    }
                    _ => return Err(FORMAT.to_owned()),
                }
            }
            if kwargs.is_empty() { Err(FORMAT.to_owned()) } else { Ok(Call { args: Vec::new(), kwargs }) }
        }
        _ => Err(FORMAT.to_owned()),
    }
}

const FORMAT: &str =
    "Incorrect argument format, check the Reactor System documentation for the correct format.";

/// Calls the function of one chunk, and waits for none.
fn carry_out(
    master: &Arc<Master>,
    services: &Services,
    workers: &Workers,
    mut low: Map,
) -> Result<(), String> {
    let (form, fun) = (text(&low, "state"), text(&low, "fun"));
    let call = arguments(&form, &mut low)?;
    let told = |fault: Fault| fault.to_string();
    match form.as_str() {
        "local" => {
            let tgt = low.remove("tgt").ok_or("it has no tgt")?;
            // Salt's client takes `name=value` among the words apart.
            let (mut args, mut kwargs) = (Vec::new(), Map::new());
            for word in call.args {
                match word {
                    Value::Text(word) if word.contains('=') => {
                        let (more, named) = parse_input(&[word], &[]);
                        args.extend(more);
                        kwargs.extend(named);
                    }
                    word => args.push(word),
                }
            }
            kwargs.extend(call.kwargs);
            let mut load = map! { "tgt" => tgt, "fun" => fun, "arg" => condition_input(args, kwargs) };
            for key in ["tgt_type", "ret"] {
                load.extend(low.remove(key).map(|value| (key, value)));
            }
            services.publish(load).map_err(told)?;
        }
        "runner" | "wheel" => {
            let caller = Caller { user: USER.to_owned(), ..Caller::default() };
            let Call { args: arg, kwargs: kwarg } = call;
            let call = MasterCall {
                fun,
                arg,
                kwarg,
                matching: None,
                jid: None,
                flat: false,
                as_client: true,
                caller,
            };
            workers.begin(master, form == "wheel", call)?;
        }
        "caller" => {
            services.execute(&fun, call, false).map_err(told)?;
        }
        _ => return Err(format!("there is no kind of reaction '{form}'")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(text: &str) -> Map {
        let value = yaml::load(text, "x").expect("YAML");
        let (id, body) = value.as_map().and_then(|map| map.at(0)).expect("an id");
        chunk(&str_of(id), body).expect("a reaction").remove(0)
    }

    #[test]
    fn reactions_are_found_by_the_tag_of_the_event() {
        let reactions =
            yaml::load("- 'salt/x/*': [a.sls, b.sls]\n- 'salt/x/y': c.sls\n- 'other': [d.sls]\n", "x");
        let opts = map! { "reactor" => reactions.expect("YAML") };
        let reactor = Reactor::from_opts(&opts).expect("a reactor");
        assert_eq!(reactor.files_for("salt/x/y"), ["a.sls", "b.sls", "c.sls"]);
        assert_eq!(reactor.files_for("salt/y"), Vec::<String>::new());
        assert!(Reactor::from_opts(&map! { "reactor" => Value::List(Vec::new()) }).is_none());
        assert!(Reactor::from_opts(&map! { "engines" => Value::list(["reactor"]) }).is_some());
    }

    #[test]
    fn a_reaction_names_its_kind_its_function_and_its_arguments() {
        let mut ping = low("x:\n  cmd.cmd.run:\n    - tgt: web1\n    - arg: [uptime]\n");
        assert_eq!(
            (text(&ping, "state"), text(&ping, "fun"), text(&ping, "name")),
            ("local".to_owned(), "cmd.run".to_owned(), "x".to_owned())
        );
        assert_eq!(arguments("local", &mut ping).expect("arguments").args, [Value::from("uptime")]);
        let mut send = low("x:\n  runner.event.send:\n    - args:\n      - tag: a/b\n      - data: {c: 1}\n");
        let call = arguments("runner", &mut send).expect("arguments");
        assert_eq!(call.kwargs, map! { "tag" => "a/b", "data" => map! { "c" => 1 } });
        let mut old = low("x:\n  runner:\n    - state.orchestrate\n    - mods: orch.a\n    - name: y\n");
        assert_eq!(text(&old, "fun"), "state.orchestrate");
        assert_eq!(arguments("runner", &mut old).expect("arguments").kwargs, map! { "mods" => "orch.a" });
        assert!(arguments("local", &mut map! { "args" => "a" }).is_err());
    }
}
