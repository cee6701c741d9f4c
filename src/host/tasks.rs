//! Tasks of one kind. The runtime makes code of its own for each type of future or closure that is started, some four
//! kilobytes each; behind a box they are all the same type.

use std::pin::Pin;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Starts a task, as `tokio::spawn` does.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let task: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(task);
    tokio::spawn(task)
}

/// Starts work that may block on a thread of its own; it goes on even when nobody waits for its result. There is no
/// result where the work panicked (the panic itself has been reported) or the runtime ended first.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || {
        // Nobody may wait any more.
        let _ = sender.send(work());
    });
    drop(tokio::task::spawn_blocking(work));
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_has_no_result() {
        assert_eq!(blocking(|| 7).await, Ok(7));
        assert!(blocking(|| -> u8 { panic!("on purpose") }).await.is_err());
        assert_eq!(spawn(async { 8 }).await.expect("no panic"), 8);
    }
}
