//! What should not be there, and what should: `absent`, `exists`, `missing`, `pruned`, `tidied`. Salt: states/file.py.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::ret::{
    Outcome, changed, exists as is_there, failed, fresh, is_dir, is_file, is_link, join, path_in, text_of,
    texts,
};
use crate::loader::{Args, Fault, Running};
use crate::map;
use crate::patterns::PySearch;
use crate::value::{Map, Value, sort, str_of};

pub(super) fn absent(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.absent");
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if name == "/" {
        return failed(ret, "Refusing to make \"/\" absent");
    }
    let (what, lower) = if is_file(&name) || is_link(&name) {
        ("File", "file")
    } else if is_dir(&name) {
        ("Directory", "directory")
    } else {
        ret.comment = format!("File {name} is not present");
        return Ok(ret);
    };
    if running.test() {
        ret.result = None;
        ret.comment = format!("{what} {name} is set for removal");
    } else {
        match running.ask_with("file.remove", &[name.as_str().into()], map! { "force" => true }) {
            Ok(_) => ret.comment = format!("Removed {lower} {name}"),
            Err(fault @ Fault::Execution { .. }) => return failed(ret, text_of(&fault)),
            Err(other) => return Err(other),
        }
    }
    changed(&mut ret, "removed", name.as_str());
    Ok(ret)
}

pub(super) fn exists(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.exists");
    }
    if !is_there(&name) {
        return failed(ret, format!("Specified path {name} does not exist"));
    }
    ret.comment = format!("Path {name} exists");
    Ok(ret)
}

pub(super) fn missing(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.missing");
    }
    if is_there(&name) {
        return failed(ret, format!("Specified path {name} exists"));
    }
    ret.comment = format!("Path {name} is missing");
    Ok(ret)
}

pub(super) fn pruned(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    let ignore_errors = args.truthy("ignore_errors");
    let recurse = args.truthy("recurse") || ignore_errors;
    if !is_dir(&name) {
        ret.comment = format!("Directory {name} is not present");
        return Ok(ret);
    }
    if running.test() {
        ret.result = None;
        changed(&mut ret, "deleted", name.as_str());
        ret.comment = format!("Directory {name} is set for removal");
        return Ok(ret);
    }
    let how = map! {
        "recurse" => recurse,
        "verbose" => true,
        "older_than" => args.get("older_than").clone(),
    };
    let done = running.ask_with("file.rmdir", &[name.as_str().into()], how)?;
    let mut done = done.as_map().cloned().unwrap_or_default();
    let result = done.remove("result").is_some_and(|result| result.truthy());
    let mut deleted: Vec<String> = done.get("deleted").map(texts).unwrap_or_default();
    sort::all(&mut deleted);
    if (result && recurse && !deleted.is_empty()) || (!result && ignore_errors && !deleted.is_empty()) {
        ret.comment = format!("Recursively removed empty directories under {name}");
        changed(&mut ret, "deleted", Value::list(deleted));
    } else if result && !recurse {
        ret.comment = format!("Removed directory {name}");
        changed(&mut ret, "deleted", name.as_str());
    } else if !result {
        ret.changes = done.into();
        return failed(ret, format!("Failed to remove directory {name}"));
    }
    Ok(ret)
}

/// What `tidied` looks for.
struct Wanted {
    matches: Vec<PySearch>,
    excludes: Vec<PySearch>,
    age: i64,
    size: i64,
    both: bool,
    only: Option<String>,
    time: String,
    rmdirs: bool,
    rmlinks: bool,
    full_path: bool,
    follow: bool,
}

