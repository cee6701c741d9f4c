//! What the `salt` command prints around the returns of minions. Salt: cli/salt.py, client/__init__.py.
//!
//! Everything here is text; the caller decides about standard output and error. Texts that end with a line end are
//! complete, texts that do not go through [`printed`](super::printed).

mod batch;
mod run;

pub use batch::{BatchReturn, NOBODY_FOR_BATCH, SWITCHING_TO_BATCH};
pub use batch::{batch_left_out, batch_not_sent, batch_started};
pub use run::{Report, ReportOptions, Said};

use std::fmt;

use thiserror::Error;

use super::{OutputOptions, push_line, render};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

/// Standard output, when a target matches nobody. Then follows [`NO_RETURN_RECEIVED`].
pub const NO_MINIONS_MATCHED: &str =
    "No minions matched the target. No command was sent, no jid was assigned.\n";

/// Standard error, when nothing came back; exit code 2.
pub const NO_RETURN_RECEIVED: &str = "ERROR: No return received\n";

/// Standard error, when a return had a retcode other than 0; exit code 1.
pub const NONZERO_EXIT: &str = "ERROR: Minions returned with non-zero exit code\n";

/// Standard error, when nobody returned documentation; exit code 2.
const NO_DOCS: &str = "No minions found to gather docs from\n";

/// What a minion "returns" that is known not to be connected.
pub const NOT_CONNECTED: &str = "Minion did not return. [Not connected]";

/// An error that is rendered as a return: the master is not there.
pub const MASTER_UNREACHABLE: &str = "The salt master could not be contacted. Is master running?";

/// An error that is rendered as a return: the master refuses the key.
pub const NOT_AUTHENTICATED: &str = "Failed to authenticate! This is most likely because this user is not \
permitted to execute commands, but there is a small possibility that a disk error occurred (check disk/inode usage).";

/// An error that is rendered as a return: the master refuses the job.
pub const NOT_AUTHORIZED: &str = "Authorization error occurred.";

/// An error that is rendered as a return: the master did not answer in time.
pub const REQUEST_TIMED_OUT: &str = "Salt request timed out. The master is not responding. You may need to run \
your command with `--async` in order to bypass the congested event bus. With `--async`, the CLI tool will print the \
job id (jid) and exit immediately without listening for responses. You can then use `salt-run jobs.lookup_jid` to \
look up the results of the job in the job cache later.";

/// Before the returns: with `-v` the jid underlined, with `--show-jid` the jid, else nothing.
pub fn job_header(jid: &str, verbose: bool, show_jid: bool) -> String {
    if verbose {
        let line = format!("Executing job with jid {jid}");
        format!("{line}\n{}\n\n", "-".repeat(line.chars().count()))
    } else if show_jid {
        format!("jid: {jid}\n")
    } else {
        String::new()
    }
}

/// The answer to `--async`.
pub fn async_started(jid: &str) -> String {
    format!("Executed command with job ID: {jid}\n")
}

/// Standard error after Ctrl-C; exit code 1.
pub fn interrupted(jid: &str) -> String {
    format!(
        "\nExiting gracefully on Ctrl-c\nThis job's jid is: {jid}\nThe minions may not have all finished running and \
         any remaining minions will return upon completion. To look up the return data for this job later, run the \
         following command:\n\nsalt-run jobs.lookup_jid {jid}\n"
    )
}

/// What a minion "returns" that is not heard of.
pub fn no_response(jid: &str) -> String {
    format!(
        "Minion did not return. [No response]\nThe minions may not have all finished running and any remaining \
         minions will return upon completion. To look up the return data for this job later, run the following \
         command:\n\nsalt-run jobs.lookup_jid {jid}"
    )
}

/// An error about a nodegroup that the configuration does not have.
pub fn unknown_nodegroup(name: &str, conf_file: &str) -> String {
    format!("Node group {name} unavailable in {conf_file}")
}

/// Which notice a silent minion gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    NotConnected,
    NoResponse,
}

