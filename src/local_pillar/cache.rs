//! Pillars that need not be compiled again, because nothing that they hung on has changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Compiled;
use crate::fileclient::Looked;
use crate::fileserver::roots::Roots;
use crate::pillar::Request;
use crate::value::msgpack::{Dialect, encode_into, encode_map};
use crate::value::{Map, Value};

/// Pillars that are remembered; then all are forgotten.
const MAX_PILLARS: usize = 20_000;
/// Octets that they may have together, packed.
const MAX_OCTETS: usize = 256 << 20;

/// The minion and the request, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(id: &str, grains: &Map, request: &Request) -> Self {
        let mut packed = encode_map(grains, Dialect::Wire);
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        let rest = Value::List(vec![
            id.into(),
            text(&request.saltenv),
            text(&request.pillarenv),
            request.overrides.clone().into(),
            request.extra.clone().into(),
        ]);
        encode_into(&mut packed, &rest, Dialect::Wire);
        Key(Sha256::digest(&packed).into())
    }
}

#[derive(Default)]
pub(super) struct Cache {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    pillars: HashMap<Key, Arc<Entry>>,
    octets: usize,
}

struct Entry {
    pillar: Arc<Compiled>,
    looked: Looked,
}

impl Cache {
    /// A pillar that would come out the same today.
    pub(super) fn get(&self, key: &Key, roots: &Roots) -> Option<Arc<Compiled>> {
        let entry = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.pillars.get(key)?)
        };
        // The disk is looked at without the lock.
        entry.looked.is_current(roots).then(|| Arc::clone(&entry.pillar))
    }

    /// Remembers a pillar, unless a change of what it hung on might go unseen.
    pub(super) fn keep(&self, key: Key, pillar: &Arc<Compiled>, looked: Looked) {
        if !looked.is_settled() {
            return;
        }
        let octets = encode_map(&pillar.pillar, Dialect::Wire).len();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.pillars.len() >= MAX_PILLARS || known.octets.saturating_add(octets) > MAX_OCTETS {
            *known = Known::default();
        }
        known.octets += octets;
        known.pillars.insert(key, Arc::new(Entry { pillar: Arc::clone(pillar), looked }));
    }
}
