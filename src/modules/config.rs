//! `config`: options of the minion, looked up where Salt looks. Salt: modules/config.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::patterns::Glob;
use crate::value::{DEFAULT_DELIMITER, Map, MergeStrategy, Value, merge_maps, str_of, traverse};

const OPTION: &[Param] = &[
    req("value"),
    opt("default", Default::None),
    opt("omit_opts", Default::False),
    opt("omit_grains", Default::False),
    opt("omit_pillar", Default::False),
    opt("omit_master", Default::False),
    opt("omit_all", Default::False),
    opt("wildcard", Default::False),
];

const GET: &[Param] = &[
    req("key"),
    opt("default", Default::Str("")),
    opt("delimiter", Default::Str(DEFAULT_DELIMITER)),
    opt("merge", Default::None),
    opt("omit_opts", Default::False),
    opt("omit_pillar", Default::False),
    opt("omit_master", Default::False),
    opt("omit_grains", Default::False),
];

pub(super) static MODULE: Module = Module {
    file: "config",
    provides: "config",
    available: always,
    functions: &[
        Function::new(
            "backup_mode",
            &[opt("backup", Default::Str(""))],
            "The backup mode that was given, or the option `backup_mode`.",
            backup_mode,
        )
        .cheap(),
        Function::new(
            "dot_vals",
            &[req("value")],
            "Options of the pillar's `master` and of the minion that begin with `value.`: `{name: value}`.",
            dot_vals,
        )
        .cheap(),
        Function::new(
            "gather_bootstrap_script",
            &[opt("bootstrap", Default::None)],
            "Not offered.",
            |_, _| Err(Fault::NotSupported("config.gather_bootstrap_script".to_owned())),
        ),
        Function::new(
            "get",
            GET,
            "A value by its path (`a:b:0`), from the minion's options, its grains, its pillar, the pillar's `master`, \
             or Salt's defaults. `merge=recurse` or `merge=overwrite` merges the maps of all of them.",
            get,
        )
        .cheap(),
        Function::new("items", &[], "Every option of the minion.", |cx, _| Ok(cx.opts.clone().into())).cheap(),
        Function::new(
            "manage_mode",
            &[req("mode")],
            "A file mode as four octal digits.",
            |_, args| Ok(normalize_mode(args.get("mode"))),
        )
        .cheap(),
        Function::new(
            "merge",
            &[
                req("value"),
                opt("default", Default::Str("")),
                opt("omit_opts", Default::False),
                opt("omit_master", Default::False),
                opt("omit_pillar", Default::False),
            ],
            "An option: the first text found; lists joined and maps merged over options, the pillar's `master` and \
             pillar.",
            merge,
        )
        .cheap(),
        Function::new(
            "option",
            OPTION,
            "An option by its name, from the minion's options, its grains, its pillar, the pillar's `master`, or \
             Salt's defaults; with `wildcard=True` every one that matches, `{name: value}`.",
            option,
        )
        .cheap(),
        Function::new(
            "valid_fileproto",
            &[req("uri")],
            "Whether files can be fetched from such a URI.",
            |_, args| Ok(valid_fileproto(&str_of(args.get("uri"))).into()),
        )
        .cheap(),
    ],
};

/// Salt's own defaults: those of modules, not of the configuration.
fn defaults() -> Map {
    map! {
        "mongo.db" => "salt",
        "mongo.password" => "",
        "mongo.port" => 27_017,
        "mongo.user" => "",
        "redis.db" => "0",
        "redis.host" => "salt",
        "redis.port" => 6_379,
        "test.foo" => "unconfigured",
        "ca.cert_base_path" => "/etc/pki",
        "solr.cores" => Value::List(Vec::new()),
        "solr.host" => "localhost",
        "solr.port" => "8983",
        "solr.baseurl" => "/solr",
        "solr.type" => "master",
        "solr.request_timeout" => Value::Null,
        "solr.init_script" => "/etc/rc.d/solr",
        "solr.dih.import_options" =>
            map! { "clean" => false, "optimize" => true, "commit" => true, "verbose" => false },
        "solr.backup_path" => Value::Null,
        "solr.num_backups" => 1,
        "poudriere.config" => "/usr/local/etc/poudriere.conf",
        "poudriere.config_dir" => "/usr/local/etc/poudriere.d",
        "ldap.uri" => "",
        "ldap.server" => "localhost",
        "ldap.port" => "389",
        "ldap.tls" => false,
        "ldap.no_verify" => false,
        "ldap.anonymous" => true,
        "ldap.scope" => 2,
        "ldap.attrs" => Value::Null,
        "ldap.binddn" => "",
        "ldap.bindpw" => "",
        "hosts.file" => "/etc/hosts",
        "aliases.file" => "/etc/aliases",
        "virt" => map! { "tunnel" => false, "images" => "/srv/salt-images" },
        "docker.exec_driver" => "docker-exec",
        "docker.compare_container_networks" => map! {
            "static" => Value::list(["Aliases", "Links", "IPAMConfig"]),
            "automatic" => Value::list(["IPAddress", "Gateway", "GlobalIPv6Address", "IPv6Gateway"]),
        },
    }
}

fn pillar_master<'a>(cx: &Context<'a>) -> Option<&'a Map> {
    cx.pillar.map().get("master").and_then(Value::as_map)
}

fn backup_mode(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("backup") {
        return Ok(args.get("backup").clone());
    }
    Ok(find_option(cx, "backup_mode", Omit::default()).unwrap_or_else(|| "".into()))
}

#[derive(Clone, Copy, Default)]
struct Omit {
    opts: bool,
    grains: bool,
    pillar: bool,
    master: bool,
}

