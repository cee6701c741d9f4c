//! Sockets: the event bus on IPC and the channel to a master.

pub mod bus;
pub mod master_channel;
