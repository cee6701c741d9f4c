//! One job as the `publish` command takes it, and the master's reply. salt-wire.md §12.1; Salt: client/__init__.py
//! (`_prep_pub`, `pub`).

use super::{ClientError, Identity};
use crate::channel::HALITE;
use crate::config::Opts;
use crate::map;
use crate::matchers::{TargetType, UnknownNodegroup, expand_nodegroups};
use crate::value::{Map, Value};

/// What is to be run, and where.
#[derive(Clone, Debug)]
pub struct Job {
    /// Text, or a list of ids for `list`.
    pub tgt: Value,
    pub tgt_type: String,
    /// Text, or a list of names for a compound job.
    pub fun: Value,
    /// Positional arguments; keyword arguments in a map with `__kwarg__`. A list of such lists for a compound job.
    pub arg: Vec<Value>,
    /// Names of returners, with commas between them.
    pub ret: String,
    /// Empty: the master allots one.
    pub jid: String,
    /// `delimiter`, `metadata`, `module_executors` …: what else the master forwards.
    pub kwargs: Map,
}

impl Job {
    /// A function on minions that a glob names.
    pub fn new(tgt: impl Into<Value>, fun: &str, arg: Vec<Value>) -> Self {
        Job {
            tgt: tgt.into(),
            tgt_type: "glob".to_owned(),
            fun: fun.into(),
            arg,
            ret: String::new(),
            jid: String::new(),
            kwargs: Map::new(),
        }
    }

    /// A function on minions that are named one by one.
    pub fn on_list(ids: Vec<String>, fun: &str, arg: Vec<Value>) -> Self {
        Job { tgt_type: "list".to_owned(), ..Job::new(Value::list(ids), fun, arg) }
    }

    /// The load of the clear command `publish`. `to` is for the syndics of a master of masters.
    ///
    /// # Errors
    /// [`ClientError::UnknownNodegroup`].
    pub(super) fn load(&self, who: &Identity, opts: &Opts, timeout: i64) -> Result<Map, ClientError> {
        let (tgt, tgt_type) = self.target(opts)?;
        let mut ret = self.ret.clone();
        if let Some(cache) = Some(opts.str("ext_job_cache")).filter(|cache| !cache.is_empty()) {
            if !ret.is_empty() {
                ret.push(',');
            }
            ret.push_str(cache);
        }
        let mut load = map! {
            "cmd" => "publish",
            "tgt" => tgt,
            "fun" => self.fun.clone(),
            "arg" => self.arg.clone(),
            "key" => who.key.as_str(),
            "tgt_type" => tgt_type,
            "ret" => ret,
            "jid" => self.jid.as_str(),
        };
        if !self.kwargs.is_empty() {
            load.insert("kwargs", self.kwargs.clone());
        }
        load.insert("user", who.user.as_str());
        load.insert(HALITE, true);
        if opts.bool("order_masters") {
            load.insert("to", timeout);
        }
        Ok(load)
    }

    /// The target with its nodegroups replaced: minions need not know them.
    fn target(&self, opts: &Opts) -> Result<(Value, String), ClientError> {
        let (Some(tgt), Ok(kind @ (TargetType::Compound | TargetType::Nodegroup))) =
            (self.tgt.as_str(), self.tgt_type.parse())
        else {
            return Ok((self.tgt.clone(), self.tgt_type.clone()));
        };
        let empty = Map::new();
        let groups = opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&empty);
        let unknown = |UnknownNodegroup(name)| ClientError::UnknownNodegroup {
            name,
            conf_file: opts.str("conf_file").to_owned(),
        };
        Ok((expand_nodegroups(tgt, kind, groups).map_err(unknown)?.into(), "compound".to_owned()))
    }
}

/// A job that the master took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    pub jid: String,
    /// Minions that are expected to return.
    pub minions: Vec<String>,
    /// Ids of a `list` target without an accepted key.
    pub missing: Vec<String>,
}

