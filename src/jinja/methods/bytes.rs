//! Methods of `bytes`: its own, and those that are as of `str`. Python: "Bytes and Bytearray Operations".

use std::rc::Rc;

use super::super::call::{Args, flag, int};
use super::super::fault::{Fault, Res};
use super::super::iterate::{items_of, length_of};
use super::super::run::Run;
use super::super::val::Val;
use super::{Table, find, text};

pub(super) static METHODS: Table = &[("decode", decode), ("hex", hex_of), ("splitlines", split_lines)];

/// Methods that only text has, or that are other ones there.
const FOR_TEXT: [&str; 9] = [
    "casefold",
    "encode",
    "format",
    "format_map",
    "isdecimal",
    "isidentifier",
    "isnumeric",
    "isprintable",
    "translate",
];

/// Octets beyond ASCII pass as these characters, which are no letters, digits or spaces, and of no other case.
const BEYOND: u32 = 0xE000;

/// Whether the method of `str` of this name does with octets what it does with text.
pub(super) fn is_as_text(name: &str) -> bool {
    !FOR_TEXT.contains(&name) && find(text::METHODS, name).is_some()
}

/// Calls that method.
pub(super) fn call_as_text(run: &mut Run<'_>, of: &Val, name: &str, args: Args) -> Res<Val> {
    run.charge(octets(of).len().saturating_mul(4))?;
    let mut pos = args.pos;
    if let Some(Val::Int(octet)) = pos.first()
        && matches!(name, "count" | "find" | "index" | "rfind" | "rindex")
    {
        let octet = u8::try_from(*octet).map_err(|_| Fault::other("byte must be in range(0, 256)"))?;
        pos[0] = Val::Bytes(Rc::from([octet]));
    }
    let pos = pos.iter().map(|arg| as_text(arg, name)).collect::<Res<_>>()?;
    let kw =
        args.kw.iter().map(|(key, arg)| Ok((Rc::clone(key), as_text(arg, name)?))).collect::<Res<_>>()?;
    let made = super::call(run, &as_text(of, name)?, name, Args { pos, kw })
        .map_err(|fault| fault.reworded("substring not", "subsection not").reworded("str.", "bytes."))?;
    as_octets(run, made)
}

/// Octets as text, also within lists; text is what the method `name` does not take.
fn as_text(val: &Val, name: &str) -> Res<Val> {
    let all = |items: &[Val]| items.iter().map(|item| as_text(item, name)).collect::<Res<Vec<_>>>();
    Ok(match val {
        Val::Bytes(octets) => Val::str(octets.iter().map(|octet| passing(*octet)).collect::<String>()),
        Val::List(items) => Val::list(all(&items.0.borrow())?),
        Val::Tuple(tuple) => Val::tuple(all(&tuple.items)?),
        Val::Str(_) | Val::Markup(_) => {
            return Err(Fault::other(match name {
                "startswith" | "endswith" => {
                    format!("{name} first arg must be bytes or a tuple of bytes, not str")
                }
                "count" | "find" | "index" | "rfind" | "rindex" => {
                    "argument should be integer or bytes-like object, not 'str'".to_owned()
                }
                "join" => "sequence item 0: expected a bytes-like object, str found".to_owned(),
                "center" | "ljust" | "rjust" => {
                    format!("{name}() argument 2 must be a byte string of length 1, not str")
                }
                _ => "a bytes-like object is required, not 'str'".to_owned(),
            }));
        }
        other => other.clone(),
    })
}

fn passing(octet: u8) -> char {
    if octet.is_ascii() {
        char::from(octet)
    } else {
        char::from_u32(BEYOND + u32::from(octet)).unwrap_or_default()
    }
}

