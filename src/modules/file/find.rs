//! `file.find`: paths below a directory that meet criteria, and what is done with them. Salt: utils/find.py.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::host::glob;
use crate::loader::shlex::split;
use crate::loader::{Args, Context, Fault};
use crate::patterns::{PyRegex, PySearch};
use crate::value::{Value, sort, str_of};

/// One thing that a path has to be.
enum Criterion {
    /// The name matches from its beginning on.
    Name(PyRegex),
    /// One of these letters.
    Type(String),
    Owner(Vec<u32>),
    Group(Vec<u32>),
    /// Least and greatest number of octets.
    Size(u64, u64),
    /// A moment, in seconds since 1970, and whether files have to be younger.
    Mtime(i64, bool),
    /// A regular file with a line like this.
    Grep(PySearch),
}

/// What becomes of a path that is found.
enum Action {
    Print(Vec<String>),
    /// Files of these kinds are removed.
    Delete,
    Exec(String),
}

struct Finder<'a, 'c> {
    cx: &'a Context<'c>,
    criteria: Vec<Criterion>,
    actions: Vec<Action>,
    mindepth: i64,
    maxdepth: Option<i64>,
    test: bool,
}

fn kind(metadata: &fs::Metadata) -> &'static str {
    let kind = metadata.file_type();
    match () {
        () if kind.is_block_device() => "b",
        () if kind.is_char_device() => "c",
        () if kind.is_dir() => "d",
        () if kind.is_file() => "f",
        () if kind.is_symlink() => "l",
        () if kind.is_fifo() => "p",
        () if kind.is_socket() => "s",
        () => "?",
    }
}

/// Of a link, what it leads to.
fn look(path: &Path) -> Option<fs::Metadata> {
    fs::metadata(path).or_else(|_| fs::symlink_metadata(path)).ok()
}

/// `1w2d3h4m5s`, with `+` or `-`: seconds, and whether less is meant.
fn interval(text: &str) -> Option<(i64, bool)> {
    const UNITS: [(char, f64); 5] =
        [('w', 604_800.0), ('d', 86_400.0), ('h', 3_600.0), ('m', 60.0), ('s', 1.0)];
    let plain: String = text.chars().filter(|char| !char.is_whitespace()).collect::<String>().to_lowercase();
    let less = plain.starts_with('-');
    let mut rest = plain.trim_start_matches(['-', '+']);
    let (mut seconds, mut resolution) = (0.0, None);
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit = tail.chars().next()?;
        let (_, factor) = units.by_ref().find(|(letter, _)| *letter == unit)?;
        seconds += number.parse::<f64>().ok()? * factor;
        resolution = Some(*factor);
        rest = tail.get(1..)?;
    }
    let resolution = resolution?;
    Some((((seconds / resolution).trunc() * resolution) as i64, less))
}

/// `10k`, `-1m`, `+2g`: least and greatest size.
fn size(text: &str) -> Option<(u64, u64)> {
    let scalar = text.trim();
    let plain = scalar.trim_start_matches(['-', '+']);
    let factor = match plain.chars().last().map(|char| char.to_ascii_lowercase()) {
        Some('b') => Some(1u64),
        Some('k') => Some(1 << 10),
        Some('m') => Some(1 << 20),
        Some('g') => Some(1 << 30),
        Some('t') => Some(1 << 40),
        _ => None,
    };
    let digits = if factor.is_some() { plain.get(..plain.len().checked_sub(1)?)?.trim() } else { plain };
    let factor = factor.unwrap_or(1);
    let number = match digits.parse::<u64>() {
        Ok(number) => number.checked_mul(factor)?,
        Err(_) => (digits.parse::<f64>().ok()? * factor as f64) as u64,
    };
    Some(match scalar.chars().next() {
        Some('-') => (0, number),
        Some('+') => (number, u64::MAX),
        _ => (number, number.saturating_add(factor - 1)),
    })
}

/// A wildcard of `name` as a regular expression.
fn wildcard(text: &str) -> String {
    format!("{}$", text.replace('.', "\\.").replace('?', ".?").replace('*', ".*"))
}

fn numbers(text: &str, what: &str, number: impl Fn(&str) -> Option<u32>) -> Result<Vec<u32>, String> {
    let names = text.split([',', ' ', '\t']).filter(|name| !name.is_empty());
    names
        .map(|name| {
            name.parse().ok().or_else(|| number(name)).ok_or_else(|| format!("no such {what} \"{name}\""))
        })
        .collect()
}

