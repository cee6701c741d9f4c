//! `event`: events for the minion's own bus and for the master. Salt: modules/event.py.

use std::time::Duration;

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, concealed, str_of};

pub(super) static MODULE: Module = Module {
    file: "event",
    provides: "event",
    available: always,
    functions: &[
        Function::new(
            "fire",
            &[req("data"), req("tag")],
            "Fires an event on the minion's own bus: `event.fire '{a: 1}' 'my/tag'`. True when it was sent.",
            |cx, args| Ok(fire(cx, args.get("data"), &str_of(args.get("tag"))).into()),
        ),
        Function::new(
            "fire_master",
            &[req("data"), req("tag"), opt("preload", Default::None)],
            "Fires an event on the master's bus: `event.fire_master '{a: 1}' 'my/tag'`. True when it was sent.",
            |cx, args| {
                let tag = str_of(args.get("tag"));
                Ok(fire_master(cx, args.get("data").clone(), &tag, args.given("preload")).into())
            },
        ),
        Function::new(
            "send",
            &[
                req("tag"),
                opt("data", Default::None),
                opt("preload", Default::None),
                opt("with_env", Default::False),
                opt("with_grains", Default::False),
                opt("with_pillar", Default::False),
                opt("with_env_opts", Default::False),
                keywords("kwargs"),
            ],
            "Fires an event on the master's bus, with any keywords as its data: `event.send my/tag a=1`. The \
             environment, grains or pillar of the minion go along when asked for: all, or a list of names.",
            send,
        ),
    ],
};

/// Without a master, or told to do without.
fn is_local(cx: &Context) -> bool {
    let is = |name: &str| cx.opts.get(name).is_some_and(Value::truthy);
    (is("local") || cx.opt_str("file_client") == "local") && !is("use_master_when_local")
}

fn fire(cx: &Context, data: &Value, tag: &str) -> bool {
    let Value::Map(data) = concealed(data.clone()) else {
        // Salt's bus takes nothing but maps.
        return false;
    };
    match cx.minion.fire(tag, data) {
        Ok(()) => true,
        Err(error) => {
            crate::log::debug!(tag, %error, "the event could not be fired");
            false
        }
    }
}

fn fire_master(cx: &Context, data: Value, tag: &str, preload: Option<&Value>) -> bool {
    if is_local(cx) {
        crate::log::warn!(tag, "Local mode detected. The event will NOT be sent.");
        return false;
    }
    let data = concealed(data);
    let preload = preload.filter(|preload| preload.truthy());
    if preload.is_none() && cx.opt_str("__cli") != "salt-call" {
        let event = map! { "data" => data, "tag" => tag, "events" => Value::Null, "pretag" => Value::Null };
        return fire(cx, &event.into(), "fire_master");
    }
    let mut load = map! { "id" => cx.opt_str("id"), "tag" => tag, "data" => data, "cmd" => "_minion_event" };
    if let Some(Value::Map(preload)) = preload {
        load.extend(preload.clone());
    }
    match cx.minion.request(load, Duration::from_secs(60)) {
        Ok(_) => true,
        Err(error) => {
            crate::log::debug!(tag, %error, "the event could not be sent");
            false
        }
    }
}

fn send(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut data = Map::new();
    let environment = || cx.host.env_all().into_iter().collect::<Map>();
    for (name, key, all) in [
        ("with_env", "environ", environment()),
        ("with_grains", "grains", cx.grains.map().clone()),
        ("with_pillar", "pillar", cx.pillar.map().clone()),
    ] {
        match args.get(name) {
            Value::List(names) => {
                let wanted = all.into_iter().filter(|(key, _)| names.contains(key));
                data.insert(key, wanted.collect::<Map>());
            }
            asked if asked.truthy() => {
                data.insert(key, all);
            }
            _ => {}
        }
    }
    if args.truthy("with_env_opts") {
        data.insert("saltenv", cx.opts.get("saltenv").cloned().unwrap_or_else(|| "base".into()));
        data.insert("pillarenv", cx.opts.get("pillarenv").cloned());
    }
    data.extend(args.keywords.clone());
    if let Value::Map(more) = args.get("data") {
        data.extend(more.clone());
    }
    let tag = str_of(args.get("tag"));
    let disabled = cx.opt_str("master_type") == "disable"
        && !cx.opts.get("use_master_when_local").is_some_and(Value::truthy);
    let sent = if is_local(cx) || disabled {
        fire(cx, &data.into(), &tag)
    } else {
        fire_master(cx, data.into(), &tag, args.given("preload"))
    };
    Ok(sent.into())
}
