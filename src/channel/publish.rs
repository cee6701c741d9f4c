//! Publishes: wrapped once by the master, opened by every minion. salt-wire.md §2.4, §9.

use super::{ChannelError, pack_map};
use crate::crypt::{
    AesEpoch, CryptError, Crypticle, HashType, KeyString, LastSerial, PrivateKey, PublicKey, SigningAlgorithm,
};
use crate::map;
use crate::value::msgpack::{Reading, decode};
use crate::value::{Map, Value};

/// The topic for everybody, where the master filters.
pub const TOPIC_BROADCAST: &str = "broadcast";
/// The topic for syndics.
pub const TOPIC_SYNDIC: &str = "syndic";

/// The topic of one minion: lower-case hex SHA-1 of its id.
pub fn topic_of(id: &str) -> String {
    HashType::Sha1.hex(id)
}

/// Seals a publish load, with a signature if there is a signer. Costs a private operation: once per job.
///
/// # Errors
/// When signing fails. `None` in the result: the serials are used up, rotate the AES key.
pub fn wrap(
    mut load: Map,
    epoch: &AesEpoch,
    signer: Option<(&PrivateKey, SigningAlgorithm)>,
) -> Result<Option<Vec<u8>>, CryptError> {
    let Some(serial) = epoch.next_serial() else {
        return Ok(None);
    };
    load.insert("serial", serial);
    let sealed = epoch.crypticle().encrypt(&pack_map(&load), None);
    let signature = match signer {
        Some((key, algorithm)) => Some((key.sign(algorithm, &sealed)?, algorithm)),
        None => None,
    };
    let mut payload = map! { "enc" => "aes", "load" => Value::Bytes(sealed.into()) };
    if let Some((signature, algorithm)) = signature {
        payload.insert("sig_algo", algorithm.name());
        payload.insert("sig", Value::Bytes(signature.into()));
    }
    Ok(Some(pack_map(&payload)))
}

/// A minion's ear: opens publishes of one master.
#[derive(Debug)]
pub struct Listener {
    crypticle: Crypticle,
    aes: String,
    last: LastSerial,
    /// The master's key, where signatures are required (`sign_pub_messages`, with us on by default).
    verifier: Option<PublicKey>,
    /// The weakest algorithm allowed: never the message's own choice.
    weakest: SigningAlgorithm,
}

impl Listener {
    /// A listener with the AES key of an accepted `_auth`.
    pub fn new(aes: &KeyString, verifier: Option<PublicKey>, weakest: SigningAlgorithm) -> Self {
        Listener {
            crypticle: Crypticle::new(aes),
            aes: aes.as_str().to_owned(),
            last: LastSerial::default(),
            verifier,
            weakest,
        }
    }

    /// Takes the keys of a new `_auth`. Serials start again only with a new AES key.
    pub fn renew(&mut self, aes: &KeyString, verifier: Option<PublicKey>) {
        self.verifier = verifier;
        if self.aes != aes.as_str() {
            self.crypticle = Crypticle::new(aes);
            aes.as_str().clone_into(&mut self.aes);
            self.last = LastSerial::default();
        }
    }

    /// The AES key, and the last serial that was opened with it.
    pub fn last(&self) -> (&str, i64) {
        (&self.aes, self.last.last())
    }

    /// Opens nothing up to this serial, as an earlier listener with the same AES key has.
    pub fn resume(&mut self, serial: i64) {
        self.last.accept(serial);
    }

    /// Opens a payload: the publish load without its serial.
    ///
    /// # Errors
    /// [`ChannelError::Crypt`] with [`CryptError::Authentication`] means that the AES key has changed: authenticate
    /// again and open the same payload once more. All other errors: drop it.
    pub fn open(&mut self, payload: &[u8]) -> Result<Map, ChannelError> {
        let Value::Map(payload) = decode(payload, Reading::Wire)? else {
            return Err(ChannelError::Field("payload"));
        };
        match payload.get("enc") {
            Some(Value::Text(enc)) if enc == "aes" => {}
            Some(other) => return Err(ChannelError::NotEncrypted(crate::value::repr(other))),
            None => return Err(ChannelError::Field("enc")),
        }
        let sealed = payload.get("load").and_then(Value::as_octets).ok_or(ChannelError::Field("load"))?;
        if let Some(verifier) = &self.verifier {
            let signature = payload.get("sig").and_then(Value::as_octets).ok_or(ChannelError::Unsigned)?;
            let name = payload.str("sig_algo").unwrap_or(SigningAlgorithm::Pkcs1v15Sha1.name());
            let algorithm: SigningAlgorithm = name.parse()?;
            if self.weakest == SigningAlgorithm::Pkcs1v15Sha224 && algorithm == SigningAlgorithm::Pkcs1v15Sha1
            {
                return Err(ChannelError::AlgorithmNotAllowed(name.to_owned()));
            }
            verifier.verify(algorithm, sealed, signature)?;
        }
        let plaintext = self.crypticle.decrypt(sealed)?;
        let Value::Map(mut load) = decode(plaintext.msgpack(), Reading::Wire)? else {
            return Err(ChannelError::Field("load"));
        };
        if let Some(serial) = load.remove("serial") {
            let serial = serial.as_int().ok_or(ChannelError::Field("serial"))?;
            if !self.last.accept(serial) {
                return Err(ChannelError::Replay(serial));
            }
        }
        Ok(load)
    }
}
