//! Python's format language: `format(value, spec)` and `'…'.format(…)`. Python: "Format String Syntax"; Jinja2 3.1:
//! `sandbox.py` (`SandboxedFormatter`).

use std::rc::Rc;

use num_bigint::{BigInt, Sign};

use super::call::Args;
use super::fault::{Fault, Res};
use super::methods::text::escape;
use super::number::Num;
use super::print::{repr, str_of};
use super::run::Run;
use super::val::Val;

/// The widest field and the most digits that a template may ask for.
const MAX_WIDTH: usize = 1 << 24;
const MAX_PRECISION: usize = 1 << 12;

/// `[[fill]align][sign][#][0][width][grouping][.precision][type]`
#[derive(Clone, Default)]
pub(super) struct Spec {
    pub fill: Option<char>,
    pub align: Option<char>,
    pub sign: Option<char>,
    pub alternate: bool,
    pub width: usize,
    pub grouping: Option<char>,
    pub precision: Option<usize>,
    pub kind: Option<char>,
}

fn parse(spec: &str, val: &Val) -> Res<Spec> {
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    let mut out = Spec::default();
    let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '=' | '^'));
    if is_align(chars.get(1)) {
        out.fill = chars.first().copied();
        out.align = chars.get(1).copied();
        at = 2;
    } else if is_align(chars.first()) {
        out.align = chars.first().copied();
        at = 1;
    }
    if let Some(sign @ ('+' | '-' | ' ')) = chars.get(at) {
        out.sign = Some(*sign);
        at += 1;
    }
    if chars.get(at) == Some(&'z') {
        at += 1;
    }
    if chars.get(at) == Some(&'#') {
        out.alternate = true;
        at += 1;
    }
    if chars.get(at) == Some(&'0') {
        out.fill = out.fill.or(Some('0'));
        // Text is padded on the right even then.
        out.align = out.align.or(if matches!(val, Val::Str(_) | Val::Markup(_)) { None } else { Some('=') });
        at += 1;
    }
    let number = |at: &mut usize| -> Res<Option<usize>> {
        let start = *at;
        let mut value: usize = 0;
        while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit as usize);
            *at += 1;
        }
        if value > MAX_WIDTH {
            return Err(Fault::other("Too many decimal digits in format string"));
        }
        Ok((*at > start).then_some(value))
    };
    out.width = number(&mut at)?.unwrap_or_default();
    if let Some(grouping @ (',' | '_')) = chars.get(at) {
        out.grouping = Some(*grouping);
        at += 1;
    }
    if chars.get(at) == Some(&'.') {
        at += 1;
        out.precision =
            Some(number(&mut at)?.ok_or_else(|| Fault::other("Format specifier missing precision"))?);
        if out.precision > Some(MAX_PRECISION) && !matches!(val, Val::Str(_) | Val::Markup(_)) {
            return Err(Fault::other("precision too big"));
        }
    }
    if chars.len() > at + 1 {
        let name = val.type_name();
        return Err(Fault::other(format!("Invalid format specifier '{spec}' for object of type '{name}'")));
    }
    out.kind = chars.get(at).copied();
    Ok(out)
}

fn unknown_code(code: char, val: &Val) -> Fault {
    Fault::other(format!("Unknown format code '{code}' for object of type '{}'", val.type_name()))
}

/// `format(val, spec)`
pub(super) fn format_value(run: &mut Run<'_>, val: &Val, spec: &str) -> Res<String> {
    if spec.is_empty() {
        return Ok(str_of(val)?.to_string());
    }
    let out = match val {
        Val::Str(text) | Val::Markup(text) => {
            let spec = parse(spec, val)?;
            run.charge(spec.width)?;
            format_text(text, &spec, val)?
        }
        Val::Bool(_) | Val::Int(_) | Val::Big(_) => {
            let spec = parse(spec, val)?;
            run.charge(spec.width)?;
            let num = Num::of(val).unwrap_or(Num::Int(0));
            match spec.kind {
                Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => format_float(num.float(), &spec, val)?,
                None if matches!(val, Val::Bool(_)) && spec.precision.is_none() => {
                    format_int(&num.big(), &Spec { kind: Some('d'), ..spec }, val)?
                }
                _ => format_int(&num.big(), &spec, val)?,
            }
        }
        Val::Float(float) => {
            let spec = parse(spec, val)?;
            run.charge(spec.width)?;
            format_float(*float, &spec, val)?
        }
        Val::Time(time) => super::filters::time::strftime(time, spec),
        Val::Undefined(undefined) => return Err(undefined.fault()),
        other => {
            let name = other.type_name();
            return Err(Fault::other(format!("unsupported format string passed to {name}.__format__")));
        }
    };
    Ok(out)
}

