//! One peer: greeting, handshake, traffic, heartbeats. RFC 37.
//!
//! No socket, no clock: octets and times go in, events, octets and deadlines come out. The driver's loop is
//!
//! 1. read into [`Connection::read_buffer`], then [`Connection::handle_read`];
//! 2. [`Connection::poll_event`] until it has none (or the application has enough);
//! 3. [`Connection::poll_transmit`], write, [`Connection::transmitted`];
//! 4. sleep until readable, writable or [`Connection::poll_timeout`], then [`Connection::handle_timeout`].

use std::{
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};

use crate::buffers;
use crate::codec::{
    Command, Encoded, Frame, FrameHeader, FrameLimits, GREETING_OCTETS, Greeting, Metadata, Minor, Output,
    frame,
};
use crate::error::{ConnectionError, Mismatch, Timer, Violation};
#[cfg(feature = "curve")]
use crate::mechanism::curve::traffic::OVERHEAD_OCTETS;
use crate::mechanism::{
    Credentials, Decision, Done, ENTROPY_OCTETS, Entropy, Handshake, MAX_HANDSHAKE_COMMAND_OCTETS, Step,
};
use crate::message::{Message, RoutingId};
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

/// The longest command during traffic, which bounds the length of a topic.
pub const MAX_COMMAND_OCTETS: u64 = 65_536 + 16;

/// What a peer told about itself.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// Its socket type.
    pub socket_type: SocketType,
    /// Its routing id, when it announced a non-empty one.
    pub routing_id: Option<RoutingId>,
    /// The session's minor version.
    pub minor: Minor,
    /// All properties of its READY.
    pub metadata: Metadata,
    /// Under which name it was let in, when somebody decided that.
    pub user_id: Option<String>,
}

/// What a connection reports.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody has to decide about the peer: [`Connection::decide`] follows, and nothing happens before. Comes at most
    /// once, before everything else.
    Authorize(Credentials),
    /// The handshake is complete in both directions; sending is allowed from now on. Comes once, first.
    Ready(Box<PeerInfo>),
    /// A complete message.
    Message(Message),
    /// A publisher's peer wants messages that start with this.
    Subscribe(Bytes),
    /// A publisher's peer no longer wants them.
    Cancel(Bytes),
}

/// The handshake is not complete, or the connection has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is not ready for traffic")]
pub struct NotReady;

/// One side of a ZMTP connection.
#[derive(Debug)]
pub struct Connection {
    socket_type: SocketType,
    options: Arc<Options>,
    stage: Stage,
    minor: Minor,
    input: BytesMut,
    /// Its memory comes from the store of buffers.
    input_is_kept: bool,
    /// From the first multipart message on: an idle connection has to be small.
    partial: Option<Box<Partial>>,
    output: Output,
    input_paused: bool,
    /// Where one of both sides sends PINGs.
    heartbeats: Option<Box<Heartbeats>>,
    /// Encrypts and decrypts, after a CURVE handshake.
    #[cfg(feature = "curve")]
    secure: Option<Box<crate::mechanism::curve::traffic::Traffic>>,
}

#[derive(Debug)]
enum Stage {
    Greeting(Box<Opening>),
    Handshake(Box<Opening>),
    Traffic,
    Failed(ConnectionError),
}

/// What is gone when the handshake is over; apart, since an idle connection has to be small.
#[derive(Debug)]
struct Opening {
    handshake: Handshake,
    deadline: Option<Instant>,
    deciding: bool,
    user_id: Option<String>,
    /// The end of the handshake, held back by a decision.
    done: Option<Done>,
}

/// What is due, and when.
#[derive(Debug, Default)]
struct Heartbeats {
    /// The context of the newest unanswered PING: "at most one PONG per write opportunity", so that a flood of
    /// PINGs from a peer that does not read costs nothing.
    pong_due: Option<Bytes>,
    ping_due: bool,
    /// When the next PING is due; `None` when only the peer sends them.
    next_ping: Option<Instant>,
    /// Set by the first PING after the last input.
    deadline: Option<Instant>,
    /// Set by a PING of the peer with a time to live, cleared by any input.
    ttl_deadline: Option<Instant>,
}

