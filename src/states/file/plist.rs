//! Property lists, as XML and in their binary form, for `file.serialize`. Salt: serializers/plist.py, which is CPython's
//! Lib/plistlib.py.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::value::{Map, Value, repr, sort, str_of};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
     \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n";
const MAGIC: &[u8] = b"bplist00";
/// Lists and maps in each other, so that no file has us recurse without end.
const MAX_DEPTH: usize = 200;
/// Values of a binary file, whose lists can hold the same one again and again.
const MAX_VALUES: usize = 1_000_000;

fn unsupported(value: &Value) -> String {
    format!("unsupported type: <class '{}'>", value.type_name())
}

/// A property list as XML or binary.
///
/// # Errors
/// What it cannot hold, in Python's words.
pub(super) fn write(data: &Value, binary: bool) -> Result<Vec<u8>, String> {
    if binary {
        return write_binary(data);
    }
    let mut text = HEAD.to_owned();
    write_xml(data, 0, &mut text)?;
    text.push_str("</plist>\n");
    Ok(text.into_bytes())
}

/// The entries in the order of their keys.
fn sorted(map: &Map) -> Vec<(String, &Value)> {
    let mut entries: Vec<_> = map.iter().map(|(key, value)| (str_of(key), value)).collect();
    sort::by(&mut entries, |(a, _), (b, _)| a.cmp(b));
    entries
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn write_xml(value: &Value, depth: usize, text: &mut String) -> Result<(), String> {
    let tabs = "\t".repeat(depth);
    let line = match value {
        Value::Map(map) if map.is_empty() => "<dict/>".to_owned(),
        Value::List(items) if items.is_empty() => "<array/>".to_owned(),
        Value::Map(map) => {
            text.push_str(&format!("{tabs}<dict>\n"));
            for (key, value) in sorted(map) {
                text.push_str(&format!("{tabs}\t<key>{}</key>\n", escaped(&key)));
                write_xml(value, depth + 1, text)?;
            }
            "</dict>".to_owned()
        }
        Value::List(items) => {
            text.push_str(&format!("{tabs}<array>\n"));
            for item in items {
                write_xml(item, depth + 1, text)?;
            }
            "</array>".to_owned()
        }
        Value::Text(string) => format!("<string>{}</string>", escaped(string)),
        Value::Bool(bool) => format!("<{bool}/>"),
        Value::Int(_) | Value::Big(_) => format!("<integer>{}</integer>", repr(value)),
        Value::Float(_) => format!("<real>{}</real>", repr(value)),
        Value::Bytes(octets) => format!("<data>\n{tabs}{}\n{tabs}</data>", STANDARD.encode(octets)),
        other => return Err(unsupported(other)),
    };
    text.push_str(&format!("{tabs}{line}\n"));
    Ok(())
}

/// Every value once, those of a list or map after it: each an object of the file.
enum Object<'v> {
    Key(String),
    Leaf(&'v Value),
    /// The first half of a map's are its keys.
    Group(u8, usize, Vec<usize>),
}

fn collect<'v>(value: &'v Value, objects: &mut Vec<Object<'v>>) -> usize {
    let at = objects.len();
    objects.push(Object::Leaf(value));
    let group = match value {
        Value::Map(map) => {
            let entries = sorted(map);
            let mut members: Vec<usize> = entries
                .iter()
                .map(|(key, _)| {
                    objects.push(Object::Key(key.clone()));
                    objects.len() - 1
                })
                .collect();
            members.extend(entries.iter().map(|(_, value)| *value).map(|value| collect(value, objects)));
            Object::Group(0xd0, entries.len(), members)
        }
        Value::List(items) => {
            let members = items.iter().map(|item| collect(item, objects)).collect();
            Object::Group(0xa0, items.len(), members)
        }
        _ => return at,
    };
    if let Some(own) = objects.get_mut(at) {
        *own = group;
    }
    at
}

fn marked(kind: u8, length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length) if length < 15 => out.push(kind | length),
        _ => {
            out.extend([kind | 15, 0x13]);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        marked(0x50, text.len(), out);
        out.extend(text.as_bytes());
    } else {
        let units: Vec<u16> = text.encode_utf16().collect();
        marked(0x60, units.len(), out);
        out.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    }
}

