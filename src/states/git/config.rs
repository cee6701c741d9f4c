//! `git.config_set` and `git.config_unset`. Salt: states/git.py.

use super::report::{Report, complaint};
use super::{own_keywords, unknown_keywords, with_user};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, repr, str_of};

/// Words beside the parameters, `global` and `all` among them; or what is wrong with them.
fn flags(args: &Args, known: &[&str]) -> Result<(bool, bool), String> {
    let mut words = own_keywords(args);
    let mut flag = |name: &str| {
        let found = words.iter().position(|(key, _)| key == name && known.contains(&name));
        found.is_some_and(|at| words.remove(at).1.truthy())
    };
    let (global, all) = (flag("global"), flag("all"));
    if let Some(text) = unknown_keywords(&words) {
        return Err(text);
    }
    if !global && !args.truthy("repo") {
        return Err("Non-global config options require the 'repo' argument to be set".to_owned());
    }
    Ok((global, all))
}

fn report(running: &Running, args: &Args) -> Report {
    let (comments, changes) = (Vec::new(), Map::new());
    Report { name: args.get("name").clone(), test: running.test(), comments, changes }
}

pub(super) fn set(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut report = report(running, args);
    let (value, multivar) = (args.get("value"), args.get("multivar"));
    if !value.is_null() && !multivar.is_null() {
        return Ok(report.fail("Only one of 'value' and 'multivar' is permitted"));
    }
    let global = match flags(args, &["global"]) {
        Ok((global, _)) => global,
        Err(text) => return Ok(report.fail(text)),
    };
    let name = str_of(args.get("name"));
    let desired: Vec<String> = match (value, multivar) {
        (Value::Null, Value::List(items)) => items.iter().map(str_of).collect(),
        (Value::Null, other) => str_of(other).split(',').map(str::to_owned).collect(),
        (value, _) => vec![str_of(value)],
    };
    let desired = Value::list(desired);
    let shown = if value.is_null() { repr(&desired) } else { format!("'{}'", str_of(value)) };
    let asked = |more: Map| {
        let mut asked = map! { "cwd" => args.get("repo").clone(), "key" => name.as_str() };
        asked.extend(more);
        asked.insert("global", global);
        with_user(args, asked)
    };
    let quietly = asked(map! { "ignore_retcode" => true, "all" => true });
    let before = running.ask_with("git.config_get", &[], quietly)?;
    let key = format!("{}'{name}'", if global { "Global key " } else { "" });
    if before == desired {
        return Ok(report.done(Some(true), format!("{key} is already set to {shown}")));
    }
    let how = if before.is_null() { "added as" } else { "set to" };
    if report.test {
        report.changes = map! { "old" => before, "new" => desired };
        return Ok(report.neutral(format!("{key} would be {how} {shown}")));
    }
    let values = map! { "value" => value.clone(), "multivar" => if value.is_null() { desired.clone() } else { Value::Null } };
    let low_key = format!("{}'{name}'", if global { "global key " } else { "" });
    let after = match running.ask_with("git.config_set", &[], asked(values)) {
        Ok(after) => after,
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(report.fail(format!("Failed to set {low_key} to {shown}: {}", complaint(&fault))));
        }
        Err(fault) => return Err(fault),
    };
    if before != after {
        report.changes.insert(name.as_str(), map! { "old" => before, "new" => after.clone() });
    }
    if after != desired {
        return Ok(report.fail(format!("Failed to set {low_key} to {shown}")));
    }
    Ok(report.done(Some(true), format!("{key} was {how} {shown}")))
}

/// `key (value, value)`, for each key with at least so many values.
fn listed(matches: &Map, least: usize) -> Option<String> {
    let texts: Vec<String> = matches
        .iter()
        .filter_map(|(key, values)| {
            let values: Vec<String> = values.as_list()?.iter().map(str_of).collect();
            (values.len() >= least).then(|| format!("{} ({})", str_of(key), values.join(", ")))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

pub(super) fn unset(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut report = report(running, args);
    let (global, all) = match flags(args, &["global", "all"]) {
        Ok(flags) => flags,
        Err(text) => return Ok(report.fail(text)),
    };
    let name = str_of(args.get("name"));
    let regex = args.opt_str("value_regex")?;
    let pattern = format!("^{}$", name.trim_start_matches('^').trim_end_matches('$'));
    let matches = |regex: Option<&str>| -> Result<Map, Fault> {
        let asked = map! {
            "cwd" => args.get("repo").clone(), "key" => pattern.as_str(), "value_regex" => regex,
            "ignore_retcode" => true, "global" => global,
        };
        let found = running.ask_with("git.config_get_regexp", &[], with_user(args, asked))?;
        Ok(found.as_map().cloned().unwrap_or_default())
    };
    let before = matches(regex.as_deref())?;
    if before.is_empty() {
        return Ok(report.done(Some(true), "No matching keys are set"));
    }
    if let Some(many) = listed(&before, 2).filter(|_| !all) {
        let hint = "(set 'all' to True to force removal)";
        return Ok(report.fail(if regex.is_some() {
            format!("Multiple values are matched by value_regex for the following keys {hint}: {many}")
        } else {
            format!("Multivar(s) matched by the key expression {hint}: {many}")
        }));
    }
    if report.test {
        let comment = format!("{} key(s) would have value(s) unset", before.len());
        report.changes = before;
        return Ok(report.neutral(comment));
    }
    let whole = if regex.is_none() { before.clone() } else { matches(None)? };
    let mut failed = Vec::new();
    for key in before.keys().map(str_of) {
        let asked = map! {
            "cwd" => args.get("repo").clone(), "key" => name.as_str(), "value_regex" => regex.as_deref(), "all" => all,
            "global" => global,
        };
        if let Err(fault) = running.ask_with("git.config_unset", &[], with_user(args, asked)) {
            crate::log::error!(key, error = complaint(&fault), "failed to unset an option of git");
            failed.push(key);
        }
    }
    if !failed.is_empty() {
        return Ok(report.fail(format!(
            "Error(s) occurred unsetting values for the following keys (see the minion log for details): {}",
            failed.join(", ")
        )));
    }
    let after = matches(None)?;
    for (key, values) in &whole {
        let left = after.get_value(key).and_then(Value::as_list).unwrap_or_default();
        let gone: Vec<Value> = values
            .as_list()
            .unwrap_or_default()
            .iter()
            .filter(|value| !left.contains(value))
            .cloned()
            .collect();
        if !gone.is_empty() {
            report.changes.insert(key.clone(), Value::List(gone));
        }
    }
    let rest = if regex.is_none() { after } else { matches(regex.as_deref())? };
    Ok(match listed(&rest, 0) {
        Some(rest) => report.fail(format!("Failed to unset value(s): {rest}")),
        None => report.done(Some(true), "Value(s) successfully unset"),
    })
}
