//! The tags of Salt's events, spelled in one place. Salt: utils/event.py (`tagify`, `TAGS`), master.py, minion.py;
//! salt-wire.md §11 (the master's bus) and §14.6 (the minion's).

use crate::patterns::fnmatch;

/// A minion asked for authentication: `{result, act?, id, pub}`.
pub const AUTH: &str = "salt/auth";
/// An operator changed the state of a key: `{result, act, id}`.
pub const KEY: &str = "salt/key";
/// `{rotate_aes_key: true}`.
pub const ROTATE_AES: &str = "key";
/// The old tag of a minion that has started; see [`minion_start`].
pub const MINION_START: &str = "minion_start";
/// The old tag of a syndic that has started; see [`syndic_start`].
pub const SYNDIC_START: &str = "syndic_start";
/// A minion with `ping_interval` is alive.
pub const MINION_PING: &str = "minion_ping";
/// A function of a minion raised.
pub const SALT_ERROR: &str = "_salt_error";
/// A publish was refused: its load and `error`.
pub const JOB_ERROR: &str = "salt/job/error";
/// `{present: [id]}`, every loop.
pub const PRESENCE_PRESENT: &str = "salt/presence/present";
/// `{new: [id], lost: [id]}`.
pub const PRESENCE_CHANGE: &str = "salt/presence/change";
/// A listener of a runner begins.
pub const EVENT_LISTEN_START: &str = "salt/event_listen/start";

/// Minion bus: load modules anew.
pub const MODULE_REFRESH: &str = "module_refresh";
/// Minion bus: compile the pillar anew.
pub const PILLAR_REFRESH: &str = "pillar_refresh";
/// Minion bus: collect grains anew.
pub const GRAINS_REFRESH: &str = "grains_refresh";
/// Minion bus: load matchers anew.
pub const MATCHERS_REFRESH: &str = "matchers_refresh";
/// Minion bus: load beacons anew.
pub const BEACONS_REFRESH: &str = "beacons_refresh";
/// Minion bus: `{environ, false_unsets, clear_all}`.
pub const ENVIRON_SETENV: &str = "environ_setenv";
/// Minion bus: send `{tag, data, events, pretag}` to the master's bus.
pub const FIRE_MASTER: &str = "fire_master";
/// Minion bus: the data is a `_mine*` load to send.
pub const MINION_MINE: &str = "_minion_mine";
/// Minion bus: change the schedule.
pub const MANAGE_SCHEDULE: &str = "manage_schedule";
/// Minion bus: change the beacons.
pub const MANAGE_BEACONS: &str = "manage_beacons";
/// Minion bus: return a job of the schedule.
pub const SCHEDULE_RETURN: &str = "__schedule_return";
/// Minion bus: send events of beacons.
pub const BEACONS_RETURN: &str = "__beacons_return";
/// Minion bus: `{key: [..], creds: {..}}` after an authentication.
pub const AUTH_CREDS: &str = "salt/auth/creds";
/// Minion bus: prefix of loads to send as they are.
pub const REQUEST_PAYLOAD: &str = "__master_req_channel_payload";
/// Minion bus: prefix of the answers to those.
pub const REQUEST_RETURN: &str = "__master_req_channel_return";
/// Minion bus: the pillar is there.
pub const PILLAR_REFRESH_COMPLETE: &str = "/salt/minion/minion_pillar_refresh_complete";
/// Minion bus: the modules are there.
pub const MODULE_REFRESH_COMPLETE: &str = "/salt/minion/minion_mod_refresh_complete";

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*) = $format:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name($($arg: impl std::fmt::Display),*) -> String {
            format!($format)
        }
    )*};
}

tags! {
    /// A job was published: `{jid, tgt_type, tgt, user, fun, arg, minions, missing}`.
    job_new(jid) = "salt/job/{jid}/new";
    /// 3007: the load of a publish.
    job_publish(jid) = "salt/job/{jid}/publish";
    /// A minion returned: its whole load.
    job_ret(jid, id) = "salt/job/{jid}/ret/{id}";
    /// A state of a run is done, `n` its number.
    job_prog(jid, id, n) = "salt/job/{jid}/prog/{id}/{n}";
    /// A state failed in a highstate or sls run.
    job_sub_error(jid, id, fun) = "salt/job/{jid}/sub/{id}/error/{fun}";
    /// A state with `fire_event`.
    state_result(jid, id, name) = "salt/state_result/{jid}/{id}/{name}";
    /// A minion has started.
    minion_start(id) = "salt/minion/{id}/start";
    /// A syndic has started.
    syndic_start(id) = "salt/syndic/{id}/start";
    /// The data cache of a minion was renewed.
    // Salt quirk (3006, master.py): without the `salt/` of all others.
    minion_refresh(id) = "minion/refresh/{id}";
    /// A runner began.
    run_new(jid) = "salt/run/{jid}/new";
    /// A runner ended.
    run_ret(jid) = "salt/run/{jid}/ret";
    /// Arguments of an orchestration.
    run_args(jid) = "salt/run/{jid}/args";
    /// The prefix of a runner's events, as the reply to `runner` names it.
    run(jid) = "salt/run/{jid}";
    /// A wheel function began.
    wheel_new(jid) = "salt/wheel/{jid}/new";
    /// A wheel function ended.
    wheel_ret(jid) = "salt/wheel/{jid}/ret";
    /// The prefix of a wheel function's events.
    wheel(jid) = "salt/wheel/{jid}";
    /// A beacon of a minion; `rest` begins with the beacon's name.
    beacon(id, rest) = "salt/beacon/{id}/{rest}";
    /// Statistics of a worker.
    stats(worker) = "salt/stats/{worker}";
    /// A file-server backend was updated.
    fileserver_update(backend) = "salt/fileserver/{backend}/update";
    /// A copy of an event of a syndic.
    syndic(id, tag) = "syndic/{id}/{tag}";
}

