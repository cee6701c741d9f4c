//! What Salt Cloud has cached of its machines: a file of msgpack for each, `<cachedir>/active/<driver>/<provider>/<id>.p`.
//! The files are Salt Cloud's, which is not part of this program; they are read here. Salt: runners/cache.py, utils/cloud.py
//! (`list_cache_nodes_full`), config/__init__.py (`cloud_config`).

use std::fs;
use std::path::Path;

use crate::config::join;
use crate::host::glob;
use crate::loader::{Args, Context, Fault};
use crate::patterns::Glob;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value, yaml};

/// Where Salt Cloud's cache is where nobody says it: below `root_dir`.
const CACHEDIR: &str = "/var/cache/salt/cloud";

/// How many configuration files are read: they may include each other.
const MAX_FILES: usize = 1000;

/// `{id: data}` of the machines that fit a glob, each with its `provider`; nothing without `update_cachedir`.
pub(super) fn cloud(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    let Value::Text(tgt) = args.get("tgt") else { return Ok(found.into()) };
    let Some(active) = active(cx)? else { return Ok(found.into()) };
    // Salt: a cache that was never made is an error.
    fs::read_dir(&active).map_err(|error| Fault::os(&error, &active))?;
    let (wanted, provider) = (Glob::new(tgt), args.opt_str("provider")?.unwrap_or_default());
    for file in glob(&format!("{active}/*/*/*")) {
        let mut names = file.rsplit('/');
        let (name, folder) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        if !provider.is_empty() && provider != folder {
            continue;
        }
        // All are read: a broken file is told whoever is meant.
        let octets = fs::read(&file).map_err(|error| Fault::os(&error, &file))?;
        let data = decode(&octets, Reading::Wire);
        let mut data = data.map_err(|error| Fault::execution(format!("{file}: {error}")))?;
        // Salt: whatever the last two letters are.
        let id = name.char_indices().rev().nth(1).and_then(|(end, _)| name.get(..end)).unwrap_or_default();
        if wanted.matches(id) {
            if let Some(data) = data.as_map_mut() {
                data.insert("provider", folder);
            }
            found.insert(id, data);
        }
    }
    Ok(found.into())
}

/// The folder of the cache, if Salt Cloud is told to keep one.
fn active(cx: &Context) -> Result<Option<String>, Fault> {
    let config = Path::new(cx.opt_str("conf_file")).with_file_name("cloud").to_string_lossy().into_owned();
    let mut own = if Path::new(&config).is_file() { read(&config)? } else { Map::new() };
    // The last one is the next.
    let mut files = Vec::new();
    let default = own.remove("default_include").unwrap_or_else(|| "cloud.conf.d/*.conf".into());
    include(&mut files, &config, &own.remove("include").unwrap_or_default());
    include(&mut files, &config, &default);
    let mut left = MAX_FILES;
    while let Some(file) = files.pop() {
        let mut options = read(&file)?;
        include(&mut files, &file, &options.remove("include").unwrap_or_default());
        own.extend(options);
        left =
            left.checked_sub(1).ok_or_else(|| Fault::execution(format!("{file}: too many are included")))?;
    }
    // The master's options come below those of Salt Cloud, but for `cachedir`.
    let master = own.str("master_config").map(read).transpose()?;
    let option = |name: &str| own.get(name).or_else(|| master.as_ref().unwrap_or(cx.opts).get(name));
    if !option("update_cachedir").is_some_and(Value::truthy) {
        return Ok(None);
    }
    let cachedir = own.str("cachedir").unwrap_or(CACHEDIR);
    let root = option("root_dir").and_then(Value::as_str).unwrap_or("/");
    // Salt: a path that lies in `root_dir` already stays.
    let below = Path::new(cachedir).strip_prefix(root).ok().and_then(Path::to_str).unwrap_or(cachedir);
    Ok(Some(join(&join(root, below), "active")))
}

/// Adds the files of a glob or a list of them, relative to the file that names them.
fn include(files: &mut Vec<String>, from: &str, globs: &Value) {
    for pattern in globs.as_list().unwrap_or(std::slice::from_ref(globs)).iter().rev() {
        if let Some(pattern) = pattern.as_str().filter(|pattern| !pattern.is_empty()) {
            files.extend(glob(&Path::new(from).with_file_name(pattern).to_string_lossy()).into_iter().rev());
        }
    }
}

/// The options of a file, without those that it includes.
fn read(file: &str) -> Result<Map, Fault> {
    let text = fs::read_to_string(file).map_err(|error| Fault::os(&error, file))?;
    match yaml::load(&text, file) {
        Ok(Value::Map(options)) => Ok(options),
        Ok(empty) if !empty.truthy() => Ok(Map::new()),
        Ok(_) => Err("it is no mapping".to_owned()),
        Err(error) => Err(error.to_string()),
    }
    .map_err(|problem| Fault::execution(format!("Error parsing configuration file: {file} - {problem}")))
}
