//! `Map`: an ordered map from `Value` to `Value`, as Python's `dict`.

use super::sort;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Value;

/// An ordered map with keys of any kind. Looking up by `&str` builds no `Value`.
///
/// Almost every map of Salt's has a dozen entries at most, and is looked through; only a larger one has an index. So a
/// small map costs one allocation and no hashing, and a `Value` is half as large as with an index in each.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(Value, Value)>,
    /// There and complete where there are more than [`FEW`] entries. A smaller map that is an `OrderedDict` has one that
    /// knows nothing else, and shares it with the others of its document.
    index: Option<Arc<Index>>,
}

/// So many entries are looked through about as fast as one is hashed. The chunks of a state run and their returns have
/// nine to fourteen, what a function is called with has up to thirty.
const FEW: usize = 32;

/// Places in the list of entries, by the hash of their key.
#[derive(Clone, Debug, Default)]
struct Index {
    /// See [`Map::is_ordered`].
    ordered: bool,
    /// Keyed by chance anew for each map: who chooses the keys can not choose their places.
    hasher: DefaultHashBuilder,
    places: HashTable<usize>,
}

impl Index {
    /// The index of keys that are all different.
    fn of(entries: &[(Value, Value)], ordered: bool) -> Arc<Self> {
        let hasher = DefaultHashBuilder::default();
        let mut index = Index { ordered, hasher, places: HashTable::with_capacity(entries.len()) };
        index.add(entries, 0);
        Arc::new(index)
    }

    /// Takes in the entries from `first` on.
    fn add(&mut self, entries: &[(Value, Value)], first: usize) {
        let hasher = &self.hasher;
        for (place, (key, _)) in entries.iter().enumerate().skip(first) {
            let hash = hasher.hash_one(key);
            self.places.insert_unique(hash, place, |&other| {
                entries.get(other).map_or(0, |(key, _)| hasher.hash_one(key))
            });
        }
    }
}

/// Text hashes alike as `str` and as `Value` (`Hash for Value`).
trait Key: Hash {
    fn is(&self, key: &Value) -> bool;
}

impl Key for str {
    fn is(&self, key: &Value) -> bool {
        // Most names differ in their length already.
        matches!(key, Value::Text(text) if text.len() == self.len() && text == self)
    }
}

impl Key for Value {
    fn is(&self, key: &Value) -> bool {
        self == key
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map with room for `n` entries.
    pub fn with_capacity(n: usize) -> Self {
        Map { entries: Vec::with_capacity(n), index: None }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn place<K: Key + ?Sized>(&self, key: &K) -> Option<usize> {
        match &self.index {
            Some(index) if self.entries.len() > FEW => {
                let is_it = |&place: &usize| self.entries.get(place).is_some_and(|(own, _)| key.is(own));
                index.places.find(index.hasher.hash_one(key), is_it).copied()
            }
            _ => self.entries.iter().position(|(own, _)| key.is(own)),
        }
    }

    /// Adds an entry whose key is not there.
    fn push(&mut self, key: Value, value: Value) {
        let place = self.entries.len();
        self.entries.push((key, value));
        match &mut self.index {
            Some(index) if place > FEW => Arc::make_mut(index).add(&self.entries, place),
            _ if place == FEW => self.index_anew(),
            _ => {}
        }
    }

    fn take(&mut self, place: usize) -> Value {
        let (key, value) = self.entries.remove(place);
        if self.entries.len() > FEW
            && let Some(index) = &mut self.index
        {
            let index = Arc::make_mut(index);
            if let Ok(entry) = index.places.find_entry(index.hasher.hash_one(&key), |&own| own == place) {
                entry.remove();
            }
            for other in &mut index.places {
                if *other > place {
                    *other -= 1;
                }
            }
        }
        value
    }

    fn index_anew(&mut self) {
        if self.entries.len() > FEW {
            self.index = Some(Index::of(&self.entries, self.is_ordered()));
        }
    }

    /// Whether Python's map would be an `OrderedDict`, which what is sorted for people (`nested`, YAML) is not. Those of
    /// SLS files are; what is made of one in another way than by cloning is a plain `dict`.
    pub fn is_ordered(&self) -> bool {
        self.index.as_ref().is_some_and(|index| index.ordered)
    }

    /// Makes it an `OrderedDict`.
    pub fn keep_order(&mut self) {
        Arc::make_mut(self.index.get_or_insert_default()).ordered = true;
    }

    /// The same, with the empty index of others where it needs none of its own.
    fn keep_order_as(&mut self, others: &Arc<Index>) {
        match &mut self.index {
            Some(index) if self.entries.len() > FEW => Arc::make_mut(index).ordered = true,
            index => *index = Some(Arc::clone(others)),
        }
    }

    /// Sets `key` (a present key keeps its place), returning what it had.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        self.put(key.into(), value.into())
    }

    /// [`Map::insert`] once, not once for each kind of key and value.
    #[inline(never)]
    fn put(&mut self, key: Value, value: Value) -> Option<Value> {
        match self.place(&key).and_then(|place| self.entries.get_mut(place)) {
            Some((_, own)) => Some(std::mem::replace(own, value)),
            None => {
                self.push(key, value);
                None
            }
        }
    }

    /// The value of a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).and_then(|place| self.entries.get(place)).map(|(_, value)| value)
    }

