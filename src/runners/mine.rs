//! `mine`: what minions have put into the mine. Salt: runners/mine.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "mine",
    provides: "mine",
    available: always,
    functions: &[
        Function::new(
            "get",
            &[req("tgt"), req("fun"), opt("tgt_type", Default::Str("glob"))],
            "What the minions of a target have in the mine: `{id: value}` for one function, `{function: {id: value}}` \
             for several (a list, or names with commas between them).",
            get,
        ),
        Function::new(
            "update",
            &[
                req("tgt"),
                opt("tgt_type", Default::Str("glob")),
                opt("clear", Default::False),
                opt("mine_functions", Default::None),
            ],
            "Has the minions of a target fill their mines anew (`mine.update`): `{id: return}`.",
            update,
        ),
    ],
};

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let funs: Vec<String> = args.list("fun")?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let ids = cx.master.match_minions(args.get("tgt"), &args.str("tgt_type")?)?;
    let mut by_fun: Vec<(String, Map)> = funs.into_iter().map(|fun| (fun, Map::new())).collect();
    for id in ids {
        let Some(mine) = cx.master.mine(&id) else { continue };
        for (fun, values) in &mut by_fun {
            if let Some(value) = mine.get(fun) {
                values.insert(id.as_str(), unwrapped(value));
            }
        }
    }
    match (by_fun.len(), by_fun.pop()) {
        (1, Some((_, values))) => Ok(values.into()),
        (_, last) => Ok(by_fun.into_iter().chain(last).collect::<Map>().into()),
    }
}

fn update(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let kwargs = map! {
        "tgt_type" => args.get("tgt_type").clone(),
        "kwarg" => map! {
            "clear" => args.get("clear").clone(),
            "mine_functions" => args.get("mine_functions").clone(),
        },
    };
    cx.call("salt.execute", Call { args: vec![args.get("tgt").clone(), "mine.update".into()], kwargs })
}

/// Values with rules on who may have them are wrapped. The master itself may. Salt: utils/mine.py.
fn unwrapped(value: &Value) -> Value {
    match value.get("__saltmine_acl__") {
        Some(_) => value.get("__data__").cloned().unwrap_or_default(),
        None => value.clone(),
    }
}
