//! Octets in a [`Value`](super::Value): shared as `Bytes` is, and behind a pointer, because every value is as large as the
//! largest kind of value, and octets are rare.

use std::ops::Deref;

use bytes::Bytes;

/// Bytes that are not known to be text. Copies share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(Box<Bytes>);

impl Octets {
    /// The shared octets.
    pub fn into_bytes(self) -> Bytes {
        *self.0
    }
}

impl Deref for Octets {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! from {
    ($($type:ty),*) => {$(
        impl From<$type> for Octets {
            fn from(octets: $type) -> Self {
                Octets(Box::new(octets.into()))
            }
        }
    )*};
}

from!(Bytes, Vec<u8>, String, &'static [u8], &'static str);