impl Published {
    /// Reads the master's reply. `None`: nothing was sent, because no minion matched.
    ///
    /// # Errors
    /// What the master says is wrong.
    pub(super) fn parse(reply: &Value, who: &Identity, endpoint: &str) -> Result<Option<Self>, ClientError> {
        check_refusal(reply, who)?;
        let bad = || ClientError::BadReply { endpoint: endpoint.to_owned(), what: shape(reply) };
        let load = reply.get("load").and_then(Value::as_map).ok_or_else(bad)?;
        let texts = |key: &str| -> Vec<String> {
            let items = load.get(key).and_then(Value::as_list).unwrap_or_default();
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let minions = texts("minions");
        match load.str("jid") {
            Some(jid) => Ok(Some(Published { jid: jid.to_owned(), minions, missing: texts("missing") })),
            // Salt prints no more than this, though the reply has a sentence.
            None if load.contains("jid") => Ok(None),
            None => match load.get("error") {
                Some(error) => Err(refusal(error, who)),
                None => Err(bad()),
            },
        }
    }
}

/// Replies that say no, whatever was asked.
pub(super) fn check_refusal(reply: &Value, who: &Identity) -> Result<(), ClientError> {
    if !reply.truthy() {
        return Err(ClientError::Refused);
    }
    if let Some(error) = reply.get("error") {
        return Err(refusal(error, who));
    }
    if reply.as_str() == Some("bad load") {
        return Err(ClientError::Publish(
            "The master refused the request (bad load): it wants another protocol version (minimum_auth_version)"
                .to_owned(),
        ));
    }
    Ok(())
}

fn refusal(error: &Value, who: &Identity) -> ClientError {
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    match error.get("name").and_then(Value::as_str) {
        // A password or token is wrong: the local key has nothing to do with it.
        Some("EauthAuthenticationError" | "TokenAuthenticationError") => ClientError::Publish(message),
        Some("AuthenticationError" | "UserAuthenticationError") => {
            ClientError::Authentication { message, key: who.source.clone() }
        }
        Some("AuthorizationError") => ClientError::Authorization(message),
        _ => ClientError::Publish(crate::value::str_of(error)),
    }
}

fn shape(reply: &Value) -> String {
    match reply {
        Value::Map(map) => {
            let keys: Vec<&str> = map.keys().filter_map(Value::as_str).take(5).collect();
            format!("a map with {}", keys.join(", "))
        }
        Value::Text(text) => text.chars().take(80).collect(),
        other => other.type_name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::client::KeyProblem;
    use crate::config::Role;

    fn who() -> Identity {
        Identity {
            user: "root".to_owned(),
            key: "secret".to_owned(),
            source: KeyProblem::Shown(PathBuf::from("/c/.root_key")),
        }
    }

    #[test]
    fn the_load_has_salts_keys_in_salts_order_and_says_whose_it_is() {
        let mut job = Job::new("*", "test.ping", Vec::new());
        job.kwargs = map! { "delimiter" => ":" };
        let load = job.load(&who(), &Opts::defaults(Role::Client), 5).expect("a load");
        let keys: Vec<&str> = load.keys().filter_map(Value::as_str).collect();
        assert_eq!(
            keys,
            ["cmd", "tgt", "fun", "arg", "key", "tgt_type", "ret", "jid", "kwargs", "user", "halite"]
        );
    }

    #[test]
    fn nodegroups_are_expanded_before_they_leave() {
        let mut opts = Opts::defaults(Role::Client);
        opts.set("nodegroups", map! { "web" => "web* or L@db1,db2" });
        let job = Job { tgt_type: "nodegroup".to_owned(), ..Job::new("web", "test.ping", Vec::new()) };
        let load = job.load(&who(), &opts, 5).expect("a load");
        assert_eq!((load.str("tgt_type"), load.str("tgt")), (Some("compound"), Some("web* or L@db1,db2")));
        let job = Job { tgt_type: "nodegroup".to_owned(), ..Job::new("no", "test.ping", Vec::new()) };
        let error = job.load(&who(), &opts, 5).expect_err("unknown");
        assert!(error.to_string().starts_with("Node group no unavailable in "), "{error}");
    }

    #[test]
    fn replies_are_told_apart() {
        let parse = |reply: Value| Published::parse(&reply, &who(), "tcp://m:4506");
        let taken = map! { "jid" => "1", "minions" => Value::list(["a"]), "missing" => Value::list(["b"]) };
        let published =
            parse(map! { "enc" => "clear", "load" => taken }.into()).expect("taken").expect("a job");
        assert_eq!((published.minions, published.missing), (vec!["a".to_owned()], vec!["b".to_owned()]));
        let nobody = map! { "jid" => Value::Null, "minions" => Value::List(Vec::new()), "error" => "x" };
        assert_eq!(parse(map! { "enc" => "clear", "load" => nobody }.into()).expect("nobody"), None);
        let denied = map! { "name" => "AuthenticationError", "message" => "Authentication error occurred." };
        let error = parse(map! { "error" => denied }.into()).expect_err("denied");
        assert_eq!(error.to_string(), "Authentication error occurred.");
        assert!(error.explanation().expect("more").contains(".root_key"));
        assert!(matches!(parse("".into()), Err(ClientError::Refused)));
        assert!(matches!(parse(map! { "x" => 1 }.into()), Err(ClientError::BadReply { .. })));
    }
}
