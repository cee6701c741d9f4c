//! More methods of `str`: those that count, pad, and look for parts.

use std::rc::Rc;

use super::super::call::{Args, int};
use super::super::fault::{Fault, Res};
use super::super::lex::is_space;
use super::super::run::Run;
use super::super::val::Val;
use super::between;
use super::text::{like, made, range, text, text_arg};

/// The octets that `[start:stop]` in characters means; `None` when the start lies behind the end of the text.
pub(super) fn part(text: &str, bounds: &[Val]) -> Res<Option<(usize, usize)>> {
    let bound = |val: Option<&Val>| match val {
        None | Some(Val::None) => Ok(None),
        Some(val) => int(Some(val.clone()), 0)
            .map(Some)
            .map_err(|_| Fault::other("slice indices must be integers or None or have an __index__ method")),
    };
    let (start, stop) = (bound(bounds.first())?, bound(bounds.get(1))?);
    if start.is_none() && stop.is_none() {
        return Ok(Some((0, text.len())));
    }
    let length = text.chars().count();
    let octet = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    if start.is_some_and(|start| start > i64::try_from(length).unwrap_or(i64::MAX)) {
        return Ok(None);
    }
    Ok(match range(length, start, stop) {
        Some((from, to)) => Some((octet(from), octet(to))),
        None => {
            let length_ = i64::try_from(length).unwrap_or(i64::MAX);
            let from = start.map_or(0, |start| if start < 0 { (start + length_).max(0) } else { start });
            let to = stop.map_or(length_, |stop| if stop < 0 { (stop + length_).max(0) } else { stop });
            if from > to {
                return Ok(None);
            }
            let at = octet(usize::try_from(from).unwrap_or(length));
            Some((at, at))
        }
    })
}

fn needle(args: &[Val], name: &str) -> Res<Rc<str>> {
    match args.first() {
        Some(Val::Undefined(undefined)) if !undefined.strict => Err(undefined.fault()),
        Some(val) => text_arg(&Val::None, val)
            .ok_or_else(|| Fault::other(format!("must be str, not {}", val.type_name()))),
        None => Err(Fault::other(format!("{name}() takes at least 1 argument (0 given)"))),
    }
}

fn counted(args: Args, name: &str) -> Res<Vec<Val>> {
    let given = args.pos.len();
    if !args.kw.is_empty() {
        return Err(Fault::other(format!("str.{name}() takes no keyword arguments")));
    }
    if given == 0 {
        return Err(Fault::other(format!("{name}() takes at least 1 argument (0 given)")));
    }
    if given > 3 {
        return Err(Fault::other(format!("{name}() takes at most 3 arguments ({given} given)")));
    }
    Ok(args.pos)
}

pub(super) fn count(of: &Val, args: Args) -> Res<Val> {
    let args = counted(args, "count")?;
    let it = text(of);
    let what = needle(&args, "count")?;
    let Some((from, to)) = part(it, &args[1..])? else { return Ok(Val::Int(0)) };
    let part = &it[from..to];
    let found = if what.is_empty() { part.chars().count() + 1 } else { part.matches(&*what).count() };
    Ok(Val::len_of(found))
}

pub(super) fn find(of: &Val, args: Args, last: bool, must: bool) -> Res<Val> {
    let name = match (last, must) {
        (false, false) => "find",
        (true, false) => "rfind",
        (false, true) => "index",
        (true, true) => "rindex",
    };
    let args = counted(args, name)?;
    let it = text(of);
    let what = needle(&args, name)?;
    let found = part(it, &args[1..])?.and_then(|(from, to)| {
        let part = &it[from..to];
        let at = if last { part.rfind(&*what) } else { part.find(&*what) };
        at.map(|at| it[..from + at].chars().count())
    });
    match found {
        Some(at) => Ok(Val::len_of(at)),
        None if must => Err(Fault::other("substring not found")),
        None => Ok(Val::Int(-1)),
    }
}

