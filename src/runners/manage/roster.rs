//! The roster: which hosts are reached by ssh, and how. Salt: roster/flat.py, utils/roster_matcher.py,
//! client/ssh/__init__.py.

use std::fs;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Duration;

use super::say;
use crate::host::Command;
use crate::loader::{Context, Fault, os_error_text};
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::render::{Source, render_from};
use crate::value::{Map, Value, str_of};

/// Makes the key that hosts are reached with, where there is none. Without `ssh-keygen` ssh will say what it misses.
const MAKE_KEY: &str = "[ \"$1\" = agent-forwarding ] || [ -f \"$1\" ] || \
                        { mkdir -p -- \"${1%/*}\"; exec ssh-keygen -P '' -f \"$1\" -t rsa -q; }";

/// How long that may take.
const KEYGEN: Duration = Duration::from_secs(60);

/// Hosts, and how they are reached.
pub(super) struct Hosts {
    /// Options of the master, for what the roster does not say.
    pub opts: Map,
    /// Their names in the roster, which are the ids of their minions, and what it says of them.
    pub all: Vec<(String, Map)>,
}

/// The hosts that a target names, in the order of the roster; a name that is not in it and has an address is a host of its
/// own. `over` are options that go before those of the master.
///
/// Without a roster or a host in it none, with a line that says so.
///
/// # Errors
/// For other rosters than `flat`.
pub(super) fn hosts(cx: &Context, over: Map, tgt: &Value, tgt_type: &str) -> Result<Hosts, Fault> {
    let mut opts = cx.opts.clone();
    opts.extend(over);
    let text = |name: &str| opts.get(name).filter(|value| value.truthy()).map(str_of);
    if let Some(other) = text("roster").filter(|roster| roster != "flat") {
        return Err(Fault::NotSupported(format!("the roster {other}")));
    }
    let beside =
        || Path::new(cx.opt_str("conf_file")).with_file_name("roster").to_string_lossy().into_owned();
    let roster = read(cx, &text("roster_file").unwrap_or_else(beside))?;
    let mut tgt = tgt;
    let mut kind = tgt_type.parse::<TargetType>();
    if let Ok(TargetType::Nodegroup) = kind {
        kind = Ok(TargetType::List);
        tgt = opts
            .get("ssh_list_nodegroups")
            .and_then(|groups| groups.get(&str_of(tgt)))
            .unwrap_or(&Value::Null);
    }
    // What cannot be understood means nobody, as in Salt.
    let target = kind.ok().and_then(|kind| Target::parse(tgt, kind, &ParseOptions::default()).ok());
    let nothing = Map::new();
    let mut all = Vec::new();
    for (id, said) in roster {
        let id = str_of(&id);
        let view = MinionView { id: &id, grains: &nothing, pillar: &nothing };
        if !target.as_ref().is_some_and(|target| target.matches(&view)) {
            continue;
        }
        let mut options = opts.get("roster_defaults").and_then(Value::as_map).cloned().unwrap_or_default();
        match said {
            Value::Text(_) => drop(options.insert("host", said)),
            Value::Map(said) => options.extend(said),
            _ => continue,
        }
        options.entry("host", || id.as_str().into());
        all.push((id, options));
    }
    if let (true, Value::Text(tgt)) = (all.is_empty(), tgt) {
        let (user, name) = tgt.split_once('@').unwrap_or(("", tgt));
        if !name.is_empty() && !name.contains('*') && (name, 0).to_socket_addrs().is_ok() {
            let mut options = Map::new();
            options.insert("host", name);
            if !user.is_empty() {
                options.insert("user", user);
            }
            all.push((name.to_owned(), options));
        }
    }
    let private = text("ssh_priv").unwrap_or_else(|| format!("{}/ssh/salt-ssh.rsa", cx.opt_str("pki_dir")));
    if all.is_empty() {
        tell(cx, "No matching targets found in roster.")?;
    } else {
        let mut command = Command::new("/bin/sh", ["-c", MAKE_KEY, "sh", &private]);
        command.timeout = Some(KEYGEN);
        cx.host.run(&command)?;
    }
    opts.insert("ssh_priv", private);
    let seconds = |name| opts.get(name).and_then(Value::as_float).unwrap_or_default();
    opts.insert("ssh_timeout", seconds("ssh_timeout") + seconds("timeout"));
    Ok(Hosts { opts, all })
}

/// Salt logs it where the user sees it; ours is told as well.
fn tell(cx: &Context, problem: &str) -> Result<(), Fault> {
    crate::log::error!("{problem}");
    say(cx, problem)
}

/// Empty where it cannot be had, which is told.
fn read(cx: &Context, file: &str) -> Result<Map, Fault> {
    let none = Map::new();
    let told = match fs::read_to_string(file) {
        Err(error) => format!("Can't access roster for backend flat: {}", os_error_text(&error, file)),
        Ok(text) => {
            let source = Source { text: &text, path: Some(file), saltenv: "base", sls: "", variables: &none };
            match render_from(cx, cx.master.files(), &source, cx.opt_str("renderer")) {
                Ok(Value::Map(roster)) => return Ok(roster),
                Ok(_) => return Ok(none),
                Err(error) => format!("Unable to render roster file: {error}"),
            }
        }
    };
    tell(cx, &told)?;
    Ok(none)
}
