//! `_pillar`: what a minion is told about itself, sealed for it alone. Salt: master.py `AESFuncs._pillar`;
//! salt-wire.md §12.3. It is compiled off the event loop, by `local_pillar`.

use std::sync::Arc;

use super::Master;
use super::aes::{Reply, error_reply};
use super::pool::Kind;
use crate::channel::commands::PillarLoad;
use crate::channel::envelope::Sealed;
use crate::channel::pillar::{Recipient, seal};
use crate::event::tags;
use crate::local_pillar::Request;
use crate::map;
use crate::names::MinionId;
use crate::value::Map;
use crate::value::msgpack::{Dialect, encode_map, encode_packed_into};

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
        let news = worker
            .options
            .minion_data_cache
            .then(|| news(&worker, &minion, &grains, &pillar.pillar))
            .flatten();
        let Some(key) = worker.key_store.accepted_key(&minion) else {
            let body = crate::channel::pack(&map! { "error" => "AES key not found" }.into());
            return (body, news);
        };
        let to = Recipient { key: &key, version, nonce: nonce.as_deref(), encryption, signing };
        let sealed = seal(&pillar.pillar, &pillar.secrets, &worker.keys.key, to).unwrap_or_else(|error| {
            crate::log::error!(minion = minion.as_str(), %error, "a pillar could not be sealed");
            error_reply()
        });
        (sealed, news)
    });
    let Some((body, news)) = made.await else { return Reply::Whole(error_reply()) };
    if let Some(news) = news
        && let Err(error) = master.store.save_packed_minion_data(&id, news).await
    {
        crate::log::error!(minion = id.as_str(), %error, "its grains could not be kept: targets by grain will miss it");
    }
    if master.options.minion_data_cache && master.options.minion_data_cache_events {
        let data = map! { "Minion data cache refresh" => id.as_str() };
        master.fire(&tags::minion_refresh(id.as_str()), data);
    }
    Reply::Whole(body)
}

/// Grains and pillar for targeting, packed, where they are not those that are kept. That keeping them fails costs the
/// minion nothing.
fn news(master: &Master, id: &MinionId, grains: &Map, pillar: &Map) -> Option<Vec<u8>> {
    let (grains, pillar) = (encode_map(grains, Dialect::Bin), encode_map(pillar, Dialect::Bin));
    let mut packed = Vec::with_capacity(grains.len() + pillar.len() + 32);
    let entries = [("grains", grains.as_slice()), ("pillar", &pillar)];
    encode_packed_into(&mut packed, &entries, Dialect::Bin);
    if let Err(error) = master.disk_cache.write_minion_data(id, &packed) {
        crate::log::warn!(minion = id.as_str(), %error, "its grains could not be written for Python's tools");
    }
    (!master.store.has_minion_data(id, &packed)).then_some(packed)
}
