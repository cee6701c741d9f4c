//! The one authorisation that stands in front of every clear command: who asks (`identify`), and whether they may.
//! Salt: auth/__init__.py (`LoadAuth.check_authentication`), master.py (`ClearFuncs`); salt-wire.md §12.1.
//!
//! Differences, on purpose: the key of one user opens nothing for another, `root` included; a local user whom
//! `publisher_acl` limits needs `@runner` and `@wheel` rules for those.

use std::sync::Arc;

use super::Master;
use super::identify::{Known, Refused, identify};
use super::pool::Kind;
use crate::acl::{self, Blacklist, Job, MasterFunctions, Ruling};
use crate::channel::commands::Caller;
use crate::map;
use crate::value::{Map, Value};

/// What a caller wants to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish<'a> {
    /// Publish these functions to these minions.
    Publish { jobs: &'a [Job<'a>], minions: &'a [String] },
    /// Call a function of the master.
    Call { form: MasterFunctions, fun: &'a str, arg: Option<&'a [Value]>, kwarg: Option<&'a Map> },
}

/// Why a caller may not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The name and sentence of Salt's error.
    Told { name: &'static str, message: String },
    /// Too many fail at once: there is no answer.
    Unanswered,
}

impl Denied {
    fn told(name: &'static str, message: impl Into<String>) -> Self {
        Denied::Told { name, message: message.into() }
    }

    /// `{"error": {"name": str, "message": str}}`; `None`: no answer.
    pub(super) fn reply(&self) -> Option<Map> {
        match self {
            Denied::Told { name, message } => {
                Some(map! { "error" => map! { "name" => *name, "message" => message.as_str() } })
            }
            Denied::Unanswered => None,
        }
    }
}

/// How a refusal is worded: Salt has other errors for publishing than for functions of the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    Publish,
    Call,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Authentication,
    Authorization,
    Syntax,
}

/// Lets a caller in whose proof is good.
///
/// # Errors
/// [`Denied`], after a while where a password or token was wrong; logged.
pub(super) async fn authenticate(
    master: &Arc<Master>,
    caller: &Caller,
    from: &str,
    wording: Wording,
) -> Result<Known, Denied> {
    match identify(master, caller).await {
        Ok(known) => Ok(known),
        Err(Refused::TooMany) => Err(Denied::Unanswered),
        Err(Refused::Because(reason)) => {
            log(caller, from, &reason);
            Err(denied(caller.kind(), caller.shown_name(), wording, Stage::Authentication))
        }
    }
}

/// Whether somebody who is known may do what they wish.
///
/// # Errors
/// [`Denied`]; logged.
pub(super) async fn permit(
    master: &Arc<Master>,
    (caller, known): (&Caller, &Known),
    from: &str,
    wish: Wish<'_>,
) -> Result<(), Denied> {
    let (wording, fun) = match wish {
        Wish::Publish { jobs, .. } => {
            (Wording::Publish, jobs.iter().map(|job| job.fun).collect::<Vec<_>>().join(","))
        }
        Wish::Call { fun, .. } => (Wording::Call, fun.to_owned()),
    };
    rule_on(master, known, wish).await.map_err(|(reason, stage)| {
        log(caller, from, &format!("{fun}: {reason}"));
        denied(caller.kind(), &known.user, wording, stage)
    })
}

fn log(caller: &Caller, from: &str, reason: &str) {
    let (kind, user) =
        (caller.kind(), if caller.user.is_empty() { caller.shown_name() } else { &caller.user });
    crate::log::warn!(from, user, "Authentication failure of type \"{kind}\" occurred: {reason}");
}

/// Salt's words for it.
fn denied(kind: &str, user: &str, wording: Wording, stage: Stage) -> Denied {
    if stage == Stage::Syntax {
        return Denied::told("SaltInvocationError", "A command invocation error occurred: Check syntax.");
    }
    if wording == Wording::Publish {
        return match stage {
            Stage::Authentication => Denied::told("AuthenticationError", "Authentication error occurred."),
            _ => Denied::told("AuthorizationError", "Authorization error occurred."),
        };
    }
    let name = match kind {
        "token" => "TokenAuthenticationError",
        "eauth" => "EauthAuthenticationError",
        _ => "UserAuthenticationError",
    };
    let message = format!("Authentication failure of type \"{kind}\" occurred");
    match (stage, kind) {
        (Stage::Authentication, "token") => Denied::told(name, message + "."),
        (Stage::Authentication, "user") => Denied::told(name, message),
        _ => Denied::told(name, format!("{message} for user {user}.")),
    }
}

async fn rule_on(master: &Arc<Master>, known: &Known, wish: Wish<'_>) -> Result<(), (String, Stage)> {
    let Some(rules) = &known.rules else { return Ok(()) };
    match wish {
        Wish::Publish { jobs, minions } => {
            // Asking who works on a job is always allowed.
            if !jobs.is_empty() && jobs.iter().all(|job| job.fun == "saltutil.find_job") {
                return Ok(());
            }
            let covered = covered_by(master, rules, minions).await;
            let allowed =
                acl::may_publish(rules, jobs, &mut |target| covered.iter().any(|own| own == target));
            if allowed { Ok(()) } else { Err(("no rule allows it".to_owned(), Stage::Authorization)) }
        }
        Wish::Call { form, fun, arg, kwarg } => match acl::may_call(rules, form, fun, arg, kwarg) {
            Ruling::Allowed => Ok(()),
            Ruling::Denied => Err((format!("no @{} rule allows it", form.as_str()), Stage::Authorization)),
            Ruling::BadSyntax => Err(("the function is not named module.function".to_owned(), Stage::Syntax)),
        },
    }
}

/// The targets in rules that name all of `minions`.
async fn covered_by(master: &Arc<Master>, rules: &[Value], minions: &[String]) -> Vec<String> {
    let targets: Vec<String> = rules
        .iter()
        .filter_map(Value::as_map)
        .filter_map(|rule| Some(rule.at(0)?.0.as_str()?.to_owned()))
        .collect();
    if targets.is_empty() {
        return targets;
    }
    let (worker, minions) = (master.clone(), minions.to_vec());
    let found = master.pool.run(Kind::Disk, move || {
        targets.into_iter().filter(|target| super::targets::covers(&worker, target, &minions)).collect()
    });
    found.await.unwrap_or_default()
}

/// Whether `publisher_acl_blacklist` forbids it, to whomever.
///
/// # Errors
/// [`Denied`], logged.
pub(super) fn not_blacklisted(master: &Master, user: &str, funs: &[&str]) -> Result<(), Denied> {
    let blacklist = Blacklist(master.opts.get("publisher_acl_blacklist").and_then(Value::as_map));
    if blacklist.has_user(user) || funs.iter().any(|fun| blacklist.has_function(fun)) {
        let fun = funs.join(",");
        crate::log::error!(
            "{user} does not have permissions to run {fun} (publisher_acl_blacklist). Please contact your local \
             administrator if you believe this is in error."
        );
        return Err(Denied::told("AuthorizationError", "Authorization error occurred."));
    }
    Ok(())
}
