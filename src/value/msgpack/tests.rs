//! The golden vectors of real Salt, and what hostile bytes may not do.

use proptest::prelude::*;

use super::*;
use crate::map;

/// The tagged JSON of the vectors: `$bytes`, `$map`, `$ext`, `$datetime`.
fn untag(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Object(object) if object.len() == 1 => {
            let (tag, inner) = object.iter().next().expect("one entry");
            match tag.as_str() {
                "$bytes" => Value::Bytes(unhex(inner.as_str().expect("hex")).into()),
                "$map" => {
                    let pairs = inner.as_array().expect("pairs");
                    Value::Map(pairs.iter().map(|pair| (untag(&pair[0]), untag(&pair[1]))).collect())
                }
                "$datetime" => Value::Time(Box::new(
                    inner.as_str().expect("text").parse().expect("an ISO date and time"),
                )),
                // Codes Salt does not know decode to their payload.
                "$ext" => Value::Bytes(unhex(inner[1].as_str().expect("hex")).into()),
                _ => Value::Map(std::iter::once((tag.as_str(), untag(inner))).collect()),
            }
        }
        serde_json::Value::Object(object) => {
            Value::Map(object.iter().map(|(key, value)| (key.as_str(), untag(value))).collect())
        }
        serde_json::Value::Array(items) => Value::List(items.iter().map(untag).collect()),
        other => Value::from_json(&other.to_string()).expect("plain JSON"),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

#[test]
fn every_vector_reads_as_real_salt_reads_it_and_writes_back() {
    let mut checked = 0;
    for file in [
        include_str!("../../../tests/vectors/msgpack-3006.json"),
        include_str!("../../../tests/vectors/msgpack-3007.json"),
    ] {
        let vectors: Vec<serde_json::Value> = serde_json::from_str(file).expect("JSON");
        for vector in &vectors {
            let name = vector["name"].as_str().expect("a name");
            let packed = unhex(vector["packed"].as_str().expect("hex"));
            for (reading, field) in [
                (Reading::Wire, "loads_default"),
                (Reading::Raw, "loads_raw"),
                (Reading::Typed, "loads_utf8"),
            ] {
                let value = decode(&packed, reading).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(value, untag(&vector[field]), "{name} read as {reading:?}");
                checked += 1;
            }
            let (reading, dialect) = match vector["use_bin_type"].as_bool() {
                Some(true) => (Reading::Typed, Dialect::Bin),
                _ => (Reading::Wire, Dialect::Wire),
            };
            let constant =
                packed.first().is_some_and(|octet| (0xc7..=0xc9).contains(octet)) && packed.contains(&79);
            if !constant {
                let value = decode(&packed, reading).expect("read above");
                assert_eq!(encode(&value, dialect), packed, "{name} written as {dialect:?}");
            }
        }
    }
    assert!(checked > 100, "only {checked} readings checked");
}

#[test]
fn announced_lengths_do_not_make_memory() {
    for hostile in
        ["dd ff ff ff ff", "df ff ff ff ff", "db ff ff ff ff 61", "c6 ff ff ff ff", "c9 ff ff ff ff 4e"]
    {
        let bytes = unhex(&hostile.replace(' ', ""));
        assert!(matches!(decode(&bytes, Reading::Wire), Err(MsgpackError::Truncated { .. })), "{hostile}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = vec![0x91; MAX_DEPTH + 2];
    assert!(matches!(decode(&deep, Reading::Wire), Err(MsgpackError::TooDeep { .. })));
}

#[test]
fn trailing_octets_are_refused() {
    assert_eq!(decode(&[0xc0, 0xc0], Reading::Wire), Err(MsgpackError::Trailing { extra: 1 }));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::Float),
        ".{0,40}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            proptest::collection::vec((inner.clone(), inner), 0..8)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_typed_is_read_back(value in any_value()) {
        prop_assert_eq!(decode(&encode(&value, Dialect::Bin), Reading::Typed), Ok(value));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for reading in [Reading::Wire, Reading::Raw, Reading::Typed] {
            let _ = decode(&bytes, reading);
        }
    }

    #[test]
    fn a_prefix_of_a_value_is_truncated_and_nothing_else(value in any_value(), cut in 0.0..1.0_f64) {
        let bytes = encode(&value, Dialect::Wire);
        let cut = ((bytes.len() as f64) * cut) as usize;
        let truncated = matches!(decode_prefix(&bytes[..cut], Reading::Wire), Err(MsgpackError::Truncated { .. }));
        prop_assert!(truncated, "cut at {}", cut);
    }
}

/// Found by the fuzzer. CPython 3.11's `strptime` refuses each of them too: `%f` has six digits at most, `%Y` is four
/// without a sign and not 0, and a `datetime` has no sixtieth second.
#[test]
fn only_what_salt_writes_of_a_time_is_one() {
    for (text, is_time) in [
        ("20260102T03:04:07.986050", true),
        ("00010102T03:04:07.986050", true),
        ("20260102T03:04:07.9860501", false),
        ("-0260102T03:04:05.678901", false),
        ("+2026102T03:04:05.678901", false),
        ("00000102T03:04:05.678901", false),
        ("20260102T03:04:60.678901", false),
        ("20260102T03:04:05", false),
    ] {
        let mut octets = vec![0xc7, u8::try_from(text.len()).expect("short"), 78];
        octets.extend_from_slice(text.as_bytes());
        let value = decode(&octets, Reading::Typed).expect("readable");
        assert_eq!(matches!(value, Value::Time(_)), is_time, "{text}");
    }
}

#[test]
fn parts_of_a_map_of_maps_are_read_without_the_rest() {
    let deep = (0..300).fold(Value::Int(1), |inner, _| Value::list([inner]));
    let rest: Map = [
        ("nothing", Value::Null),
        ("list", Value::list(["x"; 40])),
        ("float", Value::Float(0.5)),
        ("big", Value::Int(i64::MIN)),
        ("bytes", Value::Bytes(vec![0xff; 300].into())),
        ("text", "y".repeat(70_000).into()),
        ("map", map! { "a" => map! { "b" => 300 } }.into()),
    ]
    .into_iter()
    .collect();
    let mut grains = rest.clone();
    grains.insert("os", "Debian");
    let data = map! { "grains" => grains, "pillar" => rest, "other" => 3 };
    let wanted = |part: &str, key: &str| part == "grains" && key == "os";
    let picked = decode_parts(&encode_map(&data, Dialect::Bin), &wanted).expect("read").expect("UTF-8");
    assert_eq!(picked, map! { "grains" => map! { "os" => "Debian" }, "pillar" => Map::new() });
    // What is passed over may be as deep as it likes, and ends where the octets end.
    let packed = encode_map(&map! { "grains" => map! { "deep" => deep } }, Dialect::Bin);
    assert!(decode_parts(&packed, &wanted).is_ok());
    assert!(decode_parts(&packed[..packed.len() - 1], &wanted).is_err());
    assert!(
        decode_parts(&[0x81, 0xa1, b'g', 0x81, 0xa1, b'x', 0xdd, 0xff, 0xff, 0xff, 0xff], &wanted).is_err()
    );
}
