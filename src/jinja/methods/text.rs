//! Methods of `str`, and of `Markup`, which escapes what is put into it. Python: "String Methods".

use std::rc::Rc;

use super::super::call::{Args, flag, int};
use super::super::fault::{Fault, Res};
use super::super::iterate::items_of;
use super::super::lex::is_space;
use super::super::operate::slice_places;
use super::super::run::Run;
use super::super::val::Val;
use super::text_more as more;
use super::{Table, between, none, one};

pub(super) static METHODS: Table = &[
    ("capitalize", |run, of, args| simple(run, of, args, "capitalize", capitalize)),
    ("casefold", |run, of, args| {
        simple(run, of, args, "casefold", |text| text.to_lowercase().replace('ß', "ss"))
    }),
    ("center", more::center),
    ("count", |_, of, args| more::count(of, args)),
    ("encode", |_, of, args| more::encode(of, args)),
    ("endswith", |_, of, args| starts_or_ends(of, args, false)),
    ("expandtabs", more::expandtabs),
    ("find", |_, of, args| more::find(of, args, false, false)),
    ("format", format),
    ("format_map", format_map),
    ("index", |_, of, args| more::find(of, args, false, true)),
    ("isalnum", |_, of, args| all(of, &args, "isalnum", char::is_alphanumeric)),
    ("isalpha", |_, of, args| all(of, &args, "isalpha", char::is_alphabetic)),
    ("isascii", |_, of, args| {
        none(&args, "str.isascii")?;
        Ok(Val::Bool(text(of).is_ascii()))
    }),
    ("isdecimal", |_, of, args| all(of, &args, "isdecimal", |c| c.is_ascii_digit())),
    ("isdigit", |_, of, args| all(of, &args, "isdigit", is_digit)),
    ("isidentifier", |_, of, args| {
        none(&args, "str.isidentifier")?;
        let it = text(of);
        let first = it.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        Ok(Val::Bool(first && it.chars().all(|c| c.is_alphanumeric() || c == '_')))
    }),
    ("islower", |_, of, args| {
        none(&args, "str.islower")?;
        Ok(Val::Bool(is_lower(text(of))))
    }),
    ("isnumeric", |_, of, args| all(of, &args, "isnumeric", char::is_numeric)),
    ("isprintable", |_, of, args| {
        none(&args, "str.isprintable")?;
        Ok(Val::Bool(text(of).chars().all(crate::value::is_printable)))
    }),
    ("isspace", |_, of, args| all(of, &args, "isspace", is_space)),
    ("istitle", |_, of, args| {
        none(&args, "str.istitle")?;
        Ok(Val::Bool(is_title(text(of))))
    }),
    ("isupper", |_, of, args| {
        none(&args, "str.isupper")?;
        Ok(Val::Bool(is_upper(text(of))))
    }),
    ("join", join),
    ("ljust", |run, of, args| more::justify(run, of, args, "ljust")),
    ("lower", |run, of, args| simple(run, of, args, "lower", str::to_lowercase)),
    ("lstrip", |run, of, args| strip(run, of, args, true, false)),
    ("partition", |run, of, args| more::partition(run, of, args, false)),
    ("removeprefix", |run, of, args| more::remove(run, of, args, "removeprefix")),
    ("removesuffix", |run, of, args| more::remove(run, of, args, "removesuffix")),
    ("replace", replace),
    ("rfind", |_, of, args| more::find(of, args, true, false)),
    ("rindex", |_, of, args| more::find(of, args, true, true)),
    ("rjust", |run, of, args| more::justify(run, of, args, "rjust")),
    ("rpartition", |run, of, args| more::partition(run, of, args, true)),
    ("rsplit", |run, of, args| split(run, of, args, true)),
    ("rstrip", |run, of, args| strip(run, of, args, false, true)),
    ("split", |run, of, args| split(run, of, args, false)),
    ("splitlines", |_, of, args| {
        let [keep] = args.bind("splitlines", ["keepends"], 0)?;
        let keep = flag(keep, false)?;
        Ok(Val::list(split_lines(text(of), keep).into_iter().map(|line| like(of, line.to_owned())).collect()))
    }),
    ("startswith", |_, of, args| starts_or_ends(of, args, true)),
    ("strip", |run, of, args| strip(run, of, args, true, true)),
    ("swapcase", |run, of, args| simple(run, of, args, "swapcase", more::swapcase)),
    ("title", |run, of, args| simple(run, of, args, "title", title)),
    ("translate", more::translate),
    ("upper", |run, of, args| simple(run, of, args, "upper", str::to_uppercase)),
    ("zfill", more::zfill),
];

pub(super) static MARKUP_METHODS: Table = &[
    ("striptags", |run, of, args| {
        none(&args, "Markup.striptags")?;
        run.text(strip_tags(text(of)))
    }),
    ("unescape", |run, of, args| {
        none(&args, "Markup.unescape")?;
        run.text(unescape(text(of)))
    }),
];

/// The text of a value that is text.
pub(super) fn text(of: &Val) -> &str {
    match of {
        Val::Str(text) | Val::Markup(text) => text,
        _ => "",
    }
}

