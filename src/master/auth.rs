//! `_auth`: may this minion join, and under which keys. Decided and sealed on the pool. salt-wire.md §7.

use std::sync::Arc;
use std::time::SystemTime;

use super::Master;
use super::key_store::{AuthRequest, Connected, Outcome};
use super::pool::Kind;
use crate::channel::master_auth::{self, AuthLoad, MasterSide, Verdict};
use crate::channel::pack;
use crate::crypt::{CryptError, PublicKey};
use crate::event::tags;
use crate::names::MinionId;
use crate::value::Map;

/// What an authentication may carry while it waits for its turn: grains to sign by, and octets of a key.
const MAX_GRAINS: usize = 100;
const MAX_TEXT: usize = 64 << 10;

/// Answers an `_auth` load.
pub(super) async fn answer(master: &Arc<Master>, version: i64, load: &Map, from: &str) -> Vec<u8> {
    let worker = master.clone();
    let from = from.to_owned();
    let mut load = AuthLoad::parse(version, load);
    if load.autosign_grains.len() > MAX_GRAINS || load.pub_pem.len() > MAX_TEXT {
        crate::log::warn!(from, "an authentication was refused: no minion says so much");
        load.pub_pem.clear();
        load.autosign_grains = Map::new();
    }
    let answered = master.pool.run(Kind::Crypto, move || decide(&worker, &load, &from));
    answered.await.unwrap_or_else(|| pack(&"Some exception handling minion payload".into()))
}

fn decide(master: &Master, load: &AuthLoad, from: &str) -> Vec<u8> {
    let key = &master.keys.key;
    let reply = match &load.id {
        Err(error) => {
            crate::log::warn!(from, %error, "an authentication was refused");
            master_auth::refuse(key, load, Verdict::Refused)
        }
        Ok(id) => judge(master, id, load, from),
    };
    reply.unwrap_or_else(|error| {
        crate::log::error!(from, %error, "an authentication could not be answered");
        pack(&"Some exception handling minion payload".into())
    })
}

fn judge(master: &Master, id: &MinionId, load: &AuthLoad, from: &str) -> Result<Vec<u8>, CryptError> {
    let connected =
        Connected { count: master.presence.count(), this_one: master.presence.is_connected(id.as_str()) };
    let request =
        AuthRequest { id, pub_pem: &load.pub_pem, autosign_grains: &load.autosign_grains, connected };
    let decision = master.key_store.authenticate(&request);
    if let Some(event) = decision.event.filter(|_| master.options.auth_events) {
        master.fire(tags::AUTH, event);
    }
    let key = &master.keys.key;
    match decision.outcome {
        Outcome::Pending => {
            crate::log::info!(
                minion = id.as_str(),
                from,
                "the key is pending: accept it with `salt-key -a {id}`"
            );
            master_auth::refuse(key, load, Verdict::Pending)
        }
        Outcome::Refused => {
            crate::log::warn!(minion = id.as_str(), from, "the key was refused");
            master_auth::refuse(key, load, Verdict::Refused)
        }
        Outcome::Full => {
            crate::log::warn!(
                minion = id.as_str(),
                from,
                limit = master.options.max_minions,
                "max_minions is reached"
            );
            master_auth::refuse(key, load, Verdict::Full)
        }
        Outcome::Accepted(minion_key) => accept(master, id, load, &minion_key),
    }
}

fn accept(
    master: &Master,
    id: &MinionId,
    load: &AuthLoad,
    minion_key: &PublicKey,
) -> Result<Vec<u8>, CryptError> {
    let session = match master.sessions.load_or_make(id, minion_key.id(), SystemTime::now()) {
        Ok(session) => session,
        Err(error) => {
            let dir = master.options.cachedir.join("sessions");
            crate::log::error!(minion = id.as_str(), dir = %dir.display(), %error,
                "a session key cannot be kept: is the disk full, or the directory not ours?");
            return master_auth::refuse(&master.keys.key, load, Verdict::Full);
        }
    };
    let epoch = master.publisher.epoch();
    let pub_sig = master.keys.pub_sig(load.signing.as_ref().copied().unwrap_or_default())?;
    let side = MasterSide {
        key: &master.keys.key,
        epoch: &epoch,
        publish_port: master.publish_port,
        pub_sig: pub_sig.as_deref(),
    };
    crate::log::debug!(minion = id.as_str(), version = load.version, "authenticated");
    master_auth::accept(side, load, minion_key, &session.key)
}
