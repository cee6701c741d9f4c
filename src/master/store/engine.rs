//! One database: a thread that writes, in groups, and readers beside it.
//!
//! Invariant: a writer is answered `Ok` only behind a commit that is on disk. After a failed commit nothing more is
//! written until the database has been opened anew, which also repairs it.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::StoreError;
use super::disk::Disk;

/// What a database holds and how it is written.
pub(super) trait Schema: 'static {
    /// One write, as data: it may have to be applied again.
    type Write: Send + 'static;
    /// What the writer remembers between commits. After one that failed it begins anew.
    type Memory: Default + Send;

    /// Makes the tables that are missing.
    fn create(transaction: &WriteTransaction) -> Result<(), redb::Error>;

    /// Applies writes in order and says for each how many entries it touched, as its row documents.
    fn apply(
        transaction: &WriteTransaction,
        writes: &[&Self::Write],
        memory: &mut Self::Memory,
    ) -> Result<Vec<u64>, redb::Error>;

    /// Octets of payload, for the bound on what waits.
    fn octets(write: &Self::Write) -> usize;
}

/// A handle on a database. The last one to go waits for the writer to finish.
#[derive(Debug)]
pub(super) struct Engine<S: Schema>(Arc<Inner<S>>);

impl<S: Schema> Clone for Engine<S> {
    fn clone(&self) -> Self {
        Engine(Arc::clone(&self.0))
    }
}

struct Inner<S: Schema> {
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Request<S>>>,
    /// Units of [`UNIT`] octets that may still join the queue.
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl<S: Schema> Debug for Inner<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").field("disk", &self.shared.disk).finish_non_exhaustive()
    }
}

struct Shared {
    disk: Box<dyn Disk>,
    database: RwLock<Option<Arc<Database>>>,
    /// A reader has met damage: the writer has to look at it.
    suspect: AtomicBool,
}

struct Request<S: Schema> {
    write: S::Write,
    reply: oneshot::Sender<Result<u64, StoreError>>,
    _room: OwnedSemaphorePermit,
}

/// Writes that may wait, by number and by size.
const QUEUE: usize = 8_192;
const UNIT: usize = 1_024;
const QUEUE_UNITS: u32 = 64 * 1_024;
/// What goes into one commit at most.
const GROUP: usize = 1_024;
const GROUP_OCTETS: usize = 16 * 1_024 * 1_024;
/// A single entry.
const LARGEST: usize = 256 * 1_024 * 1_024;

const FORMAT: u64 = 3;
const META: Definition = Definition::new("halite");

/// Every table has keys of text and values of octets: of each other kind the database would be in the program once
/// more.
pub(super) type Definition = TableDefinition<'static, &'static str, &'static [u8]>;
pub(super) type Table<'t> = redb::Table<'t, &'static str, &'static [u8]>;

/// A key of two parts. The first is a jid, an id or a number: none has the separator in it.
pub(super) fn pair(first: &str, second: &str) -> String {
    format!("{first}\0{second}")
}

/// The second part of a [`pair`].
pub(super) fn second(key: &str) -> &str {
    key.split_once('\0').map_or("", |(_, second)| second)
}

impl<S: Schema> Engine<S> {
    /// Opens the database and starts its writer.
    pub(super) fn start(name: &str, disk: Box<dyn Disk>) -> Result<Self, StoreError> {
        let database = open_or_begin_anew::<S>(disk.as_ref(), false)?;
        let shared = Arc::new(Shared {
            disk,
            database: RwLock::new(Some(Arc::new(database))),
            suspect: AtomicBool::new(false),
        });
        let (queue, requests) = mpsc::channel(QUEUE);
        let writer = Writer::<S> {
            shared: Arc::clone(&shared),
            requests,
            state: State::Ready,
            memory: S::Memory::default(),
        };
        let writer = thread::Builder::new()
            .name(format!("store-{name}"))
            .spawn(move || writer.run())
            .map_err(|error| StoreError::from_io(shared.disk.path(), &error))?;
        let room = Arc::new(Semaphore::new(QUEUE_UNITS as usize));
        Ok(Engine(Arc::new(Inner { shared, queue: Some(queue), room, writer: Some(writer) })))
    }

