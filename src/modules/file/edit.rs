//! Editing by pattern: `replace` and `search`. Salt: modules/file.py.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

use super::attributes::real_path;
use super::diff::diff_of;
use super::paths::path;
use super::place::rewrite;
use crate::loader::{Args, Context, Fault};
use crate::patterns::{PySearch, RegexError, regex_escape, regex_flags};
use crate::value::{Value, decode_lossless as decode, is_text, split_octet_lines, str_of};

/// Octets as text with a character for each, which is how Python's expressions see them.
pub(super) fn wide(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}

/// The octets again.
pub(super) fn narrow(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect()
}

/// Compiles a pattern.
///
/// # Errors
/// As Python's `re.error`.
pub(super) fn compile(pattern: &str, flags: u32) -> Result<PySearch, Fault> {
    PySearch::new(pattern, flags).map_err(|error| match error {
        RegexError::Pattern { .. } => Fault::exception("re.error", error.to_string()),
        other => Fault::NotSupported(format!("the regular expression {pattern}: {other}")),
    })
}

/// Flags by number, name or names.
pub(super) fn flags(value: &Value) -> Result<u32, Fault> {
    let named = |name: &Value| {
        let name = str_of(name).to_uppercase();
        Ok(match name.as_str() {
            "I" | "IGNORECASE" => regex_flags::IGNORECASE,
            "L" | "LOCALE" => 4,
            "M" | "MULTILINE" => regex_flags::MULTILINE,
            "S" | "DOTALL" => regex_flags::DOTALL,
            "U" | "UNICODE" => 32,
            "X" | "VERBOSE" => regex_flags::VERBOSE,
            "A" | "ASCII" => 256,
            _ => return Err(Fault::execution(format!("Invalid re flag given: {}", str_of(value)))),
        })
    };
    match value {
        Value::Int(bits) => Ok(u32::try_from(*bits).unwrap_or_default()),
        Value::Bool(bit) => Ok(u32::from(*bit)),
        name @ Value::Text(_) => named(name),
        Value::List(names) => names.iter().try_fold(0, |bits, name| {
            named(name)
                .map(|bit| bits | bit)
                .map_err(|_| Fault::execution(format!("Invalid re flag given: {}", str_of(name))))
        }),
        other => Err(Fault::execution(format!(
            "Invalid re flags: \"{}\", must be given either as a single flag string, a list of strings, as an integer, or \
             as an re flag",
            str_of(other)
        ))),
    }
}

/// What `replace` is asked.
pub(super) struct Edit<'a> {
    pub path: String,
    pub pattern: String,
    pub repl: String,
    pub count: usize,
    pub flags: u32,
    pub append: bool,
    pub prepend: bool,
    pub not_found: Option<&'a str>,
    pub backslash_literal: bool,
}

/// What became of a text.
struct Edited {
    new: Vec<u8>,
    old_lines: Vec<String>,
    new_lines: Vec<String>,
    /// Lines were added because the pattern was not found.
    added: bool,
}

fn lines(octets: &[u8]) -> Vec<String> {
    split_octet_lines(&wide(octets), true).into_iter().map(|line| decode(&narrow(line))).collect()
}

/// Decides what the text becomes; nothing is written.
fn edited(edit: &Edit, octets: &[u8]) -> Result<Edited, Fault> {
    let pattern = compile(&wide(edit.pattern.as_bytes()), edit.flags)?;
    let text = wide(octets);
    let repl = wide(edit.repl.as_bytes());
    let template = if edit.backslash_literal { repl.replace('\\', "\\\\") } else { repl.clone() };
    let (new, count) = pattern
        .replace(&text, &template, edit.count)
        .map_err(|problem| Fault::exception("re.error", problem))?;
    let added = if edit.append || edit.prepend {
        let content = edit.not_found.filter(|text| !text.is_empty()).unwrap_or(&edit.repl);
        let there = format!("^{}($|(?=\r\n))", regex_escape(content));
        count == 0 && !compile(&wide(there.as_bytes()), edit.flags)?.is_in(&text)
    } else {
        false
    };
    let mut new = narrow(&new);
    if added && edit.append && !new.is_empty() && !new.ends_with(b"\n") {
        new.push(b'\n');
    }
    let mut new_lines = lines(&new);
    if added {
        // One line of the diff, however many there are in it.
        let line = format!("{}\n", edit.not_found.unwrap_or(&edit.repl));
        if edit.prepend {
            new.splice(0..0, line.bytes());
            new_lines.insert(0, line);
        } else {
            new.extend(line.bytes());
            new_lines.push(line);
        }
    }
    Ok(Edited { old_lines: lines(octets), new_lines, new, added })
}

