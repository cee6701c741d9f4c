//! Running the functions of a job. Synchronous: in a job process, or on a thread of the daemon. Salt: minion.py
//! (`_execute_job_function`, `_thread_return`).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::executors::Executors;
use super::job::{Job, Step, Work, return_load};
use super::scheduled::SCHEDULE;
use crate::event::tags;
use crate::loader::{Call, Context, Fault, Function, Param, Registry, Returned, Scope, bind, settle};
use crate::map;
use crate::value::{Map, Value, concealed, str_of};

/// Runs every function of `job` in `scope` and gives the `_return` load. Never panics: a panic of a function is the
/// failure of that function.
pub fn run(job: &Job, scope: Scope<'_>) -> Map {
    let id = scope.opts.str("id").unwrap_or_default();
    let ordered = scope.opts.get("multifunc_ordered").is_some_and(Value::truthy);
    let scope = Scope { published: &job.load, ..scope };
    let results = match &job.work {
        Work::One(step) => vec![run_step(step, job, scope)],
        Work::Many(steps) => steps.iter().map(|step| run_step(step, job, scope)).collect(),
    };
    return_load(id, job, results, ordered)
}

/// What calling a function came to, before anybody says so in words.
pub struct Called {
    /// The row, where there is such a function.
    pub function: Option<&'static Function>,
    pub outcome: Result<Value, Fault>,
    /// What the function left in its context.
    pub retcode: i64,
}

/// Calls a function; `prepare` gives its arguments, and `executors` have their say. Never panics.
pub fn call(
    fun: &str,
    scope: Scope<'_>,
    executors: &Executors<'_>,
    prepare: impl FnOnce(&Function) -> Result<Call, Fault>,
) -> Called {
    let cx = Context::new(scope);
    let mut function = None;
    let outcome = guarded(|| {
        let found = scope.registry.function(&cx, fun)?;
        function = Some(found);
        let mut call = prepare(found)?;
        match executors.pass(&cx, fun, &mut call)? {
            Some(value) => Ok(value),
            None => (found.run)(&cx, &bind(found, call)?),
        }
    });
    // What shows the pillar shows all of it, to whom may ask for it.
    let outcome = if fun.starts_with("pillar.") { outcome } else { outcome.map(concealed) };
    Called { function, outcome, retcode: cx.retcode() }
}

/// Calls a function and makes a return of what it came to, as a job does. `tells`: an exception is told on the bus, too.
/// Salt: utils/error.py (`fire_exception`).
fn run_call(
    fun: &str,
    scope: Scope<'_>,
    tells: bool,
    executors: &Executors<'_>,
    prepare: impl FnOnce(&Function) -> Result<Call, Fault>,
) -> Returned {
    let Called { function, outcome, retcode } = call(fun, scope, executors, prepare);
    if let Err(Fault::NotAvailable(text)) = &outcome
        && let Some(docs) = near_misses(fun, text, scope)
    {
        return Returned { value: docs.into(), retcode: 1, success: false, out: Some("nested".to_owned()) };
    }
    let failed = outcome.is_err();
    if tells && matches!(outcome, Err(Fault::Exception { .. })) {
        let raised = "The minion function caused an exception";
        let data = map! { "message" => raised, "args" => Value::list([raised]) };
        // Where there is no bus, nobody listens.
        let _ = scope.minion.fire(tags::SALT_ERROR, data);
    }
    let mut returned = settle(fun, function, outcome, retcode);
    if failed {
        returned.value = concealed(returned.value);
    }
    returned
}

fn run_step(step: &Step, job: &Job, scope: Scope<'_>) -> Returned {
    if let Err(fault) = refuse_in_blackout(&step.fun, &scope) {
        return settle(&step.fun, None, Err(fault), 0);
    }
    let scheduled = job.load.contains(SCHEDULE);
    // Salt quirk: one function of several, and a scheduled one, fail without a word on the bus.
    let tells = !scheduled && matches!(job.work, Work::One(_));
    let executors = Executors::of(&job.load, scope.opts);
    run_call(&step.fun, scope, tells, &executors, |function| {
        if scheduled {
            Ok(as_written(function, &step.arg, &job.load))
        } else {
            Call::from_published(function, &step.arg, &job.load)
        }
    })
}

/// The arguments of a scheduled job: as they are written there, not as words of a command line.
fn as_written(function: &Function, arg: &[Value], published: &Map) -> Call {
    let mut args = arg.to_vec();
    let mut call = Call { kwargs: Call::take_keywords(&mut args), args };
    if function.params.iter().any(Param::is_open) {
        for (key, value) in published {
            call.kwargs.insert(format!("__pub_{}", str_of(key)), value.clone());
        }
    }
    call
}