impl Finder<'_, '_> {
    /// Takes one option in; the error where it makes no sense.
    fn take(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let text = str_of(value);
        match key {
            "mindepth" => self.mindepth = value.as_int().unwrap_or(0),
            "maxdepth" => self.maxdepth = value.as_int(),
            "test" => self.test = value.truthy(),
            key if key.starts_with('_') => {}
            key if !value.truthy() => return Err(format!("missing value for \"{key}\" option")),
            "name" | "iname" | "regex" | "iregex" | "grep" => {
                let pattern = if key.ends_with("name") { wildcard(&text) } else { text.clone() };
                let folds = key.starts_with('i');
                let pattern = if folds { format!("(?i){pattern}") } else { pattern };
                let invalid = |_| format!("invalid regular expression: \"{text}\"");
                self.criteria.push(if key == "grep" {
                    Criterion::Grep(PySearch::new(&pattern, 0).map_err(invalid)?)
                } else {
                    Criterion::Name(PyRegex::new(&pattern).map_err(invalid)?)
                });
            }
            "type" | "delete" => {
                let mut kinds: String =
                    text.chars().filter(|char| !char.is_whitespace() && *char != ',').collect();
                if key == "delete" {
                    self.actions.push(Action::Delete);
                    if kinds.contains('a') {
                        kinds = "bcdpfls".to_owned();
                    }
                }
                if let Some(odd) = kinds.chars().find(|kind| !"bcdflps".contains(*kind)) {
                    return Err(format!("invalid file type \"{odd}\""));
                }
                self.criteria.push(Criterion::Type(kinds));
            }
            "owner" => {
                let uids = numbers(&text, "user", |name| self.cx.host.user(name).map(|user| user.uid))?;
                self.criteria.push(Criterion::Owner(uids));
            }
            "group" => {
                let gids = numbers(&text, "group", |name| self.cx.host.group(name).map(|group| group.gid))?;
                self.criteria.push(Criterion::Group(gids));
            }
            "size" => {
                let (least, most) = size(&text).ok_or_else(|| format!("invalid size: \"{text}\""))?;
                self.criteria.push(Criterion::Size(least, most));
            }
            "mtime" => {
                let (ago, less) =
                    interval(&text).ok_or_else(|| format!("invalid time interval: '{text}'"))?;
                let now = self.cx.host.now().to_zoned(jiff::tz::TimeZone::UTC);
                let now = now.map(|now| now.timestamp().as_second()).unwrap_or_default();
                self.criteria.push(Criterion::Mtime(now - ago, less));
            }
            "print" => {
                let words = text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned);
                self.actions.push(Action::Print(words.collect()));
            }
            "exec" => self.actions.push(Action::Exec(text)),
            other => return Err(format!("invalid option \"{other}\"")),
        }
        Ok(())
    }

    fn meets(&self, path: &Path, name: &str) -> bool {
        let metadata = look(path);
        let of = |test: &dyn Fn(&fs::Metadata) -> bool| metadata.as_ref().is_some_and(test);
        self.criteria.iter().all(|criterion| match criterion {
            Criterion::Name(regex) => regex.matches(name),
            Criterion::Type(kinds) => of(&|metadata| kinds.contains(kind(metadata))),
            Criterion::Owner(uids) => of(&|metadata| uids.contains(&metadata.uid())),
            Criterion::Group(gids) => of(&|metadata| gids.contains(&metadata.gid())),
            Criterion::Size(least, most) => of(&|metadata| (*least..=*most).contains(&metadata.size())),
            Criterion::Mtime(moment, true) => of(&|metadata| metadata.mtime() >= *moment),
            Criterion::Mtime(moment, false) => of(&|metadata| metadata.mtime() <= *moment),
            Criterion::Grep(regex) => {
                of(&fs::Metadata::is_file)
                    && fs::read(path).is_ok_and(|octets| regex.is_in(&String::from_utf8_lossy(&octets)))
            }
        })
    }

    fn act(&self, path: &Path, found: &mut Vec<Value>) -> Result<(), Fault> {
        let shown = path.display().to_string();
        for action in &self.actions {
            match action {
                Action::Print(words) => found.push(self.printed(path, &shown, words)?),
                Action::Delete if self.test => found.push(shown.as_str().into()),
                Action::Delete => {
                    let plain = path.is_file() || path.is_symlink();
                    let removed = if plain {
                        fs::remove_file(path)
                    } else if path.is_dir() {
                        fs::remove_dir_all(path)
                    } else {
                        Ok(())
                    };
                    if removed.is_ok() {
                        found.push(shown.as_str().into());
                    }
                }
                Action::Exec(command) => {
                    let command = command.replace("{}", &shown);
                    let ran = split(&command).and_then(|words| self.cx.program(&words));
                    found.push(match ran {
                        Ok(ran) => format!("{command}:\n{}\n", ran.stdout).into(),
                        Err(_) => format!("{shown}: Failed").into(),
                    });
                }
            }
        }
        Ok(())
    }

    fn printed(&self, path: &Path, shown: &str, words: &[String]) -> Result<Value, Fault> {
        let metadata = look(path);
        let mut parts: Vec<Value> = Vec::new();
        for word in words {
            let Some(metadata) = &metadata else { continue };
            parts.push(match word.as_str() {
                "path" => shown.into(),
                "name" => shown.rsplit('/').next().unwrap_or_default().into(),
                "size" => i64::try_from(metadata.size()).unwrap_or(i64::MAX).into(),
                "type" => kind(metadata).into(),
                "mode" => i64::from(metadata.mode() & 0o777).into(),
                "mtime" => metadata.mtime().into(),
                "user" => match self.cx.host.user_by_uid(metadata.uid()) {
                    Some(user) => user.name.into(),
                    None => i64::from(metadata.uid()).into(),
                },
                "group" => match self.cx.host.group_by_gid(metadata.gid()) {
                    Some(group) => group.name.into(),
                    None => i64::from(metadata.gid()).into(),
                },
                "md5" if metadata.is_file() => self.cx.ask("file.get_hash", &[shown.into(), "md5".into()])?,
                "md5" => "".into(),
                _ => continue,
            });
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Value::List(parts),
        })
    }

    fn below(&self, directory: &Path, depth: i64, found: &mut Vec<Value>) -> Result<(), Fault> {
        if self.maxdepth.is_some_and(|most| depth > most) {
            return Ok(());
        }
        let mut entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().collect();
        sort::by_cached_key(&mut entries, fs::DirEntry::file_name);
        let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        if depth >= self.mindepth {
            for entry in &entries {
                if self.meets(&entry.path(), &entry.file_name().to_string_lossy()) {
                    self.act(&entry.path(), found)?;
                }
            }
        }
        for entry in entries.iter().filter(|entry| is_directory(entry)) {
            self.below(&entry.path(), depth + 1, found)?;
        }
        Ok(())
    }
}

