//! `debconf`: answers to the questions of Debian's packages as they should be. Salt: states/debconfmod.py.

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, keywords, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "debconfmod",
    provides: "debconf",
    available: |cx| {
        if cx.grain("os_family") != "Debian" {
            return Err("debconf state only runs on Debian systems".to_owned());
        }
        if cx.offers("debconf.show") { Ok(()) } else { Err("debconf module could not be loaded".to_owned()) }
    },
    functions: &[
        State::new(
            "set",
            &[req("name"), req("data"), keywords("kwargs")],
            "The questions of a package have these answers, `{question: {type, value}}`.",
            set,
        ),
        State::new(
            "set_file",
            &[
                req("name"),
                req("source"),
                opt("template", Default::None),
                opt("context", Default::None),
                opt("defaults", Default::None),
                keywords("kwargs"),
            ],
            "The answers of a file are set.",
            set_file,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// An answer that is wanted.
#[derive(Debug, PartialEq)]
struct Answer {
    question: String,
    kind: String,
    value: String,
    is_set: bool,
}

/// Compares what is wanted with `[[question, type, value]]`. Pure.
fn plan(data: &Map, current: &Value) -> Vec<Answer> {
    let rows = current.as_list().unwrap_or_default();
    data.iter()
        .map(|(question, answer)| {
            let part = |key: &str| answer.get(key).cloned().unwrap_or_default();
            let (question, kind) = (str_of(question), str_of(&part("type")));
            let value = match part("value") {
                value if kind == "boolean" => if value.truthy() { "true" } else { "false" }.to_owned(),
                value => str_of(&value),
            };
            let row = Value::list([question.as_str(), kind.as_str(), value.as_str()]);
            Answer { is_set: rows.contains(&row), question, kind, value }
        })
        .collect()
}

fn set(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let data = args.get("data").as_map().cloned().unwrap_or_default();
    let current = running.ask("debconf.show", &[name.as_str().into()])?;
    let (mut result, mut comment, mut changes) = (Some(true), String::new(), Map::new());
    for answer in plan(&data, &current) {
        let Answer { question, kind, value, is_set } = answer;
        if is_set {
            if comment.is_empty() {
                comment = "Unchanged answers: ".to_owned();
            }
            comment += &format!("{question} ");
        } else if running.test() {
            result = None;
            // A password is shown by neither kind of run.
            let value = if kind == "password" { "(password hidden)" } else { &value };
            changes.insert(question, format!("New value: {value}"));
        } else {
            let asked = [name.as_str(), &question, &kind, &value].map(Value::from);
            if running.ask("debconf.set", &asked)?.truthy() {
                let shown = if kind == "password" { "(password hidden)".to_owned() } else { value };
                changes.insert(question, shown);
            } else {
                result = Some(false);
                comment = "Some settings failed to be applied.".to_owned();
                changes.insert(question, "Failed to set!");
            }
        }
    }
    if changes.is_empty() {
        comment = "All specified answers are already set".to_owned();
    }
    Ok(StateReturn::new(name, result, comment).with(changes))
}

fn set_file(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let answer = |result, text: &str| Ok(StateReturn::new(args.get("name").clone(), result, text));
    for (name, text) in [("context", "Context"), ("defaults", "Defaults")] {
        if !matches!(args.get(name), Value::Null | Value::Map(_)) {
            return answer(Some(false), &format!("{text} must be formed as a dict"));
        }
    }
    if running.test() {
        return answer(None, "Debconf selections would have been set.");
    }
    let source = args.get("source").clone();
    let mut more: Map = args.keywords.clone();
    more.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
    let own = |name: &str| if args.get(name).is_null() { Map::new().into() } else { args.get(name).clone() };
    let done = if args.truthy("template") {
        let asked = [source, args.get("template").clone(), own("context"), own("defaults")];
        running.ask_with("debconf.set_template", &asked, more)?
    } else {
        running.ask_with("debconf.set_file", &[source], more)?
    };
    if done.truthy() {
        answer(Some(true), "Debconf selections were set.")
    } else {
        answer(Some(false), "Unable to set debconf selections from file.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn answers_are_compared_as_debconf_writes_them() {
        let data = map! {
            "a/b" => map! { "type" => "boolean", "value" => true }, "a/c" => map! { "type" => "select", "value" => 5 },
        };
        let current =
            Value::list([Value::list(["a/b", "boolean", "true"]), Value::list(["a/c", "select", "6"])]);
        let set: Vec<bool> = plan(&data, &current).iter().map(|answer| answer.is_set).collect();
        assert_eq!(set, [true, false]);
        assert!(plan(&data, &Value::Null).iter().all(|answer| !answer.is_set));
    }
}
