//! Work that would hold up the event loop: private-key operations and the disk. A bounded number runs at once, on
//! tokio's blocking threads; the rest waits in order.

use tokio::sync::Semaphore;

use crate::host::tasks;

/// The places to work at.
#[derive(Debug)]
pub struct Pool {
    crypto: Semaphore,
    disk: Semaphore,
    pillar: Semaphore,
}

/// What a piece of work mostly waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The processor: no more at once than there are cores.
    Crypto,
    /// The disk.
    Disk,
    /// A pillar: templates take the processor, external sources may take their time.
    Pillar,
}

const DISK_PLACES: usize = 8;
const PILLAR_PLACES: usize = 8;

impl Pool {
    /// As many places for crypto as there are cores.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Pool {
            crypto: Semaphore::new(cores),
            disk: Semaphore::new(DISK_PLACES),
            pillar: Semaphore::new(PILLAR_PLACES),
        }
    }

    /// Threads that a runtime needs for [`Pool::run`] never to wait for one.
    pub fn threads() -> usize {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        // Four more for the publisher, the maintenance, `event_return` and the reactor.
        cores + DISK_PLACES + PILLAR_PLACES + 4
    }

    /// Runs `work` on a blocking thread. `None` if it panicked, which is logged by the panic hook.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let places = match kind {
            Kind::Crypto => &self.crypto,
            Kind::Disk => &self.disk,
            Kind::Pillar => &self.pillar,
        };
        let _place = places.acquire().await.ok()?;
        tasks::blocking(work).await.ok()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_runs_at_once_than_there_are_places_and_a_panic_costs_only_its_own_work() {
        let pool = Arc::new(Pool::new());
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..64)
            .map(|number| {
                let (pool, now, most) = (pool.clone(), now.clone(), most.clone());
                tokio::spawn(async move {
                    pool.run(Kind::Disk, move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        assert!(number != 13, "one of them fails");
                        number
                    })
                    .await
                })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += usize::from(task.await.expect("joined").is_some());
        }
        assert_eq!(done, 63);
        assert!(most.load(Ordering::SeqCst) <= DISK_PLACES);
    }
}
