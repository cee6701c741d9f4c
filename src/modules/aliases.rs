//! `aliases`: where mail goes, in the file of mail aliases. Salt: modules/aliases.py.

use std::fs;
use std::path::Path;

use crate::host::rewrite;
use crate::loader::{Args, Context, Fault, Function, Module, always, os_error_text, req};
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "aliases",
    provides: "aliases",
    available: always,
    functions: &[
        Function::new("get_target", &[req("alias")], "Where an alias goes, or nothing.", |cx, args| {
            Ok(target(&lines(cx)?.1, &args.str("alias")?).unwrap_or_default().into())
        })
        .output("txt"),
        Function::new(
            "has_target",
            &[req("alias"), req("target")],
            "Whether an alias goes there.",
            |cx, args| {
                let wanted = wanted(args)?;
                Ok((target(&lines(cx)?.1, &args.str("alias")?) == Some(wanted)).into())
            },
        )
        .output("txt"),
        Function::new("list_aliases", &[], "All aliases: `{alias: target}`.", |cx, _| {
            let all: Map =
                lines(cx)?.1.iter().filter_map(|line| split(line)).map(|(a, t, _)| (a, t)).collect();
            Ok(all.into())
        })
        .output("yaml"),
        Function::new("rm_alias", &[req("alias")], "Takes an alias out. True.", |cx, args| {
            let alias = args.str("alias")?;
            change(cx, &alias, None)
        })
        .output("txt"),
        Function::new(
            "set_target",
            &[req("alias"), req("target")],
            "Lets an alias go there. True.",
            |cx, args| {
                let alias = args.str("alias")?;
                if alias.is_empty() {
                    return Err(Fault::invocation("alias can not be an empty string"));
                }
                change(cx, &alias, Some(&wanted(args)?))
            },
        )
        .output("txt"),
    ],
};

fn wanted(args: &Args) -> Result<String, Fault> {
    let target = match args.get("target") {
        Value::List(names) => names.iter().map(str_of).collect::<Vec<_>>().join(", "),
        other => str_of(other),
    };
    if target.is_empty() { Err(Fault::invocation("target can not be an empty string")) } else { Ok(target) }
}

/// The file and its lines.
fn lines(cx: &Context) -> Result<(String, Vec<String>), Fault> {
    let told = str_of(&cx.ask("config.option", &["aliases.file".into()])?);
    let path = if told.is_empty() { "/etc/aliases".to_owned() } else { told };
    let text = match fs::read(&path) {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Fault::os(&error, &path)),
    };
    Ok((path, text.lines().map(str::to_owned).collect()))
}

/// Alias, target, and the comment at the end of a line, with the blanks before it.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let end = line.char_indices().find(|(at, char)| {
        *char == '#'
            && line
                .get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    });
    let (body, _) = line.split_at_checked(end.map_or(line.len(), |(at, _)| at))?;
    let (alias, target) = body.split_once(':')?;
    let target = target.trim();
    let comment = line.get(body.trim_end().len()..).unwrap_or_default().trim_end();
    (!alias.trim().is_empty() && !target.is_empty()).then_some((alias.trim_end(), target, comment))
}

fn target(lines: &[String], alias: &str) -> Option<String> {
    let mut found = lines.iter().filter_map(|line| split(line)).filter(|(name, ..)| *name == alias);
    found.next_back().map(|(_, target, _)| target.to_owned())
}

fn change(cx: &Context, alias: &str, wanted: Option<&str>) -> Result<Value, Fault> {
    let (path, lines) = lines(cx)?;
    if target(&lines, alias).as_deref() == wanted {
        return Ok(true.into());
    }
    let (mut text, mut done) = (String::new(), wanted.is_none());
    for line in &lines {
        match (split(line), wanted) {
            (Some((name, _, comment)), Some(wanted)) if name == alias && !done => {
                text += &format!("{alias}: {wanted}{comment}\n");
                done = true;
            }
            (Some((name, ..)), _) if name == alias => {}
            _ => text += &format!("{line}\n"),
        }
    }
    if !done {
        text += &format!("{alias}: {}\n", wanted.unwrap_or_default());
    }
    rewrite(cx.host, Path::new(&path), text.as_bytes(), 0o644)
        .map_err(|error| Fault::exception("OSError", os_error_text(&error, &path)))?;
    if let Some(program) = cx.which("newaliases") {
        cx.ask("cmd.run", &[program.into()])?;
    }
    Ok(true.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_alias_target_and_comment() {
        assert_eq!(split("root: me, you # why"), Some(("root", "me, you", " # why")));
        assert_eq!(split("a:b"), Some(("a", "b", "")));
        assert_eq!(split("# a: b"), None);
        assert_eq!(split(""), None);
    }
}
