//! `http_json`, `http_yaml`: what a web server says. Salt: pillar/http_json.py, pillar/http_yaml.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Param, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const JSON_PARAMS: &[Param] = &[
    req("minion_id"),
    req("pillar"),
    req("url"),
    opt("with_grains", Default::False),
    opt("header_dict", Default::None),
    opt("auth", Default::None),
    opt("username", Default::None),
    opt("password", Default::None),
    opt("namespace", Default::None),
];

const YAML_PARAMS: &[Param] = &[
    req("minion_id"),
    req("pillar"),
    req("url"),
    opt("with_grains", Default::False),
    opt("header_dict", Default::None),
    opt("auth", Default::None),
    opt("username", Default::None),
    opt("password", Default::None),
];

pub(super) const JSON: Function = Function::new(
    "http_json",
    JSON_PARAMS,
    "The JSON at `url`; `%s` in it is the id of the minion and, `with_grains`, `<name>` a grain. With `namespace` below \
     that key.",
    |cx, args| {
        let Some(data) = said(cx, args, "json")? else { return Ok(Map::new().into()) };
        let namespace = args.opt_str("namespace")?.filter(|name| !name.is_empty());
        Ok(match namespace {
            Some(name) => {
                let mut below = Map::new();
                below.insert(name, data);
                below.into()
            }
            _ => data,
        })
    },
);

pub(super) const YAML: Function = Function::new(
    "http_yaml",
    YAML_PARAMS,
    "The YAML at `url`; `%s` in it is the id of the minion and, `with_grains`, `<name>` a grain.",
    |cx, args| Ok(said(cx, args, "yaml")?.unwrap_or_else(|| Map::new().into())),
);

/// `None` where the server has nothing to say.
fn said(cx: &Context, args: &Args, decode_type: &str) -> Result<Option<Value>, Fault> {
    let Some(url) = address(cx, args)? else { return Ok(None) };
    let mut given = map! { "decode" => true, "decode_type" => decode_type };
    for name in ["header_dict", "username", "password"] {
        given.insert(name, args.get(name).clone());
    }
    if let Some([user, password]) = args.given("auth").and_then(Value::as_list) {
        given.insert("username", user.clone());
        given.insert("password", password.clone());
    }
    let mut answer = crate::http::query(&url, &given)?;
    let data = answer.as_map_mut().and_then(|answer| answer.remove("dict"));
    if data.is_none() {
        // The body may hold secrets.
        let problem = answer.get("error").map(str_of).unwrap_or_default();
        // An answer, but not one that can be read.
        if answer.get("body").is_some() && answer.get("status").is_none() {
            return Err(Fault::execution(problem));
        }
        let id = str_of(args.get("minion_id"));
        crate::log::error!(minion = id, problem, "the external pillar's web server gave nothing");
    }
    Ok(data)
}

fn address(cx: &Context, args: &Args) -> Result<Option<String>, Fault> {
    let mut url = args.str("url")?.replace("%s", &quoted(&str_of(args.get("minion_id"))));
    if args.truthy("with_grains") {
        let names: Vec<String> = url
            .split('<')
            .skip(1)
            .filter_map(|part| part.split_once('>').map(|(name, _)| name.to_owned()))
            .collect();
        for name in names {
            let grain = cx.call("grains.get", Call { args: vec![name.as_str().into()], kwargs: map! {} })?;
            if !grain.truthy() {
                crate::log::error!(
                    grain = name,
                    "an external pillar's address names a grain that there is not"
                );
                return Ok(None);
            }
            url = url.replace(&format!("<{name}>"), &quoted(&str_of(&grain)));
        }
    }
    Ok(Some(url))
}

/// As Python's `urllib.parse.quote`.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => {
                out.push(char::from(octet));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
