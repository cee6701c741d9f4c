//! `file.recurse`: a directory of the file server. Salt: states/file.py (`recurse`, `_gen_recurse_managed_files`).

use std::collections::HashSet;

use super::directory::{clean, kept};
use super::ret::{
    Outcome, changed, check_user, dirname, exists, failed, fresh, is_dir, is_meant, join, owner, path_in,
    saltenv, text_of, texts,
};
use super::{managed, row};
use crate::host::normalize_mode;
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// What is to be made.
#[derive(Default)]
struct Tree {
    /// `(path, url)`.
    files: Vec<(String, String)>,
    directories: Vec<String>,
    /// `(path below the name, target)`.
    links: Vec<(String, String)>,
    keep: HashSet<String>,
}

/// Which files of the source are meant.
struct Choice<'a> {
    include: &'a Value,
    exclude: &'a Value,
    max_depth: Option<i64>,
    keep_symlinks: bool,
    include_empty: bool,
}

impl Choice<'_> {
    fn takes(&self, path: &str) -> Result<bool, Fault> {
        let inside = !path.split('/').any(|part| part == "..");
        let depth = i64::try_from(path.trim_matches('/').matches('/').count()).unwrap_or(i64::MAX);
        Ok(inside
            && self.max_depth.is_none_or(|most| depth <= most)
            && is_meant(path, self.include, self.exclude)?)
    }
}

/// The path on the file server, and the environment that the URL names.
fn parse(url: &str) -> (&str, Option<&str>) {
    let path = url.strip_prefix("salt://").unwrap_or(url);
    path.split_once("?saltenv=").map_or((path, None), |(path, env)| (path, Some(env)))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_list().into_iter().flatten().map(str_of).collect()
}

fn tree(running: &Running, name: &str, source: &str, choice: &Choice) -> Result<Tree, Fault> {
    let (path, env) = parse(source);
    let env = env.map_or_else(|| saltenv(running), str::to_owned);
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let asked = [env.as_str().into(), prefix.as_str().into()];
    let below = |path: &str| path.strip_prefix(&prefix).map(str::to_owned);
    let mut files = strings(&running.ask("cp.list_master", &asked)?);
    let mut tree = Tree::default();
    let mut known: HashSet<String> = HashSet::new();
    let mut links = Vec::new();
    if choice.keep_symlinks {
        if let Value::Map(found) = running.ask("cp.list_master_symlinks", &asked)? {
            links = found.into_iter().map(|(link, target)| (str_of(&link), str_of(&target))).collect();
        }
        for (link, target) in &links {
            let Some(own) = below(link) else { continue };
            // It is there through the other one.
            if links.iter().any(|(other, _)| link.starts_with(&format!("{other}/"))) {
                continue;
            }
            if choice.takes(&own)? {
                files.retain(|file| !file.starts_with(&format!("{link}/")));
                tree.keep.insert(join(name, &own));
                tree.links.push((own, target.clone()));
            }
        }
        known.extend(tree.keep.iter().cloned());
    }
    for file in files.iter().filter(|file| !file.trim().is_empty()) {
        let Some(own) = below(file) else { continue };
        if !choice.takes(&own)? {
            continue;
        }
        let dest = join(name, &own);
        let directory = dirname(&dest).to_owned();
        if known.insert(directory.clone()) {
            tree.directories.push(directory);
        }
        tree.keep.insert(dest.clone());
        tree.files.push((dest, format!("salt://{file}?saltenv={env}")));
    }
    // What is reached through a link comes after what it leads to.
    let made: HashSet<String> = tree.links.iter().map(|(own, _)| join(name, own)).collect();
    let (last, first): (Vec<_>, Vec<_>) = tree.files.into_iter().partition(|(dest, _)| made.contains(dest));
    tree.files = first.into_iter().chain(last).collect();
    if choice.include_empty {
        for directory in strings(&running.ask("cp.list_master_dirs", &asked)?) {
            // Without a master the source itself is among them.
            let whole = || (*directory == *path.trim_end_matches('/')).then(|| ".".to_owned());
            let Some(own) = below(&directory).filter(|own| !own.is_empty()).or_else(whole) else { continue };
            let linked = links.iter().any(|(link, _)| directory.starts_with(&format!("{link}/")));
            if choice.takes(&own)? && !linked {
                let dest = join(name, &own);
                if !tree.directories.contains(&dest) {
                    tree.directories.push(dest.clone());
                }
                tree.keep.insert(dest);
            }
        }
    }
    Ok(tree)
}

