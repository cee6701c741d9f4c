//! Python's `re` for the filters and tests that take a pattern. Python: "Regular expression operations".

use super::fault::{Fault, Res};
use super::run::Run;
use super::val::Val;

/// The longest pattern, in octets.
const MAX_PATTERN: usize = 16_384;

/// A compiled pattern.
pub(super) struct Pattern {
    regex: fancy_regex::Regex,
    names: Vec<Option<String>>,
}

/// The places of a match and of its groups.
pub(super) struct Found {
    pub groups: Vec<Option<(usize, usize)>>,
}

/// Compiles a Python pattern.
///
/// # Errors
/// When it is no pattern, or one that is not supported here.
pub(super) fn compile(pattern: &str, ignore_case: bool, multiline: bool) -> Res<Pattern> {
    if pattern.len() > MAX_PATTERN {
        return Err(Fault::other(format!("the pattern is longer than {MAX_PATTERN} characters")));
    }
    let text = translate(pattern, multiline);
    let flags = match (ignore_case, multiline) {
        (true, true) => "(?im)",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (false, false) => "",
    };
    let regex = fancy_regex::RegexBuilder::new(&format!("{flags}{text}"))
        .backtrack_limit(1_000_000)
        .delegate_size_limit(1 << 24)
        .build()
        .map_err(|error| Fault::other(python_error(pattern, &error.to_string())))?;
    let names = regex.capture_names().map(|name| name.map(str::to_owned)).collect();
    Ok(Pattern { regex, names })
}

/// The usual mistakes in Python's words.
fn python_error(pattern: &str, error: &str) -> String {
    let open = pattern.bytes().filter(|b| *b == b'(').count();
    let close = pattern.bytes().filter(|b| *b == b')').count();
    if open > close
        && let Some(at) = pattern.find('(')
    {
        return format!("missing ), unterminated subpattern at position {at}");
    }
    if close > open
        && let Some(at) = pattern.rfind(')')
    {
        return format!("unbalanced parenthesis at position {at}");
    }
    if pattern.starts_with(['*', '+', '?']) {
        return "nothing to repeat at position 0".to_owned();
    }
    if let Some(at) = pattern.find('[')
        && !pattern[at..].contains(']')
    {
        return format!("unterminated character set at position {at}");
    }
    error.lines().last().unwrap_or_default().to_owned()
}

/// Where Python writes things otherwise.
fn translate(pattern: &str, multiline: bool) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    let mut class_start = false;
    while let Some(c) = chars.next() {
        let first = std::mem::take(&mut class_start);
        match c {
            '\\' => match chars.next() {
                Some('Z') if !class => out.push_str("\\z"),
                Some(
                    c @ ('"' | '\'' | '/' | '%' | '@' | '!' | '=' | ':' | ',' | ';' | '<' | '>' | '`' | '_'
                    | ' '),
                ) => {
                    if "&~-#".contains(c) {
                        out.push('\\');
                    }
                    out.push(c);
                }
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                class_start = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            ']' if class && first => out.push_str("\\]"),
            ']' if class => {
                class = false;
                out.push(']');
            }
            '[' | '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            '$' if !class && !multiline => out.push_str("(?=\\n?\\z)"),
            '(' if !class => {
                out.push('(');
                let rest: String = chars.clone().take(4).collect();
                if rest.starts_with("?P=") {
                    chars.nth(2);
                    let mut name = String::new();
                    for c in chars.by_ref() {
                        if c == ')' {
                            break;
                        }
                        name.push(c);
                    }
                    out.pop();
                    out.push_str(&format!("\\k<{name}>"));
                }
            }
            '{' if !class => {
                let rest: String = chars.clone().collect();
                let end = rest.find('}');
                let body = end.map(|end| &rest[..end]);
                let is_count = body.is_some_and(|body| {
                    !body.is_empty()
                        && body != ","
                        && body.matches(',').count() < 2
                        && body.bytes().all(|b| b.is_ascii_digit() || b == b',')
                });
                if is_count {
                    out.push('{');
                    if rest.starts_with(',') {
                        out.push('0');
                    }
                } else {
                    out.push_str("\\{");
                }
            }
            '}' if !class => {
                let open = out.rfind('{').filter(|at| !out[..*at].ends_with('\\'));
                let counts =
                    open.is_some_and(|at| out[at + 1..].bytes().all(|b| b.is_ascii_digit() || b == b','));
                out.push_str(if counts { "}" } else { "\\}" });
            }
            other => out.push(other),
        }
    }
    out
}

