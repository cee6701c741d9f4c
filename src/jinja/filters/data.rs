//! JSON and YAML in and out of templates. Salt: utils/jinja.py (`SerializerExtension`, `tojson`).

use std::rc::Rc;

use super::super::call::{Args, flag, given};
use super::super::convert::{from_value, to_value};
use super::super::fault::{Fault, Res, context};
use super::super::methods::list::{fresh, sort_keyed};
use super::super::object::Obj;
use super::super::print::{MAX_NESTING, repr, str_of, too_deep};
use super::super::run::Run;
use super::super::val::{Dict, Entries, Key, Val};
use super::super::walk::{Walk, walk};
use crate::value::yaml::{self, Flow, Style};
use crate::value::{JsonStyle, Value, float_repr};

/// What YAML writes for a value it does not know, such as an undefined or text that is marked as safe.
const UNKNOWN: &str = "NULL";
const STAND_IN: &str = "Zq7UnknownValueZq7";

/// The arguments of `json.dumps` that templates use.
struct Layout {
    indent: Option<String>,
    sort_keys: bool,
    ensure_ascii: bool,
    separators: (Rc<str>, Rc<str>),
    /// `default=str`: what JSON does not know becomes text.
    others_as_text: bool,
}

impl Layout {
    fn new(indent: Option<Val>, separators: Option<Val>, sort_keys: bool, ensure_ascii: bool) -> Res<Layout> {
        let indent = match indent {
            None | Some(Val::None) => None,
            Some(Val::Str(text) | Val::Markup(text)) => Some(text.to_string()),
            Some(val) => {
                let width = super::super::call::int(Some(val), 0)?;
                Some(" ".repeat(usize::try_from(width.min(1_000)).unwrap_or_default()))
            }
        };
        let mut pair: (Rc<str>, Rc<str>) = (if indent.is_some() { "," } else { ", " }.into(), ": ".into());
        if let Some(Val::Tuple(tuple)) = &separators
            && let [item, key] = tuple.items.as_slice()
        {
            pair = (str_of(item)?, str_of(key)?);
        }
        Ok(Layout { indent, sort_keys, ensure_ascii, separators: pair, others_as_text: false })
    }
}

/// `json.dumps(val, separators=(',', ':'), default=str)`
pub(in super::super) fn compact_json(run: &mut Run<'_>, val: &Val) -> Res<Val> {
    let layout = Layout {
        indent: None,
        sort_keys: false,
        ensure_ascii: true,
        separators: (",".into(), ":".into()),
        others_as_text: true,
    };
    dumps(run, val, &layout).map(|text| Val::Str(text.into()))
}

/// `json.dumps(val)`
fn dumps(run: &mut Run<'_>, val: &Val, layout: &Layout) -> Res<String> {
    let mut out = String::new();
    write(run, &mut out, val, layout, 0)?;
    run.charge(out.len())?;
    Ok(out)
}

fn write(run: &mut Run<'_>, out: &mut String, val: &Val, layout: &Layout, depth: u32) -> Res<()> {
    run.tick()?;
    run.has_room(out.len())?;
    if depth > MAX_NESTING {
        return Err(too_deep());
    }
    match val {
        Val::None => out.push_str("null"),
        Val::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Val::Int(_) | Val::Big(_) => out.push_str(&str_of(val)?),
        Val::Float(float) => out.push_str(&json_float(*float)),
        Val::Str(text) | Val::Markup(text) => write_text(out, text, layout),
        Val::List(list) => {
            let items = list.0.borrow().clone();
            write_list(run, out, &items, layout, depth)?;
        }
        Val::Tuple(tuple) => write_list(run, out, &tuple.items, layout, depth)?,
        Val::Dict(dict) => {
            let entries = if layout.sort_keys { by_key(dict)? } else { dict.pairs() };
            if entries.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            out.push('{');
            for (index, (key, val)) in entries.iter().enumerate() {
                separate(out, layout, index, depth + 1);
                let key = match key {
                    Val::Str(text) | Val::Markup(text) => Rc::clone(text),
                    Val::None => "null".into(),
                    Val::Bool(bool) => if *bool { "true" } else { "false" }.into(),
                    Val::Int(_) | Val::Big(_) => str_of(key)?,
                    Val::Float(float) => json_float(*float).into(),
                    other => {
                        let name = other.type_name();
                        return Err(Fault::other(format!(
                            "keys must be str, int, float, bool or None, not {name}"
                        )));
                    }
                };
                write_text(out, &key, layout);
                out.push_str(&layout.separators.1);
                write(run, out, val, layout, depth + 1)?;
            }
            close(out, layout, depth);
            out.push('}');
        }
        other if layout.others_as_text => write_text(out, &str_of(other)?, layout),
        other => {
            let name = other.type_name();
            let name = name.rsplit('.').next().unwrap_or(name);
            return Err(Fault::other(format!("Object of type {name} is not JSON serializable")));
        }
    }
    Ok(())
}

