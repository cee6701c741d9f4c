//! Differences of files, as states show them. Salt: modules/file.py (`get_diff`), utils/stringutils.py (`get_diff`),
//! utils/files.py (`is_text`).

use std::fs;

use super::place::fault_text;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{Value, decode_lossless as decode, is_text, str_of, unified_diff};

/// The lines of a file, each decoded by itself.
pub(super) fn file_lines(octets: &[u8]) -> Vec<String> {
    octets.split_inclusive(|octet| *octet == b'\n').map(decode).collect()
}

/// The unified diff of two lists of lines.
pub(super) fn diff_of<A: AsRef<str>, B: AsRef<str>>(old: &[A], new: &[B]) -> String {
    unified_diff(old, new, ("", "")).concat()
}

/// How much is said about two files that differ.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Show {
    Diff,
    /// `show_changes: False`.
    Nothing,
}

/// What differs between two files of this machine; empty where nothing does.
///
/// # Errors
/// When one cannot be read.
pub(super) fn between(
    cx: &Context,
    old: &str,
    new: &str,
    show: Show,
    template: bool,
) -> Result<String, Fault> {
    let read = |path: &str| {
        fs::read(path).map_err(|error| {
            let words = error.to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            Fault::execution(format!("Failed to read {path}: {words}"))
        })
    };
    let (before, after) = (read(old)?, read(new)?);
    if before == after {
        return Ok(String::new());
    }
    if template && obfuscated(cx) {
        return Ok("<Obfuscated Template>".to_owned());
    }
    if show == Show::Nothing {
        return Ok("<show_changes=False>".to_owned());
    }
    Ok(shown(&before, &after).unwrap_or_else(|| diff_of(&file_lines(&before), &file_lines(&after))))
}

/// What is said in place of a diff where one of two contents is no text.
fn shown(before: &[u8], after: &[u8]) -> Option<String> {
    let text = match (is_text(before), is_text(after)) {
        (true, true) => return None,
        (false, false) => "Replace binary file",
        (false, true) => "Replace binary file with text file",
        (true, false) => "Replace text file with binary file",
    };
    Some(text.to_owned())
}

/// Whether templates are not to be shown.
pub(super) fn obfuscated(cx: &Context) -> bool {
    let asked = cx.call("config.option", Call::positional(["obfuscate_templates".into()]));
    asked.is_ok_and(|value| value.truthy())
}

pub(super) fn get_diff(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = args.get("saltenv").clone();
    let (mut paths, mut errors) = (Vec::new(), Vec::new());
    for (name, hash) in [("file1", "source_hash_file1"), ("file2", "source_hash_file2")] {
        let file = args.get(name).clone();
        let call = Call {
            args: vec![file.clone(), saltenv.clone()],
            kwargs: map! { "source_hash" => args.get(hash).clone() },
        };
        match cx.call("cp.cache_file", call) {
            Ok(Value::Text(path)) if std::path::Path::new(&path).exists() => paths.push(path),
            Ok(_) => errors.push(format!("File {} not found", str_of(&file))),
            Err(fault) => errors.push(fault_text(&fault)),
        }
    }
    let (Some(old), Some(new)) = (paths.first(), paths.get(1)) else {
        let list: Vec<String> = errors.iter().map(|error| format!("- {error}")).collect();
        return Err(Fault::execution(format!(
            "Failed to cache one or more files. Additional info follows:\n\n{}",
            list.join("\n")
        )));
    };
    let show = if args.truthy("show_changes") { Show::Diff } else { Show::Nothing };
    let diff = between(cx, old, new, show, args.truthy("template"))?;
    if args.truthy("show_filenames") && diff.starts_with("--- \n+++ \n") {
        return Ok(diff.replacen("--- \n+++ \n", &format!("--- {old}\n+++ {new}\n"), 1).into());
    }
    Ok(diff.into())
}
