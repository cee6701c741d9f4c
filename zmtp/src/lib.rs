//! ZMTP 3.x, the wire protocol of ZeroMQ, in pure Rust.
#![forbid(unsafe_code)]
