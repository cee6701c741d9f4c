//! Work on several threads at once.

use std::thread;

/// Calls `work` with each number below `count`, each on a thread of its own, and waits for all of them. One that panics has
/// said so, and the others go on.
pub fn beside(count: usize, work: &(dyn Fn(usize) + Sync)) {
    thread::scope(|threads| {
        let begun: Vec<_> = (0..count).map(|number| threads.spawn(move || work(number))).collect();
        for thread in begun {
            let _ = thread.join();
        }
    });
}