/// The frames so far of a multipart message.
#[derive(Debug, Default)]
struct Partial {
    /// Empty when the socket would drop the message anyway.
    parts: Vec<Bytes>,
    /// Frames seen, kept or not.
    frames: usize,
    octets: usize,
}

impl Connection {
    /// A connection that was just established. Our greeting and READY wait in the output at once: waiting for the
    /// peer's greeting first would deadlock with a peer that does the same. CURVE draws its short-lived keys from the
    /// operating system; without any, the connection fails at the first [`Connection::poll_event`].
    pub fn new(socket_type: SocketType, options: Arc<Options>, now: Instant) -> Connection {
        #[cfg(feature = "curve")]
        if options.mechanism.needs_entropy() {
            return match Entropy::from_system() {
                Ok(entropy) => Connection::with_entropy(socket_type, options, now, &entropy),
                Err(error) => {
                    let entropy = Entropy::new([0; ENTROPY_OCTETS]);
                    let mut failed = Connection::with_entropy(socket_type, options, now, &entropy);
                    failed.fail(error);
                    failed
                }
            };
        }
        Connection::with_entropy(socket_type, options, now, &Entropy::new([0; ENTROPY_OCTETS]))
    }

    /// As [`Connection::new`], with all randomness from the caller.
    pub fn with_entropy(
        socket_type: SocketType,
        options: Arc<Options>,
        now: Instant,
        entropy: &Entropy,
    ) -> Connection {
        let mut metadata = Metadata::new().with("Socket-Type", socket_type.name());
        if socket_type.announces_identity() {
            let id = options.routing_id.clone().map_or(Bytes::new(), Bytes::from);
            metadata = metadata.with("Identity", id);
        }
        let mut handshake = Handshake::new(&options, metadata, entropy);
        let mut output = Output::new();
        // RFC 37: "A peer that reads a full greeting, including mechanism, MUST also send a full greeting including mechanism".
        output.push_slice(&Greeting::new(options.mechanism.name(), options.mechanism.is_server()).encode());
        if let Some(command) = handshake.start() {
            output.push_command_body(&command);
        }
        let deadline = after(now, options.handshake_ivl);
        let opening = Opening { handshake, deadline, deciding: false, user_id: None, done: None };
        Connection {
            socket_type,
            options,
            stage: Stage::Greeting(Box::new(opening)),
            minor: Minor::One,
            input: BytesMut::new(),
            input_is_kept: false,
            partial: None,
            output,
            input_paused: false,
            heartbeats: None,
            #[cfg(feature = "curve")]
            secure: None,
        }
    }

