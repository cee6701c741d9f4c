//! One line of a file. Salt: modules/file.py (`line`, `_set_line`).

use std::fs;
use std::path::Path;

use super::attributes::real_path;
use super::diff::diff_of;
use super::edit::{compile, copy_with_owner};
use super::paths::path;
use super::place::{fault_text, rewrite};
use crate::loader::{Args, Context, Fault};
use crate::patterns::regex_flags;
use crate::value::{Value, decode_lossless as decode, split_lines, split_octet_lines, str_of};

/// What is to be done, in which place.
struct Wanted {
    mode: String,
    content: String,
    matching: Option<String>,
    location: Option<String>,
    before: Option<String>,
    after: Option<String>,
    indent: bool,
}

/// Lines that a pattern, or the text itself, stands in; `None` where there is nothing to look for or in.
fn matching(lines: &[String], pattern: Option<&str>) -> Result<Option<Vec<String>>, Fault> {
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty() && !lines.is_empty()) else {
        return Ok(None);
    };
    let compiled = compile(pattern, regex_flags::DOTALL)
        .map_err(|fault| Fault::execution(format!("{}: '{pattern}'", fault_text(&fault))))?;
    Ok(Some(lines.iter().filter(|line| compiled.is_in(line) || line.contains(pattern)).cloned().collect()))
}

/// The one line that a boundary names.
fn only<'l>(found: &'l [String], boundary: &str) -> Result<&'l String, Fault> {
    match found {
        [line] => Ok(line),
        [] => Err(Fault::execution(format!(
            "Found less than expected occurrences in \"{boundary}\" expression"
        ))),
        _ => Err(Fault::execution(format!(
            "Found more than expected occurrences in \"{boundary}\" expression"
        ))),
    }
}

fn line_end(line: &str) -> &'static str {
    if line.ends_with("\r\n") {
        "\r\n"
    } else if line.ends_with('\n') {
        "\n"
    } else if line.ends_with('\r') {
        "\r"
    } else {
        ""
    }
}

impl Wanted {
    /// The content, as far from the left as `like`.
    fn indented(&self, like: &str) -> String {
        if !self.indent {
            return self.content.clone();
        }
        let indent: String = like.chars().take_while(|char| matches!(char, '\t' | ' ')).collect();
        format!("{indent}{}", self.content.trim_start())
    }

    fn is_content(&self, line: Option<&String>) -> bool {
        let ends = ['\r', '\n'];
        line.is_some_and(|line| line.trim_end_matches(ends) == self.content.trim_end_matches(ends))
    }

    /// What the lines become.
    fn apply(&self, mut lines: Vec<String>) -> Result<Vec<String>, Fault> {
        let pattern = match &self.matching {
            None if self.before.is_none() && self.after.is_none() => Some(self.content.as_str()),
            pattern => pattern.as_deref(),
        };
        let after = matching(&lines, self.after.as_deref())?;
        let before = matching(&lines, self.before.as_deref())?;
        let found = matching(&lines, pattern)?.unwrap_or_default();
        let place =
            |lines: &[String], wanted: &String| lines.iter().position(|line| line == wanted).unwrap_or(0);
        // Python counts the line before the first from the end.
        let previous = |lines: &[String], at: usize| {
            at.checked_sub(1).map_or_else(|| lines.last().cloned(), |at| lines.get(at).cloned())
        };
        let none = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
        match self.mode.as_str() {
            "delete" => {
                if let Some(first) = found.first() {
                    lines.retain(|line| line != first);
                }
            }
            "replace" => {
                if let Some(first) = found.first() {
                    let at = place(&lines, first);
                    if let Some(line) = lines.get_mut(at) {
                        *line = self.indented(first);
                    }
                }
            }
            "insert" => {
                if before.is_none() && after.is_none() && self.location.is_none() {
                    return Err(Fault::execution(
                        "On insert either \"location\" or \"before/after\" conditions are required.",
                    ));
                }
                match (self.location.as_deref().filter(|location| !location.is_empty()), &before, &after) {
                    (Some("end"), ..) => {
                        let line =
                            lines.last().map_or_else(|| self.content.clone(), |last| self.indented(last));
                        lines.push(line);
                    }
                    (Some("start"), ..) => {
                        let end = lines.first().map_or("", |first| line_end(first));
                        let end = if end.is_empty() { "\n" } else { end };
                        let line = if lines.is_empty() {
                            format!("{}\n", self.content)
                        } else {
                            format!("{}{end}", self.content.trim_end())
                        };
                        lines.insert(0, line);
                    }
                    (Some(_), ..) => {}
                    (None, Some(before), Some(after)) if !before.is_empty() && !after.is_empty() => {
                        let before = only(before, "before")?;
                        only(after, "after")?;
                        let at = place(&lines, before);
                        lines.insert(at, self.indented(before));
                    }
                    (None, _, Some(after)) if !after.is_empty() => {
                        let after = only(after, "after")?;
                        let at = place(&lines, after);
                        if !self.is_content(lines.get(at + 1)) {
                            lines.insert(at + 1, self.indented(after));
                        }
                    }
                    (None, Some(before), _) if !before.is_empty() => {
                        let before = only(before, "before")?;
                        let at = place(&lines, before);
                        if !self.is_content(previous(&lines, at).as_ref()) {
                            lines.insert(at, self.indented(before));
                        }
                    }
                    _ => return Err(Fault::execution("Neither before or after was found in file")),
                }
            }
            _ => match (&before, &after) {
                (Some(before), Some(after)) if !before.is_empty() && !after.is_empty() => {
                    let after = only(after, "after")?;
                    let before = only(before, "before")?;
                    let (from, to) = (place(&lines, after), place(&lines, before));
                    if !lines.iter().any(|line| line.trim_start() == self.content) {
                        if from + 1 == to {
                            lines.insert(to, self.indented(after));
                        } else if from + 2 == to {
                            if let Some(line) = lines.get_mut(from + 1) {
                                *line = self.indented(after);
                            }
                        } else {
                            return Err(Fault::execution(
                                "Found more than one line between boundaries \"before\" and \"after\".",
                            ));
                        }
                    }
                }
                (Some(found), _) if !found.is_empty() => {
                    let at = place(&lines, only(found, "before")?);
                    let line = previous(&lines, at);
                    if at == 0 || !self.is_content(line.as_ref()) {
                        lines.insert(at, self.indented(&line.unwrap_or_default()));
                    }
                }
                (_, Some(found)) if !none(&after) => {
                    let after = only(found, "after")?;
                    let at = place(&lines, after);
                    if !self.is_content(lines.get(at + 1)) {
                        lines.insert(at + 1, self.indented(after));
                    }
                }
                _ => {
                    return Err(Fault::execution(
                        "Wrong conditions? Unable to ensure line without knowing where to put it before and/or after.",
                    ));
                }
            },
        }
        Ok(lines)
    }
}

