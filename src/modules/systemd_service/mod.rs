//! `service` by systemctl. Salt: modules/systemd_service.py.

mod units;

use std::fs;
use std::path::Path;

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, Ran, keywords, opt, req};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, Value, str_of};

use units::{canonical, in_root, is_pattern, listed, sysv_enabled, sysv_services, unit_files};

const ROOT: Param = opt("root", Default::None);
const NO_BLOCK: Param = opt("no_block", Default::False);
const BY_ROOT: &[Param] = &[ROOT];
const NAME: &[Param] = &[req("name")];
const NAME_ROOT: &[Param] = &[req("name"), ROOT];
const MASK: &[Param] = &[req("name"), opt("runtime", Default::False), ROOT];

macro_rules! start {
    ($no_block:expr) => {
        &[
            req("name"),
            opt("no_block", $no_block),
            opt("unmask", Default::False),
            opt("unmask_runtime", Default::False),
        ]
    };
}

/// Parameters of `service.firstboot` and options of the program.
const SETTINGS: [(&str, &str); 7] = [
    ("locale", "--locale"),
    ("locale_message", "--locale-message"),
    ("keymap", "--keymap"),
    ("timezone", "--timezone"),
    ("hostname", "--hostname"),
    ("machine_id", "--machine-ID"),
    ("root", "--root"),
];
const FIRSTBOOT: [Param; 7] = {
    let mut all = [opt("", Default::None); 7];
    let mut place = 0;
    while place < all.len() {
        all[place] = opt(SETTINGS[place].0, Default::None);
        place += 1;
    }
    all
};

