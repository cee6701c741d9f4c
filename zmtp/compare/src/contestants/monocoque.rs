//! The crate `monocoque-rs` on tokio. The application accepts the peers. Its REP and ROUTER serve one at a time; its PUB is taken
//! from the crate below, since the public one has room for 1,000 messages and loses what comes faster.

use bytes::Bytes;
use monocoque::{SocketOptions, rt, zmq as monocoque_zmq};
use monocoque_zmtp::publisher::PubSocket;

use super::Library;

pub struct Monocoque;

async fn monocoque_listen() -> (rt::TcpListener, u16) {
    let listener = rt::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

impl Library for Monocoque {
    type Pub = (rt::TcpListener, PubSocket);
    type Sub = monocoque_zmq::SubSocket;
    type Router = (rt::TcpListener, Option<monocoque_zmq::RouterSocket>);
    type Rep = (rt::TcpListener, Option<monocoque_zmq::RepSocket>);
    type Req = monocoque_zmq::ReqSocket;
    async fn publisher() -> (Self::Pub, u16) {
        let (listener, port) = monocoque_listen().await;
        let unlimited = SocketOptions::default().with_send_hwm(1_000_000);
        ((listener, PubSocket::with_workers_opts(2, unlimited).unwrap()), port)
    }
    async fn accept((listener, publisher): &mut Self::Pub, subscribers: usize) {
        for _ in 0..subscribers {
            publisher.accept_subscriber(listener).await.unwrap();
        }
    }
    async fn publish((_, publisher): &mut Self::Pub, body: &Bytes) {
        publisher.send(vec![body.clone()]).await.unwrap();
    }
    async fn subscriber(port: u16) -> Self::Sub {
        let mut sub = monocoque_zmq::SubSocket::connect(&format!("127.0.0.1:{port}")).await.unwrap();
        sub.subscribe(b"").await.unwrap();
        sub
    }
    async fn next(sub: &mut Self::Sub) -> usize {
        sub.recv().await.unwrap().unwrap()[0].len()
    }
    async fn router() -> (Self::Router, u16) {
        let (listener, port) = monocoque_listen().await;
        ((listener, None), port)
    }
    async fn echo((listener, peer): &mut Self::Router) {
        if peer.is_none() {
            let stream = listener.accept().await.unwrap().0;
            *peer = Some(monocoque_zmq::RouterSocket::from_tcp(stream).await.unwrap());
        }
        let socket = peer.as_mut().unwrap();
        match socket.recv().await {
            Ok(Some(message)) => socket.send(message).await.unwrap_or_default(),
            _ => *peer = None,
        }
    }
    async fn rep() -> (Self::Rep, u16) {
        let (listener, port) = monocoque_listen().await;
        ((listener, None), port)
    }
    async fn answer((listener, peer): &mut Self::Rep) {
        if peer.is_none() {
            let stream = listener.accept().await.unwrap().0;
            *peer = Some(monocoque_zmq::RepSocket::from_tcp(stream).await.unwrap());
        }
        let socket = peer.as_mut().unwrap();
        let request = socket.recv().await.unwrap().unwrap();
        socket.send(request).await.unwrap();
    }
    async fn req(port: u16) -> Self::Req {
        monocoque_zmq::ReqSocket::connect(&format!("127.0.0.1:{port}")).await.unwrap()
    }
    async fn ask(req: &mut Self::Req, body: &Bytes) {
        req.send(vec![body.clone()]).await.unwrap();
        req.recv().await.unwrap().unwrap();
    }
}
