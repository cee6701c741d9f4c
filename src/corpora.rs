//! Replays the committed fuzz corpora, and mutations of them, on every `cargo test`.

#[path = "../fuzz/replay.rs"]
mod replay;

use std::path::Path;

use crate::{channel, crypt, event, jinja, matchers, value};

fn replay(target: &str, property: fn(&[u8])) {
    replay::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus"), target, property);
}

#[test]
fn msgpack() {
    replay("msgpack", value::msgpack::fuzzing::any_octets);
}

#[test]
fn yaml() {
    replay("yaml", value::yaml::fuzzing::check);
}

#[test]
fn pem() {
    replay("pem", crypt::fuzzing::pem_text);
}

#[test]
fn crypticle() {
    replay("crypticle", crypt::fuzzing::crypticle_decrypt);
}

#[test]
fn x931() {
    replay("x931", crypt::fuzzing::x931_recover);
}

#[test]
fn targets() {
    replay("targets", matchers::fuzzing::compound_target);
}

#[test]
fn events() {
    replay("events", event::fuzzing::any_cut_gives_the_same_events);
}

#[test]
fn requests() {
    replay("requests", channel::fuzzing::any_request);
}

#[test]
fn jinja() {
    replay("jinja", jinja::fuzzing::check);
}

#[test]
fn jmespath() {
    replay("jmespath", jinja::fuzzing::check_query);
}