/// The return made up for a silent minion: `{"out": "no_return", "ret": text, "retcode": 1}`.
pub fn silent_return(silence: Silence, jid: &str) -> Value {
    let text = match silence {
        Silence::NotConnected => NOT_CONNECTED.to_owned(),
        Silence::NoResponse => no_response(jid),
    };
    map! { "out" => "no_return", "ret" => text, "retcode" => 1 }.into()
}

/// Why a minion is silent, as far as the master knows. Salt does not say it, so it goes to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The key is not accepted: `pending`, `rejected`, `denied`.
    Key(String),
    /// Never seen since the master started.
    NeverConnected,
    /// Gone since that time (text).
    DisconnectedSince(String),
    /// Works on the job, in this process.
    StillRunning(i64),
    /// Connected, and does not know the job.
    DoesNotKnowTheJob,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Key(status) => write!(formatter, "its key is {status}, see salt-key"),
            Reason::NeverConnected => write!(formatter, "not connected since the master started"),
            Reason::DisconnectedSince(time) => write!(formatter, "not connected since {time}"),
            Reason::StillRunning(pid) => write!(formatter, "still running the job, as pid {pid}"),
            Reason::DoesNotKnowTheJob => write!(formatter, "connected, but it does not run the job"),
        }
    }
}

/// The line about a silent minion, for standard error.
pub fn reason_line(id: &str, reason: &Reason) -> String {
    format!("{id}: no return: {reason}\n")
}

/// One minion's return, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinionReturn {
    pub id: String,
    pub ret: Value,
    /// The outputter that the function asks for.
    pub out: Option<String>,
    /// 0, or the highest retcode where several functions ran.
    pub retcode: i64,
}

/// A return without `ret`: an error of the master about that minion.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Minion [{id}] encountered exception '{message}'")]
pub struct NoRet {
    pub id: String,
    pub message: String,
}

impl MinionReturn {
    /// Reads `{"ret": any, "retcode": int or {fun: int}, "out": text}`; only `ret` has to be there.
    ///
    /// # Errors
    /// When there is no `ret`; the error is to be collected for [`errors_summary`].
    pub fn parse(id: &str, data: &Value) -> Result<Self, NoRet> {
        let message = || data.get("message").map(str_of).unwrap_or_default();
        let ret = data.get("ret").ok_or_else(|| NoRet { id: id.to_owned(), message: message() })?;
        Ok(MinionReturn {
            id: id.to_owned(),
            ret: ret.clone(),
            out: data.get("out").and_then(Value::as_str).map(str::to_owned),
            retcode: retcode_of(data).max(0),
        })
    }

    /// What is printed for it. Through [`printed`](super::printed).
    pub fn text(&self, options: &OutputOptions) -> String {
        let value: Value = map! { self.id.as_str() => self.ret.clone() }.into();
        render(self.out.as_deref(), &value, &options.clone().with_retcode(self.retcode))
    }
}

/// The retcode in a return: a number, the highest of several functions, 1 for a bare `False`, else 0.
pub fn retcode_of(data: &Value) -> i64 {
    match data {
        Value::Bool(false) => 1,
        Value::Map(map) => match map.get("retcode") {
            Some(Value::Map(several)) => several.values().filter_map(Value::as_int).max().unwrap_or(0),
            Some(Value::Bool(failed)) => i64::from(*failed),
            Some(retcode) => retcode.as_int().unwrap_or(0),
            None => 0,
        },
        _ => 0,
    }
}

/// An error as the `salt` command shows it, in place of a return. Through [`printed`](super::printed).
pub fn error_text(message: &str, options: &OutputOptions) -> String {
    render(None, &Value::from(message), &options.clone().with_retcode(1))
}

/// `--summary`: counts what came back. Each minion counts once, with its last return.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    returns: Map,
}

impl Summary {
    /// One minion's return, as [`MinionReturn::parse`] takes it.
    pub fn add(&mut self, id: &str, data: Value) {
        self.returns.insert(id, data);
    }

