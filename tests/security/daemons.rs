//! D2, D5, D7, D14: the daemons as processes: whose they are, what they believe, and what they write into their logs.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use halite::map;
use halite::value::{Map, Value};

use crate::victim::{Victim, keys, write_key};

/// A master in a process of its own.
pub struct Process {
    pub victim: Victim,
    child: Child,
}

/// Directories, keys and configuration of a master that nobody has started yet.
pub fn prepare(name: &str, options: &str) -> Victim {
    let root = std::env::temp_dir().join(format!("hd{}-{name}", std::process::id()));
    let port = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
    let victim = Victim::elsewhere(root.clone(), port(), port());
    for folder in ["etc", "run", "pki", "srv/salt", "srv/pillar"] {
        fs::create_dir_all(root.join(folder)).expect("a directory");
    }
    write_key(&root.join("pki/master.pem"), &keys()[0]);
    let dir = root.display();
    let config = format!(
        "interface: 127.0.0.1\npublish_port: {}\nret_port: {}\nauto_accept: true\npki_dir: {dir}/pki\n\
         cachedir: {dir}/cache\nsock_dir: {dir}/run\npidfile: {dir}/run/m.pid\ntoken_dir: {dir}/cache/tokens\n\
         file_roots: {{base: [{dir}/srv/salt]}}\npillar_roots: {{base: [{dir}/srv/pillar]}}\nlog_file: {dir}/m.log\n\
         log_level_logfile: all\n{options}\n",
        victim.publish_port, victim.ret_port
    );
    fs::write(root.join("etc/master"), config).expect("written");
    victim
}

fn command(root: &Path, starter: Option<Command>) -> Command {
    let log = fs::OpenOptions::new().create(true).append(true).open(root.join("said")).expect("a log");
    let program = env!("CARGO_BIN_EXE_halite");
    let mut command = match starter {
        Some(mut starter) => {
            starter.arg(program);
            starter
        }
        None => Command::new(program),
    };
    command.args(["salt-master", "-l", "all", "-c"]).arg(root.join("etc")).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("a log")).stderr(log);
    command
}

async fn start(victim: Victim) -> Process {
    started(command(&victim.root, None), victim).await
}

impl Process {
    /// Starts with a program that starts others: its words stand before ours.
    pub async fn start_by(victim: Victim, starter: Command) -> Process {
        started(command(&victim.root, Some(starter)), victim).await
    }
}

async fn started(mut command: Command, victim: Victim) -> Process {
    let mut child = command.spawn().expect("the master starts");
    while tokio::net::TcpStream::connect(("127.0.0.1", victim.ret_port)).await.is_err() {
        let ended = child.try_wait().expect("asked");
        assert!(ended.is_none(), "{}", fs::read_to_string(victim.root.join("said")).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Process { victim, child }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.victim.root);
    }
}

fn is_root() -> bool {
    halite::host::daemon::current_user() == "root"
}

/// The ids of a line of `/proc/<pid>/status`.
fn ids(status: &str, name: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// What root gave up it cannot take back, and nobody of root's is left beside the master.
#[tokio::test(flavor = "multi_thread")]
async fn d02_d14_a_master_that_becomes_a_user_keeps_nothing_of_root() {
    if !is_root() {
        eprintln!("SKIP: only root becomes another user");
        return;
    }
    let victim = prepare("d02", "user: nobody");
    let master = start(victim).await;
    let nobody = ids(&fs::read_to_string("/etc/passwd").expect("accounts").replace(':', " "), "nobody x")[0];
    let pid = master.child.id();
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("threads").flatten() {
        let status = fs::read_to_string(task.path().join("status")).expect("read");
        assert_eq!(ids(&status, "Uid:"), [nobody; 4], "{status}");
        assert!(!ids(&status, "Gid:").contains(&0), "{status}");
        assert!(!ids(&status, "Groups:").contains(&0), "supplementary groups of root: {status}");
        threads += 1;
    }
    assert!(threads > 1);
    // No supervisor: the master is the child that we started, and has no children of root's.
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace() {
        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        assert!(!ids(&status, "Uid:").contains(&0), "{status}");
    }
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(master.victim.root.join("cache/.nobody_key")) & 0o077, 0);
}

const CANARY: &str = "canary-7f3a";

