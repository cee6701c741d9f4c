//! B17: somebody between minion and master swaps the replies of two requests, or gives the reply of the first try to the
//! second. Each reply is sealed for this minion, and none is an answer to what was asked.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use halite::channel::minion_auth::Identity;
use halite::config::{Opts, Role};
use halite::crypt::{EncryptionAlgorithm, SigningAlgorithm};
use halite::map;
use halite::names::MinionId;
use halite::transport::master_channel::{ChannelSettings, MasterAddress, MasterChannel, Patience};
use halite::value::msgpack::{Reading, decode};
use halite::value::{Map, Value, str_of};
use zmtp::{Message, Options, RouterSocket, RoutingId};

use crate::victim::{Victim, keys};

/// Hands requests on, and replies back.
struct Middle {
    router: RouterSocket,
    /// How many pairs of sealed requests get each other's reply; the rest get their own.
    swaps: usize,
    held: Option<(RoutingId, Vec<Bytes>)>,
    auths: usize,
    sealed: usize,
}

impl Middle {
    async fn work(&mut self, victim: &Victim) {
        loop {
            let (peer, request) = self.router.recv().await;
            let parts = request.parts().to_vec();
            let asked = decode(parts.last().expect("a body"), Reading::Wire).expect("msgpack");
            if asked.get("enc") == Some(&"clear".into()) {
                self.auths += 1;
                let reply = reply_to(victim, &parts).await;
                self.send(&peer, &parts, reply);
                continue;
            }
            self.sealed += 1;
            match self.held.take() {
                Some((first, first_parts)) => {
                    let of_first = reply_to(victim, &first_parts).await;
                    let own = reply_to(victim, &parts).await;
                    self.send(&first, &first_parts, own);
                    self.send(&peer, &parts, of_first);
                    self.swaps -= 1;
                }
                None if self.swaps > 0 => self.held = Some((peer, parts)),
                None => {
                    let reply = reply_to(victim, &parts).await;
                    self.send(&peer, &parts, reply);
                }
            }
        }
    }

    /// Who gave up waiting is gone.
    fn send(&self, peer: &RoutingId, request: &[Bytes], reply: Vec<u8>) {
        let mut parts = request.to_vec();
        parts.pop();
        parts.push(reply.into());
        let _ = self.router.sender().send(peer, Message::from_parts(parts));
    }
}

async fn reply_to(victim: &Victim, request: &[Bytes]) -> Vec<u8> {
    let body = request.last().expect("a body").to_vec();
    victim.ask(body, Duration::from_secs(60)).await.expect("an answer")
}

fn channel(port: u16) -> MasterChannel {
    let id = MinionId::parse("web1").expect("an id");
    let (encryption, signing) = (EncryptionAlgorithm::OaepSha1, SigningAlgorithm::Pkcs1v15Sha1);
    let identity = Identity::new(id, keys()[1].clone(), encryption, signing).expect("an identity");
    let mut opts = Opts::defaults(Role::Minion);
    opts.set("pki_dir", std::env::temp_dir().join(format!("hx{}", std::process::id())).display().to_string());
    let address = MasterAddress { host: "127.0.0.1".to_owned(), port };
    MasterChannel::new(ChannelSettings::for_tool(&opts, address, identity, &Map::new()))
}

#[tokio::test(flavor = "multi_thread")]
async fn b17_the_reply_to_another_request_is_not_believed_and_ends_no_session() {
    let victim = Victim::start(Map::new()).await;
    for name in ["left", "right", "late"] {
        fs::write(victim.root.join("srv/salt").join(name), name).expect("written");
    }
    let anywhere = "tcp://127.0.0.1:0".parse().expect("an endpoint");
    let router = RouterSocket::bind(&anywhere, Options::default()).await.expect("bound");
    let port = router.local_endpoint().expect("an endpoint").to_string();
    let port = port.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let channel = channel(port);
    let mut middle = Middle { router, swaps: 2, held: None, auths: 0, sealed: 0 };
    let file = |path: &str| map! { "cmd" => "_serve_file", "path" => path, "loc" => 0, "saltenv" => "base" };
    let asked = async {
        let patience = Patience { timeout: Duration::from_secs(60), tries: 3 };
        let both = vec![file("left"), file("right")];
        let mut replies = channel.requests(both, patience, Reading::Typed).await.expect("both are answered");
        // The first try is not answered before the second is there.
        let patience = Patience { timeout: Duration::from_secs(1), tries: 20 };
        replies.push(channel.request(&file("late"), patience, Reading::Typed).await.expect("it is answered"));
        replies
    };
    let replies = tokio::select! {
        replies = asked => replies,
        () = middle.work(&victim) => unreachable!("it works for ever"),
    };
    let texts: Vec<String> =
        replies.iter().map(|reply| str_of(reply.get("data").unwrap_or(&Value::Null))).collect();
    assert_eq!(texts, ["left", "right", "late"]);
    assert_eq!((middle.swaps, middle.auths), (0, 1), "all were swapped, and none of it ended the session");
    assert!(middle.sealed >= 7, "{} requests: each that got the reply of another came again", middle.sealed);
    let _ = fs::remove_dir_all(std::env::temp_dir().join(format!("hx{}", std::process::id())));
    victim.end().await;
}
