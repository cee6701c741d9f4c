//! `random`: random numbers and texts, and hashes of texts. Salt: modules/mod_random.py.

use base64::Engine;
use rand::TryRng;

use crate::crypt::HashType;
use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::{Twister, Value, str_of};

/// What `random.get_str` may be asked for, in characters.
const LONGEST: i64 = 1 << 20;

pub(super) static MODULE: Module = Module {
    file: "mod_random",
    provides: "random",
    available: always,
    functions: &[
        Function::new(
            "get_str",
            &[
                opt("length", Default::Int(20)),
                opt("chars", Default::None),
                opt("lowercase", Default::True),
                opt("uppercase", Default::True),
                opt("digits", Default::True),
                opt("punctuation", Default::True),
                opt("whitespace", Default::False),
                opt("printable", Default::False),
            ],
            "A random text of these kinds of characters, fit for a password.",
            text,
        )
        .cheap(),
        Function::new(
            "hash",
            &[req("value"), opt("algorithm", Default::Str("sha512"))],
            "The digest of a text.",
            |_, args| {
                let unknown = |_| Fault::exception("SaltException", "You must specify a valid algorithm.");
                let hash_type: HashType = args.str("algorithm")?.parse().map_err(unknown)?;
                Ok(hash_type.hex(octets(args)?).into())
            },
        )
        .cheap(),
        Function::new(
            "rand_int",
            &[opt("start", Default::Int(1)), opt("end", Default::Int(10)), opt("seed", Default::None)],
            "A number from `start` to `end`; always the same one for a `seed`.",
            rand_int,
        )
        .cheap(),
        Function::new(
            "sample",
            &[req("value"), req("size"), opt("seed", Default::None)],
            "Some items of a list, in random order.",
            |_, args| sample(args, args.int("size")?),
        )
        .cheap(),
        Function::new(
            "seed",
            &[opt("range", Default::Int(10)), opt("hash", Default::None)],
            "A number from 0 to `range` - 1 that is always the same for this minion, or for `hash`.",
            seed,
        )
        .cheap(),
        Function::new(
            "shadow_hash",
            &[
                opt("crypt_salt", Default::None),
                opt("password", Default::None),
                opt("algorithm", Default::Str("sha512")),
            ],
            "The hash of a password for shadow(5), as `shadow.gen_password` makes it; of a random one where none is given.",
            |cx, args| {
                let password = match args.get("password") {
                    Value::Null => cx.call("random.get_str", Call::default())?,
                    password => password.clone(),
                };
                let rest = ["crypt_salt", "algorithm"].map(|name| args.get(name).clone());
                cx.call("shadow.gen_password", Call::positional([password].into_iter().chain(rest)))
            },
        ),
        Function::new(
            "shuffle",
            &[req("value"), opt("seed", Default::None)],
            "A list in random order.",
            |_, args| sample(args, i64::MAX),
        )
        .cheap(),
        Function::new(
            "str_encode",
            &[req("value"), opt("encoder", Default::Str("base64"))],
            "A text in base64.",
            |_, args| match args.str("encoder")?.as_str() {
                "base64" => Ok(base64::engine::general_purpose::STANDARD.encode(octets(args)?).into()),
                other => Err(Fault::NotSupported(format!("random.str_encode with the encoder {other}"))),
            },
        )
        .cheap(),
    ],
};

fn octets(args: &Args) -> Result<Vec<u8>, Fault> {
    let octets = args.get("value").as_octets().map(<[u8]>::to_vec);
    octets.ok_or_else(|| Fault::invocation("Value must be an encode-able string"))
}

/// From 0 to `limit` - 1, by the system's own random numbers.
fn below(limit: u64) -> Result<u64, Fault> {
    let limit = limit.max(1);
    let beyond = u64::MAX - u64::MAX % limit;
    loop {
        let number =
            rand::rngs::SysRng.try_next_u64().map_err(|error| Fault::execution(error.to_string()))?;
        if number < beyond {
            return Ok(number % limit);
        }
    }
}