/// Passwords, tokens, keys and pillar values, however much is logged.
#[tokio::test(flavor = "multi_thread")]
async fn d05_no_log_holds_a_secret() {
    let victim =
        prepare("d05", "external_auth: {file: {^filename: @USERS@, fred: ['.*', '@runner', '@wheel']}}\n");
    let root = victim.root.clone();
    let config = fs::read_to_string(root.join("etc/master")).expect("read");
    let users = root.join("users");
    fs::write(&users, format!("fred:{CANARY}-right\n")).expect("written");
    let user = halite::host::daemon::current_user();
    let config = config.replace("@USERS@", &users.display().to_string());
    fs::write(root.join("etc/master"), format!("{config}user: {user}\n")).expect("written");
    fs::write(root.join("srv/pillar/top.sls"), "base: {'*': [data]}\n").expect("written");
    fs::write(root.join("srv/pillar/data.sls"), format!("secret: {CANARY}-pillar\nbroken: {{{{ 1 }}}}\n"))
        .expect("written");
    let master = start(victim).await;
    let victim = &master.victim;
    let minion = victim.minion("web1").await;
    let login = |password: &str| map! { "eauth" => "file", "username" => "fred", "password" => password };
    let (right, wrong) = (format!("{CANARY}-right"), format!("{CANARY}-wrong"));
    for password in [&right, &wrong] {
        let mut load = map! { "cmd" => "mk_token" };
        load.extend(login(password));
        victim.clear(load).await;
        victim.publish("test.ping", map! { "kwargs" => login(password) }).await;
        for (cmd, fun) in [("runner", "doc.runner"), ("wheel", "key.list_all")] {
            let mut load = map! { "cmd" => cmd, "fun" => fun };
            load.extend(login(password));
            victim.clear(load).await;
        }
    }
    let mut load = map! { "cmd" => "mk_token" };
    load.extend(login(&right));
    let made = victim.clear(load).await;
    let token = made.get("token").and_then(Value::as_str).expect("a token").to_owned();
    victim.publish("test.ping", map! { "kwargs" => map! { "token" => token.as_str() } }).await;
    let load = map! {
        "cmd" => "runner", "fun" => "auth.mk_token", "user" => user.as_str(), "key" => victim.own_key(),
        "kwarg" => login(&right),
    };
    victim.clear(load).await;
    let (body, _) = minion.seal(map! { "cmd" => "_pillar", "grains" => Map::new(), "ver" => "2" });
    victim.ask(body, Duration::from_secs(60)).await.expect("a pillar");
    // Malformed requests are told of in the log, their content is not.
    victim
        .clear(map! { "cmd" => "publish", "fun" => 1, "password" => wrong.as_str(), "key" => wrong.as_str() })
        .await;
    victim.clear(map! { "cmd" => "nonsense", "password" => wrong.as_str() }).await;
    let own = victim.own_key();
    for file in ["m.log", "said"] {
        let log = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(file != "m.log" || log.len() > 1000, "little was logged");
        for (what, secret) in [
            ("a password or pillar value", CANARY),
            ("a token", token.as_str()),
            ("the local key", own.as_str()),
            ("a private key", "PRIVATE KEY"),
            ("the AES key", minion.session.credentials().aes.as_str()),
        ] {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{what} stands in {file}: {}", line.unwrap_or_default());
        }
    }
}

/// Files that others can write are no configuration and no keys.
#[test]
fn d07_a_daemon_believes_no_files_of_others() {
    let user = halite::host::daemon::current_user();
    let refuses = |change: &dyn Fn(&Path)| {
        let victim = prepare("d07", &format!("user: {user}"));
        change(&victim.root);
        let mut child = command(&victim.root, None).spawn().expect("it starts");
        let mut ended = None;
        let deadline = Instant::now() + Duration::from_secs(60);
        while ended.is_none() && std::net::TcpStream::connect(("127.0.0.1", victim.ret_port)).is_err() {
            ended = child.try_wait().expect("asked");
            assert!(Instant::now() < deadline, "it neither starts nor ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
        let said = fs::read_to_string(victim.root.join("said")).unwrap_or_default();
        let _ = fs::remove_dir_all(&victim.root);
        (ended.is_some_and(|status| !status.success()), said)
    };
    assert!(!refuses(&|_| ()).0, "an honest one starts");
    let mode =
        |path: PathBuf, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    let (refused, said) = refuses(&|root| mode(root.join("etc/master"), 0o666));
    assert!(refused && said.contains("etc/master"), "{said}");
    assert!(refuses(&|root| mode(root.join("etc"), 0o777)).0);
    assert!(refuses(&|root| mode(root.join("pki/master.pem"), 0o602)).0);
    if is_root() {
        assert!(refuses(&|root| chown(root.join("etc/master"), Some(4242), None).expect("given")).0);
        assert!(refuses(&|root| chown(root.join("etc"), Some(4242), None).expect("given")).0);
        assert!(refuses(&|root| chown(root.join("pki/master.pem"), Some(4242), None).expect("given")).0);
    }
}
