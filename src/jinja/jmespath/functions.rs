//! The functions of an expression, and what they accept. jmespath: functions.py.

use std::rc::Rc;

use super::super::call::Args;
use super::super::compare::{Order, ordered};
use super::super::fault::{Fault, Res};
use super::super::filters::{abs, compact_json, parse_float, parse_int};
use super::super::iterate::{items_of, known_length};
use super::super::methods::dict::pairs;
use super::super::methods::list::sort_keyed;
use super::super::number::float_to_big;
use super::super::object::Obj;
use super::super::print::str_of;
use super::super::run::Run;
use super::super::syntax::BinaryOp;
use super::super::val::{Entries, Val};
use super::search::{made, visit};

/// The types that an argument may have; none of them means any. `array-number` is a list of numbers.
type Types = &'static [&'static str];

struct Function {
    name: &'static str,
    signature: &'static [Types],
    /// The last of the signature stands for one or more.
    variadic: bool,
    run: fn(&mut Run<'_>, &[Val]) -> Res<Val>,
}

const fn row(
    name: &'static str,
    signature: &'static [Types],
    run: fn(&mut Run<'_>, &[Val]) -> Res<Val>,
) -> Function {
    Function { name, signature, variadic: false, run }
}

const ANY: Types = &[];
const NUMBER: Types = &["number"];
const NUMBERS: Types = &["array-number"];
const TEXT: Types = &["string"];
const LIST: Types = &["array"];
const DICT: Types = &["object"];
const EXPRESSION: Types = &["expref"];
const NUMBERS_OR_TEXTS: Types = &["array-number", "array-string"];

static FUNCTIONS: &[Function] = &[
    row("abs", &[NUMBER], |run, args| abs(run, Args::of(args.to_vec()))),
    row("avg", &[NUMBERS], |run, args| match known_length(&args[0]) {
        Some(0) => Ok(Val::None),
        length => {
            let total = sum(run, args)?;
            run.binary(BinaryOp::Div, &total, &Val::len_of(length.unwrap_or(1)))
        }
    }),
    row("ceil", &[NUMBER], |_, args| whole(&args[0], f64::ceil)),
    row("contains", &[&["array", "string"], ANY], |run, args| {
        run.contains(&args[0], &args[1]).map(Val::Bool)
    }),
    row("ends_with", &[TEXT, TEXT], |_, args| texts(args, |text, end| text.ends_with(end))),
    row("floor", &[NUMBER], |_, args| whole(&args[0], f64::floor)),
    row("join", &[TEXT, &["array-string"]], join),
    row("keys", &[DICT], |run, args| {
        let keys = entries(&args[0]).into_iter().map(|(key, _)| key).collect();
        made(run, keys)
    }),
    row("length", &[&["string", "array", "object"]], |_, args| {
        Ok(Val::len_of(known_length(&args[0]).unwrap_or_default()))
    }),
    row("map", &[EXPRESSION, LIST], |run, args| {
        let mut found = Vec::new();
        for item in items_of(&args[1])? {
            found.push(apply(run, &args[0], &item)?);
        }
        made(run, found)
    }),
    row("max", &[NUMBERS_OR_TEXTS], |run, args| extreme(run, &args[0], None, Order::Gt)),
    row("max_by", &[LIST, EXPRESSION], |run, args| {
        extreme(run, &args[0], Some(("max_by", &args[1])), Order::Gt)
    }),
    Function { name: "merge", signature: &[DICT], variadic: true, run: merge },
    row("min", &[NUMBERS_OR_TEXTS], |run, args| extreme(run, &args[0], None, Order::Lt)),
    row("min_by", &[LIST, EXPRESSION], |run, args| {
        extreme(run, &args[0], Some(("min_by", &args[1])), Order::Lt)
    }),
    Function {
        name: "not_null",
        signature: &[ANY],
        variadic: true,
        run: |_, args| Ok(args.iter().find(|arg| !matches!(arg, Val::None)).cloned().unwrap_or(Val::None)),
    },
    row("reverse", &[&["array", "string"]], |run, args| match &args[0] {
        Val::Str(text) => run.text(text.chars().rev().collect()),
        list => {
            let items = items_of(list)?.into_iter().rev().collect();
            made(run, items)
        }
    }),
    row("sort", &[&["array-string", "array-number"]], |run, args| {
        sorted(run, items_of(&args[0])?.into_iter().map(|item| (item.clone(), item)).collect())
    }),
    row("sort_by", &[LIST, EXPRESSION], sort_by),
    row("starts_with", &[TEXT, TEXT], |_, args| texts(args, |text, start| text.starts_with(start))),
    row("sum", &[NUMBERS], sum),
    row("to_array", &[ANY], |run, args| match &args[0] {
        Val::List(_) => Ok(args[0].clone()),
        other => made(run, vec![other.clone()]),
    }),
    row("to_number", &[ANY], |_, args| to_number(&args[0])),
    row("to_string", &[ANY], |run, args| match &args[0] {
        Val::Str(_) | Val::Markup(_) => Ok(args[0].clone()),
        other => compact_json(run, other),
    }),
    row("type", &[ANY], |_, args| {
        Ok(match (&args[0], kind_of(&args[0])) {
            (Val::Markup(_), _) => Val::str("string"),
            (_, "expref" | "unknown") => Val::None,
            (_, kind) => Val::str(kind),
        })
    }),
    row("values", &[DICT], |run, args| {
        let values = entries(&args[0]).into_iter().map(|(_, val)| val).collect();
        made(run, values)
    }),
];

fn entries(dict: &Val) -> Vec<(Val, Val)> {
    if let Val::Dict(dict) = dict { dict.pairs() } else { Vec::new() }
}

/// Calls a function with arguments of the types that it accepts.
pub(super) fn call(run: &mut Run<'_>, name: &str, args: &[Val]) -> Res<Val> {
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        return Err(Fault::other(format!("Unknown function: {name}()")));
    };
    let (wanted, given) = (function.signature.len(), args.len());
    if given < wanted || (given > wanted && !function.variadic) {
        let least = if function.variadic { "at least " } else { "" };
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(Fault::other(format!(
            "Expected {least}{wanted} argument{plural} for function {name}(), received {given}"
        )));
    }
    for (arg, types) in args.iter().zip(function.signature) {
        check(run, name, arg, types)?;
    }
    (function.run)(run, args)
}

/// What JMESPath calls the type: Python's exact one decides.
fn kind_of(val: &Val) -> &'static str {
    match val {
        Val::None => "null",
        Val::Bool(_) => "boolean",
        Val::Int(_) | Val::Big(_) | Val::Float(_) => "number",
        Val::Str(_) => "string",
        Val::List(_) => "array",
        Val::Dict(_) => "object",
        Val::Obj(obj) if matches!(**obj, Obj::Expression(..)) => "expref",
        _ => "unknown",
    }
}

