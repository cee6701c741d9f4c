//! Filters of Jinja2 3.1 over text: `filters.py`.

use std::rc::Rc;

use super::super::call::{Args, flag, given, int};
use super::super::fault::{Fault, Res};
use super::super::lex::is_space;
use super::super::methods::text::{
    capitalize as capitalized, escape, like, made, replace_counted, split_lines, strip_chars, text_arg,
};
use super::super::run::Run;
use super::super::val::{Entries, Key, Val};

/// `soft_str(val)`: text stays of its kind, anything else becomes plain text.
fn soft(run: &mut Run<'_>, val: &Val) -> Res<Val> {
    match val {
        Val::Str(_) | Val::Markup(_) => Ok(val.clone()),
        other => Ok(Val::Str(run.text_of(other)?)),
    }
}

fn text(val: &Val) -> Rc<str> {
    val.as_str().cloned().unwrap_or_else(|| Rc::from(""))
}

fn mapped(run: &mut Run<'_>, args: Args, name: &str, f: fn(&str) -> String) -> Res<Val> {
    let [val] = args.bind(name, ["s"], 1)?;
    let val = soft(run, &given(val))?;
    let out = f(&text(&val));
    made(run, &val, out)
}

pub(super) fn capitalize(run: &mut Run<'_>, args: Args) -> Res<Val> {
    mapped(run, args, "do_capitalize", capitalized)
}

pub(super) fn lower(run: &mut Run<'_>, args: Args) -> Res<Val> {
    mapped(run, args, "do_lower", str::to_lowercase)
}

pub(super) fn upper(run: &mut Run<'_>, args: Args) -> Res<Val> {
    mapped(run, args, "do_upper", str::to_uppercase)
}

pub(super) fn title(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_title", ["s"], 1)?;
    let val = soft(run, &given(val))?;
    let begins = |c: char| matches!(c, '-' | '(' | '{' | '[' | '<') || is_space(c);
    let mut out = String::new();
    let mut inside = false;
    for c in text(&val).chars() {
        if begins(c) {
            inside = false;
            out.push(c);
        } else if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
            inside = true;
        }
    }
    run.text(out)
}

pub(super) fn string(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("soft_str", ["s"], 1)?;
    soft(run, &given(val))
}

pub(super) fn default(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, default, boolean] = args.bind("do_default", ["value", "default_value", "boolean"], 1)?;
    let val = given(val);
    if val.is_undefined() || (flag(boolean, false)? && !val.truthy()?) {
        return Ok(default.unwrap_or_else(|| Val::str("")));
    }
    Ok(val)
}

pub(super) fn replace(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, old, new, count] = args.bind("do_replace", ["s", "old", "new", "count"], 3)?;
    let val = run.text_of(&given(val))?;
    let old = run.text_of(&given(old))?;
    let new = run.text_of(&given(new))?;
    let count = match count {
        None | Some(Val::None) => -1,
        count => int(count, -1)?,
    };
    let out = replace_counted(run, &val, &old, &new, count)?;
    run.text(out)
}

pub(super) fn center(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, width] = args.bind("do_center", ["value", "width"], 1)?;
    let val = soft(run, &given(val))?;
    let width = Val::Int(int(width, 80)?);
    super::super::methods::call(run, &val, "center", Args::of(vec![width]))
}

pub(super) fn trim(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, chars] = args.bind("do_trim", ["value", "chars"], 1)?;
    let val = soft(run, &given(val))?;
    let chars = match &chars {
        None | Some(Val::None) => None,
        Some(val) => {
            Some(val.as_str().cloned().ok_or_else(|| Fault::other("strip arg must be None or str"))?)
        }
    };
    let out = strip_chars(&text(&val), chars.as_deref(), true, true).to_owned();
    made(run, &val, out)
}

pub(super) fn wordcount(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_wordcount", ["s"], 1)?;
    let val = soft(run, &given(val))?;
    let text = text(&val);
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    Ok(Val::len_of(words.count()))
}

