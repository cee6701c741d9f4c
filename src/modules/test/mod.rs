//! `test`: is anybody there, and does calling work? Salt: modules/test.py.

mod numbers;
mod registry;
mod versions;

use std::io::Write;
use std::time::Duration;

use crate::crypt::HashType;
use crate::loader::exceptions::{as_python, raise_exception, tuple_repr};
use crate::loader::{
    Args, Call, Context, Default, Fault, Function, Module, always, keywords, opt, req, rest,
};
use crate::map;
use crate::names::SALT_VERSION;
use crate::value::{Map, Value, repr, str_of};

pub(super) static MODULE: Module = Module {
    file: "test",
    provides: "test",
    available: always,
    functions: &[
        Function::new(
            "arg",
            &[rest("args"), keywords("kwargs")],
            "The arguments as they arrived, with what the publish added: `{args, kwargs}`.",
            arg,
        )
        .cheap(),
        Function::new(
            "arg_clean",
            &[rest("args"), keywords("kwargs")],
            "As `test.arg`, without what the publish added (`__pub_*`).",
            arg_clean,
        )
        .cheap(),
        Function::new(
            "arg_repr",
            &[rest("args"), keywords("kwargs")],
            "The arguments in Python's notation, two texts: `{args, kwargs}`.",
            arg_repr,
        )
        .cheap(),
        Function::new(
            "arg_type",
            &[rest("args"), keywords("kwargs")],
            "The types of the arguments: `{args, kwargs}`.",
            arg_type,
        )
        .cheap(),
        Function::new("assertion", &[req("assertion")], "Fails unless its argument is true.", assertion).cheap(),
        Function::new("attr_call", &[], "The grains, by a call from one module to another.", attr_call),
        Function::new(
            "collatz",
            &[req("start")],
            "The Collatz sequence from `start`, and the seconds it took.",
            numbers::collatz,
        ),
        Function::new("conf_test", &[], "The option `test.foo` of the minion's configuration.", conf_test),
        Function::new(
            "cross_test",
            &[req("func"), opt("args", Default::None)],
            "Calls another function by its name, with a list of arguments.",
            cross_test,
        ),
        Function::new("deprecation_warning", &[], "True, after two warnings on standard error.", deprecation_warning),
        Function::new("echo", &[req("text")], "Gives back what it was given.", |_, args| {
            Ok(args.get("text").clone())
        })
        .cheap(),
        Function::new(
            "exception",
            &[opt("message", Default::Str("Test Exception"))],
            "Fails with an exception.",
            |_, args| Err(Fault::exception("Exception", str_of(args.get("message")))),
        )
        .cheap(),
        Function::new("false", &[], "False, always.", |_, _| Ok(Value::Bool(false))).cheap(),
        Function::new(
            "fib",
            &[req("num")],
            "The Fibonacci number of that place, and the seconds it took.",
            numbers::fib,
        ),
        Function::new("get_opts", &[], "Every option of the minion.", |cx, _| Ok(cx.opts.clone().into())),
        Function::new(
            "kwarg",
            &[keywords("kwargs")],
            "The keyword arguments as they arrived, with what the publish added.",
            |_, args| Ok(args.keywords.clone().into()),
        )
        .cheap(),
        Function::new(
            "module_report",
            &[],
            "Functions and modules, by each of the ways in which they can be reached.",
            registry::module_report,
        ),
        Function::new("not_loaded", &[], "Modules that do not work on this host.", registry::not_loaded),
        Function::new("opts_pkg", &[], "Every option of the minion, and its grains.", opts_pkg),
        Function::new(
            "outputter",
            &[req("data")],
            "Gives back what it was given, to try an outputter.",
            |_, args| Ok(args.get("data").clone()),
        )
        .cheap(),
        Function::new("ping", &[], "True: the minion is there and answers.", |_, _| Ok(Value::Bool(true))).cheap(),
        Function::new(
            "provider",
            &[req("module")],
            "The file that provides a module: `aptpkg` for `pkg` on Debian.",
            registry::provider,
        ),
        Function::new(
            "providers",
            &[],
            "Every file that provides a module, with the name of that module.",
            registry::providers,
        ),
        Function::new(
            "raise_exception",
            &[req("name"), rest("args"), keywords("kwargs")],
            "Fails with the exception of that name: one of Python's, or `salt.exceptions.<name>`. False where there \
             is no such exception.",
            raise_exception,
        )
        .cheap(),
        Function::new(
            "rand_sleep",
            &[opt("max", Default::Int(60))],
            "Sleeps for a random number of seconds.",
            rand_sleep,
        ),
        Function::new("rand_str", RANDOM_HASH, "The old name of `test.random_hash`.", random_hash),
        Function::new(
            "random_hash",
            RANDOM_HASH,
            "The hash of a random number up to `size`; of type `hash_type`, or as the minion's option says.",
            random_hash,
        ),
        Function::new(
            "retcode",
            &[opt("code", Default::Int(42))],
            "True, with that return code.",
            |cx, args| {
                cx.set_retcode(args.int("code")?);
                Ok(Value::Bool(true))
            },
        )
        .cheap(),
        Function::new("sleep", &[req("length")], "Sleeps for that many seconds.", |cx, args| {
            let seconds = numbers::python_int(args.get("length"))?;
            let seconds = u64::try_from(seconds)
                .map_err(|_| Fault::exception("ValueError", "sleep length must be non-negative"))?;
            cx.host.sleep(Duration::from_secs(seconds));
            Ok(Value::Bool(true))
        }),
        Function::new("stack", &[], "The stack of this call.", |_, _| {
            Ok(format!("{}", std::backtrace::Backtrace::force_capture()).into())
        }),
        Function::new("true", &[], "True, always.", |_, _| Ok(Value::Bool(true))).cheap(),
        Function::new(
            "try",
            &[req("module"), opt("return_try_exception", Default::False), keywords("kwargs")],
            "Calls a function and gives its result; none where it fails, or the failure with \
             `return_try_exception=True`.",
            try_,
        ),
        Function::new(
            "tty",
            &[rest("args"), keywords("kwargs")],
            "Moved to `cmd.tty`.",
            |_, _| Ok("ERROR: This function has been moved to cmd.tty".into()),
        )
        .cheap(),
        Function::new("version", &[], "The version of Salt.", |_, _| Ok(SALT_VERSION.into())).cheap(),
        Function::new("versions", &[], "As `test.versions_report`.", versions::report),
        Function::new("versions_information", &[], "Versions of Salt and of the system.", versions::information),
        Function::new("versions_report", &[], "Versions of Salt and of the system, as a text.", versions::report),
    ],
};

