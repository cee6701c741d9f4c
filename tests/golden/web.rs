//! What Salt says of a web server, and what it asks it: the filter `http_query`, the states `http.*` and the external pillars `http_json` and
//! `http_yaml` (`web/web.jsonl`, recorded by `web/record.py`, which has the form of a case).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use halite::builtin;
use halite::ext_pillar;
use halite::host::RealHost;
use halite::loader::{Call, Context, Nowhere, Running, Scope, bind};
use halite::map;
use halite::value::{Map, Value, str_of};

use crate::{cases, report};

/// Headers that a case can set.
const SHOWN: [&str; 6] = ["authorization", "content-type", "accept", "x-one", "x-two", "x-token"];

/// What the server was asked.
#[derive(Default)]
struct Seen {
    asked: Vec<Value>,
    told: HashMap<String, usize>,
}

/// Answers `{path: [[status, content type, body] …]}` for as long as the process lives, and gives its address.
fn serve(answers: Map, seen: Arc<Mutex<Seen>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.expect("a client"));
            let mut line = || {
                let mut text = String::new();
                reader.read_line(&mut text).expect("a line");
                text.trim_end().to_owned()
            };
            let first = line();
            let mut words = first.split(' ');
            let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
            let (mut headers, mut length) = (Map::new(), 0);
            loop {
                let text = line();
                let Some((name, value)) = text.split_once(": ") else { break };
                let name = name.to_ascii_lowercase();
                if name == "content-length" {
                    length = value.parse().expect("a length");
                }
                // A client says what it accepts: that everything is welcome is not told apart from nothing said.
                if SHOWN.contains(&name.as_str()) && value != "*/*" {
                    headers.insert(name, value);
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let body = String::from_utf8(body).expect("text");
            let bare = path.split('?').next().expect("a path").to_owned();
            let all = answers.get(&bare).and_then(Value::as_list).expect("an answer");
            let mut seen = seen.lock().expect("no thread failed");
            let at = seen.told.entry(bare).or_default();
            let answer = all[(*at).min(all.len() - 1)].as_list().expect("an answer");
            *at += 1;
            let asked = map! { "method" => method, "path" => path, "headers" => headers, "body" => body };
            seen.asked.push(asked.into());
            let [status, kind, body] = [0, 1, 2].map(|part| str_of(&answer[part]));
            let reason = match status.as_str() {
                "200" => "OK",
                "404" => "Not Found",
                "500" => "Internal Server Error",
                _ => "Service Unavailable",
            };
            let length = body.len();
            let head =
                format!("HTTP/1.0 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}");
            write!(reader.get_mut(), "{head}\r\n\r\n{body}").expect("answered");
        }
    });
    url
}

/// What differs, by a part of the case, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("test_url", "Salt asks the address itself with test=True, and not test_url, whatever its manual says"),
    ("{url}/list", "a pillar that is no map goes no further here; Salt fails when it merges it"),
];

#[test]
fn web_servers_are_asked_and_judged_as_salt_does() {
    let all = cases("web/web.jsonl");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let url = serve(all[0].as_map().cloned().expect("answers"), Arc::clone(&seen));
    let (opts, none) = (map! { "id" => "m1" }, Map::new());
    let grains = map! { "id" => "m1", "os" => "Debian", "os_family" => "Debian", "kernel" => "Linux" };
    let registry = builtin::execution_modules();
    let mut failures = Vec::new();
    for (number, case) in all[1..].iter().enumerate() {
        let recorded = case.to_json(Default::default());
        let text = recorded.replace("{url}", &url);
        let case = Value::from_json(&text).expect("a case");
        *seen.lock().expect("no thread failed") = Seen::default();
        let cx = Context::new(Scope {
            opts: &opts,
            grains: (&grains).into(),
            pillar: (&none).into(),
            published: &none,
            registry: &registry,
            host: &RealHost,
            minion: &Nowhere,
            master: &Nowhere,
        });
        let args = case.get("args").and_then(Value::as_map).cloned().unwrap_or_default();
        let part = |name: &str| case.get(name).and_then(Value::as_str);
        let ours = match (part("template"), part("pillar")) {
            (Some(template), _) => rendered(&cx, template),
            (None, Some(name)) => pillar(&cx, name, args),
            (None, None) => state(&cx, &case, args),
        };
        let salts = |key: &str| case.get(key).expect("recorded").clone();
        let mut asked = [Value::List(seen.lock().expect("no thread failed").asked.clone()), salts("asked")];
        if text.contains("0.05") {
            // How often there is time to ask is another at each run.
            for asked in &mut asked {
                *asked = asked.as_list().expect("a list")[..1].to_vec().into();
            }
        }
        let [ours_asked, salts_asked] = asked;
        if DIFFERENT.iter().any(|(part, _)| recorded.contains(part)) {
            let same = ours == salts("ret") && ours_asked == salts_asked;
            assert!(!same, "{recorded} is listed as different and is not");
            continue;
        }
        for (what, ours, salts) in [("ret", ours, salts("ret")), ("asked", ours_asked, salts_asked)] {
            if ours != salts {
                let [ours, salts] = [ours, salts].map(|value| value.to_json(Default::default()));
                failures
                    .push(format!("{number}: {what}\n    ours:  {ours}\n    salts: {salts}\n    of {text}"));
            }
        }
    }
    report(&failures, all.len() - 1);
}

fn rendered(cx: &Context, template: &str) -> Value {
    let kwargs = map! { "string" => template, "default_renderer" => "jinja|json" };
    cx.call("slsutil.renderer", Call { args: Vec::new(), kwargs }).expect("rendered")
}

fn pillar(cx: &Context, name: &str, mut args: Map) -> Value {
    let row = ext_pillar::ALL.iter().find(|row| row.name == name).expect("an external pillar");
    args.extend(map! { "minion_id" => "m1", "pillar" => Map::new() });
    let bound = bind(row, Call { args: Vec::new(), kwargs: args }).expect("bound");
    match (row.run)(cx, &bound) {
        Ok(Value::Map(data)) => data.into(),
        // What the pillar takes from it.
        Ok(_) => Map::new().into(),
        Err(_) => Value::Null,
    }
}

fn state(cx: &Context, case: &Value, args: Map) -> Value {
    let fun = case.get("state").and_then(Value::as_str).expect("a state");
    let low = map! { "state" => "http", "fun" => fun, "__id__" => "http", "__sls__" => "golden" };
    cx.set_test(case.get("test").and_then(Value::as_bool));
    let none = Map::new();
    let running = Running { cx, low: &low, lowstate: &[], results: &none };
    let (_, state) = cx.registry.state(cx, "http", fun).expect("a state");
    let ret = (state.run)(&running, &state.bind(args).expect("bound")).expect("a return");
    let data = ret.extra.get("data").cloned().unwrap_or_default();
    map! {
        "name" => ret.name, "changes" => ret.changes, "result" => ret.result, "comment" => ret.comment,
        "data" => data,
    }
    .into()
}
