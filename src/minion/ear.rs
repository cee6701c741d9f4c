//! The ear of a link: the subscription to a master's publishes, opened with the keys of the session. Salt:
//! channel/client.py (`AsyncPubChannel`), minion.py (`_handle_payload`); salt-wire.md §2.4, §7.6, §9.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};
use zmtp::{Event, Events, Message, SubSocket};

use super::Daemon;
use super::backoff::random_unit;
use super::job::Job;
use super::jobs;
use super::link::{Link, LinkEnd};
use super::serials::Serials;
use super::services::event_load;
use super::targets;
use crate::channel::ChannelError;
use crate::channel::publish::{Listener, TOPIC_BROADCAST, topic_of};
use crate::channel::session::Session;
use crate::crypt::{CryptError, PublicKey};
use crate::event::tags;
use crate::host::tasks;
use crate::log::{debug, info, trace, warn};
use crate::map;
use crate::transport::master_channel::{SignInError, subscribe_socket};
use crate::value::Map;

/// How long a publish waits for the keys that open it.
const NEW_KEYS: Duration = Duration::from_secs(60);
/// A port that no publisher has: it means that the option is not set. salt-wire.md §18.
const UNSET_PORT: u16 = 4506;

/// A subscription.
pub struct Ear {
    socket: SubSocket,
    events: Events,
    listener: Listener,
    serials: Serials,
    generation: u64,
    port: u16,
    topic: String,
    ever_connected: bool,
    /// When to sign in again after a reconnect: the master may have been restarted with a new key.
    renew_at: Option<Instant>,
    /// When the master counts as lost.
    lost_at: Option<Instant>,
}

impl Ear {
    /// Subscribes with the keys of `session`.
    pub fn new(link: &Link, session: &Session) -> Self {
        let daemon = &link.daemon;
        let port = publish_port(daemon, session);
        let topic = topic_of(daemon.id());
        let (socket, events) = subscribe(link, port, &topic);
        let aes = &session.credentials().aes;
        let mut listener = Listener::new(aes, verifier(daemon, session), session.identity().signing);
        let serials = Serials::new(&daemon.opts.path("cachedir"), &link.channel.address().to_string());
        listener.resume(serials.last(aes.as_str()));
        Ear {
            socket,
            events,
            listener,
            serials,
            generation: link.channel.state().borrow().generation,
            port,
            topic,
            ever_connected: false,
            renew_at: None,
            lost_at: None,
        }
    }

    /// Starts the jobs that are heard, until the master is lost.
    pub async fn listen(&mut self, link: &Arc<Link>) -> LinkEnd {
        let ping_minutes = link.daemon.opts.float("ping_interval").clamp(0.0, 1e6);
        let ping_every = if ping_minutes > 0.0 { ping_minutes * 60.0 } else { 86_400.0 };
        let ping_every = Duration::from_secs_f64(ping_every);
        let mut ping = tokio::time::interval_at(Instant::now() + ping_every, ping_every);
        let mut state = link.channel.state();
        loop {
            let (renew_at, lost_at) = (self.renew_at, self.lost_at);
            let at = |deadline: Option<Instant>| sleep_until(deadline.unwrap_or_else(Instant::now));
            tokio::select! {
                message = self.socket.recv() => self.hear(link, message).await,
                event = self.events.recv() => self.notice(link, event),
                () = at(renew_at), if renew_at.is_some() => self.renew(link),
                () = at(lost_at), if lost_at.is_some() => return LinkEnd::Lost,
                changed = state.changed() => {
                    let now = state.borrow_and_update().clone();
                    if let Some(session) = now.session
                        && now.generation > self.generation
                    {
                        self.take_keys(link, &session, now.generation);
                    }
                    if now.stopped || changed.is_err() {
                        return LinkEnd::Refused(now.trouble.unwrap_or(SignInError::Rejected));
                    }
                }
                _ = ping.tick(), if ping_minutes > 0.0 => {
                    let fired = map! { "data" => "ping", "tag" => tags::MINION_PING };
                    event_load(link.daemon.id(), fired).into_iter().for_each(|load| link.forward(load));
                }
            }
        }
    }

    /// What the connection says of itself.
    fn notice(&mut self, link: &Link, event: Option<Event>) {
        let master = &link.channel.address().host;
        match event {
            Some(Event::Connected { .. }) => {
                if self.ever_connected {
                    info!("Connection to master {master} re-established");
                    link.fire_connection("__master_connected");
                    let spread = link.daemon.opts.duration("random_reauth_delay");
                    self.renew_at = Some(Instant::now() + spread.mul_f64(random_unit()));
                    link.returner.poke();
                }
                self.ever_connected = true;
                self.lost_at = None;
            }
            Some(Event::Disconnected { reason, .. }) => {
                let why = reason.unwrap_or_else(|| "closed by the master".to_owned());
                warn!("Connection to master {master} lost: {why}");
                link.fire_connection("__master_disconnected");
                self.lost_at = link.daemon.lost_after().map(|after| Instant::now() + after);
            }
            Some(event) => debug!(%master, ?event, "publisher"),
            None => {}
        }
    }

    /// Signs in again, beside the work: [`Ear::take_keys`] follows.
    fn renew(&mut self, link: &Link) {
        self.renew_at = None;
        let (channel, generation) = (link.channel.clone(), self.generation);
        tasks::spawn(async move {
            if let Err(problem) = channel.sign_in_again(generation).await {
                debug!("signing in again after a reconnect: {problem}");
            }
        });
    }