impl Wanted {
    fn read(args: &Args) -> Result<Self, Fault> {
        let compile = |value: &Value| {
            texts(value)
                .iter()
                .map(|pattern| {
                    PySearch::new(pattern, 0).map_err(|error| Fault::exception("re.error", error.to_string()))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let matches = match args.get("matches") {
            Value::Null => compile(&".*".into())?,
            given => compile(given)?,
        };
        let excludes = if args.truthy("exclude") { compile(args.get("exclude"))? } else { Vec::new() };
        let lower = |name: &str| args.get(name).as_str().map(str::to_lowercase);
        let time =
            lower("time_comparison").filter(|time| matches!(time.as_str(), "atime" | "ctime" | "mtime"));
        Ok(Wanted {
            matches,
            excludes,
            age: args.int("age")?,
            size: octets(args.get("size")),
            both: lower("age_size_logical_operator").as_deref() == Some("and"),
            only: lower("age_size_only").filter(|only| matches!(only.as_str(), "age" | "size")),
            time: time.unwrap_or_else(|| "atime".to_owned()),
            rmdirs: args.truthy("rmdirs"),
            rmlinks: args.truthy("rmlinks"),
            full_path: args.truthy("full_path_match"),
            follow: args.truthy("followlinks"),
        })
    }

    fn takes(&self, path: &str, name: &str) -> bool {
        let link = is_link(path);
        let found = if link { fs::symlink_metadata(path) } else { fs::metadata(path) };
        let Ok(found) = found else { return false };
        let deletable = if link { self.rmlinks } else { !found.is_dir() || self.rmdirs };
        let size = if link || found.is_dir() { 0 } else { i64::try_from(found.len()).unwrap_or(i64::MAX) };
        let seconds = match self.time.as_str() {
            "ctime" => found.ctime(),
            "mtime" => found.mtime(),
            _ => found.atime(),
        };
        let old = age_in_days(seconds) >= self.age;
        let big = size >= self.size;
        let due = match self.only.as_deref() {
            Some("age") => old,
            Some(_) => big,
            None if self.both => old && big,
            None => old || big,
        };
        let text = if self.full_path { path } else { name };
        deletable
            && due
            && self.matches.iter().any(|pattern| pattern.begins(text))
            && !self.excludes.iter().any(|pattern| pattern.begins(text))
    }

    /// Deepest first.
    fn collect(&self, top: &str, found: &mut Vec<String>) {
        let (mut dirs, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(top).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() { dirs.push(name) } else { files.push(name) }
        }
        for name in &dirs {
            let path = join(top, name);
            if self.follow || !is_link(&path) {
                self.collect(&path, found);
            }
        }
        for name in files.iter().chain(&dirs) {
            let path = join(top, name);
            if self.takes(&path, name) {
                found.push(path);
            }
        }
    }
}

/// Whole days between a moment and today, by the calendar.
fn age_in_days(seconds: i64) -> i64 {
    let now = crate::host::local_now();
    let Ok(then) = jiff::Timestamp::from_second(seconds) else { return 0 };
    let then = then.to_zoned(now.time_zone().clone()).date();
    now.date().since(then).map_or(0, |span| i64::from(span.get_days()).abs())
}

/// `10`, `10KB`, `1M`: Salt's `human_to_bytes` with metric units.
fn octets(size: &Value) -> i64 {
    let Value::Text(text) = size else { return size.as_int().unwrap_or_default() };
    let text = text.trim();
    let end = text.find(|char: char| !(char.is_ascii_digit() || char == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().unwrap_or_default();
    let unit = unit.trim();
    let base: f64 = if unit.len() == 2 && unit.to_lowercase().ends_with('b') { 1000.0 } else { 1024.0 };
    let power = match unit.chars().next().map(|char| char.to_ascii_lowercase()) {
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        _ => 0,
    };
    (number * base.powi(power)) as i64
}

pub(super) fn tidied(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if !is_dir(&name) {
        return failed(ret, format!("{name} does not exist or is not a directory."));
    }
    let mut found = Vec::new();
    Wanted::read(args)?.collect(&name, &mut found);
    if found.is_empty() {
        ret.comment = format!("Nothing to remove from directory {name}");
        return Ok(ret);
    }
    if running.test() {
        ret.result = None;
        ret.comment = format!("{name} is set for tidy");
        ret.changes = map! { "removed" => Value::list(found) }.into();
        return Ok(ret);
    }
    let mut removed = Vec::new();
    let count = found.len();
    for path in found {
        let done = running.ask("file.remove", &[path.as_str().into()]);
        if let Err(fault @ Fault::Execution { .. }) = done {
            ret.changes = map! { "removed" => Value::list(removed) }.into();
            return failed(ret, text_of(&fault));
        }
        done?;
        removed.push(path);
    }
    ret.changes = map! { "removed" => Value::list(removed) }.into();
    ret.comment = format!("Removed {count} files or directories from directory {name}");
    Ok(ret)
}

/// Which files a retention schedule keeps. Salt: `retention_schedule`.
pub(super) fn retention_schedule(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Must provide name to file.retention_schedule");
    }
    if !is_dir(&name) {
        return failed(ret, "Name provided to file.retention must be a directory");
    }
    let entries = texts(&running.ask("file.readdir", &[name.as_str().into()])?);
    let format = args.given("strptime_format").map(str_of);
    let (mut dated, mut ignored) = (Vec::new(), Vec::new());
    for entry in entries {
        match time_of(&join(&name, &entry), &entry, format.as_deref()) {
            Some(time) => dated.push((time, entry)),
            None => ignored.push(entry),
        }
    }
    let retain = args.get("retain").as_map().cloned().unwrap_or_default();
    let kept = retained(&dated, &retain)?;
    let mut deleted: Vec<String> =
        dated.iter().map(|(_, entry)| entry.clone()).filter(|entry| !kept.contains(entry)).collect();
    let youngest_first = |list: &mut Vec<String>| sort::by(list, |a, b| b.cmp(a));
    youngest_first(&mut deleted);
    youngest_first(&mut ignored);
    let mut retained: Vec<String> = kept;
    youngest_first(&mut retained);
    let count = deleted.len();
    if count > 0 {
        ret.changes = map! {
            "retained" => Value::list(retained),
            "deleted" => Value::list(deleted.clone()),
            "ignored" => Value::list(ignored),
        }
        .into();
    }
    if running.test() {
        ret.comment = format!("{count} backups would have been removed from {name}.\n");
        if count > 0 {
            ret.result = None;
        }
        return Ok(ret);
    }
    for entry in deleted {
        running.ask("file.remove", &[join(&name, &entry).into()])?;
    }
    ret.comment = format!("{count} backups were removed from {name}.\n");
    Ok(ret)
}

/// The time in a file's name, or that of its last change.
fn time_of(path: &str, entry: &str, format: Option<&str>) -> Option<(jiff::civil::DateTime, i64)> {
    if let Some(format) = format {
        let parsed = jiff::fmt::strtime::parse(format, entry).ok()?;
        let time = parsed.to_datetime().or_else(|_| parsed.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?;
        let seconds = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
        return Some((time, seconds));
    }
    if matches!(entry, "." | "..") {
        return None;
    }
    let found = fs::symlink_metadata(path).ok()?;
    let moment = jiff::Timestamp::new(found.mtime(), i32::try_from(found.mtime_nsec()).ok()?).ok()?;
    Some((moment.to_zoned(crate::host::local_now().time_zone().clone()).datetime(), moment.as_microsecond()))
}

type Dated = ((jiff::civil::DateTime, i64), String);

fn retained(dated: &[Dated], retain: &Map) -> Result<Vec<String>, Fault> {
    let mut kept: Vec<String> = Vec::new();
    for (rule, count) in retain {
        let rule = str_of(rule);
        let count = match str_of(count).as_str() {
            "all" => usize::MAX,
            number => number.parse().map_err(|_| {
                Fault::exception("ValueError", format!("invalid literal for int() with base 10: '{number}'"))
            })?,
        };
        // The parts of the time that make one period; the first file of each period is kept.
        let period = |time: &jiff::civil::DateTime, at: i64| -> Vec<i64> {
            let parts: Vec<i64> = match rule.as_str() {
                "first_of_week" => {
                    vec![time.year().into(), time.date().iso_week_date().week().into()]
                }
                _ => vec![time.year().into(), time.month().into(), time.day().into(), time.hour().into(), at],
            };
            let depth = match rule.as_str() {
                "first_of_year" => 1,
                "first_of_month" | "first_of_week" => 2,
                "first_of_day" => 3,
                "first_of_hour" => 4,
                _ => 5,
            };
            parts.into_iter().take(depth).collect()
        };
        if !matches!(
            rule.as_str(),
            "first_of_year"
                | "first_of_month"
                | "first_of_week"
                | "first_of_day"
                | "first_of_hour"
                | "most_recent"
        ) {
            return Err(Fault::exception("KeyError", format!("'{rule}'")));
        }
        let mut periods: std::collections::BTreeMap<Vec<i64>, (i64, &str)> =
            std::collections::BTreeMap::new();
        for ((time, at), entry) in dated {
            let first = periods.entry(period(time, *at)).or_insert((*at, entry));
            if *at < first.0 {
                *first = (*at, entry);
            }
        }
        // Salt keeps one week more than it was told.
        let count = if rule == "first_of_week" { count.saturating_add(1) } else { count };
        for (_, entry) in periods.into_values().rev().take(count) {
            if !kept.iter().any(|own| own == entry) {
                kept.push(entry.to_owned());
            }
        }
    }
    Ok(kept)
}
