//! What a minion's options say about its master: addresses, patience, trust, sockets. Salt: config/__init__.py
//! (`DEFAULT_MINION_OPTS`), transport/zeromq.py; salt-wire.md §2.3, §2.4, §16.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use zmtp::RoutingId;

use super::acceptance::AuthPolicy;
use super::address::MasterAddress;
use super::key_files::{KeyFileError, KeyFiles};
use super::source::SourceAddress;
use crate::channel::minion_auth::{Identity, Trust};
use crate::config::Opts;
use crate::crypt::{CryptError, EncryptionAlgorithm, HashType, SigningAlgorithm};
use crate::host::{Host as _, RealHost};
use crate::names::{MinionId, NameError};
use crate::value::Map;

/// How often a connection is asked whether it still lives, and how long the answer may take: a half-open connection
/// is noticed within half a minute.
const HEARTBEAT: Duration = Duration::from_secs(20);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// Options that make no sense together, or keys that cannot be had.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("id: {0}")]
    Id(#[from] NameError),
    #[error("{option}: {error}")]
    Algorithm { option: &'static str, error: CryptError },
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("minion.pem: {0}")]
    Key(CryptError),
}

/// Everything that signing in to one master takes.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    pub address: MasterAddress,
    /// Where we connect from.
    pub source: SourceAddress,
    pub identity: Identity,
    /// `minion_sign_messages`: returns and events carry a signature of our key.
    pub sign_messages: bool,
    pub policy: AuthPolicy,
    pub request_socket: zmtp::Options,
    pub trust: TrustSettings,
}

impl ChannelSettings {
    /// Settings for a daemon: for ever patient. `grains` give `autosign_grains` their values.
    pub fn for_daemon(opts: &Opts, address: MasterAddress, identity: Identity, grains: &Map) -> Self {
        ChannelSettings {
            address,
            source: SourceAddress::from_opts(opts, || RealHost.interfaces()),
            identity,
            sign_messages: opts.bool("minion_sign_messages"),
            policy: policy(opts),
            request_socket: request_socket(opts),
            trust: TrustSettings::new(opts, grains),
        }
    }

    /// Settings for a tool that somebody waits for.
    pub fn for_tool(opts: &Opts, address: MasterAddress, identity: Identity, grains: &Map) -> Self {
        let mut settings = Self::for_daemon(opts, address, identity, grains);
        settings.policy.pending_is_final = true;
        settings.policy.trouble_is_final = true;
        settings
    }
}

/// The minion's own key and names for it. Makes the key on first use, which takes a moment.
///
/// # Errors
/// [`SettingsError`].
pub fn identity(opts: &Opts) -> Result<Identity, SettingsError> {
    let id = MinionId::parse(opts.id())?;
    let encryption: EncryptionAlgorithm = algorithm(opts, "encryption_algorithm")?;
    let signing: SigningAlgorithm = algorithm(opts, "signing_algorithm")?;
    let bits = usize::try_from(opts.int("keysize")).unwrap_or_default();
    let key = KeyFiles::new(opts.path("pki_dir")).own_key(if bits == 0 { 2048 } else { bits })?;
    Identity::new(id, key, encryption, signing).map_err(SettingsError::Key)
}

