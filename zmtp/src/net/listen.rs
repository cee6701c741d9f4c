//! Listening and accepting. One stalled handshake never holds up another, and unfinished ones are counted.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::{
    net::{TcpListener, UnixListener, UnixStream},
    sync::{Notify, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    core::Core,
    driver::Driver,
    lend::Lending,
    memory::MemoryListener,
    monitor::Event,
    stream::{self, PeerAddress, Stream},
};
use crate::endpoint::{Endpoint, Host, HostPort};
use crate::options::Options;

/// The pause after the system refused to accept: out of file descriptors, mostly. Accepting again at once would
/// burn a processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// An unfinished handshake younger than this is not closed to make room for others.
const MIN_HANDSHAKE_AGE: Duration = Duration::from_secs(1);

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}: {source}")]
pub struct BindError {
    /// Where.
    pub endpoint: Endpoint,
    /// Why.
    pub source: io::Error,
}

#[derive(Debug)]
pub(crate) struct Listener {
    acceptor: Acceptor,
    local: Endpoint,
}

#[derive(Debug)]
enum Acceptor {
    Tcp(TcpListener),
    /// The file goes when the listener does.
    Unix(UnixListener, #[allow(dead_code)] Option<SocketFile>),
    Memory(MemoryListener),
}

pub(crate) async fn bind(endpoint: &Endpoint, options: &Options) -> Result<Listener, BindError> {
    open(endpoint, options).await.map_err(|source| BindError { endpoint: endpoint.clone(), source })
}

async fn open(endpoint: &Endpoint, options: &Options) -> io::Result<Listener> {
    match endpoint {
        Endpoint::Tcp { source: Some(_), .. } => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "a source address is for connecting only"))
        }
        Endpoint::Tcp { source: None, target } => open_tcp(target, options).await,
        Endpoint::Ipc(path) => {
            let directory = if path == Path::new("*") { Some(TemporaryDirectory::new()?) } else { None };
            let path = directory.as_ref().map_or(path.clone(), |directory| directory.0.join("socket"));
            make_way(&path).await?;
            let listener = open_unix(&SockAddr::unix(&path)?, options)?;
            let file = SocketFile::new(&path, directory)?;
            Ok(Listener { acceptor: Acceptor::Unix(listener, Some(file)), local: Endpoint::Ipc(path) })
        }
        Endpoint::IpcAbstract(name) => {
            let listener = open_unix(&SockAddr::unix(format!("\0{name}"))?, options)?;
            Ok(Listener { acceptor: Acceptor::Unix(listener, None), local: endpoint.clone() })
        }
        Endpoint::Inproc(name) => {
            let listener = MemoryListener::bind(name, options.backlog)?;
            Ok(Listener { acceptor: Acceptor::Memory(listener), local: endpoint.clone() })
        }
    }
}

async fn open_tcp(target: &HostPort, options: &Options) -> io::Result<Listener> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no usable address");
    for address in stream::resolve(target, options).await? {
        let opened = (|| {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
            socket.set_reuse_address(true)?;
            stream::bind_to_device(&SockRef::from(&socket), options)?;
            if address.is_ipv6() {
                socket.set_only_v6(target.host != Host::Any)?;
            }
            socket.bind(&address.into())?;
            socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
            TcpListener::from_std(socket.into())
        })();
        match opened {
            Ok(listener) => {
                let port = listener.local_addr()?.port();
                let local =
                    Endpoint::Tcp { source: None, target: HostPort { host: target.host.clone(), port } };
                return Ok(Listener { acceptor: Acceptor::Tcp(listener), local });
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn open_unix(address: &SockAddr, options: &Options) -> io::Result<UnixListener> {
    let mut socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    if let Some(mode) = options.ipc_mode {
        // Linux gives the socket file the mode of the socket, so nobody can slip in before a later chmod.
        let file = File::from(OwnedFd::from(socket));
        file.set_permissions(Permissions::from_mode(mode))?;
        socket = OwnedFd::from(file).into();
    }
    socket.bind(address)?;
    if let (Some(mode), Some(path)) = (options.ipc_mode, address.as_pathname()) {
        fs::set_permissions(path, Permissions::from_mode(mode))?; // elsewhere, and where the umask took bits away
    }
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    UnixListener::from_std(socket.into())
}

/// Removes a dead socket file. Unlike libzmq, a live listener is not robbed of its path.
async fn make_way(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file that is not a socket is in the way",
        ));
    }
    match timeout(Duration::from_secs(1), UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// Removes the file of a listening socket when it is closed, if it is still ours.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// Goes after the file.
    _directory: Option<TemporaryDirectory>,
}

/// A directory of ours alone, for `ipc://*`.
#[derive(Debug)]
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn new() -> io::Result<TemporaryDirectory> {
        let path = std::env::temp_dir().join(format!("zmtp-{:016x}", super::random()));
        std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&path)?;
        Ok(TemporaryDirectory(path))
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _not_empty = fs::remove_dir(&self.0);
    }
}

