//! What a state of git says in the end. Salt: states/git.py.

use crate::loader::{Fault, StateReturn};
use crate::states::failure;
use crate::value::{Map, Value};

/// The return that is being made.
pub(super) struct Report {
    pub name: Value,
    pub test: bool,
    /// What has been done, for the comment.
    pub comments: Vec<String>,
    pub changes: Map,
}

/// `a. b.`, or one without a full stop.
pub(super) fn sentences(comments: &[String]) -> String {
    comments.join(". ") + if comments.len() > 1 { "." } else { "" }
}

pub(super) fn short(hash: Option<&str>) -> &str {
    hash.map_or("None", |hash| hash.get(..7).unwrap_or(hash))
}

/// What `git` complained about, without the command.
pub(super) fn complaint(fault: &Fault) -> String {
    let text = failure::text(fault);
    let line = text.split('\n').next().unwrap_or_default();
    let ends =
        ["' failed: ", "\" failed: "].iter().filter_map(|end| line.rfind(end).map(|at| at + end.len()));
    match ends.max().filter(|_| line.starts_with("Command '") || line.starts_with("Command \"")) {
        Some(at) => text.get(at..).unwrap_or_default().to_owned(),
        None => text,
    }
}

impl Report {
    pub(super) fn done(&self, result: Option<bool>, comment: impl Into<String>) -> StateReturn {
        StateReturn::new(self.name.clone(), result, comment).with(self.changes.clone())
    }

    pub(super) fn neutral(&self, comment: impl Into<String>) -> StateReturn {
        self.done(None, comment)
    }

    pub(super) fn fail(&self, text: impl Into<String>) -> StateReturn {
        let mut text = text.into();
        if !self.comments.is_empty() {
            text += &format!("\n\nChanges already made: {}", sentences(&self.comments));
        }
        self.done(Some(false), text)
    }

    pub(super) fn failed_fetch(&self, fault: &Fault) -> StateReturn {
        self.fail(format!(
            "Fetch failed. Set 'force_fetch' to True to force the fetch if the failure was due to not being able to \
             fast-forward. Output of the fetch command follows:\n\n{}",
            complaint(fault)
        ))
    }

    /// The end of a comment about something that was as it should be.
    pub(super) fn but_made(&self) -> String {
        let would = if self.test { "that would be " } else { "" };
        match self.comments.as_slice() {
            [] => String::new(),
            comments => format!("\n\nChanges {would}made: {}", sentences(comments)),
        }
    }

    pub(super) fn up_to_date(&self, target: &str, local_changes: bool) -> StateReturn {
        let but = ", but with uncommitted changes. Set 'force_reset' to True to purge uncommitted changes.";
        let but = if local_changes { but } else { "" };
        self.done(Some(true), format!("Repository {target} is up-to-date{but}{}", self.but_made()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_not_repeated_in_a_complaint() {
        let fault = Fault::execution("Command 'git clone -- 'x' /y' failed: fatal: no\nmore' failed: z");
        assert_eq!(complaint(&fault), "fatal: no\nmore' failed: z");
        assert_eq!(complaint(&Fault::execution("other")), "other");
    }
}
