//! The rules of [`crate::pattern`] applied to pipes: one [`Pattern`] per kind of socket.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::{
    SendError, TrySendError,
    answers::Answers,
    fanout::Fanout,
    inbox::{Inbox, Item},
    monitor::{Event, Monitor},
    outbox::{Control, Outgoing},
    pipe::Pipe,
    stream::PeerAddress,
};
use crate::codec::Encoded;
use crate::connection::PeerInfo;
use crate::error::{ConnectionError, Violation};
use crate::message::{Message, RoutingId};
use crate::options::Options;
use crate::pattern::{
    balance::Balancer,
    routes::Routes,
    socket_type::SocketType,
    subscriptions::{SubscriptionLimits, Subscriptions},
    topics::Topics,
};

/// What drivers and dialers ask of a socket. Called from many tasks; nothing here waits.
pub(crate) trait Pattern: Debug + Send + Sync {
    /// Where received messages go; none when the socket receives nothing.
    fn inbox(&self) -> Option<&Arc<Inbox>>;

    /// A dialled endpoint takes messages before there is a connection.
    fn queues_ahead(&self) -> bool {
        false
    }

    /// A dialled endpoint that takes messages from now on.
    fn add_ahead(&self, _pipe: &Arc<Pipe>) {}

    /// And no longer.
    fn remove_ahead(&self, _pipe: &Arc<Pipe>) {}

    /// A handshake is complete.
    ///
    /// # Errors
    /// When the pattern does not want this peer; the connection is then closed and `detach` is not called.
    fn attach(&self, pipe: &Arc<Pipe>, info: &PeerInfo) -> Result<(), ConnectionError>;

    /// The connection ended, after `taken` messages had ever been taken from its pipe.
    fn detach(&self, pipe: &Arc<Pipe>, ahead: bool, taken: u64);

    /// A peer subscribed.
    ///
    /// # Errors
    /// When it holds too many subscriptions; the connection is then closed.
    fn subscribe(&self, _pipe: &Arc<Pipe>, _topic: Bytes) -> Result<(), ConnectionError> {
        Ok(())
    }

    /// A peer unsubscribed.
    fn cancel(&self, _pipe: &Arc<Pipe>, _topic: Bytes) {}

    /// Some pipe that was full has room again.
    fn has_room(&self) {}

    /// Puts into the queues what the application has sent: they are about to be closed.
    fn flush(&self) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The topics that one peer asked for, and their octets.
type Asked = (BTreeSet<Bytes>, usize);

/// PUB and XPUB.
#[derive(Debug)]
pub(crate) struct Publishing {
    fanout: Arc<Fanout>,
    subscribers: watch::Sender<usize>,
    limits: SubscriptionLimits,
    monitor: Arc<Monitor>,
    /// XPUB only.
    inbox: Option<Arc<Inbox>>,
    nodrop: bool,
    inverted: bool,
    verbose: bool,
    verboser: bool,
    /// With `xpub_manual`, what each peer asked for: only told, until the application answers.
    asked: Option<Mutex<HashMap<u64, Asked>>>,
}

impl Publishing {
    pub(crate) fn new(options: &Options, monitor: Arc<Monitor>, inbox: Option<Arc<Inbox>>) -> Publishing {
        let asked = (options.xpub_manual && inbox.is_some()).then(Mutex::default);
        Publishing {
            fanout: Fanout::new(options.invert_matching, monitor.clone()),
            subscribers: watch::Sender::new(0),
            limits: SubscriptionLimits {
                topics: options.max_subscriptions,
                octets: options.max_subscription_octets,
            },
            monitor,
            inbox,
            nodrop: options.xpub_nodrop,
            inverted: options.invert_matching,
            verbose: options.xpub_verbose || options.xpub_verboser,
            verboser: options.xpub_verboser,
            asked,
        }
    }

    /// Queues a message for every peer that wants it and has room. With `xpub_nodrop`, for all of them or none; false
    /// for none.
    /// RFC 29: "SHALL silently drop the message if the queue for a subscriber is full", "SHALL NOT block on sending".
    /// RFC 37: "message filtering SHALL happen at the publisher side (the PUB or XPUB socket)".
    pub(crate) fn publish(&self, message: Message) -> bool {
        if !self.nodrop && self.fanout.take(&message) {
            return true;
        }
        let mut subscriptions = self.fanout.flushed();
        if subscriptions.subscribers() == 0 && !self.inverted {
            return true;
        }
        if self.nodrop {
            let octets = message.octets();
            let mut full = false;
            let look = |pipe: &Arc<Pipe>| full |= pipe.is_full(octets);
            subscriptions.for_each_wanting(message.first(), self.inverted, look);
            if full {
                return false;
            }
        }
        self.fanout.publish(&message, &mut subscriptions);
        true
    }

