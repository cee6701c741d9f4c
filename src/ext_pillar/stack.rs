//! `stack`: YAML templates that files of configuration list, each merged into those before it. Salt: pillar/stack.py.

mod merge;

use std::fs;
use std::path::{Path, PathBuf};

use crate::jinja::{self, CallFault, Options, SourceFile, Surroundings};
use crate::loader::{Args, Call, Context, Fault, Function, keywords, req, rest};
use crate::patterns::fnmatch;
use crate::render::read_template;
use crate::value::{DEFAULT_DELIMITER, Map, Value, sort, str_of, traverse, yaml};
use merge::merge;

pub(super) const ROW: Function = Function::new(
    "stack",
    &[req("minion_id"), req("pillar"), rest("args"), keywords("kwargs")],
    "The YAML templates that the given files list, merged in their order; keywords `pillar:…`, `grains:…` and `opts:…` \
     choose such files by a value.",
    stack,
);

/// Files that one pattern of a configuration may name.
const MAX_FILES: usize = 10_000;

fn stack(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pillar = args.get("pillar").as_map().cloned().unwrap_or_default();
    let option = |name: &str| cx.opts.str(name).filter(|text| !text.is_empty());
    let pillarenv = option("pillarenv").or_else(|| option("saltenv")).unwrap_or("base");
    let mut files: Vec<String> = args.rest.iter().map(str_of).collect();
    for (key, choices) in &args.keywords {
        let key = str_of(key);
        let (what, path) = key.split_once(':').unwrap_or((&key, ""));
        let value = match what {
            "pillar" => traverse(&pillar.clone().into(), path, DEFAULT_DELIMITER).cloned(),
            "grains" => traverse(&(*cx.grains).clone().into(), path, DEFAULT_DELIMITER).cloned(),
            "opts" => traverse(&cx.opts.clone().into(), path, DEFAULT_DELIMITER).cloned(),
            _ => {
                return Err(Fault::execution(format!(
                    "Unknown traverse option \"{what}\", should be one of dict_keys(['pillar', 'grains', 'opts'])"
                )));
            }
        };
        let Some(choices) = choices.as_map() else { continue };
        let is_value = |choice: &Value| {
            value.as_ref().is_some_and(|value| {
                choice == value || (choice.as_str() == Some("__env__") && value.as_str() == Some(pillarenv))
            })
        };
        let chosen = choices.iter().find(|(choice, _)| is_value(choice)).map(|(_, files)| files);
        match chosen {
            Some(Value::List(list)) => {
                files.extend(list.iter().map(|file| str_of(file).replace("__env__", pillarenv)));
            }
            Some(one) => files.push(str_of(one).replace("__env__", pillarenv)),
            None => {}
        }
    }
    let mut all = Map::new();
    for file in files {
        if !Path::new(&file).is_file() {
            crate::log::info!(file, "Ignoring pillar stack cfg: file does not exist");
            continue;
        }
        let id = str_of(args.get("minion_id"));
        all = Config { cx, file: Path::new(&file), id: &id, pillar: &pillar }.apply(all)?;
    }
    Ok(all.into())
}

/// One file of configuration.
struct Config<'a, 'c> {
    cx: &'a Context<'c>,
    file: &'a Path,
    id: &'a str,
    pillar: &'a Map,
}

impl Config<'_, '_> {
    fn apply(&self, mut stack: Map) -> Result<Map, Fault> {
        let base = self.file.parent().unwrap_or(Path::new("/"));
        let listed = self.render(self.file, &stack).map_err(Fault::execution)?;
        for item in items(&listed) {
            if item.trim().is_empty() {
                continue;
            }
            let mut paths = found(base, &item);
            if paths.is_empty() {
                crate::log::info!(item, "Ignoring pillar stack template: it cannot be found");
            }
            sort::all(&mut paths);
            for path in paths {
                let shown = path.display();
                let text = self.render(&path, &stack).map_err(|problem| {
                    Fault::execution(format!("Stack pillar template render error in {shown}:\n\"{problem}\""))
                })?;
                let data = yaml::load(&text, "<unicode string>").map_err(|problem| {
                    Fault::execution(format!("Stack pillar yaml parsing error in {shown}:\n{problem}"))
                })?;
                if let Value::Map(data) = data {
                    stack = merge(stack, data).map_err(Fault::execution)?;
                }
            }
        }
        Ok(stack)
    }

