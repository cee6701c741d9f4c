//! Python's `==`, `<` and `in`, and a sort that only asks `<`.

use std::cmp::Ordering;
use std::rc::Rc;

use super::fault::{Fault, Res};
use super::number::Num;
use super::val::{Val, ViewKind, Why};
use super::walk::{Walk, walk};

/// Python's `is`, as far as a template can tell.
pub(super) fn identical(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::None, Val::None) => true,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        // CPython shares small integers and the texts of one template.
        (Val::Int(a), Val::Int(b)) => a == b,
        (Val::Str(a), Val::Str(b)) => Rc::ptr_eq(a, b) || a == b,
        (Val::Markup(a), Val::Markup(b)) => Rc::ptr_eq(a, b),
        (Val::List(a), Val::List(b)) => Rc::ptr_eq(a, b),
        (Val::Tuple(a), Val::Tuple(b)) => Rc::ptr_eq(a, b) || (a.items.is_empty() && b.items.is_empty()),
        (Val::Dict(a), Val::Dict(b)) => Rc::ptr_eq(a, b),
        (Val::Set(a), Val::Set(b)) => Rc::ptr_eq(a, b),
        (Val::Gen(a), Val::Gen(b)) => Rc::ptr_eq(a, b),
        (Val::Range(a), Val::Range(b)) => Rc::ptr_eq(a, b),
        (Val::Undefined(a), Val::Undefined(b)) => Rc::ptr_eq(a, b),
        (Val::Obj(a), Val::Obj(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

/// Python's `==`.
///
/// # Errors
/// When one side is a strict undefined, or the values are nested too deep.
pub(super) fn equal(a: &Val, b: &Val) -> Res<bool> {
    walk(|walk| equal_at(a, b, walk))
}

/// As containers compare their items: the same object is equal to itself, whatever it says.
fn item_equal(a: &Val, b: &Val, walk: Walk<'_>) -> Res<bool> {
    Ok(identical(a, b) || equal_at(a, b, walk)?)
}

fn equal_at(a: &Val, b: &Val, walk: Walk<'_>) -> Res<bool> {
    let walk = walk.enter()?;
    Ok(match (a, b) {
        (Val::Undefined(it), other) | (other, Val::Undefined(it)) => {
            if it.strict || matches!(it.why, Why::Unsafe(_)) {
                return Err(it.fault());
            }
            matches!(other, Val::Undefined(other) if !other.strict)
        }
        (Val::Str(a) | Val::Markup(a), Val::Str(b) | Val::Markup(b)) => a == b,
        (Val::None, Val::None) => true,
        (Val::Bytes(a), Val::Bytes(b)) => a == b,
        (Val::Time(a), Val::Time(b)) => a == b,
        (Val::List(a), Val::List(b)) => {
            if Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            items_equal(&a.0.borrow(), &b.0.borrow(), walk)?
        }
        (Val::Tuple(a), Val::Tuple(b)) => items_equal(&a.items, &b.items, walk)?,
        (Val::Dict(a), Val::Dict(b)) => {
            if Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            let (a_entries, b_entries) = (a.entries.borrow(), b.entries.borrow());
            if a_entries.len() != b_entries.len() {
                return Ok(false);
            }
            for (index, (key, value)) in a_entries.iter().enumerate() {
                let same_place = !(a.ordered && b.ordered) || b_entries.get_index_of(key) == Some(index);
                match b_entries.get(key) {
                    Some(other) if same_place && item_equal(value, other, walk)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Val::Set(a), Val::Set(b)) => {
            let (a, b) = (a.0.borrow(), b.0.borrow());
            a.len() == b.len() && a.iter().all(|key| b.contains(key))
        }
        (Val::View(ViewKind::Keys, a), Val::View(ViewKind::Keys, b)) => {
            let (a, b) = (a.entries.borrow(), b.entries.borrow());
            a.len() == b.len() && a.keys().all(|key| b.contains_key(key))
        }
        (Val::Range(a), Val::Range(b)) => {
            a.len() == b.len() && (0..2.min(a.len())).all(|index| a.at(index) == b.at(index))
        }
        _ => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => a.compare(&b) == Some(Ordering::Equal),
            _ => identical(a, b),
        },
    })
}

fn items_equal(a: &[Val], b: &[Val], walk: Walk<'_>) -> Res<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !item_equal(a, b, walk)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The four order comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Lt,
    Le,
    Gt,
    Ge,
}

impl Order {
    fn sign(self) -> &'static str {
        match self {
            Order::Lt => "<",
            Order::Le => "<=",
            Order::Gt => ">",
            Order::Ge => ">=",
        }
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Lt => ordering.is_lt(),
            Order::Le => ordering.is_le(),
            Order::Gt => ordering.is_gt(),
            Order::Ge => ordering.is_ge(),
        }
    }
}

/// Python's `a < b` and its kin.
///
/// # Errors
/// When Python has no order for these types.
pub(super) fn ordered(op: Order, a: &Val, b: &Val) -> Res<bool> {
    walk(|walk| ordered_at(op, a, b, walk))
}

fn ordered_at(op: Order, a: &Val, b: &Val, walk: Walk<'_>) -> Res<bool> {
    let walk = walk.enter()?;
    match (a, b) {
        (Val::Undefined(it), _) | (_, Val::Undefined(it)) => Err(it.fault()),
        (Val::Str(a) | Val::Markup(a), Val::Str(b) | Val::Markup(b)) => Ok(op.holds(a.cmp(b))),
        (Val::Bytes(a), Val::Bytes(b)) => Ok(op.holds(a.cmp(b))),
        (Val::Time(a), Val::Time(b)) => Ok(op.holds(a.cmp(b))),
        (Val::List(a), Val::List(b)) => {
            let (a, b) = (a.0.borrow().clone(), b.0.borrow().clone());
            sequence(op, &a, &b, walk)
        }
        (Val::Tuple(a), Val::Tuple(b)) => sequence(op, &a.items, &b.items, walk),
        (Val::Set(a), Val::Set(b)) => {
            let (a, b) = (a.0.borrow(), b.0.borrow());
            let below =
                |a: &indexmap::IndexSet<_>, b: &indexmap::IndexSet<_>| a.iter().all(|key| b.contains(key));
            Ok(match op {
                Order::Lt => a.len() < b.len() && below(&a, &b),
                Order::Le => below(&a, &b),
                Order::Gt => a.len() > b.len() && below(&b, &a),
                Order::Ge => below(&b, &a),
            })
        }
        _ => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => Ok(a.compare(&b).is_some_and(|ordering| op.holds(ordering))),
            _ => Err(Fault::other(format!(
                "'{}' not supported between instances of '{}' and '{}'",
                op.sign(),
                a.type_name(),
                b.type_name()
            ))),
        },
    }
}

