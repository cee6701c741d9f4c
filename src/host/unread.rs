//! Whether the other end of a local socket has read everything (unix(7), `SIOCOUTQ`).

use std::ffi::c_int;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `TIOCOUTQ`, by another name `SIOCOUTQ`.
const OUTQ: Opcode = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    0x7472
} else if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64", target_arch = "sparc64")) {
    0x4004_7473
} else {
    0x5411
};

/// Whether nothing waits to be read at the other end of this Unix socket. So it is, too, when the kernel does not tell.
#[allow(unsafe_code)]
pub fn all_read(socket: impl AsFd) -> bool {
    // SAFETY: the request writes one C int, which is what `Getter` has room for.
    let unread = unsafe { ioctl(socket, Getter::<OUTQ, c_int>::new()) };
    !unread.is_ok_and(|octets| octets > 0)
}
