//! `_pillar`: what a minion is told about itself, sealed for it alone. Salt: master.py `AESFuncs._pillar`;
//! salt-wire.md §12.3. The pillar is empty as yet, but for the caller's own overrides.

use std::sync::Arc;

use super::Master;
use super::aes::{Reply, error_reply};
use super::commands::PillarLoad;
use super::pool::Kind;
use crate::channel::envelope::Sealed;
use crate::channel::pillar::{Recipient, seal};
use crate::event::tags;
use crate::map;
use crate::names::MinionId;
use crate::value::{Map, Value};

/// Answers with the pillar of `id`, and remembers its grains.
pub(super) async fn answer(
    master: &Arc<Master>,
    id: MinionId,
    asked: PillarLoad,
    sealed: &Sealed,
    nonce: Option<String>,
) -> Reply {
    let mut grains = asked.grains;
    grains.insert("id", id.as_str());
    let pillar = asked.pillar_override;
    remember(master, &id, grains, &pillar).await;
    let worker = master.clone();
    let (version, encryption, signing) = (sealed.version, sealed.encryption, sealed.signing);
    let body = master.pool.run(Kind::Crypto, move || {
        let Some(key) = worker.key_store.accepted_key(&id) else {
            return crate::channel::pack(&map! { "error" => "AES key not found" }.into());
        };
        let to = Recipient { key: &key, version, nonce: nonce.as_deref(), encryption, signing };
        seal(&Value::Map(pillar), &worker.keys.key, to).unwrap_or_else(|error| {
            tracing::error!(minion = id.as_str(), %error, "a pillar could not be sealed");
            error_reply()
        })
    });
    Reply::Whole(body.await.unwrap_or_else(error_reply))
}

/// Keeps grains and pillar for targeting. That this fails costs the minion nothing.
async fn remember(master: &Arc<Master>, id: &MinionId, grains: Map, pillar: &Map) {
    if !master.options.minion_data_cache {
        return;
    }
    let data = map! { "grains" => grains, "pillar" => pillar.clone() };
    if let Err(error) = master.store.save_minion_data(id, &data).await {
        tracing::error!(minion = id.as_str(), %error, "its grains could not be kept: targets by grain will miss it");
    }
    let (worker, id_, grains) = (master.clone(), id.clone(), data);
    let written = master
        .pool
        .run(Kind::Disk, move || {
            let part = |name| grains.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
            worker.disk_cache.write_minion_data(&id_, &part("grains"), &part("pillar"))
        })
        .await;
    if let Some(Err(error)) = written {
        tracing::warn!(minion = id.as_str(), %error, "its grains could not be written for Python's tools");
    }
    if master.options.minion_data_cache_events {
        let data = map! { "Minion data cache refresh" => id.as_str() };
        master.fire(&tags::minion_refresh(id.as_str()), data);
    }
}
