//! New key pairs in files, and signatures over the master's public key. Used by `salt-key` and by the wheel functions
//! `key.gen_keys` and `key.gen_signature`. Salt: key.py (`gen_keys_signature`), crypt.py (`gen_keys`, `gen_signature`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypt::pem::fingerprint;
use crate::crypt::{CryptError, HashType, PrivateKey, SigningAlgorithm};
use crate::host::{owner_of, write_atomic};
use crate::value::Map;

/// What options say of keys that are made.
#[derive(Clone, Copy, Debug)]
pub struct KeyMaker<'a> {
    pki_dir: &'a Path,
    /// `user`: whom they belong to.
    user: &'a str,
    /// `signing_key_pass`
    passphrase: Option<&'a str>,
    /// `master_sign_key_name`
    sign_key_name: &'a str,
    /// `master_pubkey_signature`
    signature: &'a str,
}

/// What `--gen-signature` asks for; an empty path stands for that of the options.
#[derive(Clone, Copy, Debug)]
pub struct SignatureOrder<'a> {
    pub private: &'a str,
    pub public: &'a str,
    pub folder: &'a str,
    /// Make the signing pair where there is none.
    pub auto_create: bool,
    pub bits: usize,
}

impl<'a> KeyMaker<'a> {
    /// With the options of a master.
    pub fn from_opts(opts: &'a Map) -> Self {
        let text = |name: &str| opts.str(name).unwrap_or_default();
        KeyMaker {
            pki_dir: Path::new(text("pki_dir")),
            user: text("user"),
            passphrase: Some(text("signing_key_pass")).filter(|passphrase| !passphrase.is_empty()),
            sign_key_name: text("master_sign_key_name"),
            signature: text("master_pubkey_signature"),
        }
    }

    /// For another user than that of the options.
    #[must_use]
    pub fn owned_by(self, user: &'a str) -> Self {
        KeyMaker { user, ..self }
    }

    /// Makes `<folder>/<name>.pem` and `.pub` and gives the public key's fingerprint. A key that is there already stays.
    ///
    /// # Errors
    /// When a file cannot be written or read; the text names it.
    pub fn pair(&self, folder: &Path, name: &str, bits: usize) -> io::Result<String> {
        let private = folder.join(format!("{name}.pem"));
        let public = folder.join(format!("{name}.pub"));
        if !private.is_file() {
            let key = PrivateKey::generate(bits)
                .map_err(|error| broken(&format!("no key of {bits} bits can be made"), &error))?;
            let pem = match self.passphrase {
                Some(passphrase) => key.to_encrypted_pem(passphrase),
                None => key.to_pem(),
            };
            let owner = owner_of(self.user);
            write_atomic(&private, pem.as_bytes(), 0o400, owner).map_err(told("key", &private, "written"))?;
            write_atomic(&public, key.public_key().to_pem().as_bytes(), 0o644, owner)
                .map_err(told("key", &public, "written"))?;
        }
        let pem = fs::read(&public).map_err(told("key", &public, "read"))?;
        Ok(fingerprint(pem, HashType::Sha256))
    }

    /// Signs a public key and writes the signature; gives what Salt says: whether it was made, or why not.
    ///
    /// # Errors
    /// When a file cannot be written or read, or holds no key that can be used; the text names it.
    pub fn signature(&self, order: &SignatureOrder) -> io::Result<Result<bool, String>> {
        let key_file = |given: &str, own: &str, what: &str| match given {
            "" => Ok(Some(self.pki_dir.join(own)).filter(|file| file.is_file())),
            given if !Path::new(given).is_file() => Err(format!("{what}-key {given} does not exist")),
            given => Ok(Some(PathBuf::from(given))),
        };
        let public = match key_file(order.public, "master.pub", "Public") {
            Ok(public) => public,
            Err(reason) => return Ok(Err(reason)),
        };
        let private = match key_file(order.private, "master_sign.pem", "Private") {
            Ok(Some(private)) => private,
            Ok(None) if order.auto_create => {
                self.pair(self.pki_dir, self.sign_key_name, order.bits)?;
                self.pki_dir.join(format!("{}.pem", self.sign_key_name))
            }
            Ok(None) => return Ok(Err("No usable private-key found".to_owned())),
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(public) = public else { return Ok(Err("No usable public-key found".to_owned())) };
        let folder = if order.folder.is_empty() { self.pki_dir } else { Path::new(order.folder) };
        if self.signature.is_empty() {
            return Err(io::Error::other("the option master_pubkey_signature names no file"));
        }
        let file = folder.join(self.signature);
        let text = fs::read(&public).map_err(told("key", &public, "read"))?;
        let pem = fs::read(&private).map_err(told("key", &private, "read"))?;
        let key = PrivateKey::from_pem(pem, self.passphrase).map_err(|error| {
            broken(&format!("{} is no private key that can be used", private.display()), &error)
        })?;
        let signature = key
            .sign(SigningAlgorithm::Pkcs1v15Sha1, &text)
            .map_err(|error| broken("the key cannot sign", &error))?;
        if file.is_file() {
            return Ok(Ok(false));
        }
        let line = format!("{}\n", STANDARD.encode(signature));
        write_atomic(&file, line.as_bytes(), 0o644, owner_of(self.user)).map_err(told(
            "signature",
            &file,
            "written",
        ))?;
        Ok(Ok(true))
    }
}

fn broken(what: &str, error: &CryptError) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

fn told(what: &str, file: &Path, done: &str) -> impl FnOnce(io::Error) -> io::Error {
    let text = format!("the {what} {} cannot be {done}", file.display());
    move |error| io::Error::new(error.kind(), format!("{text}: {error}"))
}
