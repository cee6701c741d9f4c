//! New keys, and signatures over the master's public key. Salt: crypt.py (`gen_keys`, `gen_signature`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Opts;
use crate::crypt::pem::fingerprint;
use crate::crypt::{HashType, PrivateKey, SigningAlgorithm};
use crate::host::{owner_of, write_atomic};

/// Makes `<folder>/<name>.pem` and `.pub` and gives the public key's fingerprint. A key that is there already stays.
pub(super) fn key_pair(folder: &Path, name: &str, bits: usize, opts: &Opts) -> anyhow::Result<String> {
    fs::create_dir_all(folder)
        .with_context(|| format!("the directory {} cannot be made", folder.display()))?;
    let private = folder.join(format!("{name}.pem"));
    let public = folder.join(format!("{name}.pub"));
    if !private.is_file() {
        let key = PrivateKey::generate(bits).with_context(|| format!("no key of {bits} bits can be made"))?;
        let passphrase = Some(opts.str("signing_key_pass")).filter(|passphrase| !passphrase.is_empty());
        let pem = match passphrase {
            Some(passphrase) => key.to_encrypted_pem(passphrase),
            None => key.to_pem(),
        };
        let owner = owner_of(opts.str("user"));
        write_atomic(&private, pem.as_bytes(), 0o400, owner)
            .with_context(|| format!("the key {} cannot be written", private.display()))?;
        write_atomic(&public, key.public_key().to_pem().as_bytes(), 0o644, owner)
            .with_context(|| format!("the key {} cannot be written", public.display()))?;
    }
    let pem = fs::read(&public).with_context(|| format!("the key {} cannot be read", public.display()))?;
    Ok(fingerprint(pem, HashType::Sha256))
}

/// What `--gen-signature` asks for.
pub(super) struct SignatureOrder<'a> {
    pub private: &'a str,
    pub public: &'a str,
    pub folder: &'a str,
    pub auto_create: bool,
    pub bits: usize,
}

/// Signs a public key and writes the signature; gives what Salt prints: whether it was made, or why not.
pub(super) fn signature(opts: &Opts, order: &SignatureOrder) -> anyhow::Result<Result<bool, String>> {
    let pki_dir = opts.path("pki_dir");
    let public = match order.public {
        "" => Some(pki_dir.join("master.pub")).filter(|file| file.is_file()),
        given if !Path::new(given).is_file() => return Ok(Err(format!("Public-key {given} does not exist"))),
        given => Some(PathBuf::from(given)),
    };
    let private = match order.private {
        "" => Some(pki_dir.join("master_sign.pem")).filter(|file| file.is_file()),
        given if !Path::new(given).is_file() => {
            return Ok(Err(format!("Private-key {given} does not exist")));
        }
        given => Some(PathBuf::from(given)),
    };
    let private = match private {
        Some(private) => private,
        None if order.auto_create => {
            let name = opts.str("master_sign_key_name");
            key_pair(&pki_dir, name, order.bits, opts)?;
            pki_dir.join(format!("{name}.pem"))
        }
        None => return Ok(Err("No usable private-key found".to_owned())),
    };
    let Some(public) = public else { return Ok(Err("No usable public-key found".to_owned())) };
    let folder = if order.folder.is_empty() { pki_dir } else { PathBuf::from(order.folder) };
    let name = opts.str("master_pubkey_signature");
    if name.is_empty() {
        bail!("the option master_pubkey_signature names no file");
    }
    let file = folder.join(name);
    let text = fs::read(&public).with_context(|| format!("the key {} cannot be read", public.display()))?;
    let pem = fs::read(&private).with_context(|| format!("the key {} cannot be read", private.display()))?;
    let passphrase = Some(opts.str("signing_key_pass")).filter(|passphrase| !passphrase.is_empty());
    let key = PrivateKey::from_pem(pem, passphrase)
        .with_context(|| format!("{} is no private key that can be used", private.display()))?;
    let signature = key.sign(SigningAlgorithm::Pkcs1v15Sha1, &text).context("the key cannot sign")?;
    if file.is_file() {
        return Ok(Ok(false));
    }
    let line = format!("{}\n", STANDARD.encode(signature));
    write_atomic(&file, line.as_bytes(), 0o644, owner_of(opts.str("user")))
        .with_context(|| format!("the signature {} cannot be written", file.display()))?;
    Ok(Ok(true))
}
