//! Filters over numbers: Jinja2 3.1 `filters.py`, Salt: utils/jinja.py (`min`, `max`, `avg`).

use num_bigint::BigInt;

use super::super::call::{Args, flag, given, int as int_arg};
use super::super::compare::{Order, ordered};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::lex::is_space;
use super::super::number::{Num, float_to_big};
use super::super::print::{repr, text_repr_owned};
use super::super::run::Run;
use super::super::syntax::BinaryOp;
use super::super::val::Val;
use super::select::Path;
use super::strings::number_text;

pub(in super::super) fn abs(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("abs", ["x"], 1)?;
    let val = given(val);
    match Num::of(&val) {
        Some(Num::Float(float)) => Ok(Val::Float(float.abs())),
        Some(num) => Ok(Val::from_big(BigInt::from(num.big().magnitude().clone()))),
        None => Err(Fault::other(format!("bad operand type for abs(): '{}'", val.type_name()))),
    }
}

/// Python's `int(text, base)`.
pub(in super::super) fn parse_int(text: &str, base: u32) -> Option<BigInt> {
    let text = text.trim_matches(is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = digits.get(..2).map(str::to_lowercase);
    let (base, digits, prefixed) = match (prefix.as_deref(), base) {
        (Some("0x"), 0 | 16) => (16, digits.get(2..)?, true),
        (Some("0o"), 0 | 8) => (8, digits.get(2..)?, true),
        (Some("0b"), 0 | 2) => (2, digits.get(2..)?, true),
        (_, 0)
            if digits.len() > 1
                && digits.starts_with('0')
                && digits.bytes().any(|b| b != b'0' && b != b'_') =>
        {
            return None;
        }
        (_, 0) => (10, digits, false),
        (_, base) => (base, digits, false),
    };
    let digits = if prefixed { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let plain = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if plain || digits.is_empty() || digits.len() > 4_300 {
        return None;
    }
    let digits: String = digits
        .chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_digit(36).and_then(|digit| char::from_digit(digit, 36)))
        .collect::<Option<_>>()?;
    let big = BigInt::parse_bytes(digits.as_bytes(), base)?;
    Some(if negative { -big } else { big })
}

/// Python's `float(text)`.
pub(in super::super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_space);
    let word = text.trim_start_matches(['+', '-']).to_lowercase();
    if matches!(word.as_str(), "inf" | "infinity" | "nan") {
        return text.to_lowercase().parse().ok();
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E' | b'_')) {
        return None;
    }
    let bytes = text.as_bytes();
    let lonely = bytes.iter().enumerate().any(|(at, b)| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        *b == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)))
    });
    if lonely {
        return None;
    }
    text.replace('_', "").parse().ok()
}

pub(super) fn int(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, default, base] = args.bind("do_int", ["value", "default", "base"], 1)?;
    let val = given(val);
    let default = default.unwrap_or(Val::Int(0));
    let whole = |float: f64| float_to_big(float.trunc()).map(Val::from_big);
    Ok(match &val {
        Val::Undefined(undefined) => return Err(undefined.fault()),
        Val::Str(text) | Val::Markup(text) => {
            let base = int_arg(base, 10)?;
            let base = u32::try_from(base).unwrap_or(1);
            let parsed = if base == 0 || (2..=36).contains(&base) { parse_int(text, base) } else { None };
            match parsed {
                Some(big) => Val::from_big(big),
                None => parse_float(text).and_then(whole).unwrap_or(default),
            }
        }
        Val::Float(float) if float.is_infinite() => {
            return Err(Fault::other("cannot convert float infinity to integer"));
        }
        Val::Float(float) => whole(*float).unwrap_or(default),
        Val::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            match parse_int(text, 10) {
                Some(big) => Val::from_big(big),
                None => parse_float(text).and_then(whole).unwrap_or(default),
            }
        }
        other => match Num::of(other) {
            Some(num) => Val::from_big(num.big()),
            None => default,
        },
    })
}

pub(super) fn float(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, default] = args.bind("do_float", ["value", "default"], 1)?;
    let default = default.unwrap_or(Val::Float(0.0));
    Ok(match given(val) {
        Val::Undefined(undefined) if undefined.strict => return Err(undefined.fault()),
        Val::Str(text) | Val::Markup(text) => parse_float(&text).map_or(default, Val::Float),
        other => match Num::of(&other) {
            Some(num) if num.float().is_infinite() && !matches!(num, Num::Float(_)) => {
                return Err(Fault::other("int too large to convert to float"));
            }
            Some(num) => Val::Float(num.float()),
            None => default,
        },
    })
}

pub(super) fn filesizeformat(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, binary] = args.bind("do_filesizeformat", ["value", "binary"], 1)?;
    let val = given(val);
    let bytes = python_float(&val)?;
    let binary = flag(binary, false)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return run.text("1 Byte".to_owned());
    }
    if bytes < base {
        return run.text(format!("{} Bytes", bytes as i64));
    }
    let units = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut unit = base;
    let mut name = "";
    for prefix in units {
        unit *= base;
        name = prefix;
        if bytes < unit {
            break;
        }
    }
    let name = if binary { format!("{}iB", name.to_uppercase()) } else { format!("{name}B") };
    run.text(format!("{:.1} {name}", base * bytes / unit))
}

