//! Sealed requests: opened, proven, parsed into a command, carried out, and the reply sealed. Salt: master.py
//! `AESFuncs`; salt-wire.md §6, §12.2.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zmtp::PeerAddress;

use super::pool::Kind;
use super::sessions::SessionKey;
use super::{
    Master, file_recv, master_opts, mine_requests as mine, minion_events, peer, pillar, returns, stats,
};
use crate::channel::commands::{AesCommand, FilesCommand};
use crate::channel::envelope::{self, Freshness, Opened, Refusal, Sealed};
use crate::channel::pack;
use crate::crypt::{AesEpoch, Crypticle};
use crate::names::MinionId;
use crate::value::{Map, Value};

/// What a handler has to say.
pub(super) enum Reply {
    /// To be sealed for the minion.
    Value(Value),
    /// Complete as it is.
    Whole(Vec<u8>),
    /// Nothing: the minion is to try again, because what it sent could not be kept.
    Silence,
}

/// Octets of a reply that is not sealed on the event loop.
const LARGE_REPLY: usize = 64 << 10;

/// The key that opened a request and seals its reply.
#[derive(Clone)]
enum Key {
    Session(Arc<SessionKey>),
    Epoch(Arc<AesEpoch>),
}

impl Key {
    fn crypticle(&self) -> &Crypticle {
        match self {
            Key::Session(session) => &session.crypticle,
            Key::Epoch(epoch) => epoch.crypticle(),
        }
    }
}

/// Answers a sealed request. `None`: no answer.
pub(super) async fn answer(
    master: &Arc<Master>,
    sealed: Sealed,
    address: Option<&PeerAddress>,
) -> Option<Vec<u8>> {
    // For the log alone: most requests need no text.
    let from = || address.map(ToString::to_string).unwrap_or_default();
    let (opened, key) = match open(master, &sealed).await {
        Ok(opened) => opened,
        Err(refusal) => {
            let id = sealed.id.as_ref().map_or("unknown", MinionId::as_str);
            crate::log::warn!(from = from(), minion = id, "a request was refused: {refusal}");
            return Some(refusal.reply());
        }
    };
    if let Some(nonce) = &opened.nonce
        && !master.seen.first_time(format!("{nonce}{}", opened.id).as_bytes(), Instant::now())
    {
        crate::log::warn!(
            from = from(),
            minion = opened.id.as_str(),
            "a request was refused: it came before, bit for bit"
        );
        return Some(Refusal::BadLoad("a replay").reply());
    }
    master.presence.heard(opened.id.as_str(), address.and_then(PeerAddress::ip));
    let nonce = opened.nonce.clone();
    match carry_out(master, opened, &sealed, &key).await {
        Ok(Reply::Value(value)) if envelope::weight(&value) > LARGE_REPLY => {
            let sealed = move || envelope::seal_reply(key.crypticle(), &value, nonce.as_deref());
            Box::pin(master.pool.run(Kind::Crypto, sealed)).await
        }
        Ok(Reply::Value(value)) => Some(envelope::seal_reply(key.crypticle(), &value, nonce.as_deref())),
        Ok(Reply::Whole(body)) => Some(body),
        Ok(Reply::Silence) => None,
        Err(refusal) => Some(refusal.reply()),
    }
}

async fn open(master: &Arc<Master>, sealed: &Sealed) -> Result<(Opened, Key), Refusal> {
    let now = SystemTime::now();
    let freshness = Freshness {
        now: now.duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX)),
        ttl: master.options.request_server_ttl,
    };
    let try_with = |key: Key| {
        // The accepted key is looked up anew each time (one `stat`): a key deleted a moment ago opens nothing.
        let key_of = |id: &MinionId| master.key_store.accepted_key(id);
        envelope::open(sealed, key.crypticle(), freshness, &master.tokens, key_of).map(|opened| (opened, key))
    };
    let Some(id) = &sealed.id else {
        let epoch = master.publisher.epoch();
        return try_with(Key::Epoch(epoch)).or_else(|refusal| match master.publisher.previous_epoch() {
            Some(previous) => try_with(Key::Epoch(previous)),
            None => Err(refusal),
        });
    };
    let session = match master.sessions.known(id, now) {
        Some(session) => session,
        None => {
            let (worker, id) = (master.clone(), id.clone());
            let loaded = Box::pin(master.pool.run(Kind::Disk, move || worker.sessions.load(&id, now))).await;
            loaded.flatten().ok_or(Refusal::BadLoad("the minion has no session with this master"))?
        }
    };
    try_with(Key::Session(session))
}

/// Commands that below version 3 need a token, because nothing else tells minions apart. salt-wire.md §12.2.
fn needs_proof(command: &AesCommand) -> bool {
    !matches!(
        command,
        AesCommand::Return(_)
            | AesCommand::SyndicReturn
            | AesCommand::Pillar(_)
            | AesCommand::MasterOpts { .. }
            | AesCommand::Files(_)
            | AesCommand::Unknown(_)
    )
}

async fn carry_out(
    master: &Arc<Master>,
    opened: Opened,
    sealed: &Sealed,
    key: &Key,
) -> Result<Reply, Refusal> {
    let Opened { id, proven, version, nonce, load } = opened;
    if !load.contains("cmd") {
        return Err(Refusal::NoCommand);
    }
    let begun = stats::begin(master, &load);
    let command = match AesCommand::parse(&id, load) {
        Ok(command) => command,
        Err(reason) => {
            crate::log::warn!(minion = id.as_str(), reason, "a request does not fit its command");
            return Ok(Reply::Value(Map::new().into()));
        }
    };
    if version < 3 && !proven && needs_proof(&command) {
        crate::log::warn!(minion = id.as_str(), "a request without a token was refused");
        return Ok(Reply::Value(Map::new().into()));
    }
    let begun = begun.filter(|_| !matches!(command, AesCommand::Unknown(_)));
    let reply = match command {
        AesCommand::Return(ret) => returns::absorb(master, &id, *ret).await,
        AesCommand::MinionEvent(event) => Reply::Value(minion_events::fire(master, &id, event)),
        // On the heap, so that the task of a return is not as large as that of the largest command.
        other => Box::pin(carry_out_rare(master, id, other, sealed, key, nonce)).await,
    };
    stats::end(master, begun);
    Ok(reply)
}

