//! The tests behind `is`: Jinja2 3.1 `tests.py`, Salt: utils/jinja.py.

use super::call::{Args, flag, given};
use super::compare::{Order, equal, identical, ordered};
use super::fault::{Fault, Res};
use super::iterate::{Source, known_length};
use super::methods::text::{is_lower, is_upper};
use super::object::{Native, Obj};
use super::run::Run;
use super::syntax::BinaryOp;
use super::val::Val;

/// A test.
pub(super) struct Test {
    name: &'static str,
    pub run: Native,
}

const fn row(name: &'static str, run: Native) -> Test {
    Test { name, run }
}

/// The test of this name.
pub(super) fn find(name: &str) -> Option<&'static Test> {
    let at = TESTS.binary_search_by(|test| test.name.cmp(name)).ok()?;
    TESTS.get(at)
}

/// All that there are.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TESTS.iter().map(|test| test.name)
}

/// Sorted by name.
static TESTS: &[Test] = &[
    row("!=", |_, args| compare(args, |a, b| Ok(!equal(a, b)?))),
    row("<", |_, args| compare(args, |a, b| ordered(Order::Lt, a, b))),
    row("<=", |_, args| compare(args, |a, b| ordered(Order::Le, a, b))),
    row("==", |_, args| compare(args, equal)),
    row(">", |_, args| compare(args, |a, b| ordered(Order::Gt, a, b))),
    row(">=", |_, args| compare(args, |a, b| ordered(Order::Ge, a, b))),
    row("boolean", |_, args| one(args, "test_boolean", |val| matches!(val, Val::Bool(_)))),
    row("callable", |_, args| one(args, "callable", is_callable)),
    row("defined", |_, args| one(args, "test_defined", |val| !val.is_undefined())),
    row("divisibleby", |run, args| {
        let [val, by] = args.bind("test_divisibleby", ["value", "num"], 2)?;
        let rest = run.binary(BinaryOp::Mod, &given(val), &given(by))?;
        Ok(Val::Bool(equal(&rest, &Val::Int(0))?))
    }),
    row("eq", |_, args| compare(args, equal)),
    row("equalto", |_, args| {
        let [val, other] = args.bind("test_equalto", ["value", "other"], 2)?;
        Ok(Val::Bool(equal(&given(val), &given(other))?))
    }),
    row("escaped", |_, args| match args.pos.first() {
        Some(Val::Undefined(undefined)) if undefined.strict => Ok(Val::Bool(false)),
        _ => one(args, "test_escaped", |val| matches!(val, Val::Markup(_))),
    }),
    row("even", |run, args| parity(run, args, "test_even", 0)),
    row("false", |_, args| one(args, "test_false", |val| matches!(val, Val::Bool(false)))),
    row("filter", |_, args| {
        let [name] = args.bind("test_filter", ["value"], 1)?;
        known(&given(name), |name| super::filters::find(name).is_some())
    }),
    row("float", |_, args| one(args, "test_float", |val| matches!(val, Val::Float(_)))),
    row("ge", |_, args| compare(args, |a, b| ordered(Order::Ge, a, b))),
    row("greaterthan", |_, args| compare(args, |a, b| ordered(Order::Gt, a, b))),
    row("gt", |_, args| compare(args, |a, b| ordered(Order::Gt, a, b))),
    row("in", |run, args| {
        let [val, seq] = args.bind("test_in", ["value", "seq"], 2)?;
        Ok(Val::Bool(run.contains(&given(seq), &given(val))?))
    }),
    row("integer", |_, args| one(args, "test_integer", |val| matches!(val, Val::Int(_) | Val::Big(_)))),
    row("iterable", |_, args| {
        let [val] = args.bind("test_iterable", ["value"], 1)?;
        match given(val) {
            Val::Undefined(undefined) if undefined.strict => Err(undefined.fault()),
            Val::Obj(obj) => Ok(Val::Bool(matches!(&*obj, Obj::Loop(_) | Obj::Salt))),
            val => Ok(Val::Bool(Source::of(&val).is_ok())),
        }
    }),
    row("le", |_, args| compare(args, |a, b| ordered(Order::Le, a, b))),
    row("lessthan", |_, args| compare(args, |a, b| ordered(Order::Lt, a, b))),
    row("list", |_, args| one(args, "is_list", |val| matches!(val, Val::List(_)))),
    row("lower", |run, args| {
        let [val] = args.bind("test_lower", ["value"], 1)?;
        let text = run.text_of(&given(val))?;
        Ok(Val::Bool(is_lower(&text)))
    }),
    row("lt", |_, args| compare(args, |a, b| ordered(Order::Lt, a, b))),
    row("mapping", |_, args| one(args, "test_mapping", |val| matches!(val, Val::Dict(_)))),
    row("match", |run, args| {
        let [val, pattern, ignore_case, multiline] =
            args.bind("test_match", ["txt", "rgx", "ignorecase", "multiline"], 2)?;
        let (ignore_case, multiline) = (flag(ignore_case, false)?, flag(multiline, false)?);
        super::pattern::matches(run, &given(val), &given(pattern), ignore_case, multiline)
    }),
    row("ne", |_, args| compare(args, |a, b| Ok(!equal(a, b)?))),
    row("none", |_, args| one(args, "test_none", |val| matches!(val, Val::None))),
    row("number", |_, args| {
        one(args, "test_number", |val| {
            matches!(val, Val::Bool(_) | Val::Int(_) | Val::Big(_) | Val::Float(_))
        })
    }),
    row("odd", |run, args| parity(run, args, "test_odd", 1)),
    row("sameas", |_, args| {
        let [val, other] = args.bind("test_sameas", ["value", "other"], 2)?;
        Ok(Val::Bool(identical(&given(val), &given(other))))
    }),
    row("sequence", |_, args| {
        one(args, "test_sequence", |val| {
            known_length(val).is_some()
                && !matches!(val, Val::Set(_) | Val::View(..) | Val::Undefined(_) | Val::Obj(_))
        })
    }),
    row("string", |_, args| one(args, "test_string", |val| val.as_str().is_some())),
    row("test", |_, args| {
        let [name] = args.bind("test_test", ["value"], 1)?;
        known(&given(name), |name| find(name).is_some())
    }),
    row("true", |_, args| one(args, "test_true", |val| matches!(val, Val::Bool(true)))),
    row("undefined", |_, args| one(args, "test_undefined", Val::is_undefined)),
    row("upper", |run, args| {
        let [val] = args.bind("test_upper", ["value"], 1)?;
        let text = run.text_of(&given(val))?;
        Ok(Val::Bool(is_upper(&text)))
    }),
];

