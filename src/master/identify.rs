//! Who asks: the owner of a local key, of a token, or of a password that `external_auth` knows. Salt:
//! auth/__init__.py (`authenticate_key`, `authenticate_token`, `authenticate_eauth`, `mk_token`).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Master;
use super::pool::Kind;
use super::tokens::NewToken;
use crate::acl;
use crate::auth::{self, Login};
use crate::channel::commands::Caller;
use crate::value::{Map, Value};

/// Somebody who has proven who they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// The name that the job carries.
    pub user: String,
    /// What they may do; `None`: everything.
    pub rules: Option<Vec<Value>>,
    /// Those of the back end that knows the password.
    pub groups: Vec<String>,
}

/// Nobody we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// For the log.
    Because(String),
    /// So many fail at once that this one gets no answer.
    TooMany,
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Refused::Because(reason)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Refused::Because(reason.to_owned())
    }
}

/// A wrong answer takes about so long, so that guessing takes long, too.
const FAILURE_TAKES: Duration = Duration::from_millis(750);
const FAILURE_VARIES_MS: u64 = 500;

/// Wrong answers that are kept waiting at once.
const MAX_FAILURES: usize = 256;

/// For [`Master::failed_logins`].
pub(super) fn failures() -> tokio::sync::Semaphore {
    tokio::sync::Semaphore::new(MAX_FAILURES)
}

/// Who the caller is.
///
/// # Errors
/// [`Refused`]: after a while, where a password or token was wrong.
pub(super) async fn identify(master: &Arc<Master>, caller: &Caller) -> Result<Known, Refused> {
    if let Some(token) = &caller.token {
        let (worker, token) = (master.clone(), token.clone());
        let known = master.pool.run(Kind::Disk, move || by_token(&worker, &token)).await;
        return slowly(master, known.unwrap_or_else(|| Err("the token could not be read".into()))).await;
    }
    if caller.eauth.is_some() {
        return by_password(master, caller).await;
    }
    by_key(master, caller)
}

fn by_token(master: &Master, token: &str) -> Result<Known, Refused> {
    let data = master.user_tokens.get(token, SystemTime::now()).ok_or("the token is not valid")?;
    let eauth = data.str("eauth").unwrap_or_default();
    let config = external_auth(master, eauth)?;
    let name = data.str("name").unwrap_or_default().to_owned();
    let groups = data.get("groups").and_then(Value::as_list).unwrap_or_default();
    let groups: Vec<String> = groups.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let own = data.get("auth_list").and_then(Value::as_list).filter(|_| master.options.keep_acl_in_token);
    let rules = match own {
        Some(rules) => rules.to_vec(),
        None => acl::rules_of_login(config, &name, &groups, master.options.permissive_acl),
    };
    Ok(Known { user: name, rules: Some(rules), groups })
}

async fn by_password(master: &Arc<Master>, caller: &Caller) -> Result<Known, Refused> {
    let worker = master.clone();
    let (eauth, user) = (caller.eauth.clone().unwrap_or_default(), caller.username.clone());
    let password = caller.password.clone();
    let checked = master.pool.run(Kind::Disk, move || {
        let config = external_auth(&worker, &eauth)?;
        let backend =
            auth::backend(&eauth).ok_or_else(|| format!("the eauth system {eauth} is not supported"))?;
        let login = Login { username: &user, password: &password };
        if !(backend.check)(&worker.opts, login)? {
            return Err("wrong user or password".into());
        }
        let groups = (backend.groups)(&user);
        let rules = acl::rules_of_login(config, &user, &groups, worker.options.permissive_acl);
        Ok(Known { user, rules: Some(rules), groups })
    });
    let checked = checked.await.unwrap_or_else(|| Err("the password could not be checked".into()));
    slowly(master, checked).await
}

fn external_auth<'m>(master: &'m Master, eauth: &str) -> Result<&'m Map, Refused> {
    let config = master.opts.get("external_auth").and_then(|all| all.get(eauth)).and_then(Value::as_map);
    config.ok_or_else(|| format!("the eauth system {eauth:?} is not enabled").into())
}

