//! One run of the `salt` command as a conversation: returns go in, text for standard output and error and at last
//! the exit code come out. Salt: cli/salt.py, `SaltCMD.run`.

use super::super::{OutputOptions, printed, render};
use super::{MinionReturn, NO_DOCS, NO_RETURN_RECEIVED, NONZERO_EXIT, NoRet, Summary};
use super::{documentation, error_text, errors_summary, job_header};
use crate::value::{Map, Value};

/// What is to be written now, and the exit code if that is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Said {
    pub stdout: String,
    pub stderr: String,
    /// To be written to standard output, or appended to `--out-file` where there is one.
    pub shown: String,
    /// The program ends with this code.
    pub exit: Option<i32>,
}

/// The command line, as far as it changes what is said.
#[derive(Clone, Debug, Default)]
pub struct ReportOptions {
    /// `-v`.
    pub verbose: bool,
    /// `--show-jid`.
    pub show_jid: bool,
    /// `--summary`, or `cli_summary` in the configuration.
    pub summary: bool,
    pub output: OutputOptions,
}

/// The state of one run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    options: ReportOptions,
    summary: Summary,
    errors: Vec<NoRet>,
    failed: bool,
    docs: Map,
}

impl Report {
    /// A run that has not started. `options.output.fun` is the function of the job.
    pub fn new(options: ReportOptions) -> Self {
        Report { options, ..Report::default() }
    }

    /// The job is published.
    pub fn started(&self, jid: &str) -> Said {
        // Salt quirk: cli/salt.py: `-v` is not passed on for `sys.doc`.
        let verbose = self.options.verbose && !self.wants_docs();
        Said { stdout: job_header(jid, verbose, self.options.show_jid), ..Said::default() }
    }

    /// Nobody will answer: the target matched no minion, or the master sent an error instead of a jid. `text` is
    /// [`NO_MINIONS_MATCHED`](super::NO_MINIONS_MATCHED) or the error with a line end. Ends the program.
    pub fn nobody(&self, text: &str) -> Said {
        let (shown, stderr) = if self.wants_docs() {
            (String::new(), NO_DOCS.to_owned())
        } else {
            // Some outputters have a text for nothing, such as `{}`.
            (self.show(&Value::Map(Map::new())), NO_RETURN_RECEIVED.to_owned())
        };
        Said { stdout: text.to_owned(), stderr, shown, exit: Some(2) }
    }

    /// A minion returned, or a [`silent_return`](super::silent_return) was made up for it.
    pub fn returned(&mut self, id: &str, data: Value) -> Said {
        let parsed = match MinionReturn::parse(id, &data) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.errors.push(error);
                return Said::default();
            }
        };
        if self.wants_docs() {
            self.docs.insert(id, parsed.ret);
            return Said::default();
        }
        self.failed |= parsed.retcode != 0;
        let shown = printed(&parsed.text(&self.options.output)).unwrap_or_default();
        self.summary.add(id, data);
        Said { shown, ..Said::default() }
    }

    /// An error of the master or of the client ends the run, shown in place of a return.
    pub fn error(&self, message: &str) -> Said {
        if self.wants_docs() {
            let stderr = if message.is_empty() { NO_DOCS.to_owned() } else { format!("{message}\n") };
            return Said { stderr, exit: Some(2), ..Said::default() };
        }
        let shown = printed(&error_text(message, &self.options.output)).unwrap_or_default();
        if message.is_empty() {
            return Said { shown, stderr: NO_RETURN_RECEIVED.to_owned(), exit: Some(2), ..Said::default() };
        }
        // Salt quirk: cli/salt.py, 3006 and 3007: such an error does not change the exit code.
        Said { shown, exit: Some(0), ..Said::default() }
    }

    /// Every return is in, or the time is over. Ends the program.
    pub fn finished(&self) -> Said {
        let mut said = Said { exit: Some(0), ..Said::default() };
        if self.wants_docs() {
            let returns = Value::Map(self.docs.clone());
            match documentation(&returns, self.options.output.wanted.is_some(), &self.options.output) {
                Ok(text) => said.stdout = text,
                Err(text) => (said.stderr, said.exit) = (text, Some(2)),
            }
            return said;
        }
        if self.options.summary && self.options.output.wanted.is_none() {
            said.stdout = self.summary.text(self.options.verbose);
            said.stdout.push_str(&errors_summary(&self.errors));
        }
        if self.failed {
            said.stderr = NONZERO_EXIT.to_owned();
            said.exit = Some(1);
        }
        said
    }

    fn show(&self, value: &Value) -> String {
        printed(&render(None, value, &self.options.output)).unwrap_or_default()
    }

    fn wants_docs(&self) -> bool {
        self.options.output.fun == "sys.doc"
    }
}
