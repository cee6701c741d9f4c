//! Whether a minion may join: the decision table of `_auth`, and the accepted keys of those who did. Salt:
//! channel/server.py `_auth`; salt-wire.md §7.4. Everything here blocks on the disk.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use super::autosign::Autosign;
use crate::crypt::PublicKey;
use crate::crypt::pem::clean_key;
use crate::keys::{KeyDirs, KeyState};
use crate::map;
use crate::names::MinionId;
use crate::value::{Map, Value};

/// The largest public key that is looked at, in octets: 8192 bits in PEM are 1.5 KiB.
const MAX_PEM: usize = 8 << 10;

/// Keys that may wait for an operator. More are refused: each is a file that a stranger made.
const MAX_PENDING: usize = 100_000;

/// What the table is decided by.
#[derive(Clone, Debug, Default)]
pub struct KeyPolicy {
    pub open_mode: bool,
    /// 0: any number.
    pub max_minions: usize,
    pub autosign: Autosign,
}

impl KeyPolicy {
    /// From the options of a master.
    pub fn from_opts(opts: &Map) -> Self {
        let max_minions = opts.get("max_minions").and_then(Value::as_int).unwrap_or(0);
        KeyPolicy {
            open_mode: opts.get("open_mode").is_some_and(Value::truthy),
            max_minions: usize::try_from(max_minions).unwrap_or(0),
            autosign: Autosign::from_opts(opts),
        }
    }
}

/// Who is connected, for `max_minions`.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    pub count: usize,
    /// The one who asks is connected already.
    pub this_one: bool,
}

/// A request to join.
#[derive(Clone, Copy, Debug)]
pub struct AuthRequest<'a> {
    pub id: &'a MinionId,
    /// Cleaned.
    pub pub_pem: &'a str,
    pub autosign_grains: &'a Map,
    pub connected: Connected,
}

/// What the minion is told.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Welcome; the key to seal for.
    Accepted(PublicKey),
    Pending,
    Refused,
    Full,
}

/// The outcome, and the data of the `salt/auth` event.
#[derive(Clone, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    pub event: Option<Map>,
}

/// What lies on disk about an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    rejected: bool,
    /// `Some(same)`: there is an accepted key, the same as the one sent or not.
    accepted: Option<bool>,
    pending: Option<bool>,
    pending_is_a_directory: bool,
    autoreject: bool,
    autosign: bool,
}

