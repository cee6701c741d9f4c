//! `inotify`: what happens to files (inotify(7)). Salt: beacons/inotify.py; the names of events are pyinotify's.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};

use super::{Beacon, Look};
use crate::loader::Fault;
use crate::map;
use crate::patterns::{Glob, PySearch};
use crate::value::{Map, Value, str_of};

pub(super) const ROW: Beacon = Beacon { name: "inotify", validate: problem, look };

/// Directories and files that may be watched by one beacon.
const MOST_WATCHES: usize = 65_536;
/// Events of one look.
const MOST_EVENTS: usize = 10_000;

/// What may be asked for, with the kernel's bit. Salt does not let `dont_follow` through, though it describes it.
const MASKS: &[(&str, u32)] = &[
    ("access", 0x1),
    ("attrib", 0x4),
    ("close_nowrite", 0x10),
    ("close_write", 0x8),
    ("create", 0x100),
    ("delete", 0x200),
    ("delete_self", 0x400),
    ("excl_unlink", 0x0400_0000),
    ("ignored", 0x8000),
    ("modify", 0x2),
    ("moved_from", 0x40),
    ("moved_to", 0x80),
    ("move_self", 0x800),
    ("oneshot", 0x8000_0000),
    ("onlydir", 0x0100_0000),
    ("open", 0x20),
    ("unmount", 0x2000),
];
/// create, delete and modify.
const DEFAULT_MASK: u32 = 0x302;
const CREATED: u32 = 0x100 | 0x80;

/// The watches of one beacon.
pub(super) struct Watcher {
    queue: OwnedFd,
    /// What each watch is for: its path, and what was asked for it.
    watches: HashMap<i32, (String, Wanted)>,
}

#[derive(Clone, Copy, PartialEq)]
struct Wanted {
    mask: u32,
    recurse: bool,
    auto_add: bool,
}

struct Seen {
    path: String,
    name: String,
    mask: u32,
}

fn problem(config: &Map) -> Option<String> {
    let text = match config.get("files") {
        None => "Configuration for inotify beacon must include files.",
        Some(Value::Map(files)) => match files.values().find_map(file_problem) {
            Some(text) => return Some(text),
            None => return None,
        },
        Some(_) => "Configuration for inotify beacon invalid, files must be a dict.",
    };
    Some(text.to_owned())
}

fn file_problem(options: &Value) -> Option<String> {
    let Value::Map(options) = options else {
        return Some("Configuration for inotify beacon must be a list of dictionaries.".to_owned());
    };
    if !["mask", "recurse", "auto_add"].iter().any(|name| options.contains(name)) {
        let text = "Configuration for inotify beacon must contain mask, recurse or auto_add items.";
        return Some(text.to_owned());
    }
    for name in ["auto_add", "recurse"] {
        if options.get(name).is_some_and(|value| value.as_bool().is_none()) {
            return Some(format!("Configuration for inotify beacon {name} must be boolean."));
        }
    }
    let Value::List(masks) = options.get("mask")? else {
        return Some("Configuration for inotify beacon mask must be list.".to_owned());
    };
    let unknown = masks.iter().find(|mask| !MASKS.iter().any(|(name, _)| mask.as_str() == Some(name)))?;
    Some(format!("Configuration for inotify beacon invalid mask option {}.", str_of(unknown)))
}

fn look(look: &mut Look) -> Result<Vec<Map>, Fault> {
    let no_files = Map::new();
    let files = look.config.get("files").and_then(Value::as_map).unwrap_or(&no_files);
    let failed = |error: io::Error| Fault::execution(format!("inotify: {error}"));
    if look.memory.watcher.is_none() {
        let queue =
            init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        look.memory.watcher = Some(Watcher { queue, watches: HashMap::new() });
    }
    let Some(watcher) = &mut look.memory.watcher else { return Ok(Vec::new()) };
    let mut found: Vec<Map> = Vec::new();
    let once = look.config.get("coalesce") == Some(&Value::Bool(true));
    for seen in watcher.read().map_err(failed)? {
        let whole =
            if seen.name.is_empty() { seen.path.clone() } else { format!("{}/{}", seen.path, seen.name) };
        let excluded = Path::new(&seen.path)
            .ancestors()
            .find_map(|path| files.get(path.to_str()?))
            .and_then(|options| options.get("exclude")?.as_list())
            .is_some_and(|excludes| excludes.iter().any(|exclude| is_excluded(exclude, &whole)));
        let event = map! { "tag" => seen.path, "path" => whole, "change" => mask_name(seen.mask) };
        let seen_before = once && found.contains(&event);
        if !excluded && !seen_before {
            found.push(event);
        }
    }
    for (path, options) in files {
        let masks = options.get("mask").and_then(Value::as_list);
        let bit = |mask: &Value| {
            MASKS.iter().find(|(name, _)| mask.as_str() == Some(name)).map_or(0, |(_, bit)| *bit)
        };
        let flag = |name: &str| options.get(name) == Some(&Value::Bool(true));
        let wanted = Wanted {
            mask: masks.map_or(DEFAULT_MASK, |masks| masks.iter().fold(0, |sum, mask| sum | bit(mask))),
            recurse: flag("recurse"),
            auto_add: flag("auto_add"),
        };
        watcher.watch(&str_of(path), wanted);
    }
    Ok(found)
}