fn write_list(run: &mut Run<'_>, out: &mut String, items: &[Val], layout: &Layout, depth: u32) -> Res<()> {
    if items.is_empty() {
        out.push_str("[]");
        return Ok(());
    }
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        separate(out, layout, index, depth + 1);
        write(run, out, item, layout, depth + 1)?;
    }
    close(out, layout, depth);
    out.push(']');
    Ok(())
}

fn separate(out: &mut String, layout: &Layout, index: usize, depth: u32) {
    if index > 0 {
        out.push_str(&layout.separators.0);
    }
    if let Some(indent) = &layout.indent {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str(indent));
    }
}

fn close(out: &mut String, layout: &Layout, depth: u32) {
    if let Some(indent) = &layout.indent {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str(indent));
    }
}

fn json_float(float: f64) -> String {
    if float.is_nan() {
        "NaN".into()
    } else if float.is_infinite() {
        if float > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        float_repr(float)
    }
}

fn write_text(out: &mut String, text: &str, layout: &Layout) {
    let style = JsonStyle { ensure_ascii: layout.ensure_ascii, ..JsonStyle::default() };
    out.push_str(&Value::text(text).to_json(style));
}

pub(super) fn json(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, sort_keys, indent] =
        args.bind("SerializerExtension.format_json", ["value", "sort_keys", "indent"], 1)?;
    let layout = Layout::new(indent, None, flag(sort_keys, true)?, false)?;
    let out = dumps(run, &given(val), &layout)?;
    Ok(Val::Markup(out.trim().into()))
}

pub(super) fn tojson(run: &mut Run<'_>, mut args: Args) -> Res<Val> {
    let ensure_ascii = flag(args.take("ensure_ascii"), true)?;
    let sort_keys = flag(args.take("sort_keys"), false)?;
    let separators = args.take("separators");
    let [val, indent] = args.bind("tojson", ["val", "indent"], 1)?;
    let layout = Layout::new(indent, separators, sort_keys, ensure_ascii)?;
    let out = dumps(run, &given(val), &layout)?;
    run.text(
        out.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027"),
    )
}

/// A value as YAML would represent it: what it does not know stands as [`STAND_IN`].
fn representable(val: &Val, walk: Walk<'_>) -> Res<Value> {
    let walk = walk.enter()?;
    Ok(match val {
        Val::List(list) => {
            Value::List(list.0.borrow().iter().map(|item| representable(item, walk)).collect::<Res<_>>()?)
        }
        Val::Tuple(tuple) if !tuple.is_group => {
            Value::List(tuple.items.iter().map(|item| representable(item, walk)).collect::<Res<_>>()?)
        }
        Val::Dict(dict) => {
            let mut map = crate::value::Map::new();
            for (key, val) in in_order(dict) {
                map.insert(representable(&key, walk)?, representable(&val, walk)?);
            }
            Value::Map(map)
        }
        Val::None
        | Val::Bool(_)
        | Val::Int(_)
        | Val::Big(_)
        | Val::Float(_)
        | Val::Str(_)
        | Val::Bytes(_)
        | Val::Time(_) => to_value(val)?,
        _ => Value::text(STAND_IN),
    })
}