    /// The value of a text key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.place(key).and_then(|place| self.entries.get_mut(place)).map(|(_, value)| value)
    }

    /// The value of a key of any kind.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        self.place(key).and_then(|place| self.entries.get(place)).map(|(_, value)| value)
    }

    /// The value of a key of any kind.
    pub fn get_value_mut(&mut self, key: &Value) -> Option<&mut Value> {
        self.place(key).and_then(|place| self.entries.get_mut(place)).map(|(_, value)| value)
    }

    /// The value of `key`, set to `default()` first where it is missing.
    pub fn entry(&mut self, key: impl Into<Value>, default: impl FnOnce() -> Value) -> &mut Value {
        let key = key.into();
        let place = self.place(&key).unwrap_or_else(|| {
            self.push(key, default());
            self.entries.len() - 1
        });
        &mut self.entries[place].1
    }

    /// Whether the text key is there.
    pub fn contains(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Takes a text key out, the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.place(key).map(|place| self.take(place))
    }

    /// Takes a key of any kind out, the others keep their order.
    pub fn remove_value(&mut self, key: &Value) -> Option<Value> {
        self.place(key).map(|place| self.take(place))
    }

    /// The text below a text key.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.entries.iter().map(|(key, _)| key)
    }

    /// Values in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Entries in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// Entries in order, values changeable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Value, &mut Value)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The entry at a position.
    pub fn at(&self, index: usize) -> Option<(&Value, &Value)> {
        self.entries.get(index).map(|(key, value)| (key, value))
    }

    /// Keeps the entries that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&Value, &mut Value) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
        self.index_anew();
    }

    /// Puts the entries in the order of `compare`.
    pub fn sort_by(&mut self, mut compare: impl FnMut(&Value, &Value) -> std::cmp::Ordering) {
        sort::by(&mut self.entries, |(a, _), (b, _)| compare(a, b));
        self.index_anew();
    }
}

impl Value {
    /// Makes every map in it an `OrderedDict`.
    #[must_use]
    pub fn keeping_order(mut self) -> Self {
        fn mark(value: &mut Value, index: &Arc<Index>) {
            match value {
                Value::List(items) => items.iter_mut().for_each(|item| mark(item, index)),
                Value::Map(map) => {
                    map.keep_order_as(index);
                    map.iter_mut().for_each(|(_, value)| mark(value, index));
                }
                _ => {}
            }
        }
        mark(&mut self, &Arc::new(Index { ordered: true, ..Index::default() }));
        self
    }
}

/// Order does not matter for equality, as in Python.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.entries.iter().all(|(key, value)| other.get_value(key).is_some_and(|own| own == value))
    }
}