/// Text of the kind that `of` is.
pub(in super::super) fn like(of: &Val, text: String) -> Val {
    match of {
        Val::Markup(_) => Val::Markup(text.into()),
        _ => Val::Str(text.into()),
    }
}

/// As [`like`], counted.
pub(in super::super) fn made(run: &mut Run<'_>, of: &Val, text: String) -> Res<Val> {
    run.charge(text.len())?;
    Ok(like(of, text))
}

/// A text argument; for `Markup` it is escaped.
pub(in super::super) fn text_arg(of: &Val, val: &Val) -> Option<Rc<str>> {
    match (of, val) {
        (Val::Markup(_), Val::Str(text)) => Some(escape(text).into()),
        (_, Val::Str(text) | Val::Markup(text)) => Some(Rc::clone(text)),
        _ => None,
    }
}

fn simple(run: &mut Run<'_>, of: &Val, args: Args, name: &str, f: fn(&str) -> String) -> Res<Val> {
    none(&args, &format!("str.{name}"))?;
    let out = f(text(of));
    made(run, of, out)
}

fn all(of: &Val, args: &Args, name: &str, f: fn(char) -> bool) -> Res<Val> {
    none(args, &format!("str.{name}"))?;
    let it = text(of);
    Ok(Val::Bool(!it.is_empty() && it.chars().all(f)))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric() && !c.is_alphabetic() && more::is_other_digit(c))
}

/// First character upper, the rest lower.
pub(in super::super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + &chars.as_str().to_lowercase()
}

/// Words begin upper, a word being letters in a row.
pub(in super::super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

pub(in super::super) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
}

pub(in super::super) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

fn is_title(text: &str) -> bool {
    let (mut cased, mut found) = (false, false);
    for c in text.chars() {
        if c.is_uppercase() {
            if cased {
                return false;
            }
            cased = true;
            found = true;
        } else if c.is_lowercase() {
            if !cased {
                return false;
            }
            found = true;
        } else {
            cased = false;
        }
    }
    found
}

/// Python's `str.splitlines`.
pub(in super::super) fn split_lines(text: &str, keep: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c' | '\x1d' | '\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !ends {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.peek().is_some_and(|(_, c)| *c == '\n') {
            chars.next();
            end += 1;
        }
        lines.push(&text[start..if keep { end } else { at }]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

fn strip(run: &mut Run<'_>, of: &Val, args: Args, left: bool, right: bool) -> Res<Val> {
    let name = match (left, right) {
        (true, true) => "strip",
        (true, false) => "lstrip",
        _ => "rstrip",
    };
    let args = between(args, name, 0, 1)?;
    let chars = match args.first() {
        None | Some(Val::None) => None,
        Some(Val::Undefined(undefined)) => return Err(undefined.fault()),
        Some(val) => Some(
            text_arg(&Val::None, val)
                .ok_or_else(|| Fault::other(format!("{name} arg must be None or str")))?,
        ),
    };
    let out = strip_chars(text(of), chars.as_deref(), left, right);
    made(run, of, out.to_owned())
}

/// `text.strip(chars)`, on the sides that are asked for.
pub(in super::super) fn strip_chars<'t>(
    text: &'t str,
    chars: Option<&str>,
    left: bool,
    right: bool,
) -> &'t str {
    let strips = |c: char| match chars {
        Some(chars) => chars.contains(c),
        None => is_space(c),
    };
    let text = if left { text.trim_start_matches(strips) } else { text };
    if right { text.trim_end_matches(strips) } else { text }
}

fn starts_or_ends(of: &Val, args: Args, starts: bool) -> Res<Val> {
    let name = if starts { "startswith" } else { "endswith" };
    let args = between(args, name, 1, 3)?;
    let [what, rest @ ..] = args.as_slice() else { return Ok(Val::Bool(false)) };
    let it = text(of);
    let part = match more::part(it, rest)? {
        Some((from, to)) => &it[from..to],
        None => return Ok(Val::Bool(false)),
    };
    let one = |val: &Val| -> Res<bool> {
        match val {
            Val::Str(it) | Val::Markup(it) => {
                Ok(if starts { part.starts_with(&**it) } else { part.ends_with(&**it) })
            }
            Val::Undefined(undefined) if undefined.strict => Err(Fault::other(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                val.type_name()
            ))),
            other => Err(Fault::other(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                other.type_name()
            ))),
        }
    };
    match what {
        Val::Tuple(tuple) => {
            for item in &tuple.items {
                if !matches!(item, Val::Str(_) | Val::Markup(_)) {
                    return Err(Fault::other(format!(
                        "tuple for {name} must only contain str, not {}",
                        item.type_name()
                    )));
                }
                if one(item)? {
                    return Ok(Val::Bool(true));
                }
            }
            Ok(Val::Bool(false))
        }
        other => Ok(Val::Bool(one(other)?)),
    }
}

