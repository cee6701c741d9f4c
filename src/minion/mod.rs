//! The minion daemon: it signs in to its masters, listens for jobs, runs them and returns what came of them. Salt:
//! minion.py.

mod execute;
mod job;
mod proc_files;
mod rpc;
mod seen;
mod spool;
