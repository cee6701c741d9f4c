//! What targets look at of every minion's data, kept in memory: thousands of minions are decided about without reading
//! and decoding all that is known of them. Entries leave when the data of their minion changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Store, StoreError, unpack};
use crate::matchers::{MinionData, Needs};
use crate::value::{Map, Value, msgpack};

/// Sets of needs that are remembered; of more, the one asked for longest ago goes.
const MOST: usize = 16;
/// Minions that are remembered for each.
const MOST_MINIONS: usize = 200_000;

/// By id; `None` where nothing is known of it. Shared with those who go through many minions.
pub type Kept = Arc<HashMap<String, Option<Arc<MinionData>>>>;

/// For each set of needs, what was found. The last one asked for stands last.
#[derive(Debug, Default)]
struct Known {
    /// Grows with every change, so that nobody keeps what was read before it.
    generation: u64,
    parts: Vec<(Needs, Kept)>,
}

/// Shared by all clones of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(Arc<Mutex<Known>>);

impl Parts {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data of this minion is no longer what it was.
    pub(super) fn changed(&self, id: &str) {
        let mut known = self.lock();
        known.generation += 1;
        for (_, kept) in &mut known.parts {
            if kept.contains_key(id) {
                Arc::make_mut(kept).remove(id);
            }
        }
    }
}

impl Store {
    /// What is in memory for a target: whom it does not hold, [`Store::part`] finds.
    pub fn kept(&self, needs: &Needs) -> Kept {
        self.parts.lock().kept(needs, false).map(|kept| kept.clone()).unwrap_or_default()
    }

    /// What a target needs of a minion; `None` when nothing is known of it. Blocks on the disk the first time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part(&self, id: &str, needs: &Needs) -> Result<Option<Arc<MinionData>>, StoreError> {
        let generation = {
            let mut known = self.parts.lock();
            if let Some(kept) = known.kept(needs, false)
                && let Some(part) = kept.get(id)
            {
                return Ok(part.clone());
            }
            known.generation
        };
        let part = self.needed(id, needs)?.map(|data| Arc::new(needs.of(whole(data))));
        let mut known = self.parts.lock();
        if known.generation == generation
            && let Some(kept) = known.kept(needs, true)
            && kept.len() < MOST_MINIONS
        {
            Arc::make_mut(kept).insert(id.to_owned(), part.clone());
        }
        Ok(part)
    }
}

impl Store {
    /// The data of a minion, or at least what is needed of it.
    fn needed(&self, id: &str, needs: &Needs) -> Result<Option<Map>, StoreError> {
        let Some(octets) = self.packed_minion_data(id)? else { return Ok(None) };
        let wanted = |part: &str, key: &str| {
            let names = if part == "grains" { &needs.grains } else { &needs.pillar };
            names.iter().any(|name| name == key)
        };
        Ok(match msgpack::decode_parts(&octets, &wanted) {
            Ok(Some(data)) => Some(data),
            _ => unpack(&octets),
        })
    }
}

impl Known {
    /// What is kept for these needs, which are then the last that were asked for.
    fn kept(&mut self, needs: &Needs, begin: bool) -> Option<&mut Kept> {
        match self.parts.iter().rposition(|(known, _)| known == needs) {
            // Mostly they are the last already: minions are asked about one after the other.
            Some(at) => {
                let part = self.parts.remove(at);
                self.parts.push(part);
            }
            None if begin => {
                if self.parts.len() >= MOST {
                    self.parts.remove(0);
                }
                self.parts.push((needs.clone(), Kept::default()));
            }
            None => return None,
        }
        self.parts.last_mut().map(|(_, kept)| kept)
    }
}

/// `{"grains": map, "pillar": map}` as the matchers take it.
pub fn whole(mut data: Map) -> MinionData {
    let mut part = |name| match data.remove(name) {
        Some(Value::Map(map)) => map,
        _ => Map::new(),
    };
    MinionData { grains: part("grains"), pillar: part("pillar") }
}
