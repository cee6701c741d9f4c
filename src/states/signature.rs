//! Signatures of files that states fetch, verified by `gpg.verify`. Salt: modules/file.py (`_check_sig`, 3007).

use std::fs;
use std::path::Path;

use crate::loader::{Fault, Running};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Verifies `file` by the signature in it (`True`), or by one that lies elsewhere (a URL). `keywords` are those of the
/// state: `signed_by_any`, `signed_by_all`, `keyring`, `gnupghome`. The text says what is wrong; copies in the cache
/// are then removed, so that the next run fetches them anew.
///
/// # Errors
/// When the signature cannot be fetched.
pub(super) fn check(
    running: &Running,
    keywords: &Map,
    file: &str,
    signature: &Value,
    saltenv: &str,
) -> Result<Option<String>, Fault> {
    if !running.offers("gpg.verify") {
        return Ok(Some("Cannot verify signatures because the gpg module was not loaded".to_owned()));
    }
    let mut detached = None;
    if let Value::Text(url) = signature {
        let cached = running.ask("cp.cache_file", &[url.as_str().into(), saltenv.into()])?;
        if !cached.truthy() {
            return Ok(Some(format!("Detached signature file {url} not found")));
        }
        detached = Some(str_of(&cached));
    }
    let mut asked = map! { "filename" => file, "signature" => detached.as_deref() };
    for name in ["keyring", "gnupghome", "signed_by_any", "signed_by_all"] {
        asked.insert(name, keywords.get(name).cloned());
    }
    let judged = running.ask_with("gpg.verify", &[], asked)?;
    if judged.get("res").is_some_and(Value::truthy) {
        return Ok(None);
    }
    let cache = running.opt_str("cachedir");
    for path in detached.iter().map(String::as_str).chain([file]) {
        if !cache.is_empty() && Path::new(path).starts_with(cache) {
            let _ = fs::remove_file(path);
        }
    }
    let message = judged.get("message").map(str_of).unwrap_or_default();
    Ok(Some(format!("The file's signature could not be verified: {message}")))
}

/// Verifies the file of hashes, where the state asks for it (`source_hash_sig`).
///
/// # Errors
/// As [`check`].
pub(super) fn check_hashes(
    running: &Running,
    keywords: &Map,
    source_hash: &Value,
    saltenv: &str,
) -> Result<Option<String>, Fault> {
    let signature = keywords.get("source_hash_sig").filter(|signature| signature.truthy());
    let (Some(signature), Value::Text(url)) = (signature, source_hash) else { return Ok(None) };
    if !url.contains("://") && !url.starts_with('/') {
        return Ok(None);
    }
    let file = running.ask("cp.cache_file", &[url.as_str().into(), saltenv.into()])?;
    if !file.truthy() {
        return Ok(Some(format!("Source hash file {url} not found")));
    }
    check(running, keywords, &str_of(&file), signature, saltenv)
}
