//! What the states of files have in common: returns, names, accounts, walks. Salt: states/file.py (`_error`,
//! `_check_user`, `_check_file`, `_test_owner`, `_depth_limited_walk`), utils/stringutils.py.

use std::fs;
use std::path::Path;

use crate::loader::{Args, Call, Fault, Running, StateReturn};
use crate::map;
use crate::patterns::PySearch;
use crate::patterns::fnmatch;
use crate::value::{Map, Value, str_of};

/// What a state function gives, or a failure that its caller turns into one.
pub(super) type Outcome = Result<StateReturn, Fault>;

/// A return that has nothing to say yet.
pub(super) fn fresh(name: &str) -> StateReturn {
    StateReturn::new(name, Some(true), "")
}

/// A failed return without changes.
pub(super) fn wrong(name: &str, text: impl Into<String>) -> Outcome {
    Ok(StateReturn::new(name, Some(false), text))
}

/// `ret` failed; its changes stay.
pub(super) fn failed(mut ret: StateReturn, text: impl Into<String>) -> Outcome {
    ret.result = Some(false);
    ret.comment = text.into();
    Ok(ret)
}

/// Puts one change in.
pub(super) fn changed(ret: &mut StateReturn, key: impl Into<Value>, value: impl Into<Value>) {
    if let Value::Map(changes) = &mut ret.changes {
        changes.insert(key, value);
    }
}

/// Adds to the warnings.
pub(super) fn warn(ret: &mut StateReturn, text: impl Into<Value>) {
    if let Value::List(warnings) = ret.extra.entry("warnings", || Value::List(Vec::new())) {
        warnings.push(text.into());
    }
}

/// The return as execution functions take it.
pub(super) fn to_map(ret: &StateReturn) -> Map {
    let mut map = map! {
        "name" => ret.name.clone(),
        "changes" => ret.changes.clone(),
        "comment" => ret.comment.as_str(),
        "result" => ret.result,
    };
    for (key, value) in &ret.extra {
        map.insert(key.clone(), value.clone());
    }
    map
}

/// The return that an execution function gave.
pub(super) fn from_value(value: Value) -> StateReturn {
    let Value::Map(mut map) = value else { return StateReturn::default() };
    StateReturn {
        name: map.remove("name").unwrap_or_default(),
        changes: map.remove("changes").unwrap_or_else(|| Map::new().into()),
        result: map.remove("result").unwrap_or_default().as_bool(),
        comment: map.remove("comment").map(|comment| str_of(&comment)).unwrap_or_default(),
        extra: map,
    }
}

/// The first of two values that a function gave.
pub(super) fn first(value: Value) -> Value {
    match value {
        Value::List(items) => items.into_iter().next().unwrap_or_default(),
        other => other,
    }
}

/// `str()` of the exception that a fault stands for.
pub(super) fn text_of(fault: &Fault) -> String {
    match fault {
        Fault::Exception { text, .. } => text.clone(),
        other => other.to_string(),
    }
}

/// `os.path.expanduser`.
pub(super) fn expand_user(running: &Running, path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = match user {
        "" => running.host.env("HOME").or_else(|| running.host.user_by_uid(0).map(|user| user.home)),
        name => running.host.user(name).map(|user| user.home),
    };
    home.map_or_else(|| path.to_owned(), |home| format!("{}{rest}", home.trim_end_matches('/')))
}

/// The path in an argument.
pub(super) fn path_in(running: &Running, args: &Args, name: &str) -> String {
    expand_user(running, &str_of(args.get(name)))
}

/// `os.path.dirname`.
pub(super) fn dirname(path: &str) -> &str {
    let head = path.get(..path.rfind('/').map_or(0, |at| at + 1)).unwrap_or_default();
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}

/// `os.path.basename`.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `os.path.join` of two.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}

pub(super) fn is_dir(path: &str) -> bool {
    Path::new(path).is_dir()
}

pub(super) fn is_file(path: &str) -> bool {
    Path::new(path).is_file()
}

pub(super) fn is_link(path: &str) -> bool {
    Path::new(path).is_symlink()
}

