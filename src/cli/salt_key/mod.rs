//! `salt-key`: shows, accepts, rejects and deletes the keys of minions. Salt: cli/key.py, key.py.

mod remote;

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::config_files;
use super::daemons::become_user;
use super::options::{self, EXTERNAL_AUTH, OUTPUT};
use super::{Call, Display, Exit, Flag, Group, Parsed, Stop, Syntax, Takes, apply, print, start_logging};
use crate::config::Opts;
use crate::crypt::HashType;
use crate::event::tags;
use crate::host::owner_of;
use crate::keys::{self, Change, KeyDirs, KeyMaker, KeyState, Names, SignatureOrder};
use crate::map;
use crate::output::keys::{KeyAct, no_match};
use crate::transport::bus::{BusPaths, fire_blocking};
use crate::value::Value;

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options]",
    about: "Shows, accepts, rejects and deletes the keys of minions. Without options it lists them.",
    groups: &[
        Group { title: "", about: "", flags: OWN },
        Group { title: "Logging Options", about: "These override the configuration files.", flags: LOGGING },
        OUTPUT,
        EXTERNAL_AUTH,
        Group { title: "Actions", about: "", flags: ACTIONS },
        Group { title: "Key Generation Options", about: "", flags: GENERATION },
    ],
};

const OWN: &[Flag] = &[
    options::SALTFILE,
    options::CONFIG_DIR,
    Flag::value(&["-u", "--user"], "user", Takes::Text, "USER", "The user that the key files belong to."),
    options::HARD_CRASH,
    Flag::new(&["-q", "--quiet"], "quiet", "Print less."),
    Flag::new(&["-y", "--yes"], "yes", "Do not ask."),
    Flag::value(
        &["--rotate-aes-key"],
        "rotate_aes_key",
        Takes::Text,
        "ROTATE_AES_KEY",
        "False: the master keeps its AES key when keys are deleted or rejected, and these minions can read along \
         until it changes. Default: True.",
    ),
    Flag::value(
        &["--preserve-minions"],
        "preserve_minions",
        Takes::Text,
        "PRESERVE_MINIONS",
        "True: what is cached of a minion stays when its key is deleted. Default: False.",
    ),
];

const LOGGING: &[Flag] = &[
    Flag::value(
        &["--log-level"],
        "log_level",
        Takes::Choice(options::LOG_LEVELS),
        "LOG_LEVEL",
        "What is logged to the console.",
    ),
    Flag::value(&["--log-file"], "key_logfile", Takes::Text, "LOG_FILE", "The log file."),
    options::LOG_FILE_LEVEL,
];

const ACTIONS: &[Flag] = &[
    Flag::value(
        &["-l", "--list"],
        "list",
        Takes::Text,
        "ARG",
        "List keys: pre, un or unaccepted; acc or accepted; rej or rejected; den or denied; all.",
    ),
    Flag::new(&["-L", "--list-all"], "list_all", "List all keys."),
    Flag::value(
        &["-a", "--accept"],
        "accept",
        Takes::Text,
        "ACCEPT",
        "Accept pending keys that fit a glob; with --include-rejected and --include-denied those, too.",
    ),
    Flag::new(&["-A", "--accept-all"], "accept_all", "Accept all pending keys."),
    Flag::value(
        &["-r", "--reject"],
        "reject",
        Takes::Text,
        "REJECT",
        "Reject pending keys that fit a glob; with --include-accepted and --include-denied those, too.",
    ),
    Flag::new(&["-R", "--reject-all"], "reject_all", "Reject all pending keys."),
    Flag::new(&["--include-all"], "include_all", "Accept rejected keys, or reject accepted ones, too."),
    Flag::new(&["--include-accepted"], "include_accepted", "Reject accepted keys, too."),
    Flag::new(&["--include-rejected"], "include_rejected", "Accept rejected keys, too."),
    Flag::new(&["--include-denied"], "include_denied", "Accept or reject denied keys, too."),
    Flag::value(&["-p", "--print"], "print", Takes::Text, "PRINT", "Print keys that fit a glob."),
    Flag::new(&["-P", "--print-all"], "print_all", "Print all keys."),
    Flag::value(&["-d", "--delete"], "delete", Takes::Text, "DELETE", "Delete keys that fit a glob."),
    Flag::new(&["-D", "--delete-all"], "delete_all", "Delete all keys."),
    Flag::value(
        &["-f", "--finger"],
        "finger",
        Takes::Text,
        "FINGER",
        "Print fingerprints of keys that fit a glob.",
    ),
    Flag::new(&["-F", "--finger-all"], "finger_all", "Print the fingerprints of all keys."),
];

