//! RFC 37: "All sockets SHALL establish connections opportunistically, that is: they connect to an endpoint asynchronously,
//! and if the connection is broken, SHOULD reconnect after a suitable delay", "The peer
//! SHALL treat an unexpected connection close as a temporary error, and SHOULD reconnect." Connecting, for ever: attempt, connection, delay, and again.

use std::{sync::Arc, task::Poll, time::Duration};

use tokio::time::sleep;

use super::{core::Core, driver::Driver, lend::Lending, monitor::Event, pipe::Pipe, stream};
use crate::backoff::{Backoff, Failure};
use crate::endpoint::Endpoint;

/// Serves one dialled endpoint until the socket is closed. `ahead` is its pipe when messages are queued before
/// there is a connection, and across connections.
pub(crate) async fn run(core: Arc<Core>, id: u64, endpoint: Endpoint, ahead: Option<Arc<Pipe>>) {
    let _ahead = ahead.clone().map(|pipe| AheadGuard { core: core.clone(), pipe });
    let ivl = core.options.reconnect_ivl;
    let mut backoff = Backoff::new(ivl.unwrap_or(Duration::ZERO), core.options.reconnect_ivl_max);
    loop {
        let Some(attempt) =
            unless_finished(ahead.as_deref(), stream::connect(&endpoint, &core.options)).await
        else {
            return;
        };
        let (reason, failure) = match attempt {
            Ok((stream, peer)) => {
                let driver = Driver::new(core.clone(), id, stream, peer, ahead.clone(), None);
                let (reason, established) =
                    if core.socket_type.lends() { Lending::new(driver).await } else { driver.await };
                if established {
                    backoff.reset();
                }
                (reason.to_string(), if established { Failure::Connect } else { Failure::Handshake })
            }
            Err(error) => (error.to_string(), Failure::Connect),
        };
        if ivl.is_none() || (core.is_ending(id) && ahead.is_none()) {
            return;
        }
        let delay = backoff.failed(failure, random_fraction());
        core.monitor.report(|| Event::ConnectRetried { endpoint: endpoint.clone(), delay, reason });
        if unless_finished(ahead.as_deref(), sleep(delay)).await.is_none() {
            return;
        }
    }
}

/// `None` when the socket is closing and nothing waits to be sent here.
async fn unless_finished<T>(ahead: Option<&Pipe>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| {
        if ahead.is_some_and(|pipe| pipe.is_finished(cx)) {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

fn random_fraction() -> f64 {
    f64::from(super::random_u32()) / f64::from(u32::MAX)
}

struct AheadGuard {
    core: Arc<Core>,
    pipe: Arc<Pipe>,
}

impl Drop for AheadGuard {
    fn drop(&mut self) {
        self.pipe.disconnected(false);
        self.core.pattern.remove_ahead(&self.pipe);
        if let Some(inbox) = self.core.pattern.inbox() {
            inbox.depart(&self.pipe);
        }
    }
}
