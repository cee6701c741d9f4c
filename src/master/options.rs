//! The options that the master acts on, read once at the start. All others are kept by name for those who ask.

use std::path::PathBuf;
use std::time::Duration;

use super::MasterError;
use super::own_keys::KeyFiles;
use crate::config::Opts;
use crate::crypt::{HashType, SigningAlgorithm};
use crate::returners;

/// What a master does, typed.
#[derive(Clone, Debug)]
pub struct MasterOptions {
    pub interface: String,
    pub publish_port: u16,
    pub ret_port: u16,
    pub ipv6: bool,
    pub user: String,
    pub cachedir: PathBuf,
    pub pki_dir: PathBuf,
    pub sock_dir: PathBuf,
    pub id: String,
    pub hash_type: HashType,
    pub minimum_auth_version: i64,
    /// Seconds; 0 for any age.
    pub request_server_ttl: i64,
    pub publish_session: Duration,
    pub sign_pub_messages: bool,
    pub publish_signing_algorithm: SigningAlgorithm,
    pub zmq_filtering: bool,
    pub order_masters: bool,
    pub pub_hwm: usize,
    pub zmq_backlog: u32,
    pub auth_events: bool,
    pub minion_data_cache: bool,
    pub minion_data_cache_events: bool,
    pub job_cache: bool,
    /// Halite's own option `job_cache_return_files`: each return also as the file that Python's `salt-run jobs.*` reads.
    pub return_files: bool,
    pub unique_jid: bool,
    /// How long jobs are kept; `None`: for ever.
    pub keep_jobs: Option<Duration>,
    /// `keep_jobs_bytes`, not in Salt: octets of loads and returns that are kept, the newest first.
    pub keep_jobs_bytes: Option<u64>,
    pub loop_interval: Duration,
    pub presence_events: bool,
    pub rotate_aes_key: bool,
    pub preserve_minion_cache: bool,
    pub ping_on_rotate: bool,
    pub max_event_size: usize,
    /// `require_minion_sign_messages`: returns without a signature do not count.
    pub signatures_required: bool,
    /// `drop_messages_signature_fail`: nor do those with a wrong one.
    pub wrong_signatures_dropped: bool,
    pub sudo_acl: bool,
    pub permissive_acl: bool,
    pub keep_acl_in_token: bool,
    pub token_dir: PathBuf,
    pub token_expire: Duration,
    pub max_minions: usize,
    pub file_recv: bool,
    /// Bytes.
    pub file_recv_max_size: u64,
    pub allow_minion_key_revoke: bool,
    pub pillar_version: i64,
    pub gather_job_timeout: Duration,
    pub timeout: Duration,
    pub keys: KeyFiles,
}

