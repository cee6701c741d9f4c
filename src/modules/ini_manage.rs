//! `ini`: options in INI files. Comments and order stay. Salt: modules/ini_manage.py.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::host::rewrite;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Map, Value, split_lines, str_of};

const SEPARATOR: Param = opt("separator", Default::Str("="));
const ENCODING: Param = opt("encoding", Default::None);

pub(super) static MODULE: Module = Module {
    file: "ini_manage",
    provides: "ini",
    available: always,
    functions: &[
        Function::new(
            "get_ini",
            &[req("file_name"), SEPARATOR, ENCODING],
            "Everything in the file: `{option: value, section: {option: value}}`.",
            |cx, args| Ok(without_comments(&File::read(cx, args)?.top).into()),
        ),
        Function::new(
            "get_option",
            &[req("file_name"), req("section"), req("option"), SEPARATOR, ENCODING],
            "The value of an option, or None. An empty section means options above the first section.",
            |cx, args| {
                let file = File::read(cx, args)?;
                let section = if args.truthy("section") { file.top.get(&args.str("section")?) } else { None };
                let place =
                    if args.truthy("section") { section.and_then(Value::as_map) } else { Some(&file.top) };
                Ok(place
                    .and_then(|place| place.get(&str_of(args.get("option"))))
                    .cloned()
                    .unwrap_or_default())
            },
        ),
        Function::new(
            "get_section",
            &[req("file_name"), req("section"), SEPARATOR, ENCODING],
            "The options of a section: `{option: value}`.",
            |cx, args| {
                let file = File::read(cx, args)?;
                let section = file.top.get(&str_of(args.get("section"))).and_then(Value::as_map);
                Ok(section.map(without_comments).unwrap_or_default().into())
            },
        ),
        Function::new(
            "remove_option",
            &[req("file_name"), req("section"), req("option"), SEPARATOR, ENCODING],
            "Takes an option out: its value, or None.",
            |cx, args| {
                let mut file = File::read(cx, args)?;
                let option = str_of(args.get("option"));
                let section = file.top.get_mut(&str_of(args.get("section"))).and_then(Value::as_map_mut);
                let value = match section {
                    Some(section) => section.remove(&option),
                    None => file.top.remove(&option),
                };
                file.write(cx)?;
                Ok(value.unwrap_or_default())
            },
        ),
        Function::new(
            "remove_section",
            &[req("file_name"), req("section"), SEPARATOR, ENCODING],
            "Takes a section out: its options, or None.",
            |cx, args| {
                let mut file = File::read(cx, args)?;
                let Some(Value::Map(section)) = file.top.remove(&str_of(args.get("section"))) else {
                    return Ok(Value::Null);
                };
                file.write(cx)?;
                Ok(without_comments(&section).into())
            },
        ),
        Function::new(
            "set_option",
            &[
                req("file_name"),
                opt("sections", Default::None),
                SEPARATOR,
                ENCODING,
                opt("no_spaces", Default::False),
            ],
            "Sets options, `{section: {option: value}}`: what changed, `{section: {option: {before, after}}}`.",
            |cx, args| {
                let mut file = File::read(cx, args)?;
                let wanted = args.get("sections").as_map().cloned().unwrap_or_default();
                let changes = update(&mut file.top, wanted, &Separator::of(&file.separator));
                file.write(cx)?;
                Ok(changes.into())
            },
        ),
    ],
};

fn is_comment_key(key: &Value) -> bool {
    key.as_str().is_some_and(|key| key.starts_with('#'))
}

fn without_comments(section: &Map) -> Map {
    let plain = section.iter().filter(|(key, _)| !is_comment_key(key));
    plain
        .map(|(key, value)| {
            let value = match value {
                Value::Map(inner) => without_comments(inner).into(),
                other => other.clone(),
            };
            (key.clone(), value)
        })
        .collect()
}

/// How a line with an option looks: indent, name, value.
struct Separator(Option<Regex>);

impl Separator {
    fn of(separator: &str) -> Self {
        Separator(Regex::new(&format!(r"^(\s*)(.+?)\s*({})\s*(.*)\s*", regex::escape(separator))).ok())
    }

    fn split<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let found = self.0.as_ref()?.captures(line)?;
        Some((found.get(2)?.as_str(), found.get(4)?.as_str()))
    }
}

/// A file taken apart. Comments and lines that say nothing stand among the options under names with `#`.
struct File {
    path: String,
    separator: String,
    no_spaces: bool,
    top: Map,
}

impl File {
    fn read(cx: &Context, args: &Args) -> Result<File, Fault> {
        let encoding = args.opt_str("encoding")?.unwrap_or_default().to_lowercase();
        if !["", "utf-8", "utf8", "ascii"].contains(&encoding.as_str()) {
            return Err(Fault::NotSupported(format!("INI files in the encoding {encoding}")));
        }
        let (path, separator) = (args.str("file_name")?, args.str("separator")?);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || cx.test() => String::new(),
            Err(error) => {
                let text = os_error_text(&error, &path);
                return Err(Fault::execution(format!("Unable to open file '{path}'. Exception: {text}")));
            }
        };
        let top = parse(&split_lines(&text, false).join("\n"), &Separator::of(&separator))?;
        Ok(File { path, separator, no_spaces: args.truthy("no_spaces"), top })
    }

    fn write(&self, cx: &Context) -> Result<(), Fault> {
        let separator = match self.separator.trim() {
            "" => " ".to_owned(),
            word if self.no_spaces => word.to_owned(),
            word => format!(" {word} "),
        };
        let mut text = String::new();
        print(&self.top, &separator, &mut text);
        let text = text.trim_start_matches('\n');
        rewrite(cx.host, Path::new(&self.path), text.as_bytes(), 0o644).map_err(|error| {
            let text = os_error_text(&error, &self.path);
            Fault::execution(format!("Unable to write file '{}'. Exception: {text}", self.path))
        })
    }
}

