//! One simulated minion: it signs in, hears a job, returns `True` and waits for the acknowledgement, with the product's
//! own minion half of the conversations. Salt: minion.py; salt-wire.md §7, §9, §10.2.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use halite::channel::minion_auth::{AuthOutcome, AuthRequest, Identity, Trust, judge};
use halite::channel::new_nonce;
use halite::channel::publish::Listener;
use halite::channel::session::Session;
use halite::crypt::{KeyString, PrivateKey};
use halite::map;
use halite::names::MinionId;
use halite::value::msgpack::Reading;
use halite::value::{Map, Value};
use tokio::sync::mpsc;
use zmtp::{Message, Options, ReqSocket, SubSocket};

use crate::keys;
use crate::phases::Master;

/// A function to which nothing is returned: for what publishing costs by itself.
pub const SILENCE: &str = "fleet.silence";

/// A minion, signed in or not.
pub struct Minion {
    identity: Identity,
    trust: Arc<Trust>,
    requests: ReqSocket,
    request: Option<AuthRequest>,
    answer: Vec<u8>,
    pub session: Option<Session>,
}

/// What came of one job at one minion.
pub struct Returned {
    pub jid: String,
    pub outcome: anyhow::Result<()>,
}

/// `count` minions, whose request sockets connect at once.
pub fn fleet(own: &Path, count: usize, master: &Master) -> anyhow::Result<Vec<Minion>> {
    let mut pairs = Vec::new();
    for pair in 0..keys::PAIRS {
        let pem = std::fs::read(keys::file(own, pair)).context("the fleet's keys (make them with `keys`)")?;
        let key = PrivateKey::from_pem(&pem, None)?;
        let id = MinionId::parse(&keys::id(pair))?;
        pairs.push(Identity::new(id, key, Default::default(), Default::default())?);
    }
    let trust = Arc::new(Trust { pinned: Some(master.pinned.clone()), ..Trust::default() });
    let pairs = pairs.iter().cycle();
    let minion = |(number, pair): (usize, &Identity)| -> anyhow::Result<Minion> {
        let identity = Identity {
            id: MinionId::parse(&keys::id(number))?,
            token: KeyString::generate(),
            ..pair.clone()
        };
        let requests = ReqSocket::connect(&master.request, Options::default());
        let trust = trust.clone();
        Ok(Minion { identity, trust, requests, request: None, answer: Vec::new(), session: None })
    };
    (0..count).zip(pairs).map(minion).collect()
}

impl Minion {
    /// Makes the next `_auth`, so that a storm sends prepared ones.
    pub fn prepare(&mut self) -> anyhow::Result<()> {
        self.request = Some(AuthRequest::new(&self.identity, &self.trust, new_nonce())?);
        Ok(())
    }

    /// Sends the prepared `_auth` and keeps the answer unread: reading takes longer than it takes the master to write it.
    pub async fn ask(mut self) -> anyhow::Result<Self> {
        let body = self.request.as_ref().context("nothing prepared")?.body.clone();
        self.requests.send(body.into()).await?;
        self.answer = self.requests.recv().await?.into_parts().pop().unwrap_or_default().to_vec();
        Ok(self)
    }

    /// Judges the answer as a real minion does: signature, AES key, session key, token. Private operations.
    pub fn believe(mut self) -> anyhow::Result<Self> {
        let request = self.request.take().context("nothing prepared")?;
        match judge(&self.answer, &request, &self.identity, &self.trust)? {
            AuthOutcome::Accepted { credentials, .. } => {
                self.session = Some(Session::new(self.identity.clone(), *credentials));
                Ok(self)
            }
            other => anyhow::bail!("{} was not let in: {other:?}", self.identity.id),
        }
    }

    /// Hears jobs until the fleet ends; tells what came of each.
    pub async fn work(mut self, mut publishes: SubSocket, done: mpsc::UnboundedSender<Returned>) {
        let Some(session) = self.session.take() else { return };
        // Signatures are checked by the real minion; here they would only slow down the measuring side.
        let mut ear = Listener::new(&session.credentials().aes, None, session.identity().signing);
        loop {
            let message = publishes.recv().await;
            let Some(Ok(load)) = message.parts().last().map(|payload| ear.open(payload)) else { continue };
            let jid = load.str("jid").unwrap_or_default().to_owned();
            let outcome = match load.str("fun") {
                Some(SILENCE) => Ok(()),
                _ => self.give_back(&session, &load).await,
            };
            if done.send(Returned { jid, outcome }).is_err() {
                return;
            }
        }
    }

    async fn give_back(&mut self, session: &Session, job: &Map) -> anyhow::Result<()> {
        let load = map! {
            "cmd" => "_return",
            "jid" => job.get("jid").cloned().unwrap_or_default(),
            "return" => true,
            "retcode" => 0,
            "success" => true,
            "fun" => job.get("fun").cloned().unwrap_or_default(),
            "fun_args" => Vec::<Value>::new(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let request = session.request(load, i64::try_from(now)?);
        self.requests.send(Message::from(bytes::Bytes::from(request.body))).await?;
        let body = self.requests.recv().await?.into_parts().pop().unwrap_or_default();
        session.reply(&body, &request.nonce, Reading::Wire)?;
        Ok(())
    }
}