fn format_text(text: &str, spec: &Spec, val: &Val) -> Res<String> {
    if let Some(code) = spec.kind.filter(|code| *code != 's') {
        return Err(unknown_code(code, val));
    }
    if spec.sign.is_some() {
        return Err(Fault::other("Sign not allowed in string format specifier"));
    }
    if spec.alternate {
        return Err(Fault::other("Alternate form (#) not allowed in string format specifier"));
    }
    if spec.align == Some('=') {
        return Err(Fault::other("'=' alignment not allowed in string format specifier"));
    }
    if let Some(grouping) = spec.grouping {
        return Err(Fault::other(format!("Cannot specify '{grouping}' with 's'.")));
    }
    let cut: String = match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    Ok(pad(&cut, "", spec, '<'))
}

/// Fills `body` up to the width; `head` (sign and prefix) stays in front of `=` padding.
fn pad(body: &str, head: &str, spec: &Spec, default: char) -> String {
    let length = body.chars().count() + head.chars().count();
    let missing = spec.width.saturating_sub(length);
    let fill = spec.fill.unwrap_or(' ').to_string();
    let (before, inside, after) = match spec.align.unwrap_or(default) {
        '<' => (0, 0, missing),
        '^' => (missing / 2, 0, missing - missing / 2),
        '=' => (0, missing, 0),
        _ => (missing, 0, 0),
    };
    format!("{}{head}{}{body}{}", fill.repeat(before), fill.repeat(inside), fill.repeat(after))
}

fn sign_of(negative: bool, spec: &Spec) -> &'static str {
    match (negative, spec.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    }
}

/// Digits with separators, filled with grouped zeros when the width asks for them.
fn group(digits: &str, every: usize, separator: char, min: usize) -> String {
    let mut out: Vec<char> = Vec::new();
    for (index, digit) in digits.chars().rev().enumerate() {
        if index > 0 && index % every == 0 {
            out.push(separator);
        }
        out.push(digit);
    }
    let mut count = digits.len();
    while out.len() < min {
        if count.is_multiple_of(every) {
            out.push(separator);
            if out.len() >= min {
                // A separator never leads.
                out.push('0');
                break;
            }
        }
        out.push('0');
        count += 1;
    }
    out.iter().rev().collect()
}

fn format_int(int: &BigInt, spec: &Spec, val: &Val) -> Res<String> {
    if spec.precision.is_some() {
        return Err(Fault::other("Precision not allowed in integer format specifier"));
    }
    let negative = int.sign() == Sign::Minus;
    let magnitude = int.magnitude();
    let (digits, prefix, every) = match spec.kind {
        None | Some('d' | 'n') => (magnitude.to_str_radix(10), "", 3),
        Some('b') => (magnitude.to_str_radix(2), "0b", 4),
        Some('o') => (magnitude.to_str_radix(8), "0o", 4),
        Some('x') => (magnitude.to_str_radix(16), "0x", 4),
        Some('X') => (magnitude.to_str_radix(16).to_uppercase(), "0X", 4),
        Some('c') => {
            let code = u32::try_from(int).ok().and_then(char::from_u32);
            let char = code.ok_or_else(|| Fault::other("%c arg not in range(0x110000)"))?;
            return Ok(pad(&char.to_string(), "", spec, '<'));
        }
        Some(code) => return Err(unknown_code(code, val)),
    };
    let sign = sign_of(negative, spec);
    let head = if spec.alternate { format!("{sign}{prefix}") } else { sign.to_owned() };
    let body = match spec.grouping {
        Some(',') if every != 3 => {
            let code = spec.kind.unwrap_or('d');
            return Err(Fault::other(format!("Cannot specify ',' with '{code}'.")));
        }
        Some(separator) => {
            let zeros = spec.align == Some('=') && spec.fill == Some('0');
            let min = if zeros { spec.width.saturating_sub(head.len()) } else { 0 };
            group(&digits, every, separator, min)
        }
        None => digits,
    };
    Ok(pad(&body, &head, spec, '>'))
}

