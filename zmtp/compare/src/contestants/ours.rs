//! This crate.

use bytes::Bytes;

use super::Library;

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
