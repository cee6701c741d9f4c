//! `slsutil`: what SLS files are made with. Salt: modules/slsutil.py.

use std::collections::HashSet;
use std::fs;

use crate::config::{join, normalize};
use crate::jinja::{Nothing, Options, render as render_template};
use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt, req};
use crate::map;
use crate::render::{RenderError, Source, render};
use crate::value::{JsonStyle, Map, MergeStrategy, Value, merge, serializer, str_of, toml, yaml};

pub(super) static MODULE: Module = Module {
    file: "slsutil",
    provides: "slsutil",
    available: always,
    functions: &[
        Function::new(
            "banner",
            &[
                opt("width", Default::Int(72)),
                opt("commentchar", Default::Str("#")),
                opt("borderchar", Default::Str("#")),
                opt("blockstart", Default::None),
                opt("blockend", Default::None),
                opt("title", Default::None),
                opt("text", Default::None),
                opt("newline", Default::False),
            ],
            "A comment in a box: `{{ salt['slsutil.banner'](width=100) }}`.",
            banner,
        )
        .cheap(),
        Function::new(
            "boolstr",
            &[req("value"), opt("true", Default::Str("true")), opt("false", Default::Str("false"))],
            "The second argument for a value that is true, the third for another.",
            |_, args| Ok(args.get(if args.truthy("value") { "true" } else { "false" }).clone()),
        )
        .cheap(),
        Function::new(
            "deserialize",
            &[req("serializer"), req("stream_or_string"), keywords("mod_kwargs")],
            "The data of a text in `yaml` or `json`.",
            deserialize,
        ),
        Function::new(
            "dir_exists",
            &[req("path"), opt("saltenv", Default::Str("base"))],
            "Whether the file server has this directory.",
            |cx, args| Ok(is_listed(cx, args, false, true)?.into()),
        ),
        Function::new(
            "file_exists",
            &[req("path"), opt("saltenv", Default::Str("base"))],
            "Whether the file server has this file.",
            |cx, args| Ok(is_listed(cx, args, true, false)?.into()),
        ),
        Function::new(
            "findup",
            &[req("startpath"), req("filenames"), opt("saltenv", Default::Str("base"))],
            "The first of some files or directories in a directory of the file server or the next one above it: \
             `{{ salt['slsutil.findup'](tplfile, 'defaults.yaml') }}`.",
            findup,
        ),
        Function::new(
            "merge",
            &[
                req("obj_a"),
                req("obj_b"),
                opt("strategy", Default::Str("smart")),
                opt("renderer", Default::Str("yaml")),
                opt("merge_lists", Default::False),
            ],
            "One map merged into another: `smart` and `recurse` go all the way down, `overwrite` and `aggregate` replace, \
             `list` makes `[old, new]` of what both have and keeps nothing else of the new one.",
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
            "path_exists",
            &[req("path"), opt("saltenv", Default::Str("base"))],
            "Whether the file server has this file or directory.",
            |cx, args| Ok(is_listed(cx, args, true, true)?.into()),
        ),
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
        Function::new(
            "serialize",
            &[req("serializer"), req("obj"), keywords("mod_kwargs")],
            "Data as text in `yaml` or `json`; other arguments are options of the serializer.",
            serialize,
        ),
        Function::new(
            "update",
            &[
                req("dest"),
                req("upd"),
                opt("recursive_update", Default::True),
                opt("merge_lists", Default::False),
            ],
            "One map laid over another.",
            |_, args| {
                let strategy = match (args.truthy("recursive_update"), args.truthy("merge_lists")) {
                    (true, true) => MergeStrategy::RecurseMergeLists,
                    (true, false) => MergeStrategy::Recurse,
                    _ => MergeStrategy::Overwrite,
                };
                Ok(merge(args.get("dest").clone(), args.get("upd").clone(), strategy))
            },
        )
        .cheap(),
    ],
};

fn no_serializer(kind: &str) -> Fault {
    match kind {
        "configparser" | "keyvalue" | "msgpack" | "plist" | "python" | "yamlex" => {
            Fault::NotSupported(format!("the serializer {kind} in slsutil"))
        }
        _ => Fault::execution(format!("Serializer '{kind}' not found.")),
    }
}

fn serialize(_: &Context, args: &Args) -> Result<Value, Fault> {
    let (kind, data) = (args.str("serializer")?, args.get("obj"));
    let mut options = args.keywords.clone();
    options.retain(|name, _| !name.as_str().is_some_and(|name| name.starts_with("__")));
    let text = match kind.as_str() {
        "json" => {
            serializer::to_json(data, &options, JsonStyle { ensure_ascii: false, ..JsonStyle::default() })
        }
        "yaml" => {
            options.entry("default_flow_style", || Value::Null);
            serializer::to_yaml(data, &options, false)
        }
        "toml" => {
            let data = data.as_map().ok_or_else(|| Fault::execution("toml wants a map"))?;
            return toml::dump(data).map(Value::from).map_err(Fault::execution);
        }
        _ => return Err(no_serializer(&kind)),
    };
    match text {
        Ok(text) => Ok(text.into()),
        Err(option) => Err(Fault::NotSupported(format!("the option {option} of the {kind} serializer"))),
    }
}

fn deserialize(_: &Context, args: &Args) -> Result<Value, Fault> {
    let (kind, text) = (args.str("serializer")?, args.str("stream_or_string")?);
    let data = match kind.as_str() {
        "json" => Value::from_json(&text).map_err(|error| error.to_string()),
        "yaml" => yaml::load(&text, "<unicode string>").map_err(|error| error.to_string()),
        "toml" => toml::load(&text),
        _ => return Err(no_serializer(&kind)),
    };
    data.map_err(|error| Fault::exception("salt.serializers.DeserializationError", error))
}