fn format_float(float: f64, spec: &Spec, val: &Val) -> Res<String> {
    let kind = spec.kind.unwrap_or(' ');
    let upper = kind.is_ascii_uppercase();
    let magnitude = float.abs();
    let mut body = match kind.to_ascii_lowercase() {
        'f' => fixed(magnitude, spec.precision.unwrap_or(6), spec.alternate),
        'e' => exponent(magnitude, spec.precision.unwrap_or(6), spec.alternate),
        'g' | 'n' => general(magnitude, spec.precision.unwrap_or(6), spec.alternate),
        '%' => fixed(magnitude * 100.0, spec.precision.unwrap_or(6), spec.alternate) + "%",
        ' ' => match spec.precision {
            None => crate::value::float_repr(magnitude),
            // As `g`, but with at least one digit behind the point.
            Some(precision) => {
                let precision = precision.max(1);
                let scientific = format!("{:.*e}", precision - 1, magnitude);
                let exp: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
                let text = general(magnitude, precision, false);
                if i64::from(exp) >= i64::try_from(precision).unwrap_or(i64::MAX) - 1 && !text.contains('e') {
                    let mut text = exponent(magnitude, precision - 1, false);
                    if let Some((mantissa, exp)) = text.clone().split_once('e') {
                        text = format!("{}e{exp}", trim_zeros(mantissa));
                    }
                    text
                } else if text.contains(['.', 'e', 'n']) {
                    text
                } else {
                    text + ".0"
                }
            }
        },
        _ => return Err(unknown_code(kind, val)),
    };
    if upper {
        body = body.to_uppercase();
    }
    let head = sign_of(float.is_sign_negative() && !float.is_nan(), spec);
    if let Some(separator) = spec.grouping {
        let end = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
        let zeros = spec.align == Some('=') && spec.fill == Some('0');
        let rest = body.split_off(end);
        let min = if zeros { spec.width.saturating_sub(head.len() + rest.len()) } else { 0 };
        body = group(&body, 3, separator, min) + &rest;
    }
    Ok(pad(&body, head, spec, '>'))
}

fn special(float: f64) -> Option<String> {
    if float.is_nan() {
        Some("nan".into())
    } else if float.is_infinite() {
        Some("inf".into())
    } else {
        None
    }
}

/// `%f`
pub(super) fn fixed(float: f64, precision: usize, alternate: bool) -> String {
    special(float).unwrap_or_else(|| {
        format!("{float:.precision$}") + if alternate && precision == 0 { "." } else { "" }
    })
}