/// Also behind links.
pub(super) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// Also a link that leads nowhere.
pub(super) fn lexists(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The user who should own something: `user`, or by an old name `owner`.
pub(super) fn owner(args: &Args) -> Value {
    match args.get("user") {
        user if user.truthy() => user.clone(),
        user => args.keywords.get("owner").unwrap_or(user).clone(),
    }
}

/// The user of the minion, for states that give what they make to somebody.
pub(super) fn own_user(running: &Running, user: Value) -> Value {
    if user.is_null() { running.opts.get("user").cloned().unwrap_or_else(|| "root".into()) } else { user }
}

/// The primary group of a user, unless one is given.
pub(super) fn own_group(running: &Running, user: &Value, group: &Value) -> Result<Value, Fault> {
    if !group.is_null() {
        return Ok(group.clone());
    }
    let gid =
        running.ask("user.info", std::slice::from_ref(user)).ok().and_then(|info| info.get("gid").cloned());
    running.ask("file.gid_to_group", &[gid.unwrap_or(Value::Int(0))])
}

/// Why user or group cannot own anything; nothing with `test=True`.
pub(super) fn check_user(running: &Running, user: &Value, group: &Value) -> Result<Option<String>, Fault> {
    let mut wrong = String::new();
    let unknown = |fun: &str, name: &Value| -> Result<bool, Fault> {
        Ok(name.truthy() && running.ask(fun, std::slice::from_ref(name))? == Value::text(""))
    };
    if unknown("file.user_to_uid", user)? {
        wrong.push_str(&format!("User {} is not available ", str_of(user)));
    }
    if unknown("file.group_to_gid", group)? {
        wrong.push_str(&format!("Group {} is not available", str_of(group)));
    }
    if !wrong.is_empty() && running.test() {
        crate::log::warn!("{wrong}");
        return Ok(None);
    }
    Ok(Some(wrong).filter(|wrong| !wrong.is_empty()))
}

/// What is wrong with a file that has to be there.
pub(super) fn check_file(name: &str) -> Option<String> {
    if !name.starts_with('/') {
        Some(format!("Specified file {name} is not an absolute path"))
    } else if !exists(name) {
        Some(format!("{name}: file not found"))
    } else {
        None
    }
}

/// The environment of the state.
pub(super) fn saltenv(running: &Running) -> String {
    let named = |key: &str| running.low.str(key).filter(|env| !env.is_empty());
    named("__env__").or_else(|| named("saltenv")).unwrap_or("base").to_owned()
}

/// Text, or a list of what is made text.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        other => vec![str_of(other)],
    }
}

/// A call with keywords only.
pub(super) fn keywords(kwargs: Map) -> Call {
    Call { args: Vec::new(), kwargs }
}

/// One directory of a walk: its path, the names of directories in it (links to some too), and of all else.
pub(super) struct Visited {
    pub root: String,
    pub dirs: Vec<String>,
    pub files: Vec<String>,
}

/// `os.walk`, top down, without following links. `visit` says whether to go deeper.
pub(super) fn walk(top: &str, visit: &mut dyn FnMut(Visited) -> bool) {
    let (mut dirs, mut files) = (Vec::new(), Vec::new());
    let Ok(entries) = fs::read_dir(top) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() { dirs.push(name) } else { files.push(name) }
    }
    let below = dirs.clone();
    if !visit(Visited { root: top.to_owned(), dirs, files }) {
        return;
    }
    for name in below {
        let path = join(top, &name);
        if !is_link(&path) {
            walk(&path, visit);
        }
    }
}

/// A walk down to a depth: 1 is the directory itself.
pub(super) fn limited_walk(top: &str, max_depth: Option<i64>) -> Vec<Visited> {
    let depth_of = |path: &str| path.trim_end_matches('/').matches('/').count();
    let top_depth = depth_of(top);
    let mut visited = Vec::new();
    walk(top, &mut |directory| {
        let depth = i64::try_from(depth_of(&directory.root).saturating_sub(top_depth)).unwrap_or(i64::MAX);
        if max_depth.is_some_and(|most| depth >= most) {
            return false;
        }
        visited.push(directory);
        true
    });
    visited
}

/// Whether a relative path is meant: globs, or regular expressions after `E@`, or lists of them.
pub(super) fn is_meant(path: &str, include: &Value, exclude: &Value) -> Result<bool, Fault> {
    let matches = |patterns: &Value| -> Result<bool, Fault> {
        for pattern in texts(patterns) {
            let found = match pattern.strip_prefix("E@") {
                None => fnmatch(&pattern, path),
                Some(regex) => PySearch::new(regex, 0)
                    .map_err(|error| Fault::exception("re.error", error.to_string()))?
                    .is_in(path),
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Ok((!include.truthy() || matches(include)?) && (!exclude.truthy() || !matches(exclude)?))
}

/// The path of `path` below `root`.
pub(super) fn relative<'p>(path: &'p str, root: &str) -> &'p str {
    match path.strip_prefix(root.trim_end_matches('/')).map(|rest| rest.trim_start_matches('/')) {
        Some("") => ".",
        Some(rest) => rest,
        None => path,
    }
}
