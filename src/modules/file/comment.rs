//! Taking lines out with a comment sign, and in again. Salt: modules/file.py (`comment_line`).

use std::fs;
use std::path::Path;

use super::attributes::real_path;
use super::diff::{diff_of, file_lines};
use super::edit::{compile, copy_with_owner};
use super::paths::path;
use super::place::rewrite;
use crate::loader::{Args, Context, Fault};
use crate::value::{Value, is_text, str_of};

/// The pattern of lines that are to be changed.
fn pattern(regex: &str, sign: &str, comment: bool) -> String {
    let inner = regex.trim_start_matches('^').trim_end_matches('$');
    let end = if regex.ends_with('$') { "$" } else { "" };
    if comment {
        format!("{}({inner}){end}", if regex.starts_with('^') { "^" } else { "" })
    } else {
        format!("^{sign}\\s*({inner}){end}")
    }
}

/// `comment`: whether to take out or in.
pub(super) fn change(cx: &Context, args: &Args, comment: bool) -> Result<Value, Fault> {
    let real = real_path(&path(cx, args, "path")?);
    if !Path::new(&real).is_file() {
        return Err(Fault::invocation(format!("File not found: {real}")));
    }
    let octets = fs::read(&real).map_err(|error| Fault::os(&error, &real))?;
    if !is_text(&octets) {
        return Err(Fault::invocation(format!(
            "Cannot perform string replacements on a binary file: {real}"
        )));
    }
    let sign = str_of(args.get("char"));
    let wanted = compile(&pattern(&str_of(args.get("regex")), &sign, comment), 0)?;
    let (mut old, mut new, mut whole) = (Vec::new(), Vec::new(), String::new());
    for line in file_lines(&octets) {
        if wanted.begins(&line) {
            let changed = if comment {
                format!("{sign}{line}")
            } else {
                line.trim_start_matches(|char| sign.contains(char)).to_owned()
            };
            whole.push_str(&changed);
            old.push(line);
            new.push(changed);
        } else {
            whole.push_str(&line);
        }
    }
    if old.is_empty() {
        return Ok(false.into());
    }
    if args.truthy("backup") {
        copy_with_owner(&real, &format!("{real}{}", str_of(args.get("backup"))))?;
    }
    rewrite(&real, whole.as_bytes())?;
    Ok(diff_of(&old, &new).into())
}

pub(super) fn comment_line(cx: &Context, args: &Args) -> Result<Value, Fault> {
    change(cx, args, args.truthy("cmnt"))
}
