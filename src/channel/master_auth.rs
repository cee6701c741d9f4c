//! `_auth` from the master's side: reading the request, writing the reply. Who is accepted is decided in
//! `master::key_store`. salt-wire.md §7.

use super::{HALITE, pack, pack_map};
use crate::crypt::{
    AesEpoch, CryptError, EncryptionAlgorithm, KeyString, PrivateKey, PublicKey, SigningAlgorithm, pem,
};
use crate::map;
use crate::names::{MinionId, NameError};
use crate::value::{Map, Value};

/// A parsed `_auth`.
#[derive(Clone, Debug)]
pub struct AuthLoad {
    pub version: i64,
    /// `Err` for what cannot be an id: refused, and no file is made for it.
    pub id: Result<MinionId, NameError>,
    /// The minion's public key, cleaned.
    pub pub_pem: String,
    pub token: Option<Vec<u8>>,
    pub nonce: Option<String>,
    /// `Err` with the name for what is not supported.
    pub encryption: Result<EncryptionAlgorithm, CryptError>,
    pub signing: Result<SigningAlgorithm, CryptError>,
    pub autosign_grains: Map,
}

impl AuthLoad {
    /// Reads a clear load whose `cmd` is `_auth`. Fields that are missing or odd count as empty.
    pub fn parse(version: i64, load: &Map) -> Self {
        AuthLoad {
            version,
            id: MinionId::from_value(load.get("id")),
            pub_pem: pem::clean_key(load.str("pub").unwrap_or_default()),
            token: load.get("token").and_then(Value::as_octets).map(<[u8]>::to_vec),
            nonce: load.str("nonce").map(str::to_owned),
            encryption: load.str("enc_algo").map_or(Ok(EncryptionAlgorithm::default()), str::parse),
            signing: load.str("sig_algo").map_or(Ok(SigningAlgorithm::default()), str::parse),
            autosign_grains: load.get("autosign_grains").and_then(Value::as_map).cloned().unwrap_or_default(),
        }
    }
}

/// What `ret` says to a minion that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `True`: wait for an operator.
    Pending,
    /// `False`.
    Refused,
    /// `"full"`.
    Full,
}

/// What every accepted reply of a master has in common.
#[derive(Clone, Copy)]
pub struct MasterSide<'a> {
    pub key: &'a PrivateKey,
    pub epoch: &'a AesEpoch,
    pub publish_port: u16,
    /// `master_sign_pubkey`: base64 text with a final newline.
    pub pub_sig: Option<&'a str>,
}

/// The reply to a minion that is not accepted.
///
/// # Errors
/// When signing fails.
pub fn refuse(key: &PrivateKey, load: &AuthLoad, verdict: Verdict) -> Result<Vec<u8>, CryptError> {
    let ret: Value = match verdict {
        Verdict::Pending => true.into(),
        Verdict::Refused => false.into(),
        Verdict::Full => "full".into(),
    };
    if load.version < 2 {
        return Ok(unsigned(ret));
    }
    match &load.signing {
        Err(_) => Ok(unsigned("bad sig algo".into())),
        Ok(signing) => signed(key, *signing, map! { "ret" => ret, "nonce" => load.nonce.clone() }),
    }
}

/// The reply to an accepted minion. Costs two private operations with a token, one without: run it on the pool.
///
/// # Errors
/// When the minion's key cannot be used, or signing fails.
pub fn accept(
    master: MasterSide<'_>,
    load: &AuthLoad,
    minion_key: &PublicKey,
    session: &KeyString,
) -> Result<Vec<u8>, CryptError> {
    let Ok(encryption) = load.encryption else {
        return Ok(unsigned("bad enc algo".into()));
    };
    if load.version >= 2 && load.signing.is_err() {
        return Ok(unsigned("bad sig algo".into()));
    }
    let sealed = |secret: &KeyString| -> Result<Value, CryptError> {
        Ok(Value::Bytes(minion_key.encrypt(encryption, secret.as_str().as_bytes())?.into()))
    };
    let mut reply = map! {
        "enc" => "pub",
        "pub_key" => master.key.public_key().to_clean_pem(),
        "publish_port" => master.publish_port,
    };
    if let Some(pub_sig) = master.pub_sig {
        reply.insert("pub_sig", pub_sig);
    }
    if let Some(token) = &load.token {
        // A token that cannot be opened is left out: the minion will see that we do not own the key it knows.
        if let Ok(opened) = master.key.decrypt(encryption, token) {
            let again = minion_key.encrypt(encryption, &opened)?;
            reply.insert("token", Value::Bytes(again.into()));
        }
    }
    reply.insert("aes", sealed(master.epoch.key())?);
    reply.insert("session", sealed(session)?);
    reply.insert("sig", Value::Bytes(master.epoch.signature()?.to_vec().into()));
    if load.version < 2 {
        return Ok(pack_map(&reply));
    }
    reply.insert("nonce", load.nonce.clone());
    reply.insert(HALITE, env!("CARGO_PKG_VERSION"));
    let signing = load.signing.as_ref().copied().unwrap_or_default();
    signed(master.key, signing, reply)
}

fn unsigned(ret: Value) -> Vec<u8> {
    pack_map(&map! { "enc" => "clear", "load" => map! { "ret" => ret } })
}

fn signed(key: &PrivateKey, signing: SigningAlgorithm, load: Map) -> Result<Vec<u8>, CryptError> {
    let load = pack(&Value::Map(load));
    let signature = key.sign(signing, &load)?;
    Ok(pack_map(&map! {
        "enc" => "clear",
        "load" => Value::Bytes(load.into()),
        "sig" => Value::Bytes(signature.into()),
    }))
}