pub(super) static MODULE: Module = Module {
    file: "systemd_service",
    provides: "service",
    available: |cx| {
        if booted(cx) || offline(cx) {
            return Ok(());
        }
        Err("The systemd execution module failed to load: only available on Linux systems which have been booted with \
             systemd."
            .to_owned())
    },
    functions: &[
        Function::new("available", NAME, "Whether there is such a unit.", |cx, args| {
            let name = args.str("name")?;
            notice_changes(cx, &name)?;
            Ok(is_available(cx, &name)?.into())
        }),
        Function::new(
            "disable",
            &[req("name"), NO_BLOCK, ROOT, keywords("kwargs")],
            "Not started at boot.",
            |cx, args| switch(cx, args, false),
        ),
        Function::new("disabled", NAME_ROOT, "Whether it is not started at boot.", |cx, args| {
            Ok((!is_enabled(cx, args)?).into())
        }),
        Function::new(
            "enable",
            &[
                req("name"),
                NO_BLOCK,
                opt("unmask", Default::False),
                opt("unmask_runtime", Default::False),
                ROOT,
                keywords("kwargs"),
            ],
            "Started at boot.",
            |cx, args| switch(cx, args, true),
        ),
        Function::new(
            "enabled",
            &[req("name"), ROOT, keywords("kwargs")],
            "Whether it is started at boot.",
            |cx, args| Ok(is_enabled(cx, args)?.into()),
        ),
        Function::new("execs", BY_ROOT, "The program of each service: `{name: path}`.", |cx, args| {
            let mut found = Map::new();
            for name in unit_files(args).into_iter().chain(sysv_services(args)) {
                let shown = show(cx, args, &name)?;
                if let Some(path) = shown.get("ExecStart").and_then(|start| start.get("path")) {
                    found.insert(name, path.clone());
                }
            }
            Ok(found.into())
        }),
        Function::new(
            "firstboot",
            &FIRSTBOOT,
            "Settings of a system that has not been started yet, by `systemd-firstboot`. True.",
            firstboot,
        ),
        Function::new(
            "force_reload",
            start!(Default::True),
            "Has a service read its configuration, or restarts it.",
            |cx, args| act(cx, args, "force-reload"),
        ),
        Function::new("get_all", BY_ROOT, "The names of all units.", |_, args| {
            let mut all = unit_files(args);
            all.extend(sysv_services(args));
            Ok(Value::list(all))
        }),
        Function::new("get_disabled", BY_ROOT, "Units that are not started at boot.", |cx, args| {
            with_state(cx, args, "disabled")
        }),
        Function::new("get_enabled", BY_ROOT, "Units that are started at boot.", |cx, args| {
            with_state(cx, args, "enabled")
        }),
        Function::new("get_running", &[], "Units that run.", |cx, _| {
            let text = printed(
                cx,
                &systemctl(cx, &["--full", "--no-legend", "--no-pager"], None, false, false, None)?,
            )?;
            Ok(Value::list(listed(&text, 3, "running")))
        }),
        Function::new("get_static", BY_ROOT, "Units that others need and nobody enables.", |cx, args| {
            with_state(cx, args, "static")
        }),
        Function::new("mask", MASK, "Makes a unit impossible to start.", |cx, args| {
            let name = args.str("name")?;
            notice_changes(cx, &name)?;
            let ran = mask(cx, args, "mask", &name, args.truthy("runtime"))?;
            if ran.ok() {
                return Ok(true.into());
            }
            let text = format!("Failed to mask service '{name}'");
            Err(Fault::Execution { text, info: Some(ran.stdout.into()) })
        }),
        Function::new("masked", MASK, "Whether a unit is masked.", |cx, args| {
            let name = args.str("name")?;
            notice_changes(cx, &name)?;
            Ok(is_masked(args, &name, args.truthy("runtime")).into())
        }),
        Function::new("missing", NAME, "Whether there is no such unit.", |cx, args| {
            let name = args.str("name")?;
            notice_changes(cx, &name)?;
            Ok((!is_available(cx, &name)?).into())
        }),
        Function::new("offline", &[], "Whether this host was not booted with systemd.", |cx, _| {
            Ok(offline(cx).into())
        }),
        Function::new(
            "reload",
            start!(Default::False),
            "Has a service read its configuration.",
            |cx, args| act(cx, args, "reload"),
        ),
        Function::new("restart", start!(Default::None), "Stops and starts a service.", |cx, args| {
            act(cx, args, "restart")
        }),
        Function::new("show", NAME_ROOT, "All properties of a unit.", |cx, args| {
            Ok(show(cx, args, &args.str("name")?)?.into())
        }),
        Function::new("start", start!(Default::False), "Starts a service. True on success.", |cx, args| {
            act(cx, args, "start")
        }),
        Function::new(
            "status",
            &[req("name"), opt("sig", Default::None)],
            "Whether a service runs; of a pattern, of each: `{name: bool}`.",
            status,
        ),
        Function::new(
            "stop",
            &[req("name"), opt("no_block", Default::None)],
            "Stops a service.",
            |cx, args| {
                let name = args.str("name")?;
                notice_changes(cx, &name)?;
                Ok(run(cx, &systemctl(cx, &["stop"], Some(&name), true, no_block(args, &name), None)?)?
                    .ok()
                    .into())
            },
        ),
        Function::new("systemctl_reload", &[], "Has systemd read its unit files.", |cx, _| {
            reload_units(cx)?;
            Ok(true.into())
        }),
        Function::new("unmask", MASK, "Makes a unit possible to start again.", |cx, args| {
            let name = args.str("name")?;
            unmask(cx, args, &name, args.truthy("runtime"))?;
            Ok(true.into())
        }),
    ],
};

fn booted(cx: &Context) -> bool {
    let told = cx.memory.borrow().get("systemd.booted").and_then(Value::as_bool);
    told.unwrap_or_else(|| Path::new("/run/systemd/system").is_dir())
}

fn offline(cx: &Context) -> bool {
    !booted(cx) && cx.which("systemctl").is_some()
}

/// A command line of systemctl. With `scope` outside of the minion's own control group, so that a service that stops
/// the minion does not stop what restarts it.
fn systemctl(
    cx: &Context,
    action: &[&str],
    name: Option<&str>,
    scope: bool,
    no_block: bool,
    root: Option<&str>,
) -> Result<Vec<String>, Fault> {
    let mut line = Vec::new();
    if scope && booted(cx) && cx.ask("config.get", &["systemd.scope".into(), true.into()])?.truthy() {
        let program = cx.which("systemd-run").ok_or_else(|| {
            Fault::execution(
                "systemd-run is required for running systemctl with --scope, but it was not found on the system. Make \
                 sure systemd-run is installed and in the system's PATH or disable it using the 'systemd.scope' config \
                 option.",
            )
        })?;
        line.extend([program, "--scope".to_owned()]);
    }
    line.push(cx.which("systemctl").ok_or_else(|| Fault::NotFound("systemctl".to_owned()))?);
    if no_block {
        line.push("--no-block".to_owned());
    }
    if let Some(root) = root {
        line.extend(["--root".to_owned(), root.to_owned()]);
    }
    line.extend(action.iter().map(|&word| word.to_owned()));
    line.extend(name.map(canonical));
    if action.contains(&"status") {
        line.extend(["-n", "0"].map(str::to_owned));
    }
    Ok(line)
}

