//! The libraries, each behind the same few functions, and the roles a process can play with one.

use std::io::{BufRead, Write};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One library. Sending never waits for the peer; whoever drives it paces.
#[allow(async_fn_in_trait)]
pub trait Library {
    type Pub;
    type Sub;
    type Router;
    type Rep;
    type Req;
    async fn publisher() -> (Self::Pub, u16);
    async fn publish(publisher: &mut Self::Pub, body: &Bytes);
    async fn flush(_publisher: &mut Self::Pub) {}
    async fn subscriber(port: u16) -> Self::Sub;
    async fn next(sub: &mut Self::Sub) -> usize;
    async fn router() -> (Self::Router, u16);
    /// Receives one message and sends it back.
    async fn echo(router: &mut Self::Router);
    async fn rep() -> (Self::Rep, u16);
    async fn answer(rep: &mut Self::Rep);
    async fn req(port: u16) -> Self::Req;
    async fn ask(req: &mut Self::Req, body: &Bytes);
}

pub fn play(library: &str, role: &str, endpoint: &str) {
    match library {
        "zmtp" => run::<Zmtp>(role, endpoint),
        "libzmq" => run::<Libzmq>(role, endpoint),
        "zeromq" => run::<Zeromq>(role, endpoint),
        "omq" => run::<Omq>(role, endpoint),
        "raw" => run::<Raw>(role, endpoint),
        other => panic!("no library {other}"),
    }
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("the parent listens");
}

fn run<L: Library>(role: &str, endpoint: &str) {
    // One worker tells how much of a figure is due to two of them. Tasks beyond 256 leave a worker's queue and lose their turn:
    // fewer events at a time tell how much of a figure is due to that.
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(number("COMPARE_WORKERS", 2))
        .max_io_events_per_tick(number("COMPARE_EVENTS", 1024))
        .enable_all()
        .build()
        .unwrap();
    let port = endpoint.parse().unwrap_or_default();
    let (lines, mut commands) = tokio::sync::mpsc::unbounded_channel::<String>();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if lines.send(line).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    runtime.block_on(async {
        match role {
            // publish COUNT SIZE
            "pub" => {
                let (mut publisher, port) = L::publisher().await;
                say(&port.to_string());
                while let Some(line) = commands.recv().await {
                    let mut words = line.split(' ').skip(1).map(|word| word.parse::<usize>().unwrap());
                    let (count, size) = (words.next().unwrap(), words.next().unwrap());
                    let body = Bytes::from(vec![7; size]);
                    for _ in 0..count {
                        L::publish(&mut publisher, &body).await;
                    }
                    L::flush(&mut publisher).await;
                    say("published");
                }
            }
            // Counts messages of more than one octet: "expect COUNT".
            "sub" => {
                let mut sub = L::subscriber(port).await;
                L::next(&mut sub).await;
                say("ready");
                while let Some(line) = commands.recv().await {
                    let mut left: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
                    let all = async {
                        while left > 0 {
                            left -= usize::from(L::next(&mut sub).await > 1);
                        }
                    };
                    // A library that loses messages without a limit being reached is out of this row.
                    match tokio::time::timeout(std::time::Duration::from_secs(10), all).await {
                        Ok(()) => say("received"),
                        Err(_elapsed) => say("lost"),
                    }
                }
            }
            "router" => {
                let (mut router, port) = L::router().await;
                say(&port.to_string());
                loop {
                    L::echo(&mut router).await;
                }
            }
            "rep" => {
                let (mut rep, port) = L::rep().await;
                say(&port.to_string());
                loop {
                    L::answer(&mut rep).await;
                }
            }
            // Asks COUNT times and prints the latencies in nanoseconds.
            "req" => {
                let mut req = L::req(port).await;
                let body = Bytes::from(vec![7; 64]);
                for _ in 0..100 {
                    L::ask(&mut req, &body).await;
                }
                say("ready");
                while let Some(line) = commands.recv().await {
                    let count: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
                    let mut nanoseconds = Vec::with_capacity(count);
                    for _ in 0..count {
                        let began = std::time::Instant::now();
                        L::ask(&mut req, &body).await;
                        nanoseconds.push(began.elapsed().as_nanos());
                    }
                    nanoseconds.sort_unstable();
                    say(&format!("{} {}", nanoseconds[count / 2], nanoseconds[count * 99 / 100]));
                }
            }
            other => panic!("no role {other}"),
        }
    });
}

