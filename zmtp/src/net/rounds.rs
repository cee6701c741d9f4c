//! Writing to many peers in one go. A published message that wakes a task for each subscriber costs as much for the waking, and for
//! what each task has to fetch into the processor's cache, as for anything but the write itself. So a publisher with many
//! subscribers lists those whose drivers wait for nothing but more to write, and one task goes through the list. It never waits: what a
//! stream does not take is its driver's, as everything else is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

use super::pipe::Pipe;

/// Peers that a walker takes from the list at a time, after which others have their turn.
const STEP: usize = 32;

#[derive(Debug)]
pub(crate) struct Rounds {
    runtime: Handle,
    /// As many walkers as the runtime has threads.
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    listed: VecDeque<Arc<Pipe>>,
    walkers: usize,
}

impl Rounds {
    pub(crate) fn new() -> Rounds {
        let runtime = Handle::current();
        let most = runtime.metrics().num_workers();
        Rounds { runtime, most, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Peers for whom something waits.
    pub(crate) fn add(self: &Arc<Self>, pipes: Vec<Arc<Pipe>>) {
        if pipes.is_empty() {
            return;
        }
        let mut state = self.state();
        state.listed.extend(pipes);
        let wanted = state.listed.len().div_ceil(STEP).min(self.most);
        let more = wanted.saturating_sub(state.walkers);
        state.walkers += more;
        drop(state);
        for _ in 0..more {
            self.runtime.spawn(self.clone().walk());
        }
    }

    /// The next step of a walker. None when it has come to the end.
    fn next(&self, again: &mut Vec<Arc<Pipe>>) -> Option<Vec<Arc<Pipe>>> {
        let mut state = self.state();
        state.listed.append(&mut VecDeque::from(std::mem::take(again)));
        let step = state.listed.len().min(STEP);
        if step == 0 {
            state.walkers -= 1;
            state.listed = VecDeque::new();
            return None;
        }
        Some(state.listed.drain(..step).collect())
    }

    async fn walk(self: Arc<Self>) {
        let mut again = Vec::new();
        loop {
            let Some(pipes) = self.next(&mut again) else { return };
            again.extend(pipes.into_iter().filter(|pipe| pipe.write_in_round()));
            tokio::task::yield_now().await;
        }
    }
}
