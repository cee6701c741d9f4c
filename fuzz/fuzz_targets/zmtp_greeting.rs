//! Any octets, any cut: one answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::codec::greeting::properties::greeting_is_total(input));
