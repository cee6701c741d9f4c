//! Stable sorting without a copy of the sorting machine for every type and closure: that of the standard library is
//! some 4 KiB of code each time, which a program of 10 MiB notices. Here places are sorted, by one copy of it, and the
//! items are then swapped into their places.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

/// Sorts by the order of the type.
pub fn all<T: Ord>(items: &mut [T]) {
    by_dyn(items, &mut T::cmp);
}

/// Sorts by a comparison; items that compare equal keep their order.
pub fn by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    by_dyn(items, &mut compare);
}

/// Sorts by a key, which is made anew for each comparison.
pub fn by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    by_dyn(items, &mut |a, b| key(a).cmp(&key(b)));
}

/// Sorts by a key, which is made once for each item.
pub fn by_cached_key<T, K: Ord>(items: &mut [T], key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let order = order_by(&keys, &mut K::cmp);
    place(items, order);
}

/// A set of these, put in one by one: `collect` sorts them first, by a sorting machine of its own.
pub fn into_set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    items.into_iter().for_each(|item| _ = set.insert(item));
    set
}

/// A map of these; of several with one key, the last.
pub fn into_map<K: Ord, V>(items: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    items.into_iter().for_each(|(key, value)| _ = map.insert(key, value));
    map
}

fn by_dyn<T>(items: &mut [T], compare: &mut dyn FnMut(&T, &T) -> Ordering) {
    let order = order_by(items, compare);
    place(items, order);
}

fn order_by<T>(items: &[T], compare: &mut dyn FnMut(&T, &T) -> Ordering) -> Vec<usize> {
    order_of(items.len(), &mut |a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    })
}

/// Swaps the items into their places.
fn place<T>(items: &mut [T], mut order: Vec<usize>) {
    // Along each cycle of the permutation; a place that is done points to itself.
    for start in 0..items.len() {
        let mut here = start;
        while let Some(slot) = order.get_mut(here) {
            let from = std::mem::replace(slot, here);
            if from == start || from == here {
                break;
            }
            items.swap(here, from);
            here = from;
        }
    }
}

/// Where the items of a sorted list come from.
fn order_of(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_the_standard_library(pairs in proptest::collection::vec((0_u8..9, 0_u16..999), 0..60)) {
            let (mut ours, mut theirs) = (pairs.clone(), pairs);
            by_key(&mut ours, |(first, _)| *first);
            theirs.sort_by_key(|(first, _)| *first);
            prop_assert_eq!(&ours, &theirs);
            by(&mut ours, |a, b| b.1.cmp(&a.1));
            theirs.sort_by_key(|pair| std::cmp::Reverse(pair.1));
            prop_assert_eq!(&ours, &theirs);
            by_cached_key(&mut ours, |(first, second)| u32::from(*second) % 7 * 100 + u32::from(*first));
            theirs.sort_by_cached_key(|(first, second)| u32::from(*second) % 7 * 100 + u32::from(*first));
            prop_assert_eq!(&ours, &theirs);
            all(&mut ours);
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }
    }
}
