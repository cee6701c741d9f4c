//! Listening Unix sockets that have their mode from the first moment, and take the place of dead ones.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

use super::BusError;

/// The longest path of a Unix socket, in octets.
pub(super) const MAX_PATH: usize = 107;

/// A listening socket whose file goes with it.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode: a file that somebody else put there since is not ours to remove.
    file: (u64, u64),
}

impl Listener {
    /// Listens on `path` with `mode`. A socket there that nobody answers is replaced.
    pub(super) fn bind(path: &Path, mode: u32) -> Result<Self, BusError> {
        if path.as_os_str().len() > MAX_PATH {
            return Err(BusError::PathTooLong(path.to_owned()));
        }
        make_room(path)?;
        listen(path, mode).map_err(|error| BusError::Listen { path: path.to_owned(), error })
    }

    /// The same socket for those who do not wait.
    pub(super) fn waiting(&self) -> io::Result<std::os::unix::net::UnixListener> {
        Ok(self.listener.as_fd().try_clone_to_owned()?.into())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn make_room(path: &Path) -> Result<(), BusError> {
    let failed = |error| BusError::Listen { path: path.to_owned(), error };
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            return Ok(());
        }
        found => found.map_err(failed)?,
    };
    if !found.file_type().is_socket() {
        return Err(BusError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BusError::InUse(path.to_owned())),
        Err(_) => fs::remove_file(path).map_err(failed),
    }
}

fn listen(path: &Path, mode: u32) -> io::Result<Listener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Linux gives the file the socket's own mode (less the umask): it is never open wider than this.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(mode))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    rustix::net::listen(&socket, 1024)?;
    let found = fs::symlink_metadata(path)?;
    let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
    Ok(Listener { listener, path: path.to_owned(), file: (found.dev(), found.ino()) })
}
