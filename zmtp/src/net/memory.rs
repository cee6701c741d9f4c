//! inproc: two ends of a stream in memory, and who listens under which name. zmq_inproc(7).
//!
//! The two sides speak ZMTP as over any other stream. Names belong to the process, where libzmq has contexts.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BytesMut};
use tokio::sync::{Notify, mpsc};

/// Octets that one direction holds before the writer has to wait.
const CAPACITY: usize = 256 * 1024;

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct End {
    incoming: Arc<Direction>,
    outgoing: Arc<Direction>,
}

#[derive(Debug, Default)]
struct Direction {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    octets: BytesMut,
    /// Nothing more will be written.
    finished: bool,
    /// Nobody reads any more.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Two connected ends.
pub(crate) fn pair() -> (End, End) {
    let (there, back) = (Arc::new(Direction::default()), Arc::new(Direction::default()));
    (End { incoming: back.clone(), outgoing: there.clone() }, End { incoming: there, outgoing: back })
}

impl End {
    pub(crate) fn poll_readable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.incoming.state();
        if state.octets.is_empty() && !state.finished {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Fills the spare capacity of `buffer`, as far as there is something.
    pub(crate) fn poll_read(&self, cx: &Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut state = self.incoming.state();
        if state.octets.is_empty() && !state.finished {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let octets = (buffer.capacity() - buffer.len()).max(64).min(state.octets.len());
        buffer.extend_from_slice(state.octets.get(..octets).unwrap_or_default());
        state.octets.advance(octets);
        if state.octets.is_empty() {
            state.octets = BytesMut::new();
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        Poll::Ready(Ok(octets))
    }

    pub(crate) fn poll_writable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.outgoing.state();
        if state.octets.len() >= CAPACITY && !state.abandoned {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.outgoing.state();
        if state.abandoned {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut written = 0;
        for slice in slices {
            let room = CAPACITY.saturating_sub(state.octets.len());
            let part = slice.get(..room.min(slice.len())).unwrap_or_default();
            state.octets.extend_from_slice(part);
            written += part.len();
        }
        if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Ok(written)
    }

    /// Writes nothing more.
    pub(crate) fn finish(&self) {
        let mut state = self.outgoing.state();
        state.finished = true;
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.finish();
        let mut state = self.incoming.state();
        state.abandoned = true;
        state.octets = BytesMut::new();
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }
}

/// Who listens, by name.
static NAMES: LazyLock<Mutex<HashMap<String, mpsc::Sender<End>>>> = LazyLock::new(Mutex::default);
/// Told whenever somebody starts to listen.
static LISTENING: Notify = Notify::const_new();

fn names() -> MutexGuard<'static, HashMap<String, mpsc::Sender<End>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that connections come to. The name is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct MemoryListener {
    name: String,
    ends: mpsc::Receiver<End>,
}

impl MemoryListener {
    pub(crate) fn bind(name: &str, backlog: u32) -> io::Result<MemoryListener> {
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX).clamp(1, 1 << 16);
        let (sender, ends) = mpsc::channel(backlog);
        let mut names = names();
        if names.contains_key(name) {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there"));
        }
        names.insert(name.to_owned(), sender);
        drop(names);
        LISTENING.notify_waiters();
        Ok(MemoryListener { name: name.to_owned(), ends })
    }

    /// The next connection. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<End> {
        // The sender in the table lives as long as this.
        self.ends.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        names().remove(&self.name);
    }
}

/// Connects as soon as somebody listens under this name.
pub(crate) async fn connect(name: &str) -> End {
    loop {
        let listening = LISTENING.notified();
        let mut listening = std::pin::pin!(listening);
        listening.as_mut().enable();
        let listener = names().get(name).cloned();
        if let Some(listener) = listener {
            let (ours, theirs) = pair();
            if listener.send(theirs).await.is_ok() {
                return ours;
            }
        }
        listening.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_pass_in_order_and_a_full_direction_makes_the_writer_wait() {
        let (left, right) = pair();
        let cx = Context::from_waker(Waker::noop());
        assert!(right.poll_readable(&cx).is_pending());
        let block = vec![7; CAPACITY - 1];
        assert_eq!(left.try_write(&[IoSlice::new(&block), IoSlice::new(b"abc")]).unwrap(), CAPACITY);
        assert_eq!(left.try_write(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(left.poll_writable(&cx).is_pending());
        let mut buffer = BytesMut::with_capacity(CAPACITY);
        assert!(matches!(right.poll_read(&cx, &mut buffer), Poll::Ready(Ok(octets)) if octets == CAPACITY));
        assert_eq!(buffer.last(), Some(&b'a'));
        assert!(left.poll_writable(&cx).is_ready());
        left.try_write(&[IoSlice::new(b"bc")]).unwrap();
        drop(left);
        assert!(
            matches!(right.poll_read(&cx, &mut buffer), Poll::Ready(Ok(2))),
            "what was written is still read"
        );
        assert!(matches!(right.poll_read(&cx, &mut buffer), Poll::Ready(Ok(0))));
        assert_eq!(right.try_write(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
