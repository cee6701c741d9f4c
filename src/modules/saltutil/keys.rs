//! The minion's own keys. Salt: modules/saltutil.py (`regen_keys`, `revoke_auth`), crypt.py (`gen_keys`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::crypt::PrivateKey;
use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::Value;

/// Removes every file in the minion's `pki_dir` and makes new keys.
pub(super) fn regen_keys(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let pki_dir = Path::new(cx.opt_str("pki_dir"));
    if !pki_dir.is_absolute() || pki_dir.parent().is_none() {
        return Err(Fault::execution("the option pki_dir names no directory"));
    }
    let bits = cx.opts.get("keysize").and_then(Value::as_int).and_then(|bits| usize::try_from(bits).ok());
    let key =
        PrivateKey::generate(bits.unwrap_or(2048)).map_err(|error| Fault::execution(error.to_string()))?;
    for entry in fs::read_dir(pki_dir)?.flatten() {
        let _ = fs::remove_file(entry.path());
    }
    let owner = FileOwner::default();
    cx.host.write_atomic(&pki_dir.join("minion.pem"), key.to_pem().as_bytes(), 0o400, owner)?;
    let public = key.public_key().to_pem();
    cx.host.write_atomic(&pki_dir.join("minion.pub"), public.as_bytes(), 0o644, owner)?;
    Ok(Value::Null)
}

/// Asks the master to forget this minion's key.
pub(super) fn revoke_auth(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let load = map! {
        "cmd" => "revoke_auth",
        "id" => cx.opt_str("id"),
        "preserve_minion_cache" => args.get("preserve_minion_cache").clone(),
    };
    match cx.minion.request(load, Duration::from_secs(60)) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(Fault::Unreachable(_)) => Ok(Value::Bool(false)),
        Err(fault) => Err(fault),
    }
}