/// Text that passed as octets is octets again.
fn as_octets(run: &mut Run<'_>, val: Val) -> Res<Val> {
    Ok(match &val {
        Val::Str(text) => {
            run.charge(text.len())?;
            // The low octet of the character.
            let octets: Vec<u8> = text.chars().map(|c| u32::from(c).to_le_bytes()[0]).collect();
            Val::Bytes(octets.into())
        }
        Val::List(_) | Val::Tuple(_) => {
            let mut items = items_of(&val)?;
            for item in &mut items {
                *item = as_octets(run, std::mem::replace(item, Val::None))?;
            }
            if matches!(val, Val::List(_)) { Val::list(items) } else { Val::tuple(items) }
        }
        _ => val,
    })
}

/// Octets know fewer ends of lines than text.
fn split_lines(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let [keep] = args.bind("splitlines", ["keepends"], 0)?;
    let keep = flag(keep, false)?;
    let mut rest = octets(of);
    run.charge(rest.len())?;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')).unwrap_or(rest.len());
        let next = match rest.get(end..) {
            Some([b'\r', b'\n', ..]) => end + 2,
            Some([_, ..]) => end + 1,
            _ => end,
        };
        lines.push(Val::Bytes(Rc::from(&rest[..if keep { next } else { end }])));
        run.charge(size_of::<Val>())?;
        rest = &rest[next..];
    }
    Ok(Val::list(lines))
}

fn octets(of: &Val) -> &[u8] {
    match of {
        Val::Bytes(bytes) => bytes,
        _ => &[],
    }
}

/// `hex(sep, bytes_per_sep)`: groups are counted from the end, or from the start if that is negative.
fn hex_of(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let [separator, every] = args.bind("hex", ["sep", "bytes_per_sep"], 0)?;
    let octets = octets(of);
    run.charge(octets.len().saturating_mul(3))?;
    let separator = match &separator {
        None => return run.text(hex(octets)),
        Some(Val::Str(text) | Val::Markup(text)) => text.to_string(),
        Some(Val::Bytes(octets)) => octets.iter().map(|octet| char::from(*octet)).collect(),
        Some(other) => {
            length_of(other)?;
            return Err(Fault::other("sep must be str or bytes."));
        }
    };
    if separator.chars().count() != 1 {
        return Err(Fault::other("sep must be length 1."));
    }
    if !separator.is_ascii() {
        return Err(Fault::other("sep must be ASCII."));
    }
    let every = int(every, 1)?;
    let size = usize::try_from(every.unsigned_abs()).unwrap_or(usize::MAX);
    let mut text = String::new();
    for (index, octet) in octets.iter().enumerate() {
        let before = if every > 0 { octets.len() - index } else { index };
        if index > 0 && size > 0 && before % size == 0 {
            text.push_str(&separator);
        }
        text.push_str(&hex(&[*octet]));
    }
    run.text(text)
}

/// Octets as lower hex digits.
pub(in super::super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn decode(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let [encoding, errors] = args.bind("decode", ["encoding", "errors"], 0)?;
    let name = encoding.as_ref().and_then(Val::as_str).map_or("utf-8".to_owned(), |name| name.to_lowercase());
    let errors = errors.as_ref().and_then(Val::as_str).map_or("strict".to_owned(), |name| name.to_string());
    let octets = octets(of);
    match name.as_str() {
        "utf-8" | "utf8" | "ascii" => match std::str::from_utf8(octets) {
            Ok(text) => run.text(text.to_owned()),
            Err(_) if errors == "replace" => run.text(String::from_utf8_lossy(octets).into_owned()),
            Err(_) if errors == "ignore" => run.text(String::from_utf8_lossy(octets).replace('\u{fffd}', "")),
            Err(error) => {
                let at = error.valid_up_to();
                let octet = octets.get(at).copied().unwrap_or_default();
                Err(Fault::other(format!(
                    "'utf-8' codec can't decode byte 0x{octet:02x} in position {at}: invalid start byte"
                )))
            }
        },
        "latin-1" | "latin1" | "iso-8859-1" => {
            run.text(octets.iter().map(|octet| char::from(*octet)).collect())
        }
        other => Err(Fault::other(format!("unknown encoding: {other}"))),
    }
}
