//! `MasterChannel`: a minion's conversation with one master. It signs in (once for all who need it), seals requests,
//! opens replies, and signs in again when the master no longer knows the session. Salt: channel/client.py
//! (`AsyncReqChannel`), crypt.py (`AsyncAuth`); salt-wire.md §6.4, §7.6.
//!
//! What has to be decided is decided without sockets in `acceptance` and in `crate::channel`; RSA and disk never run
//! on the event loop.

mod acceptance;
mod address;
mod key_files;
mod lanes;
mod probe;
mod settings;
mod sign_in;
mod source;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::channel::session::{SealedRequest, Session};
use crate::channel::{ChannelError, pillar};
use crate::crypt::CryptError;
use crate::host::tasks;
use crate::log::debug;
use crate::value::msgpack::Reading;
use crate::value::{Map, Value};

pub use acceptance::{AuthPolicy, SignInError};
pub use address::{AddressError, MasterAddress};
pub use key_files::{KeyFileError, KeyFiles};
pub use probe::{answers, answers_blocking};
pub use settings::{ChannelSettings, SettingsError, TrustSettings, identity, subscribe_socket};
pub use sign_in::State;
pub use source::SourceAddress;

use lanes::Lanes;

/// Least time from one try to the next.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// How long and how often a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For each try.
    pub timeout: Duration,
    pub tries: u32,
}

/// Why a request has no reply.
#[derive(Debug, Error)]
pub enum RequestError {
    /// Salt: `SaltReqTimeoutError`.
    #[error("{cmd}: the master at {master} did not answer ({why})")]
    Unanswered { cmd: String, master: String, why: String },
    /// There is no session to send it with.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The master answered in clear that it will not serve this.
    #[error("{cmd}: the master refused the request: {text}")]
    Refused { cmd: String, text: String },
    /// The reply cannot be believed or read.
    #[error("{cmd}: {error}")]
    Reply { cmd: String, error: ChannelError },
}

/// A conversation with one master. Clones share it.
#[derive(Clone)]
pub struct MasterChannel {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<ChannelSettings>,
    lanes: Arc<Lanes>,
    /// The generation of session that somebody needs.
    wanted: watch::Sender<u64>,
    state: watch::Receiver<State>,
}

/// A session and which one it is.
struct Signed {
    session: Arc<Session>,
    generation: u64,
}

impl MasterChannel {
    /// A channel that signs in when it is first needed. Needs a tokio runtime to run in.
    pub fn new(settings: ChannelSettings) -> Self {
        let lanes = Arc::new(lanes_of(&settings));
        let settings = Arc::new(settings);
        let (wanted, wanted_receiver) = watch::channel(0);
        let (state_sender, state) = watch::channel(State::default());
        tasks::spawn(sign_in::run(Arc::clone(&settings), Arc::clone(&lanes), wanted_receiver, state_sender));
        MasterChannel { shared: Arc::new(Shared { settings, lanes, wanted, state }) }
    }

    /// Where we connect from.
    pub fn source(&self) -> &SourceAddress {
        &self.shared.settings.source
    }

    /// The master's address.
    pub fn address(&self) -> &MasterAddress {
        &self.shared.settings.address
    }

