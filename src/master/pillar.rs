//! `_pillar`: what a minion is told about itself, sealed for it alone. Salt: master.py `AESFuncs._pillar`;
//! salt-wire.md §12.3. It is compiled off the event loop, by `local_pillar`.

use std::sync::Arc;

use super::Master;
use super::aes::{Reply, error_reply};
use super::commands::PillarLoad;
use super::pool::Kind;
use crate::channel::envelope::Sealed;
use crate::channel::pillar::{Recipient, seal};
use crate::event::tags;
use crate::local_pillar::Request;
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
    let request = Request {
        saltenv: asked.saltenv,
        pillarenv: asked.pillarenv,
        overrides: asked.pillar_override,
        extra: asked.extra_minion_data,
        ext: asked.ext,
    };
    let (worker, minion) = (master.clone(), id.clone());
    let (version, encryption, signing) = (sealed.version, sealed.encryption, sealed.signing);
    let made = master.pool.run(Kind::Pillar, move || {
        let pillar = worker.pillars.compile(minion.as_str(), &grains, &request);
        let Some(key) = worker.key_store.accepted_key(&minion) else {
            let body = crate::channel::pack(&map! { "error" => "AES key not found" }.into());
            return (body, grains, pillar);
        };
        let to = Recipient { key: &key, version, nonce: nonce.as_deref(), encryption, signing };
        let sealed = seal(&Value::Map((*pillar).clone()), &worker.keys.key, to).unwrap_or_else(|error| {
            crate::log::error!(minion = minion.as_str(), %error, "a pillar could not be sealed");
            error_reply()
        });
        (sealed, grains, pillar)
    });
    let Some((body, grains, pillar)) = made.await else { return Reply::Whole(error_reply()) };
    remember(master, &id, grains, &pillar).await;
    Reply::Whole(body)
}

/// Keeps grains and pillar for targeting. That this fails costs the minion nothing.
async fn remember(master: &Arc<Master>, id: &MinionId, grains: Map, pillar: &Map) {
    if !master.options.minion_data_cache {
        return;
    }
    let data = map! { "grains" => grains, "pillar" => pillar.clone() };
    if let Err(error) = master.store.save_minion_data(id, &data).await {
        crate::log::error!(minion = id.as_str(), %error, "its grains could not be kept: targets by grain will miss it");
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
        crate::log::warn!(minion = id.as_str(), %error, "its grains could not be written for Python's tools");
    }
    if master.options.minion_data_cache_events {
        let data = map! { "Minion data cache refresh" => id.as_str() };
        master.fire(&tags::minion_refresh(id.as_str()), data);
    }
}
