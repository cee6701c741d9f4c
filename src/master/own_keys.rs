//! The master's own key pair, its signing pair (`master_sign_pubkey`), and the local keys by which the command line
//! proves who calls it. Salt: crypt.py `MasterKeys`, daemons/masterapi.py `mk_key`; salt-wire.md §14.4, §15.1.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::MasterError;
use crate::crypt::{CryptError, KeyString, PrivateKey, SigningAlgorithm};
use crate::host::{FileOwner, all_users, has_user, owner_of, write_atomic};
use crate::patterns::expr_match;
use crate::value::{Map, Value};

/// What is needed to find or make the keys.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    pub pki_dir: PathBuf,
    /// Bits.
    pub keysize: usize,
    /// `key_pass`.
    pub passphrase: Option<String>,
    /// `master_sign_key_name`, where `master_sign_pubkey` is set.
    pub sign_key_name: Option<String>,
    /// `signing_key_pass`.
    pub sign_passphrase: Option<String>,
    /// `master_pubkey_signature`, where `master_use_pubkey_signature` is set.
    pub signature_file: Option<PathBuf>,
    /// 0750 is then allowed for the directory (`permissive_pki_access`).
    pub permissive: bool,
}

/// The keys of a running master.
pub struct OwnKeys {
    pub key: PrivateKey,
    signer: Option<PrivateKey>,
    fixed_signature: Option<String>,
    made: Mutex<HashMap<&'static str, String>>,
}

impl OwnKeys {
    /// Reads the keys, and makes those that do not exist. Takes up to seconds when it makes one.
    ///
    /// # Errors
    /// When a key cannot be read, made or written. A key that is there but broken is never replaced.
    pub fn load_or_make(files: &KeyFiles) -> Result<Self, MasterError> {
        make_pki_dir(&files.pki_dir, files.permissive)?;
        let key = pair(&files.pki_dir, "master", files.keysize, files.passphrase.as_deref())?;
        let signer = match &files.sign_key_name {
            Some(name) => Some(pair(&files.pki_dir, name, files.keysize, files.sign_passphrase.as_deref())?),
            None => None,
        };
        let fixed_signature = match &files.signature_file {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(MasterError::file("read", path))?;
                Some(crate::crypt::pem::clean_key(&text))
            }
            None => None,
        };
        Ok(OwnKeys { key, signer, fixed_signature, made: Mutex::default() })
    }

    /// The signature over the master's public key (`pub_sig` in an auth reply), made once per algorithm.
    ///
    /// # Errors
    /// When signing fails.
    pub fn pub_sig(&self, algorithm: SigningAlgorithm) -> Result<Option<String>, CryptError> {
        if let Some(fixed) = &self.fixed_signature {
            return Ok(Some(fixed.clone()));
        }
        let Some(signer) = &self.signer else { return Ok(None) };
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(text) = made.get(algorithm.name()) {
            return Ok(Some(text.clone()));
        }
        let signature = signer.sign(algorithm, self.key.public_key().to_clean_pem().as_bytes())?;
        let text = python_base64(&signature);
        made.insert(algorithm.name(), text.clone());
        Ok(Some(text))
    }
}

/// Base64 as Python's `binascii.b2a_base64` writes it: one line with a final newline.
fn python_base64(octets: &[u8]) -> String {
    let mut text = STANDARD.encode(octets);
    text.push('\n');
    text
}

/// `pki_dir` with the directories of minions' keys. Salt: `verify_env`.
fn make_pki_dir(pki_dir: &Path, permissive: bool) -> Result<(), MasterError> {
    make_private_dir(pki_dir)?;
    let mode =
        fs::metadata(pki_dir).map_err(MasterError::file("look at", pki_dir))?.permissions().mode() & 0o777;
    if mode != 0o700 && mode != 0o750 && !(permissive && mode & 0o007 == 0) {
        fs::set_permissions(pki_dir, fs::Permissions::from_mode(0o700))
            .map_err(MasterError::file("set the mode of", pki_dir))?;
    }
    for name in ["minions", "minions_pre", "minions_rejected", "minions_denied", "minions_autosign"] {
        let path = pki_dir.join(name);
        fs::create_dir_all(&path).map_err(MasterError::file("make the directory", &path))?;
    }
    Ok(())
}

/// A directory only for us (mode 0700 where it is new), with its parents.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_dir(path: &Path) -> Result<(), MasterError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(MasterError::file("make the directory", parent))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(MasterError::file("make the directory", path)),
    }
}