    /// What is known of the session, to be watched.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.clone()
    }

    /// Whether the master that we are signed in to is one of ours.
    pub fn is_halite(&self) -> bool {
        self.shared.state.borrow().session.as_ref().is_some_and(|session| session.credentials().halite)
    }

    /// A session, however long it takes.
    ///
    /// # Errors
    /// When there is no use in trying ([`AuthPolicy`] says when that is).
    pub async fn sign_in(&self) -> Result<Arc<Session>, SignInError> {
        Ok(self.session_after(0).await?.session)
    }

    /// A session newer than generation `old` (as [`State::generation`] counts).
    ///
    /// # Errors
    /// As [`MasterChannel::sign_in`].
    pub async fn sign_in_again(&self, old: u64) -> Result<(Arc<Session>, u64), SignInError> {
        let signed = self.session_after(old).await?;
        Ok((signed.session, signed.generation))
    }

    async fn session_after(&self, old: u64) -> Result<Signed, SignInError> {
        self.shared.wanted.send_if_modified(|wanted| {
            let more = *wanted <= old;
            if more {
                *wanted = old + 1;
            }
            more
        });
        let mut state = self.shared.state.clone();
        let reached = state.wait_for(|state| state.generation > old || state.stopped).await;
        let state = reached.map_err(|_| SignInError::Broken("the channel is closed".to_owned()))?.clone();
        match state.session {
            Some(session) if state.generation > old => Ok(Signed { session, generation: state.generation }),
            _ => Err(state.trouble.unwrap_or(SignInError::Rejected)),
        }
    }

    /// Sends `load`, which needs neither `id`, `tok` nor `nonce`, and opens the reply.
    ///
    /// # Errors
    /// [`RequestError`] after all tries.
    pub async fn request(
        &self,
        load: &Map,
        patience: Patience,
        reading: Reading,
    ) -> Result<Value, RequestError> {
        self.converse(load, patience, |session, body, nonce| session.reply(body, nonce, reading)).await
    }

    /// Sends several requests that do not wait for each other: the replies in the order of the loads.
    ///
    /// # Errors
    /// The first one that has no reply.
    pub async fn requests(
        &self,
        loads: Vec<Map>,
        patience: Patience,
        reading: Reading,
    ) -> Result<Vec<Value>, RequestError> {
        let ask = |load: Map| {
            let channel = self.clone();
            crate::host::tasks::spawn(async move { channel.request(&load, patience, reading).await })
        };
        let asked: Vec<_> = loads.into_iter().map(ask).collect();
        let mut replies = Vec::with_capacity(asked.len());
        for reply in asked {
            replies.push(reply.await.map_err(|error| SignInError::Broken(error.to_string()))??);
        }
        Ok(replies)
    }

    /// Asks for the pillar. `load` is a `_pillar` load.
    ///
    /// # Errors
    /// As [`MasterChannel::request`]; also when the pillar is not signed by the master or not meant for us.
    pub async fn pillar(&self, load: &Map, patience: Patience) -> Result<Map, RequestError> {
        let cmd = cmd_of(load);
        let reply = |error| RequestError::Reply { cmd: cmd.clone(), error };
        let mut renewed = false;
        loop {
            let (sealed, nonce, signed) = self
                .converse_with(load, patience, |session, body, nonce| {
                    let reply = session.reply(body, nonce, Reading::Wire)?;
                    Ok((reply, nonce.to_owned(), Arc::clone(session)))
                })
                .await?;
            let Value::Map(sealed) = sealed else { return Err(reply(ChannelError::Field("pillar"))) };
            let identity = self.shared.settings.identity.clone();
            let opened = tasks::blocking(move || {
                pillar::open(&sealed, &identity, &signed.credentials().master_key, &nonce)
            })
            .await
            .map_err(|error| SignInError::Broken(error.to_string()))?;
            match opened {
                Ok((pillar, secrets)) => {
                    crate::log::secrets::conceal(&secrets);
                    return Ok(pillar);
                }
                Err(error) if renewed => return Err(reply(error)),
                // salt-wire.md §7.6: a pillar without key or with a wrong signature means to sign in again.
                Err(error) => {
                    debug!("{error}: signing in again");
                    renewed = true;
                    let generation = self.shared.state.borrow().generation;
                    self.session_after(generation).await?;
                }
            }
        }
    }

    async fn converse<T>(
        &self,
        load: &Map,
        patience: Patience,
        open: impl Fn(&Session, &Bytes, &str) -> Result<T, ChannelError>,
    ) -> Result<T, RequestError> {
        self.converse_with(load, patience, |session, body, nonce| open(session, body, nonce)).await
    }

    async fn converse_with<T>(
        &self,
        load: &Map,
        patience: Patience,
        open: impl Fn(&Arc<Session>, &Bytes, &str) -> Result<T, ChannelError>,
    ) -> Result<T, RequestError> {
        let cmd = cmd_of(load);
        let master = self.address().to_string();
        let unanswered = |why| RequestError::Unanswered { cmd: cmd.clone(), master: master.clone(), why };
        let tries = patience.tries.max(1);
        let mut signed = self.signed_within(0, patience, tries, &unanswered).await?;
        let mut renewed = false;
        let mut tried = 0;
        loop {
            let sealed = self.seal(&signed.session, load).await?;
            let sent = Instant::now();
            let error = match self.shared.lanes.exchange(sealed.body, patience.timeout).await {
                Ok(body) => match open(&signed.session, &body, &sealed.nonce) {
                    Ok(reply) => return Ok(reply),
                    Err(error) if session_is_over(&error) && !renewed => {
                        debug!(cmd, "{error}: signing in again");
                        renewed = true;
                        signed = self.signed_within(signed.generation, patience, tries, &unanswered).await?;
                        continue;
                    }
                    Err(ChannelError::Refused(text)) => RequestError::Refused { cmd: cmd.clone(), text },
                    Err(error) => RequestError::Reply { cmd: cmd.clone(), error },
                },
                Err(why) => unanswered(why.0),
            };
            tried += 1;
            if tried >= tries {
                return Err(error);
            }
            debug!(cmd, "{error}: trying again");
            // A connection that was lost at once is not tried again at once.
            tokio::time::sleep_until(sent + BETWEEN_TRIES.min(patience.timeout)).await;
        }
    }

    /// Seals a request. With `minion_sign_messages`, what the master keeps or passes on is signed first: a private
    /// operation, and so not on the event loop.
    async fn seal(&self, session: &Arc<Session>, load: &Map) -> Result<SealedRequest, RequestError> {
        let signed = matches!(load.str("cmd"), Some("_return" | "_minion_event"));
        if !signed || !self.shared.settings.sign_messages {
            return Ok(session.request(load.clone(), unix_now()));
        }
        let (session, load) = (Arc::clone(session), load.clone());
        let sealed = tasks::blocking(move || session.signed_request(load, unix_now())).await;
        let sealed = sealed.map_err(|error| error.to_string()).and_then(|sealed| {
            sealed.map_err(|error| format!("the message cannot be signed (minion_sign_messages): {error}"))
        });
        sealed.map_err(|text| SignInError::Broken(text).into())
    }

    async fn signed_within(
        &self,
        old: u64,
        patience: Patience,
        tries: u32,
        unanswered: &impl Fn(String) -> RequestError,
    ) -> Result<Signed, RequestError> {
        let deadline = Instant::now() + patience.timeout * tries;
        match timeout_at(deadline, self.session_after(old)).await {
            Ok(signed) => Ok(signed?),
            Err(_) => {
                let trouble = self.shared.state.borrow().trouble.clone();
                Err(trouble.map_or_else(|| unanswered("not signed in".to_owned()), RequestError::SignIn))
            }
        }
    }
}

fn lanes_of(settings: &ChannelSettings) -> Lanes {
    let endpoint = settings.source.for_requests(settings.address.endpoint());
    Lanes::new(endpoint, settings.request_socket.clone(), settings.source.has_one_ret_port())
}

/// The master does not know our session any more: its key changed, or it lost it.
fn session_is_over(error: &ChannelError) -> bool {
    match error {
        ChannelError::Refused(text) => text.starts_with("bad load"),
        ChannelError::Crypt(error) => !matches!(error, CryptError::Nonce),
        _ => false,
    }
}

fn cmd_of(load: &Map) -> String {
    load.str("cmd").unwrap_or("request").to_owned()
}

fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
