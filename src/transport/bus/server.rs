//! A daemon's side of the bus: whoever connects to the one socket is sent every event, whatever comes in on the other
//! becomes one.

use std::io;
use std::os::unix::net::UnixListener as Waiting;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::WriteHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::hub::{Bus, Listener};
use super::{BusError, BusPaths, socket};
use crate::event::{DEFAULT_MAX_EVENT_SIZE, FRAME_HEAD, FrameReader, MAX_FRAME, tag_of};
use crate::host::tasks;
use crate::host::unread::all_read;

/// How a bus is set up.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// Mode of the socket to listen on: 0600, or 0660 where members of a group may listen (`publisher_acl`,
    /// `external_auth`, and always with Salt 3007).
    pub publish_mode: u32,
    /// Mode of the socket to fire on.
    pub pull_mode: u32,
    /// `max_event_size`: larger data has its largest values replaced.
    pub max_event_size: usize,
    /// Octets that may wait for one listener before it is disconnected.
    pub max_queued: usize,
    /// Connections per socket.
    pub max_connections: usize,
}

impl Default for BusOptions {
    fn default() -> Self {
        BusOptions {
            publish_mode: 0o600,
            pull_mode: 0o600,
            max_event_size: DEFAULT_MAX_EVENT_SIZE,
            max_queued: 64 * 1024 * 1024,
            max_connections: 4096,
        }
    }
}

/// A running bus. Dropping it ends every connection and removes the sockets.
#[derive(Debug)]
pub struct BusServer {
    bus: Bus,
    stop: watch::Sender<bool>,
}

/// Octets written at once, where small events have piled up.
const BATCH: usize = 128 * 1024;
/// A client that does not read for so long is one that never asks: it is written to all the same.
const LONGEST_UNREAD: Duration = Duration::from_secs(5);
/// How often a client that has not read everything is looked at.
const LOOK: Duration = Duration::from_millis(1);

const READ: usize = 64 * 1024;

impl BusServer {
    /// Opens both sockets. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When a socket cannot be opened, or another process listens there.
    pub fn bind(paths: &BusPaths, options: &BusOptions) -> Result<Self, BusError> {
        let publish = socket::Listener::bind(&paths.publish, options.publish_mode)?;
        let pull = socket::Listener::bind(&paths.pull, options.pull_mode)?;
        let (stop, stopped) = watch::channel(false);
        let door = |socket: &socket::Listener| {
            let places = Arc::new(Semaphore::new(options.max_connections));
            let waiting =
                socket.waiting().map_err(|error| BusError::Listen { path: paths.publish.clone(), error });
            Ok::<_, BusError>(Door { waiting: waiting?, places, stopped: stopped.clone() })
        };
        let to_fire = door(&pull)?;
        let bus = Bus::new(options.max_event_size, options.max_queued, Some(door(&publish)?));
        let (listens, fires) = (bus.clone(), bus.clone());
        tasks::spawn(serve(publish, stopped.clone(), move |stream| listens.admit(stream)));
        tasks::spawn(serve(pull, stopped, move |stream| {
            if let Some(place) = to_fire.place(&fires) {
                tasks::spawn(pull_connection(stream, fires.clone(), to_fire.stopped.clone(), place));
            }
        }));
        Ok(BusServer { bus, stop })
    }

    /// The handle to fire and to listen in this process.
    pub fn handle(&self) -> Bus {
        self.bus.clone()
    }
}

impl Drop for BusServer {
    fn drop(&mut self) {
        self.bus.close();
        let _ = self.stop.send(true);
    }
}

type Stopped = watch::Receiver<bool>;

/// Through it come the connections of one socket.
#[derive(Debug)]
pub(super) struct Door {
    /// The socket once more, to be asked outside of the event loop's turn.
    waiting: Waiting,
    places: Arc<Semaphore>,
    stopped: Stopped,
}

impl Door {
    fn place(&self, bus: &Bus) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        if place.is_err() {
            bus.count_refused();
            crate::log::warn!("the event bus has too many connections: a new one is closed");
        }
        place.ok()
    }
}

