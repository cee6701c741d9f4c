//! Running one command: the checks in Salt's order, then the program, then what is made of its output. Salt:
//! modules/cmdmod.py (`_run`), utils/timed_subprocess.py.

use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::options::{Options, default_shell, shown, split_input, time_limit, umask_bits};
use super::{environment, which};
use crate::host::{Command, Identity, Output};
use crate::loader::shlex;
use crate::loader::{Call, Context, Fault, os_error_text};
use crate::map;
use crate::patterns::Glob;
use crate::value::{Map, Value, repr, str_of};

/// What a command did.
#[derive(Clone, Debug, Default)]
pub(super) struct Ran {
    pub pid: u32,
    /// None while it runs in the background.
    pub retcode: Option<i64>,
    pub stdout: String,
    pub stderr: String,
    /// It ran in a terminal.
    pub terminal: bool,
}

impl Ran {
    /// `{pid, retcode, stdout, stderr}`; of a terminal, as Salt has it, with the return code last.
    pub(super) fn into_value(self) -> Value {
        let retcode = ("retcode", Value::from(self.retcode));
        let mut rows =
            vec![("pid", self.pid.into()), ("stdout", self.stdout.into()), ("stderr", self.stderr.into())];
        rows.insert(if self.terminal { 3 } else { 1 }, retcode);
        Map::from_iter(rows.into_iter().map(|(name, value)| (Value::text(name), value))).into()
    }
}

/// Runs a command. Sets the return code of the job.
///
/// # Errors
/// When the command may not or cannot run; not when it fails.
pub(super) fn run(cx: &Context, options: &Options) -> Result<Ran, Fault> {
    let cwd = working_directory(cx, options);
    if !(Path::new(&options.shell).is_file() && access(options.shell.as_str(), Access::EXEC_OK).is_ok()) {
        return Err(Fault::execution(format!("The shell {} is not available", options.shell)));
    }
    if options.published && !permitted(cx, &options.cmd)? {
        return Err(Fault::execution(format!(
            "The shell command \"{}\" is not permitted",
            shown(&options.cmd)
        )));
    }
    let mut variables = environment::given(&options.env);
    if !options.quiet {
        // Only the first word: the rest may be a secret.
        let command = first_word(&options.cmd)?;
        crate::log::info!(command, cwd, "Executing command");
    }
    let identity = Account::find(cx, options)?;
    if options.runas.is_some() || options.group.is_some() {
        let (runas, group) = (options.runas.as_deref(), options.group.as_deref());
        let is_default = options.shell == default_shell(cx);
        variables = environment::of_user(cx, runas, group, &options.shell, is_default, &variables)?;
    }
    if options.reset_system_locale {
        environment::set_locale(&mut variables);
    }
    let env = environment::complete(cx, &variables, options.clean_env, options.prepend_path.as_deref())?;
    let umask = umask_bits(options.umask.as_ref())?;
    if !Path::new(&cwd).is_absolute() || !Path::new(&cwd).is_dir() {
        return Err(Fault::execution(format!("Specified cwd '{cwd}' either not absolute or does not exist")));
    }
    let cmd = match &options.cmd {
        Value::List(_) => options.cmd.clone(),
        other if options.python_shell => other.clone(),
        other => Value::list(shlex::split(&str_of(other))?),
    };
    let judge = Judge::new(options)?;
    let timeout = time_limit(&options.timeout)?;
    let words = words(&cmd, options)?;
    let (program, args) = words.split_first().ok_or_else(no_words)?;
    let command = Command {
        cwd: Some(cwd.clone().into()),
        env: env.iter().map(|(name, value)| (str_of(name), Some(str_of(value)))).collect(),
        clean_env: true,
        stdin: input(options),
        merge_stderr: options.redirect_stderr,
        run_as: identity.filter(|account| account.differs).map(|account| account.identity),
        umask,
        timeout: timeout.filter(|_| !options.bg),
        background: options.bg,
        terminal: options.use_vt,
        ..Command::new(program.as_str(), args.to_vec())
    };
    let output = cx.host.run(&command).map_err(|error| not_started(&cmd, options, &command, env, &error))?;
    if output.timed_out {
        if options.use_vt {
            cx.set_retcode(i64::from(!options.ignore_retcode));
        }
        return Ok(timed_out(&cmd, options, &output));
    }
    let mut ran = finished(options, output)?;
    judge.settle(&mut ran);
    // Salt: a command in the background has no say in the return code.
    if let Some(retcode) = ran.retcode {
        cx.set_retcode(if options.ignore_retcode { 0 } else { retcode });
    } else {
        cx.set_retcode(i64::from(options.use_vt && !options.ignore_retcode));
    }
    let failed = ran.retcode.filter(|retcode| *retcode != 0 && !options.quiet && !options.ignore_retcode);
    if let Some(retcode) = failed {
        let command = first_word(&options.cmd)?;
        crate::log::error!("Command '{command}' failed with return code: {retcode}");
        for (name, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            if !text.is_empty() {
                crate::log::error!("{name}: {text}");
            }
        }
        crate::log::error!("retcode: {retcode}");
    }
    Ok(ran)
}

