//! Templates against `jinja/cases.jsonl`, what Salt 3006.25 renders them to, errors included.

use std::collections::HashMap;

use halite::jinja::{CallFault, Options, SourceFile, Surroundings, render};
use halite::value::{DateTime, Map, Value, repr};

use crate::{cases, report};

/// Templates (or parts of them) that render differently here, and why. Each has to name at least one that does.
const DIFFERENT: [(&str, &str); 19] = [
    ("load_yaml", "the mistake in the YAML is told, where Salt falls over a missing buffer"),
    ("import_yaml 'bad.yaml'", "the same"),
    ("to_snake_case", "a value that is no text is refused in one way only"),
    ("'a,b'|safe", "markup where Python asks for exact text"),
    ("'x=1'|safe", "markup in messages"),
    ("2**70)|ipwrap", "a number that is no text is left alone"),
    ("text|human_to_bytes", "text of two lines is no size, where Salt falls over it"),
    ("(1,)|is_ip", "a tuple is no address"),
    ("()|is_ip", "a tuple is no address"),
    ("-3 ** 2.5", "no complex numbers"),
    ("1e400|int", "Jinja's constant folding falls over it"),
    ("|join(1,2,3,4)", "Python counts the environment as an argument"),
    ("|capitalize", "no title case letters"),
    ("'NaN'|load_json", "no NaN in JSON"),
    ("rand", "a size that is no number"),
    ("compare_dicts", "the order of a set"),
    ("[[0]] * 2", "Jinja makes constants anew, which here stay one list"),
    ("autoescape true", "not supported: Salt's templates are not HTML"),
    ("regex_escape", "an undefined value is told as such"),
];

struct World {
    files: HashMap<String, String>,
}

impl Surroundings for World {
    fn source(&self, path: &str) -> Option<SourceFile> {
        let text = self.files.get(path)?.clone();
        Some(SourceFile { path: format!("/srv/{path}"), text })
    }

    fn has_function(&self, name: &str) -> bool {
        matches!(name, "cmd.run" | "pillar.get" | "grains.filter_by" | "test.refuse" | "test.fail")
    }

    fn has_module(&self, name: &str) -> bool {
        matches!(name, "cmd" | "pillar" | "grains" | "test")
    }

    fn call(&self, name: &str, args: &mut Vec<Value>, kwargs: &mut Map) -> Result<Value, CallFault> {
        let shown = match name {
            "cmd.run" => "run",
            "pillar.get" => "pg",
            "grains.filter_by" => "fb",
            "test.refuse" => return Err(CallFault::Refused("not so".into())),
            _ => return Err(CallFault::Failed("went wrong".into())),
        };
        let (args, kwargs) = (repr(&Value::List(args.clone())), repr(&Value::Map(kwargs.clone())));
        Ok(Value::text(format!("{shown}{args}{kwargs}")))
    }

    fn local_time(&self, seconds: Option<f64>) -> Option<DateTime> {
        let micros = (seconds.unwrap_or(0.0) * 1e6) as i64;
        Some(jiff::Timestamp::from_microsecond(micros).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime())
    }
}

fn options(env: Option<&Value>) -> Options {
    let flag = |name: &str| env.and_then(|env| env.get(name)?.as_bool()).unwrap_or_default();
    let text = |name: &str| env.and_then(|env| env.get(name)?.as_str()).map(str::to_owned);
    Options {
        trim_blocks: flag("trim_blocks"),
        lstrip_blocks: flag("lstrip_blocks"),
        allow_undefined: flag("allow_undefined"),
        line_statement_prefix: text("line_statement_prefix"),
        line_comment_prefix: text("line_comment_prefix"),
        ..Options::default()
    }
}

