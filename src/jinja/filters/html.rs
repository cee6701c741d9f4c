//! Filters of Jinja2 3.1 for HTML and URLs: `filters.py`, `utils.py` (`urlize`).

use super::super::call::{Args, flag, given, int};
use super::super::fault::{Fault, Res};
use super::super::globals::counted_items;
use super::super::lex::is_space;
use super::super::methods::text::{escape as escaped, strip_tags};
use super::super::run::Run;
use super::super::val::{Val, ViewKind};
use crate::patterns::{PySearch, regex_flags as flags};
use crate::value::sort;

fn markup(run: &mut Run<'_>, text: String) -> Res<Val> {
    run.charge(text.len())?;
    Ok(Val::Markup(text.into()))
}

fn escape_val(run: &mut Run<'_>, val: &Val) -> Res<String> {
    let text = run.text_of(val)?;
    Ok(if matches!(val, Val::Markup(_)) { text.to_string() } else { escaped(&text) })
}

pub(super) fn escape(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("escape", ["s"], 1)?;
    let text = escape_val(run, &given(val))?;
    markup(run, text)
}

pub(super) fn forceescape(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_forceescape", ["value"], 1)?;
    let text = run.text_of(&given(val))?;
    markup(run, escaped(&text))
}

pub(super) fn safe(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_mark_safe", ["value"], 1)?;
    let text = run.text_of(&given(val))?;
    Ok(Val::Markup(text))
}

pub(super) fn striptags(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_striptags", ["value"], 1)?;
    let text = run.text_of(&given(val))?;
    run.text(strip_tags(&text))
}

pub(super) fn xmlattr(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, autospace] = args.bind("do_xmlattr", ["d", "autospace"], 1)?;
    let val = given(val);
    let Val::Dict(dict) = &val else {
        return Err(match &val {
            Val::Undefined(undefined) => undefined.fault(),
            other => Fault::other(format!("'{}' object has no attribute 'items'", other.type_name())),
        });
    };
    let entries = dict.entries.borrow().clone();
    let mut parts = Vec::new();
    for (key, val) in &entries {
        if matches!(val, Val::None | Val::Undefined(_)) {
            continue;
        }
        let Some(name) = key.0.as_str() else {
            return Err(Fault::other(format!(
                "expected string or bytes-like object, got '{}'",
                key.0.type_name()
            )));
        };
        if name.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=' | '\x0b')) {
            let name = super::super::print::text_repr_owned(name);
            return Err(Fault::other(format!("Invalid character in attribute name: {name}")));
        }
        let (name, val) = (escape_val(run, &key.0)?, escape_val(run, val)?);
        parts.push(format!("{name}=\"{val}\""));
    }
    let out = parts.join(" ");
    let space = flag(autospace, true)? && !out.is_empty();
    run.text(if space { format!(" {out}") } else { out })
}

/// Percent-encodes; `safe` stays as it is.
pub(super) fn quote(text: &[u8], query: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(*byte))
            }
            b'/' if !query => out.push('/'),
            b' ' if query => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn quote_val(run: &mut Run<'_>, val: &Val, query: bool) -> Res<String> {
    if let Val::Bytes(bytes) = val {
        return Ok(quote(bytes, query));
    }
    Ok(quote(run.text_of(val)?.as_bytes(), query))
}

pub(super) fn urlencode(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val] = args.bind("do_urlencode", ["value"], 1)?;
    let val = given(val);
    let pairs = match &val {
        Val::Dict(dict) => Val::View(ViewKind::Items, dict.clone()),
        Val::List(_)
        | Val::Tuple(_)
        | Val::Set(_)
        | Val::Gen(_)
        | Val::View(..)
        | Val::Range(_)
        | Val::Bytes(_) => val.clone(),
        other => {
            let out = quote_val(run, other, false)?;
            return run.text(out);
        }
    };
    let mut parts = Vec::new();
    for pair in counted_items(run, &pairs)? {
        let items = counted_items(run, &pair).map_err(|fault| match &pair {
            Val::Undefined(_) => fault,
            other => Fault::other(format!("cannot unpack non-iterable {} object", other.type_name())),
        })?;
        let [key, val] = items.as_slice() else {
            let (wanted, got) = (2, items.len());
            return Err(Fault::other(if got < wanted {
                format!("not enough values to unpack (expected {wanted}, got {got})")
            } else {
                format!("too many values to unpack (expected {wanted})")
            }));
        };
        parts.push(format!("{}={}", quote_val(run, key, true)?, quote_val(run, val, true)?));
    }
    run.text(parts.join("&"))
}

