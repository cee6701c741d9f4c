//! Halite: Salt's masters, minions and command line as one small static binary.
//!
//! The list below is the law of dependency: a room uses only rooms listed above it, and rooms of the catalogue
//! never use each other. `tests/tidy` holds every `crate::…` path against it.

#![deny(unsafe_code)]
// The fuzz targets build what reads the octets of others, and leave out who uses it.
#![cfg_attr(not(feature = "program"), allow(unused))]

#[cfg(test)]
mod corpora;

// vocabulary: pure
pub mod log;

pub mod value;

pub mod patterns;

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

#[cfg(feature = "program")]
pub mod pillar;

#[cfg(feature = "program")]
pub mod keys;

#[cfg(feature = "program")]
pub mod acl;

#[cfg(feature = "program")]
pub mod extmods;

#[cfg(feature = "program")]
pub mod schedule;

#[cfg(feature = "program")]
pub mod state;

// catalogue: one file per Salt module; synchronous; effects only through Context
#[cfg(feature = "program")]
pub mod modules;

#[cfg(feature = "program")]
pub mod states;

#[cfg(feature = "program")]
pub mod grains;

#[cfg(feature = "program")]
pub mod runners;

#[cfg(feature = "program")]
pub mod returners;

#[cfg(feature = "program")]
pub mod wheel;

#[cfg(feature = "program")]
pub mod beacons;

#[cfg(feature = "program")]
pub mod auth;

#[cfg(feature = "program")]
pub mod fileserver;

#[cfg(feature = "program")]
pub mod ext_pillar;

#[cfg(feature = "program")]
pub mod builtin;

// shells: tokio, sockets, processes
#[cfg(feature = "program")]
pub mod transport;

#[cfg(feature = "program")]
pub mod fileclient;

#[cfg(feature = "program")]
pub mod local_pillar;

#[cfg(feature = "program")]
pub mod client;

#[cfg(feature = "program")]
pub mod minion;

#[cfg(feature = "program")]
pub mod master;

// command line: argv, exit codes, printing
#[cfg(feature = "program")]
pub mod cli;
