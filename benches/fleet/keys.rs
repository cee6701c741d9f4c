//! Keys of the fleet, and their acceptance: public keys in the master's directory, as `salt-key -a` leaves them.

use std::fs;
use std::path::{Path, PathBuf};

use halite::crypt::PrivateKey;

/// Key pairs that the minions share: making a thousand of them would take longer than the measurement.
pub const PAIRS: usize = 4;

/// The id of a simulated minion.
pub fn id(number: usize) -> String {
    format!("sim-{number:05}")
}

/// The private key file of a minion.
pub fn file(own: &Path, number: usize) -> PathBuf {
    own.join(format!("pair-{}.pem", number % PAIRS))
}

/// Makes the pairs below `own` and accepts `minions` ids in the master's `pki`.
pub fn make(pki: &Path, own: &Path, minions: usize) -> anyhow::Result<()> {
    let accepted = pki.join("minions");
    fs::create_dir_all(&accepted)?;
    fs::create_dir_all(own)?;
    let mut public = Vec::new();
    for pair in 0..PAIRS {
        let key = PrivateKey::generate(2048)?;
        fs::write(file(own, pair), key.to_pem().as_bytes())?;
        public.push(key.public_key().to_clean_pem());
    }
    for (number, pem) in (0..minions).zip(public.iter().cycle()) {
        fs::write(accepted.join(id(number)), pem)?;
    }
    Ok(())
}
