//! No text panics; what was read is written and reads back the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::value::yaml::fuzzing::check(input));
