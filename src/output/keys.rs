//! What the `salt-key` command prints and asks, besides its lists. Salt: key.py (`KeyCLI`).

/// What is done to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAct {
    Accept,
    Reject,
    Delete,
}

impl KeyAct {
    const fn done(self) -> &'static str {
        match self {
            KeyAct::Accept => "accepted",
            KeyAct::Reject => "rejected",
            KeyAct::Delete => "deleted",
        }
    }

    /// Before the list of keys.
    pub fn announcement(self) -> String {
        format!("The following keys are going to be {}:\n", self.done())
    }

    /// The question after the list, without a line end.
    pub const fn question(self) -> &'static str {
        match self {
            KeyAct::Delete => "Proceed? [N/y] ",
            KeyAct::Accept | KeyAct::Reject => "Proceed? [n/Y] ",
        }
    }

    /// Whether the answer to the question is yes: an empty one is for accepting and rejecting, not for deleting.
    pub fn agreed(self, answer: &str) -> bool {
        match answer.trim_end_matches(['\n', '\r']) {
            "" => self != KeyAct::Delete,
            answer => answer.starts_with(['y', 'Y']),
        }
    }

    /// After the act, a line per minion.
    pub fn confirmation(self, id: &str) -> String {
        format!("Key for minion {id} {}.\n", self.done())
    }
}

/// When no key fits. The flags are `--include-accepted`, `--include-rejected`, `--include-denied`, as Salt set them
/// for the command.
pub fn no_match(glob: &str, accepted: bool, rejected: bool, denied: bool) -> String {
    let mut statuses = vec!["unaccepted"];
    for (included, status) in [(accepted, "accepted"), (rejected, "rejected"), (denied, "denied")] {
        if included {
            statuses.push(status);
        }
    }
    let last = statuses.pop().unwrap_or_default();
    let statuses =
        if statuses.is_empty() { last.to_owned() } else { format!("{} or {last}", statuses.join(", ")) };
    format!("The key glob '{glob}' does not match any {statuses} keys.\n")
}

/// After Ctrl-C at the question, for standard error; exit code 1.
pub const INTERRUPTED: &str = "\nExiting on CTRL-c\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts: Salt 3006.25, `salt-key`.
    #[test]
    fn salt_key_speaks_as_the_original() {
        assert_eq!(KeyAct::Delete.announcement(), "The following keys are going to be deleted:\n");
        assert_eq!(KeyAct::Accept.confirmation("web1"), "Key for minion web1 accepted.\n");
        assert_eq!(
            no_match("w*", false, false, false),
            "The key glob 'w*' does not match any unaccepted keys.\n"
        );
        assert_eq!(
            no_match("w*", false, true, true),
            "The key glob 'w*' does not match any unaccepted, rejected or denied keys.\n"
        );
    }

    #[test]
    fn an_empty_answer_accepts_but_does_not_delete() {
        assert!(KeyAct::Accept.agreed("\n"));
        assert!(!KeyAct::Delete.agreed("\n"));
        assert!(KeyAct::Delete.agreed("yes\n"));
        assert!(!KeyAct::Accept.agreed("no\n"));
    }
}
