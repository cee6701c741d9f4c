//! A tool's side of the bus: listening, with reconnection, and firing.

use std::io::{self, Write};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::{BusError, BusPaths};
use crate::event::{self, DEFAULT_MAX_EVENT_SIZE, Event, Filter, FrameReader, MAX_FRAME};
use crate::host::utc_now;
use crate::value::Map;

/// How long one write may take: the daemon reads at once unless it hangs.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const READ: usize = 64 * 1024;

/// A client of somebody's bus.
#[derive(Debug)]
pub struct BusClient {
    paths: BusPaths,
    max_event_size: usize,
    pull: Option<UnixStream>,
}

impl BusClient {
    /// Connects to nothing yet.
    pub fn new(paths: BusPaths) -> Self {
        BusClient { paths, max_event_size: DEFAULT_MAX_EVENT_SIZE, pull: None }
    }

    /// `max_event_size` of the configuration.
    #[must_use]
    pub fn with_max_event_size(mut self, octets: usize) -> Self {
        self.max_event_size = octets;
        self
    }

    /// Starts to listen: what is fired from now on is seen.
    ///
    /// # Errors
    /// When nobody serves the bus.
    pub async fn subscribe(&self, filter: Filter) -> Result<BusEvents, BusError> {
        let path = self.paths.publish.clone();
        let stream = connect(&path).await?;
        Ok(BusEvents {
            path,
            stream: Some(stream),
            reader: FrameReader::new(MAX_FRAME),
            filter,
            wait: FIRST_WAIT,
            reconnects: 0,
        })
    }

    /// Fires an event. There is no acknowledgement: it has reached the daemon's socket, no more.
    ///
    /// # Errors
    /// When nobody serves the bus, or it does not read.
    pub async fn fire(&mut self, tag: &str, data: Map) -> Result<(), BusError> {
        if tag.is_empty() {
            return Err(BusError::NoTag);
        }
        let frame = event::frame(&event::pack(tag, data, utc_now(), self.max_event_size));
        if let Some(stream) = self.pull.as_mut().filter(|stream| is_open(stream)) {
            // The daemon may have been started anew meanwhile: then once more, on a new connection.
            if write(stream, &frame).await.is_ok() {
                return Ok(());
            }
        }
        let mut stream = connect(&self.paths.pull).await?;
        self.pull = None;
        write(&mut stream, &frame)
            .await
            .map_err(|error| BusError::Write { path: self.paths.pull.clone(), error })?;
        self.pull = Some(stream);
        Ok(())
    }
}

/// The daemon never writes on this connection: anything to read is its end.
fn is_open(stream: &UnixStream) -> bool {
    let mut scratch = [0; 16];
    matches!(stream.try_read(&mut scratch), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

async fn connect(path: &PathBuf) -> Result<UnixStream, BusError> {
    UnixStream::connect(path).await.map_err(|error| BusError::Connect { path: path.clone(), error })
}

async fn write(stream: &mut UnixStream, frame: &[u8]) -> io::Result<()> {
    match tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(frame)).await {
        Ok(written) => written,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
    }
}

/// Fires one event from synchronous code.
///
/// # Errors
/// As [`BusClient::fire`].
pub fn fire_blocking(paths: &BusPaths, tag: &str, data: Map) -> Result<(), BusError> {
    if tag.is_empty() {
        return Err(BusError::NoTag);
    }
    let frame = event::frame(&event::pack(tag, data, utc_now(), DEFAULT_MAX_EVENT_SIZE));
    let path = &paths.pull;
    let mut stream =
        BlockingStream::connect(path).map_err(|error| BusError::Connect { path: path.clone(), error })?;
    stream
        .set_write_timeout(Some(WRITE_TIMEOUT))
        .and_then(|()| stream.write_all(&frame))
        .map_err(|error| BusError::Write { path: path.clone(), error })
}

/// The events of a bus. When the daemon goes away, the connection is made again as soon as it is back; what was fired
/// meanwhile is lost, see [`BusEvents::reconnects`].
#[derive(Debug)]
pub struct BusEvents {
    path: PathBuf,
    stream: Option<UnixStream>,
    reader: FrameReader,
    filter: Filter,
    wait: Duration,
    reconnects: u64,
}

impl BusEvents {
    /// The next event that fits the filter; `None` when `within` is over first. Without `within` it waits for ever.
    /// Cancel-safe.
    ///
    /// # Errors
    /// When the other side sends what is no event; the next call connects anew.
    pub async fn next(&mut self, within: Option<Duration>) -> Result<Option<Event>, BusError> {
        let Some(within) = within else { return self.next_event().await.map(Some) };
        // Events that are already here come out even with a `within` of zero.
        if let Some(event) = self.next_buffered()? {
            return Ok(Some(event));
        }
        match tokio::time::timeout(within, self.next_event()).await {
            Ok(event) => event.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The next event that fits the filter, until `deadline`; as [`BusEvents::next`].
    ///
    /// # Errors
    /// As [`BusEvents::next`].
    pub async fn next_until(&mut self, deadline: Instant) -> Result<Option<Event>, BusError> {
        self.next(Some(deadline.saturating_duration_since(Instant::now()))).await
    }

    /// Wants other events from now on. Events that have been read but not yet asked for go through the new filter.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// How often the connection was made again: each time, events may have been missed.
    pub fn reconnects(&self) -> u64 {
        self.reconnects
    }

    async fn next_event(&mut self) -> Result<Event, BusError> {
        loop {
            if let Some(event) = self.next_buffered()? {
                return Ok(event);
            }
            let Some(stream) = &mut self.stream else {
                self.reconnect().await;
                continue;
            };
            self.reader.buffer().reserve(READ);
            match stream.read_buf(self.reader.buffer()).await {
                Ok(0) | Err(_) => self.disconnect(),
                Ok(_) => {}
            }
        }
    }

    /// The next event that fits among what has been read.
    fn next_buffered(&mut self) -> Result<Option<Event>, BusError> {
        loop {
            let body = match self.reader.next() {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.disconnect();
                    return Err(BusError::Stream { path: self.path.clone(), error });
                }
            };
            if !event::tag_of(&body).is_some_and(|tag| self.filter.matches(tag)) {
                continue;
            }
            match event::unpack(&body) {
                Ok(event) => return Ok(Some(event)),
                Err(error) => crate::log::debug!(%error, "an event of the bus is left out"),
            }
        }
    }

    fn disconnect(&mut self) {
        self.stream = None;
        self.reader = FrameReader::new(MAX_FRAME);
        self.wait = FIRST_WAIT;
    }

    async fn reconnect(&mut self) {
        match UnixStream::connect(&self.path).await {
            Ok(stream) => {
                self.stream = Some(stream);
                self.reconnects += 1;
            }
            Err(_) => {
                tokio::time::sleep(self.wait).await;
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
