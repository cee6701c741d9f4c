//! `file_roots` and `pillar_roots`: files of the master's environments, read and written. Salt: wheel/file_roots.py,
//! wheel/pillar_roots.py. No path leads out of its root, by links neither.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const SALTENV: Param = opt("saltenv", Default::Str("base"));
const ONE: &[Param] = &[req("path"), SALTENV];
const WRITE: &[Param] = &[req("data"), req("path"), SALTENV, opt("index", Default::Int(0))];

const FIND: &str = "Files of this path in the roots of an environment: `[{file: txt or bin}]`.";
const LIST_ENV: &str = "Everything below the roots of an environment: `{root: {name: f or {…}}}`.";
const LIST_ROOTS: &str = "Everything below the roots of all environments: `{saltenv: [{root: …}]}`.";
const READ: &str = "The texts of the files of this path: `[{file: text}]`.";
const WRITTEN: &str =
    "Writes a text to a path in one of the roots of an environment (`index`). Says what was done.";

const FILES: &str = "file_roots";
const PILLAR: &str = "pillar_roots";

pub(super) static FILE_ROOTS: Module = Module {
    file: "file_roots",
    provides: FILES,
    available: always,
    functions: &[
        Function::new("find", ONE, FIND, |cx, args| find(cx, args, FILES)),
        Function::new("list_env", &[SALTENV], LIST_ENV, |cx, args| list_env(cx, args, FILES)),
        Function::new("list_roots", &[], LIST_ROOTS, |cx, _| list_roots(cx, FILES)),
        Function::new("read", ONE, READ, |cx, args| read(cx, args, FILES)),
        Function::new("write", WRITE, WRITTEN, |cx, args| write(cx, args, FILES)),
    ],
};

pub(super) static PILLAR_ROOTS: Module = Module {
    file: "pillar_roots",
    provides: PILLAR,
    available: always,
    functions: &[
        Function::new("find", ONE, FIND, |cx, args| find(cx, args, PILLAR)),
        Function::new("list_env", &[SALTENV], LIST_ENV, |cx, args| list_env(cx, args, PILLAR)),
        Function::new("list_roots", &[], LIST_ROOTS, |cx, _| list_roots(cx, PILLAR)),
        Function::new("read", ONE, READ, |cx, args| read(cx, args, PILLAR)),
        Function::new("write", WRITE, WRITTEN, |cx, args| write(cx, args, PILLAR)),
    ],
};

/// The largest file that is read.
const MAX_FILE: u64 = 64 << 20;

/// How deep folders are listed.
const DEEPEST: usize = 64;

/// The roots of an environment; `None` where there is no such environment.
fn roots(cx: &Context, option: &str, saltenv: &str) -> Option<Vec<PathBuf>> {
    let roots = cx.opts.get(option)?.as_map()?.get(saltenv)?;
    Some(match roots {
        Value::List(roots) => roots.iter().map(|root| PathBuf::from(str_of(root))).collect(),
        root => vec![PathBuf::from(str_of(root))],
    })
}

/// The path below a root, if it stays there. Where it does not exist yet, the part that does must stay.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.contains('\0') || !Path::new(path).components().all(plain) {
        return None;
    }
    let full = root.join(path);
    let root = root.canonicalize().ok()?;
    let real = full.ancestors().find_map(|part| part.canonicalize().ok())?;
    real.starts_with(root).then_some(full)
}

fn files(cx: &Context, args: &Args, option: &str) -> Result<Vec<PathBuf>, Fault> {
    let path = args.str("path")?;
    let roots = roots(cx, option, &args.str("saltenv")?).unwrap_or_default();
    Ok(roots.iter().filter_map(|root| below(root, &path)).filter(|full| full.is_file()).collect())
}

/// The content of a file if it is text: no zero octet, and UTF-8.
fn text_of(path: &Path) -> Result<Option<String>, Fault> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE {
        return Err(Fault::execution(format!("{} is too large: {size} octets", path.display())));
    }
    Ok(String::from_utf8(fs::read(path)?).ok().filter(|text| !text.contains('\0')))
}

