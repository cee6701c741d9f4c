//! Requests as the master receives them, and its replies. salt-wire.md §6.

use bytes::Bytes;

use super::pack;
use crate::crypt::{Crypticle, EncryptionAlgorithm, PublicKey, SigningAlgorithm, VerifiedTokens};
use crate::map;
use crate::names::MinionId;
use crate::value::msgpack::{Dialect, Reading, decode, decode_at_most, encode_into, write_text_head};
use crate::value::{Map, Value};

/// Why a request is not served; the peer gets [`Refusal::reply`], the log gets the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not msgpack.
    #[error("the request is not msgpack")]
    Unparsable,
    /// The wrong shape, version, key, id or token.
    #[error("{0}")]
    BadLoad(&'static str),
    /// The load is no map.
    #[error("payload and load are not maps")]
    NotAMap,
    /// The id holds a NUL.
    #[error("the id holds a NUL")]
    NulInId,
    /// The id is not text; holds what it is, as Python prints it.
    #[error("the id {0} is not text")]
    IdNotText(String),
    /// The handler could not work with the load.
    #[error("the load has no command")]
    NoCommand,
}

impl Refusal {
    /// The body that Salt's master answers with: never encrypted.
    pub fn reply(&self) -> Vec<u8> {
        pack(&match self {
            Refusal::Unparsable => map! { "msg" => "bad load" }.into(),
            Refusal::BadLoad(_) => "bad load".into(),
            Refusal::NotAMap => "payload and load must be a dict".into(),
            Refusal::NulInId => "bad load: id contains a null byte".into(),
            Refusal::IdNotText(id) => format!("bad load: id {id} is not a string").into(),
            Refusal::NoCommand => "Some exception handling minion payload".into(),
        })
    }
}

/// A request with its envelope opened.
#[derive(Debug)]
pub enum Request {
    /// `enc: clear`.
    Clear { version: i64, load: Map },
    /// `enc: aes`, still sealed.
    Sealed(Sealed),
}

/// A sealed request.
#[derive(Debug)]
pub struct Sealed {
    pub version: i64,
    /// Who says to send it; v3 only, where it selects the session key.
    pub id: Option<MinionId>,
    pub load: Bytes,
    /// For pillar replies; what cannot be parsed counts as the default, as an unsupported name is answered there.
    pub encryption: EncryptionAlgorithm,
    pub signing: SigningAlgorithm,
}

/// The most values in an envelope, those of a clear load counted: a sealed one is a single value. Anybody may send one.
pub const MAX_VALUES: usize = 500_000;

/// Reads the envelope of a request.
///
/// # Errors
/// [`Refusal`]: the request is answered with it and goes no further.
pub fn parse(body: &[u8], minimum_version: i64) -> Result<Request, Refusal> {
    let parsed = decode_at_most(body, Reading::Wire, MAX_VALUES).map_err(|_| Refusal::Unparsable)?;
    let Value::Map(mut envelope) = parsed else {
        return Err(Refusal::BadLoad("the request is not a map"));
    };
    let load = envelope.remove("load").ok_or(Refusal::BadLoad("the request has no load"))?;
    let version = version_of(envelope.get("version"));
    if minimum_version > 0 && version < minimum_version {
        return Err(Refusal::BadLoad("the protocol version is below minimum_auth_version"));
    }
    match envelope.str("enc") {
        Some("clear") => match load {
            Value::Map(load) => {
                check_id(&load)?;
                Ok(Request::Clear { version, load })
            }
            _ => Err(Refusal::NotAMap),
        },
        Some("aes") => {
            let load = match load {
                Value::Bytes(bytes) => bytes.into_bytes(),
                Value::Text(text) => Bytes::from(text),
                _ => return Err(Refusal::NotAMap),
            };
            let id = match version {
                3.. => Some(
                    MinionId::from_value(envelope.get("id"))
                        .map_err(|_| Refusal::BadLoad("the envelope has no valid id"))?,
                ),
                _ => None,
            };
            let algorithm = |key| envelope.str(key).unwrap_or_default();
            Ok(Request::Sealed(Sealed {
                version,
                id,
                load,
                encryption: algorithm("enc_algo").parse().unwrap_or_default(),
                signing: algorithm("sig_algo").parse().unwrap_or_default(),
            }))
        }
        _ => Err(Refusal::BadLoad("enc is neither clear nor aes")),
    }
}

fn check_id(load: &Map) -> Result<(), Refusal> {
    match load.get("id") {
        Some(Value::Text(id)) if id.contains('\0') => Err(Refusal::NulInId),
        Some(Value::Text(_)) | None => Ok(()),
        Some(other) => Err(Refusal::IdNotText(crate::value::str_of(other))),
    }
}

/// What is not an integer counts as 0.
fn version_of(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Int(version)) => *version,
        Some(Value::Text(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Float(version)) => *version as i64,
        _ => 0,
    }
}

