//! Words of a state declaration that are the engine's and not the state function's. Salt: state.py
//! (`STATE_REQUISITE_KEYWORDS` and its neighbours).

use std::sync::LazyLock;

use hashbrown::HashSet;

/// Requisites.
pub const REQUISITES: &[&str] = &[
    "onchanges",
    "onchanges_any",
    "onfail",
    "onfail_any",
    "onfail_all",
    "onfail_stop",
    "prereq",
    "prerequired",
    "watch",
    "watch_any",
    "require",
    "require_any",
    "listen",
];

/// Requisites that are written at the other end.
pub const REQUISITES_IN: &[&str] =
    &["onchanges_in", "onfail_in", "prereq_in", "watch_in", "require_in", "listen_in"];

/// The rest.
pub const RUNTIME: &[&str] = &[
    "fun",
    "state",
    "check_cmd",
    "cmd_opts_exclude",
    "failhard",
    "onlyif",
    "unless",
    "creates",
    "retry",
    "order",
    "parallel",
    "prereq",
    "prereq_in",
    "prerequired",
    "reload_modules",
    "reload_grains",
    "reload_pillar",
    "runas",
    "runas_password",
    "fire_event",
    "no_log",
    "saltenv",
    "umask",
    "use",
    "use_in",
    "__env__",
    "__sls__",
    "__sls_included_from__",
    "__id__",
    "__orchestration_jid__",
    "__pub_user",
    "__pub_arg",
    "__pub_jid",
    "__pub_fun",
    "__pub_tgt",
    "__pub_ret",
    "__pub_pid",
    "__pub_tgt_type",
    "__prereq__",
    "__prerequired__",
    "__umask__",
];

/// The words that an SLS file may use with any state.
pub(super) fn declared() -> impl Iterator<Item = &'static str> {
    const NAMES: &[&str] = &["name", "names", "name_order", "aggregate", "test"];
    let all = [REQUISITES, REQUISITES_IN, RUNTIME, NAMES].into_iter().flatten().copied();
    all.filter(|word| !word.starts_with("__"))
}

/// Whether a state function is not to be given this word.
pub fn is_internal(name: &str) -> bool {
    // Every word of every chunk is asked for.
    static ALL: LazyLock<HashSet<&str>> =
        LazyLock::new(|| [REQUISITES, REQUISITES_IN, RUNTIME].concat().into_iter().collect());
    ALL.contains(name)
}
