//! `cmd`: running programs. Salt: modules/cmdmod.py.

mod chroot;
mod environment;
mod options;
mod params;
mod run;
mod script;
mod shells;
mod which;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;

use self::options::Options;
use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::value::{Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "cmdmod",
    provides: "cmd",
    available: always,
    functions: &[
        Function::new(
            "exec_code",
            params::EXEC_CODE,
            "Runs code by an interpreter: `cmd.exec_code python 'print(1)'`. Gives stdout.",
            script::exec_code,
        ),
        Function::new(
            "exec_code_all",
            params::EXEC_CODE,
            "As `cmd.exec_code`, with everything that is known of the run: `{pid, retcode, stdout, stderr}`.",
            script::exec_code_all,
        ),
        Function::new("has_exec", &[req("cmd")], "Whether a program is in the search path.", which::has_exec)
            .cheap(),
        Function::new("powershell", params::POWERSHELL, "Fails: PowerShell is for Windows.", powershell),
        Function::new(
            "powershell_all",
            params::POWERSHELL_ALL,
            "Fails as `cmd.powershell` does.",
            powershell,
        ),
        Function::new(
            "retcode",
            params::RETCODE,
            "Runs a command and gives its return code. Options as in `cmd.run`.",
            |cx, args| {
                let options = Options { redirect_stderr: true, ..command(cx, args)? };
                Ok(run::run(cx, &options)?.retcode.into())
            },
        ),
        Function::new("run", params::RUN, RUN_DOC, run_),
        Function::new(
            "run_all",
            params::RUN_ALL,
            "Runs a command and gives `{pid, retcode, stdout, stderr}`. Options as in `cmd.run`.",
            |cx, args| {
                let options = command(cx, args)?;
                let mut ran = run::run(cx, &options)?;
                if options.hide_output {
                    (ran.stdout, ran.stderr) = (String::new(), String::new());
                }
                Ok(ran.into_value())
            },
        ),
        Function::new(
            "run_bg",
            params::RUN_BG,
            "Starts a command, does not wait for it, and gives `{pid}`. Options as in `cmd.run`.",
            |cx, args| {
                let options = Options { bg: true, ..command(cx, args)? };
                Ok(map! { "pid" => run::run(cx, &options)?.pid }.into())
            },
        ),
        Function::new(
            "run_chroot",
            params::RUN_CHROOT,
            "Runs a command by the shell inside of another root, with dev, proc, sys and `binds` mounted there: `{pid, \
             retcode, stdout, stderr}`. Options as in `cmd.run`.",
            chroot::run_chroot,
        ),
        Function::new(
            "run_stderr",
            params::RUN_ONE,
            "Runs a command and gives its stderr. Options as in `cmd.run`.",
            |cx, args| {
                let options = Options { redirect_stderr: false, ..command(cx, args)? };
                let ran = run::run(cx, &options)?;
                Ok(if options.hide_output { String::new() } else { ran.stderr }.into())
            },
        ),
        Function::new(
            "run_stdout",
            params::RUN_ONE,
            "Runs a command and gives its stdout. Options as in `cmd.run`.",
            |cx, args| {
                let options = Options { redirect_stderr: false, ..command(cx, args)? };
                let ran = run::run(cx, &options)?;
                Ok(if options.hide_output { String::new() } else { ran.stdout }.into())
            },
        ),
        Function::new(
            "script",
            params::SCRIPT,
            "Fetches a script from the file server (or any source of `cp.cache_file`), runs it with `args` and gives \
             `{pid, retcode, stdout, stderr}`. Options as in `cmd.run`.",
            script::script,
        ),
        Function::new(
            "script_retcode",
            params::SCRIPT_RETCODE,
            "As `cmd.script`, giving only the return code.",
            script::script_retcode,
        ),
        Function::new(
            "shell",
            params::SHELL,
            "As `cmd.run`, by a shell also when another function calls it.",
            |cx, args| {
                let by_shell = args.keywords.get("python_shell").is_none_or(|it| it.is_null() || it.truthy());
                let redirect_stderr = args.keywords.get("redirect_stderr").is_none_or(Value::truthy);
                let options = Options { python_shell: by_shell, redirect_stderr, ..command(cx, args)? };
                output(cx, &options)
            },
        ),
        Function::new(
            "shell_info",
            &[req("shell"), opt("list_modules", Default::False)],
            "Whether a shell or language is installed, and in which version: `{installed, path, version, \
             version_raw}`. Known: bash, zsh, tcsh, perl, python, ruby, php.",
            shells::shell_info,
        ),
        Function::new("shells", &[], "The shells in `/etc/shells`.", shells::shells).cheap(),
        Function::new(
            "tty",
            &[req("device"), opt("echo", Default::Str(""))],
            "Writes a text to a terminal: `cmd.tty pts3 'a message'`.",
            tty,
        ),
        Function::new("which", &[req("cmd")], "The path of a program, or none.", which::which).cheap(),
        Function::new(
            "which_bin",
            &[req("cmds")],
            "The path of the first of several programs that is there, or none.",
            which::which_bin,
        )
        .cheap(),
    ],
};

