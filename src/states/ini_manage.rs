//! `ini`: options in INI files as they should be. Salt: states/ini_manage.py.

use super::failure;
use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const SECTIONS: Param = opt("sections", Default::None);
const SEPARATOR: Param = opt("separator", Default::Str("="));
const ENCODING: Param = opt("encoding", Default::None);

pub(super) static STATES: States = States {
    file: "ini_manage",
    provides: "ini",
    available: always,
    functions: &[
        State::new(
            "options_absent",
            &[req("name"), SECTIONS, SEPARATOR, ENCODING],
            "The file does not have these options, `{section: [option]}`.",
            options_absent,
        ),
        State::new(
            "options_present",
            &[
                req("name"),
                SECTIONS,
                SEPARATOR,
                opt("strict", Default::False),
                ENCODING,
                opt("no_spaces", Default::False),
            ],
            "The file has these options, `{section: {option: value}}`; with `strict` no others in these sections.",
            options_present,
        ),
        State::new(
            "sections_absent",
            &[req("name"), SECTIONS, SEPARATOR, ENCODING],
            "The file does not have these sections.",
            sections_absent,
        ),
        State::new(
            "sections_present",
            &[req("name"), SECTIONS, SEPARATOR, ENCODING],
            "The file has these sections.",
            sections_present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// Calls a function of the module with the file, and `more`.
fn ini(running: &Running, args: &Args, fun: &str, more: Map) -> Result<Value, Fault> {
    let mut asked = map! { "file_name" => args.get("name").clone() };
    asked.extend(more);
    asked.insert("separator", args.get("separator").clone());
    asked.insert("encoding", args.get("encoding").clone());
    running.ask_with(&format!("ini.{fun}"), &[], asked)
}

fn whole(running: &Running, args: &Args) -> Result<Map, Fault> {
    Ok(ini(running, args, "get_ini", Map::new())?.as_map().cloned().unwrap_or_default())
}

fn remove(running: &Running, args: &Args, section: Value, option: &Value) -> Result<Value, Fault> {
    ini(running, args, "remove_option", map! { "section" => section, "option" => option.clone() })
}

/// Names of a list or the keys of a map.
fn names(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.clone(),
        Value::Map(map) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The end of each state: what was said and done, or the failure.
fn finished(
    args: &Args,
    ended: Result<(String, bool, Map), Fault>,
    test: bool,
) -> Result<StateReturn, Fault> {
    let name = args.get("name").clone();
    match ended {
        Ok((comment, changed, changes)) => {
            let result = if test && changed { None } else { Some(true) };
            Ok(StateReturn::new(name, result, comment).with(changes))
        }
        Err(fault @ Fault::Exception { kind, .. }) if kind != "AttributeError" => {
            Ok(StateReturn::new(name, Some(false), failure::text(&fault)))
        }
        Err(fault) => Err(fault),
    }
}

const CALM: &str = "No anomaly detected";
const CHANGED: &str = "Changes take effect";

/// What has to be done about the options of one section (`None`: those above the first one). Pure.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    removed: Vec<(Value, Value)>,
    /// `(option, whether it changes)`.
    set: Vec<(Value, bool)>,
}

fn plan(found: &Map, wanted: &Map, strict: bool) -> Plan {
    let is_option = |value: &Value| !matches!(value, Value::Map(_));
    let gone =
        found.iter().filter(|(key, value)| strict && is_option(value) && wanted.get_value(key).is_none());
    Plan {
        removed: gone.map(|(key, value)| (key.clone(), value.clone())).collect(),
        set: wanted
            .iter()
            .map(|(key, value)| {
                let same =
                    found.get_value(key).is_some_and(|old| is_option(old) && str_of(old) == str_of(value));
                (key.clone(), !same)
            })
            .collect(),
    }
}

fn options_present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (test, strict) = (running.test(), args.truthy("strict"));
    finished(
        args,
        (|| {
            let (mut comment, mut changed, mut changes) = (String::new(), false, Map::new());
            let sections = args.get("sections").as_map().cloned().unwrap_or_default();
            let found = whole(running, args)?;
            let is_section = |value: &Value| matches!(value, Value::Map(_));
            let plain: Map = sections.iter().filter(|(_, value)| !is_section(value)).map(own).collect();
            let mut groups: Vec<(Option<Value>, Map)> = vec![(None, plain)];
            for (name, body) in &sections {
                groups.extend(body.as_map().map(|body| (Some(name.clone()), body.clone())));
            }
            for (section, wanted) in groups {
                let of_section = section.as_ref().and_then(|name| found.get_value(name)?.as_map()).cloned();
                let before = if section.is_none() { found.clone() } else { of_section.unwrap_or_default() };
                // Options above the sections are left alone by `strict` where none is asked for.
                let plan = plan(&before, &wanted, strict && !sections.is_empty());
                let place = match &section {
                    Some(name) if name.truthy() => format!(" in section {}", str_of(name)),
                    _ => String::new(),
                };
                let mut done = Map::new();
                for (option, value) in plan.removed {
                    changed = true;
                    if test {
                        let verb = if section.is_some() { "Deleted" } else { "Removed" };
                        comment += &format!("{verb} key {}{place}.\n", str_of(&option));
                    } else {
                        remove(running, args, section.clone().unwrap_or_default(), &option)?;
                        done.insert(option, map! { "before" => value, "after" => Value::Null });
                    }
                }
                if test {
                    for (option, changes) in plan.set {
                        changed |= changes;
                        let verb = if changes { "Changed" } else { "Unchanged" };
                        comment += &format!("{verb} key {}{place}.\n", str_of(&option));
                    }
                    continue;
                }
                let asked = match &section {
                    Some(name) => [(name.clone(), Value::Map(wanted))].into_iter().collect(),
                    None => wanted,
                };
                let asked = map! { "sections" => asked, "no_spaces" => args.get("no_spaces").clone() };
                let said = ini(running, args, "set_option", asked)?;
                let said =
                    section.as_ref().map_or_else(|| Some(&said), |name| said.as_map()?.get_value(name));
                done.extend(said.and_then(Value::as_map).cloned().unwrap_or_default());
                match section {
                    Some(name) if !done.is_empty() => {
                        changes.insert(name, done);
                    }
                    Some(_) => {}
                    None => changes.extend(done),
                }
            }
            if !test {
                comment = if changes.is_empty() { CALM } else { CHANGED }.to_owned();
            }
            Ok((comment, changed, changes))
        })(),
        test,
    )
}

fn own((key, value): (&Value, &Value)) -> (Value, Value) {
    (key.clone(), value.clone())
}

/// What Python finds in a value: items, keys, letters.
fn items_of(value: &Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::List(_) | Value::Map(_) => Ok(names(value)),
        Value::Text(text) => Ok(text.chars().map(|letter| letter.to_string().into()).collect()),
        other => Err(Fault::Type(format!("'{}' object is not iterable", other.type_name()))),
    }
}

fn lacks(value: &Value, attribute: &str) -> Fault {
    let text = format!("'{}' object has no attribute '{attribute}'", value.type_name());
    Fault::exception("AttributeError", text)
}

/// What Python says of sections that are no map.
fn no_sections(sections: &Value, test: bool) -> Fault {
    match sections {
        _ if !test => lacks(sections, "items"),
        Value::List(_) => Fault::Type("list indices must be integers or slices, not str".to_owned()),
        Value::Text(_) => Fault::Type("string indices must be integers, not 'str'".to_owned()),
        _ => Fault::Type(format!("'{}' object is not iterable", sections.type_name())),
    }
}

fn options_absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let test = running.test();
    let sections = match args.get("sections") {
        Value::Map(sections) => sections.clone(),
        other if other.truthy() => return Err(no_sections(other, test)),
        _ => Map::new(),
    };
    let place = |found: &Map, section: &Value| found.get_value(section).and_then(Value::as_map).cloned();
    finished(
        args,
        (|| {
            let (mut comment, mut changed, mut changes) = (String::new(), false, Map::new());
            for (section, keys) in sections {
                let found = whole(running, args)?;
                if !test {
                    // Salt quirk: states/ini_manage.py looks above the first section for what names no section.
                    let found = place(&found, &section).unwrap_or(found);
                    for key in items_of(&keys)?.iter().filter(|key| found.get_value(key).is_some()) {
                        let gone = remove(running, args, section.clone(), key)?;
                        if !gone.truthy() {
                            continue;
                        }
                        match changes.entry(section.clone(), || Map::new().into()) {
                            Value::Map(done) if matches!(keys, Value::List(_)) => {
                                done.insert(key.clone(), gone);
                            }
                            done @ Value::Map(_) => *done = gone,
                            // Salt quirk: what is no list has place for one option.
                            done => return Err(lacks(done, "update")),
                        }
                    }
                    continue;
                }
                let of_section = match &section {
                    section if section.truthy() => format!(" in section {}", str_of(section)),
                    _ => String::new(),
                };
                let Value::List(keys) = keys else {
                    // An option above the first section.
                    let there = found.get_value(&section).is_some_and(Value::truthy);
                    let verb = if there { ("Deleted key", ".") } else { ("Key", " does not exist.") };
                    comment += &format!("{} {}{}\n", verb.0, str_of(&section), verb.1);
                    changed |= there;
                    continue;
                };
                let above = found.get_value(&section).is_some_and(|value| !matches!(value, Value::Map(_)));
                if above && !keys.is_empty() {
                    return Err(lacks(&section, "get"));
                }
                let found = place(&found, &section).unwrap_or_default();
                for key in &keys {
                    let there = found.get_value(key).is_some_and(Value::truthy);
                    let verb = if there { ("Deleted key", ".") } else { ("Key", " does not exist.") };
                    comment += &format!("{} {}{of_section}{}\n", verb.0, str_of(key), verb.1);
                    changed |= there;
                }
            }
            if !test {
                comment = if changes.is_empty() { CALM } else { CHANGED }.to_owned();
            } else if comment.is_empty() {
                comment = "No changes detected.".to_owned();
            }
            Ok((comment, changed, changes))
        })(),
        test,
    )
}

