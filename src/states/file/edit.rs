//! Files edited by pattern: `replace`, `line`, `blockreplace`, `comment`, `uncomment`, `keyvalue`. Salt:
//! states/file.py.

use std::fs;

use super::accumulated::accumulators;
use super::lines::{sources, template_texts};
use super::managed;
use super::ret::{Outcome, changed, check_file, exists, failed, fresh, keywords, path_in, text_of};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{
    Map, Value, decode_lossless, is_text, split_lines, split_octet_lines, str_of, unified_diff,
};

/// The named arguments, as they go on.
fn passed(args: &Args, names: &[&str]) -> Map {
    names.iter().map(|name| (*name, args.get(name).clone())).collect()
}

/// What an execution function changed, or would change.
fn report(running: &Running, mut ret: StateReturn, changes: Value, would: &str) -> StateReturn {
    ret.result = Some(true);
    ret.comment = "No changes needed to be made".to_owned();
    if changes.truthy() {
        changed(&mut ret, "diff", changes);
        ret.comment = "Changes were made".to_owned();
        if running.test() {
            ret.result = None;
            ret.comment = would.to_owned();
        }
    }
    ret
}

pub(super) fn replace(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.replace");
    }
    if let Some(text) = check_file(&name) {
        if args.truthy("ignore_if_missing") && text.contains("file not found") {
            ret.comment = "No changes needed to be made".to_owned();
            return Ok(ret);
        }
        return failed(ret, text);
    }
    let mut how = passed(
        args,
        &[
            "pattern",
            "repl",
            "count",
            "flags",
            "bufsize",
            "append_if_not_found",
            "prepend_if_not_found",
            "not_found_content",
            "backup",
            "show_changes",
            "ignore_if_missing",
            "backslash_literal",
        ],
    );
    how.insert("dry_run", running.test());
    let changes = running.ask_with("file.replace", &[name.as_str().into()], how)?;
    Ok(report(running, ret, changes, "Changes would have been made"))
}

pub(super) fn line(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.line");
    }
    // Makes the file where that is asked for, and gives it to its owner.
    let mut file = passed(args, &["create", "user", "group"]);
    file.insert("name", name.as_str());
    file.insert("mode", args.get("file_mode").clone());
    file.insert("replace", false);
    managed::with(running, file)?;
    if let Some(text) = check_file(&name) {
        return failed(ret, text);
    }
    let mode = args.given("mode").filter(|mode| mode.truthy()).map(|mode| str_of(mode).to_lowercase());
    let Some(mode) = mode else {
        return failed(ret, "Mode was not defined. How to process the file?");
    };
    if mode != "delete" && args.get("content").is_null() {
        return failed(ret, "Content can only be empty if mode is ['delete']");
    }
    let mut how = passed(
        args,
        &["content", "match", "location", "before", "after", "show_changes", "backup", "quiet", "indent"],
    );
    how.insert("mode", mode);
    let changes = running.ask_with("file.line", &[name.as_str().into()], how)?;
    Ok(report(running, ret, changes, "Changes would be made"))
}

/// The content of accumulators for a file, those first that this chunk is a requisite of.
fn accumulated(running: &Running, name: &str, mut content: String) -> String {
    let (data, deps) = accumulators(running);
    let Some(own) = data.get(name).and_then(Value::as_map) else { return content };
    let id = running.low.get("__id__").cloned().unwrap_or_default();
    let deps = deps.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
    let mut chosen: Vec<&Value> = own
        .keys()
        .filter(|key| deps.get_value(key).and_then(Value::as_list).is_some_and(|ids| ids.contains(&id)))
        .collect();
    if chosen.is_empty() {
        chosen = own.keys().collect();
    }
    for line in chosen.into_iter().filter_map(|key| own.get_value(key)?.as_list()).flatten() {
        if !content.is_empty() {
            content.push('\n');
        }
        content.push_str(&str_of(line));
    }
    content
}

