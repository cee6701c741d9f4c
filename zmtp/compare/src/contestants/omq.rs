//! The crate `omq-tokio`.

use bytes::Bytes;
use omq_tokio::{Options as OmqOptions, Socket as OmqSocket, SocketType as OmqType};

use super::Library;

pub struct Omq;

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
