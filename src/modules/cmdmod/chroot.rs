//! `cmd.run_chroot`: a command inside of another root. Salt: modules/cmdmod.py (`run_chroot`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::loader::shlex::quote;
use crate::loader::{Args, Context, Fault};
use crate::value::{Map, Value, str_of};

/// What is mounted below the root while the command runs: place, device and type.
const MOUNTED: [(&str, &str, &str); 3] =
    [("dev", "devtmpfs", "devtmpfs"), ("proc", "proc", "proc"), ("sys", "sysfs", "sysfs")];

/// Options that `cmd.run_all` is given as they are.
const PASSED: [&str; 21] = [
    "cwd",
    "stdin",
    "shell",
    "python_shell",
    "env",
    "clean_env",
    "template",
    "rstrip",
    "umask",
    "output_encoding",
    "output_loglevel",
    "log_callback",
    "timeout",
    "reset_system_locale",
    "ignore_retcode",
    "saltenv",
    "use_vt",
    "success_retcodes",
    "success_stdout",
    "success_stderr",
    "bg",
];

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// `{pid, retcode, stdout, stderr}`.
pub(super) fn run_chroot(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let root = args.str("root")?;
    for (place, device, fstype) in MOUNTED {
        let at = below(&root, place);
        cx.ask_with("mount.mount", &[at.into(), device.into()], crate::map! { "fstype" => fstype })?;
    }
    let binds: Vec<String> = args.get("binds").as_list().unwrap_or_default().iter().map(str_of).collect();
    for bind in &binds {
        let bound = [below(&root, bind).into(), bind.as_str().into()];
        cx.ask_with("mount.mount", &bound, crate::map! { "opts" => "default,bind" })?;
    }
    let ran = run(cx, args, &root);
    let left_over = end_all(cx, &root);
    if left_over {
        crate::log::error!("Processes running in chroot could not be killed, filesystem will remain mounted");
    }
    for bind in &binds {
        cx.ask("mount.umount", &[below(&root, bind).into()])?;
    }
    for (place, _, _) in MOUNTED.iter().rev() {
        cx.ask("mount.umount", &[below(&root, place).into()])?;
    }
    let mut ran = ran?;
    if let (true, Value::Map(ran)) = (args.truthy("hide_output"), &mut ran) {
        ran.insert("stdout", "");
        ran.insert("stderr", "");
    }
    Ok(ran)
}

fn below(root: &str, place: &str) -> String {
    Path::new(root).join(place.trim_start_matches('/')).to_string_lossy().into_owned()
}

fn run(cx: &Context, args: &Args, root: &str) -> Result<Value, Fault> {
    let shell = if Path::new(root).join("bin/bash").is_file() { "/bin/bash" } else { "/bin/sh" };
    let command = match args.get("cmd") {
        Value::List(words) => words.iter().map(str_of).collect::<Vec<_>>().join(" "),
        other => str_of(other),
    };
    // Whose the command is is said by names of the other root.
    let user = match args.opt_str("runas")?.filter(|user| !user.is_empty()) {
        Some(user) => format!("--userspec {user}:{}", args.opt_str("group")?.unwrap_or_default()),
        None => String::new(),
    };
    let line = format!("chroot {user} {root} {shell} -c {}", quote(&command));
    let mut options: Map = PASSED.into_iter().map(|name| (name, args.get(name).clone())).collect();
    for name in ["pillarenv", "pillar"] {
        options.insert(name, args.keywords.get(name).cloned());
    }
    cx.ask_with("cmd.run_all", &[line.into()], options)
}

/// Ends what still runs inside; whether something is left.
fn end_all(cx: &Context, root: &str) -> bool {
    let Some(root) = fs::canonicalize(root).ok().filter(|root| root.parent().is_some()) else { return false };
    for signal in [SIGTERM, SIGTERM, SIGTERM, SIGKILL, SIGKILL, SIGKILL] {
        let running = inside(&root);
        if running.is_empty() {
            return false;
        }
        for pid in running {
            if let Err(error) = cx.host.signal(pid, signal) {
                crate::log::debug!("process {pid} of {}: {error}", root.display());
            }
        }
    }
    !inside(&root).is_empty()
}

/// Processes whose root is this one, or lies below it.
fn inside(root: &Path) -> Vec<u32> {
    let root_of = |pid: u32| fs::read_link(PathBuf::from(format!("/proc/{pid}/root"))).ok();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| root_of(*pid).is_some_and(|own| own.starts_with(root))).collect()
}
