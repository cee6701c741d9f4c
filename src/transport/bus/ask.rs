//! Firing an event and waiting for the one that answers it, and listening to all, from synchronous code. Salt:
//! modules/saltutil.py (`refresh_pillar` with `wait`), utils/event.py (`get_event`).

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{BusError, BusPaths, fire_blocking};
use crate::event::{self, FrameReader, MAX_FRAME};
use crate::value::Map;

const READ: usize = 64 * 1024;

/// Fires an event and waits for one whose tag begins with `answer`: its data, or `None` when the time is over or the
/// daemon goes away. It listens before it fires.
///
/// # Errors
/// When nobody serves the bus, or what it sends is no event.
pub fn fire_and_wait_blocking(
    paths: &BusPaths,
    tag: &str,
    data: Map,
    answer: &str,
    timeout: Duration,
) -> Result<Option<Map>, BusError> {
    let path = &paths.publish;
    let mut listening =
        UnixStream::connect(path).map_err(|error| BusError::Connect { path: path.clone(), error })?;
    fire_blocking(paths, tag, data)?;
    let deadline = Instant::now() + timeout;
    let mut reader = FrameReader::new(MAX_FRAME);
    let mut piece = vec![0; READ];
    loop {
        let bad = |error| BusError::Stream { path: path.clone(), error };
        while let Some(body) = reader.next().map_err(bad)? {
            if event::tag_of(&body).is_some_and(|tag| tag.starts_with(answer))
                && let Ok(event) = event::unpack(&body)
            {
                return Ok(Some(event.data));
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || listening.set_read_timeout(Some(left)).is_err() {
            return Ok(None);
        }
        match listening.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(read) => reader.push(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The time is over, or the daemon is gone.
            Err(_) => return Ok(None),
        }
    }
}

/// Gives every event to `seen` until that says `false`. A daemon that goes away is waited for.
///
/// # Errors
/// When nobody serves the bus at first.
pub fn watch_blocking(paths: &BusPaths, seen: &mut dyn FnMut(&str, Map) -> bool) -> Result<(), BusError> {
    const AGAIN: Duration = Duration::from_millis(500);
    let path = &paths.publish;
    let mut listening =
        UnixStream::connect(path).map_err(|error| BusError::Connect { path: path.clone(), error })?;
    let mut piece = vec![0; READ];
    loop {
        let mut reader = FrameReader::new(MAX_FRAME);
        while let Ok(read @ 1..) = listening.read(&mut piece) {
            reader.push(piece.get(..read).unwrap_or_default());
            while let Ok(Some(body)) = reader.next() {
                if let Ok(event) = event::unpack(&body)
                    && !seen(&event.tag, event.data)
                {
                    return Ok(());
                }
            }
        }
        listening = loop {
            match UnixStream::connect(path) {
                Ok(again) => break again,
                Err(_) => std::thread::sleep(AGAIN),
            }
        };
    }
}