fn wrong(function: &str, val: &Val, received: &str, types: &[&str]) -> Fault {
    match str_of(val) {
        Ok(shown) => Fault::other(format!(
            "In function {function}(), invalid type for value: {shown}, expected one of: ['{}'], received: \
             \"{received}\"",
            types.join("', '")
        )),
        Err(fault) => fault,
    }
}

fn check(run: &mut Run<'_>, function: &str, val: &Val, types: Types) -> Res<()> {
    let kind = kind_of(val);
    if types.is_empty() {
        return Ok(());
    }
    if !types.iter().any(|accepted| accepted.split('-').next() == Some(kind)) {
        return Err(wrong(function, val, kind, types));
    }
    let of_items: Vec<&str> = types.iter().filter_map(|t| t.split_once('-')).map(|(_, t)| t).collect();
    let (Val::List(list), [one, ..]) = (val, of_items.as_slice()) else { return Ok(()) };
    let items = list.0.borrow();
    run.ticks(items.len())?;
    // Of two types, the first item says which one it is; the first item is then looked at as the others are.
    let first = items.first().map_or("", kind_of);
    let wanted = if of_items.contains(&first) { first } else { one };
    match items.iter().find(|item| kind_of(item) != wanted) {
        Some(item) => {
            let name = item.type_name();
            Err(wrong(function, item, name.rsplit('.').next().unwrap_or(name), types))
        }
        None => Ok(()),
    }
}

/// What a `&expression` finds in a value.
fn apply(run: &mut Run<'_>, expression: &Val, val: &Val) -> Res<Val> {
    match expression {
        Val::Obj(obj) => match &**obj {
            Obj::Expression(tree, id) => visit(run, tree, *id, val),
            _ => Ok(Val::None),
        },
        _ => Ok(Val::None),
    }
}

