//! The command line: one binary that is every program of Salt, chosen by the name it is called by or by its first
//! word. Here alone errors become sentences and exit codes.

pub mod config_files;
mod daemons;
mod display;
mod exit;
mod help;
mod links;
pub mod logging;
mod login;
mod man;
mod master_call;
pub mod options;
mod profile;
mod quickstart;
mod salt;
mod salt_call;
mod salt_cp;
mod salt_key;
mod salt_master;
mod salt_minion;
mod salt_run;
mod saltfile;
mod settings;
pub mod syntax;
mod verify_env;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

pub use display::Display;
pub use exit::Exit;
pub use settings::{apply, read_stdin, start_logging};
pub use syntax::{Flag, Group, Parsed, Syntax, Takes};

/// One program of the binary.
pub struct Applet {
    /// The name of the link that starts it.
    pub name: &'static str,
    /// One line for `halite --help`.
    pub about: &'static str,
    /// Runs it: an exit code, or an error that is then printed (a [`Stop`] brings its own code).
    pub run: fn(&Call) -> anyhow::Result<Exit>,
    /// Whether `install-links` makes a link for it: it is one of Salt's programs.
    pub link: bool,
    /// Its command line, for manual pages and completion; of Salt's programs only.
    pub syntax: Option<&'static Syntax>,
}

/// Every program, in the order of the help.
pub static APPLETS: &[Applet] = &[
    Applet {
        name: "salt",
        about: "Run a function on minions",
        run: salt::run,
        link: true,
        syntax: Some(&salt::SYNTAX),
    },
    Applet {
        name: "salt-minion",
        about: "Sign in to a master, run its jobs and return what came of them",
        run: salt_minion::run,
        link: true,
        syntax: Some(&salt_minion::SYNTAX),
    },
    Applet {
        name: "salt-call",
        about: "Run a function on this machine, as its minion would",
        run: salt_call::run,
        link: true,
        syntax: Some(&salt_call::SYNTAX),
    },
    Applet {
        name: "salt-master",
        about: "Publish jobs to minions and keep what they return",
        run: salt_master::run,
        link: true,
        syntax: Some(&salt_master::SYNTAX),
    },
    Applet {
        name: "salt-key",
        about: "Show, accept, reject and delete the keys of minions",
        run: salt_key::run,
        link: true,
        syntax: Some(&salt_key::SYNTAX),
    },
    Applet {
        name: "salt-cp",
        about: "Copy files to minions",
        run: salt_cp::run,
        link: true,
        syntax: Some(&salt_cp::SYNTAX),
    },
    Applet {
        name: "salt-run",
        about: "Run a function on the master",
        run: salt_run::run,
        link: true,
        syntax: Some(&salt_run::SYNTAX),
    },
    Applet {
        name: "quickstart",
        about: "Start a master and a minion of your own and run a few jobs",
        run: quickstart::run,
        link: false,
        syntax: None,
    },
    Applet {
        name: "install-links",
        about: "Make links named salt, salt-master … to this binary",
        run: links::run,
        link: false,
        syntax: None,
    },
    Applet {
        name: "man",
        about: "Write manual pages for these programs",
        run: man::run,
        link: false,
        syntax: None,
    },
    Applet {
        name: "completions",
        about: "Print a script that completes options in a shell",
        run: man::completions,
        link: false,
        syntax: None,
    },
    Applet {
        name: crate::minion::JOB_APPLET,
        about: "Run one job (started by salt-minion, not by hand)",
        run: salt_minion::run_job,
        link: false,
        syntax: None,
    },
    Applet {
        name: MASTER_CALL,
        about: "Ask the master on this host (started by saltutil.*, not by hand)",
        run: master_call::run,
        link: false,
        syntax: None,
    },
];

const MASTER_CALL: &str = "master-call";

/// Programs that only other programs start: the help does not list them.
const INTERNAL: [&str; 2] = [crate::minion::JOB_APPLET, MASTER_CALL];

/// How an applet was called.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name that usage and errors show.
    pub prog: String,
    /// The words after the name.
    pub words: Vec<String>,
}

/// The end of a program before its work: what to print and the exit code.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{stderr}")]
pub struct Stop {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

impl Stop {
    /// Text on standard output and success.
    pub fn said(stdout: impl Into<String>) -> Self {
        Stop { exit: Exit::OK, stdout: stdout.into(), stderr: String::new() }
    }

    /// Text on standard error, printed as it is, and an exit code.
    pub fn failed(exit: Exit, stderr: impl Into<String>) -> Self {
        Stop { exit, stdout: String::new(), stderr: stderr.into() }
    }
}

/// Runs the program that the words of the command line (the first is the name of the binary) ask for.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    panics_print_one_line();
    let (prog, exit) = match words(argv) {
        Ok(words) => dispatch(words),
        Err(error) => ("halite".to_owned(), Err(error)),
    };
    match exit {
        Ok(exit) => exit,
        Err(error) => finish(&prog, &error),
    }
    .into()
}

