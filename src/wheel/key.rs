//! `key`: the keys of minions. Salt: wheel/key.py, key.py.

use std::path::Path;

use crate::crypt::pem::fingerprint;
use crate::crypt::{HashType, PrivateKey};
use crate::keys::{Change, KeyDirs, KeyMaker, KeyState, Names, SignatureOrder};
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::names::MinionId;
use crate::value::{Map, Value, str_of};

const MATCH: &[Param] = &[req("match")];
const ACCEPT: &[Param] =
    &[req("match"), opt("include_rejected", Default::False), opt("include_denied", Default::False)];
const REJECT: &[Param] =
    &[req("match"), opt("include_accepted", Default::False), opt("include_denied", Default::False)];

pub(super) static MODULE: Module = Module {
    file: "key",
    provides: "key",
    available: always,
    functions: &[
        Function::new(
            "accept",
            ACCEPT,
            "Accepts pending keys that fit a glob: `{state: [id]}`.",
            |cx, args| accept(cx, args, by_glob(cx, args)?),
        ),
        Function::new("accept_dict", ACCEPT, "Accepts the keys of `{state: [id]}`.", |cx, args| {
            accept(cx, args, by_name(args))
        }),
        Function::new("delete", MATCH, "Deletes the keys that fit a glob.", |cx, args| {
            delete(cx, &by_glob(cx, args)?)
        }),
        Function::new("delete_dict", MATCH, "Deletes the keys of `{state: [id]}`.", |cx, args| {
            delete(cx, &by_name(args))
        }),
        Function::new(
            "finger",
            &[req("match"), opt("hash_type", Default::None)],
            "Fingerprints of the keys that fit a glob: `{state: {id: fingerprint}}`.",
            finger,
        ),
        Function::new(
            "finger_master",
            &[opt("hash_type", Default::None)],
            "The fingerprint of the master's public key.",
            finger_master,
        ),
        Function::new(
            "gen",
            &[opt("id_", Default::None), opt("keysize", Default::Int(2048))],
            "A new key pair, which is not kept: `{\"pub\": text, \"priv\": text}`.",
            |_, args| Ok(pair(args)?.into()),
        ),
        Function::new(
            "gen_accept",
            &[req("id_"), opt("keysize", Default::Int(2048)), opt("force", Default::False)],
            "A new key pair for a minion, accepted at once; the private key is not kept. Empty where the minion has \
             an accepted key and `force` is not set.",
            gen_accept,
        ),
        Function::new(
            "gen_keys",
            &[
                opt("keydir", Default::None),
                opt("keyname", Default::None),
                opt("keysize", Default::None),
                opt("user", Default::None),
            ],
            "A new key pair in files, `<keydir>/<keyname>.pem` and `.pub` (`minion` in `pki_dir` where nothing is \
             said); one that is there stays. The fingerprint of the public key.",
            gen_keys,
        ),
        Function::new(
            "gen_signature",
            &[
                req("priv"),
                req("pub"),
                req("signature_path"),
                opt("auto_create", Default::False),
                opt("keysize", Default::None),
            ],
            "Signs the master's public key with the signing key, into a file; an empty path is that of the options. \
             Whether it was made, or why not.",
            gen_signature,
        ),
        Function::new(
            "list",
            MATCH,
            "The keys of a state (pre, un, acc, rej, den, all): `{state: [id]}`.",
            list,
        ),
        Function::new("list_all", &[], "All keys, the master's own too: `{state: [id]}`.", |cx, _| {
            Ok(all(&keys(cx)).into())
        }),
        Function::new("master_key_str", &[], "The master's public key.", master_key_str),
        Function::new("name_match", MATCH, "The keys that fit a glob: `{state: [id]}`.", |cx, args| {
            Ok(by_glob(cx, args)?.names.value().into())
        }),
        Function::new(
            "print",
            MATCH,
            "The texts of the keys that fit a glob: `{state: {id: text}}`.",
            |cx, args| Ok(keys(cx).texts(&by_glob(cx, args)?.names)?.into()),
        ),
        Function::new(
            "reject",
            REJECT,
            "Rejects pending keys that fit a glob: `{state: [id]}`.",
            |cx, args| reject(cx, args, &by_glob(cx, args)?),
        ),
        Function::new("reject_dict", REJECT, "Rejects the keys of `{state: [id]}`.", |cx, args| {
            reject(cx, args, &by_name(args))
        }),
    ],
};

fn keys(cx: &Context) -> KeyDirs {
    KeyDirs::from_opts(cx.opts)
}

/// `match`: a glob, several with commas between them, or a list of globs.
fn globs(args: &Args) -> Result<String, Fault> {
    match args.get("match") {
        Value::List(globs) => Ok(globs.iter().map(str_of).collect::<Vec<_>>().join(",")),
        _ => args.str("match"),
    }
}

/// Keys that a function is to change, and the globs that chose them; without globs they were given by name.
struct Chosen {
    names: Names,
    globs: Option<String>,
}

fn by_glob(cx: &Context, args: &Args) -> Result<Chosen, Fault> {
    let globs = globs(args)?;
    Ok(Chosen { names: keys(cx).matching(&globs), globs: Some(globs) })
}

fn by_name(args: &Args) -> Chosen {
    Chosen { names: Names::from_value(args.get("match")), globs: None }
}

/// The states that a function acts on, besides the pending keys.
fn states(args: &Args, other: (&str, KeyState)) -> Vec<KeyState> {
    let mut states = vec![KeyState::Pending];
    for (option, state) in [other, ("include_denied", KeyState::Denied)] {
        if args.truthy(option) {
            states.push(state);
        }
    }
    states
}

