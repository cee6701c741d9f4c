//! `manage.safe_accept`: keys that are accepted because the host itself, asked by ssh, has them. Salt: runners/manage.py.

use std::time::Duration;

use super::{roster, say, ssh};
use crate::crypt::{HashType, PublicKey, pem};
use crate::host::Output;
use crate::keys::{KeyDirs, KeyState};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::names::MinionId;
use crate::runners::progress;
use crate::value::{Map, Value};

/// How long a host may take for its answer.
const LONGEST: Duration = Duration::from_secs(300);

/// Asks the minion over there, Salt's or ours; the argument is the digest.
const ASK: &str = "exec </dev/null; set -- --local key.finger \"hash_type=$1\" --out=json; \
                   command -v salt-call >/dev/null && exec salt-call \"$@\"; exec halite salt-call \"$@\"";

/// `[{id: fingerprint} of keys that are accepted now, {id: why not}]`. Keys that are accepted already are in neither.
pub(super) fn safe_accept(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let hosts = roster::hosts(cx, Map::new(), args.get("target"), &args.str("tgt_type")?)?;
    let hash_type: HashType = cx.opt_str("hash_type").parse().unwrap_or_default();
    let (mut accepted, mut failures, mut told) = (Map::new(), Map::new(), String::new());
    let words = [hash_type.name().to_owned()];
    for ((id, _), output) in hosts.all.iter().zip(ssh::run_on(cx, &hosts, ASK, &words, LONGEST)) {
        let finger = fingerprint(&output);
        match finger.and_then(|finger| accept(cx, id, hash_type, finger)) {
            Ok(None) => {}
            Ok(finger) => drop(accepted.insert(id.as_str(), finger)),
            Err(why) => {
                told = format!("{told}\n{id}\n{}\n{why}\n", "-".repeat(id.len()));
                failures.insert(id.as_str(), why);
            }
        }
    }
    if !told.is_empty() {
        say(cx, &format!("safe_accept failed on the following minions:{told}"))?;
    }
    progress(cx, "progress", map! { "message" => format!("Accepted {} keys", accepted.len()) })?;
    Ok(Value::List(vec![accepted.into(), failures.into()]))
}

/// What a host says is the fingerprint of its minion's key. Shells may have printed something before it.
fn fingerprint(output: &Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.split_once("\"local\": \"").and_then(|(_, told)| told.split_once('"'));
    match told.map(|(told, _)| told) {
        None => Err(ssh::problem(output)),
        Some("") => Err("there is no key of a minion".to_owned()),
        // 16 octets (md5) or more: `ab:01:…`.
        Some(finger)
            if finger.len() >= 47 && finger.bytes().all(|sign| b"0123456789abcdef:".contains(&sign)) =>
        {
            Ok(finger.to_owned())
        }
        Some(other) => Err(ssh::shown(other)),
    }
}

/// Accepts the pending key of that fingerprint and gives it back; nothing where a key is accepted already.
fn accept(cx: &Context, id: &str, hash_type: HashType, finger: String) -> Result<Option<String>, String> {
    let keys = KeyDirs::from_opts(cx.opts);
    let unknown = || format!("Minion key {id} not found by salt-key");
    let minion = MinionId::parse(id).map_err(|_| unknown())?;
    if keys.path(KeyState::Accepted, &minion).is_file() {
        return Ok(None);
    }
    let key = keys.read(KeyState::Pending, &minion).filter(|key| PublicKey::from_pem(key).is_ok());
    let key = key.ok_or_else(unknown)?;
    let pending = pem::fingerprint(&key, hash_type);
    if pending != finger {
        return Err(format!("Minion key {finger} does not match the key in salt-key: {pending}"));
    }
    // What was compared is what is accepted, whatever has become of the file since.
    let moved = keys.write(KeyState::Accepted, &minion, &key);
    let told = moved.and_then(|()| keys.remove(&minion, KeyState::Pending)).map_err(Fault::from);
    let told = told.and_then(|()| cx.master.keys_changed("accept", &[id.to_owned()]));
    told.map(|()| Some(finger)).map_err(|fault| fault.to_string())
}