pub(super) fn blockreplace(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    if name.is_empty() {
        return failed(ret, "Must provide name to file.blockreplace");
    }
    if let Err(text) = sources(args) {
        return failed(ret, text);
    }
    if let Some(text) = check_file(&name) {
        return failed(ret, text);
    }
    let mut content = accumulated(running, &name, str_of(args.get("content")));
    match template_texts(running, args)? {
        Err(refusal) => return Ok(refusal),
        Ok(texts) => content.extend(texts.into_iter().flatten()),
    }
    let mut how = passed(
        args,
        &[
            "append_if_not_found",
            "prepend_if_not_found",
            "insert_before_match",
            "insert_after_match",
            "backup",
            "show_changes",
            "append_newline",
        ],
    );
    how.insert("content", content);
    how.insert("dry_run", running.test());
    let asked = [name.as_str().into(), args.get("marker_start").clone(), args.get("marker_end").clone()];
    match running.ask_with("file.blockreplace", &asked, how) {
        Ok(changes) => Ok(report(running, ret, changes, "Changes would be made")),
        Err(fault @ Fault::NotSupported(_)) => Err(fault),
        Err(fault) => {
            ret.comment =
                format!("Encountered error managing block: {}. See the log for details.", text_of(&fault));
            Ok(ret)
        }
    }
}

/// A pattern without anchors and flags before it.
fn unanchored(regex: &str) -> String {
    let mut inner = regex;
    if let Some(rest) = inner.strip_prefix("(?")
        && let Some((flags, rest)) = rest.split_once(')')
        && flags.len() == 1
        && "iLmsux".contains(flags)
    {
        inner = rest;
    }
    inner = inner.strip_prefix('^').unwrap_or(inner);
    inner.strip_suffix('$').unwrap_or(inner).to_owned()
}

fn search(running: &Running, name: &str, pattern: String) -> Result<bool, Fault> {
    let how = map! { "multiline" => true };
    Ok(running.ask_with("file.search", &[name.into(), pattern.into()], how)?.truthy())
}

/// The pattern is there to be changed: changes the lines and says what differs.
fn comment_lines(
    running: &Running,
    args: &Args,
    name: &str,
    mut ret: StateReturn,
    comment: bool,
    expected: String,
) -> Outcome {
    if running.test() {
        changed(&mut ret, name, "updated");
        ret.comment = format!("File {name} is set to be updated");
        ret.result = None;
        return Ok(ret);
    }
    let read = || fs::read(name).map_err(|error| Fault::os(&error, name));
    let before = decode_lossless(&read()?);
    running.ask(
        "file.comment_line",
        &[
            name.into(),
            args.get("regex").clone(),
            args.get("char").clone(),
            comment.into(),
            args.get("backup").clone(),
        ],
    )?;
    let octets = read()?;
    let after = decode_lossless(&octets);
    let done = search(running, name, expected)?;
    ret.result = Some(done);
    if before != after {
        let lines = |text| -> Vec<&str> {
            if comment { split_lines(text, true) } else { str::split_inclusive(text, '\n').collect() }
        };
        let diff = if is_text(&octets) {
            unified_diff(&lines(&before), &lines(&after), ("", "")).concat()
        } else {
            "Replace binary file".to_owned()
        };
        changed(&mut ret, "diff", diff);
    }
    let what = if comment { "ommented" } else { "ncommented" };
    ret.comment = match (done, comment) {
        (true, true) => format!("C{what} lines successfully"),
        (true, false) => format!("U{what} lines successfully"),
        (false, true) => format!("Expected c{what} lines not found"),
        (false, false) => format!("Expected u{what} lines not found"),
    };
    Ok(ret)
}

pub(super) fn comment(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    if name.is_empty() {
        return failed(ret, "Must provide name to file.comment");
    }
    if let Some(text) = check_file(&name) {
        return failed(ret, text);
    }
    let (inner, sign) = (unanchored(&str_of(args.get("regex"))), str_of(args.get("char")));
    let commented = format!("{sign}{inner}");
    if !search(running, &name, format!("^(?!\\s*{sign})\\s*{inner}"))? {
        ret.result = Some(true);
        if search(running, &name, commented)? {
            ret.comment = "Pattern already commented".to_owned();
        } else if args.truthy("ignore_missing") {
            ret.comment = "Pattern not found and ignore_missing set to True".to_owned();
        } else {
            return failed(ret, format!("{inner}: Pattern not found"));
        }
        return Ok(ret);
    }
    comment_lines(running, args, &name, ret, true, commented)
}

