//! Python's iteration: lists are followed while they grow, a dict that changes its size is an error.

use std::rc::Rc;

use super::convert::not_iterable;
use super::fault::{Fault, Res};
use super::object::Obj;
use super::val::{Dict, Gen, List, Range, Set, Tuple, Val, ViewKind, Why};

/// An iterator over a value.
pub(super) enum Source {
    List(Rc<List>, usize),
    Tuple(Rc<Tuple>, usize),
    Text(Rc<str>, usize),
    Bytes(Rc<[u8]>, usize),
    Dict { dict: Rc<Dict>, kind: ViewKind, at: usize, length: usize },
    Set(Rc<Set>, usize),
    Range(Rc<Range>, usize),
    Gen(Rc<Gen>),
    Empty,
}

impl Source {
    /// # Errors
    /// When the value cannot be iterated over.
    pub(super) fn of(val: &Val) -> Res<Source> {
        Ok(match val {
            Val::List(list) => Source::List(Rc::clone(list), 0),
            Val::Tuple(tuple) => Source::Tuple(Rc::clone(tuple), 0),
            Val::Str(text) | Val::Markup(text) => Source::Text(Rc::clone(text), 0),
            Val::Bytes(bytes) => Source::Bytes(Rc::clone(bytes), 0),
            Val::Dict(dict) => Source::dict(dict, ViewKind::Keys),
            Val::View(kind, dict) => Source::dict(dict, *kind),
            Val::Set(set) => Source::Set(Rc::clone(set), 0),
            Val::Range(range) => Source::Range(Rc::clone(range), 0),
            Val::Gen(r#gen) => Source::Gen(Rc::clone(r#gen)),
            Val::Undefined(undefined) if !undefined.strict && !matches!(undefined.why, Why::Unsafe(_)) => {
                Source::Empty
            }
            other => return Err(not_iterable(other)),
        })
    }

    fn dict(dict: &Rc<Dict>, kind: ViewKind) -> Source {
        let length = dict.entries.borrow().len();
        Source::Dict { dict: Rc::clone(dict), kind, at: 0, length }
    }

    pub(super) fn next(&mut self) -> Res<Option<Val>> {
        let (at, item) = match self {
            Source::List(list, at) => {
                let item = list.0.borrow().get(*at).cloned();
                (at, item)
            }
            Source::Tuple(tuple, at) => {
                let item = tuple.items.get(*at).cloned();
                (at, item)
            }
            Source::Text(text, at) => {
                let Some(char) = text[*at..].chars().next() else { return Ok(None) };
                *at += char.len_utf8();
                return Ok(Some(Val::Str(Rc::from(&*char.encode_utf8(&mut [0; 4])))));
            }
            Source::Bytes(bytes, at) => {
                let item = bytes.get(*at).map(|byte| Val::Int(i64::from(*byte)));
                (at, item)
            }
            Source::Dict { dict, kind, at, length } => {
                let entries = dict.entries.borrow();
                if entries.len() != *length {
                    return Err(Fault::other("dictionary changed size during iteration"));
                }
                let item = entries.get_index(*at).map(|(key, value)| match kind {
                    ViewKind::Keys => key.0.clone(),
                    ViewKind::Values => value.clone(),
                    ViewKind::Items => Val::tuple(vec![key.0.clone(), value.clone()]),
                });
                (at, item)
            }
            Source::Set(set, at) => {
                let item = set.0.borrow().get_index(*at).map(|key| key.0.clone());
                (at, item)
            }
            Source::Range(range, at) => {
                let item = range.at(*at).map(Val::Int);
                (at, item)
            }
            Source::Gen(r#gen) => {
                let item = r#gen.items.borrow_mut().pop_front();
                r#gen.taken.set(r#gen.taken.get() + usize::from(item.is_some()));
                return Ok(item);
            }
            Source::Empty => return Ok(None),
        };
        *at += 1;
        Ok(item)
    }
}

/// All items, as `list(val)` has them.
///
/// # Errors
/// When the value cannot be iterated over.
pub(super) fn items_of(val: &Val) -> Res<Vec<Val>> {
    match val {
        Val::List(list) => return Ok(list.0.borrow().clone()),
        Val::Tuple(tuple) => return Ok(tuple.items.clone()),
        _ => {}
    }
    let mut source = Source::of(val)?;
    let mut items = Vec::new();
    while let Some(item) = source.next()? {
        items.push(item);
    }
    Ok(items)
}

/// `len(val)`.
///
/// # Errors
/// When the value has no length.
pub(super) fn length_of(val: &Val) -> Res<usize> {
    known_length(val).ok_or_else(|| match val {
        Val::Undefined(undefined) => undefined.fault(),
        other => Fault::other(format!("object of type '{}' has no len()", other.type_name())),
    })
}

/// The length, of what has one.
pub(super) fn known_length(val: &Val) -> Option<usize> {
    Some(match val {
        Val::Str(text) | Val::Markup(text) => {
            if text.is_ascii() {
                text.len()
            } else {
                text.chars().count()
            }
        }
        Val::Bytes(bytes) => bytes.len(),
        Val::List(list) => list.0.borrow().len(),
        Val::Tuple(tuple) => tuple.items.len(),
        Val::Dict(dict) | Val::View(_, dict) => dict.entries.borrow().len(),
        Val::Set(set) => set.0.borrow().len(),
        Val::Range(range) => range.len(),
        Val::Undefined(undefined) if !undefined.strict && !matches!(undefined.why, Why::Unsafe(_)) => 0,
        Val::Obj(obj) => match &**obj {
            Obj::Loop(state) => state.known_length(),
            _ => return None,
        },
        _ => return None,
    })
}
