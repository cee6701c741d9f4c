//! `json_query` against `jmespath/compliance.jsonl`: JMESPath's own compliance suite, with what the Python package that
//! Salt uses makes of each expression, errors word by word.

use halite::jinja::{Limits, Nothing, Options, render};
use halite::map;
use halite::value::Value;

use crate::{cases, report};

#[test]
fn every_expression_of_the_compliance_suite_finds_what_it_finds_in_python() {
    let file =
        std::env::var("HALITE_JMESPATH_CASES").unwrap_or_else(|_| "jmespath/compliance.jsonl".to_owned());
    let mut failures = Vec::new();
    let mut total = 0;
    for suite in cases(&file) {
        let given = suite.get("given").cloned().expect("data");
        let options = Options::default();
        for case in suite.get("cases").and_then(Value::as_list).expect("cases") {
            let text = |name: &str| case.get(name).and_then(Value::as_str);
            let expression = text("expression").expect("an expression");
            let vars = map! { "given" => given.clone(), "expression" => Value::text(expression) };
            let got = render("{{ given|json_query(expression)|tojson }}", &vars, &Nothing, &options);
            let (expected, got) = match (text("result"), got) {
                // `tojson` writes some characters of HTML as escapes, which reading takes back.
                (Some(result), Ok(got)) => {
                    (format!("{:?}", Value::from_json(result)), format!("{:?}", Value::from_json(&got)))
                }
                (_, Ok(got)) => (text("error").unwrap_or_default().to_owned(), got),
                (result, Err(error)) => {
                    let error = error.message.trim_start_matches("Jinja error: ").to_owned();
                    (text("error").or(result).unwrap_or_default().to_owned(), error)
                }
            };
            total += 1;
            if expected != got {
                failures.push(format!("{expression:?}\n  python {expected:?}\n  ours   {got:?}"));
            }
        }
    }
    assert!(total > 800, "{total} cases");
    report(&failures, total);
}

/// What Python ends with its recursion limit, or not at all.
#[test]
fn no_expression_runs_away() {
    let doubled = ["[@, @]"; 100].join(" | ");
    let data: Value = map! { "a" => Value::list([1, 2, 3]) }.into();
    let limits = Limits { steps: 5_000_000, bytes: 1 << 28, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    for (expression, problem) in [
        ("(".repeat(200_000), "maximum recursion depth"),
        (format!("{}a", "!".repeat(200_000)), "maximum recursion depth"),
        (format!("{}a{}", "[".repeat(200_000), "]".repeat(200_000)), "maximum recursion depth"),
        (["a"; 200_000].join(" || `[]` || "), "maximum recursion depth"),
        (format!("a{}", "[]".repeat(200_000)), "maximum recursion depth"),
        (format!("@{}", ".*".repeat(200_000)), "maximum recursion depth"),
        (format!("`{}{}`", "[".repeat(500), "]".repeat(500)), "maximum recursion depth"),
        (doubled.clone(), "too large"),
        (format!("{doubled} | to_string(@)"), "was stopped after"),
        (format!("{doubled} | length(to_string(@))"), "was stopped after"),
        (format!("{doubled} | length(@)"), ""),
        (format!("[({doubled}), ({doubled})] | [0] == [1]"), "too large"),
        (format!("{doubled} | abs(@)"), "too large"),
        (format!("a | {}", ["map(&[@, @], @) | []"; 60].join(" | ")), "was stopped after"),
        (format!("'{}' | {}", "x".repeat(4096), ["join('', [@, @])"; 60].join(" | ")), "was stopped after"),
    ] {
        let vars = map! { "data" => data.clone(), "expression" => expression.clone() };
        let got = render("{{ data|json_query(expression) }}", &vars, &Nothing, &options);
        let told = got.err().map(|error| error.message).unwrap_or_default();
        let shown: String = expression.chars().take(60).collect();
        assert!(told.contains(problem) && told.is_empty() == problem.is_empty(), "{shown}: {told}");
    }
}