fn words(argv: impl IntoIterator<Item = OsString>) -> anyhow::Result<Vec<String>> {
    let word = |(place, word): (usize, OsString)| {
        word.into_string().map_err(|word| {
            anyhow::anyhow!("word {place} of the command line is not UTF-8: {}", word.display())
        })
    };
    argv.into_iter().enumerate().map(word).collect()
}

/// The applet named by the binary's own name, or else by the first word.
fn dispatch(words: Vec<String>) -> (String, anyhow::Result<Exit>) {
    let mut words = words.into_iter();
    let own = words.next().unwrap_or_default();
    let own = Path::new(&own).file_name().and_then(|name| name.to_str()).unwrap_or("halite").to_owned();
    let (prog, applet) = match applet(&own) {
        Some(applet) => (own, applet),
        None => match words.next() {
            Some(first) => match applet(&first) {
                Some(applet) => (first, applet),
                None => return (own.clone(), about_halite(&own, &first)),
            },
            None => return (own.clone(), about_halite(&own, "--help")),
        },
    };
    let call = Call { prog: prog.clone(), words: words.collect() };
    (prog, (applet.run)(&call))
}

fn applet(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name)
}

fn about_halite(own: &str, word: &str) -> anyhow::Result<Exit> {
    match word {
        "-h" | "--help" | "help" => print(&overview(own))?,
        "--version" => print(&help::version("halite"))?,
        "-V" | "--versions-report" => print(&help::versions_report())?,
        unknown => return Err(unknown_applet(own, unknown).into()),
    }
    Ok(Exit::OK)
}

fn overview(own: &str) -> String {
    let mut text =
        format!("Usage: {own} PROGRAM [WORDS]\n\nPrograms (also by the name of a link to this binary):\n");
    for applet in APPLETS.iter().filter(|applet| !INTERNAL.contains(&applet.name)) {
        text.push_str(&format!("  {:<14} {}\n", applet.name, applet.about));
    }
    text.push_str(&format!("\n`{own} PROGRAM --help` tells more. `{own} --version` prints the version.\n"));
    text
}

fn unknown_applet(own: &str, name: &str) -> Stop {
    let nearest = APPLETS.iter().map(|applet| (distance(applet.name, name), applet.name)).min();
    let hint = match nearest {
        Some((distance, nearest)) if distance <= 3 => format!("Did you mean `{nearest}`? "),
        _ => String::new(),
    };
    Stop::failed(
        Exit::USAGE,
        format!("{own}: there is no program `{name}` here. {hint}`{own} --help` lists them.\n"),
    )
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(left != right)).min(before + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            before = best;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Writes text to standard output, whole.
///
/// # Errors
/// When the reader is gone or the disk is full.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to standard error; when even that fails there is nobody left to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", crate::log::secrets::concealed(text.to_owned()));
}

/// The one place where an error becomes text and an exit code.
fn finish(prog: &str, error: &anyhow::Error) -> Exit {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let _ = io::stderr().lock().write_all(stop.stderr.as_bytes());
        return match print(&stop.stdout) {
            Ok(()) => stop.exit,
            Err(error) => finish(prog, &error.into()),
        };
    }
    let broken_pipe = error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    });
    if broken_pipe {
        return Exit::BROKEN_PIPE;
    }
    complain(&format!("{prog}: {}", told_once(error)));
    Exit::GENERIC
}

/// An error with its causes, but for those whose words are in it already.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// A panic is a defect of this program: one line that says where, a backtrace only on request.
fn panics_print_one_line() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let what = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let line: Vec<&str> = what.lines().collect();
        complain(&format!(
            "halite: a defect of this program{place}: {} (RUST_BACKTRACE=1 shows more; please report it)",
            line.join(" ")
        ));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_applets_are_unique_and_described() {
        for (place, applet) in APPLETS.iter().enumerate() {
            assert!(!applet.about.is_empty(), "{}", applet.name);
            assert!(APPLETS.iter().skip(place + 1).all(|other| other.name != applet.name), "{}", applet.name);
        }
    }

    #[test]
    fn a_cause_whose_words_are_there_already_is_not_told_again() {
        let refused = || io::Error::other("refused");
        let error = anyhow::Error::from(refused()).context("cannot use the key: refused. Restore it");
        assert_eq!(told_once(&error), "cannot use the key: refused. Restore it");
        assert_eq!(
            told_once(&anyhow::Error::from(refused()).context("cannot read x")),
            "cannot read x: refused"
        );
    }

    #[test]
    fn an_unknown_program_is_told_with_the_nearest_name() {
        let stop = unknown_applet("halite", "install-link");
        assert_eq!(stop.exit, Exit::USAGE);
        assert!(stop.stderr.contains("Did you mean `install-links`?"), "{}", stop.stderr);
        assert_eq!(distance("salt-key", "slat-key"), 2);
    }

    #[test]
    fn a_reader_that_went_away_is_no_news() {
        let gone: anyhow::Error = io::Error::from(io::ErrorKind::BrokenPipe).into();
        assert_eq!(finish("salt", &gone.context("printing")), Exit::BROKEN_PIPE);
    }
}
