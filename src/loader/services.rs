//! What a daemon lends to the functions that run in it. Each trait has one method per ability; [`Nowhere`] is the
//! daemon of those that run in none and refuses everything by name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Call, Fault};
use crate::value::{Map, Value, nearest};

/// The hash of a file on the file server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashOf {
    /// `sha256`, `md5` …
    pub hash_type: String,
    /// Lower-case hex.
    pub hsum: String,
}

/// What a minion (or `salt-call`) lends.
pub trait MinionServices: Sync {
    /// Sends an AES request to the master and gives its reply. The load needs neither `id` nor `tok`.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when there is no master or it does not answer in time.
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault>;

    /// Fires an event on the minion's own bus. The daemon itself acts on some tags (`module_refresh`,
    /// `pillar_refresh`, `grains_refresh`, `environ_setenv`, `fire_master` … salt-wire.md §14.6).
    ///
    /// # Errors
    /// When there is no bus.
    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault>;

    /// Fires an event on the minion's own bus, as [`MinionServices::fire`], and waits for the event `answer`: its data,
    /// or `None` when the time is over.
    ///
    /// # Errors
    /// When there is no bus, or nobody can listen here.
    fn fire_and_wait(
        &self,
        tag: &str,
        data: Map,
        answer: &str,
        timeout: Duration,
    ) -> Result<Option<Map>, Fault> {
        let _ = (data, answer, timeout);
        Err(Fault::NotSupported(format!("waiting for the answer to {tag}")))
    }

    /// Gives each event to `seen` until that says `false`: of the minion's own bus, or with another `node` than `minion` of
    /// a master's bus on this host. `opts` say where it is (`sock_dir`).
    ///
    /// # Errors
    /// When there is no bus, or nobody can listen here.
    fn watch(&self, opts: &Map, node: &str, seen: &mut dyn FnMut(&str, Map) -> bool) -> Result<(), Fault> {
        let _ = (opts, node, seen);
        Err(Fault::NotSupported("listening to events".to_owned()))
    }

    /// Whether the master of this address answers at all, with the options of a minion.
    ///
    /// # Errors
    /// When nobody can ask here.
    fn answers(&self, opts: &Map, master: &str) -> Result<bool, Fault> {
        let _ = opts;
        Err(Fault::NotSupported(format!("asking the master {master}")))
    }

    /// Files of the master, or local ones with `file_client: local`.
    fn files(&self) -> &dyn FileClient;

    /// Files of this machine, by the `file_roots` of these options.
    ///
    /// # Errors
    /// When there are none here.
    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        let _ = opts;
        Err(Fault::NotSupported("a file client for other options".to_owned()))
    }

    /// Grains collected anew, with the options of a minion.
    ///
    /// # Errors
    /// When they cannot be collected here.
    fn collect_grains(&self, opts: &Map) -> Result<Map, Fault> {
        let _ = opts;
        Err(Fault::NotSupported("collecting grains anew".to_owned()))
    }

    /// A pillar compiled anew: `{key: value}`.
    ///
    /// # Errors
    /// As [`MinionServices::request`].
    fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Result<Map, Fault>;

    /// A pillar with one more external source, `{name: config}`, if `on_demand_ext_pillar` lets it.
    ///
    /// # Errors
    /// As [`MinionServices::request`].
    fn external_pillar(&self, external: Map, overrides: &Map) -> Result<Map, Fault> {
        let _ = (external, overrides);
        nowhere("pillar.ext")
    }
}

/// A minion whose files come from elsewhere.
pub struct WithFiles<'a> {
    pub minion: &'a dyn MinionServices,
    pub files: &'a dyn FileClient,
}

impl MinionServices for WithFiles<'_> {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        self.minion.request(load, timeout)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        self.minion.fire(tag, data)
    }

    fn fire_and_wait(
        &self,
        tag: &str,
        data: Map,
        answer: &str,
        timeout: Duration,
    ) -> Result<Option<Map>, Fault> {
        self.minion.fire_and_wait(tag, data, answer, timeout)
    }

    fn answers(&self, opts: &Map, master: &str) -> Result<bool, Fault> {
        self.minion.answers(opts, master)
    }

    fn files(&self) -> &dyn FileClient {
        self.files
    }

    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        self.minion.local_files(opts)
    }

    fn collect_grains(&self, opts: &Map) -> Result<Map, Fault> {
        self.minion.collect_grains(opts)
    }

    fn compile_pillar(
        &self,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Result<Map, Fault> {
        self.minion.compile_pillar(saltenv, pillarenv, overrides)
    }

    fn external_pillar(&self, external: Map, overrides: &Map) -> Result<Map, Fault> {
        self.minion.external_pillar(external, overrides)
    }
}

