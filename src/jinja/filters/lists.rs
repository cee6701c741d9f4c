//! Salt's filters over lists and sets. Salt: utils/jinja.py, utils/data.py; Python: `itertools`.

use indexmap::IndexSet;

use super::super::call::{Args, flag, given, int};
use super::super::compare::{equal, identical};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::methods;
use super::super::methods::list::{fresh, sort_keyed};
use super::super::methods::set::keys;
use super::super::run::Run;
use super::super::syntax::BinaryOp;
use super::super::val::{Key, Val};
use crate::value::Twister;

pub(super) fn sequence(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("ensure_sequence_filter", ["data"], 1)?;
    Ok(match given(val) {
        val @ (Val::List(_) | Val::Tuple(_) | Val::Set(_) | Val::Dict(_)) => val,
        other => fresh(vec![other]),
    })
}

fn holds(run: &mut Run<'_>, items: &[Val], item: &Val) -> Res<bool> {
    run.ticks(items.len())?;
    for it in items {
        if identical(it, item) || equal(it, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Each item once: a set of what can be hashed, a list of the items of a list.
fn once(run: &mut Run<'_>, val: &Val) -> Res<Val> {
    if let Val::Undefined(undefined) = val {
        return Err(undefined.fault());
    }
    if val.is_hashable() {
        let items = counted_items(run, val)?;
        let set: IndexSet<Key> = items.iter().map(Val::key).collect::<Res<_>>()?;
        return Ok(Val::set(set));
    }
    let mut out: Vec<Val> = Vec::new();
    for item in counted_items(run, val)? {
        if !holds(run, &out, &item)? {
            out.push(item);
        }
    }
    Ok(fresh(out))
}

pub(super) fn unique(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("unique", ["values"], 1)?;
    once(run, &given(val))
}

fn both_hashable(a: &Val, b: &Val) -> Res<bool> {
    for val in [a, b] {
        if let Val::Undefined(undefined) = val {
            return Err(undefined.fault());
        }
    }
    Ok(a.is_hashable() && b.is_hashable())
}

fn union_of(run: &mut Run<'_>, a: &Val, b: &Val) -> Res<Val> {
    if both_hashable(a, b)? {
        let mut set = keys(a)?;
        set.extend(keys(b)?);
        return Ok(Val::set(set));
    }
    let both = run.binary(BinaryOp::Add, a, b)?;
    once(run, &both)
}

/// The items of `a` that are in `b`, or are not.
fn among(run: &mut Run<'_>, a: &Val, b: &Val, wanted: bool) -> Res<Val> {
    if both_hashable(a, b)? {
        let (a, b) = (keys(a)?, keys(b)?);
        return Ok(Val::set(a.into_iter().filter(|key| b.contains(key) == wanted).collect()));
    }
    let mut out = Vec::new();
    for item in counted_items(run, a)? {
        run.tick()?;
        if run.contains(b, &item)? == wanted {
            out.push(item);
        }
    }
    once(run, &fresh(out))
}

pub(super) fn union(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [a, b] = args.bind("union", ["lst1", "lst2"], 2)?;
    union_of(run, &given(a), &given(b))
}

pub(super) fn intersect(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [a, b] = args.bind("intersect", ["lst1", "lst2"], 2)?;
    among(run, &given(a), &given(b), true)
}

pub(super) fn difference(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [a, b] = args.bind("difference", ["lst1", "lst2"], 2)?;
    among(run, &given(a), &given(b), false)
}

pub(super) fn symmetric_difference(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [a, b] = args.bind("symmetric_difference", ["lst1", "lst2"], 2)?;
    let (a, b) = (given(a), given(b));
    if both_hashable(&a, &b)? {
        let (a, b) = (keys(&a)?, keys(&b)?);
        let mut out: IndexSet<Key> = a.iter().filter(|key| !b.contains(*key)).cloned().collect();
        out.extend(b.into_iter().filter(|key| !a.contains(key)));
        return Ok(Val::set(out));
    }
    let all = union_of(run, &a, &b)?;
    let both = among(run, &a, &b, true)?;
    among(run, &all, &both, false)
}

pub(super) fn is_list(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("is_list", ["value"], 1)?;
    Ok(Val::Bool(matches!(given(val), Val::List(_))))
}

/// Whether Salt takes it for something to go through: not text, not bytes.
fn goes_through(val: &Val) -> bool {
    matches!(
        val,
        Val::List(_)
            | Val::Tuple(_)
            | Val::Dict(_)
            | Val::Set(_)
            | Val::Range(_)
            | Val::View(..)
            | Val::Gen(_)
            | Val::Bytes(_)
    )
}

pub(super) fn is_iter(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("is_iter", ["thing"], 1)?;
    match given(val) {
        Val::Undefined(undefined) if undefined.strict => Err(undefined.fault()),
        val => Ok(Val::Bool(goes_through(&val) || val.is_undefined())),
    }
}

pub(super) fn exactly_n_true(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, amount] = args.bind("exactly_n", ["iterable", "amount"], 1)?;
    let amount = int(amount, 1)?;
    count_true(run, &given(val), amount)
}

pub(super) fn exactly_one_true(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("exactly_one", ["iterable"], 1)?;
    count_true(run, &given(val), 1)
}

fn count_true(run: &mut Run<'_>, val: &Val, amount: i64) -> Res<Val> {
    let mut found = 0;
    for item in counted_items(run, val)? {
        found += i64::from(item.truthy()?);
    }
    Ok(Val::Bool(found == amount.max(0)))
}

pub(super) fn sorted_ignorecase(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("sorted_ignorecase", ["to_sort"], 1)?;
    let mut keyed = Vec::new();
    for item in counted_items(run, &given(val))? {
        let Some(text) = item.as_str() else {
            return Err(Fault::other(format!("'{}' object has no attribute 'lower'", item.type_name())));
        };
        keyed.push((Val::str(text.to_lowercase()), item));
    }
    sort_keyed(&mut keyed, false)?;
    Ok(fresh(keyed.into_iter().map(|(_, item)| item).collect()))
}

pub(super) fn flatten(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, levels, nulls] = args.bind("flatten", ["data", "levels", "preserve_nulls"], 1)?;
    let levels = match levels {
        None | Some(Val::None) => None,
        levels => Some(int(levels, 0)?),
    };
    let mut out = Vec::new();
    flatten_into(run, &mut out, &given(val), levels, flag(nulls, false)?, 0)?;
    Ok(fresh(out))
}

fn flatten_into(
    run: &mut Run<'_>,
    out: &mut Vec<Val>,
    val: &Val,
    levels: Option<i64>,
    nulls: bool,
    depth: u32,
) -> Res<()> {
    if depth > super::super::print::MAX_NESTING {
        return Err(Fault::other("Reference cycle detected. Check input list."));
    }
    for item in counted_items(run, val)? {
        let is_null = match &item {
            Val::None => true,
            Val::Str(text) | Val::Markup(text) => matches!(&**text, "None" | "null"),
            Val::Undefined(undefined) => return Err(undefined.fault()),
            _ => false,
        };
        if is_null && !nulls {
            continue;
        }
        if goes_through(&item) && levels.is_none_or(|levels| levels >= 1) {
            flatten_into(run, out, &item, levels.map(|levels| levels - 1), nulls, depth + 1)?;
        } else {
            out.push(item);
        }
    }
    Ok(())
}

pub(super) fn method_call(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let Args { pos, kw } = args;
    let mut pos = pos.into_iter();
    let (Some(val), Some(name)) = (pos.next(), pos.next()) else {
        return Err(Fault::other("method_call() missing 1 required positional argument: 'f_name'"));
    };
    if let Val::Undefined(undefined) = &val {
        return Err(undefined.fault());
    }
    let Some(name) = name.as_str().cloned() else {
        return Err(Fault::other("attribute name must be string"));
    };
    let args = Args { pos: pos.collect(), kw };
    if methods::has(&val, &name) {
        return methods::call(run, &val, &name, args);
    }
    if name.starts_with("__") {
        return Err(Fault::template(format!(
            "access to attribute '{name}' of '{}' object is unsafe.",
            val.type_name()
        )));
    }
    match run.member(&val, &name)? {
        Some(member @ Val::Obj(_)) => run.call_value(&member, args),
        Some(other) => Err(Fault::other(format!("'{}' object is not callable", other.type_name()))),
        None => Ok(Val::None),
    }
}

/// A sequence, which is what `random.sample` takes.
fn population(run: &mut Run<'_>, val: &Val) -> Res<Vec<Val>> {
    match val {
        Val::List(_) | Val::Tuple(_) | Val::Str(_) | Val::Markup(_) | Val::Range(_) | Val::Bytes(_) => {
            counted_items(run, val)
        }
        Val::Undefined(undefined) => Err(undefined.fault()),
        _ => Err(Fault::other("Population must be a sequence.  For dicts or sets, use sorted(d).")),
    }
}

fn sample(run: &mut Run<'_>, val: &Val, size: Option<i64>, seed: Option<Val>) -> Res<Val> {
    let items = population(run, val)?;
    let size = match size {
        None => items.len(),
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| *size <= items.len())
            .ok_or_else(|| Fault::other("Sample larger than population or is negative"))?,
    };
    let mut twister = match seed {
        None | Some(Val::None) => Twister::seeded(&run.around.random().to_be_bytes()),
        Some(Val::Str(seed) | Val::Markup(seed)) => {
            Twister::of_text(&super::hash::sha512_hex(seed.as_bytes()))
        }
        Some(Val::Bytes(seed)) => Twister::of_text(&super::hash::sha512_hex(&seed)),
        Some(Val::Undefined(undefined)) => return Err(undefined.fault()),
        Some(_) => return Err(Fault::other("object supporting the buffer API required")),
    };
    Ok(fresh(twister.sample(items.len(), size).into_iter().filter_map(|at| items.get(at).cloned()).collect()))
}

