//! Files of servers in the minion's cache: `cached`, `not_cached`. Salt: states/file.py.

use std::fs;

use super::super::signature;
use super::ret::{Outcome, changed, exists, expand_user, text_of};
use crate::loader::{Args, Fault, Running, StateReturn, os_error_text};
use crate::map;
use crate::value::{Map, Value, is_remote_scheme, redacted_url, str_of, url_scheme};

/// The real path of a file of this machine.
fn local(running: &Running, name: &str) -> String {
    let path = expand_user(running, name.strip_prefix("file://").unwrap_or(name));
    fs::canonicalize(&path).map_or(path, |real| real.to_string_lossy().into_owned())
}

pub(super) fn not_cached(running: &Running, args: &Args) -> Outcome {
    let name = str_of(args.get("name"));
    let mut ret = StateReturn::new(name.as_str(), Some(true), "");
    if matches!(url_scheme(&name).as_str(), "" | "file") {
        ret.comment = format!("File {} is a local path, no action taken", local(running, &name));
        return Ok(ret);
    }
    let how = map! { "saltenv" => args.get("saltenv").clone() };
    let there = str_of(&running.ask_with("cp.is_cached", &[name.as_str().into()], how)?);
    if there.is_empty() {
        ret.comment = format!("{name} is not cached");
    } else if let Err(error) = fs::remove_file(&there) {
        ret.result = Some(false);
        ret.comment = format!("Failed to delete {there}: {}", os_error_text(&error, &there));
    } else {
        changed(&mut ret, "deleted", true);
        ret.comment = format!("{there} was deleted");
    }
    Ok(ret)
}

pub(super) fn cached(running: &Running, args: &Args) -> Outcome {
    let name = str_of(args.get("name"));
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    let scheme = url_scheme(&name);
    let skip_verify = args.truthy("skip_verify");
    if !skip_verify && !args.truthy("source_hash") && !args.truthy("use_etag") && is_remote_scheme(&scheme) {
        ret.comment = format!(
            "Unable to verify upstream hash of source file {}, please set source_hash or set skip_verify or use_etag to True",
            redacted_url(&name)
        );
        return Ok(ret);
    }
    let mut sum = Map::new();
    if args.truthy("source_hash") {
        let signatures = ["source_hash_sig", "signed_by_any", "signed_by_all", "keyring", "gnupghome"];
        let signatures: Map = signatures.iter().map(|name| (*name, args.get(name).clone())).collect();
        let (hashes, saltenv) = (args.get("source_hash"), str_of(args.get("saltenv")));
        if let Some(text) = signature::check_hashes(running, &signatures, hashes, &saltenv)? {
            ret.comment = text;
            return Ok(ret);
        }
        let mut how = map! { "source" => name.as_str() };
        for name in ["source_hash", "source_hash_name", "saltenv"] {
            how.insert(name, args.get(name).clone());
        }
        match running.ask_with("file.get_source_sum", &[], how) {
            Ok(found) => sum = found.as_map().cloned().unwrap_or_default(),
            // Salt shows the frames of Python where the list of hashes can not be fetched.
            Err(fault @ (Fault::Execution { .. } | Fault::Exception { .. })) => {
                ret.comment = text_of(&fault);
                return Ok(ret);
            }
            Err(other) => return Err(other),
        }
    }
    let own_kind = || running.opts.get("hash_type").cloned().unwrap_or_else(|| "sha256".into());
    let kind = sum.get("hash_type").cloned().unwrap_or_else(own_kind);
    let hash = |path: &str, kind: Value| running.ask("file.get_hash", &[path.into(), kind]);
    let expected = sum.get("hsum").cloned();
    let is_cached = || -> Result<String, Fault> {
        let how = map! { "saltenv" => args.get("saltenv").clone() };
        Ok(str_of(&running.ask_with("cp.is_cached", &[name.as_str().into()], how)?))
    };
    if running.test() {
        let there = is_cached()?;
        ret.comment = match (&expected, there.is_empty()) {
            (_, true) => format!("File will be cached: {name}"),
            (None, _) => format!("No hash found. File will be cached: {name}"),
            (Some(expected), _) if hash(&there, own_kind())? == *expected => {
                format!("File already cached: {name}")
            }
            _ => format!("Hashes don't match.\nFile will be cached: {name}"),
        };
        ret.result = None;
        return Ok(ret);
    }
    if matches!(scheme.as_str(), "" | "file") {
        let path = local(running, &name);
        if !exists(&path) {
            ret.comment = format!("File {path} is not present on the minion");
            return Ok(ret);
        }
        match expected.filter(|_| !skip_verify) {
            None => {
                ret.result = Some(true);
                ret.comment = format!("File {path} is present on the minion");
            }
            Some(expected) => {
                let own = hash(&path, kind)?;
                ret.result = Some(own == expected);
                ret.comment = if own == expected {
                    format!("File {path} is present on the minion and has hash {}", str_of(&own))
                } else {
                    format!(
                        "File {path} is present on the minion, but the hash ({}) does not match the specified hash ({})",
                        str_of(&own),
                        str_of(&expected)
                    )
                };
            }
        }
        return Ok(ret);
    }
    let there = is_cached()?;
    let before = if there.is_empty() { Value::Null } else { hash(&there, kind.clone())? };
    let how = map! {
        "saltenv" => args.get("saltenv").clone(),
        "source_hash" => expected.clone(),
        "use_etag" => args.get("use_etag").clone(),
    };
    let got = match running.ask_with("cp.cache_file", &[name.as_str().into()], how) {
        Ok(Value::Text(path)) if !path.is_empty() => path,
        Ok(_) => {
            ret.comment =
                format!("Failed to cache {}, check minion log for more information", redacted_url(&name));
            return Ok(ret);
        }
        Err(fault) => {
            ret.comment = redacted_url(&text_of(&fault));
            return Ok(ret);
        }
    };
    let after = hash(&got, kind)?;
    if before != after {
        changed(&mut ret, "hash", map! { "old" => before, "new" => after.clone() });
    }
    match expected.filter(|_| !skip_verify) {
        None => {
            ret.result = Some(true);
            ret.comment = format!("File is cached to {got}");
        }
        Some(expected) if expected == after => {
            ret.result = Some(true);
            ret.comment = format!("File is already cached to {got} with hash {}", str_of(&after));
        }
        Some(expected) => {
            ret.comment = format!(
                "File is cached to {got}, but the hash ({}) does not match the specified hash ({})",
                str_of(&after),
                str_of(&expected)
            );
        }
    }
    Ok(ret)
}