const GENERATION: &[Flag] = &[
    Flag::value(&["--gen-keys"], "gen_keys", Takes::Text, "GEN_KEYS", "Make a key pair of this name."),
    Flag::value(
        &["--gen-keys-dir"],
        "gen_keys_dir",
        Takes::Text,
        "GEN_KEYS_DIR",
        "Where the key pair goes. Default: the working directory.",
    ),
    Flag::value(
        &["--keysize"],
        "keysize",
        Takes::Int,
        "KEYSIZE",
        "Bits of the new key, 2048 at least. Default: 2048.",
    ),
    Flag::new(
        &["--gen-signature"],
        "gen_signature",
        "Sign the master's public key, so that minions can verify it with the signing key.",
    ),
    Flag::value(&["--priv"], "priv", Takes::Text, "PRIV", "The private key to sign with."),
    Flag::value(
        &["--signature-path"],
        "signature_path",
        Takes::Text,
        "SIGNATURE_PATH",
        "Where the signature goes.",
    ),
    Flag::value(&["--pub"], "pub", Takes::Text, "PUB", "The public key to sign."),
    Flag::new(&["--auto-create"], "auto_create", "Make a signing key pair where there is none."),
];

/// What is to be done; Salt takes the first of these that is asked for.
enum Task {
    GenKeys(String),
    GenSignature,
    List(String),
    Print(String),
    Act(KeyAct, String),
    Finger(String),
}

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    crate::host::interrupt::take_leave();
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let task = task(&parsed)?;
    if parsed.flag("delete_all") && !parsed.words.is_empty() {
        // Salt quirk (scripts.py, all): a mistake with exit code 0.
        let text = "Error: Delete all takes no arguments. Use -d to delete specified keys\n";
        return Err(Stop::failed(Exit::OK, text).into());
    }
    let mut opts = options_of(&parsed)?;
    apply(&SYNTAX, &parsed, &mut opts);
    let log = opts.str("key_logfile").to_owned();
    opts.set("log_file", log);
    start_logging(&call.prog, &opts);
    let display = Display::new(&opts)?;
    let asks_master = !matches!(task, Task::GenKeys(_) | Task::GenSignature);
    if asks_master && parsed.text("eauth").is_some_and(|eauth| !eauth.is_empty()) {
        return remote::run(&parsed, &opts, task, &display);
    }
    become_user(&opts)?;
    let keys = KeyDirs::from_opts(opts.as_map());
    match task {
        Task::GenKeys(name) => {
            let folder = Path::new(parsed.text("gen_keys_dir").unwrap_or("."));
            std::fs::create_dir_all(folder)
                .with_context(|| format!("the directory {} cannot be made", folder.display()))?;
            let finger = KeyMaker::from_opts(opts.as_map()).pair(folder, &name, bits(&parsed, &opts))?;
            show(&display, &map! { "return" => finger }.into())
        }
        Task::GenSignature => sign(&parsed, &opts, &display),
        Task::List(word) => {
            let names = match KeyState::of_word(&word) {
                Some(state) => Names(vec![(state, keys.names_of(state))]),
                None => keys.list(),
            };
            show(&display, &names.value().into())
        }
        Task::Print(globs) => {
            let texts = keys.texts(&keys.matching(&globs)).context("a key cannot be read")?;
            show(&display, &texts.into())
        }
        Task::Finger(globs) => {
            let hash_type = opts.str("hash_type").parse().unwrap_or(HashType::Sha256);
            show(&display, &keys.fingerprints(&globs, hash_type).into())
        }
        Task::Act(act, globs) => change(act, &globs, &keys, &opts, &display),
    }
}