pub(super) fn random_sample(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, size, seed] = args.bind("sample", ["value", "size", "seed"], 2)?;
    let size = int(size, 0)?;
    sample(run, &given(val), Some(size), seed)
}

pub(super) fn random_shuffle(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, seed] = args.bind("shuffle", ["value", "seed"], 1)?;
    let val = given(val);
    super::super::iterate::length_of(&val)?;
    sample(run, &val, None, seed)
}

/// Counts the tuples that are about to be made, `n` of them with `each` items.
fn charge(run: &mut Run<'_>, n: f64, each: usize) -> Res<()> {
    let bytes = n * (each as f64 + 2.0) * 24.0;
    run.ticks(if n < 1e15 { n as usize } else { usize::MAX })?;
    run.charge(if bytes < 1e15 { bytes as usize } else { usize::MAX })
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k.min(n)).fold(1.0, |product, index| product * (n - index) as f64 / (index + 1) as f64)
}

fn pick(items: &[Val], places: &[usize]) -> Val {
    Val::tuple(places.iter().filter_map(|at| items.get(*at).cloned()).collect())
}

fn size_of(size: Option<Val>) -> Res<usize> {
    usize::try_from(int(size, 0)?).map_err(|_| Fault::other("r must be non-negative"))
}

pub(super) fn combinations(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, size] = args.bind("combinations", ["iterable", "r"], 2)?;
    let items = counted_items(run, &given(val))?;
    let size = size_of(size)?;
    let mut out = Vec::new();
    if size <= items.len() {
        charge(run, choose(items.len(), size), size)?;
        let mut places: Vec<usize> = (0..size).collect();
        loop {
            out.push(pick(&items, &places));
            let Some(at) = (0..size).rev().find(|at| places[*at] != at + items.len() - size) else { break };
            places[at] += 1;
            for next in at + 1..size {
                places[next] = places[next - 1] + 1;
            }
        }
    }
    Ok(Val::r#gen("itertools.combinations object", out))
}

