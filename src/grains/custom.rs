//! Grains that a user writes down: the file `grains` beside the configuration file. Salt: grains/extra.py (`config`).

use std::path::{Path, PathBuf};

use crate::log::warn;

use super::machine::Machine;
use crate::value::{Map, Value};

/// What the grains file says; nothing where it is missing or broken.
pub(super) fn file(machine: &Machine) -> Map {
    let Some(path) = path(machine) else { return Map::new() };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Map::new(),
        Err(error) => {
            warn!(path = %path.display(), %error, "The grains file cannot be read and is skipped");
            return Map::new();
        }
    };
    match read(&text, &path) {
        Ok(grains) => grains,
        Err(error) => {
            warn!(path = %path.display(), error, "Bad syntax in grains file! Skipping.");
            Map::new()
        }
    }
}

fn path(machine: &Machine) -> Option<PathBuf> {
    let conf_file = Path::new(machine.opts.str("conf_file").filter(|path| !path.is_empty())?);
    if conf_file.is_dir() {
        return Some(conf_file.join("grains"));
    }
    Some(conf_file.parent()?.join("grains"))
}

fn read(text: &str, path: &Path) -> Result<Map, String> {
    match crate::value::yaml::load(text, &path.display().to_string()).map_err(|error| error.to_string())? {
        Value::Map(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(format!("a map is expected, not {}", other.type_name())),
    }
}