fn text(_: &Context, args: &Args) -> Result<Value, Fault> {
    let length = args.int("length").map_err(|_| {
        let given = str_of(args.get("length"));
        Fault::execution(format!("invalid literal for int() with base 10: '{given}'"))
    })?;
    if length > LONGEST {
        return Err(Fault::execution(format!("random.get_str gives at most {LONGEST} characters")));
    }
    let (lower, upper) = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let (digits, marks, blanks) = ("0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", " \t\n\r\x0b\x0c");
    let mut chars = match args.given("chars") {
        Some(chars) => str_of(chars),
        None => String::new(),
    };
    if args.truthy("printable") {
        chars = [digits, lower, upper, marks, blanks].concat();
    }
    if chars.is_empty() {
        for (name, some) in [
            ("lowercase", lower),
            ("uppercase", upper),
            ("digits", digits),
            ("punctuation", marks),
            ("whitespace", blanks),
        ] {
            if args.truthy(name) {
                chars.push_str(some);
            }
        }
    }
    let chars: Vec<char> = chars.chars().collect();
    if chars.is_empty() {
        return Err(Fault::execution("random.get_str: there is no character to choose from"));
    }
    let count = u64::try_from(chars.len()).unwrap_or_default();
    let mut text = String::new();
    for _ in 0..length.max(0) {
        text.extend(chars.get(usize::try_from(below(count)?).unwrap_or_default()));
    }
    Ok(text.into())
}

fn rand_int(_: &Context, args: &Args) -> Result<Value, Fault> {
    let (start, end) = (args.int("start")?, args.int("end")?);
    let width = u64::try_from(i128::from(end) - i128::from(start) + 1).unwrap_or_default();
    if width == 0 {
        let (after, width) = (end.saturating_add(1), end.saturating_add(1).saturating_sub(start));
        return Err(Fault::exception(
            "ValueError",
            format!("empty range for randrange() ({start}, {after}, {width})"),
        ));
    }
    let number = match args.given("seed") {
        Some(seed) => Twister::of(seed).below(width),
        None => below(width)?,
    };
    let number = i128::from(start) + i128::from(number);
    Ok(i64::try_from(number).unwrap_or(i64::MAX).into())
}

fn seed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let range = args.int("range")?;
    let limit = u64::try_from(range).ok().filter(|limit| *limit > 0);
    let limit = limit.ok_or_else(|| Fault::exception("ValueError", "empty range for randrange()"))?;
    let own = cx.grains.get("id").cloned().unwrap_or_else(|| cx.opt_str("id").into());
    let number = Twister::of(args.given("hash").unwrap_or(&own)).below(limit);
    Ok(i64::try_from(number).unwrap_or(i64::MAX).into())
}

fn sample(args: &Args, size: i64) -> Result<Value, Fault> {
    let Value::List(items) = args.get("value") else {
        return Err(Fault::Type(
            "Population must be a sequence.  For dicts or sets, use sorted(d).".to_owned(),
        ));
    };
    let size = if size == i64::MAX { Some(items.len()) } else { usize::try_from(size).ok() };
    let size = size.filter(|size| *size <= items.len());
    let size =
        size.ok_or_else(|| Fault::exception("ValueError", "Sample larger than population or is negative"))?;
    let seed = match args.given("seed") {
        // Salt hashes the seed before it seeds.
        Some(Value::Text(seed)) => HashType::Sha512.hex(seed).into(),
        Some(_) => return Err(Fault::Type("object supporting the buffer API required".to_owned())),
        None => Value::from(below(1 << 62)?.to_string()),
    };
    let places = Twister::of(&seed).sample(items.len(), size);
    Ok(Value::List(places.into_iter().filter_map(|at| items.get(at).cloned()).collect()))
}
