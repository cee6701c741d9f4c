//! A tree is walked along the data. jmespath: visitor.py (`TreeInterpreter`).

use std::rc::Rc;

use super::super::compare::{Order, equal, ordered};
use super::super::fault::{Fault, Res};
use super::super::methods::list::fresh;
use super::super::number::Num;
use super::super::object::Obj;
use super::super::operate::{place, slice_places};
use super::super::run::Run;
use super::super::val::{Dict, Entries, Key, Val};
use super::functions;
use super::tree::{Comparator, Id, Node, Tree};

/// What a node of a tree finds in a value.
pub(super) fn visit(run: &mut Run<'_>, tree: &Rc<Tree>, id: Id, val: &Val) -> Res<Val> {
    run.tick()?;
    run.check_stack()?;
    Ok(match &tree.nodes[id] {
        Node::Current => val.clone(),
        Node::Field(name) => {
            dict_of(val)?.and_then(|dict| dict.entries.borrow().get(&**name).cloned()).unwrap_or(Val::None)
        }
        Node::Literal(literal) => literal.clone(),
        Node::Index(index) => match val {
            Val::List(list) => {
                let items = list.0.borrow();
                let at = place(&Val::Int(*index), items.len());
                at.and_then(|at| items.get(at)).cloned().unwrap_or(Val::None)
            }
            _ => Val::None,
        },
        Node::Slice([start, stop, step]) => {
            let Val::List(list) = val else { return Ok(Val::None) };
            if *step == Some(0) {
                return Err(Fault::other("slice step cannot be zero"));
            }
            let items = list.0.borrow();
            let places = slice_places(items.len(), *start, *stop, step.unwrap_or(1));
            made(run, places.iter().filter_map(|at| items.get(*at).cloned()).collect())?
        }
        Node::Chain(_, steps) => {
            let mut at = val.clone();
            for step in steps {
                at = visit(run, tree, *step, &at)?;
            }
            at
        }
        Node::Projection { of_values, left, right, condition } => {
            let Some(items) = items(run, tree, *left, val, *of_values)? else { return Ok(Val::None) };
            let mut found = Vec::new();
            for item in items {
                if let Some(condition) = condition
                    && is_false(&visit(run, tree, *condition, &item)?)?
                {
                    continue;
                }
                let val = visit(run, tree, *right, &item)?;
                if !matches!(val, Val::None) {
                    found.push(val);
                }
            }
            made(run, found)?
        }
        Node::Flatten(left) => {
            let Some(items) = items(run, tree, *left, val, false)? else { return Ok(Val::None) };
            let mut flat = Vec::new();
            for item in items {
                let before = flat.len();
                match &item {
                    Val::List(inner) => flat.extend(inner.0.borrow().iter().cloned()),
                    _ => flat.push(item),
                }
                run.charge((flat.len() - before) * size_of::<Val>())?;
            }
            fresh(flat)
        }
        Node::Compare(comparator, left, right) => {
            let (left, right) = (visit(run, tree, *left, val)?, visit(run, tree, *right, val)?);
            compare(*comparator, &left, &right)?
        }
        Node::Or(left, right) => {
            let found = visit(run, tree, *left, val)?;
            if is_false(&found)? { visit(run, tree, *right, val)? } else { found }
        }
        Node::And(left, right) => {
            let found = visit(run, tree, *left, val)?;
            if is_false(&found)? { found } else { visit(run, tree, *right, val)? }
        }
        Node::Not(inside) => {
            let found = visit(run, tree, *inside, val)?;
            // Zero is no more false than other numbers.
            Val::Bool(!is_number(&found) && !found.truthy()?)
        }
        Node::Reference(inside) => Val::obj(Obj::Expression(Rc::clone(tree), *inside)),
        Node::Call(name, args) => {
            let args = visit_all(run, tree, args, val)?;
            functions::call(run, name, &args)?
        }
        Node::List(_) | Node::Hash(_) if matches!(val, Val::None) => Val::None,
        Node::List(items) => {
            let items = visit_all(run, tree, items, val)?;
            made(run, items)?
        }
        Node::Hash(pairs) => {
            let mut entries = Entries::with_capacity(pairs.len());
            for (name, item) in pairs {
                entries.insert(Key(Val::Str(Rc::clone(name))), visit(run, tree, *item, val)?);
            }
            run.charge(pairs.len() * 3 * size_of::<Val>())?;
            Val::dict(entries)
        }
    })
}

fn visit_all(run: &mut Run<'_>, tree: &Rc<Tree>, ids: &[Id], val: &Val) -> Res<Vec<Val>> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(visit(run, tree, *id, val)?);
    }
    Ok(found)
}

/// A list that was made, counted.
pub(super) fn made(run: &mut Run<'_>, items: Vec<Val>) -> Res<Val> {
    run.charge(items.len() * size_of::<Val>())?;
    Ok(fresh(items))
}

/// The value as a dict: whoever asks an undefined value falls.
fn dict_of(val: &Val) -> Res<Option<&Rc<Dict>>> {
    match val {
        Val::Dict(dict) => Ok(Some(dict)),
        Val::Undefined(undefined) => Err(undefined.fault()),
        _ => Ok(None),
    }
}

/// What a projection goes through: the items of a list, or the values of a dict.
fn items(run: &mut Run<'_>, tree: &Rc<Tree>, id: Id, val: &Val, of_values: bool) -> Res<Option<Vec<Val>>> {
    let base = visit(run, tree, id, val)?;
    let items: Vec<Val> = match (&base, of_values) {
        (Val::List(list), false) => list.0.borrow().clone(),
        (_, false) => return Ok(None),
        (_, true) => match dict_of(&base)? {
            Some(dict) => dict.entries.borrow().values().cloned().collect(),
            None => return Ok(None),
        },
    };
    run.charge(items.len() * size_of::<Val>())?;
    Ok(Some(items))
}

fn is_number(val: &Val) -> bool {
    matches!(val, Val::Int(_) | Val::Big(_) | Val::Float(_))
}

/// What counts as false: the empty and what is none, but no number.
fn is_false(val: &Val) -> Res<bool> {
    Ok(match val {
        Val::Undefined(undefined) if undefined.strict => return Err(undefined.fault()),
        Val::None | Val::Bool(false) => true,
        Val::Str(_) | Val::Markup(_) | Val::List(_) | Val::Dict(_) => !val.truthy()?,
        _ => false,
    })
}

fn compare(comparator: Comparator, a: &Val, b: &Val) -> Res<Val> {
    let order = match comparator {
        Comparator::Eq => return Ok(Val::Bool(same(a, b)?)),
        Comparator::Ne => return Ok(Val::Bool(!same(a, b)?)),
        Comparator::Lt => Order::Lt,
        Comparator::Le => Order::Le,
        Comparator::Gt => Order::Gt,
        Comparator::Ge => Order::Ge,
    };
    let has_order = |val: &Val| is_number(val) || val.as_str().is_some();
    if has_order(a) && has_order(b) { Ok(Val::Bool(ordered(order, a, b)?)) } else { Ok(Val::None) }
}

/// Python's `==`, but that neither `0` is `false` nor `1` is `true`.
fn same(a: &Val, b: &Val) -> Res<bool> {
    let is_bit =
        |val: &Val| is_number(val) && Num::of(val).is_some_and(|num| matches!(num.float(), 0.0 | 1.0));
    let is_bool = |val: &Val| matches!(val, Val::Bool(_));
    if (is_bit(a) && is_bool(b)) || (is_bool(a) && is_bit(b)) {
        return Ok(false);
    }
    equal(a, b)
}
