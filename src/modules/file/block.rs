//! A block between two markers. Salt: modules/file.py (`blockreplace`).

use std::fs;
use std::path::Path;

use super::diff::diff_of;
use super::edit::{compile, copy_with_owner};
use super::paths::path;
use super::place::rewrite;
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::value::{Value, decode_lossless as decode, is_text, repr, split_octet_lines, str_of};

/// The block and where it goes.
struct Block<'a> {
    start: &'a str,
    end: &'a str,
    content: &'a str,
    append: bool,
    prepend: bool,
    before: Option<&'a str>,
    after: Option<&'a str>,
    newline: bool,
}

impl Block<'_> {
    /// The lines of the block, with its end marker; `end` is what stands there now.
    fn lines(&self, line_end: &str, with_start: bool, end: &str) -> Vec<String> {
        let end = format!("{}{line_end}", end.trim_end_matches(['\r', '\n']));
        let mut lines = Vec::new();
        if with_start {
            lines.push(format!("{}{line_end}", self.start));
        }
        let content = self.content.replace("\r\n", "\n");
        let mut parts: Vec<&str> = content.split('\n').collect();
        let last = parts.pop().unwrap_or_default();
        lines.extend(parts.into_iter().map(|part| format!("{part}{line_end}")));
        if self.newline {
            lines.push(format!("{last}{line_end}"));
            lines.push(end);
        } else {
            lines.push(format!("{last}{end}"));
        }
        lines
    }

    /// What the lines of a file become.
    fn put(&self, old: &[&str]) -> Result<Vec<String>, Fault> {
        let not_found = || Fault::execution("Cannot edit marked block. Markers were not found in file.");
        let line_end = match old.first() {
            Some(line) if line.ends_with("\r\n") => "\r\n",
            _ => "\n",
        };
        let mut new: Vec<String> = Vec::new();
        let (mut inside, mut found) = (false, false);
        for line in old {
            if line.contains(self.start) {
                inside = true;
                new.push((*line).to_owned());
            } else if inside {
                if let Some(at) = line.find(self.end) {
                    inside = false;
                    found = true;
                    new.extend(self.lines(line_end, false, line.get(at..).unwrap_or_default()));
                }
            } else {
                new.push((*line).to_owned());
            }
        }
        if inside {
            return Err(Fault::execution(
                "Unterminated marked block. End of file reached before marker_end.",
            ));
        }
        if found {
            return Ok(new);
        }
        let block = || self.lines(line_end, true, self.end);
        if self.prepend {
            new.splice(0..0, block());
        } else if self.append {
            if let Some(last) = new.last_mut().filter(|last| !last.ends_with(line_end)) {
                last.push_str(line_end);
            }
            new.extend(block());
        } else if let Some(pattern) = self.before.or(self.after) {
            let pattern = compile(pattern, 0)?;
            let at = old.iter().position(|line| pattern.is_in(line)).ok_or_else(not_found)?;
            let at = if self.before.is_some() { at } else { at + 1 };
            new.splice(at..at, block());
        } else {
            return Err(not_found());
        }
        Ok(new)
    }
}

pub(super) fn blockreplace(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let modes = ["append_if_not_found", "prepend_if_not_found", "insert_before_match", "insert_after_match"];
    if modes.iter().filter(|mode| args.truthy(mode)).count() > 1 {
        return Err(Fault::invocation(
            "Only one of append_if_not_found, prepend_if_not_found, insert_before_match, and insert_after_match is \
             permitted",
        ));
    }
    let path = path(cx, args, "path")?;
    if !Path::new(&path).exists() {
        return Err(Fault::invocation(format!("File not found: {path}")));
    }
    let unread =
        |error| Fault::execution(format!("Failed to read from {path}: {}", os_error_text(&error, &path)));
    let octets = fs::read(&path).map_err(unread)?;
    if !is_text(&octets) {
        return Err(Fault::invocation(format!(
            "Cannot perform string replacements on a binary file: {path}"
        )));
    }
    let pattern = |name: &str| match args.get(name) {
        value if !value.truthy() => Ok(None),
        Value::Text(text) => Ok(Some(text.as_str())),
        _ => Err(Fault::execution(format!("RegEx expected in {name} parameter."))),
    };
    let (before, after) = (pattern("insert_before_match")?, pattern("insert_after_match")?);
    let content = str_of(args.get("content"));
    let newline = match args.get("append_newline") {
        Value::Null => !content.ends_with('\n'),
        other => other.truthy(),
    };
    let (start, end) = (str_of(args.get("marker_start")), str_of(args.get("marker_end")));
    let block = Block {
        start: &start,
        end: &end,
        content: &content,
        append: args.truthy("append_if_not_found"),
        prepend: args.truthy("prepend_if_not_found"),
        before,
        after,
        newline,
    };
    let was_utf8 = std::str::from_utf8(&octets).is_ok();
    let text = decode(&octets);
    let old = split_octet_lines(&text, true);
    let new = block.put(&old)?;
    let diff = diff_of(&old, &new);
    if !diff.is_empty() && !args.truthy("dry_run") {
        match args.get("backup") {
            Value::Bool(false) => {}
            // What Python's `shutil` says.
            Value::Text(none) if none.is_empty() => {
                let (kind, shown) = ("shutil.SameFileError", repr(&path.as_str().into()));
                return Err(Fault::exception(kind, format!("{shown} and {shown} are the same file")));
            }
            backup => copy_with_owner(&path, &format!("{path}{}", str_of(backup)))?,
        }
        let whole = new.concat();
        // A link stays one: what it leads to is written.
        let real = super::attributes::real_path(&path);
        rewrite(&real, &if was_utf8 { whole.into_bytes() } else { super::edit::narrow(&whole) })?;
    }
    if args.truthy("show_changes") { Ok(diff.into()) } else { Ok((!diff.is_empty()).into()) }
}
