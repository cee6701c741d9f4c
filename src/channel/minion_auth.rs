//! `_auth` from the minion's side: what it asks, and what it believes of the answer. salt-wire.md §7.1, §7.5.

use bytes::Bytes;
use thiserror::Error;

use super::{ChannelError, HALITE, PROTOCOL_VERSION, TOKEN_MESSAGE, pack_map};
use crate::crypt::{
    CryptError, EncryptionAlgorithm, HashType, KeyString, PrivateKey, PublicKey, SigningAlgorithm, pem,
};
use crate::map;
use crate::names::MinionId;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value};

/// Who a minion is: its id, its key, and the token that the key makes.
#[derive(Clone, Debug)]
pub struct Identity {
    pub id: MinionId,
    pub key: PrivateKey,
    /// X9.31 of `salt`: constant for a key, so made once.
    pub tok: Bytes,
    /// Sent to the master encrypted, to come back encrypted: made once per process.
    pub token: KeyString,
    pub encryption: EncryptionAlgorithm,
    pub signing: SigningAlgorithm,
}

impl Identity {
    /// Makes the tokens. Costs a private operation.
    ///
    /// # Errors
    /// When the key cannot make them.
    pub fn new(
        id: MinionId,
        key: PrivateKey,
        encryption: EncryptionAlgorithm,
        signing: SigningAlgorithm,
    ) -> Result<Self, CryptError> {
        let tok = key.private_encrypt(TOKEN_MESSAGE)?.into();
        Ok(Identity { id, key, tok, token: KeyString::generate(), encryption, signing })
    }
}

/// How the master has to prove itself.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The master's key as stored on first contact (`minion_master.pub`).
    pub pinned: Option<String>,
    /// `open_mode`: any master will do.
    pub open_mode: bool,
    /// `verify_master_pubkey_sign`: the key that signs master keys.
    pub sign_key: Option<PublicKey>,
    /// `always_verify_signature`.
    pub always_verify_signature: bool,
    /// `master_finger`, empty for none.
    pub master_finger: String,
    pub hash_type: HashType,
    /// `autosign_grains`: sent along if not empty.
    pub autosign_grains: Map,
}

/// An `_auth` on its way.
#[derive(Clone, Debug)]
pub struct AuthRequest {
    pub body: Vec<u8>,
    nonce: String,
    /// A token was sent, so the reply must bring it back.
    token_sent: bool,
}

impl AuthRequest {
    /// Builds the request.
    ///
    /// # Errors
    /// When the pinned key cannot be read.
    pub fn new(identity: &Identity, trust: &Trust, nonce: String) -> Result<Self, CryptError> {
        let mut load = map! {
            "cmd" => "_auth",
            "id" => identity.id.as_str(),
            "nonce" => nonce.as_str(),
            "enc_algo" => identity.encryption.name(),
            "sig_algo" => identity.signing.name(),
        };
        if !trust.autosign_grains.is_empty() {
            load.insert("autosign_grains", trust.autosign_grains.clone());
        }
        let mut token_sent = false;
        if let Some(pinned) = &trust.pinned {
            let token = identity.token.as_str().as_bytes();
            let sealed = PublicKey::from_pem(pinned)?.encrypt(identity.encryption, token)?;
            load.insert("token", Value::Bytes(sealed.into()));
            token_sent = true;
        }
        load.insert("pub", identity.key.public_key().to_clean_pem());
        let body = pack_map(&map! { "enc" => "clear", "load" => load, "version" => PROTOCOL_VERSION });
        Ok(AuthRequest { body, nonce, token_sent })
    }
}

/// What the master gives to an accepted minion.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Opens publishes.
    pub aes: KeyString,
    /// Seals requests.
    pub session: KeyString,
    pub publish_port: u16,
    pub master_key: PublicKey,
    /// Whether the master is one of ours ([`HALITE`]).
    pub halite: bool,
}

