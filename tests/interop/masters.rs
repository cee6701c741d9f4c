//! Masters that come and go: returns that wait for them, new keys, lists of masters, and what a minion says of itself
//! on the way.

use std::fs;
use std::time::Duration;

use halite::event::Filter;
use halite::transport::bus::{BusClient, BusPaths};
use jiff::SignedDuration;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

fn minion_log(fleet: &Fleet) -> String {
    fs::read_to_string(fleet.path("var/log/salt/minion")).unwrap_or_default()
}

/// A job ends while the master is down; the minion is restarted; the master comes back and has the return.
fn a_return_outlives_master_and_minion(master: Peer) {
    let minion = Peer::Halite;
    let Some(mut fleet) = Fleet::start(master, minion, "", "") else { return };
    let go = fleet.path("go");
    let job = format!("until test -e {}; do sleep 0.1; done; echo late", go.display());
    let jid = fleet.start_job(master, &["cmd.run", &job]);
    let started = format!("Starting a new job {jid}");
    fleet.wait("the job runs", |fleet| minion_log(fleet).contains(&started));
    fleet.stop("salt-master");
    fs::write(&go, "").expect("written");
    let returning = format!("Returning information for job: {jid}");
    fleet.wait("the return is written down", |fleet| minion_log(fleet).contains(&returning));
    assert_eq!(fleet.stop("salt-minion"), Some(0));
    fleet.spawn("salt-minion", minion);
    fleet.spawn("salt-master", master);
    fleet.wait("the master has the return", |fleet| {
        let output = fleet.run(master, "salt-run", &["jobs.lookup_jid", &jid, "--out=json"]);
        text(&output).contains("\"late\"")
    });
    fleet.wait_for_minion();
}

#[test]
fn a_return_outlives_an_original_master_3006() {
    a_return_outlives_master_and_minion(Peer::Salt3006);
}

#[test]
fn a_return_outlives_our_master() {
    a_return_outlives_master_and_minion(Peer::Halite);
}

/// The AES key is rotated, then the master is restarted: each time the minion goes on without being told.
fn the_master_gets_new_keys_and_is_restarted(master: Peer, minion: Peer) {
    let Some(mut fleet) = Fleet::start(master, minion, "loop_interval: 1", "") else { return };
    let signed_in = |fleet: &Fleet| minion_log(fleet).matches("Authentication with master at").count();
    let before = signed_in(&fleet);
    fs::copy(fleet.path("etc/pki-minion/minion.pub"), fleet.master_pki("minions_pre/gone")).expect("copied");
    fleet.stdout(master, "salt-key", &["-y", "-d", "gone"]);
    fleet.wait("the minion answers with a new key", |fleet| fleet.pings("etc") && signed_in(fleet) > before);
    fleet.stop("salt-master");
    fleet.spawn("salt-master", master);
    fleet.wait_for_minion();
}

#[test]
fn an_original_master_3006_gets_new_keys() {
    the_master_gets_new_keys_and_is_restarted(Peer::Salt3006, Peer::Halite);
}

#[test]
fn an_original_master_3007_gets_new_keys() {
    the_master_gets_new_keys_and_is_restarted(Peer::Salt3007, Peer::Halite);
}

#[test]
fn our_master_gets_new_keys() {
    the_master_gets_new_keys_and_is_restarted(Peer::Halite, Peer::Halite);
}

/// Two masters with the same keys, both up, that know the minion; the minion has the list of both.
fn two_masters(peers: [Peer; 2], config: &str) -> Option<Fleet> {
    let mut fleet = shuffled(peers, config)?;
    fleet.wait_for_minion();
    Some(fleet)
}

/// The same, where it is not known which of them the minion is with.
fn shuffled(peers: [Peer; 2], config: &str) -> Option<Fleet> {
    let mut fleet = Fleet::prepare(&peers, Peer::Halite, "auto_accept: True")?;
    let [a, b] = [0, 1].map(|index| format!("127.0.0.1:{}", fleet.ports(index)[1]));
    fleet.write_minion(&format!("master: [\"{a}\", \"{b}\"]\n{config}"));
    fleet.spawn("salt-master", peers[0]);
    fleet.wait("the first master has keys", |fleet| fleet.master_pki("master.pub").exists());
    fleet.wait_for_port(fleet.ports(0)[1]);
    fs::create_dir_all(fleet.path("2/etc/pki")).expect("made");
    for key in ["master.pem", "master.pub"] {
        fs::copy(fleet.master_pki(key), fleet.path("2/etc/pki").join(key)).expect("copied");
    }
    fleet.spawn_at("salt-master", peers[1], "etc2");
    fleet.wait_for_port(fleet.ports(1)[1]);
    fleet.spawn("salt-minion", Peer::Halite);
    Some(fleet)
}