    /// Peers for which messages were dropped, and how many.
    pub(crate) fn dropped(&self) -> Vec<(PeerAddress, u64)> {
        let subscriptions = self.fanout.flushed();
        let dropped = subscriptions.iter().map(|pipe| (pipe.peer.get().cloned(), pipe.dropped()));
        dropped.filter(|(_, count)| *count > 0).filter_map(|(peer, count)| Some((peer?, count))).collect()
    }

    pub(crate) fn subscribers(&self) -> usize {
        *self.subscribers.borrow()
    }

    pub(crate) fn connections(&self) -> usize {
        self.fanout.subscriptions().peers()
    }

    pub(crate) async fn wait_for_subscribers(&self, wanted: usize) {
        // The sender lives as long as `self`.
        let mut count = self.subscribers.subscribe();
        let _never_closed = count.wait_for(|count| *count >= wanted).await;
    }

    /// Under the lock: two counts told in the wrong order would stay wrong.
    fn tell_count(&self, subscriptions: &Subscriptions<Arc<Pipe>>) {
        self.fanout.set_subscribers(subscriptions.subscribers());
        self.subscribers.send_replace(subscriptions.subscribers());
    }

    fn report(&self, pipe: &Pipe, event: impl FnOnce(PeerAddress) -> Event) {
        if let Some(peer) = pipe.peer.get() {
            self.monitor.report(|| event(peer.clone()));
        }
    }

    /// With `xpub_manual`: takes note of what a peer asks for, or no longer, and tells it. False when it asks for too much.
    fn ask(&self, asked: &Mutex<HashMap<u64, Asked>>, pipe: &Pipe, topic: Bytes, begin: bool) -> bool {
        let mut asked = lock(asked);
        let Some((topics, octets)) = asked.get_mut(&pipe.id) else { return true };
        if begin && topics.insert(topic.clone()) {
            *octets += topic.len();
        } else if !begin && topics.remove(&topic) {
            *octets -= topic.len();
        }
        let moderate = topics.len() <= self.limits.topics && *octets <= self.limits.octets;
        drop(asked);
        if moderate {
            let item = if begin { Item::Subscribed } else { Item::Unsubscribed };
            self.tell_application(pipe, item(topic));
        }
        moderate
    }

    /// With `xpub_manual`: what the application makes of it. False when the peer is gone.
    pub(crate) fn answer(&self, pipe: &Pipe, topic: &[u8], begin: bool) -> bool {
        let Some((asked, &key)) = self.asked.as_ref().zip(pipe.subscriptions.get()) else { return false };
        let mut subscriptions = self.fanout.subscriptions();
        if !lock(asked).contains_key(&pipe.id) {
            return false; // somebody else may have its key by now
        }
        let _changed = match begin {
            true => subscriptions.subscribe(key, topic, SubscriptionLimits::NONE).ok(),
            false => Some(subscriptions.cancel(key, topic)),
        };
        self.tell_count(&subscriptions);
        true
    }

    fn tell_application(&self, pipe: &Pipe, item: Item) {
        if let Some(inbox) = &self.inbox {
            inbox.put(pipe, &mut vec![item]);
        }
    }
}

impl Pattern for Publishing {
    fn flush(&self) {
        drop(self.fanout.flushed());
    }

    fn inbox(&self) -> Option<&Arc<Inbox>> {
        self.inbox.as_ref()
    }

    fn attach(&self, pipe: &Arc<Pipe>, _info: &PeerInfo) -> Result<(), ConnectionError> {
        // RFC 29: "SHALL create a queue when a subscriber connects to it", and "SHALL maintain a single outgoing message queue for
        // each connected subscriber". A dialled subscriber has told no topics before it is connected: nothing would wait for it.
        let key = self.fanout.subscriptions().add_peer(pipe.clone());
        let _first = pipe.subscriptions.set(key);
        if let Some(asked) = &self.asked {
            lock(asked).insert(pipe.id, Asked::default());
        }
        Ok(())
    }