/// A file that holds text, by its real path.
///
/// # Errors
/// When it is not there, or no text.
fn text_file(cx: &Context, args: &Args, missing: bool) -> Result<Option<(String, Vec<u8>)>, Fault> {
    let real = real_path(&path(cx, args, "path")?);
    if !Path::new(&real).exists() {
        return if missing { Ok(None) } else { Err(Fault::invocation(format!("File not found: {real}"))) };
    }
    // What cannot be read, a directory too, counts as one that holds no text.
    match fs::read(&real) {
        Ok(octets) if is_text(&octets) => Ok(Some((real, octets))),
        _ => Err(Fault::invocation(format!("Cannot perform string replacements on a binary file: {real}"))),
    }
}

pub(super) fn replace(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let search_only = args.truthy("search_only");
    let Some((real, octets)) = text_file(cx, args, args.truthy("ignore_if_missing"))? else {
        return Ok(false.into());
    };
    let (append, prepend) = (args.truthy("append_if_not_found"), args.truthy("prepend_if_not_found"));
    if search_only && (append || prepend) {
        return Err(Fault::invocation("search_only cannot be used with append/prepend_if_not_found"));
    }
    if append && prepend {
        return Err(Fault::invocation("Only one of append and prepend_if_not_found is permitted"));
    }
    let not_found = args.given("not_found_content").map(str_of);
    let edit = Edit {
        path: real,
        pattern: str_of(args.get("pattern")),
        repl: str_of(args.get("repl")),
        count: usize::try_from(args.int("count")?).unwrap_or_default(),
        flags: flags(args.get("flags"))?,
        append,
        prepend,
        not_found: not_found.as_deref(),
        backslash_literal: args.truthy("backslash_literal"),
    };
    if search_only {
        return Ok(compile(&wide(edit.pattern.as_bytes()), edit.flags)?.is_in(&wide(&octets)).into());
    }
    let edited = edited(&edit, &octets)?;
    let changed = edited.added || edited.old_lines != edited.new_lines;
    if changed && !args.truthy("dry_run") {
        if args.truthy("backup") {
            let given = path(cx, args, "path")?;
            keep(&given, &edit.path, &str_of(args.get("backup")))?;
        }
        if edited.added || !args.truthy("preserve_inode") {
            rewrite(&edit.path, &edited.new)?;
        } else {
            rewrite_in_place(&edit.path, &octets, &edited.new)?;
        }
    }
    let differences = diff_of(&edited.old_lines, &edited.new_lines);
    if args.truthy("show_changes") {
        return Ok(differences.into());
    }
    Ok((changed && !differences.is_empty()).into())
}

/// Keeps what the file was beside it; beside a link that leads to it, a link to the backup.
fn keep(given: &str, real: &str, suffix: &str) -> Result<(), Fault> {
    copy_with_owner(real, &format!("{real}{suffix}"))?;
    if let Ok(target) = fs::read_link(given) {
        let (link, target) = (format!("{given}{suffix}"), format!("{}{suffix}", target.to_string_lossy()));
        let _ = fs::remove_file(&link);
        symlink(&target, &link).map_err(|error| {
            Fault::execution(format!(
                "Unable create backup symlink '{link}'. Target was '{target}'. Exception: {}",
                crate::loader::os_error_text(&error, &link)
            ))
        })?;
    }
    Ok(())
}

/// A copy with mode, times and owner.
pub(super) fn copy_with_owner(from: &str, to: &str) -> Result<(), Fault> {
    let copied = (|| {
        let there = fs::metadata(from)?;
        fs::copy(from, to)?;
        chown(to, Some(there.uid()), Some(there.gid()))?;
        fs::set_permissions(to, there.permissions())?;
        let times = fs::FileTimes::new().set_accessed(there.accessed()?).set_modified(there.modified()?);
        OpenOptions::new().append(true).open(to)?.set_times(times)
    })();
    copied
        .map_err(|error| Fault::execution(format!("Exception: {}", crate::loader::os_error_text(&error, to))))
}

