//! TCP and Unix streams behind one type, and how they are opened.

use std::{
    fmt, io,
    io::IoSlice,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, TcpStream, UnixStream, tcp, unix},
};

use super::memory::{self, End};
use crate::buffers;
use crate::codec::Output;
use crate::endpoint::{Endpoint, Host, HostPort};
use crate::options::Options;

/// Slices in one vectored write.
pub(crate) const SLICES: usize = 64;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// Address and port of the peer.
    Tcp(SocketAddr),
    /// The endpoint that both sides use; a Unix peer has no address of its own.
    Ipc(Arc<str>),
    /// The endpoint that both sides use.
    Inproc(Arc<str>),
}

impl PeerAddress {
    /// The IP address of a TCP peer.
    pub fn ip(&self) -> Option<std::net::IpAddr> {
        match self {
            PeerAddress::Tcp(address) => Some(address.ip()),
            PeerAddress::Ipc(_) | PeerAddress::Inproc(_) => None,
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerAddress::Tcp(address) => write!(f, "tcp://{address}"),
            PeerAddress::Ipc(endpoint) | PeerAddress::Inproc(endpoint) => f.write_str(endpoint),
        }
    }
}

/// What a driver reads from, and what it shares with those who may write.
#[derive(Debug)]
pub(crate) struct Stream {
    reader: Reader,
    pub(crate) writer: Arc<Writer>,
}

#[derive(Debug)]
enum Reader {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Memory(Arc<End>),
}

/// The end that writes.
#[derive(Debug)]
pub(crate) enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
    Memory(Arc<End>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        let (reader, writer) = stream.into_split();
        Stream { reader: Reader::Tcp(reader), writer: Arc::new(Writer::Tcp(writer)) }
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Stream {
        let (reader, writer) = stream.into_split();
        Stream { reader: Reader::Unix(reader), writer: Arc::new(Writer::Unix(writer)) }
    }
}

impl From<End> for Stream {
    fn from(end: End) -> Stream {
        let end = Arc::new(end);
        Stream { reader: Reader::Memory(end.clone()), writer: Arc::new(Writer::Memory(end)) }
    }
}

impl Stream {
    /// Reads what is there into the spare capacity of `buffer`; 0 at the end of the stream.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match &mut self.reader {
            Reader::Tcp(reader) => pin!(reader.read_buf(buffer)).poll(cx),
            Reader::Unix(reader) => pin!(reader.read_buf(buffer)).poll(cx),
            Reader::Memory(end) => end.poll_read(cx, buffer),
        }
    }

    /// Whether reading is worth a buffer.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.reader {
            Reader::Tcp(reader) => reader.as_ref().poll_read_ready(cx),
            Reader::Unix(reader) => reader.as_ref().poll_read_ready(cx),
            Reader::Memory(end) => end.poll_readable(cx),
        }
    }
}

impl Writer {
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Writer::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            Writer::Unix(writer) => writer.as_ref().poll_write_ready(cx),
            Writer::Memory(end) => end.poll_writable(cx),
        }
    }

    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Writer::Tcp(writer), [one]) => writer.try_write(one),
            (Writer::Tcp(writer), many) => writer.try_write_vectored(many),
            (Writer::Unix(writer), [one]) => writer.try_write(one),
            (Writer::Unix(writer), many) => writer.try_write_vectored(many),
            (Writer::Memory(end), slices) => end.try_write(slices),
        }
    }

    /// As [`Writer::write_out`] for what is in one piece: what is left of it.
    pub(crate) fn write_piece(&self, mut piece: Bytes) -> Option<Bytes> {
        let written = self.try_write(&[IoSlice::new(&piece)]).unwrap_or(0);
        if written < piece.len() {
            piece.advance(written);
            return Some(piece);
        }
        buffers::give_piece(piece);
        None
    }

    /// Writes as much as the stream takes; true when that was all. An error is for the driver to find.
    pub(crate) fn write_out(&self, output: &mut Output) -> bool {
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = output.slices(&mut slices);
            match self.try_write(slices.get(..filled).unwrap_or_default()) {
                Ok(octets) => output.consume(octets),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Ends our side properly: with unread octets in the system's buffer, closing would reset the connection and
    /// take away from the peer what it has not read yet.
    pub(crate) fn finish(&self) {
        let mut discarded = [0; 4096];
        let (closed, mut read): (io::Result<()>, Box<dyn FnMut() -> io::Result<usize>>) = match self {
            Writer::Tcp(writer) => {
                let stream: &TcpStream = writer.as_ref();
                let closed = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
                (closed, Box::new(move || stream.try_read(&mut discarded)))
            }
            Writer::Unix(writer) => {
                let stream: &UnixStream = writer.as_ref();
                let closed = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
                (closed, Box::new(move || stream.try_read(&mut discarded)))
            }
            Writer::Memory(end) => return end.finish(),
        };
        let mut left = 256; // a peer that floods cannot hold us
        while closed.is_ok() && left > 0 && read().is_ok_and(|n| n > 0) {
            left -= 1;
        }
    }
}

/// One attempt to connect, with the name resolved anew.
pub(crate) async fn connect(endpoint: &Endpoint, options: &Options) -> io::Result<(Stream, PeerAddress)> {
    let attempt = async {
        match endpoint {
            Endpoint::Tcp { source, target } => connect_tcp(source.as_ref(), target, options).await,
            Endpoint::Ipc(path) => {
                let stream = UnixStream::connect(path).await?;
                Ok((stream.into(), PeerAddress::Ipc(endpoint.to_string().into())))
            }
            Endpoint::IpcAbstract(name) => {
                let stream = UnixStream::connect(format!("\0{name}")).await?;
                Ok((stream.into(), PeerAddress::Ipc(endpoint.to_string().into())))
            }
            Endpoint::Inproc(name) => {
                let end = memory::connect(name).await;
                Ok((end.into(), PeerAddress::Inproc(endpoint.to_string().into())))
            }
        }
    };
    match options.connect_timeout {
        Some(limit) => tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "connecting timed out"))),
        None => attempt.await,
    }
}