/// The directory that was named, or the user's home where it can be entered, or `/`.
fn working_directory(cx: &Context, options: &Options) -> String {
    if let Some(cwd) = &options.cwd {
        return cwd.clone();
    }
    let home = match &options.runas {
        Some(runas) => cx.host.user(runas).map(|user| user.home),
        None => cx.host.env("HOME").or_else(|| {
            let uid = rustix::process::getuid().as_raw();
            cx.host.user_by_uid(uid).map(|user| user.home)
        }),
    };
    home.filter(|home| access(home.as_str(), Access::READ_OK).is_ok() && Path::new(home).is_dir())
        .unwrap_or_else(|| "/".to_owned())
}

/// The options `cmd_blacklist_glob` and `cmd_whitelist_glob`.
fn permitted(cx: &Context, cmd: &Value) -> Result<bool, Fault> {
    let line = match cmd {
        Value::List(words) => words.iter().map(str_of).collect::<Vec<_>>().join(" "),
        other => str_of(other),
    };
    let matches = |option: &str| -> Result<Option<bool>, Fault> {
        let globs = cx.call("config.get", Call::positional([option.into()]))?;
        let globs = match &globs {
            Value::List(globs) => globs.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut globs = globs.iter().filter(|glob| glob.truthy()).map(str_of).peekable();
        if globs.peek().is_none() {
            return Ok(None);
        }
        Ok(Some(globs.any(|glob| Glob::new(&glob).matches(&line))))
    };
    Ok(!matches("cmd_blacklist_glob")?.unwrap_or(false) && matches("cmd_whitelist_glob")?.unwrap_or(true))
}

/// Salt: `_log_cmd`.
fn first_word(cmd: &Value) -> Result<String, Fault> {
    match cmd {
        Value::List(words) => words.first().map(|word| str_of(word).trim().to_owned()).ok_or_else(no_words),
        other => str_of(other).split_whitespace().next().map(str::to_owned).ok_or_else(no_words),
    }
}

fn no_words() -> Fault {
    Fault::exception("IndexError", "list index out of range")
}

/// The user and group that a command runs as.
struct Account {
    identity: Identity,
    /// They are not those of this process.
    differs: bool,
}

impl Account {
    /// Salt: utils/user.py (`chugid_and_umask`).
    fn find(cx: &Context, options: &Options) -> Result<Option<Self>, Fault> {
        let Options { runas, group, .. } = options;
        let named = match runas {
            Some(runas) => Some(
                cx.host
                    .user(runas)
                    .ok_or_else(|| Fault::execution(format!("User '{runas}' is not available")))?,
            ),
            None => None,
        };
        let Some(group) = group else {
            return Ok(named.map(|user| {
                let own = rustix::process::getuid().as_raw();
                let groups = cx.host.groups_of(&user).iter().map(|group| group.gid).collect();
                Account {
                    differs: user.uid != own,
                    identity: Identity { uid: user.uid, gid: user.gid, groups },
                }
            }));
        };
        if which::find(cx, "sudo").is_none() {
            return Err(Fault::execution("group argument requires sudo but not found"));
        }
        let group = cx.host.group(group).ok_or_else(|| {
            // Salt quirk: 3006.25 cmdmod.py names the user here.
            let user = runas.clone().unwrap_or_else(|| "None".to_owned());
            Fault::execution(format!("Group '{user}' is not available"))
        })?;
        let own = rustix::process::getuid().as_raw();
        let user = named
            .or_else(|| cx.host.user_by_uid(own))
            .ok_or_else(|| Fault::execution(format!("User '{own}' is not available")))?;
        let groups = cx.host.groups_of(&user).iter().map(|group| group.gid).collect();
        let differs = user.uid != own || group.gid != user.gid;
        Ok(Some(Account { identity: Identity { uid: user.uid, gid: group.gid, groups }, differs }))
    }
}

/// The program and its arguments.
fn words(cmd: &Value, options: &Options) -> Result<Vec<String>, Fault> {
    let given: Vec<String> = match cmd {
        Value::List(words) => words.iter().map(str_of).collect(),
        other => vec![str_of(other)],
    };
    if given.iter().any(|word| word.contains('\0')) {
        return Err(Fault::exception("ValueError", "embedded null byte"));
    }
    if options.python_shell {
        Ok([options.shell.clone(), "-c".to_owned()].into_iter().chain(given).collect())
    } else {
        Ok(given)
    }
}

fn input(options: &Options) -> Option<Vec<u8>> {
    let stdin = options.stdin.as_ref().filter(|_| !options.bg)?;
    Some(if options.stdin_raw_newlines { stdin.clone() } else { stdin.replace("\\n", "\n") }.into_bytes())
}

fn timed_out(cmd: &Value, options: &Options, output: &Output) -> Ran {
    let shown = match cmd {
        Value::List(words) => repr(&Value::list(words.iter().map(str_of))),
        other => str_of(other),
    };
    if options.use_vt {
        let printed = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let stderr =
            format!("SALT: Timeout after {}s\n{}", str_of(&options.timeout), printed(&output.stderr));
        return Ran {
            pid: output.pid,
            retcode: None,
            stdout: printed(&output.stdout),
            stderr,
            terminal: true,
        };
    }
    let mut stdout = format!("{shown} : Timed out after {} seconds", str_of(&options.timeout));
    // Salt loses what the command has printed by then.
    for printed in [&output.stdout, &output.stderr] {
        if !printed.is_empty() {
            stdout.push('\n');
            stdout.push_str(rstripped(&String::from_utf8_lossy(printed)));
        }
    }
    // Salt quirk: 3006.25 cmdmod.py leaves the return code of the job as it was.
    Ran { pid: output.pid, retcode: Some(1), stdout, ..Default::default() }
}

fn finished(options: &Options, output: Output) -> Result<Ran, Fault> {
    let encoding = options.output_encoding.as_deref();
    let text = |octets: &[u8]| -> Result<String, Fault> {
        let text = decoded(octets, encoding)?;
        Ok(if options.rstrip && !options.use_vt { rstripped(&text).to_owned() } else { text })
    };
    Ok(Ran {
        pid: output.pid,
        // Salt quirk: in a terminal, a signal leaves none.
        retcode: Some(output.code).filter(|code| !(options.bg || options.use_vt && *code < 0)),
        stdout: text(&output.stdout)?,
        stderr: text(&output.stderr)?,
        terminal: options.use_vt,
    })
}

/// Output as text; what cannot be decoded becomes U+FFFD.
fn decoded(octets: &[u8], encoding: Option<&str>) -> Result<String, Fault> {
    match encoding.map(|name| name.to_ascii_lowercase().replace(['-', '_'], "")).as_deref() {
        None | Some("utf8") => Ok(String::from_utf8_lossy(octets).into_owned()),
        Some("latin1" | "iso88591" | "l1") => Ok(octets.iter().copied().map(char::from).collect()),
        Some("ascii" | "usascii") => {
            let char = |octet: &u8| if octet.is_ascii() { char::from(*octet) } else { '\u{fffd}' };
            Ok(octets.iter().map(char).collect())
        }
        Some(_) => Err(Fault::NotSupported(format!("output_encoding={}", encoding.unwrap_or_default()))),
    }
}

/// Python's `str.rstrip()`.
fn rstripped(text: &str) -> &str {
    text.trim_end_matches(|char: char| char.is_whitespace() || ('\x1c'..='\x1f').contains(&char))
}

/// The conditions under which a command counts as a success.
struct Judge {
    retcodes: Vec<i64>,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

impl Judge {
    fn new(options: &Options) -> Result<Self, Fault> {
        let retcodes = match &options.success_retcodes {
            Value::Null => vec![0],
            given => split_input(given)
                .iter()
                .map(|code| code.trim().parse())
                .collect::<Result<_, _>>()
                .map_err(|_| Fault::invocation("success_retcodes must be a list of integers"))?,
        };
        let stdout = split_input(&options.success_stdout);
        Ok(Judge { retcodes, stdout, stderr: split_input(&options.success_stderr) })
    }

    fn settle(&self, ran: &mut Ran) {
        let said = self.stdout.iter().any(|text| ran.stdout.contains(text))
            || self.stderr.iter().any(|text| ran.stderr.contains(text));
        if said || ran.retcode.is_some_and(|retcode| self.retcodes.contains(&retcode)) {
            ran.retcode = Some(0);
        }
    }
}

/// Salt's text about a program that could not be started: with everything that it was to be started with.
fn not_started(cmd: &Value, options: &Options, command: &Command, env: Map, error: &io::Error) -> Fault {
    let pipe = |there: bool| if there { Value::Int(-1) } else { Value::Null };
    let mut context = map! {
        "cwd" => command.cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned()),
        "shell" => options.python_shell,
        "env" => env,
        "stdin" => options.stdin.clone(),
        "stdout" => pipe(!options.bg),
        "stderr" => if options.redirect_stderr { Value::Int(-2) } else { pipe(!options.bg) },
        "with_communicate" => !options.bg,
        "timeout" => options.timeout.clone(),
        "bg" => options.bg,
    };
    if options.python_shell {
        context.insert("executable", options.shell.clone());
    }
    context.insert("close_fds", true);
    let cmd = if options.quiet { "REDACTED".to_owned() } else { shown(cmd) };
    Fault::execution(format!(
        "Unable to run command '{cmd}' with the context '{}', reason: {}",
        repr(&context.into()),
        os_error_text(error, &command.program)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_decoded_and_stripped_as_python_does() {
        assert_eq!(decoded(b"a\xff\xfeb", None).expect("text"), "a\u{fffd}\u{fffd}b");
        assert_eq!(decoded(b"\xe9", Some("latin-1")).expect("text"), "é");
        assert!(decoded(b"", Some("cp037")).is_err());
        assert_eq!(rstripped("a b\x1c\n\t "), "a b");
    }
}