fn write_binary(data: &Value) -> Result<Vec<u8>, String> {
    let mut objects = Vec::new();
    collect(data, &mut objects);
    let mut out = MAGIC.to_vec();
    let mut places: Vec<u32> = Vec::with_capacity(objects.len());
    let number = |number: usize| u32::try_from(number).map_err(|_| "too large".to_owned());
    for object in &objects {
        places.push(number(out.len())?);
        match object {
            Object::Key(text) => string(text, &mut out),
            Object::Group(kind, length, members) => {
                marked(*kind, *length, &mut out);
                for member in members {
                    out.extend(number(*member)?.to_be_bytes());
                }
            }
            Object::Leaf(Value::Text(text)) => string(text, &mut out),
            Object::Leaf(Value::Bool(bool)) => out.push(if *bool { 9 } else { 8 }),
            Object::Leaf(Value::Int(int)) => {
                out.push(0x13);
                out.extend(int.to_be_bytes());
            }
            Object::Leaf(Value::Float(float)) => {
                out.push(0x23);
                out.extend(float.to_be_bytes());
            }
            Object::Leaf(Value::Bytes(octets)) => {
                marked(0x40, octets.len(), &mut out);
                out.extend(octets.iter());
            }
            Object::Leaf(other) => return Err(unsupported(other)),
        }
    }
    let table = out.len() as u64;
    out.extend(places.iter().flat_map(|place| place.to_be_bytes()));
    out.extend([0, 0, 0, 0, 0, 0, 4, 4]);
    for field in [objects.len() as u64, 0, table] {
        out.extend(field.to_be_bytes());
    }
    Ok(out)
}

/// What a property list holds.
///
/// # Errors
/// When it is none, in Python's words.
pub(super) fn read(octets: &[u8]) -> Result<Value, String> {
    let invalid = || "Invalid file".to_owned();
    if octets.starts_with(MAGIC) {
        return Binary::new(octets).and_then(|file| file.object(file.top, 0)).ok_or_else(invalid);
    }
    let text = std::str::from_utf8(octets).map_err(|_| invalid())?;
    let start = text.find("<plist").ok_or_else(invalid)?;
    let mut rest = text.get(start..).unwrap_or_default();
    tag(&mut rest).and_then(|_| element(&mut rest, 0)?.ok()).ok_or_else(invalid)
}

/// The next tag without its brackets and attributes, and the text before it.
fn tag<'t>(rest: &mut &'t str) -> Option<(&'t str, &'t str)> {
    loop {
        let (before, after) = rest.split_once('<')?;
        let (inner, after) = after.split_once('>')?;
        *rest = after;
        if !inner.starts_with(['!', '?']) {
            return Some((before, inner.split_whitespace().next().unwrap_or_default()));
        }
    }
}

fn unescaped(text: &str) -> String {
    let quotes = text.replace("&quot;", "\"").replace("&apos;", "'");
    quotes.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// One value; `Err` is the closing tag of what it would be in.
fn element<'t>(rest: &mut &'t str, depth: usize) -> Option<Result<Value, &'t str>> {
    let (_, name) = tag(rest).filter(|_| depth < MAX_DEPTH)?;
    if name.starts_with('/') {
        return Some(Err(name));
    }
    let value = match name {
        "true/" => true.into(),
        "false/" => false.into(),
        "dict/" => Map::new().into(),
        "array/" => Value::List(Vec::new()),
        "string/" => "".into(),
        "dict" => {
            let mut map = Map::new();
            while let (_, "key") = tag(rest)? {
                let (key, _) = tag(rest)?;
                map.insert(unescaped(key), element(rest, depth + 1)?.ok()?);
            }
            map.into()
        }
        "array" => {
            let mut items = Vec::new();
            while let Ok(item) = element(rest, depth + 1)? {
                items.push(item);
            }
            Value::List(items)
        }
        _ => {
            let (text, _) = tag(rest)?;
            match name {
                "string" | "date" => unescaped(text).into(),
                "integer" => Value::Int(text.trim().parse().ok()?),
                "real" => Value::Float(text.trim().parse().ok()?),
                "data" => {
                    let packed: String = text.split_whitespace().collect();
                    Value::Bytes(STANDARD.decode(packed).ok()?.into())
                }
                _ => return None,
            }
        }
    };
    Some(Ok(value))
}

/// A binary file with its table of places.
struct Binary<'o> {
    octets: &'o [u8],
    place_size: usize,
    reference_size: usize,
    top: usize,
    table: usize,
    left: Cell<usize>,
}

