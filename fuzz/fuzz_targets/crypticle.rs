//! What nobody sealed is refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::crypt::fuzzing::crypticle_decrypt(input));
