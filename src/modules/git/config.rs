//! Options of git. Salt: modules/git.py.

use super::run::{Git, push};
use super::words;
use crate::loader::{Args, Context, Fault, Ran};
use crate::value::{Map, Value, str_of};

fn is_global(args: &Args) -> Result<bool, Fault> {
    let global = args.keywords.get("global").is_some_and(Value::truthy);
    if args.get("cwd").is_null() && !global {
        return Err(Fault::invocation("'cwd' argument required unless global=True"));
    }
    Ok(global)
}

fn all(args: &Args) -> bool {
    args.keywords.get("all").is_some_and(Value::truthy)
}

fn asked(cx: &Context, args: &Args, how: &str, regex: Option<String>) -> Result<Ran, Fault> {
    let place = if is_global(args)? { "--global" } else { "--local" };
    let mut words = words(&[place, how]);
    words.push(args.str("key")?);
    words.extend(regex);
    Git::of(cx, args)?.ran("config", &words)
}

fn values(cx: &Context, args: &Args) -> Result<Option<Vec<String>>, Fault> {
    let ran = asked(cx, args, "--get-all", None)?;
    Ok((ran.retcode != 1).then(|| ran.stdout.lines().map(str::to_owned).collect()))
}

pub(super) fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let Some(values) = values(cx, args)? else { return Ok(Value::Null) };
    Ok(if all(args) { Value::list(values) } else { values.last().cloned().unwrap_or_default().into() })
}

pub(super) fn get_regexp(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let ran = asked(cx, args, "--get-regexp", args.opt_str("value_regex")?)?;
    let mut found = Map::new();
    let lines = ran.stdout.lines().filter(|_| ran.retcode != 1);
    for (key, value) in lines.filter_map(|line| line.split_once(char::is_whitespace)) {
        push(&mut found, key, value.trim_start());
    }
    Ok(found.into())
}

pub(super) fn set(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let global = is_global(args)?;
    let (value, multivar) = (args.opt_str("value")?, args.get("multivar"));
    if value.is_some() && !multivar.is_null() {
        return Err(Fault::invocation("Only one of 'value' and 'multivar' is permitted"));
    }
    let git = Git::of(cx, args)?;
    let adds = args.keywords.get("add").is_some_and(Value::truthy);
    let values: Vec<String> = match (value, multivar) {
        (Some(value), _) => vec![value],
        (None, Value::List(items)) => items.iter().map(str_of).collect(),
        (None, other) => str_of(other).split(',').map(str::to_owned).collect(),
    };
    for (index, value) in values.into_iter().enumerate() {
        let mut words = if global { words(&["--global"]) } else { Vec::new() };
        words.push(if adds || index > 0 { "--add" } else { "--replace-all" }.to_owned());
        words.extend([args.str("key")?, value]);
        git.printed("config", &words)?;
    }
    Ok(Value::list(self::values(cx, args)?.unwrap_or_default()))
}

pub(super) fn unset(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let key = args.str("key")?;
    let regex = args.opt_str("value_regex")?;
    let place = if is_global(args)? { "--global" } else { "--local" };
    let mut words = words(&[if all(args) { "--unset-all" } else { "--unset" }, place]);
    words.push(key.clone());
    words.extend(regex.clone());
    let ran = Git::of(cx, args)?.ran("config", &words)?;
    let text = match ran.retcode {
        0 => return Ok(true.into()),
        1 => "Section or key is invalid".to_owned(),
        5 if values(cx, args)?.is_none() => format!("Key '{key}' does not exist"),
        5 => {
            let more = if regex.is_some() { " and value_regex matches multiple values" } else { "" };
            format!("Multiple values exist for key '{key}'{more}")
        }
        6 => "The value_regex is invalid".to_owned(),
        code => {
            let more = if ran.stderr.is_empty() { String::new() } else { format!("; {}", ran.stderr) };
            format!("Failed to unset key '{key}', git config returned exit code {code}{more}")
        }
    };
    Err(Fault::execution(text))
}