/// What to do on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Write(KeyState),
    /// From pending.
    Move(KeyState),
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ruling {
    step: Step,
    ret: Ret,
    act: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ret {
    Accepted,
    Pending,
    Refused,
}

const fn rule(step: Step, ret: Ret, act: Option<&'static str>) -> Ruling {
    Ruling { step, ret, act }
}

/// The table, from the top down. salt-wire.md §7.4.
fn rule_on(facts: Facts) -> Ruling {
    use Ret::{Accepted, Pending, Refused};
    use Step::{Move, Nothing, Write};
    if facts.rejected {
        return rule(Nothing, Refused, None);
    }
    match (facts.accepted, facts.pending) {
        (Some(false), _) => rule(Write(KeyState::Denied), Refused, Some("denied")),
        (Some(true), _) => rule(Nothing, Accepted, Some("accept")),
        (None, _) if facts.pending_is_a_directory => rule(Nothing, Refused, None),
        (None, None) if facts.autoreject => rule(Write(KeyState::Rejected), Refused, Some("reject")),
        (None, None) if facts.autosign => rule(Write(KeyState::Accepted), Accepted, Some("accept")),
        (None, None) => rule(Write(KeyState::Pending), Pending, Some("pend")),
        (None, Some(_)) if facts.autoreject => rule(Move(KeyState::Rejected), Refused, Some("reject")),
        (None, Some(false)) if facts.autosign => rule(Write(KeyState::Denied), Refused, None),
        (None, Some(false)) => rule(Write(KeyState::Denied), Refused, Some("denied")),
        (None, Some(true)) if facts.autosign => rule(Move(KeyState::Accepted), Accepted, Some("accept")),
        (None, Some(true)) => rule(Nothing, Pending, Some("pend")),
    }
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the directory of keys {}: {source}", path.display())]
pub struct KeyStoreError {
    path: PathBuf,
    source: std::io::Error,
}

/// What changes when a key file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The keys of a running master.
pub struct KeyStore {
    dirs: KeyDirs,
    policy: KeyPolicy,
    parsed: RwLock<HashMap<MinionId, (Stamp, PublicKey)>>,
    accepted: Mutex<Option<Listed>>,
    /// One `_auth` decides and writes at a time, so that two of one id cannot both be the first.
    deciding: Mutex<()>,
}

/// The accepted ids as they were when the directory had this time.
struct Listed {
    modified: SystemTime,
    ids: Arc<Vec<String>>,
}

/// A directory changed so short a time before it was listed may change again without a new time.
const SETTLED: Duration = Duration::from_secs(2);

impl KeyStore {
    /// Opens, and makes directories that are missing.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open(pki_dir: &Path, policy: KeyPolicy) -> Result<Self, KeyStoreError> {
        let dirs = KeyDirs::new(pki_dir);
        let stubs = pki_dir.join("minions_autosign");
        for path in KeyState::ALL.into_iter().map(|state| dirs.directory(state)).chain([stubs]) {
            fs::create_dir_all(&path).map_err(|source| KeyStoreError { path, source })?;
        }
        Ok(KeyStore {
            dirs,
            policy,
            parsed: RwLock::default(),
            accepted: Mutex::default(),
            deciding: Mutex::default(),
        })
    }

    /// Decides on a request to join.
    pub fn authenticate(&self, request: &AuthRequest<'_>) -> Decision {
        let _turn = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let AuthRequest { id, pub_pem, connected, .. } = *request;
        let limit = self.policy.max_minions;
        if limit > 0 && connected.count > limit && !connected.this_one {
            return decision(request, Outcome::Full, Some("full"));
        }
        let Some(key) = sound_key(pub_pem) else {
            crate::log::warn!(
                minion = id.as_str(),
                "what came with an authentication is not an RSA public key"
            );
            return Decision { outcome: Outcome::Refused, event: None };
        };
        let facts = self.facts(request);
        let ruling = if self.policy.open_mode {
            let step =
                if facts.accepted == Some(true) { Step::Nothing } else { Step::Write(KeyState::Accepted) };
            rule(step, Ret::Accepted, Some("accept"))
        } else {
            rule_on(facts)
        };
        if ruling.step == Step::Write(KeyState::Pending)
            && self.dirs.ids_of(KeyState::Pending).len() >= MAX_PENDING
        {
            crate::log::error!(
                minion = id.as_str(),
                "a key was refused: {MAX_PENDING} keys are waiting already. Look \
                through `salt-key -l un` and delete what does not belong there"
            );
            return decision(request, Outcome::Refused, None);
        }
        let done = match ruling.step {
            Step::Nothing => Ok(()),
            Step::Write(state) => self.dirs.write(state, id, pub_pem),
            Step::Move(state) => self.dirs.change(id, KeyState::Pending, state),
        };
        if let Err(error) = done {
            crate::log::error!(minion = id.as_str(), %error, "a key could not be kept: is the disk full, or pki_dir not ours?");
            return decision(request, Outcome::Refused, None);
        }
        let outcome = match ruling.ret {
            Ret::Accepted => Outcome::Accepted(self.accepted_key(id).unwrap_or(key)),
            Ret::Pending => Outcome::Pending,
            Ret::Refused => Outcome::Refused,
        };
        decision(request, outcome, ruling.act)
    }

    fn facts(&self, request: &AuthRequest<'_>) -> Facts {
        let id = request.id;
        let same = |state| self.dirs.read(state, id).map(|text| clean_key(&text) == request.pub_pem);
        let stubs = self.dirs.pki_dir().join("minions_autosign");
        Facts {
            rejected: self.dirs.path(KeyState::Rejected, id).is_file(),
            accepted: if self.dirs.path(KeyState::Accepted, id).exists() {
                // An accepted key that cannot be read is another one than that which came.
                Some(same(KeyState::Accepted).unwrap_or(false))
            } else {
                None
            },
            pending: same(KeyState::Pending),
            pending_is_a_directory: self.dirs.path(KeyState::Pending, id).is_dir(),
            autoreject: self.policy.autosign.rejects(id),
            autosign: self.policy.autosign.signs(id, &stubs, request.autosign_grains, SystemTime::now()),
        }
    }

    /// The key of an accepted minion, parsed once for as long as the file stays the same. Costs one `stat`.
    pub fn accepted_key(&self, id: &MinionId) -> Option<PublicKey> {
        let path = self.dirs.path(KeyState::Accepted, id);
        let stat = fs::metadata(&path).ok()?;
        let stamp = Stamp {
            inode: stat.ino(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        };
        let parsed = self.parsed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = parsed.get(id).filter(|(known, _)| *known == stamp) {
            return Some(key.clone());
        }
        drop(parsed);
        let key = sound_key(&self.dirs.read(KeyState::Accepted, id)?)?;
        self.parsed.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), (stamp, key.clone()));
        Some(key)
    }

    /// Whether a minion's key is accepted.
    pub fn is_accepted(&self, id: &MinionId) -> bool {
        self.dirs.path(KeyState::Accepted, id).is_file()
    }

    /// The accepted ids, listed anew only when the directory has changed.
    pub fn accepted_ids(&self) -> Arc<Vec<String>> {
        let now = SystemTime::now();
        let modified =
            fs::metadata(self.dirs.directory(KeyState::Accepted)).and_then(|stat| stat.modified()).ok();
        let mut listed = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(known), Some(modified)) = (&*listed, modified)
            && known.modified == modified
        {
            return known.ids.clone();
        }
        let ids = Arc::new(self.dirs.ids_of(KeyState::Accepted));
        *listed = modified
            .filter(|&modified| now.duration_since(modified).is_ok_and(|age| age > SETTLED))
            .map(|modified| Listed { modified, ids: ids.clone() });
        ids
    }

    /// The directories.
    pub fn dirs(&self) -> &KeyDirs {
        &self.dirs
    }

    /// Deletes the accepted key of a minion. False if there is none.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn delete_id(&self, id: &MinionId) -> std::io::Result<bool> {
        self.parsed.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        match self.dirs.remove(id, KeyState::Accepted) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn sound_key(pem: &str) -> Option<PublicKey> {
    (pem.len() <= MAX_PEM).then(|| PublicKey::from_pem(pem).ok()).flatten()
}

fn decision(request: &AuthRequest<'_>, outcome: Outcome, act: Option<&'static str>) -> Decision {
    let mut event = map! { "result" => !matches!(outcome, Outcome::Refused | Outcome::Full) };
    if let Some(act) = act {
        event.insert("act", act);
    }
    event.insert("id", request.id.as_str());
    event.insert("pub", request.pub_pem);
    Decision { outcome, event: Some(event) }
}

#[cfg(test)]
mod tests;
