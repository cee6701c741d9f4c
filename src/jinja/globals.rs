//! Functions that every template has. Jinja2 3.1: `defaults.py`; Salt: `jinja_global`, `render_jinja_tmpl`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::call::{Args, flag, int};
use super::fault::{Fault, Kind, Res};
use super::iterate::{Source, items_of};
use super::methods::dict::pairs;
use super::methods::text::capitalize;
use super::object::{Native, Obj};
use super::run::Run;
use super::val::{Dict, Key, Range, Val};

/// As Jinja's sandbox.
const MAX_RANGE: usize = 100_000;

/// A function or type by its name.
pub(super) fn builtin(name: &str) -> Option<Val> {
    let (name, run, is_type): (&'static str, Native, bool) = match name {
        "range" => ("range", range, false),
        "dict" => ("dict", dict, true),
        "odict" => ("OrderedDict", ordered_dict, true),
        "lipsum" => ("lipsum", lipsum, false),
        "cycler" => ("cycler", cycler, true),
        "joiner" => ("joiner", joiner, true),
        "namespace" => ("namespace", namespace, true),
        "raise" => ("raise", raise, false),
        "ifelse" => ("ifelse", ifelse, false),
        "show_full_context" => ("show_full_context", |_, _| Ok(Val::None), false),
        "salt" => return Some(Val::obj(Obj::Salt)),
        _ => return None,
    };
    Some(Val::obj(Obj::Native { name, run, is_type }))
}

fn range(_: &mut Run<'_>, args: Args) -> Res<Val> {
    if !args.kw.is_empty() {
        return Err(Fault::other("range() takes no keyword arguments"));
    }
    let number = |at: usize, default: i64| int(args.pos.get(at).cloned(), default);
    let range = match args.pos.len() {
        0 => return Err(Fault::other("range expected at least 1 argument, got 0")),
        1 => Range { start: 0, stop: number(0, 0)?, step: 1 },
        2 | 3 => Range { start: number(0, 0)?, stop: number(1, 0)?, step: number(2, 1)? },
        given => return Err(Fault::other(format!("range expected at most 3 arguments, got {given}"))),
    };
    if range.step == 0 {
        return Err(Fault::other("range() arg 3 must not be zero"));
    }
    if range.len() > MAX_RANGE {
        return Err(Fault::other(format!(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."
        )));
    }
    Ok(Val::Range(Rc::new(range)))
}

fn entries(run: &mut Run<'_>, args: Args, name: &str) -> Res<super::val::Entries> {
    if args.pos.len() > 1 {
        return Err(Fault::other(format!("{name} expected at most 1 argument, got {}", args.pos.len())));
    }
    let mut entries = match args.pos.first() {
        Some(val) => pairs(val)?,
        None => super::val::Entries::new(),
    };
    entries.extend(args.kw.into_iter().map(|(name, val)| (Key(Val::Str(name)), val)));
    run.charge(entries.len() * 64)?;
    Ok(entries)
}

fn dict(run: &mut Run<'_>, args: Args) -> Res<Val> {
    Ok(Val::dict(entries(run, args, "dict")?))
}

fn ordered_dict(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let entries = entries(run, args, "OrderedDict")?;
    Ok(Val::Dict(Rc::new(Dict { entries: RefCell::new(entries), ordered: true })))
}

fn cycler(_: &mut Run<'_>, args: Args) -> Res<Val> {
    if args.pos.is_empty() {
        return Err(Fault::other("at least one item has to be provided"));
    }
    Ok(Val::obj(Obj::Cycler { items: args.pos, at: Cell::new(0) }))
}

fn joiner(_: &mut Run<'_>, args: Args) -> Res<Val> {
    let [separator] = args.bind("Joiner.__init__", ["sep"], 0)?;
    Ok(Val::obj(Obj::Joiner {
        separator: separator.unwrap_or_else(|| Val::str(", ")),
        used: Cell::new(false),
    }))
}