    fn detach(&self, pipe: &Arc<Pipe>, _ahead: bool, _taken: u64) {
        // RFC 29, XPUB: "SHALL, if the subscriber peer disconnects prematurely, generate a suitable unsubscribe request for
        // the calling application".
        let Some(&key) = pipe.subscriptions.get() else { return };
        let mut gone = Vec::new();
        let mut subscriptions = self.fanout.subscriptions();
        subscriptions.remove_peer(key, |topic| {
            if self.inbox.is_some() && self.asked.is_none() {
                gone.push(Bytes::from(topic));
            }
        });
        if let Some((topics, _)) = self.asked.as_ref().and_then(|asked| lock(asked).remove(&pipe.id)) {
            gone.extend(topics);
        }
        self.tell_count(&subscriptions);
        drop(subscriptions);
        for topic in gone {
            self.tell_application(pipe, Item::Unsubscribed(topic));
        }
    }

    fn subscribe(&self, pipe: &Arc<Pipe>, topic: Bytes) -> Result<(), ConnectionError> {
        // RFC 29: "SHALL receive subscribe and unsubscribe requests from subscribers"; a PUB "SHALL NOT deliver these
        // commands to its calling application".
        let Some(&key) = pipe.subscriptions.get() else { return Ok(()) };
        if let Some(asked) = &self.asked {
            let moderate = self.ask(asked, pipe, topic, true);
            return if moderate { Ok(()) } else { Err(Violation::TooManySubscriptions.into()) };
        }
        let mut subscriptions = self.fanout.subscriptions();
        let change =
            subscriptions.subscribe(key, &topic, self.limits).map_err(|_| Violation::TooManySubscriptions)?;
        self.tell_count(&subscriptions);
        drop(subscriptions);
        if change.peer {
            self.report(pipe, |peer| Event::Subscribed { peer, topic: topic.clone() });
        }
        if change.topic || self.verbose {
            self.tell_application(pipe, Item::Subscribed(topic));
        }
        Ok(())
    }

    fn cancel(&self, pipe: &Arc<Pipe>, topic: Bytes) {
        let Some(&key) = pipe.subscriptions.get() else { return };
        if let Some(asked) = &self.asked {
            self.ask(asked, pipe, topic, false);
            return;
        }
        let mut subscriptions = self.fanout.subscriptions();
        let change = subscriptions.cancel(key, &topic);
        self.tell_count(&subscriptions);
        drop(subscriptions);
        if change.peer {
            self.report(pipe, |peer| Event::Unsubscribed { peer, topic: topic.clone() });
        }
        if change.topic || (change.peer && self.verboser) {
            self.tell_application(pipe, Item::Unsubscribed(topic));
        }
    }
}

/// SUB and XSUB.
#[derive(Debug)]
pub(crate) struct Subscribing {
    inbox: Arc<Inbox>,
    monitor: Arc<Monitor>,
    state: Mutex<SubscribingState>,
    /// The empty topic is among those subscribed to: nothing has to be compared.
    wants_all: AtomicBool,
    inverted: bool,
}

#[derive(Debug, Default)]
struct SubscribingState {
    topics: Topics,
    publishers: Vec<Arc<Pipe>>,
}

impl Subscribing {
    pub(crate) fn new(inbox: Arc<Inbox>, monitor: Arc<Monitor>, inverted: bool) -> Subscribing {
        Subscribing { inbox, monitor, state: Mutex::default(), wants_all: AtomicBool::new(false), inverted }
    }

    pub(crate) fn subscribe(&self, topic: &[u8]) {
        let mut state = lock(&self.state);
        if state.topics.subscribe(topic) {
            self.wants_all.fetch_or(topic.is_empty(), Ordering::Relaxed);
            let topic = Bytes::copy_from_slice(topic);
            state.publishers.iter().for_each(|pipe| pipe.push_control(Control::Subscribe(topic.clone())));
        }
    }

    pub(crate) fn unsubscribe(&self, topic: &[u8]) {
        let mut state = lock(&self.state);
        if state.topics.unsubscribe(topic) {
            self.wants_all.fetch_and(!topic.is_empty(), Ordering::Relaxed);
            let topic = Bytes::copy_from_slice(topic);
            state.publishers.iter().for_each(|pipe| pipe.push_control(Control::Cancel(topic.clone())));
        }
    }

    pub(crate) fn wants(&self, message: &Message) -> bool {
        let all = self.wants_all.load(Ordering::Relaxed);
        (all || lock(&self.state).topics.matches(message.first())) != self.inverted
    }

    /// RFC 29, XSUB: "SHALL send all messages to all connected publishers", "SHALL silently drop the message if the outgoing
    /// queue for a publisher is full".
    pub(crate) fn send_up(&self, message: &Message) {
        let encoded = Encoded::message(message);
        for pipe in &lock(&self.state).publishers {
            if let (Some(total), Some(peer)) =
                (pipe.push_or_drop(Outgoing::Shared(&encoded)), pipe.peer.get())
            {
                self.monitor.report(|| Event::Dropped { peer: peer.clone(), total });
            }
        }
    }
}

impl Pattern for Subscribing {
    fn inbox(&self) -> Option<&Arc<Inbox>> {
        Some(&self.inbox)
    }

