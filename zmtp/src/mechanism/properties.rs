//! Laws of the handshakes, for tests and for the fuzz targets `zmtp_handshake_null`, `_plain` and `_curve`.

use super::{Authorizer, Decision, Entropy, Handshake, Mechanism, Step};
use crate::codec::Metadata;
use crate::options::Options;

/// One side of a conversation that an enemy carries back and forth.
struct Side {
    handshake: Handshake,
    /// Command bodies on their way to the other side.
    sent: Vec<Vec<u8>>,
    /// What was delivered was what the other side sent, in order, and nothing else.
    honest: bool,
    /// How many of the other side's commands were delivered.
    delivered: usize,
    done: bool,
    failed: bool,
}

impl Side {
    fn new(options: &Options, entropy: u8) -> Side {
        let metadata = Metadata::new().with("Socket-Type", "DEALER");
        let mut handshake = Handshake::new(options, metadata, &Entropy::new([entropy; 96]));
        let sent = handshake.start().into_iter().collect();
        let mut side = Side { handshake, sent, honest: true, delivered: 0, done: false, failed: false };
        let first = side.handshake.greeted();
        side.take(first.map_err(|_| ()));
        side
    }

    fn take(&mut self, step: Result<Step, ()>) {
        match step {
            Err(()) => self.failed = true,
            Ok(Step::Send(body)) => self.sent.push(body),
            Ok(Step::Wait) => {}
            Ok(Step::Authorize(_)) => {
                let next = self.handshake.decided().map_err(|_| ());
                self.take(next);
            }
            Ok(Step::Done(done)) => {
                self.sent.extend(done.last);
                self.done = true;
            }
        }
    }

    fn receive(&mut self, body: &[u8], honest: bool) {
        if self.done || self.failed {
            return;
        }
        self.honest &= honest;
        let step = self.handshake.handle(body).map_err(|_| ());
        self.take(step);
    }
}

/// An enemy delivers what the sides say, changes it, repeats it, or makes something up, as the octets tell. Nothing
/// panics. With `sealed`, a side that was lied to never completes; NULL and PLAIN only promise an order.
fn conversation(server: &Options, client: &Options, sealed: bool, mut script: &[u8]) {
    let mut sides = [Side::new(server, 1), Side::new(client, 2)];
    for _ in 0..64 {
        let Some((&operation, rest)) = script.split_first() else { break };
        script = rest;
        let (to, from) = if operation & 1 == 0 { (0, 1) } else { (1, 0) };
        let next = sides[to].delivered;
        let body = sides[from].sent.get(next).cloned();
        match (operation >> 1 & 3, body) {
            (0 | 1, Some(body)) => {
                sides[to].delivered += 1;
                sides[to].receive(&body, true);
            }
            (2, Some(mut body)) => {
                let Some((&at, rest)) = script.split_first() else { break };
                script = rest;
                let at = usize::from(at) * body.len() / 256;
                match operation >> 3 & 3 {
                    0 => body[at] ^= 1 << (operation >> 5),
                    1 => body.truncate(at),
                    2 => body.insert(at, operation),
                    _ => body.extend_from_slice(&[operation]),
                }
                // The padding of a HELLO is the one thing that nothing protects.
                let padding =
                    body.starts_with(b"\x05HELLO\x01") && body.len() == 200 && (8..80).contains(&at);
                let harmless = padding && operation >> 3 & 3 == 0;
                sides[to].delivered += usize::from(harmless);
                sides[to].receive(&body, harmless);
            }
            _ => {
                let Some((&len, rest)) = script.split_first() else { break };
                let (made_up, rest) = rest.split_at(usize::from(len).min(rest.len()));
                script = rest;
                // A command of the same side played back to it, or octets of the enemy's own.
                let echo = sides[to].sent.last().filter(|_| operation & 128 != 0).cloned();
                sides[to].receive(&echo.unwrap_or_else(|| made_up.to_vec()), false);
            }
        }
    }
    for side in &sides {
        assert!(!(side.done && side.failed));
        assert!(side.sent.len() <= 2, "nobody makes a side talk more than its part");
        if sealed {
            assert!(!side.done || side.honest, "completed although it was lied to");
        }
    }
}

/// Law of NULL.
pub fn null_handshake(script: &[u8]) {
    let asking = Options { authorizer: Some(Authorizer::new(|_| Decision::Deny)), ..Options::default() };
    conversation(&asking, &Options::default(), false, script);
}

/// Law of PLAIN.
pub fn plain_handshake(script: &[u8]) {
    let server = Options { mechanism: Mechanism::PlainServer, ..Options::default() };
    let mechanism =
        Mechanism::PlainClient { plain_username: "admin".into(), plain_password: "secret".into() };
    conversation(&server, &Options { mechanism, ..Options::default() }, false, script);
}

/// Law of CURVE.
#[cfg(feature = "curve")]
pub fn curve_handshake(script: &[u8]) {
    use super::curve::SecretKey;
    let server_key = SecretKey::from([3; 32]);
    let curve_serverkey = server_key.public();
    let mechanism = Mechanism::CurveServer { curve_secretkey: server_key };
    let server =
        Options { mechanism, authorizer: Some(Authorizer::new(|_| Decision::Deny)), ..Options::default() };
    let mechanism = Mechanism::CurveClient { curve_serverkey, curve_secretkey: SecretKey::from([4; 32]) };
    conversation(&server, &Options { mechanism, ..Options::default() }, true, script);
}