fn guarded(run: impl FnOnce() -> Result<Value, Fault>) -> Result<Value, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Fault::exception("panic", said(&*panic))))
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

/// Functions that begin like the one asked for, or are of the module asked for: Salt answers with their documentation.
pub fn near_misses(fun: &str, text: &str, scope: Scope<'_>) -> Option<Map> {
    if scope.registry.row(fun).is_some() {
        return None;
    }
    let cx = Context::new(scope);
    let mut docs = Map::new();
    for module in scope.registry.available(&cx) {
        for function in module.functions {
            let name = format!("{}.{}", module.provides, function.name);
            if name.starts_with(fun) {
                docs.insert(name, function.doc);
            }
        }
    }
    if docs.is_empty() {
        return None;
    }
    docs.insert(fun, text);
    Some(docs)
}

/// `minion_blackout` in pillar or grains.
fn refuse_in_blackout(fun: &str, scope: &Scope<'_>) -> Result<(), Fault> {
    let blacked_out = |data: &Map| {
        let listed = || {
            let whitelist =
                data.get("minion_blackout_whitelist").and_then(Value::as_list).unwrap_or_default();
            whitelist.iter().any(|item| item.as_str() == Some(fun))
        };
        data.get("minion_blackout").is_some_and(Value::truthy)
            && fun != "saltutil.refresh_pillar"
            && !listed()
    };
    if blacked_out(&scope.pillar) || blacked_out(&scope.grains) {
        return Err(Fault::invocation(
            "Minion in blackout mode. Set 'minion_blackout' to False in pillar or grains to resume operations. Only \
             saltutil.refresh_pillar allowed in blackout mode.",
        ));
    }
    Ok(())
}

