//! A program in a terminal of its own; its errors go through a pipe. Salt: utils/vt.py (`Terminal`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::{Command, process};

/// Size of the terminal. Salt: utils/vt.py.
const SIZE: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };

/// The side of a terminal that a program has, and the one that this process has.
struct Terminal {
    theirs: OwnedFd,
    ours: File,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut modes = tcgetattr(&theirs)?;
        // Lines end as in a pipe.
        modes.output_modes -= OutputModes::ONLCR;
        modes.local_modes -= LocalModes::ECHO;
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        tcsetwinsize(&theirs, SIZE)?;
        Ok(Terminal { theirs, ours: File::from(ours) })
    }
}

/// Starts `command`; gives also where its output and its errors are read from.
///
/// # Errors
/// As [`process::run`], and where there are no terminals.
pub(super) fn start(
    command: &Command,
) -> io::Result<(Child, impl Read + Send + use<>, Option<impl Read + Send + use<>>)> {
    let Terminal { theirs, ours } = Terminal::open()?;
    let mut builder = process::prepared(command);
    if command.stdin.is_none() {
        builder.stdin(Stdio::from(theirs.try_clone()?));
    }
    builder.stdout(Stdio::from(theirs)).stderr(Stdio::piped());
    let mut child = process::spawn(&mut builder)?;
    let errors = child.stderr.take().map(|errors| Shown(errors, io::stderr()));
    Ok((child, Shown(ours, io::stdout()), errors))
}

/// What is read is also printed, as it comes.
struct Shown<R, W>(R, W);

impl<R: Read, W: Write> Read for Shown<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        // Nobody may look on.
        let _ = self.1.write_all(buffer.get(..count).unwrap_or_default()).and_then(|()| self.1.flush());
        Ok(count)
    }
}
