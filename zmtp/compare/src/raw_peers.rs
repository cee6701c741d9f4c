//! Peers that are only streams, so that thousands of them cost every contestant the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

pub fn hello(socket_type: &str) -> Vec<u8> {
    let mut octets = vec![0; 64];
    octets[0] = 0xFF;
    octets[8] = 1;
    octets[9] = 0x7F;
    octets[10] = 3;
    octets[12..16].copy_from_slice(b"NULL");
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0".to_vec();
    ready.push(socket_type.len() as u8);
    ready.extend_from_slice(socket_type.as_bytes());
    if socket_type == "DEALER" {
        ready.extend_from_slice(b"\x08Identity\0\0\0\0");
    }
    octets.extend_from_slice(&[4, ready.len() as u8]);
    octets.extend_from_slice(&ready);
    octets
}

/// Connected, and the handshake done. ZMTP 3.0, whose subscriptions are messages.
pub async fn greeted(port: u16, socket_type: &'static str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&hello(socket_type)).await?;
    let mut greeting = [0; 66];
    stream.read_exact(&mut greeting).await?;
    let mut ready = vec![0; usize::from(greeting[65])];
    stream.read_exact(&mut ready).await?;
    Ok(stream)
}

/// Subscribers that count messages of more than one octet.
pub struct Subscribers {
    pub received: Arc<AtomicU64>,
    pub probed: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Subscribers {
    /// Returns how many were refused as well.
    pub async fn connect(port: u16, count: usize) -> (Subscribers, usize) {
        let (received, probed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let attempts: Vec<_> = (0..count)
            .map(|_| {
                tokio::spawn(async move {
                    let mut stream = greeted(port, "SUB").await?;
                    stream.write_all(b"\x00\x01\x01").await?;
                    Ok::<_, std::io::Error>(stream)
                })
            })
            .collect();
        let mut tasks = Vec::new();
        let mut refused = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(stream) => {
                    tasks.push(tokio::spawn(count_frames(stream, received.clone(), probed.clone())))
                }
                Err(_) => refused += 1,
            }
        }
        (Subscribers { received, probed, tasks }, refused)
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn count_frames(mut stream: TcpStream, received: Arc<AtomicU64>, probed: Arc<AtomicU64>) {
    let mut buffer = vec![0; 16 * 1024];
    let mut end = 0;
    let mut skip = 0;
    let mut probe = true;
    while let Ok(octets @ 1..) = stream.read(&mut buffer[end..]).await {
        end += octets;
        let mut at = 0;
        let mut count = 0;
        loop {
            let step = skip.min(end - at);
            (at, skip) = (at + step, skip - step);
            let (header, body) = match buffer[at..end] {
                [2, a, b, c, d, e, f, g, h, ..] => (9, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize),
                [0, short, ..] => (2, usize::from(short)),
                _ => break,
            };
            at += header;
            skip = body;
            if body > 1 {
                count += 1;
            } else if std::mem::take(&mut probe) {
                probed.fetch_add(1, Ordering::Relaxed);
            }
        }
        received.fetch_add(count, Ordering::Relaxed);
        buffer.copy_within(at..end, 0);
        end -= at;
    }
}

/// Clients of a ROUTER that keep `in_flight` requests of 64 octets running. Answers per client within `time`, or how many clients
/// were refused.
pub async fn flood(port: u16, clients: usize, in_flight: usize, time: Duration) -> Result<Vec<u64>, usize> {
    let attempts: Vec<_> = (0..clients).map(|_| tokio::spawn(greeted(port, "DEALER"))).collect();
    let mut streams = Vec::new();
    for attempt in attempts {
        streams.extend(attempt.await.unwrap().ok());
    }
    if streams.len() < clients {
        return Err(clients - streams.len());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let go = Arc::new(tokio::sync::Barrier::new(clients + 1));
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let (stop, go) = (stop.clone(), go.clone());
            tokio::spawn(async move {
                let request = [&[0, 64][..], &[7; 64]].concat();
                go.wait().await;
                stream.write_all(&request.repeat(in_flight)).await.unwrap();
                let mut buffer = vec![0; 16 * 1024];
                let (mut answers, mut part) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    let octets = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
                    let Ok(Ok(octets @ 1..)) = octets else { break };
                    part += octets;
                    let whole = part / request.len();
                    part %= request.len();
                    answers += whole as u64;
                    if whole > 0 {
                        stream.write_all(&request.repeat(whole)).await.unwrap();
                    }
                }
                answers
            })
        })
        .collect();
    go.wait().await;
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    Ok(answers)
}
