//! What a program says when Ctrl-C ends it. Salt: scripts.py (`_handle_signals`).

use std::ffi::c_int;

use rustix::io::write;
use rustix::process::{Signal, getpid, kill_process};

#[allow(unsafe_code)]
unsafe extern "C" {
    /// signal(2) of the C library that the standard library links.
    fn signal(number: c_int, handler: usize) -> usize;
}

const DEFAULT: usize = 0;

/// Takes leave, and ends by the signal after all: a shell that runs a loop ends it, too.
#[allow(unsafe_code)]
extern "C" fn leave(number: c_int) {
    let _ = write(std::io::stderr(), b"\nExiting gracefully on Ctrl-c\n");
    // SAFETY: signal(2), write(2) and kill(2) may be called in a handler (signal-safety(7)).
    unsafe { signal(number, DEFAULT) };
    let _ = kill_process(getpid(), Signal::INT);
}

/// Has this process take leave on Ctrl-C. Not for one that waits for the signal with `tokio::signal`: both would act.
#[allow(unsafe_code)]
pub fn take_leave() {
    // SAFETY: `leave` has the signature of a handler, and does what a handler may do.
    unsafe { signal(Signal::INT.as_raw(), leave as *const () as usize) };
}