fn the_next_master_is_used_until_the_first_is_back(peers: [Peer; 2]) {
    let config = "master_type: failover\nmaster_alive_interval: 1\nmaster_failback: True\nretry_dns: 0";
    let Some(mut fleet) = two_masters(peers, config) else { return };
    assert!(!fleet.pings("etc2"), "one master at a time");
    fleet.stop("salt-master");
    fleet.wait("the minion answers the second master", |fleet| fleet.pings("etc2"));
    fleet.spawn("salt-master", peers[0]);
    fleet.wait("the minion has gone back to the first master", |fleet| fleet.pings("etc"));
    assert!(!fleet.pings("etc2"), "one master at a time");
}

/// Without `master_failback`, nobody else asks.
#[test]
fn a_minion_goes_back_when_it_has_pinged_its_first_master() {
    let peers = [Peer::Halite, Peer::Halite];
    let config = "master_type: failover\nmaster_alive_interval: 1\nretry_dns: 0\nauth_timeout: 2";
    let Some(mut fleet) = two_masters(peers, config) else { return };
    fleet.stop("salt-master");
    fleet.wait("the minion answers the second master", |fleet| fleet.pings("etc2"));
    let [first, second] = [0, 1].map(|index| format!("127.0.0.1:{}", fleet.ports(index)[1]));
    let ping = |fleet: &Fleet, master: &str| {
        let mut command = fleet.command(Peer::Halite, "salt", "etc2");
        command.args(["minion-a", "status.ping_master", master, "--out=txt"]);
        text(&fleet.output(Peer::Halite, &command)).trim().to_owned()
    };
    assert_eq!(ping(&fleet, &first), "minion-a: False");
    fleet.spawn("salt-master", peers[0]);
    fleet.wait_for_port(fleet.ports(0)[1]);
    // Only the first one is gone back to.
    assert_eq!(ping(&fleet, &second), "minion-a: True");
    assert_eq!(ping(&fleet, &first), "minion-a: True");
    fleet.wait("the minion has gone back to the first master", |fleet| fleet.pings("etc"));
    let log = minion_log(&fleet);
    assert!(log.contains(&format!("Bad master '{second}' when mine failback is '{first}'")), "{log}");
}

#[test]
fn failover_from_an_original_master_to_ours_and_back() {
    the_next_master_is_used_until_the_first_is_back([Peer::Salt3006, Peer::Halite]);
}

#[test]
fn failover_from_our_master_to_an_original_one_and_back() {
    the_next_master_is_used_until_the_first_is_back([Peer::Halite, Peer::Salt3007]);
}

/// Several masters at once: each is answered, with a return of its own, and one may be down.
#[test]
fn several_masters_are_answered_at_the_same_time() {
    let peers = [Peer::Halite, Peer::Salt3006];
    let Some(mut fleet) = two_masters(peers, "") else { return };
    fleet.wait("the minion answers the second master", |fleet| fleet.pings("etc2"));
    fleet.wait("the minion answers the first master", |fleet| fleet.pings("etc"));
    let shown = fleet.ask(peers[0], &["config.get", "master_uri"]);
    assert_eq!(shown, format!("tcp://127.0.0.1:{}", fleet.ports(0)[1]).as_str().into());
    fleet.stop("salt-master");
    fleet.wait("the minion still answers the second master", |fleet| fleet.pings("etc2"));
}

/// Who has the address of the master and another key is not obeyed, and the minion says where the key is that it trusts.
fn a_master_with_another_key_is_refused(master: Peer) {
    let Some(mut fleet) = Fleet::start(master, Peer::Halite, "", "") else { return };
    fleet.stop("salt-master");
    for key in ["master.pem", "master.pub"] {
        fs::remove_file(fleet.master_pki(key)).expect("removed");
    }
    fleet.spawn("salt-master", master);
    fleet.wait_for_port(fleet.ports(0)[1]);
    fleet.wait("the minion says that the key is another one, and where the one is that it trusts", |fleet| {
        let log = minion_log(fleet);
        log.contains("The Salt Master server's public key did not authenticate!")
            && log.contains("minion_master.pub")
    });
    assert!(!fleet.pings("etc"), "a master with another key is obeyed");
}

#[test]
fn an_original_master_3006_with_another_key_is_refused() {
    a_master_with_another_key_is_refused(Peer::Salt3006);
}

#[test]
fn our_master_with_another_key_is_refused() {
    a_master_with_another_key_is_refused(Peer::Halite);
}

/// `random_master` and its old name: the minion finds either master, and is with one of them.
#[test]
fn a_shuffled_list_of_masters_is_served_by_one_of_them() {
    for option in ["random_master", "master_shuffle"] {
        let peers = [Peer::Halite, Peer::Salt3006];
        let config = format!("master_type: failover\nmaster_alive_interval: 1\n{option}: True\nretry_dns: 0");
        let Some(mut fleet) = shuffled(peers, &config) else { return };
        fleet.wait("the minion answers one of them", |fleet| fleet.pings("etc") != fleet.pings("etc2"));
    }
}

