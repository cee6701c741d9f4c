//! Salt's filters over text. Salt: utils/stringutils.py, utils/yamlencoding.py, utils/path.py, utils/jinja.py.

use crate::patterns::expr_match;
use std::borrow::Cow;
use std::rc::Rc;

use super::super::call::{Args, flag, given};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::lex::is_space;
use super::super::methods::path::normalise;
use super::super::methods::text::capitalize;
use super::super::run::Run;
use super::super::val::Val;
use super::numbers::{parse_float, parse_int};

/// The text of an argument that has to be text.
fn text(val: &Val, otherwise: impl Fn(&str) -> String) -> Res<Rc<str>> {
    match val {
        Val::Undefined(undefined) => Err(undefined.fault()),
        other => other.as_str().cloned().ok_or_else(|| Fault::other(otherwise(other.type_name()))),
    }
}

pub(super) fn skip(_: &mut Run<'_>, args: Args) -> Res<Val> {
    args.bind("skip_filter", ["data"], 1)?;
    Ok(Val::str(""))
}

pub(super) fn quote(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("quote", ["txt"], 1)?;
    let val = given(val);
    if !val.truthy()? {
        return Ok(Val::str("''"));
    }
    let text = text(&val, |name| match name {
        "bytes" => super::NO_TEXT.to_owned(),
        name => format!("expected string or bytes-like object, got '{name}'"),
    })?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if text.chars().all(is_plain) {
        return Ok(Val::Str(text));
    }
    run.text(format!("'{}'", text.replace('\'', "'\"'\"'")))
}

pub(super) fn to_bool(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("to_bool", ["val"], 1)?;
    Ok(Val::Bool(match given(val) {
        Val::Bool(bool) => bool,
        Val::Str(text) | Val::Markup(text) => matches!(text.to_lowercase().as_str(), "yes" | "1" | "true"),
        Val::Int(int) => int > 0,
        Val::Big(big) => big.sign() == num_bigint::Sign::Plus,
        val @ (Val::List(_) | Val::Dict(_) | Val::Set(_)) => val.truthy()?,
        val @ Val::View(..) => val.truthy()?,
        _ => false,
    }))
}

pub(super) fn to_num(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("to_num", ["text"], 1)?;
    let val = given(val);
    Ok(match &val {
        Val::Undefined(undefined) => return Err(undefined.fault()),
        Val::Str(_) | Val::Markup(_) | Val::Bytes(_) => {
            let text = number_text(&val);
            match parse_int(&text, 10) {
                Some(big) => Val::from_big(big),
                None => parse_float(&text).map_or_else(|| val.clone(), Val::Float),
            }
        }
        Val::Bool(bool) => Val::Int(i64::from(*bool)),
        Val::Int(_) | Val::Big(_) => val,
        Val::Float(float) => match super::super::number::float_to_big(float.trunc()) {
            Some(big) => Val::from_big(big),
            None if float.is_nan() => val,
            None => return Err(Fault::other("cannot convert float infinity to integer")),
        },
        other => {
            return Err(Fault::other(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                other.type_name()
            )));
        }
    })
}

/// Text or octets that may be a number.
pub(super) fn number_text(val: &Val) -> Cow<'_, str> {
    match val {
        Val::Str(text) | Val::Markup(text) => Cow::Borrowed(text),
        Val::Bytes(octets) => String::from_utf8_lossy(octets),
        _ => Cow::Borrowed(""),
    }
}

pub(super) fn is_hex(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("is_hex", ["value"], 1)?;
    match given(val) {
        Val::Undefined(undefined) if undefined.strict => Ok(Val::Bool(false)),
        val => Ok(Val::Bool(parse_int(&number_text(&val), 16).is_some())),
    }
}

