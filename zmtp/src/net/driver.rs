//! One connection: moves octets between a stream and its [`Connection`], and messages between that and the socket.
//!
//! A future written by hand, since it has to be small: thousands of them wait most of the time.

use std::{
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
    time::Instant as StdInstant,
};

use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    core::Core,
    inbox::{Item, PUT},
    lend::Lent,
    listen::HalfOpen,
    monitor::Event as Report,
    outbox::{Control, Outgoing, Queued},
    pipe::{Pipe, Visit},
    stream::{PeerAddress, SLICES, Stream},
};
use crate::codec::frame::MAX_HEADER_OCTETS;
use crate::connection::{Connection, Event};
use crate::error::{ConnectionError, Timer};
use crate::mechanism::{Answer, Credentials, Decision, Later, ZapRequest};
use crate::pattern::socket_type::SocketType;

/// Turns before other tasks get theirs.
const ROUNDS: usize = 16;
/// And before the receiver of what was read gets its turn.
const WAKE_ROUNDS: usize = 4;
/// Bounds of the size of one read, which follows what arrives.
const MIN_READ: u32 = 2 * 1024;
const MAX_READ: u32 = 64 * 1024;
/// The largest frame for which a buffer is made before its header has come, because the one before was like it.
const MAX_ALIKE: usize = 1024 * 1024;
/// As much of the next frame may be read with a large one, and is copied into the buffer of that one.
const SPILL: usize = 2048;
/// A large frame grows its buffer by at most this much at a time, however long it says it is.
const MAX_GROWTH: usize = 16 * 1024 * 1024;
/// A message of this size goes to the inbox at once, so that limits in octets hold.
const LARGE: usize = 16 * 1024;

pub(crate) struct Driver {
    core: Arc<Core>,
    id: u64,
    stream: Stream,
    peer: PeerAddress,
    connection: Connection,
    /// Given ahead by a dialer, or made when the handshake is complete.
    pipe: Option<Arc<Pipe>>,
    ahead: bool,
    attached: bool,
    /// Until the handshake is complete.
    opening: Option<Box<Opening>>,
    /// One of the connections that the listener may have; none for those that were dialled.
    place: Option<OwnedSemaphorePermit>,
    timer: Option<Pin<Box<Sleep>>>,
    /// How many messages the inbox takes without being asked again.
    room: usize,
    /// Messages that were put there.
    received: u32,
    read_size: u32,
    /// Octets of the last frame when it was large, else 0. Large frames come in series: each then gets one buffer of
    /// its own size, which is neither copied nor larger than what the allocator keeps at hand.
    alike: u32,
    /// Senders may write to the stream.
    offered: bool,
    /// And one of them does.
    busy: bool,
    ended: bool,
    /// As what it is lent to a receiver.
    lent: Option<Weak<Lent>>,
    /// It is a receiver that drives, and cannot set timers.
    guest: bool,
    /// What the guest leaves to others.
    left: Left,
}

/// What a connection has at its beginning only; apart, since an idle one has to be small.
#[derive(Default)]
struct Opening {
    /// A place among the unfinished handshakes.
    _half_open: Option<HalfOpen>,
    /// The authoriser takes its time.
    deciding: Option<Later>,
}

/// What a receiver that drives leaves to others.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The task has to set a timer.
    pub(crate) timer: bool,
    /// More may be there to read, and nobody is woken for it: the receiver got something, and comes again.
    pub(crate) octets: bool,
}

type Progress = Result<bool, ConnectionError>;

/// What there was to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Nothing,
    /// And the stream wakes the driver when there is more.
    All,
    /// And there may be more.
    More,
}

/// On their way to the inbox.
struct Items<'a> {
    items: Vec<Item>,
    /// Has to be woken for those that are there.
    receiver: &'a mut Option<Waker>,
}

fn wake(receiver: &mut Option<Waker>) {
    if let Some(receiver) = receiver.take() {
        receiver.wake();
    }
}