fn pair(dir: &Path, name: &str, keysize: usize, passphrase: Option<&str>) -> Result<PrivateKey, MasterError> {
    let (private, public) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.pub")));
    let failed = |source| MasterError::Key { path: private.clone(), source };
    let key = match fs::read(&private) {
        Ok(text) => PrivateKey::from_pem(&text, passphrase).map_err(failed)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::log::info!(path = %private.display(), bits = keysize, "making a new key pair");
            let key = PrivateKey::generate(keysize).map_err(failed)?;
            let text = match passphrase {
                Some(passphrase) if !passphrase.is_empty() => key.to_encrypted_pem(passphrase),
                _ => key.to_pem(),
            };
            write_atomic(&private, text.as_bytes(), 0o400, FileOwner::default())
                .map_err(MasterError::file("write", &private))?;
            key
        }
        Err(error) => return Err(MasterError::file("read", &private)(error)),
    };
    let text = key.public_key().to_pem();
    let current = fs::read_to_string(&public).unwrap_or_default();
    if crate::crypt::pem::clean_key(&current) != crate::crypt::pem::clean_key(&text) {
        write_atomic(&public, text.as_bytes(), 0o644, FileOwner::default())
            .map_err(MasterError::file("write", &public))?;
    }
    Ok(key)
}

/// The local keys: `<cachedir>/.<user>_key`, by user.
#[derive(Debug, Default)]
pub struct LocalKeys(HashMap<String, KeyString>);

impl LocalKeys {
    /// Reads or makes the key of each user: the master's own first. Salt makes new ones at each start; 3007 keeps
    /// them, which spares a running command line a failure, and so do we. A user other than the first to whom a file
    /// cannot be given (a master that is not root's) has none.
    ///
    /// # Errors
    /// When the first one's file cannot be written.
    pub fn make(cachedir: &Path, users: &[String]) -> Result<Self, MasterError> {
        let mut keys = HashMap::new();
        for (place, user) in users.iter().enumerate() {
            let path = cachedir.join(format!(".{}_key", user.replace(['\\', '/', '\0'], "_")));
            match kept_or_made(&path, user) {
                Ok(key) => {
                    keys.insert(user.clone(), key);
                }
                Err(error) if place == 0 => return Err(MasterError::file("write", &path)(error)),
                Err(error) => {
                    crate::log::warn!(user, path = %path.display(), %error,
                        "this user of publisher_acl gets no local key");
                }
            }
        }
        Ok(LocalKeys(keys))
    }

    /// Whether `key` is the key of `user`.
    pub fn is_key_of(&self, user: &str, key: &str) -> bool {
        self.0.get(user).is_some_and(|own| same(own, key))
    }
}

/// Those who get a local key: the master's user, and whom `publisher_acl` names (with `client_acl_verify`: as far as
/// there is such an account, and also accounts that fit its expressions).
pub fn local_users(owner: &str, publisher_acl: &Map, verify: bool) -> Vec<String> {
    let entries: Vec<&str> = publisher_acl.keys().filter_map(Value::as_str).collect();
    let mut users = vec![owner.to_owned()];
    let named = entries.iter().filter(|name| !verify || has_user(name)).map(|&name| name.to_owned());
    users.extend(named);
    if verify && !entries.is_empty() {
        let fits = |user: &String| entries.iter().any(|entry| expr_match(user, entry));
        users.extend(all_users().into_iter().map(|user| user.name).filter(fits));
    }
    let mut seen = std::collections::HashSet::new();
    users.retain(|user| seen.insert(user.clone()));
    users
}

fn kept_or_made(path: &Path, user: &str) -> std::io::Result<KeyString> {
    let owner = owner_of(user);
    let is_theirs = |stat: fs::Metadata| {
        stat.permissions().mode() & 0o077 == 0 && owner.uid.is_none_or(|uid| stat.uid() == uid)
    };
    if fs::symlink_metadata(path).is_ok_and(is_theirs)
        && let Ok(key) = KeyString::parse(fs::read(path)?)
    {
        return Ok(key);
    }
    let key = KeyString::generate();
    write_atomic(path, key.as_str().as_bytes(), 0o600, owner)?;
    Ok(key)
}

fn same(own: &KeyString, key: &str) -> bool {
    use subtle::ConstantTimeEq;
    own.as_str().as_bytes().ct_eq(key.as_bytes()).into()
}