/// The `salt://` side of `cp.*`. Salt: fileclient.py.
pub trait FileClient: Sync {
    /// Environments of the file server.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn envs(&self) -> Result<Vec<String>, Fault>;

    /// Relative paths of files in `saltenv` that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn file_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault>;

    /// The file or directory that was probably meant by a path that is not there. Not in Salt.
    fn near(&self, path: &str, saltenv: &str) -> Option<String> {
        let mut there = self.file_list(saltenv, "").ok()?;
        there.extend(self.dir_list(saltenv, "").unwrap_or_default());
        nearest(path, &mut there.iter().map(String::as_str)).map(str::to_owned)
    }

    /// Directories likewise.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn dir_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault>;

    /// Empty directories likewise.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn file_list_emptydirs(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault>;

    /// Links likewise, `{link: target}`.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn symlink_list(&self, saltenv: &str, prefix: &str) -> Result<Map, Fault>;

    /// The hash of a `salt://` or local file; `None` where it does not exist.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn hash_file(&self, path: &str, saltenv: &str) -> Result<Option<HashOf>, Fault>;

    /// Mode bits of a `salt://` file, where it exists.
    ///
    /// # Errors
    /// When the master cannot be asked.
    fn mode_of(&self, path: &str, saltenv: &str) -> Result<Option<u32>, Fault>;

    /// Makes a `salt://`, `http://`, `https://` or `file://` file local, and says where. `None` where it does not
    /// exist. With `dest` it is put there (whole or not at all), otherwise in the file cache.
    ///
    /// # Errors
    /// When it cannot be fetched, or what came does not have its hash.
    fn get_url(
        &self,
        url: &str,
        saltenv: &str,
        dest: Option<&Path>,
        makedirs: bool,
    ) -> Result<Option<PathBuf>, Fault>;

    /// As [`FileClient::get_url`] into the cache; a web server is asked only for what has another ETag than the cached
    /// file.
    ///
    /// # Errors
    /// As [`FileClient::get_url`].
    fn cache_if_changed(&self, url: &str, saltenv: &str) -> Result<Option<PathBuf>, Fault> {
        self.get_url(url, saltenv, None, true)
    }

    /// As [`FileClient::get_url`] into the cache, from whatever answers under the name of an `https://` host.
    ///
    /// # Errors
    /// As [`FileClient::get_url`].
    fn cache_unverified(&self, url: &str, saltenv: &str) -> Result<Option<PathBuf>, Fault> {
        self.get_url(url, saltenv, None, true)
    }

    /// As [`FileClient::get_url`] to `dest`, with a master asked to compress what it sends: 1 (least) to 9.
    ///
    /// # Errors
    /// As [`FileClient::get_url`].
    fn get_zipped(
        &self,
        url: &str,
        saltenv: &str,
        dest: &Path,
        makedirs: bool,
        level: Option<i64>,
    ) -> Result<Option<PathBuf>, Fault> {
        let _ = level;
        self.get_url(url, saltenv, Some(dest), makedirs)
    }

    /// Where the file cache keeps files of `saltenv`.
    fn cache_dir(&self, saltenv: &str) -> PathBuf;
}

/// What a master lends to runners and wheel modules.
pub trait MasterServices: Sync {
    /// Publishes a job as the master's own user: `{"jid": str, "minions": [id]}`.
    ///
    /// # Errors
    /// When nothing matches or the publisher cannot be reached.
    fn publish(&self, load: Map) -> Result<Map, Fault>;

    /// Publishes a job and waits for what comes back: `{id: {"ret": any, "retcode": int, "success": bool, "out"?}}`.
    /// After `timeout` the others are asked whether they still work, for `gather_job_timeout` (an option, or seconds in
    /// the load).
    ///
    /// # Errors
    /// As [`MasterServices::publish`].
    fn publish_and_wait(&self, load: Map, timeout: Duration) -> Result<Map, Fault>;

