//! `debconf`: answers to the questions of Debian's packages. Salt: modules/debconfmod.py.

use crate::host::{FileOwner, write_atomic};
use crate::loader::{Context, Default, Fault, Function, Module, keywords, opt, req, rest};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "debconfmod",
    provides: "debconf",
    available: |cx| {
        if cx.grain("os_family") != "Debian" {
            return Err("The debconfmod module could not be loaded: unsupported OS family".to_owned());
        }
        let missing = "The debconfmod module could not be loaded: debconf-utils is not installed.";
        cx.which("debconf-get-selections").map(|_| ()).ok_or_else(|| missing.to_owned())
    },
    functions: &[
        Function::new(
            "get_selections",
            &[opt("fetchempty", Default::True)],
            "Every answer: `{package: [[question, type, value]]}`.",
            |cx, args| Ok(selections(cx, args.truthy("fetchempty"))?.into()),
        ),
        Function::new(
            "set",
            &[req("package"), req("question"), req("type"), req("value"), rest("extra")],
            "Answers a question. True.",
            |cx, args| {
                let mut value = str_of(args.get("value"));
                for word in &args.rest {
                    value += &format!(" {}", str_of(word));
                }
                let text = |name: &str| str_of(args.get(name));
                let line = format!("{} {} {} {value}", text("package"), text("question"), text("type"));
                let random = crate::crypt::digest::hex(&crate::crypt::random::bytes::<8>());
                let path = std::env::temp_dir().join(format!("salt-{random}"));
                write_atomic(&path, line.as_bytes(), 0o600, FileOwner::default())?;
                let set = from_file(cx, &path.to_string_lossy());
                let _ = std::fs::remove_file(&path);
                set
            },
        ),
        Function::new(
            "set_file",
            &[req("path"), opt("saltenv", Default::Str("base")), keywords("kwargs")],
            "Takes the answers of a file. Whether there is one.",
            |cx, args| {
                let path =
                    cx.ask("cp.cache_file", &[args.get("path").clone(), args.get("saltenv").clone()])?;
                if path.truthy() { from_file(cx, &str_of(&path)) } else { Ok(false.into()) }
            },
        ),
        Function::new(
            "set_template",
            &[
                req("path"),
                req("template"),
                req("context"),
                req("defaults"),
                opt("saltenv", Default::Str("base")),
                keywords("kwargs"),
            ],
            "As `debconf.set_file`, with a file that is a template.",
            |cx, args| {
                let mut asked = map! { "dest" => "" };
                for name in ["path", "template", "saltenv", "context", "defaults"] {
                    asked.insert(name, args.get(name).clone());
                }
                let path = cx.ask_with("cp.get_template", &[], asked)?;
                if path.truthy() { from_file(cx, &str_of(&path)) } else { Ok(false.into()) }
            },
        ),
        Function::new("show", &[req("name")], "The answers for a package, or None.", |cx, args| {
            Ok(selections(cx, true)?.remove(&args.str("name")?).unwrap_or_default())
        }),
    ],
};

fn from_file(cx: &Context, path: &str) -> Result<Value, Fault> {
    let words = Value::list(["debconf-set-selections", path]);
    cx.ask_with("cmd.run_stdout", &[words], map! { "python_shell" => false })?;
    Ok(true.into())
}

fn selections(cx: &Context, empty: bool) -> Result<Map, Fault> {
    let said = str_of(&cx.ask("cmd.run_stdout", &["debconf-get-selections".into()])?);
    let mut found = Map::new();
    for [package, question, kind, value] in said.lines().filter_map(split) {
        if !empty && value.is_empty() {
            continue;
        }
        if let Value::List(rows) = found.entry(package, || Value::List(Vec::new())) {
            rows.push(Value::list([question, kind, value]));
        }
    }
    Ok(found)
}

/// Package, question, type and value of a line.
fn split(line: &str) -> Option<[&str; 4]> {
    let blank = [' ', '\t'];
    if line.starts_with('#') || line.starts_with(blank) {
        return None;
    }
    let (package, rest) = line.split_once(blank)?;
    let (question, rest) = rest.trim_start_matches(blank).split_once(blank)?;
    let rest = rest.trim_start_matches(blank);
    let (kind, value) = rest.split_once(blank)?;
    Some([package, question, kind, value.trim_start_matches(blank)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_package_question_type_and_value() {
        assert_eq!(
            split("tzdata\ttzdata/Areas\tselect\tEtc etc"),
            Some(["tzdata", "tzdata/Areas", "select", "Etc etc"])
        );
        assert_eq!(split("a b note\t"), Some(["a", "b", "note", ""]));
        assert_eq!(split("# Areas"), None);
        assert_eq!(split(""), None);
    }
}
