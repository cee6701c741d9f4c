//! Which of the known minions a target names: accepted keys, and for grains and pillar what the cache knows of them.
//! Salt: utils/minions.py `CkMinions`; salt-wire.md §12.1.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use super::Master;
use super::key_store::KeyStore;
use super::pool::Kind;
use super::store::{Kept, Store, whole};
use crate::channel::commands::PublishCommand;
use crate::matchers::{Greedy, KnownMinions, MinionData, Needs, ParseOptions, Selection, Target, TargetType};
use crate::names::MinionId;
use crate::value::{DEFAULT_DELIMITER, Map, Value, str_of};

/// Who is meant by the target of a job: nobody where the target cannot be read, which is logged.
pub(super) async fn select(master: &Arc<Master>, command: &PublishCommand) -> Selection {
    let (tgt, tgt_type) = (command.tgt.clone(), command.tgt_type.clone());
    let delimiter = command.delimiter().to_owned();
    // Keys and caches lie on disk.
    let worker = master.clone();
    let selected =
        master.pool.run(Kind::Disk, move || matching(&worker, &tgt, &tgt_type, &delimiter, Greedy::Yes));
    selected.await.unwrap_or_else(|| Err("matching failed".to_owned())).unwrap_or_else(|error| {
        let (tgt, tgt_type) = (str_of(&command.tgt), &command.tgt_type);
        crate::log::warn!(tgt, tgt_type, error, "a target cannot be read");
        Selection::default()
    })
}

/// Whether a compound target names all of `minions`, and there are some. Blocks on the disk.
pub(super) fn covers(master: &Master, target: &str, minions: &[String]) -> bool {
    let named = matching(master, &target.into(), "compound", DEFAULT_DELIMITER, Greedy::Yes);
    let named = named.map(|selection| selection.minions).unwrap_or_default();
    !minions.is_empty() && minions.iter().all(|id| named.contains(id))
}

/// Whether a target by pillar names minions only because of wildcards, with which the secrets of others could be
/// guessed. Blocks on the disk.
pub(super) fn guesses_pillar(master: &Master, tgt: &Value, tgt_type: &str) -> bool {
    let exact = match tgt_type {
        "pillar" | "pillar_pcre" => "pillar_exact",
        "compound" => "compound_pillar_exact",
        _ => return false,
    };
    let named = |tgt_type: &str| {
        matching(master, tgt, tgt_type, DEFAULT_DELIMITER, Greedy::Yes).map(|selection| selection.minions)
    };
    match (named(exact), named(tgt_type)) {
        (Ok(exact), Ok(loose)) => !loose.iter().all(|id| exact.contains(id)),
        _ => true,
    }
}

/// As [`select`], for callers that may block.
///
/// # Errors
/// As [`select`].
pub(super) fn matching(
    master: &Master,
    tgt: &Value,
    tgt_type: &str,
    delimiter: &str,
    greedy: Greedy,
) -> Result<Selection, String> {
    let tgt_type: TargetType = tgt_type.parse().map_err(|error| format!("{error}"))?;
    let empty = Map::new();
    let nodegroups = master.opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&empty);
    let options = ParseOptions { delimiter, nodegroups };
    let target = Target::parse(tgt, tgt_type, &options).map_err(|error| error.to_string())?;
    if let Some(problem) = target.master_problem() {
        return Err(problem.to_string());
    }
    let known = CachedMinions::new(
        &master.key_store,
        &master.store,
        master.options.minion_data_cache,
        target.needs(),
    );
    Ok(target.select(&known, greedy))
}

/// Minions as a master knows them by their keys and its store, for one target. Blocks on the disk.
pub struct CachedMinions<'a> {
    keys: &'a KeyStore,
    store: &'a Store,
    data_cache: bool,
    needs: Option<Needs>,
    /// Read once, when all of them are asked for.
    accepted: OnceCell<Arc<Vec<String>>>,
    /// The same, when one is asked for after that.
    set: OnceCell<HashSet<String>>,
    /// What was kept of them when the first was asked for.
    kept: OnceCell<Kept>,
}

impl<'a> CachedMinions<'a> {
    /// For a target that needs so much of what is known of a minion.
    pub fn new(keys: &'a KeyStore, store: &'a Store, data_cache: bool, needs: Option<Needs>) -> Self {
        CachedMinions {
            keys,
            store,
            data_cache,
            needs,
            accepted: OnceCell::new(),
            set: OnceCell::new(),
            kept: OnceCell::new(),
        }
    }
}

impl KnownMinions for CachedMinions<'_> {
    fn accepted(&self) -> Cow<'_, [String]> {
        Cow::Borrowed(self.accepted.get_or_init(|| self.keys.accepted_ids()))
    }

    fn is_accepted(&self, id: &str) -> bool {
        match self.accepted.get() {
            Some(ids) => self.set.get_or_init(|| ids.iter().cloned().collect()).contains(id),
            None => MinionId::parse(id).is_ok_and(|id| self.keys.is_accepted(&id)),
        }
    }

    fn cached(&self) -> Cow<'_, [String]> {
        Cow::Owned(self.store.minions_with_data().unwrap_or_else(|error| unreadable(&error)))
    }

    fn data(&self, id: &str) -> Option<Arc<MinionData>> {
        match &self.needs {
            Some(needs) => match self.kept.get_or_init(|| self.store.kept(needs)).get(id) {
                Some(part) => part.clone(),
                None => self.store.part(id, needs).unwrap_or_else(|error| unreadable(&error)),
            },
            None => {
                let data = self.store.minion_data(id).unwrap_or_else(|error| unreadable(&error))?;
                Some(Arc::new(whole(data)))
            }
        }
    }

    fn has_data_cache(&self) -> bool {
        self.data_cache
    }
}

fn unreadable<T: Default>(error: &super::store::StoreError) -> T {
    crate::log::error!(%error, "what is known of minions cannot be read: targets by grain or pillar will miss some");
    T::default()
}