fn algorithm<T>(opts: &Opts, option: &'static str) -> Result<T, SettingsError>
where
    T: std::str::FromStr<Err = CryptError> + Default,
{
    match opts.str(option) {
        "" => Ok(T::default()),
        name => name.parse().map_err(|error| SettingsError::Algorithm { option, error }),
    }
}

fn policy(opts: &Opts) -> AuthPolicy {
    AuthPolicy {
        wait: opts.duration("acceptance_wait_time").max(Duration::from_secs(1)),
        wait_max: opts.duration("acceptance_wait_time_max"),
        timeout: opts.duration("auth_timeout").max(Duration::from_secs(1)),
        tries: u32::try_from(opts.int("auth_tries")).unwrap_or(1).max(1),
        rejected_retry: opts.bool("rejected_retry"),
        pending_is_final: false,
        trouble_is_final: false,
    }
}

pub fn request_socket(opts: &Opts) -> zmtp::Options {
    zmtp::Options {
        linger: Some(Duration::ZERO),
        reconnect_ivl_max: Duration::from_secs(5),
        ..common_socket(opts)
    }
}

/// Options of the SUB socket. The first reconnect comes after `recon_default`, later ones after growing waits up to
/// `recon_max`; each has a random part, so that a fleet does not come all at once (Salt draws one wait in that range).
pub fn subscribe_socket(opts: &Opts) -> zmtp::Options {
    let millis = |name| Duration::from_millis(u64::try_from(opts.int(name)).unwrap_or_default());
    let base = millis("recon_default").max(Duration::from_millis(100));
    zmtp::Options {
        linger: Some(Duration::ZERO),
        reconnect_ivl: Some(base),
        reconnect_ivl_max: millis("recon_max").max(base),
        routing_id: RoutingId::new(opts.id().as_bytes()).ok(),
        ..common_socket(opts)
    }
}

fn common_socket(opts: &Opts) -> zmtp::Options {
    // -1 leaves it to the system, as in libzmq.
    let seconds = |name| u64::try_from(opts.int(name)).ok().filter(|n| *n > 0).map(Duration::from_secs);
    zmtp::Options {
        ipv6: opts.bool("ipv6"),
        tcp_keepalive: Some(opts.bool("tcp_keepalive")),
        tcp_keepalive_idle: seconds("tcp_keepalive_idle"),
        tcp_keepalive_intvl: seconds("tcp_keepalive_intvl"),
        tcp_keepalive_cnt: u32::try_from(opts.int("tcp_keepalive_cnt")).ok().filter(|n| *n > 0),
        connect_timeout: Some(Duration::from_secs(10)),
        heartbeat_ivl: HEARTBEAT,
        heartbeat_timeout: Some(HEARTBEAT_TIMEOUT),
        ..zmtp::Options::default()
    }
}

/// How the master has to prove itself; what is on disk is read anew at each `_auth`.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    pub files: KeyFiles,
    open_mode: bool,
    /// `verify_master_pubkey_sign`: the name of the key that signs.
    sign_key_name: Option<String>,
    always_verify_signature: bool,
    master_finger: String,
    hash_type: HashType,
    autosign_grains: Map,
}

impl TrustSettings {
    fn new(opts: &Opts, grains: &Map) -> Self {
        let directory: PathBuf = opts.path("pki_dir");
        let sign_key_name = opts.bool("verify_master_pubkey_sign").then(|| {
            let name = opts.str("master_sign_key_name");
            if name.is_empty() { "master_sign".to_owned() } else { name.to_owned() }
        });
        TrustSettings {
            files: KeyFiles::new(directory),
            open_mode: opts.bool("open_mode"),
            sign_key_name,
            always_verify_signature: opts.bool("always_verify_signature"),
            master_finger: opts.str("master_finger").trim().to_owned(),
            hash_type: opts.str("hash_type").parse().unwrap_or_default(),
            autosign_grains: autosign_grains(opts, grains),
        }
    }

    /// Reads the pinned key and the signing key. Blocking.
    ///
    /// # Errors
    /// When one of the files cannot be used.
    pub fn load(&self) -> Result<Trust, KeyFileError> {
        Ok(Trust {
            pinned: self.files.pinned_master()?,
            open_mode: self.open_mode,
            sign_key: self.sign_key_name.as_deref().map(|name| self.files.sign_key(name)).transpose()?,
            always_verify_signature: self.always_verify_signature,
            master_finger: self.master_finger.clone(),
            hash_type: self.hash_type,
            autosign_grains: self.autosign_grains.clone(),
        })
    }
}

/// `autosign_grains` with the values that the grains have: `{grain: value or nil}`.
fn autosign_grains(opts: &Opts, grains: &Map) -> Map {
    let value = |name: &str| grains.get(name).cloned().unwrap_or_default();
    opts.list_of_str("autosign_grains").into_iter().map(|name| (name.clone(), value(&name))).collect()
}
