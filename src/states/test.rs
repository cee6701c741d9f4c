//! `test`: states that change nothing on the host. Salt: states/test.py.

use rand::TryRng;

use crate::loader::{
    Args, Call, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const NAME: &[Param] = &[req("name"), keywords("kwargs")];

pub(super) static STATES: States = States {
    file: "test",
    provides: "test",
    available: always,
    functions: &[
        State::new(
            "check_pillar",
            &[
                req("name"),
                opt("present", Default::None),
                opt("boolean", Default::None),
                opt("integer", Default::None),
                opt("string", Default::None),
                opt("listing", Default::None),
                opt("dictionary", Default::None),
                opt("verbose", Default::False),
            ],
            "Keys of the pillar are there, and of these types.",
            check_pillar,
        ),
        State::new(
            "configurable_test_state",
            &[
                req("name"),
                opt("changes", Default::True),
                opt("result", Default::True),
                opt("comment", Default::Str("")),
                opt("warnings", Default::None),
            ],
            "Gives what it is told: `changes` and `result` (`True`, `False` or `Random`), `comment`, `warnings`.",
            configurable,
        ),
        State::new("fail_with_changes", NAME, "Fails, with changes.", |running, args| {
            let outcome = outcome(args, false).with(testing());
            Ok(foretold(running, outcome, None, "If we weren't testing, this would be failed with changes"))
        }),
        State::new("fail_without_changes", NAME, "Fails, without changes.", |running, args| {
            let text = "If we weren't testing, this would be a failure!";
            Ok(foretold(running, outcome(args, false), Some(false), text))
        }),
        State::new("nop", NAME, "Does nothing: a place for requisites.", |_, args| {
            Ok(StateReturn::new(args.get("name").clone(), Some(true), "Success!"))
        }),
        State::new(
            "show_notification",
            &[req("name"), opt("text", Default::None), keywords("kwargs")],
            "Succeeds with a text as its comment.",
            |_, args| match args.get("text") {
                text if text.truthy() => {
                    Ok(StateReturn::new(args.get("name").clone(), Some(true), str_of(text)))
                }
                _ => Err(Fault::invocation("Missing required argument text.")),
            },
        ),
        State::new("succeed_with_changes", NAME, "Succeeds, with changes.", |running, args| {
            let outcome = outcome(args, true).with(testing());
            Ok(foretold(
                running,
                outcome,
                None,
                "If we weren't testing, this would be successful with changes",
            ))
        }),
        State::new("succeed_without_changes", NAME, "Succeeds, without changes.", |_, args| {
            Ok(outcome(args, true))
        }),
    ],
    mod_watch: Some(&State::new(
        "mod_watch",
        &[req("name"), opt("sfun", Default::None), keywords("kwargs")],
        "Says which states it reacts to.",
        mod_watch,
    )),
    mod_aggregate: None,
};

fn outcome(args: &Args, success: bool) -> StateReturn {
    let comment = args.keywords.get("comment").map(str_of);
    let comment = comment.unwrap_or_else(|| if success { "Success!" } else { "Failure!" }.to_owned());
    StateReturn::new(args.get("name").clone(), Some(success), comment)
}

fn testing() -> Map {
    map! { "testing" => map! { "old" => "Unchanged", "new" => "Something pretended to change" } }
}

/// With `test=True` another result and comment.
fn foretold(running: &Running, mut outcome: StateReturn, result: Option<bool>, comment: &str) -> StateReturn {
    if running.test() {
        outcome.result = result;
        outcome.comment = comment.to_owned();
    }
    outcome
}

fn coin() -> bool {
    rand::rngs::SysRng.try_next_u64().unwrap_or_default().is_multiple_of(2)
}

fn is_random(value: &Value) -> bool {
    str_of(value).eq_ignore_ascii_case("random")
}

fn configurable(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let wrong = |option: &str, end: &str| {
        Fault::invocation(format!(
            "You have specified the state option '{option}' with invalid arguments. It must be {end}"
        ))
    };
    let changed = match args.get("changes") {
        Value::Bool(changed) => *changed,
        other if is_random(other) => coin(),
        _ => return Err(wrong("changes", "either True, False, or 'Random'")),
    };
    let result = match args.get("result") {
        Value::Bool(result) => *result,
        other if is_random(other) => coin(),
        _ => return Err(wrong("result", "either True, False, or 'Random'")),
    };
    let comment = args.get("comment");
    let mut outcome = StateReturn::new(args.get("name").clone(), Some(result), str_of(comment))
        .with(if changed { testing() } else { Map::new() });
    match args.get("warnings") {
        Value::Null => {}
        text @ Value::Text(_) => {
            outcome.extra.insert("warnings", vec![text.clone()]);
        }
        list @ Value::List(_) => {
            outcome.extra.insert("warnings", list.clone());
        }
        _ => return Err(wrong("warnings", "a string or a list of strings")),
    }
    if running.test() {
        outcome.result = if *args.get("changes") == Value::Bool(false) { Some(true) } else { None };
        if !comment.truthy() {
            outcome.comment = "This is a test".to_owned();
        }
    }
    Ok(outcome)
}

fn mod_watch(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let watched = running.low.get("__reqs__").and_then(|all| all.get("watch")).and_then(Value::as_list);
    let mut changed = Vec::new();
    for low in watched.unwrap_or_default().iter().filter_map(Value::as_map) {
        let part = |name: &str| low.get(name).map(str_of).unwrap_or_default();
        let tag = [part("state"), part("__id__"), part("name"), part("fun")].join("_|-");
        if running.results.get(&tag).and_then(|ret| ret.get("changes")).is_some_and(Value::truthy) {
            changed.push(format!("{}: {}", part("state"), part("__id__")));
        }
    }
    let given = |name: &str| args.keywords.get(name).cloned();
    let changes =
        given("changes").unwrap_or_else(|| map! { "Requisites with changes" => Value::list(changed) }.into());
    let result = given("result").map_or(Some(true), |result| result.as_bool());
    let comment = given("comment").map_or_else(|| "Watch statement fired.".to_owned(), |text| str_of(&text));
    Ok(StateReturn::new(args.get("name").clone(), result, comment).with(changes))
}

/// Keys of an argument.
fn keys(value: &Value) -> Result<Vec<String>, Fault> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Text(key) => Ok(vec![key.clone()]),
        Value::List(keys) => Ok(keys.iter().map(str_of).collect()),
        _ => Err(Fault::Type(String::new())),
    }
}

