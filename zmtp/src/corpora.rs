//! Replays the committed fuzz corpora, and mutations of them, on every `cargo test`.

#[path = "../../fuzz/replay.rs"]
mod replay;

use std::path::Path;

use crate::{codec, connection, pattern};

fn replay(target: &str, property: fn(&[u8])) {
    replay::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus"), target, property);
}

#[test]
fn greeting() {
    replay("zmtp_greeting", codec::greeting::properties::greeting_is_total);
}

#[test]
fn frames() {
    replay("zmtp_frames", codec::frame::properties::any_cut_gives_the_same_frames);
}

#[test]
fn commands() {
    replay("zmtp_commands", codec::command::properties::command_round_trips);
}

#[test]
fn connection() {
    replay("zmtp_connection", connection::properties::any_cut_gives_the_same_events);
}

#[test]
fn subscriptions() {
    replay("zmtp_subscriptions", pattern::subscriptions::properties::tree_equals_model);
}

#[test]
fn handshake_null() {
    replay("zmtp_handshake_null", crate::mechanism::properties::null_handshake);
}

#[test]
fn handshake_plain() {
    replay("zmtp_handshake_plain", crate::mechanism::properties::plain_handshake);
}

#[cfg(feature = "curve")]
#[test]
fn handshake_curve() {
    replay("zmtp_handshake_curve", crate::mechanism::properties::curve_handshake);
}

#[cfg(feature = "tokio")]
#[test]
fn sockets() {
    replay("zmtp_sockets", crate::net::properties::any_operations_keep_messages_whole_and_in_order);
}
