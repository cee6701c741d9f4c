//! Replays a committed fuzz corpus, and mutations of it, on every `cargo test`: both crates include this file. With
//! `HALITE_FUZZ_SECONDS` set, goes on mutating for that long per target.

use std::{
    path::Path,
    time::{Duration, Instant},
};

const MUTATIONS: usize = 2000;

/// `corpora` is the folder of all targets.
pub fn replay(corpora: &Path, target: &str, property: fn(&[u8])) {
    let directory = corpora.join(target);
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