pub(super) fn uncomment(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    if name.is_empty() {
        return failed(ret, "Must provide name to file.uncomment");
    }
    if let Some(text) = check_file(&name) {
        return failed(ret, text);
    }
    let (regex, sign) = (str_of(args.get("regex")), str_of(args.get("char")));
    let inner = regex.trim_start_matches('^');
    let uncommented = format!("^[ \t]*{inner}");
    if !search(running, &name, format!("{sign}[ \t]*{inner}"))? {
        if search(running, &name, uncommented)? {
            ret.comment = "Pattern already uncommented".to_owned();
            ret.result = Some(true);
            return Ok(ret);
        }
        return failed(ret, format!("{regex}: Pattern not found"));
    }
    comment_lines(running, args, &name, ret, false, uncommented)
}

/// What `keyvalue` makes of a file.
#[derive(Default)]
struct Keyed {
    content: Vec<String>,
    diff: Vec<String>,
    changes: usize,
}

/// What `keyvalue` is asked.
struct Keys<'a> {
    values: &'a Map,
    separator: &'a str,
    count: i64,
    uncomment: Option<&'a str>,
    key_ignores_case: bool,
    value_ignores_case: bool,
}

impl Keys<'_> {
    /// Decides what the lines become; `left` says how often each key may still be changed.
    fn apply(&self, lines: &[String], left: &mut Map) -> Keyed {
        let mut keyed = Keyed::default();
        let fold = |text: &str, fold: bool| if fold { text.to_lowercase() } else { text.to_owned() };
        let stripped = |line: &str| match self.uncomment {
            Some(signs) => line.trim_start_matches(|char| signs.contains(char)).to_owned(),
            None => line.trim_start().to_owned(),
        };
        for original in lines {
            let mut line = original.clone();
            let plain = stripped(&line);
            let was_comment = line.len() > plain.len();
            let plain = fold(&plain, self.key_ignores_case);
            for (key, value) in self.values {
                let name = fold(&str_of(key), self.key_ignores_case);
                if !plain.starts_with(&name) {
                    continue;
                }
                let working = if was_comment { stripped(&line) } else { line.clone() };
                let Some((own_key, own_value)) = working.split_once(self.separator) else { continue };
                if fold(own_key, self.key_ignores_case) != name {
                    continue;
                }
                let wanted = str_of(value);
                let same = fold(own_value.trim(), self.value_ignores_case)
                    == fold(wanted.trim(), self.value_ignores_case);
                let remaining = left.get_value(key).and_then(Value::as_int).unwrap_or_default();
                let (same, change) = match (was_comment, remaining) {
                    (true, 1..) => (same, true),
                    (true, _) => (true, false),
                    (false, 0) => (same, true),
                    (false, _) => (same, false),
                };
                if !same || change {
                    keyed.diff.push(format!("- {line}"));
                    let own_key = own_key.to_owned();
                    line = String::new();
                    if remaining != 0 {
                        line = format!("{own_key}{}{wanted}\n", self.separator);
                        keyed.diff.push(if matches!(value, Value::Text(_)) {
                            format!("+ {line}")
                        } else {
                            format!("+ {} (from {} type)\n", line.trim_end(), value.type_name())
                        });
                    }
                    keyed.changes += 1;
                }
                if remaining > 0 {
                    left.insert(key.clone(), remaining - 1);
                }
            }
            keyed.content.push(line);
        }
        keyed
    }

    /// Adds what was not found.
    fn add(&self, keyed: &mut Keyed, left: &Map, prepend: bool) {
        let missing = self
            .values
            .iter()
            .filter(|(key, _)| left.get_value(key).and_then(Value::as_int).is_some_and(|left| left > 0));
        let lines: Vec<String> = missing
            .map(|(key, value)| format!("{}{}{}\n", str_of(key), self.separator, str_of(value)))
            .collect();
        if lines.is_empty() {
            return;
        }
        keyed.changes += lines.len();
        if prepend {
            keyed.diff.insert(0, "  <SOF>\n".to_owned());
            for line in lines {
                keyed.diff.insert(1, format!("+ {line}"));
                keyed.content.insert(0, line);
            }
            return;
        }
        keyed.diff.push("- <EOF>\n".to_owned());
        keyed.diff.extend(lines.iter().map(|line| format!("+ {line}")));
        keyed.diff.push("+ <EOF>\n".to_owned());
        keyed.content.extend(lines);
    }
}

