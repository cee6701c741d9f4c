//! The master: its rules, its stores and its sockets.

pub mod commands;
pub mod nonces;
pub mod store;
