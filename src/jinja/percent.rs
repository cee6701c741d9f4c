//! `'…' % values`. Python: "printf-style String Formatting".

use num_bigint::Sign;

use super::fault::{Fault, Res};
use super::format::{ascii, exponent, fixed, general};
use super::methods::text::escape;
use super::number::{Num, float_to_big};
use super::print::{repr, str_of};
use super::run::Run;
use super::val::Val;

#[derive(Default)]
struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
}

impl Run<'_> {
    /// `format % val`
    pub(super) fn percent(&mut self, format: &str, val: &Val) -> Res<String> {
        let args: Vec<Val> = match val {
            Val::Tuple(tuple) => tuple.items.clone(),
            other => vec![other.clone()],
        };
        // What has items by key may have more than the text asks for.
        let is_mapping =
            matches!(val, Val::Dict(_) | Val::List(_) | Val::Bytes(_) | Val::Range(_) | Val::View(..))
                || matches!(val, Val::Undefined(_));
        let mut used = 0;
        let take = |used: &mut usize| -> Res<Val> {
            let item = args.get(*used).cloned();
            *used += 1;
            item.ok_or_else(|| Fault::other("not enough arguments for format string"))
        };
        let mut mapped = false;
        let mut out = String::new();
        let chars: Vec<char> = format.chars().collect();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            if c != '%' {
                out.push(c);
                continue;
            }
            let incomplete = || Fault::other("incomplete format");
            let mut keyed = None;
            if chars.get(at) == Some(&'(') {
                let Val::Dict(dict) = val else {
                    if let Val::Undefined(undefined) = val {
                        return Err(undefined.fault());
                    }
                    return Err(Fault::other("format requires a mapping"));
                };
                let start = at + 1;
                let mut depth = 1;
                at += 1;
                while depth > 0 {
                    match chars.get(at) {
                        Some('(') => depth += 1,
                        Some(')') => depth -= 1,
                        Some(_) => {}
                        None => return Err(Fault::other("incomplete format key")),
                    }
                    at += 1;
                }
                let key: String = chars[start..at - 1].iter().collect();
                let found = dict.entries.borrow().get(key.as_str()).cloned();
                keyed = Some(found.ok_or_else(|| Fault::other(super::print::text_repr_owned(&key)))?);
                mapped = true;
            }
            let mut flags = Flags::default();
            loop {
                match chars.get(at) {
                    Some('-') => flags.left = true,
                    Some('+') => flags.plus = true,
                    Some(' ') => flags.space = true,
                    Some('#') => flags.alternate = true,
                    Some('0') => flags.zero = true,
                    _ => break,
                }
                at += 1;
            }
            let number = |at: &mut usize, used: &mut usize| -> Res<Option<i64>> {
                if chars.get(*at) == Some(&'*') {
                    *at += 1;
                    let val = take(used)?;
                    return val.as_index().map(Some).ok_or_else(|| Fault::other("* wants int"));
                }
                let start = *at;
                let mut value: i64 = 0;
                while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
                    value = value.saturating_mul(10).saturating_add(i64::from(digit));
                    *at += 1;
                }
                Ok((*at > start).then_some(value))
            };
            let mut width = number(&mut at, &mut used)?.unwrap_or(0);
            if width < 0 {
                flags.left = true;
                width = width.saturating_neg();
            }
            let mut precision = None;
            if chars.get(at) == Some(&'.') {
                at += 1;
                precision = Some(number(&mut at, &mut used)?.unwrap_or(0).max(0));
            }
            while matches!(chars.get(at), Some('h' | 'l' | 'L')) {
                at += 1;
            }
            let code = *chars.get(at).ok_or_else(incomplete)?;
            at += 1;
            if width > 1 << 24 || precision > Some(1 << 12) {
                return Err(Fault::other("width too big"));
            }
            let width = usize::try_from(width).unwrap_or_default();
            self.charge(width)?;
            let precision = precision.map(|precision| usize::try_from(precision).unwrap_or_default());
            if code == '%' {
                out.push('%');
                continue;
            }
            if !matches!(
                code,
                's' | 'r' | 'a' | 'c' | 'd' | 'i' | 'u' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G'
            ) {
                let shown = if (' '..='~').contains(&code) { code } else { '?' };
                let index = at - 1;
                return Err(Fault::other(format!(
                    "unsupported format character '{shown}' (0x{:x}) at index {index}",
                    code as u32
                )));
            }
            let arg = match keyed {
                Some(arg) => arg,
                None => take(&mut used)?,
            };
            let (head, body, is_number) = one(code, &arg, precision, &flags)?;
            let length = head.chars().count() + body.chars().count();
            let missing = width.saturating_sub(length);
            self.charge(body.len())?;
            if flags.left {
                out.push_str(&head);
                out.push_str(&body);
                out.push_str(&" ".repeat(missing));
            } else if flags.zero && is_number {
                out.push_str(&head);
                out.push_str(&"0".repeat(missing));
                out.push_str(&body);
            } else {
                out.push_str(&" ".repeat(missing));
                out.push_str(&head);
                out.push_str(&body);
            }
        }
        if used < args.len() && !mapped && !is_mapping {
            return Err(Fault::other("not all arguments converted during string formatting"));
        }
        Ok(out)
    }

    /// As [`Run::percent`], with text in the values escaped.
    pub(super) fn percent_markup(&mut self, format: &str, val: &Val) -> Res<String> {
        let escaped = |val: &Val| match val {
            Val::Str(text) => Val::str(escape(text)),
            Val::Markup(text) => Val::Str(std::rc::Rc::clone(text)),
            other => other.clone(),
        };
        let val = match val {
            Val::Tuple(tuple) => Val::tuple(tuple.items.iter().map(escaped).collect()),
            Val::Dict(dict) => {
                let entries = dict.entries.borrow();
                Val::dict(entries.iter().map(|(key, val)| (key.clone(), escaped(val))).collect())
            }
            other => escaped(other),
        };
        self.percent(format, &val)
    }
}

