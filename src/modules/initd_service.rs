//! `service` where systemd did not boot the host: Debian's and Red Hat's scripts, and OpenRC, as rows of command
//! lines. Salt: modules/debian_service.py, rh_service.py, gentoo_service.py.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, keywords, opt, req};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, Value, sort, str_of};

const NAME: &[Param] = &[req("name")];
const NAME_MORE: &[Param] = &[req("name"), keywords("kwargs")];
const STATUS: &[Param] = &[req("name"), opt("sig", Default::None)];

/// How one kind of init is told something.
struct Init {
    /// `{name}` and `{action}` stand for themselves.
    act: &'static str,
    enable: &'static str,
    disable: &'static str,
    /// The command that lists services and those that start at boot; empty: files in `/etc/init.d` and `/etc/rc?.d`.
    list: &'static str,
}

static DEBIAN: Init = Init {
    act: "service {name} {action}",
    enable: "insserv {name} && update-rc.d {name} enable",
    disable: "update-rc.d {name} disable",
    list: "",
};
static RED_HAT: Init = Init {
    act: "/sbin/service {name} {action}",
    enable: "/sbin/chkconfig {name} on",
    disable: "/sbin/chkconfig {name} off",
    list: "/sbin/chkconfig --list",
};
static OPENRC: Init = Init {
    act: "/etc/init.d/{name} {action}",
    enable: "rc-update add {name}",
    disable: "rc-update delete {name}",
    list: "rc-update -v show",
};

fn booted(cx: &Context) -> bool {
    let told = cx.memory.borrow().get("systemd.booted").and_then(Value::as_bool);
    told.unwrap_or_else(|| Path::new("/run/systemd/system").is_dir())
}

macro_rules! functions {
    ($init:ident) => {
        &[
            Function::new("available", NAME, "Whether there is such a service.", |cx, args| {
                Ok(known(cx, &$init)?.contains_key(&args.str("name")?).into())
            }),
            Function::new("disable", NAME_MORE, "Not started at boot.", |cx, args| {
                run(cx, &$init, args, $init.disable, "")
            }),
            Function::new("disabled", NAME, "Whether it is not started at boot.", |cx, args| {
                Ok((known(cx, &$init)?.get(&args.str("name")?) == Some(&false)).into())
            }),
            Function::new("enable", NAME_MORE, "Started at boot.", |cx, args| {
                run(cx, &$init, args, $init.enable, "")
            }),
            Function::new("enabled", NAME_MORE, "Whether it is started at boot.", |cx, args| {
                Ok((known(cx, &$init)?.get(&args.str("name")?) == Some(&true)).into())
            }),
            Function::new("force_reload", NAME, "Has a service read its configuration.", |cx, args| {
                run(cx, &$init, args, $init.act, "force-reload")
            }),
            Function::new("get_all", &[], "The names of all services.", |cx, _| {
                Ok(Value::list(known(cx, &$init)?.into_keys()))
            }),
            Function::new("get_disabled", &[], "Services that are not started at boot.", |cx, _| {
                Ok(Value::list(known(cx, &$init)?.into_iter().filter(|(_, on)| !on).map(|(name, _)| name)))
            }),
            Function::new("get_enabled", &[], "Services that are started at boot.", |cx, _| {
                Ok(Value::list(known(cx, &$init)?.into_iter().filter(|(_, on)| *on).map(|(name, _)| name)))
            }),
            Function::new("missing", NAME, "Whether there is no such service.", |cx, args| {
                Ok((!known(cx, &$init)?.contains_key(&args.str("name")?)).into())
            }),
            Function::new("reload", NAME, "Has a service read its configuration.", |cx, args| {
                run(cx, &$init, args, $init.act, "reload")
            }),
            Function::new("restart", NAME, "Stops and starts a service.", |cx, args| {
                run(cx, &$init, args, $init.act, "restart")
            }),
            Function::new("start", NAME, "Starts a service. True on success.", |cx, args| {
                run(cx, &$init, args, $init.act, "start")
            }),
            Function::new(
                "status",
                STATUS,
                "Whether a service runs; of a pattern, of each: `{name: bool}`.",
                |cx, args| status(cx, &$init, args),
            ),
            Function::new("stop", NAME, "Stops a service.", |cx, args| {
                run(cx, &$init, args, $init.act, "stop")
            }),
        ]
    };
}

pub(super) mod debian {
    use super::*;

    pub(in super::super) static MODULE: Module = Module {
        file: "debian_service",
        provides: "service",
        available: |cx| {
            if ["Debian", "Raspbian", "Devuan", "NILinuxRT"].contains(&cx.grain("os")) && !booted(cx) {
                return Ok(());
            }
            Err("The debian_service module could not be loaded: unsupported OS family and/or systemd running.".to_owned())
        },
        functions: functions!(DEBIAN),
    };
}

pub(super) mod openrc {
    use super::*;

    pub(in super::super) static MODULE: Module = Module {
        file: "gentoo_service",
        provides: "service",
        available: |cx| {
            match cx.grain("os") {
            "Alpine" => Ok(()),
            "Gentoo" if !booted(cx) => Ok(()),
            _ => Err("The gentoo_service execution module cannot be loaded: only available on Gentoo/Open-RC systems."
                .to_owned()),
        }
        },
        functions: functions!(OPENRC),
    };
}