pub(super) fn keyvalue(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), None, "");
    if name.is_empty() {
        return failed(ret, "Must provide name to file.keyvalue");
    }
    let given = args.get("key_values");
    let values = if !args.get("key").is_null() && !args.get("value").is_null() {
        if matches!(given, Value::Map(_)) {
            return failed(ret, "file.keyvalue can not combine key_values with key and value");
        }
        map! { str_of(args.get("key")) => args.get("value").clone() }
    } else {
        match given {
            Value::Map(values) if !values.is_empty() => values.clone(),
            other => {
                let problem = if other.truthy() { "is not a dictionary" } else { "is empty" };
                return failed(
                    ret,
                    format!("file.keyvalue key and value not supplied and key_values {problem}"),
                );
            }
        }
    };
    let create = args.truthy("create_if_missing") && !exists(&name);
    let octets = if create { Ok(Vec::new()) } else { fs::read(&name) };
    let Ok(octets) = octets else {
        ret.comment = format!("unable to open {name}");
        ret.result = Some(args.truthy("ignore_if_missing"));
        return Ok(ret);
    };
    let text = decode_lossless(&octets);
    let lines: Vec<String> = split_octet_lines(&text, true).into_iter().map(str::to_owned).collect();
    let (separator, uncomment) = (str_of(args.get("separator")), args.given("uncomment").map(str_of));
    let keys = Keys {
        values: &values,
        separator: &separator,
        count: args.int("count")?,
        uncomment: uncomment.as_deref(),
        key_ignores_case: args.truthy("key_ignore_case"),
        value_ignores_case: args.truthy("value_ignore_case"),
    };
    let mut left: Map = values.keys().map(|key| (key.clone(), keys.count)).collect();
    let mut keyed = keys.apply(&lines, &mut left);
    if create || args.truthy("append_if_not_found") {
        keys.add(&mut keyed, &left, false);
    } else if args.truthy("prepend_if_not_found") {
        keys.add(&mut keyed, &left, true);
    }
    if keyed.changes == 0 {
        ret.result = Some(true);
        return Ok(ret);
    }
    let show = args.truthy("show_changes");
    if show {
        changed(&mut ret, "diff", keyed.diff.concat());
    }
    if running.test() {
        ret.comment = format!("File {name} is set to be changed ({} lines)", keyed.changes);
        if show {
            ret.comment.push_str(&format!("\nPredicted diff:\n\r\t\t{}", keyed.diff.join("\r\t\t")));
        }
        return Ok(ret);
    }
    ret.comment = format!("Changed {} lines", keyed.changes);
    let how = map! { "contents" => keyed.content.concat(), "name" => name.as_str() };
    match write(running, how) {
        Ok(()) => ret.result = Some(true),
        Err(_) => {
            ret.comment = format!("{name} not writable");
            ret.result = Some(false);
        }
    }
    Ok(ret)
}

/// Puts the new content in place, whole or not at all.
fn write(running: &Running, how: Map) -> Result<(), Fault> {
    let mut kwargs = how;
    for name in ["sfn", "source", "source_sum", "user", "group", "mode", "attrs", "ret"] {
        kwargs.entry(name, || Value::Null);
    }
    kwargs.insert("saltenv", "base");
    kwargs.insert("backup", "");
    let ret = running.call("file.manage_file", keywords(kwargs))?;
    match ret.get("result").is_some_and(Value::truthy) {
        true => Ok(()),
        false => Err(Fault::execution(ret.get("comment").map(str_of).unwrap_or_default())),
    }
}
