//! What was read is written and reads back the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::value::msgpack::fuzzing::any_octets(input));
