//! What other programs do to files: attributes of file systems, patches, `grep` and `sed`. Salt: modules/file.py
//! (`lsattr`, `chattr`, `patch`, `grep`, `sed`, `sed_contains`).

use std::path::Path;

use super::paths::path;
use crate::loader::shlex::split;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

fn run(cx: &Context, fun: &str, words: Vec<String>, quiet: bool) -> Result<Value, Fault> {
    let mut kwargs = map! { "python_shell" => false };
    if quiet {
        kwargs.insert("ignore_retcode", true);
    }
    cx.call(fun, Call { args: vec![Value::list(words)], kwargs })
}

/// Where a program is.
fn which(cx: &Context, program: &str) -> Option<String> {
    let found = cx.call("cmd.which", Call::positional([program.into()])).ok()?;
    found.as_str().map(str::to_owned)
}

/// Attributes of files by path; `None` where the program is not there.
fn attributes(cx: &Context, path: &str) -> Result<Option<Map>, Fault> {
    if which(cx, "lsattr").is_none() {
        return Ok(None);
    }
    if !Path::new(path).exists() {
        return Err(Fault::invocation(format!("File or directory does not exist: {path}")));
    }
    let said = str_of(&run(cx, "cmd.run", vec!["lsattr".into(), path.into()], true)?);
    let mut found = Map::new();
    for line in said.lines().filter(|line| !line.starts_with("lsattr: ")) {
        if let Some((letters, file)) = line.split_once(char::is_whitespace) {
            let letters = letters.chars().filter(|letter| "aAcCdDeijPsStTu".contains(*letter));
            found.insert(file.trim_start(), Value::list(letters.map(|letter| letter.to_string())));
        }
    }
    Ok(Some(found))
}

pub(super) fn lsattr(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(attributes(cx, &args.str("path")?)?.map_or(Value::Null, Into::into))
}

pub(super) fn chattr(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let given = |name: &str| args.keywords.get(name).filter(|value| !value.is_null()).map(str_of);
    let operator = match given("operator").as_deref() {
        Some("add") => '+',
        Some("remove") => '-',
        _ => return Err(Fault::invocation("Need an operator: 'add' or 'remove' to modify attributes.")),
    };
    let Some(letters) = given("attributes") else {
        return Err(Fault::invocation("Need attributes: [aAcCdDeijPsStTu]"));
    };
    let mut words = vec!["chattr".to_owned(), format!("{operator}{letters}")];
    words.extend(given("flags").map(|flags| format!("-{flags}")));
    words.extend(given("version").into_iter().flat_map(|version| ["-v".to_owned(), version]));
    words.extend(args.rest.iter().map(str_of));
    Ok((!run(cx, "cmd.run", words, false)?.truthy()).into())
}

/// What has to be added and removed; `None` where that cannot be known.
fn difference(cx: &Context, path: &str, wanted: &str) -> Result<Option<(String, String, String)>, Fault> {
    let Some(found) = attributes(cx, path)? else { return Ok(None) };
    let there: String = found.get(path).and_then(Value::as_list).into_iter().flatten().map(str_of).collect();
    // The mark of extents comes and goes by itself.
    let added = wanted.chars().filter(|letter| !there.contains(*letter)).collect();
    let removed = there.chars().filter(|letter| *letter != 'e' && !wanted.contains(*letter)).collect();
    Ok(Some((added, removed, there)))
}

pub(super) fn attributes_differ(cx: &Context, path: &str, wanted: &str) -> Result<bool, Fault> {
    Ok(difference(cx, path, wanted)?
        .is_some_and(|(added, removed, _)| !added.is_empty() || !removed.is_empty()))
}

/// Sets attributes, unless `test`: the change, and what went wrong.
pub(super) fn make_attributes(
    cx: &Context,
    path: &str,
    wanted: &str,
    test: bool,
) -> Result<(Option<Map>, Option<String>), Fault> {
    let Some((added, removed, old)) = difference(cx, path, wanted)? else { return Ok((None, None)) };
    if added.is_empty() && removed.is_empty() {
        return Ok((None, None));
    }
    let (mut new, mut wrong) = (wanted.to_owned(), None);
    if !test {
        for (operator, letters) in [('+', &added), ('-', &removed)] {
            if !letters.is_empty() {
                run(
                    cx,
                    "cmd.run",
                    vec!["chattr".into(), format!("{operator}{letters}"), path.into()],
                    false,
                )?;
            }
        }
        if let Some((_, _, now)) =
            difference(cx, path, wanted)?.filter(|(a, r, _)| !a.is_empty() || !r.is_empty())
        {
            wrong = Some(format!("Failed to change attributes to {wanted}"));
            new = now;
        }
    }
    let change = (old != new).then(|| map! { "old" => old, "new" => new });
    Ok((change, wrong))
}

