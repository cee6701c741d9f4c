//! From one ROUTER to many peers.
//!
//! A reply goes into the queue of its peer. Where there are many peers, one task writes for all whose drivers wait for nothing but
//! more to write: their own tasks sleep on, which are woken once for each round of a conversation instead of twice. What a stream does
//! not take at once is its driver's.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::runtime::Handle;

use super::{inbox::Inbox, pipe::Pipe};

/// From so many peers on. A few have a task each, which is cheaper to wake than to keep a list. In tests of this crate everybody is
/// one of many.
const MANY: usize = if cfg!(any(test, feature = "fuzzing")) { 1 } else { 8 };
/// Peers that are written to before others have their turn: half a millisecond.
const STEP: usize = 128;

#[derive(Debug)]
pub(crate) struct Answers {
    many: AtomicBool,
    listed: Mutex<Listed>,
    inbox: Arc<Inbox>,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct Listed {
    pipes: VecDeque<Arc<Pipe>>,
    /// Somebody writes, or is about to.
    writing: bool,
}

impl Answers {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Arc<Answers> {
        Arc::new(Answers {
            many: AtomicBool::new(false),
            listed: Mutex::default(),
            inbox,
            runtime: Handle::current(),
        })
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be told of every change.
    pub(crate) fn set_peers(&self, peers: usize) {
        self.many.store(peers >= MANY, Ordering::Relaxed);
    }

    /// Replies are written here, as far as drivers leave that to others.
    pub(crate) fn are_many(&self) -> bool {
        self.many.load(Ordering::Relaxed)
    }

    /// Something is queued for this peer, and its driver was not told.
    pub(crate) fn list(self: &Arc<Self>, pipe: Arc<Pipe>) {
        let mut listed = self.listed();
        listed.pipes.push_back(pipe);
        if !mem::replace(&mut listed.writing, true) {
            drop(listed);
            self.runtime.spawn(self.clone().write());
        }
    }

    async fn write(self: Arc<Self>) {
        let (mut again, mut taken) = (Vec::new(), Vec::new());
        while let Some(pipes) = self.next(&mut again) {
            let at_work = self.inbox.is_at_work();
            again.extend(
                pipes.into_iter().filter(|pipe| pipe.hesitates(at_work) || pipe.write_in_round(&mut taken)),
            );
            // Meanwhile others come to their answers, and what is answered by then is written together.
            tokio::task::yield_now().await;
        }
    }

    fn next(&self, again: &mut Vec<Arc<Pipe>>) -> Option<Vec<Arc<Pipe>>> {
        let mut listed = self.listed();
        listed.pipes.extend(again.drain(..));
        if listed.pipes.is_empty() {
            *listed = Listed::default();
            return None;
        }
        let step = listed.pipes.len().min(STEP);
        Some(listed.pipes.drain(..step).collect())
    }
}
