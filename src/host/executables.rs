//! Programs that are being written, and programs that are being started.
//!
//! The kernel refuses to run a file that anybody holds open for writing (`ETXTBSY`). A process that is forked while
//! another thread writes a script inherits its descriptor until it has become the new program, so that the script,
//! though closed by who wrote it, cannot be run for that moment. Hence no fork while a file with execute permission is
//! written. (Go's `syscall.ForkLock` exists for the same reason: golang/go#22315.)

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static EXECUTABLES: RwLock<()> = RwLock::new(());

/// Held from before an executable file is opened until it is closed. Many may be written at once.
pub(super) fn being_written() -> RwLockReadGuard<'static, ()> {
    EXECUTABLES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held while a program is started: from before the fork until the child has become the program.
pub(super) fn none_being_written() -> RwLockWriteGuard<'static, ()> {
    EXECUTABLES.write().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program by other ways than [`super::run`], while no executable file is being written.
pub fn starting<T>(spawn: impl FnOnce() -> T) -> T {
    let _started = none_being_written();
    spawn()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Command, FileOwner, process, write_atomic};

    fn script(name: &str) -> (PathBuf, i64) {
        let path = std::env::temp_dir().join(format!("halite-busy-{}-{name}", std::process::id()));
        write_atomic(&path, b"#!/bin/sh\nexit 7\n", 0o700, FileOwner::default()).expect("written");
        let ran = process::run(&Command::new(path.to_string_lossy(), [""; 0]));
        let _ = std::fs::remove_file(&path);
        (path, ran.expect("starts: nobody holds it open").code)
    }

    #[test]
    fn scripts_written_and_run_on_many_threads_are_never_busy() {
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for turn in 0..40 {
                        assert_eq!(script(&format!("{thread}-{turn}")).1, 7);
                    }
                });
            }
        });
    }
}
