//! Runners: functions on the master. Salt: runners/.

mod auth;
mod cache;
mod config;
mod doc;
mod error;
mod event;
mod fileserver;
mod http;
mod jobs;
mod manage;
mod matching;
mod mine;
mod network;
mod pillar;
mod reactor;
mod salt;
mod saltutil;
mod state;
mod survey;
mod test;

use crate::loader::{Context, Fault, Module};
use crate::map;
use crate::value::Map;

/// Every runner, in alphabetical order.
pub static ALL: &[&Module] = &[
    &auth::MODULE,
    &cache::MODULE,
    &config::MODULE,
    &doc::MODULE,
    &error::MODULE,
    &event::MODULE,
    &fileserver::MODULE,
    &http::MODULE,
    &jobs::MODULE,
    &manage::MODULE,
    &matching::MODULE,
    &mine::MODULE,
    &network::MODULE,
    &pillar::MODULE,
    &reactor::MODULE,
    &salt::MODULE,
    &saltutil::MODULE,
    &state::MODULE,
    &survey::MODULE,
    &test::MODULE,
];

/// What a runner prints while it works: an event `salt/run/<jid>/stdout {"text": str}`, which `salt-run` prints as it
/// is. (In Salt the runner runs in `salt-run` itself and prints directly.)
pub const STDOUT: &str = "stdout";

/// Prints a line for the user of the runner.
fn say(cx: &Context, text: &str) -> Result<(), Fault> {
    progress(cx, STDOUT, map! { "text" => format!("{text}\n") })
}

/// Tells how far the runner is: an event below its own tag.
fn progress(cx: &Context, suffix: &str, data: Map) -> Result<(), Fault> {
    match cx.published.str("jid") {
        Some(jid) => cx.master.fire(&format!("salt/run/{jid}/{suffix}"), data),
        None => Ok(()),
    }
}

/// `{"message": text}` as progress, if the caller asked for progress.
fn message(cx: &Context, args: &crate::loader::Args, text: impl FnOnce() -> String) -> Result<(), Fault> {
    if args.truthy("display_progress") {
        progress(cx, "progress", map! { "message" => text() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
