//! `slsutil`: what SLS files are made with. Salt: modules/slsutil.py.

use std::fs;

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt, req};
use crate::render::{RenderError, Source, render};
use crate::value::{Map, MergeStrategy, Value, merge, str_of};

pub(super) static MODULE: Module = Module {
    file: "slsutil",
    provides: "slsutil",
    available: always,
    functions: &[
        Function::new(
            "merge",
            &[
                req("obj_a"),
                req("obj_b"),
                opt("strategy", Default::Str("smart")),
                opt("renderer", Default::Str("yaml")),
                opt("merge_lists", Default::False),
            ],
            "One map merged into another: `smart` and `recurse` go all the way down, `overwrite` replaces.",
            |_, args| merged(args, args.get("obj_a").clone(), args.get("obj_b").clone()),
        )
        .cheap(),
        Function::new(
            "merge_all",
            &[
                req("lst"),
                opt("strategy", Default::Str("smart")),
                opt("renderer", Default::Str("yaml")),
                opt("merge_lists", Default::False),
            ],
            "Several maps merged in order, as `slsutil.merge` does with two.",
            |_, args| {
                args.list("lst")?
                    .into_iter()
                    .try_fold(Value::Map(Map::new()), |all, next| merged(args, all, next))
            },
        )
        .cheap(),
        Function::new(
            "renderer",
            &[
                opt("path", Default::None),
                opt("string", Default::None),
                opt("default_renderer", Default::Str("jinja|yaml")),
                keywords("kwargs"),
            ],
            "A file (`salt://`, a URL or a path) or a `string` sent through a pipe of renderers: the one that its first \
             line names, or `default_renderer`. Other arguments are variables for templates.",
            renderer,
        ),
    ],
};

fn merged(args: &Args, base: Value, update: Value) -> Result<Value, Fault> {
    let lists = args.truthy("merge_lists");
    let strategy = match args.str("strategy")?.as_str() {
        "smart" | "recurse" if lists => MergeStrategy::RecurseMergeLists,
        "smart" | "recurse" => MergeStrategy::Recurse,
        "overwrite" => MergeStrategy::Overwrite,
        other => return Err(Fault::NotSupported(format!("the merge strategy '{other}'"))),
    };
    Ok(merge(base, update, strategy))
}

fn renderer(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, string) = (args.opt_str("path")?, args.opt_str("string")?);
    let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let keywords = &args.keywords;
    let saltenv = keywords.get("saltenv").map_or_else(|| "base".to_owned(), str_of);
    let (text, path) = match (path, string) {
        (path, string) if !given(&path) && !given(&string) => {
            return Err(Fault::invocation("Must pass either path or string"));
        }
        (path, string) if given(&path) && given(&string) => {
            return Err(Fault::invocation("Must not pass both path and string"));
        }
        (Some(path), _) if !path.is_empty() => {
            let file = if path.starts_with('/') {
                Some(std::path::PathBuf::from(&path))
            } else {
                cx.minion.files().get_url(&path, &saltenv, None, true)?
            };
            let read = file.and_then(|file| {
                let text = fs::read(&file).ok().and_then(|octets| String::from_utf8(octets).ok())?;
                Some((text, file.display().to_string()))
            });
            // Salt logs that there is no such file, and returns an empty map.
            let Some((text, file)) = read else {
                tracing::error!(path, "Template does not exist");
                return Ok(Value::Map(Map::new()));
            };
            (text, Some(file))
        }
        (_, string) => (string.unwrap_or_default(), None),
    };
    let variables: Map = keywords
        .iter()
        .filter(|(name, _)| {
            name.as_str().is_some_and(|name| {
                !name.starts_with("__pub_") && !matches!(name, "saltenv" | "sls" | "context")
            })
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .chain(
            keywords
                .get("context")
                .and_then(Value::as_map)
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        )
        .collect();
    let sls = keywords.get("sls").map(str_of).unwrap_or_default();
    let source =
        Source { text: &text, path: path.as_deref(), saltenv: &saltenv, sls: &sls, variables: &variables };
    let windows = text.contains("\r\n");
    let value = render(cx, &source, &args.str("default_renderer")?).map_err(|error| match error {
        RenderError::NotSupported(_) => Fault::NotSupported(error.to_string()),
        error => Fault::exception("salt.exceptions.SaltRenderError", error.to_string()),
    })?;
    Ok(match value {
        Value::Text(text) if windows && !text.contains("\r\n") => Value::Text(text.replace('\n', "\r\n")),
        value => value,
    })
}