#[test]
fn a_minion_without_a_master_waits_to_be_ended() {
    let Some(mut fleet) = Fleet::prepare(&[Peer::Halite], Peer::Halite, "") else { return };
    fleet.write_minion("master_type: disable");
    fleet.spawn("salt-minion", Peer::Halite);
    fleet.wait("it says so", |fleet| {
        minion_log(fleet).contains("Master is set to disable, skipping connection")
    });
    let printed = fleet.stdout(Peer::Halite, "salt-call", &["--local", "test.ping", "--out=txt"]);
    assert_eq!(printed, "local: True\n");
    assert_eq!(fleet.stop("salt-minion"), Some(0));
}

/// A master that takes nothing without a right signature takes what ours signs (the original leaves the time stamp
/// out of what it signs, so that its own masters refuse it).
fn signed_returns_are_taken(master: Peer) {
    let config = "require_minion_sign_messages: True\ndrop_messages_signature_fail: True";
    let Some(fleet) = Fleet::start(master, Peer::Halite, config, "minion_sign_messages: True") else {
        return;
    };
    assert_eq!(fleet.ask(master, &["cmd.run", "printf 'grüße %s' 1.5"]), "grüße 1.5".into());
    assert!(fleet.ask(master, &["grains.items"]).get("id").is_some());
    // Answered when the minion has done it, not after the time limit.
    assert_eq!(fleet.ask(master, &["saltutil.refresh_pillar", "wait=True", "timeout=600"]), true.into());
    assert_eq!(fleet.ask(master, &["saltutil.refresh_modules", "async=False"]), true.into());
    let log = fs::read_to_string(fleet.path("var/log/salt/master")).expect("a log");
    assert!(!log.contains("Failed to verify"), "a signature was not right");
    // Salt's command line does not hear what comes before it listens; our master's bus knows a way round that.
    const AT_SALTS: SignedDuration = SignedDuration::from_millis(100);
    if master == Peer::Halite {
        let mut fleet = fleet;
        fleet.wait("an answer comes at once", |fleet| answer_took(fleet, master) < AT_SALTS);
    } else {
        let took = answer_took(&fleet, master);
        assert!(took >= AT_SALTS, "{took:?} after the job");
    }
}

/// How long after a job its return came, by the stamps of the master's bus.
fn answer_took(fleet: &Fleet, cli: Peer) -> SignedDuration {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let events = runtime.block_on(bus.subscribe(Filter::prefix("salt/job/")));
    let mut events = events.expect("connected");
    let jid = fleet.start_job(cli, &["test.ping"]);
    let mut time_of = |tag: String| loop {
        let event = runtime.block_on(events.next(Some(Duration::from_secs(120))));
        let event = event.expect("a good stream").expect("an event in time");
        if event.tag == tag {
            let stamp = event.data.str("_stamp").expect("a stamp");
            break stamp.parse::<jiff::civil::DateTime>().expect("a time");
        }
    };
    let published = time_of(format!("salt/job/{jid}/new"));
    time_of(format!("salt/job/{jid}/ret/minion-a")).duration_since(published)
}

#[test]
fn signed_returns_are_taken_by_our_master() {
    signed_returns_are_taken(Peer::Halite);
}

#[test]
fn signed_returns_are_taken_by_an_original_master_3006() {
    signed_returns_are_taken(Peer::Salt3006);
}

#[test]
fn signed_returns_are_taken_by_an_original_master_3007() {
    signed_returns_are_taken(Peer::Salt3007);
}

#[test]
fn a_minion_comes_from_the_address_and_as_the_user_that_it_is_told() {
    // The directories that the master has made are its own; these lie below the root directory, too.
    let config = "source_address: 127.0.0.7\nuser: nobody\ngrains_refresh_pre_exec: True\nlog_file: /m/log/minion\n\
                  cachedir: /m/cache\nsock_dir: /m/run";
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let config = if root { config.to_owned() } else { config.replace("user: nobody\n", "") };
    let Some(fleet) = Fleet::start(Peer::Halite, Peer::Halite, "", &config) else { return };
    let log = fs::read_to_string(fleet.path("var/log/salt/master")).expect("a log");
    assert!(log.contains("from=tcp://127.0.0.7:"), "{log}");
    if root {
        assert_eq!(fleet.ask(Peer::Halite, &["cmd.run", "id -un"]), "nobody".into());
        assert_eq!(fleet.ask(Peer::Halite, &["grains.get", "username"]), "nobody".into());
    }
}
