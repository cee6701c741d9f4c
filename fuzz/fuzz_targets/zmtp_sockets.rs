//! Sequences of socket operations in virtual time.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::socket_properties::any_operations_keep_messages_whole_and_in_order(input));