pub(super) fn indent(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, width, first, blank] = args.bind("do_indent", ["s", "width", "first", "blank"], 1)?;
    let val = given(val);
    let Some(text) = val.as_str().cloned() else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            Val::List(_) => Fault::other("'list' object has no attribute 'splitlines'"),
            Val::Bytes(_) => Fault::other("can't concat str to bytes"),
            Val::Tuple(_) => Fault::other("can only concatenate tuple (not \"str\") to tuple"),
            other => {
                Fault::other(format!("unsupported operand type(s) for +=: '{}' and 'str'", other.type_name()))
            }
        });
    };
    let indention = match &width {
        None => "    ".to_owned(),
        Some(Val::Str(text)) if matches!(val, Val::Markup(_)) => escape(text),
        Some(Val::Str(text) | Val::Markup(text)) => text.to_string(),
        Some(other) => {
            let Some(width) = other.as_index() else {
                return Err(match other {
                    Val::Undefined(undefined) => undefined.fault(),
                    other => Fault::other(format!(
                        "can't multiply sequence by non-int of type '{}'",
                        other.type_name()
                    )),
                });
            };
            let width = usize::try_from(width).unwrap_or_default();
            run.charge(width)?;
            " ".repeat(width)
        }
    };
    let (first, blank) = (flag(first, false)?, flag(blank, false)?);
    let whole = format!("{text}\n");
    let lines = split_lines(&whole, false);
    run.charge(lines.len().saturating_mul(indention.len()))?;
    let mut out = String::with_capacity(text.len() + lines.len() * indention.len());
    if first {
        out.push_str(&indention);
    }
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        }
        out.push_str(line);
    }
    made(run, &val, out)
}

pub(super) fn truncate(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, length, killwords, end, leeway] =
        args.bind("do_truncate", ["s", "length", "killwords", "end", "leeway"], 1)?;
    let val = given(val);
    let killwords = flag(killwords, false)?;
    let end = match end {
        None => Rc::from("..."),
        Some(end) => text_arg(&val, &end)
            .ok_or_else(|| Fault::other(format!("object of type '{}' has no len()", end.type_name())))?,
    };
    let length = int(length, 255)?;
    let leeway = match leeway {
        None | Some(Val::None) => 5,
        leeway => int(leeway, 5)?,
    };
    let end_length = i64::try_from(end.chars().count()).unwrap_or(i64::MAX);
    if length < end_length {
        return Err(Fault::other(format!("expected length >= {end_length}, got {length}")));
    }
    if leeway < 0 {
        return Err(Fault::other(format!("expected leeway >= 0, got {leeway}")));
    }
    let size = super::super::iterate::length_of(&val)?;
    if i64::try_from(size).unwrap_or(i64::MAX) <= length.saturating_add(leeway) {
        return Ok(val);
    }
    let Some(text) = val.as_str().cloned() else {
        return Err(Fault::other(format!("'{}' object cannot be truncated", val.type_name())));
    };
    let kept: String = text.chars().take(usize::try_from(length - end_length).unwrap_or_default()).collect();
    let kept =
        if killwords { kept.as_str() } else { kept.rsplit_once(' ').map_or(kept.as_str(), |(kept, _)| kept) };
    let out = format!("{kept}{end}");
    run.charge(out.len())?;
    Ok(like(&val, out))
}

pub(super) fn format(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let Args { mut pos, kw } = args;
    if pos.is_empty() {
        return Err(Fault::other("do_format() missing 1 required positional argument: 'value'"));
    }
    let rest = pos.split_off(1);
    let val = soft(run, &pos.pop().unwrap_or(Val::None))?;
    if !rest.is_empty() && !kw.is_empty() {
        return Err(Fault::template("can't handle positional and keyword arguments at the same time"));
    }
    let values = if kw.is_empty() {
        Val::tuple(rest)
    } else {
        let entries: Entries = kw.into_iter().map(|(name, val)| (Key(Val::Str(name)), val)).collect();
        Val::dict(entries)
    };
    run.binary(super::super::syntax::BinaryOp::Mod, &val, &values)
}
