//! Signing in, without sockets and clock: what to do after each `_auth`. Salt: crypt.py (`AsyncAuth._authenticate`),
//! minion.py (`_connect_minion`); salt-wire.md §7.5.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::channel::minion_auth::{AuthError, AuthOutcome, Credentials};

/// How patient a minion is with its master.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthPolicy {
    /// `acceptance_wait_time`: how long to wait for an operator, and what each wait is longer than the one before.
    pub wait: Duration,
    /// `acceptance_wait_time_max`; zero for no growth.
    pub wait_max: Duration,
    /// `auth_timeout`, of one `_auth`.
    pub timeout: Duration,
    /// `auth_tries`: how many time-outs in a row are one failure.
    pub tries: u32,
    /// `rejected_retry`: a rejected key is tried again instead of ending the daemon.
    pub rejected_retry: bool,
    /// A key that waits for an operator is a failure (`salt-call`).
    pub pending_is_final: bool,
    /// A master that does not answer, is full or is not believed is a failure (`salt-call`, the next master of a
    /// failover list); otherwise it is tried for ever.
    pub trouble_is_final: bool,
}

/// What one `_auth` came to.
#[derive(Debug)]
pub enum Attempt {
    /// No answer within `auth_timeout`; says what the socket last reported.
    Unanswered(String),
    Judged(Result<AuthOutcome, AuthError>),
    /// Our own side failed: key files.
    Broken(String),
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    Accepted {
        credentials: Box<Credentials>,
        /// To be stored as `minion_master.pub`.
        pin: Option<String>,
    },
    /// Ask again after this long.
    Again { after: Duration, because: SignInError },
    /// No use in asking again.
    Stop(SignInError),
}

/// Why a minion is not signed in.
#[derive(Clone, Debug, Error)]
pub enum SignInError {
    #[error("the master does not answer: {0}")]
    Unanswered(String),
    #[error("the master has cached this minion's public key: an operator has to accept it (salt-key -a)")]
    Pending,
    #[error("the master has rejected this minion's public key")]
    Rejected,
    #[error("the master has reached its max_minions")]
    Full,
    #[error("the master is not believed: {0}")]
    NotBelieved(Arc<AuthError>),
    #[error("{0}")]
    Broken(String),
}

/// The state of one sign-in.
#[derive(Debug)]
pub struct Acceptance {
    policy: AuthPolicy,
    wait: Duration,
    unanswered: u32,
}

impl Acceptance {
    /// Before the first `_auth`.
    pub fn new(policy: AuthPolicy) -> Self {
        Acceptance { wait: policy.wait, policy, unanswered: 0 }
    }

    /// Judges an attempt.
    #[must_use]
    pub fn after(&mut self, attempt: Attempt) -> Step {
        let outcome = match attempt {
            Attempt::Unanswered(what) => return self.unanswered(SignInError::Unanswered(what)),
            Attempt::Broken(what) => return self.trouble(SignInError::Broken(what)),
            Attempt::Judged(outcome) => outcome,
        };
        self.unanswered = 0;
        match outcome {
            Ok(AuthOutcome::Accepted { credentials, pin }) => Step::Accepted { credentials, pin },
            Ok(AuthOutcome::Pending) if self.policy.pending_is_final => Step::Stop(SignInError::Pending),
            Ok(AuthOutcome::Pending) => self.again(SignInError::Pending),
            Ok(AuthOutcome::Rejected) if self.policy.rejected_retry => self.again(SignInError::Rejected),
            Ok(AuthOutcome::Rejected) => Step::Stop(SignInError::Rejected),
            Ok(AuthOutcome::Full) => self.trouble(SignInError::Full),
            // Salt ends here as well: the operator said which master it has to be.
            Err(error @ AuthError::FingerMismatch { .. }) => {
                Step::Stop(SignInError::NotBelieved(error.into()))
            }
            Err(error) => self.trouble(SignInError::NotBelieved(error.into())),
        }
    }

