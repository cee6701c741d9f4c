//! `str()` and `repr()` of Python, and what `{{ … }}` prints. Salt: `SerializerExtension.finalizer`.

use std::rc::Rc;

use super::fault::{Fault, Res};
use super::object::Obj;
use super::val::{Dict, Val, ViewKind};
use super::walk::{Walk, bounded, walk};
use crate::value::{Value, float_repr, repr as value_repr, str_of as value_str};

/// How deep values may be nested to be printed, compared or converted.
pub(super) const MAX_NESTING: u32 = 200;

pub(super) fn too_deep() -> Fault {
    Fault::other("maximum recursion depth exceeded")
}

/// `repr(text)`.
pub(super) fn text_repr_owned(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    text_repr(&mut out, text);
    out
}

fn text_repr(out: &mut String, text: &str) {
    let plain = |b: u8| (b' '..=b'~').contains(&b) && b != b'\\' && b != b'\'';
    if text.bytes().all(plain) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
    } else {
        out.push_str(&value_repr(&Value::text(text)));
    }
}

/// `repr(val)`.
///
/// # Errors
/// When the value holds itself or is nested too deep.
pub(super) fn repr(val: &Val) -> Res<String> {
    let mut out = String::new();
    write_repr(&mut out, val, 0)?;
    Ok(out)
}

/// `str(val)`.
///
/// # Errors
/// When the value is undefined, or as [`repr`].
pub(super) fn str_of(val: &Val) -> Res<Rc<str>> {
    match val {
        Val::Str(text) | Val::Markup(text) => Ok(Rc::clone(text)),
        other => {
            let mut out = String::new();
            write_str(&mut out, other)?;
            Ok(out.into())
        }
    }
}

/// `str(val)` at the end of `out`.
pub(super) fn write_str(out: &mut String, val: &Val) -> Res<()> {
    match val {
        Val::Str(text) | Val::Markup(text) => out.push_str(text),
        Val::Int(int) => push_int(out, *int),
        Val::Undefined(undefined) => {
            if undefined.strict {
                return Err(undefined.fault());
            }
        }
        Val::Time(time) => out.push_str(&value_str(&Value::Time(Box::new(**time)))),
        Val::Obj(obj) => match &**obj {
            Obj::Module { body, .. } => out.push_str(body),
            _ => write_repr(out, val, 0)?,
        },
        other => write_repr(out, other, 0)?,
    }
    Ok(())
}

/// What `{{ val }}` prints: dicts as `{key: value}` whatever their class.
pub(super) fn write_output(out: &mut String, val: &Val) -> Res<()> {
    match val {
        Val::Dict(_) | Val::List(_) | Val::Tuple(_) | Val::Set(_) => {
            walk(|walk| explore(val, walk))?;
            match val {
                Val::Dict(dict) => write_printable(out, dict, 0),
                other => write_finalized(out, other, 0),
            }
        }
        other => write_str(out, other),
    }
}