/// The paths that another chunk of `file.recurse` makes.
pub(super) fn kept_by_recurse(running: &Running, low: &Map) -> Result<HashSet<String>, Fault> {
    let null = Value::Null;
    let get = |key: &str| low.get(key).unwrap_or(&null);
    let choice = Choice {
        include: get("include_pat"),
        exclude: get("exclude_pat"),
        max_depth: get("maxdepth").as_int(),
        keep_symlinks: get("keep_symlinks").truthy(),
        include_empty: get("include_empty").truthy(),
    };
    Ok(tree(running, &str_of(get("name")), &str_of(get("source")), &choice)?.keep)
}

/// What the single files, directories and links came to.
struct Sum {
    ret: StateReturn,
    comments: Map,
}

impl Sum {
    fn comment(&mut self, path: &str, texts: impl IntoIterator<Item = String>) {
        if let Value::List(lines) = self.comments.entry(path, || Value::List(Vec::new())) {
            lines.extend(texts.into_iter().map(Value::from));
        }
    }

    fn add(&mut self, path: &str, one: StateReturn) {
        if one.result == Some(false) || self.ret.result == Some(true) {
            self.ret.result = one.result;
        }
        if one.result != Some(true) && !one.comment.is_empty() {
            self.comment(path, [one.comment]);
        }
        if one.changes.truthy() {
            changed(&mut self.ret, path, one.changes);
        }
    }
}

fn state(running: &Running, fun: &str, kwargs: Map) -> Outcome {
    let row = row(fun).ok_or_else(|| Fault::NotAvailable(format!("file.{fun}")))?;
    (row.run)(running, &row.bind(kwargs)?)
}

