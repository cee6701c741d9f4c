//! Execution modules: what a minion sends back for a call, recorded from real Salt by `modules/record.py`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use halite::builtin;
use halite::config::{Opts, Role};
use halite::host::{Command, FileOwner, Group, Host, Interface, Output, RealHost, Route, User};
use halite::loader::{
    Call, Context, Fault, FileClient, HashOf, MinionServices, Nowhere, Registry, Scope, bind, settle,
};
use halite::map;
use halite::value::{DateTime, JsonStyle, Map, Value};
use sha2::{Digest, Sha256};

use crate::{cases, report};

const JID: &str = "20260102030405678901";

#[test]
fn functions_of_test_return_what_salt_does() {
    check("test");
}

#[test]
fn functions_of_cmd_return_what_salt_does() {
    check("cmd");
}

#[test]
fn functions_of_config_and_event_return_what_salt_does() {
    check("config");
}

#[test]
fn functions_of_grains_environ_pillar_and_data_return_what_salt_does() {
    check("grains");
}

#[test]
fn functions_of_saltutil_mine_publish_and_sys_return_what_salt_does() {
    check("saltutil");
}

#[test]
fn sys_knows_runners_returners_renderers_and_schemas() {
    check("sys");
}

#[test]
fn functions_of_file_return_what_salt_does() {
    check("file");
}

#[test]
fn functions_of_hashutil_random_and_disk_return_what_salt_does() {
    check("hashutil");
}

#[test]
fn functions_of_slsutil_return_what_salt_does() {
    check("slsutil");
}

#[test]
fn functions_of_network_return_what_salt_does() {
    check("network");
}

#[test]
fn scripts_return_what_salts_do() {
    check("script");
}

fn check(name: &str) {
    let cases = cases(&format!("modules/cases/{name}.jsonl"));
    let mut failures = Vec::new();
    for case in &cases {
        if case.get("root").is_some() && !is_root() {
            println!("skipped, needs root: {}", case.to_json(JsonStyle::default()));
            continue;
        }
        let (ours, salts) = (run(case), expected(case));
        if ours != salts {
            let text = |value: Map| Value::Map(value).to_json(JsonStyle::default());
            let case = case.as_map().cloned().unwrap_or_default();
            let call: Map = case.into_iter().filter(|(key, _)| !is_result(key)).collect();
            failures.push(format!("{}\n  salt {}\n  ours {}", text(call), text(salts), text(ours)));
        }
    }
    report(&failures, cases.len());
}

fn is_result(key: &Value) -> bool {
    matches!(key.as_str(), Some("return" | "retcode" | "success" | "out" | "after"))
}

