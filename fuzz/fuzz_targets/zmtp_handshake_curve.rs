//! Somebody between the two sides of a CURVE handshake.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::mechanism::properties::curve_handshake(input));
