//! `LocalClient`: publishes jobs through the master of this machine and follows their returns on its event bus. The
//! decisions are in [`Watch`] and [`Published`]; here are the sockets. Salt: client/__init__.py; salt-wire.md §14.4.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp::{Endpoint, Event, Message, Options, ReqError, ReqSocket};

use super::job::check_refusal;
use super::{ClientError, Identity, Job, LastSeen, Patience, Published, Step, Watch};
use crate::channel::{PROTOCOL_VERSION, pack_map};
use crate::config::Opts;
use crate::event::Filter;
use crate::host::RealHost;
use crate::map;
use crate::transport::bus::{BusClient, BusError, BusEvents, BusPaths};
use crate::value::msgpack;
use crate::value::{Map, Value};

/// The master of this machine, as a client sees it.
pub struct LocalClient {
    opts: Opts,
    who: Identity,
    endpoint: String,
    /// Fields that prove who asks in place of the local key: `token`, or `eauth`, `username` and `password`.
    proof: Map,
}

/// What happens while a job is followed.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A minion returned: the load of its return event.
    Returned { id: String, load: Map },
    /// A minion is not waited for any longer.
    Silent { id: String, last_seen_as: LastSeen },
}

impl LocalClient {
    /// A client with the options of the master's configuration (`interface`, `ret_port`, `sock_dir`, `cachedir` …).
    pub fn new(opts: Opts) -> Self {
        let host = match opts.str("interface") {
            "" | "0.0.0.0" => "127.0.0.1",
            "::" => "[::1]",
            address => address,
        };
        let bracketed = host.contains(':') && !host.starts_with('[');
        let host = if bracketed { format!("[{host}]") } else { host.to_owned() };
        let endpoint = format!("tcp://{host}:{}", opts.int("ret_port"));
        let who = Identity::find(&opts, &RealHost);
        LocalClient { opts, who, endpoint, proof: Map::new() }
    }

    /// Proves who asks by these fields of each load from now on: `token`, or `eauth`, `username` and `password`.
    pub fn set_proof(&mut self, proof: Map) {
        self.proof = proof;
    }

    /// The options that the client works with.
    pub fn opts(&self) -> &Opts {
        &self.opts
    }

    /// The caller as the master is told.
    pub fn who(&self) -> &Identity {
        &self.who
    }

    /// The times that the configuration (and `timeout`, where given) asks for.
    pub fn patience(&self, timeout: Option<Duration>) -> Patience {
        Patience {
            timeout: timeout.unwrap_or_else(|| self.opts.duration("timeout")),
            gather: self.opts.duration("gather_job_timeout"),
        }
    }

    /// Publishes a job without following it. `None`: no minion matched, nothing was sent.
    ///
    /// # Errors
    /// When there is no master, it does not answer, or it refuses.
    pub async fn publish(&self, job: &Job, timeout: Duration) -> Result<Option<Published>, ClientError> {
        self.master_is_there()?;
        let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
        let load = if self.proof.is_empty() {
            job.load(&self.who, &self.opts, seconds)?
        } else {
            let mut job = job.clone();
            job.kwargs.extend(self.proof.clone());
            job.load(&self.who, &self.opts, seconds)?
        };
        let reply = self.ask(load, timeout).await?;
        Published::parse(&reply, &self.who, &self.endpoint).map_err(|error| self.without_key(error))
    }

    /// Has the master carry out a job in turns, as `batch` says; `None`: it is one that cannot, such as Salt's. Then
    /// `Some(None)`: no minion matched.
    ///
    /// # Errors
    /// As [`LocalClient::publish`].
    pub async fn publish_batch(
        &self,
        job: &Job,
        batch: Map,
        timeout: Duration,
    ) -> Result<Option<Option<Published>>, ClientError> {
        self.master_is_there()?;
        // Salt's master logs an error for a command that it does not know. Its workers' socket tells it from ours.
        if UnixStream::connect(self.opts.path("sock_dir").join("workers.ipc")).is_ok() {
            return Ok(None);
        }
        let mut job = job.clone();
        job.kwargs.insert("batch", batch);
        job.kwargs.extend(self.proof.clone());
        let mut load = job.load(&self.who, &self.opts, 0)?;
        load.insert("cmd", "publish_batch");
        let reply = self.ask(load, timeout).await?;
        if reply.as_map().is_some_and(Map::is_empty) {
            return Ok(None);
        }
        let published = Published::parse(&reply, &self.who, &self.endpoint);
        published.map(Some).map_err(|error| self.without_key(error))
    }