/// What came of an `_auth`.
#[derive(Debug)]
pub enum AuthOutcome {
    Accepted {
        credentials: Box<Credentials>,
        /// The master's key, to be stored as `minion_master.pub`: first contact, or a signed change.
        pin: Option<String>,
    },
    /// The key waits for an operator.
    Pending,
    /// The key was rejected or denied.
    Rejected,
    /// `max_minions` is reached.
    Full,
}

/// Why the master is not believed.
#[derive(Debug, Error)]
pub enum AuthError {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("the master does not support this minion's {0}")]
    UnsupportedAlgorithm(String),
    #[error("the signature on the master's reply is not by the master's key")]
    InvalidSignature,
    #[error("the reply answers another request (its nonce differs)")]
    WrongNonce,
    #[error(
        "The Salt Master server's public key did not authenticate! (the master's key has changed: its fingerprint is \
         {found}, the one stored is {stored}). If this is the right master, remove minion_master.pub from the minion's \
         pki_dir and restart the minion"
    )]
    MasterKeyChanged { found: String, stored: String },
    #[error("the master's fingerprint {found} is not the configured master_finger {expected}")]
    FingerMismatch { found: String, expected: String },
    #[error("the master signs its public key, but verify_master_pubkey_sign is off")]
    UnexpectedPubSig,
    #[error("verify_master_pubkey_sign is on, but the master did not sign its public key")]
    MissingPubSig,
    #[error("the master's public key is not signed by the configured key")]
    BadPubSig,
    #[error("the master did not bring back our token: it does not own its key")]
    WrongToken,
    #[error("the master's AES key is not signed by its public key")]
    BadAesSignature,
    #[error("the master speaks an older protocol (no session key): it has to be upgraded before this minion")]
    OldMaster,
}

impl From<CryptError> for AuthError {
    fn from(error: CryptError) -> Self {
        AuthError::Channel(error.into())
    }
}

/// Judges the master's answer. Costs up to three private operations: keep it off an event loop.
///
/// # Errors
/// [`AuthError`]: the master is not believed, nothing was changed.
pub fn judge(
    body: &[u8],
    request: &AuthRequest,
    identity: &Identity,
    trust: &Trust,
) -> Result<AuthOutcome, AuthError> {
    let field = |name| AuthError::Channel(ChannelError::Field(name));
    let reply = match decode(body, Reading::Wire).map_err(ChannelError::from)? {
        Value::Map(reply) => reply,
        Value::Text(text) => return Err(ChannelError::Refused(text).into()),
        _ => return Err(field("load")),
    };
    let signed = match reply.get("load") {
        Some(Value::Map(load)) => {
            // The two refusals that Salt's master does not sign.
            return Err(match load.str("ret") {
                Some(ret @ ("bad enc algo" | "bad sig algo")) => {
                    AuthError::UnsupportedAlgorithm(ret.to_owned())
                }
                _ => field("load"),
            });
        }
        Some(load) => load.as_octets().ok_or_else(|| field("load"))?,
        None => return Err(field("load")),
    };
    let Value::Map(load) = decode(signed, Reading::Wire).map_err(ChannelError::from)? else {
        return Err(field("load"));
    };
    let accepted = match load.str("pub_key") {
        Some(pub_key) => Some(accept(&load, pub_key, request, identity, trust)?),
        None => None,
    };
    // First contact: the key just received is the one to be trusted from now on.
    let verifier = match (&accepted, &trust.pinned) {
        (Some((credentials, _)), _) => Some(credentials.master_key.clone()),
        (None, Some(pinned)) => Some(PublicKey::from_pem(pinned)?),
        (None, None) => None,
    };
    if let Some(verifier) = verifier {
        let signature = reply.get("sig").and_then(Value::as_octets).ok_or(AuthError::InvalidSignature)?;
        verifier.verify(identity.signing, signed, signature).map_err(|_| AuthError::InvalidSignature)?;
    }
    if load.str("nonce") != Some(request.nonce.as_str()) {
        return Err(AuthError::WrongNonce);
    }
    match (accepted, load.get("ret")) {
        (Some((credentials, pin)), None) => {
            Ok(AuthOutcome::Accepted { credentials: Box::new(credentials), pin })
        }
        (_, Some(Value::Bool(false))) => Ok(AuthOutcome::Rejected),
        (_, Some(Value::Text(text))) if text == "full" => Ok(AuthOutcome::Full),
        (_, Some(_)) => Ok(AuthOutcome::Pending),
        (None, None) => Err(field("ret")),
    }
}

