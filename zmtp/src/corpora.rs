//! Replays the committed fuzz corpora, and mutations of them, on every `cargo test`. With `HALITE_FUZZ_SECONDS` set,
//! goes on mutating for that long per target: a smoke run for machines without cargo-fuzz.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{codec, connection, pattern};

const MUTATIONS: usize = 2000;

fn replay(target: &str, property: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&directory).expect("the corpus is part of the repository");
    let seeds: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| property(seed));
    let seconds = std::env::var("HALITE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut done = 0;
    while done < MUTATIONS || until.is_some_and(|until| Instant::now() < until) {
        let mut input = seeds[below(&mut random, seeds.len())].clone();
        for _ in 0..=below(&mut random, 4) {
            mutate(&mut random, &mut input, &seeds);
        }
        property(&input);
        done += 1;
    }
}

fn mutate(random: &mut u64, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = below(random, input.len() + 1);
    match below(random, 5) {
        0 => input.truncate(at),
        1 => input.insert(at, below(random, 256).to_le_bytes()[0]),
        2 if at < input.len() => input[at] = [0, 1, 2, 4, 6, 0x7F, 0x80, 0xFF][below(random, 8)],
        3 if at < input.len() => input[at] ^= 1 << below(random, 8),
        _ => {
            let other = &seeds[below(random, seeds.len())];
            input.extend_from_slice(&other[below(random, other.len() + 1)..]);
            input.truncate(4096);
        }
    }
}

/// xorshift64: the same on every run, so that a failure can be repeated.
fn below(random: &mut u64, bound: usize) -> usize {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    usize::try_from(*random >> 33).unwrap() % bound
}

#[test]
fn greeting() {
    replay("zmtp_greeting", codec::greeting::properties::greeting_is_total);
}

#[test]
fn frames() {
    replay("zmtp_frames", codec::frame::properties::any_cut_gives_the_same_frames);
}

#[test]
fn commands() {
    replay("zmtp_commands", codec::command::properties::command_round_trips);
}

#[test]
fn connection() {
    replay("zmtp_connection", connection::properties::any_cut_gives_the_same_events);
}

#[test]
fn subscriptions() {
    replay("zmtp_subscriptions", pattern::subscriptions::properties::tree_equals_model);
}