pub struct Zmtp;

fn ours() -> zmtp::Options {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    zmtp::Options {
        sndhwm: None,
        rcvhwm: None,
        backlog: 8192,
        sndbuf: number("COMPARE_SNDBUF"),
        rcvbuf: number("COMPARE_RCVBUF"),
        ..zmtp::Options::default()
    }
}

fn anywhere() -> zmtp::Endpoint {
    zmtp::Endpoint::tcp("127.0.0.1", 0)
}

fn port_of(endpoint: Option<zmtp::Endpoint>) -> u16 {
    match endpoint {
        Some(zmtp::Endpoint::Tcp { target, .. }) => target.port,
        _ => panic!("bound to tcp"),
    }
}

impl Library for Zmtp {
    type Pub = zmtp::PubSocket;
    type Sub = zmtp::SubSocket;
    type Router = zmtp::RouterSocket;
    type Rep = zmtp::RepSocket;
    type Req = zmtp::ReqSocket;
    async fn publisher() -> (Self::Pub, u16) {
        let socket = zmtp::PubSocket::bind(&anywhere(), ours()).await.unwrap();
        let port = port_of(socket.local_endpoint());
        (socket, port)
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        publisher.send(body.clone().into()).await;
    }
    async fn subscriber(port: u16) -> Self::Sub {
        let sub = zmtp::SubSocket::connect(&zmtp::Endpoint::tcp("127.0.0.1", port), ours());
        sub.subscribe(b"");
        sub
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.recv().await.first().len()
    }
    async fn router() -> (Self::Router, u16) {
        let socket = zmtp::RouterSocket::bind(&anywhere(), ours()).await.unwrap();
        let port = port_of(socket.local_endpoint());
        (socket, port)
    }
    async fn echo(router: &mut Self::Router) {
        let (id, message) = router.recv().await;
        router.send(&id, message).unwrap();
    }
    async fn rep() -> (Self::Rep, u16) {
        let socket = zmtp::RepSocket::bind(&anywhere(), ours()).await.unwrap();
        let port = port_of(socket.local_endpoint());
        (socket, port)
    }
    async fn answer(rep: &mut Self::Rep) {
        let request = rep.recv().await;
        rep.send(request).unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        zmtp::ReqSocket::connect(&zmtp::Endpoint::tcp("127.0.0.1", port), ours())
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.send(body.clone().into()).await.unwrap();
        req.recv().await.unwrap();
    }
}

/// libzmq 4.3, through the crate `zmq`. Its calls block this thread; its own I/O thread does the work.
pub struct Libzmq;

fn zmq_socket(kind: zmq::SocketType) -> zmq::Socket {
    static CONTEXT: std::sync::OnceLock<zmq::Context> = std::sync::OnceLock::new();
    let context = CONTEXT.get_or_init(zmq::Context::new);
    let socket = context.socket(kind).unwrap();
    socket.set_sndhwm(0).unwrap();
    socket.set_rcvhwm(0).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_backlog(8192).unwrap();
    socket
}

fn zmq_bind(kind: zmq::SocketType) -> (zmq::Socket, u16) {
    let socket = zmq_socket(kind);
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = socket.get_last_endpoint().unwrap().unwrap();
    let port = endpoint.trim_end_matches('\0').rsplit(':').next().unwrap().parse().unwrap();
    (socket, port)
}

fn zmq_connect(kind: zmq::SocketType, port: u16) -> zmq::Socket {
    let socket = zmq_socket(kind);
    socket.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
    socket
}

