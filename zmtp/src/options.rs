//! Socket options under libzmq's names (zmq_setsockopt(3)), with libzmq's defaults, and a few limits of our own.

use std::time::Duration;

use crate::mechanism::{Authorizer, Mechanism};
use crate::message::{Message, RoutingId};
#[cfg(feature = "tokio")]
use crate::pattern::socket_type::SocketType;

/// Options of a socket; fixed once the socket is made.
///
/// ```
/// use zmtp::Options;
/// let options = Options { sndhwm: Some(100), ipv6: true, ..Options::default() };
/// assert_eq!(options.rcvhwm, Some(1000));
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// Most messages that wait for one peer; `None` for no limit (libzmq's 0). Default 1000.
    pub sndhwm: Option<usize>,
    /// Most messages from one peer that wait for the application; `None` for no limit. Default 1000.
    pub rcvhwm: Option<usize>,
    /// Most octets that wait for one peer; the first message of an empty queue always fits. Not in libzmq.
    /// Default `None`.
    pub sndhwm_bytes: Option<usize>,
    /// Most octets from one peer that wait for the application. Not in libzmq. Default `None`.
    pub rcvhwm_bytes: Option<usize>,
    /// How long a closed socket goes on sending what is queued; `None` for ever, as is libzmq's default.
    pub linger: Option<Duration>,
    /// First delay before connecting again, `None` for never. Default 100 ms. A random part is always added.
    pub reconnect_ivl: Option<Duration>,
    /// The longest delay doubles up to this, and the delay is anything between `reconnect_ivl` and the longest; zero keeps
    /// it at `reconnect_ivl`. Default zero.
    pub reconnect_ivl_max: Duration,
    /// How often to PING; zero for never, the default.
    pub heartbeat_ivl: Duration,
    /// Time to live told to the peer in a PING; zero, the default, tells none. At most 65.5 s are told: more
    /// makes libzmq close healthy connections.
    pub heartbeat_ttl: Duration,
    /// Close when nothing arrives this long after a PING; `None`, the default, means `heartbeat_ivl`.
    pub heartbeat_timeout: Option<Duration>,
    /// Longest handshake, on both sides; zero for no limit. Default 30 s.
    pub handshake_ivl: Duration,
    /// Longest attempt to connect; `None`, the default, leaves it to the system.
    pub connect_timeout: Option<Duration>,
    /// Longest frame from a peer, in octets; equal is fine, more closes the connection. Default `None`.
    pub maxmsgsize: Option<u64>,
    /// Announced to the peer by REQ, DEALER and ROUTER sockets. Default none.
    pub routing_id: Option<RoutingId>,
    /// ROUTER: sending to an unknown or full peer is an error instead of a silent drop. Default false.
    pub router_mandatory: bool,
    /// ROUTER: a newcomer with a routing id in use takes it over; otherwise the newcomer is closed (libzmq
    /// leaves it connected but deaf). Default false.
    pub router_handover: bool,
    /// REQ, DEALER and ROUTER: an empty message opens every connection, so that a ROUTER at the other end knows its peer.
    /// Default false.
    pub probe_router: bool,
    /// ROUTER: an empty message from a peer tells that it has connected. Default false.
    pub router_notify_connect: bool,
    /// ROUTER: an empty message from a peer tells that it has gone. Default false.
    pub router_notify_disconnect: bool,
    /// Opens every connection of a ROUTER, DEALER, PUSH, PAIR or REP. Default none.
    pub hello_msg: Option<Message>,
    /// ROUTER: received as if from a peer that had connected, when its connection has ended. Default none.
    pub disconnect_msg: Option<Message>,
    /// DEALER: received when the connection to a dialled endpoint was lost. Default none.
    pub hiccup_msg: Option<Message>,
    /// XPUB: opens every connection; a SUB sees it when it subscribed to the like. Default none.
    pub xpub_welcome_msg: Option<Message>,
    /// PUB, XPUB, SUB, XSUB: messages that match no subscription go out and come in, instead of those that match one. To
    /// be set on both sides. Default false.
    pub invert_matching: bool,
    /// REQ: put a request id in front and skip replies to other requests. Default false.
    pub req_correlate: bool,
    /// REQ: a new request may be sent before the reply to the last one. Default false.
    pub req_relaxed: bool,
    /// Queue messages for completed connections only. Default false.
    pub immediate: bool,
    /// Keep the newest message only, to each peer and from each peer. Unlike libzmq's, it may have several parts. Default
    /// false.
    pub conflate: bool,
    /// XPUB: a message that some subscriber has no room for is not sent to anybody, and the sender is told. Default
    /// false.
    pub xpub_nodrop: bool,
    /// XPUB: tell the application of every subscription, not only of the first of its topic. Default false.
    pub xpub_verbose: bool,
    /// XPUB: as `xpub_verbose`, and of every end of a subscription, not only of the last of its topic. Default false.
    pub xpub_verboser: bool,
    /// XPUB: what a subscriber asks for is only told, all of it; it gets what the application then subscribes it to, with
    /// [`XPubSocket::subscribe`](crate::XPubSocket::subscribe). Default false.
    pub xpub_manual: bool,
    /// Security, and this side's part in it. Default none.
    pub mechanism: Mechanism,
    /// Decides which peers are let in; takes the place of libzmq's ZAP handler.
    pub authorizer: Option<Authorizer>,
    /// Told to the authoriser. Default empty.
    pub zap_domain: String,
    /// Resolve to and listen on IPv6 too. Literal IPv6 addresses work in any case. Default false.
    pub ipv6: bool,
    /// Length of the queue of connections that the system has accepted. Default 100.
    pub backlog: u32,
    /// TCP keep-alive; `None`, the default, leaves it to the system.
    pub tcp_keepalive: Option<bool>,
    /// Idle time before the first keep-alive probe.
    pub tcp_keepalive_idle: Option<Duration>,
    /// Time between keep-alive probes.
    pub tcp_keepalive_intvl: Option<Duration>,
    /// Unanswered keep-alive probes before the connection is dead.
    pub tcp_keepalive_cnt: Option<u32>,
    /// Longest time that sent data may stay unacknowledged (TCP_USER_TIMEOUT).
    pub tcp_maxrt: Option<Duration>,
    /// Linux: use this network device only (SO_BINDTODEVICE), for listening and for connecting.
    pub bindtodevice: Option<String>,
    /// Type of service of outgoing packets (IP_TOS), IPv4 only. Default 0.
    pub tos: u32,
    /// Size of the system's send buffer.
    pub sndbuf: Option<u32>,
    /// Size of the system's receive buffer.
    pub rcvbuf: Option<u32>,

    /// File mode of an `ipc://` socket, from its first moment on; `None`, the default, follows the umask.
    pub ipc_mode: Option<u32>,
    /// Most frames of one message from a peer. Default 65,536.
    pub max_multipart_frames: usize,
    /// Most octets of one multipart message from a peer. Default 1 GiB.
    pub max_multipart_octets: usize,
    /// Most subscriptions of one peer. Default 100,000.
    pub max_subscriptions: usize,
    /// Most octets of all topics of one peer. Default 8 MiB.
    pub max_subscription_octets: usize,
    /// Most unfinished handshakes of one listener; above, the oldest is closed. Default 8192.
    pub max_half_open: usize,
    /// Most connections of one listener; above, new ones wait unaccepted. Default `usize::MAX`.
    pub max_connections: usize,
    /// Most octets of all peers together that wait for the application; above, peers that have something
    /// queued are not read. Default 1 GiB.
    pub max_queued_octets: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            sndhwm: Some(1000),
            rcvhwm: Some(1000),
            sndhwm_bytes: None,
            rcvhwm_bytes: None,
            linger: None,
            reconnect_ivl: Some(Duration::from_millis(100)),
            reconnect_ivl_max: Duration::ZERO,
            heartbeat_ivl: Duration::ZERO,
            heartbeat_ttl: Duration::ZERO,
            heartbeat_timeout: None,
            handshake_ivl: Duration::from_secs(30),
            connect_timeout: None,
            maxmsgsize: None,
            routing_id: None,
            router_mandatory: false,
            router_handover: false,
            probe_router: false,
            router_notify_connect: false,
            router_notify_disconnect: false,
            hello_msg: None,
            disconnect_msg: None,
            hiccup_msg: None,
            xpub_welcome_msg: None,
            invert_matching: false,
            req_correlate: false,
            req_relaxed: false,
            immediate: false,
            conflate: false,
            xpub_nodrop: false,
            xpub_verbose: false,
            xpub_verboser: false,
            xpub_manual: false,
            mechanism: Mechanism::Null,
            authorizer: None,
            zap_domain: String::new(),
            ipv6: false,
            backlog: 100,
            tcp_keepalive: None,
            tcp_keepalive_idle: None,
            tcp_keepalive_intvl: None,
            tcp_keepalive_cnt: None,
            tcp_maxrt: None,
            bindtodevice: None,
            tos: 0,
            sndbuf: None,
            rcvbuf: None,
            ipc_mode: None,
            max_multipart_frames: 65_536,
            max_multipart_octets: 1 << 30,
            max_subscriptions: 100_000,
            max_subscription_octets: 8 << 20,
            max_half_open: 8192,
            max_connections: usize::MAX,
            max_queued_octets: 1 << 30,
        }
    }
}

