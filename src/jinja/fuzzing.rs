//! The properties that the fuzz targets check: any text ends as output or as an error, within its limits.

use super::{Limits, Nothing, Options, render};
use crate::map;
use crate::value::{Map, Value};

fn small() -> Limits {
    Limits { steps: 20_000, bytes: 1 << 22, stack_bytes: 1 << 19, depth: 50, ..Limits::default() }
}

/// Asks data with any octets as the expression of `json_query`, and prints what it finds.
pub fn check_query(octets: &[u8]) {
    let people: Vec<Value> = [("bo", 3), ("al", 1)]
        .map(|(name, age)| map! { "n" => name, "a" => age, "t" => Value::list([1, 2]) }.into())
        .into();
    let vars: Map = map! {
        "expression" => String::from_utf8_lossy(octets).into_owned(),
        "data" => map! { "a" => people, "s" => "text", "f" => 2.5, "n" => Value::Null, "o" => map! { "b" => true } },
    };
    let options = Options { limits: small(), ..Options::default() };
    for template in ["{{ data|json_query(expression) }}", "{{ data.a|json_query(expression)|tojson }}"] {
        // Either is right; a panic or an endless run is not.
        let _ = render(template, &vars, &Nothing, &options);
    }
}

/// Renders any octets with small limits.
pub fn check(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let vars: Map = map! {
        "a" => 1,
        "s" => "text",
        "l" => Value::list([3, 1, 2]),
        "d" => map! { "k" => "v", "n" => map! { "x" => 1 } },
    };
    for trim in [false, true] {
        let options = Options {
            trim_blocks: trim,
            lstrip_blocks: trim,
            line_statement_prefix: trim.then(|| "#".to_owned()),
            allow_undefined: trim,
            limits: small(),
            ..Options::default()
        };
        // Either is right; a panic or an endless run is not.
        let _ = render(&text, &vars, &Nothing, &options);
    }
}