pub(super) fn contains_whitespace(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("contains_whitespace", ["text"], 1)?;
    for item in counted_items(run, &given(val))? {
        let text = text(&item, |name| format!("'{name}' object has no attribute 'isspace'"))?;
        if !text.is_empty() && text.chars().all(is_space) {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

pub(super) fn human_to_bytes(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, unit, metric] = args.bind("human_to_bytes", ["size", "default_unit", "handle_metric"], 1)?;
    let size = run.text_of(&given(val))?;
    let size = size.trim_matches(is_space);
    let metric = flag(metric, false)?;
    let default = match unit {
        None => "b".to_owned(),
        Some(unit) => run.text_of(&unit)?.to_lowercase(),
    };
    let end = size.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(size.len());
    let (number, rest) = size.split_at(end);
    let rest = rest.trim_start_matches(is_space).to_lowercase();
    let unit = if rest.is_empty() { default } else { rest };
    let Some(number) =
        parse_int(number, 10).map(Val::from_big).or_else(|| parse_float(number).map(Val::Float))
    else {
        return Ok(Val::Int(0));
    };
    let mut letters = unit.chars();
    let Some(power) = letters.next().and_then(|c| "bkmgtpezy".find(c)) else { return Ok(Val::Int(0)) };
    let is_decimal = match (power, letters.as_str()) {
        (0, "") | (1.., "" | "ib") => false,
        (1.., "b") => metric,
        _ => return Ok(Val::Int(0)),
    };
    let power = u32::try_from(power).unwrap_or_default();
    let factor = if is_decimal {
        num_bigint::BigInt::from(10).pow(power * 3)
    } else {
        num_bigint::BigInt::from(2).pow(power * 10)
    };
    let product = run.binary(super::super::syntax::BinaryOp::Mul, &number, &Val::from_big(factor))?;
    super::numbers::int(run, Args::of(vec![product]))
}

pub(super) fn to_bytes(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, _encoding, _errors] = args.bind("to_bytes", ["s", "encoding", "errors"], 1)?;
    match given(val) {
        val @ Val::Bytes(_) => Ok(val),
        Val::Str(text) | Val::Markup(text) => Ok(Val::Bytes(text.as_bytes().into())),
        other => Err(Fault::other(format!(
            "expected str, bytes, or bytearray not <class '{}'>",
            python_class(&other)
        ))),
    }
}

/// A class as `type(val)` prints it.
pub(super) fn python_class(val: &Val) -> String {
    match val {
        Val::Undefined(undefined) if undefined.strict => "jinja2.runtime.StrictUndefined".into(),
        Val::Undefined(_) => "jinja2.runtime.Undefined".into(),
        Val::Markup(_) => "markupsafe.Markup".into(),
        other => other.type_name().to_owned(),
    }
}

pub(super) fn to_snake_case(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("camel_to_snake_case", ["camel_input"], 1)?;
    let it = text(&given(val), |name| format!("'{name}' object is not subscriptable"))?;
    let chars: Vec<char> = it.chars().collect();
    let Some(first) = chars.first() else { return Err(Fault::other("string index out of range")) };
    let mut out: String = first.to_lowercase().collect();
    for (at, c) in chars.iter().enumerate().skip(1) {
        let before = chars.get(at - 1).is_some_and(|c| c.is_lowercase());
        let after = chars.get(at + 1).is_some_and(|c| c.is_lowercase());
        if c.is_uppercase() && (before || after) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    run.text(out)
}

pub(super) fn to_camelcase(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, upper] = args.bind("snake_to_camel_case", ["snake_input", "uppercamel"], 1)?;
    let it = text(&given(val), |name| match name {
        "bytes" => "a bytes-like object is required, not 'str'".to_owned(),
        name => format!("'{name}' object has no attribute 'split'"),
    })?;
    let upper = flag(upper, false)?;
    let mut out = String::new();
    for (index, word) in it.split('_').enumerate() {
        if index == 0 && !upper {
            out.push_str(word);
        } else {
            out.push_str(&capitalize(word));
        }
    }
    run.text(out)
}

pub(super) fn substring_in_list(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, list] = args.bind("substr_in_list", ["string_to_search_for", "list_to_search"], 2)?;
    let val = given(val);
    for item in counted_items(run, &given(list))? {
        if run.contains(&item, &val)? {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

pub(super) fn check_whitelist_blacklist(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, white, black] =
        args.bind("check_whitelist_blacklist", ["value", "whitelist", "blacklist"], 1)?;
    let val = given(val);
    let mut list = |list: Option<Val>, name: &str| -> Res<Vec<Val>> {
        let list = given(list);
        if !list.truthy()? {
            return Ok(Vec::new());
        }
        match &list {
            Val::Str(_) | Val::Markup(_) => Ok(vec![list]),
            Val::Int(_) | Val::Big(_) | Val::Float(_) | Val::Bool(_) => Err(Fault::other(format!(
                "Expecting iterable {name}, but got {} ({})",
                list.type_name(),
                run.text_of(&list)?
            ))),
            _ => counted_items(run, &list),
        }
    };
    let black = list(black, "blacklist")?;
    let white = list(white, "whitelist")?;
    let matches = |list: &[Val]| {
        list.iter().any(|expression| match (val.as_str(), expression.as_str()) {
            (Some(val), Some(expression)) => expr_match(val, expression),
            _ => false,
        })
    };
    Ok(Val::Bool(match (white.is_empty(), black.is_empty()) {
        (true, true) => true,
        (true, false) => !matches(&black),
        (false, true) => matches(&white),
        (false, false) => !matches(&black) && matches(&white),
    }))
}

pub(super) fn path_join(run: &mut Run<'_>, mut args: Args) -> Res<Val> {
    args.take("use_posixpath");
    if let Some((name, val)) = args.kw.first() {
        let val = run.text_of(val)?;
        return Err(Fault::other(format!("The following keyword arguments are not valid: {name}={val}")));
    }
    let mut out = String::new();
    for (index, part) in args.pos.iter().enumerate() {
        let part = match part {
            Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Val::Undefined(undefined) => return Err(undefined.fault()),
            other => match other.as_str() {
                Some(text) => text.to_string(),
                None => {
                    return Err(Fault::other(format!(
                        "expected str, bytes, or bytearray not <class '{}'>",
                        python_class(other)
                    )));
                }
            },
        };
        let part = normalise(&part);
        if index == 0 {
            out = part;
        } else {
            let part = part.trim_start_matches('/');
            if !out.ends_with('/') {
                out.push('/');
            }
            out.push_str(part);
        }
    }
    if args.pos.is_empty() {
        return Ok(Val::str(""));
    }
    run.text(normalise(&out))
}

/// Text between double quotes, as YAML escapes it without wrapping.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let escape = match c {
            '\0' => "0",
            '\x07' => "a",
            '\x08' => "b",
            '\t' => "t",
            '\n' => "n",
            '\x0b' => "v",
            '\x0c' => "f",
            '\r' => "r",
            '\x1b' => "e",
            '"' => "\"",
            '\\' => "\\",
            '\u{85}' => "N",
            '\u{a0}' => "_",
            '\u{2028}' => "L",
            '\u{2029}' => "P",
            _ => "",
        };
        if !escape.is_empty() {
            out.push('\\');
            out.push_str(escape);
        } else if (' '..='~').contains(&c) {
            out.push(c);
        } else {
            match c as u32 {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02X}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04X}")),
                code => out.push_str(&format!("\\U{code:08X}")),
            }
        }
    }
    out.push('"');
    out
}