type Kind = (&'static str, &'static str, fn(&Value) -> bool);

fn check_pillar(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    const KINDS: &[Kind] = &[
        ("present", "None", |_| true),
        ("boolean", "<class 'bool'>", |value| matches!(value, Value::Bool(_))),
        ("integer", "<class 'int'>", |value| matches!(value, Value::Int(_) | Value::Big(_) | Value::Bool(_))),
        ("string", "(<class 'str'>,)", |value| matches!(value, Value::Text(_))),
        ("listing", "<class 'list'>", |value| matches!(value, Value::List(_))),
        ("dictionary", "<class 'dict'>", |value| matches!(value, Value::Map(_))),
    ];
    if !KINDS.iter().any(|(name, ..)| args.truthy(name)) {
        return Err(Fault::invocation("Missing required argument text."));
    }
    let (mut failed, mut fine) = (Map::new(), Map::new());
    for (name, kind, fits) in KINDS {
        for key in keys(args.get(name))? {
            let call = Call::positional([key.as_str().into(), Value::Null]);
            let value = running.call("pillar.get", call)?;
            if value.is_null() {
                failed.insert(key, "is missing.");
            } else if !fits(&value) {
                failed.insert(key, format!("is not {kind}."));
            } else {
                fine.insert(key, *kind);
            }
        }
    }
    let mut comment = String::new();
    for (key, problem) in &failed {
        comment.push_str(&format!("Pillar key \"{}\" {}\n", str_of(key), str_of(problem)));
    }
    if args.truthy("verbose") && !fine.is_empty() {
        comment.push_str("Those keys passed the check:\n");
        for (key, kind) in &fine {
            comment.push_str(&format!("- {} ({})\n", str_of(key), str_of(kind)));
        }
    }
    Ok(StateReturn::new(args.get("name").clone(), Some(failed.is_empty()), comment))
}