    /// The handshake is complete and the connection has not failed.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Traffic)
    }

    /// Messages are sealed for this connection, after a CURVE handshake.
    pub fn is_encrypted(&self) -> bool {
        #[cfg(feature = "curve")]
        return self.secure.is_some();
        #[cfg(not(feature = "curve"))]
        false
    }

    /// Input by copy. Poll events, transmit and timeout afterwards.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        self.handle_read(now);
    }

    /// Where a driver appends octets from the socket without a copy; [`Connection::handle_read`] follows.
    pub fn read_buffer(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Makes room in the read buffer for `wanted` octets, unless there is room for `enough`. The memory comes from buffers that
    /// were used before, where there are some.
    pub fn reserve_input(&mut self, wanted: usize, enough: usize) {
        if self.input.capacity() - self.input.len() >= enough {
            return;
        }
        let whole = wanted + self.input.len();
        if !buffers::keeps(whole) {
            self.input_is_kept = false;
            return self.input.reserve(wanted);
        }
        let mut next = buffers::take(whole);
        next.extend_from_slice(&self.input);
        let old = std::mem::replace(&mut self.input, next);
        if std::mem::replace(&mut self.input_is_kept, true) {
            buffers::give(old);
        }
    }

    /// How many octets the frame in progress still lacks, as announced by the peer: a hint for the size of the
    /// next read, not to be reserved at once.
    pub fn octets_missing(&self) -> u64 {
        if matches!(self.stage, Stage::Traffic) { frame::octets_missing(&self.input) } else { 0 }
    }

    /// Octets arrived in the read buffer. "Any traffic" counts as a sign of life, a part of a frame too.
    pub fn handle_read(&mut self, _now: Instant) {
        self.expect_nothing();
    }

    fn expect_nothing(&mut self) {
        if let Some(heartbeats) = &mut self.heartbeats {
            heartbeats.deadline = None;
            heartbeats.ttl_deadline = None;
        }
    }

    /// The driver stops or resumes reading. What is not read cannot be missed: while paused, the peer's silence
    /// does not end the connection.
    pub fn set_input_paused(&mut self, paused: bool) {
        self.input_paused = paused;
        if paused {
            self.expect_nothing();
        }
    }

    /// The next event, or `None` until more input arrives. Decodes on demand: what is not polled stays encoded in
    /// the read buffer. Poll transmit and timeout afterwards.
    ///
    /// # Errors
    /// The reason why this connection is over; the same one from then on.
    pub fn poll_event(&mut self, now: Instant) -> Result<Option<Event>, ConnectionError> {
        self.next_event(now).map_err(|error| self.fail(error))
    }

    fn next_event(&mut self, now: Instant) -> Result<Option<Event>, ConnectionError> {
        loop {
            match &mut self.stage {
                Stage::Failed(error) => return Err(error.clone()),
                Stage::Greeting(_) => {
                    let Some(step) = self.take_greeting()? else { return Ok(None) };
                    if let Some(event) = self.take_step(now, step)? {
                        return Ok(Some(event));
                    }
                }
                Stage::Handshake(opening) if opening.deciding => return Ok(None),
                Stage::Handshake(opening) => {
                    let step = match opening.done.take() {
                        Some(done) => Some(Step::Done(done)),
                        None => self.take_handshake_command()?,
                    };
                    let Some(step) = step else { return Ok(None) };
                    if let Some(event) = self.take_step(now, step)? {
                        return Ok(Some(event));
                    }
                }
                Stage::Traffic => {
                    let Some(frame) = self.take_traffic_frame()? else { return Ok(None) };
                    let event =
                        if frame.command { self.take_command(now, &frame)? } else { self.take_frame(frame)? };
                    if event.is_some() {
                        return Ok(event);
                    }
                }
            }
        }
    }

    fn take_greeting(&mut self) -> Result<Option<Step>, ConnectionError> {
        let Some(greeting) = Greeting::decode(&self.input)? else { return Ok(None) };
        self.input.advance(GREETING_OCTETS);
        self.minor = greeting.session_minor();
        let stage = std::mem::replace(&mut self.stage, Stage::Failed(ConnectionError::Closed));
        let Stage::Greeting(mut opening) = stage else { return Ok(None) };
        // RFC 37: "If the mechanism that the peer received does not exactly match the mechanism it sent, it MUST close the
        // connection." And so: "An implementation MUST guard against downgrade attacks".
        if greeting.mechanism != self.options.mechanism.name() {
            return Err(Mismatch::Mechanism(greeting.mechanism.to_string()).into());
        }
        let step = opening.handshake.greeted()?;
        self.stage = Stage::Handshake(opening);
        Ok(Some(step))
    }

    fn take_handshake_command(&mut self) -> Result<Option<Step>, ConnectionError> {
        let limits =
            FrameLimits { message: FrameLimits::NONE.message, command: MAX_HANDSHAKE_COMMAND_OCTETS };
        if FrameHeader::decode(&self.input, limits)?.is_some_and(|header| !header.command) {
            return Err(Violation::MessageInHandshake.into());
        }
        let Some(frame) = Frame::take(&mut self.input, limits)? else { return Ok(None) };
        match &mut self.stage {
            Stage::Handshake(opening) => opening.handshake.handle(&frame.body).map(Some),
            _ => Ok(None),
        }
    }

    fn take_step(&mut self, now: Instant, step: Step) -> Result<Option<Event>, ConnectionError> {
        match step {
            Step::Send(body) => self.output.push_command_body(&body),
            Step::Wait => {}
            Step::Authorize(credentials) => {
                if let Stage::Handshake(opening) = &mut self.stage {
                    opening.deciding = true;
                }
                return Ok(Some(Event::Authorize(credentials)));
            }
            Step::Done(done) => return self.enter_traffic(now, done).map(Some),
        }
        Ok(None)
    }

    /// The answer to [`Event::Authorize`]. Poll events and transmit afterwards; a peer that is turned away is sent an
    /// ERROR with the status code, and the connection is over.
    pub fn decide(&mut self, decision: Decision) {
        let Stage::Handshake(opening) = &mut self.stage else { return };
        if !std::mem::take(&mut opening.deciding) {
            return;
        }
        let status = decision.status();
        // RFC 26: "A server SHALL indicate an authentication failure by sending an ERROR command back to the client",
        // and "A client peer SHALL NOT send ERROR to the server": only who decides gets here. What was no valid
        // INITIATE does not: "If the client does not pass authentication, the server SHALL not respond except by
        // closing the connection."
        let Decision::Accept(user_id) = decision else {
            self.output = Output::new();
            self.fail(ConnectionError::Denied(status));
            self.output.push_command(&Command::Error(status.to_owned()));
            return;
        };
        opening.user_id = Some(user_id);
        // Only CURVE has its last word already, and its `Done` comes out of the next poll.
        match opening.handshake.decided() {
            Ok(Step::Done(done)) => opening.done = Some(done),
            Ok(Step::Send(body)) => self.output.push_command_body(&body),
            Ok(Step::Wait | Step::Authorize(_)) => {}
            Err(error) => {
                self.fail(error);
            }
        }
    }

    fn enter_traffic(&mut self, now: Instant, done: Done) -> Result<Event, ConnectionError> {
        let Done { metadata, last, .. } = done;
        let name = metadata.value_of("Socket-Type").ok_or(Mismatch::NoSocketType)?;
        let socket_type = SocketType::from_name(name)
            .filter(|peer| self.socket_type.may_talk_to(*peer))
            .ok_or_else(|| Mismatch::SocketType(name.escape_ascii().to_string(), self.socket_type))?;
        // Other properties, "Resource" among them, are for the application: "The implementation SHALL accept all resource
        // requests".
        let routing_id = match metadata.value_of("Identity") {
            Some(id) if !id.is_empty() => {
                Some(RoutingId::announced(id.clone()).map_err(|_| Violation::BadRoutingId)?)
            }
            _ => None,
        };
        if let Some(last) = last {
            self.output.push_command_body(&last);
        }
        #[cfg(feature = "curve")]
        {
            self.secure = done.traffic;
        }
        let user_id = match std::mem::replace(&mut self.stage, Stage::Traffic) {
            Stage::Handshake(opening) => opening.user_id,
            _ => None,
        };
        let next_ping = after(now, self.options.heartbeat_ivl);
        self.heartbeats = next_ping.map(|_| Box::new(Heartbeats { next_ping, ..Heartbeats::default() }));
        let info = PeerInfo { socket_type, routing_id, minor: self.minor, metadata, user_id };
        Ok(Event::Ready(Box::new(info)))
    }

    fn take_traffic_frame(&mut self) -> Result<Option<Frame>, ConnectionError> {
        let limits = self.traffic_limits();
        #[cfg(feature = "curve")]
        if let Some(secure) = &mut self.secure {
            let longest = limits.message.max(limits.command).saturating_add(OVERHEAD_OCTETS);
            let sealed = FrameLimits { message: longest, command: longest };
            let Some(frame) = Frame::take(&mut self.input, sealed)? else { return Ok(None) };
            // RFC 26: "A server SHALL NOT send an ERROR command in response to an invalid MESSAGE command": the
            // connection ends.
            let frame = secure.open(&frame.body)?;
            limits.check(frame.command, frame.body.len() as u64)?;
            return Ok(Some(frame));
        }
        Ok(Frame::take(&mut self.input, limits)?)
    }

    fn traffic_limits(&self) -> FrameLimits {
        let message = match self.socket_type {
            // All that a PUB takes from a peer are subscriptions, and a PUSH takes nothing; anything else is dropped.
            SocketType::Pub | SocketType::Push => MAX_COMMAND_OCTETS,
            _ => self.options.maxmsgsize.unwrap_or(FrameLimits::NONE.message),
        };
        FrameLimits { message, command: MAX_COMMAND_OCTETS }
    }

    fn take_command(&mut self, now: Instant, frame: &Frame) -> Result<Option<Event>, ConnectionError> {
        // libzmq swallows a command with an empty body, and traffic goes on.
        if frame.body.is_empty() {
            return Ok(None);
        }
        let publishes = self.socket_type.publishes();
        match Command::decode(&frame.body)? {
            // RFC 37: "When a peer receives a PING command it SHALL respond with a PONG command that echoes the
            // ping-context, which may be empty and MUST not exceed 16 octets".
            Command::Ping { ttl, context } => {
                let heartbeats = self.heartbeats.get_or_insert_default();
                heartbeats.pong_due = Some(context);
                if ttl > 0 && !self.input_paused {
                    heartbeats.ttl_deadline = after(now, Duration::from_millis(u64::from(ttl) * 100));
                }
                Ok(None)
            }
            Command::Subscribe(topic) if publishes => Ok(Some(Event::Subscribe(topic))),
            Command::Cancel(topic) if publishes => Ok(Some(Event::Cancel(topic))),
            // READY, ERROR and unknown names during traffic are swallowed by libzmq.
            _ => Ok(None),
        }
    }

    /// RFC 37: "Messages consist of one or more frames and an implementation SHALL always send and deliver messages atomically, that is, all the frames of a message,
    /// or none of them."
    fn take_frame(&mut self, frame: Frame) -> Result<Option<Event>, ConnectionError> {
        let single = !frame.more && self.partial.as_ref().is_none_or(|partial| partial.frames == 0);
        if single {
            return Ok(self.single_frame(frame.body));
        }
        let takes_messages = self.takes_messages();
        let partial = self.partial.get_or_insert_default();
        partial.frames += 1;
        partial.octets = partial.octets.saturating_add(frame.body.len());
        if partial.frames > self.options.max_multipart_frames {
            return Err(Violation::TooManyFrames(self.options.max_multipart_frames).into());
        }
        if partial.octets > self.options.max_multipart_octets {
            return Err(Violation::MessageTooLong(self.options.max_multipart_octets).into());
        }
        // What is dropped in the end is not collected either.
        if takes_messages {
            partial.parts.push(frame.body);
        }
        if frame.more {
            return Ok(None);
        }
        let parts = std::mem::take(&mut **partial).parts;
        Ok(Some(Event::Message(Message::from_parts(parts))).filter(|_| takes_messages))
    }

    /// RFC 29, PUB: "SHALL silently discard any messages that subscribers send it".
    fn takes_messages(&self) -> bool {
        !matches!(self.socket_type, SocketType::Pub | SocketType::Push)
    }

    /// A whole message of one frame. A publisher takes `01 topic` and `00 topic` as subscriptions on any session,
    /// also on a 3.1 session, where commands are the rule.
    fn single_frame(&self, mut body: Bytes) -> Option<Event> {
        if self.socket_type.publishes() {
            match body.first() {
                Some(1) => return Some(Event::Subscribe(Bytes::copy_from_slice(&body.split_off(1)))),
                Some(0) => return Some(Event::Cancel(Bytes::copy_from_slice(&body.split_off(1)))),
                _ => {}
            }
        }
        self.takes_messages().then(|| Event::Message(Message::from(body)))
    }

    /// Queues a message behind all that is queued already. Poll transmit afterwards.
    ///
    /// # Errors
    /// Before [`Event::Ready`]: libzmq drops a peer that talks too early.
    pub fn send(&mut self, message: &Message) -> Result<(), NotReady> {
        self.check_ready()?;
        #[cfg(feature = "curve")]
        if self.secure.is_some() {
            let parts = message.parts();
            for (i, part) in parts.iter().enumerate() {
                self.push_frame(i + 1 < parts.len(), false, &[part]);
            }
            return Ok(());
        }
        self.output.push_message(message);
        Ok(())
    }

    /// Queues a message that was encoded once for many connections.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_encoded(&mut self, encoded: Encoded) -> Result<(), NotReady> {
        self.check_ready()?;
        #[cfg(feature = "curve")]
        if self.secure.is_some() {
            // Shared octets are for everybody; here each frame gets its own box.
            let mut octets = BytesMut::with_capacity(encoded.octets());
            encoded.pieces().iter().for_each(|piece| octets.extend_from_slice(piece));
            while let Ok(Some(frame)) = Frame::take(&mut octets, FrameLimits::NONE) {
                self.push_frame(frame.more, frame.command, &[&frame.body]);
            }
            return Ok(());
        }
        self.output.push_encoded(encoded);
        Ok(())
    }

    /// Queues a subscription, in the form that the peer's minor version asks for.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn subscribe(&mut self, topic: &[u8]) -> Result<(), NotReady> {
        self.send_subscription(b"\x09SUBSCRIBE", 1, topic)
    }

    /// Queues the end of a subscription.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn cancel(&mut self, topic: &[u8]) -> Result<(), NotReady> {
        self.send_subscription(b"\x06CANCEL", 0, topic)
    }

    fn send_subscription(&mut self, command: &[u8], octet: u8, topic: &[u8]) -> Result<(), NotReady> {
        self.check_ready()?;
        let (is_command, prefix) = match self.minor {
            // RFC 37: "To create a subscription, the SUB or XSUB peer SHALL send a SUBSCRIBE command", "To cancel a subscription,
            // the SUB or XSUB peer SHALL send a CANCEL command"; a peer of ZMTP 3.0 gets a message instead.
            Minor::One => (true, command),
            Minor::Zero => (false, std::slice::from_ref(&octet)),
        };
        self.push_frame(false, is_command, &[prefix, topic]);
        Ok(())
    }

    /// Queues one frame, in a box where the connection is encrypted.
    fn push_frame(&mut self, more: bool, command: bool, pieces: &[&[u8]]) {
        #[cfg(feature = "curve")]
        if let Some(secure) = &mut self.secure {
            // RFC 37: "On an encrypted connection, message data SHALL be encoded as commands"; RFC 26 and libzmq put the command
            // MESSAGE into a message frame, and so do we.
            let sealed = secure.seal(more, command, pieces);
            self.output.push_slice(&FrameHeader::for_body(sealed.len(), false, false));
            self.output.push_piece(sealed.into());
            return;
        }
        let octets = pieces.iter().map(|piece| piece.len()).sum();
        self.output.push_slice(&FrameHeader::for_body(octets, more, command));
        pieces.iter().for_each(|piece| self.output.push_slice(piece));
    }

    fn check_ready(&self) -> Result<(), NotReady> {
        if self.is_ready() { Ok(()) } else { Err(NotReady) }
    }

    /// Fills `slices` with octets to write, in order; returns how many slices were filled, 0 when there is
    /// nothing to write. To be asked after every other call; follow up with [`Connection::transmitted`].
    #[must_use]
    pub fn poll_transmit<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        self.queue_heartbeats();
        self.output.slices(slices)
    }

    /// As [`Connection::poll_transmit`], for writers without vectored writes: the piece counts as written.
    #[must_use]
    pub fn take_transmit(&mut self) -> Option<Bytes> {
        self.queue_heartbeats();
        self.output.take_piece()
    }

    fn queue_heartbeats(&mut self) {
        if !self.output.is_empty() || !self.is_ready() {
            return;
        }
        let Some(heartbeats) = &mut self.heartbeats else { return };
        let ping_due = std::mem::take(&mut heartbeats.ping_due);
        if let Some(context) = heartbeats.pong_due.take() {
            self.push_frame(false, true, &[&Command::Pong { context }.encode()]);
        }
        if ping_due {
            let ttl = self.options.ping_ttl();
            self.push_frame(false, true, &[&Command::Ping { ttl, context: Bytes::new() }.encode()]);
        }
    }

    /// The first `octets` of what [`Connection::poll_transmit`] offered were written.
    pub fn transmitted(&mut self, octets: usize) {
        self.output.consume(octets);
    }

    /// Octets queued and not yet written; a driver takes new messages only while this is small.
    pub fn octets_queued(&self) -> usize {
        self.output.octets()
    }

    /// Something is to be written.
    pub fn wants_transmit(&self) -> bool {
        let due = |heartbeats: &Heartbeats| heartbeats.pong_due.is_some() || heartbeats.ping_due;
        !self.output.is_empty() || (self.is_ready() && self.heartbeats.as_deref().is_some_and(due))
    }

    /// When to call [`Connection::handle_timeout`]. May change with every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Failed(_) => None,
            Stage::Greeting(opening) | Stage::Handshake(opening) => opening.deadline,
            Stage::Traffic => {
                let Heartbeats { next_ping, deadline, ttl_deadline, .. } = self.heartbeats.as_deref()?;
                [next_ping, deadline, ttl_deadline].into_iter().copied().flatten().min()
            }
        }
    }

    /// A deadline may have passed. Poll transmit and timeout afterwards.
    ///
    /// # Errors
    /// [`ConnectionError::TimedOut`] when the connection is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let heartbeats = self.heartbeats.as_deref();
        let expired = match &self.stage {
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Greeting(opening) | Stage::Handshake(opening) => {
                passed(opening.deadline).then_some(Timer::Handshake)
            }
            Stage::Traffic if passed(heartbeats.and_then(|due| due.deadline)) => Some(Timer::Heartbeat),
            Stage::Traffic if passed(heartbeats.and_then(|due| due.ttl_deadline)) => Some(Timer::TimeToLive),
            Stage::Traffic => None,
        };
        if let Some(timer) = expired {
            return Err(self.fail(ConnectionError::TimedOut(timer)));
        }
        if let Some(heartbeats) = self.heartbeats.as_deref_mut().filter(|due| passed(due.next_ping)) {
            heartbeats.ping_due = true;
            heartbeats.next_ping = after(now, self.options.heartbeat_ivl);
            if heartbeats.deadline.is_none() && !self.input_paused {
                heartbeats.deadline = after(now, self.options.ping_timeout());
            }
        }
        Ok(())
    }

    /// Gives memory back while nothing happens: an idle connection keeps no buffer.
    pub fn shrink(&mut self) {
        if self.input.is_empty() {
            let input = std::mem::take(&mut self.input);
            if std::mem::take(&mut self.input_is_kept) {
                buffers::give(input);
            }
        } else if self.input.capacity() > 2 * self.input.len() + 1024 {
            let rest = BytesMut::from(&self.input[..]);
            let input = std::mem::replace(&mut self.input, rest);
            if std::mem::take(&mut self.input_is_kept) {
                buffers::give(input);
            }
        }
    }

    fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        if !matches!(self.stage, Stage::Failed(_)) || error != ConnectionError::Closed {
            self.stage = Stage::Failed(error.clone());
        }
        self.input = BytesMut::new();
        self.partial = None;
        // The last word to a peer that was turned away is all that may still be sent.
        if !matches!(self.stage, Stage::Failed(ConnectionError::Denied(_))) {
            self.output = Output::new();
        }
        error
    }
}

/// `now + delay`; `None` for a zero delay, which means "never" in all options.
fn after(now: Instant, delay: Duration) -> Option<Instant> {
    if delay.is_zero() { None } else { now.checked_add(delay) }
}

#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
#[cfg(test)]
mod tests;