    /// Fires an event on the master's bus.
    ///
    /// # Errors
    /// When there is no bus.
    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault>;

    /// Shows `look` every event of the master's bus until it has seen enough (true) or `limit` is over (false).
    ///
    /// # Errors
    /// When there is no bus.
    fn watch(&self, limit: Duration, look: &mut dyn FnMut(&str, &Map) -> bool) -> Result<bool, Fault> {
        let _ = (limit, look);
        nowhere("the event bus")
    }

    /// Ids of minions with a live connection.
    fn connected(&self) -> Vec<String>;

    /// Where the last request of a minion came from.
    fn address_of(&self, id: &str) -> Option<String> {
        let _ = id;
        None
    }

    /// Ids in `accepted`, `pending`, `rejected`, `denied` (keys of the map): `{state: [id]}`.
    fn keys(&self) -> Map;

    /// Tells that keys were changed by `accept`, `reject` or `delete`, and does what goes with it (events; caches and
    /// the AES key, where keys went).
    ///
    /// # Errors
    /// When there is no master here.
    fn keys_changed(&self, act: &'static str, ids: &[String]) -> Result<(), Fault> {
        let _ = ids;
        nowhere(act)
    }

    /// Makes a token of `{eauth, username, password, token_expire?}`: its data, empty where the password is wrong.
    ///
    /// # Errors
    /// When there is no master here.
    fn make_token(&self, load: Map) -> Result<Map, Fault> {
        let _ = load;
        nowhere("mk_token")
    }

    /// Revokes a token; whether there was one.
    ///
    /// # Errors
    /// When there is no master here.
    fn revoke_token(&self, token: &str) -> Result<bool, Fault> {
        let _ = token;
        nowhere("del_token")
    }

    /// Jobs since `oldest` (a jid): `{jid: load}`.
    ///
    /// # Errors
    /// When the job cache cannot be read.
    fn jobs(&self, oldest: Option<&str>) -> Result<Map, Fault>;

    /// The load of one job, with `Minions`.
    ///
    /// # Errors
    /// When the job cache cannot be read.
    fn job_load(&self, jid: &str) -> Result<Option<Map>, Fault>;

    /// Returns of one job: `{id: {"return": any, "retcode"?, "success"?, "out"?}}`.
    ///
    /// # Errors
    /// When the job cache cannot be read.
    fn job_returns(&self, jid: &str) -> Result<Map, Fault>;

    /// Cached `{"grains": map, "pillar": map}` of a minion.
    fn minion_data(&self, id: &str) -> Option<Map>;

    /// Cached mine of a minion: `{function: value}`.
    fn mine(&self, id: &str) -> Option<Map>;

    /// The pillar that a minion with these grains would be given.
    ///
    /// # Errors
    /// When there is no master here.
    fn compile_pillar(
        &self,
        id: &str,
        grains: &Map,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
    ) -> Result<Map, Fault> {
        let _ = (id, grains, saltenv, pillarenv);
        nowhere("pillar")
    }

    /// The merged top file of pillars, `{saltenv: {target: [{match: type}, sls …]}}`, or what is wrong with it.
    ///
    /// # Errors
    /// When there is no master here.
    fn pillar_top(&self, id: &str, grains: &Map, saltenv: &str) -> Result<Value, Fault> {
        let _ = (id, grains, saltenv);
        nowhere("pillar")
    }