impl Bus {
    /// Takes all who have connected by now, so that they hear what is fired from now on. Whoever listens before it asks
    /// for something relies on that: its connection may still wait in the kernel's queue when the request has
    /// come in on another socket. To be called within a tokio runtime.
    pub fn admit_waiting(&self) {
        let Some(door) = self.door() else { return };
        while let Ok((stream, _)) = door.waiting.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream)) {
                self.admit(stream);
            }
        }
    }

    fn admit(&self, stream: UnixStream) {
        let Some(door) = self.door() else { return };
        if let Some(place) = door.place(self) {
            let listener = self.add(None, false);
            tasks::spawn(listener_connection(stream, self.clone(), listener, door.stopped.clone(), place));
        }
    }
}

async fn serve(socket: socket::Listener, mut stopped: Stopped, admit: impl Fn(UnixStream)) {
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => return,
            accepted = socket.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => admit(stream),
            Err(error) => {
                // Out of file descriptors, most likely: those who wait in the queue are served later.
                crate::log::error!(%error, "the event bus cannot take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn listener_connection(
    mut stream: UnixStream,
    bus: Bus,
    listener: Arc<Listener>,
    mut stopped: Stopped,
    _place: OwnedSemaphorePermit,
) {
    let (mut reading, mut writing) = stream.split();
    let ended = tokio::select! {
        _ = stopped.changed() => Ok(()),
        ended = discard(&mut reading) => ended,
        ended = write_events(&listener, &mut writing) => ended,
    };
    if let Err(error) = ended {
        crate::log::debug!(%error, "a listener of the event bus is gone");
    }
    bus.remove(&listener);
}

/// Listeners have nothing to say; this only waits for their end.
async fn discard(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut scratch = [0; 256];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}

/// Salt 3007's clients (transport/tcp.py, `PublishClient.recv`) ask the socket whether there is an event, and do not see
/// what they have read from it before, until more comes. What lies there unseen must not be the answer to a job: it
/// would be found when the command line's `timeout` has run out. They read before they ask
/// - once, what comes first: so the first octet, the same for every frame, goes ahead;
/// - what comes behind the 4096 octets that they take at once: so what nothing follows comes by itself.
///
/// Both are written when everything before them was read.
async fn write_events(listener: &Listener, stream: &mut WriteHalf<'_>) -> io::Result<()> {
    let mut ahead = 1;
    stream.write_all(FRAME_HEAD.get(..ahead).unwrap_or_default()).await?;
    while let Some(batch) = listener.batch(BATCH).await {
        let write = async {
            if ahead > 0 || batch.last {
                everything_read(stream.as_ref()).await;
            }
            stream.write_all(batch.octets.get(ahead..).unwrap_or_default()).await
        };
        tokio::select! {
            written = write => written?,
            () = listener.closed() => return Ok(()),
        }
        ahead = 0;
        listener.written(batch.octets.len());
    }
    Ok(())
}

/// Waits until the client has read all that was written, but no longer than [`LONGEST_UNREAD`].
async fn everything_read(stream: &UnixStream) {
    if all_read(stream) {
        return;
    }
    let mut looked = tokio::time::interval(LOOK);
    let give_up = tokio::time::Instant::now() + LONGEST_UNREAD;
    while !all_read(stream) && tokio::time::Instant::now() < give_up {
        looked.tick().await;
    }
}

async fn pull_connection(
    mut stream: UnixStream,
    bus: Bus,
    mut stopped: Stopped,
    _place: OwnedSemaphorePermit,
) {
    let mut reader = FrameReader::new(MAX_FRAME);
    loop {
        reader.buffer().reserve(READ);
        let read = tokio::select! {
            _ = stopped.changed() => return,
            read = stream.read_buf(reader.buffer()) => read,
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => bus.admit_waiting(),
        }
        loop {
            match reader.next() {
                Ok(Some(body)) if tag_of(&body).is_some_and(|tag| !tag.is_empty()) => bus.fire_packed(&body),
                Ok(Some(_)) => {
                    bus.count_refused();
                    crate::log::warn!("an event without a tag came in on the event bus: dropped");
                }
                Ok(None) => break,
                Err(error) => {
                    bus.count_refused();
                    crate::log::warn!(%error, "a client of the event bus sends what is no event: disconnected");
                    return;
                }
            }
        }
    }
}