/// What the case should give and what it gives, when these differ.
fn differs(case: &Value, world: &World, vars: &Map) -> Option<(String, String)> {
    let template = case.get("template").and_then(Value::as_str).expect("a template");
    let env = case.get("env");
    let mut vars = vars.clone();
    if let Some(sls) = env.and_then(|env| env.get("sls")) {
        vars.insert("sls", sls.clone());
    }
    let outcome = render(template, &vars, world, &options(env));
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    let (expected, got) = match (text("render"), text("error"), text("problem"), outcome) {
        (Some(expected), .., Ok(got)) => (expected.to_owned(), got),
        (Some(expected), .., Err(error)) => (expected.to_owned(), format!("error: {error}")),
        (.., Some(expected), Err(error)) => {
            // Some were recorded without their line.
            match case.get("line").and_then(Value::as_int) {
                Some(line) => {
                    (format!("{expected} line {line}"), format!("{} line {}", error.message, error.line))
                }
                None => (expected.to_owned(), error.message),
            }
        }
        (_, Some(expected), _, Err(error)) => {
            let usual = match case.get("line") {
                Some(_) => format!("; line 1\n\n---\n{template}    <======================\n---"),
                None => String::new(),
            };
            (format!("{expected}{usual}"), error.to_string())
        }
        (_, error, problem, Ok(got)) => (format!("error: {}", error.or(problem).unwrap_or_default()), got),
        (None, None, None, Err(_)) => return None,
    };
    (expected != got).then_some((expected, got))
}

#[test]
fn templates_render_as_salt_renders_them_errors_included() {
    let file = std::env::var("HALITE_JINJA_CASES").unwrap_or_else(|_| "jinja/cases.jsonl".to_owned());
    check(&file);
}

/// Small templates of every kind, the ones that an engine for Salt's users begins with.
#[test]
fn common_constructs_render_as_in_salt() {
    check("jinja/common.jsonl");
}

/// What 3007 has and 3006 has not.
#[test]
fn later_filters_are_those_of_3007() {
    check("jinja/later.jsonl");
}

#[test]
fn every_filter_test_and_global_of_salt_is_known() {
    let (vars, options) = (Map::new(), Options::default());
    let world = World { files: HashMap::new() };
    let mut failures = Vec::new();
    let mut total = 0;
    for version in cases("jinja/names.jsonl") {
        let names = |kind: &str| version.get(kind).and_then(Value::as_list).expect("names").iter();
        let mut unknown = |template: String, told: &str| {
            total += 1;
            let outcome = render(&template, &vars, &world, &options);
            if outcome.err().is_some_and(|error| error.message.contains(told)) {
                failures.push(template);
            }
        };
        for name in names("filters").filter_map(Value::as_str) {
            unknown(format!("{{{{ 1|{name} }}}}"), "No filter named");
        }
        for name in names("tests").filter_map(Value::as_str) {
            unknown(format!("{{{{ [1]|select('{name}', 1)|list }}}}"), "No test named");
        }
        // What a render is given is no global here.
        let given = ["grains", "opts", "pillar", "saltenv"];
        for name in names("globals").filter_map(Value::as_str).filter(|name| !given.contains(name)) {
            unknown(format!("{{% if {name} is undefined %}}{{{{ {name} }}}}{{% endif %}}"), "is undefined");
        }
    }
    assert!(total > 400, "{total} names");
    report(&failures, total);
}

fn check(file: &str) {
    let all = cases(file);
    let head = all.first().expect("a first line");
    let map = |name: &str| head.get(name).and_then(Value::as_map).expect("a map").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let world = World { files: map("files").iter().map(|(name, file)| (text(name), text(file))).collect() };
    let mut vars = map("context");
    // JSON as we read it has no integers of this size.
    if vars.contains("big") {
        vars.insert("big", Value::from_bigint("123456789012345678901234567890".parse().expect("an integer")));
    }
    let mut failures = Vec::new();
    let mut met = [false; DIFFERENT.len()];
    for case in &all[1..] {
        let Some((expected, got)) = differs(case, &world, &vars) else { continue };
        let template = case.get("template").and_then(Value::as_str).unwrap_or_default();
        match DIFFERENT.iter().position(|(part, _)| template.contains(part)) {
            Some(known) => met[known] = true,
            None => failures.push(format!("{template:?}\n  salt {expected:?}\n  ours {got:?}")),
        }
    }
    if file == "jinja/cases.jsonl" {
        for ((part, reason), met) in DIFFERENT.iter().zip(met) {
            if !met {
                failures.push(format!("no longer different: {part} ({reason})"));
            }
        }
    }
    report(&failures, all.len() - 1);
}
