//! YAML against `yaml/cases.jsonl`, how Salt 3006.25 and 3007.14 read and write it.

use base64::Engine;
use halite::value::yaml::{Flow, Style, condition_input, dump, load, parse_input, yamlify_arg};
use halite::value::{Map, Value, msgpack, repr};

use crate::{cases, report};

/// Another file of cases can be named, such as the wide random one that `record.py --random` makes.
fn file() -> String {
    std::env::var("HALITE_YAML_CASES").unwrap_or_else(|_| "yaml/cases.jsonl".to_owned())
}

#[test]
fn texts_are_read_as_salt_reads_them_errors_included() {
    check("load", |case| {
        let loaded = load(text(case, "text"), "<unicode string>");
        match (case.get("repr"), case.get("error")) {
            (Some(expected), _) => {
                differs(expected, loaded.map_or_else(|error| error.to_string(), |value| repr(&value)))
            }
            (None, Some(expected)) => {
                differs(expected, loaded.map_or_else(|error| error.to_string(), |value| repr(&value)))
            }
            // Python falls over its own feet there: any error will do.
            (None, None) => loaded.ok().map(|value| format!("read as {}", repr(&value))),
        }
    });
}

#[test]
fn words_of_the_command_line_become_salts_values() {
    check("arg", |case| differs(case.get("repr")?, repr(&yamlify_arg(text(case, "word")))));
}

#[test]
fn command_lines_are_published_as_salt_does() {
    check("input", |case| {
        let words: Vec<&str> = case
            .get("words")
            .and_then(Value::as_list)
            .expect("words")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let (args, kwargs) = parse_input(&words, &[]);
        differs(case.get("repr")?, repr(&Value::List(condition_input(args, kwargs))))
    });
}

#[test]
fn values_are_written_byte_for_byte() {
    check("dump", |case| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text(case, "packed")).expect("base64");
        let value = msgpack::decode(&bytes, msgpack::Reading::Typed).expect("msgpack");
        let style = style(text(case, "style"), case.get("options").and_then(Value::as_map).expect("options"));
        differs(case.get("text")?, dump(&value, style)).map(|ours| format!("{}: {ours}", repr(&value)))
    });
}

fn check(kind: &str, differs: impl Fn(&Value) -> Option<String>) {
    let cases: Vec<Value> = cases(&file()).into_iter().filter(|case| text(case, "kind") == kind).collect();
    let short = |text: String| text.chars().take(600).collect::<String>();
    let failure = |case| differs(case).map(|ours| format!("--- {}\n{}", short(repr(case)), short(ours)));
    report(&cases.iter().filter_map(failure).collect::<Vec<_>>(), cases.len());
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn differs(expected: &Value, ours: String) -> Option<String> {
    (expected.as_str() != Some(ours.as_str())).then(|| format!("ours: {ours:?}"))
}

fn style(name: &str, options: &Map) -> Style {
    let mut style = if name == "pyyaml" { Style::PYYAML } else { Style::SALT };
    let number = |value: &Value| value.as_int().and_then(|int| i32::try_from(int).ok()).expect("a number");
    for (option, value) in options {
        match option.as_str().unwrap_or_default() {
            "default_flow_style" => {
                style.flow = match value.as_bool() {
                    None => Flow::Leaves,
                    Some(true) => Flow::Always,
                    Some(false) => Flow::Never,
                }
            }
            "indent" => style.indent = number(value),
            "width" => style.width = number(value),
            "sort_keys" => style.sort_keys = value.truthy(),
            "explicit_start" => style.explicit_start = value.truthy(),
            "explicit_end" => style.explicit_end = value.truthy(),
            other => panic!("{other}"),
        }
    }
    style
}
