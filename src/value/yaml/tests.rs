//! Bounds, positions and round trips; what texts mean is held against real Salt in `tests/golden`.

use proptest::prelude::*;

use super::*;
use crate::value::Map;

fn problem(text: &str) -> String {
    load(text, "test").expect_err("an error").to_string()
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let aliases = vec![format!("*{before}"); 10].join(", ");
        bomb += &format!("{name}: &{name} [{aliases}]\n");
    }
    assert!(problem(&bomb).contains("grow beyond bounds"));
    let long = "x".repeat(1 << 20);
    let many = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 100].join(", "));
    assert!(problem(&many).contains("grow beyond bounds"));
    let merges = (0..24).fold("a0: &a0 {x: 1}\n".to_owned(), |text, n| {
        text + &format!("a{0}: &a{0} {{<<: [*a{n}, *a{n}]}}\n", n + 1)
    });
    assert!(problem(&merges).contains("conflicting ID") || problem(&merges).contains("beyond bounds"));
    assert!(load(&format!("a: &a [1]\nb: [{}]\n", vec!["*a"; 1000].join(", ")), "test").is_ok());
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("[a: ", "]")] {
        let deep = open.repeat(MAX_DEPTH + 2) + &close.repeat(MAX_DEPTH + 2);
        assert!(problem(&deep).contains("nested deeper"), "{open}");
        assert!(problem(&open.repeat(100_000)).contains("nested deeper"), "{open}");
    }
    assert!(problem(&("- ".repeat(100_000) + "a")).contains("nested deeper"));
    let fits = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(load(&fits, "test").is_ok());
    assert!(problem("&a [*a]").contains("recursive"));
}

#[test]
fn an_error_has_file_line_and_column() {
    let error = load("a: 1\nb: é\x07\n", "/etc/salt/master").expect_err("a control character");
    assert_eq!(
        (error.position().file.as_str(), error.position().line, error.position().column),
        ("/etc/salt/master", 2, 5)
    );
    let error = load("a: 1\n  b: 2\n", "f").expect_err("a bad indentation");
    assert_eq!((error.position().line, error.position().column), (2, 4));
    assert_eq!(error.problem(), "mapping values are not allowed in this context");
}

#[test]
fn the_lines_of_keys_are_known() {
    let (_, lines) = load_with_lines("# c\na: 1\n\nb:\n  c: 2\n'd': 3\n", "f").expect("YAML");
    assert_eq!(
        (lines.get("a"), lines.get("b"), lines.get("d"), lines.get("c")),
        (Some(&2), Some(&4), Some(&6), None)
    );
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        any::<String>().prop_map(Value::Text),
        "[a-z0-9:#&*!|>'\"%@`{}\\[\\],~=<? \n-]{0,12}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(|octets| Value::Bytes(octets.into())),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            proptest::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect::<Map>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in values()) {
        fuzzing::round_trip(&value);
    }

    #[test]
    fn no_text_panics(text in "[a-c0-9:#&*!|>'\"%@`{}\\[\\],~=<?. \t\r\n\u{e9}\u{2028}\\\\-]{0,60}") {
        fuzzing::check(text.as_bytes());
    }
}