fn is_listed(cx: &Context, args: &Args, files: bool, dirs: bool) -> Result<bool, Fault> {
    let (path, saltenv) = (args.str("path")?, args.str("saltenv")?);
    let server = cx.minion.files();
    let has = |list: Vec<String>| list.contains(&path);
    Ok(files && has(server.file_list(&saltenv, "")?) || dirs && has(server.dir_list(&saltenv, "")?))
}

fn merged(args: &Args, base: Value, update: Value) -> Result<Value, Fault> {
    let lists = args.truthy("merge_lists");
    let renderer = args.str("renderer")?;
    let strategy = match args.str("strategy")?.as_str() {
        "smart" if renderer.rsplit('|').next() == Some("yamlex") || renderer.starts_with("yamlex_") => {
            return Ok(aggregated(base, update));
        }
        "aggregate" => return Ok(aggregated(base, update)),
        "list" => {
            let mut base = base;
            for (key, old) in base.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                if let Some(new) = update.as_map().and_then(|update| update.get_value(key)) {
                    *old = Value::List(vec![std::mem::take(old), new.clone()]);
                }
            }
            return Ok(base);
        }
        "smart" | "recurse" if lists => MergeStrategy::RecurseMergeLists,
        "smart" | "recurse" | "none" => MergeStrategy::Recurse,
        "overwrite" => MergeStrategy::Overwrite,
        other => {
            crate::log::warn!("Unknown merging strategy '{other}', fallback to recurse");
            MergeStrategy::Recurse
        }
    };
    Ok(merge(base, update, strategy))
}

/// Salt: utils/aggregation.py, one level deep: what is no map is a list, and lists are joined.
fn aggregated(base: Value, update: Value) -> Value {
    let list = |value| match value {
        Value::List(items) => items,
        one => vec![one],
    };
    match (base, update) {
        (base @ Value::Map(_), update @ Value::Map(_)) => merge(base, update, MergeStrategy::Overwrite),
        (_, update @ Value::Map(_)) => update,
        (Value::Map(_), update) => Value::List(list(update)),
        (base, update) => {
            let mut all = list(base);
            let known = all.clone();
            all.extend(list(update).into_iter().filter(|item| !known.contains(item)));
            Value::List(all)
        }
    }
}

/// What stands in the box where nothing is given.
const SAID: [(&str, &str); 2] = [
    ("title", "THIS FILE IS MANAGED BY SALT - DO NOT EDIT"),
    (
        "text",
        "The contents of this file are managed by Salt. Any changes to this file may be overwritten automatically and \
         without warning.",
    ),
];

/// The box. Templates have Python's `textwrap` and `str.center`; `left` and `right` stand at the edges.
const BANNER: &str = "\
{%- set border = commentchar ~ borderchar[:1] * (width - left|length - right|length) ~ right -%}
{%- set spacer = commentchar ~ ' ' * (width - 2 * commentchar|length) ~ commentchar -%}
{%- if blockstart is not none %}{{ blockstart }}
{% endif %}{{ border }}
{{ spacer }}
{% for line in (title.expandtabs()|replace('\\n', ' ')|replace('\\r', ' ')|wordwrap(inner)).splitlines() %}{{ left }} {{ line.center(inner) }} {{ right }}
{% endfor %}{{ spacer }}
{% for line in (text.expandtabs()|replace('\\n', ' ')|replace('\\r', ' ')|wordwrap(inner)).splitlines() %}{{ left }} {{ line.ljust(inner) }} {{ right }}
{% endfor %}{{ border }}{% if blockend is not none %}
{{ blockend }}{% endif %}{% if newline %}
{% endif %}";

fn banner(_: &Context, args: &Args) -> Result<Value, Fault> {
    let comment = args.str("commentchar")?;
    let (left, right, width) = (comment.trim_end(), comment.trim(), args.int("width")?);
    let edges = left.chars().count() + right.chars().count() + 2;
    let inner =
        usize::try_from(width).ok().and_then(|width| width.checked_sub(edges)).filter(|inner| *inner > 0);
    let Some(inner) = inner else { return Err(Fault::execution("Width is too small to render banner")) };
    let mut words = map! { "left" => left, "right" => right, "width" => width, "inner" => inner };
    for name in ["commentchar", "borderchar", "blockstart", "blockend", "newline"] {
        words.insert(name, args.get(name).clone());
    }
    for (name, otherwise) in SAID {
        words.insert(name, args.given(name).map_or_else(|| otherwise.to_owned(), str_of));
    }
    let drawn = render_template(BANNER, &words, &Nothing, &Options::default());
    Ok(drawn.map_err(|error| Fault::execution(error.to_string()))?.into())
}

fn findup(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (saltenv, server) = (args.str("saltenv")?, cx.minion.files());
    let mut known: HashSet<String> = server.file_list(&saltenv, "")?.into_iter().collect();
    known.extend(server.dir_list(&saltenv, "")?);
    let mut at = args.str("startpath")?;
    if !at.is_empty() {
        at = normalize(&at);
        if !known.contains(&at) {
            return Err(Fault::invocation(format!("Starting path not found in the state tree: {at}")));
        }
    }
    let names = match args.get("filenames") {
        Value::List(names) => names.iter().map(str_of).collect(),
        Value::Text(name) => vec![name.clone()],
        _ => return Err(Fault::invocation("Filenames argument must be a string or list of strings")),
    };
    loop {
        if let Some(found) = names.iter().map(|name| join(&at, name)).find(|path| known.contains(path)) {
            return Ok(found.into());
        }
        if at.is_empty() {
            return Err(Fault::execution("File pattern(s) not found in path ancestry"));
        }
        at.truncate(at.rfind('/').unwrap_or(0));
    }
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
                crate::log::error!(path, "Template does not exist");
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