impl Driver {
    pub(crate) fn new(
        core: Arc<Core>,
        id: u64,
        stream: Stream,
        peer: PeerAddress,
        ahead: Option<Arc<Pipe>>,
        accepted: Option<(HalfOpen, OwnedSemaphorePermit)>,
    ) -> Driver {
        let (half_open, place) = accepted.unzip();
        let connection = Connection::new(core.socket_type, core.options.clone(), Instant::now().into_std());
        Driver {
            core,
            id,
            stream,
            peer,
            connection,
            ahead: ahead.is_some(),
            pipe: ahead,
            attached: false,
            opening: half_open
                .map(|half_open| Box::new(Opening { _half_open: Some(half_open), deciding: None })),
            place,
            timer: None,
            room: 0,
            received: 0,
            read_size: MIN_READ,
            alike: 0,
            offered: false,
            busy: false,
            ended: false,
            lent: None,
            guest: false,
            left: Left::default(),
        }
    }

    pub(crate) fn lent_as(mut self, lent: Weak<Lent>) -> Driver {
        self.lent = Some(lent);
        self
    }

    /// Polled by a receiver.
    pub(crate) fn poll_as_guest(&mut self, cx: &mut Context<'_>) -> (Poll<(ConnectionError, bool)>, Left) {
        self.guest = true;
        let poll = Pin::new(&mut *self).poll(cx);
        self.guest = false;
        (poll, std::mem::take(&mut self.left))
    }