/// A sealed request opened and checked: the command of a known minion.
#[derive(Debug)]
pub struct Opened {
    /// The sender. Proven by session key and token for version 3; for older versions only where `proven`.
    pub id: MinionId,
    /// A token was there and belongs to the id's accepted key.
    pub proven: bool,
    pub version: i64,
    /// To be put in front of the reply.
    pub nonce: Option<String>,
    /// The load without `nonce` and `tok`. `ts` stays, as in Salt.
    pub load: Map,
}

/// How old a request may be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Unix seconds.
    pub now: i64,
    /// `request_server_ttl` in seconds; 0 for any age.
    pub ttl: i64,
}

/// Opens a sealed request with `crypticle` (the session key of its id, or the master's AES key below version 3) and
/// checks id, age and token. `key_of` gives the accepted key of an id.
///
/// # Errors
/// [`Refusal`]: the request is answered with it and goes no further.
pub fn open(
    sealed: &Sealed,
    crypticle: &Crypticle,
    freshness: Freshness,
    tokens: &VerifiedTokens,
    key_of: impl FnOnce(&MinionId) -> Option<PublicKey>,
) -> Result<Opened, Refusal> {
    let plaintext = crypticle
        .decrypt(&sealed.load)
        .map_err(|_| Refusal::BadLoad("the load was not sealed with our key"))?;
    let Ok(Value::Map(mut load)) = decode(plaintext.msgpack(), Reading::Wire) else {
        return Err(Refusal::NotAMap);
    };
    check_id(&load)?;
    let nonce = match load.remove("nonce") {
        Some(Value::Text(nonce))
            if sealed.version > 1 && nonce.len() == crate::crypt::crypticle::NONCE_BYTES =>
        {
            Some(nonce)
        }
        Some(Value::Text(nonce)) if nonce.is_empty() => None,
        None => None,
        Some(_) => return Err(Refusal::BadLoad("the nonce is not 32 characters of text")),
    };
    let id =
        MinionId::from_value(load.get("id")).map_err(|_| Refusal::BadLoad("the load has no valid id"))?;
    if sealed.version >= 3 {
        if sealed.id.as_ref() != Some(&id) {
            return Err(Refusal::BadLoad("the id of the load is not that of the envelope"));
        }
        let sent = load.get("ts").and_then(Value::as_float).unwrap_or(0.0) as i64;
        if freshness.ttl > 0 && freshness.now.saturating_sub(sent) > freshness.ttl {
            return Err(Refusal::BadLoad("the request is older than request_server_ttl"));
        }
    }
    let proven = match load.remove("tok") {
        Some(tok) => {
            let tok = tok.as_octets().ok_or(Refusal::BadLoad("the token is not bytes"))?;
            let key = key_of(&id).ok_or(Refusal::BadLoad("the sender's key is not accepted"))?;
            if !tokens.verify(id.as_str(), &key, tok) {
                return Err(Refusal::BadLoad("the token does not belong to the sender's key"));
            }
            true
        }
        None if sealed.version >= 3 => return Err(Refusal::BadLoad("the load has no token")),
        None => false,
    };
    Ok(Opened { id, proven, version: sealed.version, nonce, load })
}

/// Seals a reply: a packed string that holds the ciphertext. A large one is copied once: to where it is sent from.
pub fn seal_reply(crypticle: &Crypticle, reply: &Value, nonce: Option<&str>) -> Vec<u8> {
    seal_written(crypticle, weight(reply), nonce, &|out| encode_into(out, reply, Dialect::Wire))
}

/// Seals a reply that is packed already.
pub fn seal_packed(crypticle: &Crypticle, packed: &[u8], nonce: Option<&str>) -> Vec<u8> {
    seal_written(crypticle, packed.len(), nonce, &|out| out.extend_from_slice(packed))
}

/// Seals what `write` appends: one packed reply, of about `weight` octets.
pub fn seal_written(
    crypticle: &Crypticle,
    weight: usize,
    nonce: Option<&str>,
    write: &dyn Fn(&mut Vec<u8>),
) -> Vec<u8> {
    /// The head of a packed string of up to 4 GiB.
    const HEAD: usize = 5;
    let mut out = Vec::with_capacity(weight + 256);
    out.resize(HEAD, 0);
    crypticle.encrypt_with(&mut out, nonce, write);
    let mut head = Vec::with_capacity(HEAD);
    write_text_head(&mut head, out.len() - HEAD, Dialect::Wire);
    out.drain(..HEAD.saturating_sub(head.len()));
    out.iter_mut().zip(head).for_each(|(place, octet)| *place = octet);
    out
}

/// About how many octets a value has, packed: those of large texts that it holds.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::Map(map) => map.iter().map(|(_, value)| value.as_octets().map_or(0, <[u8]>::len)).sum(),
        other => other.as_octets().map_or(0, <[u8]>::len),
    }
}