pub(super) fn encode(of: &Val, args: Args) -> Res<Val> {
    let [encoding, errors] = args.bind("encode", ["encoding", "errors"], 0)?;
    let it = text(of);
    let name = encoding.as_ref().and_then(Val::as_str).map_or("utf-8".to_owned(), |name| name.to_lowercase());
    let errors = errors.as_ref().and_then(Val::as_str).map_or("strict".to_owned(), |name| name.to_string());
    let limit = match name.replace('_', "-").as_str() {
        "utf-8" | "utf8" | "u8" => return Ok(Val::Bytes(it.as_bytes().into())),
        "ascii" | "us-ascii" => 0x80,
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" => 0x100,
        other => return Err(Fault::other(format!("unknown encoding: {other}"))),
    };
    let mut out = Vec::with_capacity(it.len());
    for (at, c) in it.chars().enumerate() {
        match u8::try_from(c as u32) {
            Ok(byte) if u32::from(byte) < limit => out.push(byte),
            _ if errors == "ignore" => {}
            _ if errors == "replace" => out.push(b'?'),
            _ => {
                let code = if limit == 0x80 { "ascii" } else { "latin-1" };
                let bad = it.chars().skip(at).take_while(|c| *c as u32 >= limit).count();
                if bad > 1 {
                    return Err(Fault::other(format!(
                        "'{code}' codec can't encode characters in position {at}-{}: ordinal not in range({limit})",
                        at + bad - 1
                    )));
                }
                let shown = super::super::format::ascii(&c.to_string());
                return Err(Fault::other(format!(
                    "'{code}' codec can't encode character '{shown}' in position {at}: ordinal not in \
                     range({limit})"
                )));
            }
        }
    }
    Ok(Val::Bytes(out.into()))
}

fn fill_char(of: &Val, val: Option<&Val>) -> Res<char> {
    let Some(val) = val else { return Ok(' ') };
    let Some(text) = text_arg(&Val::None, val) else {
        return Err(Fault::other(format!(
            "The fill character must be a unicode character, not {}",
            val.type_name()
        )));
    };
    let _ = of;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Fault::other("The fill character must be exactly one character long")),
    }
}

pub(super) fn center(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let args = between(args, "center", 1, 2)?;
    let width = usize::try_from(int(args.first().cloned(), 0)?).unwrap_or_default();
    let fill = fill_char(of, args.get(1))?;
    let it = text(of);
    let out = center_text(run, it, width, fill)?;
    made(run, of, out)
}

/// `text.center(width, fill)`
pub(in super::super) fn center_text(run: &mut Run<'_>, it: &str, width: usize, fill: char) -> Res<String> {
    let missing = width.saturating_sub(it.chars().count());
    run.charge(missing)?;
    // CPython's rule for the odd one.
    let left = missing / 2 + (missing & width & 1);
    let fill = fill.to_string();
    Ok(format!("{}{it}{}", fill.repeat(left), fill.repeat(missing - left)))
}

pub(super) fn justify(run: &mut Run<'_>, of: &Val, args: Args, name: &str) -> Res<Val> {
    let args = between(args, name, 1, 2)?;
    let width = usize::try_from(int(args.first().cloned(), 0)?).unwrap_or_default();
    let fill = fill_char(of, args.get(1))?;
    let it = text(of);
    let missing = width.saturating_sub(it.chars().count());
    run.charge(missing)?;
    let fill = fill.to_string().repeat(missing);
    let out = if name == "ljust" { format!("{it}{fill}") } else { format!("{fill}{it}") };
    made(run, of, out)
}

pub(super) fn zfill(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let val = super::one(args, "str.zfill")?;
    let width = usize::try_from(int(Some(val), 0)?).unwrap_or_default();
    let it = text(of);
    let missing = width.saturating_sub(it.chars().count());
    run.charge(missing)?;
    let signed = it.starts_with(['+', '-']);
    let (sign, digits) = it.split_at(usize::from(signed));
    made(run, of, format!("{sign}{}{digits}", "0".repeat(missing)))
}