/// The commands that come now and then.
async fn carry_out_rare(
    master: &Arc<Master>,
    id: MinionId,
    command: AesCommand,
    sealed: &Sealed,
    key: &Key,
    nonce: Option<String>,
) -> Reply {
    match command {
        AesCommand::Return(ret) => returns::absorb(master, &id, *ret).await,
        AesCommand::MinionEvent(event) => Reply::Value(minion_events::fire(master, &id, event)),
        AesCommand::Pillar(asked) => pillar::answer(master, id, asked, sealed, nonce).await,
        AesCommand::MasterOpts { env_only } => Reply::Value(master_opts::answer(&master.opts, env_only)),
        AesCommand::MasterTops => Reply::Value(Map::new().into()),
        AesCommand::Files(command) => files(master, command, key.clone(), nonce).await,
        AesCommand::FileRecv(piece) => Reply::Value(file_recv::answer(master, id, piece).await),
        AesCommand::Mine { data, clear } => Reply::Value(mine::update(master, &id, data, clear).await),
        AesCommand::MineGet { tgt, tgt_type, fun } => {
            Reply::Value(mine::get(master, &id, tgt, tgt_type, fun).await)
        }
        AesCommand::MineDelete { fun } => Reply::Value(mine::delete(master, &id, &fun).await),
        AesCommand::MineFlush => Reply::Value(mine::flush(master, &id).await),
        AesCommand::RevokeAuth { preserve_cache } => Reply::Value(revoke(master, id, preserve_cache).await),
        AesCommand::SyndicReturn => not_offered(&id, "syndics"),
        AesCommand::MinionPublish(load) => Reply::Value(peer::publish(master, &id, load).await),
        AesCommand::PubRet { jid } => Reply::Value(peer::returns(master, &id, jid).await),
        AesCommand::MinionRunner(load) => Reply::Value(peer::run(master, &id, load).await),
        AesCommand::Unknown(cmd) => {
            crate::log::warn!(minion = id.as_str(), "Requested method not exposed: {}", cmd.escape_debug());
            Reply::Value(Map::new().into())
        }
    }
}

fn not_offered(id: &MinionId, what: &str) -> Reply {
    crate::log::warn!(minion = id.as_str(), "{what}: not supported by this master");
    Reply::Value(Map::new().into())
}

/// Answers are read, packed and sealed in one go: they may be as large as a piece of a file, or a list of many.
async fn files(master: &Arc<Master>, command: FilesCommand, key: Key, nonce: Option<String>) -> Reply {
    let worker = master.clone();
    let served = master.pool.run(Kind::Disk, move || {
        let (files, crypticle, nonce) = (&worker.files, key.crypticle(), nonce.as_deref());
        let value = match command {
            FilesCommand::Envs => files.envs(),
            // What every highstate asks for, and perhaps of many files: packed once.
            FilesCommand::FileList { saltenv, prefix } if prefix.is_empty() => {
                return envelope::seal_packed(crypticle, &files.packed_file_list(&saltenv), nonce);
            }
            FilesCommand::FileList { saltenv, prefix } => files.file_list(&saltenv, &prefix),
            FilesCommand::EmptyDirs { saltenv, prefix } => files.empty_dirs(&saltenv, &prefix),
            FilesCommand::DirList { saltenv, prefix } => files.dir_list(&saltenv, &prefix),
            FilesCommand::SymlinkList { saltenv, prefix } => files.symlink_list(&saltenv, &prefix),
            FilesCommand::Hash { saltenv, path } => files.file_hash(&path, &saltenv),
            FilesCommand::Find { saltenv, path } => files.file_find(&path, &saltenv),
            FilesCommand::HashAndStat { saltenv, path } => files.file_hash_and_stat(&path, &saltenv),
            FilesCommand::Serve { saltenv, path, loc, gzip } => {
                let write = |out: &mut Vec<u8>| files.serve_into(out, &path, &saltenv, loc, gzip);
                return envelope::seal_written(crypticle, 0, nonce, &write);
            }
        };
        envelope::seal_reply(crypticle, &value, nonce)
    });
    // An empty text is what Salt answers when a handler fails.
    served.await.map_or_else(|| Reply::Value("".into()), Reply::Whole)
}

async fn revoke(master: &Arc<Master>, id: MinionId, preserve_cache: bool) -> Value {
    if !master.options.allow_minion_key_revoke {
        crate::log::warn!(minion = id.as_str(), "a key was not revoked: allow_minion_key_revoke is off");
        return map_of(&id).into();
    }
    let worker = master.clone();
    let revoked =
        master.pool.run(Kind::Disk, move || super::key_changes::revoke(&worker, &id, preserve_cache));
    revoked.await.unwrap_or(false).into()
}

fn map_of(id: &MinionId) -> Map {
    crate::map! { "cmd" => "revoke_auth", "id" => id.as_str() }
}

/// How long a handler that waits for the disk may keep its minion waiting before the minion tries again anyway.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A reply for a minion that is to try again later.
pub(super) fn error_reply() -> Vec<u8> {
    pack(&"Some exception handling minion payload".into())
}