fn task(parsed: &Parsed) -> Result<Task, Stop> {
    let wrong = |text: &str| Err(SYNTAX.wrong(&parsed.prog, text));
    match parsed.int("keysize") {
        Some(..2048) => return wrong("The minimum value for keysize is 2048"),
        Some(32_769..) => return wrong("The maximum value for keysize is 32768"),
        _ => {}
    }
    let given = |dest: &str| parsed.text(dest).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(word) = given("list")
        && !["acc", "pre", "un", "rej", "den", "all"].iter().any(|start| word.starts_with(start))
    {
        return wrong(&format!("'{word}' is not a valid argument to '--list'"));
    }
    let glob = |dest: &str, all: &str| given(dest).or_else(|| parsed.flag(all).then(|| "*".to_owned()));
    Ok(if let Some(name) = given("gen_keys") {
        Task::GenKeys(name)
    } else if parsed.flag("gen_signature") {
        Task::GenSignature
    } else if let Some(word) = given("list") {
        Task::List(word)
    } else if parsed.flag("list_all") {
        Task::List("all".to_owned())
    } else if let Some(globs) = glob("print", "print_all") {
        Task::Print(globs)
    } else if let Some(globs) = glob("accept", "accept_all") {
        Task::Act(KeyAct::Accept, globs)
    } else if let Some(globs) = glob("reject", "reject_all") {
        Task::Act(KeyAct::Reject, globs)
    } else if let Some(globs) = glob("delete", "delete_all") {
        Task::Act(KeyAct::Delete, globs)
    } else if let Some(globs) = glob("finger", "finger_all") {
        Task::Finger(globs)
    } else {
        Task::List("all".to_owned())
    })
}

