//! What Salt 3007.14 says otherwise than 3006.25, which is the original. The recordings hold both: here is why ours is
//! that of 3006.25. COMPATIBILITY.md tells the same families.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use halite::value::{Value, str_of};

use crate::cases;
use crate::pillar::sections;

const LOCAL: &str =
    "3007 hands `local` to the functions, which is for accounts beside a directory service (luseradd)";
const INCLUDED: &str = "3007 shows which file includes a state";
const VERSION: &str = "the version that we say we are";
const WOULD: &str = "with test=True 3007 asks which version would come";

/// A family, by how its places begin, and what is otherwise in it.
const FAMILIES: &[(&str, &str)] = &[
    ("highstate/extend", INCLUDED),
    ("highstate/include_", INCLUDED),
    ("highstate/low_", INCLUDED),
    ("highstate/module_old", VERSION),
    ("highstate/render_py", INCLUDED),
    ("highstate/render_slspath", INCLUDED),
    (
        "highstate/req_sls_includer",
        "for 3007 a file that waits for the one that includes it waits for itself",
    ),
    ("highstate/schedule", "with test=True 3007 shows the job as added"),
    (
        "machine/access states.mount.mounted",
        "what cannot be unmounted is a failure in 3007, and nothing yet in 3006",
    ),
    ("machine/pkg modules.aptpkg.latest_version", "3007 asks for all names at once"),
    ("machine/pkgstate states.pkg.installed", WOULD),
    ("machine/pkgstate states.pkg.latest", WOULD),
    ("machine/user states.group.", LOCAL),
    ("machine/user states.user.", LOCAL),
    ("modules/saltutil saltutil.sync_all", "3007 syncs tops and wrapper as well"),
    ("modules/saltutil sys.", "3007 has saltutil.sync_tops and sync_wrapper"),
    ("modules/test test.version", VERSION),
    ("pillar/pillar_opts", VERSION),
    ("pillar/include_glob", "3007 does not find what `./` names beside a file of the root"),
];

/// What stands in the JSON lines below `folder`: places, and whether what is recorded is another thing.
fn in_lines(folder: &str, found: &mut Vec<(String, bool)>) {
    let kind = folder.split('/').next().unwrap_or_default();
    for name in names(folder, ".jsonl") {
        for case in cases(&format!("{folder}/{name}.jsonl")) {
            let fun = case.get("fun").map(str_of).unwrap_or_default();
            for (key, later) in case.as_map().into_iter().flatten() {
                if key.as_str().is_some_and(|key| key.starts_with("Salt ")) {
                    let parts = later.as_map().is_some_and(|later| {
                        !later.is_empty()
                            && later.iter().all(|(key, value)| {
                                case.as_map().and_then(|case| case.get_value(key)) != Some(value)
                            })
                    });
                    found.push((format!("{kind}/{name} {fun}"), parts));
                }
            }
        }
    }
}

/// The same of cases that are texts of sections.
fn in_sections(folder: &str, found: &mut Vec<(String, bool)>) {
    for name in names(folder, ".case") {
        let path = format!("{}/tests/golden/{folder}/{name}.case", env!("CARGO_MANIFEST_DIR"));
        let parts = sections(&fs::read_to_string(path).expect("a case"));
        let all: Vec<Value> = parts
            .iter()
            .filter(|(title, _)| title.starts_with("expected"))
            .map(|(_, body)| Value::from_json(body).expect("JSON"))
            .collect();
        if let [first, later, ..] = all.as_slice() {
            found.push((format!("{folder}/{name}"), first != later));
        }
    }
}

fn names(folder: &str, end: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let entries = fs::read_dir(folder).expect("cases");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

#[test]
fn where_3007_parts_from_3006_has_a_reason() {
    let mut found = Vec::new();
    in_lines("machine", &mut found);
    in_lines("modules/cases", &mut found);
    in_sections("highstate", &mut found);
    in_sections("pillar", &mut found);
    let mut used = BTreeSet::new();
    for (place, parts) in &found {
        assert!(parts, "{place}: 3007.14 says the same as 3006.25");
        let family = FAMILIES.iter().find(|(family, _)| place.starts_with(family));
        used.insert(family.unwrap_or_else(|| panic!("{place}: nobody says why ours is that of 3006.25")).0);
    }
    let unused: Vec<&str> =
        FAMILIES.iter().map(|(family, _)| *family).filter(|family| !used.contains(family)).collect();
    assert!(unused.is_empty(), "nothing of these is otherwise: {unused:?}");
}
