//! `Val`: a value inside one render. Lists and dicts are shared and changeable, as in Python, which is why this is not
//! `value::Value`: what one name appends, another name sees.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use indexmap::{Equivalent, IndexMap};
use num_bigint::BigInt;

use super::fault::{Fault, Res};
use super::object::Obj;
use crate::value::DateTime;

/// A value of a template.
#[derive(Clone)]
pub(super) enum Val {
    Undefined(Rc<Undefined>),
    None,
    Bool(bool),
    Int(i64),
    /// Only what does not fit `Int`.
    Big(Rc<BigInt>),
    Float(f64),
    Str(Rc<str>),
    /// Text that calls itself safe HTML: `json`, `yaml`, `escape` and others make it; `+` and `%` escape what is added.
    Markup(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<List>),
    Tuple(Rc<Tuple>),
    Dict(Rc<Dict>),
    Set(Rc<Set>),
    Range(Rc<Range>),
    /// `dict.keys()`, `.values()`, `.items()`: they follow the dict.
    View(ViewKind, Rc<Dict>),
    /// A generator or iterator: it is empty once it has been read.
    Gen(Rc<Gen>),
    Time(Rc<DateTime>),
    Obj(Rc<Obj>),
}

impl std::fmt::Debug for Val {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::print::repr(self).unwrap_or_default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// Why there is no value.
pub(super) struct Undefined {
    pub why: Why,
    /// `StrictUndefined`: any use fails.
    pub strict: bool,
}

pub(super) enum Why {
    /// No variable of this name.
    Name(Rc<str>),
    /// An object of this Python type has no such attribute or element.
    Member { owner: String, name: Val },
    /// Said in words.
    Hint(String),
    /// The sandbox refuses.
    Unsafe(String),
}

impl Undefined {
    pub(super) fn fault(&self) -> Fault {
        match &self.why {
            Why::Name(name) => {
                Fault::undefined(format!("{} is undefined", super::print::text_repr_owned(name)))
            }
            Why::Member { owner, name: Val::Str(name) | Val::Markup(name) } => Fault::undefined(format!(
                "{} has no attribute {}",
                super::print::text_repr_owned(owner),
                super::print::text_repr_owned(name)
            )),
            Why::Member { owner, name } => {
                let name = super::print::repr(name).unwrap_or_default();
                Fault::undefined(format!("{owner} has no element {name}"))
            }
            Why::Hint(hint) => Fault::undefined(hint.clone()),
            Why::Unsafe(text) => Fault::template(text.clone()),
        }
    }
}

#[derive(Default)]
pub(super) struct List(pub RefCell<Vec<Val>>);

pub(super) struct Tuple {
    pub items: Vec<Val>,
    /// What `groupby` gives: a pair with the names `grouper` and `list`.
    pub is_group: bool,
}

pub(super) type Entries = IndexMap<Key, Val>;

#[derive(Default)]
pub(super) struct Dict {
    pub entries: RefCell<Entries>,
    /// `OrderedDict`, which only prints differently.
    pub ordered: bool,
}

impl Dict {
    /// All entries, as they are now.
    pub(super) fn pairs(&self) -> Vec<(Val, Val)> {
        self.entries.borrow().iter().map(|(key, val)| (key.0.clone(), val.clone())).collect()
    }
}

#[derive(Default)]
pub(super) struct Set(pub RefCell<indexmap::IndexSet<Key>>);

pub(super) struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64,
}

impl Range {
    pub(super) fn len(&self) -> usize {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let span = if step > 0 { stop - start } else { start - stop };
        if span <= 0 {
            return 0;
        }
        usize::try_from((span - 1) / step.abs() + 1).unwrap_or(usize::MAX)
    }

    pub(super) fn at(&self, index: usize) -> Option<i64> {
        let index_ = i64::try_from(index).ok()?;
        (index < self.len()).then(|| self.start + index_ * self.step)
    }
}

pub(super) struct Gen {
    /// How Python would call it: `generator object sync_do_map`, `zip object`.
    pub what: &'static str,
    pub items: RefCell<VecDeque<Val>>,
    /// How many have been taken.
    pub taken: Cell<usize>,
}