/// One value: its sign or prefix, its text, and whether zeros may stand between.
fn one(code: char, val: &Val, precision: Option<usize>, flags: &Flags) -> Res<(String, String, bool)> {
    let sign = |negative: bool| {
        if negative {
            "-"
        } else if flags.plus {
            "+"
        } else if flags.space {
            " "
        } else {
            ""
        }
    };
    match code {
        's' | 'r' | 'a' => {
            let text = match code {
                's' => str_of(val)?.to_string(),
                'r' => repr(val)?,
                _ => ascii(&repr(val)?),
            };
            let text = match precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text,
            };
            Ok((String::new(), text, false))
        }
        'c' => {
            let text = match val {
                Val::Str(text) | Val::Markup(text) if text.chars().count() == 1 => text.to_string(),
                other => match other.as_index().map(|int| u32::try_from(int).ok().and_then(char::from_u32)) {
                    Some(Some(char)) => char.to_string(),
                    Some(None) => return Err(Fault::other("%c arg not in range(0x110000)")),
                    None => return Err(Fault::other("%c requires int or char")),
                },
            };
            Ok((String::new(), text, false))
        }
        'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
            let int = match Num::of(val) {
                Some(Num::Float(float)) if matches!(code, 'd' | 'i' | 'u') => float_to_big(float.trunc())
                    .ok_or_else(|| {
                        Fault::other(if float.is_nan() {
                            "cannot convert float NaN to integer"
                        } else {
                            "cannot convert float infinity to integer"
                        })
                    })?,
                Some(Num::Float(_)) => {
                    return Err(Fault::other(format!("%{code} format: an integer is required, not float")));
                }
                Some(num) => num.big(),
                None => {
                    if let Val::Undefined(undefined) = val {
                        return Err(undefined.fault());
                    }
                    let wanted = if matches!(code, 'd' | 'i' | 'u') { "a real number" } else { "an integer" };
                    let code = if matches!(code, 'i' | 'u') { 'd' } else { code };
                    return Err(Fault::other(format!(
                        "%{code} format: {wanted} is required, not {}",
                        val.type_name()
                    )));
                }
            };
            let magnitude = int.magnitude();
            let (digits, prefix) = match code {
                'o' => (magnitude.to_str_radix(8), "0o"),
                'x' => (magnitude.to_str_radix(16), "0x"),
                'X' => (magnitude.to_str_radix(16).to_uppercase(), "0X"),
                _ => (magnitude.to_str_radix(10), ""),
            };
            let digits = match precision {
                Some(precision) => format!("{digits:0>precision$}"),
                None => digits,
            };
            let prefix = if flags.alternate { prefix } else { "" };
            Ok((format!("{}{prefix}", sign(int.sign() == Sign::Minus)), digits, true))
        }
        _ => {
            let float = match (Num::of(val), val) {
                (Some(num), _) => num.float(),
                (None, Val::Undefined(undefined)) => return Err(undefined.fault()),
                (None, other) => {
                    return Err(Fault::other(format!("must be real number, not {}", other.type_name())));
                }
            };
            let precision = precision.unwrap_or(6);
            let text = match code {
                'e' | 'E' => exponent(float.abs(), precision, flags.alternate),
                'f' | 'F' => fixed(float.abs(), precision, flags.alternate),
                _ => general(float.abs(), precision, flags.alternate),
            };
            let text = if code.is_ascii_uppercase() { text.to_uppercase() } else { text };
            let negative = float.is_sign_negative() && !float.is_nan();
            Ok((sign(negative).to_owned(), text, float.is_finite()))
        }
    }
}
