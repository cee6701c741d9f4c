//! Every pair of socket types, ours against libzmq's: either side listens, over tcp, ipc (paths and abstract names) and a tcp
//! session that both sides take for ZMTP 3.0.

use std::path::PathBuf;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use zmtp::{
    DealerSocket, Endpoint, Message, Options, PairSocket, PubSocket, PullSocket, PushSocket, RepSocket,
    ReqSocket, RouterSocket, RoutingId, SubSocket, XPubEvent, XPubSocket, XSubSocket,
};

use crate::{anywhere, assert_parts, message, options, peer::Peer, soon};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Tcp,
    Ipc,
    /// An abstract name of Linux, which is no file.
    Abstract,
    /// Through a relay that changes the minor version in both greetings.
    ThreeZero,
}

/// Carries octets to `target` and back; octet 11 of each direction, the minor version, becomes 0.
async fn relay(target: Endpoint) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let target = target.to_string().replace("tcp://", "");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(&target).await else { continue };
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            tokio::spawn(carry(near_read, far_write));
            tokio::spawn(carry(far_read, near_write));
        }
    });
    endpoint
}

async fn carry(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
    let mut at = 0;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(octets @ 1..) = from.read(&mut buffer).await {
        if let Some(minor) = (at..at + octets).position(|place| place == 11) {
            buffer[minor] = 0;
        }
        at += octets;
        if to.write_all(&buffer[..octets]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// One connection between a socket of ours and theirs, named `t`.
struct Meeting<'a> {
    peer: &'a mut Peer,
    theirs: &'static str,
    we_listen: bool,
    way: Way,
    path: PathBuf,
}

impl Meeting<'_> {
    fn start(&mut self, options: &str) {
        self.peer.run(&format!("new t {} {options}", self.theirs));
    }

    fn ipc(&self) -> Endpoint {
        match self.way {
            Way::Abstract => format!("ipc://@{}", self.path.display()).parse().unwrap(),
            _ => Endpoint::ipc(&self.path).unwrap(),
        }
    }

    /// Where ours shall listen, or `None` with the endpoint to dial.
    fn ours(&mut self) -> Result<Endpoint, Endpoint> {
        match (self.we_listen, self.way) {
            (true, Way::Ipc | Way::Abstract) => Ok(self.ipc()),
            (true, _) => Ok(anywhere()),
            (false, Way::Ipc | Way::Abstract) => {
                let endpoint = self.ipc();
                self.peer.run(&format!("bind t {endpoint}"));
                Err(endpoint)
            }
            (false, _) => Err(self.peer.bind("t")),
        }
    }
}

/// Makes a socket of ours that meets theirs.
macro_rules! meet {
    ($meeting:expr, $socket:ident, $options:expr) => {{
        let socket = $socket::new($options);
        match $meeting.ours() {
            Ok(listen) => {
                let mut endpoint = socket.listen(&listen).await.unwrap();
                if $meeting.way == Way::ThreeZero {
                    endpoint = relay(endpoint).await;
                }
                $meeting.peer.connect("t", &endpoint);
            }
            Err(mut dial) => {
                if $meeting.way == Way::ThreeZero {
                    dial = relay(dial).await;
                }
                socket.dial(&dial);
            }
        }
        socket
    }};
}

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// Both directions, as far as the types allow.
async fn talk(meeting: &mut Meeting<'_>, ours: &str) {
    let identity = format!("IDENTITY=hex:{}", hex("theirs"));
    let identified = matches!(meeting.theirs, "REQ" | "DEALER" | "ROUTER");
    meeting.start(if identified { &identity } else { "" });
    let named = Options { routing_id: Some(RoutingId::new(b"ours").unwrap()), ..options() };
    match ours {
        "REQ" => {
            let mut socket = meet!(meeting, ReqSocket, named);
            for _ in 0..3 {
                socket.send(message(&[b"q", b""])).await.unwrap();
                their_answer(meeting, &[b"q", b""]);
                assert_parts(&soon(socket.recv()).await.unwrap(), &[b"r", b"\0\x01"]);
            }
        }
        "DEALER" => {
            let mut socket = meet!(meeting, DealerSocket, named);
            for _ in 0..3 {
                socket.send(message(&[b"", b"q", b""])).await;
                their_answer(meeting, &[b"q", b""]);
                assert_parts(&soon(socket.recv()).await, &[b"", b"r", b"\0\x01"]);
            }
        }
        "REP" => {
            let mut socket = meet!(meeting, RepSocket, options());
            for _ in 0..3 {
                their_question(meeting);
                assert_parts(&soon(socket.recv()).await, &[b"q"]);
                socket.send(message(&[b"r"])).unwrap();
                expect_answer(meeting);
            }
        }
        "ROUTER" => {
            let mut socket = meet!(meeting, RouterSocket, named);
            for _ in 0..3 {
                their_question(meeting);
                let (id, got) = soon(socket.recv()).await;
                assert_eq!(id.as_bytes(), b"theirs");
                assert_parts(&got, &[b"", b"q"]);
                socket.send(&id, message(&[b"", b"r"])).unwrap();
                expect_answer(meeting);
            }
        }
        "PUB" => {
            let socket = meet!(meeting, PubSocket, options());
            they_subscribe(meeting);
            // A libzmq socket that listens tells its topics to a new peer only while its application is in a call.
            while socket.subscribers() == 0 {
                meeting.peer.run("recv t 5");
            }
            socket.publish(message(&[b"other"]));
            socket.publish(message(&[b"topic", b"", b"body"]));
            meeting.peer.expect("t", &[b"topic", b"", b"body"]);
        }
        "XPUB" => {
            let mut socket = meet!(meeting, XPubSocket, options());
            they_subscribe(meeting);
            while socket.subscribers() == 0 {
                meeting.peer.run("recv t 5");
            }
            assert_eq!(soon(socket.recv()).await, XPubEvent::Subscribed("topic".into()));
            socket.publish(message(&[b"other"]));
            socket.publish(message(&[b"topic", b"", b"body"]));
            meeting.peer.expect("t", &[b"topic", b"", b"body"]);
            if meeting.theirs == "XSUB" {
                meeting.peer.send("t", &[b"up", b"there"]);
                assert_eq!(soon(socket.recv()).await, XPubEvent::Message(message(&[b"up", b"there"])));
            }
        }
        "SUB" => {
            let mut socket = meet!(meeting, SubSocket, options());
            socket.subscribe(b"topic");
            hear(meeting, async || socket.recv().await).await;
        }
        "XSUB" => {
            let mut socket = meet!(meeting, XSubSocket, options());
            socket.send(message(&[b"\x01topic"]));
            hear(meeting, async || socket.recv().await).await;
            if meeting.theirs == "XPUB" {
                socket.send(message(&[b"up", b"there"]));
                meeting.peer.expect("t", &[b"up", b"there"]);
            }
        }
        "PUSH" => {
            let socket = meet!(meeting, PushSocket, options());
            socket.send(message(&[b"work", b""])).await;
            meeting.peer.expect("t", &[b"work", b""]);
        }
        "PULL" => {
            let mut socket = meet!(meeting, PullSocket, options());
            meeting.peer.send("t", &[b"work", b""]);
            assert_parts(&soon(socket.recv()).await, &[b"work", b""]);
        }
        "PAIR" => {
            let mut socket = meet!(meeting, PairSocket, options());
            socket.send(message(&[b"there"])).await;
            meeting.peer.expect("t", &[b"there"]);
            meeting.peer.send("t", &[b"back"]);
            assert_parts(&soon(socket.recv()).await, &[b"back"]);
        }
        other => panic!("{other}"),
    }
    meeting.peer.run("close t");
}

/// They receive a request with this body and answer "r", 00 01.
fn their_answer(meeting: &mut Meeting<'_>, body: &[&[u8]]) {
    let answer: &[&[u8]] = &[b"r", b"\0\x01"];
    let got = meeting.peer.recv("t");
    let got: Vec<&[u8]> = got.iter().map(Vec::as_slice).collect();
    let envelope: &[&[u8]] = match meeting.theirs {
        "REP" => &[],
        "DEALER" => &[b""],
        _ => &[b"ours", b""],
    };
    assert_eq!(got, [envelope, body].concat());
    meeting.peer.send("t", &[envelope, answer].concat());
}

/// They send "q", in an envelope that a REP understands.
fn their_question(meeting: &mut Meeting<'_>) {
    match meeting.theirs {
        "REQ" => meeting.peer.send("t", &[b"q"]),
        "DEALER" => meeting.peer.send("t", &[b"", b"q"]),
        // A ROUTER drops what it sends before it knows the peer.
        _ => meeting.peer.send_known("t", &[b"ours", b"", b"q"]),
    }
}

fn expect_answer(meeting: &mut Meeting<'_>) {
    match meeting.theirs {
        "REQ" => meeting.peer.expect("t", &[b"r"]),
        "DEALER" => meeting.peer.expect("t", &[b"", b"r"]),
        _ => meeting.peer.expect("t", &[b"ours", b"", b"r"]),
    }
}

fn they_subscribe(meeting: &mut Meeting<'_>) {
    match meeting.theirs {
        "SUB" => drop(meeting.peer.run(&format!("sub t {}", hex("topic")))),
        _ => meeting.peer.send("t", &[b"\x01topic"]),
    }
}

async fn hear(meeting: &mut Meeting<'_>, mut recv: impl AsyncFnMut() -> Message) {
    if meeting.theirs == "XPUB" {
        meeting.peer.expect("t", &[b"\x01topic"]);
    }
    let wanted: &[&[u8]] = &[b"topic", b"", b"body"];
    loop {
        meeting.peer.send("t", &[b"other"]);
        meeting.peer.send("t", wanted);
        // A PUB drops what it sends before it knows the subscription.
        let patience = std::time::Duration::from_millis(100);
        if let Ok(got) = tokio::time::timeout(patience, recv()).await {
            break assert_parts(&got, wanted);
        }
    }
}

const PAIRS: [(&str, &[&str]); 11] = [
    ("REQ", &["REP", "ROUTER"]),
    ("REP", &["REQ", "DEALER"]),
    ("DEALER", &["REP", "DEALER", "ROUTER"]),
    ("ROUTER", &["REQ", "DEALER", "ROUTER"]),
    ("PUB", &["SUB", "XSUB"]),
    ("XPUB", &["SUB", "XSUB"]),
    ("SUB", &["PUB", "XPUB"]),
    ("XSUB", &["PUB", "XPUB"]),
    ("PUSH", &["PULL"]),
    ("PULL", &["PUSH"]),
    ("PAIR", &["PAIR"]),
];

async fn all_pairs(way: Way) {
    let Some(mut peer) = Peer::start() else { return };
    let folder = std::env::temp_dir().join(format!("zmtp-matrix-{}-{way:?}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (ours, all_theirs) in PAIRS {
        for theirs in all_theirs {
            for we_listen in [true, false] {
                // libzmq lets go of a path a little after it was closed.
                let path = folder.join(format!("{ours}-{theirs}-{we_listen}"));
                eprintln!("ours {ours}, theirs {theirs}, we listen: {we_listen}, {way:?}");
                let mut meeting = Meeting { peer: &mut peer, theirs, we_listen, way, path };
                talk(&mut meeting, ours).await;
            }
        }
    }
    let _gone = std::fs::remove_dir_all(folder);
}

/// Covers: conformance 8 33
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_types_talks_over_tcp() {
    all_pairs(Way::Tcp).await;
}

/// Covers: conformance 55
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_types_talks_over_ipc() {
    all_pairs(Way::Ipc).await;
}

/// Covers: conformance 55
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_types_talks_under_an_abstract_name() {
    all_pairs(Way::Abstract).await;
}

/// Covers: conformance 23 33
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_types_talks_in_a_session_of_zmtp_3_0() {
    all_pairs(Way::ThreeZero).await;
}

/// The octets that libzmq sends first are those that we send, for each type.
/// Covers: conformance 6 7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_6_ready_is_octet_for_octet_that_of_libzmq() {
    let Some(mut peer) = Peer::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    for (ours, _) in PAIRS {
        // No second attempts: they could be taken for the next type's first.
        peer.run(&format!("new t {ours} IDENTITY=hex:6e616d65 RECONNECT_IVL=-1"));
        peer.connect("t", &endpoint);
        let theirs = first_octets(&listener).await;
        peer.run("close t");
        let routing_id = Some(RoutingId::new(b"name").unwrap());
        let named = Options { routing_id, reconnect_ivl: None, ..options() };
        let socket: Box<dyn std::any::Any> = match ours {
            "REQ" => Box::new(ReqSocket::connect(&endpoint, named)),
            "REP" => Box::new(RepSocket::connect(&endpoint, named)),
            "DEALER" => Box::new(DealerSocket::connect(&endpoint, named)),
            "ROUTER" => Box::new(RouterSocket::connect(&endpoint, named)),
            "PUB" => Box::new(PubSocket::connect(&endpoint, named)),
            "XPUB" => Box::new(XPubSocket::connect(&endpoint, named)),
            "SUB" => Box::new(SubSocket::connect(&endpoint, named)),
            "XSUB" => Box::new(XSubSocket::connect(&endpoint, named)),
            "PUSH" => Box::new(PushSocket::connect(&endpoint, named)),
            "PULL" => Box::new(PullSocket::connect(&endpoint, named)),
            _ => Box::new(PairSocket::connect(&endpoint, named)),
        };
        let ours_first = first_octets(&listener).await;
        drop(socket);
        // libzmq writes the length of its identity into the padding.
        assert_eq!(ours_first[10..], theirs[10..], "{ours}");
    }
}

/// Greeting and first frame of whoever connects.
async fn first_octets(listener: &TcpListener) -> Vec<u8> {
    loop {
        let (mut stream, _) = soon(listener.accept()).await.unwrap();
        let mut greeting = [0; 64];
        greeting[0] = 0xFF;
        greeting[9] = 0x7F;
        greeting[10] = 3;
        greeting[11] = 1;
        greeting[12..16].copy_from_slice(b"NULL");
        if stream.write_all(&greeting).await.is_err() {
            continue;
        }
        let mut first = vec![0; 66];
        if soon(stream.read_exact(&mut first)).await.is_err() {
            continue; // an attempt of the socket that was closed meanwhile
        }
        let mut body = vec![0; first[65].into()];
        soon(stream.read_exact(&mut body)).await.unwrap();
        first.extend(body);
        return first;
    }
}
