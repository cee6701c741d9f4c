//! The master's AES key from one rotation to the next, and serial numbers against replays.
//! Salt: master.py `SMaster.secrets`, crypt.py `Crypticle.loads` (`serial`).

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::crypticle::Crypticle;
use super::error::CryptError;
use super::key_string::KeyString;
use super::keys::PrivateKey;

/// Last serial of an epoch: Salt keeps it in a signed 64-bit integer.
const MAX_SERIAL: u64 = i64::MAX as u64;

/// One AES key with all that is computed once for it. A rotation replaces the whole.
pub struct AesEpoch {
    key: KeyString,
    crypticle: Crypticle,
    digest: String,
    signer: PrivateKey,
    signature: OnceLock<Vec<u8>>,
    serial: AtomicU64,
}

impl AesEpoch {
    /// Start an epoch with a fresh key; `signer` is the master's (or the cluster's) key.
    pub fn start(signer: PrivateKey) -> Self {
        Self::with_key(KeyString::generate(), signer)
    }

    /// Start an epoch with a given key, as a cluster does with the one on disk.
    pub fn with_key(key: KeyString, signer: PrivateKey) -> Self {
        AesEpoch {
            crypticle: Crypticle::new(&key),
            digest: key.digest(),
            key,
            signer,
            signature: OnceLock::new(),
            serial: AtomicU64::new(0),
        }
    }

    /// The key string, to be encrypted to each minion (`aes`).
    pub fn key(&self) -> &KeyString {
        &self.key
    }

    /// Seals and opens with this key.
    pub fn crypticle(&self) -> &Crypticle {
        &self.crypticle
    }

    /// Lower-case hex SHA-256 of the key string.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The X9.31 signature over [`AesEpoch::digest`] (`sig` in an auth reply). The first call costs a
    /// private operation, the others nothing.
    ///
    /// # Errors
    /// [`CryptError::Fault`].
    pub fn signature(&self) -> Result<&[u8], CryptError> {
        if let Some(signature) = self.signature.get() {
            return Ok(signature);
        }
        let signature = self.signer.private_encrypt(self.digest.as_bytes())?;
        Ok(self.signature.get_or_init(|| signature))
    }

    /// The next serial of a publish, from 1 on. `None` when they are used up: rotate.
    pub fn next_serial(&self) -> Option<u64> {
        self.serial
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |serial| {
                (serial < MAX_SERIAL).then_some(serial + 1)
            })
            .ok()
            .map(|serial| serial + 1)
    }
}

impl fmt::Debug for AesEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesEpoch").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// The receiver's memory of one key's serials. Start a new one with every new key.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastSerial(i64);

impl LastSerial {
    /// The last one that was accepted.
    pub fn last(self) -> i64 {
        self.0
    }

    /// Whether a message with `serial` is new; if so, remember it. A refused message is a replay and
    /// counts as an empty map. Gaps are normal.
    pub fn accept(&mut self, serial: i64) -> bool {
        let new = serial > self.0;
        if new {
            self.0 = serial;
        }
        new
    }
}
