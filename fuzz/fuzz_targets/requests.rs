//! Whatever arrives on 4506 is a command of the closed sets or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::channel::fuzzing::any_request(input));
