//! A minion's files in `pki_dir`: its own pair and the master's key. Salt: crypt.py (`gen_keys`, `get_keys`,
//! `minion_master.pub`); salt-wire.md §15.1.
//!
//! | file | mode | content |
//! |---|---|---|
//! | `minion.pem` | 0400 | our private key |
//! | `minion.pub` | 0644 | our public key |
//! | `minion_master.pub` | 0644 | the master's public key as stored on first contact |
//! | `<master_sign_key_name>.pub` | | the key that signs master keys, put there by an operator |

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::crypt::{CryptError, PrivateKey, PublicKey};
use crate::host::{FileOwner, write_atomic};
use crate::log::info;

/// What is wrong with a key file, and which.
#[derive(Debug, Error)]
pub enum KeyFileError {
    #[error("{path}: {error}", path = .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{path} is not a usable key: {error}; put the right file there, or remove it to have a new one made",
        path = .path.display())]
    Unusable { path: PathBuf, error: CryptError },
    #[error("keysize {bits}: keys have at least 2048 bits")]
    TooSmall { bits: usize },
}

/// The directory of a minion's keys.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    directory: PathBuf,
}

impl KeyFiles {
    /// Names of files only: nothing is touched.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        KeyFiles { directory: directory.into() }
    }

    /// Our private key, made (which takes a moment) on first use.
    ///
    /// # Errors
    /// When the key cannot be read, is damaged, or cannot be made. A damaged key is never replaced: the master knows
    /// it, an operator has to decide.
    pub fn own_key(&self, bits: usize) -> Result<PrivateKey, KeyFileError> {
        let path = self.path("minion.pem");
        let key = match fs::read(&path) {
            Ok(text) => PrivateKey::from_pem(text, None)
                .map_err(|error| KeyFileError::Unusable { path: path.clone(), error })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_key(&path, bits)?,
            Err(error) => return Err(KeyFileError::Io { path, error }),
        };
        let public = self.path("minion.pub");
        if !public.exists() {
            self.write(&public, key.public_key().to_pem().as_bytes(), 0o644)?;
        }
        Ok(key)
    }

    fn make_key(&self, path: &Path, bits: usize) -> Result<PrivateKey, KeyFileError> {
        if bits < 2048 {
            return Err(KeyFileError::TooSmall { bits });
        }
        self.make_directory()?;
        info!(path = %path.display(), bits, "Generating keys");
        let key = PrivateKey::generate(bits)
            .map_err(|error| KeyFileError::Unusable { path: path.to_owned(), error })?;
        self.write(&self.path("minion.pub"), key.public_key().to_pem().as_bytes(), 0o644)?;
        self.write(path, key.to_pem().as_bytes(), 0o400)?;
        Ok(key)
    }

    /// The master's key as stored on first contact.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn pinned_master(&self) -> Result<Option<String>, KeyFileError> {
        let path = self.path("minion_master.pub");
        match fs::read_to_string(&path) {
            // Salt quirk: an empty file counts as none.
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => match PublicKey::from_pem(&text) {
                Ok(_) => Ok(Some(text)),
                Err(error) => Err(KeyFileError::Unusable { path, error }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(KeyFileError::Io { path, error }),
        }
    }

    /// Stores the master's key, text as received.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pin_master(&self, text: &str) -> Result<(), KeyFileError> {
        self.make_directory()?;
        self.write(&self.path("minion_master.pub"), text.as_bytes(), 0o644)
    }

    /// The key that signs master keys (`verify_master_pubkey_sign`).
    ///
    /// # Errors
    /// When the file is missing or holds no key.
    pub fn sign_key(&self, name: &str) -> Result<PublicKey, KeyFileError> {
        let path = self.path(&format!("{name}.pub"));
        let text = fs::read(&path).map_err(|error| KeyFileError::Io { path: path.clone(), error })?;
        PublicKey::from_pem(text).map_err(|error| KeyFileError::Unusable { path, error })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn make_directory(&self) -> Result<(), KeyFileError> {
        let failed = |error| KeyFileError::Io { path: self.directory.clone(), error };
        if !self.directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(failed)?;
            fs::set_permissions(&self.directory, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), KeyFileError> {
        write_atomic(path, content, mode, FileOwner::default())
            .map_err(|error| KeyFileError::Io { path: path.to_owned(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("halite-keys-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("stat").permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let directory = directory("made");
        let files = KeyFiles::new(&directory);
        let key = files.own_key(2048).expect("made");
        assert_eq!((mode(&directory), mode(&directory.join("minion.pem"))), (0o700, 0o400));
        assert_eq!(mode(&directory.join("minion.pub")), 0o644);
        let again = files.own_key(2048).expect("read");
        assert_eq!(key.public_key(), again.public_key());
        fs::remove_file(directory.join("minion.pub")).expect("removed");
        files.own_key(2048).expect("read");
        let public = fs::read_to_string(directory.join("minion.pub")).expect("made again");
        assert_eq!(public, key.public_key().to_pem());
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn a_damaged_key_is_an_error_that_names_the_file_and_is_left_alone() {
        let directory = directory("damaged");
        fs::create_dir_all(&directory).expect("made");
        fs::write(directory.join("minion.pem"), "-----BEGIN RSA PRIVATE KEY-----\nMII").expect("written");
        let files = KeyFiles::new(&directory);
        let error = files.own_key(2048).expect_err("damaged").to_string();
        assert!(error.contains("minion.pem is not a usable key"), "{error}");
        assert!(fs::read_to_string(directory.join("minion.pem")).expect("read").starts_with("-----BEGIN"));
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn the_masters_key_is_pinned_as_it_came() {
        let directory = directory("pinned");
        let files = KeyFiles::new(&directory);
        assert_eq!(files.pinned_master().expect("none"), None);
        let text = files.own_key(2048).expect("a key").public_key().to_clean_pem();
        files.pin_master(&text).expect("stored");
        assert_eq!(files.pinned_master().expect("stored"), Some(text));
        fs::write(directory.join("minion_master.pub"), "rubbish").expect("written");
        assert!(files.pinned_master().is_err(), "a damaged pin is not trust on first use again");
        fs::remove_dir_all(&directory).expect("removed");
    }
}