fn run(cx: &Context, line: &[String]) -> Result<Ran, Fault> {
    cx.program(line)
}

/// For programs whose failure says something and is none.
fn quietly(cx: &Context, line: &[String]) -> Result<Ran, Fault> {
    cx.program_with(line, map! { "ignore_retcode" => true, "redirect_stderr" => true })
}

fn printed(cx: &Context, line: &[String]) -> Result<String, Fault> {
    Ok(quietly(cx, line)?.stdout)
}

fn root(args: &Args) -> Option<String> {
    args.given("root").filter(|root| root.truthy()).map(str_of)
}

/// The minion's own service is not waited for: it would end the one who waits.
fn no_block(args: &Args, name: &str) -> bool {
    match args.get("no_block") {
        Value::Null => canonical(name) == "salt-minion.service",
        given => given.truthy(),
    }
}

fn unit_status(cx: &Context, name: &str) -> Result<Ran, Fault> {
    quietly(cx, &systemctl(cx, &["status"], Some(name), false, false, None)?)
}

/// Whether what `systemctl status` gave is of a unit that there is: old ones say so in words, new ones by their retcode.
fn says_available(ran: &Ran) -> bool {
    let text = ran.stdout.to_lowercase();
    let loaded = text.lines().find_map(|line| line.trim_start().strip_prefix("loaded: "));
    (0..4).contains(&ran.retcode)
        && !text.contains("could not be found")
        && loaded.is_none_or(|loaded| !loaded.starts_with("not-found"))
}

fn is_available(cx: &Context, name: &str) -> Result<bool, Fault> {
    if offline(cx) {
        return Err(Fault::execution(format!(
            "Cannot run in offline mode. Failed to get information on unit '{name}'"
        )));
    }
    Ok(says_available(&unit_status(cx, name)?))
}

fn reload_units(cx: &Context) -> Result<(), Fault> {
    let line = systemctl(cx, &["--system", "daemon-reload"], None, false, false, None)?;
    let ran = cx.program_with(&line, map! { "redirect_stderr" => true })?;
    if ran.ok() {
        return Ok(());
    }
    Err(Fault::execution(format!("Problem performing systemctl daemon-reload: {}", ran.stdout)))
}

/// Has systemd read its files where a unit's file is new or has changed.
fn notice_changes(cx: &Context, name: &str) -> Result<(), Fault> {
    let own = Path::new("/etc/systemd/system").join(canonical(name));
    let untracked = own.is_file() && !is_available(cx, name)?;
    if untracked || unit_status(cx, name)?.stdout.to_lowercase().contains("'systemctl daemon-reload'") {
        reload_units(cx)?;
    }
    Ok(())
}

