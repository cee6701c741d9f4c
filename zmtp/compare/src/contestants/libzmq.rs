//! libzmq 4.3, through the crate `zmq`. Its calls block this thread; its own I/O thread does the work.

use bytes::Bytes;

use super::Library;

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
