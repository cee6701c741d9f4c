//! The crate `zeromq`.

use bytes::Bytes;
use zeromq::{Socket as _, SocketRecv as _, SocketSend as _};

use super::Library;

pub struct Zeromq;

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