fn is_masked(args: &Args, name: &str, runtime: bool) -> bool {
    let path = in_root(if runtime { "/run/systemd/system" } else { "/etc/systemd/system" }, args)
        .join(canonical(name));
    fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn mask(cx: &Context, args: &Args, action: &str, name: &str, runtime: bool) -> Result<Ran, Fault> {
    let action: &[&str] = if runtime { &[action, "--runtime"] } else { &[action] };
    let line = systemctl(cx, action, Some(name), true, false, root(args).as_deref())?;
    cx.program_with(&line, map! { "redirect_stderr" => true })
}

fn unmask(cx: &Context, args: &Args, name: &str, runtime: bool) -> Result<(), Fault> {
    notice_changes(cx, name)?;
    if is_masked(args, name, runtime) && !mask(cx, args, "unmask", name, runtime)?.ok() {
        return Err(Fault::execution(format!("Failed to unmask service '{name}'")));
    }
    Ok(())
}

/// What systemd-run says of its scope is no part of an error.
fn without_scope(text: &str) -> String {
    text.lines().filter(|line| !line.ends_with(".scope")).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn prepare(cx: &Context, args: &Args, name: &str) -> Result<(), Fault> {
    notice_changes(cx, name)?;
    for (key, runtime) in [("unmask", false), ("unmask_runtime", true)] {
        if args.truthy(key) {
            unmask(cx, args, name, runtime)?;
        }
    }
    Ok(())
}

fn act(cx: &Context, args: &Args, action: &str) -> Result<Value, Fault> {
    let name = args.str("name")?;
    prepare(cx, args, &name)?;
    let ran = run(cx, &systemctl(cx, &[action], Some(&name), true, no_block(args, &name), None)?)?;
    if ran.ok() { Ok(true.into()) } else { Err(Fault::execution(without_scope(&ran.stderr))) }
}

fn status(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let is_active = |name: &str| -> Result<bool, Fault> {
        notice_changes(cx, name)?;
        Ok(quietly(cx, &systemctl(cx, &["is-active"], Some(name), false, false, None)?)?.ok())
    };
    if !is_pattern(&name) {
        return Ok(is_active(&name)?.into());
    }
    let all = cx.ask("service.get_all", &[])?;
    let glob = Glob::new(&name);
    let mut found = Map::new();
    for name in all.as_list().unwrap_or_default().iter().map(str_of).filter(|name| glob.matches(name)) {
        let active = is_active(&name)?;
        found.insert(name, active);
    }
    Ok(found.into())
}

/// The command line that switches a sysv service.
fn sysv_line(cx: &Context, name: &str, on: bool) -> Result<Vec<String>, Fault> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    if let Some(program) = cx.which("update-rc.d") {
        return Ok(if on {
            words(&[&program, "-f", name, "defaults", "99"])
        } else {
            words(&[&program, "-f", name, "remove"])
        });
    }
    let program = cx.which("chkconfig").ok_or_else(|| {
        Fault::execution("Unable to find sysv service manager (tried update-rc.d, chkconfig)")
    })?;
    Ok(words(&[&program, name, if on { "on" } else { "off" }]))
}

fn switch(cx: &Context, args: &Args, on: bool) -> Result<Value, Fault> {
    let name = args.str("name")?;
    prepare(cx, args, &name)?;
    if sysv_services(args).contains(&name) {
        return Ok(quietly(cx, &sysv_line(cx, &name, on)?)?.ok().into());
    }
    let action = if on { "enable" } else { "disable" };
    let line = systemctl(cx, &[action], Some(&name), true, args.truthy("no_block"), root(args).as_deref())?;
    let ran = cx.program_with(&line, map! { "ignore_retcode" => true })?;
    if on && !ran.ok() {
        return Err(Fault::execution(without_scope(&ran.stderr)));
    }
    Ok(ran.ok().into())
}

fn is_enabled(cx: &Context, args: &Args) -> Result<bool, Fault> {
    let name = args.str("name")?;
    let line = systemctl(cx, &["is-enabled"], Some(&name), false, false, root(args).as_deref())?;
    if quietly(cx, &line)?.ok() {
        return Ok(true);
    }
    if name.contains('@') {
        let line = ["find", "/etc/systemd/system", "-name", &name, "-type", "l", "-print", "-quit"];
        return Ok(!printed(cx, &line.map(str::to_owned))?.is_empty());
    }
    Ok(sysv_services(args).contains(&name) && sysv_enabled(cx, args, &name)?)
}

fn with_state(cx: &Context, args: &Args, state: &str) -> Result<Value, Fault> {
    let action = ["--full", "--no-legend", "--no-pager", "list-unit-files"];
    let text = printed(cx, &systemctl(cx, &action, None, false, false, root(args).as_deref())?)?;
    let mut found = listed(&text, 1, state);
    if state != "static" {
        for name in sysv_services(args) {
            if sysv_enabled(cx, args, &name)? == (state == "enabled") {
                found.insert(name);
            }
        }
    }
    Ok(Value::list(found))
}

fn show(cx: &Context, args: &Args, name: &str) -> Result<Map, Fault> {
    let line = systemctl(cx, &["show"], Some(name), false, false, root(args).as_deref())?;
    Ok(units::properties(&printed(cx, &line)?))
}

fn firstboot(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const PROGRAM: &str = "systemd-firstboot";
    let mut words = vec![cx.which(PROGRAM).unwrap_or_else(|| PROGRAM.to_owned())];
    for (name, option) in SETTINGS {
        if args.truthy(name) {
            words.extend([option.to_owned(), str_of(args.get(name))]);
        }
    }
    let ran = cx.program(&words)?;
    if ran.ok() {
        return Ok(true.into());
    }
    Err(Fault::execution(format!("systemd-firstboot error: {}", ran.stderr)))
}
