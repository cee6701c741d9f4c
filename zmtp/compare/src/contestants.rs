//! The libraries, each behind the same few functions, and the roles a process can play with one.

#[cfg(feature = "libzmq")]
mod libzmq;
#[cfg(feature = "monocoque")]
mod monocoque;
#[cfg(feature = "omq")]
mod omq;
mod ours;
mod raw;
#[cfg(feature = "zeromq")]
mod zeromq;

use std::io::{BufRead, Write};

use bytes::Bytes;

/// One library. Sending never waits for the peer; whoever drives it paces.
#[allow(async_fn_in_trait)]
pub trait Library {
    type Pub;
    type Sub;
    type Router;
    type Rep;
    type Req;
    async fn publisher() -> (Self::Pub, u16);
    /// Where the application has to accept subscribers itself: so many.
    async fn accept(_publisher: &mut Self::Pub, _subscribers: usize) {}
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
    let (role, endpoint) = (role.to_owned(), endpoint.to_owned());
    match library {
        "zmtp" => in_a_task(act::<ours::Zmtp>(role, endpoint)),
        #[cfg(feature = "libzmq")]
        "libzmq" => on_this_thread(act::<libzmq::Libzmq>(role, endpoint)),
        #[cfg(feature = "zeromq")]
        "zeromq" => in_a_task(act::<zeromq::Zeromq>(role, endpoint)),
        #[cfg(feature = "omq")]
        "omq" => in_a_task(act::<omq::Omq>(role, endpoint)),
        #[cfg(feature = "monocoque")]
        "monocoque" => on_this_thread(act::<monocoque::Monocoque>(role, endpoint)),
        "raw" => in_a_task(act::<raw::Raw>(role, endpoint)),
        other => panic!("no library {other}"),
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// An application that is a task of a runtime with two workers, as those of Halite are. One worker tells how much of a figure is
/// due to two of them, none how much is due to threads at all, and `COMPARE_MAIN=1`, where the application has a thread
/// of its own, how much is due to switching between the two. Tasks beyond 256 leave a worker's queue and
/// lose their turn: fewer events at a time tell how much of a figure is due to that.
fn in_a_task(play: impl Future<Output = ()> + Send + 'static) {
    let workers = number("COMPARE_WORKERS", 2);
    if workers == 0 {
        return on_this_thread(play);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_io_events_per_tick(number("COMPARE_EVENTS", 1024))
        .enable_all()
        .build()
        .unwrap();
    match number("COMPARE_MAIN", 0) {
        0 => runtime.block_on(async { tokio::spawn(play).await.unwrap() }),
        _ => runtime.block_on(play),
    }
}

/// An application of one thread: that of libzmq, whose calls block, and of `monocoque`, whose futures stay where they were made.
fn on_this_thread(play: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, play);
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("the parent listens");
}

async fn act<L: Library>(role: String, endpoint: String) {
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
    match role.as_str() {
        // accept COUNT, publish COUNT SIZE
        "pub" => {
            let (mut publisher, port) = L::publisher().await;
            say(&port.to_string());
            while let Some(line) = commands.recv().await {
                let mut words = line.split(' ').skip(1).map(|word| word.parse::<usize>().unwrap());
                let count = words.next().unwrap();
                let Some(size) = words.next() else {
                    let all = L::accept(&mut publisher, count);
                    let patience = std::time::Duration::from_secs(60);
                    let _refused_some = tokio::time::timeout(patience, all).await;
                    say("accepted");
                    continue;
                };
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
}