/// The registry without what the options `disable_modules` and `whitelist_modules` take away.
pub fn allowed(registry: Registry, opts: &Map) -> Registry {
    let list = |name: &str| -> Option<Vec<String>> {
        match opts.get(name)? {
            Value::Text(text) => Some(vec![text.clone()]),
            Value::List(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            _ => None,
        }
        .filter(|names: &Vec<String>| !names.is_empty())
    };
    let (disabled, whitelist) = (list("disable_modules"), list("whitelist_modules"));
    if disabled.is_none() && whitelist.is_none() {
        return registry;
    }
    let named = |names: &[String], file: &str, provides: &str| {
        names.iter().any(|name| name == file || name == provides)
    };
    registry.keep(|module| {
        let in_list = |names: &Vec<String>| named(names, module.file, module.provides);
        !disabled.as_ref().is_some_and(in_list) && whitelist.as_ref().is_none_or(in_list)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{FakeHost, Host as _};
    use crate::loader::{Module, Nowhere, always, keywords, req};

    static MODULE: Module = Module {
        file: "try",
        provides: "try",
        available: always,
        functions: &[
            Function::new("code", &[], "Leaves a retcode.", |cx, _| {
                cx.set_retcode(7);
                Ok("seven".into())
            }),
            Function::new("echo", &[req("text")], "Gives back.", |_, args| Ok(args.get("text").clone())),
            Function::new("panics", &[], "Panics.", |_, _| panic!("oh no")),
            Function::new("published", &[keywords("kwargs")], "What was published.", |_, args| {
                Ok(args.keywords.get("__pub_jid").cloned().unwrap_or_default())
            }),
        ],
    };

    /// In the place of the true `cmd`: says which words it was given, as a `salt-call` would.
    static CMD: Module = Module {
        file: "cmdmod",
        provides: "cmd",
        available: always,
        functions: &[Function::new("run_all", &[req("cmd"), keywords("kwargs")], "Says.", |cx, args| {
            if cx.opts.contains("broken") {
                return Ok(map! { "retcode" => 9, "stderr" => " sudo: no\n" }.into());
            }
            let words: Vec<_> = args.get("cmd").as_list().unwrap_or_default().iter().map(str_of).collect();
            let said = format!(r#"{{"local": {{"return": "{}", "retcode": 5}}}}"#, words.join(" "));
            Ok(map! { "retcode" => 0, "stdout" => said }.into())
        })],
    };

    fn run_one(fun: impl Into<Value>, arg: Value, opts: Map, pillar: Map) -> Map {
        let load = map! { "fun" => fun, "arg" => arg, "jid" => "20260102030405678901", "tgt" => "*" };
        let job = Job::parse(load).expect("a job");
        let registry = allowed(Registry::new(&[&[&MODULE, &CMD]]), &opts);
        let no_grains = Map::new();
        let host = FakeHost::default();
        host.set_env("PATH", opts.str("PATH"));
        let scope = Scope {
            opts: &opts,
            grains: (&no_grains).into(),
            pillar: (&pillar).into(),
            published: &Map::new(),
            registry: &registry,
            host: &host,
            minion: &Nowhere,
            master: &Nowhere,
        };
        run(&job, scope)
    }

    fn opts() -> Map {
        map! { "id" => "web1" }
    }

    fn none() -> Value {
        Value::List(Vec::new())
    }

    #[test]
    fn a_function_returns_with_its_retcode() {
        let load = run_one("try.code", none(), opts(), map! {});
        assert_eq!((load.get("retcode"), load.get("success")), (Some(&7.into()), Some(&false.into())));
        assert_eq!(load.str("return"), Some("seven"));
        let load = run_one("try.published", none(), opts(), map! {});
        assert_eq!(load.str("return"), Some("20260102030405678901"));
    }

    #[test]
    fn a_panic_is_the_failure_of_its_function_only() {
        let funs = Value::list(["try.panics", "try.echo"]);
        let load = run_one(funs, Value::list([none(), Value::list(["still here"])]), opts(), map! {});
        let returned = load.get("return").and_then(Value::as_map).expect("a map");
        let text = returned.str("try.panics").unwrap_or_default();
        assert!(
            text.starts_with("The minion function caused an exception: ") && text.contains("panic: oh no"),
            "{text}"
        );
        assert_eq!(returned.str("try.echo"), Some("still here"));
    }

    #[test]
    fn a_function_that_is_not_there_is_named_and_near_ones_are_explained() {
        let load = run_one("no.such", none(), opts(), map! {});
        assert_eq!(load.str("return"), Some("'no.such' is not available."));
        let load = run_one("try.ec", none(), opts(), map! {});
        let expected = map! { "try.echo" => "Gives back.", "try.ec" => "'try.ec' is not available." };
        assert_eq!(load.get("return"), Some(&expected.into()));
        assert_eq!(load.get("retcode"), Some(&1.into()));
    }

    #[test]
    fn a_blackout_refuses_all_but_what_is_listed() {
        let pillar =
            map! { "minion_blackout" => true, "minion_blackout_whitelist" => Value::list(["try.code"]) };
        let load = run_one("try.echo", Value::list(["x"]), opts(), pillar.clone());
        assert!(load.str("return").is_some_and(|text| text.contains("Minion in blackout mode")), "{load:?}");
        assert_eq!(run_one("try.code", none(), opts(), pillar).str("return"), Some("seven"));
    }

    #[test]
    fn a_minion_with_sudo_user_has_another_salt_call_run_its_jobs() {
        let folder = std::env::temp_dir().join(format!("halite-sudo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        for program in ["sudo", "salt-call"] {
            std::fs::copy("/bin/sh", folder.join(program)).expect("a program");
        }
        let run = |more: Map| {
            let path = folder.display().to_string();
            let mut opts = map! { "sudo_user" => "deploy", "config_dir" => "/etc/salt", "PATH" => path };
            opts.extend(more);
            let load = run_one("try.echo", Value::list(["a b"]), opts, map! {});
            (load.str("return").unwrap_or_default().to_owned(), load.get("retcode").and_then(Value::as_int))
        };
        let asked =
            "sudo -u deploy salt-call --priv deploy --out json --metadata -c /etc/salt -- try.echo a b";
        assert_eq!(run(map! {}), (asked.to_owned(), Some(5)));
        assert_eq!(run(map! { "broken" => true }), (" sudo: no\n".to_owned(), Some(9)));
        // It stands in the place of the last one, and not where a salt-call is what runs.
        let first = map! { "module_executors" => Value::list(["direct_call", "splay"]) };
        assert_eq!(run(first), ("a b".to_owned(), Some(0)));
        assert_eq!(run(map! { "caller" => true }), ("a b".to_owned(), Some(0)));
        let opts = map! { "sudo_user" => "deploy" };
        assert!(!Executors::of(&map! {}, &opts).are_direct());
        assert!(Executors::of(&map! { SCHEDULE => "daily" }, &opts).are_direct());
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn disabled_modules_and_unknown_executors_are_refused() {
        let mut disabled = opts();
        disabled.insert("disable_modules", Value::list(["try"]));
        assert_eq!(
            run_one("try.code", none(), disabled, map! {}).str("return"),
            Some("'try.code' is not available.")
        );
        let mut executor = opts();
        executor.insert("module_executors", Value::list(["nope", "direct_call"]));
        let load = run_one("try.code", none(), executor, map! {});
        assert_eq!(load.str("return"), Some("ERROR executing 'try.code': Executor 'nope' is not available"));
    }
}