    fn poll_rounds(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionError> {
        let before = self.received;
        // Who has to be woken for what was put into the inbox. Late, since a wake costs as much as many messages.
        let mut receiver = None;
        let mut poll = None;
        for round in 1..=ROUNDS {
            match self.turn(cx, &mut receiver) {
                Ok(true) if self.guest && self.received != before => {
                    self.left.octets = true;
                    poll = Some(Poll::Pending);
                }
                // A receiver that came meanwhile goes on where this stops.
                Ok(true) if !self.guest && self.is_wanted() => poll = Some(Poll::Pending),
                Ok(true) if round % WAKE_ROUNDS == 0 => wake(&mut receiver),
                Ok(true) => {}
                Ok(false) => {
                    self.connection.shrink();
                    poll = Some(Poll::Pending);
                }
                Err(reason) => poll = Some(Poll::Ready(reason)),
            }
            if poll.is_some() {
                break;
            }
        }
        wake(&mut receiver);
        poll.unwrap_or_else(|| {
            come_again(cx);
            Poll::Pending
        })
    }

    fn is_wanted(&self) -> bool {
        self.lent.as_ref().and_then(Weak::upgrade).is_some_and(|lent| lent.is_wanted())
    }

    /// Everything once; false when nothing could be done.
    fn turn(&mut self, cx: &mut Context<'_>, receiver: &mut Option<Waker>) -> Progress {
        let now = Instant::now().into_std();
        let stopped = self.take_events(cx, now, receiver)?;
        let read = if stopped { Read::Nothing } else { self.read(cx, now)? };
        if read != Read::Nothing {
            // In the same turn, since most often that was all, and another turn would find nothing.
            self.take_events(cx, now, receiver)?;
        }
        let decided = self.decided(cx);
        let fetched = self.fetch_messages(cx)?;
        let written = self.write(cx)?;
        // Most often that was all, and needs no other turn.
        let more = (fetched || written) && self.fetch_messages(cx)?;
        // Last, so that what had arrived in time was seen.
        let expired = read != Read::More && self.check_timer(cx, now)?;
        Ok(decided || read == Read::More || more || expired)
    }

    /// Decodes what was read, as far as the application has room. True when it has none.
    fn take_events(
        &mut self,
        cx: &mut Context<'_>,
        now: StdInstant,
        receiver: &mut Option<Waker>,
    ) -> Progress {
        let mut items = Items { items: Vec::new(), receiver };
        let result = self.decode(cx, now, &mut items);
        self.put(&mut items);
        let stopped = result?;
        self.connection.set_input_paused(stopped);
        Ok(stopped)
    }

    fn decode(&mut self, cx: &mut Context<'_>, now: StdInstant, items: &mut Items<'_>) -> Progress {
        loop {
            if self.attached && self.room == 0 {
                self.put(items);
                self.room = self.ask_room(cx);
                if self.room == 0 {
                    return Ok(true);
                }
            }
            let Some(event) = self.connection.poll_event(now)? else { return Ok(false) };
            self.room = self.room.saturating_sub(1);
            match event {
                Event::Authorize(credentials) => self.authorize(credentials),
                Event::Ready(info) => self.attach(&info)?,
                Event::Message(message) => {
                    let octets = message.octets();
                    let large = octets >= LARGE;
                    let alike = large && octets <= MAX_ALIKE;
                    self.alike =
                        u32::try_from(octets + MAX_HEADER_OCTETS).ok().filter(|_| alike).unwrap_or(0);
                    items.items.push(Item::Message(message));
                    if large || items.items.len() >= PUT {
                        self.put(items);
                    }
                }
                // Subscriptions stay in order with the messages before them.
                Event::Subscribe(topic) => {
                    self.put(items);
                    if let Some(pipe) = &self.pipe {
                        self.core.pattern.subscribe(pipe, topic)?;
                    }
                }
                Event::Cancel(topic) => {
                    self.put(items);
                    if let Some(pipe) = &self.pipe {
                        self.core.pattern.cancel(pipe, topic);
                    }
                }
            }
        }
    }

    fn put(&mut self, Items { items, receiver }: &mut Items<'_>) {
        if items.is_empty() {
            return;
        }
        self.received = self.received.wrapping_add(u32::try_from(items.len()).unwrap_or_default());
        if let (Some(inbox), Some(pipe)) = (self.core.pattern.inbox(), &self.pipe) {
            let (room, woken) = inbox.put_quietly(pipe, items);
            self.room = room;
            **receiver = woken.or(receiver.take());
        }
        items.clear();
    }

    /// Who shows a password and meets nobody who could know it is turned away.
    fn authorize(&mut self, credentials: Credentials) {
        let options = &self.core.options;
        let answer = options.authorizer.as_ref().map_or(Answer::Now(Decision::Deny), |authorizer| {
            let address = self.peer.ip().map_or_else(|| self.peer.to_string(), |ip| ip.to_string());
            authorizer.ask(ZapRequest { domain: options.zap_domain.clone(), address, credentials })
        });
        match answer {
            Answer::Now(decision) => self.connection.decide(decision),
            Answer::Later(later) => self.opening.get_or_insert_default().deciding = Some(later),
        }
    }

    /// True when an authoriser that took its time has come to a decision.
    fn decided(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        let Some(deciding) = &mut opening.deciding else { return false };
        let Poll::Ready(decision) = deciding.as_mut().poll(cx) else { return false };
        opening.deciding = None;
        self.connection.decide(decision);
        true
    }

    fn ask_room(&self, cx: &Context<'_>) -> usize {
        match (self.core.pattern.inbox(), &self.pipe) {
            (Some(inbox), Some(pipe)) => inbox.room(pipe, cx),
            _ => usize::MAX,
        }
    }

    fn attach(&mut self, info: &crate::connection::PeerInfo) -> Result<(), ConnectionError> {
        let pipe = match &self.pipe {
            Some(ahead) => ahead.clone(),
            None => self.pipe.insert(self.core.new_pipe()).clone(),
        };
        let _first = pipe.peer.set(self.peer.clone());
        self.core.pattern.attach(&pipe, info)?;
        for words in self.core.options.first_words(self.core.socket_type).into_iter().flatten() {
            pipe.push_or_drop(Outgoing::Message(words));
        }
        self.attached = true;
        if let (Some(inbox), Some(lent)) = (self.core.pattern.inbox(), &self.lent) {
            inbox.lend(lent);
        }
        self.core.adopt(self.id, &pipe);
        self.opening = None;
        self.core.monitor.report(|| Report::Connected {
            peer: self.peer.clone(),
            id: self.id,
            routing_id: pipe.routing_id.get().cloned().or_else(|| info.routing_id.clone()),
            user_id: info.user_id.clone(),
        });
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>, now: StdInstant) -> Result<Read, ConnectionError> {
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Ok(Read::Nothing),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(io_error(&error)),
        }
        let missing = usize::try_from(self.connection.octets_missing()).unwrap_or(usize::MAX);
        let filled = self.connection.read_buffer().len();
        // A long frame doubles its buffer as it arrives; what the peer announces is only a hint.
        let read_size = self.read_size as usize;
        let (wanted, enough) = match self.alike as usize {
            alike if alike > 0 && filled < SPILL => {
                (alike, if missing == 0 { alike } else { missing.min(alike) })
            }
            _ => {
                let wanted = missing.min(filled.min(MAX_GROWTH)).max(read_size);
                (wanted, wanted.min(missing.max(read_size / 2)))
            }
        };
        self.connection.reserve_input(wanted, enough);
        let buffer = self.connection.read_buffer();
        let offered = buffer.capacity() - buffer.len();
        match self.stream.poll_read(cx, buffer) {
            Poll::Pending => Ok(Read::Nothing),
            Poll::Ready(Ok(0)) => Err(ConnectionError::PeerClosed),
            Poll::Ready(Ok(octets)) => {
                if octets >= offered {
                    self.read_size = (self.read_size * 2).min(MAX_READ);
                } else if octets < read_size / 4 {
                    self.read_size = (self.read_size / 2).max(MIN_READ);
                }
                self.connection.handle_read(now);
                let more = octets >= offered || self.stream.poll_readable(cx).is_ready();
                Ok(if more { Read::More } else { Read::All })
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(Read::More),
            Poll::Ready(Err(error)) => Err(io_error(&error)),
        }
    }

    /// Takes queued messages once everything taken before has been written.
    fn fetch_messages(&mut self, cx: &mut Context<'_>) -> Progress {
        let Some(pipe) = &self.pipe else { return Ok(false) };
        if !self.attached {
            return if pipe.is_finished(cx) { Err(ConnectionError::Closed) } else { Ok(false) };
        }
        let mut visit = Visit::default();
        // Whoever sends may write by itself while there is nothing to write here.
        let writer = self.direct().then_some(&self.stream.writer);
        let room = self.connection.octets_queued() == 0;
        self.offered = pipe.visit(cx, room, self.answers(), writer, &mut visit);
        self.busy = visit.busy;
        if visit.again {
            come_again(cx);
        }
        if let Some(reason) = visit.kill {
            return Err(reason);
        }
        if visit.has_room {
            self.core.pattern.has_room();
        }
        if let Some(total) = visit.drained {
            self.core.monitor.report(|| Report::Drained { peer: self.peer.clone(), total });
        }
        if visit.finished && !self.connection.wants_transmit() {
            return Err(ConnectionError::Closed);
        }
        let fetched = !visit.messages.is_empty() || !visit.controls.is_empty();
        for control in visit.controls {
            let _ready = match &control {
                Control::Subscribe(topic) => self.connection.subscribe(topic),
                Control::Cancel(topic) => self.connection.cancel(topic),
            };
        }
        for queued in visit.messages {
            let _ready = match queued {
                Queued::Message(message) => self.connection.send(&message),
                Queued::Encoded(encoded) => self.connection.send_encoded(encoded),
                Queued::Pack(pack) => self.connection.send_encoded(pack.freeze().into()),
            };
        }
        Ok(fetched)
    }

    /// How many messages may have been sent by the time that all that came in is answered, and whether this goes on at the moment.
    fn answers(&self) -> (u32, bool) {
        let router = self.core.socket_type == SocketType::Router;
        let at_work = router && self.core.pattern.inbox().is_some_and(|inbox| inbox.is_at_work());
        (if router { self.received } else { 0 }, at_work)
    }

    /// A request or a reply goes alone, and somebody waits for it; what is published goes to many at once.
    fn direct(&self) -> bool {
        use SocketType::{Pub, Rep, Req, Router, XPub};
        matches!(self.core.socket_type, Req | Rep | Router | Pub | XPub) && !self.connection.is_encrypted()
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Progress {
        let mut progress = false;
        while !self.busy && self.connection.wants_transmit() {
            if std::mem::take(&mut self.offered)
                && let Some(pipe) = &self.pipe
                && !pipe.withdraw_writer(cx)
            {
                break;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.connection.poll_transmit(&mut slices);
            let written = self.stream.writer.try_write(slices.get(..filled).unwrap_or_default());
            match written {
                Ok(octets) => {
                    self.connection.transmitted(octets);
                    progress = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.stream.writer.poll_writable(cx) {
                        Poll::Pending => return Ok(progress),
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Err(io_error(&error)),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(&error)),
            }
        }
        Ok(progress)
    }

    /// The timer is set anew only when it fires or when it would fire too late: traffic moves deadlines all the time.
    fn check_timer(&mut self, cx: &mut Context<'_>, now: StdInstant) -> Progress {
        let Some(deadline) = self.connection.poll_timeout() else {
            self.timer = None;
            return Ok(false);
        };
        if deadline <= now {
            self.connection.handle_timeout(now)?;
            return Ok(true);
        }
        let deadline = Instant::from_std(deadline);
        if self.guest {
            let kept =
                self.timer.as_ref().is_some_and(|timer| timer.deadline() <= deadline && !timer.is_elapsed());
            self.left.timer |= !kept;
            return Ok(false);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        Ok(timer.as_mut().poll(cx).is_ready())
    }

    /// Leaves the socket, then tells. Once.
    pub(crate) fn end(&mut self, reason: &ConnectionError) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(pipe) = self.pipe.take() {
            if let Some(total) = pipe.dropped_untold() {
                self.core.monitor.report(|| Report::Drained { peer: self.peer.clone(), total });
            }
            if self.attached {
                if let (Some(inbox), Some(lent)) = (self.core.pattern.inbox(), &self.lent) {
                    inbox.take_back(lent);
                }
                let taken = pipe.disconnected(self.ahead);
                self.core.pattern.detach(&pipe, self.ahead, taken);
                let words = self.core.options.last_words(self.core.socket_type, self.place.is_some());
                if let (Some(words), Some(inbox)) = (words, self.core.pattern.inbox()) {
                    inbox.put(&pipe, &mut vec![Item::Message(words)]);
                }
            }
            if let (false, Some(inbox)) = (self.ahead, self.core.pattern.inbox()) {
                inbox.depart(&pipe);
            }
        }
        let peer = || self.peer.clone();
        if self.attached {
            let reason = Some(reason).filter(|reason| **reason != ConnectionError::PeerClosed);
            let reason = reason.map(ToString::to_string);
            self.core.monitor.report(|| Report::Disconnected { peer: peer(), id: self.id, reason });
        } else {
            self.core.monitor.report(|| Report::HandshakeFailed { peer: peer(), reason: reason.to_string() });
        }
    }
}

/// Runs to the end of the connection. Says why it ended, and whether the handshake was ever complete.
impl Future for Driver {
    type Output = (ConnectionError, bool);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(reason) = self.poll_rounds(cx) else { return Poll::Pending };
        if let ConnectionError::Denied(_) = reason {
            // The peer hears why, if it reads at all: nobody waits for it.
            if let Some(error) = self.connection.take_transmit() {
                let _last_word = self.stream.writer.try_write(&[IoSlice::new(&error)]);
            }
        }
        if matches!(reason, ConnectionError::Closed | ConnectionError::Denied(_)) {
            self.stream.writer.finish();
        }
        self.end(&reason);
        Poll::Ready((reason, self.attached))
    }
}

impl Drop for Driver {
    /// Also when the task is aborted.
    fn drop(&mut self) {
        self.end(&ConnectionError::Closed);
    }
}

/// Polls again when everything else that is ready has had its turn, and the streams have been looked at. A task that wakes itself
/// makes the runtime wake another thread as well, to share the work.
fn come_again(cx: &mut Context<'_>) {
    let _pending = pin!(tokio::task::yield_now()).poll(cx);
}

fn io_error(error: &io::Error) -> ConnectionError {
    match error.kind() {
        io::ErrorKind::TimedOut => ConnectionError::TimedOut(Timer::Network),
        _ => ConnectionError::Io(error.to_string()),
    }
}
