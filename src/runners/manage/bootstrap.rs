//! `manage.bootstrap*`: hosts that are made minions. Salt: runners/manage.py.

use std::time::Duration;

use super::{roster, say, ssh};
use crate::channel::new_nonce;
use crate::loader::shlex::split;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::output::{OutputOptions, render};
use crate::value::{Map, Value};

/// The script that is fetched where none is named.
pub(super) const SCRIPT: &str =
    "https://github.com/saltstack/salt-bootstrap/releases/latest/download/bootstrap-salt.sh";

/// How long a host may take for one step: packages are fetched, or even built.
const LONGEST: Duration = Duration::from_secs(3600);

/// Which options of the master stand behind which arguments.
const OVER: [(&str, &str); 4] = [
    ("roster", "roster"),
    ("ssh_user", "ssh_user"),
    ("ssh_password", "ssh_passwd"),
    ("ssh_priv_key", "ssh_priv"),
];

/// What is done on each host: a private directory, the script into it, the script run, the directory removed. The arguments
/// are the directory, the script's address and its arguments.
const STEPS: [&str; 4] = [
    "umask 077; mkdir -p -- \"$1\"",
    "if command -v curl >/dev/null; then curl -gfsSL -o \"$1/deploy.sh\" --url \"$2\"; \
     else wget -qO \"$1/deploy.sh\" -- \"$2\"; fi && cat -- \"$1/deploy.sh\"",
    "exec 2>&1 </dev/null; there=$1; shift 2; exec sh \"$there/deploy.sh\" \"$@\"",
    REMOVE,
];

const REMOVE: &str = "rm -rf -- \"$1\"";

/// Each glob of `hosts` in its turn; what each step gives is printed. A step that fails anywhere is the last one, but for the
/// directory.
pub(super) fn bootstrap(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut over = Map::new();
    for (argument, option) in OVER {
        if let Some(given) = args.given(argument) {
            over.insert(option, given.clone());
        }
    }
    let mut words = vec![args.str("tmp_dir")?, args.str("script")?];
    words.extend(split(&args.str("script_args")?)?);
    for glob in args.str("hosts")?.split(',') {
        if let Some(folder) = words.first_mut() {
            *folder = format!("{}-{}", folder.trim_end_matches('/'), new_nonce());
        }
        let hosts = roster::hosts(cx, over.clone(), &glob.into(), "glob")?;
        for (place, script) in STEPS.iter().enumerate() {
            let mut failed = false;
            for ((id, _), output) in hosts.all.iter().zip(ssh::run_on(cx, &hosts, script, &words, LONGEST)) {
                failed |= output.code != 0;
                let text = String::from_utf8_lossy(&output.stdout);
                let shown: Value = match (place, output.code) {
                    (0, 0) => Value::Null,
                    (1, 0) => map! { "body" => text.as_ref() }.into(),
                    (2, 0..255) => text.trim_end_matches('\n').into(),
                    (_, 0) => true.into(),
                    _ => ssh::problem(&output).into(),
                };
                let shown = map! { id.as_str() => shown }.into();
                say(cx, &render(Some("nested"), &shown, &OutputOptions::default()))?;
            }
            if failed {
                ssh::run_on(cx, &hosts, REMOVE, &words, LONGEST);
                return Err(Fault::exception("SystemExit", "20"));
            }
        }
    }
    Ok(Value::Null)
}

/// Salt 3006 and 3007 end here before they come to `psexec`: they look for installers at a place that is no more, or else
/// write a text into a file that takes octets.
pub(super) fn psexec(_: &Context, args: &Args) -> Result<Value, Fault> {
    if args.truthy("installer_url") {
        return Err(Fault::Type("a bytes-like object is required, not 'str'".to_owned()));
    }
    let text = "<urlopen error https://repo.saltproject.io/windows/ is no more: name an installer_url>";
    Err(Fault::exception("urllib.error.URLError", text))
}
