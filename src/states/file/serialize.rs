//! `file.serialize`: data as YAML, JSON or the like in a file; `file.decode`. Salt: states/file.py, serializers/.

use std::fs;

use super::managed::{Checked, checked};
use super::plist;
use super::ret::{Outcome, failed, fresh, from_value, is_file, keywords, path_in, saltenv, to_map, warn};
use crate::host::normalize_mode;
use crate::loader::{Args, Call, Fault, Running, StateReturn};
use crate::map;
use crate::output::python_pformat;
use crate::value::{JsonStyle, Map, MergeStrategy, Value, merge, msgpack, serializer, str_of, toml, yaml};

/// The serializers that are here, and those that only Salt has.
const HERE: [&str; 7] = ["yaml", "json", "python", "configparser", "msgpack", "plist", "toml"];
const SALTS: [&str; 2] = ["yamlex", "keyvalue"];

/// A list of maps as one map; a map is no such list, and left out as Salt does.
fn options(value: &Value) -> Map {
    let maps = value.as_list().into_iter().flatten().filter_map(Value::as_map).flatten();
    maps.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn refused(text: String) -> Fault {
    Fault::exception("salt.serializers.SerializationError", text)
}

fn unknown(serializer: &str, option: &str) -> Fault {
    Fault::NotSupported(format!("the option {option} of the {serializer} serializer"))
}

fn to_yaml(data: &Value, own: &Map, unicode: bool) -> Result<String, Fault> {
    serializer::to_yaml(data, own, unicode).map_err(|option| unknown("yaml", &option))
}

fn to_json(data: &Value, own: &Map, unicode: bool) -> Result<String, Fault> {
    let style = JsonStyle { indent: Some(2), sort_keys: true, ensure_ascii: !unicode, compact: false };
    serializer::to_json(data, own, style).map_err(|option| unknown("json", &option))
}

/// Sections and their options, as Python's `configparser` writes them.
fn to_ini(data: &Value, own: &Map) -> Result<String, Fault> {
    if let Some((option, _)) = own.iter().find(|(option, _)| option.as_str() != Some("defaults")) {
        return Err(unknown("configparser", &str_of(option)));
    }
    let Value::Map(data) = data else {
        let found = data.type_name();
        return Err(refused(format!("configparser can only serialize dictionaries, not <class '{found}'>")));
    };
    let options = data.iter().filter_map(|(_, options)| options.as_map()).flatten();
    if options.map(|(_, value)| value).any(Value::is_null) {
        return Err(refused("option values must be strings".to_owned()));
    }
    let section = |name: &str, options: &Map| {
        let lines: String = options
            .iter()
            .map(|(key, value)| {
                let value = str_of(value).replace('\n', "\n\t");
                format!("{} = {value}\n", str_of(key).to_lowercase())
            })
            .collect();
        format!("[{name}]\n{lines}\n")
    };
    let mut text = String::new();
    if let Some(Value::Map(defaults)) = own.get("defaults").filter(|defaults| defaults.truthy()) {
        text.push_str(&section("DEFAULT", defaults));
    }
    for (name, options) in data {
        text.push_str(&section(&str_of(name), options.as_map().unwrap_or(&Map::new())));
    }
    Ok(text)
}

/// What Python's `configparser` reads, `%(name)s` filled in from the section and `defaults`.
fn from_ini(text: &str, defaults: &Map) -> Map {
    let mut sections = Map::new();
    let mut own: Map =
        defaults.iter().map(|(key, value)| (str_of(key).to_lowercase(), value.clone())).collect();
    let mut current: Option<String> = None;
    for line in text.lines() {
        let plain = line.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = Some(name.to_owned());
            if name != "DEFAULT" {
                sections.entry(name, || Map::new().into());
            }
            continue;
        }
        let (key, value) = plain.split_once(['=', ':']).unwrap_or((plain, ""));
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        match current.as_deref() {
            Some("DEFAULT") => {
                own.insert(key, value);
            }
            Some(name) => {
                if let Some(Value::Map(section)) = sections.get_mut(name) {
                    section.insert(key, value);
                }
            }
            None => {}
        }
    }
    for (_, section) in sections.iter_mut() {
        let Value::Map(section) = section else { continue };
        let mut all = own.clone();
        all.extend(section.iter().map(|(key, value)| (key.clone(), value.clone())));
        let filled: Map = all
            .iter()
            .map(|(key, value)| {
                let mut text = str_of(value);
                for (name, known) in &all {
                    text = text.replace(&format!("%({})s", str_of(name)), &str_of(known));
                }
                (key.clone(), text)
            })
            .collect();
        *section = filled;
    }
    sections
}

