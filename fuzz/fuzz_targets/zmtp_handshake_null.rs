//! Somebody between the two sides of a NULL handshake.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::mechanism::properties::null_handshake(input));
