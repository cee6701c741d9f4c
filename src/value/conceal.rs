//! Data as it may be shown: every text of it, keys included, without what [`crate::log::secrets`] hides.

use super::{Map, Value};
use crate::log::secrets;

/// `value` without secrets.
pub fn concealed(value: Value) -> Value {
    if secrets::any() { walk(value) } else { value }
}

fn walk(value: Value) -> Value {
    match value {
        Value::Text(text) => secrets::concealed(text).into(),
        Value::Bytes(octets) => match std::str::from_utf8(&octets) {
            Ok(text) => Value::Bytes(secrets::concealed(text.to_owned()).into()),
            Err(_) => Value::Bytes(octets),
        },
        Value::List(items) => Value::List(items.into_iter().map(walk).collect()),
        Value::Map(map) => {
            let mut shown = Map::with_capacity(map.len());
            if map.is_ordered() {
                shown.keep_order();
            }
            for (key, value) in map {
                let mut key = walk(key);
                // Two that differ in their secrets stay two.
                while let (true, Value::Text(text)) = (shown.get_value(&key).is_some(), &mut key) {
                    text.push('*');
                }
                shown.insert(key, walk(value));
            }
            shown.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn texts_keys_and_octets_lose_their_secrets_and_nothing_else() {
        secrets::conceal(&["hush-a".to_owned(), "hush-b".to_owned()]);
        let list = Value::List(vec![
            "hush-b".into(),
            Value::Bytes("x hush-a".into()),
            Value::Bytes((&[0xff][..]).into()),
        ]);
        let value: Value = map! { "say hush-a" => 1, "say hush-b" => list, "plain" => true }.into();
        let list =
            Value::List(vec!["***".into(), Value::Bytes("x ***".into()), Value::Bytes((&[0xff][..]).into())]);
        let expected: Value = map! { "say ***" => 1, "say ****" => list, "plain" => true }.into();
        assert_eq!(concealed(value), expected);
    }
}
