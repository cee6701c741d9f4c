//! What a SUB wants. RFC 29, "SUB": its own filter, and what its publishers are told.

use std::{collections::BTreeMap, ops::Bound};

use bytes::Bytes;

/// Topics with the number of times the application subscribed to each.
#[derive(Debug, Default)]
pub struct Topics {
    counts: BTreeMap<Bytes, usize>,
}

impl Topics {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one up; true when publishers have to be told, which is on the first one only.
    pub fn subscribe(&mut self, topic: &[u8]) -> bool {
        if let Some(count) = self.counts.get_mut(topic) {
            *count += 1;
            return false;
        }
        self.counts.insert(Bytes::copy_from_slice(topic), 1);
        true
    }

    /// Counts one down; true when publishers have to be told, which is at zero only.
    pub fn unsubscribe(&mut self, topic: &[u8]) -> bool {
        match self.counts.get_mut(topic) {
            Some(1) => self.counts.remove(topic).is_some(),
            Some(count) => {
                *count -= 1;
                false
            }
            None => false,
        }
    }

    /// Each topic once, to be told to a new publisher.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.counts.keys()
    }

    /// Some topic is a prefix of `first_frame`.
    pub fn matches(&self, first_frame: &[u8]) -> bool {
        let mut key = first_frame;
        // The greatest topic not above `key` is either a prefix of it or shares with `key` all that a prefix
        // of `key` could be; so each turn shortens `key` to what is shared.
        loop {
            let range = (Bound::Unbounded, Bound::Included(key));
            let Some((topic, _)) = self.counts.range::<[u8], _>(range).next_back() else { return false };
            let common = topic.iter().zip(key).take_while(|(a, b)| a == b).count();
            if common == topic.len() {
                return true;
            }
            key = key.get(..common).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: conformance 26
    #[test]
    fn publishers_hear_of_the_first_and_the_last() {
        let mut topics = Topics::new();
        assert!(topics.subscribe(b"a"));
        assert!(!topics.subscribe(b"a"));
        assert!(!topics.unsubscribe(b"a"));
        assert!(topics.unsubscribe(b"a"));
        assert!(!topics.unsubscribe(b"a"));
    }

    proptest::proptest! {
        #[test]
        fn matching_is_having_a_prefix(topics in proptest::collection::vec("[abc]{0,4}", 0..12), first in "[abc]{0,6}") {
            let mut set = Topics::new();
            for topic in &topics {
                set.subscribe(topic.as_bytes());
            }
            let expected = topics.iter().any(|topic| first.starts_with(topic.as_str()));
            proptest::prop_assert_eq!(set.matches(first.as_bytes()), expected);
        }
    }
}