    /// Which of the known minions a target names.
    ///
    /// # Errors
    /// When the target cannot be understood.
    fn match_minions(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault>;

    /// As [`MasterServices::match_minions`], without those of which nothing is cached where the target asks for it.
    ///
    /// # Errors
    /// When the target cannot be understood.
    fn match_surely(&self, tgt: &Value, tgt_type: &str) -> Result<Vec<String>, Fault> {
        self.match_minions(tgt, tgt_type)
    }

    /// Files of the master's own file server.
    fn files(&self) -> &dyn FileClient {
        &Nowhere
    }

    /// Calls a function of the execution modules on the master's host, with the pillar of the master's own id or none.
    ///
    /// # Errors
    /// When it fails, or there is no master here.
    fn execute(&self, fun: &str, call: Call, with_pillar: bool) -> Result<Executed, Fault> {
        let _ = (call, with_pillar);
        nowhere(fun)
    }

    /// The documentation of all wheel functions: `{function: text}`.
    ///
    /// # Errors
    /// When there is no master here.
    fn wheel_docs(&self) -> Result<Map, Fault> {
        nowhere("wheel")
    }

    /// Has the file server look what has changed, as `fileserver_events` wishes it.
    ///
    /// # Errors
    /// When what was there before cannot be remembered.
    fn update_files(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Shows what the reactor reacts to, `[{tag: [SLS file]}]` or the path of a file with that, and whether it does, to
    /// `look`, which may change both.
    ///
    /// # Errors
    /// When there is no reactor.
    fn reactor(&self, look: &mut dyn FnMut(&mut Value, &mut bool) -> Value) -> Result<Value, Fault> {
        let _ = look;
        nowhere("reactor")
    }

    /// Forgets what is cached of a minion: any of `grains`, `pillar` and `mine`, or one function of the mine.
    ///
    /// # Errors
    /// When the cache cannot be written, or there is no master here.
    fn forget(&self, id: &str, what: &Forget) -> Result<(), Fault> {
        let _ = what;
        nowhere(id)
    }
}

/// What an execution module gave on the master's host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executed {
    pub value: Value,
    /// What the function left in its context.
    pub retcode: i64,
}

/// What is to be forgotten of a minion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    pub grains: bool,
    pub pillar: bool,
    pub mine: bool,
    /// One function of the mine.
    pub mine_function: Option<String>,
}

/// The daemon of functions that run in none.
pub struct Nowhere;

fn nowhere<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Unreachable(format!("{what}: there is no connection to a master here")))
}

impl MinionServices for Nowhere {
    fn request(&self, load: Map, _: Duration) -> Result<Value, Fault> {
        nowhere(load.str("cmd").unwrap_or("request"))
    }

    fn fire(&self, tag: &str, _: Map) -> Result<(), Fault> {
        nowhere(tag)
    }

    fn files(&self) -> &dyn FileClient {
        self
    }

    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        nowhere("pillar")
    }
}

impl FileClient for Nowhere {
    fn envs(&self) -> Result<Vec<String>, Fault> {
        nowhere("file server")
    }

    fn file_list(&self, _: &str, _: &str) -> Result<Vec<String>, Fault> {
        nowhere("file server")
    }

    fn dir_list(&self, _: &str, _: &str) -> Result<Vec<String>, Fault> {
        nowhere("file server")
    }

    fn file_list_emptydirs(&self, _: &str, _: &str) -> Result<Vec<String>, Fault> {
        nowhere("file server")
    }

    fn symlink_list(&self, _: &str, _: &str) -> Result<Map, Fault> {
        nowhere("file server")
    }

    fn hash_file(&self, path: &str, _: &str) -> Result<Option<HashOf>, Fault> {
        nowhere(path)
    }

    fn mode_of(&self, path: &str, _: &str) -> Result<Option<u32>, Fault> {
        nowhere(path)
    }

    fn get_url(&self, url: &str, _: &str, _: Option<&Path>, _: bool) -> Result<Option<PathBuf>, Fault> {
        nowhere(url)
    }

    fn cache_dir(&self, saltenv: &str) -> PathBuf {
        PathBuf::from("files").join(saltenv)
    }
}

impl MasterServices for Nowhere {
    fn publish(&self, _: Map) -> Result<Map, Fault> {
        nowhere("publish")
    }

    fn publish_and_wait(&self, _: Map, _: Duration) -> Result<Map, Fault> {
        nowhere("publish")
    }

    fn fire(&self, tag: &str, _: Map) -> Result<(), Fault> {
        nowhere(tag)
    }

    fn connected(&self) -> Vec<String> {
        Vec::new()
    }

    fn keys(&self) -> Map {
        Map::new()
    }

    fn jobs(&self, _: Option<&str>) -> Result<Map, Fault> {
        nowhere("job cache")
    }

    fn job_load(&self, _: &str) -> Result<Option<Map>, Fault> {
        nowhere("job cache")
    }

    fn job_returns(&self, _: &str) -> Result<Map, Fault> {
        nowhere("job cache")
    }

    fn minion_data(&self, _: &str) -> Option<Map> {
        None
    }

    fn mine(&self, _: &str) -> Option<Map> {
        None
    }

    fn match_minions(&self, _: &Value, _: &str) -> Result<Vec<String>, Fault> {
        nowhere("targets")
    }
}
