//! RSA keys: reading every form Salt reads, writing the forms Salt writes, and all operations on them.
//! Salt: crypt.py `PrivateKey`, `PublicKey`, `gen_keys`.

use std::fmt;
use std::sync::Arc;

use rsa::pkcs1::der::{Decode, Encode};
use rsa::pkcs1::{EncodeRsaPrivateKey, RsaPrivateKeyRef, RsaPublicKeyRef, UintRef};
use rsa::pkcs8::der::asn1::BitStringRef;
use rsa::pkcs8::{PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::algorithm::{EncryptionAlgorithm, SigningAlgorithm};
use super::crt::PrivateOperation;
use super::digest::HashType;
use super::error::CryptError;
use super::modulus::Modulus;
use super::{legacy_pem, oaep, pem, signature, x931};

/// Smallest modulus that is read, in bits. Salt's own minimum for making keys is [`DEFAULT_BITS`].
pub const MIN_BITS: usize = 1024;
/// Largest modulus that is read, in bits.
pub const MAX_BITS: usize = 8192;
/// Salt's default `keysize`, in bits.
pub const DEFAULT_BITS: usize = 2048;

const SPKI_LABEL: &str = "PUBLIC KEY";
const PKCS1_PUBLIC_LABEL: &str = "RSA PUBLIC KEY";
const PKCS1_PRIVATE_LABEL: &str = "RSA PRIVATE KEY";
const PKCS8_LABEL: &str = "PRIVATE KEY";
const PKCS8_ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// A public key. Cloning shares it.
#[derive(Clone)]
pub struct PublicKey(Arc<PublicParts>);

struct PublicParts {
    modulus: Modulus,
    /// Big-endian, no leading zero byte.
    n: Vec<u8>,
    e: u64,
    bits: usize,
    id: KeyId,
}

/// Identifies a public key in maps: the SHA-256 of its numbers, whatever text it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 32]);

impl PublicKey {
    /// Read a PEM text: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// [`CryptError::Pem`], [`CryptError::UnexpectedLabel`], [`CryptError::Malformed`],
    /// [`CryptError::NotRsa`], or the reason the numbers are refused.
    pub fn from_pem(text: impl AsRef<[u8]>) -> Result<Self, CryptError> {
        let block = pem::find(text.as_ref(), &[SPKI_LABEL, PKCS1_PUBLIC_LABEL])?;
        match block.label.as_str() {
            SPKI_LABEL => Self::from_spki(&block.der),
            PKCS1_PUBLIC_LABEL => Self::from_pkcs1(&block.der),
            _ => Err(CryptError::UnexpectedLabel { label: block.label, expected: "a public key" }),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, CryptError> {
        const MALFORMED: CryptError = CryptError::Malformed("public key");
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| MALFORMED)?;
        if info.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
            return Err(CryptError::NotRsa);
        }
        Self::from_pkcs1(info.subject_public_key.as_bytes().ok_or(MALFORMED)?)
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, CryptError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| CryptError::Malformed("RSA public key"))?;
        Self::from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    fn from_numbers(n: &[u8], e: &[u8]) -> Result<Self, CryptError> {
        let n = trim(n);
        let bits = bit_length(n);
        if bits < MIN_BITS {
            return Err(CryptError::ModulusTooSmall(bits));
        }
        if bits > MAX_BITS {
            return Err(CryptError::ModulusTooLarge(bits));
        }
        let e = small_integer(trim(e))
            .filter(|e| (3..=MAX_EXPONENT).contains(e) && e % 2 == 1)
            .ok_or(CryptError::BadExponent)?;
        let modulus = Modulus::new(n).ok_or(CryptError::EvenModulus)?;
        let id = Sha256::new().chain_update(e.to_be_bytes()).chain_update(n).finalize();
        Ok(PublicKey(Arc::new(PublicParts { modulus, n: n.to_vec(), e, bits, id: KeyId(id.into()) })))
    }

    /// The `PUBLIC KEY` text as Salt writes it to disk, final newline included.
    pub fn to_pem(&self) -> String {
        let der = self.to_spki().unwrap_or_default();
        std::mem::take(&mut *pem::encode(SPKI_LABEL, &[], &der))
    }

    /// The `PUBLIC KEY` text as Salt sends and compares it ([`pem::clean_key`]): no final newline.
    pub fn to_clean_pem(&self) -> String {
        let mut text = self.to_pem();
        text.truncate(text.trim_end().len());
        text
    }

    /// `None` only for lengths DER can not express, which [`MAX_BITS`] excludes.
    fn to_spki(&self) -> Option<Vec<u8>> {
        let e = self.0.e.to_be_bytes();
        let key = RsaPublicKeyRef {
            modulus: UintRef::new(&self.0.n).ok()?,
            public_exponent: UintRef::new(trim(&e)).ok()?,
        };
        let key = key.to_der().ok()?;
        let info = SubjectPublicKeyInfoRef {
            algorithm: rsa::pkcs1::ALGORITHM_ID,
            subject_public_key: BitStringRef::from_bytes(&key).ok()?,
        };
        info.to_der().ok()
    }

    /// Salt's fingerprint of the key file Salt would write. For a key in another text form use
    /// [`pem::fingerprint`] on the file's text, as Salt does.
    pub fn fingerprint(&self, hash_type: HashType) -> String {
        pem::fingerprint(self.to_pem(), hash_type)
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.0.bits
    }

    /// Bytes of the modulus, and so of every signature and ciphertext.
    pub fn size(&self) -> usize {
        self.0.n.len()
    }

    /// A short identity for maps and caches.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// Encrypt a short secret to the key's owner.
    ///
    /// # Errors
    /// [`CryptError::MessageLength`].
    pub fn encrypt(&self, algorithm: EncryptionAlgorithm, message: &[u8]) -> Result<Vec<u8>, CryptError> {
        let em = match algorithm {
            EncryptionAlgorithm::OaepSha1 => oaep::pad::<Sha1>(message, self.size()),
            EncryptionAlgorithm::OaepSha224 => oaep::pad::<Sha224>(message, self.size()),
        }?;
        self.power(&em).ok_or(CryptError::Decryption)
    }

    /// Check a signature over `message`.
    ///
    /// # Errors
    /// [`CryptError::BadSignature`].
    pub fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptError> {
        let expected =
            signature::encode(algorithm, message, self.size()).map_err(|_| CryptError::BadSignature)?;
        match self.recover_block(signature) {
            Some(em) if bool::from(em.ct_eq(&expected)) => Ok(()),
            _ => Err(CryptError::BadSignature),
        }
    }

    /// The message in the output of [`PrivateKey::private_encrypt`] (Salt: `PublicKey.decrypt`).
    ///
    /// # Errors
    /// [`CryptError::BadSignature`].
    pub fn recover(&self, signature: &[u8]) -> Result<Vec<u8>, CryptError> {
        let block = self
            .recover_block(signature)
            .map(|v| x931::with_trailer(v, &self.0.n))
            .ok_or(CryptError::BadSignature)?;
        x931::unpad(&block).map(<[u8]>::to_vec).ok_or(CryptError::BadSignature)
    }

    fn recover_block(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.size() {
            return None;
        }
        self.power(signature)
    }

    fn power(&self, base: &[u8]) -> Option<Vec<u8>> {
        self.0.modulus.power(base, self.0.e, self.size())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.n == other.0.n && self.0.e == other.0.e
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.0.bits, self.fingerprint(HashType::Sha256))
    }
}

