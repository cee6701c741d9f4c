//! Python's random numbers for a given seed: a sample with a seed is the same one, and a job that `random.seed` spread over
//! a fleet stays where it was. CPython: Modules/_randommodule.c (MT19937), Lib/random.py (`seed`, `randrange`, `sample`).

use sha2::{Digest, Sha512};

use super::{Value, str_of};

const N: usize = 624;
const M: usize = 397;

/// The Mersenne twister, MT19937.
pub struct Twister {
    state: [u32; N],
    at: usize,
}

impl Twister {
    /// Seeded as `random.seed(value)` does: integers by their absolute value, texts by themselves and their SHA-512.
    pub fn of(seed: &Value) -> Twister {
        match seed {
            Value::Int(int) => Twister::seeded(&int.unsigned_abs().to_be_bytes()),
            Value::Bool(bool) => Twister::seeded(&[u8::from(*bool)]),
            other => Twister::of_text(&str_of(other)),
        }
    }

    /// `random.Random(text)`
    pub fn of_text(text: &str) -> Twister {
        let mut octets = text.as_bytes().to_vec();
        octets.extend(Sha512::digest(text.as_bytes()));
        Twister::seeded(&octets)
    }

    /// Seeded by a number, its octets from the highest.
    pub fn seeded(octets: &[u8]) -> Twister {
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

    /// `getrandbits`: words from the lowest on.
    fn bits(&mut self, bits: u32) -> u64 {
        let low = u64::from(self.next());
        if bits <= 32 {
            return low >> (32 - bits);
        }
        low | (u64::from(self.next() >> (64 - bits)) << 32)
    }

    /// `random.randrange(limit)`; 0 has nothing below it and gives 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let bits = u64::BITS - limit.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < limit || limit == 0 {
                return number;
            }
        }
    }

    fn place(&mut self, n: usize) -> usize {
        usize::try_from(self.below(u64::try_from(n).unwrap_or(u64::MAX))).unwrap_or_default()
    }

    /// `random.sample(range(n), k)`; `k` is at most `n`.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut set_size = 21;
        if k > 5 {
            let exponent = ((k * 3) as f64).log(4.0).ceil();
            set_size += 4_usize.saturating_pow(exponent as u32);
        }
        let mut out = Vec::with_capacity(k);
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            for taken in 0..k {
                let at = self.place(n - taken);
                out.push(pool[at]);
                pool[at] = pool[n - taken - 1];
            }
        } else {
            let mut seen = std::collections::HashSet::new();
            for _ in 0..k {
                let mut at = self.place(n);
                while !seen.insert(at) {
                    at = self.place(n);
                }
                out.push(at);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        // python3 -c "import random; random.seed(5); print([random.randrange(1000) for _ in range(5)])"
        let mut numbers = Twister::of(&5.into());
        let five: Vec<u64> = (0..5).map(|_| numbers.below(1000)).collect();
        assert_eq!(five, FIVE);
        // python3 -c "import random; random.seed('web1'); print(random.randrange(10**12))"
        assert_eq!(Twister::of(&"web1".into()).below(1_000_000_000_000), WEB1);
    }

    const FIVE: [u64; 5] = [637, 261, 759, 367, 814];
    const WEB1: u64 = 360_006_109_426;
}