pub(super) mod red_hat {
    use super::*;

    pub(in super::super) static MODULE: Module = Module {
        file: "rh_service",
        provides: "service",
        available: |cx| {
            if cx.grain("os_family") == "RedHat" && !booted(cx) && Path::new("/sbin/chkconfig").exists() {
                return Ok(());
            }
            Err("The rh_service execution module failed to load: only available on Red Hat-like systems without systemd."
                .to_owned())
        },
        functions: functions!(RED_HAT),
    };
}

/// Fills in a command line, word by word, or for the shell where it joins two commands.
fn run_line(cx: &Context, line: &str, name: &str, action: &str, quiet: bool) -> Result<bool, Fault> {
    // A name goes into command lines: what no service is called does not.
    let fine = |char: char| char.is_alphanumeric() || "-_.@+:".contains(char);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(fine) {
        return Err(Fault::execution(format!("'{name}' is no name of a service")));
    }
    let filled = line.replace("{name}", name).replace("{action}", action);
    let shell = filled.contains("&&");
    let options = map! { "python_shell" => shell, "ignore_retcode" => quiet };
    Ok(cx.ask_with("cmd.retcode", &[filled.into()], options)?.as_int() == Some(0))
}

fn run(cx: &Context, _: &Init, args: &Args, line: &str, action: &str) -> Result<Value, Fault> {
    Ok(run_line(cx, line, &args.str("name")?, action, false)?.into())
}

fn status(cx: &Context, init: &Init, args: &Args) -> Result<Value, Fault> {
    if args.truthy("sig") {
        return Ok(cx.ask("status.pid", &[args.get("sig").clone()])?.truthy().into());
    }
    let name = args.str("name")?;
    if !name.contains(['*', '?', '[']) {
        return Ok(run_line(cx, init.act, &name, "status", true)?.into());
    }
    let glob = Glob::new(&name);
    let mut found = Map::new();
    for name in known(cx, init)?.into_keys().filter(|name| glob.matches(name)) {
        let runs = run_line(cx, init.act, &name, "status", true)?;
        found.insert(name, runs);
    }
    Ok(found.into())
}

/// Services and whether they start at boot.
fn known(cx: &Context, init: &Init) -> Result<BTreeMap<String, bool>, Fault> {
    let runlevel = || -> Result<String, Fault> {
        let said = str_of(&cx.ask("cmd.run", &["runlevel".into()])?);
        let level = said.split_whitespace().nth(1).filter(|_| !said.contains("unknown"));
        Ok(level.unwrap_or("2").to_owned())
    };
    if init.list.is_empty() {
        let levels = ["S".to_owned(), runlevel()?];
        let links = sort::into_set(levels.iter().flat_map(|level| names_in(&format!("/etc/rc{level}.d"))));
        return Ok(from_links(&names_in("/etc/init.d"), &links));
    }
    let text = str_of(&cx.ask("cmd.run", &[init.list.into()])?);
    if init.list.starts_with("rc-update") {
        return Ok(from_rc_update(&text));
    }
    let level = runlevel()?;
    Ok(from_chkconfig(&text, &level))
}

fn names_in(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Scripts, and links as `S01ssh`.
fn from_links(scripts: &[String], links: &BTreeSet<String>) -> BTreeMap<String, bool> {
    let scripts = scripts.iter().filter(|name| *name != "README");
    let mut all = sort::into_map(scripts.map(|name| (name.clone(), false)));
    for link in links.iter().filter_map(|link| link.strip_prefix('S')) {
        all.insert(link.trim_start_matches(|char: char| char.is_ascii_digit()).to_owned(), true);
    }
    all
}

/// Lines as ` sshd | default`.
fn from_rc_update(text: &str) -> BTreeMap<String, bool> {
    let rows = text.lines().filter_map(|line| line.split_once('|'));
    sort::into_map(rows.map(|(name, levels)| (name.trim().to_owned(), !levels.trim().is_empty())))
}

/// Lines as `sshd 0:off … 3:on`.
fn from_chkconfig(text: &str, level: &str) -> BTreeMap<String, bool> {
    let rows = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let on = format!("{level}:on");
    let rows = rows.filter(|(_, levels)| levels.contains("0:"));
    sort::into_map(
        rows.map(|(name, levels)| (name.to_owned(), levels.split_whitespace().any(|word| word == on))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_whether_they_start_are_read() {
        let links = BTreeSet::from(["S01ssh".to_owned(), "K02cups".to_owned()]);
        let scripts = ["ssh", "cups", "README"].map(str::to_owned);
        assert_eq!(
            from_links(&scripts, &links),
            BTreeMap::from([("cups".into(), false), ("ssh".into(), true)])
        );
        let openrc = from_rc_update(" sshd | default\n local | \nnonsense\n");
        assert_eq!(openrc, BTreeMap::from([("local".into(), false), ("sshd".into(), true)]));
        let chkconfig = from_chkconfig("sshd  0:off 3:on\ncups 0:off 3:off\nxinetd based:\n", "3");
        assert_eq!(chkconfig, BTreeMap::from([("cups".into(), false), ("sshd".into(), true)]));
    }
}