impl MasterOptions {
    /// Reads them.
    ///
    /// # Errors
    /// When a value cannot be used, or asks for what is not offered (by name).
    pub fn read(opts: &Opts) -> Result<Self, MasterError> {
        refuse_what_is_not_offered(opts)?;
        let seconds = |name| Duration::from_secs(u64::try_from(opts.int(name)).unwrap_or(0));
        let set = |name| Some(opts.str(name).to_owned()).filter(|text| !text.is_empty());
        let count = |name| usize::try_from(opts.int(name)).unwrap_or(0);
        Ok(MasterOptions {
            interface: opts.str("interface").to_owned(),
            publish_port: port(opts, "publish_port")?,
            ret_port: port(opts, "ret_port")?,
            ipv6: opts.bool("ipv6"),
            user: opts.str("user").to_owned(),
            cachedir: opts.path("cachedir"),
            pki_dir: opts.path("pki_dir"),
            sock_dir: opts.path("sock_dir"),
            id: opts.id().to_owned(),
            hash_type: opts.str("hash_type").parse().map_err(|_| MasterError::Option {
                option: "hash_type",
                value: opts.str("hash_type").to_owned(),
                wanted: "it has to be md5, sha1, sha224, sha256, sha384 or sha512",
            })?,
            minimum_auth_version: opts.int("minimum_auth_version"),
            request_server_ttl: opts.int("request_server_ttl"),
            publish_session: seconds("publish_session"),
            sign_pub_messages: opts.bool("sign_pub_messages"),
            publish_signing_algorithm: opts.str("publish_signing_algorithm").parse().map_err(|_| {
                MasterError::Option {
                    option: "publish_signing_algorithm",
                    value: opts.str("publish_signing_algorithm").to_owned(),
                    wanted: "it has to be PKCS1v15-SHA1 or PKCS1v15-SHA224",
                }
            })?,
            zmq_filtering: opts.bool("zmq_filtering"),
            order_masters: opts.bool("order_masters"),
            pub_hwm: count("pub_hwm"),
            zmq_backlog: u32::try_from(opts.int("zmq_backlog")).unwrap_or(1000),
            auth_events: opts.bool("auth_events"),
            minion_data_cache: opts.bool("minion_data_cache"),
            minion_data_cache_events: opts.bool("minion_data_cache_events"),
            return_files: opts.get("job_cache_return_files").is_some_and(crate::value::Value::truthy),
            job_cache: opts.bool("job_cache"),
            unique_jid: opts.bool("unique_jid"),
            keep_jobs: super::store::retention(opts.as_map()),
            keep_jobs_bytes: opts
                .get("keep_jobs_bytes")
                .and_then(|octets| u64::try_from(octets.as_int()?).ok())
                .filter(|octets| *octets > 0),
            loop_interval: seconds("loop_interval").max(Duration::from_secs(1)),
            presence_events: opts.bool("presence_events"),
            preserve_minion_cache: opts.bool("preserve_minion_cache"),
            rotate_aes_key: opts.bool("rotate_aes_key"),
            ping_on_rotate: opts.bool("ping_on_rotate"),
            max_event_size: count("max_event_size"),
            signatures_required: opts.bool("require_minion_sign_messages"),
            wrong_signatures_dropped: opts.bool("drop_messages_signature_fail"),
            sudo_acl: opts.bool("sudo_acl"),
            permissive_acl: opts.bool("permissive_acl"),
            keep_acl_in_token: opts.bool("keep_acl_in_token"),
            token_dir: opts.path("token_dir"),
            token_expire: seconds("token_expire"),
            max_minions: count("max_minions"),
            file_recv: opts.bool("file_recv"),
            file_recv_max_size: u64::try_from(opts.int("file_recv_max_size")).unwrap_or(0) << 20,
            allow_minion_key_revoke: opts.bool("allow_minion_key_revoke"),
            pillar_version: opts.int("pillar_version"),
            gather_job_timeout: seconds("gather_job_timeout"),
            timeout: seconds("timeout"),
            keys: KeyFiles {
                pki_dir: opts.path("pki_dir"),
                keysize: count("keysize"),
                passphrase: set("key_pass"),
                sign_key_name: opts
                    .bool("master_sign_pubkey")
                    .then(|| opts.str("master_sign_key_name").to_owned()),
                sign_passphrase: set("signing_key_pass"),
                signature_file: (opts.bool("master_sign_pubkey") && opts.bool("master_use_pubkey_signature"))
                    .then(|| opts.path("pki_dir").join(opts.str("master_pubkey_signature"))),
                permissive: opts.bool("permissive_pki_access"),
            },
        })
    }

    /// The host part of an endpoint to bind to.
    pub fn bind_host(&self) -> String {
        match (self.interface.as_str(), self.ipv6) {
            // Salt: `ipv6: True` turns the default interface into that of IPv6, which takes IPv4 too.
            ("0.0.0.0" | "", true) => "[::]".to_owned(),
            ("", false) => "0.0.0.0".to_owned(),
            (interface, _) if interface.contains(':') && !interface.starts_with('[') => {
                format!("[{interface}]")
            }
            (interface, _) => interface.to_owned(),
        }
    }
}

fn port(opts: &Opts, option: &'static str) -> Result<u16, MasterError> {
    let value = opts.int(option);
    u16::try_from(value).map_err(|_| MasterError::Option {
        option,
        value: value.to_string(),
        wanted: "it has to be a port from 0 to 65535",
    })
}

/// Options whose being ignored would hurt: set to anything but these values, the master does not start.
const NOT_OFFERED: &[(&str, &str, &str)] = &[
    ("transport", "zeromq", "only the transport zeromq is supported"),
    ("ipc_mode", "ipc", "only ipc is supported"),
    (
        "master_job_cache",
        "local_cache",
        "jobs are kept in the master's own store: only local_cache is supported",
    ),
];

fn refuse_what_is_not_offered(opts: &Opts) -> Result<(), MasterError> {
    for &(option, only, wanted) in NOT_OFFERED {
        let value = opts.str(option);
        if !value.is_empty() && value != only {
            return Err(MasterError::Option { option, value: value.to_owned(), wanted });
        }
    }
    if !opts.str("cluster_id").is_empty() {
        return Err(MasterError::Option {
            option: "cluster_id",
            value: opts.str("cluster_id").to_owned(),
            wanted: "master clusters are not supported",
        });
    }
    // Returns would be looked for in vain where they never went.
    for name in opts.str("ext_job_cache").split(',').filter(|name| !matches!(*name, "" | "local_cache")) {
        if !returners::ALL.iter().any(|returner| returner.name == name) {
            return Err(MasterError::Option {
                option: "ext_job_cache",
                value: name.to_owned(),
                wanted: "there is no such returner",
            });
        }
    }
    Ok(())
}