fn expected(case: &Value) -> Map {
    let case = case.as_map().cloned().unwrap_or_default();
    case.into_iter().filter(|(key, _)| is_result(key)).collect()
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Runs one call as a minion does: separate the arguments, bind, run, make a return.
fn run(case: &Value) -> Map {
    let scratch = Scratch::new();
    let root = scratch.0.to_string_lossy().into_owned();
    let made = Value::from_json(&case.to_json(JsonStyle::default()).replace("$ROOT", &root)).expect("JSON");
    let part = |name: &str| made.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
    for (path, content) in &part("files") {
        let path = Path::new(path.as_str().expect("a path"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content.as_str().expect("text")).expect("written");
    }
    let fun = made.get("fun").and_then(Value::as_str).expect("a function");
    let mut arg = made.get("arg").and_then(Value::as_list).map(<[Value]>::to_vec).unwrap_or_default();
    let mut kwarg = part("kwarg");
    if !kwarg.is_empty() {
        kwarg.insert("__kwarg__", true);
        arg.push(kwarg.into());
    }
    let published = map! {
        "jid" => JID, "fun" => fun, "arg" => arg.clone(), "ret" => "", "tgt" => "golden", "tgt_type" => "glob",
        "user" => "root",
    };
    let mut opts = options(&root);
    opts.extend(part("opts"));
    let mut grains = grains();
    grains.extend(part("grains"));
    let pillar = part("pillar");
    let registry = builtin::execution_modules();
    let host = Fixed::default();
    let minion = Minion { files: LocalFiles { root: scratch.0.clone() } };
    let scope = Scope {
        opts: &opts,
        grains: (&grains).into(),
        pillar: (&pillar).into(),
        published: &published,
        registry: &registry,
        host: &host,
        minion: &minion,
        master: &Nowhere,
    };
    let cx = Context::new(scope);
    let (function, outcome) = called(&cx, &registry, fun, &arg, &published);
    let returned = settle(fun, function, outcome, cx.retcode());
    let mut result = map! {
        "return" => plain(&returned.value),
        "retcode" => returned.retcode,
        "success" => returned.success,
        "out" => returned.out,
    };
    if let Some(after) = made.get("after") {
        let paths = match after {
            Value::Map(map) => map.keys().cloned().collect(),
            other => other.as_list().map(<[Value]>::to_vec).unwrap_or_default(),
        };
        let content = |path: &Value| Value::from(fs::read_to_string(path.as_str().expect("a path")).ok());
        let content: Map = paths.iter().map(|path| (path.clone(), content(path))).collect();
        result.insert("after", content);
    }
    let text = Value::Map(result).to_json(JsonStyle::default()).replace(&root, "$ROOT");
    Value::from_json(&text).expect("JSON").as_map().cloned().expect("a map")
}

fn called<'r>(
    cx: &Context,
    registry: &'r Registry,
    fun: &str,
    arg: &[Value],
    published: &Map,
) -> (Option<&'r halite::loader::Function>, Result<Value, Fault>) {
    let function = match registry.function(cx, fun) {
        Ok(function) => function,
        Err(fault) => return (None, Err(fault)),
    };
    let outcome = Call::from_published(function, arg, published)
        .and_then(|call| bind(function, call))
        .and_then(|args| (function.run)(cx, &args));
    (Some(function), outcome)
}

/// As `record.py` has them.
fn options(root: &str) -> Map {
    let mut opts = Opts::defaults(Role::Minion).into_map();
    for (name, path) in [
        ("conf_file", "/etc/minion"),
        ("config_dir", "/etc"),
        ("root_dir", ""),
        ("cachedir", "/cache"),
        ("sock_dir", "/run"),
        ("pki_dir", "/etc/pki"),
        ("extension_modules", "/cache/extmods"),
    ] {
        opts.insert(name, format!("{root}{path}"));
    }
    opts.extend(map! {
        "id" => "golden",
        "__role" => "minion",
        "file_client" => "local",
        "multiprocessing" => false,
        "file_roots" => map! { "base" => Value::list([format!("{root}/srv")]) },
        "saltversion" => "3006.25",
    });
    opts
}

/// As `record.py` has them.
fn grains() -> Map {
    let text = r#"{
        "id": "golden", "os": "Debian", "os_family": "Debian", "osfinger": "Debian-12", "osarch": "amd64",
        "cpuarch": "x86_64", "kernel": "Linux", "oscodename": "bookworm", "roles": ["web", "db"],
        "nested": {"a": {"b": [1, 2, {"c": "d"}]}, "x:y": 1}, "num_cpus": 2, "empty": ""
    }"#;
    Value::from_json(text).expect("JSON").as_map().cloned().expect("a map")
}

/// What stays the same from run to run; `plain` of `record.py`.
fn plain(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.starts_with("Passed invalid arguments to") => {
            text.lines().next().unwrap_or_default().into()
        }
        Value::Text(text) => {
            let temporary = regex::Regex::new(r"__salt\.tmp\.\w+").expect("a pattern");
            temporary.replace_all(text, "__salt.tmp.RANDOM").into_owned().into()
        }
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Map(map) => {
            let mut map: Map = map.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
            if map.get("pid").and_then(Value::as_int).is_some_and(|pid| pid != 0) {
                map.insert("pid", "PID");
            }
            map.into()
        }
        other => other.clone(),
    }
}

/// A folder that is gone when the call is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: Mutex<u32> = Mutex::new(0);
        let mut next = NEXT.lock().expect("no panic");
        *next += 1;
        let path = std::env::temp_dir().join(format!("halite-golden-{}-{next}", std::process::id()));
        for folder in ["etc", "cache/proc"] {
            fs::create_dir_all(path.join(folder)).expect("a folder");
        }
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The machine with a fixed environment.
struct Fixed {
    env: Mutex<BTreeMap<String, String>>,
}

