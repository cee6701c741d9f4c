//! Any cut gives the same events, in a legal order, within bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::connection::properties::any_cut_gives_the_same_events(input));
