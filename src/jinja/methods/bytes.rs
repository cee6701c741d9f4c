//! Methods of `bytes`, as few as templates need.

use super::super::call::Args;
use super::super::fault::{Fault, Res};
use super::super::run::Run;
use super::super::val::Val;
use super::{Table, none};

pub(super) static METHODS: Table = &[
    ("decode", decode),
    ("hex", |run, of, args| {
        none(&args, "bytes.hex")?;
        let text = hex(octets(of));
        run.text(text)
    }),
];

fn octets(of: &Val) -> &[u8] {
    match of {
        Val::Bytes(bytes) => bytes,
        _ => &[],
    }
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
