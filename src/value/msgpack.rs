//! msgpack as Salt writes and reads it. Salt: payload.py; salt-wire.md §3.
//!
//! There are two ways to write ([`Dialect`]) and three to read ([`Reading`]). The wire on 4505/4506 uses the old
//! raw family for text and bytes alike; events and `.p` files keep the two apart.

use bytes::Bytes;
use num_bigint::{BigInt, Sign};
use thiserror::Error;

use super::{DateTime, Map, Value};

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

/// How deep maps and lists may be nested, in both directions.
pub const MAX_DEPTH: usize = 200;

const EXT_DATETIME: i8 = 78;
const EXT_CONSTANT: i8 = 79;
const DATETIME_FORMAT: &str = "%Y%m%dT%H:%M:%S.%6f";

/// How text and bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `use_bin_type=False`: one raw family (`a0`–`bf`, `da`, `db`), never `d9` nor `c4`–`c6`.
    Wire,
    /// `use_bin_type=True`: text as str, bytes as bin.
    Bin,
}

/// What text and bytes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Whatever is valid UTF-8 is text, the rest bytes (4505, 4506, Crypticle plaintexts).
    Wire,
    /// Everything stays bytes, keys too (file chunks).
    Raw,
    /// str is text and bin is bytes; if any str is not UTF-8, everything is read as [`Reading::Raw`]
    /// (events, `.p` files).
    Typed,
}

/// Why bytes are not a msgpack value. `at` is the offset of the first octet not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MsgpackError {
    #[error("msgpack ends early, at octet {at}")]
    Truncated { at: usize },
    #[error("msgpack is nested deeper than {MAX_DEPTH}, at octet {at}")]
    TooDeep { at: usize },
    #[error("msgpack has the reserved marker c1 at octet {at}")]
    Reserved { at: usize },
    #[error("msgpack has {extra} octets after its end")]
    Trailing { extra: usize },
    #[error("msgpack has more values than are allowed, at octet {at}")]
    TooMany { at: usize },
}

/// Octets of a text or of bytes that [`decode_shared`] does not copy.
const SHARED: usize = 4096;

/// Writes `value`.
pub fn encode(value: &Value, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    encode_into(&mut out, value, dialect);
    out
}

/// Writes a map, without wrapping it in a [`Value`] first.
pub fn encode_map(map: &Map, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    encode_map_into(&mut out, map, dialect);
    out
}

/// Appends the head of a map of `len` entries.
pub fn write_map_head(out: &mut Vec<u8>, len: usize) {
    write_header(out, len, 0x80, 0xde);
}

/// Appends a map to `out`.
pub fn encode_map_into(out: &mut Vec<u8>, map: &Map, dialect: Dialect) {
    write_map_head(out, map.len());
    for (key, value) in map {
        encode_into(out, key, dialect);
        encode_into(out, value, dialect);
    }
}

/// Appends a map of text keys to values that are packed already.
pub fn encode_packed_into(out: &mut Vec<u8>, entries: &[(&str, &[u8])], dialect: Dialect) {
    write_map_head(out, entries.len());
    for (key, packed) in entries {
        write_text(out, key.as_bytes(), dialect);
        out.extend_from_slice(packed);
    }
}