    fn render(&self, path: &Path, stack: &Map) -> Result<String, String> {
        let text = for_engine(&read_template(path).map_err(|error| error.to_string())?);
        let mut variables = Map::new();
        variables.insert("__opts__", self.cx.opts.clone());
        variables.insert("__grains__", (*self.cx.grains).clone());
        let mut about = Map::new();
        about.insert("cfg_path", self.file.to_string_lossy().into_owned());
        variables.insert("__stack__", about);
        variables.insert("minion_id", self.id);
        variables.insert("pillar", self.pillar.clone());
        variables.insert("pillarenv", self.cx.opts.get("pillarenv").cloned().unwrap_or_default());
        variables.insert("stack", stack.clone());
        variables.insert("ymlpath", path.to_string_lossy().into_owned());
        let options = Options { allow_undefined: true, ..Options::default() };
        let base = self.file.parent().unwrap_or(Path::new("/"));
        let around = Around { cx: self.cx, base };
        jinja::render(&text, &variables, &around, &options).map_err(|error| error.to_string())
    }
}

const TRAVERSE: &str = "__stack__.traverse";

/// Salt's functions have other names in these templates.
fn for_engine(text: &str) -> String {
    let mut text = text.replace("__salt__", "salt");
    for form in ["__stack__['traverse']", "__stack__[\"traverse\"]", "__stack__.traverse"] {
        text = text.replace(form, "salt['__STACK__.traverse']");
    }
    text.replace("__STACK__.traverse", TRAVERSE)
}

/// A list in YAML, or a line each.
fn items(text: &str) -> Vec<String> {
    match yaml::load(text, "<unicode string>") {
        Ok(Value::List(items)) => items.iter().map(str_of).collect(),
        _ => text.lines().map(str::to_owned).collect(),
    }
}

/// The files that a path with wildcards means.
fn found(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { base.to_owned() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let wild = part.contains(['*', '?', '[']);
        let mut next = Vec::new();
        for path in paths {
            if !wild {
                next.push(path.join(part));
                continue;
            }
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().to_str().map(str::to_owned));
            // As in a shell, a wildcard does not mean a dot at the beginning.
            let fits =
                |name: &String| (part.starts_with('.') || !name.starts_with('.')) && fnmatch(part, name);
            next.extend(names.filter(fits).map(|name| path.join(name)).take(MAX_FILES));
        }
        next.truncate(MAX_FILES);
        paths = next;
    }
    paths.retain(|path| path.exists());
    paths
}

struct Around<'a, 'c> {
    cx: &'a Context<'c>,
    base: &'a Path,
}

impl Surroundings for Around<'_, '_> {
    fn source(&self, path: &str) -> Option<SourceFile> {
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        let file = self.base.join(path);
        let text = for_engine(&read_template(&file).ok()?);
        Some(SourceFile { path: file.display().to_string(), text })
    }

    fn has_function(&self, name: &str) -> bool {
        name == TRAVERSE || self.cx.registry.function(self.cx, name).is_ok()
    }

    fn has_module(&self, name: &str) -> bool {
        self.cx.registry.available(self.cx).any(|module| module.provides == name)
    }

    fn call(&self, name: &str, args: &mut Vec<Value>, kwargs: &mut Map) -> Result<Value, CallFault> {
        if name == TRAVERSE {
            let path = args.get(1).map(str_of).unwrap_or_default();
            let default = args.get(2).or_else(|| kwargs.get("default")).cloned().unwrap_or_default();
            let data = args.first().unwrap_or(&Value::Null);
            return Ok(traverse(data, &path, DEFAULT_DELIMITER).cloned().unwrap_or(default));
        }
        let call = Call { args: std::mem::take(args), kwargs: std::mem::take(kwargs) };
        self.cx.call(name, call).map_err(|fault| CallFault::Failed(fault.to_string()))
    }
}