impl Pattern {
    /// The first match at or after `at`; `anchored` only exactly there.
    pub(super) fn captures(&self, text: &str, at: usize, anchored: bool) -> Res<Option<Found>> {
        let found = self
            .regex
            .captures_from_pos(text, at)
            .map_err(|_| Fault::other("the pattern takes too many steps on this text"))?;
        let Some(found) = found else { return Ok(None) };
        let groups: Vec<Option<(usize, usize)>> = (0..found.len())
            .map(|index| found.get(index).map(|group| (group.start(), group.end())))
            .collect();
        let starts = groups.first().copied().flatten().is_some_and(|(from, _)| from == at);
        if anchored && !starts {
            return self.anchored(text, at);
        }
        Ok(Some(Found { groups }))
    }

    fn anchored(&self, text: &str, at: usize) -> Res<Option<Found>> {
        let regex = fancy_regex::RegexBuilder::new(&format!("\\A(?:{})", self.regex.as_str()))
            .backtrack_limit(1_000_000)
            .delegate_size_limit(1 << 24)
            .build()
            .map_err(|error| Fault::other(error.to_string()))?;
        let found = regex
            .captures(&text[at..])
            .map_err(|_| Fault::other("the pattern takes too many steps on this text"))?;
        Ok(found.map(|found| Found {
            groups: (0..found.len())
                .map(|index| found.get(index).map(|group| (at + group.start(), at + group.end())))
                .collect(),
        }))
    }

    /// A replacement with `\1`, `\g<name>` and the usual escapes filled in.
    pub(super) fn expand(&self, template: &str, text: &str, found: &Found) -> Res<String> {
        let group = |index: usize| -> Res<&str> {
            match found.groups.get(index) {
                Some(Some((from, to))) => Ok(&text[*from..*to]),
                Some(None) => Ok(""),
                None => Err(Fault::other(format!("invalid group reference {index} at position 1"))),
            }
        };
        let mut out = String::new();
        let mut chars = template.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                None => return Err(Fault::other("bad escape (end of pattern) at position 0")),
                Some('g') => {
                    let rest: String = chars.clone().collect();
                    let Some(name) = rest.strip_prefix('<').and_then(|rest| Some(&rest[..rest.find('>')?]))
                    else {
                        return Err(Fault::other("missing < at position 2"));
                    };
                    (0..name.chars().count() + 2).for_each(|_| {
                        chars.next();
                    });
                    let index = match name.parse::<usize>() {
                        Ok(index) => index,
                        Err(_) => match self.names.iter().position(|known| known.as_deref() == Some(name)) {
                            Some(index) => index,
                            None => {
                                let name = super::print::text_repr_owned(name);
                                return Err(Fault::other(format!("unknown group name {name}")));
                            }
                        },
                    };
                    out.push_str(group(index)?);
                }
                Some('0') => out.push('\0'),
                Some(digit @ '1'..='9') => {
                    let mut index = digit.to_digit(10).unwrap_or_default() as usize;
                    if let Some(more) = chars.peek().and_then(|c| c.to_digit(10)) {
                        index = index * 10 + more as usize;
                        chars.next();
                    }
                    out.push_str(group(index)?);
                }
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('a') => out.push('\x07'),
                Some('b') => out.push('\x08'),
                Some('f') => out.push('\x0c'),
                Some('v') => out.push('\x0b'),
                Some('\\') => out.push('\\'),
                Some(letter) if letter.is_ascii_alphabetic() => {
                    return Err(Fault::other(format!("bad escape \\{letter} at position 0")));
                }
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
            }
        }
        Ok(out)
    }
}

/// `re.match(pattern, text)` as a truth.
pub(super) fn matches(
    run: &mut Run<'_>,
    val: &Val,
    pattern: &Val,
    ignore_case: bool,
    multiline: bool,
) -> Res<Val> {
    let (text, pattern) = super::filters::subject(val, pattern)?;
    run.ticks(text.len())?;
    let pattern = compile(&pattern, ignore_case, multiline)?;
    Ok(Val::Bool(pattern.captures(&text, 0, true)?.is_some()))
}