pub(super) fn recurse(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let user = owner(args);
    let mut ret = fresh(&name);
    if args.keywords.contains("mode") {
        return failed(
            ret,
            "'mode' is not allowed in 'file.recurse'. Please use 'file_mode' and 'dir_mode'.",
        );
    }
    let keep_mode = args.get("file_mode").as_str().is_some_and(|mode| mode.to_lowercase() == "keep");
    let file_mode: Value =
        if keep_mode { "keep".into() } else { normalize_mode(args.get("file_mode")).into() };
    let dir_mode: Value = normalize_mode(args.get("dir_mode")).into();
    let group = args.get("group").clone();
    if let Some(text) = check_user(running, &user, &group)? {
        return failed(ret, text);
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    let sources: Vec<String> =
        texts(args.get("source")).iter().map(|source| source.trim_end_matches('/').to_owned()).collect();
    if let Some(other) = sources.iter().find(|source| !source.starts_with("salt://")) {
        return failed(ret, format!("Invalid source '{other}' (must be a salt:// URI)"));
    }
    let asked = [Value::list(sources), "".into(), saltenv(running).into()];
    let source = match running.ask("file.source_list", &asked) {
        Ok(pair) => pair.as_list().and_then(|pair| pair.first()).map(str_of).unwrap_or_default(),
        Err(fault @ Fault::Execution { .. }) => {
            return failed(ret, format!("Recurse failed: {}", text_of(&fault)));
        }
        Err(other) => return Err(other),
    };
    let (path, env) = parse(&source);
    let env = env.map_or_else(|| saltenv(running), str::to_owned);
    let directories = running.ask("cp.list_master_dirs", &[env.as_str().into(), path.into()])?;
    if !strings(&directories).iter().any(|directory| directory == path) {
        let near = running.cx.near_source(path, &env);
        return failed(
            ret,
            format!("The directory '{path}' does not exist on the salt fileserver in saltenv '{env}'{near}"),
        );
    }
    let test = running.test();
    if !is_dir(&name) {
        if exists(&name) {
            return failed(ret, format!("The path {name} exists and is not a directory"));
        }
        if !test {
            let owned = map! { "user" => user.clone(), "group" => group.clone(), "mode" => dir_mode.clone() };
            running.ask_with("file.makedirs_perms", &[name.as_str().into()], owned)?;
        }
    }
    let choice = Choice {
        include: args.get("include_pat"),
        exclude: args.get("exclude_pat"),
        max_depth: args.get("maxdepth").as_int(),
        keep_symlinks: args.truthy("keep_symlinks"),
        include_empty: args.truthy("include_empty"),
    };
    let tree = tree(running, &name, &source, &choice)?;
    let cleans = args.truthy("clean");
    let mut sum = Sum { ret, comments: Map::new() };
    for (own, target) in &tree.links {
        let path = join(&name, own);
        let kwargs = map! {
            "name" => path.as_str(),
            "target" => target.as_str(),
            "makedirs" => true,
            "force" => args.get("force_symlinks").clone(),
            "user" => user.clone(),
            "group" => group.clone(),
            "mode" => args.get("sym_mode").clone(),
        };
        let one = state(running, "symlink", kwargs)?;
        sum.add(&path, one);
    }
    // What is of the wrong kind makes way where everything else would be cleaned away too.
    let make_way = |sum: &mut Sum, path: &str, instead: &str, done: &str| -> Result<bool, Fault> {
        let mut one = fresh(&name);
        if test {
            one.comment = instead.to_owned();
            one.result = None;
            sum.add(path, one);
            return Ok(true);
        }
        running.ask("file.remove", &[path.into()])?;
        one.changes = map! { "diff" => done }.into();
        sum.add(path, one);
        Ok(false)
    };
    for path in tree.directories.iter().filter(|path| !path.ends_with("/..")) {
        if cleans && exists(path) && !is_dir(path) {
            let instead = format!("Replacing {path} with a directory");
            if make_way(&mut sum, path, &instead, "Replaced file with a directory")? {
                continue;
            }
        }
        let kwargs = map! {
            "name" => path.as_str(),
            "user" => user.clone(),
            "group" => group.clone(),
            "recurse" => Value::List(Vec::new()),
            "dir_mode" => dir_mode.clone(),
            "makedirs" => true,
        };
        let one = state(running, "directory", kwargs)?;
        sum.add(path, one);
    }
    for (path, url) in &tree.files {
        if cleans && is_dir(path) && args.truthy("replace") {
            let instead = format!("Replacing directory {path} with a file");
            if make_way(&mut sum, path, &instead, "Replaced directory with a new file")? {
                continue;
            }
        }
        let mut kwargs = map! {
            "name" => path.as_str(),
            "source" => url.as_str(),
            "user" => user.clone(),
            "group" => group.clone(),
            "mode" => file_mode.clone(),
            "makedirs" => true,
        };
        for name in ["keep_source", "template", "replace", "context", "defaults", "backup"] {
            kwargs.insert(name, args.get(name).clone());
        }
        for (key, value) in
            args.keywords.iter().filter(|(key, _)| !matches!(key.as_str(), Some("env" | "makedirs")))
        {
            kwargs.entry(key.clone(), || value.clone());
        }
        let one = managed::with(running, kwargs)?;
        sum.add(path, one);
    }
    if cleans {
        let mut keep = tree.keep;
        keep.extend(kept(running, &name, args.get("require"))?);
        let removed = clean(running, &name, keep, args.get("exclude_pat"))?;
        if !removed.is_empty() {
            if test {
                if sum.ret.result == Some(true) {
                    sum.ret.result = None;
                }
                sum.comment("removed", removed);
            } else {
                changed(&mut sum.ret, "removed", Value::list(removed));
            }
        }
    }
    ret = sum.ret;
    let parts: Vec<String> = sum
        .comments
        .iter()
        .map(|(path, lines)| {
            let lines: Vec<String> = lines.as_list().into_iter().flatten().map(str_of).collect();
            format!("\n#### {} ####\n{}", str_of(path), lines.join("\n"))
        })
        .collect();
    ret.comment = parts.join("\n").trim().to_owned();
    if ret.comment.is_empty() {
        ret.comment = format!("Recursively updated {name}");
    }
    if !ret.changes.truthy() && ret.result == Some(true) {
        ret.comment = format!("The directory {name} is in the correct state");
    }
    Ok(ret)
}