fn find(cx: &Context, args: &Args, option: &str) -> Result<Value, Fault> {
    let mut found = Vec::new();
    for full in files(cx, args, option)? {
        let kind = if text_of(&full)?.is_some() { "txt" } else { "bin" };
        found.push(Value::from(map! { full.display().to_string() => kind }));
    }
    Ok(Value::List(found))
}

fn read(cx: &Context, args: &Args, option: &str) -> Result<Value, Fault> {
    let mut found = Vec::new();
    for full in files(cx, args, option)? {
        if let Some(text) = text_of(&full)? {
            found.push(Value::from(map! { full.display().to_string() => text }));
        }
    }
    Ok(Value::List(found))
}

fn list_env(cx: &Context, args: &Args, option: &str) -> Result<Value, Fault> {
    Ok(environment(cx, option, &args.str("saltenv")?).into())
}

fn environment(cx: &Context, option: &str, saltenv: &str) -> Map {
    let roots = roots(cx, option, saltenv).unwrap_or_default();
    roots.iter().map(|root| (root.display().to_string(), Value::from(tree(root, 0)))).collect()
}

fn tree(folder: &Path, depth: usize) -> Map {
    let (mut folders, mut files) = (Map::new(), Map::new());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            let inside =
                if is_link || depth >= DEEPEST { Map::new() } else { tree(&entry.path(), depth + 1) };
            folders.insert(name, inside);
        } else {
            files.insert(name, "f");
        }
    }
    folders.extend(files);
    folders
}

fn list_roots(cx: &Context, option: &str) -> Result<Value, Fault> {
    let mut all = Map::new();
    for saltenv in cx.opts.get(option).and_then(Value::as_map).into_iter().flat_map(Map::keys) {
        let saltenv = str_of(saltenv);
        let below = environment(cx, option, &saltenv);
        all.insert(saltenv, Value::list([below]));
    }
    Ok(all.into())
}

fn write(cx: &Context, args: &Args, option: &str) -> Result<Value, Fault> {
    let (path, saltenv, index) = (args.str("path")?, args.str("saltenv")?, args.int("index")?);
    let Some(data) = args.get("data").as_octets() else {
        let kind = args.get("data").type_name();
        return Err(Fault::Type(format!("expected str, bytes, or bytearray not <class '{kind}'>")));
    };
    let Some(roots) = roots(cx, option, &saltenv) else {
        return Ok(format!("Named environment {saltenv} is not present").into());
    };
    // As in Python, -1 is the last one.
    let place = if index < 0 { index.saturating_add_unsigned(roots.len() as u64) } else { index };
    let Some(root) = usize::try_from(place).ok().and_then(|place| roots.get(place)) else {
        return Ok(format!("Specified index {index} in environment {saltenv} is not present").into());
    };
    if Path::new(&path).is_absolute() {
        let text = format!("The path passed in {path} is not relative to the environment {saltenv}");
        return Ok(text.into());
    }
    let Some(full) = below(root, &path) else {
        let text = if option == FILES { format!("Invalid path: {path}") } else { "Invalid path".to_owned() };
        return Ok(text.into());
    };
    if let Some(folder) = full.parent() {
        fs::create_dir_all(folder)?;
    }
    cx.host.write_atomic(&full, data, 0o644, FileOwner::default())?;
    Ok(format!("Wrote data to file {}", full.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_its_root() {
        let dir = std::env::temp_dir().join(format!("halite-roots-{}", std::process::id()));
        let root = dir.join("root");
        fs::create_dir_all(root.join("a")).expect("a folder");
        std::os::unix::fs::symlink(&dir, root.join("out")).expect("a link");
        for path in ["../x", "a/../../x", "/etc/passwd", "out/x", "a\0b"] {
            assert_eq!(below(&root, path), None, "{path:?}");
        }
        assert_eq!(below(&root, "a/new/file"), Some(root.join("a/new/file")));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
