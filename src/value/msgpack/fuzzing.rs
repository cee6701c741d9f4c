//! What a fuzzer holds msgpack against: no octets panic, and what was read is written and reads back the same.

use super::{Dialect, Reading, decode, decode_prefix, encode};
use crate::value::Value;

/// Panics when a property of the readers or writers does not hold for these octets.
pub fn any_octets(octets: &[u8]) {
    for (reading, dialect) in
        [(Reading::Wire, Dialect::Wire), (Reading::Raw, Dialect::Bin), (Reading::Typed, Dialect::Bin)]
    {
        let Ok((value, used)) = decode_prefix(octets, reading) else { continue };
        assert!(used >= 1 && used <= octets.len());
        if !equals_itself(&value) {
            continue;
        }
        let trip =
            |value: &Value| decode(&encode(value, dialect), reading).expect("what we wrote is readable");
        // The wire has one family for text and bytes: unknown extensions come back as what their octets are.
        let once = trip(&value);
        assert_eq!(trip(&once), once, "read as {reading:?}, written as {dialect:?}");
        assert!(reading == Reading::Wire || once == value, "{value:?} came back as {once:?}");
    }
}

/// Not so where a float is not a number.
#[expect(clippy::eq_op, reason = "some floats differ from themselves")]
fn equals_itself(value: &Value) -> bool {
    value == value
}
