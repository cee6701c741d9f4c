//! Pillar replies: sealed for one minion, signed, and bound to its request. salt-wire.md §12.3.

use super::minion_auth::Identity;
use super::{ChannelError, pack, pack_map};
use crate::crypt::{
    CryptError, Crypticle, EncryptionAlgorithm, KeyString, PrivateKey, PublicKey, SigningAlgorithm,
};
use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode, encode_packed_into};
use crate::value::{Map, Value};

/// A field that Salt's masters do not send and Salt's minions do not look at.
const SECRETS: &str = "secrets";

/// Who a pillar is for, and how.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    pub key: &'a PublicKey,
    pub version: i64,
    pub nonce: Option<&'a str>,
    pub encryption: EncryptionAlgorithm,
    pub signing: SigningAlgorithm,
}

/// The body of a pillar reply; what of it may not be shown goes along, where only our minions look. Costs a private operation: run it on the pool.
///
/// # Errors
/// When the minion's key cannot be used, or signing fails.
pub fn seal(
    pillar: &Map,
    secrets: &[String],
    master: &PrivateKey,
    to: Recipient<'_>,
) -> Result<Vec<u8>, CryptError> {
    let fresh = KeyString::generate();
    let key = Value::Bytes(to.key.encrypt(to.encryption, fresh.as_str().as_bytes())?.into());
    let pillar = pack_map(pillar);
    let inner = if to.version < 2 {
        pillar
    } else {
        let Some(nonce) = to.nonce else {
            return Ok(pack_map(&map! { "error" => "Nonce not included in request" }));
        };
        let (packed_key, nonce) = (pack(&key), pack(&nonce.into()));
        let mut data = Vec::with_capacity(pillar.len() + 512);
        let secrets = (!secrets.is_empty()).then(|| pack(&Value::list(secrets.to_vec())));
        let mut entries = vec![("key", packed_key.as_slice()), ("pillar", &pillar), ("nonce", &nonce)];
        entries.extend(secrets.as_deref().map(|secrets| (SECRETS, secrets)));
        encode_packed_into(&mut data, &entries, Dialect::Wire);
        let signature = master.sign(to.signing, &data)?;
        pack_map(&map! { "data" => Value::Bytes(data.into()), "sig" => Value::Bytes(signature.into()) })
    };
    let sealed = Crypticle::new(&fresh).encrypt(&inner, None);
    Ok(pack_map(&map! { "key" => key, "pillar" => Value::Bytes(sealed.into()) }))
}

/// Opens the reply to a `_pillar` request with `nonce`: the pillar, and what of it may not be shown. Costs a private
/// operation.
///
/// # Errors
/// [`ChannelError`]: the pillar is not the master's, not for us, or not for this request.
pub fn open(
    reply: &Map,
    identity: &Identity,
    master: &PublicKey,
    nonce: &str,
) -> Result<(Map, Vec<String>), ChannelError> {
    if let Some(error) = reply.str("error") {
        return Err(ChannelError::Refused(error.to_owned()));
    }
    let octets = |map: &Map, name: &'static str| -> Result<Vec<u8>, ChannelError> {
        Ok(map.get(name).and_then(Value::as_octets).ok_or(ChannelError::Field(name))?.to_vec())
    };
    let key = octets(reply, "key")?;
    let fresh = KeyString::parse(identity.key.decrypt(identity.encryption, &key)?.as_slice())?;
    let plaintext = Crypticle::new(&fresh).decrypt(&octets(reply, "pillar")?)?;
    let Value::Map(signed) = decode(plaintext.msgpack(), Reading::Wire)? else {
        return Err(ChannelError::Field("pillar"));
    };
    let data = octets(&signed, "data")?;
    master.verify(identity.signing, &data, &octets(&signed, "sig")?)?;
    let Value::Map(mut data) = decode(&data, Reading::Wire)? else {
        return Err(ChannelError::Field("data"));
    };
    if octets(&data, "key")? != key {
        return Err(ChannelError::Field("key"));
    }
    if data.str("nonce") != Some(nonce) {
        return Err(CryptError::Nonce.into());
    }
    let secrets = data.get(SECRETS).and_then(Value::as_list).unwrap_or_default();
    let secrets = secrets.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match data.remove("pillar") {
        Some(Value::Map(pillar)) => Ok((pillar, secrets)),
        _ => Err(ChannelError::Field("pillar")),
    }
}
