//! `file_tree`: files of a directory, for hosts and nodegroups. Salt: pillar/file_tree.py.
//!
//! ```text
//! <root_dir>/nodegroups/<nodegroup>/…   <root_dir>/hosts/<minion id>/…
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::nodegroups;
use crate::loader::{Args, Context, Default, Fault, Function, opt, req};
use crate::names::MinionId;
use crate::patterns::fnmatch;
use crate::render::{Source, render};
use crate::value::{Map, MergeStrategy, Value, merge_maps, sort, str_of};

pub(super) const ROW: Function = Function::new(
    "file_tree",
    &[
        req("minion_id"),
        req("pillar"),
        opt("root_dir", Default::None),
        opt("follow_dir_links", Default::False),
        opt("debug", Default::False),
        opt("keep_newline", Default::False),
        opt("render_default", Default::None),
        opt("renderer_blacklist", Default::None),
        opt("renderer_whitelist", Default::None),
        opt("template", Default::False),
    ],
    "The files below `root_dir`/hosts/<id> and below `root_dir`/nodegroups/<group>: names of directories and files \
     are keys, contents are values, without the line end at their end unless `keep_newline`. With `template` they are \
     rendered.",
    file_tree,
);

/// Directories below each other; links may lead in circles.
const MAX_DEPTH: usize = 32;
/// Octets of one file.
const MAX_FILE: u64 = 16 << 20;

fn file_tree(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let nothing = || Ok(Map::new().into());
    let root = args.opt_str("root_dir")?.unwrap_or_default();
    if root.is_empty() {
        crate::log::error!("file_tree: no root_dir specified");
        return nothing();
    }
    if !matches!(args.get("keep_newline"), Value::Bool(_) | Value::List(_)) {
        crate::log::error!(root, "file_tree: keep_newline must be either True/False or a list of file globs");
        return nothing();
    }
    // The id goes into a path.
    let Ok(id) = MinionId::parse(&str_of(args.get("minion_id"))) else { return nothing() };
    let tree = Tree { cx, args };
    let mut all = Map::new();
    for root in roots(cx, &root) {
        if !root.is_dir() {
            crate::log::error!(root = %root.display(), "file_tree: root_dir does not exist or is not a directory");
            continue;
        }
        let pillar = args.get("pillar").as_map().cloned().unwrap_or_default();
        let groups = nodegroups::of_minion(cx, id.as_str(), &pillar);
        let groups = groups.iter().filter(|group| !group.contains('/') && *group != ".." && *group != ".");
        let folders = groups.map(|group| root.join("nodegroups").join(group));
        for folder in folders.chain([root.join("hosts").join(id.as_str())]) {
            if folder.is_dir() {
                merge_maps(&mut all, tree.folder(&folder, "", MAX_DEPTH)?, MergeStrategy::Recurse);
            }
        }
    }
    Ok(all.into())
}

/// `root_dir` itself, or below each of the roots of `pillarenv`.
fn roots(cx: &Context, root: &str) -> Vec<PathBuf> {
    if root.starts_with('/') {
        return vec![root.into()];
    }
    let Some(env) = cx.opts.str("pillarenv") else {
        crate::log::error!("file_tree: root_dir is relative but pillarenv is not set");
        return Vec::new();
    };
    let roots = cx.opts.get("pillar_roots").and_then(|roots| roots.get(env)).and_then(Value::as_list);
    let mut found: Vec<PathBuf> =
        roots.unwrap_or_default().iter().map(|dir| Path::new(&str_of(dir)).join(root)).collect();
    found.dedup();
    found
}

struct Tree<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
}

impl Tree<'_, '_> {
    fn folder(&self, folder: &Path, below: &str, depth: usize) -> Result<Map, Fault> {
        let mut found = Map::new();
        let mut entries: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => {
                crate::log::error!(folder = %folder.display(), %error, "file_tree: a directory cannot be read");
                return Ok(found);
            }
        };
        // Directories come first, as in Salt.
        sort::by_key(&mut entries, |path| (!path.is_dir(), path.clone()));
        for path in entries {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            if path.is_dir() {
                let enter = depth > 0 && (!path.is_symlink() || self.args.truthy("follow_dir_links"));
                let inside = if enter { self.folder(&path, &below, depth - 1)? } else { Map::new() };
                found.insert(name, inside);
            } else if let Some(value) = self.file(&path, &below)? {
                found.insert(name, value);
            }
        }
        Ok(found)
    }

    fn file(&self, path: &Path, below: &str) -> Result<Option<Value>, Fault> {
        let size = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|stat| stat.len());
        if size.is_none_or(|size| size > MAX_FILE) {
            crate::log::error!(path = %path.display(), "file_tree: not a regular file, or too large");
            return Ok(None);
        }
        let mut content = match fs::read(path) {
            Ok(content) => content,
            Err(error) => {
                crate::log::error!(path = %path.display(), %error, "file_tree: a file cannot be read");
                return Ok(None);
            }
        };
        let keep = match self.args.get("keep_newline") {
            Value::List(globs) => globs.iter().any(|glob| {
                // Salt quirk: pillar/file_tree.py: at the top the path begins with `./`.
                let path = if below.contains('/') { below.to_owned() } else { format!("./{below}") };
                fnmatch(&str_of(glob), &path)
            }),
            other => other.truthy(),
        };
        if content.ends_with(b"\n") && !keep {
            content.pop();
        }
        if !self.args.truthy("template") {
            return Ok(Some(match String::from_utf8(content) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Bytes(error.into_bytes().into()),
            }));
        }
        let text = String::from_utf8_lossy(&content);
        let variables = Map::new();
        let shown = path.to_string_lossy();
        let source =
            Source { text: &text, path: Some(&shown), saltenv: "base", sls: "", variables: &variables };
        let default =
            self.args.opt_str("render_default")?.unwrap_or_else(|| self.cx.opt_str("renderer").to_owned());
        render(self.cx, &source, &default).map(Some).map_err(|error| Fault::execution(error.to_string()))
    }
}
