//! Python's random numbers for a given seed: the same job spread over a fleet by `random.seed` stays where it was.
//! CPython: Modules/_randommodule.c (MT19937), Lib/random.py (`seed`, `randrange`, `sample`).

use num_bigint::{BigInt, Sign};

use crate::crypt::HashType;
use crate::value::{Value, str_of};

const N: usize = 624;
const M: usize = 397;

/// A generator.
pub(super) struct Mersenne {
    state: [u32; N],
    at: usize,
}

impl Mersenne {
    /// Seeded as `random.seed(value)` does: integers by their absolute value, texts by themselves and their SHA-512.
    pub fn seeded(seed: &Value) -> Self {
        let number = match seed {
            Value::Int(int) => BigInt::from(int.unsigned_abs()),
            Value::Bool(bool) => BigInt::from(u8::from(*bool)),
            other => {
                let text = str_of(other).into_bytes();
                let mut hasher = HashType::Sha512.hasher();
                hasher.update(&text);
                let octets = [text, hasher.finish()].concat();
                BigInt::from_bytes_be(Sign::Plus, &octets)
            }
        };
        let words = number.magnitude().to_u32_digits();
        Self::by_array(if words.is_empty() { &[0] } else { &words })
    }

    fn by_array(key: &[u32]) -> Self {
        let mut state = [0_u32; N];
        state[0] = 19_650_218;
        for i in 1..N {
            let before = state[i - 1];
            state[i] = 1_812_433_253_u32
                .wrapping_mul(before ^ (before >> 30))
                .wrapping_add(u32::try_from(i).unwrap_or_default());
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let before = state[i - 1];
            let index = u32::try_from(j).unwrap_or_default();
            let word = key.get(j).copied().unwrap_or_default();
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(word)
                .wrapping_add(index);
            i += 1;
            j += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..N - 1 {
            let before = state[i - 1];
            let index = u32::try_from(i).unwrap_or_default();
            state[i] = (state[i] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(index);
            i += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Mersenne { state, at: N }
    }

    fn next(&mut self) -> u32 {
        if self.at >= N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let odd = if y & 1 == 0 { 0 } else { 0x9908_b0df };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
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

    /// From 0 to `limit` - 1; `limit` is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let bits = u64::BITS - limit.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < limit || limit == 0 {
                return number;
            }
        }
    }

    /// `getrandbits`: words from the lowest on.
    fn bits(&mut self, bits: u32) -> u64 {
        let low = u64::from(self.next());
        if bits <= 32 {
            return low >> (32 - bits);
        }
        low | (u64::from(self.next() >> (64 - bits)) << 32)
    }

    /// `random.sample`: `size` of `items`, which has at least as many.
    pub fn sample(&mut self, items: &[Value], size: usize) -> Vec<Value> {
        let n = items.len();
        let mut pool_up_to = 21;
        if size > 5 {
            let power = ((size * 3) as f64).ln() / 4_f64.ln();
            pool_up_to += 4_usize.saturating_pow(power.ceil() as u32);
        }
        let mut below = |limit: usize| {
            usize::try_from(self.below(u64::try_from(limit).unwrap_or(u64::MAX))).unwrap_or_default()
        };
        let mut picked = Vec::with_capacity(size);
        if n <= pool_up_to {
            let mut pool: Vec<&Value> = items.iter().collect();
            for i in 0..size {
                let j = below(n - i);
                if let (Some(&item), Some(&last)) = (pool.get(j), pool.get(n - i - 1)) {
                    picked.push(item.clone());
                    pool[j] = last;
                }
            }
            return picked;
        }
        let mut taken = std::collections::HashSet::new();
        for _ in 0..size {
            let mut j = below(n);
            while !taken.insert(j) {
                j = below(n);
            }
            picked.extend(items.get(j).cloned());
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        // python3 -c "import random; random.seed(5); print([random.randrange(1000) for _ in range(5)])"
        let mut numbers = Mersenne::seeded(&5.into());
        let five: Vec<u64> = (0..5).map(|_| numbers.below(1000)).collect();
        assert_eq!(five, FIVE);
        // python3 -c "import random; random.seed('web1'); print(random.randrange(10**12))"
        assert_eq!(Mersenne::seeded(&"web1".into()).below(1_000_000_000_000), WEB1);
    }

    const FIVE: [u64; 5] = [637, 261, 759, 367, 814];
    const WEB1: u64 = 360_006_109_426;
}
