//! The programs that take part: ours, and real Salt from the Python package index in environments of its own under
//! `target/peers/`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Who plays a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Halite,
    Salt3006,
    Salt3007,
}

impl Peer {
    /// A command that starts one of the peer's tools (`salt`, `salt-master` …).
    pub fn tool(self, tool: &str) -> Command {
        match self {
            Peer::Halite => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
                command.arg(tool);
                command
            }
            Peer::Salt3006 => Command::new(home("3006.25").join("bin").join(tool)),
            Peer::Salt3007 => Command::new(home("3007.14").join("bin").join(tool)),
        }
    }

    /// The Python that has the peer's classes; for ours there is none.
    pub fn python(self) -> Command {
        match self {
            Peer::Halite => unreachable!("Halite has no Python"),
            Peer::Salt3006 => Command::new(home("3006.25").join("bin/python")),
            Peer::Salt3007 => Command::new(home("3007.14").join("bin/python")),
        }
    }

    /// Whether the peer can be had here. Says so and why if not; with `HALITE_REQUIRE_PEERS` set, that is a failure.
    pub fn is_here(self) -> bool {
        let made = match self {
            Peer::Halite => return true,
            Peer::Salt3006 => made("3006.25", make_3006),
            Peer::Salt3007 => made("3007.14", make_3007),
        };
        let Err(reason) = made else { return true };
        assert!(
            std::env::var_os("HALITE_REQUIRE_PEERS").is_none(),
            "{self:?} is required but not here: {reason}"
        );
        eprintln!("SKIP: {self:?} cannot be had here: {reason}");
        false
    }
}

fn home(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(version)
}

/// Makes an environment once, whichever process or thread comes first.
fn made(version: &'static str, make: fn(&Path) -> Result<(), String>) -> Result<(), String> {
    static MADE: [OnceLock<Result<(), String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let slot = &MADE[usize::from(version == "3007.14")];
    slot.get_or_init(|| {
        let home = home(version);
        let text = |error: std::io::Error| error.to_string();
        fs::create_dir_all(home.parent().unwrap_or(&home)).map_err(text)?;
        let lock = File::create(home.with_extension("lock")).map_err(text)?;
        lock.lock().map_err(text)?;
        if home.join(".ready").exists() {
            return Ok(());
        }
        run("python3", ["-m".as_ref(), "venv".as_ref(), home.as_os_str()])?;
        make(&home)?;
        run(home.join("bin/salt"), ["--version"])?;
        fs::write(home.join(".ready"), "").map_err(text)
    })
    .clone()
}

fn make_3006(home: &Path) -> Result<(), String> {
    run(home.join("bin/pip"), ["install", "-q", "salt==3006.25"])
}

/// The wheel of 3007.14 names more than it needs: what it needs stands in its source.
fn make_3007(home: &Path) -> Result<(), String> {
    let pip = home.join("bin/pip");
    run(&pip, ["install", "-q", "--no-deps", "salt==3007.14"])?;
    let download = ["download", "-q", "--no-deps", "--no-binary", ":all:"];
    let source = ["salt==3007.14".as_ref(), "-d".as_ref(), home.as_os_str()];
    let words = |extra: &[&'static str]| -> Vec<&OsStr> {
        download.iter().chain(extra).map(|&word| OsStr::new(word)).chain(source).collect()
    };
    run(&pip, ["install", "-q", "setuptools<81", "wheel"])?;
    run(&pip, words(&["--no-build-isolation"])).or_else(|_| run(&pip, words(&[])))?;
    let tarball = home.join("salt-3007.14.tar.gz");
    run("tar", ["xzf".as_ref(), tarball.as_os_str(), "-C".as_ref(), home.as_os_str()])?;
    let needed = home.join("salt-3007.14/requirements/zeromq.txt");
    run(&pip, ["install".as_ref(), "-q".as_ref(), "-r".as_ref(), needed.as_os_str()])
}

fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Result<(), String> {
    let program = program.as_ref();
    let output = Command::new(program)
        .args(args)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let last = text.lines().last().unwrap_or("no message").to_owned();
    Err(format!("{}: {}: {last}", program.display(), output.status))
}
