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

/// Each function with the types that its arguments may have; `array-number` is a list of numbers, and the `+` of the last
/// one lets it come again. One text, since a table of texts costs the program several times as much.
const FUNCTIONS: &str = "\
abs number
avg array-number
ceil number
contains array|string any
ends_with string string
floor number
join string array-string
keys object
length string|array|object
map expref array
max array-number|array-string
max_by array expref
merge object+
min array-number|array-string
min_by array expref
not_null any+
reverse array|string
sort array-string|array-number
sort_by array expref
starts_with string string
sum array-number
to_array any
to_number any
to_string any
type any
values object";

/// Calls a function with arguments of the types that it accepts.
pub(super) fn call(run: &mut Run<'_>, name: &str, args: &[Val]) -> Res<Val> {
    let row = FUNCTIONS.lines().find_map(|row| row.strip_prefix(name)?.strip_prefix(' '));
    let Some(row) = row.filter(|_| !name.contains(' ')) else {
        return Err(Fault::other(format!("Unknown function: {name}()")));
    };
    let signature = row.trim_end_matches('+');
    let is_variadic = signature != row;
    let (wanted, given) = (signature.split(' ').count(), args.len());
    if given < wanted || (given > wanted && !is_variadic) {
        let least = if is_variadic { "at least " } else { "" };
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(Fault::other(format!(
            "Expected {least}{wanted} argument{plural} for function {name}(), received {given}"
        )));
    }
    for (arg, types) in args.iter().zip(signature.split(' ')) {
        check(run, name, arg, types)?;
    }
    perform(run, name, args)
}

/// Does what the function does; there are as many arguments as it wants.
fn perform(run: &mut Run<'_>, name: &str, args: &[Val]) -> Res<Val> {
    let first = &args[0];
    let items = match name {
        "abs" => return abs(run, Args::of(args.to_vec())),
        "avg" if known_length(first) == Some(0) => return Ok(Val::None),
        "avg" => {
            let length = Val::len_of(known_length(first).unwrap_or(1));
            let total = sum(run, first)?;
            return run.binary(BinaryOp::Div, &total, &length);
        }
        "ceil" => return whole(first, f64::ceil),
        "floor" => return whole(first, f64::floor),
        "contains" => return run.contains(first, &args[1]).map(Val::Bool),
        "starts_with" | "ends_with" => {
            let (text, part) = (str_of(first)?, str_of(&args[1])?);
            let holds = if name == "ends_with" { text.ends_with(&*part) } else { text.starts_with(&*part) };
            return Ok(Val::Bool(holds));
        }
        "join" => return join(run, args),
        "length" => return Ok(Val::len_of(known_length(first).unwrap_or_default())),
        "max" | "max_by" | "min" | "min_by" => return extreme(run, name, first, args.get(1)),
        "merge" => return merge(run, args),
        "not_null" => {
            return Ok(args.iter().find(|arg| !matches!(arg, Val::None)).cloned().unwrap_or(Val::None));
        }
        "sum" => return sum(run, first),
        "to_number" => return to_number(first),
        "to_string" if first.as_str().is_none() => return compact_json(run, first),
        "type" => {
            return Ok(match kind_of(first) {
                _ if first.as_str().is_some() => Val::str("string"),
                "expref" | "unknown" => Val::None,
                kind => Val::str(kind),
            });
        }
        "reverse" => match first {
            Val::Str(text) => return run.text(text.chars().rev().collect()),
            list => {
                let mut items = items_of(list)?;
                items.reverse();
                items
            }
        },
        "keys" | "values" => {
            let entries = if let Val::Dict(dict) = first { dict.pairs() } else { Vec::new() };
            entries.into_iter().map(|(key, val)| if name == "keys" { key } else { val }).collect()
        }
        "map" => {
            let mut items = items_of(&args[1])?;
            for item in &mut items {
                *item = apply(run, first, item)?;
            }
            items
        }
        "sort" | "sort_by" => sorted(run, first, args.get(1))?,
        "to_array" if !matches!(first, Val::List(_)) => vec![first.clone()],
        // `to_array` of a list, `to_string` of a text.
        _ => return Ok(first.clone()),
    };
    made(run, items)
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

fn wrong(function: &str, val: &Val, received: &str, types: &str) -> Fault {
    match str_of(val) {
        Ok(shown) => Fault::other(format!(
            "In function {function}(), invalid type for value: {shown}, expected one of: ['{}'], received: \
             \"{received}\"",
            types.replace('|', "', '")
        )),
        Err(fault) => fault,
    }
}

fn check(run: &mut Run<'_>, function: &str, val: &Val, types: &str) -> Res<()> {
    let kind = kind_of(val);
    if types == "any" {
        return Ok(());
    }
    if !types.split('|').any(|accepted| accepted.split('-').next() == Some(kind)) {
        return Err(wrong(function, val, kind, types));
    }
    let mut of_items = types.split('|').filter_map(|accepted| accepted.split_once('-')).map(|(_, kind)| kind);
    let (Val::List(list), Some(one)) = (val, of_items.next()) else { return Ok(()) };
    let items = list.0.borrow();
    run.ticks(items.len())?;
    // Of two types, the first item says which one it is; the first item is then looked at as the others are.
    let first = items.first().map_or("", kind_of);
    let wanted = if of_items.any(|kind| kind == first) { first } else { one };
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
fn key(run: &mut Run<'_>, function: &str, by: &Val, item: &Val, types: &str) -> Res<Val> {
    let key = apply(run, by, item)?;
    let kind = kind_of(&key);
    if types.split('|').any(|accepted| accepted == kind) {
        Ok(key)
    } else {
        Err(wrong(function, &key, kind, types))
    }
}

fn extreme(run: &mut Run<'_>, function: &str, list: &Val, by: Option<&Val>) -> Res<Val> {
    let order = if function.starts_with("max") { Order::Gt } else { Order::Lt };
    let mut best: Option<(Val, Val)> = None;
    for item in items_of(list)? {
        run.tick()?;
        let key = match by {
            Some(by) => key(run, function, by, &item, "number|string")?,
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

fn sorted(run: &mut Run<'_>, list: &Val, by: Option<&Val>) -> Res<Vec<Val>> {
    let mut keyed: Vec<(Val, Val)> = Vec::new();
    let mut types = "";
    for item in items_of(list)? {
        run.tick()?;
        let by = match by {
            None => item.clone(),
            Some(by) if keyed.is_empty() => {
                // All have to be of the type of the first.
                let first = apply(run, by, &item)?;
                types = kind_of(&first);
                if !matches!(types, "number" | "string") {
                    return Err(wrong("sort_by", &item, types, "string|number"));
                }
                first
            }
            Some(by) => key(run, "sort_by", by, &item, types)?,
        };
        keyed.push((by, item));
    }
    sort_keyed(&mut keyed, false)?;
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn sum(run: &mut Run<'_>, list: &Val) -> Res<Val> {
    let mut total = Val::Int(0);
    for item in items_of(list)? {
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