    fn unanswered(&mut self, because: SignInError) -> Step {
        self.unanswered += 1;
        if self.unanswered < self.policy.tries.max(1) {
            return Step::Again { after: Duration::ZERO, because };
        }
        self.unanswered = 0;
        self.trouble(because)
    }

    fn trouble(&mut self, because: SignInError) -> Step {
        if self.policy.trouble_is_final { Step::Stop(because) } else { self.again(because) }
    }

    fn again(&mut self, because: SignInError) -> Step {
        let after = self.wait;
        self.wait = (self.wait + self.policy.wait).min(self.policy.wait_max.max(self.policy.wait));
        Step::Again { after, because }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: AuthPolicy = AuthPolicy {
        wait: Duration::from_secs(10),
        wait_max: Duration::ZERO,
        timeout: Duration::from_secs(5),
        tries: 7,
        rejected_retry: false,
        pending_is_final: false,
        trouble_is_final: false,
    };

    fn pending() -> Attempt {
        Attempt::Judged(Ok(AuthOutcome::Pending))
    }

    fn silence() -> Attempt {
        Attempt::Unanswered("connection refused".to_owned())
    }

    /// The waits, in seconds, after each of a row of attempts.
    fn waits(policy: AuthPolicy, attempts: impl IntoIterator<Item = Attempt>) -> Vec<u64> {
        let mut acceptance = Acceptance::new(policy);
        let wait = |attempt| match acceptance.after(attempt) {
            Step::Again { after, .. } => after.as_secs(),
            other => panic!("{other:?}"),
        };
        attempts.into_iter().map(wait).collect()
    }

    #[test]
    fn a_pending_key_is_tried_again_every_ten_seconds() {
        assert_eq!(waits(POLICY, [pending(), pending(), pending()]), [10, 10, 10]);
    }

    #[test]
    fn waits_grow_up_to_the_maximum() {
        let policy = AuthPolicy { wait_max: Duration::from_secs(35), ..POLICY };
        assert_eq!(
            waits(policy, [pending(), pending(), pending(), pending(), pending()]),
            [10, 20, 30, 35, 35]
        );
    }

    #[test]
    fn silence_is_tried_again_at_once_and_after_seven_times_with_a_wait() {
        let attempts = std::iter::repeat_with(silence).take(9);
        assert_eq!(waits(POLICY, attempts), [0, 0, 0, 0, 0, 0, 10, 0, 0]);
    }

    #[test]
    fn salt_call_does_not_wait_for_an_operator_or_a_silent_master() {
        let policy = AuthPolicy { pending_is_final: true, trouble_is_final: true, tries: 2, ..POLICY };
        let mut acceptance = Acceptance::new(policy.clone());
        assert!(matches!(acceptance.after(pending()), Step::Stop(SignInError::Pending)));
        let mut acceptance = Acceptance::new(policy);
        assert!(matches!(acceptance.after(silence()), Step::Again { .. }));
        assert!(matches!(acceptance.after(silence()), Step::Stop(SignInError::Unanswered(_))));
    }

    #[test]
    fn a_rejected_key_ends_the_daemon_unless_rejected_retry_is_set() {
        let rejected = || Attempt::Judged(Ok(AuthOutcome::Rejected));
        assert!(matches!(Acceptance::new(POLICY).after(rejected()), Step::Stop(SignInError::Rejected)));
        assert_eq!(waits(AuthPolicy { rejected_retry: true, ..POLICY }, [rejected()]), [10]);
    }

    #[test]
    fn a_master_that_is_not_believed_is_tried_again_but_a_wrong_finger_is_not() {
        let wrong = || Attempt::Judged(Err(AuthError::InvalidSignature));
        assert_eq!(waits(POLICY, [wrong(), wrong()]), [10, 10]);
        let error = AuthError::FingerMismatch { found: "aa".to_owned(), expected: "bb".to_owned() };
        assert!(matches!(Acceptance::new(POLICY).after(Attempt::Judged(Err(error))), Step::Stop(_)));
    }
}