/// Salt's finalizer builds every tuple anew from one list, which `groupby`'s pairs refuse.
fn explore(val: &Val, walk: Walk<'_>) -> Res<()> {
    let walk = walk.enter()?;
    match val {
        Val::Dict(dict) => dict.entries.borrow().values().try_for_each(|item| explore(item, walk)),
        Val::List(list) => list.0.borrow().iter().try_for_each(|item| explore(item, walk)),
        Val::Tuple(tuple) => {
            tuple.items.iter().try_for_each(|item| explore(item, walk))?;
            if tuple.is_group {
                return Err(Fault::other(
                    "_GroupTuple.__new__() missing 1 required positional argument: 'list'",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn write_printable(out: &mut String, dict: &Dict, depth: u32) -> Res<()> {
    bounded(out, depth)?;
    out.push('{');
    for (index, (key, value)) in dict.entries.borrow().iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_finalized(out, &key.0, depth + 1)?;
        out.push_str(": ");
        match value {
            Val::Str(_) | Val::Markup(_) => write_repr(out, value, depth + 1)?,
            Val::Dict(inner) => write_printable(out, inner, depth + 1)?,
            Val::List(_) | Val::Tuple(_) | Val::Set(_) => write_finalized(out, value, depth + 1)?,
            other => write_str(out, other)?,
        }
    }
    out.push('}');
    Ok(())
}

/// `repr` after the finalizer: an `OrderedDict` has become a plain one.
fn write_finalized(out: &mut String, val: &Val, depth: u32) -> Res<()> {
    write(out, val, depth, true)
}

pub(super) fn write_repr(out: &mut String, val: &Val, depth: u32) -> Res<()> {
    write(out, val, depth, false)
}

fn push_int(out: &mut String, int: i64) {
    use std::fmt::Write;
    // Writing to a String cannot fail.
    let _ = write!(out, "{int}");
}

fn write(out: &mut String, val: &Val, depth: u32, finalized: bool) -> Res<()> {
    bounded(out, depth)?;
    match val {
        Val::Undefined(_) => out.push_str("Undefined"),
        Val::None => out.push_str("None"),
        Val::Bool(true) => out.push_str("True"),
        Val::Bool(false) => out.push_str("False"),
        Val::Int(int) => push_int(out, *int),
        Val::Big(big) => out.push_str(&big.to_string()),
        Val::Float(float) => out.push_str(&float_repr(*float)),
        Val::Str(text) => text_repr(out, text),
        Val::Markup(text) => {
            out.push_str("Markup(");
            text_repr(out, text);
            out.push(')');
        }
        Val::Bytes(bytes) => {
            out.push_str(&value_repr(&Value::Bytes(bytes.to_vec().into())));
        }
        Val::List(list) => {
            out.push('[');
            write_items(out, list.0.borrow().iter(), depth, finalized)?;
            out.push(']');
        }
        Val::Tuple(tuple) if tuple.is_group => {
            // `_GroupTuple` prints as a plain tuple.
            out.push('(');
            write_items(out, tuple.items.iter(), depth, finalized)?;
            out.push(')');
        }
        Val::Tuple(tuple) => {
            out.push('(');
            write_items(out, tuple.items.iter(), depth, finalized)?;
            if tuple.items.len() == 1 {
                out.push(',');
            }
            out.push(')');
        }
        Val::Dict(dict) if dict.ordered && !finalized => {
            out.push_str("OrderedDict(");
            if !dict.entries.borrow().is_empty() {
                out.push('[');
                for (index, (key, value)) in dict.entries.borrow().iter().enumerate() {
                    out.push_str(if index > 0 { ", (" } else { "(" });
                    write(out, &key.0, depth + 1, finalized)?;
                    out.push_str(", ");
                    write(out, value, depth + 1, finalized)?;
                    out.push(')');
                }
                out.push(']');
            }
            out.push(')');
        }
        Val::Dict(dict) => {
            out.push('{');
            for (index, (key, value)) in dict.entries.borrow().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, &key.0, depth + 1, finalized)?;
                out.push_str(": ");
                write(out, value, depth + 1, finalized)?;
            }
            out.push('}');
        }
        Val::Set(set) if set.0.borrow().is_empty() => out.push_str("set()"),
        Val::Set(set) => {
            out.push('{');
            write_items(out, set.0.borrow().iter().map(|key| &key.0), depth, finalized)?;
            out.push('}');
        }
        Val::Range(range) => {
            out.push_str(&format!("range({}, {}", range.start, range.stop));
            if range.step != 1 {
                out.push_str(&format!(", {}", range.step));
            }
            out.push(')');
        }
        Val::View(kind, dict) => write_view(out, *kind, dict, depth, finalized)?,
        Val::Gen(r#gen) => out.push_str(&format!("<{} at 0x7f0000000000>", r#gen.what)),
        Val::Time(time) => out.push_str(&value_repr(&Value::Time(Box::new(**time)))),
        Val::Obj(obj) => write_obj(out, obj, depth, finalized)?,
    }
    Ok(())
}

fn write_items<'v>(
    out: &mut String,
    items: impl Iterator<Item = &'v Val>,
    depth: u32,
    finalized: bool,
) -> Res<()> {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item, depth + 1, finalized)?;
    }
    Ok(())
}

fn write_view(out: &mut String, kind: ViewKind, dict: &Dict, depth: u32, finalized: bool) -> Res<()> {
    let entries = dict.entries.borrow();
    let (name, bracket) = match kind {
        ViewKind::Keys => ("dict_keys([", false),
        ViewKind::Values => ("dict_values([", false),
        ViewKind::Items => ("dict_items([", true),
    };
    out.push_str(&name.replacen("dict_", if dict.ordered { "odict_" } else { "dict_" }, 1));
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if bracket {
            out.push('(');
        }
        if kind != ViewKind::Values {
            write(out, &key.0, depth + 1, finalized)?;
        }
        if bracket {
            out.push_str(", ");
        }
        if kind != ViewKind::Keys {
            write(out, value, depth + 1, finalized)?;
        }
        if bracket {
            out.push(')');
        }
    }
    out.push_str("])");
    Ok(())
}

fn write_obj(out: &mut String, obj: &Obj, depth: u32, finalized: bool) -> Res<()> {
    match obj {
        Obj::Namespace(vars) => {
            out.push_str("<Namespace {");
            for (index, (name, value)) in vars.borrow().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                text_repr(out, name);
                out.push_str(": ");
                write(out, value, depth + 1, finalized)?;
            }
            out.push_str("}>");
        }
        Obj::Macro(it) => match &it.def.name {
            Some(name) => out.push_str(&format!("<Macro {}>", text_repr_owned(name))),
            None => out.push_str("<Macro anonymous>"),
        },
        Obj::Module { name, .. } => out.push_str(&format!("<TemplateModule {}>", text_repr_owned(name))),
        Obj::SelfRef(_) => out.push_str("<TemplateReference None>"),
        Obj::Loop(state) => {
            out.push_str(&format!("<LoopContext {}/{}>", state.index(), state.known_length()))
        }
        Obj::Method { of, name } => {
            out.push_str(&format!("<built-in method {name} of {} object at 0x7f0000000000>", of.type_name()));
        }
        Obj::Native { name, is_type: true, .. } => out.push_str(&format!("<class '{name}'>")),
        Obj::Native { name, .. } => out.push_str(&format!("<function {name} at 0x7f0000000000>")),
        Obj::SaltFunction(name) => out.push_str(&format!("<salt.loader.lazy.LoadedFunc name='{name}'>")),
        other => out.push_str(&format!("<{} object at 0x7f0000000000>", other.full_name())),
    }
    Ok(())
}