/// `%e`
pub(super) fn exponent(float: f64, precision: usize, alternate: bool) -> String {
    special(float).unwrap_or_else(|| {
        let text = format!("{float:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        let point = if alternate && precision == 0 { "." } else { "" };
        format!("{mantissa}{point}e{sign}{digits:0>2}")
    })
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `%g`
pub(super) fn general(float: f64, precision: usize, alternate: bool) -> String {
    special(float).unwrap_or_else(|| {
        let precision = precision.max(1);
        let scientific = format!("{:.*e}", precision - 1, float);
        let exp: i64 = scientific.split_once('e').and_then(|(_, exp)| exp.parse().ok()).unwrap_or(0);
        let wanted = i64::try_from(precision).unwrap_or(i64::MAX);
        if (-4..wanted).contains(&exp) {
            let digits = usize::try_from(wanted - 1 - exp).unwrap_or_default();
            let text = fixed(float, digits, alternate);
            if alternate { text } else { trim_zeros(&text).to_owned() }
        } else {
            let text = exponent(float, precision - 1, alternate);
            match text.split_once('e') {
                Some((mantissa, exp)) if !alternate => format!("{}e{exp}", trim_zeros(mantissa)),
                _ => text,
            }
        }
    })
}

/// How fields without a number are counted.
#[derive(Default)]
struct Counter {
    next: usize,
    manual: bool,
    automatic: bool,
}

impl Run<'_> {
    /// `format.format(*args)`; `markup` escapes what is filled in.
    pub(super) fn format(&mut self, format: &str, args: &Args, markup: bool) -> Res<String> {
        self.format_at(format, args, markup, 2, &mut Counter::default())
    }

    fn format_at(
        &mut self,
        format: &str,
        args: &Args,
        markup: bool,
        depth: u32,
        counter: &mut Counter,
    ) -> Res<String> {
        if depth == 0 {
            return Err(Fault::other("Max string recursion exceeded"));
        }
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            let brace = rest.as_bytes()[at];
            if tail.as_bytes().first() == Some(&brace) {
                out.push(char::from(brace));
                rest = &tail[1..];
                continue;
            }
            if brace == b'}' {
                return Err(Fault::other("Single '}' encountered in format string"));
            }
            if tail.is_empty() {
                return Err(Fault::other("Single '{' encountered in format string"));
            }
            let end = field_end(tail).ok_or_else(|| Fault::other("expected '}' before end of string"))?;
            let text = self.field(&tail[..end], args, markup, depth, counter)?;
            self.charge(text.len())?;
            out.push_str(&text);
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(
        &mut self,
        field: &str,
        args: &Args,
        markup: bool,
        depth: u32,
        counter: &mut Counter,
    ) -> Res<String> {
        let name_end = name_end(field);
        let (name, tail) = field.split_at(name_end);
        let (conversion, spec) = match tail.strip_prefix('!') {
            Some(tail) => {
                let mut chars = tail.chars();
                let conversion = chars.next();
                match (conversion, chars.as_str().strip_prefix(':'), chars.as_str().is_empty()) {
                    (Some(_), Some(spec), _) => (conversion, spec),
                    (Some(_), None, true) => (conversion, ""),
                    (None, ..) => {
                        return Err(Fault::other("unmatched '{' in format spec"));
                    }
                    _ => return Err(Fault::other("expected ':' after conversion specifier")),
                }
            }
            None => (None, tail.strip_prefix(':').unwrap_or_default()),
        };
        let val = self.field_value(name, args, counter)?;
        let val = match conversion {
            None => val,
            Some('s') => Val::Str(str_of(&val)?),
            Some('r') => Val::str(repr(&val)?),
            Some('a') => Val::str(ascii(&repr(&val)?)),
            Some(other) => {
                return Err(Fault::other(format!("Unknown conversion specifier '{other}'")));
            }
        };
        let spec = if spec.contains(['{', '}']) {
            self.format_at(spec, args, false, depth - 1, counter)?
        } else {
            spec.to_owned()
        };
        let text = format_value(self, &val, &spec)?;
        Ok(if markup && !matches!(val, Val::Markup(_)) { escape(&text) } else { text })
    }

    fn field_value(&mut self, name: &str, args: &Args, counter: &mut Counter) -> Res<Val> {
        let first_end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(first_end);
        let index = if first.is_empty() {
            if counter.manual {
                return Err(Fault::other(
                    "cannot switch from manual field specification to automatic field numbering",
                ));
            }
            counter.automatic = true;
            counter.next += 1;
            Some(counter.next - 1)
        } else if first.bytes().all(|b| b.is_ascii_digit()) {
            if counter.automatic {
                return Err(Fault::other(
                    "cannot switch from manual field specification to automatic field numbering",
                ));
            }
            counter.manual = true;
            Some(first.parse().unwrap_or(usize::MAX))
        } else {
            None
        };
        let mut val = match index {
            Some(index) => {
                args.pos.get(index).cloned().ok_or_else(|| Fault::other("tuple index out of range"))?
            }
            None => args
                .kw
                .iter()
                .find(|(key, _)| &**key == first)
                .map(|(_, val)| val.clone())
                .ok_or_else(|| Fault::other(super::print::text_repr_owned(first)))?,
        };
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('.') {
                let end = tail.find(['.', '[']).unwrap_or(tail.len());
                let attr: Rc<str> = tail[..end].into();
                if attr.is_empty() {
                    return Err(Fault::other("Empty attribute in format string"));
                }
                val = self.attr(&val, &attr)?;
                rest = &tail[end..];
            } else if let Some(tail) = rest.strip_prefix('[') {
                let end = tail.find(']').ok_or_else(|| Fault::other("Missing ']' in format string"))?;
                let key = &tail[..end];
                if key.is_empty() {
                    return Err(Fault::other("Empty attribute in format string"));
                }
                let key = key.parse::<i64>().map_or_else(|_| Val::str(key), Val::Int);
                val = self.subscript(&val, &key)?;
                rest = &tail[end + 1..];
            } else {
                return Err(Fault::other("Only '.' or '[' may follow ']' in format field specifier"));
            }
        }
        Ok(val)
    }
}

/// Where the `}` of a field is, with the braces inside its spec left alone.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut bracket = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => bracket = true,
            b']' => bracket = false,
            b'{' if !bracket => depth += 1,
            b'}' if !bracket && depth == 0 => return Some(at),
            b'}' if !bracket => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_end(field: &str) -> usize {
    let mut bracket = false;
    for (at, byte) in field.bytes().enumerate() {
        match byte {
            b'[' => bracket = true,
            b']' => bracket = false,
            b'!' | b':' if !bracket => return at,
            _ => {}
        }
    }
    field.len()
}

/// Python's `ascii()` over a `repr()`.
pub(super) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c as u32 {
            0..0x80 => out.push(c),
            code @ 0x80..0x100 => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}