/// The lines of a text, all with ends: an empty one at the end stands for the last.
fn body_of(text: &str) -> Vec<String> {
    let mut body: Vec<String> = split_octet_lines(text, true).into_iter().map(str::to_owned).collect();
    if body.last().is_some_and(|last| !line_end(last).is_empty()) {
        body.push(String::new());
    }
    body
}

/// Gives every line an end but the last.
fn finished(mut body: Vec<String>) -> Vec<String> {
    for at in 0..body.len().saturating_sub(1) {
        let lacks = body.get(at).is_some_and(|line| line_end(line).is_empty());
        if lacks {
            let like = if at >= 2 { at - 1 } else { 1 };
            let end = body.get(like).map_or("", |line| line_end(line));
            let end = if end.is_empty() { "\n" } else { end };
            if let Some(line) = body.get_mut(at) {
                *line = format!("{}{end}", line.trim_end());
            }
        }
    }
    if body.last().is_some_and(String::is_empty) {
        body.pop();
    }
    body
}

pub(super) fn line(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let real = real_path(&path(cx, args, "path")?);
    if !Path::new(&real).is_file() {
        if args.truthy("quiet") {
            return Ok(false.into());
        }
        return Err(Fault::execution(format!("File \"{real}\" does not exists or is not a file.")));
    }
    let mode = match args.given("mode").map(|mode| str_of(mode).to_lowercase()) {
        None => return Err(Fault::execution("Mode was not defined. How to process the file?")),
        Some(mode) if matches!(mode.as_str(), "insert" | "ensure" | "delete" | "replace") => mode,
        Some(mode) => return Err(Fault::execution(format!("Unknown mode: \"{mode}\""))),
    };
    let content = args.given("content").map(str_of);
    if mode != "delete" && content.is_none() {
        return Err(Fault::execution("Content can only be empty if mode is \"delete\""));
    }
    let text = |name: &str| args.given(name).map(str_of);
    let wanted = Wanted {
        mode,
        content: content.unwrap_or_default(),
        matching: text("match").filter(|pattern| !pattern.is_empty()),
        location: text("location"),
        before: text("before"),
        after: text("after"),
        indent: args.truthy("indent"),
    };
    let octets = fs::read(&real).map_err(|error| Fault::os(&error, &real))?;
    let old = decode(&octets);
    let new = finished(wanted.apply(body_of(&old))?);
    let whole = new.concat();
    let changed = whole != old;
    if !changed {
        return Ok(false.into());
    }
    if args.truthy("backup") && !cx.test() {
        let now = crate::host::local_now().strftime("%Y-%m-%d-%H-%M-%S").to_string();
        copy_with_owner(&real, &format!("{real}.{now}"))?;
    }
    if !cx.test() {
        let utf8 = std::str::from_utf8(&octets).is_ok();
        rewrite(&real, &if utf8 { whole.into_bytes() } else { super::edit::narrow(&whole) })?;
    }
    if args.truthy("show_changes") {
        let diff = diff_of(&split_lines(&old, true), &new);
        if !diff.is_empty() {
            return Ok(diff.into());
        }
    }
    Ok(true.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(mode: &str, content: &str) -> Wanted {
        Wanted {
            mode: mode.to_owned(),
            content: content.to_owned(),
            matching: None,
            location: None,
            before: None,
            after: None,
            indent: true,
        }
    }

    fn check(wanted: &Wanted, before: &str, after: &str) {
        let new = finished(wanted.apply(body_of(before)).expect("possible")).concat();
        assert_eq!(new, after);
    }

    #[test]
    fn lines_go_where_they_are_wanted() {
        let text = "a\n  b\nc\n";
        check(&Wanted { after: Some("b".into()), ..wanted("insert", "x") }, text, "a\n  b\n  x\nc\n");
        check(&Wanted { before: Some("b".into()), ..wanted("ensure", "x") }, text, "a\nx\n  b\nc\n");
        check(&Wanted { location: Some("end".into()), ..wanted("insert", "x") }, text, "a\n  b\nc\n\nx");
        check(&Wanted { location: Some("start".into()), ..wanted("insert", "x") }, text, "x\na\n  b\nc\n");
        check(&wanted("delete", "b"), text, "a\nc\n");
        check(&Wanted { matching: Some("b".into()), ..wanted("replace", "x") }, text, "a\n  x\nc\n");
    }
}
