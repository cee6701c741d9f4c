//! The executor `sudo`: what the program is told, and what becomes of what it says.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{Line, Pair, run, without_own};
use crate::fleet::text;
use crate::peers::Peer;

/// Says what it was told, as a `salt-call` would say it; or fails.
const SUDO: &str = "#!/bin/sh\n\
    [ \"$MODE\" = fail ] && { echo out; printf 'one\\ntwo  \\n\\n' >&2; exit 7; }\n\
    [ \"$MODE\" = nothing ] && { echo '{\"local\": {\"return\": null}}'; exit; }\n\
    IFS='|'; echo aside >&2\n\
    printf '{\"local\": {\"return\": \"%s\", \"retcode\": %s}}\\n' \"$*\" \"${MODE:-0}\"\n";

const SUDO_PATH: &str = "PATH=@R/sudo:/usr/bin:/bin";

/// The words behind those that choose the executor.
const CALLS: &[(&str, Line)] = &[
    (
        "MODE=0",
        &["test.arg", "a b", "q=x y", "7", "1.50", "it's", "l=[1, 2]", "d={a: b}", "true", "x=null", ""],
    ),
    ("MODE=0", &["test.echo", "a  b"]),
    ("MODE=3", &["test.echo", "$(id) `id` ; * ~"]),
    ("MODE=3", &["test.echo", "x", "--retcode-passthrough", "--metadata"]),
    ("MODE=fail", &["test.echo", "x", "--retcode-passthrough"]),
    ("MODE=nothing", &["test.echo", "x"]),
    ("MODE=nothing", &["test.echo", "x", "--module-executors=[sudo, direct_call]"]),
    ("MODE=0", &["state.apply", "x", "concurrent=False", "--return=nosuch"]),
    ("MODE=0", &["state.sls", "x"]),
    ("MODE=0", &["state.show_sls", "x"]),
    ("MODE=0", &["test.echo"]),
    ("MODE=0", &["test.echo", "x", "--module-executors=direct_call"]),
    ("MODE=0", &["test.echo", "x", "-c", "@R/etc"]),
];

pub fn differences(pair: &Pair) -> Vec<String> {
    for fleet in pair.each() {
        let root = fleet.path("").display().to_string();
        fs::create_dir_all(fleet.path("sudo")).expect("made");
        let options = format!("id: minion-a\nroot_dir: {root}sudo\nfile_client: local\nsudo_user: root\n");
        fs::write(fleet.path("sudo/minion"), options).expect("written");
        for program in ["sudo/sudo", "sudo/salt-call"] {
            fs::write(fleet.path(program), SUDO).expect("written");
            fs::set_permissions(fleet.path(program), Permissions::from_mode(0o755)).expect("set");
        }
    }
    let mut differences = Vec::new();
    for (mode, words) in CALLS {
        let options =
            ["-c", "@R/sudo", "@NOWHERE", "--local", "--module-executors=sudo", "--out-file=@R/out"];
        let line = [&[SUDO_PATH, mode, "salt-call", "--out=json"], &options[..], words].concat();
        let [told, we] =
            [(&pair.original, Peer::Salt3006), (&pair.ours, Peer::Halite)].map(|(fleet, peer)| {
                let output = run(fleet, peer, &line);
                // Salt shows what the program prints as it comes, so the result is looked for apart from it.
                let result = fs::read_to_string(fleet.path("out")).unwrap_or_default();
                let _ = fs::remove_file(fleet.path("out"));
                (without_own(fleet, &result), output.status.code(), text(&output))
            });
        if (&told.0, told.1) != (&we.0, we.1) {
            differences.push(format!("--- {line:?}\nSalt: {told:?}\nours: {we:?}"));
        }
    }
    differences
}