/// Holds a failure back.
async fn slowly<T>(master: &Master, outcome: Result<T, Refused>) -> Result<T, Refused> {
    if outcome.is_err() {
        let Ok(_place) = master.failed_logins.try_acquire() else { return Err(Refused::TooMany) };
        let more = u64::from(u16::from_le_bytes(crate::crypt::random::bytes())) % FAILURE_VARIES_MS;
        tokio::time::sleep(FAILURE_TAKES + Duration::from_millis(more)).await;
    }
    outcome
}

/// The rules of local keys: that of the master's user (or root's) opens everything, that of another user what
/// `publisher_acl` gives them.
fn by_key(master: &Master, caller: &Caller) -> Result<Known, Refused> {
    let key = caller.key.as_deref().filter(|key| !key.is_empty()).ok_or("it carries no key")?;
    let user = caller.user.as_str();
    let (keys, acl) = (&master.local_keys, master.opts.get("publisher_acl").filter(|acl| acl.truthy()));
    if keys.is_key_of(&master.options.user, key) || keys.is_key_of("root", key) {
        let sudoer = user.strip_prefix("sudo_").filter(|_| master.options.sudo_acl);
        return match sudoer.zip(acl) {
            Some((sudoer, acl)) => limited(user, acl::rules_of_user(Some(acl), sudoer)),
            None => Ok(Known { user: user.to_owned(), rules: None, groups: Vec::new() }),
        };
    }
    if !keys.is_key_of(user, key) {
        return Err("its key is not one of this master's local keys".into());
    }
    limited(user, acl::rules_of_user(acl, user))
}

fn limited(user: &str, rules: Vec<Value>) -> Result<Known, Refused> {
    if rules.is_empty() {
        return Err("publisher_acl gives the user nothing".into());
    }
    Ok(Known { user: user.to_owned(), rules: Some(rules), groups: Vec::new() })
}

/// Makes a token for a caller with a password: its data; an empty text where that is wrong. `None`: no answer.
pub(super) async fn make_token(
    master: &Arc<Master>,
    caller: &Caller,
    expire: Option<f64>,
    from: &str,
) -> Option<Value> {
    let known = match by_password(master, caller).await {
        Ok(known) => known,
        Err(Refused::TooMany) => return None,
        Err(Refused::Because(reason)) => {
            let user = caller.shown_name();
            crate::log::warn!(from, user, "Authentication failure of type \"eauth\" occurred: {reason}");
            return Some("".into());
        }
    };
    let worker = master.clone();
    let eauth = caller.eauth.clone().unwrap_or_default();
    let made = master.pool.run(Kind::Disk, move || {
        let own = expire.filter(|_| may_choose_expiry(&worker.opts, &eauth, &known.user));
        let life = own.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let wanted = NewToken {
            name: &known.user,
            eauth: &eauth,
            life: life.unwrap_or(worker.options.token_expire),
            groups: known.groups.clone(),
            auth_list: known.rules.clone().filter(|_| worker.options.keep_acl_in_token),
        };
        worker.user_tokens.make(wanted, SystemTime::now())
    });
    Some(match made.await {
        Some(Ok(data)) => data.into(),
        Some(Err(error)) => {
            let dir = master.user_tokens.dir().display();
            crate::log::error!(%dir, %error, "a token could not be kept: is the disk full, or the directory not ours?");
            "".into()
        }
        None => "".into(),
    })
}

/// `token_expire_user_override`: true, or `{eauth: [user]}`.
fn may_choose_expiry(opts: &Map, eauth: &str, user: &str) -> bool {
    match opts.get("token_expire_user_override") {
        Some(Value::Bool(allowed)) => *allowed,
        Some(Value::Map(allowed)) => {
            let users = allowed.get(eauth).and_then(Value::as_list).unwrap_or_default();
            users.iter().any(|allowed| allowed.as_str() == Some(user))
        }
        _ => false,
    }
}

/// The data of a token; empty where it is not valid. `None`: no answer.
pub(super) async fn token_data(master: &Arc<Master>, token: String) -> Option<Value> {
    let worker = master.clone();
    let found = master.pool.run(Kind::Disk, move || worker.user_tokens.get(&token, SystemTime::now())).await;
    match slowly(master, found.flatten().ok_or_else(|| "the token is not valid".into())).await {
        Ok(data) => Some(data.into()),
        Err(Refused::TooMany) => None,
        Err(Refused::Because(_)) => Some(Map::new().into()),
    }
}
