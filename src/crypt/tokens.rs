//! Which tokens have been verified already: `tok` never changes for a key, so checking it once per
//! minion is enough. Salt: master.py `AESFuncs.verify_minion`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::keys::{KeyId, PublicKey};

/// What a token says.
const TOKEN_MESSAGE: &[u8] = b"salt";

type Hash = [u8; 32];

/// A bounded memory of tokens that verified, by minion id and key. Failures are not remembered.
///
/// Two generations: when the young one is full it becomes the old one, and the old one is forgotten.
/// An entry in use moves back to the young one.
pub struct VerifiedTokens {
    per_generation: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Hash, Hash>,
    old: HashMap<Hash, Hash>,
}

impl VerifiedTokens {
    /// Remember at least `capacity / 2` and at most `capacity` tokens, about 80 bytes each.
    pub fn new(capacity: usize) -> Self {
        VerifiedTokens { per_generation: (capacity / 2).max(1), generations: Mutex::default() }
    }

    /// Whether `tok` is the token of the minion `id` with the accepted key `key`. Costs a public
    /// operation the first time and two hashes afterwards.
    pub fn verify(&self, id: &str, key: &PublicKey, tok: &[u8]) -> bool {
        let name = name(id, key.id());
        let hash: Hash = Sha256::digest(tok).into();
        if self.recall(&name) == Some(hash) {
            return true;
        }
        // Outside the lock: other minions need not wait for this one.
        let verified = key.recover(tok).is_ok_and(|message| message == TOKEN_MESSAGE);
        if verified {
            self.remember(name, hash);
        }
        verified
    }

    /// Forget everything, as when keys were changed on disk behind our back.
    pub fn clear(&self) {
        *self.lock() = Generations::default();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    fn recall(&self, name: &Hash) -> Option<Hash> {
        let generations = &mut *self.lock();
        if let Some(hash) = generations.young.get(name) {
            return Some(*hash);
        }
        let hash = generations.old.remove(name)?;
        self.insert(generations, *name, hash);
        Some(hash)
    }

    fn remember(&self, name: Hash, hash: Hash) {
        self.insert(&mut self.lock(), name, hash);
    }

    fn insert(&self, generations: &mut Generations, name: Hash, hash: Hash) {
        if generations.young.len() >= self.per_generation {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(name, hash);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Every state of the maps is a valid one, also after a panic elsewhere.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedTokens").field("per_generation", &self.per_generation).finish_non_exhaustive()
    }
}

fn name(id: &str, key: KeyId) -> Hash {
    let mut hash = Sha256::new();
    hash.update(key.0);
    hash.update(id.as_bytes());
    hash.finalize().into()
}