    /// Publishes a job and follows it: listens first, so that no return is missed. `None`: no minion matched.
    ///
    /// # Errors
    /// As [`LocalClient::publish`], and when the event bus cannot be listened to.
    pub async fn start(&self, job: &Job, patience: Patience) -> Result<Option<Running<'_>>, ClientError> {
        self.master_is_there()?;
        let events = self.listen("salt/job/").await?;
        let Some(published) = self.publish(job, patience.timeout).await? else { return Ok(None) };
        Ok(Some(Running::new(self, events, published, job.kwargs.clone(), patience)))
    }

    /// Follows a job that runs already.
    ///
    /// # Errors
    /// When the event bus cannot be listened to.
    pub async fn follow(&self, published: Published, patience: Patience) -> Result<Running<'_>, ClientError> {
        let events = self.listen("salt/job/").await?;
        Ok(Running::new(self, events, published, Map::new(), patience))
    }

    /// Events of the master's bus whose tags begin with `prefix`.
    ///
    /// # Errors
    /// When nobody accepts connections there.
    pub async fn listen(&self, prefix: &str) -> Result<BusEvents, ClientError> {
        BusClient::new(self.bus_paths())
            .subscribe(Filter::prefix(prefix))
            .await
            .map_err(|error| self.no_master(&error))
    }

    /// Where the master's event bus is.
    pub fn bus_paths(&self) -> BusPaths {
        BusPaths::master(&self.opts.path("sock_dir"))
    }

    /// Sends a clear command other than `publish` and gives the reply. Where a proof is set, it takes the place of
    /// `user` and `key`.
    ///
    /// # Errors
    /// When there is no master, it does not answer, or it refuses.
    pub async fn command(&self, load: Map, timeout: Duration) -> Result<Value, ClientError> {
        self.master_is_there()?;
        let mut load = load;
        if !self.proof.is_empty() {
            load.remove("key");
            load.remove("user");
            load.extend(self.proof.clone());
        }
        let reply = self.ask(load, timeout).await?;
        check_refusal(&reply, &self.who).map_err(|error| self.without_key(error))?;
        Ok(reply)
    }

    /// Where a password or token was shown, the local key has no part in its being refused.
    fn without_key(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::Authentication { message, .. } if !self.proof.is_empty() => {
                ClientError::Publish(message)
            }
            other => other,
        }
    }

    /// Sends a clear command and gives the reply's body.
    ///
    /// # Errors
    /// When the master does not answer.
    pub async fn ask(&self, load: Map, timeout: Duration) -> Result<Value, ClientError> {
        let endpoint: Endpoint = self
            .endpoint
            .parse()
            .map_err(|error| ClientError::BadAddress(format!("{}: {error}", self.endpoint)))?;
        let envelope = map! { "enc" => "clear", "load" => load, "version" => PROTOCOL_VERSION };
        let body = Message::from(Bytes::from(pack_map(&envelope)));
        let mut socket = ReqSocket::new(Options { linger: Some(Duration::ZERO), ..Options::default() });
        // Before the first attempt, so that no event is missed.
        let mut events = socket.events();
        socket.dial(&endpoint);
        let tries = u32::try_from(self.opts.int("request_channel_tries").max(1)).unwrap_or(1);
        // Salt sends up to three times, each with the whole time, and may so publish a job three times. We send once
        // and wait as long.
        let waited = timeout.max(Duration::from_secs(1)) * tries;
        let mut connected = false;
        let exchange = async {
            socket.send(body).await.map_err(|_| self.lost())?;
            loop {
                tokio::select! {
                    reply = socket.recv() => return match reply {
                        Ok(message) => self.decode(message),
                        Err(ReqError::PeerLost | ReqError::OutOfTurn) => Err(self.lost()),
                    },
                    Some(event) = events.recv() => {
                        connected |= matches!(event, Event::Connected { .. });
                    }
                }
            }
        };
        match tokio::time::timeout(waited, exchange).await {
            Ok(reply) => reply,
            Err(_) => Err(ClientError::TimedOut { endpoint: self.endpoint.clone(), waited, connected }),
        }
    }

    fn decode(&self, message: Message) -> Result<Value, ClientError> {
        let bad = |what: String| ClientError::BadReply { endpoint: self.endpoint.clone(), what };
        let body = message.parts().last().cloned().unwrap_or_default();
        msgpack::decode(&body, msgpack::Reading::Wire).map_err(|error| bad(error.to_string()))
    }

    fn lost(&self) -> ClientError {
        ClientError::Lost { endpoint: self.endpoint.clone() }
    }

    /// Salt's own sign of a running master: a file exists. Ours makes it last; while it comes up, somebody listens on its
    /// bus.
    fn master_is_there(&self) -> Result<(), ClientError> {
        let sock_dir = self.opts.path("sock_dir");
        let sign = sock_dir.join("publish_pull.ipc");
        let is_coming = || UnixStream::connect(BusPaths::master(&sock_dir).publish).is_ok();
        if self.opts.str("ipc_mode") == "tcp" || sign.exists() || is_coming() {
            return Ok(());
        }
        let reason = format!("Unable to connect to the salt master publisher at {}", sock_dir.display());
        Err(ClientError::NoMaster { sock_dir, reason })
    }

    fn no_master(&self, error: &BusError) -> ClientError {
        ClientError::NoMaster { sock_dir: self.opts.path("sock_dir"), reason: error.to_string() }
    }
}

