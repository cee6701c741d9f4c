//! The request socket: one loop takes requests from the ROUTER, a task answers each. The number of requests in work is
//! bounded; beyond it the ROUTER is not read, so peers wait, not memory grows.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use zmtp::{Message, RouterSender, RouterSocket, RoutingId, envelope as frames};

use super::{Master, aes, clear};
use crate::channel::envelope::{self, Request};

/// Requests in work at once. An `_auth` takes milliseconds on the pool; a whole fleet may come at once.
const MAX_IN_WORK: usize = 4096;

/// Serves requests until `stop` says so, then finishes those in work.
pub(super) async fn serve(master: Arc<Master>, mut socket: RouterSocket, mut stop: watch::Receiver<bool>) {
    let in_work = Arc::new(Semaphore::new(MAX_IN_WORK));
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
        let (master, sender) = (master.clone(), sender.clone());
        tokio::spawn(async move {
            answer(&master, &sender, &peer, message).await;
            drop(place);
        });
    }
    // All places back: everything taken in has been answered.
    let everything = u32::try_from(MAX_IN_WORK).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(super::aes::PATIENCE, in_work.acquire_many(everything)).await;
    socket.close().await;
}

async fn answer(master: &Arc<Master>, sender: &RouterSender, peer: &RoutingId, message: Message) {
    let Ok((envelope_frames, body)) = frames::split(message) else {
        tracing::warn!("a request without an empty delimiter frame was dropped");
        return;
    };
    let [body] = body.parts() else {
        tracing::warn!(frames = body.len(), "a request with other than one body frame was dropped");
        return;
    };
    let from = sender.peer_address(peer).map(|address| address.to_string()).unwrap_or_default();
    let reply = match envelope::parse(body, master.options.minimum_auth_version) {
        Err(refusal) => {
            tracing::warn!(from, "a request was refused: {refusal}");
            Some(refusal.reply())
        }
        Ok(Request::Clear { version, load }) => Some(clear::answer(master, version, load, &from).await),
        Ok(Request::Sealed(sealed)) => aes::answer(master, sealed, &from).await,
    };
    if let Some(reply) = reply {
        // A peer that has gone meanwhile asks again by itself.
        let _ = sender.send(peer, frames::join(envelope_frames, Message::from(Bytes::from(reply))));
    }
}
