//! What all parts of one socket share: options, pattern, events, and the tasks that have to end with it.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{runtime::Handle, sync::Notify, task::AbortHandle, time::timeout};

use super::{
    dial,
    listen::{self, BindError},
    monitor::{Event, Events, Monitor},
    patterns::Pattern,
    pipe::Pipe,
};
use crate::endpoint::Endpoint;
use crate::options::Options;
use crate::pattern::socket_type::SocketType;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) socket_type: SocketType,
    pub(crate) options: Arc<Options>,
    pub(crate) pattern: Arc<dyn Pattern>,
    pub(crate) monitor: Arc<Monitor>,
    runtime: Handle,
    next_id: AtomicU64,
    tasks: Mutex<HashMap<u64, Task>>,
    /// Told when the last task has ended.
    all_ended: Notify,
    closing: AtomicBool,
    local: Mutex<Option<Endpoint>>,
}

/// A listener, dialer or connection.
#[derive(Debug, Default)]
struct Task {
    abort: Option<AbortHandle>,
    /// What has to be sent before the task may end; a task without can be aborted.
    pipe: Option<Arc<Pipe>>,
    /// For listeners and dialers. Apart, since there are thousands of connections.
    service: Option<Box<Service>>,
}

#[derive(Debug)]
struct Service {
    /// As it was asked for and, for listeners, as it became.
    endpoints: Vec<Endpoint>,
    /// It shall not connect again.
    ending: bool,
}

impl Task {
    fn endpoints(&self) -> &[Endpoint] {
        self.service.as_ref().map_or(&[], |service| &service.endpoints)
    }

    fn is_ending(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.ending)
    }
}

/// Strikes a task off the list when it ends in whatever way.
#[derive(Debug)]
struct TaskGuard {
    core: Arc<Core>,
    id: u64,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        let mut tasks = self.core.tasks();
        tasks.remove(&self.id);
        if tasks.is_empty() {
            drop(tasks);
            self.core.all_ended.notify_waiters();
        }
    }
}

/// A task with its guard. Smaller than an `async` block around the two, which counts with thousands of them.
struct Guarded<F> {
    task: F,
    _guard: TaskGuard,
}

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.task).poll(cx).map(|_| ())
    }
}

impl Core {
    fn tasks(&self) -> MutexGuard<'_, HashMap<u64, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn serves(&self, id: u64, endpoints: &[&Endpoint]) {
        let endpoints = endpoints.iter().copied().cloned().collect();
        self.tasks().entry(id).or_default().service = Some(Box::new(Service { endpoints, ending: false }));
    }

    /// Runs a task until it ends by itself or the socket is closed. The answer is its handle, unless it has
    /// ended already.
    pub(crate) fn spawn<T>(
        self: &Arc<Self>,
        id: u64,
        pipe: Option<Arc<Pipe>>,
        task: impl Future<Output = T> + Unpin + Send + 'static,
    ) -> Option<AbortHandle> {
        if self.is_closing() {
            self.tasks().remove(&id);
            return None;
        }
        // The entry comes first: the task may end before this function does.
        self.tasks().entry(id).or_default().pipe = pipe;
        let abort =
            self.runtime.spawn(Guarded { task, _guard: TaskGuard { core: self.clone(), id } }).abort_handle();
        self.tasks().get_mut(&id).map(|entry| entry.abort.insert(abort).clone())
    }

    /// A connection has a pipe from now on: closing waits until it is flushed.
    pub(crate) fn adopt(&self, id: u64, pipe: &Arc<Pipe>) {
        let mut tasks = self.tasks();
        if self.is_closing() || tasks.get(&id).is_some_and(Task::is_ending) {
            pipe.close();
        }
        if let Some(task) = tasks.get_mut(&id) {
            task.pipe = Some(pipe.clone());
        }
    }

    /// Whether a dialer has come to its end with this connection.
    pub(crate) fn is_ending(&self, id: u64) -> bool {
        self.is_closing() || self.tasks().get(&id).is_some_and(Task::is_ending)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// A pipe with a queue in the inbox, if the socket receives anything.
    pub(crate) fn new_pipe(&self) -> Arc<Pipe> {
        let pipe = Arc::new(Pipe::new(self.new_id(), self.options.clone()));
        if let Some(inbox) = self.pattern.inbox() {
            inbox.add(&pipe);
        }
        pipe
    }

    fn begin_close(&self) {
        self.closing.store(true, Ordering::Release);
        self.pattern.flush();
        let tasks = self.tasks();
        let mut abort = Vec::new();
        for task in tasks.values() {
            match (&task.pipe, &task.abort) {
                (Some(pipe), _) => pipe.close(),
                (None, Some(handle)) => abort.push(handle.clone()),
                (None, None) => {}
            }
        }
        drop(tasks);
        abort.iter().for_each(AbortHandle::abort);
    }

    /// Waits until everything queued is sent, at most `linger`, and ends all tasks.
    async fn finish_close(&self) {
        match self.options.linger {
            Some(limit) => {
                let _late = timeout(limit, self.ended()).await;
            }
            None => self.ended().await,
        }
        let aborts: Vec<_> = self.tasks().values().filter_map(|task| task.abort.clone()).collect();
        aborts.iter().for_each(AbortHandle::abort);
        self.ended().await;
        self.monitor.report(|| Event::Closed);
    }

    async fn ended(&self) {
        loop {
            let notified = self.all_ended.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if self.tasks().is_empty() {
                return;
            }
            notified.await;
        }
    }
}

