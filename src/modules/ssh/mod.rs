//! `ssh`: keys that users let in, and keys of hosts that they know. Salt: modules/ssh.py.

mod auth;
mod hosts;
mod keys;

use crate::loader::{Default, Function, Module, Param, keywords, opt, req};

const CONFIG: Param = opt("config", Default::Str(".ssh/authorized_keys"));
const HASH: Param = opt("fingerprint_hash_type", Default::None);
const ENV: Param = opt("saltenv", Default::Str("base"));
const NO_CONFIG: Param = opt("config", Default::None);
const USER: Param = opt("user", Default::None);
const HOST: Param = opt("hostname", Default::None);
const PORT: Param = opt("port", Default::None);

pub(super) static MODULE: Module = Module {
    file: "ssh",
    provides: "ssh",
    available: |cx| {
        cx.which("ssh").map(|_| ()).ok_or_else(|| "The module requires the ssh binary.".to_owned())
    },
    functions: &[
        Function::new(
            "auth_keys",
            &[USER, CONFIG, HASH],
            "Keys that let in: `{key: {enc, comment, options, fingerprint}}`, by user for several.",
            auth::auth_keys,
        ),
        Function::new(
            "check_key",
            &[
                req("user"),
                req("key"),
                req("enc"),
                req("comment"),
                req("options"),
                CONFIG,
                opt("cache_keys", Default::None),
                HASH,
            ],
            "What `ssh.set_auth_key` would do: `add`, `update` or nothing (`exists`).",
            auth::check_key,
        ),
        Function::new(
            "check_key_file",
            &[req("user"), req("source"), CONFIG, ENV, HASH],
            "As `ssh.check_key`, for the keys of a file: `{key: add, update or exists}`.",
            auth::check_key_file,
        ),
        Function::new(
            "check_known_host",
            &[
                USER,
                HOST,
                opt("key", Default::None),
                opt("fingerprint", Default::None),
                NO_CONFIG,
                PORT,
                HASH,
            ],
            "What `ssh.set_known_host` would do: `add`, `update` or nothing (`exists`).",
            hosts::check,
        ),
        Function::new(
            "get_known_host_entries",
            &[req("user"), req("hostname"), NO_CONFIG, PORT, HASH],
            "What a user knows of a host: `[{hostname, key, enc, fingerprint}]` or None.",
            hosts::entries,
        ),
        Function::new(
            "hash_known_hosts",
            &[USER, NO_CONFIG],
            "Makes the names of known hosts unreadable: `{status, comment}`.",
            hosts::hash,
        ),
        Function::new(
            "host_keys",
            &[opt("keydir", Default::None), opt("private", Default::True), opt("certs", Default::True)],
            "Keys of this host: `{kind: key}`.",
            auth::host_keys,
        ),
        Function::new(
            "key_is_encrypted",
            &[req("key")],
            "Whether the private key in a file has a passphrase.",
            keys::key_is_encrypted,
        ),
        Function::new(
            "recv_known_host_entries",
            &[
                req("hostname"),
                opt("enc", Default::None),
                PORT,
                opt("hash_known_hosts", Default::True),
                opt("timeout", Default::Int(5)),
                HASH,
            ],
            "The keys that a host shows, by `ssh-keyscan`.",
            hosts::receive,
        ),
        Function::new(
            "rm_auth_key",
            &[req("user"), req("key"), CONFIG, HASH],
            "Lets a key in no longer: `Key removed`, `Key not present` or `Key not removed`.",
            auth::rm_auth_key,
        ),
        Function::new(
            "rm_auth_key_from_file",
            &[req("user"), req("source"), CONFIG, ENV, HASH],
            "As `ssh.rm_auth_key`, for the keys of a file.",
            auth::rm_auth_key_from_file,
        ),
        Function::new(
            "rm_known_host",
            &[USER, HOST, NO_CONFIG, PORT],
            "Forgets the keys of a host: `{status, comment or error}`.",
            hosts::remove,
        ),
        Function::new(
            "set_auth_key",
            &[
                req("user"),
                req("key"),
                opt("enc", Default::Str("ssh-rsa")),
                opt("comment", Default::Str("")),
                opt("options", Default::None),
                CONFIG,
                opt("cache_keys", Default::None),
                HASH,
            ],
            "Lets a key in: `new`, `replace`, `no change`, `fail`, `invalid` or `Invalid public key`.",
            auth::set_auth_key,
        ),
        Function::new(
            "set_auth_key_from_file",
            &[req("user"), req("source"), CONFIG, ENV, HASH, keywords("kwargs")],
            "As `ssh.set_auth_key`, for the keys of a file.",
            auth::set_auth_key_from_file,
        ),
        Function::new(
            "set_known_host",
            &[
                USER,
                HOST,
                opt("fingerprint", Default::None),
                opt("key", Default::None),
                PORT,
                opt("enc", Default::None),
                NO_CONFIG,
                opt("hash_known_hosts", Default::True),
                opt("timeout", Default::Int(5)),
                HASH,
            ],
            "Knows a host by `key`, or by the key that it shows: `{status: exists, updated or error, old, new}`.",
            hosts::set,
        ),
        Function::new(
            "user_keys",
            &[USER, opt("pubfile", Default::None), opt("prvfile", Default::None)],
            "Keys that users have: `{user: {file: key}}`.",
            auth::user_keys,
        ),
    ],
};
