//! R1 and neighbours: what was acknowledged is kept; what cannot start says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use halite::config::{Opts, Role};
use halite::map;
use halite::master::store::Store;
use halite::value::Map;

use crate::victim::Victim;

/// A stop takes nothing new and finishes what it has: no return that was acknowledged is missing afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn r01_an_acknowledged_return_outlives_the_master() {
    let victim = Arc::new(Victim::start(Map::new()).await);
    let minion = Arc::new(victim.minion("web1").await);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..300_u64)
        .map(|number| {
            let (victim, minion, acknowledged) = (victim.clone(), minion.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let jid = format!("{}", 20_260_102_030_405_000_000_u128 + u128::from(number));
                let load = map! { "cmd" => "_return", "jid" => jid.as_str(), "fun" => "test.ping", "return" => number as i64 };
                let (body, _) = minion.seal(load);
                let answer = victim.ask(body, Duration::from_secs(20)).await?;
                acknowledged.fetch_add(1, Ordering::SeqCst);
                (!answer.is_empty()).then_some(jid)
            })
        })
        .collect();
    while acknowledged.load(Ordering::SeqCst) < 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    victim.halt().await;
    let mut kept = Vec::new();
    for sender in senders {
        kept.extend(sender.await.expect("joined"));
    }
    assert!(kept.len() >= 20);
    let root = victim.root.clone();
    drop(victim);
    let store = Store::open(&root.join("cache/halite")).expect("opened");
    for jid in &kept {
        assert!(store.returns(jid).expect("read").contains("web1"), "{jid} was acknowledged and is lost");
    }
    drop(store);
    let _ = std::fs::remove_dir_all(root);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_named_with_its_option_and_what_to_do() {
    let victim = Victim::start(Map::new()).await;
    for (option, port) in [("publish_port", victim.publish_port), ("ret_port", victim.ret_port)] {
        let root = victim.root.join(option);
        let mut opts = Opts::defaults(Role::Master);
        let at = |path: &str| root.join(path).display().to_string();
        for (name, value) in
            [("pki_dir", "pki"), ("cachedir", "cache"), ("sock_dir", "run"), ("token_dir", "tokens")]
        {
            opts.set(name, at(value));
        }
        std::fs::create_dir_all(root.join("pki")).expect("made");
        std::fs::copy(victim.root.join("pki/master.pem"), root.join("pki/master.pem")).expect("copied");
        opts.set("interface", "127.0.0.1");
        opts.set("publish_port", 0);
        opts.set("ret_port", 0);
        opts.set(option, i64::from(port));
        opts.set("user", halite::host::daemon::current_user());
        let Err(error) = halite::master::start(opts).await else { panic!("two masters on one port") };
        let text = error.to_string();
        assert!(
            text.contains(option) && text.contains(&port.to_string()) && text.contains("ss -ltnp"),
            "{text}"
        );
    }
    victim.end().await;
}
