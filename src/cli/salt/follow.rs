//! The ordinary run: publish, print each return as it arrives, and at last those that stay silent.

use std::time::Duration;

use super::progress::Bar;
use super::{explain, reasons, reporter, say, subset};
use crate::cli::{Display, Exit, Stop, complain};
use crate::client::{ClientError, Job, LastSeen, LocalClient, Presence, Progress, Running};
use crate::map;
use crate::output::report::{self, Report};
use crate::value::{Map, Value};

pub(super) async fn run(
    client: &LocalClient,
    job: Job,
    subset: Option<usize>,
    timeout: Duration,
    display: &Display,
    strict: bool,
) -> anyhow::Result<Exit> {
    let mut report = reporter(client.opts(), display);
    let narrowed = match subset {
        Some(count) => subset::narrow(client, job, count, timeout).await,
        None => Ok(job),
    };
    let job = match narrowed {
        Ok(job) => job,
        Err(error) => return failed(&report, &error, display, strict),
    };
    let running = match client.start(&job, client.patience(Some(timeout))).await {
        Ok(Some(running)) => running,
        Ok(None) => {
            let exit = say(report.nobody(report::NO_MINIONS_MATCHED), display)?;
            return Ok(exit.unwrap_or(Exit::NO_RETURN));
        }
        Err(error) => return failed(&report, &error, display, strict),
    };
    say(report.started(&running.published().jid), display)?;
    let jid = running.published().jid.clone();
    let bar = Bar::new(client.opts().bool("progress"), running.published().minions.len());
    let mut followed = Followed { silent: 0, bar };
    tokio::select! {
        outcome = followed.follow(client, running, &mut report, display) => {
            if let Err(error) = outcome {
                match error.downcast::<ClientError>() {
                    Ok(error) => return failed(&report, &error, display, strict),
                    Err(error) => return Err(error),
                }
            }
        }
        _ = tokio::signal::ctrl_c() => {
            return Err(Stop::failed(Exit::GENERIC, report::interrupted(&jid)).into());
        }
    }
    followed.bar.finish();
    let exit = say(report.finished(), display)?.unwrap_or(Exit::OK);
    Ok(if strict && followed.silent > 0 { Exit::MISSING_RETURNS } else { exit })
}

/// An error in place of returns, in Salt's words and with more beside them.
fn failed(report: &Report, error: &ClientError, display: &Display, strict: bool) -> anyhow::Result<Exit> {
    explain(error);
    let exit = say(report.error(&error.to_string()), display)?;
    Ok(if strict { Exit::UNAVAILABLE } else { exit.unwrap_or(Exit::OK) })
}

struct Followed {
    silent: usize,
    bar: Bar,
}

impl Followed {
    async fn follow(
        &mut self,
        client: &LocalClient,
        mut running: Running<'_>,
        report: &mut Report,
        display: &Display,
    ) -> anyhow::Result<()> {
        let opts = client.opts();
        let tell_silent = opts.bool("verbose") || opts.bool("show_timeout");
        let jid = running.published().jid.clone();
        let mut presence = None;
        while let Some(progress) = running.next().await? {
            match progress {
                Progress::Returned { id, load } => {
                    self.bar.clear();
                    say(report.returned(&id, returned(&load)), display)?;
                    self.bar.advance();
                }
                Progress::Silent { id, last_seen_as } => {
                    self.silent += 1;
                    let presence = presence.get_or_insert_with(|| Presence::look(opts));
                    if !tell_silent && last_seen_as != LastSeen::Missing {
                        continue;
                    }
                    // Salt: a syndic is no minion that ought to answer.
                    if reasons::is_syndic(opts, &id) {
                        continue;
                    }
                    self.bar.clear();
                    let disconnected = presence.is_disconnected(&id);
                    let silence = if disconnected {
                        report::Silence::NotConnected
                    } else {
                        report::Silence::NoResponse
                    };
                    say(report.returned(&id, report::silent_return(silence, &jid)), display)?;
                    if let Some(line) = reasons::line(opts, presence, &id, &last_seen_as) {
                        complain(&line);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A return event as the report takes it: `{"ret": any, "out"?: text, "retcode"?: int, "jid"?: text}`.
pub(super) fn returned(load: &Map) -> Value {
    let mut data = map! { "ret" => load.get("return").cloned().unwrap_or_default() };
    for key in ["out", "retcode", "jid"] {
        if let Some(value) = load.get(key) {
            data.insert(key, value.clone());
        }
    }
    data.into()
}
