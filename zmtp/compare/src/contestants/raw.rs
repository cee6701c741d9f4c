//! No library: frames written and read by hand, in batches of 128 KiB, without queues, topics and names. The bound that
//! sockets set.

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::Library;
use crate::raw_peers::{greeted, hello};

pub struct Raw;

pub struct RawPub {
    listener: TcpListener,
    peers: Vec<TcpStream>,
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
    fn new(stream: TcpStream) -> RawSub {
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
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8192).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The next peer, after its handshake.
async fn raw_accept(listener: &TcpListener, socket_type: &str) -> TcpStream {
    let mut stream = listener.accept().await.unwrap().0;
    stream.set_nodelay(true).unwrap();
    stream.write_all(&hello(socket_type)).await.unwrap();
    let mut greeting = [0; 66];
    stream.read_exact(&mut greeting).await.unwrap();
    let mut ready = vec![0; usize::from(greeting[65])];
    stream.read_exact(&mut ready).await.unwrap();
    stream
}

impl Library for Raw {
    type Pub = RawPub;
    type Sub = RawSub;
    type Router = TcpListener;
    type Rep = (TcpListener, Option<RawSub>);
    type Req = RawSub;
    async fn publisher() -> (Self::Pub, u16) {
        let (listener, port) = raw_listen().await;
        (RawPub { listener, peers: Vec::new(), batch: Vec::new() }, port)
    }
    async fn accept(publisher: &mut Self::Pub, subscribers: usize) {
        for _ in 0..subscribers {
            publisher.peers.push(raw_accept(&publisher.listener, "PUB").await);
        }
    }
    async fn publish(publisher: &mut Self::Pub, body: &Bytes) {
        publisher.batch.extend_from_slice(&frame_header(body.len()));
        publisher.batch.extend_from_slice(body);
        if publisher.batch.len() >= 128 * 1024 {
            Self::flush(publisher).await;
        }
    }
    async fn flush(publisher: &mut Self::Pub) {
        for peer in &mut publisher.peers {
            peer.write_all(&publisher.batch).await.unwrap();
        }
        publisher.batch.clear();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        RawSub::new(greeted(port, "SUB").await.unwrap())
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.frame().await
    }
    async fn router() -> (Self::Router, u16) {
        raw_listen().await
    }
    /// Accepts the next peer, and gives it back what it sends for as long as it stays.
    async fn echo(router: &mut Self::Router) {
        let mut stream = raw_accept(router, "ROUTER").await;
        tokio::spawn(async move {
            loop {
                let mut buffer = [0; 2048];
                let Ok(octets @ 1..) = stream.read(&mut buffer).await else { break };
                if stream.write_all(&buffer[..octets]).await.is_err() {
                    break;
                }
            }
        });
    }
    async fn rep() -> (Self::Rep, u16) {
        let (listener, port) = raw_listen().await;
        ((listener, None), port)
    }
    async fn answer((listener, peer): &mut Self::Rep) {
        if peer.is_none() {
            *peer = Some(RawSub::new(raw_accept(listener, "REP").await));
        }
        let peer = peer.as_mut().unwrap();
        let octets = peer.frame().await;
        peer.stream.write_all(&[frame_header(octets), vec![7; octets]].concat()).await.unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        RawSub::new(greeted(port, "REQ").await.unwrap())
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.stream.write_all(&[&frame_header(body.len()), &body[..]].concat()).await.unwrap();
        req.frame().await;
    }
}
