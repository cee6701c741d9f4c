//! `reactor`: what the master reacts to, and whether it does. Salt: runners/reactor.py.

use crate::loader::{Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::value::{Map, Value};

const UNUSED: [Param; 2] = [opt("saltenv", Default::Str("base")), opt("test", Default::None)];

pub(super) static MODULE: Module = Module {
    file: "reactor",
    provides: "reactor",
    available: always,
    functions: &[
        Function::new(
            "add",
            &[req("event"), req("reactors"), UNUSED[0], UNUSED[1]],
            "Has the master react to a tag with these SLS files until it is started anew. `{status, comment}`.",
            |cx, args| {
                let (event, reactors) = (args.get("event").clone(), args.get("reactors").clone());
                let reactors = match reactors {
                    Value::Text(one) => Value::list([one]),
                    several => several,
                };
                change(cx, |reactions| {
                    if reactions.iter().any(|reaction| is_for(reaction, &event)) {
                        return said(false, "Reactor already exists.");
                    }
                    reactions.push([(event.clone(), reactors.clone())].into_iter().collect::<Map>().into());
                    said(true, "Reactor added.")
                })
            },
        ),
        Function::new(
            "delete",
            &[req("event"), UNUSED[0], UNUSED[1]],
            "Has the master no longer react to a tag. `{status, comment}`.",
            |cx, args| {
                let event = args.get("event").clone();
                change(cx, |reactions| {
                    let Some(place) = reactions.iter().position(|reaction| is_for(reaction, &event)) else {
                        return said(false, "Reactor does not exists.");
                    };
                    reactions.remove(place);
                    said(true, "Reactor deleted.")
                })
            },
        ),
        Function::new("is_leader", &[], "Whether the master reacts to events.", |cx, _| {
            cx.master.reactor(&mut |_, leader| (*leader).into())
        }),
        Function::new(
            "list",
            &UNUSED,
            "What the master reacts to: `[{pattern of tags: [SLS file]}]`.",
            |cx, _| cx.master.reactor(&mut |reactions, _| reactions.clone()),
        ),
        Function::new(
            "set_leader",
            &[opt("value", Default::True)],
            "Has the master react to events, or not.",
            |cx, args| {
                let value = args.truthy("value");
                cx.master.reactor(&mut |_, leader| {
                    *leader = value;
                    value.into()
                })
            },
        ),
    ],
};

fn is_for(reaction: &Value, event: &Value) -> bool {
    reaction.as_map().and_then(|reaction| reaction.at(0)).is_some_and(|(tag, _)| tag == event)
}

fn said(status: bool, comment: &str) -> Value {
    map! { "status" => status, "comment" => comment }.into()
}

fn change(cx: &Context, act: impl Fn(&mut Vec<Value>) -> Value) -> Result<Value, Fault> {
    cx.master.reactor(&mut |reactions, _| {
        if reactions.is_null() {
            *reactions = Value::List(Vec::new());
        }
        match reactions {
            Value::List(reactions) => act(reactions),
            _ => said(false, "The option reactor names a file: change that."),
        }
    })
}
