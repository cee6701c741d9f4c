//! Whatever the target, no minion is invented.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::matchers::fuzzing::compound_target(input));