    /// Hands a write over and waits until it is durable. Waits for room in the queue first.
    pub(super) async fn write(&self, write: S::Write) -> Result<u64, StoreError> {
        let path = self.0.shared.disk.path();
        let octets = S::octets(&write);
        if octets > LARGEST {
            return Err(StoreError::TooLarge { path: path.to_owned(), octets });
        }
        let closed = || StoreError::Closed(path.to_owned());
        let units = u32::try_from(octets / UNIT + 1).unwrap_or(QUEUE_UNITS).min(QUEUE_UNITS);
        let room = Arc::clone(&self.0.room).acquire_many_owned(units).await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let queue = self.0.queue.as_ref().ok_or_else(closed)?;
        queue.send(Request { write, reply, _room: room }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Reads from the last commit.
    pub(super) fn read<T>(
        &self,
        reader: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let shared = &self.0.shared;
        let path = shared.disk.path();
        let Some(database) = shared.current() else {
            return Err(StoreError::Io {
                path: path.to_owned(),
                reason: "it is not open at the moment".to_owned(),
            });
        };
        let read = guarded(path, || {
            let transaction = database.begin_read()?;
            reader(&transaction)
        });
        if matches!(read, Err(StoreError::Damaged { .. })) {
            shared.suspect.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: Schema> Drop for Inner<S> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn current(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, database: Option<Database>) -> Option<Arc<Database>> {
        let mut place = self.database.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, database.map(Arc::new))
    }
}

struct Writer<S: Schema> {
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request<S>>,
    state: State,
    memory: S::Memory,
}

/// What the last commit left behind.
enum State {
    Ready,
    /// It is open for reading. Nothing is written until a probe has found room.
    NoRoom,
    /// It has to be opened anew, for this reason.
    Broken(StoreError),
}

impl<S: Schema> Writer<S> {
    fn run(mut self) {
        while let Some(first) = self.requests.blocking_recv() {
            let group = self.group(first);
            let writes: Vec<&S::Write> = group.iter().map(|request| &request.write).collect();
            let committed = self.commit(&writes);
            match committed {
                Ok(counts) => {
                    for (request, count) in group.into_iter().zip(counts) {
                        let _ = request.reply.send(Ok(count));
                    }
                }
                Err(error) => {
                    for request in group {
                        let _ = request.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// The first and whatever waits behind it.
    fn group(&mut self, first: Request<S>) -> Vec<Request<S>> {
        let mut octets = S::octets(&first.write);
        let mut group = vec![first];
        while group.len() < GROUP && octets < GROUP_OCTETS {
            let Ok(next) = self.requests.try_recv() else { break };
            octets = octets.saturating_add(S::octets(&next.write));
            group.push(next);
        }
        group
    }

    fn commit(&mut self, writes: &[&S::Write]) -> Result<Vec<u64>, StoreError> {
        if self.shared.suspect.swap(false, Ordering::Relaxed) {
            let path = self.shared.disk.path().to_owned();
            self.state =
                State::Broken(StoreError::Damaged { path, reason: "it could not be read".to_owned() });
        }
        self.recover()?;
        let mut committed = self.try_commit(writes);
        if let Err(error @ StoreError::Damaged { .. }) = committed {
            // A page that cannot be read: repair or begin anew, then once more.
            self.state = State::Broken(error);
            self.recover()?;
            committed = self.try_commit(writes);
        }
        match &committed {
            Ok(_) | Err(StoreError::TooLarge { .. }) => {}
            Err(error) => {
                crate::log::error!(%error, "what minions sent could not be stored and was not acknowledged");
                self.state = State::Broken(error.clone());
                // Readers want it back at once; writers, when there is room.
                if self.reopen(false).is_ok() && matches!(error, StoreError::Full { .. }) {
                    self.state = State::NoRoom;
                }
            }
        }
        committed
    }

    fn try_commit(&mut self, writes: &[&S::Write]) -> Result<Vec<u64>, StoreError> {
        let path = self.shared.disk.path();
        let Some(database) = self.shared.current() else {
            return Err(StoreError::Closed(path.to_owned()));
        };
        let memory = &mut self.memory;
        let committed = guarded(path, || {
            let transaction = database.begin_write()?;
            let counts = S::apply(&transaction, writes, memory)?;
            transaction.commit()?;
            Ok(counts)
        });
        if committed.is_err() {
            self.memory = S::Memory::default();
        }
        committed
    }

    /// Makes the database ready to write, if the last commit left it otherwise.
    fn recover(&mut self) -> Result<(), StoreError> {
        let disk = self.shared.disk.as_ref();
        let has_room = || disk.has_room().map_err(|error| StoreError::from_io(disk.path(), &error));
        match &self.state {
            State::Ready => return Ok(()),
            State::NoRoom => {
                has_room()?;
                self.state = State::Ready;
            }
            State::Broken(StoreError::Damaged { .. }) => self.reopen(true)?,
            State::Broken(_) => {
                has_room()?;
                self.reopen(false)?;
            }
        }
        crate::log::info!(path = %self.shared.disk.path().display(), "the store can be written again");
        Ok(())
    }

    fn reopen(&mut self, check: bool) -> Result<(), StoreError> {
        if let Some(mut old) = self.shared.replace(None) {
            // Readers end on their own; the file is free only then.
            while let Err(shared) = Arc::try_unwrap(old) {
                old = shared;
                thread::yield_now();
            }
        }
        let database = open_or_begin_anew::<S>(self.shared.disk.as_ref(), check)?;
        self.shared.replace(Some(database));
        self.state = State::Ready;
        Ok(())
    }
}

/// Opens a database; one that is damaged is set aside for an empty one.
fn open_or_begin_anew<S: Schema>(disk: &dyn Disk, check: bool) -> Result<Database, StoreError> {
    match open::<S>(disk, check) {
        Err(StoreError::Damaged { reason, .. }) => {
            let aside = disk.set_aside().map_err(|error| StoreError::from_io(disk.path(), &error))?;
            crate::log::error!(
                path = %disk.path().display(), %reason, kept_as = %aside.display(),
                "the store is damaged: it was set aside and an empty one begun"
            );
            open::<S>(disk, false)
        }
        opened => opened,
    }
}

fn open<S: Schema>(disk: &dyn Disk, check: bool) -> Result<Database, StoreError> {
    let path = disk.path();
    let (database, format) = guarded(path, || {
        let database = disk.open(check)?;
        let transaction = database.begin_write()?;
        let format = {
            let mut meta = transaction.open_table(META)?;
            let octets = |octets: &[u8]| octets.try_into().map_or(u64::MAX, u64::from_le_bytes);
            let found = meta.get("format")?.map(|format| octets(format.value()));
            if found.is_none() {
                meta.insert("format", FORMAT.to_le_bytes().as_slice())?;
            }
            found.unwrap_or(FORMAT)
        };
        if format <= FORMAT {
            S::create(&transaction)?;
            transaction.commit()?;
        }
        Ok((database, format))
    })?;
    if format > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), format });
    }
    Ok(database)
}

/// Runs something that touches the database. Where it panics, as it may on a damaged file, that is damage.
fn guarded<T>(path: &Path, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => done.map_err(|error| StoreError::from_redb(path, error)),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(StoreError::Damaged { path: path.to_owned(), reason: format!("reading it panicked: {said}") })
        }
    }
}