/// The configuration. New keys can be made where there is none: then the target directory takes its place.
fn options_of(parsed: &Parsed) -> anyhow::Result<Opts> {
    let dir = parsed.text("config_dir").map(PathBuf::from);
    let Some(_) = parsed.text("gen_keys").filter(|name| !name.is_empty()) else {
        return config_files::load_client(dir.as_deref());
    };
    let folder = PathBuf::from(parsed.text("gen_keys_dir").unwrap_or("."));
    let named = dir.clone().or_else(|| std::env::var_os("SALT_CONFIG_DIR").map(PathBuf::from));
    let readable = std::fs::read_dir(named.as_deref().unwrap_or(Path::new("/etc/salt"))).is_ok();
    if readable {
        return config_files::load_client(dir.as_deref());
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the directory {} cannot be made", folder.display()))?;
    config_files::load_client(Some(&folder))
}

fn bits(parsed: &Parsed, opts: &Opts) -> usize {
    let bits = parsed.int("keysize").unwrap_or_else(|| opts.int("keysize").max(2048));
    usize::try_from(bits).unwrap_or(2048)
}

fn sign(parsed: &Parsed, opts: &Opts, display: &Display) -> anyhow::Result<Exit> {
    let order = SignatureOrder {
        private: parsed.text("priv").unwrap_or_default(),
        public: parsed.text("pub").unwrap_or_default(),
        folder: parsed.text("signature_path").unwrap_or_default(),
        auto_create: parsed.flag("auto_create"),
        bits: bits(parsed, opts),
    };
    let outcome: Value = match KeyMaker::from_opts(opts.as_map()).signature(&order)? {
        Ok(made) => made.into(),
        Err(reason) => reason.into(),
    };
    show(display, &map! { "return" => outcome }.into())
}

fn show(display: &Display, value: &Value) -> anyhow::Result<Exit> {
    display.show(value, Some("key"), 0)?;
    Ok(Exit::OK)
}

/// The states whose keys are meant, as the `--include-…` options say.
struct Wanted {
    states: Vec<KeyState>,
    accepted: bool,
    rejected: bool,
    denied: bool,
}

fn wanted(act: KeyAct, opts: &Opts) -> Wanted {
    let wanted = |option: &str| opts.bool(option);
    let (accepted, rejected) = match act {
        KeyAct::Accept => (false, wanted("include_all") || wanted("include_rejected")),
        KeyAct::Reject => (wanted("include_all") || wanted("include_accepted"), false),
        KeyAct::Delete => (wanted("include_accepted"), wanted("include_rejected")),
    };
    let denied = wanted("include_denied");
    let mut states = vec![KeyState::Pending];
    let optional =
        [(accepted, KeyState::Accepted), (rejected, KeyState::Rejected), (denied, KeyState::Denied)];
    for (included, state) in optional {
        if included {
            states.push(state);
        }
    }
    Wanted { states, accepted, rejected, denied }
}

/// Accepts, rejects or deletes what fits, after asking.
fn change(act: KeyAct, globs: &str, keys: &KeyDirs, opts: &Opts, display: &Display) -> anyhow::Result<Exit> {
    let Wanted { states, accepted, rejected, denied } = wanted(act, opts);
    let mut found = keys.matching(globs);
    if act != KeyAct::Delete {
        let kept = states.iter().filter_map(|state| {
            let names = found.of(*state);
            (!names.is_empty()).then(|| (*state, names.to_vec()))
        });
        found = Names(kept.collect());
    }
    if found.is_empty() {
        print(&no_match(globs, accepted, rejected, denied))?;
        return Ok(Exit::OK);
    }
    print(&act.announcement())?;
    display.show(&found.value().into(), Some("key"), 0)?;
    if !opts.bool("yes") && !agreed(act)? {
        return Ok(Exit::OK);
    }
    let (changes, told) = match act {
        KeyAct::Accept => {
            let done = keys.accept(&mut found, &states);
            for name in &done.invalid {
                let _ = writeln!(io::stderr().lock(), "Unable to accept invalid key for {name}.");
            }
            (done.changes, keys.whereabouts(&found))
        }
        KeyAct::Reject => {
            let changes = keys.reject(&found, &states);
            (changes, keys.whereabouts(&found))
        }
        KeyAct::Delete => (keys.delete(&found), found.clone()),
    };
    fire(opts, &changes);
    if act != KeyAct::Accept {
        revoke(act, &found, keys, opts)?;
    }
    let lines = told.0.iter().flat_map(|(_, names)| names).map(|name| act.confirmation(name));
    print(&lines.collect::<String>())?;
    Ok(Exit::OK)
}

/// What goes with a removed key: cached data, and the AES key that the minion knows.
fn revoke(act: KeyAct, removed: &Names, keys: &KeyDirs, opts: &Opts) -> anyhow::Result<()> {
    let preserve = act == KeyAct::Delete && opts.get("preserve_minions") == Some(&Value::Bool(true));
    let cachedir = opts.path("cachedir");
    if !opts.bool("preserve_minion_cache") {
        keys::clean_caches(keys, &cachedir, if preserve { removed.of(KeyState::Accepted) } else { &[] });
    }
    if opts.bool("rotate_aes_key") {
        let file = cachedir.join(keys::REQUEST);
        keys::request_rotation(&cachedir, opts.id(), owner_of(opts.str("user"))).with_context(|| {
            format!(
                "the keys are removed, but the master cannot be asked for a new AES key by writing {}: these minions \
                 can read along until it restarts",
                file.display()
            )
        })?;
    }
    Ok(())
}

fn agreed(act: KeyAct) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(act.question().as_bytes())?;
    stdout.flush()?;
    drop(stdout);
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        return Err(Stop::failed(
            Exit::GENERIC,
            "\nNo answer on standard input: -y agrees without being asked.\n",
        )
        .into());
    }
    Ok(act.agreed(&answer))
}

/// Tells the master, if one runs, as Salt does: `salt/key {"result": True, "act": …, "id": …}`.
fn fire(opts: &Opts, changes: &[Change]) {
    let paths = BusPaths::master(&opts.path("sock_dir"));
    if !paths.pull.exists() {
        return;
    }
    for change in changes {
        if let Err(error) = fire_blocking(&paths, tags::KEY, change.event()) {
            crate::log::warn!("the running master could not be told about the key of {}: {error}", change.id);
            return;
        }
    }
}