fn one(args: Args, name: &str, holds: fn(&Val) -> bool) -> Res<Val> {
    let [val] = args.bind(name, ["value"], 1)?;
    Ok(Val::Bool(holds(&given(val))))
}

fn is_callable(val: &Val) -> bool {
    match val {
        Val::Obj(obj) => obj.is_callable(),
        // `Undefined` has a `__call__`, which fails.
        Val::Undefined(_) => true,
        _ => false,
    }
}

fn compare(args: Args, holds: fn(&Val, &Val) -> Res<bool>) -> Res<Val> {
    let given_ = args.pos.len();
    match args.pos.as_slice() {
        [a, b] if args.kw.is_empty() => Ok(Val::Bool(holds(a, b)?)),
        _ => Err(Fault::other(format!("eq expected 2 arguments, got {given_}"))),
    }
}

fn parity(run: &mut Run<'_>, args: Args, name: &str, wanted: i64) -> Res<Val> {
    let [val] = args.bind(name, ["value"], 1)?;
    let val = given(val);
    let rest = run.binary(BinaryOp::Mod, &val, &Val::Int(2))?;
    Ok(Val::Bool(equal(&rest, &Val::Int(wanted))?))
}

fn known(name: &Val, is_known: impl Fn(&str) -> bool) -> Res<Val> {
    match name {
        Val::Undefined(undefined) => Err(undefined.fault()),
        other => {
            other.key()?;
            Ok(Val::Bool(other.as_str().is_some_and(|name| is_known(name))))
        }
    }
}

#[cfg(test)]
mod order {
    use super::*;

    #[test]
    fn tests_are_sorted_and_unique() {
        assert!(TESTS.is_sorted_by(|a, b| a.name < b.name));
    }
}
