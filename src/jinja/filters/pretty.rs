//! `pprint` and Salt's `python`: Python's `pprint.pformat`.

use super::super::call::{Args, given};
use super::super::compare::{Order, ordered};
use super::super::fault::Res;
use super::super::print::repr;
use super::super::run::Run;
use super::super::val::{Dict, Val};
use super::super::walk::bounded;

const WIDTH: usize = 80;

pub(super) fn pprint(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_pprint", ["value"], 1)?;
    let text = pformat(&given(val))?;
    run.text(text)
}

pub(super) fn python(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("SerializerExtension.format_python", ["value"], 1)?;
    let text = pformat(&given(val))?;
    run.charge(text.len())?;
    Ok(Val::Markup(text.trim_matches(super::super::lex::is_space).into()))
}

fn pformat(val: &Val) -> Res<String> {
    let mut out = String::new();
    format(&mut out, val, 0, 0, 0)?;
    Ok(out)
}

/// `repr` with the keys of dicts in order.
fn flat(out: &mut String, val: &Val, depth: u32) -> Res<()> {
    bounded(out, depth)?;
    let list = |out: &mut String, items: &[Val]| -> Res<()> {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            flat(out, item, depth + 1)?;
        }
        Ok(())
    };
    match val {
        Val::Dict(dict) if !dict.ordered => {
            out.push('{');
            for (index, (key, val)) in sorted(dict).iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                flat(out, key, depth + 1)?;
                out.push_str(": ");
                flat(out, val, depth + 1)?;
            }
            out.push('}');
        }
        Val::List(items) => {
            out.push('[');
            list(out, &items.0.borrow())?;
            out.push(']');
        }
        Val::Tuple(tuple) if !tuple.is_group => {
            out.push('(');
            list(out, &tuple.items)?;
            out.push_str(if tuple.items.len() == 1 { ",)" } else { ")" });
        }
        other => out.push_str(&repr(other)?),
    }
    Ok(())
}

/// Entries by key: by Python's order, or by type name and text where there is none.
fn sorted(dict: &Dict) -> Vec<(Val, Val)> {
    let mut entries = dict.pairs();
    let result =
        super::super::compare::sort(&mut entries, &mut |a, b| match ordered(Order::Lt, &a.0, &b.0) {
            Ok(less) => Ok(less),
            Err(_) => {
                let key = |val: &Val| (val.type_name(), repr(val).unwrap_or_default());
                Ok(key(&a.0) < key(&b.0))
            }
        });
    debug_assert!(result.is_ok(), "the comparison has an answer for everything");
    entries
}

fn format(out: &mut String, val: &Val, indent: usize, allowance: usize, depth: u32) -> Res<()> {
    let mut line = String::new();
    flat(&mut line, val, depth)?;
    let width = WIDTH.saturating_sub(indent + allowance);
    if line.chars().count() <= width {
        out.push_str(&line);
        return Ok(());
    }
    match val {
        Val::Dict(dict) if !dict.ordered && !dict.entries.borrow().is_empty() => {
            out.push('{');
            let entries = sorted(dict);
            let last = entries.len() - 1;
            for (index, (key, val)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
                let mut name = String::new();
                flat(&mut name, key, depth + 1)?;
                out.push_str(&name);
                out.push_str(": ");
                let inner = indent + 1 + name.chars().count() + 2;
                let allowance = if index == last { allowance + 1 } else { 1 };
                format(out, val, inner, allowance, depth + 1)?;
            }
            out.push('}');
        }
        Val::List(list) if !list.0.borrow().is_empty() => {
            let items = list.0.borrow().clone();
            sequence(out, &items, ["[", "]"], indent, allowance, depth)?;
        }
        Val::Tuple(tuple) if !tuple.is_group && !tuple.items.is_empty() => {
            let close = if tuple.items.len() == 1 { ",)" } else { ")" };
            sequence(out, &tuple.items, ["(", close], indent, allowance, depth)?;
        }
        Val::Str(text) => string(out, text, indent, allowance, depth),
        _ => out.push_str(&line),
    }
    Ok(())
}

fn sequence(
    out: &mut String,
    items: &[Val],
    [open, close]: [&str; 2],
    indent: usize,
    allowance: usize,
    depth: u32,
) -> Res<()> {
    out.push_str(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(",\n");
            out.push_str(&" ".repeat(indent + 1));
        }
        let allowance = if index + 1 == items.len() { allowance + close.len() } else { 1 };
        format(out, item, indent + 1, allowance, depth + 1)?;
    }
    out.push_str(close);
    Ok(())
}

/// Long text as adjacent literals, cut at line ends and spaces.
fn string(out: &mut String, text: &str, indent: usize, allowance: usize, depth: u32) {
    let quoted = super::super::print::text_repr_owned;
    let top = depth == 0;
    let (indent, allowance) = if top { (indent + 1, allowance + 1) } else { (indent, allowance) };
    let lines = super::super::methods::text::split_lines(text, true);
    let mut chunks: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let is_last_line = index + 1 == lines.len();
        let max = WIDTH.saturating_sub(indent + if is_last_line { allowance } else { 0 });
        let whole = quoted(line);
        if whole.chars().count() <= max {
            chunks.push(whole);
            continue;
        }
        let mut parts: Vec<String> = Vec::new();
        let mut rest = *line;
        while !rest.is_empty() {
            let word = rest.find(super::super::lex::is_space).unwrap_or(rest.len());
            let space =
                rest[word..].len() - rest[word..].trim_start_matches(super::super::lex::is_space).len();
            parts.push(rest[..word + space].to_owned());
            rest = &rest[word + space..];
        }
        let mut current = String::new();
        for (at, part) in parts.iter().enumerate() {
            let candidate = format!("{current}{part}");
            let is_last_part = is_last_line && at + 1 == parts.len();
            let max = WIDTH.saturating_sub(indent + if is_last_part { allowance } else { 0 });
            if quoted(&candidate).chars().count() > max {
                if !current.is_empty() {
                    chunks.push(quoted(&current));
                }
                current = part.clone();
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(quoted(&current));
        }
    }
    if chunks.len() == 1 {
        out.push_str(&chunks.concat());
        return;
    }
    if top {
        out.push('(');
    }
    out.push_str(&chunks.join(&format!("\n{}", " ".repeat(indent))));
    if top {
        out.push(')');
    }
}