fn replace(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let args = between(args, "replace", 2, 3)?;
    let mut parts = Vec::new();
    for (index, val) in args.iter().take(2).enumerate() {
        parts.push(text_arg(of, val).ok_or_else(|| {
            Fault::other(format!("replace() argument {} must be str, not {}", index + 1, val.type_name()))
        })?);
    }
    let count = int(args.get(2).cloned(), -1)?;
    let out = replace_counted(run, text(of), &parts[0], &parts[1], count)?;
    made(run, of, out)
}

/// `text.replace(from, to, count)`; a negative count replaces all.
pub(in super::super) fn replace_counted(
    run: &mut Run<'_>,
    text: &str,
    from: &str,
    to: &str,
    count: i64,
) -> Res<String> {
    let found = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(found);
    run.charge(count.saturating_mul(to.len()))?;
    Ok(text.replacen(from, to, count))
}

fn split(run: &mut Run<'_>, of: &Val, args: Args, right: bool) -> Res<Val> {
    let name = if right { "rsplit" } else { "split" };
    let [separator, max] = args.bind(name, ["sep", "maxsplit"], 0)?;
    let max = usize::try_from(int(max, -1)?).unwrap_or(usize::MAX);
    let it = text(of);
    let separator = match &separator {
        None | Some(Val::None) => None,
        Some(Val::Str(separator) | Val::Markup(separator)) => Some(Rc::clone(separator)),
        Some(other) => return Err(Fault::other(format!("must be str or None, not {}", other.type_name()))),
    };
    let parts: Vec<&str> = match &separator {
        None => more::split_space(it, max, right),
        Some(separator) if separator.is_empty() => return Err(Fault::other("empty separator")),
        Some(separator) if right => {
            let mut parts: Vec<&str> = it.rsplitn(max.saturating_add(1), &**separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => it.splitn(max.saturating_add(1), &**separator).collect(),
    };
    run.charge(it.len() + parts.len() * 40)?;
    Ok(Val::list(parts.into_iter().map(|part| like(of, part.to_owned())).collect()))
}

fn join(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let val = one(args, "str.join")?;
    let items = items_of(&val).map_err(|fault| match &val {
        Val::Undefined(_) => fault,
        _ => Fault::other("can only join an iterable"),
    })?;
    let separator = text(of);
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        match text_arg(of, item) {
            Some(text) => out.push_str(&text),
            None if matches!(of, Val::Markup(_)) => out.push_str(&escape(&run.text_of(item)?)),
            None => {
                return Err(Fault::other(format!(
                    "sequence item {index}: expected str instance, {} found",
                    item.type_name()
                )));
            }
        }
        run.charge(separator.len())?;
    }
    made(run, of, out)
}

fn format(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let out = run.format(text(of), &args, matches!(of, Val::Markup(_)))?;
    made(run, of, out)
}

fn format_map(run: &mut Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let map = match (args.pos.as_slice(), args.kw.is_empty()) {
        ([map], true) => map.clone(),
        (pos, _) => {
            let given = pos.len() + args.kw.len();
            return Err(Fault::other(format!("format_map() takes exactly one argument {given} given")));
        }
    };
    let mut args = Args::default();
    if let Val::Dict(dict) = &map {
        for (key, val) in dict.entries.borrow().iter() {
            if let Some(name) = key.0.as_str() {
                args.kw.push((Rc::clone(name), val.clone()));
            }
        }
    }
    format(run, of, args)
}

/// `&`, `<`, `>` and quotes as HTML has them. markupsafe: `escape`.
pub(in super::super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            other => out.push(other),
        }
    }
    out
}

/// What [`escape`] did, undone, with the usual names and numbers.
pub(in super::super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let found = tail[1..].find(';').filter(|end| *end <= 32).and_then(|end| {
            let c = entity(&tail[1..=end])?;
            Some((c, end + 2))
        });
        match found {
            Some((c, length)) => {
                out.push(c);
                rest = &tail[length..];
            }
            None => {
                out.push('&');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "copy" => '©',
        "reg" => '®',
        "raquo" => '»',
        "laquo" => '«',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "euro" => '€',
        _ => return None,
    })
}

/// Comments and tags taken out, whitespace made single, entities read. markupsafe: `Markup.striptags`.
pub(in super::super) fn strip_tags(text: &str) -> String {
    let mut value = text.to_owned();
    for (open, close) in [("<!--", "-->"), ("<", ">")] {
        let mut out = String::new();
        let mut rest = value.as_str();
        while let Some(start) = rest.find(open) {
            let Some(end) = rest[start + open.len()..].find(close) else { break };
            out.push_str(&rest[..start]);
            rest = &rest[start + open.len() + end + close.len()..];
        }
        out.push_str(rest);
        value = out;
    }
    let joined = value.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    unescape(&joined)
}

/// The places of a slice, for methods that count in characters.
pub(super) fn range(length: usize, start: Option<i64>, stop: Option<i64>) -> Option<(usize, usize)> {
    let places = slice_places(length, start, stop, 1);
    match (places.first(), places.last()) {
        (Some(first), Some(last)) => Some((*first, last + 1)),
        _ => None,
    }
}