/// Writes a file anew without making another one of it, so that its other names and its watchers see the change.
/// What it needs of the disk is taken before the first octet is written.
fn rewrite_in_place(path: &str, old: &[u8], new: &[u8]) -> Result<(), Fault> {
    let failed = |error: std::io::Error| {
        Fault::execution(format!("Exception: {}", crate::loader::os_error_text(&error, path)))
    };
    let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let mut write = |content: &[u8]| -> std::io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(content)?;
        file.set_len(content.len() as u64)
    };
    if new.len() > old.len() {
        let grown = OpenOptions::new().write(true).open(path).and_then(|file| {
            let more = (new.len() - old.len()) as u64;
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::KEEP_SIZE, old.len() as u64, more)
            {
                Err(rustix::io::Errno::NOSPC) => Err(rustix::io::Errno::NOSPC.into()),
                // Not every file system can do it.
                _ => Ok(()),
            }
        });
        grown.map_err(failed)?;
    }
    write(new).map_err(|error| {
        let _ = write(old);
        failed(error)
    })
}

pub(super) fn search(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut bits = flags(args.get("flags"))?;
    if args.truthy("multiline") {
        bits |= regex_flags::MULTILINE;
    }
    let Some((_, octets)) = text_file(cx, args, args.truthy("ignore_if_missing"))? else {
        return Ok(false.into());
    };
    let pattern = str_of(args.get("pattern"));
    Ok(compile(&wide(pattern.as_bytes()), bits)?.is_in(&wide(&octets)).into())
}

pub(super) fn psed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let letters = args.str("flags")?;
    if let Some(letter) = letters.chars().find(|letter| !"gILMSUX".contains(*letter)) {
        return Err(Fault::exception("KeyError", format!("'{letter}'")));
    }
    let names: Vec<Value> =
        letters.chars().filter(|letter| *letter != 'g').map(|letter| letter.to_string().into()).collect();
    let mut before = str_of(args.get("before")).replace('\'', "'\"'\"'").replace('/', "\\/");
    if args.truthy("escape_all") {
        for char in ['^', '.', '[', '$', '(', ')', '|', '*', '+', '?', '{'] {
            before = before.replace(char, &format!("\\{char}"));
        }
    }
    let octets = fs::read(&path).map_err(|error| Fault::os(&error, &path))?;
    copy_with_owner(&path, &format!("{path}{}", args.str("backup")?))?;
    if args.truthy("limit") {
        // Salt quirk: modules/file.py (`_psed`) has it split the text, which Python refuses.
        return Err(Fault::Type("must be str or None, not re.Pattern".to_owned()));
    }
    let pattern = compile(&wide(before.as_bytes()), flags(&Value::List(names))?)?;
    let after = wide(str_of(args.get("after")).as_bytes());
    let count = usize::from(!letters.contains('g'));
    let text = wide(&octets);
    // Salt quirk: with `multi` it is the letters of the first line that are looked at, each for itself.
    let parts: Vec<&str> = match text.split_inclusive('\n').next() {
        Some(line) if args.truthy("multi") => line.split("").filter(|letter| !letter.is_empty()).collect(),
        _ => vec![&text],
    };
    let mut new = String::new();
    for part in parts {
        let (part, _) =
            pattern.replace(part, &after, count).map_err(|problem| Fault::exception("re.error", problem))?;
        new += &part;
    }
    rewrite_in_place(&path, &octets, &narrow(&new))?;
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edit: Edit, before: &str, after: &str, added: bool) {
        let edited = edited(&edit, before.as_bytes()).expect("edited");
        assert_eq!((String::from_utf8_lossy(&edited.new).as_ref(), edited.added), (after, added));
    }

    fn edit(pattern: &str, repl: &str) -> Edit<'static> {
        Edit {
            path: String::new(),
            pattern: pattern.to_owned(),
            repl: repl.to_owned(),
            count: 0,
            flags: regex_flags::MULTILINE,
            append: false,
            prepend: false,
            not_found: None,
            backslash_literal: false,
        }
    }

    #[test]
    fn what_is_not_found_is_added_once() {
        check(edit("^b$", "x"), "a\nb\n", "a\nx\n", false);
        check(Edit { append: true, ..edit("^b$", "x") }, "a", "a\nx\n", true);
        check(Edit { append: true, ..edit("^b$", "x") }, "a\nx\n", "a\nx\n", false);
        check(Edit { prepend: true, not_found: Some("y"), ..edit("^b$", "x") }, "a\n", "y\na\n", true);
        check(edit("ü", "ö"), "fünf\n", "fönf\n", false);
    }
}
