//! The bytes of one event: `tag`, two newlines, the data as msgpack. Salt: utils/event.py (`pack`, `unpack`,
//! `fire_event`), utils/dicttrim.py; salt-wire.md §14.2.

use bytes::Bytes;
use thiserror::Error;

use crate::value::msgpack::{self, Dialect, MsgpackError, Reading};
use crate::value::{DateTime, JsonStyle, Map, Value};

/// `max_event_size` of an unconfigured master, in octets of packed data.
pub const DEFAULT_MAX_EVENT_SIZE: usize = 1_048_576;

const TAG_END: &[u8] = b"\n\n";

/// What takes the place of a value that made an event too large.
const TRIMMED: &str = "VALUE_TRIMMED";

/// An event as a listener sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub tag: String,
    /// With `_stamp`, the UTC time at which it was fired.
    pub data: Map,
}

/// Why bytes are not an event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    #[error("the event has no tag: no empty line ends it")]
    NoTag,
    #[error("the tag of the event is not text")]
    TagNotText,
    #[error("the data of event {tag} cannot be read: {error}")]
    Msgpack { tag: String, error: MsgpackError },
    #[error("the data of event {0} is not a map")]
    NotAMap(String),
}

/// An event's bytes. `_stamp` is set to `now` (UTC), at the end unless it was there. Data that packs to more than
/// `max_size` octets has its largest values replaced by `VALUE_TRIMMED`.
pub fn pack(tag: &str, mut data: Map, now: DateTime, max_size: usize) -> Bytes {
    data.insert("_stamp", stamp(now));
    let mut out = Vec::with_capacity(tag.len() + 256);
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(TAG_END);
    let head = out.len();
    let mut data = Value::Map(data);
    msgpack::encode_into(&mut out, &data, Dialect::Bin);
    // As Salt does it, ever smaller values go until the whole fits: half of the limit, 40 %, … 10 %.
    let mut percent = 50;
    while out.len() - head > max_size && percent > 0 {
        trim(&mut data, max_size / 100 * percent);
        out.truncate(head);
        msgpack::encode_into(&mut out, &data, Dialect::Bin);
        percent -= 10;
    }
    Bytes::from(out)
}

/// A time as `_stamp` has it: `2026-01-02T03:04:05.678901`, without a fraction on the full second.
pub fn stamp(now: DateTime) -> String {
    let format =
        if now.subsec_nanosecond() / 1000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S.%6f" };
    now.strftime(format).to_string()
}

/// The tag of an event, without reading its data.
pub fn tag_of(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(split(body)?.0).ok()
}

/// Reads an event's bytes.
///
/// # Errors
/// When there is no tag, or the data is not one msgpack map.
pub fn unpack(body: &[u8]) -> Result<Event, EventError> {
    let (tag, data) = split(body).ok_or(EventError::NoTag)?;
    let tag = std::str::from_utf8(tag).map_err(|_| EventError::TagNotText)?.to_owned();
    match msgpack::decode(data, Reading::Typed) {
        Ok(Value::Map(data)) => Ok(Event { tag, data }),
        Ok(_) => Err(EventError::NotAMap(tag)),
        Err(error) => Err(EventError::Msgpack { tag, error }),
    }
}

fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = body.windows(TAG_END.len()).position(|window| window == TAG_END)?;
    Some((body.get(..end)?, body.get(end + TAG_END.len()..)?))
}

fn trim(value: &mut Value, limit: usize) {
    let Value::Map(map) = value else { return };
    for (_, value) in map.iter_mut() {
        match value {
            Value::Map(_) => trim(value, limit),
            _ if weight(value) > limit => *value = Value::text(TRIMMED),
            _ => {}
        }
    }
}

/// Salt quirk (3006, utils/dicttrim.py): a list weighs what its references weigh, not what it holds.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 49,
        Value::Bytes(bytes) => bytes.len() + 33,
        Value::List(items) => items.len().saturating_mul(8) + 56,
        _ => 32,
    }
}

/// How `state.event` prints an event: its tag, a tabulator and JSON. Salt: modules/state.py (`event`).
pub fn line(tag: &str, data: Map, pretty: bool) -> String {
    let indent = pretty.then_some(4);
    let style = JsonStyle { ensure_ascii: false, indent, sort_keys: pretty, compact: false };
    format!("{tag}\t{}\n", Value::from(data).to_json(style))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn now() -> DateTime {
        "2026-01-02T03:04:05.678901".parse().expect("a time")
    }

    #[test]
    fn an_event_is_its_tag_an_empty_line_and_a_map() {
        let packed = pack("salt/x", map! { "a" => 1 }, now(), DEFAULT_MAX_EVENT_SIZE);
        let mut expected = b"salt/x\n\n\x82\xa1a\x01\xa6_stamp\xba".to_vec();
        expected.extend_from_slice(b"2026-01-02T03:04:05.678901");
        assert_eq!(packed, expected);
        assert_eq!(tag_of(&packed), Some("salt/x"));
        let event = unpack(&packed).expect("an event");
        assert_eq!(event.data, map! { "a" => 1, "_stamp" => "2026-01-02T03:04:05.678901" });
    }

    #[test]
    fn the_stamp_of_a_full_second_has_no_fraction() {
        assert_eq!(stamp("2026-01-02T03:04:05".parse().expect("a time")), "2026-01-02T03:04:05");
    }

    #[test]
    fn data_may_hold_empty_lines_and_bytes() {
        let data = map! { "text" => "a\n\nb", "raw" => Value::Bytes(vec![0xff, 10, 10].into()) };
        let event = unpack(&pack("t", data.clone(), now(), 1 << 20)).expect("an event");
        assert_eq!(event.data.get("text"), data.get("text"));
        assert_eq!(event.data.get("raw"), data.get("raw"));
    }

    #[test]
    fn what_is_not_an_event_is_refused() {
        assert_eq!(unpack(b""), Err(EventError::NoTag));
        assert_eq!(unpack(b"tag\n"), Err(EventError::NoTag));
        assert_eq!(unpack(b"\xff\n\n\x80"), Err(EventError::TagNotText));
        assert_eq!(unpack(b"t\n\n\x01"), Err(EventError::NotAMap("t".to_owned())));
        for bad in [&b"t\n\n"[..], b"t\n\n\x81", b"t\n\n\x80\x80", b"t\n\n\xc1"] {
            assert!(matches!(unpack(bad), Err(EventError::Msgpack { .. })), "{bad:?}");
        }
    }

    #[test]
    fn too_large_values_are_replaced_largest_first() {
        let data = map! {
            "small" => "x",
            "deep" => map! { "large" => "y".repeat(900), "middle" => "z".repeat(300) },
        };
        let event = unpack(&pack("t", data, now(), 1_000)).expect("an event");
        assert_eq!(event.data.str("small"), Some("x"));
        let deep = event.data.get("deep").and_then(Value::as_map).expect("a map");
        assert_eq!(deep.str("large"), Some(TRIMMED));
        assert_eq!(deep.str("middle").map(str::len), Some(300));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(body: Vec<u8>) {
            let _ = unpack(&body);
        }

        #[test]
        fn what_was_packed_is_read(tag in "[a-z/*0-9]{1,40}", key in ".{0,10}", text in ".{0,300}") {
            let event = unpack(&pack(&tag, map! { key.as_str() => text.clone() }, now(), 1 << 20)).expect("an event");
            proptest::prop_assert_eq!(event.tag, tag);
            if key != "_stamp" {
                proptest::prop_assert_eq!(event.data.str(&key), Some(text.as_str()));
            }
        }
    }
}