impl Val {
    pub(super) fn str(text: impl AsRef<str>) -> Val {
        Val::Str(Rc::from(text.as_ref()))
    }

    pub(super) fn list(items: Vec<Val>) -> Val {
        Val::List(Rc::new(List(RefCell::new(items))))
    }

    pub(super) fn tuple(items: Vec<Val>) -> Val {
        Val::Tuple(Rc::new(Tuple { items, is_group: false }))
    }

    pub(super) fn dict(entries: Entries) -> Val {
        Val::Dict(Rc::new(Dict { entries: RefCell::new(entries), ordered: false }))
    }

    pub(super) fn set(items: indexmap::IndexSet<Key>) -> Val {
        Val::Set(Rc::new(Set(RefCell::new(items))))
    }

    pub(super) fn r#gen(what: &'static str, items: Vec<Val>) -> Val {
        Val::Gen(Rc::new(Gen { what, items: RefCell::new(items.into()), taken: Cell::new(0) }))
    }

    pub(super) fn obj(obj: Obj) -> Val {
        Val::Obj(Rc::new(obj))
    }

    pub(super) fn from_big(big: BigInt) -> Val {
        i64::try_from(&big).map_or_else(|_| Val::Big(Rc::new(big)), Val::Int)
    }

    pub(super) fn len_of(length: usize) -> Val {
        Val::Int(i64::try_from(length).unwrap_or(i64::MAX))
    }

    pub(super) fn undefined(why: Why, strict: bool) -> Val {
        Val::Undefined(Rc::new(Undefined { why, strict }))
    }

    /// The text, if this is text of either kind.
    pub(super) fn as_str(&self) -> Option<&Rc<str>> {
        match self {
            Val::Str(text) | Val::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is an integer or boolean that fits.
    pub(super) fn as_index(&self) -> Option<i64> {
        match self {
            Val::Int(int) => Some(*int),
            Val::Bool(bool) => Some(i64::from(*bool)),
            _ => None,
        }
    }

    /// Python's name of the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Val::Undefined(undefined) if undefined.strict => "StrictUndefined",
            Val::Undefined(_) => "Undefined",
            Val::None => "NoneType",
            Val::Bool(_) => "bool",
            Val::Int(_) | Val::Big(_) => "int",
            Val::Float(_) => "float",
            Val::Str(_) => "str",
            Val::Markup(_) => "Markup",
            Val::Bytes(_) => "bytes",
            Val::List(_) => "list",
            Val::Tuple(tuple) if tuple.is_group => "_GroupTuple",
            Val::Tuple(_) => "tuple",
            Val::Dict(dict) if dict.ordered => "OrderedDict",
            Val::Dict(_) => "dict",
            Val::Set(_) => "set",
            Val::Range(_) => "range",
            Val::View(ViewKind::Keys, _) => "dict_keys",
            Val::View(ViewKind::Values, _) => "dict_values",
            Val::View(ViewKind::Items, _) => "dict_items",
            Val::Gen(r#gen) => r#gen.what.split_once(" object").map_or(r#gen.what, |(name, _)| name),
            Val::Time(_) => "datetime.datetime",
            Val::Obj(obj) => obj.type_name(),
        }
    }

    /// As Jinja names an owner in `… has no attribute …`.
    pub(super) fn owner_name(&self) -> String {
        match self {
            Val::None => "None".into(),
            Val::Markup(_) => "markupsafe.Markup object".into(),
            Val::Dict(dict) if dict.ordered => "collections.OrderedDict object".into(),
            Val::Tuple(tuple) if tuple.is_group => "jinja2.filters._GroupTuple object".into(),
            Val::Obj(obj) => format!("{} object", obj.full_name()),
            other => format!("{} object", other.type_name()),
        }
    }

    /// Python's truth; a strict undefined has none.
    pub(super) fn truthy(&self) -> Res<bool> {
        Ok(match self {
            Val::Undefined(undefined) if undefined.strict || matches!(undefined.why, Why::Unsafe(_)) => {
                return Err(undefined.fault());
            }
            Val::Undefined(_) | Val::None => false,
            Val::Bool(bool) => *bool,
            Val::Int(int) => *int != 0,
            Val::Float(float) => *float != 0.0,
            Val::Str(text) | Val::Markup(text) => !text.is_empty(),
            Val::Bytes(bytes) => !bytes.is_empty(),
            Val::List(list) => !list.0.borrow().is_empty(),
            Val::Tuple(tuple) => !tuple.items.is_empty(),
            Val::Dict(dict) | Val::View(_, dict) => !dict.entries.borrow().is_empty(),
            Val::Set(set) => !set.0.borrow().is_empty(),
            Val::Range(range) => range.len() > 0,
            Val::Big(_) | Val::Gen(_) | Val::Time(_) | Val::Obj(_) => true,
        })
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Val::Undefined(_))
    }

    /// Whether Python could use this as a key.
    pub(super) fn is_hashable(&self) -> bool {
        match self {
            Val::List(_) | Val::Dict(_) | Val::Set(_) => false,
            Val::View(kind, _) => *kind == ViewKind::Values,
            Val::Tuple(tuple) => tuple.items.iter().all(Val::is_hashable),
            _ => true,
        }
    }

    /// The value as a key of a dict or set.
    pub(super) fn key(&self) -> Res<Key> {
        match self {
            Val::Undefined(undefined) => Err(undefined.fault()),
            Val::Tuple(tuple) => {
                tuple.items.iter().try_for_each(|item| item.key().map(|_| ()))?;
                Ok(Key(self.clone()))
            }
            other if other.is_hashable() => Ok(Key(other.clone())),
            other => Err(Fault::other(format!("unhashable type: '{}'", other.type_name()))),
        }
    }
}

