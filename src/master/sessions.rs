//! Session keys: one per minion, on disk as Salt has them so that they survive a restart. salt-wire.md §8.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::crypt::keys::KeyId;
use crate::crypt::{Crypticle, KeyString};
use crate::host::write_cache_file;
use crate::names::MinionId;

/// The session key of one minion.
pub struct SessionKey {
    pub key: KeyString,
    pub crypticle: Crypticle,
    made: SystemTime,
    /// Whose it is; `None`: read from disk, whose token is yet to be seen.
    owner: Option<KeyId>,
}

/// All session keys. Held in memory for minions that have spoken; read from disk for those that have not yet.
pub struct Sessions {
    dir: PathBuf,
    /// `publish_session`: how long a key is used.
    life: Duration,
    known: RwLock<HashMap<MinionId, Arc<SessionKey>>>,
}

impl Sessions {
    /// Keys in `<cachedir>/sessions`, each used for `life`.
    pub fn new(dir: PathBuf, life: Duration) -> Self {
        Sessions { dir, life, known: RwLock::default() }
    }

    /// The key of a minion if it is in memory and young enough.
    pub fn known(&self, id: &MinionId, now: SystemTime) -> Option<Arc<SessionKey>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|key| self.is_young(key.made, now)).cloned()
    }

    /// The key of a minion from disk, for requests of minions that authenticated before this master started. Reads a
    /// file.
    pub fn load(&self, id: &MinionId, now: SystemTime) -> Option<Arc<SessionKey>> {
        let path = self.dir.join(id.as_str());
        let made = fs::metadata(&path).and_then(|stat| stat.modified()).ok()?;
        if !self.is_young(made, now) {
            return None;
        }
        let key = KeyString::parse(fs::read(&path).ok()?).ok()?;
        Some(self.remember(id, key, made, None))
    }

    /// The key for an accepted minion: the one it has, or a new one, also when another public key than before is
    /// accepted under its id. Reads and perhaps writes a file.
    ///
    /// # Errors
    /// When a new key cannot be written.
    pub fn load_or_make(
        &self,
        id: &MinionId,
        owner: KeyId,
        now: SystemTime,
    ) -> std::io::Result<Arc<SessionKey>> {
        match self.known(id, now).or_else(|| self.load(id, now)) {
            Some(session) if session.owner == Some(owner) => return Ok(session),
            Some(session) if session.owner.is_none() => {
                return Ok(self.remember(id, session.key.clone(), session.made, Some(owner)));
            }
            _ => {}
        }
        fs::create_dir_all(&self.dir)?;
        let key = KeyString::generate();
        write_cache_file(&self.dir.join(id.as_str()), key.as_str().as_bytes(), 0o600)?;
        Ok(self.remember(id, key, now, Some(owner)))
    }

    /// Ids of minions whose sessions are in memory.
    pub fn ids(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys().map(|id| id.as_str().to_owned()).collect()
    }

    /// Ends the session of a minion, with its file.
    pub fn forget(&self, id: &str) {
        if let Ok(id) = MinionId::parse(id) {
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
            let _ = fs::remove_file(self.dir.join(id.as_str()));
        }
    }

    /// Forgets minions whose key is no longer accepted, with their files.
    pub fn retain(&self, is_accepted: impl Fn(&str) -> bool) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| is_accepted(id.as_str()));
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|name| !is_accepted(name)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn remember(
        &self,
        id: &MinionId,
        key: KeyString,
        made: SystemTime,
        owner: Option<KeyId>,
    ) -> Arc<SessionKey> {
        let session = Arc::new(SessionKey { crypticle: Crypticle::new(&key), key, made, owner });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), session.clone());
        session
    }

    fn is_young(&self, made: SystemTime, now: SystemTime) -> bool {
        now.duration_since(made).unwrap_or_default() < self.life
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: KeyId = KeyId([1; 32]);

    #[test]
    fn a_key_outlives_the_master_but_not_its_time() {
        let dir = std::env::temp_dir().join(format!("halite-sessions-{}", std::process::id()));
        let id = MinionId::parse("web1").expect("an id");
        let now = SystemTime::now();
        let life = Duration::from_secs(60);
        let sessions = Sessions::new(dir.clone(), life);
        assert!(sessions.load(&id, now).is_none(), "a request makes no key");
        let first = sessions.load_or_make(&id, OWNER, now).expect("made");
        let restarted = Sessions::new(dir.clone(), life);
        assert!(restarted.known(&id, now).is_none());
        let again = restarted.load(&id, now).expect("loaded");
        assert_eq!(first.key.as_str(), again.key.as_str());
        let later = now + life * 2;
        assert!(restarted.known(&id, later).is_none() && restarted.load(&id, later).is_none());
        let renewed = restarted.load_or_make(&id, OWNER, later).expect("made");
        assert_ne!(first.key.as_str(), renewed.key.as_str());
        let others = restarted.load_or_make(&id, KeyId([2; 32]), later).expect("made");
        assert_ne!(others.key.as_str(), renewed.key.as_str(), "another public key has another session");
        fs::write(dir.join("web1"), "cut").expect("written");
        assert!(Sessions::new(dir.clone(), life).load(&id, now).is_none(), "a damaged file is no key");
        restarted.retain(|_| false);
        assert!(!dir.join("web1").exists() && restarted.known(&id, now).is_none());
        fs::remove_dir_all(dir).expect("removed");
    }
}
