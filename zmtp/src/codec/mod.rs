//! Bytes to values and back. RFC 23 (ZMTP 3.0) and RFC 37 (ZMTP 3.1).
//!
//! Everything here is pure. [`Reader`] is the only cursor over bytes from a peer.

pub mod command;
pub mod frame;
pub mod greeting;
pub mod metadata;
pub mod output;
mod reader;

pub use command::Command;
pub use frame::{Frame, FrameHeader, FrameLimits};
pub use greeting::{GREETING_OCTETS, Greeting, MechanismName, Minor};
pub use metadata::Metadata;
pub use output::{Encoded, Output};
pub use reader::Reader;