pub(super) fn find(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut finder =
        Finder { cx, criteria: Vec::new(), actions: Vec::new(), mindepth: 0, maxdepth: None, test: false };
    let mut options = args.keywords.clone();
    let has = |word: &str| args.rest.iter().any(|arg| arg.as_str() == Some(word));
    if has("delete") {
        options.insert("delete", "f");
    } else if has("print") {
        options.insert("print", "path");
    }
    for (key, value) in &options {
        if let Err(text) = finder.take(&str_of(key), value) {
            return Ok(format!("error: {text}").into());
        }
    }
    if finder.actions.is_empty() {
        finder.actions.push(Action::Print(vec!["path".to_owned()]));
    }
    let mut path = args.str("path")?;
    if let Some(rest) = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        path = format!("{}{rest}", cx.host.env("HOME").unwrap_or_default());
    }
    let mut found = Vec::new();
    for start in glob(&path) {
        let start = Path::new(&start);
        let name = start.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if finder.mindepth < 1 && finder.meets(start, &name) {
            finder.act(start, &mut found)?;
        }
        if start.is_dir() {
            finder.below(start, 1, &mut found)?;
        }
    }
    sort::by_cached_key(&mut found, str_of);
    Ok(Value::List(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_intervals_are_read_as_salt_reads_them() {
        assert_eq!(size("10k"), Some((10_240, 11_263)));
        assert_eq!(size("+1.5m"), Some((1_572_864, u64::MAX)));
        assert_eq!(size("-5"), Some((0, 5)));
        assert_eq!(size("x"), None);
        assert_eq!(interval("+1w2d"), Some((777_600, false)));
        assert_eq!(interval("-90 m"), Some((5_400, true)));
        assert_eq!(interval("5"), None);
    }
}
