//! What Salt Cloud has cached of its machines: a file of msgpack for each, `<cachedir>/active/<driver>/<provider>/<id>.p`.
//! The files are Salt Cloud's, which is not part of this program; they are read here. Salt: runners/cache.py, utils/cloud.py
//! (`list_cache_nodes_full`), config/__init__.py (`cloud_config`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::glob;
use crate::loader::{Args, Context, Fault};
use crate::matchers::Glob;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value, sort, yaml};

/// Where Salt Cloud's cache is where nobody says it: below `root_dir`.
const CACHEDIR: &str = "/var/cache/salt/cloud";

/// How deep configuration files may include each other.
const MAX_NESTING: usize = 16;

/// `{id: data}` of the machines that fit a glob, each with its `provider`; nothing without `update_cachedir`.
pub(super) fn cloud(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    let Value::Text(tgt) = args.get("tgt") else { return Ok(found.into()) };
    let Some(active) = active(cx)? else { return Ok(found.into()) };
    let (glob, wanted) = (Glob::new(tgt), args.opt_str("provider")?.filter(|provider| !provider.is_empty()));
    for driver in entries(&active)? {
        for folder in entries(&driver)? {
            let provider = name(&folder);
            if wanted.as_ref().is_some_and(|wanted| *wanted != provider) {
                continue;
            }
            for file in entries(&folder)? {
                let mut id = name(&file);
                // Salt: whatever the last two letters are.
                id.truncate(id.char_indices().rev().nth(1).map_or(0, |(at, _)| at));
                // All are read: a broken file is told whoever is meant.
                match read(&file)? {
                    _ if !glob.matches(&id) => {}
                    Value::Map(mut data) => {
                        data.insert("provider", provider.as_str());
                        found.insert(id, data);
                    }
                    other => return Err(Fault::Type(unassignable(&other))),
                }
            }
        }
    }
    Ok(found.into())
}

/// The folder of the cache, if Salt Cloud is told to keep one.
fn active(cx: &Context) -> Result<Option<PathBuf>, Fault> {
    let config = Path::new(cx.opt_str("conf_file")).with_file_name("cloud");
    let mut own = Map::new();
    if config.is_file() {
        own = options(&config)?;
    }
    let include = own.get("default_include").cloned().unwrap_or_else(|| "cloud.conf.d/*.conf".into());
    let more = included(&include, &config, 0)?;
    own.extend(more);
    if let Some(include) = own.get("include").cloned() {
        let more = included(&include, &config, 0)?;
        own.extend(more);
    }
    // The master's options come below those of Salt Cloud, but for `cachedir`.
    let master = match own.str("master_config") {
        Some(file) if Path::new(file).is_file() => options(Path::new(file))?,
        _ => cx.opts.clone(),
    };
    let option = |name: &str| own.get(name).or_else(|| master.get(name));
    if !option("update_cachedir").is_some_and(Value::truthy) {
        return Ok(None);
    }
    let cachedir = own.str("cachedir").unwrap_or(CACHEDIR);
    let root = option("root_dir").and_then(Value::as_str).unwrap_or("/").trim_end_matches('/');
    let cachedir = match cachedir.strip_prefix(root) {
        // Salt: a path that lies in `root_dir` already stays.
        Some(below) if below.starts_with('/') || below.is_empty() => PathBuf::from(cachedir),
        _ => PathBuf::from(format!("{root}/{}", cachedir.trim_start_matches('/'))),
    };
    Ok(Some(cachedir.join("active")))
}

/// The options of a file, without those that it includes.
fn options(file: &Path) -> Result<Map, Fault> {
    let shown = file.to_string_lossy();
    let wrong = |problem: &dyn std::fmt::Display| {
        Fault::execution(format!("Error parsing configuration file: {shown} - {problem}"))
    };
    let text = fs::read_to_string(file).map_err(|error| Fault::os(&error, &shown))?;
    match yaml::load(&text, &shown).map_err(|error| wrong(&error))? {
        Value::Map(options) => Ok(options),
        empty if !empty.truthy() => Ok(Map::new()),
        _ => Err(wrong(&"it is no mapping")),
    }
}

/// The options of the files that a glob or a list of them names, relative to the file that says so. The last one wins.
fn included(include: &Value, from: &Path, depth: usize) -> Result<Map, Fault> {
    if depth > MAX_NESTING {
        return Err(Fault::execution(format!("{}: files include each other without end", from.display())));
    }
    let mut all = Map::new();
    let globs = include.as_list().unwrap_or(std::slice::from_ref(include));
    for pattern in globs.iter().filter_map(Value::as_str).filter(|pattern| !pattern.is_empty()) {
        let pattern = from.with_file_name(pattern);
        for file in glob(&pattern.to_string_lossy()) {
            let mut one = options(Path::new(&file))?;
            if let Some(include) = one.get("include").cloned() {
                let more = included(&include, Path::new(&file), depth + 1)?;
                one.extend(more);
            }
            all.extend(one);
        }
    }
    Ok(all)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let wrong = |error| Fault::os(&error, &folder.to_string_lossy());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        paths.push(entry.map_err(wrong)?.path());
    }
    sort::all(&mut paths);
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(file: &Path) -> Result<Value, Fault> {
    let octets = fs::read(file).map_err(|error| Fault::os(&error, &file.to_string_lossy()))?;
    decode(&octets, Reading::Wire).map_err(|error| Fault::execution(format!("{}: {error}", file.display())))
}

/// What Python says of a value that takes no keys.
fn unassignable(value: &Value) -> String {
    format!("'{}' object does not support item assignment", value.type_name())
}
