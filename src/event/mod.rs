//! The event bus without sockets: tags, the bytes of an event, who wants which, and the stream of the IPC sockets.
//! Salt: utils/event.py, transport/ipc.py; salt-wire.md §11, §14.2.

mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod packing;
mod stream;
pub mod tags;

pub use filter::{Filter, FilterError, Matching};
pub use packing::{DEFAULT_MAX_EVENT_SIZE, Event, EventError, line, pack, stamp, tag_of, unpack};
pub use stream::{FRAME_HEAD, FrameReader, MAX_FRAME, StreamError, frame};
