//! The property that the fuzz target checks: any text ends as output or as an error, within its limits.

use super::{Limits, Nothing, Options, render};
use crate::map;
use crate::value::{Map, Value};

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
            limits: Limits {
                steps: 20_000,
                bytes: 1 << 22,
                stack_bytes: 1 << 19,
                depth: 50,
                ..Limits::default()
            },
            ..Options::default()
        };
        // Either is right; a panic or an endless run is not.
        let _ = render(&text, &vars, &Nothing, &options);
    }
}