impl Library for Libzmq {
    type Pub = zmq::Socket;
    type Sub = zmq::Socket;
    type Router = zmq::Socket;
    type Rep = zmq::Socket;
    type Req = zmq::Socket;
    async fn publisher() -> (Self::Pub, u16) {
        zmq_bind(zmq::PUB)
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        publisher.send(&body[..], 0).unwrap();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        let sub = zmq_connect(zmq::SUB, port);
        sub.set_subscribe(b"").unwrap();
        sub
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.recv_msg(0).unwrap().len()
    }
    async fn router() -> (Self::Router, u16) {
        zmq_bind(zmq::ROUTER)
    }
    async fn echo(router: &mut Self::Router) {
        let id = router.recv_msg(0).unwrap();
        let body = router.recv_msg(0).unwrap();
        router.send(id, zmq::SNDMORE).unwrap();
        router.send(body, 0).unwrap();
    }
    async fn rep() -> (Self::Rep, u16) {
        zmq_bind(zmq::REP)
    }
    async fn answer(rep: &mut Self::Rep) {
        let request = rep.recv_msg(0).unwrap();
        rep.send(request, 0).unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        zmq_connect(zmq::REQ, port)
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.send(&body[..], 0).unwrap();
        req.recv_msg(0).unwrap();
    }
}

/// The crate `zeromq`.
pub struct Zeromq;

use zeromq::{Socket as _, SocketRecv as _, SocketSend as _};

fn zeromq_port(endpoint: &zeromq::Endpoint) -> u16 {
    endpoint.to_string().rsplit(':').next().unwrap().parse().unwrap()
}

impl Library for Zeromq {
    type Pub = zeromq::PubSocket;
    type Sub = zeromq::SubSocket;
    type Router = zeromq::RouterSocket;
    type Rep = zeromq::RepSocket;
    type Req = zeromq::ReqSocket;
    async fn publisher() -> (Self::Pub, u16) {
        let mut socket = zeromq::PubSocket::new();
        let port = zeromq_port(&socket.bind("tcp://127.0.0.1:0").await.unwrap());
        (socket, port)
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        publisher.send(body.clone().into()).await.unwrap();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        let mut sub = zeromq::SubSocket::new();
        sub.connect(&format!("tcp://127.0.0.1:{port}")).await.unwrap();
        sub.subscribe("").await.unwrap();
        sub
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.recv().await.unwrap().get(0).unwrap().len()
    }
    async fn router() -> (Self::Router, u16) {
        let mut socket = zeromq::RouterSocket::new();
        let port = zeromq_port(&socket.bind("tcp://127.0.0.1:0").await.unwrap());
        (socket, port)
    }
    async fn echo(router: &mut Self::Router) {
        let message = router.recv().await.unwrap();
        let _gone = router.send(message).await;
    }
    async fn rep() -> (Self::Rep, u16) {
        let mut socket = zeromq::RepSocket::new();
        let port = zeromq_port(&socket.bind("tcp://127.0.0.1:0").await.unwrap());
        (socket, port)
    }
    async fn answer(rep: &mut Self::Rep) {
        let request = rep.recv().await.unwrap();
        rep.send(request).await.unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        let mut req = zeromq::ReqSocket::new();
        req.connect(&format!("tcp://127.0.0.1:{port}")).await.unwrap();
        req
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.send(body.clone().into()).await.unwrap();
        req.recv().await.unwrap();
    }
}

/// The crate `omq-tokio`.
pub struct Omq;

use omq_tokio::{Options as OmqOptions, Socket as OmqSocket, SocketType as OmqType};

fn omq_socket(kind: OmqType) -> OmqSocket {
    OmqSocket::new(kind, OmqOptions::default().send_hwm(200_000).recv_hwm(200_000))
}

async fn omq_bind(kind: OmqType) -> (OmqSocket, u16) {
    let socket = omq_socket(kind);
    // Port 0 is not told back in all versions: take a free one.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint: omq_tokio::Endpoint = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    socket.bind(endpoint).await.unwrap();
    (socket, port)
}

async fn omq_connect(kind: OmqType, port: u16) -> OmqSocket {
    let socket = omq_socket(kind);
    let endpoint: omq_tokio::Endpoint = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    socket.connect(endpoint).await.unwrap();
    socket
}

