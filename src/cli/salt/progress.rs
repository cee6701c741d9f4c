//! `--progress`: a line on standard error that says how many minions have returned. Salt: output/progress.py, which
//! shows this line alone and no returns; here they are printed above it.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Cells of the bar.
const WIDTH: usize = 40;

/// The line, or nothing when it is not wanted.
pub(super) struct Bar {
    wanted: bool,
    terminal: bool,
    since: Instant,
    all: usize,
    done: usize,
}

impl Bar {
    pub(super) fn new(wanted: bool, all: usize) -> Self {
        let bar = Bar { wanted, terminal: io::stderr().is_terminal(), since: Instant::now(), all, done: 0 };
        bar.draw();
        bar
    }

    /// Makes room for what is printed next.
    pub(super) fn clear(&self) {
        if self.wanted && self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// One more minion has returned.
    pub(super) fn count(&mut self) {
        self.done += 1;
        // Behind a syndic more may return than were counted.
        self.all = self.all.max(self.done);
    }

    pub(super) fn advance(&mut self) {
        self.count();
        self.draw();
    }

    /// The last state stays on the screen.
    pub(super) fn finish(&self) {
        if self.wanted {
            self.draw();
            let _ = writeln!(io::stderr());
        }
    }

    pub(super) fn draw(&self) {
        if self.wanted {
            let line = line(self.done, self.all, self.since.elapsed().as_secs());
            let _ = write!(io::stderr(), "\r{line}");
        }
    }
}

fn line(done: usize, all: usize, seconds: u64) -> String {
    let part = |of: usize| done.saturating_mul(of).checked_div(all).unwrap_or(of);
    let filled = "#".repeat(part(WIDTH));
    format!(
        "{:>3}% |{filled:<WIDTH$}| Elapsed Time: {}:{:02}:{:02} Returns: [{done}/{all}]",
        part(100),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_many_and_for_how_long() {
        let half =
            format!(" 50% |{}{}| Elapsed Time: 1:01:05 Returns: [2/4]", "#".repeat(20), " ".repeat(20));
        assert_eq!(line(2, 4, 3665), half);
        assert!(line(0, 0, 0).starts_with("100% |####"));
        assert!(line(0, 3, 0).starts_with("  0% |    "));
    }
}