pub(super) fn expandtabs(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let [size] = args.bind("expandtabs", ["tabsize"], 0)?;
    let size = usize::try_from(int(size, 8)?).unwrap_or_default();
    let it = text(of);
    run.charge(it.matches('\t').count().saturating_mul(size))?;
    let mut out = String::with_capacity(it.len());
    let mut column = 0;
    for c in it.chars() {
        match c {
            '\t' if size > 0 => {
                let spaces = size - column % size;
                out.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            other => {
                out.push(other);
                column += 1;
            }
        }
    }
    made(run, of, out)
}

pub(super) fn partition(run: &mut Run<'_>, of: &Val, args: Args, last: bool) -> Res<Val> {
    let name = if last { "str.rpartition" } else { "str.partition" };
    let val = super::one(args, name)?;
    let separator = text_arg(&Val::None, &val)
        .ok_or_else(|| Fault::other(format!("must be str, not {}", val.type_name())))?;
    if separator.is_empty() {
        return Err(Fault::other("empty separator"));
    }
    let it = text(of);
    run.charge(it.len())?;
    let found = if last { it.rsplit_once(&*separator) } else { it.split_once(&*separator) };
    let parts = match found {
        Some((before, after)) => [before, &separator, after],
        None if last => ["", "", it],
        None => [it, "", ""],
    };
    Ok(Val::tuple(parts.into_iter().map(|part| like(of, part.to_owned())).collect()))
}

pub(super) fn remove(run: &mut Run<'_>, of: &Val, args: Args, name: &str) -> Res<Val> {
    let val = super::one(args, &format!("str.{name}"))?;
    let part = text_arg(&Val::None, &val)
        .ok_or_else(|| Fault::other(format!("{name}() argument must be str, not {}", val.type_name())))?;
    let it = text(of);
    let out = if name == "removeprefix" { it.strip_prefix(&*part) } else { it.strip_suffix(&*part) };
    made(run, of, out.unwrap_or(it).to_owned())
}

pub(super) fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

pub(super) fn translate(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let table = super::one(args, "str.translate")?;
    let mut out = String::new();
    for c in text(of).chars() {
        match run.index(&table, &Val::Int(i64::from(c as u32)))? {
            None => out.push(c),
            Some(Val::None) => {}
            Some(Val::Str(text) | Val::Markup(text)) => out.push_str(&text),
            Some(other) => {
                let code = other.as_index().and_then(|int| u32::try_from(int).ok()).and_then(char::from_u32);
                match code {
                    Some(c) => out.push(c),
                    None => {
                        return Err(Fault::other("character mapping must return integer, None or str"));
                    }
                }
            }
        }
    }
    made(run, of, out)
}

/// `split()` at whitespace, at most `max` times.
pub(super) fn split_space(text: &str, max: usize, right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if right { text.trim_end_matches(is_space) } else { text.trim_start_matches(is_space) };
    while !rest.is_empty() {
        if parts.len() == max {
            parts.push(rest);
            break;
        }
        if right {
            match rest.rfind(is_space) {
                Some(at) => {
                    let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                    parts.push(&rest[at + width..]);
                    rest = rest[..at].trim_end_matches(is_space);
                }
                None => {
                    parts.push(rest);
                    rest = "";
                }
            }
        } else {
            match rest.find(is_space) {
                Some(at) => {
                    parts.push(&rest[..at]);
                    rest = rest[at..].trim_start_matches(is_space);
                }
                None => {
                    parts.push(rest);
                    rest = "";
                }
            }
        }
    }
    if right {
        parts.reverse();
    }
    parts
}

/// Digits outside ASCII that `isdigit` counts: other scripts' digits, superscripts.
pub(super) fn is_other_digit(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '٠'..='٩' | '۰'..='۹' | '०'..='९' | '０'..='９')
}