fn number(octets: &[u8]) -> Option<usize> {
    let all = octets.iter().try_fold(0_u64, |all, octet| Some(all.checked_mul(256)? + u64::from(*octet)))?;
    usize::try_from(all).ok()
}

impl<'o> Binary<'o> {
    fn new(octets: &'o [u8]) -> Option<Self> {
        let trailer = octets.get(octets.len().checked_sub(26)?..)?;
        let (sizes, fields) = trailer.split_at_checked(2)?;
        let [place_size, reference_size] = sizes else { return None };
        Some(Binary {
            octets,
            place_size: usize::from(*place_size),
            reference_size: usize::from(*reference_size),
            top: number(fields.get(8..16)?)?,
            table: number(fields.get(16..24)?)?,
            left: Cell::new(MAX_VALUES),
        })
    }

    fn slice(&self, at: usize, length: usize) -> Option<&'o [u8]> {
        self.octets.get(at..at.checked_add(length)?)
    }

    fn object(&self, index: usize, depth: usize) -> Option<Value> {
        self.left.set(self.left.get().checked_sub(1)?);
        let entry = self.table.checked_add(index.checked_mul(self.place_size)?)?;
        let mut at = number(self.slice(entry, self.place_size)?)?;
        let mark = *self.octets.get(at).filter(|_| depth < MAX_DEPTH)?;
        at += 1;
        let (kind, low) = (mark >> 4, usize::from(mark & 15));
        if kind < 4 {
            return Some(match (kind, low) {
                (0, 8) => false.into(),
                (0, 9) => true.into(),
                (1, 0..=3) => match self.slice(at, 1 << low)? {
                    octets @ [_, _, _, _, _, _, _, _] => {
                        Value::Int(i64::from_be_bytes(octets.try_into().ok()?))
                    }
                    octets => Value::Int(i64::try_from(number(octets)?).ok()?),
                },
                (2, 2) => Value::Float(f32::from_be_bytes(self.slice(at, 4)?.try_into().ok()?).into()),
                (2, 3) => Value::Float(f64::from_be_bytes(self.slice(at, 8)?.try_into().ok()?)),
                _ => return None,
            });
        }
        let mut length = low;
        if low == 15 {
            let size = 1 << (self.octets.get(at)? & 3);
            length = number(self.slice(at + 1, size)?)?;
            at += 1 + size;
        }
        let members = |count: usize| -> Option<Vec<Value>> {
            let references = self.slice(at, count.checked_mul(self.reference_size)?)?;
            let references = references.chunks(self.reference_size.max(1));
            references.map(|octets| self.object(number(octets)?, depth + 1)).collect()
        };
        Some(match kind {
            4 => Value::Bytes(self.slice(at, length)?.to_vec().into()),
            5 => std::str::from_utf8(self.slice(at, length)?).ok()?.into(),
            6 => {
                let units = self.slice(at, length.checked_mul(2)?)?.chunks_exact(2);
                let units: Vec<u16> = units
                    .map(|unit| number(unit).and_then(|unit| u16::try_from(unit).ok()).unwrap_or_default())
                    .collect();
                String::from_utf16(&units).ok()?.into()
            }
            10 => Value::List(members(length)?),
            13 => {
                let mut values = members(length.checked_mul(2)?)?;
                let after = values.split_off(length);
                values.into_iter().zip(after).collect::<Map>().into()
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn what_is_written_is_read_again_in_both_forms() {
        let long: Vec<Value> = (0..20).map(Value::Int).collect();
        let data: Value = map! {
            "a" => map! { "text" => "<ä&>", "yes" => true, "none" => Map::new() },
            "list" => Value::List(long),
            "number" => -7,
            "real" => 1.5,
        }
        .into();
        for binary in [false, true] {
            let octets = write(&data, binary).expect("written");
            assert_eq!(read(&octets), Ok(data.clone()));
            for end in 0..octets.len() {
                let _ = read(octets.get(..end).expect("a part"));
            }
        }
        let xml = String::from_utf8(write(&map! { "b" => 1, "a" => "x" }.into(), false).expect("written"));
        let body = "<dict>\n\t<key>a</key>\n\t<string>x</string>\n\t<key>b</key>\n\t<integer>1</integer>\n</dict>\n</plist>\n";
        assert_eq!(xml, Ok(format!("{HEAD}{body}")));
        assert_eq!(write(&Value::Null, false), Err("unsupported type: <class 'NoneType'>".to_owned()));
    }
}
