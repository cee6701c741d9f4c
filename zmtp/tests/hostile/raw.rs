//! A peer that is only a TCP stream, so that it can do everything wrong.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use zmtp::Endpoint;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

pub fn address(endpoint: &Endpoint) -> String {
    endpoint.to_string().replace("tcp://", "")
}

pub fn greeting(minor: u8) -> Vec<u8> {
    let mut octets = vec![0; 64];
    octets[0] = 0xFF;
    octets[9] = 0x7F;
    octets[10] = 3;
    octets[11] = minor;
    octets[12..16].copy_from_slice(b"NULL");
    octets
}

pub fn ready(socket_type: &str, identity: Option<&[u8]>) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend((socket_type.len() as u32).to_be_bytes());
    body.extend(socket_type.as_bytes());
    if let Some(identity) = identity {
        body.extend(b"\x08Identity");
        body.extend((identity.len() as u32).to_be_bytes());
        body.extend(identity);
    }
    let mut frame = if body.len() < 256 {
        vec![4, body.len() as u8]
    } else {
        vec![6, 0, 0, 0, 0, 0, 0, (body.len() >> 8) as u8, body.len() as u8]
    };
    frame.extend(body);
    frame
}

pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    pub async fn connect(endpoint: &Endpoint) -> Raw {
        let stream = soon(TcpStream::connect(address(endpoint))).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// Connected, and the handshake done.
    pub async fn greeted(endpoint: &Endpoint, socket_type: &str) -> Raw {
        let mut raw = Raw::connect(endpoint).await;
        raw.greet(1, socket_type).await;
        raw
    }

    pub async fn greet(&mut self, minor: u8, socket_type: &str) {
        self.send(&[greeting(minor), ready(socket_type, None)].concat()).await;
        self.read_handshake().await;
    }

    pub async fn read_handshake(&mut self) {
        self.read(64).await;
        self.frame().await;
    }

    pub async fn send(&mut self, octets: &[u8]) {
        soon(self.stream.write_all(octets)).await.unwrap();
    }

    pub async fn read(&mut self, octets: usize) -> Vec<u8> {
        let mut buffer = vec![0; octets];
        soon(self.stream.read_exact(&mut buffer)).await.unwrap();
        buffer
    }

    /// Flags and body of the next frame.
    pub async fn frame(&mut self) -> (u8, Vec<u8>) {
        let flags = self.read(1).await[0];
        let length = if flags & 2 == 0 {
            self.read(1).await[0].into()
        } else {
            usize::try_from(u64::from_be_bytes(self.read(8).await.try_into().unwrap())).unwrap()
        };
        (flags, self.read(length).await)
    }

    /// Waits until the other side has closed.
    pub async fn closed(&mut self) {
        let mut buffer = [0; 4096];
        while soon(self.stream.read(&mut buffer)).await.is_ok_and(|octets| octets > 0) {}
    }
}
