//! `salt`: jobs, runners and wheel functions as states, for orchestration. Salt: states/saltmod.py.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::event::tags;
use crate::host::beside;
use crate::loader::{
    Args, Call, Context, Default, Fault, ORCHESTRATING, Param, Running, Scope, State, StateReturn, States,
    always, keywords, opt, req,
};
use crate::map;
use crate::output::{OutputOptions, render};
use crate::patterns::fnmatch;
use crate::state::all_succeeded;
use crate::value::{Map, Value, sort, str_of};

const NONE: Default = Default::None;
const MORE: Param = keywords("kwargs");
const NAMED: &[Param] = &[req("name"), MORE];

pub(super) static STATES: States = States {
    file: "saltmod",
    provides: "salt",
    available: always,
    functions: &[
        State::new(
            "function",
            &[
                req("name"),
                req("tgt"),
                opt("ssh", Default::False),
                opt("tgt_type", Default::Str("glob")),
                opt("ret", Default::Str("")),
                opt("ret_config", NONE),
                opt("ret_kwargs", NONE),
                opt("expect_minions", Default::False),
                opt("fail_minions", NONE),
                opt("fail_function", NONE),
                opt("arg", NONE),
                opt("kwarg", NONE),
                opt("timeout", NONE),
                opt("batch", NONE),
                opt("subset", NONE),
                opt("failhard", NONE),
                MORE,
            ],
            "Runs a function on minions.",
            function,
        ),
        State::new(
            "parallel_runners",
            &[req("name"), req("runners"), MORE],
            "Runs several runners at once: `{id: [name: …, kwarg: {…}]}`.",
            parallel_runners,
        ),
        State::new("runner", NAMED, "Runs a runner.", runner),
        State::new(
            "state",
            &[
                req("name"),
                req("tgt"),
                opt("ssh", Default::False),
                opt("tgt_type", Default::Str("glob")),
                opt("ret", Default::Str("")),
                opt("ret_config", NONE),
                opt("ret_kwargs", NONE),
                opt("highstate", NONE),
                opt("sls", NONE),
                opt("top", NONE),
                opt("saltenv", NONE),
                opt("test", NONE),
                opt("pillar", NONE),
                opt("pillarenv", NONE),
                opt("expect_minions", Default::True),
                opt("exclude", NONE),
                opt("fail_minions", NONE),
                opt("allow_fail", Default::Int(0)),
                opt("concurrent", Default::False),
                opt("timeout", NONE),
                opt("batch", NONE),
                opt("queue", Default::False),
                opt("subset", NONE),
                opt("orchestration_jid", NONE),
                opt("failhard", NONE),
                MORE,
            ],
            "Applies SLS files, a top file or the highstate on minions.",
            state,
        ),
        State::new(
            "wait_for_event",
            &[
                req("name"),
                req("id_list"),
                opt("event_id", Default::Str("id")),
                opt("timeout", Default::Int(300)),
                opt("node", Default::Str("master")),
            ],
            "Waits until events whose tags fit a glob have named every id of a list.",
            wait_for_event,
        ),
        State::new("wheel", NAMED, "Runs a wheel function.", wheel),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The keyword arguments of `saltutil.cmd` that both kinds of job share.
fn command(running: &Running, args: &Args) -> Map {
    let mut call = map! {
        "ret" => args.get("ret").clone(),
        "timeout" => args.get("timeout").clone(),
        "tgt_type" => args.get("tgt_type").clone(),
        "ssh" => args.get("ssh").clone(),
        "expect_minions" => args.get("expect_minions").clone(),
    };
    for name in ["ret_config", "ret_kwargs", "subset"] {
        call.extend(args.given(name).map(|value| (name, value.clone())));
    }
    call.extend(args.given("batch").map(|batch| ("batch", str_of(batch))));
    if args.truthy("failhard") || running.opts.get("failhard").is_some_and(Value::truthy) {
        call.insert("failhard", true);
    }
    call
}

/// Minions whose failure is none.
fn forgiven(args: &Args, ret: &mut StateReturn) -> Vec<String> {
    match args.get("fail_minions") {
        Value::Null => Vec::new(),
        Value::Text(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::List(names) => names.iter().map(str_of).collect(),
        _ => {
            let text = "'fail_minions' needs to be a list or a comma separated string. Ignored.";
            ret.extra.insert("warnings", Value::list([text]));
            Vec::new()
        }
    }
}

/// Tells the bus what an orchestration asks for. Salt: utils/event.py (`fire_args`).
fn tell(running: &Running, kind: &str, mut data: Map) {
    let Some(jid) = running.low.get("__orchestration_jid__").filter(|jid| jid.truthy()) else { return };
    data.insert("type", kind);
    // A minion's bus is not meant.
    let _ = running.master.fire(&tags::run_args(str_of(jid)), data);
}

/// A call of `saltutil.runner`; an orchestration within one is part of it, is paused and ended with it, and has its
/// environment.
fn runner_call(running: &Running, name: &str, mut kwargs: Map) -> Call {
    if ORCHESTRATING.contains(&name) {
        for (key, of_ours) in [("saltenv", "__env__"), ("orchestration_jid", "__orchestration_jid__")] {
            let own = running.low.get(of_ours).filter(|_| !kwargs.contains(key)).cloned();
            kwargs.extend(own.map(|own| (key, own)));
        }
    }
    let mut shown = kwargs.clone();
    let args = shown.remove("arg").unwrap_or_else(|| Value::List(Vec::new()));
    if let Some(Value::Map(kwarg)) = shown.remove("kwarg") {
        shown.extend(kwarg);
    }
    tell(running, "runner", map! { "name" => name, "args" => args, "kwargs" => shown });
    kwargs.insert("full_return", true);
    Call { args: vec![name.into()], kwargs }
}

fn cmd(running: &Running, kind: &str, tgt: &Value, fun: &str, kwargs: Map) -> Result<Map, Fault> {
    let name = running.low.get("name").cloned().unwrap_or_default();
    let mut shown = kwargs.clone();
    if kind == "function" {
        shown.insert("_cmd_meta", true);
    }
    tell(running, kind, map! { "tgt" => tgt.clone(), "name" => name, "args" => shown });
    let answer = running.call("saltutil.cmd", Call { args: vec![tgt.clone(), fun.into()], kwargs })?;
    Ok(answer.as_map().cloned().unwrap_or_default())
}

fn first_jid(answers: &Map, ret: &mut StateReturn) {
    if let Some(jid) = answers.values().next().and_then(|answer| answer.get("jid")) {
        ret.extra.insert("__jid__", jid.clone());
    }
}

fn state(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut ret = StateReturn::new(args.get("name").clone(), Some(true), "");
    let refused = |text: &str| Ok(StateReturn::new(args.get("name").clone(), Some(false), text));
    let Ok(allow_fail) = args.int("allow_fail") else {
        return refused("Passed invalid value for 'allow_fail', must be an int");
    };
    let (fun, arg) = match (args.truthy("highstate"), args.get("top"), args.get("sls")) {
        (true, _, _) => ("state.highstate", Vec::new()),
        (_, top, _) if top.truthy() => ("state.top", vec![top.clone()]),
        (_, _, sls) if sls.truthy() => {
            let mods = match sls {
                Value::List(mods) => mods.iter().map(str_of).collect::<Vec<_>>().join(","),
                one => str_of(one),
            };
            ("state.sls", vec![mods.into()])
        }
        _ => return refused("No highstate or sls specified, no execution made"),
    };
    if args.get("concurrent").as_bool().is_none() {
        return refused("Must pass in boolean for value of 'concurrent'");
    }
    let mut kwarg = Map::new();
    let test = args.given("test").cloned().or_else(|| running.test().then_some(Value::Bool(true)));
    kwarg.extend(test.clone().map(|test| ("test", test)));
    for name in ["pillar", "pillarenv", "saltenv", "exclude"] {
        kwarg.extend(args.given(name).map(|value| (name, value.clone())));
    }
    kwarg.insert("queue", args.get("queue").clone());
    kwarg.insert("concurrent", args.get("concurrent").clone());
    let answers = if running.opt_str("__role") == "minion" && running.opt_str("file_client") == "local" {
        // Without a master: here.
        let value = running.call(fun, Call { args: arg, kwargs: kwarg })?;
        map! { running.opt_str("id") => map! { "ret" => value, "out" => "highstate" } }
    } else {
        let mut call = command(running, args);
        call.insert("arg", arg);
        call.insert("kwarg", kwarg);
        cmd(running, "state", args.get("tgt"), fun, call)?
    };
    first_jid(&answers, &mut ret);
    let forgiven = forgiven(args, &mut ret);
    if answers.is_empty() && args.truthy("expect_minions") {
        (ret.result, ret.comment) = (Some(false), "No minions returned".to_owned());
        return Ok(ret);
    }
    let (mut changes, mut failed, mut unchanged) = (Map::new(), Vec::new(), Vec::new());
    for (id, answer) in &answers {
        let value = answer.get("ret").cloned();
        let broken = answer.get("failed").is_some_and(Value::truthy);
        let good = !broken && value.as_ref().is_some_and(|value| all_succeeded(value, None));
        if !good {
            if !forgiven.contains(&str_of(id)) {
                failed.push(str_of(id));
            }
            changes.insert(id.clone(), value.unwrap_or(Value::Bool(false)));
            continue;
        }
        let states = value.as_ref().and_then(Value::as_map);
        let changed = |state: &Value| state.get("changes").is_some_and(Value::truthy);
        match value.clone().filter(|_| states.is_some_and(|states| states.values().any(changed))) {
            Some(value) => drop(changes.insert(id.clone(), value)),
            None => unchanged.push(str_of(id)),
        }
    }
    sort::all(&mut failed);
    sort::all(&mut unchanged);
    let names = changes.keys().map(str_of).collect::<Vec<_>>().join(", ");
    if i64::try_from(failed.len()).unwrap_or(i64::MAX) > allow_fail {
        ret.result = Some(false);
        ret.comment = format!("Run failed on minions: {}", failed.join(", "));
    } else {
        ret.comment = "States ran successfully.".to_owned();
        if !changes.is_empty() {
            ret.comment += &format!(" Updating {names}.");
        }
        if !unchanged.is_empty() {
            ret.comment += &format!(" No changes made to {}.", unchanged.join(", "));
        }
    }
    if !changes.is_empty() {
        ret.changes = map! { "out" => "highstate", "ret" => changes }.into();
        if test.is_some_and(|test| test.truthy()) && ret.result == Some(true) {
            ret.result = None;
        }
    }
    Ok(ret)
}

fn function(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let mut ret = StateReturn::new(name.as_str(), Some(true), "");
    let arg = match args.get("arg") {
        Value::Null => Vec::new(),
        Value::Text(words) => {
            ret.extra.insert("warnings", Value::list(["Please specify 'arg' as a list of arguments."]));
            words.split_whitespace().map(Value::from).collect()
        }
        Value::List(items) => items.clone(),
        one => vec![one.clone()],
    };
    if running.test() {
        ret.result = None;
        ret.comment = format!("Function {name} would be executed on target {}", str_of(args.get("tgt")));
        return Ok(ret);
    }
    let mut call = command(running, args);
    call.insert("arg", arg);
    call.insert("kwarg", args.given("kwarg").cloned().unwrap_or_else(|| Map::new().into()));
    let answers = match cmd(running, "function", args.get("tgt"), &name, call) {
        Ok(answers) => answers,
        Err(fault) => {
            (ret.result, ret.comment) = (Some(false), fault.to_string());
            return Ok(ret);
        }
    };
    first_jid(&answers, &mut ret);
    let forgiven = forgiven(args, &mut ret);
    let (mut changes, mut failed) = (Map::new(), Vec::new());
    for (id, answer) in &answers {
        let id = str_of(id);
        let mut bad = answer.get("retcode").is_some_and(Value::truthy);
        let mut value = Value::Bool(false);
        let mut good = !answer.get("failed").is_some_and(Value::truthy);
        if good {
            value = answer.get("ret").cloned().unwrap_or_default();
            if let Some(judge) = args.given("fail_function") {
                good = running.call(&str_of(judge), Call::positional([value.clone()]))?.truthy();
            }
            good &= value != Value::Bool(false);
        }
        bad |= !good && !forgiven.contains(&id);
        if bad {
            failed.push(id.clone());
        }
        changes.insert(id, value);
    }
    if answers.is_empty() {
        (ret.result, ret.comment) = (Some(false), "No minions responded".to_owned());
        return Ok(ret);
    }
    let names = changes.keys().map(str_of).collect::<Vec<_>>().join(", ");
    if failed.is_empty() {
        ret.comment = "Function ran successfully.".to_owned();
    } else {
        sort::all(&mut failed);
        ret.result = Some(false);
        ret.comment = format!("Running function {name} failed on minions: {}", failed.join(", "));
    }
    ret.comment += &format!(" Function {name} ran on {names}.");
    ret.changes = map! { "ret" => changes }.into();
    Ok(ret)
}

fn runner(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let call = |name: &str, kwargs: Map| running.call("saltutil.runner", runner_call(running, name, kwargs));
    on_master(running, args, "Runner", call)
}

/// The most runners of one state: each has a thread.
const MOST_AT_ONCE: usize = 100;

fn parallel_runners(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    let wanted = match args.get("runners") {
        Value::Text(one) => map! { one.as_str() => Value::Null },
        Value::Map(several) => several.clone(),
        _ => {
            let text = "The runners parameter must be a string or dict.";
            return Ok(StateReturn::new(name, Some(false), text));
        }
    };
    if wanted.len() > MOST_AT_ONCE {
        return Err(Fault::execution(format!("more than {MOST_AT_ONCE} runners at once")));
    }
    let mut calls = Vec::new();
    for (id, config) in &wanted {
        let pairs = config.as_list().unwrap_or_default().iter().filter_map(Value::as_map);
        let config: Map = pairs.flat_map(|pair| pair.clone().into_iter()).collect();
        let fun = config.get("name").map_or_else(|| str_of(id), str_of);
        let kwargs = config.get("kwarg").and_then(Value::as_map).cloned().unwrap_or_default();
        calls.push((str_of(id), runner_call(running, &fun, kwargs)));
    }
    let scope: &Scope = running.cx;
    let slots: Vec<Mutex<Option<Result<Value, Fault>>>> = calls.iter().map(|_| Mutex::default()).collect();
    beside(calls.len(), &|place| {
        let (Some((_, call)), Some(slot)) = (calls.get(place), slots.get(place)) else { return };
        let output = Context::new(*scope).call("saltutil.runner", call.clone());
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(output);
        }
    });
    let broken = || Err(Fault::execution("a defect of this program; see the master's log"));
    let outputs = slots.into_iter().map(|slot| slot.into_inner().ok().flatten().unwrap_or_else(broken));
    let (mut returned, mut failed) = (Map::new(), Vec::new());
    for ((id, _), output) in calls.iter().zip(outputs) {
        match output {
            Ok(output) => {
                let out = output.get("return").cloned().unwrap_or_default();
                let code = |key| out.get(key).is_some_and(Value::truthy);
                // Beyond Salt, which looks for the retcode of an orchestration where there is none.
                if output.get("success").is_some_and(|said| !said.truthy())
                    || code("exit_code")
                    || code("retcode")
                {
                    failed.push(id.clone());
                }
                returned.insert(id, out)
            }
            Err(fault) => {
                let text = format!("One of the runners raised an exception: {fault}");
                let mut ret = StateReturn::new(name, Some(false), text);
                ret.extra.insert("success", false);
                return Ok(ret);
            }
        };
    }
    let is_highstate = |out: &Value| {
        out.get("outputter").and_then(Value::as_str) == Some("highstate") && out.get("data").is_some()
    };
    let highstates = returned.values().all(is_highstate);
    let mut changes = Map::new();
    for (id, out) in &returned {
        if highstates && let Some(found) = out.get("data").and_then(changes_in) {
            changes.insert(id.clone(), found);
        }
    }
    if !highstates {
        changes.insert("ret", returned.clone());
    }
    let comment = match failed.as_slice() {
        [] => "All runner functions executed successfully.".to_owned(),
        several if highstates => {
            let options = OutputOptions { nested_indent: 2, ..OutputOptions::from_opts(running.opts, false) };
            let shown = |id: &String| {
                let text =
                    render(Some("nested"), returned.get(id.as_str()).unwrap_or(&Value::Null), &options);
                format!("Runner {id} failed with return value:\n{text}")
            };
            several.iter().map(shown).collect::<Vec<_>>().join("\n")
        }
        [one] => format!("Runner {one} failed."),
        several => format!("Runners {} failed.", several.join(", ")),
    };
    Ok(StateReturn::new(name, Some(failed.is_empty()), comment).with(changes))
}

/// The changes of a tree of state returns, below the keys that lead to them; `None` where there are none.
fn changes_in(tree: &Value) -> Option<Value> {
    let tree = tree.as_map()?;
    if let Some(changes) = tree.get("changes") {
        let inner =
            changes.get("ret").filter(|_| changes.get("out").and_then(Value::as_str) == Some("highstate"));
        return Some(inner.unwrap_or(changes)).filter(|changes| changes.truthy()).cloned();
    }
    let found: Map = tree.iter().filter_map(|(key, below)| Some((key.clone(), changes_in(below)?))).collect();
    Some(found.into()).filter(Value::truthy)
}

fn wheel(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let call = |name: &str, kwargs: Map| {
        tell(running, "wheel", map! { "name" => name, "args" => kwargs.clone() });
        running.call("saltutil.wheel", Call { args: vec![name.into()], kwargs })
    };
    on_master(running, args, "Wheel", call)
}

fn wait_for_event(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, key) = (args.str("name")?, args.str("event_id")?);
    if running.test() {
        return Ok(StateReturn::new(
            name.as_str(),
            None,
            format!("Orchestration would wait for event '{name}'"),
        ));
    }
    if args.get("node").as_str() != Some("master") {
        return Err(Fault::NotSupported("salt.wait_for_event on another bus than the master's".to_owned()));
    }
    let mut ids = args.get("id_list").as_list().unwrap_or_default().to_vec();
    let seconds = args.get("timeout").as_float().unwrap_or(300.0);
    let limit = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let mut seen = Vec::new();
    let since = Instant::now();
    let all = running.master.watch(limit, &mut |tag, data| {
        if !fnmatch(&name, tag) {
            return false;
        }
        let inner = || data.get("data").and_then(|inner| inner.get(&key));
        let named = data.get(&key).filter(|value| !value.is_null()).or_else(inner).cloned();
        let named = match named {
            Some(Value::List(several)) => several,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for id in named {
            if let Some(at) = ids.iter().position(|known| *known == id) {
                ids.remove(at);
                seen.push(id);
            }
        }
        ids.is_empty()
    })?;
    let comment = if all {
        format!("All events seen in {} seconds.", since.elapsed().as_secs_f64())
    } else {
        "Timeout value reached.".to_owned()
    };
    let ret = StateReturn::new(name, Some(all), comment);
    Ok(if seen.is_empty() { ret } else { ret.with(map! { "minions_seen" => seen }) })
}

fn on_master(
    running: &Running,
    args: &Args,
    kind: &str,
    call: impl Fn(&str, Map) -> Result<Value, Fault>,
) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    if running.test() {
        return Ok(StateReturn::new(
            name.as_str(),
            None,
            format!("{kind} function '{name}' would be executed."),
        ));
    }
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__") || key == "failhard"));
    let out = call(&name, kwargs)?;
    let returned = out.get("return").cloned().unwrap_or_default();
    let good = out.get("success").is_none_or(Value::truthy) && returned.get("Error").is_none();
    let comment = format!("{kind} function '{name}' {}.", if good { "executed" } else { "failed" });
    let mut ret = StateReturn::new(name, Some(good), comment).with(map! { "return" => returned });
    ret.extra.extend(out.get("jid").map(|jid| ("__jid__", jid.clone())));
    Ok(ret)
}