/// Appends `value` to `out`.
pub fn encode_into(out: &mut Vec<u8>, value: &Value, dialect: Dialect) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(false) => out.push(0xc2),
        Value::Bool(true) => out.push(0xc3),
        Value::Int(int) => write_int(out, *int),
        Value::Big(big) => match u64::try_from(big.as_ref()) {
            Ok(int) => {
                out.push(0xcf);
                out.extend_from_slice(&int.to_be_bytes());
            }
            // Salt quirk: integers that msgpack has no form for travel as decimal text (3006 payload.py).
            Err(_) => write_text(out, big.to_string().as_bytes(), dialect),
        },
        Value::Float(float) => {
            out.push(0xcb);
            out.extend_from_slice(&float.to_be_bytes());
        }
        Value::Text(text) => write_text(out, text.as_bytes(), dialect),
        Value::Bytes(bytes) => match dialect {
            Dialect::Wire => write_text(out, bytes, dialect),
            Dialect::Bin => write_bin(out, bytes),
        },
        Value::List(items) => {
            write_header(out, items.len(), 0x90, 0xdc);
            for item in items {
                encode_into(out, item, dialect);
            }
        }
        Value::Map(map) => encode_map_into(out, map, dialect),
        Value::Time(time) => {
            let text = time.strftime(DATETIME_FORMAT).to_string();
            out.extend_from_slice(&[
                0xc7,
                u8::try_from(text.len()).unwrap_or(u8::MAX),
                EXT_DATETIME.cast_unsigned(),
            ]);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// The head of a list or map: `fix | n`, or `marker` with 16, `marker + 1` with 32 bits.
fn write_header(out: &mut Vec<u8>, len: usize, fix: u8, marker: u8) {
    if len < 16 {
        out.push(fix | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(marker);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(marker + 1);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8], dialect: Dialect) {
    write_text_head(out, text.len(), dialect);
    out.extend_from_slice(text);
}

/// What stands before a text of `len` octets: one to five octets.
pub fn write_text_head(out: &mut Vec<u8>, len: usize, dialect: Dialect) {
    match len {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=255 if dialect == Dialect::Bin => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 32..=65_535 => {
            out.push(0xda);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0xdb);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn write_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..=255 => out.extend_from_slice(&[0xc4, len as u8]),
        len @ 256..=65_535 => {
            out.push(0xc5);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0xc6);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

fn write_int(out: &mut Vec<u8>, int: i64) {
    match int {
        0..=0x7f => out.push(int as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, int as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(int as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(int as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&int.cast_unsigned().to_be_bytes());
        }
        -32..=-1 => out.push(int as u8),
        -0x80..=-33 => out.extend_from_slice(&[0xd0, int as u8]),
        -0x8000..=-0x81 => {
            out.push(0xd1);
            out.extend_from_slice(&(int as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(int as i32).to_be_bytes());
        }
        ..=-0x8000_0001 => {
            out.push(0xd3);
            out.extend_from_slice(&int.to_be_bytes());
        }
    }
}

/// Reads exactly one value that fills `input`.
///
/// # Errors
/// When `input` is not one whole msgpack value, or is nested deeper than [`MAX_DEPTH`].
pub fn decode(input: &[u8], reading: Reading) -> Result<Value, MsgpackError> {
    decode_at_most(input, reading, usize::MAX)
}

/// As [`decode`], for what strangers send: a value in memory is many times as large as the octet that makes it.
///
/// # Errors
/// Also when there are more than `values` values, those within others counted.
pub fn decode_at_most(input: &[u8], reading: Reading, values: usize) -> Result<Value, MsgpackError> {
    whole(prefix(input, None, reading, values)?, input)
}

/// As [`decode`], for messages with large parts: long bytes in the value are slices of `input`, and keep it.
///
/// # Errors
/// As [`decode`].
pub fn decode_shared(input: &Bytes, reading: Reading) -> Result<Value, MsgpackError> {
    whole(prefix(input, Some(input), reading, usize::MAX)?, input)
}

fn whole((value, used): (Value, usize), input: &[u8]) -> Result<Value, MsgpackError> {
    match input.len() - used {
        0 => Ok(value),
        extra => Err(MsgpackError::Trailing { extra }),
    }
}

/// Reads one value from the start of `input` and says how many octets it took. A stream reader takes
/// [`MsgpackError::Truncated`] as "wait for more".
///
/// # Errors
/// As [`decode`], but for trailing octets.
pub fn decode_prefix(input: &[u8], reading: Reading) -> Result<(Value, usize), MsgpackError> {
    prefix(input, None, reading, usize::MAX)
}

/// Reads of a map of maps, as [`Reading::Typed`], only the inner entries that `wanted` names by both keys, and those whose
/// key is no text. `None`: a text that was read is not UTF-8, so everything has to be read.
///
/// # Errors
/// As [`decode`], of what is read.
pub fn decode_parts(input: &[u8], wanted: &dyn Fn(&str, &str) -> bool) -> Result<Option<Map>, MsgpackError> {
    let mut reader =
        Reader { input, shared: None, at: 0, reading: Reading::Typed, not_utf8: false, left: usize::MAX };
    let mut outer = Map::new();
    let Some(entries) = reader.map_head()? else { return Ok(None) };
    for _ in 0..entries {
        let name = reader.value(1)?;
        let Some(entries) = reader.map_head()? else {
            reader.skip()?;
            continue;
        };
        let mut inner = Map::new();
        for _ in 0..entries {
            let key = reader.value(2)?;
            let is_wanted = |name: &str| key.as_str().is_none_or(|key| wanted(name, key));
            if name.as_str().is_some_and(is_wanted) {
                inner.insert(key, reader.value(2)?);
            } else {
                reader.skip()?;
            }
        }
        outer.insert(name, inner);
    }
    Ok((!reader.not_utf8).then_some(outer))
}

fn prefix(
    input: &[u8],
    shared: Option<&Bytes>,
    reading: Reading,
    values: usize,
) -> Result<(Value, usize), MsgpackError> {
    let mut reader = Reader { input, shared, at: 0, reading, not_utf8: false, left: values };
    let value = reader.value(0)?;
    if reader.not_utf8 && reading == Reading::Typed {
        return prefix(input, shared, Reading::Raw, values);
    }
    Ok((value, reader.at))
}

struct Reader<'a> {
    input: &'a [u8],
    /// What `input` is part of, if long parts of it may be kept.
    shared: Option<&'a Bytes>,
    /// `at <= input.len()`.
    at: usize,
    reading: Reading,
    /// A str was not UTF-8: [`Reading::Typed`] starts again as [`Reading::Raw`].
    not_utf8: bool,
    /// Values that may still come.
    left: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], MsgpackError> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let taken = rest.get(..n).ok_or(MsgpackError::Truncated { at: self.at })?;
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, MsgpackError> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn len16(&mut self) -> Result<usize, MsgpackError> {
        self.array().map(|octets| usize::from(u16::from_be_bytes(octets)))
    }

    fn len32(&mut self) -> Result<usize, MsgpackError> {
        self.array().map(|octets| u32::from_be_bytes(octets) as usize)
    }

    fn value(&mut self, depth: usize) -> Result<Value, MsgpackError> {
        let at = self.at;
        self.left = self.left.checked_sub(1).ok_or(MsgpackError::TooMany { at })?;
        if depth > MAX_DEPTH {
            return Err(MsgpackError::TooDeep { at });
        }
        let marker = self.u8()?;
        Ok(match marker {
            0x00..=0x7f => Value::Int(i64::from(marker)),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth)?,
            0x90..=0x9f => self.list(usize::from(marker & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(marker & 0x1f))?,
            0xc0 => Value::Null,
            0xc1 => return Err(MsgpackError::Reserved { at }),
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4 => self.u8().map(usize::from).and_then(|len| self.bin(len))?,
            0xc5 => self.len16().and_then(|len| self.bin(len))?,
            0xc6 => self.len32().and_then(|len| self.bin(len))?,
            0xc7 => self.u8().map(usize::from).and_then(|len| self.ext(len, depth))?,
            0xc8 => self.len16().and_then(|len| self.ext(len, depth))?,
            0xc9 => self.len32().and_then(|len| self.ext(len, depth))?,
            0xca => Value::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Value::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Value::Int(i64::from(self.u8()?)),
            0xcd => Value::Int(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Value::Int(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Value::from(u64::from_be_bytes(self.array()?)),
            0xd0 => Value::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Value::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Value::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Value::Int(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.ext(1 << (marker - 0xd4), depth)?,
            0xd9 => self.u8().map(usize::from).and_then(|len| self.text(len))?,
            0xda => self.len16().and_then(|len| self.text(len))?,
            0xdb => self.len32().and_then(|len| self.text(len))?,
            0xdc => self.len16().and_then(|len| self.list(len, depth))?,
            0xdd => self.len32().and_then(|len| self.list(len, depth))?,
            0xde => self.len16().and_then(|len| self.map(len, depth))?,
            0xdf => self.len32().and_then(|len| self.map(len, depth))?,
            0xe0..=0xff => Value::Int(i64::from(marker.cast_signed())),
        })
    }

    /// How many entries the map has that begins here; `None`: another value does, and nothing was read.
    fn map_head(&mut self) -> Result<Option<usize>, MsgpackError> {
        let Some(&marker) = self.input.get(self.at) else {
            return Err(MsgpackError::Truncated { at: self.at });
        };
        if !matches!(marker, 0x80..=0x8f | 0xde | 0xdf) {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(match marker {
            0xde => self.len16()?,
            0xdf => self.len32()?,
            _ => usize::from(marker & 0x0f),
        }))
    }

    /// Passes one value, however deep it is. Each within it takes an octet at least.
    fn skip(&mut self) -> Result<(), MsgpackError> {
        let mut left: usize = 1;
        while left > 0 {
            left -= 1;
            let at = self.at;
            let marker = self.u8()?;
            let (octets, values) = match marker {
                0x80..=0x8f => (0, usize::from(marker & 0x0f) * 2),
                0x90..=0x9f => (0, usize::from(marker & 0x0f)),
                0xa0..=0xbf => (usize::from(marker & 0x1f), 0),
                0xc1 => return Err(MsgpackError::Reserved { at }),
                0xc4 | 0xd9 => (usize::from(self.u8()?), 0),
                0xc5 | 0xda => (self.len16()?, 0),
                0xc6 | 0xdb => (self.len32()?, 0),
                0xc7 => (usize::from(self.u8()?) + 1, 0),
                0xc8 => (self.len16()? + 1, 0),
                0xc9 => (self.len32()?.saturating_add(1), 0),
                0xcc | 0xd0 => (1, 0),
                0xcd | 0xd1 => (2, 0),
                0xca | 0xce | 0xd2 => (4, 0),
                0xcb | 0xcf | 0xd3 => (8, 0),
                0xd4..=0xd8 => ((1 << (marker - 0xd4)) + 1, 0),
                0xdc => (0, self.len16()?),
                0xdd => (0, self.len32()?),
                0xde => (0, self.len16()? * 2),
                0xdf => (0, self.len32()?.saturating_mul(2)),
                _ => (0, 0),
            };
            self.take(octets)?;
            left = left.saturating_add(values);
        }
        Ok(())
    }

    /// How many entries to make room for: what the peer announced, but never more than the octets that are left
    /// could hold, and no more than a page to begin with.
    fn room(&self, announced: usize) -> usize {
        announced.min(self.input.len() - self.at).min(64)
    }

    fn list(&mut self, len: usize, depth: usize) -> Result<Value, MsgpackError> {
        let mut items = Vec::with_capacity(self.room(len));
        for _ in 0..len {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value, MsgpackError> {
        let mut map = Map::with_capacity(self.room(len));
        for _ in 0..len {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }

    fn text(&mut self, len: usize) -> Result<Value, MsgpackError> {
        let octets = self.take(len)?;
        Ok(match self.reading {
            Reading::Raw => self.octets(octets),
            Reading::Wire | Reading::Typed => self.decoded(octets),
        })
    }

    fn bin(&mut self, len: usize) -> Result<Value, MsgpackError> {
        let octets = self.take(len)?;
        Ok(match self.reading {
            Reading::Raw | Reading::Typed => self.octets(octets),
            Reading::Wire => self.decoded(octets),
        })
    }

    fn octets(&self, octets: &[u8]) -> Value {
        match self.shared.filter(|_| octets.len() >= SHARED) {
            Some(shared) => shared.slice_ref(octets),
            None => Bytes::copy_from_slice(octets),
        }
        .into()
    }

    fn decoded(&mut self, octets: &[u8]) -> Value {
        match std::str::from_utf8(octets) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => {
                self.not_utf8 = true;
                self.octets(octets)
            }
        }
    }

    fn ext(&mut self, len: usize, depth: usize) -> Result<Value, MsgpackError> {
        let code = self.u8()?.cast_signed();
        let payload = self.take(len)?;
        Ok(match code {
            EXT_DATETIME => match parse_datetime(payload) {
                Some(time) => Value::Time(Box::new(time)),
                None => Bytes::copy_from_slice(payload).into(),
            },
            // A Salt constant is `[name, value]`: what counts is its value.
            EXT_CONSTANT => {
                let mut inner = Reader { input: payload, at: 0, not_utf8: false, ..*self };
                let pair = inner.value(depth + 1)?;
                self.not_utf8 |= inner.not_utf8;
                self.left = inner.left;
                match pair {
                    Value::List(items) if items.len() == 2 => items.into_iter().nth(1).unwrap_or_default(),
                    other => other,
                }
            }
            _ => Bytes::copy_from_slice(payload).into(),
        })
    }
}

/// A time is the text that Salt writes of one, to the microsecond and from the year 1 (Python's `datetime`). What only
/// resembles it (a sign, a finer fraction, a sixtieth second) is no time and stays the octets that it is.
fn parse_datetime(payload: &[u8]) -> Option<DateTime> {
    let text = std::str::from_utf8(payload).ok()?;
    let time = DateTime::strptime("%Y%m%dT%H:%M:%S%.f", text).ok()?;
    (time.year() >= 1 && time.strftime(DATETIME_FORMAT).to_string() == text).then_some(time)
}

/// A big integer from octets, for tests and codecs that carry them.
pub fn bigint_from_be(octets: &[u8]) -> Value {
    Value::from_bigint(BigInt::from_bytes_be(Sign::Plus, octets))
}

#[cfg(test)]
mod tests;