    /// Tells the new publisher every topic once, however many there are.
    /// RFC 29: "SHALL send subscribe and unsubscribe requests to publishers".
    fn attach(&self, pipe: &Arc<Pipe>, _info: &PeerInfo) -> Result<(), ConnectionError> {
        let mut state = lock(&self.state);
        for topic in state.topics.iter() {
            pipe.push_control(Control::Subscribe(topic.clone()));
        }
        state.publishers.push(pipe.clone());
        Ok(())
    }

    fn detach(&self, pipe: &Arc<Pipe>, _ahead: bool, _taken: u64) {
        lock(&self.state).publishers.retain(|other| other.id != pipe.id);
    }
}

/// REQ, DEALER, PUSH and PAIR.
#[derive(Debug)]
pub(crate) struct Balancing {
    /// None for PUSH.
    inbox: Option<Arc<Inbox>>,
    ring: Mutex<Balancer<Arc<Pipe>>>,
    room: Notify,
    immediate: bool,
    /// REQ: say when a connection took messages with it.
    tell_lost: bool,
    /// PAIR: one peer and no other.
    exclusive: bool,
}

impl Balancing {
    pub(crate) fn new(socket_type: SocketType, options: &Options, inbox: Option<Arc<Inbox>>) -> Balancing {
        Balancing {
            inbox,
            ring: Mutex::default(),
            room: Notify::new(),
            immediate: options.immediate,
            tell_lost: socket_type == SocketType::Req,
            exclusive: socket_type == SocketType::Pair,
        }
    }

    /// Queues a message at the next peer with room. Tells which, and its place there.
    pub(crate) fn try_send(&self, message: Message) -> Result<(u64, u64), TrySendError> {
        let mut full = false;
        let offered = lock(&self.ring).offer(message, |pipe, message| {
            pipe.push(message).map(|sequence| (pipe.id, sequence)).map_err(|back| {
                full |= back.reason == SendError::Full;
                back.message
            })
        });
        let reason = if full { SendError::Full } else { SendError::Unreachable };
        offered.map_err(|message| TrySendError { reason, message })
    }

    /// As [`Balancing::try_send`], waiting for a peer with room. A dropped future has sent nothing.
    /// RFC 28, 30 and 31: "SHALL block on sending, or return a suitable error, when it has no available peers", "SHALL not
    /// accept further messages when it has no available peers".
    pub(crate) async fn send(&self, mut message: Message) -> (u64, u64) {
        loop {
            // A loop of sends leaves the drivers their turns. Nothing is awaited after the message is queued.
            tokio::task::coop::consume_budget().await;
            let room = self.room.notified();
            let mut room = std::pin::pin!(room);
            room.as_mut().enable();
            match self.try_send(message) {
                Ok(sent) => return sent,
                Err(back) => message = back.message,
            }
            room.await;
        }
    }
}

impl Pattern for Balancing {
    fn inbox(&self) -> Option<&Arc<Inbox>> {
        self.inbox.as_ref()
    }

    /// RFC 30: "SHALL create this queue when initiating an outgoing connection to a peer, and SHALL maintain the queue whether
    /// or not the connection is established".
    fn queues_ahead(&self) -> bool {
        !self.immediate
    }

    fn add_ahead(&self, pipe: &Arc<Pipe>) {
        let mut ring = lock(&self.ring);
        if !self.exclusive || ring.peers().is_empty() {
            ring.add(pipe.clone());
        }
        drop(ring);
        self.room.notify_waiters();
    }

    fn remove_ahead(&self, pipe: &Arc<Pipe>) {
        lock(&self.ring).remove(|other| other.id == pipe.id);
    }

    fn attach(&self, pipe: &Arc<Pipe>, _info: &PeerInfo) -> Result<(), ConnectionError> {
        let mut ring = lock(&self.ring);
        if !ring.peers().iter().any(|other| other.id == pipe.id) {
            // RFC 31: "SHALL receive incoming messages from its single peer if it has one": a second one has to go.
            if self.exclusive && !ring.peers().is_empty() {
                return Err(Violation::PairTaken.into());
            }
            ring.add(pipe.clone());
        }
        drop(ring);
        self.room.notify_waiters();
        Ok(())
    }