    /// The block after the returns. `verbose` names the minions.
    pub fn text(&self, verbose: bool) -> String {
        let (mut returned, mut silent) = (0_usize, 0_usize);
        let (mut not_connected, mut not_responding, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (id, data) in &self.returns {
            let id = str_of(id);
            let ret = data.get("ret").unwrap_or(data);
            match ret.as_str().filter(|text| text.starts_with("Minion did not return")) {
                Some(text) => {
                    silent += 1;
                    if text.contains("Not connected") {
                        not_connected.push(id);
                    } else if text.contains("No response") {
                        not_responding.push(id);
                    }
                }
                None => {
                    returned += 1;
                    if retcode_of(data) != 0 {
                        failed.push(id);
                    }
                }
            }
        }
        let rule = "-".repeat(43);
        let mut out = format!("\n\n{rule}\nSummary\n{rule}\n");
        push_line(&mut out, format_args!("# of minions targeted: {}", returned + silent));
        push_line(&mut out, format_args!("# of minions returned: {returned}"));
        push_line(&mut out, format_args!("# of minions that did not return: {silent}"));
        push_line(&mut out, format_args!("# of minions with errors: {}", failed.len()));
        let lists = [
            ("Minions not connected", not_connected),
            ("Minions not responding", not_responding),
            ("Minions with failures", failed),
        ];
        for (title, ids) in lists.iter().filter(|(_, ids)| verbose && !ids.is_empty()) {
            push_line(&mut out, format_args!("{title}: {}", ids.join(" ")));
        }
        push_line(&mut out, format_args!("{rule}"));
        out
    }
}

/// `--summary`: the errors of the master about single minions, empty if there are none.
pub fn errors_summary(errors: &[NoRet]) -> String {
    if errors.is_empty() {
        return String::new();
    }
    let rule = "-".repeat(27);
    let mut out = format!("\n\n{rule}\nErrors\n{rule}\n");
    for error in errors {
        push_line(&mut out, format_args!("{error}"));
    }
    out
}

/// `salt '*' sys.doc`: every function once, by name, from `{id: {fun: doc}}`. `with_out` is whether the user named
/// an outputter.
///
/// # Errors
/// The text for standard error (exit code 2), when nobody returned documentation.
pub fn documentation(returns: &Value, with_out: bool, options: &OutputOptions) -> Result<String, String> {
    if !returns.truthy() {
        return Err(NO_DOCS.to_owned());
    }
    if let Value::Text(text) = returns {
        return Err(format!("{text}\n"));
    }
    let mut docs: Vec<(String, &Value)> = Vec::new();
    for functions in returns.as_map().into_iter().flat_map(Map::values).filter_map(Value::as_map) {
        for (fun, doc) in functions.iter().filter(|(_, doc)| doc.truthy()) {
            docs.push((str_of(fun), doc));
        }
    }
    sort::by(&mut docs, |(a, _), (b, _)| a.cmp(b));
    docs.dedup_by(|later, earlier| later.0 == earlier.0);
    let mut out = String::new();
    for (fun, doc) in docs {
        if with_out {
            let value: Value = map! { fun => doc.clone() }.into();
            let shown = render(Some("nested"), &value, options);
            // `--out=quiet` leaves nothing to print.
            if !shown.is_empty() {
                push_line(&mut out, format_args!("{shown}"));
            }
        } else {
            push_line(&mut out, format_args!("{fun}:\n{}\n", str_of(doc)));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_is_told_before_the_jid() {
        assert!(
            interrupted("7")
                .starts_with("\nExiting gracefully on Ctrl-c\nThis job's jid is: 7\nThe minions may")
        );
    }

    #[test]
    fn documentation_is_not_printed_where_nothing_is_wanted() {
        let returns = map! { "a" => map! { "x.y" => "What it does." } }.into();
        let with = |wanted: &str| {
            let options = OutputOptions { wanted: Some(wanted.to_owned()), ..OutputOptions::default() };
            documentation(&returns, true, &options)
        };
        assert_eq!(with("quiet"), Ok(String::new()));
        assert_eq!(with("txt"), Ok("x.y: What it does.\n".to_owned()));
    }
}
