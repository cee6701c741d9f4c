//! Any cut gives the same frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zmtp::codec::frame::properties::any_cut_gives_the_same_frames(input));
