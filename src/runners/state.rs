//! `state`: what the master itself does with states, and watching its events. Salt: runners/state.py.

use crate::loader::{Context, Default, Fault, Function, Module, always, opt};

pub(super) static MODULE: Module = Module {
    file: "state",
    provides: "state",
    available: always,
    functions: &[Function::new(
        "event",
        &[
            opt("tagmatch", Default::Str("*")),
            opt("count", Default::Int(-1)),
            opt("quiet", Default::False),
            opt("sock_dir", Default::None),
            opt("pretty", Default::False),
            opt("node", Default::Str("master")),
        ],
        "Prints events as they come, a line with tag and JSON for each whose tag fits a glob or regular expression, until \
         `count` have come: `salt-run state.event 'salt/job/*' pretty=True`. `node=minion` watches a minion's bus.",
        |_: &Context, _| {
            let text = "state.event from elsewhere than salt-run, which watches the bus by itself";
            Err(Fault::NotSupported(text.to_owned()))
        },
    )],
};
