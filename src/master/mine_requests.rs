//! `_mine*`: values that minions lay out for each other, kept in the store. salt-wire.md §12.2.

use std::sync::Arc;

use super::pool::Kind;
use super::{Master, mine, targets};
use crate::matchers::Greedy;
use crate::names::MinionId;
use crate::value::{DEFAULT_DELIMITER, Map, Value};

/// Adds to the mine of a minion, or replaces it. True when it is kept.
pub(super) async fn update(master: &Arc<Master>, id: &MinionId, data: Map, clear: bool) -> Value {
    told(id, master.store.update_mine(id, &data, clear).await)
}

/// Takes a function out of the mine of a minion.
pub(super) async fn delete(master: &Arc<Master>, id: &MinionId, fun: &str) -> Value {
    told(id, master.store.delete_mine(id, fun).await)
}

/// Empties the mine of a minion.
pub(super) async fn flush(master: &Arc<Master>, id: &MinionId) -> Value {
    told(id, master.store.flush_mine(id).await)
}

fn told<T>(id: &MinionId, kept: Result<T, super::store::StoreError>) -> Value {
    match kept {
        Ok(_) => true.into(),
        Err(error) => {
            crate::log::error!(minion = id.as_str(), %error, "a mine could not be changed");
            false.into()
        }
    }
}

/// What the mines of other minions hold.
pub(super) async fn get(
    master: &Arc<Master>,
    id: &MinionId,
    tgt: Value,
    tgt_type: String,
    fun: Value,
) -> Value {
    let (worker, id) = (master.clone(), id.clone());
    let got = master.pool.run(Kind::Disk, move || {
        let master = &worker;
        let matching = |tgt: &Value, tgt_type: &str| {
            let selected =
                targets::matching(master, tgt, mine::exact_type(tgt_type), DEFAULT_DELIMITER, Greedy::No);
            selected.map(|selection| selection.minions).unwrap_or_else(|error| {
                crate::log::warn!(minion = id.as_str(), error, "the target of a mine cannot be read");
                Vec::new()
            })
        };
        let mines: Vec<(String, Map)> = matching(&tgt, &tgt_type)
            .into_iter()
            .map(|id| {
                let mine = master.store.mine(&id).unwrap_or_else(|error| {
                    crate::log::error!(minion = id, %error, "a mine cannot be read");
                    Map::new()
                });
                (id, mine)
            })
            .collect();
        let rules = master.opts.get("mine_get");
        let may_see = |fun: &str| mine::allowed(rules, id.as_str(), fun);
        mine::answer(&fun, &mines, may_see, &mut |tgt, tgt_type| {
            matching(tgt, tgt_type).iter().any(|meant| meant == id.as_str())
        })
    });
    got.await.unwrap_or_else(|| Map::new().into())
}
