//! R1: a master that is killed in the middle of its work has kept what it acknowledged.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use halite::map;
use halite::master::store::Store;
use halite::value::msgpack::Reading;
use halite::value::{Value, str_of};

use crate::batches::{batch, word};
use crate::victim::{EvilMinion, Victim, keys, write_key};

const RETURNS: usize = 10_000;
const KILLS: usize = 20;
const SENDERS: usize = 50;

/// The jid of a return: no two are alike.
fn jid(number: usize) -> String {
    format!("{}", 20_260_102_030_405_000_000_u128 + number as u128)
}

fn start(root: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(root.join("log")).expect("a log");
    Command::new(env!("CARGO_BIN_EXE_halite"))
        .args(["salt-master", "-l", "error", "-c"])
        .arg(root.join("etc"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the master starts")
}

/// A session with the master, as soon as it is there.
async fn sign_in(victim: &Victim) -> EvilMinion {
    loop {
        if tokio::net::TcpStream::connect(("127.0.0.1", victim.ret_port)).await.is_ok() {
            return victim.minion("web1").await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends the return until it is acknowledged, as a minion does: whatever is no sealed answer is none.
async fn deliver(victim: &Victim, minion: &EvilMinion, number: usize) {
    loop {
        let load = map! { "cmd" => "_return", "jid" => jid(number), "fun" => "test.echo", "return" => number as i64 };
        let (body, nonce) = minion.seal(load);
        let answer = victim.ask(body, Duration::from_secs(2)).await;
        if answer.is_some_and(|answer| minion.session.reply(&answer.into(), &nonce, Reading::Typed).is_ok()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Directories and configuration of a master of another process.
fn prepare(name: &str) -> Victim {
    let root = std::env::temp_dir().join(format!("{name}{}", std::process::id()));
    let port = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
    let victim = Victim::elsewhere(root.clone(), port(), port());
    for folder in ["etc", "run", "pki"] {
        std::fs::create_dir_all(root.join(folder)).expect("a directory");
    }
    write_key(&root.join("pki/master.pem"), &keys()[0]);
    let (dir, user) = (root.display(), halite::host::daemon::current_user());
    let config = format!(
        "interface: 127.0.0.1\npublish_port: {}\nret_port: {}\nauto_accept: true\nuser: {user}\npki_dir: {dir}/pki\n\
         cachedir: {dir}/cache\nsock_dir: {dir}/run\npidfile: {dir}/run/m.pid\ntoken_dir: {dir}/tokens\n\
         log_file: {dir}/m.log\n",
        victim.publish_port, victim.ret_port
    );
    std::fs::write(root.join("etc/master"), config).expect("written");
    victim
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_master_is_killed_has_a_last_word_on_every_minion() {
    let victim = prepare("hb");
    let mut master = start(&victim.root);
    let web1 = sign_in(&victim).await;
    let web2 = victim.minion("web2").await;
    let web3 = victim.minion("web3").await;
    let mut events = victim.events().await;
    let reply = victim.clear(batch(false, &victim.own_key())).await;
    let jid = str_of(reply.get("load").and_then(|load| load.get("jid")).expect("a jid"));
    // The first turn returns, the second is asked, the third is not reached.
    let turn = loop {
        let event = events.next(Some(Duration::from_secs(60))).await.expect("the bus").expect("an event");
        let Some(job) = event.tag.strip_prefix("salt/job/").and_then(|rest| rest.strip_suffix("/new")) else {
            continue;
        };
        let asked = event.data.get("minions").cloned().expect("minions");
        let load =
            |job: &str| map! { "cmd" => "_return", "jid" => job, "fun" => "test.echo", "return" => "x" };
        if event.data.str("fun") != Some("test.echo") {
            for minion in [&web1, &web2, &web3] {
                minion.ask(&victim, load(job)).await;
            }
        } else if asked == Value::list(["web1"]) {
            web1.ask(&victim, load(job)).await;
        } else {
            assert_eq!(asked, Value::list(["web2"]));
            break job.to_owned();
        }
    };
    master.kill().expect("killed");
    master.wait().expect("gone");
    let mut master = start(&victim.root);
    sign_in(&victim).await;
    let web2 = victim.minion("web2").await;
    let mut events = victim.events().await;
    let late = map! { "cmd" => "_return", "jid" => turn.as_str(), "fun" => "test.echo", "return" => "late" };
    web2.ask(&victim, late).await;
    let done = format!("salt/batch/{jid}/done");
    let last = loop {
        let event = events.next(Some(Duration::from_secs(60))).await.expect("the bus").expect("an event");
        if event.tag == done {
            break event.data;
        }
    };
    assert_eq!(last.get("done_minions"), Some(&Value::list(["web2"])));
    assert_eq!(std::fs::read_dir(victim.root.join("cache/batches")).expect("a directory").count(), 0);
    master.kill().expect("killed");
    master.wait().expect("gone");
    let store = Store::open(&victim.root.join("cache/halite")).expect("opened");
    let kept = store.returns(&jid).expect("read");
    drop(store);
    let words = ["web1", "web2", "web3"].map(|id| word(&kept, id));
    assert_eq!(words, ["x", "late", "Minion was not asked: the master was restarted."].map(Value::from));
    let _ = std::fs::remove_dir_all(&victim.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn r01_no_acknowledged_return_is_lost_when_the_master_is_killed_twenty_times_in_ten_thousand() {
    let victim = Arc::new(prepare("hk"));
    let root = victim.root.clone();
    let mut master = start(&root);
    let minion = Arc::new(sign_in(&victim).await);
    let (next, acknowledged) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (victim, minion) = (victim.clone(), minion.clone());
            let (next, acknowledged) = (next.clone(), acknowledged.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= RETURNS {
                        return;
                    }
                    deliver(&victim, &minion, number).await;
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut kills = 0;
    while kills < KILLS {
        // Somewhere in its share of the returns, at a random moment after.
        let share = RETURNS * kills / (KILLS + 1) + 1;
        while acknowledged.load(Ordering::SeqCst) < share {
            assert!(master.try_wait().expect("waited").is_none(), "{}", log(&root));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let dice = u64::from(halite::crypt::random::bytes::<1>()[0]);
        tokio::time::sleep(Duration::from_micros(dice * 200)).await;
        master.kill().expect("killed");
        master.wait().expect("gone");
        kills += 1;
        master = start(&root);
    }
    for sender in senders {
        sender.await.expect("joined");
    }
    master.kill().expect("killed");
    master.wait().expect("gone");
    let store = Store::open(&root.join("cache/halite")).expect("opened");
    for number in 0..RETURNS {
        let kept = store.returns(&jid(number)).expect("read").get("web1").cloned();
        let kept = kept.unwrap_or_else(|| panic!("return {number} was acknowledged and is lost"));
        assert_eq!(kept.get("return"), Some(&Value::from(number as i64)));
    }
    drop(store);
    let _ = std::fs::remove_dir_all(root);
}

fn log(root: &Path) -> String {
    std::fs::read_to_string(root.join("log")).unwrap_or_default()
}