pub(super) fn combinations_with_replacement(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, size] = args.bind("combinations_with_replacement", ["iterable", "r"], 2)?;
    let items = counted_items(run, &given(val))?;
    let size = size_of(size)?;
    let mut out = Vec::new();
    if !items.is_empty() || size == 0 {
        charge(run, choose((items.len() + size).saturating_sub(1), size), size)?;
        let mut places = vec![0; size];
        loop {
            out.push(pick(&items, &places));
            let Some(at) = (0..size).rev().find(|at| places[*at] + 1 < items.len()) else { break };
            let next = places[at] + 1;
            places[at..].fill(next);
        }
    }
    Ok(Val::r#gen("itertools.combinations_with_replacement object", out))
}

pub(super) fn permutations(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, size] = args.bind("permutations", ["iterable", "r"], 1)?;
    let items = counted_items(run, &given(val))?;
    let size = match size {
        None | Some(Val::None) => items.len(),
        size => size_of(size)?,
    };
    let mut out = Vec::new();
    if size <= items.len() {
        let count = (0..size).fold(1.0, |product, index| product * (items.len() - index) as f64);
        charge(run, count, size)?;
        permute(&items, size, &mut Vec::new(), &mut out);
    }
    Ok(Val::r#gen("itertools.permutations object", out))
}