/// Where the keys are after a change: those of the globs, or of the names that were given.
fn afterwards(cx: &Context, chosen: &Chosen) -> Value {
    match &chosen.globs {
        Some(globs) => keys(cx).matching(globs),
        None => keys(cx).whereabouts(&chosen.names),
    }
    .value()
    .into()
}

fn tell(cx: &Context, act: &'static str, changes: Vec<Change>) -> Result<(), Fault> {
    let ids: Vec<String> = changes.into_iter().map(|change| change.id).collect();
    cx.master.keys_changed(act, &ids)
}

fn accept(cx: &Context, args: &Args, mut chosen: Chosen) -> Result<Value, Fault> {
    let done = keys(cx).accept(&mut chosen.names, &states(args, ("include_rejected", KeyState::Rejected)));
    tell(cx, "accept", done.changes)?;
    Ok(afterwards(cx, &chosen))
}

fn reject(cx: &Context, args: &Args, chosen: &Chosen) -> Result<Value, Fault> {
    let changes = keys(cx).reject(&chosen.names, &states(args, ("include_accepted", KeyState::Accepted)));
    tell(cx, "reject", changes)?;
    Ok(afterwards(cx, chosen))
}

fn delete(cx: &Context, chosen: &Chosen) -> Result<Value, Fault> {
    tell(cx, "delete", keys(cx).delete(&chosen.names))?;
    Ok(afterwards(cx, chosen))
}

fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let word = args.str("match")?;
    let keys = keys(cx);
    Ok(match KeyState::of_word(&word) {
        Some(state) => map! { state.directory() => Value::list(keys.names_of(state)) },
        None if word.starts_with("all") => all(&keys),
        None => Map::new(),
    }
    .into())
}

fn all(keys: &KeyDirs) -> Map {
    let mut all = keys.list().value();
    all.insert("local", Value::list(keys.local()));
    all
}

fn hash_type(cx: &Context, args: &Args) -> Result<HashType, Fault> {
    let name = args.opt_str("hash_type")?.unwrap_or_else(|| cx.opt_str("hash_type").to_owned());
    name.parse().map_err(|_| Fault::invocation(format!("hash_type {name} is not known")))
}

fn finger(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(keys(cx).fingerprints(&globs(args)?, hash_type(cx, args)?).into())
}

const MASTER: &str = "master.pub";

fn finger_master(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let pem = std::fs::read(keys(cx).pki_dir().join(MASTER))?;
    let finger = fingerprint(pem, hash_type(cx, args)?);
    Ok(map! { "local" => map! { MASTER => finger } }.into())
}

fn master_key_str(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let pem = std::fs::read_to_string(keys(cx).pki_dir().join(MASTER))?;
    Ok(map! { "local" => map! { MASTER => pem } }.into())
}

/// The largest key that is made: larger ones take minutes.
const MAX_BITS: usize = 8192;

fn bits_of(bits: i64) -> Result<usize, Fault> {
    let bits = usize::try_from(bits).unwrap_or(0).max(2048);
    if bits > MAX_BITS {
        return Err(Fault::invocation(format!("keysize {bits} is too large: {MAX_BITS} at most")));
    }
    Ok(bits)
}

fn pair(args: &Args) -> Result<Map, Fault> {
    let bits = bits_of(args.int("keysize")?)?;
    let key = PrivateKey::generate(bits).map_err(|error| Fault::execution(error.to_string()))?;
    Ok(map! { "priv" => key.to_pem().as_str(), "pub" => key.public_key().to_pem() })
}

fn gen_accept(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let id = MinionId::parse(&args.str("id_")?).map_err(|error| Fault::invocation(error.to_string()))?;
    let keys = keys(cx);
    if keys.path(KeyState::Accepted, &id).exists() && !args.truthy("force") {
        return Ok(Map::new().into());
    }
    let pair = pair(args)?;
    keys.write(KeyState::Accepted, &id, pair.str("pub").unwrap_or_default())?;
    cx.master.keys_changed("accept", &[id.as_str().to_owned()])?;
    Ok(pair.into())
}

/// The argument `keysize`, or the option.
fn wanted_bits(cx: &Context, args: &Args) -> Result<usize, Fault> {
    match args.get("keysize") {
        Value::Null => bits_of(cx.opts.get("keysize").and_then(Value::as_int).unwrap_or_default()),
        _ => bits_of(args.int("keysize")?),
    }
}

fn gen_keys(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (keydir, keyname) = (args.opt_str("keydir")?, args.opt_str("keyname")?);
    let folder = keydir.as_deref().unwrap_or_else(|| cx.opt_str("pki_dir"));
    let user = args.opt_str("user")?.unwrap_or_default();
    if !Path::new(folder).is_dir() {
        let text = format!("Write access denied to \"{folder}\" for user \"{}\".", cx.opt_str("user"));
        return Err(Fault::exception("OSError", text));
    }
    let name = keyname.as_deref().unwrap_or("minion");
    Ok(KeyMaker::from_opts(cx.opts)
        .owned_by(&user)
        .pair(Path::new(folder), name, wanted_bits(cx, args)?)?
        .into())
}

fn gen_signature(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = |name: &str| args.opt_str(name).map(Option::unwrap_or_default);
    let order = SignatureOrder {
        private: &path("priv")?,
        public: &path("pub")?,
        folder: &path("signature_path")?,
        auto_create: args.truthy("auto_create"),
        bits: wanted_bits(cx, args)?,
    };
    Ok(match KeyMaker::from_opts(cx.opts).signature(&order)? {
        Ok(made) => made.into(),
        Err(reason) => reason.into(),
    })
}
