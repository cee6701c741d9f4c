//! What every source file has and what it may not have.

use crate::{read, root, rust_files};

fn product() -> Vec<std::path::PathBuf> {
    ["src", "zmtp/src", "tests", "benches"].into_iter().flat_map(rust_files).collect()
}

fn offenders(is_wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let name =
        |path: &std::path::PathBuf| path.strip_prefix(root()).expect("below the root").display().to_string();
    product().iter().filter(|path| is_wrong(&name(path), &read(path))).map(name).collect()
}

#[test]
fn every_file_says_what_it_is() {
    let wrong = offenders(|_, text| !text.starts_with("//!"));
    assert!(wrong.is_empty(), "no `//!` header: {wrong:#?}");
}

#[test]
fn unsafe_stands_only_in_host() {
    let block = ["unsafe", " {"].concat();
    let wrong = offenders(|name, text| !name.starts_with("src/host/") && text.contains(&block));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_hold_one_idea() {
    let wrong = offenders(|name, text| text.lines().count() > 1_000 && !name.contains("tests"));
    assert!(wrong.is_empty(), "over 1,000 lines: {wrong:#?}");
}

#[test]
fn nothing_is_left_unfinished_or_asleep() {
    let marks = [["todo", "!("].concat(), ["unimplemented", "!("].concat(), ["#[ig", "nore"].concat()];
    let wrong = offenders(|_, text| marks.iter().any(|mark| text.contains(mark.as_str())));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each type that the standard library sorts is 4 KiB of program (`value::sort`); small tests may.
#[test]
fn the_program_sorts_by_one_copy_of_code() {
    let calls = ["", "_by", "_by_key", "_by_cached_key", "_unstable", "_unstable_by", "_unstable_by_key"]
        .map(|name| format!("sort{name}("));
    let wrong = offenders(|name, text| {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        let own = name.starts_with("src/") && !name.ends_with("tests.rs") && name != "src/value/sort.rs";
        // A `Map` sorts its entries by that code too.
        let calls_of_slices = |line: &str| calls.iter().any(|call| line.contains(&format!(".{call}")));
        own && !MAPS.contains(&name) && program.lines().any(calls_of_slices)
    });
    assert!(wrong.is_empty(), "use value::sort: {wrong:#?}");
}

/// Files that sort a `Map`.
const MAPS: [&str; 3] = ["src/modules/status.rs", "src/runners/jobs/mod.rs", "src/runners/manage/mod.rs"];
