//! The tree of subscriptions against a list of pairs.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::pattern::subscriptions::properties::tree_equals_model(input));
