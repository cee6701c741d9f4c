//! The master that is attacked, in a private directory on free ports, and the peers that attack it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use halite::channel::minion_auth::{AuthOutcome, AuthRequest, Identity, Trust, judge};
use halite::channel::session::Session;
use halite::channel::{new_nonce, pack_map};
use halite::config::{Opts, Role};
use halite::crypt::{Crypticle, EncryptionAlgorithm, KeyString, PrivateKey, SigningAlgorithm};
use halite::event::Filter;
use halite::map;
use halite::master::{self, Running};
use halite::names::MinionId;
use halite::transport::bus::{BusClient, BusEvents, BusPaths};
use halite::value::msgpack::{Reading, decode};
use halite::value::{Map, Value};
use zmtp::{Endpoint, Message, Options, ReqSocket};

/// How long an answer may take before there is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// A master that accepts every key.
pub struct Victim {
    pub root: PathBuf,
    /// The ports that jobs and requests go through.
    pub publish_port: u16,
    pub ret_port: u16,
    running: Mutex<Option<Running>>,
}

impl Victim {
    /// Starts with these options beside the usual ones.
    pub async fn start(options: Map) -> Victim {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: names of Unix sockets are limited to 107 octets.
        let root = std::env::temp_dir().join(format!("hs{}-{number}", std::process::id()));
        for folder in ["run", "srv/salt", "pki"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        if !root.join("pki/master.pem").exists() {
            write_key(&root.join("pki/master.pem"), &keys()[0]);
        }
        let mut opts = Opts::defaults(Role::Master);
        let at = |path: &str| root.join(path).display().to_string();
        let user = halite::host::daemon::current_user();
        let base = map! {
            "interface" => "127.0.0.1", "publish_port" => 0, "ret_port" => 0, "auto_accept" => true, "id" => "m",
            "user" => user, "pki_dir" => at("pki"), "cachedir" => at("cache"), "sock_dir" => at("run"),
            "token_dir" => at("cache/tokens"), "pidfile" => at("run/m.pid"),
            "file_roots" => map! { "base" => Value::list([at("srv/salt")]) },
        };
        for (name, value) in base.iter().chain(options.iter()) {
            opts.set(name.as_str().expect("text"), value.clone());
        }
        let running = master::start(opts).await.expect("the master starts");
        let (publish_port, ret_port) = (running.publish_port, running.ret_port);
        Victim { root, publish_port, ret_port, running: Mutex::new(Some(running)) }
    }

    /// A master of another process, with its directory and its ports.
    pub fn elsewhere(root: PathBuf, publish_port: u16, ret_port: u16) -> Victim {
        Victim { root, publish_port, ret_port, running: Mutex::new(None) }
    }

    /// Stops the master and removes its directory.
    pub async fn end(self) {
        self.halt().await;
        let _ = fs::remove_dir_all(&self.root);
    }

    /// Stops the master; the directory stays.
    pub async fn halt(&self) {
        let running = self.running.lock().expect("free").take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Sends octets to the request port; the answer, if one comes in time.
    pub async fn ask(&self, body: Vec<u8>, within: Duration) -> Option<Vec<u8>> {
        let endpoint: Endpoint = format!("tcp://127.0.0.1:{}", self.ret_port).parse().expect("an endpoint");
        let mut socket = ReqSocket::connect(&endpoint, Options::default());
        socket.send(Message::from(bytes::Bytes::from(body))).await.expect("sent");
        let reply = tokio::time::timeout(within, socket.recv()).await.ok()?.ok()?;
        reply.parts().first().map(|part| part.to_vec())
    }

    /// Sends a clear load and reads the answer.
    pub async fn clear(&self, load: Map) -> Value {
        let body = pack_map(&map! { "enc" => "clear", "load" => load, "version" => 3 });
        let reply = self.ask(body, PATIENCE).await.expect("an answer");
        decode(&reply, Reading::Wire).expect("msgpack")
    }

    /// The key of the master's own user.
    pub fn own_key(&self) -> String {
        self.key_of(&halite::host::daemon::current_user())
    }

    /// The local key of a user.
    pub fn key_of(&self, user: &str) -> String {
        fs::read_to_string(self.root.join(format!("cache/.{user}_key"))).expect("a local key")
    }

    /// Asks the master to publish, with a proof.
    pub async fn publish(&self, fun: &str, proof: Map) -> Value {
        let mut load = map! {
            "cmd" => "publish", "tgt" => "*", "tgt_type" => "glob", "fun" => fun, "arg" => Value::List(Vec::new()),
            "ret" => "", "jid" => "", "kwargs" => Map::new(),
        };
        for (key, value) in proof {
            load.insert(key, value);
        }
        self.clear(load).await
    }

    /// An accepted minion.
    pub async fn minion(&self, id: &str) -> EvilMinion {
        self.minion_with(id, &keys()[1]).await.expect("accepted")
    }

    /// A minion that signs in with a key; `None` if it is not accepted.
    pub async fn minion_with(&self, id: &str, key: &PrivateKey) -> Option<EvilMinion> {
        let id = MinionId::parse(id).expect("an id");
        let identity =
            Identity::new(id, key.clone(), EncryptionAlgorithm::OaepSha1, SigningAlgorithm::Pkcs1v15Sha1)
                .expect("an identity");
        let trust = Trust::default();
        let request = AuthRequest::new(&identity, &trust, new_nonce()).expect("a request");
        let reply = self.ask(request.body.clone(), PATIENCE).await.expect("an answer");
        match judge(&reply, &request, &identity, &trust).expect("a sound answer") {
            AuthOutcome::Accepted { credentials, .. } => {
                Some(EvilMinion { session: Session::new(identity, *credentials) })
            }
            _ => None,
        }
    }

    /// Listens on the event bus.
    pub async fn events(&self) -> BusEvents {
        let mut client = BusClient::new(BusPaths::master(&self.root.join("run")));
        let mut events = client.subscribe(Filter::prefix("")).await.expect("the bus");
        // A connection that the bus has not taken yet misses what is fired, so it is asked for until it comes.
        loop {
            client.fire("listening", Map::new()).await.expect("fired");
            let event = events.next(Some(Duration::from_millis(100))).await.expect("the bus");
            if event.is_some_and(|event| event.tag == "listening") {
                return events;
            }
        }
    }

    /// The tags on the bus up to the event `last`, which is fired now.
    pub async fn tags_until(&self, events: &mut BusEvents, last: &str) -> Vec<String> {
        self.events_until(events, last).await.into_iter().map(|(tag, _)| tag).collect()
    }

    /// As [`Victim::tags_until`], with data.
    pub async fn events_until(&self, events: &mut BusEvents, last: &str) -> Vec<(String, Map)> {
        let mut client = BusClient::new(BusPaths::master(&self.root.join("run")));
        client.fire(last, Map::new()).await.expect("fired");
        let mut seen = Vec::new();
        loop {
            let event = events.next(Some(PATIENCE)).await.expect("the bus").expect("an event");
            if event.tag == last {
                return seen;
            }
            if event.tag == "listening" {
                continue;
            }
            seen.push((event.tag, event.data));
        }
    }

    /// Every file below a folder of the master.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

pub fn write_key(path: &std::path::Path, key: &PrivateKey) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, key.to_pem().as_bytes()).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o400)).expect("mode");
}