pub(super) fn urlize(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [val, limit, nofollow, target, rel, schemes] =
        args.bind("do_urlize", ["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], 1)?;
    let text = escape_val(run, &given(val))?;
    let limit = match limit {
        None | Some(Val::None) => None,
        limit => Some(usize::try_from(int(limit, 0)?).unwrap_or_default()),
    };
    let mut rels: Vec<String> = vec!["noopener".into()];
    if let Some(rel) = rel.as_ref().and_then(Val::as_str) {
        rels.extend(rel.split_whitespace().map(str::to_owned));
    }
    if flag(nofollow, false)? {
        rels.push("nofollow".into());
    }
    sort::all(&mut rels);
    rels.dedup();
    let rel = format!(" rel=\"{}\"", escaped(&rels.join(" ")));
    let target = match target.as_ref().and_then(Val::as_str) {
        Some(target) if !target.is_empty() => format!(" target=\"{}\"", escaped(target)),
        _ => String::new(),
    };
    let schemes: Vec<String> = match schemes {
        None | Some(Val::None) => Vec::new(),
        Some(schemes) => counted_items(run, &schemes)?
            .iter()
            .map(|scheme| run.text_of(scheme).map(|scheme| scheme.to_string()))
            .collect::<Res<_>>()?,
    };
    let link = Link { limit, attributes: format!("{rel}{target}"), schemes };
    let mut out = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let space = rest.len() - rest.trim_start_matches(is_space).len();
        out.push_str(&rest[..space]);
        rest = &rest[space..];
        let word = rest.find(is_space).unwrap_or(rest.len());
        out.push_str(&link.word(&rest[..word]));
        rest = &rest[word..];
    }
    run.text(out)
}

struct Link {
    limit: Option<usize>,
    attributes: String,
    schemes: Vec<String>,
}

impl Link {
    fn word(&self, word: &str) -> String {
        let mut at = 0;
        while let Some(open) = ["(", "<", "&lt;"].into_iter().find(|open| word[at..].starts_with(open)) {
            at += open.len();
        }
        let (head, rest) = word.split_at(at);
        let mut end = rest.len();
        while let Some(close) =
            [")", ">", ".", ",", "\n", "&gt;"].into_iter().find(|close| rest[..end].ends_with(close))
        {
            end -= close.len();
        }
        let (middle, tail) = rest.split_at(end);
        let (mut middle, mut tail) = (middle.to_owned(), tail.to_owned());
        for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
            let opened = middle.matches(open).count();
            if opened <= middle.matches(close).count() {
                continue;
            }
            for _ in 0..opened.min(tail.matches(close).count()) {
                let end = tail.find(close).map_or(0, |at| at + close.len());
                middle.push_str(&tail[..end]);
                tail = tail[end..].to_owned();
            }
        }
        let attributes = &self.attributes;
        if is_url(&middle) {
            let scheme =
                if middle.starts_with("https://") || middle.starts_with("http://") { "" } else { "https://" };
            middle = format!("<a href=\"{scheme}{middle}\"{attributes}>{}</a>", self.trim(&middle));
        } else if let Some(address) = middle.strip_prefix("mailto:").filter(|address| is_mail(address)) {
            middle = format!("<a href=\"{middle}\">{address}</a>");
        } else if middle.contains('@')
            && !middle.starts_with("www.")
            && !middle.starts_with('@')
            && !middle.contains(':')
            && is_mail(&middle)
        {
            middle = format!("<a href=\"mailto:{middle}\">{middle}</a>");
        } else {
            for scheme in &self.schemes {
                if middle != *scheme && middle.starts_with(scheme.as_str()) {
                    middle = format!("<a href=\"{middle}\"{attributes}>{middle}</a>");
                }
            }
        }
        format!("{head}{middle}{tail}")
    }

    fn trim(&self, url: &str) -> String {
        match self.limit {
            Some(limit) if url.chars().count() > limit => {
                format!("{}...", url.chars().take(limit).collect::<String>())
            }
            _ => url.to_owned(),
        }
    }
}

/// What `urlize` takes for the address of a page, and of a person. Jinja2 3.1: `utils.py`.
const URL: &str = r"^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}])))(?::[\d]{1,5})?(?:[/?#]\S*)?$";
const MAIL: &str = r"^\S+@\w[\w.-]*\.\w+$";

fn is_url(text: &str) -> bool {
    PySearch::new(URL, flags::IGNORECASE).is_ok_and(|url| url.begins(text))
}

fn is_mail(text: &str) -> bool {
    PySearch::new(MAIL, 0).is_ok_and(|mail| mail.begins(text))
}
