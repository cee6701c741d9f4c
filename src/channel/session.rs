//! Requests as a minion seals them, and replies as it opens them. salt-wire.md §6.1, §6.3.

use bytes::Bytes;

use super::minion_auth::{Credentials, Identity};
use super::{ChannelError, PROTOCOL_VERSION, new_nonce, pack_map};
use crate::crypt::{CryptError, Crypticle, SigningAlgorithm};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode_shared, encode_map};
use crate::value::{Map, Value};

/// A request on its way: the body to send, and what the reply has to begin with.
#[derive(Debug)]
pub struct SealedRequest {
    pub body: Vec<u8>,
    pub nonce: String,
}

/// A minion's side of an authenticated connection.
#[derive(Clone, Debug)]
pub struct Session {
    identity: Identity,
    credentials: Credentials,
    crypticle: Crypticle,
}

impl Session {
    /// A session with the credentials of an accepted `_auth`.
    pub fn new(identity: Identity, credentials: Credentials) -> Self {
        let crypticle = Crypticle::new(&credentials.session);
        Session { identity, credentials, crypticle }
    }

    /// Who we are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the master gave.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Seals `load` for the master; `now` is Unix time in seconds.
    pub fn request(&self, mut load: Map, now: i64) -> SealedRequest {
        let nonce = new_nonce();
        load.insert("nonce", nonce.as_str());
        load.insert("ts", now);
        load.insert("tok", self.identity.tok.clone());
        load.insert("id", self.identity.id.as_str());
        let sealed = self.crypticle.encrypt(&pack_map(&load), None);
        let body = pack_map(&map! {
            "enc" => "aes",
            "load" => Value::Bytes(sealed.into()),
            "version" => PROTOCOL_VERSION,
            "id" => self.identity.id.as_str(),
            "enc_algo" => self.identity.encryption.name(),
            "sig_algo" => self.identity.signing.name(),
        });
        SealedRequest { body, nonce }
    }

    /// As [`Session::request`], with a signature of our key in `sig`: over the load as the master has it when it looks
    /// (`nonce` and `tok` taken out, `ts` still there), packed with bin types. Salt itself leaves `ts` out of what it
    /// signs, so that its masters never find its signatures right. Costs a private operation. salt-wire.md §10.1.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn signed_request(&self, mut load: Map, now: i64) -> Result<SealedRequest, CryptError> {
        load.remove("sig");
        load.insert("ts", now);
        load.insert("id", self.identity.id.as_str());
        let message = encode_map(&load, Dialect::Bin);
        let sig = self.identity.key.sign(SigningAlgorithm::Pkcs1v15Sha1, &message)?;
        load.insert("sig", Value::Bytes(sig.into()));
        Ok(self.request(load, now))
    }

    /// Opens the reply to a request with `nonce`.
    ///
    /// # Errors
    /// [`ChannelError::Refused`] for a bare text, [`ChannelError::Crypt`] for a ciphertext that is not for us: both
    /// mean that the session is over and the minion has to authenticate again.
    pub fn reply(&self, body: &Bytes, nonce: &str, reading: Reading) -> Result<Value, ChannelError> {
        // Salt hands an empty reply on as it is: anybody on the way could then acknowledge a return.
        if body.is_empty() {
            return Err(ChannelError::Refused("an empty reply".to_owned()));
        }
        match decode_shared(body, Reading::Wire)? {
            Value::Text(text) => Err(ChannelError::Refused(text)),
            Value::Map(map) if map.contains("msg") => {
                Err(ChannelError::Refused(map.str("msg").unwrap_or_default().to_owned()))
            }
            Value::Bytes(sealed) => {
                let plaintext = self.crypticle.decrypt(&sealed)?;
                Ok(decode_shared(&plaintext.into_msgpack_after(nonce)?, reading)?)
            }
            // Pillar replies come in clear: the pillar in them is sealed.
            Value::Map(map) if map.contains("pillar") => Ok(Value::Map(map)),
            _ => Err(ChannelError::Field("reply")),
        }
    }
}
