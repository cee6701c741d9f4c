//! A driver that is lent to whoever waits for its messages. A socket with one connection then reads in the task that receives: no
//! other task, and often no other thread, has to be woken between the octets and the application.
//!
//! The driver's own task stays in charge. Everything a driver waits for wakes a [`Switch`], which passes it on to the receiver
//! while there is one that waits, and to the task else. Timers are the task's, since the receiver may run in another runtime.
//! A receiver that was woken and does not come, because its future is kept and not polled, loses the driver to the task; so does
//! one that left octets to be read and does not come for them.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::driver::Driver;
use crate::error::ConnectionError;

type Outcome = (ConnectionError, bool);

/// A receiver that was woken has at least this time to come, and at most twice as much.
const PATIENCE: Duration = Duration::from_millis(100);

/// The task of a driver that may be lent.
#[derive(Debug)]
pub(crate) struct Lending {
    lent: Arc<Lent>,
    /// While receivers are woken, when to look after them next, and how often they had been woken before.
    watch: Option<(Pin<Box<Sleep>>, u64)>,
}

/// The driver, for its task and for a receiver.
pub(crate) struct Lent {
    /// Locked for the time of a poll. The outcome waits for the task.
    state: Mutex<(Driver, Option<Outcome>)>,
    switch: Arc<Switch>,
    /// Wakes the switch.
    waker: Waker,
    /// One of both came while the other drove.
    missed: AtomicBool,
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

/// Who is to be woken.
#[derive(Debug, Default)]
struct Switch(Mutex<Hands>);

#[derive(Debug, Default)]
struct Hands {
    receiver: Receiver,
    task: Option<Waker>,
    /// How often a receiver was woken, or left octets.
    woken: u64,
    /// The task looks after the receiver.
    watched: bool,
}

#[derive(Debug, Default)]
enum Receiver {
    /// Wake the task.
    #[default]
    Away,
    /// Wake this instead.
    Waiting(Waker),
    /// It was woken, and will drive or let go.
    Woken,
    /// As `Woken`, and all there is to do is to read on.
    HandedOver,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wake for Switch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut hands = lock(&self.0);
        let (receiver, task) = match std::mem::take(&mut hands.receiver) {
            Receiver::Away => (None, hands.task.take()),
            Receiver::Woken | Receiver::HandedOver => {
                hands.receiver = Receiver::Woken;
                return;
            }
            Receiver::Waiting(receiver) => {
                hands.receiver = Receiver::Woken;
                (Some(receiver), hands.expect())
            }
        };
        drop(hands);
        receiver.into_iter().chain(task).for_each(Waker::wake);
    }
}

impl Hands {
    /// A receiver has to come. The task, to be woken when it has to begin to look after that.
    fn expect(&mut self) -> Option<Waker> {
        self.woken += 1;
        if std::mem::replace(&mut self.watched, true) { None } else { self.task.take() }
    }
}

impl Switch {
    /// A receiver came while the task drove: it goes on, unless it has given up.
    fn hand_over(&self) {
        let mut hands = lock(&self.0);
        let (receiver, task) = match std::mem::take(&mut hands.receiver) {
            Receiver::Away => (None, hands.task.take()),
            Receiver::Waiting(receiver) => {
                hands.receiver = Receiver::HandedOver;
                (Some(receiver), hands.expect())
            }
            woken => {
                hands.receiver = woken;
                return;
            }
        };
        drop(hands);
        receiver.into_iter().chain(task).for_each(Waker::wake);
    }

    fn wake_task(&self) {
        let task = lock(&self.0).task.take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Lending {
    pub(crate) fn new(driver: Driver) -> Lending {
        let switch = Arc::<Switch>::default();
        let waker = Waker::from(switch.clone());
        let lent = Arc::new_cyclic(|lent| {
            let state = Mutex::new((driver.lent_as(lent.clone()), None));
            Lent { state, switch, waker, missed: AtomicBool::new(false) }
        });
        Lending { lent, watch: None }
    }

    /// Takes the driver back from a receiver that does not come. One timer serves many wakes: it is set when it has run out.
    fn look_after(&mut self, cx: &mut Context<'_>) {
        loop {
            let Some((timer, before)) = &mut self.watch else {
                let hands = lock(&self.lent.switch.0);
                if !hands.watched {
                    return;
                }
                self.watch = Some((Box::pin(sleep(PATIENCE)), hands.woken));
                continue;
            };
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            let mut hands = lock(&self.lent.switch.0);
            if hands.woken != *before {
                *before = hands.woken;
                timer.as_mut().reset(Instant::now() + PATIENCE);
                continue;
            }
            if let Receiver::Woken | Receiver::HandedOver = hands.receiver {
                hands.receiver = Receiver::Away;
            }
            hands.watched = false;
            self.watch = None;
            return;
        }
    }
}

impl Future for Lending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        lock(&self.lent.switch.0).task = Some(cx.waker().clone());
        self.look_after(cx);
        let lent = &self.lent;
        let Some(mut state) = lent.try_lock() else { return Poll::Pending };
        let poll = match state.1.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => Pin::new(&mut state.0).poll(&mut Context::from_waker(&lent.waker)),
        };
        drop(state);
        if lent.missed.swap(false, Ordering::SeqCst) {
            lent.switch.hand_over();
        }
        poll
    }
}

impl Drop for Lending {
    /// Also when the task is aborted, and while a receiver holds on to the driver.
    fn drop(&mut self) {
        lock(&self.lent.state).0.end(&ConnectionError::Closed);
    }
}

impl Lent {
    /// Who holds the lock at this moment wakes the task afterwards: it may not have seen what the other was woken for.
    fn try_lock(&self) -> Option<MutexGuard<'_, (Driver, Option<Outcome>)>> {
        if let Ok(state) = self.state.try_lock() {
            return Some(state);
        }
        self.missed.store(true, Ordering::SeqCst);
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Somebody else came to drive meanwhile.
    pub(crate) fn is_wanted(&self) -> bool {
        self.missed.load(Ordering::SeqCst)
    }

    /// Drives the connection, from within a receiver's poll. From now on the receiver is woken instead of the task, until it
    /// lets go.
    pub(crate) fn drive(&self, cx: &Context<'_>) {
        lock(&self.switch.0).receiver = Receiver::Waiting(cx.waker().clone());
        // Or else the task is at it, and comes again.
        let Some(mut state) = self.try_lock() else { return };
        if state.1.is_some() {
            return;
        }
        let (poll, left) = state.0.poll_as_guest(&mut Context::from_waker(&self.waker));
        let over = poll.is_ready();
        if let Poll::Ready(outcome) = poll {
            state.1 = Some(outcome);
        }
        drop(state);
        if self.missed.swap(false, Ordering::SeqCst) || over || left.timer {
            self.switch.wake_task();
        } else if left.octets {
            let task = lock(&self.switch.0).expect();
            task.into_iter().for_each(Waker::wake);
        }
    }

    /// The receiver has what it waited for, or gives up.
    pub(crate) fn let_go(&self) {
        let mut hands = lock(&self.switch.0);
        // What it was woken for may still be there.
        let task = match std::mem::take(&mut hands.receiver) {
            Receiver::Woken => hands.task.take(),
            // It got something, and comes again.
            Receiver::HandedOver => hands.expect(),
            Receiver::Away | Receiver::Waiting(_) => None,
        };
        drop(hands);
        task.into_iter().for_each(Waker::wake);
    }
}