/// The application's hold on a socket. Dropping it closes the socket in the background.
#[derive(Debug)]
pub(crate) struct SocketHandle {
    pub(crate) core: Arc<Core>,
    closed: bool,
}

impl SocketHandle {
    pub(crate) fn new(
        socket_type: SocketType,
        options: Arc<Options>,
        pattern: Arc<dyn Pattern>,
        monitor: Arc<Monitor>,
    ) -> SocketHandle {
        let core = Core {
            socket_type,
            options,
            pattern,
            monitor,
            runtime: Handle::current(),
            next_id: AtomicU64::new(1),
            tasks: Mutex::default(),
            all_ended: Notify::new(),
            closing: AtomicBool::new(false),
            local: Mutex::new(None),
        };
        SocketHandle { core: Arc::new(core), closed: false }
    }

    pub(crate) async fn listen(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError> {
        let listener = listen::bind(endpoint, &self.core.options).await?;
        let local = listener.local_endpoint().clone();
        *self.core.local.lock().unwrap_or_else(PoisonError::into_inner) = Some(local.clone());
        self.core.monitor.report(|| Event::Listening { endpoint: local.clone() });
        let id = self.core.new_id();
        self.core.serves(id, &[endpoint, &local]);
        self.core.spawn(id, None, Box::pin(listener.run(self.core.clone())));
        Ok(local)
    }

    /// Stops listening; connections that came in go on.
    pub(crate) async fn unlisten(&self, endpoint: &Endpoint) -> bool {
        let aborts: Vec<_> = {
            let tasks = self.core.tasks();
            let listeners = tasks
                .values()
                .filter(|task| task.endpoints().len() > 1 && task.endpoints().contains(endpoint));
            listeners.filter_map(|task| task.abort.clone()).collect()
        };
        aborts.iter().for_each(AbortHandle::abort);
        while aborts.iter().any(|listener| !listener.is_finished()) {
            tokio::task::yield_now().await;
        }
        !aborts.is_empty()
    }

    /// Ends what was dialled, after sending what is queued there, for at most `linger`.
    pub(crate) fn hang_up(&self, endpoint: &Endpoint) -> bool {
        let mut late = Vec::new();
        let mut found = false;
        self.core.pattern.flush();
        for task in self.core.tasks().values_mut().filter(|task| task.endpoints() == [endpoint.clone()]) {
            found = true;
            if let Some(service) = &mut task.service {
                service.ending = true;
            }
            if let Some(pipe) = &task.pipe {
                pipe.close();
            }
            let at_once =
                task.pipe.is_none() || self.core.options.linger.is_some_and(|linger| linger.is_zero());
            late.extend(task.abort.clone().map(|abort| (abort, at_once)));
        }
        for (abort, at_once) in late {
            match self.core.options.linger {
                _ if at_once => abort.abort(),
                Some(linger) => {
                    self.core.runtime.spawn(async move {
                        tokio::time::sleep(linger).await;
                        abort.abort();
                    });
                }
                None => {}
            }
        }
        found
    }

    pub(crate) fn dial(&self, endpoint: Endpoint) {
        let pattern = &self.core.pattern;
        let ahead = pattern.queues_ahead().then(|| self.core.new_pipe());
        if let Some(pipe) = &ahead {
            pattern.add_ahead(pipe);
        }
        let id = self.core.new_id();
        self.core.serves(id, &[&endpoint]);
        self.core.spawn(id, ahead.clone(), Box::pin(dial::run(self.core.clone(), id, endpoint, ahead)));
    }

    pub(crate) fn local_endpoint(&self) -> Option<Endpoint> {
        self.core.local.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn events(&self) -> Events {
        self.core.monitor.events()
    }

    pub(crate) async fn close(mut self) {
        self.closed = true;
        self.core.begin_close();
        self.core.finish_close().await;
    }
}

impl Drop for SocketHandle {
    fn drop(&mut self) {
        // A cancelled close() comes here as well; beginning twice does no harm.
        self.core.begin_close();
        if !self.closed || !self.core.tasks().is_empty() {
            let core = self.core.clone();
            self.core.runtime.spawn(async move { core.finish_close().await });
        }
    }
}
