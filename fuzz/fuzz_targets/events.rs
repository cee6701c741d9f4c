//! However the stream is cut, it is the same stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| halite::event::fuzzing::any_cut_gives_the_same_events(input));
