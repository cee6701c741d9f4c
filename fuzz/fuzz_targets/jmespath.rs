//! Any expression finds something or is refused, within the limits of the template that asks.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::jinja::fuzzing::check_query(input));