/// What of the wanted sections is (not) there, and the comment of `test=True`. Pure.
fn compare(found: &Map, wanted: &[Value], should_be: bool) -> (Vec<Value>, String) {
    let (mut different, mut comment) = (Vec::new(), String::new());
    for section in wanted {
        let name = str_of(section);
        let is_there = found.get_value(section).is_some();
        comment += &match (is_there, should_be) {
            (true, true) => format!("Section unchanged {name}.\n"),
            (false, true) => format!("Created new section {name}.\n"),
            (false, false) => format!("Section {name} does not exist.\n"),
            (true, false) => format!("Deleted section {name}.\n"),
        };
        if is_there != should_be {
            different.push(section.clone());
        }
    }
    if comment.is_empty() {
        comment = "No changes detected.".to_owned();
    }
    (different, comment)
}

fn sections_present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let test = running.test();
    finished(
        args,
        (|| {
            let (missing, comment) = compare(&whole(running, args)?, &names(args.get("sections")), true);
            if test {
                return Ok((comment, !missing.is_empty(), Map::new()));
            }
            if missing.is_empty() {
                return Ok((CALM.to_owned(), false, Map::new()));
            }
            let wanted: Map = missing.into_iter().map(|section| (section, Map::new())).collect();
            let done = ini(running, args, "set_option", map! { "sections" => wanted })?;
            Ok((CHANGED.to_owned(), true, done.as_map().cloned().unwrap_or_default()))
        })(),
        test,
    )
}

fn sections_absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let test = running.test();
    finished(
        args,
        (|| {
            let (extra, comment) = compare(&whole(running, args)?, &names(args.get("sections")), false);
            if test {
                return Ok((comment, !extra.is_empty(), Map::new()));
            }
            let mut changes = Map::new();
            for section in extra {
                let gone = ini(running, args, "remove_section", map! { "section" => section.clone() })?;
                changes.insert(section, gone);
            }
            let comment = if changes.is_empty() { CALM } else { CHANGED };
            Ok((comment.to_owned(), true, changes))
        })(),
        test,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_removes_what_nobody_asked_for() {
        let found = map! { "a" => "1", "b" => "2", "section" => Map::new() };
        let wanted = map! { "a" => 1, "c" => "x" };
        let set = vec![("a".into(), false), ("c".into(), true)];
        assert_eq!(plan(&found, &wanted, false), Plan { removed: Vec::new(), set: set.clone() });
        assert_eq!(plan(&found, &wanted, true), Plan { removed: vec![("b".into(), "2".into())], set });
    }
}