impl Options {
    /// The time to live that goes into a PING, in tenths of a second: at most 655, since libzmq 4.3 multiplies
    /// by 100 in 16 bits and would close a healthy connection above.
    pub(crate) fn ping_ttl(&self) -> u16 {
        u16::try_from(self.heartbeat_ttl.as_millis() / 100).unwrap_or(u16::MAX).min(655)
    }

    /// What a socket of this type says first on every connection.
    #[cfg(feature = "tokio")]
    pub(crate) fn first_words(&self, socket_type: SocketType) -> [Option<Message>; 2] {
        use SocketType::{Dealer, Pair, Push, Rep, Req, Router, XPub};
        let probes = self.probe_router && matches!(socket_type, Req | Dealer | Router);
        let hello = match socket_type {
            Router | Dealer | Push | Pair | Rep => self.hello_msg.clone(),
            XPub => self.xpub_welcome_msg.clone(),
            _ => None,
        };
        [probes.then(|| Message::from("")), hello]
    }

    /// What the application of a socket of this type receives when a connection has ended that was dialled, or accepted.
    #[cfg(feature = "tokio")]
    pub(crate) fn last_words(&self, socket_type: SocketType, accepted: bool) -> Option<Message> {
        match (socket_type, accepted) {
            (SocketType::Router, true) => self.disconnect_msg.clone(),
            (SocketType::Dealer, false) => self.hiccup_msg.clone(),
            _ => None,
        }
    }

    pub(crate) fn ping_timeout(&self) -> Duration {
        self.heartbeat_timeout.unwrap_or(self.heartbeat_ivl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_live_never_exceeds_what_libzmq_survives() {
        let ttl = |ms| Options { heartbeat_ttl: Duration::from_millis(ms), ..Options::default() }.ping_ttl();
        assert_eq!(
            [ttl(0), ttl(99), ttl(100), ttl(65_500), ttl(65_600), ttl(u64::MAX)],
            [0, 0, 1, 655, 655, 655]
        );
    }
}