/// A value that Python can hash; only [`Val::key`] makes one of a foreign value.
#[derive(Clone)]
pub(super) struct Key(pub Val);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state, 0);
    }
}

fn hash<H: Hasher>(val: &Val, state: &mut H, depth: u32) {
    match val {
        Val::Str(text) | Val::Markup(text) => (**text).hash(state),
        Val::Bool(bool) => i64::from(*bool).hash(state),
        Val::Int(int) => int.hash(state),
        // A float that is a whole number is the same key as the integer.
        Val::Float(float) if float.fract() == 0.0 && float.abs() < 9.0e18 => (*float as i64).hash(state),
        Val::Float(float) => float.to_bits().hash(state),
        Val::Big(big) => big.hash(state),
        Val::Bytes(bytes) => bytes.hash(state),
        Val::Tuple(tuple) if depth < 50 => tuple.items.iter().for_each(|item| hash(item, state, depth + 1)),
        _ => 0_u8.hash(state),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Val::Str(a) | Val::Markup(a), Val::Str(b) | Val::Markup(b)) => a == b,
            (a, b) => super::compare::identical(a, b) || super::compare::equal(a, b).unwrap_or(false),
        }
    }
}

impl Eq for Key {}

impl Equivalent<Key> for str {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_str().is_some_and(|text| &**text == self)
    }
}

/// Deep values are taken apart in a loop: their drops must not recurse over the stack.
mod undo {
    use super::{Dict, List, Tuple, Val};
    use std::cell::{Cell, RefCell};

    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
        static LATER: RefCell<Vec<Val>> = const { RefCell::new(Vec::new()) };
    }

    fn take_apart(items: impl Iterator<Item = Val>) {
        let depth = DEPTH.get();
        if depth >= 30 {
            LATER.with_borrow_mut(|later| {
                later
                    .extend(items.filter(|item| matches!(item, Val::List(_) | Val::Tuple(_) | Val::Dict(_))));
            });
            return;
        }
        DEPTH.set(depth + 1);
        items.for_each(drop);
        if depth == 0 {
            while let Some(item) = LATER.with_borrow_mut(Vec::pop) {
                drop(item);
            }
        }
        DEPTH.set(depth);
    }

    impl Drop for List {
        fn drop(&mut self) {
            take_apart(std::mem::take(self.0.get_mut()).into_iter());
        }
    }

    impl Drop for Tuple {
        fn drop(&mut self) {
            take_apart(std::mem::take(&mut self.items).into_iter());
        }
    }

    impl Drop for Dict {
        fn drop(&mut self) {
            take_apart(std::mem::take(self.entries.get_mut()).into_values());
        }
    }
}