    fn detach(&self, pipe: &Arc<Pipe>, ahead: bool, taken: u64) {
        if !ahead {
            lock(&self.ring).remove(|other| other.id == pipe.id);
        }
        if let (true, Some(inbox)) = (self.tell_lost, &self.inbox) {
            // Without a pipe that lives on, what was queued is lost as well.
            let taken = if ahead { taken } else { u64::MAX };
            inbox.put(pipe, &mut vec![Item::Lost(taken)]);
        }
    }

    fn has_room(&self) {
        self.room.notify_waiters();
    }
}

/// REP and PULL: what comes in is all there is; the answers of a REP go back the way the request came.
#[derive(Debug)]
pub(crate) struct Receiving {
    inbox: Arc<Inbox>,
}

impl Receiving {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Receiving {
        Receiving { inbox }
    }
}

impl Pattern for Receiving {
    fn inbox(&self) -> Option<&Arc<Inbox>> {
        Some(&self.inbox)
    }

    fn attach(&self, _pipe: &Arc<Pipe>, _info: &PeerInfo) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn detach(&self, _pipe: &Arc<Pipe>, _ahead: bool, _taken: u64) {}
}

/// ROUTER.
#[derive(Debug)]
pub(crate) struct Routing {
    inbox: Arc<Inbox>,
    answers: Arc<Answers>,
    routes: Mutex<Routes<Arc<Pipe>>>,
    mandatory: bool,
    handover: bool,
    notify_connect: bool,
    notify_disconnect: bool,
    monitor: Arc<Monitor>,
}

impl Routing {
    pub(crate) fn new(options: &Options, inbox: Arc<Inbox>, monitor: Arc<Monitor>) -> Routing {
        Routing {
            answers: Answers::new(inbox.clone()),
            inbox,
            routes: Mutex::new(Routes::new(super::random_u32())),
            mandatory: options.router_mandatory,
            handover: options.router_handover,
            notify_connect: options.router_notify_connect,
            notify_disconnect: options.router_notify_disconnect,
            monitor,
        }
    }

    pub(crate) fn find(&self, id: &RoutingId) -> Option<Arc<Pipe>> {
        lock(&self.routes).find(id).cloned()
    }

    pub(crate) fn peers(&self) -> usize {
        lock(&self.routes).len()
    }

    /// RFC 28: "SHALL remove the first frame from each outgoing message and use this as the identity of a double queue": it is a
    /// value of its own here. "SHALL route the message to the outgoing queue if that queue exists, and has space", "SHALL either silently
    /// drop the message, or return an error, depending on configuration", "SHALL NOT block on sending".
    ///
    /// # Errors
    /// Only with `router_mandatory`; otherwise what cannot be queued is dropped.
    pub(crate) fn send(&self, id: &RoutingId, message: Message) -> Result<(), SendError> {
        let Some(pipe) = self.find(id) else {
            return if self.mandatory { Err(SendError::Unreachable) } else { Ok(()) };
        };
        let published = if self.mandatory {
            pipe.answer(message, self.answers.are_many())?
        } else {
            pipe.publish(Outgoing::Message(message), self.answers.are_many())
        };
        if let (Some(total), Some(peer)) = (published.dropped, pipe.peer.get()) {
            self.monitor.report(|| Event::Dropped { peer: peer.clone(), total });
        }
        if published.waits {
            self.answers.list(pipe);
        }
        Ok(())
    }
}

impl Pattern for Routing {
    fn inbox(&self) -> Option<&Arc<Inbox>> {
        Some(&self.inbox)
    }

    fn attach(&self, pipe: &Arc<Pipe>, info: &PeerInfo) -> Result<(), ConnectionError> {
        let claimed = lock(&self.routes).claim(info.routing_id.clone(), pipe.clone(), self.handover);
        let (id, old) = claimed.map_err(|_| Violation::RoutingIdInUse)?;
        let _first = pipe.routing_id.set(id);
        self.answers.set_peers(self.peers());
        if let Some(old) = old {
            old.kill(Violation::RoutingIdTakenOver.into());
        }
        if self.notify_connect {
            self.inbox.put(pipe, &mut vec![Item::Message("".into())]);
        }
        Ok(())
    }

    fn detach(&self, pipe: &Arc<Pipe>, _ahead: bool, _taken: u64) {
        if let Some(id) = pipe.routing_id.get() {
            lock(&self.routes).release(id, |other| other.id == pipe.id);
            self.answers.set_peers(self.peers());
            if self.notify_disconnect {
                self.inbox.put(pipe, &mut vec![Item::Message("".into())]);
            }
        }
    }
}
