//! Halite: Salt's masters, minions and command line as one small static binary.
//!
//! The list below is the law of dependency: a room uses only rooms listed above it, and rooms of the catalogue
//! never use each other. `tests/tidy` holds every `crate::…` path against it.

#![deny(unsafe_code)]

#[cfg(test)]
mod corpora;

// vocabulary: pure
pub mod log;

pub mod value;

pub mod names;

pub mod config;

// contract: all an extension may know
pub mod host;

pub mod loader;

// rules: pure, or effects only through Context
pub mod http;

pub mod crypt;

pub mod channel;

pub mod matchers;

pub mod jinja;

pub mod render;

pub mod output;

pub mod event;

pub mod pillar;

pub mod keys;

pub mod acl;

pub mod extmods;

pub mod schedule;

pub mod state;

// catalogue: one file per Salt module; synchronous; effects only through Context
pub mod modules;

pub mod states;

pub mod grains;

pub mod runners;

pub mod returners;

pub mod wheel;

pub mod beacons;

pub mod auth;

pub mod fileserver;

pub mod ext_pillar;

pub mod builtin;

// shells: tokio, sockets, processes
pub mod transport;

pub mod fileclient;

pub mod local_pillar;

pub mod client;

pub mod minion;

pub mod master;

// command line: argv, exit codes, printing
pub mod cli;