/// A private key. Cloning shares it; the numbers are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct PrivateKey(Arc<PrivateParts>);

struct PrivateParts {
    operation: PrivateOperation,
    public: PublicKey,
    pkcs1: Zeroizing<Vec<u8>>,
}

impl PrivateKey {
    /// Read a PEM text: `RSA PRIVATE KEY`, plain or encrypted in the traditional way, or `PRIVATE KEY`.
    /// A passphrase that is not needed is ignored.
    ///
    /// # Errors
    /// [`CryptError::PassphraseNeeded`], [`CryptError::WrongPassphrase`],
    /// [`CryptError::UnsupportedKeyEncryption`], [`CryptError::Pem`], [`CryptError::UnexpectedLabel`],
    /// [`CryptError::Malformed`], [`CryptError::NotRsa`], or the reason the numbers are refused.
    pub fn from_pem(text: impl AsRef<[u8]>, passphrase: Option<&str>) -> Result<Self, CryptError> {
        let labels = [PKCS1_PRIVATE_LABEL, PKCS8_LABEL, PKCS8_ENCRYPTED_LABEL];
        let block = pem::find(text.as_ref(), &labels)?;
        match block.label.as_str() {
            PKCS1_PRIVATE_LABEL if legacy_pem::is_encrypted(&block) => {
                let passphrase = passphrase.ok_or(CryptError::PassphraseNeeded)?;
                let der = legacy_pem::decrypt(&block, passphrase)?;
                Self::from_pkcs1(&der).map_err(|error| match error {
                    CryptError::Malformed(_) => CryptError::WrongPassphrase,
                    other => other,
                })
            }
            PKCS1_PRIVATE_LABEL => Self::from_pkcs1(&block.der),
            PKCS8_LABEL => Self::from_pkcs8(&block.der),
            PKCS8_ENCRYPTED_LABEL => Err(CryptError::UnsupportedKeyEncryption(block.label)),
            _ => Err(CryptError::UnexpectedLabel { label: block.label, expected: "a private key" }),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, CryptError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| CryptError::Malformed("private key"))?;
        if info.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
            return Err(CryptError::NotRsa);
        }
        Self::from_pkcs1(info.private_key.as_bytes())
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, CryptError> {
        let numbers =
            RsaPrivateKeyRef::from_der(der).map_err(|_| CryptError::Malformed("RSA private key"))?;
        // First, because its errors say what is wrong with the size.
        let public = PublicKey::from_numbers(numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes())?;
        let key = rsa::PrivateKey::try_from(numbers).map_err(|_| CryptError::InconsistentKey)?;
        Self::from_parts(key, public)
    }

