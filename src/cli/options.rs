//! Options that several programs share, with Salt's spellings. Salt: utils/parsers.py (the mix-ins).

use super::syntax::{Flag, Group, Parsed, Takes};
use crate::value::yaml::parse_input;
use crate::value::{Map, Value};

/// Names of log levels, in the order in which Salt complains with them.
pub const LOG_LEVELS: &[&str] =
    &["all", "debug", "error", "critical", "garbage", "info", "profile", "quiet", "trace", "warning"];

/// The same, from most to least.
const SORTED_LOG_LEVELS: &[&str] =
    &["all", "garbage", "trace", "debug", "profile", "info", "warning", "error", "critical", "quiet"];

/// `-c`, which every program has.
pub const CONFIG_DIR: Flag = Flag::value(
    &["-c", "--config-dir"],
    "config_dir",
    Takes::Text,
    "CONFIG_DIR",
    "Directory of the configuration files. Default: $SALT_CONFIG_DIR, else /etc/salt.",
);

/// `--hard-crash`: accepted, failures are always told in full.
pub const HARD_CRASH: Flag = Flag::new(
    &["--hard-crash"],
    "hard_crash",
    "Accepted for Salt's sake: failures of this program always tell where they come from.",
);

/// `--saltfile`.
pub const SALTFILE: Flag = Flag::value(
    &["--saltfile"],
    "saltfile",
    Takes::Text,
    "SALTFILE",
    "A file with defaults for command lines. Default: $SALT_SALTFILE, else Saltfile here or in ~/.salt.",
);

/// `-t`.
pub const TIMEOUT: Flag = Flag::value(
    &["-t", "--timeout"],
    "timeout",
    Takes::Int,
    "TIMEOUT",
    "Seconds to wait for answers before the minions are asked whether they still work. Default: 5.",
);

/// `--args-stdin`.
pub const ARGS_STDIN: Flag = Flag::new(
    &["--args-stdin"],
    "args_stdin",
    "Read further options and words from standard input, one a line.",
);

/// `--enable-profiling`.
pub const PROFILING: Flag = Flag::new(
    &["--enable-profiling"],
    "profiling_enabled",
    "Write a file that tells what the run has cost: time, memory, and the time of each phase.",
);

/// `--profiling-path`.
pub const PROFILING_PATH: Flag = Flag::value(
    &["--profiling-path"],
    "profiling_path",
    Takes::Text,
    "PROFILING_PATH",
    "The directory of this file. Default: /tmp/stats.",
);

/// `--no-parse`.
pub const NO_PARSE: Flag = Flag::value(
    &["--no-parse"],
    "no_parse",
    Takes::Text,
    "NAME,NAME...",
    "Names of arguments (name=value) whose values stay text. Default: $SALT_NO_PARSE.",
);

/// The arguments of a function among the words of a command line, read as YAML but for those of `--no-parse`.
pub fn arguments<W: AsRef<str>>(parsed: &Parsed, words: &[W]) -> (Vec<Value>, Map) {
    let names = match parsed.text("no_parse") {
        Some(names) => names.to_owned(),
        None => std::env::var("SALT_NO_PARSE").unwrap_or_default(),
    };
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    parse_input(words, &names)
}

/// `-d`, of daemons.
pub const DAEMON: Group = Group {
    title: "",
    about: "",
    flags: &[
        CONFIG_DIR,
        Flag::new(&["-d", "--daemon"], "daemon", "Run in the background."),
        Flag::value(&["--pid-file"], "pidfile", Takes::Text, "PIDFILE", "Where the process id is written."),
        Flag::new(
            &["--disable-keepalive"],
            "disable_keepalive",
            "Accepted for Salt's sake: there is no second process that restarts this one.",
        ),
        Flag::value(&["-u", "--user"], "user", Takes::Text, "USER", "The user to run as."),
        HARD_CRASH,
        SALTFILE,
    ],
};

/// `-l`, `--log-file`, `--log-file-level`.
pub const LOGGING: Group = Group {
    title: "Logging Options",
    about: "These override the configuration files.",
    flags: &[
        Flag::value(
            &["-l", "--log-level"],
            "log_level",
            Takes::Choice(LOG_LEVELS),
            "LOG_LEVEL",
            "What is logged to the console: all, garbage, trace, debug, profile, info, warning, error, critical, quiet.",
        ),
        LOG_FILE,
        LOG_FILE_LEVEL,
    ],
};

/// `--log-file`.
pub const LOG_FILE: Flag = Flag::value(&["--log-file"], "log_file", Takes::Text, "LOG_FILE", "The log file.");

