//! One configuration file, and the files it includes. Salt: config/__init__.py (`_read_conf_file`,
//! `include_config`).

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::identity::expand_user;
use crate::config::{Notice, Origin, Overrides, Severity};
use crate::host::glob;
use crate::value::yaml::{self, Lines};
use crate::value::{Map, MergeStrategy, Value, merge_maps, str_of};

/// A configuration file larger than this is a mistake.
const MAX_OCTETS: u64 = 16 << 20;

/// How deep files may include files.
const MAX_NESTING: usize = 16;

/// Reads files and keeps what there is to say about them.
#[derive(Default)]
pub(super) struct Reader {
    pub notices: Vec<Notice>,
}

impl Reader {
    /// The options in one file.
    ///
    /// # Errors
    /// When it cannot be read, is not UTF-8 or YAML, or is something else than a mapping.
    pub fn file(&mut self, path: &str) -> Result<Overrides> {
        self.say(Severity::Debug, format!("Reading configuration from {path}"));
        let text = read(path).with_context(|| format!("Failed to load configuration: cannot read {path}"))?;
        let (value, lines) = match yaml::load_with_lines(&text, path) {
            Ok(loaded) => loaded,
            Err(error) if path.ends_with("_schedule.conf") => {
                // What a minion wrote itself and cannot read any more must not keep it from starting.
                self.say(Severity::Error, format!("Error parsing configuration file: {path} - {error}"));
                let aside = format!("{path}YAMLError");
                self.say(Severity::Error, format!("Renaming to {aside}"));
                fs::rename(path, &aside).with_context(|| format!("cannot rename {path} to {aside}"))?;
                (Value::Null, Lines::new())
            }
            Err(error) => bail!("Error parsing configuration file: {path} - {error}"),
        };
        let mut map = match value {
            Value::Map(map) => map,
            empty if !empty.truthy() => Map::new(),
            other => bail!(
                "Error parsing configuration file: {path} - conf should be a document, not <class '{}'>.",
                other.type_name()
            ),
        };
        if let Some(id) = map.get_mut("id").filter(|id| !matches!(id, Value::Text(_) | Value::Null)) {
            *id = Value::Text(str_of(id));
        }
        let origins =
            lines.into_iter().map(|(key, line)| (key, Origin { file: path.to_owned(), line })).collect();
        Ok(Overrides { map, origins })
    }

    /// The options in the files that `include` (a glob or a list of them) names, relative to the file `from`. Later
    /// files win; maps and lists of several files are merged.
    ///
    /// # Errors
    /// As [`Reader::file`], and when files include each other without end.
    pub fn includes(&mut self, include: &Value, from: &str, verbose: bool) -> Result<Overrides> {
        self.nested(include, from, verbose, 0)
    }

    fn nested(&mut self, include: &Value, from: &str, verbose: bool, depth: usize) -> Result<Overrides> {
        if depth > MAX_NESTING {
            bail!("{from}: files are included more than {MAX_NESTING} deep; do they include each other?");
        }
        let patterns: Vec<&str> = match include {
            Value::Text(one) if !one.is_empty() => vec![one],
            Value::List(patterns) => patterns.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(Overrides::default()),
        };
        let mut all = Overrides::default();
        for pattern in patterns {
            let directory = Path::new(from).parent().unwrap_or(Path::new(""));
            let pattern = directory.join(expand_user(pattern)).to_string_lossy().into_owned();
            let files = glob(&pattern);
            if files.is_empty() {
                refuse_unreadable(Path::new(&pattern))?;
            }
            if files.is_empty() && verbose {
                self.say(
                    Severity::Warning,
                    format!("Warning parsing configuration file: \"include\" path/glob '{pattern}' matches no files"),
                );
            }
            for file in files {
                self.say(Severity::Debug, format!("Including configuration from '{file}'"));
                let mut one = self.file(&file)?;
                if let Some(include) = one.map.get("include").filter(|include| include.truthy()).cloned() {
                    let inner = self.nested(&include, &file, verbose, depth + 1)?;
                    one.map.extend(inner.map);
                    one.origins.extend(inner.origins);
                }
                merge(&mut all, one);
            }
        }
        Ok(all)
    }

    fn say(&mut self, severity: Severity, text: String) {
        self.notices.push(Notice { severity, text });
    }
}

/// A directory of included files that is there and cannot be listed would leave options out without a word.
fn refuse_unreadable(pattern: &Path) -> Result<()> {
    match pattern.parent().map(fs::read_dir) {
        Some(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
            let directory = pattern.parent().unwrap_or(pattern).display();
            Err(error).with_context(|| format!("Failed to load configuration: cannot list {directory}"))
        }
        _ => Ok(()),
    }
}

fn merge(all: &mut Overrides, one: Overrides) {
    // Jobs of the schedule are replaced whole, not merged into an older job of the same name.
    if let (Some(Value::Map(jobs)), Some(Value::Map(new))) =
        (all.map.get_mut("schedule"), one.map.get("schedule"))
    {
        jobs.retain(|name, _| new.get_value(name).is_none());
    }
    merge_maps(&mut all.map, one.map, MergeStrategy::RecurseMergeLists);
    all.origins.extend(one.origins);
}

fn read(path: &str) -> Result<String> {
    let mut octets = Vec::new();
    File::open(path)?.take(MAX_OCTETS + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MAX_OCTETS {
        bail!("it is larger than {} MiB", MAX_OCTETS >> 20);
    }
    String::from_utf8(octets).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|&&octet| octet == b'\n').count() + 1;
        anyhow::anyhow!("line {line} is not UTF-8 text")
    })
}