pub(super) fn yaml_dquote(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("yaml_dquote", ["text"], 1)?;
    let text = run.text_of(&given(val))?;
    run.text(double_quoted(&text))
}

pub(super) fn yaml_squote(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("yaml_squote", ["text"], 1)?;
    let text = run.text_of(&given(val))?;
    let mut out = String::from("'");
    let mut breaks = false;
    for c in text.chars() {
        match c {
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                // One break would read as a space.
                if c == '\n' && !breaks {
                    out.push('\n');
                }
                out.push(c);
                breaks = true;
                continue;
            }
            '\'' => out.push_str("''"),
            other => out.push(other),
        }
        breaks = false;
    }
    out.push('\'');
    run.text(out)
}

pub(super) fn yaml_encode(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("yaml_encode", ["data"], 1)?;
    let val = given(val);
    let out = match &val {
        Val::Str(text) => double_quoted(text),
        Val::None => "null".to_owned(),
        Val::Bool(bool) => bool.to_string(),
        Val::Int(_) | Val::Big(_) => run.text_of(&val)?.to_string(),
        Val::Float(float) => {
            if float.is_nan() {
                ".nan".into()
            } else if float.is_infinite() {
                if *float > 0.0 { ".inf" } else { "-.inf" }.into()
            } else {
                let text = crate::value::float_repr(*float);
                if !text.contains('.') && text.contains('e') { text.replacen('e', ".0e", 1) } else { text }
            }
        }
        Val::Time(_) => run.text_of(&val)?.to_string(),
        Val::Bytes(bytes) => {
            use base64::Engine;
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            let lines: Vec<&str> =
                text.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
            lines.iter().map(|line| format!("{line}\n")).collect()
        }
        Val::List(_) | Val::Tuple(_) | Val::Dict(_) | Val::Set(_) => {
            return Err(Fault::other(format!(
                "yaml_encode() only works with YAML scalar data; failed for <class '{}'>",
                python_class(&val)
            )));
        }
        other => {
            let shown = super::super::print::repr(other)?;
            return Err(Fault::other(format!("('cannot represent an object', {shown})")));
        }
    };
    run.text(out)
}
