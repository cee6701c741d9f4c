//! `cmd`: commands and scripts. Salt: states/cmd.py.

mod stateful;

use std::path::Path;

use crate::loader::{
    Args, Call, Default, Fault, Param, Running, State, StateReturn, StateRun, States, always, keywords, opt,
    req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const fn none(name: &'static str) -> Param {
    opt(name, Default::None)
}

const LOGLEVEL: Param = opt("output_loglevel", Default::Str("debug"));
const STATEFUL: Param = opt("stateful", Default::False);
const HIDE: Param = opt("hide_output", Default::False);
const VT: Param = opt("use_vt", Default::False);

const RUN: &[Param] = &[
    req("name"),
    none("cwd"),
    none("root"),
    none("runas"),
    none("shell"),
    none("env"),
    none("prepend_path"),
    STATEFUL,
    LOGLEVEL,
    HIDE,
    none("timeout"),
    opt("ignore_timeout", Default::False),
    VT,
    none("success_retcodes"),
    none("success_stdout"),
    none("success_stderr"),
    keywords("kwargs"),
];

const WAIT: &[Param] = &[
    req("name"),
    none("cwd"),
    none("root"),
    none("runas"),
    none("shell"),
    opt("env", Default::EmptyList),
    STATEFUL,
    LOGLEVEL,
    HIDE,
    VT,
    none("success_retcodes"),
    none("success_stdout"),
    none("success_stderr"),
    keywords("kwargs"),
];

const SCRIPT: &[Param] = &[
    req("name"),
    none("source"),
    none("template"),
    none("cwd"),
    none("runas"),
    none("password"),
    none("shell"),
    none("env"),
    STATEFUL,
    none("timeout"),
    VT,
    LOGLEVEL,
    HIDE,
    none("defaults"),
    none("context"),
    none("success_retcodes"),
    none("success_stdout"),
    none("success_stderr"),
    keywords("kwargs"),
];

const WAIT_SCRIPT: &[Param] = &[
    req("name"),
    none("source"),
    none("template"),
    none("cwd"),
    none("runas"),
    none("shell"),
    none("env"),
    STATEFUL,
    VT,
    LOGLEVEL,
    HIDE,
    none("success_retcodes"),
    none("success_stdout"),
    none("success_stderr"),
    keywords("kwargs"),
];

const CALL: &[Param] = &[
    req("name"),
    req("func"),
    opt("args", Default::EmptyList),
    none("kws"),
    LOGLEVEL,
    HIDE,
    VT,
    keywords("kwargs"),
];

const WAIT_CALL: &[Param] = &[
    req("name"),
    req("func"),
    opt("args", Default::EmptyList),
    none("kws"),
    STATEFUL,
    VT,
    LOGLEVEL,
    HIDE,
    keywords("kwargs"),
];

pub(super) static STATES: States = States {
    file: "cmd",
    provides: "cmd",
    available: always,
    functions: &[
        State::new("call", CALL, "For functions of Python's, which no SLS file can give: fails.", call),
        State::new("run", RUN, "Runs a command.", run),
        State::new("script", SCRIPT, "Fetches a script and runs it.", script),
        State::new("wait", WAIT, "Runs a command when something that it watches has changed.", nothing),
        State::new(
            "wait_call",
            WAIT_CALL,
            "As `cmd.call`, when something that it watches has changed.",
            nothing,
        ),
        State::new(
            "wait_script",
            WAIT_SCRIPT,
            "Runs a script when something that it watches has changed.",
            nothing,
        ),
        State::new("watch", WAIT, "As `cmd.wait`.", nothing),
    ],
    mod_watch: Some(&State::new("mod_watch", &[req("name"), keywords("kwargs")], "Runs it.", mod_watch)),
    mod_aggregate: None,
};

fn nothing(_: &Running, args: &Args) -> Result<StateReturn, Fault> {
    Ok(StateReturn::new(args.get("name").clone(), Some(true), ""))
}

/// What Python says of what an SLS file gives as `func`, and before that of its arguments: none of it can be called.
fn call(_: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (func, positional, named) = (args.get("func"), args.get("args"), args.get("kws"));
    let wrong = |stars: &str, what: &str, given: &Value| {
        format!("{} argument after {stars} must be {what}, not {}", str_of(func), given.type_name())
    };
    Err(Fault::Type(if named.truthy() && named.as_map().is_none() {
        wrong("**", "a mapping", named)
    } else if !matches!(positional, Value::List(_) | Value::Map(_) | Value::Text(_)) {
        wrong("*", "an iterable", positional)
    } else {
        let kind = if func.as_map().is_some() { "collections.OrderedDict" } else { func.type_name() };
        format!("'{kind}' object is not callable")
    }))
}

fn mod_watch(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut kwargs = args.keywords.clone();
    let name = args.get("name").clone();
    let kind = kwargs.remove("sfun").map(|kind| str_of(&kind)).unwrap_or_default();
    kwargs.remove("__reqs__");
    let (row, work): (&str, StateRun) = match kind.as_str() {
        "wait" | "run" | "watch" => ("run", run),
        "wait_script" | "script" => ("script", script),
        "wait_call" | "call" if kwargs.get("func").is_some_and(Value::truthy) => {
            kwargs.insert("name", name);
            return call(running, &State::new("call", CALL, "", call).bind(kwargs)?);
        }
        "wait_call" | "call" => {
            let comment = format!("cmd.{kind} needs a named parameter func");
            return Ok(StateReturn::new(name, Some(false), comment));
        }
        _ => {
            let comment = format!(
                "cmd.{kind} does not work with the watch requisite, please use cmd.wait or cmd.wait_script"
            );
            return Ok(StateReturn::new(name, Some(false), comment));
        }
    };
    let stateful = kwargs.remove("stateful").is_some_and(|stateful| stateful.truthy());
    kwargs.insert("name", name);
    let params = if row == "run" { RUN } else { SCRIPT };
    let args = State::new("mod_watch", params, "", work).bind(kwargs)?;
    let outcome = work(running, &args)?;
    if stateful { stateful::reinterpreted(outcome) } else { Ok(outcome) }
}

/// What `stateful` asks for: whether, and the command that stands in for it with `test=True`.
fn stateful_of(args: &Args) -> (bool, Option<Value>) {
    match args.get("stateful") {
        Value::List(items) => (true, items.first().and_then(|first| first.get("test_name")).cloned()),
        other => (*other == Value::Bool(true), None),
    }
}

fn finish(outcome: StateReturn, stateful: bool) -> Result<StateReturn, Fault> {
    if stateful { stateful::reinterpreted(outcome) } else { Ok(outcome) }
}

fn bad_env(args: &Args) -> bool {
    !matches!(args.get("env"), Value::Null | Value::List(_) | Value::Map(_))
}

fn shell(running: &Running, args: &Args) -> Value {
    match args.get("shell") {
        shell if shell.truthy() => shell.clone(),
        _ => running.grains.get("shell").cloned().unwrap_or_default(),
    }
}

/// Keywords for the execution module: those of the state that `names` lists, and all that the state does not know.
fn passed(running: &Running, args: &Args, names: &[&'static str]) -> Map {
    let mut kwargs = args.keywords.clone();
    for name in names {
        kwargs.insert(*name, args.get(name).clone());
    }
    kwargs.insert("shell", shell(running, args));
    kwargs.insert("python_shell", true);
    for own in ["sfun", "__reqs__"] {
        kwargs.remove(own);
    }
    kwargs
}

fn run(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (stateful, test_name) = stateful_of(args);
    let mut name = str_of(args.get("name"));
    let stands_in = running.test() && test_name.is_some();
    if let Some(test_name) = test_name.filter(|_| running.test()) {
        name = str_of(&test_name);
    }
    let failed = |comment: String| StateReturn::new(args.get("name").clone(), Some(false), comment);
    if bad_env(args) {
        return Ok(failed("Invalidly-formatted 'env' parameter. See documentation.".to_owned()));
    }
    if running.test() && !stands_in {
        let comment = format!("Command \"{name}\" would have been executed");
        let outcome = StateReturn::new(args.get("name").clone(), None, comment).with(map! { "cmd" => name });
        return finish(outcome, stateful);
    }
    if let Some(cwd) = args.get("cwd").as_str().filter(|cwd| !cwd.is_empty() && !Path::new(cwd).is_dir()) {
        return Ok(failed(format!("Desired working directory \"{cwd}\" is not available")));
    }
    let names = &[
        "cwd",
        "runas",
        "use_vt",
        "env",
        "prepend_path",
        "output_loglevel",
        "hide_output",
        "success_retcodes",
        "success_stdout",
        "success_stderr",
        "timeout",
    ];
    let mut kwargs = passed(running, args, names);
    kwargs.insert("cmd", name.as_str());
    let fun = if args.truthy("root") { "cmd.run_chroot" } else { "cmd.run_all" };
    if args.truthy("root") {
        kwargs.insert("root", args.get("root").clone());
    }
    let all = match running.call(fun, Call { args: Vec::new(), kwargs }) {
        Ok(Value::Map(all)) => all,
        Ok(other) => return Ok(failed(str_of(&other))),
        Err(fault @ Fault::NotSupported(_)) => return Err(fault),
        Err(fault) => return Ok(failed(fault.to_string())),
    };
    judged(running, args, all, format!("Command \"{name}\" run"), stateful)
}

/// A state's return of what a command did.
fn judged(
    running: &Running,
    args: &Args,
    mut all: Map,
    comment: String,
    stateful: bool,
) -> Result<StateReturn, Fault> {
    // A script that could not be started has none.
    let retcode = all.get("retcode").ok_or_else(|| Fault::exception("KeyError", "'retcode'"))?;
    let mut good = !retcode.truthy();
    let timed_out = all.str("stdout").is_some_and(|text| text.contains("Timed out after"));
    if args.truthy("ignore_timeout") && all.get("retcode") == Some(&Value::Int(1)) && timed_out {
        all.insert("retcode", 0);
        good = true;
    }
    let succeeded = all.get("retcode") == Some(&Value::Int(0));
    let mut outcome =
        finish(StateReturn::new(args.get("name").clone(), Some(good), comment).with(all), stateful)?;
    if running.test() && succeeded && outcome.changes.truthy() {
        outcome.result = None;
    }
    Ok(outcome)
}

fn script(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (stateful, test_name) = stateful_of(args);
    let mut name = str_of(args.get("name"));
    let stands_in = running.test() && test_name.is_some();
    if let Some(test_name) = test_name.filter(|_| running.test()) {
        name = str_of(&test_name);
    }
    let outcome = |result: Option<bool>, comment: String| StateReturn::new(name.as_str(), result, comment);
    if bad_env(args) {
        return Ok(outcome(
            Some(false),
            "Invalidly-formatted 'env' parameter. See documentation.".to_owned(),
        ));
    }
    for option in ["context", "defaults"] {
        if args.truthy(option) && !matches!(args.get(option), Value::Map(_)) {
            let comment = format!("Invalidly-formatted '{option}' parameter. Must be formed as a dict.");
            return Ok(outcome(Some(false), comment));
        }
    }
    if running.test() && !stands_in {
        let ret = outcome(None, format!("Command '{name}' would have been executed"));
        return finish(ret, stateful);
    }
    if let Some(cwd) = args.get("cwd").as_str().filter(|cwd| !cwd.is_empty() && !Path::new(cwd).is_dir()) {
        return Ok(outcome(Some(false), format!("Desired working directory \"{cwd}\" is not available")));
    }
    let names = &[
        "runas",
        "password",
        "env",
        "cwd",
        "template",
        "timeout",
        "output_loglevel",
        "hide_output",
        "use_vt",
        "success_retcodes",
        "success_stdout",
        "success_stderr",
    ];
    let mut kwargs = passed(running, args, names);
    let mut context = args.get("defaults").as_map().cloned().unwrap_or_default();
    context.extend(args.get("context").as_map().cloned().unwrap_or_default());
    kwargs.insert("context", context);
    let saltenv = running.low.get("__env__").map_or_else(|| "base".to_owned(), str_of);
    kwargs.insert("saltenv", saltenv.as_str());
    if !kwargs.get("args").is_some_and(Value::truthy)
        && let Some((_, words)) = name.split_once(' ').filter(|(_, words)| !words.trim().is_empty())
    {
        kwargs.insert("args", words);
    }
    let source = args.given("source").cloned().unwrap_or_else(|| name.as_str().into());
    let shown = str_of(&source);
    let all = match running.call("cmd.script", Call { args: vec![source], kwargs }) {
        Ok(Value::Map(all)) => all,
        Ok(other) => return Ok(outcome(Some(false), str_of(&other))),
        Err(
            Fault::Execution { text, .. }
            | Fault::NotFound(text)
            | Fault::Exception { kind: "salt.exceptions.SaltRenderError", text },
        ) => return Ok(outcome(Some(false), text)),
        Err(fault) => return Err(fault),
    };
    let comment = if all.get("cache_error").is_some_and(Value::truthy) {
        let near = running.cx.near_source(&shown, &saltenv);
        format!("Unable to cache script {shown} from saltenv '{saltenv}'{near}")
    } else {
        format!("Command '{name}' run")
    };
    let mut ret = judged(running, args, all, comment, stateful)?;
    ret.name = name.into();
    Ok(ret)
}