impl Library for Omq {
    type Pub = OmqSocket;
    type Sub = OmqSocket;
    type Router = OmqSocket;
    type Rep = OmqSocket;
    type Req = OmqSocket;
    async fn publisher() -> (Self::Pub, u16) {
        omq_bind(OmqType::Pub).await
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        publisher.send(omq_tokio::Message::single(body.clone())).await.unwrap();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        let sub = omq_connect(OmqType::Sub, port).await;
        sub.subscribe(Bytes::new()).await.unwrap();
        sub
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.recv().await.unwrap().part_slice(0).unwrap().len()
    }
    async fn router() -> (Self::Router, u16) {
        omq_bind(OmqType::Router).await
    }
    async fn echo(router: &mut Self::Router) {
        let message = router.recv().await.unwrap();
        router.send(message).await.unwrap();
    }
    async fn rep() -> (Self::Rep, u16) {
        omq_bind(OmqType::Rep).await
    }
    async fn answer(rep: &mut Self::Rep) {
        let request = rep.recv().await.unwrap();
        rep.send(request).await.unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        omq_connect(OmqType::Req, port).await
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.send(omq_tokio::Message::single(body.clone())).await.unwrap();
        req.recv().await.unwrap();
    }
}

/// No library: frames written and read by hand, in batches of 128 KiB, for one peer. The bound that sockets set.
pub struct Raw;

pub struct RawPub {
    listener: TcpListener,
    peer: Option<TcpStream>,
    batch: Vec<u8>,
}

pub struct RawSub {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What is not yet counted of `buffer`.
    start: usize,
    end: usize,
}

pub fn frame_header(octets: usize) -> Vec<u8> {
    match u8::try_from(octets) {
        Ok(short) => vec![0, short],
        Err(_) => [&[2][..], &(octets as u64).to_be_bytes()].concat(),
    }
}

impl RawSub {
    async fn connect(port: u16) -> RawSub {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        RawSub { stream, buffer: vec![0; 256 * 1024], start: 0, end: 0 }
    }

    async fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let octets = self.stream.read(&mut self.buffer[self.end..]).await.unwrap();
        assert!(octets > 0, "the peer is gone");
        self.end += octets;
    }

    async fn frame(&mut self) -> usize {
        loop {
            let here = &self.buffer[self.start..self.end];
            let (header, body) = match here {
                [2, rest @ ..] if rest.len() >= 8 => {
                    (9, u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize)
                }
                [0, short, ..] => (2, usize::from(*short)),
                _ => {
                    self.fill().await;
                    continue;
                }
            };
            if here.len() >= header + body {
                self.start += header + body;
                return body;
            }
            self.fill().await;
        }
    }
}

async fn raw_listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn raw_echo(listener: &TcpListener, peer: &mut Option<RawSub>) {
    if peer.is_none() {
        let stream = listener.accept().await.unwrap().0;
        stream.set_nodelay(true).unwrap();
        *peer = Some(RawSub { stream, buffer: vec![0; 256 * 1024], start: 0, end: 0 });
    }
    let peer = peer.as_mut().unwrap();
    let octets = peer.frame().await;
    let echo = [frame_header(octets), vec![7; octets]].concat();
    peer.stream.write_all(&echo).await.unwrap();
}

impl Library for Raw {
    type Pub = RawPub;
    type Sub = RawSub;
    type Router = (TcpListener, Option<RawSub>);
    type Rep = (TcpListener, Option<RawSub>);
    type Req = RawSub;
    async fn publisher() -> (Self::Pub, u16) {
        let (listener, port) = raw_listen().await;
        (RawPub { listener, peer: None, batch: Vec::new() }, port)
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        if publisher.peer.is_none() {
            publisher.peer = Some(publisher.listener.accept().await.unwrap().0);
        }
        publisher.batch.extend_from_slice(&frame_header(body.len()));
        publisher.batch.extend_from_slice(body);
        if publisher.batch.len() >= 128 * 1024 {
            Self::flush(publisher).await;
        }
    }
    async fn flush(publisher: &mut Self::Pub) {
        publisher.peer.as_mut().unwrap().write_all(&publisher.batch).await.unwrap();
        publisher.batch.clear();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        RawSub::connect(port).await
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.frame().await
    }
    async fn router() -> (Self::Router, u16) {
        let (listener, port) = raw_listen().await;
        ((listener, None), port)
    }
    async fn echo(router: &mut Self::Router) {
        raw_echo(&router.0, &mut router.1).await;
    }
    async fn rep() -> (Self::Rep, u16) {
        Self::router().await
    }
    async fn answer(rep: &mut Self::Rep) {
        Self::echo(rep).await;
    }
    async fn req(port: u16) -> Self::Req {
        RawSub::connect(port).await
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.stream.write_all(&[&frame_header(body.len()), &body[..]].concat()).await.unwrap();
        req.frame().await;
    }
}
