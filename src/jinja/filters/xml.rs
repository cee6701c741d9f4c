//! Salt's `xml` filter. Salt: utils/jinja.py (`format_xml`); the layout is Python's `minidom.toprettyxml`.

use super::super::call::{Args, given};
use super::super::compare::identical;
use super::super::fault::{Fault, Res};
use super::super::print::{MAX_NESTING, too_deep};
use super::super::run::Run;
use super::super::val::Val;

/// One element.
struct Element {
    tag: String,
    attributes: Vec<(String, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

pub(super) fn xml(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("SerializerExtension.format_xml", ["value"], 1)?;
    let val = given(val);
    let pairs = pairs(&val)?;
    let mut roots = Vec::new();
    build(run, &pairs, &mut roots, true, 0)?;
    let Some(root) = roots.pop() else {
        return Err(Fault::other("'NoneType' object has no attribute 'iter'"));
    };
    let mut out = String::from("<?xml version=\"1.0\" ?>\n");
    write(&mut out, &root, 0);
    run.charge(out.len())?;
    Ok(Val::Markup(out.into()))
}

/// The pairs of a dict, or of a list of pairs that begins with text.
fn pairs(val: &Val) -> Res<Vec<(Val, Val)>> {
    let items: Vec<Val> = match val {
        Val::Dict(dict) => {
            return Ok(dict.entries.borrow().iter().map(|(key, val)| (key.0.clone(), val.clone())).collect());
        }
        Val::List(list) => list.0.borrow().clone(),
        Val::Tuple(tuple) => tuple.items.clone(),
        _ => return Err(Fault::template("Value is not a dict or list. Cannot render as XML")),
    };
    match items.first() {
        None => Err(Fault::other(format!("{} index out of range", val.type_name()))),
        Some(Val::Str(_) | Val::Markup(_)) => items
            .iter()
            .map(|item| match item.as_str().map(|text| text.chars().collect::<Vec<char>>()) {
                Some(chars) if chars.len() == 2 => {
                    Ok((Val::str(chars[0].to_string()), Val::str(chars[1].to_string())))
                }
                Some(chars) if chars.len() > 2 => Err(Fault::other("too many values to unpack (expected 2)")),
                Some(chars) => Err(Fault::other(format!(
                    "not enough values to unpack (expected 2, got {})",
                    chars.len()
                ))),
                None => Err(Fault::other(format!("cannot unpack non-iterable {} object", item.type_name()))),
            })
            .collect(),
        Some(_) => Ok(Vec::new()),
    }
}

fn build(
    run: &mut Run<'_>,
    pairs: &[(Val, Val)],
    into: &mut Vec<Element>,
    root: bool,
    depth: u32,
) -> Res<()> {
    if depth > MAX_NESTING {
        return Err(too_deep());
    }
    for (tag, val) in pairs {
        run.tick()?;
        if let Val::List(list) = val {
            let items = list.0.borrow().clone();
            for item in items {
                build(run, &[(tag.clone(), item)], into, root, depth + 1)?;
            }
        }
        let mut element = Element {
            tag: run.text_of(tag)?.to_string(),
            attributes: Vec::new(),
            text: None,
            children: Vec::new(),
        };
        match val {
            Val::List(_) if !root => {
                // Its items have been added beside it.
                let last = into.last_mut();
                if last.is_some() {
                    continue;
                }
                continue;
            }
            Val::List(_) => continue,
            Val::Str(_) | Val::Markup(_) | Val::Int(_) | Val::Big(_) | Val::Bool(_) | Val::Float(_) => {
                element.text = Some(run.text_of(val)?.to_string());
                into.push(element);
                continue;
            }
            Val::Dict(dict) => {
                let entries = dict.entries.borrow().clone();
                for (key, val) in &entries {
                    if !matches!(val, Val::Dict(_) | Val::List(_)) {
                        element
                            .attributes
                            .push((run.text_of(&key.0)?.to_string(), run.text_of(val)?.to_string()));
                    }
                }
                for (key, inner) in &entries {
                    if matches!(inner, Val::Dict(_) | Val::List(_)) && !identical(inner, val) {
                        let pair = [(key.0.clone(), inner.clone())];
                        build(run, &pair, &mut element.children, false, depth + 1)?;
                    }
                }
                into.push(element);
            }
            other => {
                self::pairs(other)?;
                into.push(element);
            }
        }
    }
    Ok(())
}

fn escaped(text: &str, attribute: bool) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if attribute {
        text.replace('"', "&quot;").replace('\r', "&#13;").replace('\n', "&#10;").replace('\t', "&#9;")
    } else {
        text.replace('"', "&quot;")
    }
}

fn write(out: &mut String, element: &Element, depth: usize) {
    let indent = " ".repeat(depth);
    out.push_str(&format!("{indent}<{}", element.tag));
    for (name, val) in &element.attributes {
        out.push_str(&format!(" {name}=\"{}\"", escaped(val, true)));
    }
    match (&element.text, element.children.is_empty()) {
        (Some(text), true) if !text.is_empty() => {
            out.push_str(&format!(">{}</{}>\n", escaped(text, false), element.tag));
        }
        (_, true) => out.push_str("/>\n"),
        (_, false) => {
            out.push_str(">\n");
            for child in &element.children {
                write(out, child, depth + 1);
            }
            out.push_str(&format!("{indent}</{}>\n", element.tag));
        }
    }
}
