//! Secrets of the pillar: what gpg opened and what `pillar_secrets` marks shows in no return, diff, event or log; files
//! and programs get the true value.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::alone::{Minion, text};
use crate::no_log::said;

const SECRET: &str = "correct horse 'battery'";
const KEY: &str = "-----BEGIN TEST KEY-----\n    bGluZSBvbmUgb2YgYSBrZXk\n    bGluZSB0d28gb2YgYSBrZXk\n    -----END TEST KEY-----";

/// A minion whose pillar is the text, with more options.
fn minion(name: &str, pillar: &str, options: &str) -> Minion {
    let minion = Minion::new(name);
    fs::create_dir_all(minion.path("pillar")).expect("a directory");
    fs::write(minion.path("pillar/top.sls"), "base:\n  '*':\n    - own\n").expect("written");
    fs::write(minion.path("pillar/own.sls"), pillar).expect("written");
    let mut file = fs::File::options().append(true).open(minion.path("minion")).expect("there");
    let here = minion.root.display();
    write!(file, "pillar_roots: {{base: [{here}/pillar]}}\n{options}").expect("written");
    minion
}

/// Everything that people do with a secret.
const STATES: &str = r#"
{% set db = pillar['db'] %}
file:
  file.managed:
    - name: @ROOT@/place/file
    - contents: |
        user = web
        password = {{ db['password'] }}
run:
  cmd.run:
    - name: echo {{ db['password'] | json }} >> @ROOT@/place/out; echo {{ db['password'] | json }} >&2
    - env:
      - PASSWORD: {{ db['password'] | json }}
fails:
  cmd.run:
    - name: echo {{ db['password'] | json }}; false
unknown:
  file.managed:
    - name: /no/such/directory/{{ db['password'] }}
key:
  file.managed:
    - name: @ROOT@/place/key
    - contents: {{ db['key'] | json }}
"#;

fn check(minion: &Minion) {
    minion.sls("secret", STATES);
    fs::write(minion.path("place/file"), "user = root\npassword = changeme\n").expect("written");
    fs::write(minion.path("place/key"), "none\n").expect("written");
    let hidden = ["battery", "bGluZSBvbmUgb2YgYSBrZXk", "bGluZSB0d28gb2YgYSBrZXk"];
    for test in ["test=True", "test=False"] {
        let said = said(minion, &["state.apply", "secret", test]);
        for secret in hidden {
            assert!(!said.contains(secret), "{test}: {said}");
        }
        assert!(said.contains("***") && said.contains("user = web"), "{test}: {said}");
    }
    let file = fs::read_to_string(minion.path("place/file")).expect("read");
    assert_eq!(file, format!("user = web\npassword = {SECRET}\n"));
    assert!(fs::read_to_string(minion.path("place/key")).expect("read").contains(hidden[1]));
    let out = fs::read_to_string(minion.path("place/out")).expect("read");
    assert!(out.contains("battery"), "{out}");
    // The pillar itself is shown to who asks for it.
    assert!(text(&minion.run(&["pillar.get", "db:password"]).stdout).contains("battery"));
}

#[test]
fn marked_values_are_hidden_and_files_get_them() {
    let pillar = format!("db:\n  user: web\n  password: \"{SECRET}\"\n  key: |\n    {KEY}\n");
    let minion = minion("marked", &pillar, "pillar_secrets: ['db:pass*', 'db:key']\n");
    check(&minion);
}

#[test]
fn what_gpg_opened_is_hidden_and_files_get_it() {
    let Some(keys) = Keys::new("gpg") else {
        println!("SKIPPED: this host has no gpg");
        return;
    };
    let indented = |plain: &str| keys.seal(plain).replace('\n', "\n    ");
    let (password, key) = (indented(SECRET), indented(&KEY.replace("\n    ", "\n")));
    let pillar =
        format!("#!yaml|gpg\ndb:\n  user: web\n  password: |\n    {password}\n  key: |\n    {key}\n");
    let minion = minion("gpg", &pillar, &format!("gpg_keydir: {}\n", keys.home));
    check(&minion);
}

#[test]
fn decrypt_pillar_opens_what_it_names() {
    let Some(keys) = Keys::new("decrypt") else {
        println!("SKIPPED: this host has no gpg");
        return;
    };
    let sealed = |plain: &str| keys.seal(plain).replace('\n', "\n      ");
    let pillar = format!(
        "db:\n  password: |\n      {}\n  other: |\n      {}\nusers:\n  - plain\n  - |\n      {}\n",
        sealed("opened one"),
        sealed("closed"),
        sealed("opened two")
    );
    let options = format!(
        "gpg_keydir: {}\ndecrypt_pillar:\n  - 'db:password'\n  - users: gpg\n  - 'no:such'\n",
        keys.home
    );
    let minion = minion("decrypt", &pillar, &options);
    let got = |path: &str| text(&minion.run(&["pillar.get", path, "--out=txt"]).stdout);
    assert_eq!(got("db:password"), "local: opened one\n");
    assert!(got("db:other").contains("BEGIN PGP MESSAGE"));
    let users = got("users");
    assert!(users.contains("plain") && users.contains("opened two"), "{users}");
    assert_eq!(got("_errors"), "");
}

/// A directory of keys with one that has no passphrase.
struct Keys {
    home: String,
}

impl Keys {
    fn new(name: &str) -> Option<Self> {
        // The agent's socket stands in it, and may not have a long name.
        let home = std::env::temp_dir().join(format!("hk-{}-{name}", std::process::id()));
        fs::create_dir_all(&home).expect("a directory");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&home, mode).expect("its mode");
        let keys = Keys { home: home.display().to_string() };
        let words = [
            "--batch",
            "--passphrase",
            "",
            "--quick-generate-key",
            "test@example.com",
            "default",
            "default",
            "never",
        ];
        let made = keys.gpg(&words).stdout(Stdio::null()).status().ok()?;
        made.success().then_some(keys)
    }

    fn gpg(&self, words: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--homedir", &self.home, "--quiet"]).args(words).stderr(Stdio::null());
        command
    }

    fn seal(&self, plain: &str) -> String {
        let words =
            ["--batch", "--trust-model", "always", "--armor", "--encrypt", "--recipient", "test@example.com"];
        let mut child =
            self.gpg(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        child.stdin.take().expect("a pipe").write_all(plain.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        text(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").args(["--homedir", &self.home, "--kill", "all"]).status();
        let _ = fs::remove_dir_all(&self.home);
    }
}
