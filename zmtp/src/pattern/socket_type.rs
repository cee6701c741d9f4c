//! Socket types and which of them may talk. RFC 37, "The Socket-Type Property"; RFC 28 to 31.

use std::fmt;

/// A socket type. All of ZMTP 3 are known as peers; which of them this crate offers as sockets is another matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are the definition
pub enum SocketType {
    Req,
    Rep,
    Dealer,
    Router,
    Pub,
    XPub,
    Sub,
    XSub,
    Push,
    Pull,
    Pair,
}

/// All of them.
pub const ALL: [SocketType; 11] = [
    SocketType::Req,
    SocketType::Rep,
    SocketType::Dealer,
    SocketType::Router,
    SocketType::Pub,
    SocketType::XPub,
    SocketType::Sub,
    SocketType::XSub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pair,
];

impl SocketType {
    /// The value of the `Socket-Type` property. RFC 37: "The Socket-Type SHALL match this grammar", which has these names.
    pub fn name(self) -> &'static str {
        match self {
            SocketType::Req => "REQ",
            SocketType::Rep => "REP",
            SocketType::Dealer => "DEALER",
            SocketType::Router => "ROUTER",
            SocketType::Pub => "PUB",
            SocketType::XPub => "XPUB",
            SocketType::Sub => "SUB",
            SocketType::XSub => "XSUB",
            SocketType::Push => "PUSH",
            SocketType::Pull => "PULL",
            SocketType::Pair => "PAIR",
        }
    }

    /// The type with this name, compared exactly as libzmq does.
    pub fn from_name(name: &[u8]) -> Option<SocketType> {
        ALL.into_iter().find(|t| t.name().as_bytes() == name)
    }

    /// "A peer SHALL accept only these combinations."
    pub fn may_talk_to(self, peer: SocketType) -> bool {
        use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
        match self {
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Pub | XPub => matches!(peer, Sub | XSub),
            Sub | XSub => matches!(peer, Pub | XPub),
            Push => peer == Pull,
            Pull => peer == Push,
            Pair => peer == Pair,
        }
    }

    /// Only these tell their routing id, also when it is empty.
    pub fn announces_identity(self) -> bool {
        matches!(self, SocketType::Req | SocketType::Dealer | SocketType::Router)
    }

    /// The application has little else to do than to wait for messages, so that it may as well read them by itself.
    #[cfg(feature = "tokio")]
    pub(crate) fn lends(self) -> bool {
        use SocketType::{Pull, Rep, Req, Sub, XSub};
        matches!(self, Req | Rep | Sub | XSub | Pull)
    }

    /// Takes subscriptions from its peers.
    pub fn publishes(self) -> bool {
        matches!(self, SocketType::Pub | SocketType::XPub)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatibility_is_symmetric_and_names_are_unique() {
        for a in ALL {
            assert_eq!(SocketType::from_name(a.name().as_bytes()), Some(a));
            for b in ALL {
                assert_eq!(a.may_talk_to(b), b.may_talk_to(a), "{a} {b}");
            }
        }
        assert_eq!(SocketType::from_name(b"pub"), None);
    }
}
