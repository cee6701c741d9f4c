//! Somebody between the two sides of a PLAIN handshake.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::mechanism::properties::plain_handshake(input));