/// Three keys, made once: the master's, that of minions, and another.
pub fn keys() -> &'static [PrivateKey; 3] {
    static KEYS: OnceLock<[PrivateKey; 3]> = OnceLock::new();
    KEYS.get_or_init(|| [(); 3].map(|()| PrivateKey::generate(2048).expect("a key")))
}

/// A peer with an accepted key, which need not behave.
pub struct EvilMinion {
    pub session: Session,
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs() as i64)
}

impl EvilMinion {
    /// A request sealed as it should be, to be sent once or more often.
    pub fn seal(&self, load: Map) -> (Vec<u8>, String) {
        let request = self.session.request(load, now());
        (request.body, request.nonce)
    }

    /// Sends a load and reads the answer.
    pub async fn ask(&self, victim: &Victim, load: Map) -> Value {
        let (body, nonce) = self.seal(load);
        let reply = victim.ask(body, PATIENCE).await.expect("an answer");
        self.session.reply(&reply.into(), &nonce, Reading::Typed).expect("a sealed answer")
    }

    /// An envelope as an older protocol has it: sealed with the key that all minions share, with what `load` says.
    pub fn seal_old(&self, version: i64, load: &Map) -> Vec<u8> {
        self.seal_with(&self.session.credentials().aes, version, None, load)
    }

    /// An envelope of our own making.
    pub fn seal_with(&self, key: &KeyString, version: i64, id: Option<&str>, load: &Map) -> Vec<u8> {
        let sealed = Crypticle::new(key).encrypt(&pack_map(load), None);
        let mut envelope =
            map! { "enc" => "aes", "load" => Value::Bytes(sealed.into()), "version" => version };
        if let Some(id) = id {
            envelope.insert("id", id);
        }
        pack_map(&envelope)
    }

    /// The token that proves the key.
    pub fn token(&self) -> Value {
        self.session.identity().tok.clone().into()
    }
}

/// Raw octets to a port, and what comes back until the other side closes or is silent.
pub async fn raw(port: u16, octets: &[u8]) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let _ = stream.write_all(octets).await;
    let mut back = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) =
        tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await
    {
        back.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    back
}

/// The error that a clear command was answered with: `(name, message)`.
pub fn error_of(reply: &Value) -> (String, String) {
    let error = reply.get("error").unwrap_or_else(|| panic!("no error in {reply:?}"));
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("name"), text("message"))
}