fn print(section: &Map, separator: &str, text: &mut String) {
    for (key, value) in section {
        match value {
            Value::Map(_) => {}
            value if is_comment_key(key) => *text += &format!("{}\n", str_of(value)),
            value => *text += &format!("{}{separator}{}\n", str_of(key), str_of(value)),
        }
    }
    for (key, value) in section {
        if let Value::Map(inner) = value {
            *text += &format!("\n[{}]\n", str_of(key));
            print(inner, separator, text);
        }
    }
}

fn parse(text: &str, separator: &Separator) -> Result<Map, Fault> {
    let heads = Regex::new(r"(?m)^\s*\[(.+?)\]\s*$").map_err(|error| Fault::execution(error.to_string()))?;
    let mut top = Map::new();
    let mut section: Option<String> = None;
    let mut from = 0;
    let mut close = |section: Option<String>, body: &str| {
        let options = options_of(body, separator);
        match section {
            None => top = options,
            Some(name) => {
                update(&mut top, [(name, options)].into_iter().collect(), separator);
            }
        }
    };
    for found in heads.captures_iter(text) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { continue };
        close(section.take(), text.get(from..whole.start()).unwrap_or_default());
        section = Some(name.as_str().to_owned());
        from = whole.end();
    }
    close(section, text.get(from..).unwrap_or_default());
    Ok(top)
}

fn options_of(body: &str, separator: &Separator) -> Map {
    let mut options = Map::new();
    let body = body.trim_matches('\n');
    if body.is_empty() {
        return options;
    }
    let (mut comments, mut others, mut last): (usize, usize, Option<String>) = (0, 0, None);
    for line in body.split('\n') {
        let (name, value) = if line.trim_start().starts_with(['#', ';']) {
            comments += 1;
            (format!("#comment{comments}"), line.to_owned())
        } else if line.starts_with(char::is_whitespace) {
            // A line that is indented goes on with the option before it.
            if let Some(Value::Text(value)) = last.as_ref().and_then(|last| options.get_mut(last)) {
                *value += &format!("\n{line}");
            }
            continue;
        } else if let Some((name, value)) = separator.split(line) {
            (name.to_owned(), value.to_owned())
        } else {
            others += 1;
            (format!("#unknown{others}"), line.to_owned())
        };
        if !options.contains(&name) {
            last = Some(name.clone());
        }
        set(&mut options, &name, value.into(), separator);
    }
    options
}

/// Sets an option; a new one takes the place of the comment that had it.
fn set(options: &mut Map, name: &str, value: Value, separator: &Separator) {
    if options.contains(name) {
        options.insert(name, value);
        return;
    }
    let is_it = |key: &Value, old: &Value| {
        let comment = key.as_str().is_some_and(|key| key.contains("#comment"));
        let plain = old.as_str().unwrap_or_default().trim_start_matches('#');
        comment && separator.split(plain).is_some_and(|(found, _)| found == name)
    };
    let Some(at) = options.iter().position(|(key, old)| is_it(key, old)) else {
        options.insert(name, value);
        return;
    };
    let rows = std::mem::take(options);
    for (index, (key, old)) in rows.into_iter().enumerate() {
        if index == at {
            options.insert(name, value.clone());
        } else {
            options.insert(key, old);
        }
    }
}

/// Puts options into a section, and says what changed: `{option: {before, after}}`.
fn update(options: &mut Map, wanted: Map, separator: &Separator) -> Map {
    let mut changes = Map::new();
    for (key, value) in wanted {
        let name = str_of(&key);
        match value {
            Value::Map(inner) => match options.get_mut(&name) {
                Some(Value::Map(section)) => {
                    let changed = update(section, inner, separator);
                    if !changed.is_empty() {
                        changes.insert(name, changed);
                    }
                }
                _ => {
                    let mut section = Map::new();
                    update(&mut section, inner, separator);
                    let before = options.insert(name.as_str(), section.clone());
                    changes.insert(name, map! { "before" => before, "after" => section });
                }
            },
            value => {
                let value = Value::Text(str_of(&value));
                let before = options.get(&name).cloned();
                if before.as_ref() != Some(&value) {
                    changes.insert(name.as_str(), map! { "before" => before, "after" => value.clone() });
                    set(options, &name, value, separator);
                }
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_order_stay_and_a_commented_option_is_uncommented_in_its_place() {
        let text = "# top\nfirst = 1\n\n[a]\n;why\n#key = old\nother: x\nkey2 = v\n  more\n\n[b]\nx=y\n";
        let separator = Separator::of("=");
        let mut top = parse(text, &separator).expect("parsed");
        let wanted: Value =
            map! { "a" => map! { "key" => 5, "key2" => "v\n  more" }, "new" => map! { "o" => true } }.into();
        let changes = update(&mut top, wanted.as_map().cloned().expect("a map"), &separator);
        assert_eq!(
            crate::value::repr(&changes.into()),
            "{'a': {'key': {'before': None, 'after': '5'}}, 'new': {'before': None, 'after': {'o': 'True'}}}"
        );
        let mut printed = String::new();
        print(&top, " = ", &mut printed);
        assert_eq!(
            printed,
            "# top\nfirst = 1\n\n[a]\n;why\nkey = 5\nother: x\nkey2 = v\n  more\n\n[b]\nx = y\n\n[new]\no = True\n"
        );
    }
}
