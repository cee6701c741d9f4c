//! Connections to a request server. REQ is lock-step, one request per connection at a time, so whoever finds all
//! lanes in use opens one more; a lane whose answer did not come in time is closed, and with it the late answer.
//! salt-wire.md §2.3.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use zmtp::{Endpoint, Event, Events, Message, Options, ReqSocket};

use crate::host::tasks;

/// Most requests on their way at the same time.
const MOST_LANES: usize = 16;
/// Lanes kept open while nobody uses them.
const IDLE_LANES: usize = 1;
/// And for a while after they were used: the pieces of a large file come on several, again and again.
const SPARE_LANES: usize = 4;
const SPARE_FOR: Duration = Duration::from_secs(3);

/// No answer; says what the connection last reported, for the one who has to find out why.
#[derive(Debug)]
pub struct NoAnswer(pub String);

/// The lanes to one request server.
pub struct Lanes {
    endpoint: Endpoint,
    options: Options,
    idle: Arc<Mutex<Idle>>,
    permits: Arc<Semaphore>,
}

#[derive(Default)]
struct Idle {
    lanes: Vec<Lane>,
    /// When one was last put back.
    used: Option<Instant>,
    /// A task closes those that are too many.
    watched: bool,
}

struct Lane {
    socket: ReqSocket,
    events: Events,
}

impl Lanes {
    /// Opens nothing yet. With `single` there is never more than one: its local port is given.
    pub fn new(endpoint: Endpoint, options: Options, single: bool) -> Self {
        let permits = Arc::new(Semaphore::new(if single { 1 } else { MOST_LANES }));
        Lanes { endpoint, options, idle: Arc::default(), permits }
    }

    /// Sends a body and waits for the answer.
    ///
    /// # Errors
    /// When none comes within `patience`.
    pub async fn exchange(&self, body: Vec<u8>, patience: Duration) -> Result<Bytes, NoAnswer> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(NoAnswer("the channel is closed".to_owned()));
        };
        let mut lane = self.take();
        let answer = timeout(patience, lane.exchange(body.into())).await;
        match answer {
            Ok(Ok(answer)) => {
                self.put_back(lane);
                Ok(answer)
            }
            Ok(Err(problem)) => Err(NoAnswer(problem)),
            Err(_) => Err(NoAnswer(lane.last_trouble(patience))),
        }
    }

    fn take(&self) -> Lane {
        let idle = lock(&self.idle).lanes.pop();
        idle.unwrap_or_else(|| {
            let socket = ReqSocket::new(self.options.clone());
            // Before the first attempt, so that no trouble is missed.
            let events = socket.events();
            socket.dial(&self.endpoint);
            Lane { socket, events }
        })
    }

    fn put_back(&self, lane: Lane) {
        let mut idle = lock(&self.idle);
        if idle.lanes.len() < SPARE_LANES {
            idle.lanes.push(lane);
        }
        idle.used = Some(Instant::now());
        if idle.lanes.len() > IDLE_LANES && !std::mem::replace(&mut idle.watched, true) {
            tasks::spawn(close_spare(Arc::clone(&self.idle)));
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn close_spare(idle: Arc<Mutex<Idle>>) {
    loop {
        sleep(SPARE_FOR).await;
        let mut idle = lock(&idle);
        if idle.used.is_none_or(|used| used.elapsed() >= SPARE_FOR) {
            idle.lanes.truncate(IDLE_LANES);
            idle.watched = false;
            return;
        }
    }
}

impl Lane {
    async fn exchange(&mut self, message: Message) -> Result<Bytes, String> {
        self.socket.send(message).await.map_err(|error| error.to_string())?;
        let answer = self.socket.recv().await.map_err(|error| error.to_string())?;
        // salt-wire.md §2.3: one body frame.
        answer.into_parts().pop().ok_or_else(|| "an answer without frames".to_owned())
    }

    /// What the connection last said about itself.
    fn last_trouble(&mut self, patience: Duration) -> String {
        let mut last = None;
        while let Some(event) = self.events.try_recv() {
            last = match event {
                Event::ConnectRetried { reason, .. } | Event::HandshakeFailed { reason, .. } => Some(reason),
                Event::Disconnected { reason, .. } => {
                    Some(reason.unwrap_or_else(|| "disconnected".to_owned()))
                }
                Event::Connected { .. } => None,
                _ => last,
            };
        }
        last.unwrap_or_else(|| format!("no answer within {} seconds", patience.as_secs_f32()))
    }
}