const RUN_DOC: &str = "Runs a command and gives what it prints, stderr included.

A job's command is run by the shell; one that another function runs is split into words unless it says
`python_shell=True`.

cwd                  where it runs (the user's home)
stdin                text for its standard input
runas, group         whom it runs as
shell                the shell ($SHELL of the minion, or /bin/sh)
env, clean_env       more variables (a map, or a list of maps); only these
prepend_path         a folder to look for programs in first
umask                octal, e.g. 077
timeout              seconds after which it is ended, children included
bg                   do not wait for it
rstrip               False keeps white space at the end of the output
redirect_stderr      False leaves stderr out
hide_output          give nothing
ignore_retcode       a failing command is no failure of the job
raise_err            a failing command is an error
success_retcodes     return codes that mean success
success_stdout       texts in the output that mean success (success_stderr likewise)
output_loglevel      quiet: nothing about it is logged
reset_system_locale  False leaves the locale as it is";

/// The options of a function that takes its command as `cmd`.
/// Salt asks the registry of Windows for the version of PowerShell first, so here there is an end with that.
fn powershell(_: &Context, args: &Args) -> Result<Value, Fault> {
    Err(if ["powershell", "pwsh"].contains(&str_of(args.get("shell")).as_str()) {
        Fault::exception("KeyError", "'psversion'")
    } else {
        Fault::execution("Must specify a valid powershell binary. Must be 'powershell' or 'pwsh'")
    })
}

fn command(cx: &Context, args: &Args) -> Result<Options, Fault> {
    let cmd = match args.get("cmd") {
        Value::Text(text) => options::render(cx, args, text)?.into(),
        other => other.clone(),
    };
    let mut options = Options::read(cx, args, cmd)?;
    if let Some(cwd) = &options.cwd {
        options.cwd = Some(options::render(cx, args, cwd)?);
    }
    Ok(options)
}

fn run_(cx: &Context, args: &Args) -> Result<Value, Fault> {
    output(cx, &command(cx, args)?)
}

fn output(cx: &Context, options: &Options) -> Result<Value, Fault> {
    let ran = run::run(cx, options)?;
    let stdout = if options.hide_output { String::new() } else { ran.stdout };
    let failed = ran.retcode != Some(0) && !options.bg && !options.ignore_retcode;
    if options.raise_err && failed && !options.quiet {
        return Err(Fault::execution(stdout));
    }
    Ok(stdout.into())
}

fn tty(_: &Context, args: &Args) -> Result<Value, Fault> {
    let device = args.str("device")?;
    let path = match device.strip_prefix("pts") {
        Some(number) => format!("/dev/pts/{}", number.trim_start_matches('/')),
        None if device.starts_with("tty") => format!("/dev/{device}"),
        None => String::new(),
    };
    // Names of files elsewhere (`tty/../../etc/passwd`) are no terminals.
    if path.is_empty() || path.contains("..") {
        return Ok(map! { "Error" => "The specified device is not a valid TTY" }.into());
    }
    let written = OpenOptions::new().write(true).open(&path).and_then(|mut terminal| {
        if !terminal.metadata()?.file_type().is_char_device() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        terminal.write_all(str_of(args.get("echo")).as_bytes())
    });
    Ok(match written {
        Ok(()) => map! { "Success" => format!("Message was successfully echoed to {path}") },
        Err(_) => map! { "Error" => format!("Echoing to {path} returned error") },
    }
    .into())
}