pub(super) fn round(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, precision, method] = args.bind("do_round", ["value", "precision", "method"], 1)?;
    let val = given(val);
    let method = method.as_ref().and_then(Val::as_str).map_or("common".to_owned(), |name| name.to_string());
    if !matches!(method.as_str(), "common" | "ceil" | "floor") {
        return Err(Fault::template("method must be common, ceil or floor"));
    }
    let num = match (&val, Num::of(&val)) {
        (Val::Undefined(undefined), _) if method != "common" => return Err(undefined.fault()),
        (_, Some(num)) => num,
        (other, None) => {
            let name = other.type_name();
            return Err(if method == "common" {
                Fault::other(format!("type {name} doesn't define __round__ method"))
            } else if matches!(other, Val::Str(_) | Val::List(_)) {
                Fault::other(format!("must be real number, not {name}"))
            } else {
                Fault::other(format!("unsupported operand type(s) for *: '{name}' and 'int'"))
            });
        }
    };
    let precision = int_arg(precision, 0)?;
    if method != "common" {
        let power = 10_f64.powi(i32::try_from(precision).unwrap_or(0));
        let scaled = num.float() * power;
        let whole = if method == "ceil" { scaled.ceil() } else { scaled.floor() };
        return Ok(Val::Float(whole / power));
    }
    match num {
        Num::Float(float) => Ok(Val::Float(round_float(float, precision))),
        int if precision >= 0 => Ok(Val::from_big(int.big())),
        int => {
            let power = BigInt::from(10).pow(u32::try_from(-precision).unwrap_or(u32::MAX).min(4_000));
            let big = int.big();
            let (mut quotient, mut rest) = (&big / &power, &big % &power);
            if rest.sign() == num_bigint::Sign::Minus {
                quotient -= 1;
                rest += &power;
            }
            let twice: BigInt = rest * 2;
            if twice > power || (twice == power && &quotient % 2 != BigInt::from(0)) {
                quotient += 1;
            }
            Ok(Val::from_big(quotient * power))
        }
    }
}

/// Python's `round(float, digits)`: halves of the decimal text go to the even digit.
pub(super) fn round_float(float: f64, digits: i64) -> f64 {
    if !float.is_finite() || digits > 300 {
        return float;
    }
    if digits >= 0 {
        let digits = usize::try_from(digits).unwrap_or(0);
        return format!("{float:.digits$}").parse().unwrap_or(float);
    }
    let power = 10_f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX));
    let scaled = float / power;
    let rounded = scaled.round_ties_even() * power;
    if rounded.is_finite() { rounded } else { 0.0_f64.copysign(float) }
}

pub(super) fn sum(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, attribute, start] = args.bind("sync_do_sum", ["iterable", "attribute", "start"], 1)?;
    let mut total = start.unwrap_or(Val::Int(0));
    if matches!(total, Val::Str(_) | Val::Markup(_)) {
        return Err(Fault::other("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    let path = Path::of(attribute.as_ref());
    for item in counted_items(run, &given(val))? {
        let item = path.get(run, &item)?;
        total = run.binary(BinaryOp::Add, &total, &item)?;
    }
    Ok(total)
}

fn extreme(run: &mut Run<'_>, args: Args, function: &str, order: Order) -> Res<Val> {
    let [val] = args.bind(if function == "min" { "lst_min" } else { "lst_max" }, ["obj"], 1)?;
    let mut items = counted_items(run, &given(val))?.into_iter();
    let Some(mut best) = items.next() else {
        return Err(Fault::other(format!("{function}() arg is an empty sequence")));
    };
    for item in items {
        if ordered(order, &item, &best)? {
            best = item;
        }
    }
    Ok(best)
}

pub(super) fn min(run: &mut Run<'_>, args: Args) -> Res<Val> {
    extreme(run, args, "min", Order::Lt)
}

pub(super) fn max(run: &mut Run<'_>, args: Args) -> Res<Val> {
    extreme(run, args, "max", Order::Gt)
}

pub(super) fn avg(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("lst_avg", ["lst"], 1)?;
    let val = given(val);
    if let Val::List(_) | Val::Set(_) | Val::Dict(_) | Val::View(..) = &val {
        let items = counted_items(run, &val)?;
        let mut total = Val::Int(0);
        for item in &items {
            total = run.binary(BinaryOp::Add, &total, item)?;
        }
        let mean = run.binary(BinaryOp::Div, &total, &Val::len_of(items.len()))?;
        return Ok(mean);
    }
    python_float(&val).map(Val::Float)
}

/// Python's `float(val)`.
fn python_float(val: &Val) -> Res<f64> {
    match val {
        Val::Undefined(undefined) => Err(undefined.fault()),
        Val::Str(_) | Val::Markup(_) | Val::Bytes(_) => parse_float(&number_text(val)).ok_or_else(|| {
            let shown = match val {
                Val::Bytes(_) => repr(val).unwrap_or_default(),
                _ => text_repr_owned(&number_text(val)),
            };
            Fault::other(format!("could not convert string to float: {shown}"))
        }),
        other => Num::of(other).map(|num| num.float()).ok_or_else(|| {
            Fault::other(format!(
                "float() argument must be a string or a real number, not '{}'",
                other.type_name()
            ))
        }),
    }
}
