//! Python's random numbers, so that a sample with a seed is the same one. CPython: `_randommodule.c`, `random.py`.

use sha2::{Digest, Sha512};

const N: usize = 624;
const M: usize = 397;

/// The Mersenne twister, MT19937.
pub(super) struct Twister {
    state: [u32; N],
    at: usize,
}

impl Twister {
    /// `random.Random(text)`
    pub(super) fn of_text(text: &str) -> Twister {
        let mut octets = text.as_bytes().to_vec();
        octets.extend(Sha512::digest(text.as_bytes()));
        Twister::seeded(&octets)
    }

    /// Seeded by a number, its octets from the highest.
    pub(super) fn seeded(octets: &[u8]) -> Twister {
        let mut key: Vec<u32> = octets
            .rchunks(4)
            .map(|chunk| chunk.iter().fold(0, |word, octet| word << 8 | u32::from(*octet)))
            .collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        let mut state = [0_u32; N];
        state[0] = 19_650_218;
        for at in 1..N {
            let last = state[at - 1];
            state[at] = 1_812_433_253_u32
                .wrapping_mul(last ^ (last >> 30))
                .wrapping_add(u32::try_from(at).unwrap_or(0));
        }
        let (mut at, mut word) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let last = state[at - 1];
            let mixed = state[at] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525);
            state[at] = mixed.wrapping_add(key[word]).wrapping_add(u32::try_from(word).unwrap_or(0));
            at += 1;
            word += 1;
            if at >= N {
                state[0] = state[N - 1];
                at = 1;
            }
            if word >= key.len() {
                word = 0;
            }
        }
        for _ in 0..N - 1 {
            let last = state[at - 1];
            let mixed = state[at] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941);
            state[at] = mixed.wrapping_sub(u32::try_from(at).unwrap_or(0));
            at += 1;
            if at >= N {
                state[0] = state[N - 1];
                at = 1;
            }
        }
        state[0] = 0x8000_0000;
        Twister { state, at: N }
    }

    fn next(&mut self) -> u32 {
        if self.at >= N {
            for at in 0..N {
                let y = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % N] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + M) % N] ^ (y >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// A number below `n`, which fits 32 bits.
    fn below(&mut self, n: usize) -> usize {
        let bits = usize::BITS - n.leading_zeros();
        if bits == 0 || bits > 32 {
            return 0;
        }
        loop {
            let draw = (self.next() >> (32 - bits)) as usize;
            if draw < n {
                return draw;
            }
        }
    }

    /// `random.sample(range(n), k)`
    pub(super) fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut set_size = 21;
        if k > 5 {
            let exponent = ((k * 3) as f64).log(4.0).ceil();
            set_size += 4_usize.saturating_pow(exponent as u32);
        }
        let mut out = Vec::with_capacity(k);
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            for taken in 0..k {
                let at = self.below(n - taken);
                out.push(pool[at]);
                pool[at] = pool[n - taken - 1];
            }
        } else {
            let mut seen = std::collections::HashSet::new();
            for _ in 0..k {
                let mut at = self.below(n);
                while !seen.insert(at) {
                    at = self.below(n);
                }
                out.push(at);
            }
        }
        out
    }
}
