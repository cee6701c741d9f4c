//! `pkg_resource`: what every provider of `pkg` needs. Salt: modules/pkg_resource.py.

use std::path::Path;

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::patterns::Glob;
use crate::value::{Map, Value, str_of, yaml};

pub(super) static MODULE: Module = Module {
    file: "pkg_resource",
    provides: "pkg_resource",
    available: always,
    functions: &[
        Function::new(
            "check_extra_requirements",
            &[req("pkgname"), req("pkgver")],
            "Whether a package meets what only its provider knows to ask.",
            |cx, args| {
                let asked = args.truthy("pkgver") && cx.offers("pkg.check_extra_requirements");
                if !asked {
                    return Ok(true.into());
                }
                cx.ask(
                    "pkg.check_extra_requirements",
                    &[args.get("pkgname").clone(), args.get("pkgver").clone()],
                )
            },
        ),
        Function::new(
            "pack_sources",
            &[req("sources"), NORMALIZE],
            "A list of maps with one entry as one map.",
            |cx, args| Ok(pack_sources(cx, args.get("sources"), args.truthy("normalize")).into()),
        ),
        Function::new(
            "parse_targets",
            &[
                opt("name", Default::None),
                opt("pkgs", Default::None),
                opt("sources", Default::None),
                opt("saltenv", Default::Str("base")),
                NORMALIZE,
                keywords("kwargs"),
            ],
            "What is to be installed or removed, and of which kind: `[{name: version}, repository]` or `[[path], file]`.",
            parse_targets,
        ),
        Function::new(
            "repack_pkgs",
            &[req("pkgs"), NORMALIZE],
            "The packages of a list with their versions: `{name: version}`.",
            |cx, args| Ok(repack(cx, args.get("pkgs"), args.truthy("normalize"))?.into()),
        ),
        Function::new(
            "version",
            &[rest("names"), keywords("kwargs")],
            "The installed version of one package, or of several: `{name: version}`.",
            version,
        ),
        Function::new(
            "version_clean",
            &[req("verstr")],
            "A version without what its provider adds.",
            |cx, args| {
                if args.truthy("verstr") && cx.offers("pkg.version_clean") {
                    return cx.ask("pkg.version_clean", &[args.get("verstr").clone()]);
                }
                Ok(args.get("verstr").clone())
            },
        ),
    ],
};

const NORMALIZE: Param = opt("normalize", Default::True);

fn normal(cx: &Context, name: &str, normalize: bool) -> Result<String, Fault> {
    if normalize && cx.offers("pkg.normalize_name") {
        return Ok(str_of(&cx.ask("pkg.normalize_name", &[name.into()])?));
    }
    Ok(name.to_owned())
}

/// `[a, {b: 1}]` as `{a: null, b: "1"}`.
fn repack(cx: &Context, pkgs: &Value, normalize: bool) -> Result<Map, Fault> {
    let loaded;
    let items = match pkgs {
        Value::List(items) => items.as_slice(),
        Value::Text(text) => {
            loaded = yaml::load(text, "pkgs").unwrap_or_default();
            loaded.as_list().unwrap_or_default()
        }
        _ => &[],
    };
    let mut packed = Map::new();
    for item in items {
        match item {
            Value::Map(map) if map.len() == 1 => {
                for (name, version) in map {
                    let version = if version.is_null() { Value::Null } else { str_of(version).into() };
                    packed.insert(normal(cx, &str_of(name), normalize)?, version);
                }
            }
            Value::Text(_) | Value::Int(_) | Value::Float(_) => {
                packed.insert(normal(cx, &str_of(item), normalize)?, Value::Null);
            }
            other => {
                crate::log::error!("Invalid input for packages: {other:?}");
                return Ok(Map::new());
            }
        }
    }
    if packed.len() != items.len() {
        return Err(Fault::invocation(format!(
            "You are passing a list of packages that contains duplicated packages names: {}. This cannot be processed. In \
             case you are targeting different versions of the same package, please target them individually",
            str_of(pkgs)
        )));
    }
    Ok(packed)
}

fn pack_sources(cx: &Context, sources: &Value, normalize: bool) -> Map {
    let loaded = match sources {
        Value::Text(text) => yaml::load(text, "sources").unwrap_or_default(),
        other => other.clone(),
    };
    let mut packed = Map::new();
    for source in loaded.as_list().unwrap_or_default() {
        let one = source.as_map().filter(|map| map.len() == 1).and_then(|map| map.at(0));
        let Some((name, path)) = one else {
            crate::log::error!("Input must be a list of 1-element dicts");
            return Map::new();
        };
        packed.insert(normal(cx, &str_of(name), normalize).unwrap_or_else(|_| str_of(name)), path.clone());
    }
    packed
}

fn parse_targets(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let nothing = || Ok(Value::list([Value::Null, Value::Null]));
    let (pkgs, sources) = (args.get("pkgs"), args.get("sources"));
    let normalize = args.truthy("normalize");
    if pkgs.truthy() && sources.truthy() {
        crate::log::error!("Only one of \"pkgs\" and \"sources\" can be used.");
        return nothing();
    }
    if pkgs.truthy() {
        let packed = repack(cx, pkgs, normalize)?;
        return if packed.is_empty() {
            nothing()
        } else {
            Ok(Value::list([Value::from(packed), "repository".into()]))
        };
    }
    if sources.truthy() {
        let mut paths = Vec::new();
        for (name, source) in &pack_sources(cx, sources, normalize) {
            let source = str_of(source);
            if source.contains("://") {
                paths.push(cx.ask("cp.cache_file", &[source.into(), args.get("saltenv").clone()])?);
            } else if Path::new(&source).is_absolute() {
                paths.push(source.into());
            } else {
                return Err(Fault::invocation(format!(
                    "Path {source} for package {} is either not absolute or an invalid protocol",
                    str_of(name)
                )));
            }
        }
        return if paths.is_empty() {
            nothing()
        } else {
            Ok(Value::list([Value::List(paths), "file".into()]))
        };
    }
    if args.truthy("name") {
        let version = args.keywords.get("version").cloned().unwrap_or_default();
        let mut packed = Map::new();
        for name in args.str("name")?.split(',') {
            packed.insert(normal(cx, name, normalize)?, version.clone());
        }
        return Ok(Value::list([Value::from(packed), "repository".into()]));
    }
    crate::log::error!("No package sources provided");
    nothing()
}

fn version(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut kwargs = args.keywords.clone();
    let as_list = kwargs.remove("versions_as_list").is_some_and(|value| value.truthy());
    let mut found = Map::new();
    let mut pattern = false;
    if !args.rest.is_empty() {
        kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__pub_")));
        kwargs.insert("versions_as_list", true);
        let pkgs = cx.ask_with("pkg.list_pkgs", &[], kwargs)?;
        let none = Value::List(Vec::new());
        for name in args.rest.iter().map(str_of) {
            if name.contains('*') {
                pattern = true;
                let glob = Glob::new(&name);
                for (key, versions) in pkgs.as_map().into_iter().flatten() {
                    if glob.matches(&str_of(key)) {
                        found.insert(key.clone(), versions.clone());
                    }
                }
            } else {
                found.insert(name.as_str(), pkgs.get(&name).unwrap_or(&none).clone());
            }
        }
    }
    if !as_list {
        for (_, versions) in found.iter_mut() {
            let joined: Vec<String> = versions.as_list().unwrap_or_default().iter().map(str_of).collect();
            *versions = joined.join(",").into();
        }
    }
    match found.at(0) {
        Some((_, version)) if found.len() == 1 && !pattern => Ok(version.clone()),
        _ => Ok(found.into()),
    }
}