/// The entries as PyYAML writes them: by key where keys have an order, of an `OrderedDict` as they stand.
fn in_order(dict: &Dict) -> Vec<(Val, Val)> {
    match by_key(dict) {
        Ok(entries) if !dict.ordered => entries,
        _ => dict.pairs(),
    }
}

fn by_key(dict: &Dict) -> Res<Vec<(Val, Val)>> {
    let mut entries = dict.pairs();
    sort_keyed(&mut entries, false)?;
    Ok(entries)
}

fn yaml_text(val: &Val, flow: &Val) -> Res<String> {
    let flow = match flow {
        Val::None => Flow::Leaves,
        flow if flow.truthy()? => Flow::Always,
        _ => Flow::Never,
    };
    let text =
        yaml::dump(&walk(|walk| representable(val, walk))?, Style { flow, sort_keys: false, ..Style::SALT });
    let text = text.trim_matches(super::super::lex::is_space);
    Ok(text.strip_suffix("\n...").unwrap_or(text).replace(STAND_IN, UNKNOWN))
}

pub(super) fn yaml(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, flow] = args.bind("SerializerExtension.format_yaml", ["value", "flow_style"], 1)?;
    let text = yaml_text(&given(val), &flow.unwrap_or(Val::Bool(true)))?;
    run.charge(text.len())?;
    Ok(Val::Markup(text.into()))
}

pub(super) fn dict_to_sls_yaml_params(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, flow] = args.bind("SerializerExtension.dict_to_sls_yaml_params", ["value", "flow_style"], 1)?;
    let val = given(val);
    let Val::Dict(dict) = &val else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!("'{}' object has no attribute 'items'", other.type_name())),
        });
    };
    let single = |(key, val): (&Key, &Val)| Val::dict(Entries::from_iter([(key.clone(), val.clone())]));
    let params = fresh(dict.entries.borrow().iter().map(single).collect());
    let text = yaml_text(&params, &flow.unwrap_or(Val::Bool(false)))?;
    run.charge(text.len())?;
    Ok(Val::Markup(text.into()))
}

/// The text to read: an imported module is its output.
fn source(val: Val) -> Val {
    match &val {
        Val::Obj(obj) => match &**obj {
            Obj::Module { body, .. } => Val::Str(Rc::clone(body)),
            _ => val,
        },
        _ => val,
    }
}

pub(super) fn load_yaml(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("SerializerExtension.load_yaml", ["value"], 1)?;
    let val = source(given(val));
    let text: Rc<str> = match &val {
        Val::Str(text) | Val::Markup(text) => Rc::clone(text),
        Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Val::Undefined(undefined) => return Err(undefined.fault()),
        _ => return Err(Fault::other("a string or stream input is required")),
    };
    run.charge(text.len() * 4)?;
    match yaml::load(&text, "<unicode string>") {
        Ok(value) => Ok(from_value(&value)),
        Err(error) => {
            let line = u32::try_from(error.position().line).unwrap_or_default();
            let around = context(&text, line);
            let problem = error.problem();
            Err(Fault::template(format!("Encountered error loading yaml: {problem}\n{around}")))
        }
    }
}

pub(super) fn load_json(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("SerializerExtension.load_json", ["value"], 1)?;
    let val = source(given(val));
    let text: Option<Rc<str>> = match &val {
        Val::Str(text) | Val::Markup(text) => Some(Rc::clone(text)),
        Val::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into()),
        Val::Undefined(undefined) => return Err(undefined.fault()),
        _ => None,
    };
    if let Some(text) = &text {
        run.charge(text.len() * 4)?;
        if let Ok(value) = Value::from_json(text) {
            return Ok(from_value(&value));
        }
    }
    let shown = match &val {
        Val::Str(_) | Val::Markup(_) => str_of(&val)?.to_string(),
        other => repr(other)?,
    };
    Err(Fault::template(format!("Unable to load json from {shown}")))
}

pub(super) fn load_text(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("SerializerExtension.load_text", ["value"], 1)?;
    Ok(source(given(val)))
}