fn accept(
    load: &Map,
    pub_key: &str,
    request: &AuthRequest,
    identity: &Identity,
    trust: &Trust,
) -> Result<(Credentials, Option<String>), AuthError> {
    let field = |name| AuthError::Channel(ChannelError::Field(name));
    let octets = |name: &'static str| load.get(name).and_then(Value::as_octets).ok_or_else(|| field(name));
    let master_key = PublicKey::from_pem(pub_key)?;
    let changed = match &trust.pinned {
        Some(pinned) if pem::clean_key(pinned) == pem::clean_key(pub_key) => false,
        Some(_) if trust.open_mode => true,
        Some(pinned) => {
            // A changed key is believed only if the signing key vouches for it.
            let vouched = match &trust.sign_key {
                Some(sign_key) => verify_pub_sig(load, pub_key, sign_key, identity.signing),
                None => Err(AuthError::MissingPubSig),
            };
            if vouched.is_err() {
                return Err(AuthError::MasterKeyChanged {
                    found: master_key.fingerprint(trust.hash_type),
                    stored: pem::fingerprint(pinned, trust.hash_type),
                });
            }
            true
        }
        None => true,
    };
    match (&trust.sign_key, load.contains("pub_sig")) {
        (None, true) => return Err(AuthError::UnexpectedPubSig),
        (Some(_), false) => return Err(AuthError::MissingPubSig),
        (Some(sign_key), true) if changed || trust.always_verify_signature => {
            verify_pub_sig(load, pub_key, sign_key, identity.signing)?;
        }
        _ => {}
    }
    let finger = master_key.fingerprint(trust.hash_type);
    if !trust.master_finger.is_empty() && !trust.master_finger.eq_ignore_ascii_case(&finger) {
        return Err(AuthError::FingerMismatch { found: finger, expected: trust.master_finger.clone() });
    }
    let secret = |name| -> Result<KeyString, AuthError> {
        let opened = identity.key.decrypt(identity.encryption, octets(name)?)?;
        Ok(KeyString::parse(opened.as_slice())?)
    };
    let aes = secret("aes")?;
    let digest = master_key.recover(octets("sig")?).map_err(|_| AuthError::BadAesSignature)?;
    if digest != aes.digest().as_bytes() {
        return Err(AuthError::BadAesSignature);
    }
    if request.token_sent && !changed {
        let token = secret("token").map_err(|_| AuthError::WrongToken)?;
        if token.as_str() != identity.token.as_str() {
            return Err(AuthError::WrongToken);
        }
    }
    if !load.contains("session") {
        return Err(AuthError::OldMaster);
    }
    let session = secret("session")?;
    let publish_port =
        load.get("publish_port").and_then(Value::as_int).and_then(|port| u16::try_from(port).ok());
    let publish_port = publish_port.ok_or_else(|| field("publish_port"))?;
    let pin = changed.then(|| pub_key.to_owned());
    let halite = load.contains(HALITE);
    Ok((Credentials { aes, session, publish_port, master_key, halite }, pin))
}

fn verify_pub_sig(
    load: &Map,
    pub_key: &str,
    sign_key: &PublicKey,
    signing: SigningAlgorithm,
) -> Result<(), AuthError> {
    use base64::Engine;
    let text = load.str("pub_sig").ok_or(AuthError::MissingPubSig)?;
    let packed: String = text.split_ascii_whitespace().collect();
    let signature =
        base64::engine::general_purpose::STANDARD.decode(packed).map_err(|_| AuthError::BadPubSig)?;
    sign_key.verify(signing, pub_key.as_bytes(), &signature).map_err(|_| AuthError::BadPubSig)
}
