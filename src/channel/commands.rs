//! The closed sets of commands: every request is parsed into one of these types before anything acts on it.
//! salt-wire.md §12. What is not in the tables below does not exist, whatever Python's classes have as methods
//! (CVE-2020-11651).

use super::HALITE;
use crate::names::{Jid, MinionId};
use crate::value::{Map, Value};

/// A clear command. Every one but `ping` and `_auth` carries its own proof of who asks.
#[derive(Debug)]
pub enum ClearCommand {
    /// Answered with the load itself.
    Ping(Map),
    Auth(Map),
    Publish(Box<PublishCommand>),
    /// Ours, not in Salt: a publish in turns, as `kwargs` says under `batch`.
    PublishBatch(Box<PublishCommand>),
    /// `expire`: seconds that the token is to live.
    MakeToken {
        caller: Caller,
        expire: Option<f64>,
    },
    GetToken(Option<String>),
    Runner(MasterCall),
    Wheel(MasterCall),
    /// Answered with an empty map.
    Unknown(String),
}

/// A request to publish a job. salt-wire.md §12.1.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishCommand {
    pub tgt: Value,
    pub tgt_type: String,
    /// Text, or a list of texts for a compound command.
    pub fun: Value,
    pub arg: Vec<Value>,
    pub ret: String,
    /// Used as it is if it is a jid; `None`: allot one.
    pub jid: Option<Jid>,
    pub kwargs: Map,
    /// Seconds, for syndics.
    pub to: Option<i64>,
    /// Who publishes looks for the returns in files: all but ours, which say so with the key [`HALITE`].
    pub files: bool,
    pub caller: Caller,
}

/// Who asks: the three kinds of proof of a clear command.
#[derive(Clone, Default, PartialEq)]
pub struct Caller {
    pub user: String,
    /// The content of `<cachedir>/.<user>_key`.
    pub key: Option<String>,
    pub token: Option<String>,
    /// The back end of `external_auth` that knows the password.
    pub eauth: Option<String>,
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Caller {
    /// Shows no secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Caller({}, {:?})", self.kind(), self.user)
    }
}

/// A runner or wheel call.
#[derive(Clone, Debug, PartialEq)]
pub struct MasterCall {
    pub fun: String,
    pub arg: Vec<Value>,
    pub kwarg: Map,
    /// `match`, which lies beside the arguments and is one for some wheel functions.
    pub matching: Option<Value>,
    /// The jid of a runner, in place of a new one.
    pub jid: Option<Jid>,
    /// Its arguments lie beside the function, and are not a list and a map of their own.
    pub flat: bool,
    /// By what stands for Salt's client classes (`saltutil.wheel`, the reactor): told of on the bus as these do.
    pub as_client: bool,
    pub caller: Caller,
}

impl ClearCommand {
    /// Parses a clear load.
    ///
    /// # Errors
    /// Why the load does not fit its command, for the log; the peer is told as Salt tells it.
    pub fn parse(mut load: Map) -> Result<Self, String> {
        let Some(cmd) = load.str("cmd").map(str::to_owned) else {
            return Ok(ClearCommand::Unknown(String::new()));
        };
        Ok(match cmd.as_str() {
            "ping" => ClearCommand::Ping(load),
            "_auth" => ClearCommand::Auth(load),
            "publish" => ClearCommand::Publish(Box::new(PublishCommand::parse(&mut load)?)),
            "publish_batch" => ClearCommand::PublishBatch(Box::new(PublishCommand::parse(&mut load)?)),
            "mk_token" => ClearCommand::MakeToken {
                caller: Caller::parse(&load),
                expire: load.get("token_expire").and_then(Value::as_float),
            },
            "get_token" => ClearCommand::GetToken(load.str("token").map(str::to_owned)),
            "runner" => ClearCommand::Runner(MasterCall::parse(&mut load)?),
            "wheel" => ClearCommand::Wheel(MasterCall::parse(&mut load)?),
            _ => ClearCommand::Unknown(cmd),
        })
    }
}

