//! `strftime`. Salt: utils/dateutils.py.

use std::rc::Rc;

use super::super::call::{Args, given};
use super::super::fault::{Fault, Res};
use super::super::number::Num;
use super::super::run::Run;
use super::super::val::Val;
use super::numbers::parse_float;
use crate::value::DateTime;

/// `time.strftime(format)`; a directive that is not known stays as it is.
pub(in super::super) fn strftime(time: &DateTime, format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(directive) = chars.next() else {
            out.push('%');
            break;
        };
        match directive {
            '%' => out.push('%'),
            'f' => out.push_str(&format!("{:06}", time.subsec_nanosecond() / 1000)),
            'z' | 'Z' => {}
            'c' => out.push_str(&strftime(time, "%a %b %e %H:%M:%S %Y")),
            'x' => out.push_str(&strftime(time, "%m/%d/%y")),
            'X' => out.push_str(&strftime(time, "%H:%M:%S")),
            'E' | 'O' => {
                if let Some(inner) = chars.next() {
                    out.push_str(&strftime(time, &format!("%{inner}")));
                }
            }
            other => {
                let one = format!("%{other}");
                let mut text = String::new();
                let printed = jiff::fmt::strtime::BrokenDownTime::from(*time).format(&one, &mut text);
                out.push_str(if printed.is_ok() { &text } else { &one });
            }
        }
    }
    out
}

pub(super) fn date_format(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, format] = args.bind("strftime", ["date", "format"], 0)?;
    let format = match format {
        None => Rc::from("%Y-%m-%d"),
        Some(format) => format.as_str().cloned().ok_or_else(|| {
            Fault::other(format!("strftime() argument 1 must be str, not {}", format.type_name()))
        })?,
    };
    let val = given(val);
    let unreadable =
        |shown: &str| Fault::other(format!("Unable to parse {shown}. Consider installing timelib"));
    let seconds = match &val {
        Val::Time(time) => return run.text(strftime(time, &format)),
        Val::None => None,
        Val::Undefined(undefined) => return Err(undefined.fault()),
        Val::Str(text) | Val::Markup(text) => match parse_float(text) {
            Some(seconds) => Some(seconds),
            None => {
                return match read(text) {
                    Some(time) => run.text(strftime(&time, &format)),
                    None => Err(unreadable(text)),
                };
            }
        },
        other => match Num::of(other) {
            Some(num) => Some(num.float()),
            None => return Err(unreadable(&run.text_of(other)?)),
        },
    };
    match run.around.local_time(seconds) {
        Some(time) => run.text(strftime(&time, &format)),
        None => Err(unreadable(&run.text_of(&val)?)),
    }
}

/// The usual ways to write a date.
fn read(text: &str) -> Option<DateTime> {
    let text = text.trim().replace('/', "-");
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time);
    }
    text.parse::<jiff::civil::Date>().ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
}