fn namespace(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let mut vars = indexmap::IndexMap::new();
    for (key, val) in entries(run, args, "dict")? {
        if let Some(name) = key.0.as_str() {
            vars.insert(Rc::clone(name), val);
        }
    }
    Ok(Val::obj(Obj::Namespace(RefCell::new(vars))))
}

fn raise(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [message] = args.bind("jinja_raise", ["msg"], 1)?;
    let text = run.text_of(&message.unwrap_or(Val::None))?;
    Err(Fault::new(Kind::Other, text.to_string()))
}

/// Salt's `match.ifelse`.
fn ifelse(run: &mut Run<'_>, args: Args) -> Res<Val> {
    if !run.around.has_function("match.ifelse") {
        return Err(Fault::other("'match.ifelse' is not available."));
    }
    run.call_value(&Val::obj(Obj::SaltFunction("match.ifelse".into())), args)
}

const WORDS: &str = "a ac accumsan ad adipiscing aenean aliquam aliquet amet ante aptent arcu at auctor augue bibendum \
    blandit class commodo condimentum congue consectetuer consequat conubia convallis cras cubilia cum curabitur curae \
    cursus dapibus diam dictum dis dolor donec dui duis egestas eget eleifend elementum elit enim erat eros est et \
    etiam eu euismod facilisi facilisis fames faucibus felis fermentum feugiat fringilla fusce gravida habitant \
    hendrerit iaculis id imperdiet in integer interdum ipsum justo lacinia lacus laoreet lectus leo libero ligula \
    lorem luctus maecenas magna massa mattis mauris metus mi molestie mollis morbi nam nec neque nibh nisi nisl non \
    nulla nullam nunc odio orci ornare parturient pede pellentesque pharetra phasellus placerat porta porttitor \
    posuere potenti praesent pretium primis proin pulvinar purus quam quis quisque rhoncus ridiculus risus rutrum \
    sagittis sapien scelerisque sed sem semper senectus sit sociis sodales sollicitudin suscipit suspendisse taciti \
    tellus tempor tempus tincidunt torquent tortor tristique turpis ullamcorper ultrices ultricies urna ut varius \
    vehicula vel velit venenatis vestibulum vitae vivamus viverra volutpat vulputate";

fn lipsum(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [n, html, min, max] = args.bind("generate_lorem_ipsum", ["n", "html", "min", "max"], 0)?;
    let (n, html, min, max) = (int(n, 5)?, flag(html, true)?, int(min, 20)?, int(max, 100)?);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut paragraphs = Vec::new();
    for _ in 0..n.max(0) {
        let span = u64::try_from(max - min).unwrap_or(1).max(1);
        let length = min.max(0) + i64::try_from(run.around.random() % span).unwrap_or_default();
        let mut text = Vec::new();
        for index in 0..length {
            run.charge(16)?;
            let pick = usize::try_from(run.around.random() % words.len() as u64).unwrap_or_default();
            let word = words.get(pick).copied().unwrap_or("lorem");
            text.push(if index == 0 { capitalize(word) } else { word.to_owned() });
        }
        let paragraph = format!("{}.", text.join(" "));
        paragraphs.push(if html { format!("<p>{paragraph}</p>") } else { paragraph });
    }
    let text = paragraphs.join(if html { "\n" } else { "\n\n" });
    Ok(if html { Val::Markup(text.into()) } else { Val::Str(text.into()) })
}

/// All items of a value, with its steps counted.
pub(super) fn counted_items(run: &mut Run<'_>, val: &Val) -> Res<Vec<Val>> {
    if let Val::Gen(_) = val {
        let mut source = Source::of(val)?;
        let mut items = Vec::new();
        while let Some(item) = source.next()? {
            items.push(item);
        }
        return Ok(items);
    }
    let items = items_of(val)?;
    run.ticks(items.len())?;
    run.charge(items.len() * 24)?;
    Ok(items)
}