/// The bare tag of a job, whose data is `{minions: [id]}`.
pub fn job(jid: impl std::fmt::Display) -> String {
    jid.to_string()
}

/// Tags that only a master fires: a minion that sends them is refused (CVE-2025-22236, CVE-2025-22239).
const RESERVED: &[&str] = &[
    "salt/job/*/publish",
    "salt/job/*/new",
    "salt/job/*/return",
    "salt/job/*/error",
    JOB_ERROR,
    "salt/key",
    "salt/cloud/*",
    "salt/run/*",
    "salt/batch/*",
    "salt/cluster/*",
    "salt/wheel/*/new",
    "salt/wheel/*/return",
    // Beyond Salt's list: all that the master alone has to say.
    "salt/auth",
    "salt/presence/*",
    "salt/wheel/*",
    "salt/stats/*",
    "salt/fileserver/*",
    "minion/refresh/*",
    "syndic/*",
    "cluster/*",
    "rotate_aes_key",
    "__*",
];

/// Tags that name a minion, which only that minion fires: what stands before and after its id.
const OF_ONE_MINION: &[(&str, &str)] =
    &[("salt/minion/", "/start"), ("salt/syndic/", "/start"), ("salt/beacon/", "")];

/// Whether `id` may not fire this tag: it is the master's, or another minion's.
pub fn is_reserved(tag: &str, id: &str) -> bool {
    let is_jid = tag.len() >= 20 && tag.bytes().take(20).all(|octet| octet.is_ascii_digit());
    is_jid || RESERVED.iter().any(|pattern| fnmatch(pattern, tag)) || names_another(tag, id)
}

fn names_another(tag: &str, id: &str) -> bool {
    if let Some((_, rest)) = tag.strip_prefix("salt/state_result/").and_then(|rest| rest.split_once('/')) {
        return !rest.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    let mut parts = tag.strip_prefix("salt/job/").into_iter().flat_map(|rest| rest.splitn(3, '/'));
    if let (Some(_), Some(what @ ("ret" | "prog" | "sub")), Some(rest)) =
        (parts.next(), parts.next(), parts.next())
    {
        let own =
            rest == id || (what != "ret" && rest.strip_prefix(id).is_some_and(|rest| rest.starts_with('/')));
        return !own;
    }
    OF_ONE_MINION.iter().any(|(before, after)| {
        let named = tag.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        named.is_some_and(|named| {
            named != id && !named.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_spelled_as_in_salt() {
        assert_eq!(job_ret("20260102030405678901", "web1"), "salt/job/20260102030405678901/ret/web1");
        assert_eq!(job_new("1"), "salt/job/1/new");
        assert_eq!(minion_refresh("a"), "minion/refresh/a");
        assert_eq!(job_prog("1", "a", 3), "salt/job/1/prog/a/3");
        assert_eq!(syndic("s", "salt/job/1/ret/a"), "syndic/s/salt/job/1/ret/a");
    }

    #[test]
    fn tags_of_the_master_are_refused_to_minions() {
        for tag in [
            "salt/job/1/new",
            "salt/job/a/b/new",
            "salt/job/1/publish",
            "salt/key",
            "salt/auth",
            "salt/run/1/ret",
            "salt/batch/1/stop",
            "salt/wheel/1/new",
            "salt/wheel/1/ret",
            "salt/presence/present",
            "20260102030405678901",
            "__internal",
            "salt/job/1/ret/b",
            "salt/job/1/ret/a/x",
            "salt/job/1/prog/b/1",
            "salt/minion/b/start",
            "salt/beacon/ab/load",
            "salt/job/1/error",
            "salt/job/error",
            "salt/syndic/b/start",
            "salt/state_result/1/b/name",
        ] {
            assert!(is_reserved(tag, "a"), "{tag}");
        }
        for tag in [
            "my/tag",
            "salt/key/x",
            "salt/minion/a/start",
            "salt/job/1/ret/a",
            "salt/job/1/prog/a/1",
            "salt/beacon/a/load",
            "salt/state_result/1/a/name",
            "minion_start",
        ] {
            assert!(!is_reserved(tag, "a"), "{tag}");
        }
    }
}