    fn from_parts(key: rsa::PrivateKey, public: PublicKey) -> Result<Self, CryptError> {
        let pkcs1 = key.to_pkcs1_der().map_err(|_| CryptError::InconsistentKey)?.to_bytes();
        Ok(PrivateKey(Arc::new(PrivateParts {
            operation: PrivateOperation::new(key, public.0.e),
            public,
            pkcs1,
        })))
    }

    /// Make a key of `bits` bits with the exponent 65537, as Salt does. Takes a tenth of a second at
    /// [`DEFAULT_BITS`], seconds at 4096.
    ///
    /// # Errors
    /// [`CryptError::KeySize`] outside 2048 to 8192 bits (Salt's minimum; ours to read is lower).
    pub fn generate(bits: usize) -> Result<Self, CryptError> {
        if !(DEFAULT_BITS..=MAX_BITS).contains(&bits) {
            return Err(CryptError::KeySize(bits));
        }
        let key =
            rsa::PrivateKey::new(&mut rand::rngs::SysRng, bits).map_err(|_| CryptError::KeySize(bits))?;
        let der = key.to_pkcs1_der().map_err(|_| CryptError::InconsistentKey)?;
        Self::from_pkcs1(der.as_bytes())
    }

    /// The `RSA PRIVATE KEY` text as Salt writes it, final newline included.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(PKCS1_PRIVATE_LABEL, &[], &self.0.pkcs1)
    }

    /// The `RSA PRIVATE KEY` text encrypted with a passphrase (option `key_pass`), as Salt writes it:
    /// AES-256 in the traditional form.
    pub fn to_encrypted_pem(&self, passphrase: &str) -> Zeroizing<String> {
        legacy_pem::encrypt(PKCS1_PRIVATE_LABEL, &self.0.pkcs1, passphrase)
    }

    /// Encrypt with a given IV, to reproduce recorded texts.
    #[cfg(test)]
    pub(super) fn to_encrypted_pem_with_iv(&self, passphrase: &str, iv: [u8; 16]) -> Zeroizing<String> {
        legacy_pem::encrypt_with_iv(PKCS1_PRIVATE_LABEL, &self.0.pkcs1, passphrase, iv)
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.0.public.bits()
    }

    /// Open what was encrypted to this key. Costs a private operation: keep it off an event loop.
    ///
    /// # Errors
    /// [`CryptError::Decryption`] for every defect of the ciphertext.
    pub fn decrypt(
        &self,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptError> {
        if ciphertext.len() != self.0.public.size() {
            return Err(CryptError::Decryption);
        }
        let mut em = self.0.operation.apply(ciphertext)?;
        match algorithm {
            EncryptionAlgorithm::OaepSha1 => oaep::unpad::<Sha1>(&mut em),
            EncryptionAlgorithm::OaepSha224 => oaep::unpad::<Sha224>(&mut em),
        }
    }

    /// Sign `message`. Costs a private operation: keep it off an event loop.
    ///
    /// # Errors
    /// [`CryptError::Fault`].
    pub fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, CryptError> {
        let em = signature::encode(algorithm, message, self.0.public.size())?;
        Ok(self.0.operation.apply(&em)?.to_vec())
    }

    /// X9.31 "private encryption", a signature that carries its message (Salt: `PrivateKey.encrypt`).
    /// The same message always gives the same bytes. Costs a private operation.
    ///
    /// # Errors
    /// [`CryptError::MessageLength`] for an empty message or one that does not fit,
    /// [`CryptError::KeySize`] for a modulus that does not fill its first byte.
    pub fn private_encrypt(&self, message: &[u8]) -> Result<Vec<u8>, CryptError> {
        if !self.bits().is_multiple_of(8) {
            return Err(CryptError::KeySize(self.bits()));
        }
        let block = x931::pad(message, self.0.public.size())?;
        let s = self.0.operation.apply(&block)?;
        Ok(x931::smaller(&s, &self.0.public.0.n))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(secret of {:?})", self.0.public)
    }
}

/// Without leading zero bytes.
fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Bits of a number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0))
}

fn small_integer(number: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    let start = bytes.len().checked_sub(number.len())?;
    bytes.get_mut(start..)?.copy_from_slice(number);
    Some(u64::from_be_bytes(bytes))
}