/// `--log-file-level`.
pub const LOG_FILE_LEVEL: Flag = Flag::value(
    &["--log-file-level"],
    "log_level_logfile",
    Takes::Choice(SORTED_LOG_LEVELS),
    "LOG_LEVEL",
    "What is logged to the file.",
);

/// How the target is meant.
pub const TARGET: Group = Group {
    title: "Target Options",
    about: "A target is a glob over minion ids unless one of these says otherwise.",
    flags: &[
        Flag::new(
            &["-H", "--hosts"],
            "list_hosts",
            "Accepted for Salt's sake: it is for rosters of salt-ssh.",
        ),
        Flag::new(&["-E", "--pcre"], "pcre", "A regular expression over minion ids."),
        Flag::new(&["-L", "--list"], "list", "Ids, with commas or spaces between them."),
        Flag::new(&["-G", "--grain"], "grain", "A grain and a glob over its value: os:Arch*."),
        Flag::new(&["-P", "--grain-pcre"], "grain_pcre", "A grain and a regular expression: os:Arch.*."),
        Flag::new(&["-N", "--nodegroup"], "nodegroup", "A nodegroup of the master's configuration."),
        Flag::new(
            &["-R", "--range"],
            "range",
            "A range expression: matches nobody, as in Salt without range.",
        ),
        Flag::new(
            &["-C", "--compound"],
            "compound",
            "Several kinds with and, or, not: G@os:RedHat and web*.",
        ),
        Flag::new(&["-I", "--pillar"], "pillar", "A pillar value and a glob: role:production*."),
        Flag::new(&["-J", "--pillar-pcre"], "pillar_pcre", "A pillar value and a regular expression."),
        Flag::new(&["-S", "--ipcidr"], "ipcidr", "An address or a network."),
    ],
};

/// What else belongs to a target.
pub const TARGET_MORE: Group = Group {
    title: "Additional Target Options",
    about: "",
    flags: &[Flag::value(
        &["--delimiter"],
        "delimiter",
        Takes::Text,
        "DELIMITER",
        "What stands between the levels of a grain or pillar key. Default: ':'.",
    )],
};

/// How results are printed.
pub const OUTPUT: Group = Group {
    title: "Output Options",
    about: "",
    flags: &[
        Flag::value(
            &["--out", "--output"],
            "output",
            Takes::Text,
            "OUTPUT",
            "The outputter: nested, json, yaml …",
        ),
        Flag::value(
            &["--out-indent", "--output-indent"],
            "output_indent",
            Takes::Int,
            "OUTPUT_INDENT",
            "Spaces of indentation; negative for none.",
        ),
        Flag::value(
            &["--out-file", "--output-file"],
            "output_file",
            Takes::Text,
            "OUTPUT_FILE",
            "Print into this file.",
        ),
        Flag::new(
            &["--out-file-append", "--output-file-append"],
            "output_file_append",
            "Keep what the file has.",
        ),
        Flag::new(&["--no-color", "--no-colour"], "no_color", "No colours."),
        Flag::new(&["--force-color", "--force-colour"], "force_color", "Colours even where no terminal is."),
        Flag::value(
            &["--state-output", "--state_output"],
            "state_output",
            Takes::Text,
            "STATE_OUTPUT",
            "How states are shown: full, terse, mixed, changes or filter.",
        ),
        Flag::value(
            &["--state-verbose", "--state_verbose"],
            "state_verbose",
            Takes::Text,
            "STATE_VERBOSE",
            "Whether states that changed nothing are shown.",
        ),
    ],
};

/// Who the caller is.
pub const EXTERNAL_AUTH: Group = Group {
    title: "External Authentication",
    about: "",
    flags: &[
        Flag::value(
            &["-a", "--auth", "--eauth", "--external-auth"],
            "eauth",
            Takes::Text,
            "EAUTH",
            "An external authentication system of the master.",
        ),
        Flag::new(&["-T", "--make-token"], "mktoken", "Keep a token for later calls."),
        Flag::value(&["--username"], "username", Takes::Text, "USERNAME", "The user to authenticate."),
        Flag::value(&["--password"], "password", Takes::Text, "PASSWORD", "The password."),
    ],
};

/// The `tgt_type` that the target options choose: `glob` if none is given.
///
/// # Errors
/// The sentence to complain with, when several are given.
pub fn target_type(parsed: &Parsed) -> Result<&'static str, String> {
    let given: Vec<&Flag> = TARGET.flags.iter().filter(|flag| parsed.flag(flag.dest)).collect();
    match given.as_slice() {
        [] => Ok("glob"),
        [one] => Ok(one.dest),
        many => {
            let names: Vec<&str> = many.iter().filter_map(|flag| flag.names.last().copied()).collect();
            Err(format!(
                "The options {} are mutually exclusive. Please only choose one of them",
                names.join("/")
            ))
        }
    }
}