fn permute(items: &[Val], size: usize, places: &mut Vec<usize>, out: &mut Vec<Val>) {
    if places.len() == size {
        out.push(pick(items, places));
        return;
    }
    for at in 0..items.len() {
        if !places.contains(&at) {
            places.push(at);
            permute(items, size, places, out);
            places.pop();
        }
    }
}

pub(super) fn product(run: &mut Run<'_>, mut args: Args) -> Res<Val> {
    let repeat = match args.take("repeat") {
        None => 1,
        repeat => usize::try_from(int(repeat, 1)?)
            .map_err(|_| Fault::other("repeat argument cannot be negative"))?,
    };
    let mut pools = Vec::new();
    for val in &args.pos {
        pools.push(counted_items(run, val)?);
    }
    if repeat.saturating_mul(pools.len()) > 1_000 {
        return Err(Fault::other("repeat argument too large"));
    }
    let pools: Vec<Vec<Val>> = (0..repeat).flat_map(|_| pools.iter().cloned()).collect();
    let count = pools.iter().fold(1.0, |product, pool| product * pool.len() as f64);
    charge(run, count, pools.len())?;
    let mut out: Vec<Vec<Val>> = vec![Vec::new()];
    for pool in &pools {
        out = out
            .iter()
            .flat_map(|head| {
                pool.iter().map(move |item| {
                    let mut row = head.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    Ok(Val::r#gen("itertools.product object", out.into_iter().map(Val::tuple).collect()))
}

pub(super) fn compress(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, selectors] = args.bind("compress", ["data", "selectors"], 2)?;
    let items = counted_items(run, &given(val))?;
    let mut out = Vec::new();
    for (item, keep) in items.into_iter().zip(counted_items(run, &given(selectors))?) {
        if keep.truthy()? {
            out.push(item);
        }
    }
    Ok(Val::r#gen("itertools.compress object", out))
}

fn rows(run: &mut Run<'_>, args: Args, name: &str, fill: Option<&Val>) -> Res<Vec<Val>> {
    if let Some((key, _)) = args.kw.first() {
        return Err(Fault::other(format!("{name}() got an unexpected keyword argument '{key}'")));
    }
    let mut columns = Vec::new();
    for val in &args.pos {
        columns.push(counted_items(run, val)?);
    }
    let lengths = columns.iter().map(Vec::len);
    let length = if fill.is_some() { lengths.max() } else { lengths.min() }.unwrap_or(0);
    charge(run, length as f64, columns.len())?;
    let cell = |column: &Vec<Val>, at: usize| column.get(at).or(fill).cloned().unwrap_or(Val::None);
    Ok((0..length).map(|at| Val::tuple(columns.iter().map(|column| cell(column, at)).collect())).collect())
}

pub(super) fn zip(run: &mut Run<'_>, args: Args) -> Res<Val> {
    Ok(Val::r#gen("zip object", rows(run, args, "zip", None)?))
}

pub(super) fn zip_longest(run: &mut Run<'_>, mut args: Args) -> Res<Val> {
    let fill = args.take("fillvalue").unwrap_or(Val::None);
    Ok(Val::r#gen("itertools.zip_longest object", rows(run, args, "zip_longest", Some(&fill))?))
}