/// The words of a command line, quotes taken away.
fn words(value: &Value) -> Result<Vec<String>, Fault> {
    match value {
        Value::List(words) => Ok(words.iter().map(str_of).collect()),
        other => split(&str_of(other)),
    }
}

pub(super) fn patch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Some(program) = which(cx, "patch") else {
        return Err(Fault::execution(
            "patch executable not found. Is the distribution's patch package installed?",
        ));
    };
    let original = args.str("originalfile")?;
    let mut command = vec![program];
    command.extend(words(args.get("options"))?);
    if args.truthy("dry_run") {
        command.push("--dry-run".into());
    }
    let has = |command: &[String], test: fn(&str) -> bool| command.iter().any(|word| test(word));
    if !has(&command, |word| word == "-N" || word == "--forward") {
        command.push("--forward".into());
    }
    if !has(&command, |word| word == "-r" || word.starts_with("-r ") || word.starts_with("--reject-file")) {
        command.push("--reject-file=-".into());
    }
    command.extend(["-i".to_owned(), args.str("patchfile")?]);
    if Path::new(&original).is_dir() {
        command.extend(["-d".to_owned(), original]);
        if !has(&command, |word| word.starts_with("-p") || word.starts_with("--strip=")) {
            command.push("--strip=0".into());
        }
    } else {
        command.push(original);
    }
    run(cx, "cmd.run_all", command, false)
}

pub(super) fn grep(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let mut command = vec!["grep".to_owned()];
    for option in &args.rest {
        let split = split(&str_of(option))?;
        if split.len() > 1 {
            return Err(Fault::invocation(format!(
                "Passing multiple command line arguments in a single string is not supported, please pass the following \
                 arguments separately: {}",
                str_of(option)
            )));
        }
        command.extend(split);
    }
    command.push(str_of(args.get("pattern")));
    let found = crate::host::glob(&path);
    command.extend(if found.is_empty() { vec![path] } else { found });
    run(cx, "cmd.run_all", command, false)
}

fn escaped(text: &str, all: bool) -> String {
    let mut out = text.replace('\'', "'\"'\"'").replace('/', "\\/");
    if all {
        for char in ['^', '.', '[', '$', '(', ')', '|', '*', '+', '?', '{'] {
            out = out.replace(char, &format!("\\{char}"));
        }
    }
    out
}

pub(super) fn sed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    if !Path::new(&path).exists() {
        return Ok(false.into());
    }
    let all = args.get("escape_all") == &Value::Bool(true);
    let part = |name: &str| escaped(&str_of(args.get(name)), all);
    let backup = args.get("backup");
    let mut command = vec!["sed".to_owned()];
    command.push(if backup.truthy() { format!("-i{}", str_of(backup)) } else { "-i".to_owned() });
    command.extend(words(args.get("options"))?);
    let limit = part("limit");
    command.push(format!(
        "{}{}s/{}/{}/{}",
        if limit.is_empty() { String::new() } else { format!("/{limit}/ ") },
        if args.truthy("negate_match") { "!" } else { "" },
        part("before"),
        part("after"),
        args.str("flags")?
    ));
    command.push(path);
    run(cx, "cmd.run_all", command, false)
}

pub(super) fn sed_contains(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    if !Path::new(&path).exists() {
        return Ok(false.into());
    }
    let limit = escaped(&str_of(args.get("limit")), false);
    let script = format!(
        "{}s/{}/$/p{}",
        if limit.is_empty() { String::new() } else { format!("/{limit}/ ") },
        escaped(&str_of(args.get("text")), false),
        args.str("flags")?
    );
    let command = ["sed", "-n", "-r", "-e", &script, &path].map(str::to_owned).to_vec();
    Ok(run(cx, "cmd.run", command, false)?.truthy().into())
}