const RANDOM_HASH: &[crate::loader::Param] =
    &[opt("size", Default::Int(9_999_999_999)), opt("hash_type", Default::None)];

fn arg(_: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(map! { "args" => args.rest.clone(), "kwargs" => args.keywords.clone() }.into())
}

fn arg_clean(_: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(map! { "args" => args.rest.clone(), "kwargs" => clean(&args.keywords) }.into())
}

/// Keyword arguments without what the publish added. Salt: utils/args.py (`clean_kwargs`).
fn clean(kwargs: &Map) -> Map {
    let mut kwargs = kwargs.clone();
    kwargs.retain(|key, _| !str_of(key).starts_with("__"));
    kwargs
}

fn arg_repr(_: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(map! { "args" => tuple_repr(&args.rest), "kwargs" => repr(&args.keywords.clone().into()) }.into())
}

fn arg_type(_: &Context, args: &Args) -> Result<Value, Fault> {
    let class = |value: &Value| -> Value {
        let module = if matches!(value, Value::Time(_)) { "datetime." } else { "" };
        format!("<class '{module}{}'>", value.type_name()).into()
    };
    let kwargs: Map = args.keywords.iter().map(|(key, value)| (key.clone(), class(value))).collect();
    Ok(map! { "args" => Value::list(args.rest.iter().map(class)), "kwargs" => kwargs }.into())
}

fn assertion(_: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("assertion") { Ok(Value::Null) } else { Err(Fault::exception("AssertionError", "")) }
}

fn attr_call(cx: &Context, _: &Args) -> Result<Value, Fault> {
    cx.call("grains.items", Call::default())
}

fn conf_test(cx: &Context, _: &Args) -> Result<Value, Fault> {
    cx.call("config.option", Call::positional(["test.foo".into()]))
}

fn cross_test(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let given = match args.get("args") {
        Value::Null => Vec::new(),
        Value::List(items) => items.clone(),
        // Salt quirk: 3006.25 test.py spreads any iterable, so a text becomes one argument per character.
        Value::Text(text) => text.chars().map(|char| char.to_string().into()).collect(),
        other => {
            return Err(Fault::Type(format!(
                "salt.loaded.int.module.{}() argument after * must be an iterable, not {}",
                args.str("func")?,
                other.type_name()
            )));
        }
    };
    called(cx, &args.str("func")?, Call::positional(given))
}

/// Calls a function as `__salt__[name](…)` does: a missing one is a `KeyError`.
fn called(cx: &Context, fun: &str, call: Call) -> Result<Value, Fault> {
    if cx.registry.function(cx, fun).is_err() {
        return Err(Fault::exception("KeyError", repr(&fun.into())));
    }
    cx.call(fun, call)
}

fn deprecation_warning(_: &Context, _: &Args) -> Result<Value, Fault> {
    for kind in ["version", "date very far into the future (3000-01-01)"] {
        let _ =
            writeln!(std::io::stderr(), "DeprecationWarning: This is a test deprecation warning by {kind}.");
    }
    Ok(Value::Bool(true))
}

fn opts_pkg(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut opts = cx.opts.clone();
    opts.insert("grains", cx.grains.map().clone());
    Ok(opts.into())
}

fn rand_sleep(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let max = u64::try_from(args.int("max")?)
        .map_err(|_| Fault::exception("ValueError", "empty range for randrange()"))?;
    cx.host.sleep(Duration::from_secs(numbers::random_up_to(max)));
    Ok(Value::Bool(true))
}

fn random_hash(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let size = u64::try_from(args.int("size")?)
        .map_err(|_| Fault::exception("ValueError", "empty range for randrange()"))?;
    let name =
        if args.truthy("hash_type") { args.str("hash_type")? } else { configured_hash_type(cx).to_owned() };
    let hash_type: HashType = name.parse().map_err(|_| {
        Fault::exception("AttributeError", format!("module 'hashlib' has no attribute '{name}'"))
    })?;
    Ok(hash_type.hex(numbers::random_up_to(size).to_string()).into())
}

fn configured_hash_type<'a>(cx: &Context<'a>) -> &'a str {
    match cx.opt_str("hash_type") {
        "" => "sha256",
        name => name,
    }
}

fn try_(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let call = Call { args: Vec::new(), kwargs: args.keywords.clone() };
    match called(cx, &args.str("module")?, call) {
        Ok(value) => Ok(value),
        Err(fault) if args.truthy("return_try_exception") => Ok(as_python(&fault).into()),
        Err(_) => Ok(Value::Null),
    }
}
