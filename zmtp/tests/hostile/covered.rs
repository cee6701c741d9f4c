//! The two lists that these tests were written after, and a test that each of their entries has one.
//!
//! Pitfalls A1 to A15 (codec and handshake), B1 to B17 (publish and subscribe), C1 to C17 (request and reply), D1 to D13
//! (liveness and the network): what has broken other implementations. Conformance 1 to 60: behaviours to hold. A test
//! names its entries in the line of its comment that begins with "Covers:". Nothing but a test can.

use std::{collections::BTreeSet, fs, path::Path};

fn wanted() -> BTreeSet<String> {
    let pitfalls = [('A', 15), ('B', 17), ('C', 17), ('D', 13)];
    let pitfalls =
        pitfalls.into_iter().flat_map(|(part, last)| (1..=last).map(move |n| format!("{part}{n}")));
    pitfalls.chain((1..=60).map(|n| n.to_string())).collect()
}

/// What the tests of one file cover. The error is a line that is not above a test that runs.
fn covered_by(text: &str) -> Result<BTreeSet<&str>, &str> {
    let mut covered = BTreeSet::new();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        if !line.starts_with("//") || !line.contains(" Covers: ") {
            continue;
        }
        let entries = line.strip_prefix("/// Covers: ").ok_or(*line)?;
        let above = |line: &&&str| line.starts_with("#[") || line.starts_with("///");
        let attributes: Vec<_> = lines[at + 1..].iter().take_while(above).collect();
        let signature = lines.get(at + 1 + attributes.len()).ok_or(*line)?;
        let name = signature.trim_start_matches("async ").strip_prefix("fn ").ok_or(*line)?;
        let name = &name[..=name.find('(').ok_or(*line)?];
        let is_test = attributes.iter().any(|line| line.ends_with("test]") || line.contains("test("));
        // What must not run at the same time is called from one test: then the name is there twice.
        let is_called = text.matches(name).count() > 1;
        if attributes.iter().any(|line| line.starts_with("#[ignore")) || !(is_test || is_called) {
            return Err(line);
        }
        let words = entries.split([' ', ';', ',']).filter(|word| !word.is_empty());
        covered.extend(words.filter(|word| !matches!(*word, "pitfalls" | "conformance")));
    }
    Ok(covered)
}

fn collect(folder: &Path, covered: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, covered);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            match covered_by(&text) {
                Ok(entries) => covered.extend(entries.into_iter().map(str::to_owned)),
                Err(line) => panic!("{}: \"{line}\" is not above a test", path.display()),
            }
        }
    }
}

#[test]
fn every_entry_of_both_lists_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut covered = BTreeSet::new();
    collect(&root.join("src"), &mut covered);
    collect(&root.join("tests"), &mut covered);
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (wanted().difference(&covered).cloned().collect(), covered.difference(&wanted()).cloned().collect());
    assert!(missing.is_empty(), "no test covers {missing:?}");
    assert!(unknown.is_empty(), "on none of the lists: {unknown:?}");
}

#[test]
fn only_a_test_that_runs_covers_anything() {
    let covers = "/// Covers: pitfalls A1 B2; conformance 3\n";
    for test in [
        "#[test]\nfn a() {",
        "#[cfg(unix)]\n#[tokio::test(flavor = \"x\")]\nasync fn a() {",
        "async fn a() {}\n#[test]\nfn all() { a(); }",
    ] {
        let text = format!("{covers}{test}");
        assert_eq!(covered_by(&text), Ok(BTreeSet::from(["A1", "B2", "3"])));
    }
    for none in
        ["fn a() {", "#[test]\n#[ignore = \"slow\"]\nfn a() {", "struct A;", "", "\n#[test]\nfn a() {"]
    {
        let text = format!("{covers}{none}");
        assert_eq!(covered_by(&text), Err(covers.trim()), "{none}");
    }
    assert!(covered_by("//! Covers: pitfalls A1\n").is_err());
}