impl SocketFile {
    fn new(path: &Path, directory: Option<TemporaryDirectory>) -> io::Result<SocketFile> {
        let found = fs::symlink_metadata(path)?;
        let path = std::path::absolute(path)?;
        Ok(SocketFile { path, identity: (found.dev(), found.ino()), _directory: directory })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|f| (f.dev(), f.ino()) == self.identity) {
            let _already_gone = fs::remove_file(&self.path);
        }
    }
}

impl Acceptor {
    async fn accept(&mut self, local: &Endpoint, options: &Options) -> io::Result<(Stream, PeerAddress)> {
        match self {
            Acceptor::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // A peer that is gone already fails here; its connection then ends by itself.
                let _gone = stream::set_tcp_options(&stream, options);
                Ok((stream.into(), PeerAddress::Tcp(address)))
            }
            Acceptor::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((stream.into(), PeerAddress::Ipc(local.to_string().into())))
            }
            Acceptor::Memory(listener) => {
                let end = listener.accept().await?;
                Ok((end.into(), PeerAddress::Inproc(local.to_string().into())))
            }
        }
    }
}

impl Listener {
    pub(crate) fn local_endpoint(&self) -> &Endpoint {
        &self.local
    }

    /// Accepts until aborted.
    pub(crate) async fn run(mut self, core: Arc<Core>) {
        let waiting_room = Arc::new(WaitingRoom::new(core.options.max_half_open));
        let places = Arc::new(Semaphore::new(core.options.max_connections.min(Semaphore::MAX_PERMITS)));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            waiting_room.make_room().await;
            match self.acceptor.accept(&self.local, &core.options).await {
                Ok((stream, peer)) => {
                    let id = core.new_id();
                    let half_open = waiting_room.enter(id);
                    let driver = Driver::new(core.clone(), id, stream, peer, None, Some((half_open, place)));
                    let abort = match core.socket_type.lends() {
                        true => core.spawn(id, None, Lending::new(driver)),
                        false => core.spawn(id, None, driver),
                    };
                    waiting_room.can_be_aborted(id, abort);
                }
                Err(error) if is_about_one_peer(&error) => {}
                Err(error) => {
                    let reason = error.to_string();
                    core.monitor.report(|| Event::AcceptFailed { endpoint: self.local.clone(), reason });
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn is_about_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Connections of one listener whose handshake is not complete.
#[derive(Debug)]
struct WaitingRoom {
    capacity: usize,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    someone_left: Notify,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    abort: Option<AbortHandle>,
}

/// A place in the waiting room, free again when dropped.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    id: u64,
    room: Arc<WaitingRoom>,
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        self.room.waiting().remove(&self.id);
        self.room.someone_left.notify_one();
    }
}

impl WaitingRoom {
    fn new(capacity: usize) -> WaitingRoom {
        WaitingRoom { capacity: capacity.max(1), waiting: Mutex::default(), someone_left: Notify::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, id: u64) -> HalfOpen {
        self.waiting().insert(id, Waiting { since: Instant::now(), abort: None });
        HalfOpen { id, room: self.clone() }
    }

    fn can_be_aborted(&self, id: u64, abort: Option<AbortHandle>) {
        if let Some(waiting) = self.waiting().get_mut(&id) {
            waiting.abort = abort;
        }
    }

    /// Waits until somebody can enter. The oldest has to leave when it has had its chance.
    async fn make_room(&self) {
        loop {
            let wait = {
                let waiting = self.waiting();
                if waiting.len() < self.capacity {
                    return;
                }
                let Some(oldest) = waiting.values().next() else { return };
                let age = oldest.since.elapsed();
                if age >= MIN_HANDSHAKE_AGE {
                    let abort = oldest.abort.clone();
                    drop(waiting);
                    abort.inspect(AbortHandle::abort);
                }
                MIN_HANDSHAKE_AGE.saturating_sub(age).max(Duration::from_millis(1))
            };
            let _nobody_left = timeout(wait, self.someone_left.notified()).await;
        }
    }
}