async fn connect_tcp(
    source: Option<&HostPort>,
    target: &HostPort,
    options: &Options,
) -> io::Result<(Stream, PeerAddress)> {
    let sources = match source {
        Some(source) => resolve(source, options).await?,
        None => Vec::new(),
    };
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no usable address");
    for address in resolve(target, options).await? {
        let from = sources.iter().find(|from| from.is_ipv4() == address.is_ipv4());
        if source.is_some() && from.is_none() {
            continue;
        }
        match connect_address(from, address, options).await {
            Ok(stream) => return Ok((stream.into(), PeerAddress::Tcp(address))),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn connect_address(
    source: Option<&SocketAddr>,
    address: SocketAddr,
    options: &Options,
) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    bind_to_device(&SockRef::from(&socket), options)?;
    if let Some(source) = source {
        socket.set_reuseaddr(true)?;
        socket.bind(*source)?;
    }
    set_buffers(&SockRef::from(&socket), options)?;
    let stream = socket.connect(address).await?;
    set_tcp_options(&stream, options)?;
    Ok(stream)
}

/// What has to be set before the socket listens or connects.
pub(crate) fn bind_to_device(socket: &SockRef<'_>, options: &Options) -> io::Result<()> {
    let Some(device) = &options.bindtodevice else { return Ok(()) };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.bind_device(Some(device.as_bytes()));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (socket, device);
        Err(io::Error::new(io::ErrorKind::Unsupported, "binding to a device is not supported here"))
    }
}

fn set_buffers(socket: &SockRef<'_>, options: &Options) -> io::Result<()> {
    let size = |octets: u32| usize::try_from(octets).unwrap_or(usize::MAX);
    if let Some(octets) = options.sndbuf {
        socket.set_send_buffer_size(size(octets))?;
    }
    if let Some(octets) = options.rcvbuf {
        socket.set_recv_buffer_size(size(octets))?;
    }
    Ok(())
}

/// No delay, keep-alive and the limit for unacknowledged data.
pub(crate) fn set_tcp_options(stream: &TcpStream, options: &Options) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    set_buffers(&socket, options)?;
    if options.tos != 0 && stream.peer_addr().is_ok_and(|address| address.is_ipv4()) {
        socket.set_tos_v4(options.tos)?;
    }
    match options.tcp_keepalive {
        Some(true) => {
            let mut keepalive = TcpKeepalive::new();
            if let Some(idle) = options.tcp_keepalive_idle {
                keepalive = keepalive.with_time(idle);
            }
            if let Some(interval) = options.tcp_keepalive_intvl {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(count) = options.tcp_keepalive_cnt {
                keepalive = keepalive.with_retries(count);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Some(false) => socket.set_keepalive(false)?,
        None => {}
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(limit) = options.tcp_maxrt {
        socket.set_tcp_user_timeout(Some(limit))?;
    }
    Ok(())
}

/// All usable addresses of a host. Without `ipv6`, names resolve to IPv4 only; a literal address is taken as it is.
pub(crate) async fn resolve(target: &HostPort, options: &Options) -> io::Result<Vec<SocketAddr>> {
    let name = match &target.host {
        Host::Any if options.ipv6 => return Ok(vec![(Ipv6Addr::UNSPECIFIED, target.port).into()]),
        Host::Any => return Ok(vec![(Ipv4Addr::UNSPECIFIED, target.port).into()]),
        Host::Named(name) => name,
    };
    let literal = name.contains(':');
    let found: Vec<_> = tokio::net::lookup_host((name.as_str(), target.port)).await?.collect();
    let usable: Vec<_> = found.into_iter().filter(|a| a.is_ipv4() || options.ipv6 || literal).collect();
    if usable.is_empty() {
        let reason = format!("{name} has no IPv4 address, and the option ipv6 is off");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
    }
    Ok(usable)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_system_is_told_all_tcp_options() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options {
            tcp_keepalive: Some(true),
            tcp_keepalive_idle: Some(Duration::from_secs(301)),
            tcp_keepalive_intvl: Some(Duration::from_secs(17)),
            tcp_keepalive_cnt: Some(5),
            tcp_maxrt: Some(Duration::from_millis(1234)),
            tos: 0x10,
            sndbuf: Some(20_000),
            rcvbuf: Some(30_000),
            ..Options::default()
        };
        let dialled = connect_address(None, address, &options).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        set_tcp_options(&accepted, &options).unwrap();
        for stream in [dialled, accepted] {
            let socket = SockRef::from(&stream);
            assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(301));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(17));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 5);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1234)));
            assert_eq!(socket.tos_v4().unwrap(), 0x10);
            // socket(7): the system doubles both.
            assert_eq!(socket.send_buffer_size().unwrap(), 40_000);
            assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
        }
    }
}
