//! `key`: fingerprints of the keys that a minion has. Salt: modules/key.py.

use std::fs;

use crate::crypt::{HashType, pem};
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt};
use crate::value::Value;

const HASH: &[Param] = &[opt("hash_type", Default::None)];

pub(super) static MODULE: Module = Module {
    file: "key",
    provides: "key",
    available: always,
    functions: &[
        Function::new(
            "finger",
            HASH,
            "The fingerprint of the minion's key, as `salt-key -f` shows it.",
            |cx, args| finger(cx, args, "minion.pub"),
        ),
        Function::new(
            "finger_master",
            HASH,
            "The fingerprint of the master's key that the minion has, as `salt-key -F` shows it.",
            |cx, args| finger(cx, args, "minion_master.pub"),
        ),
    ],
};

/// Empty text where there is no such file.
fn finger(cx: &Context, args: &Args, file: &str) -> Result<Value, Fault> {
    let name = args.opt_str("hash_type")?.unwrap_or_else(|| cx.opt_str("hash_type").to_owned());
    let Ok(hash_type) = name.parse::<HashType>() else {
        let text = format!("module 'hashlib' has no attribute '{name}'");
        return Err(Fault::exception("AttributeError", text));
    };
    let text = fs::read(format!("{}/{file}", cx.opt_str("pki_dir"))).unwrap_or_default();
    Ok(if text.is_empty() { "".into() } else { pem::fingerprint(text, hash_type).into() })
}
