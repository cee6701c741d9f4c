//! `event`: events for the master. Salt: states/event.py.

use crate::loader::{
    Args, Call, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value};

const SEND: &[Param] = &[
    req("name"),
    opt("data", Default::None),
    opt("preload", Default::None),
    opt("with_env", Default::False),
    opt("with_grains", Default::False),
    opt("with_pillar", Default::False),
    opt("show_changed", Default::True),
    keywords("kwargs"),
];

pub(super) static STATES: States = States {
    file: "event",
    provides: "event",
    available: always,
    functions: &[
        State::new("fire_master", SEND, "As `event.send`.", send),
        State::new("send", SEND, "Fires an event with this tag on the master's bus.", send),
        State::new(
            "wait",
            &[req("name"), opt("sfun", Default::None), opt("data", Default::None)],
            "Fires an event when something that it watches has changed.",
            |_, args| Ok(StateReturn::new(args.get("name").clone(), Some(true), "")),
        ),
    ],
    mod_watch: Some(&State::new("mod_watch", SEND, "Fires the event.", send)),
    mod_aggregate: None,
};

fn send(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    let changes = if args.truthy("show_changed") {
        map! { "tag" => name.clone(), "data" => args.get("data").clone() }
    } else {
        Map::new()
    };
    if running.test() {
        return Ok(StateReturn::new(name, None, "Event would have been fired").with(changes));
    }
    let mut kwargs = args.keywords.clone();
    for own in ["sfun", "__reqs__"] {
        kwargs.remove(own);
    }
    for own in ["data", "preload", "with_env", "with_grains", "with_pillar"] {
        kwargs.insert(own, args.get(own).clone());
    }
    let sent = running.call("event.send", Call { args: vec![name.clone()], kwargs })?;
    Ok(StateReturn::new(name, Some(sent.truthy()), "Event fired").with(Value::Map(changes)))
}
