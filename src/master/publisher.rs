//! The publisher: every job is sealed and signed once, in the order of its serial, and handed to all subscribers.
//! salt-wire.md §2.4, §9.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use zmtp::{Message, PubSocket};

use crate::channel::publish;
use crate::crypt::{AesEpoch, PrivateKey, SigningAlgorithm};
use crate::host::tasks;
use crate::value::Map;

/// Jobs that may wait for the publisher before `publish` has to wait too.
const QUEUE: usize = 1024;

/// Who gets a publish where `zmq_filtering` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every subscriber; each decides for itself.
    Everybody,
    /// Only these ids (and syndics, with `order_masters`).
    These(Vec<String>),
}

/// Publishes in the order of the calls.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Order>,
    epoch: Arc<RwLock<Epochs>>,
}

struct Order {
    load: Map,
    audience: Audience,
    done: oneshot::Sender<Result<(), String>>,
}

struct Epochs {
    current: Arc<AesEpoch>,
    /// Requests sealed before the last rotation are still read (versions below 3).
    previous: Option<Arc<AesEpoch>>,
}

/// How publishes are made.
#[derive(Clone)]
pub struct PublishOptions {
    pub key: PrivateKey,
    /// `publish_signing_algorithm`, where `sign_pub_messages` is set.
    pub signing: Option<SigningAlgorithm>,
    /// `zmq_filtering`.
    pub filtering: bool,
    /// `order_masters`: syndics get what is filtered, too.
    pub order_masters: bool,
}

impl Publisher {
    /// Starts publishing on `socket`, on the current runtime. Ends when the last clone is dropped.
    pub fn start(socket: PubSocket, options: PublishOptions) -> Self {
        let epochs = Epochs { current: Arc::new(AesEpoch::start(options.key.clone())), previous: None };
        let epoch = Arc::new(RwLock::new(epochs));
        let (queue, orders) = mpsc::channel(QUEUE);
        tasks::spawn(work(socket, options, epoch.clone(), orders));
        Publisher { queue, epoch }
    }

    /// The current AES key.
    pub fn epoch(&self) -> Arc<AesEpoch> {
        self.epoch.read().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    /// The AES key before the last rotation.
    pub fn previous_epoch(&self) -> Option<Arc<AesEpoch>> {
        self.epoch.read().unwrap_or_else(PoisonError::into_inner).previous.clone()
    }

    /// Starts a new AES key.
    pub fn rotate(&self, key: PrivateKey) {
        rotate(&self.epoch, key);
    }

    /// Seals and sends a job; returns when it has been handed to the subscribers' queues.
    ///
    /// # Errors
    /// When it cannot be sealed. Nothing was sent then.
    pub async fn publish(&self, load: Map, audience: Audience) -> Result<(), String> {
        let (done, outcome) = oneshot::channel();
        let gone = || "the publisher has stopped".to_owned();
        self.queue.send(Order { load, audience, done }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

fn rotate(epoch: &RwLock<Epochs>, key: PrivateKey) {
    let mut epochs = epoch.write().unwrap_or_else(PoisonError::into_inner);
    let fresh = Arc::new(AesEpoch::start(key));
    epochs.previous = Some(std::mem::replace(&mut epochs.current, fresh));
}

async fn work(
    socket: PubSocket,
    options: PublishOptions,
    epoch: Arc<RwLock<Epochs>>,
    mut orders: mpsc::Receiver<Order>,
) {
    while let Some(Order { load, audience, done }) = orders.recv().await {
        let sealing = {
            let (options, epoch) = (options.clone(), epoch.clone());
            tasks::blocking(move || seal(load, &options, &epoch))
        };
        let outcome = match sealing.await {
            Ok(Ok(payload)) => {
                send(&socket, &options, Bytes::from(payload), &audience);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err("the job could not be sealed".to_owned()),
        };
        // The caller may have gone; the job is out all the same.
        let _ = done.send(outcome);
    }
}

/// Seals with the current key, and with a new one where its serials are used up.
fn seal(load: Map, options: &PublishOptions, epoch: &RwLock<Epochs>) -> Result<Vec<u8>, String> {
    let signer = options.signing.map(|algorithm| (&options.key, algorithm));
    let text = |error: crate::crypt::CryptError| error.to_string();
    let current = || epoch.read().unwrap_or_else(PoisonError::into_inner).current.clone();
    if let Some(payload) = publish::wrap(load.clone(), &current(), signer).map_err(text)? {
        return Ok(payload);
    }
    rotate(epoch, options.key.clone());
    publish::wrap(load, &current(), signer).map_err(text)?.ok_or_else(|| "no serial is left".to_owned())
}

fn send(socket: &PubSocket, options: &PublishOptions, payload: Bytes, audience: &Audience) {
    let with_topic = |topic: String| Message::from_parts(vec![Bytes::from(topic), payload.clone()]);
    if !options.filtering {
        socket.publish(Message::from(payload));
        return;
    }
    match audience {
        Audience::These(ids) if !ids.is_empty() => {
            for id in ids {
                socket.publish(with_topic(publish::topic_of(id)));
            }
            if options.order_masters {
                socket.publish(with_topic(publish::TOPIC_SYNDIC.to_owned()));
            }
        }
        _ => socket.publish(with_topic(publish::TOPIC_BROADCAST.to_owned())),
    }
}