    fn take_keys(&mut self, link: &Link, session: &Session, generation: u64) {
        self.generation = generation;
        self.renew_at = None;
        let aes = &session.credentials().aes;
        self.listener.renew(aes, verifier(&link.daemon, session));
        let port = publish_port(&link.daemon, session);
        if port != self.port {
            info!("The master's publisher has moved from port {} to {port}", self.port);
            self.port = port;
            (self.socket, self.events) = subscribe(link, port, &self.topic);
        }
    }

    async fn hear(&mut self, link: &Arc<Link>, message: Message) {
        let Some(payload) = payload_of(&message, &self.topic) else {
            return trace!("a publish for somebody else");
        };
        match self.open(link, &payload).await {
            Ok(load) => {
                if let Some(job) = wanted(link, load) {
                    self.remember().await;
                    start_job(link, job);
                }
            }
            Err(ChannelError::Replay(serial)) => debug!("a publish with serial {serial} came again: dropped"),
            Err(problem) => warn!(master = %link.channel.address(), "a publish was dropped: {problem}"),
        }
    }

    /// Before the job starts: it is not to be started again by who overheard it.
    async fn remember(&self) {
        let (aes, serial) = self.listener.last();
        let (serials, aes) = (self.serials.clone(), aes.to_owned());
        let kept = tasks::blocking(move || serials.keep(&aes, serial)).await;
        if let Ok(Err(error)) = kept {
            warn!("the serial of a publish cannot be kept: {error}");
        }
    }

    /// Opens a payload; where that takes new keys, they are got first.
    async fn open(&mut self, link: &Link, payload: &[u8]) -> Result<Map, ChannelError> {
        let before = match self.listener.open(payload) {
            // A new master key makes the signature wrong before the new AES key can.
            Err(error @ ChannelError::Crypt(CryptError::Authentication | CryptError::BadSignature)) => error,
            opened => return opened,
        };
        debug!("a publish cannot be opened ({before}): signing in again");
        match timeout(NEW_KEYS, link.channel.sign_in_again(self.generation)).await {
            Ok(Ok((session, generation))) => {
                self.take_keys(link, &session, generation);
                self.listener.open(payload)
            }
            Ok(Err(_)) | Err(_) => Err(before),
        }
    }
}

/// The job of a load, if it is for us and new.
fn wanted(link: &Arc<Link>, load: Map) -> Option<Job> {
    let daemon = &link.daemon;
    if !targets::is_for(&load, daemon.id(), &daemon.grains(), &link.pillar(), &daemon.opts) {
        trace!("a job for others");
        return None;
    }
    let job = Job::parse(load)
        .inspect_err(|problem| warn!(master = %link.channel.address(), "a publish was dropped: {problem}"))
        .ok()?;
    if !daemon.first_time(&job.jid) {
        debug!("job {} was started already", job.jid);
        return None;
    }
    Some(job)
}

fn start_job(link: &Arc<Link>, job: Job) {
    match job.load.str("user") {
        Some(user) => info!("User {user} Executing command {} with jid {}", job.funs(), job.jid),
        None => info!("Executing command {} with jid {}", job.funs(), job.jid),
    }
    tasks::spawn(jobs::run(Arc::clone(link), job));
}

/// The payload of a message, if it is ours: alone, or behind a topic that we share.
fn payload_of(message: &Message, own_topic: &str) -> Option<Bytes> {
    match message.parts() {
        [payload] => Some(payload.clone()),
        [topic, payload] if topic == TOPIC_BROADCAST.as_bytes() || topic == own_topic.as_bytes() => {
            Some(payload.clone())
        }
        _ => None,
    }
}

fn subscribe(link: &Link, port: u16, topic: &str) -> (SubSocket, Events) {
    let opts = &link.daemon.opts;
    let endpoint = link.channel.source().for_publishes(link.channel.address().publisher(port));
    let socket = SubSocket::new(subscribe_socket(opts));
    let events = socket.events();
    if opts.bool("zmq_filtering") {
        socket.subscribe(TOPIC_BROADCAST.as_bytes());
        socket.subscribe(topic.as_bytes());
    } else {
        socket.subscribe(b"");
    }
    socket.dial(&endpoint);
    (socket, events)
}

/// The minion's own option wins over what the master says.
fn publish_port(daemon: &Daemon, session: &Session) -> u16 {
    let own = u16::try_from(daemon.opts.int("publish_port")).ok();
    own.filter(|port| *port != 0 && *port != UNSET_PORT).unwrap_or(session.credentials().publish_port)
}

fn verifier(daemon: &Daemon, session: &Session) -> Option<PublicKey> {
    daemon.opts.bool("sign_pub_messages").then(|| session.credentials().master_key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_taken_alone_or_behind_our_topic() {
        let own = topic_of("web1");
        let check = |parts: &[&[u8]], expected: Option<&[u8]>| {
            let parts = parts.iter().map(|part| Bytes::copy_from_slice(part)).collect();
            let payload = payload_of(&Message::from_parts(parts), &own);
            assert_eq!(payload.as_deref(), expected);
        };
        check(&[b"p"], Some(b"p"));
        check(&[b"broadcast", b"p"], Some(b"p"));
        check(&[own.as_bytes(), b"p"], Some(b"p"));
        check(&[topic_of("web2").as_bytes(), b"p"], None);
        check(&[b"syndic", b"p"], None);
        check(&[b"broadcast", b"p", b"x"], None);
    }
}
