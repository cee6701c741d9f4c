//! `alternatives`: which of several programs a name means. Salt: states/alternatives.py.

use crate::loader::{Args, Fault, Running, State, StateReturn, States, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "alternatives",
    provides: "alternatives",
    available: |cx| {
        if cx.offers("alternatives.auto") {
            Ok(())
        } else {
            Err("alernatives module could not be loaded".to_owned())
        }
    },
    functions: &[
        State::new("auto", &[req("name")], "The alternative with the highest priority is chosen.", auto),
        State::new(
            "install",
            &[req("name"), req("link"), req("path"), req("priority")],
            "There is such an alternative.",
            install,
        ),
        State::new("remove", &[req("name"), req("path")], "There is no such alternative.", remove),
        State::new("set", &[req("name"), req("path")], "This alternative is chosen.", set),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// A state's answer, which repeats its arguments.
fn answer(args: &Args, keys: &[&'static str], result: Option<bool>, comment: String) -> StateReturn {
    let mut outcome = StateReturn::new(args.get("name").clone(), result, comment);
    outcome.extra = keys.iter().map(|key| (*key, args.get(key).clone())).collect();
    outcome
}

fn pair(args: &Args) -> [Value; 2] {
    [args.get("name").clone(), args.get("path").clone()]
}

fn install(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    const KEYS: &[&str] = &["link", "path", "priority"];
    let (name, path, priority) =
        (str_of(args.get("name")), str_of(args.get("path")), str_of(args.get("priority")));
    let say = |result: Option<bool>, comment: String| answer(args, KEYS, result, comment);
    let exists = || Ok::<_, Fault>(running.ask("alternatives.check_exists", &pair(args))?.truthy());
    if exists()? {
        return Ok(say(Some(true), format!("Alternative {path} for {name} is already registered")));
    }
    if running.test() {
        return Ok(say(
            None,
            format!("Alternative will be set for {name} to {path} with priority {priority}"),
        ));
    }
    let words = ["name", "link", "path", "priority"].map(|key| args.get(key).clone());
    let out = running.ask("alternatives.install", &words)?;
    if !exists()? {
        return Ok(say(Some(false), format!("Alternative for {name} not installed: {}", str_of(&out))));
    }
    let comment = if running.ask("alternatives.check_installed", &pair(args))?.truthy() {
        format!("Alternative for {name} set to path {path} with priority {priority}")
    } else {
        format!("Alternative {path} for {name} registered with priority {priority} and not set to default")
    };
    let changes: Map = ["name", "link", "path", "priority"].into_iter().zip(words).collect();
    Ok(say(Some(true), comment).with(changes))
}

fn current(running: &Running, args: &Args) -> Result<Option<String>, Fault> {
    let found = running.ask("alternatives.show_current", std::slice::from_ref(args.get("name")))?;
    Ok(Some(found).filter(Value::truthy).map(|path| str_of(&path)))
}

fn remove(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = str_of(args.get("name"));
    let say = |result: Option<bool>, comment: String| answer(args, &["path"], result, comment);
    if running.ask("alternatives.check_exists", &pair(args))?.truthy() {
        if running.test() {
            return Ok(say(None, format!("Alternative for {name} will be removed")));
        }
        running.ask("alternatives.remove", &pair(args))?;
        return Ok(match current(running, args)? {
            Some(path) => {
                say(Some(true), format!("Alternative for {name} removed. Falling back to path {path}"))
                    .with(map! { "path" => path })
            }
            None => say(Some(true), format!("Alternative for {name} removed")),
        });
    }
    Ok(match current(running, args)? {
        Some(path) => say(Some(true), format!("Alternative for {name} is set to it's default path {path}")),
        None => say(Some(false), format!("Alternative for {name} doesn't exist")),
    })
}

fn auto(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = str_of(args.get("name"));
    let display = str_of(&running.ask("alternatives.display", std::slice::from_ref(args.get("name")))?);
    let say = |result: Option<bool>, comment: String| answer(args, &[], result, comment);
    if display.lines().next().unwrap_or_default().ends_with(" auto mode") {
        return Ok(say(Some(true), format!("{name} already in auto mode")));
    }
    if running.test() {
        return Ok(say(None, format!("{name} will be put in auto mode")));
    }
    let out = running.ask("alternatives.auto", std::slice::from_ref(args.get("name")))?;
    Ok(say(Some(true), String::new()).with(map! { "result" => out }))
}

fn set(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (name, path) = (str_of(args.get("name")), str_of(args.get("path")));
    let say = |result: Option<bool>, comment: String| answer(args, &["path"], result, comment);
    if current(running, args)?.as_ref() == Some(&path) {
        return Ok(say(Some(true), format!("Alternative for {name} already set to {path}")));
    }
    let display = str_of(&running.ask("alternatives.display", std::slice::from_ref(args.get("name")))?);
    if !display.lines().any(|line| line.starts_with(&path)) {
        return Ok(say(Some(false), format!("Alternative {path} for {name} doesn't exist")));
    }
    if running.test() {
        return Ok(say(None, format!("Alternative for {name} will be set to path {path}")));
    }
    running.ask("alternatives.set", &pair(args))?;
    let now = current(running, args)?;
    if now.as_ref() != Some(&path) {
        return Ok(say(Some(true), format!("Alternative for {name} not updated")));
    }
    Ok(say(Some(true), format!("Alternative for {name} set to path {path}"))
        .with(map! { "path" => path.as_str() }))
}
