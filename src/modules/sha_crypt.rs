//! Hashes of passwords as in shadow(5): `$5$…` and `$6$…`. Source: U. Drepper, "Unix crypt using SHA-256 and SHA-512".

use rand::TryRng;
use sha2::{Digest, Sha256, Sha512};

use crate::loader::{Args, Context, Fault};
use crate::value::Value;

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MOST_SALT: usize = 16;
const ROUNDS: (u32, u32, u32) = (1000, 5000, 999_999_999);

pub(super) fn gen_password(_: &Context, args: &Args) -> Result<Value, Fault> {
    let password = args.str("password")?;
    let salt = match args.opt_str("crypt_salt")? {
        Some(salt) => salt,
        None => random_salt()?,
    };
    match args.str("algorithm")?.as_str() {
        "sha512" => Ok(hash(&SHA512, password.as_bytes(), &salt).into()),
        "sha256" => Ok(hash(&SHA256, password.as_bytes(), &salt).into()),
        known @ ("blowfish" | "md5" | "crypt") => {
            Err(Fault::NotSupported(format!("passwords hashed by {known}: sha512 and sha256 are")))
        }
        other => Err(Fault::invocation(format!(
            "Cannot hash using '{other}' hash algorithm. The supported algorithms are: ['sha512', 'sha256']."
        ))),
    }
}

fn random_salt() -> Result<String, Fault> {
    let mut bytes = [0; MOST_SALT];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Fault::execution(format!("No random numbers: {error}")))?;
    Ok(bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 64)))
        .map(|&byte| char::from(byte))
        .collect())
}

struct Kind {
    prefix: &'static str,
    digest: fn(&[&[u8]]) -> Vec<u8>,
    /// Octets in the order in which three of them make four characters.
    order: fn() -> Vec<usize>,
}

static SHA256: Kind = Kind {
    prefix: "$5$",
    digest: |parts| digest::<Sha256>(parts),
    order: || order(32, |(a, b, c)| (c, a, b)).into_iter().chain([31, 30]).collect(),
};
static SHA512: Kind = Kind {
    prefix: "$6$",
    digest: |parts| digest::<Sha512>(parts),
    order: || order(64, |(a, b, c)| (b, c, a)).into_iter().chain([63]).collect(),
};

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut state = D::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().to_vec()
}

type Triple = (usize, usize, usize);

/// Triples that start as (0, n/3, 2n/3) and turn while they count up.
fn order(length: usize, turn: fn(Triple) -> Triple) -> Vec<usize> {
    let third = length / 3;
    let mut triple = (0, third, third * 2);
    let mut all = Vec::new();
    for _ in 0..third {
        all.extend([triple.0, triple.1, triple.2]);
        let (a, b, c) = turn(triple);
        triple = (a + 1, b + 1, c + 1);
    }
    all
}

/// `salt` may begin with `rounds=N$`.
fn hash(kind: &Kind, password: &[u8], salt: &str) -> String {
    let (rounds, salt) = match salt.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')) {
        Some((rounds, salt)) => {
            (rounds.parse::<u32>().ok().map(|rounds| rounds.clamp(ROUNDS.0, ROUNDS.2)), salt)
        }
        None => (None, salt),
    };
    let salt: String = salt.split('$').next().unwrap_or_default().chars().take(MOST_SALT).collect();
    let mixed = mix(kind, password, salt.as_bytes(), rounds.unwrap_or(ROUNDS.1));
    let rounds = rounds.map(|rounds| format!("rounds={rounds}$")).unwrap_or_default();
    format!("{}{rounds}{salt}${}", kind.prefix, encode(&mixed, &(kind.order)()))
}

fn mix(kind: &Kind, password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let run = kind.digest;
    let repeat =
        |block: &[u8], length: usize| -> Vec<u8> { block.iter().copied().cycle().take(length).collect() };
    let b = run(&[password, salt, password]);
    let mut first = [password, salt, &repeat(&b, password.len())].concat();
    let mut bits = password.len();
    while bits > 0 {
        first.extend_from_slice(if bits & 1 == 1 { &b } else { password });
        bits >>= 1;
    }
    let mut sum = run(&[&first]);
    let p = repeat(&run(&[&password.repeat(password.len())]), password.len());
    let times = 16 + usize::from(sum.first().copied().unwrap_or_default());
    let s = repeat(&run(&[&salt.repeat(times)]), salt.len());
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut parts: Vec<&[u8]> = vec![if odd { &p } else { &sum }];
        if round % 3 != 0 {
            parts.push(&s);
        }
        if round % 7 != 0 {
            parts.push(&p);
        }
        parts.push(if odd { &sum } else { &p });
        sum = run(&parts);
    }
    sum
}

fn encode(sum: &[u8], order: &[usize]) -> String {
    let mut text = String::new();
    for group in order.chunks(3) {
        let octets = group.iter().map(|&at| u32::from(sum.get(at).copied().unwrap_or_default()));
        let mut word = octets.fold(0, |word, octet| word << 8 | octet);
        for _ in 0..=group.len() {
            text.extend(ALPHABET.get((word & 63) as usize).map(|&byte| char::from(byte)));
            word >>= 6;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (kind, salt, password, expected) in [
            (
                &SHA256,
                "saltstring",
                "Hello world!",
                "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
            ),
            (
                &SHA256,
                "rounds=10000$saltstringsaltstring",
                "Hello world!",
                "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
            ),
            (
                &SHA512,
                "saltstring",
                "Hello world!",
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            ),
        ] {
            let ours = hash(kind, password.as_bytes(), salt);
            assert_eq!(ours, expected);
        }
    }
}
