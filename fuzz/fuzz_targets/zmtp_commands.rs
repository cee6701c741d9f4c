//! Parsing is total, and what it accepts survives a round trip.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::codec::command::properties::command_round_trips(input));
