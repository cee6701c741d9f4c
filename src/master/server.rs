//! The request socket: one loop takes requests from the ROUTER, a task answers each. The number of requests in work is
//! bounded; beyond it the ROUTER is not read, so peers wait, not memory grows.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use zmtp::{Message, RouterSender, RouterSocket, RoutingId, envelope as frames};

use super::{Master, aes, clear};
use crate::channel::envelope::{self, Request};
use crate::host::tasks;

/// Requests in work at once. An `_auth` takes milliseconds on the pool; a whole fleet may come at once.
const MAX_IN_WORK: usize = 4096;

/// Octets of the requests in work at once, in KiB.
const MAX_KIB_IN_WORK: u32 = 512 << 10;

/// The largest request, in octets. Salt has no limit; what returns more than this is better kept in a file.
pub(super) const MAX_REQUEST: u64 = (64 << 20) + (1 << 20);

/// Requests larger than this, of which few are in work at once: parsed, they may take many times their size.
const LARGE: usize = 64 << 10;
const MAX_LARGE_IN_WORK: usize = 32;

/// Serves requests until `stop` says so, then finishes those in work.
pub(super) async fn serve(master: Arc<Master>, mut socket: RouterSocket, mut stop: watch::Receiver<bool>) {
    let in_work = Arc::new(Semaphore::new(MAX_IN_WORK));
    let memory = Arc::new(Semaphore::new(MAX_KIB_IN_WORK as usize));
    let large = Arc::new(Semaphore::new(MAX_LARGE_IN_WORK));
    let sender = socket.sender();
    loop {
        let place = tokio::select! {
            place = in_work.clone().acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(place) = place else { break };
        let (peer, message) = tokio::select! {
            received = socket.recv() => received,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let octets: usize = message.parts().iter().map(bytes::Bytes::len).sum();
        let kib = u32::try_from(octets / 1024 + 1).unwrap_or(u32::MAX).min(MAX_KIB_IN_WORK);
        let room = tokio::select! {
            room = memory.clone().acquire_many_owned(kib) => room,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (master, sender, large) = (master.clone(), sender.clone(), large.clone());
        tasks::spawn(async move {
            let _turn = if octets > LARGE { large.acquire().await.ok() } else { None };
            answer(&master, &sender, &peer, message).await;
            drop((place, room));
        });
    }
    // All places back: everything taken in has been answered.
    let everything = u32::try_from(MAX_IN_WORK).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(super::aes::PATIENCE, in_work.acquire_many(everything)).await;
    socket.close().await;
}

async fn answer(master: &Arc<Master>, sender: &RouterSender, peer: &RoutingId, message: Message) {
    let Ok((envelope_frames, body)) = frames::split(message) else {
        crate::log::warn!("a request without an empty delimiter frame was dropped");
        return;
    };
    let [body] = body.parts() else {
        crate::log::warn!(frames = body.len(), "a request with other than one body frame was dropped");
        return;
    };
    let address = sender.peer_address(peer);
    let from = || address.as_ref().map(ToString::to_string).unwrap_or_default();
    let reply = match envelope::parse(body, master.options.minimum_auth_version) {
        Err(refusal) => {
            crate::log::warn!(from = from(), "a request was refused: {refusal}");
            Some(refusal.reply())
        }
        // On the heap: the task of a return, which there are most of, stays small.
        Ok(Request::Clear { version, load }) => Box::pin(clear::answer(master, version, load, &from())).await,
        Ok(Request::Sealed(sealed)) => aes::answer(master, sealed, address.as_ref()).await,
    };
    if let Some(reply) = reply {
        // A peer that has gone meanwhile asks again by itself.
        let _ = sender.send(peer, frames::join(envelope_frames, Message::from(Bytes::from(reply))));
    }
}