fn serialized(kind: &str, data: &Value, own: &Map, unicode: bool) -> Result<Value, Fault> {
    let mut text = match kind {
        "json" => to_json(data, own, unicode)?,
        "python" => python_pformat(data, 1),
        "configparser" => to_ini(data, own)?,
        "toml" => toml::dump(data.as_map().unwrap_or(&Map::new())).map_err(Fault::execution)?,
        "msgpack" => return Ok(Value::Bytes(msgpack::encode(data, msgpack::Dialect::Bin).into())),
        "plist" => {
            let octets =
                plist::write(data, own.str("fmt") == Some("FMT_BINARY")).map_err(Fault::execution)?;
            return Ok(Value::Bytes(octets.into()));
        }
        _ => to_yaml(data, own, unicode)?,
    };
    text.push('\n');
    Ok(text.into())
}

/// What a file holds: `Ok(Err)` is Salt's text of why that cannot be told.
fn deserialized(kind: &str, name: &str, own: &Map) -> Result<Result<Value, String>, Fault> {
    let octets = fs::read(name).map_err(|error| Fault::os(&error, name))?;
    let text = String::from_utf8_lossy(&octets);
    Ok(match kind {
        "yaml" => yaml::load(&text, name).map_err(|error| error.to_string()),
        "json" => Value::from_json(&text).map_err(|error| error.to_string()),
        "configparser" => {
            let defaults = own.get("defaults").and_then(Value::as_map).cloned().unwrap_or_default();
            Ok(from_ini(&text, &defaults).into())
        }
        "plist" => plist::read(&octets),
        "toml" => toml::load(&text),
        _ => msgpack::decode(&octets, msgpack::Reading::Wire).map_err(|error| error.to_string()),
    })
}

/// What differs between two maps, key by key.
fn differences(old: &Map, new: &Map) -> Map {
    let none: Value = "<_null_>".into();
    let mut found = Map::new();
    for key in old.keys().chain(new.keys().filter(|key| old.get_value(key).is_none())) {
        let (before, after) = (old.get_value(key).unwrap_or(&none), new.get_value(key).unwrap_or(&none));
        match (before, after) {
            (Value::Map(before), Value::Map(after)) => {
                let below = differences(before, after);
                if !below.is_empty() {
                    found.insert(key.clone(), below);
                }
            }
            _ if before.loosely_equals(after) => {}
            _ => {
                found.insert(key.clone(), map! { "old" => before.clone(), "new" => after.clone() });
            }
        }
    }
    found
}

pub(super) fn serialize(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.serialize");
    }
    if !args.truthy("create") && !is_file(&name) {
        ret.comment = format!("File {name} is not present and is not set for creation");
        return Ok(ret);
    }
    let formatter = args.keywords.get("formatter").cloned().unwrap_or_default();
    if args.truthy("serializer") && formatter.truthy() {
        return failed(ret, "Only one of serializer and formatter are allowed");
    }
    let kind = [args.get("serializer"), &formatter].into_iter().find(|kind| kind.truthy());
    let kind = kind.map_or_else(|| "yaml".to_owned(), |kind| str_of(kind).to_lowercase());
    if args.truthy("dataset") && args.truthy("dataset_pillar") {
        return failed(ret, "Only one of 'dataset' and 'dataset_pillar' is permitted");
    }
    let mut data = if args.truthy("dataset_pillar") {
        running.ask("pillar.get", &[args.get("dataset_pillar").clone()])?
    } else {
        args.get("dataset").clone()
    };
    if data.is_null() {
        return failed(ret, "Neither 'dataset' nor 'dataset_pillar' was defined");
    }
    if SALTS.contains(&kind.as_str()) {
        return Err(Fault::NotSupported(format!("the serializer '{kind}' ({} are)", HERE.join(", "))));
    }
    if !HERE.contains(&kind.as_str()) {
        return failed(
            ret,
            format!(
                "The {kind} serializer could not be found. It either does not exist or its prerequisites are not installed."
            ),
        );
    }
    let (own, reading) = (options(args.get("serializer_opts")), options(args.get("deserializer_opts")));
    let mut merged = None;
    if args.truthy("merge_if_exists") && is_file(&name) {
        if kind == "python" {
            return failed(ret, format!("merge_if_exists is not supported for the {kind} serializer"));
        }
        let there = match deserialized(&kind, &name, &reading)? {
            Ok(there) => there,
            Err(problem) => {
                return failed(ret, format!("Failed to deserialize existing data: {problem}"));
            }
        };
        if !there.is_null() {
            if !matches!((&there, &data), (Value::Map(_), Value::Map(_))) {
                return Err(Fault::Type(
                    "Cannot update using non-dict types in dictupdate.update()".to_owned(),
                ));
            }
            let whole = merge(there.clone(), data, MergeStrategy::Recurse);
            if whole.loosely_equals(&there) {
                ret.comment = format!("The file {name} is in the correct state");
                return Ok(ret);
            }
            merged = there.as_map().zip(whole.as_map()).map(|(old, new)| differences(old, new));
            data = whole;
        }
    } else if !args.truthy("merge_if_exists") && args.truthy("deserializer_opts") {
        warn(&mut ret, "The 'deserializer_opts' option is ignored unless merge_if_exists is set to True.");
    }
    let contents = serialized(&kind, &data, &own, args.truthy("encoding"))?;
    let ret = put(running, args, &name, contents, ret)?;
    Ok(match merged {
        Some(differences) => StateReturn { changes: with_diff(ret.changes, differences), ..ret },
        None => ret,
    })
}

