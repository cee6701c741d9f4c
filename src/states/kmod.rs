//! `kmod`: modules of the kernel as they should be. Salt: states/kmod.py.

use crate::loader::{Args, Default, Fault, Running, State, StateReturn, States, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static STATES: States = States {
    file: "kmod",
    provides: "kmod",
    available: |cx| {
        if cx.offers("kmod.available") { Ok(()) } else { Err("kmod module could not be loaded".to_owned()) }
    },
    functions: &[
        State::new(
            "absent",
            &[
                req("name"),
                opt("persist", Default::False),
                opt("comment", Default::True),
                opt("mods", Default::None),
            ],
            "Modules (`name`, or `mods`) are not loaded; with `persist` also not at the next start.",
            absent,
        ),
        State::new(
            "present",
            &[req("name"), opt("persist", Default::False), opt("mods", Default::None)],
            "Modules (`name`, or `mods`) are loaded; with `persist` also at the next start.",
            present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn list(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(str_of).collect()
}

/// The modules that the state is about, each once.
fn asked(args: &Args) -> Vec<String> {
    let all = match args.get("mods") {
        Value::List(_) => list(args.get("mods")),
        _ => vec![str_of(args.get("name"))],
    };
    let mut once: Vec<String> = Vec::new();
    for name in all {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// `Kernel module a is …` or `Kernel modules a, b are …`.
fn say(names: &[String], one: &str, many: &str) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(one.replace("{}", name)),
        names => Some(many.replace("{}", &names.join(", "))),
    }
}

/// What was done to each module.
#[derive(std::default::Default)]
struct Outcome {
    yes: Vec<String>,
    no: Vec<String>,
    failed: Vec<String>,
    changes: Map,
}

impl Outcome {
    /// Takes what a function said of `name`: a list of changed modules, or a complaint.
    fn note(&mut self, name: &str, said: &Value, done: &str) -> Vec<String> {
        let Some(changed) = said.as_list() else {
            self.failed.push(format!("kernel module {name}: {}", str_of(said)));
            return Vec::new();
        };
        if changed.is_empty() {
            self.no.push(name.to_owned());
        } else {
            self.yes.push(name.to_owned());
        }
        let changed: Vec<String> = changed.iter().map(str_of).collect();
        self.changes.extend(changed.iter().map(|module| (module.as_str(), done)));
        changed
    }

    fn is_fine(&self) -> bool {
        self.no.is_empty() && self.failed.is_empty()
    }

    fn comments(&self, done: &str, verb: &str) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(say(
            &self.yes,
            &format!("{done} kernel module {{}}"),
            &format!("{done} kernel modules {{}}"),
        ));
        all.extend(say(
            &self.no,
            &format!("Failed to {verb} kernel module {{}}"),
            &format!("Failed to {verb} kernel modules {{}}"),
        ));
        all.extend(self.failed.iter().map(|text| format!("Failed to {verb} {text}")));
        all
    }
}

fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (mods, persist) = (asked(args), args.get("persist"));
    let mut loaded = list(&running.ask("kmod.mod_list", &[])?);
    if persist.truthy() {
        let kept = list(&running.ask("kmod.mod_list", &[true.into()])?);
        loaded.retain(|name| kept.contains(name));
    }
    let (there, missing): (Vec<String>, Vec<String>) =
        mods.into_iter().partition(|name| loaded.contains(name));
    let mut comments: Vec<String> = Vec::new();
    comments.extend(say(
        &there,
        "Kernel module {} is already present",
        "Kernel modules {} are already present",
    ));
    let answer = |result: Option<bool>, comments: &[String]| {
        StateReturn::new(args.get("name").clone(), result, comments.join("\n"))
    };
    if missing.is_empty() {
        return Ok(answer(Some(true), &comments));
    }
    if running.test() {
        comments.extend(say(
            &missing,
            "Kernel module {} is set to be loaded",
            "Kernel modules {} are set to be loaded",
        ));
        return Ok(answer(None, &comments));
    }
    let known = list(&running.ask("kmod.available", &[])?);
    let (available, unknown): (Vec<String>, Vec<String>) =
        missing.into_iter().partition(|name| known.contains(name));
    comments.extend(say(&unknown, "Kernel module {} is unavailable", "Kernel modules {} are unavailable"));
    let mut outcome = Outcome::default();
    let mut by_others: Vec<String> = Vec::new();
    for name in available {
        if by_others.contains(&name) {
            outcome.yes.push(name);
            continue;
        }
        let said = running.ask("kmod.load", &[name.as_str().into(), persist.clone()])?;
        by_others.extend(outcome.note(&name, &said, "loaded"));
    }
    comments.extend(outcome.comments("Loaded", "load"));
    let fine = unknown.is_empty() && outcome.is_fine();
    Ok(answer(Some(fine), &comments).with(outcome.changes))
}

fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (mods, persist) = (asked(args), args.get("persist"));
    let mut loaded = list(&running.ask("kmod.mod_list", &[])?);
    if persist.truthy() {
        loaded.extend(list(&running.ask("kmod.mod_list", &[true.into()])?));
    }
    let there: Vec<String> = mods.iter().filter(|name| loaded.contains(name)).cloned().collect();
    let answer =
        |result: Option<bool>, comment: String| StateReturn::new(args.get("name").clone(), result, comment);
    if there.is_empty() {
        let said = say(&mods, "Kernel module {} is already removed", "Kernel modules {} are already removed");
        return Ok(answer(Some(true), said.unwrap_or_default()));
    }
    if running.test() {
        let said =
            say(&there, "Kernel module {} is set to be removed", "Kernel modules {} are set to be removed");
        return Ok(answer(None, said.unwrap_or_default()));
    }
    let mut outcome = Outcome::default();
    for name in there {
        let options = map! { "persist" => persist.clone(), "comment" => args.get("comment").clone() };
        let said = running.ask_with("kmod.remove", &[name.as_str().into()], options)?;
        outcome.note(&name, &said, "removed");
    }
    let comments = outcome.comments("Removed", "remove");
    Ok(answer(Some(outcome.is_fine()), comments.join("\n")).with(outcome.changes))
}