impl PublishCommand {
    fn parse(load: &mut Map) -> Result<Self, String> {
        let fun = load.remove("fun").ok_or("publish has no fun")?;
        match &fun {
            Value::Text(_) => {}
            Value::List(funs) if funs.iter().all(|fun| fun.as_str().is_some()) => {}
            other => return Err(format!("fun is {}, neither text nor a list of texts", other.type_name())),
        }
        let mut kwargs = match load.remove("kwargs") {
            Some(Value::Map(kwargs)) => kwargs,
            _ => Map::new(),
        };
        let jid = match load.get("jid") {
            Some(Value::Text(jid)) if !jid.is_empty() => {
                Some(Jid::parse(jid).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        let arg = match load.remove("arg") {
            Some(Value::List(arg)) => arg,
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one],
        };
        let mut caller = Caller::parse(load);
        // For `publish` the proof of an external user stands among the kwargs, and only there.
        let external = Caller::parse(&kwargs);
        (caller.token, caller.eauth) = (external.token, external.eauth);
        (caller.username, caller.password) = (external.username, external.password);
        for secret in ["token", "password"] {
            kwargs.remove(secret);
        }
        Ok(PublishCommand {
            tgt: load.remove("tgt").ok_or("publish has no tgt")?,
            tgt_type: load.str("tgt_type").unwrap_or("glob").to_owned(),
            fun,
            arg,
            ret: load.str("ret").unwrap_or_default().to_owned(),
            jid,
            kwargs,
            to: load.get("to").and_then(Value::as_int),
            files: !load.contains(HALITE),
            caller,
        })
    }

    /// `delimiter` of grain and pillar targets.
    pub fn delimiter(&self) -> &str {
        self.kwargs.str("delimiter").unwrap_or(crate::value::DEFAULT_DELIMITER)
    }

    /// The names of the functions.
    pub fn funs(&self) -> Vec<&str> {
        match &self.fun {
            Value::Text(fun) => vec![fun],
            Value::List(funs) => funs.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

impl Caller {
    /// From the fields of a load.
    pub fn parse(load: &Map) -> Self {
        let text = |key: &str| load.str(key).map(str::to_owned);
        Caller {
            user: text("user").unwrap_or_default(),
            key: text("key"),
            token: text("token"),
            eauth: text("eauth"),
            username: text("username").unwrap_or_default(),
            password: text("password").unwrap_or_default(),
        }
    }

    /// The kind of proof, in Salt's word: a token counts before a password, a password before a key.
    pub fn kind(&self) -> &'static str {
        match (&self.token, &self.eauth) {
            (Some(_), _) => "token",
            (None, Some(_)) => "eauth",
            (None, None) => "user",
        }
    }

    /// The name that Salt's errors show: only those of external users have one there.
    pub fn shown_name(&self) -> &str {
        if self.username.is_empty() { "UNKNOWN" } else { &self.username }
    }
}

/// Keys of a runner or wheel load that are not arguments. salt-wire.md §18.
const NOT_ARGUMENTS: &[&str] = &[
    "cmd",
    "fun",
    "client",
    "eauth",
    "token",
    "username",
    "password",
    "match",
    "kwarg",
    "arg",
    "print_event",
    "full_return",
    "__jid__",
    "__tag__",
    "__user__",
    "key",
    "user",
];

impl MasterCall {
    fn parse(load: &mut Map) -> Result<Self, String> {
        let caller = Caller::parse(load);
        let fun = load.str("fun").ok_or("the call has no fun")?.to_owned();
        let explicit = load.contains("arg") || load.contains("kwarg");
        let flat = !(load.contains("arg") && load.contains("kwarg"));
        let arg = match load.remove("arg") {
            Some(Value::List(arg)) => arg,
            _ => Vec::new(),
        };
        let kwarg = match load.remove("kwarg") {
            Some(Value::Map(kwarg)) => kwarg,
            _ if explicit => Map::new(),
            _ => {
                let mut rest = load.clone();
                rest.retain(|key, _| key.as_str().is_none_or(|key| !NOT_ARGUMENTS.contains(&key)));
                rest
            }
        };
        let jid = match load.get("jid") {
            Some(Value::Text(jid)) if explicit && !jid.is_empty() => {
                Some(Jid::parse(jid).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        let as_client = explicit && load.get("as_client").is_some_and(Value::truthy);
        Ok(MasterCall { fun, arg, kwarg, matching: load.remove("match"), jid, flat, as_client, caller })
    }
}

/// A sealed command of a minion. The id is that of the session, never that of the load.
#[derive(Debug)]
pub enum AesCommand {
    Return(Box<ReturnLoad>),
    SyndicReturn,
    MinionEvent(EventLoad),
    Pillar(PillarLoad),
    MasterOpts {
        env_only: bool,
    },
    MasterTops,
    Files(FilesCommand),
    FileRecv(FileRecv),
    Mine {
        data: Map,
        clear: bool,
    },
    MineGet {
        tgt: Value,
        tgt_type: String,
        fun: Value,
    },
    MineDelete {
        fun: String,
    },
    MineFlush,
    MinionPublish(Map),
    MinionRunner(Map),
    PubRet {
        jid: Jid,
    },
    RevokeAuth {
        preserve_cache: bool,
    },
    /// Answered with an empty map.
    Unknown(String),
}

/// What a minion returns. salt-wire.md §10.1.
#[derive(Clone, Debug)]
pub struct ReturnLoad {
    /// `None` for `req`: the master allots one.
    pub jid: Option<Jid>,
    /// `nocache`: fire the event and store nothing.
    pub nocache: bool,
    /// The whole load, as the event shows it.
    pub load: Map,
}

/// Events of a minion. salt-wire.md §11.
#[derive(Clone, Debug)]
pub struct EventLoad {
    pub load: Map,
}

/// A pillar request. salt-wire.md §12.3.
#[derive(Clone, Debug)]
pub struct PillarLoad {
    pub grains: Map,
    pub saltenv: Option<String>,
    pub pillarenv: Option<String>,
    pub pillar_override: Map,
    pub extra_minion_data: Map,
    /// An external pillar on demand.
    pub ext: Option<Map>,
    pub clean_cache: bool,
}

/// A file-server request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesCommand {
    Envs,
    FileList { saltenv: String, prefix: String },
    EmptyDirs { saltenv: String, prefix: String },
    DirList { saltenv: String, prefix: String },
    SymlinkList { saltenv: String, prefix: String },
    Hash { saltenv: String, path: String },
    Find { saltenv: String, path: String },
    HashAndStat { saltenv: String, path: String },
    Serve { saltenv: String, path: String, loc: i64, gzip: Option<i64> },
}

/// A pushed piece of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRecv {
    pub path: Vec<String>,
    pub size: i64,
    pub loc: i64,
    pub data: Vec<u8>,
}

impl AesCommand {
    /// Parses the load of a sealed request from `id`.
    ///
    /// # Errors
    /// Why the load does not fit its command, for the log.
    pub fn parse(id: &MinionId, mut load: Map) -> Result<Self, String> {
        let cmd = load.str("cmd").ok_or("the load has no cmd")?.to_owned();
        // Whatever the load claims, the sender is who opened the session.
        load.insert("id", id.as_str());
        if let Some(files) = FilesCommand::parse(&cmd, &load)? {
            return Ok(AesCommand::Files(files));
        }
        Ok(match cmd.as_str() {
            "_return" => AesCommand::Return(Box::new(ReturnLoad::parse(load)?)),
            "_syndic_return" => AesCommand::SyndicReturn,
            "_minion_event" => AesCommand::MinionEvent(EventLoad { load }),
            "_pillar" => AesCommand::Pillar(PillarLoad::parse(&mut load)),
            "_master_opts" => {
                AesCommand::MasterOpts { env_only: load.get("env_only").is_some_and(Value::truthy) }
            }
            "_master_tops" | "_ext_nodes" => AesCommand::MasterTops,
            "_file_recv" => AesCommand::FileRecv(FileRecv::parse(&mut load)?),
            "_mine" => AesCommand::Mine {
                data: map_of(&mut load, "data").ok_or("_mine has no data")?,
                clear: load.get("clear").is_some_and(Value::truthy),
            },
            "_mine_get" => AesCommand::MineGet {
                tgt: load.remove("tgt").ok_or("_mine_get has no tgt")?,
                tgt_type: load.str("tgt_type").or(load.str("expr_form")).unwrap_or("glob").to_owned(),
                fun: load.remove("fun").ok_or("_mine_get has no fun")?,
            },
            "_mine_delete" => {
                AesCommand::MineDelete { fun: load.str("fun").ok_or("_mine_delete has no fun")?.to_owned() }
            }
            "_mine_flush" => AesCommand::MineFlush,
            "minion_pub" => AesCommand::MinionPublish(load),
            "minion_runner" => AesCommand::MinionRunner(load),
            "pub_ret" => AesCommand::PubRet {
                jid: Jid::parse(load.str("jid").unwrap_or_default()).map_err(|error| error.to_string())?,
            },
            "revoke_auth" => AesCommand::RevokeAuth {
                preserve_cache: load.get("preserve_minion_cache").is_some_and(Value::truthy),
            },
            _ => AesCommand::Unknown(cmd),
        })
    }
}

impl ReturnLoad {
    fn parse(load: Map) -> Result<Self, String> {
        if !load.contains("return") {
            return Err("_return has no return".to_owned());
        }
        let jid = load.str("jid").ok_or("_return has no jid")?;
        let (jid, nocache) = match jid {
            "req" => (None, false),
            "nocache" => (None, true),
            jid => (Some(Jid::parse(jid).map_err(|error| error.to_string())?), false),
        };
        Ok(ReturnLoad { jid, nocache, load })
    }

    /// The function, as text for the cache.
    pub fn fun(&self) -> Value {
        self.load.get("fun").cloned().unwrap_or_default()
    }

    /// What the job cache keeps: `return`, `retcode`, `success`, `out` as far as they are there.
    pub fn cached(&self) -> Map {
        let keep = ["return", "retcode", "success", "out", "fun", "fun_args"];
        keep.iter().filter_map(|&key| Some((key, self.load.get(key)?.clone()))).collect()
    }
}

impl PillarLoad {
    fn parse(load: &mut Map) -> Self {
        let text = |load: &Map, key: &str| load.str(key).filter(|text| !text.is_empty()).map(str::to_owned);
        PillarLoad {
            saltenv: text(load, "saltenv"),
            pillarenv: text(load, "pillarenv"),
            clean_cache: load.get("clean_cache").is_some_and(Value::truthy),
            grains: map_of(load, "grains").unwrap_or_default(),
            pillar_override: map_of(load, "pillar_override").unwrap_or_default(),
            extra_minion_data: map_of(load, "extra_minion_data").unwrap_or_default(),
            ext: map_of(load, "ext"),
        }
    }
}

impl FilesCommand {
    fn parse(cmd: &str, load: &Map) -> Result<Option<Self>, String> {
        let saltenv = || load.str("saltenv").unwrap_or("base").to_owned();
        let prefix = || load.str("prefix").unwrap_or_default().to_owned();
        let path = || load.str("path").map(str::to_owned).ok_or_else(|| format!("{cmd} has no path"));
        Ok(Some(match cmd {
            "_file_envs" => FilesCommand::Envs,
            "_file_list" => FilesCommand::FileList { saltenv: saltenv(), prefix: prefix() },
            "_file_list_emptydirs" => FilesCommand::EmptyDirs { saltenv: saltenv(), prefix: prefix() },
            "_dir_list" => FilesCommand::DirList { saltenv: saltenv(), prefix: prefix() },
            "_symlink_list" => FilesCommand::SymlinkList { saltenv: saltenv(), prefix: prefix() },
            "_file_hash" => FilesCommand::Hash { saltenv: saltenv(), path: path()? },
            "_file_find" => FilesCommand::Find { saltenv: saltenv(), path: path()? },
            "_file_hash_and_stat" => FilesCommand::HashAndStat { saltenv: saltenv(), path: path()? },
            "_serve_file" => FilesCommand::Serve {
                saltenv: saltenv(),
                path: path()?,
                loc: load.get("loc").and_then(Value::as_int).ok_or("_serve_file has no loc")?,
                gzip: load.get("gzip").and_then(Value::as_int).filter(|level| *level > 0),
            },
            _ => return Ok(None),
        }))
    }
}

impl FileRecv {
    fn parse(load: &mut Map) -> Result<Self, String> {
        let path = match load.get("path") {
            Some(Value::List(parts)) => parts
                .iter()
                .map(|part| part.as_str().map(str::to_owned).ok_or("a part of the path is not text"))
                .collect::<Result<Vec<_>, _>>()?,
            Some(Value::Text(path)) => path.split('/').map(str::to_owned).collect(),
            _ => return Err("_file_recv has no path".to_owned()),
        };
        Ok(FileRecv {
            path,
            size: load.get("size").and_then(Value::as_int).unwrap_or(0),
            loc: load.get("loc").and_then(Value::as_int).ok_or("_file_recv has no loc")?,
            data: load.get("data").and_then(Value::as_octets).ok_or("_file_recv has no data")?.to_vec(),
        })
    }
}

fn map_of(load: &mut Map, key: &str) -> Option<Map> {
    match load.remove(key) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn id() -> MinionId {
        MinionId::parse("web1").expect("an id")
    }

    #[test]
    fn only_the_listed_commands_exist() {
        for cmd in ["_prep_auth_info", "_send_pub", "__init__", "Publish", "_pillar", "_return", "ping ", ""]
        {
            let parsed = ClearCommand::parse(map! { "cmd" => cmd });
            assert!(matches!(parsed, Ok(ClearCommand::Unknown(_))), "{cmd}");
        }
        for cmd in ["publish", "runner", "wheel", "_auth", "__getattribute__", "run_func", "_handle_aes", ""]
        {
            assert!(
                matches!(AesCommand::parse(&id(), map! { "cmd" => cmd }), Ok(AesCommand::Unknown(_))),
                "{cmd}"
            );
        }
        for odd in [Value::Null, 1.into(), Value::list(["ping"]), map! { "a" => 1 }.into()] {
            assert!(matches!(
                ClearCommand::parse(map! { "cmd" => odd.clone() }),
                Ok(ClearCommand::Unknown(_))
            ));
            assert!(AesCommand::parse(&id(), map! { "cmd" => odd }).is_err());
        }
    }

    #[test]
    fn the_sender_is_the_session_whatever_the_load_says() {
        let load = map! { "cmd" => "_return", "id" => "other", "jid" => "req", "return" => 1 };
        let Ok(AesCommand::Return(ret)) = AesCommand::parse(&id(), load) else { panic!("not a return") };
        assert_eq!(ret.load.str("id"), Some("web1"));
    }

    #[test]
    fn missing_and_ill_typed_fields_are_refused() {
        for load in [
            map! { "cmd" => "_return" },
            map! { "cmd" => "_return", "return" => 1 },
            map! { "cmd" => "_return", "return" => 1, "jid" => "../../etc/passwd" },
            map! { "cmd" => "_return", "return" => 1, "jid" => "/proc/self/fd/0" },
            map! { "cmd" => "pub_ret", "jid" => "../x" },
            map! { "cmd" => "_file_hash", "path" => 5 },
            map! { "cmd" => "_serve_file", "path" => "a" },
            map! { "cmd" => "_serve_file", "path" => "a", "loc" => "x" },
            map! { "cmd" => "_file_recv", "path" => Value::list([1]), "loc" => 0, "data" => "" },
            map! { "cmd" => "_mine" },
            map! { "cmd" => "_mine_delete", "fun" => Value::Null },
        ] {
            assert!(AesCommand::parse(&id(), load.clone()).is_err(), "{load:?}");
        }
        for load in [
            map! { "cmd" => "publish" },
            map! { "cmd" => "publish", "fun" => 1, "tgt" => "*" },
            map! { "cmd" => "publish", "fun" => "test.ping" },
            map! { "cmd" => "publish", "fun" => "test.ping", "tgt" => "*", "jid" => "../x" },
            map! { "cmd" => "runner" },
        ] {
            assert!(ClearCommand::parse(load.clone()).is_err(), "{load:?}");
        }
    }

    #[test]
    fn wheel_arguments_are_taken_from_either_form() {
        let parse = |load| match ClearCommand::parse(load) {
            Ok(ClearCommand::Wheel(call)) => call,
            other => panic!("{other:?}"),
        };
        let flat =
            parse(map! { "cmd" => "wheel", "fun" => "key.list", "match" => "x", "a" => 1, "user" => "root" });
        assert_eq!(flat.kwarg, map! { "a" => 1 });
        let nested =
            parse(map! { "cmd" => "wheel", "fun" => "key.list", "arg" => Value::list([1]), "x" => 2 });
        assert_eq!((nested.arg.len(), nested.kwarg.len()), (1, 0));
    }
}