impl Omit {
    fn read(args: &Args) -> Self {
        let all = args.truthy("omit_all");
        Omit {
            opts: all || args.truthy("omit_opts"),
            grains: all || args.truthy("omit_grains"),
            pillar: all || args.truthy("omit_pillar"),
            master: all || args.truthy("omit_master"),
        }
    }
}

/// Where options are looked for, first place first.
fn places<'a>(cx: &Context<'a>, omit: Omit) -> impl Iterator<Item = &'a Map> + use<'a> {
    let place = |omit: bool, map: Option<&'a Map>| map.filter(|_| !omit);
    [
        place(omit.opts, Some(cx.opts)),
        place(omit.grains, Some(cx.grains.map())),
        place(omit.pillar, Some(cx.pillar.map())),
        place(omit.master, pillar_master(cx)),
    ]
    .into_iter()
    .flatten()
}

fn find_option(cx: &Context, name: &str, omit: Omit) -> Option<Value> {
    places(cx, omit).find_map(|place| place.get(name).cloned()).or_else(|| defaults().remove(name))
}

fn option(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, omit) = (str_of(args.get("value")), Omit::read(args));
    let default = args.given("default").cloned();
    if !args.truthy("wildcard") {
        return Ok(find_option(cx, &name, omit).or(default).unwrap_or_else(|| "".into()));
    }
    let mut found = Map::new();
    let places: Vec<&Map> = places(cx, omit).collect();
    for place in places.into_iter().rev() {
        let matching = place.iter().filter(|(key, _)| Glob::new(&name).matches(&str_of(key)));
        found.extend(matching.map(|(key, value)| (key.clone(), value.clone())));
    }
    for (key, value) in defaults() {
        if Glob::new(&name).matches(&str_of(&key)) {
            found.entry(key, || value);
        }
    }
    if found.is_empty() { Ok(default.unwrap_or_else(|| Map::new().into())) } else { Ok(found.into()) }
}

fn merge(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = str_of(args.get("value"));
    let omit = Omit::read(args);
    let mut merged: Option<Value> = None;
    let opts = Some(cx.opts).filter(|_| !omit.opts);
    let master = pillar_master(cx).filter(|_| !omit.master);
    let pillar = Some(cx.pillar.map()).filter(|_| !omit.pillar);
    for found in [opts, master, pillar].into_iter().flatten().filter_map(|place| place.get(&name)) {
        merged = match (merged, found) {
            (None, text @ Value::Text(_)) => return Ok(text.clone()),
            (None, found) => Some(found.clone()).filter(|found| !found.is_null()),
            (Some(Value::Map(first)), Value::Map(later)) => {
                let mut all = later.clone();
                all.extend(first);
                Some(all.into())
            }
            (Some(Value::List(mut first)), Value::List(later)) => {
                first.extend(later.iter().cloned());
                Some(first.into())
            }
            (merged, _) => merged,
        };
    }
    let default = || args.get("default").clone();
    Ok(merged.or_else(|| defaults().remove(&name)).unwrap_or_else(default))
}

fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (key, delimiter) = (str_of(args.get("key")), str_of(args.get("delimiter")));
    let omit = Omit::read(args);
    let found = match args.given("merge") {
        None => {
            // The places are copied only where a step leads into them.
            let first = key.split(&delimiter).next().unwrap_or_default().to_owned();
            let places = places(cx, omit).map(|place| part(place, &first)).chain([defaults()]);
            places.into_iter().find_map(|place| traverse(&place.into(), &key, &delimiter).cloned())
        }
        Some(strategy) => {
            let strategy = match strategy.as_str() {
                Some("overwrite") => MergeStrategy::Overwrite,
                other => {
                    if other != Some("recurse") {
                        let merge = str_of(strategy);
                        crate::log::warn!(merge, "Unsupported merge strategy. Falling back to 'recurse'.");
                    }
                    MergeStrategy::Recurse
                }
            };
            let mut all = defaults();
            let places = [pillar_master(cx), Some(cx.pillar.map()), Some(cx.grains.map()), Some(cx.opts)];
            for place in places.into_iter().flatten() {
                merge_maps(&mut all, place.clone(), strategy);
            }
            traverse(&all.into(), &key, &delimiter).cloned()
        }
    };
    match found {
        Some(Value::Text(text)) if text.starts_with("sdb://") => Err(Fault::NotSupported(text)),
        Some(value) => Ok(value),
        None => Ok(args.get("default").clone()),
    }
}

/// The entries of a map that a path beginning with `first` can reach.
fn part(place: &Map, first: &str) -> Map {
    place
        .iter()
        .filter(|(key, _)| key.as_str().is_none_or(|key| key == first))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn dot_vals(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let start = format!("{}.", str_of(args.get("value")));
    let mut found = Map::new();
    for place in [pillar_master(cx), Some(cx.opts)].into_iter().flatten() {
        let matching = place.iter().filter(|(key, _)| str_of(key).starts_with(&start));
        found.extend(matching.map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(found.into())
}

/// Salt: utils/files.py (`normalize_mode`).
fn normalize_mode(mode: &Value) -> Value {
    if mode.is_null() {
        return Value::Null;
    }
    let text = str_of(mode).replace("0o", "0");
    let digits = text.trim_matches('"').trim_matches('\'').trim_start_matches('0');
    format!("{digits:0>4}").into()
}

/// Salt: utils/files.py (`VALID_PROTOS`).
fn valid_fileproto(uri: &str) -> bool {
    const PROTOCOLS: &[&str] = &["salt", "file", "http", "https", "ftp", "swift", "s3"];
    uri.split_once(':').is_some_and(|(scheme, _)| PROTOCOLS.contains(&scheme.to_lowercase().as_str()))
}