fn sequence(op: Order, a: &[Val], b: &[Val], walk: Walk<'_>) -> Res<bool> {
    for (a, b) in a.iter().zip(b) {
        if !item_equal(a, b, walk)? {
            return ordered_at(op, a, b, walk);
        }
    }
    Ok(op.holds(a.len().cmp(&b.len())))
}

/// A stable sort by `<` alone, as Python's: an error ends it.
pub(super) fn sort<T: Clone>(items: &mut Vec<T>, less: &mut dyn FnMut(&T, &T) -> Res<bool>) -> Res<()> {
    if items.len() < 2 {
        return Ok(());
    }
    if items.len() < 64 {
        return sort_few(items, less);
    }
    let mut right = items.split_off(items.len() / 2);
    sort(items, less)?;
    sort(&mut right, less)?;
    let mut merged = Vec::with_capacity(items.len() + right.len());
    let (mut left, mut right) = (items.drain(..).peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(b, a)? { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    *items = merged;
    Ok(())
}

/// As CPython sorts few items: the run at the start is kept or turned round, the rest is put in by halves. The order of
/// the comparisons decides which one a message names.
fn sort_few<T: Clone>(items: &mut [T], less: &mut dyn FnMut(&T, &T) -> Res<bool>) -> Res<()> {
    let mut sorted = 2;
    if less(&items[1], &items[0])? {
        while sorted < items.len() && less(&items[sorted], &items[sorted - 1])? {
            sorted += 1;
        }
        items[..sorted].reverse();
    } else {
        while sorted < items.len() && !less(&items[sorted], &items[sorted - 1])? {
            sorted += 1;
        }
    }
    for at in sorted..items.len() {
        let (mut low, mut high) = (0, at);
        while low < high {
            let middle = (low + high) / 2;
            if less(&items[at], &items[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        items[low..=at].rotate_right(1);
    }
    Ok(())
}
