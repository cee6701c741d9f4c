//! Any text ends as output or as an error, within its limits.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::jinja::fuzzing::check(input));
