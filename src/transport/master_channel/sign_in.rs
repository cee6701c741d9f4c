//! The task that signs in: one `_auth` in flight for all who need a session. Salt: crypt.py (`AsyncAuth`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::acceptance::{Acceptance, Attempt, SignInError, Step};
use super::lanes::Lanes;
use super::settings::ChannelSettings;
use crate::channel::minion_auth::{self, AuthRequest};
use crate::channel::new_nonce;
use crate::channel::session::Session;
use crate::host::tasks;
use crate::log::{debug, error, info, warn};

/// Least time between two successful sign-ins: an answer that never fits must not become a loop.
const BETWEEN: Duration = Duration::from_millis(500);

/// What is known of the session with the master.
#[derive(Clone, Default)]
pub struct State {
    /// Counts accepted `_auth`s; 0 before the first.
    pub generation: u64,
    pub session: Option<Arc<Session>>,
    /// Why the last `_auth` was not accepted, while that is so.
    pub trouble: Option<SignInError>,
    /// The task has given up for good: [`State::trouble`] says why.
    pub stopped: bool,
}

/// Signs in whenever `wanted` is beyond the generation reached. Ends when nobody is left who could want it, or when
/// there is no use in going on.
pub(super) async fn run(
    settings: Arc<ChannelSettings>,
    lanes: Arc<Lanes>,
    mut wanted: watch::Receiver<u64>,
    state: watch::Sender<State>,
) {
    let mut generation = 0;
    while wanted.wait_for(|wanted| *wanted > generation).await.is_ok() {
        let mut acceptance = Acceptance::new(settings.policy.clone());
        loop {
            let attempt = attempt(&settings, &lanes).await;
            match acceptance.after(attempt) {
                Step::Accepted { credentials, pin } => {
                    if let Some(pin) = pin
                        && let Err(problem) = store_pin(&settings, pin).await
                    {
                        error!(master = %settings.address, "The master's key cannot be stored: {problem}");
                    }
                    generation += 1;
                    info!(master = %settings.address, "Authentication with master at {} successful!", settings.address.host);
                    let session = Arc::new(Session::new(settings.identity.clone(), *credentials));
                    state.send_replace(State {
                        generation,
                        session: Some(session),
                        trouble: None,
                        stopped: false,
                    });
                    break;
                }
                Step::Again { after, because } => {
                    say(&settings, &because, after);
                    state.send_modify(|state| state.trouble = Some(because));
                    if nobody_wants(&mut wanted, after).await {
                        return;
                    }
                }
                Step::Stop(because) => {
                    state.send_modify(|state| {
                        state.trouble = Some(because);
                        state.stopped = true;
                    });
                    return;
                }
            }
        }
        if nobody_wants(&mut wanted, BETWEEN).await {
            return;
        }
    }
}

/// Waits; `true` when all who could want a session are gone.
async fn nobody_wants(wanted: &mut watch::Receiver<u64>, wait: Duration) -> bool {
    // Ends early only when every sender is gone: the condition is never met.
    let gone = tokio::time::timeout(wait, wanted.wait_for(|_| false)).await.is_ok();
    gone || wanted.has_changed().is_err()
}

fn say(settings: &ChannelSettings, because: &SignInError, after: Duration) {
    let master = settings.address.to_string();
    match because {
        SignInError::Pending => info!(
            "The Salt Master has cached the public key for this node, this salt minion will wait for {} seconds \
             before attempting to re-authenticate",
            after.as_secs()
        ),
        _ if after.is_zero() => debug!(%master, "{because}"),
        SignInError::Unanswered(_) | SignInError::Full => {
            warn!(%master, "{because}; trying again in {} seconds", after.as_secs());
        }
        _ => error!(%master, "{because}; trying again in {} seconds", after.as_secs()),
    }
}

/// One `_auth`, answered or not.
async fn attempt(settings: &Arc<ChannelSettings>, lanes: &Lanes) -> Attempt {
    let prepare = {
        let settings = Arc::clone(settings);
        move || {
            let trust = settings.trust.load().map_err(|error| error.to_string())?;
            let request = AuthRequest::new(&settings.identity, &trust, new_nonce())
                .map_err(|error| format!("minion_master.pub: {error}"))?;
            Ok::<_, String>((trust, request))
        }
    };
    let (trust, request) = match off_the_loop(prepare).await {
        Ok(prepared) => prepared,
        Err(problem) => return Attempt::Broken(problem),
    };
    let body = match lanes.exchange(request.body.clone(), settings.policy.timeout).await {
        Ok(body) => body,
        Err(problem) => return Attempt::Unanswered(problem.0),
    };
    let judge = {
        let settings = Arc::clone(settings);
        move || Ok(minion_auth::judge(&body, &request, &settings.identity, &trust))
    };
    match off_the_loop(judge).await {
        Ok(judged) => Attempt::Judged(judged),
        Err(problem) => Attempt::Broken(problem),
    }
}

async fn store_pin(settings: &Arc<ChannelSettings>, pin: String) -> Result<(), String> {
    let files = settings.trust.files.clone();
    off_the_loop(move || files.pin_master(&pin).map_err(|error| error.to_string())).await
}

/// Runs what takes long (RSA, disk) on a thread of its own.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tasks::blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}