fn is_excluded(exclude: &Value, path: &str) -> bool {
    match exclude {
        Value::Map(map) => map.at(0).is_some_and(|(name, options)| {
            let name = str_of(name);
            if !options.get("regex").is_some_and(Value::truthy) {
                return path.starts_with(&name);
            }
            PySearch::new(&name, 0).map_or_else(
                |_| {
                    crate::log::warn!("Failed to compile regex: {name}");
                    false
                },
                |expression| expression.is_in(path),
            )
        }),
        other => {
            let text = str_of(other);
            if text.contains('*') { Glob::new(&text).matches(path) } else { path.starts_with(&text) }
        }
    }
}

/// `IN_CREATE`, and `IN_CREATE|IN_ISDIR` for directories.
fn mask_name(mask: u32) -> String {
    const DIRECTORY: u32 = 0x4000_0000;
    let name = match mask & !DIRECTORY {
        0x4000 => "Q_OVERFLOW".to_owned(),
        bit => MASKS
            .iter()
            .find(|(_, known)| *known == bit)
            .map_or_else(String::new, |(name, _)| name.to_uppercase()),
    };
    format!("IN_{name}{}", if mask & DIRECTORY == 0 { "" } else { "|IN_ISDIR" })
}

impl Watcher {
    /// Watches a path, and with `recurse` the directories below it; a watch that is as wanted is left alone. What does
    /// not exist is tried again at the next look.
    fn watch(&mut self, path: &str, wanted: Wanted) {
        if self.watches.values().any(|(watched, how)| watched == path && *how == wanted) {
            return;
        }
        self.add(path, wanted);
        if wanted.recurse {
            self.below(path, wanted);
        }
    }

    fn below(&mut self, path: &str, wanted: Wanted) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir())
                && let Some(below) = entry.path().to_str().map(str::to_owned)
                && self.watches.len() < MOST_WATCHES
            {
                self.add(&below, wanted);
                self.below(&below, wanted);
            }
        }
    }

    fn add(&mut self, path: &str, wanted: Wanted) {
        // New directories are to be seen, whether anybody wants to hear of them or not.
        let mask = if wanted.auto_add { wanted.mask | CREATED } else { wanted.mask };
        if let Ok(watch) = add_watch(&self.queue, path, WatchFlags::from_bits_retain(mask)) {
            self.watches.insert(watch, (path.to_owned(), wanted));
        }
    }

    /// What has happened since the last look. New directories are watched where `auto_add` says so.
    fn read(&mut self) -> io::Result<Vec<Seen>> {
        let mut found = Vec::new();
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        while found.len() < MOST_EVENTS {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            };
            let mask = event.events();
            if mask.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
            }
            let Some((path, wanted)) = self.watches.get(&event.wd()) else { continue };
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            found.push((Seen { path: path.clone(), name, mask: mask.bits() }, *wanted));
        }
        for watch in gone {
            self.watches.remove(&watch);
        }
        let mut seen = Vec::new();
        for (event, wanted) in found {
            let is_new_directory = event.mask & CREATED != 0 && event.mask & 0x4000_0000 != 0;
            if wanted.auto_add && is_new_directory && self.watches.len() < MOST_WATCHES {
                let path = format!("{}/{}", event.path, event.name);
                self.add(&path, wanted);
            }
            if event.mask & (wanted.mask | 0xe000) != 0 {
                seen.push(event);
            }
        }
        Ok(seen)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        for watch in self.watches.keys() {
            let _ = remove_watch(&self.queue, *watch);
        }
    }
}
