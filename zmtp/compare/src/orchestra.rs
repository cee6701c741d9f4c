//! Who plays when, and what is measured.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use crate::raw_peers::{Subscribers, flood, greeted};

const ALL: [&str; 6] = ["raw", "libzmq", "zeromq", "omq", "monocoque", "zmtp"];
/// Whose ROUTER serves one peer only.
const SINGLE: &str = "monocoque";

/// A socket in a process of its own.
struct Player {
    child: Child,
    stdin: ChildStdin,
    answers: mpsc::Receiver<String>,
}

/// Longer than anything here takes; one library waits for ever for some of 5,000 subscribers, about once in ten times.
const PATIENCE: Duration = Duration::from_secs(60);

impl Player {
    fn start(library: &str, role: &str, port: u16) -> Player {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["role", library, role, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Player { child, stdin, answers }
    }

    fn command(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn answer(&mut self) -> String {
        self.answers.recv_timeout(PATIENCE).expect("a player answers")
    }

    fn answers_in_time(&mut self) -> bool {
        self.answers.recv_timeout(PATIENCE / 2).is_ok()
    }

    /// Processor time of all threads so far, in nanoseconds.
    fn cpu(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    fn resident(&self) -> f64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every value that a row got, by library.
type Table = BTreeMap<String, BTreeMap<&'static str, Vec<f64>>>;

fn note(table: &mut Table, row: String, library: &'static str, value: f64) {
    eprintln!("{row:60} {library:8} {value:12.3}");
    table.entry(row).or_default().entry(library).or_default().push(value);
}

/// `COMPARE_SIZE` is the one to look into of the rows that come in several sizes, `COMPARE_TIMES` how many times as much a pair has to do, so
/// that there is time for a profile.
fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

pub fn run(rounds: usize, only: &str, libraries: &str) {
    let size_wanted = number("COMPARE_SIZE");
    let is_wanted = |size: usize| size_wanted.is_none_or(|wanted| wanted == size);
    let libraries: Vec<_> = ALL
        .into_iter()
        .filter(|l| libraries.is_empty() || libraries.split(',').any(|name| name == *l))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // One thread with one queue: with more, the clients themselves get unequal turns.
    let clients_runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut table = Table::new();
    for _ in 0..rounds {
        for &library in &libraries {
            for size in [64, 1024, 65_536] {
                if "pair".contains(only) && is_wanted(size) {
                    pair(&mut table, library, size);
                }
            }
        }
        for &library in &libraries {
            if "latency".contains(only) {
                latency(&mut table, library);
            }
        }
        for &library in &libraries {
            for peers in [100, 1000, 5000] {
                if "fanout".contains(only) && is_wanted(peers) {
                    runtime.block_on(fan_out(&mut table, library, peers));
                }
            }
            for (clients, in_flight) in [(1, 16), (100, 16), (1000, 4)] {
                if "router".contains(only) && is_wanted(clients) && (library != SINGLE || clients == 1) {
                    clients_runtime.block_on(router(&mut table, library, clients, in_flight));
                }
            }
            for (role, peer) in [("pub", "SUB"), ("router", "DEALER")] {
                if "idle".contains(only) && (library != SINGLE || role == "pub") {
                    runtime.block_on(idle(&mut table, library, role, peer));
                }
            }
        }
    }
    println!("| median of {rounds} rounds | {} |", libraries.join(" | "));
    println!("|---|{}", "--:|".repeat(libraries.len()));
    for (row, values) in &mut table {
        print!("| {row} |");
        for library in &libraries {
            match values.get_mut(library) {
                Some(values) => {
                    values.sort_by(f64::total_cmp);
                    print!(" {:.3} |", values[values.len() / 2]);
                }
                None => print!(" |"),
            }
        }
        println!();
    }
}

/// One publisher, one subscriber of the same library; two batches of about 4 MiB are on their way at a time.
fn pair(table: &mut Table, library: &'static str, size: usize) {
    let mut publisher = Player::start(library, "pub", 0);
    let port = publisher.answer().parse().unwrap();
    let mut sub = Player::start(library, "sub", port);
    publisher.command("accept 1");
    publisher.answer();
    let ready = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sub.answer());
        while !waiting.is_finished() {
            publisher.command("publish 1 1");
            publisher.answer();
            std::thread::sleep(Duration::from_millis(5));
        }
        waiting.join().unwrap()
    });
    assert_eq!(ready, "ready");
    let batch = (4 << 20) / (size + 64);
    let batches = number("COMPARE_TIMES").unwrap_or(1) * if size > 10_000 { 60 } else { 40 };
    let round = |publisher: &mut Player, sub: &mut Player, batches: usize| -> bool {
        for _ in 0..2 {
            publisher.command(&format!("publish {batch} {size}"));
            sub.command(&format!("expect {batch}"));
        }
        for number in 0..batches {
            if sub.answer() != "received" {
                eprintln!("{library} loses messages of {size} octets");
                return false;
            }
            if number + 2 < batches {
                publisher.command(&format!("publish {batch} {size}"));
                sub.command(&format!("expect {batch}"));
            }
        }
        for _ in 0..batches {
            publisher.answer();
        }
        true
    };
    if !round(&mut publisher, &mut sub, 4) {
        return;
    }
    let (began, cpu) = (Instant::now(), (publisher.cpu(), sub.cpu()));
    if !round(&mut publisher, &mut sub, batches) {
        return;
    }
    let messages = (batch * batches) as f64;
    let wall = began.elapsed().as_secs_f64();
    note(
        table,
        format!("PUB {size} B, CPU us per message"),
        library,
        (publisher.cpu() - cpu.0) / messages / 1e3,
    );
    note(table, format!("SUB {size} B, CPU us per message"), library, (sub.cpu() - cpu.1) / messages / 1e3);
    note(table, format!("pair {size} B, thousand messages per second"), library, messages / wall / 1e3);
}

fn latency(table: &mut Table, library: &'static str) {
    let mut rep = Player::start(library, "rep", 0);
    let mut req = Player::start(library, "req", rep.answer().parse().unwrap());
    req.answer();
    req.command("ask 20000");
    let answer = req.answer();
    let (p50, p99) = answer.split_once(' ').unwrap();
    note(table, "REQ/REP p50, us".to_owned(), library, p50.parse::<f64>().unwrap() / 1e3);
    note(table, "REQ/REP p99, us".to_owned(), library, p99.parse::<f64>().unwrap() / 1e3);
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > Duration::from_secs(60) {
            return eprintln!("{what}: gave up after a minute");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Many raw subscribers: bursts of 100 messages of 256 octets, then single ones, then bursts of 1 KiB.
async fn fan_out(table: &mut Table, library: &'static str, peers: usize) {
    let (mut publisher, subscribers, refused) = loop {
        let mut publisher = Player::start(library, "pub", 0);
        let port = publisher.answer().parse().unwrap();
        publisher.command(&format!("accept {peers}"));
        let (subscribers, refused) = Subscribers::connect(port, peers).await;
        if publisher.answers_in_time() {
            break (publisher, subscribers, refused);
        }
        eprintln!("{library}: waits for some of {peers} subscribers, and starts over");
    };
    let connected = (peers - refused) as u64;
    let began = Instant::now();
    while subscribers.probed.load(Ordering::Relaxed) < connected && began.elapsed() < Duration::from_secs(60)
    {
        publisher.command("publish 1 1");
        publisher.answer();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut measure = async |row: String, publishes: usize, size: usize, times: usize| {
        let cpu = publisher.cpu();
        for _ in 0..times {
            let before = subscribers.received.load(Ordering::Relaxed);
            publisher.command(&format!("publish {publishes} {size}"));
            publisher.answer();
            let all = before + connected * publishes as u64;
            until("fan-out", || subscribers.received.load(Ordering::Relaxed) >= all).await;
        }
        let deliveries = connected as f64 * (publishes * times) as f64;
        note(table, row, library, (publisher.cpu() - cpu) / deliveries / 1e3);
    };
    let bursts = (2_000_000 / (peers * 100)).clamp(4, 50);
    measure(format!("fan-out burst of 256 B to {peers:4}, CPU us per delivery"), 100, 256, bursts).await;
    let times = number("COMPARE_TIMES").unwrap_or(1);
    measure(format!("fan-out of one to {peers:4}, CPU us per subscriber"), 1, 256, 40 * times).await;
    measure(format!("fan-out burst of 1 KiB to {peers:4}, CPU us per delivery"), 100, 1024, bursts).await;
    note(table, format!("refused of {peers:4}"), library, refused as f64);
    note(
        table,
        format!("resident MiB after bursts to {peers:4}"),
        library,
        publisher.resident() / (1 << 20) as f64,
    );
}

async fn router(table: &mut Table, library: &'static str, clients: usize, in_flight: usize) {
    let mut router = Player::start(library, "router", 0);
    let port = router.answer().parse().unwrap();
    let _warm = flood(port, 1, 1, Duration::from_millis(50)).await;
    let cpu = router.cpu();
    let answers = match flood(port, clients, in_flight, Duration::from_millis(1500)).await {
        Ok(answers) => answers,
        Err(refused) => return eprintln!("{library}: ROUTER refuses {refused} of {clients} clients"),
    };
    let total: u64 = answers.iter().sum();
    let least = answers.iter().min().copied().unwrap_or_default() as f64;
    let most = answers.iter().max().copied().unwrap_or_default().max(1) as f64;
    let name = format!("ROUTER {clients:4} x {in_flight:2}");
    note(
        table,
        format!("{name}, CPU us per message"),
        library,
        (router.cpu() - cpu) / total.max(1) as f64 / 1e3,
    );
    note(table, format!("{name}, thousand per second"), library, total as f64 / 1.5e3);
    note(table, format!("{name}, fairness least/most"), library, least / most);
}

async fn idle(table: &mut Table, library: &'static str, role: &str, peer: &'static str) {
    const PEERS: usize = 2000;
    let mut socket = Player::start(library, role, 0);
    let port = socket.answer().parse().unwrap();
    if role == "pub" {
        socket.command(&format!("accept {}", 200 + PEERS));
    }
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(greeted(port, peer).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = socket.resident();
    for _ in 0..PEERS {
        match greeted(port, peer).await {
            Ok(stream) => streams.push(stream),
            Err(error) => return eprintln!("{library}: {role} refuses a peer: {error}"),
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = (socket.resident() - before) / PEERS as f64;
    note(table, format!("octets per idle connection, {}", role.to_uppercase()), library, each);
}