/// What an expression finds, to compare items by it.
fn key(run: &mut Run<'_>, function: &str, by: &Val, item: &Val, types: &[&str]) -> Res<Val> {
    let key = apply(run, by, item)?;
    let kind = kind_of(&key);
    if types.contains(&kind) { Ok(key) } else { Err(wrong(function, &key, kind, types)) }
}

fn extreme(run: &mut Run<'_>, list: &Val, by: Option<(&str, &Val)>, order: Order) -> Res<Val> {
    let mut best: Option<(Val, Val)> = None;
    for item in items_of(list)? {
        run.tick()?;
        let key = match by {
            Some((function, by)) => key(run, function, by, &item, &["number", "string"])?,
            None => item.clone(),
        };
        let better = match &best {
            Some((least, _)) => ordered(order, &key, least)?,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Val::None, |(_, item)| item))
}

fn sorted(run: &mut Run<'_>, mut keyed: Vec<(Val, Val)>) -> Res<Val> {
    run.ticks(keyed.len())?;
    sort_keyed(&mut keyed, false)?;
    made(run, keyed.into_iter().map(|(_, item)| item).collect())
}

fn sort_by(run: &mut Run<'_>, args: &[Val]) -> Res<Val> {
    let items = items_of(&args[0])?;
    let Some(first) = items.first() else { return Ok(args[0].clone()) };
    // All have to be of the type of the first.
    let kind = kind_of(&apply(run, &args[1], first)?);
    if !matches!(kind, "number" | "string") {
        return Err(wrong("sort_by", first, kind, &["string", "number"]));
    }
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        keyed.push((key(run, "sort_by", &args[1], &item, &[kind])?, item));
    }
    sorted(run, keyed)
}

fn sum(run: &mut Run<'_>, args: &[Val]) -> Res<Val> {
    let mut total = Val::Int(0);
    for item in items_of(&args[0])? {
        run.tick()?;
        total = run.binary(BinaryOp::Add, &total, &item)?;
    }
    Ok(total)
}

fn join(run: &mut Run<'_>, args: &[Val]) -> Res<Val> {
    let separator = str_of(&args[0])?;
    let mut out = String::new();
    for (index, item) in items_of(&args[1])?.iter().enumerate() {
        let item = str_of(item)?;
        let before = if index > 0 { &*separator } else { "" };
        run.charge(before.len() + item.len())?;
        out.push_str(before);
        out.push_str(&item);
    }
    Ok(Val::Str(out.into()))
}

fn merge(run: &mut Run<'_>, args: &[Val]) -> Res<Val> {
    let mut merged = Entries::new();
    for arg in args {
        let entries = pairs(arg)?;
        run.charge(entries.len() * 3 * size_of::<Val>())?;
        for (key, val) in entries {
            merged.insert(key, val);
        }
    }
    Ok(Val::dict(merged))
}

fn texts(args: &[Val], holds: fn(&str, &str) -> bool) -> Res<Val> {
    Ok(Val::Bool(holds(&str_of(&args[0])?, &str_of(&args[1])?)))
}

/// A number without its fraction.
fn whole(val: &Val, rounded: fn(f64) -> f64) -> Res<Val> {
    let Val::Float(float) = val else { return Ok(val.clone()) };
    float_to_big(rounded(*float)).map(Val::from_big).ok_or_else(|| {
        let what = if float.is_nan() { "NaN" } else { "infinity" };
        Fault::other(format!("cannot convert float {what} to integer"))
    })
}

fn to_number(val: &Val) -> Res<Val> {
    let text: Rc<str> = match val {
        Val::Undefined(undefined) => return Err(undefined.fault()),
        Val::Int(_) | Val::Big(_) | Val::Float(_) => return Ok(val.clone()),
        Val::None | Val::Bool(_) | Val::List(_) | Val::Dict(_) => return Ok(Val::None),
        Val::Str(text) | Val::Markup(text) => Rc::clone(text),
        Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        other => {
            let name = other.type_name();
            return Err(Fault::other(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                name.rsplit('.').next().unwrap_or(name)
            )));
        }
    };
    let int = parse_int(&text, 10).map(Val::from_big);
    Ok(int.or_else(|| parse_float(&text).map(Val::Float)).unwrap_or(Val::None))
}
