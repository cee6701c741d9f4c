//! Signatures of strangers.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::crypt::fuzzing::x931_recover(input));
