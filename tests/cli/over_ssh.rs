//! Runners that reach hosts through the program `ssh`: here one that says what it was told and runs the script at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use halite::crypt::{HashType, PrivateKey, pem};
use halite::value::Value;

const SSH: &str = r#"#!/bin/sh
printf '%s\n' "$SSHPASS ssh" "$@" >> "$ROOT/asked"
[ "$SSHPASS" ] && sed 's/^/stdin: /' >> "$ROOT/asked"
while [ "$1" != -- ]; do shift; done
export THERE=$2
case $2 in
    down) echo 'ssh: connect to host down port 22: Connection refused' >&2; exit 255 ;;
    plain) PATH=$ROOT/own ;;
esac
exec /bin/sh -c "$3"
"#;

const SALT_CALL: &str = r#"#!/bin/sh
echo "$@" >> "$ROOT/called"
echo 'Welcome [here]!'
case $THERE in
    keyless) echo '{"local": ""}' ;;
    odd) echo '{"local": "not for you"}' ;;
    cut) echo '{"local": "' ;;
    mute) exit 3 ;;
    *) echo "{\"local\": \"$(cat "$ROOT/finger")\"}"; echo bye ;;
esac
"#;

const ROSTER: &str = r"
{% for name in ['web', 'other', 'mute', 'keyless', 'odd', 'cut', 'down', 'known', 'new', 'plain'] %}
{{ name }}: {host: {{ name }}, user: {{ name }}-user}
{% endfor %}
dash: -oProxyCommand=touch $ROOT/bad
../../web: web
";

/// Takes the options of `curl` that it is called with.
const CURL: &str = r#"#!/bin/sh
[ "$1 $2 $4" = '-gfsSL -o --url' ] || exit 2
case $5 in file:///*) cp "${5#file://}" "$3" ;; *) echo "curl: (22) $5" >&2; exit 22 ;; esac
"#;