impl Default for Fixed {
    fn default() -> Self {
        let env = [
            ("HOME", "/"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("SHELL", "/bin/sh"),
        ];
        let owned = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Fixed { env: Mutex::new(owned.collect()) }
    }
}

impl Host for Fixed {
    fn run(&self, command: &Command) -> io::Result<Output> {
        RealHost.run(command)
    }

    fn now(&self) -> DateTime {
        RealHost.now()
    }

    fn user(&self, name: &str) -> Option<User> {
        RealHost.user(name)
    }

    fn user_by_uid(&self, uid: u32) -> Option<User> {
        RealHost.user_by_uid(uid)
    }

    fn group(&self, name: &str) -> Option<Group> {
        RealHost.group(name)
    }

    fn group_by_gid(&self, gid: u32) -> Option<Group> {
        RealHost.group_by_gid(gid)
    }

    fn groups_of(&self, user: &User) -> Vec<Group> {
        RealHost.groups_of(user)
    }

    fn write_atomic(&self, path: &Path, content: &[u8], mode: u32, owner: FileOwner) -> io::Result<()> {
        RealHost.write_atomic(path, content, mode, owner)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env_all().remove(name)
    }

    fn env_all(&self) -> BTreeMap<String, String> {
        self.env.lock().expect("no panic").clone()
    }

    fn set_env(&self, name: &str, value: Option<&str>) {
        let mut env = self.env.lock().expect("no panic");
        match value {
            Some(value) => env.insert(name.to_owned(), value.to_owned()),
            None => env.remove(name),
        };
    }

    fn signal(&self, _: u32, _: i32) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn signal_tree(&self, _: u32, _: i32) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn pid(&self) -> u32 {
        RealHost.pid()
    }

    fn sleep(&self, time: Duration) {
        RealHost.sleep(time);
    }

    fn interfaces(&self) -> Vec<Interface> {
        RealHost.interfaces()
    }

    fn routes(&self) -> Vec<Route> {
        RealHost.routes()
    }
}

/// A minion without a master, with files of its own.
struct Minion {
    files: LocalFiles,
}

impl MinionServices for Minion {
    fn request(&self, load: Map, timeout: Duration) -> Result<Value, Fault> {
        Nowhere.request(load, timeout)
    }

    fn fire(&self, tag: &str, data: Map) -> Result<(), Fault> {
        Nowhere.fire(tag, data)
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        Ok(Map::new())
    }
}

/// `salt://x` is `<root>/srv/x`.
struct LocalFiles {
    root: PathBuf,
}

impl FileClient for LocalFiles {
    fn envs(&self) -> Result<Vec<String>, Fault> {
        Ok(vec!["base".to_owned()])
    }

    fn file_list(&self, _: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let (mut found, mut folders) = (Vec::new(), vec![self.root.join("srv")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(path) = path.strip_prefix(self.root.join("srv")) {
                    found.push(path.to_string_lossy().into_owned());
                }
            }
        }
        found.retain(|path| path.starts_with(prefix));
        found.sort();
        Ok(found)
    }

    fn dir_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut found = vec![".".to_owned()];
        for file in self.file_list(saltenv, prefix)? {
            let above = Path::new(&file).ancestors().skip(1).filter(|folder| *folder != Path::new(""));
            found.extend(above.map(|folder| folder.to_string_lossy().into_owned()));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn file_list_emptydirs(&self, _: &str, _: &str) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    fn symlink_list(&self, _: &str, _: &str) -> Result<Map, Fault> {
        Ok(Map::new())
    }

    fn hash_file(&self, url: &str, saltenv: &str) -> Result<Option<HashOf>, Fault> {
        let octets = self.get_url(url, saltenv, None, false)?.and_then(|path| fs::read(path).ok());
        Ok(octets.map(|octets| {
            let hsum = Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect();
            HashOf { hash_type: "sha256".to_owned(), hsum }
        }))
    }

    fn mode_of(&self, _: &str, _: &str) -> Result<Option<u32>, Fault> {
        Ok(None)
    }

    fn get_url(&self, url: &str, _: &str, _: Option<&Path>, _: bool) -> Result<Option<PathBuf>, Fault> {
        let path = match url.strip_prefix("salt://") {
            Some(path) => self.root.join("srv").join(path),
            None => PathBuf::from(url),
        };
        Ok(Some(path).filter(|path| path.is_file()))
    }

    fn cache_dir(&self, saltenv: &str) -> PathBuf {
        self.root.join("cache/files").join(saltenv)
    }
}