fn with_diff(mut changes: Value, differences: Map) -> Value {
    if let Value::Map(changes) = &mut changes {
        changes.insert("diff", differences);
    }
    changes
}

/// Puts the text in place, or says that it would.
fn put(running: &Running, args: &Args, name: &str, contents: Value, mut ret: StateReturn) -> Outcome {
    let mut kwargs = map! {
        "name" => name,
        "source" => Value::Null,
        "user" => args.get("user").clone(),
        "group" => args.get("group").clone(),
        "mode" => normalize_mode(args.get("mode")),
        "attrs" => Value::Null,
        "template" => Value::Null,
        "saltenv" => saltenv(running),
        "contents" => contents,
    };
    if !running.test() {
        kwargs.insert("sfn", "");
        kwargs.insert("ret", to_map(&ret));
        kwargs.insert("source_sum", Map::new());
        for name in ["backup", "makedirs", "show_changes", "encoding", "encoding_errors"] {
            kwargs.insert(name, args.get(name).clone());
        }
        let make = |path: &str| {
            let mut kwargs = kwargs.clone();
            kwargs.insert("name", path);
            running.call("file.manage_file", keywords(kwargs)).map(from_value)
        };
        if args.truthy("check_cmd") {
            match checked(running, args, name, &make)? {
                Checked::Refused(refusal) => return Ok(*refusal),
                Checked::Passed(path) => drop(path.map(fs::remove_file)),
            }
        }
        return make(name);
    }
    for name in ["source_hash", "source_hash_name", "context", "defaults"] {
        kwargs.insert(name, Value::Null);
    }
    let changes = running.call("file.check_managed_changes", keywords(kwargs))?;
    if changes.truthy() {
        ret.changes = changes;
        ret.result = None;
        ret.comment = format!("Dataset will be serialized and stored into {name}");
        if !args.truthy("show_changes") {
            super::ret::changed(&mut ret, "diff", "<show_changes=False>");
        }
    } else {
        ret.comment = format!("The file {name} is in the correct state");
    }
    Ok(ret)
}

pub(super) fn decode(running: &Running, args: &Args) -> Outcome {
    let name = str_of(args.get("name"));
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    let (data, pillar) = (args.get("encoded_data"), args.get("contents_pillar"));
    let content = match (data.truthy(), pillar.truthy()) {
        (false, false) => {
            return Err(Fault::execution("Specify either the 'encoded_data' or 'contents_pillar' argument."));
        }
        (true, true) => {
            return Err(Fault::execution("Specify only one 'encoded_data' or 'contents_pillar' argument."));
        }
        (true, false) => data.clone(),
        (false, true) => {
            let found = running.call("pillar.get", Call::positional([pillar.clone(), false.into()]))?;
            if found == Value::Bool(false) {
                return Err(Fault::execution("Pillar data not found."));
            }
            found
        }
    };
    let checksum = args.get("checksum");
    let of_file = || running.ask("hashutil.digest_file", &[name.as_str().into(), checksum.clone()]);
    if is_file(&name) {
        let plain = running.ask("hashutil.base64_decodestring", std::slice::from_ref(&content))?;
        let wanted = running.ask("hashutil.digest", &[plain, checksum.clone()])?;
        let there = of_file()?;
        if wanted == there {
            ret.comment = "File is in the correct state.".to_owned();
            ret.result = Some(true);
            return Ok(ret);
        }
        ret.changes = map! { "old" => there, "new" => wanted }.into();
    }
    if running.test() {
        ret.comment = "File is set to be updated.".to_owned();
        ret.result = None;
        return Ok(ret);
    }
    let done = running.ask("hashutil.base64_decodefile", &[content, name.as_str().into()])?;
    ret.result = Some(done.truthy());
    ret.comment = "File was updated.".to_owned();
    if !ret.changes.truthy() {
        ret.changes = map! { "old" => Value::Null, "new" => of_file()? }.into();
    }
    Ok(ret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_and_written() {
        let data: Value = map! { "a" => map! { "X" => 1, "y" => "t" } }.into();
        let text = to_ini(&data, &Map::new()).expect("written");
        assert_eq!(text, "[a]\nx = 1\ny = t\n\n");
        let read = from_ini("[a]\nx = %(d)s/1\n", &map! { "d" => "base" });
        assert_eq!(read.get("a").and_then(|a| a.get("x")), Some(&"base/1".into()));
    }
}