impl Eq for Map {}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut map = Map::with_capacity(entries.size_hint().0);
        map.extend(entries);
        map
    }
}

impl<K: Into<Value>, V: Into<Value>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.put(key.into(), value.into());
        }
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Entries of a [`Map`] in order.
#[derive(Clone, Debug)]
pub struct Iter<'a>(std::slice::Iter<'a, (Value, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Value, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The same by the simplest means.
    #[derive(Default)]
    struct Plain(Vec<(Value, Value)>);

    impl Plain {
        fn insert(&mut self, key: Value, value: Value) {
            match self.0.iter_mut().find(|(own, _)| *own == key) {
                Some(entry) => entry.1 = value,
                None => self.0.push((key, value)),
            }
        }
    }

    fn key(number: u8) -> Value {
        if number.is_multiple_of(2) { Value::Int(number.into()) } else { format!("k{number}").into() }
    }

    proptest! {
        #[test]
        fn a_map_of_any_size_is_a_list_without_doubles(
            operations in prop::collection::vec((0_u8..6, 0_u8..40, any::<i64>()), 0..200)
        ) {
            let (mut map, mut plain) = (Map::new(), Plain::default());
            for (operation, number, value) in operations {
                let key = key(number);
                match operation {
                    0..=2 => {
                        map.insert(key.clone(), value);
                        plain.insert(key, value.into());
                    }
                    3 => {
                        let taken = map.remove_value(&key);
                        let place = plain.0.iter().position(|(own, _)| *own == key);
                        prop_assert_eq!(taken, place.map(|place| plain.0.remove(place).1));
                    }
                    4 if value % 7 == 0 => {
                        map.retain(|_, value| matches!(value, Value::Int(int) if *int % 2 == 0));
                        plain.0.retain(|(_, value)| matches!(value, Value::Int(int) if int % 2 == 0));
                    }
                    _ => {
                        let found = plain.0.iter().find(|(own, _)| *own == key).map(|(_, value)| value);
                        prop_assert_eq!(map.get_value(&key), found);
                        if let Value::Text(text) = &key {
                            prop_assert_eq!(map.get(text), found);
                        }
                    }
                }
                prop_assert_eq!(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>(), plain.0.clone());
            }
            let backwards: Map = plain.0.into_iter().rev().collect();
            prop_assert_eq!(backwards, map);
        }
    }

    #[test]
    fn an_ordered_dict_stays_one_however_large_it_is_and_whatever_is_taken_from_it() {
        for size in [0, FEW, FEW + 1, 3 * FEW] {
            let plain: Map = (0..size).map(|number| (format!("k{number}"), Value::Null)).collect();
            let Value::Map(mut map) = Value::from(plain.clone()).keeping_order() else { panic!("a map") };
            assert!(map.is_ordered() && !plain.is_ordered() && map == plain);
            let clone = map.clone();
            for number in 0..2 * FEW {
                map.insert(format!("more{number}"), 1);
            }
            for number in 0..2 * FEW {
                map.remove(&format!("more{number}"));
            }
            assert!(map.is_ordered() && map == clone && clone.is_ordered());
            assert!(clone.keys().all(|key| map.get_value(key).is_some()));
            map.retain(|_, _| false);
            map.insert("last", 1);
            assert!(map.is_ordered() && map.get("last").is_some() && clone == plain);
            assert!(!map.into_iter().collect::<Map>().is_ordered());
        }
    }

    #[test]
    fn a_large_map_finds_every_key_after_it_was_sorted() {
        let mut map: Map = (0..100_i64).map(|number| (format!("k{}", 100 - number), number)).collect();
        map.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        for number in 0..100_i64 {
            assert_eq!(map.get(&format!("k{}", 100 - number)), Some(&Value::Int(number)));
        }
        assert_eq!(map.keys().filter_map(Value::as_str).collect::<HashSet<_>>().len(), 100);
    }
}