struct Place {
    root: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("hcs{}{name}", std::process::id()));
        for folder in ["etc", "bin", "own", "tmp", "pki/minions", "pki/minions_pre"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        let place = Place { root };
        let shown = place.root.display();
        place.write("etc/master", &format!("root_dir: {shown}\npki_dir: {shown}/pki\nssh_port: 2222\n"));
        place.write("etc/roster", ROSTER);
        let programs = [
            ("ssh", SSH),
            ("salt-call", SALT_CALL),
            ("curl", CURL),
            (
                "../own/halite",
                "#!/bin/sh\nPATH=/usr/bin:/bin; [ \"$1\" = salt-call ] && shift && . \"$ROOT/bin/salt-call\"\n",
            ),
            ("ssh-keygen", "#!/bin/sh\n[ \"$3\" = -f ] && echo made > \"$4\"\n"),
        ];
        for (name, text) in programs {
            place.program(&format!("bin/{name}"), text);
        }
        place
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.root.join(path), text).expect("written");
    }

    fn program(&self, path: &str, text: &str) {
        self.write(path, text);
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// The exit code and what is printed.
    fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let path = format!("{}/bin:/usr/bin:/bin", self.root.display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.arg("salt-run").arg("-c").arg(self.root.join("etc")).args(words);
        let output = command.env("PATH", path).env("ROOT", &self.root).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What is returned to `safe_accept`.
    fn accept(&self, words: &[&str]) -> Value {
        let (code, printed) = self.run(&[&["manage.safe_accept"], words, &["--out=json"]].concat());
        assert_eq!(code, Some(0), "{printed}");
        let (_, result) = printed.split_once("\n[").unwrap_or_else(|| panic!("{words:?}: {printed}"));
        Value::from_json(&format!("[{result}")).unwrap_or_else(|_| panic!("{words:?}: {printed}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn a_key_is_accepted_when_the_host_has_it() {
    let place = Place::new("a");
    let key = || PrivateKey::generate(2048).expect("a key").public_key().to_pem();
    let (own, foreign) = (key(), key());
    let finger = |key: &str| pem::fingerprint(key, HashType::Sha256);
    place.write("finger", &finger(&own));
    for (path, key) in
        [("minions_pre/web", &own), ("minions_pre/other", &foreign), ("minions/known", &foreign)]
    {
        place.write(&format!("pki/{path}"), key);
    }
    let expected = format!(
        r#"[{{"web": "{0}"}}, {{
            "other": "Minion key {0} does not match the key in salt-key: {1}", "mute": "Welcome [here]!",
            "keyless": "there is no key of a minion", "odd": "not for you", "cut": "Welcome [here]!\n{{\"local\": \"",
            "down": "ssh: connect to host down port 22: Connection refused",
            "new": "Minion key new not found by salt-key",
            "plain": "Minion key plain not found by salt-key", "../../web": "Minion key ../../web not found by salt-key",
            "dash": "'-oProxyCommand=touch $ROOT/bad' is no name of a host or user"}}]"#,
        finger(&own),
        finger(&foreign)
    );
    assert_eq!(place.accept(&["*"]), Value::from_json(&expected).expect("JSON"));
    assert_eq!(place.read("pki/minions/web"), own);
    for (path, there) in [
        ("minions_pre/web", false),
        ("minions_pre/other", true),
        ("minions/other", false),
        ("minions/known", true),
    ] {
        assert_eq!(place.root.join("pki").join(path).exists(), there, "{path}");
    }
    assert!(!place.root.join("bad").exists(), "the name of a host was an option");
    assert_eq!(place.read("pki/ssh/salt-ssh.rsa"), "made\n");
    let asked = place.read("asked");
    let words =
        format!("-p\n2222\n-i\n{}/pki/ssh/salt-ssh.rsa\n-l\nweb-user\n--\nweb\n", place.root.display());
    assert!(asked.contains(&words), "{asked}");
    let called = place.read("called");
    assert!(called.lines().all(|line| line == "--local key.finger hash_type=sha256 --out=json"), "{called}");
}

#[test]
fn targets_are_those_of_a_roster() {
    let place = Place::new("t");
    place.write("finger", "none");
    let meant = |words: &[&str]| {
        let told = place.accept(words);
        let failed = told.as_list().and_then(|both| both.get(1)?.as_map().cloned()).expect("two maps");
        failed.keys().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(meant(&["[ow]*"]), "web other odd");
    assert_eq!(meant(&["o|.*e$", "tgt_type=pcre"]), "other mute odd");
    assert_eq!(meant(&["web,odd,none", "tgt_type=list"]), "web odd");
    assert_eq!(meant(&["[web, odd]", "tgt_type=list"]), "web odd");
    assert_eq!(meant(&["web", "tgt_type=grain"]), "");
    assert_eq!(meant(&["us", "tgt_type=nodegroup"]), "");
    let config = place.read("etc/master");
    let more = "ssh_list_nodegroups: {us: [new, web]}\nroster_defaults: {port: 77}\nroster_file: ";
    place.write("etc/master", &format!("{config}{more}{}/etc/second\n", place.root.display()));
    assert_eq!(meant(&["us", "tgt_type=nodegroup"]), "");
    assert!(!place.read("asked").contains("\n77\n"));
    place.write("etc/second", "{new: web, list: [1], web: {host: odd, port: 78}}");
    assert_eq!(meant(&["us", "tgt_type=nodegroup"]), "new web");
    assert_eq!(meant(&["127.0.0.1"]), "127.0.0.1");
    let asked = place.read("asked");
    assert!(asked.contains("\n-p\n77\n") && asked.contains("\n-p\n78\n"), "{asked}");
    place.write("etc/second", "{% broken");
    for words in [["manage.safe_accept", "web"], ["manage.bootstrap", "hosts=web"]] {
        let (code, printed) = place.run(&words);
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.starts_with("Unable to render roster file: "), "{printed}");
        assert!(printed.contains("\nNo matching targets found in roster.\n"), "{printed}");
    }
    assert_eq!(meant(&["web", "tgt_type=range"]), "");
    let (code, printed) = place.run(&["manage.bootstrap", "hosts=web", "roster=ansible"]);
    assert!(code == Some(1) && printed.contains("the roster ansible"), "{printed}");
}

/// What `manage.bootstrap` of Salt 3006.25 prints for this script and these arguments.
const BOOTSTRAPPED: &str = r#"web:
    None
web:
    ----------
    body:
        #!/bin/sh
        printf "<%s>\n" "$@"
        echo told >&2
web:
    <-x>
    <a  b>
    <$HOME>
    <it's>
    <;id>
    told
web:
    True
None
"#;

/// Without the frames.
const FAILED: &str = "web:
    None
web:
    ----------
    body:
        echo begun; exit 3
web:
    begun
Exception occurred in runner manage.bootstrap: Traceback (most recent call last):
SystemExit: 20
";

#[test]
fn hosts_are_made_minions_as_the_original_does() {
    let place = Place::new("b");
    place.write("good", "#!/bin/sh\nprintf \"<%s>\\n\" \"$@\"\necho told >&2\n");
    place.write("bad", "echo begun; exit 3\n");
    let folder = format!("tmp_dir={}/tmp/it's $(touch bad)", place.root.display());
    let run = |script: &str, more: &[&str]| {
        let script = format!("script=file://{}/{script}", place.root.display());
        place.run(&[&["manage.bootstrap", &script, &folder], more].concat())
    };
    let left = || fs::read_dir(place.root.join("tmp")).expect("a directory").count();
    let words = "script_args=-x 'a  b' $HOME \"it's\" ;id";
    assert_eq!(run("good", &["hosts=web", words]), (Some(0), BOOTSTRAPPED.to_owned()));
    assert_eq!(run("bad", &["hosts=web"]), (Some(1), FAILED.to_owned()));
    assert_eq!(left(), 0, "a directory is left");

    let down = "down:\n    ssh: connect to host down port 22: Connection refused\n";
    let (code, printed) = run("good", &["hosts=*o*n,web"]);
    assert!(
        code == Some(1) && printed.starts_with(&format!("{down}known:\n    None\nException ")),
        "{printed}"
    );
    let (code, printed) = run("none", &["hosts=web"]);
    assert!(code == Some(1) && printed.contains("\nSystemExit: 20"), "{printed}");
    let (code, printed) = place.run(&["manage.bootstrap", "hosts=web", "script=http://a/b;c", &folder]);
    assert!(code == Some(1) && printed.contains("\nweb:\n    curl: (22) http://a/b;c\n"), "{printed}");
    assert_eq!(left(), 0, "a directory is left");
    assert!(!place.root.join("bad ").exists());

    let nobody = "No matching targets found in roster.\nNone\n";
    assert_eq!(run("good", &["hosts=none"]), (Some(0), nobody.to_owned()));
    assert_eq!(run("good", &[]), (Some(0), nobody.to_owned()));
    run("good", &["hosts=../../web", "ssh_user=me", "ssh_priv_key=/dev/null", "roster=None"]);
    let asked = place.read("asked");
    assert!(asked.contains("\n-p\n2222\n-i\n/dev/null\n-l\nme\n--\nweb\n"), "{asked}");
}

#[test]
fn what_psexec_would_run_is_not_written_as_in_the_original() {
    let place = Place::new("p");
    let (code, printed) = place.run(&["manage.bootstrap_psexec", "hosts=a", "installer_url=http://a/b.exe"]);
    let expected = "\nPassed invalid arguments: a bytes-like object is required, not 'str'\n\nUsage:\n";
    assert!(code == Some(0) && printed.starts_with(expected), "{printed}");
    let (code, printed) = place.run(&["manage.bootstrap_psexec", "hosts=a"]);
    assert!(code == Some(1) && printed.contains("\nurllib.error.URLError: <urlopen error "), "{printed}");
}

/// What the roster says of a host, and the words of ssh; they stand before `-- HOST`.
const WORDS: &[(&str, &str)] = &[
    (
        "{host: '[::1]', user: 'CORP\\root', port: 22, priv: /k}",
        "BatchMode=yes -p 22 -i /k -l CORP\\root -- ::1 /bin/sh -c",
    ),
    (
        "{host: h, priv: agent-forwarding, user: '', tty: true, remote_port_forwards: '1:a:2,3:*:4', port: null, \
         ssh_options: [StrictHostKeyChecking=no, 'Ciphers=a b']}",
        "BatchMode=yes -R 1:a:2 -R 3:*:4 -o StrictHostKeyChecking=no -o Ciphers=a b -tt -- h /bin/sh -c",
    ),
    (
        "{host: h, identities_only: true, known_hosts_file: /dev/null, timeout: 7.5, priv: ''}",
        "-o ConnectTimeout=7 -o BatchMode=yes -o IdentitiesOnly=yes -p 2222 -l root -- h /bin/sh -c",
    ),
    (
        "{host: h, no_host_keys: true}",
        "BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p",
    ),
    ("{host: h, ignore_host_keys: true}", "BatchMode=yes -o StrictHostKeyChecking=no -p"),
    ("{host: h, sudo: true}", "-- h sudo /bin/sh -c"),
    (
        "{host: h, sudo: true, sudo_user: me, set_path: '$PATH:/x'}",
        "-- h PATH=$PATH:/x; export PATH; sudo -u 'me' /bin/sh -c",
    ),
    (
        "{host: h, passwd: it's me}",
        "it's me ssh -o KbdInteractiveAuthentication=no -o PasswordAuthentication=yes -o",
    ),
    ("{host: h, passwd: 5}", "root -o StrictHostKeyChecking=yes -- h /bin/sh -c"),
    ("{host: h, passwd: $(x), sudo: true}", "-- h sudo -S -p '' /bin/sh -c"),
    ("{host: h, passwd: $(x), sudo: true}", "stdin: $(x) "),
    (
        "{host: h, priv_passwd: '*'}",
        "assphrase * ssh -o KbdInteractiveAuthentication=no -o PasswordAuthentication=no -o",
    ),
];

/// What is told of a host in place of any word of ssh.
const REFUSED: &[(&str, &str)] = &[
    ("{host: -oProxyCommand=x}", "'-oProxyCommand=x' is no name of a host or user"),
    ("{host: 'a b'}", "'a b' is no name of a host or user"),
    ("{host: \"a'b\"}", "'a'b' is no name of a host or user"),
    ("{host: a, user: -x}", "'-x' is no name of a host or user"),
    ("{host: a, sudo: true, sudo_user: \"a'b\"}", "'a'b' is no name of a host or user"),
    ("{host: '$(x)'}", "'$(x)' is no name of a host or user"),
    ("{host: $x}", "'$x' is no name of a host"),
    ("{host: ''}", "'' is no name of a host"),
    ("{host: a, winrm: true}", "winrm in the roster is not supported by Halite"),
    ("{host: a, ssh_pre_flight: /x}", "ssh_pre_flight in the roster is not supported by Halite"),
    ("{host: a, cmd_umask: 7}", "cmd_umask in the roster is not supported by Halite"),
    ("{host: a, passwd: 'sdb://x/y'}", "sdb:// in the roster is not supported by Halite"),
    (
        "{host: a, passwd: x, priv_passwd: y}",
        "passwd and priv_passwd of one host are not supported by Halite",
    ),
];

#[test]
fn what_the_roster_says_becomes_words_of_ssh_or_is_refused_by_name() {
    let place = Place::new("w");
    place.write("finger", "none");
    let sshpass = "#!/bin/sh\n[ \"$1\" = -e ] || exit 9; shift\n\
                   [ \"$1\" = -P ] && { SSHPASS=\"$2 $SSHPASS\"; shift 2; }\nexec \"$@\"\n";
    let told = |said: &str| {
        place.write("etc/roster", &format!("web: {said}\n"));
        place.write("asked", "");
        let told = place.accept(&["web"]);
        let why = told.as_list().and_then(|both| both.get(1)?.get("web").map(|why| format!("{why:?}")));
        (why.unwrap_or_default(), place.read("asked").replace('\n', " "))
    };
    let without = "passwd and priv_passwd need the program sshpass, which is not here";
    if !["/usr/bin/sshpass", "/bin/sshpass"].iter().any(|path| std::path::Path::new(path).exists()) {
        let (why, asked) = told("{host: h, passwd: x}");
        assert!(why.contains(without) && asked.is_empty(), "{why} {asked}");
    }
    place.program("bin/sshpass", sshpass);
    for (said, expected) in WORDS {
        let (_, asked) = told(said);
        assert!(asked.contains(expected), "{said}:\n{expected}\n{asked}");
    }
    for (said, expected) in REFUSED {
        let (why, asked) = told(said);
        assert!(why.contains(expected) && asked.is_empty(), "{said}: {expected}: {why} {asked}");
    }
}
