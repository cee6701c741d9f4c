//! States that are disabled, by the grain `state_runs_disabled`. Salt: modules/state.py (`disable`, `enable`,
//! `_disabled`).

use super::split_input;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{Value, str_of};

fn listed(cx: &Context) -> Vec<Value> {
    match cx.grains.get("state_runs_disabled") {
        Some(Value::List(states)) => states.clone(),
        _ => Vec::new(),
    }
}

/// A text for each of these SLS files that is disabled.
pub(super) fn disabled(cx: &Context, states: &[Value]) -> Vec<String> {
    let listed = listed(cx);
    let mut texts = Vec::new();
    for state in states.iter().map(str_of) {
        for pattern in listed.iter().map(str_of) {
            if pattern.contains(".*") {
                let head = pattern.split('.').next().unwrap_or_default();
                if state.starts_with(&format!("{head}.")) {
                    texts.push(format!(
                        "The state file \"{state}\" is currently disabled by \"{pattern}\", to re-enable, run \
                         state.enable {pattern}."
                    ));
                }
            } else if pattern == state {
                texts.push(format!(
                    "The state file \"{pattern}\" is currently disabled, to re-enable, run state.enable {pattern}."
                ));
            }
        }
    }
    texts
}

pub(super) fn disable(cx: &Context, args: &Args) -> Result<Value, Fault> {
    change(cx, args, |listed, state| {
        let fresh = !listed.contains(state);
        if fresh {
            listed.push(state.clone());
        }
        (fresh, if fresh { "state disabled." } else { "state already disabled." })
    })
}

pub(super) fn enable(cx: &Context, args: &Args) -> Result<Value, Fault> {
    change(cx, args, |listed, state| {
        let before = listed.len();
        listed.retain(|other| other != state);
        let changed = listed.len() < before;
        (changed, if changed { "state enabled." } else { "state already enabled." })
    })
}

fn change(
    cx: &Context,
    args: &Args,
    each: impl Fn(&mut Vec<Value>, &Value) -> (bool, &'static str),
) -> Result<Value, Fault> {
    let mut listed = listed(cx);
    let (mut changed, mut texts) = (false, Vec::new());
    for state in split_input(args.get("states")) {
        let (this, text) = each(&mut listed, &state);
        changed |= this;
        texts.push(format!("Info: {} {text}", str_of(&state)));
    }
    if changed {
        cx.call("grains.setval", Call::positional(["state_runs_disabled".into(), listed.into()]))?;
    }
    let _ = cx.call("saltutil.refresh_modules", Call::default());
    Ok(map! { "res" => true, "msg" => texts.join("\n") }.into())
}
