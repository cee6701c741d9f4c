//! `+ - * / // % **`, `in`, and `[…]` with indexes and slices.

use std::rc::Rc;

use super::compare::{equal, identical};
use super::fault::{Fault, Res};
use super::iterate::{Source, length_of};
use super::methods::text::escape;
use super::number::arithmetic;
use super::print::str_of;
use super::run::Run;
use super::syntax::BinaryOp;
use super::val::{Tuple, Val};

fn sign(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "** or pow()",
    }
}

impl Run<'_> {
    /// `a op b`
    pub(super) fn binary(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Res<Val> {
        if let Some(out) = arithmetic(op, a, b) {
            return out;
        }
        match (op, a, b) {
            // `'%s' % undefined` reaches text formatting first, which then asks for its text.
            (BinaryOp::Mod, Val::Str(format), _) => {
                let out = self.percent(format, b)?;
                return self.text(out);
            }
            (BinaryOp::Mod, Val::Markup(format), _) => {
                let out = self.percent_markup(format, b)?;
                self.charge(out.len())?;
                return Ok(Val::Markup(out.into()));
            }
            (_, Val::Undefined(undefined), _) | (_, _, Val::Undefined(undefined)) => {
                return Err(undefined.fault());
            }
            (BinaryOp::Add, _, _) => {
                if let Some(out) = self.add(a, b)? {
                    return Ok(out);
                }
            }
            (BinaryOp::Mul, seq, times) | (BinaryOp::Mul, times, seq)
                if is_sequence(seq) && times.as_index().is_some() =>
            {
                return self.repeat(seq, times.as_index().unwrap_or_default());
            }
            (BinaryOp::Sub, Val::Set(a), Val::Set(b)) => {
                let b = b.0.borrow();
                return Ok(Val::set(a.0.borrow().iter().filter(|key| !b.contains(*key)).cloned().collect()));
            }
            _ => {}
        }
        Err(self.unsupported(op, a, b))
    }

    fn unsupported(&self, op: BinaryOp, a: &Val, b: &Val) -> Fault {
        if op == BinaryOp::Mul
            && ((is_sequence(a) && matches!(b, Val::Big(_))) || (is_sequence(b) && matches!(a, Val::Big(_))))
        {
            return Fault::other("cannot fit 'int' into an index-sized integer");
        }
        let (left, right) = (a.type_name(), b.type_name());
        match (op, a) {
            (BinaryOp::Add, Val::Str(_)) => {
                Fault::other(format!("can only concatenate str (not \"{right}\") to str"))
            }
            (BinaryOp::Add, Val::List(_)) => {
                Fault::other(format!("can only concatenate list (not \"{right}\") to list"))
            }
            (BinaryOp::Add, Val::Tuple(_)) => {
                Fault::other(format!("can only concatenate tuple (not \"{right}\") to tuple"))
            }
            (BinaryOp::Add, Val::Bytes(_)) => Fault::other(format!("can't concat {right} to bytes")),
            (BinaryOp::Mul, Val::Markup(_)) if !is_sequence(b) || matches!(b, Val::Markup(_)) => {
                Fault::other(format!("unsupported operand type(s) for *: '{left}' and '{right}'"))
            }
            (BinaryOp::Mul, Val::Markup(_)) => {
                Fault::other(format!("can't multiply sequence by non-int of type '{left}'"))
            }
            (BinaryOp::Mul, _) if matches!(b, Val::Markup(_)) && !is_sequence(a) => {
                Fault::other(format!("unsupported operand type(s) for *: '{left}' and '{right}'"))
            }
            (BinaryOp::Mod, Val::Bytes(_)) => {
                Fault::other("not all arguments converted during bytes formatting")
            }
            (BinaryOp::Mul, seq) if is_sequence(seq) => {
                Fault::other(format!("can't multiply sequence by non-int of type '{right}'"))
            }
            (BinaryOp::Mul, _) if is_sequence(b) => {
                Fault::other(format!("can't multiply sequence by non-int of type '{left}'"))
            }
            _ => {
                Fault::other(format!("unsupported operand type(s) for {}: '{left}' and '{right}'", sign(op)))
            }
        }
    }

    fn add(&mut self, a: &Val, b: &Val) -> Res<Option<Val>> {
        Ok(Some(match (a, b) {
            (Val::Str(a), Val::Str(b)) => self.text(format!("{a}{b}"))?,
            (Val::Markup(a), Val::Markup(b)) => self.markup(format!("{a}{b}"))?,
            (Val::Markup(a), Val::Str(b)) => self.markup(format!("{a}{}", escape(b)))?,
            (Val::Str(a), Val::Markup(b)) => self.markup(format!("{}{b}", escape(a)))?,
            (Val::List(a), Val::List(b)) => {
                let items: Vec<Val> = a.0.borrow().iter().chain(b.0.borrow().iter()).cloned().collect();
                self.charge(items.len() * 24)?;
                Val::list(items)
            }
            (Val::Tuple(a), Val::Tuple(b)) => {
                self.charge((a.items.len() + b.items.len()) * 24)?;
                Val::tuple(a.items.iter().chain(&b.items).cloned().collect())
            }
            (Val::Bytes(a), Val::Bytes(b)) => {
                self.charge(a.len() + b.len())?;
                Val::Bytes([&**a, &**b].concat().into())
            }
            _ => return Ok(None),
        }))
    }

    fn markup(&mut self, text: String) -> Res<Val> {
        self.charge(text.len())?;
        Ok(Val::Markup(text.into()))
    }

    fn repeat(&mut self, seq: &Val, times: i64) -> Res<Val> {
        let times = usize::try_from(times).unwrap_or_default();
        let each = match seq {
            Val::Str(text) | Val::Markup(text) => text.len(),
            Val::Bytes(bytes) => bytes.len(),
            other => length_of(other)? * 24,
        };
        self.charge(each.saturating_mul(times))?;
        let times_of = |items: &[Val]| -> Vec<Val> {
            let mut out = Vec::with_capacity(items.len() * times);
            (0..times).for_each(|_| out.extend_from_slice(items));
            out
        };
        Ok(match seq {
            Val::Str(text) => Val::str(text.repeat(times)),
            Val::Markup(text) => Val::Markup(text.repeat(times).into()),
            Val::Bytes(bytes) => Val::Bytes(bytes.repeat(times).into()),
            Val::List(list) => Val::list(times_of(&list.0.borrow())),
            Val::Tuple(tuple) => Val::tuple(times_of(&tuple.items)),
            other => other.clone(),
        })
    }

    /// `item in container`
    pub(super) fn contains(&mut self, container: &Val, item: &Val) -> Res<bool> {
        match container {
            Val::Str(text) | Val::Markup(text) => match item {
                Val::Str(part) | Val::Markup(part) => Ok(text.contains(&**part)),
                Val::Undefined(undefined) if undefined.strict => Err(Fault::other(format!(
                    "'in <string>' requires string as left operand, not {}",
                    item.type_name()
                ))),
                other => Err(Fault::other(format!(
                    "'in <string>' requires string as left operand, not {}",
                    other.type_name()
                ))),
            },
            Val::Dict(dict) | Val::View(super::val::ViewKind::Keys, dict) => {
                Ok(dict.entries.borrow().contains_key(&item.key()?))
            }
            Val::Set(set) => Ok(set.0.borrow().contains(&item.key()?)),
            Val::Range(range) => match item.as_index() {
                Some(int) => {
                    let inside = if range.step > 0 {
                        (range.start..range.stop).contains(&int)
                    } else {
                        int <= range.start && int > range.stop
                    };
                    Ok(inside && (i128::from(int) - i128::from(range.start)) % i128::from(range.step) == 0)
                }
                None => Ok(false),
            },
            Val::Bytes(bytes) => match item {
                Val::Bytes(part) => {
                    Ok(part.is_empty() || bytes.windows(part.len()).any(|window| window == &**part))
                }
                Val::Int(int) => Ok(u8::try_from(*int).is_ok_and(|byte| bytes.contains(&byte))),
                other => {
                    Err(Fault::other(format!("a bytes-like object is required, not '{}'", other.type_name())))
                }
            },
            Val::Obj(obj) => self.object_contains(obj, item),
            Val::Undefined(undefined) if undefined.strict => Err(undefined.fault()),
            other => {
                let mut source = Source::of(other).map_err(|fault| match other {
                    Val::Undefined(_) => fault,
                    _ => Fault::other(format!("argument of type '{}' is not iterable", other.type_name())),
                })?;
                while let Some(it) = source.next()? {
                    self.tick()?;
                    if identical(&it, item) || equal(&it, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// `val[index]`, `None` where Python raises a `LookupError` or `TypeError`.
    pub(super) fn index(&mut self, val: &Val, index: &Val) -> Res<Option<Val>> {
        Ok(match val {
            Val::Undefined(undefined)
                if undefined.strict || !matches!(undefined.why, super::val::Why::Hint(_)) =>
            {
                return Err(undefined.fault());
            }
            Val::Dict(dict) => match index {
                Val::Str(name) => dict.entries.borrow().get(&**name).cloned(),
                Val::Undefined(undefined) => return Err(undefined.fault()),
                _ => match index.key() {
                    Ok(key) => dict.entries.borrow().get(&key).cloned(),
                    Err(_) => None,
                },
            },
            Val::List(list) => at(&list.0.borrow(), index),
            Val::Tuple(tuple) => at(&tuple.items, index),
            Val::Str(text) => char_at(text, index).map(Val::str),
            Val::Markup(text) => char_at(text, index).map(|it| Val::Markup(it.into())),
            Val::Bytes(bytes) => {
                place(index, bytes.len()).and_then(|at| bytes.get(at)).map(|byte| Val::Int(i64::from(*byte)))
            }
            Val::Range(range) => place(index, range.len()).and_then(|at| range.at(at)).map(Val::Int),
            Val::Obj(obj) => self.object_item(obj, index)?,
            _ => None,
        })
    }

    /// `val[start:stop:step]`
    pub(super) fn slice(&mut self, val: &Val, parts: &[Option<Val>; 3]) -> Res<Option<Val>> {
        let length = match val {
            Val::Undefined(undefined) => return Err(undefined.fault()),
            Val::List(_) | Val::Tuple(_) | Val::Str(_) | Val::Markup(_) | Val::Bytes(_) | Val::Range(_) => {
                length_of(val)?
            }
            _ => return Ok(None),
        };
        for part in parts.iter().flatten() {
            if !matches!(part, Val::None) && part.as_index().is_none() {
                if let Val::Undefined(undefined) = part {
                    return Err(undefined.fault());
                }
                return Err(Fault::other(
                    "slice indices must be integers or None or have an __index__ method",
                ));
            }
        }
        let step = parts[2].as_ref().and_then(Val::as_index).unwrap_or(1);
        if step == 0 {
            return Err(Fault::other("slice step cannot be zero"));
        }
        let places = slice_places(
            length,
            parts[0].as_ref().and_then(Val::as_index),
            parts[1].as_ref().and_then(Val::as_index),
            step,
        );
        self.charge(places.len())?;
        let pick =
            |items: &[Val]| -> Vec<Val> { places.iter().filter_map(|at| items.get(*at).cloned()).collect() };
        let pick_text = |text: &str| -> String {
            if text.is_ascii() {
                return places
                    .iter()
                    .filter_map(|at| text.as_bytes().get(*at))
                    .map(|b| char::from(*b))
                    .collect();
            }
            let chars: Vec<char> = text.chars().collect();
            places.iter().filter_map(|at| chars.get(*at)).collect()
        };
        Ok(Some(match val {
            Val::List(list) => Val::list(pick(&list.0.borrow())),
            Val::Tuple(tuple) => Val::Tuple(Rc::new(Tuple { items: pick(&tuple.items), is_group: false })),
            Val::Str(text) => Val::str(pick_text(text)),
            Val::Markup(text) => Val::Markup(pick_text(text).into()),
            Val::Bytes(bytes) => {
                Val::Bytes(places.iter().filter_map(|at| bytes.get(*at)).copied().collect::<Vec<u8>>().into())
            }
            Val::Range(range) => {
                let bound = |at: i64| range.start.saturating_add(at.saturating_mul(range.step));
                let (start, stop) = slice_bounds(
                    length,
                    parts[0].as_ref().and_then(Val::as_index),
                    parts[1].as_ref().and_then(Val::as_index),
                    step,
                );
                let step = range.step.saturating_mul(step);
                Val::Range(Rc::new(super::val::Range { start: bound(start), stop: bound(stop), step }))
            }
            other => other.clone(),
        }))
    }

    /// Text that a template made, counted.
    pub(super) fn text(&mut self, text: String) -> Res<Val> {
        self.charge(text.len())?;
        Ok(Val::Str(text.into()))
    }

    /// `a ~ b ~ …`
    pub(super) fn join(&mut self, parts: &[Val]) -> Res<Val> {
        let mut out = String::new();
        for part in parts {
            out.push_str(&str_of(part)?);
        }
        self.text(out)
    }
}

fn is_sequence(val: &Val) -> bool {
    matches!(val, Val::Str(_) | Val::Markup(_) | Val::List(_) | Val::Tuple(_) | Val::Bytes(_))
}

/// The place an index means, counted from the end when it is negative.
pub(super) fn place(index: &Val, length: usize) -> Option<usize> {
    let index = index.as_index()?;
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index.checked_add(length)? } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

fn at(items: &[Val], index: &Val) -> Option<Val> {
    items.get(place(index, items.len())?).cloned()
}

fn char_at(text: &str, index: &Val) -> Option<String> {
    let length = if text.is_ascii() { text.len() } else { text.chars().count() };
    let at = place(index, length)?;
    text.chars().nth(at).map(String::from)
}

/// Where `[start:stop:step]` begins and ends in `length` items.
fn slice_bounds(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, i64) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (low, high) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let clamp = |index: i64| (if index < 0 { index.saturating_add(length) } else { index }).clamp(low, high);
    let start = start.map_or(if step < 0 { high } else { low }, clamp);
    let stop = stop.map_or(if step < 0 { low } else { high }, clamp);
    (start, stop)
}

/// The places that `[start:stop:step]` picks of `length` items.
pub(super) fn slice_places(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<usize> {
    let (start, stop) = slice_bounds(length, start, stop, step);
    let mut places = Vec::new();
    let mut at = start;
    while if step < 0 { at > stop } else { at < stop } {
        places.extend(usize::try_from(at));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    places
}
