//! `publish`: jobs that a minion asks its master to start on other minions (the master's `peer` and `peer_run` say
//! which). Salt: modules/publish.py; salt-wire.md §12.2.

use std::time::Duration;

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of, yaml};

pub(super) static MODULE: Module = Module {
    file: "publish",
    provides: "publish",
    available: always,
    functions: &[
        Function::new(
            "full_data",
            &[
                req("tgt"),
                req("fun"),
                opt("arg", Default::None),
                opt("tgt_type", Default::Str("glob")),
                opt("returner", Default::Str("")),
                opt("timeout", Default::Int(5)),
            ],
            "As `publish.publish`, with everything that is known of each return: `{id: {ret, …}}`.",
            |cx, args| publish(cx, args, Form::Full),
        ),
        Function::new(
            "publish",
            &[
                req("tgt"),
                req("fun"),
                opt("arg", Default::None),
                opt("tgt_type", Default::Str("glob")),
                opt("returner", Default::Str("")),
                opt("timeout", Default::Int(5)),
                opt("via_master", Default::None),
            ],
            "Runs a function on other minions: `publish.publish '*' test.echo '[hello]'` gives `{id: result}`. The \
             master has to allow it (`peer`).",
            |cx, args| publish(cx, args, Form::Clean),
        ),
        Function::new(
            "runner",
            &[req("fun"), opt("arg", Default::None), opt("timeout", Default::Int(5))],
            "Runs a runner on the master. The master has to allow it (`peer_run`).",
            runner,
        ),
    ],
};

/// How often the master is asked for returns.
const INTERVAL: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Clean,
    Full,
}

/// One argument, or a list of them, as text or value.
fn arguments(arg: &Value) -> Vec<Value> {
    let arg = match arg {
        Value::Text(text) => yaml::yamlify_arg(text),
        other => other.clone(),
    };
    match arg {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        one => vec![one],
    }
}

fn seconds(args: &Args) -> Duration {
    let seconds = args.get("timeout").as_float().or_else(|| str_of(args.get("timeout")).parse().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(5.0).max(0.0)).unwrap_or(Duration::from_secs(5))
}

/// Salt looks for `master_uri`, which is there once a master is connected; here the connection is asked, unless
/// `salt-call --local` wants none.
fn without_master(cx: &Context) -> bool {
    cx.opts.str("file_client") == Some("local") && !cx.opts.contains("master_uri")
}

fn publish(cx: &Context, args: &Args, form: Form) -> Result<Value, Fault> {
    let nothing = || Ok(Map::new().into());
    if without_master(cx) {
        crate::log::error!(
            "Cannot run publish commands without a connection to a salt master. No command sent."
        );
        return nothing();
    }
    let fun = str_of(args.get("fun"));
    if fun.starts_with("publish.") {
        crate::log::info!("Cannot publish publish calls. Returning {{}}");
        return nothing();
    }
    if args.truthy("via_master") {
        return Err(Fault::NotSupported("publish.publish via_master".to_owned()));
    }
    let load = map! {
        "cmd" => "minion_pub",
        "fun" => fun.as_str(),
        "arg" => arguments(args.get("arg")),
        "tgt" => args.get("tgt").clone(),
        "tgt_type" => args.get("tgt_type").clone(),
        "ret" => args.get("returner").clone(),
        "tmo" => args.get("timeout").clone(),
        "form" => if form == Form::Clean { "clean" } else { "full" },
        "id" => cx.opt_str("id"),
        "no_parse" => no_parse(cx),
    };
    let published = match cx.minion.request(load, Duration::from_secs(60)) {
        Ok(published) => published,
        Err(Fault::Unreachable(_)) => return Ok(format!("'{fun}' publish timed out").into()),
        Err(fault) => return Err(fault),
    };
    let minions: Vec<Value> =
        published.get("minions").and_then(Value::as_list).map(<[Value]>::to_vec).unwrap_or_default();
    let Some(jid) = published.get("jid").filter(|_| !minions.is_empty()) else { return nothing() };
    let load = map! { "cmd" => "pub_ret", "id" => cx.opt_str("id"), "jid" => jid.clone() };
    let (timeout, mut waited) = (seconds(args), Duration::ZERO);
    loop {
        let found = cx.minion.request(load.clone(), Duration::from_secs(60))?;
        let returns = found.as_map().cloned().unwrap_or_default();
        if minions.iter().all(|id| returns.get_value(id).is_some()) || waited > timeout {
            return Ok(match form {
                Form::Full => returns.into(),
                Form::Clean => {
                    let ret = |value: Value| value.get("ret").cloned().unwrap_or_default();
                    returns.into_iter().map(|(id, value)| (id, ret(value))).collect::<Map>().into()
                }
            });
        }
        cx.host.sleep(INTERVAL);
        waited += INTERVAL;
    }
}

fn no_parse(cx: &Context) -> Value {
    cx.opts.get("no_parse").cloned().unwrap_or_else(|| Value::List(Vec::new()))
}

fn runner(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if without_master(cx) {
        return Ok("No access to master. If using salt-call with --local, please remove.".into());
    }
    let fun = str_of(args.get("fun"));
    let load = map! {
        "cmd" => "minion_runner",
        "fun" => fun.as_str(),
        "arg" => arguments(args.get("arg")),
        "tmo" => args.get("timeout").clone(),
        "id" => cx.opt_str("id"),
        "no_parse" => no_parse(cx),
    };
    match cx.minion.request(load, Duration::from_secs(60)) {
        Err(Fault::Unreachable(_)) => Ok(format!("'{fun}' runner publish timed out").into()),
        answered => answered,
    }
}