/// A published job that is followed, and those that [`Running::also`] added.
pub struct Running<'c> {
    client: &'c LocalClient,
    events: BusEvents,
    watches: Vec<Watch>,
    published: Published,
    kwargs: Map,
    patience: Patience,
}

impl<'c> Running<'c> {
    fn new(
        client: &'c LocalClient,
        events: BusEvents,
        published: Published,
        kwargs: Map,
        patience: Patience,
    ) -> Self {
        let watches = vec![watch(&published, patience)];
        Running { client, events, watches, published, kwargs, patience }
    }

    /// The job that began it.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Publishes another job and follows it, too. `None`: no minion matched.
    ///
    /// # Errors
    /// As [`LocalClient::publish`].
    pub async fn also(&mut self, job: &Job) -> Result<Option<Published>, ClientError> {
        let published = self.client.publish(job, self.patience.timeout).await?;
        if let Some(published) = &published {
            self.watches.push(watch(published, self.patience));
        }
        Ok(published)
    }

    /// The next return or silence; `None` when nothing more will come.
    ///
    /// # Errors
    /// When the master refuses the job, or its bus is gone for good.
    pub async fn next(&mut self) -> Result<Option<Progress>, ClientError> {
        self.next_until(None).await
    }

    /// As [`Running::next`]; `None` also when `until` has come.
    ///
    /// # Errors
    /// As [`Running::next`].
    pub async fn next_until(&mut self, until: Option<Instant>) -> Result<Option<Progress>, ClientError> {
        loop {
            while let Some((place, step)) = self.step() {
                match step {
                    Step::Returned { id, load } => return Ok(Some(Progress::Returned { id, load })),
                    Step::Silent { id, last_seen_as } => {
                        return Ok(Some(Progress::Silent { id, last_seen_as }));
                    }
                    Step::Refused => {
                        return Err(ClientError::Authorization("Authorization error occurred".to_owned()));
                    }
                    Step::Ask(ids) => self.ask_who_works(place, ids).await,
                    Step::Done => {
                        self.watches.remove(place);
                    }
                }
            }
            let timeout_at = self.watches.iter().filter_map(Watch::poll_timeout).chain(until).min();
            let Some(timeout_at) = timeout_at else { return Ok(None) };
            match self.events.next(Some(timeout_at.saturating_duration_since(Instant::now()))).await? {
                Some(event) => {
                    let now = Instant::now();
                    for watch in &mut self.watches {
                        watch.handle_event(&event.tag, &event.data, now);
                    }
                }
                None => {
                    let now = Instant::now();
                    for watch in &mut self.watches {
                        watch.handle_timeout(now);
                    }
                    if until.is_some_and(|until| now >= until) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What the first of the jobs that has something to do or to tell wants.
    fn step(&mut self) -> Option<(usize, Step)> {
        self.watches.iter_mut().enumerate().find_map(|(place, watch)| Some((place, watch.poll()?)))
    }

    /// Publishes `saltutil.find_job` to the minions that have not returned. That it cannot be published is no end of
    /// the job: the minions then count as silent.
    async fn ask_who_works(&mut self, place: usize, ids: Vec<String>) {
        let Some(jid) = self.watches.get(place).map(|watch| watch.jid().to_owned()) else { return };
        let mut question = Job::on_list(ids, "saltutil.find_job", vec![jid.into()]);
        question.kwargs = self.kwargs.clone();
        let jid = match self.client.publish(&question, self.patience.gather).await {
            Ok(published) => published.map(|published| published.jid),
            Err(error) => {
                crate::log::error!("the minions could not be asked whether they still run the job: {error}");
                None
            }
        };
        if let Some(watch) = self.watches.get_mut(place) {
            watch.asked(jid, Instant::now());
        }
    }
}

fn watch(published: &Published, patience: Patience) -> Watch {
    let Published { jid, minions, missing } = published.clone();
    Watch::new(&jid, minions, missing, patience, Instant::now())
}
