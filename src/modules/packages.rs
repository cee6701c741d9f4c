//! What the providers of `pkg` share. Salt: utils/data.py, utils/pkg.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

/// Salt's idea of a true option: also the word and numbers above zero.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Int(int) => *int > 0,
        Value::Text(text) => {
            text.eq_ignore_ascii_case("true") || text.parse::<f64>().is_ok_and(|number| number > 0.0)
        }
        other => other.truthy(),
    }
}

/// What differs between two lists of packages: `{name: {old, new}}`.
pub(super) fn difference(old: &Map, new: &Map) -> Map {
    let empty = Value::from("");
    let mut changes = Map::new();
    for key in old.keys().chain(new.keys()) {
        let (was, is) = (old.get_value(key), new.get_value(key));
        if was != is {
            changes.insert(
                key.clone(),
                map! { "old" => was.unwrap_or(&empty).clone(), "new" => is.unwrap_or(&empty).clone() },
            );
        }
    }
    changes
}

/// A keyword that was given, unless it is `None`.
pub(super) fn keyword<'a>(args: &'a Args, name: &str) -> Option<&'a Value> {
    args.keywords.get(name).filter(|value| !value.is_null())
}

pub(super) fn flag(args: &Args, name: &str) -> bool {
    keyword(args, name).is_some_and(Value::truthy)
}

/// Words as owned text.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(super) fn names(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Map(map) => map.keys().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

/// The changes, or a failure that holds them.
pub(super) fn finish(text: &str, errors: &[String], changes: Map) -> Result<Value, Fault> {
    if errors.is_empty() {
        return Ok(changes.into());
    }
    let info = map! { "errors" => Value::list(errors), "changes" => changes };
    Err(Fault::Execution { text: text.to_owned(), info: Some(info.into()) })
}

/// Files of a kind below a directory, in order.
fn files(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    sort::all(&mut entries);
    for path in entries {
        if path.is_dir() && !path.is_symlink() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

/// Package files in the cache of a package manager: `{name: {version: {path, size, creation_date_time_t,
/// creation_date_time}}}`.
pub(super) fn downloaded(
    cx: &Context,
    cache: &Path,
    extension: &str,
    time: impl Fn(i64) -> Zoned,
) -> Result<Map, Fault> {
    let mut found = Vec::new();
    files(cache, extension, &mut found);
    let mut all = Map::new();
    for path in found {
        let text = path.to_string_lossy().into_owned();
        let info = cx.ask("lowpkg.bin_pkg_info", &[text.as_str().into()])?;
        let about = fs::metadata(&path).map_err(|error| Fault::os(&error, &text))?;
        let entry = map! {
            "path" => text,
            "size" => about.len(),
            "creation_date_time_t" => about.ctime(),
            "creation_date_time" => time(about.ctime()).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        };
        let of = |key: &str| info.get(key).map(str_of).unwrap_or_default();
        if let Value::Map(versions) = all.entry(of("name"), || Map::new().into()) {
            versions.insert(of("version"), entry);
        }
    }
    Ok(all)
}
