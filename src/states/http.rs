//! `http`: web servers that answer as they should. Salt: states/http.py.

use crate::patterns::PySearch;
use std::time::Duration;

use crate::loader::{
    Args, Call, Default, Fault, Param, Running, State, StateReturn, States, always, keywords, opt, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const MATCH: Param = opt("match", Default::None);
const MATCH_TYPE: Param = opt("match_type", Default::Str("string"));
const STATUS: Param = opt("status", Default::None);
const STATUS_TYPE: Param = opt("status_type", Default::Str("string"));

pub(super) static STATES: States = States {
    file: "http",
    provides: "http",
    available: always,
    functions: &[
        State::new(
            "query",
            &[
                req("name"),
                MATCH,
                MATCH_TYPE,
                STATUS,
                STATUS_TYPE,
                opt("wait_for", Default::None),
                keywords("kwargs"),
            ],
            "The answer of a web server has this text (`match`) or this `status`. `match_type` and `status_type` are \
             `string` or `pcre`, that of `status` also `list`.",
            |running, args| match seconds(args) {
                Some(patience) => patiently(running, args, patience),
                None => query(running, args),
            },
        ),
        State::new(
            "wait_for_successful_query",
            &[
                req("name"),
                opt("wait_for", Default::Int(300)),
                MATCH,
                MATCH_TYPE,
                STATUS,
                STATUS_TYPE,
                keywords("kwargs"),
            ],
            "The same, asked again for `wait_for` seconds, every `request_interval` seconds.",
            |running, args| patiently(running, args, seconds(args).unwrap_or_default()),
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

fn seconds(args: &Args) -> Option<Duration> {
    let wanted = args.given("wait_for").filter(|wanted| wanted.truthy())?.as_float()?;
    Duration::try_from_secs_f64(wanted).ok()
}

fn patiently(running: &Running, args: &Args, patience: Duration) -> Result<StateReturn, Fault> {
    let host = running.cx.host;
    let began = host.now();
    let interval = args.keywords.get("request_interval").and_then(Value::as_float).unwrap_or(1.0);
    loop {
        let last = query(running, args);
        if last.as_ref().is_ok_and(|ret| ret.result != Some(false)) {
            return last;
        }
        let waited = host.now().duration_since(began);
        if waited.as_secs_f64() >= patience.as_secs_f64() {
            return last;
        }
        host.sleep(Duration::try_from_secs_f64(interval).unwrap_or_default());
    }
}

fn query(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let (text, status) = (args.get("match"), args.get("status"));
    if text.is_null() && status.is_null() {
        let comment = " Either match text (match) or a status code (status) is required.";
        let mut ret = StateReturn::new(name, Some(false), comment);
        ret.extra.insert("data", Map::new());
        return Ok(ret);
    }
    let test = running.test();
    let mut kwargs = args.keywords.clone();
    kwargs.remove("request_interval");
    let test_url = kwargs.get("test_url").cloned();
    kwargs.entry("decode", || false.into());
    kwargs.extend(map! { "text" => true, "status" => true });
    if test {
        kwargs.insert("test", true);
    }
    let data = running.call("http.query", Call { args: vec![name.as_str().into()], kwargs })?;
    let said = |key: &str| data.get(key).map(str_of).unwrap_or_default();
    let (mut result, mut comments) = (None, Vec::new());
    let mut tell = |found: bool, what: String| {
        result = Some(found && result != Some(false));
        comments.push(format!("{what} {}found.", if found { "was " } else { "was not " }));
    };
    let wanted = str_of(text);
    match args.str("match_type")?.as_str() {
        _ if text.is_null() => {}
        "string" => tell(said("text").contains(&wanted), format!("Match text \"{wanted}\"")),
        "pcre" => tell(search(&wanted, &said("text"))?, format!("Match pattern \"{wanted}\"")),
        _ => {}
    }
    let (wanted, got) = (str_of(status), said("status"));
    match args.str("status_type")?.as_str() {
        _ if status.is_null() => {}
        "list" => {
            for one in status.as_list().unwrap_or_default().iter().map(str_of).filter(|one| *one == got) {
                tell(true, format!("Status {one}"));
            }
            // Salt quirk: states/http.py (`query`) looks at the result so far, that of the text included.
            if result != Some(true) {
                result = Some(false);
                comments.push(format!("Statuses {wanted} were not found."));
            }
        }
        "pcre" => tell(search(&wanted, &got)?, format!("Status pattern \"{wanted}\"")),
        "string" => tell(wanted == got, format!("Status {wanted}")),
        _ => {}
    }
    let mut comment = comments.join(" ");
    if test {
        result = None;
        let url = test_url.map(|url| format!(", TEST URL WAS: {}", str_of(&url))).unwrap_or_default();
        comment.push_str(&format!(" (TEST MODE{url})"));
    }
    let mut ret = StateReturn::new(name, result, comment);
    ret.extra.insert("data", data);
    Ok(ret)
}

/// As `re.search`.
fn search(pattern: &str, text: &str) -> Result<bool, Fault> {
    let regex = PySearch::new(pattern, 0).map_err(|error| Fault::exception("re.error", error.to_string()))?;
    Ok(regex.is_in(text))
}
