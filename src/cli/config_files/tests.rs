//! Configuration files in a directory of their own, read as the programs read them.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("halite-config-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
        self
    }

    fn root(&self) -> String {
        self.0.display().to_string()
    }

    fn load(&self, role: Role) -> Result<Opts> {
        load(role, Some(&self.0), &Environment::default(), role == Role::Minion)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn later_files_win_and_directories_are_below_the_root_dir() {
    let dir = Dir::new("later");
    dir.write("minion", &format!("root_dir: {}\nid: web1\nmaster: a\ntimeout: 3\n", dir.root()))
        .write("minion.d/20.conf", "master: c\nbeacons: {load: [1]}\n")
        .write("minion.d/10.conf", "master: b\nbeacons: {disk: [2]}\n")
        .write("minion.d/ignored.yaml", "master: z\n");
    let opts = dir.load(Role::Minion).expect("options");
    assert_eq!(opts.str("master"), "c");
    assert_eq!(opts.id(), "web1");
    assert_eq!(opts.str("pki_dir"), format!("{}/etc/salt/pki/minion", dir.root()));
    assert_eq!(opts.str("conf_file"), format!("{}/minion", dir.root()));
    assert_eq!(opts.config_dir(), dir.0);
    assert_eq!(opts.get("beacons").and_then(Value::as_map).map(|map| map.len()), Some(2));
}

/// The values are those of `salt.config.proxy_config` of 3006.25.
#[test]
fn a_proxy_minion_has_files_and_directories_of_its_own() {
    let dir = Dir::new("proxy");
    dir.write("minion", "master: z\nid: web1\n")
        .write("proxy", "root_dir: /r\nmaster: a\n")
        .write("proxy.d/a.conf", "master: b\ntimeout: 7\n")
        .write("proxy.d/sw1/a.conf", "timeout: 8\n");
    let environment = Environment { proxy: Some("sw1".to_owned()), ..Environment::default() };
    let opts = load(Role::Minion, Some(&dir.0), &environment, false).expect("options");
    for (option, value) in [
        ("id", "sw1"),
        ("cachedir", "/r/var/cache/salt/proxy/sw1"),
        ("pki_dir", "/r/etc/salt/pki/proxy"),
        ("sock_dir", "/r/var/run/salt/proxy"),
        ("extension_modules", "/r/var/cache/salt/proxy/extmods/sw1"),
        ("pidfile", "/r/var/run/salt/sw1/salt-minion.pid"),
        ("log_file", "/r/var/log/salt/proxy"),
        ("default_include", "proxy.d/sw1/*.conf"),
        ("master", "b"),
        ("__role", "minion"),
    ] {
        assert_eq!(opts.str(option), value, "{option}");
    }
    assert_eq!((opts.int("timeout"), opts.str("conf_file")), (8, &*format!("{}/proxy", dir.root())));
}

#[test]
fn a_wrong_type_is_an_error_with_file_and_line() {
    let dir = Dir::new("type");
    dir.write("master", "# one\ninterface: 127.0.0.1\nworker_threads: many\n");
    let error = dir.load(Role::Master).expect_err("a wrong type").to_string();
    assert_eq!(
        error,
        format!(
            "Config option 'worker_threads' with value many has an invalid type of str, a int is required for this option \
             ({}/master, line 3)",
            dir.root()
        )
    );
}

#[test]
fn a_broken_file_is_an_error_with_its_position() {
    let dir = Dir::new("broken");
    dir.write("master", "interface: x\n").write("master.d/a.conf", "user: me\nuser: you\n");
    let error = dir.load(Role::Master).expect_err("a duplicate").to_string();
    let file = format!("{}/master.d/a.conf", dir.root());
    assert_eq!(
        error,
        format!(
            "Error parsing configuration file: {file} - while constructing a mapping\n  in \"{file}\", line 1, column \
             1\nfound conflicting ID 'user'\n  in \"{file}\", line 2, column 1"
        )
    );
    dir.write("master.d/a.conf", "just text\n");
    let error = dir.load(Role::Master).expect_err("no mapping").to_string();
    assert!(error.ends_with("conf should be a document, not <class 'str'>."), "{error}");
}

#[test]
fn the_id_is_found_once_and_then_remembered() {
    let dir = Dir::new("id");
    dir.write("minion", &format!("root_dir: {}\nappend_domain: example.com\n", dir.root()));
    let id = dir.load(Role::Minion).expect("options").id().to_owned();
    let cached = fs::read_to_string(dir.0.join("etc/salt/minion_id")).expect("the cache");
    assert!(id.starts_with(&cached), "{id} {cached}");
    dir.write("etc/salt/minion_id", "\u{feff}db1\nrest\n");
    assert_eq!(dir.load(Role::Minion).expect("options").id(), "db1.example.com");
    assert!(dir.load(Role::Master).is_ok());
}

#[test]
fn unknown_options_are_kept_and_named_at_debug_level() {
    let dir = Dir::new("unknown");
    dir.write("minion", &format!("root_dir: {}\nid: a\nmy_option: [1, 2]\nuser:\n", dir.root()));
    let opts = dir.load(Role::Minion).expect("options");
    assert_eq!(opts.get("my_option"), Some(&Value::list([1, 2])));
    let said = |severity: Severity, part: &str| {
        opts.notices().iter().any(|notice| notice.severity == severity && notice.text.contains(part))
    };
    assert!(said(Severity::Debug, "'my_option'") && said(Severity::Debug, "line 3"));
    assert!(said(Severity::Warning, "'user' has no value"));
    assert!(!opts.str("user").is_empty());
}

#[test]
fn files_that_include_each_other_are_an_error() {
    let dir = Dir::new("loop");
    dir.write("master", "include: a.inc\n")
        .write("a.inc", "include: b.inc\n")
        .write("b.inc", "include: a.inc\n");
    let error = dir.load(Role::Master).expect_err("a loop").to_string();
    assert!(error.contains("include each other"), "{error}");
}

#[test]
fn the_environment_names_files_only_where_no_directory_was_asked_for() {
    let dir = Dir::new("environment");
    dir.write("other/master", "interface: 10.0.0.1\n").write("mine", "");
    let at = |name: &str| dir.0.join(name).display().to_string();
    let environment = Environment { master_config: Some(at("mine")), ..Default::default() };
    assert_eq!(main_file(Role::Master, "/etc/salt", &environment), Path::new(&at("mine")));
    assert_eq!(main_file(Role::Master, "/elsewhere", &environment), Path::new("/elsewhere/master"));
    assert_eq!(main_file(Role::Minion, "/etc/salt", &environment), Path::new("/etc/salt/minion"));
    let environment = Environment { config_dir: Some(at("other")), ..Default::default() };
    assert_eq!(config_dir(None, &environment, "/"), at("other"));
    assert_eq!(config_dir(Some(Path::new("x")), &environment, "/tmp"), "/tmp/x");
}

#[test]
fn a_client_reaches_the_master_over_loopback() {
    let dir = Dir::new("client");
    dir.write("master", &format!("root_dir: {}\nret_port: 14506\n", dir.root()));
    let opts = dir.load(Role::Client).expect("options");
    assert_eq!(opts.str("interface"), "127.0.0.1");
    assert_eq!(opts.str("master_uri"), "tcp://127.0.0.1:14506");
    assert!(opts.path("token_file").is_absolute());
}

#[test]
fn files_that_cannot_be_read_are_errors_and_missing_ones_are_not() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new("unreadable");
    dir.write("master", &format!("root_dir: {}\nid: a\n", dir.root()));
    dir.load(Role::Master).expect("no master.d");
    fs::create_dir_all(dir.0.join("master.d/a.conf")).expect("a directory in place of a file");
    let error = format!("{:#}", dir.load(Role::Master).expect_err("no file"));
    assert!(error.contains("cannot read") && error.contains("master.d/a.conf"), "{error}");
    fs::remove_dir(dir.0.join("master.d/a.conf")).expect("removed");
    fs::set_permissions(dir.0.join("master.d"), fs::Permissions::from_mode(0o000)).expect("a mode");
    // Root may list any directory.
    if fs::read_dir(dir.0.join("master.d")).is_err() {
        let error = format!("{:#}", dir.load(Role::Master).expect_err("no listing"));
        assert!(error.contains("cannot list"), "{error}");
    }
    fs::write(dir.0.join("master"), b"id: a\nuser: \xff\n").expect("a file");
    let error = format!("{:#}", dir.load(Role::Master).expect_err("not text"));
    assert!(error.contains("line 2 is not UTF-8"), "{error}");
}
