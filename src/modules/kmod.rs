//! `kmod`: modules of the kernel. Salt: modules/kmod.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::host::FileOwner;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Map, Value};

const MOD: &[Param] = &[req("mod")];

pub(super) static MODULE: Module = Module {
    file: "kmod",
    provides: "kmod",
    available: always,
    functions: &[
        Function::new("available", &[], "The names of all modules that could be loaded, sorted.", |cx, _| {
            Ok(Value::list(available(cx)?))
        }),
        Function::new("check_available", MOD, "Whether a module could be loaded.", |cx, args| {
            Ok(available(cx)?.contains(&args.str("mod")?).into())
        }),
        Function::new("is_loaded", MOD, "Whether a module is loaded.", |cx, args| {
            Ok(names(&lsmod(cx)?).contains(&args.str("mod")?).into())
        }),
        Function::new(
            "load",
            &[req("mod"), opt("persist", Default::False)],
            "Loads a module, with `persist` also at the next start: the names of what is new.",
            load,
        ),
        Function::new(
            "lsmod",
            &[],
            "Loaded modules: a list of `{size, module, depcount, deps}`.",
            |cx, _| Ok(Value::list(lsmod(cx)?)),
        ),
        Function::new(
            "mod_list",
            &[opt("only_persist", Default::False)],
            "The names of loaded modules, or of those that are loaded at the start.",
            |cx, args| {
                Ok(Value::list(if args.truthy("only_persist") { persistent(cx) } else { names(&lsmod(cx)?) }))
            },
        ),
        Function::new(
            "remove",
            &[req("mod"), opt("persist", Default::False), opt("comment", Default::True)],
            "Unloads a module, with `persist` also at the next start: the names of what is gone.",
            remove,
        ),
    ],
};

fn program(cx: &Context, name: &str) -> Result<String, Fault> {
    cx.which(name).ok_or_else(|| Fault::execution(format!("Command '{name}' cannot be found")))
}

/// The file of modules that are loaded at the start.
fn config(cx: &Context) -> &'static str {
    if cx.grains.map().contains("systemd") { "/etc/modules-load.d/salt_managed.conf" } else { "/etc/modules" }
}

fn first_word(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

fn persistent(cx: &Context) -> BTreeSet<String> {
    let text = fs::read_to_string(config(cx)).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(first_word).map(str::to_owned).collect()
}

fn available(cx: &Context) -> Result<BTreeSet<String>, Fault> {
    let release = cx.program(&["uname", "-r"].map(str::to_owned))?.stdout;
    let directory = Path::new("/lib/modules").join(release.trim());
    let mut found = BTreeSet::new();
    let built_in = fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
    for line in built_in.lines() {
        let name = line.rsplit('/').next().unwrap_or(line);
        found.insert(name.strip_suffix(".ko").unwrap_or(name).to_owned());
    }
    // depmod's list names every file; walking the tree finds the same and takes far longer.
    let listed = fs::read_to_string(directory.join("modules.dep")).unwrap_or_default();
    for line in listed.lines() {
        let path = line.split(':').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some((name, _)) = name.split_once(".ko") {
            found.insert(name.replace('-', "_"));
        }
    }
    Ok(found)
}

fn lsmod(cx: &Context) -> Result<Vec<Map>, Fault> {
    let text = cx.program(&[program(cx, "lsmod")?])?.stdout;
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(rows
        .filter_map(|words| match words.as_slice() {
            ["Module", ..] => None,
            [module, size, count, rest @ ..] => {
                let deps: Vec<&str> = rest.first().map(|deps| deps.split(',').collect()).unwrap_or_default();
                Some(map! { "size" => *size, "module" => *module, "depcount" => *count, "deps" => Value::list(deps) })
            }
            _ => None,
        })
        .collect())
}

fn names(modules: &[Map]) -> BTreeSet<String> {
    modules.iter().filter_map(|module| module.str("module").map(str::to_owned)).collect()
}

fn store(cx: &Context, text: &str) -> Result<(), Fault> {
    let path = config(cx);
    cx.host
        .write_atomic(Path::new(path), text.as_bytes(), 0o644, FileOwner::default())
        .map_err(|error| Fault::execution(os_error_text(&error, path)))
}

/// The file with a module: a line that was a comment counts again. Pure.
fn with_module(text: &str, line: &str) -> String {
    let is_it = |own: &str| own.strip_prefix('#').is_some_and(|rest| rest.trim() == line);
    if text.lines().any(is_it) {
        return text
            .lines()
            .map(|own| if is_it(own) { format!("{line}\n") } else { format!("{own}\n") })
            .collect();
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{line}\n")
}

/// The file without a module, or with its line as a comment. Pure.
fn without_module(text: &str, name: &str, comment: bool) -> String {
    let change = |line: &str| match first_word(line) {
        Some(own) if own == name && comment => format!("#{line}\n"),
        Some(own) if own == name => String::new(),
        _ => format!("{line}\n"),
    };
    text.lines().map(change).collect()
}

/// Runs a program on a module: what has changed, or the program's complaint.
fn act(cx: &Context, args: &Args, name: &str, doing: &str) -> Result<Result<BTreeSet<String>, Value>, Fault> {
    let before = names(&lsmod(cx)?);
    let asked = args.str("mod")?;
    let mut line = vec![program(cx, name)?];
    line.extend(asked.split_whitespace().map(str::to_owned));
    let ran = cx.program(&line)?;
    if !ran.ok() {
        return Ok(Err(format!("Error {doing} module {asked}: {}", ran.stderr).into()));
    }
    let after = names(&lsmod(cx)?);
    Ok(Ok(before.symmetric_difference(&after).cloned().collect()))
}

fn load(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut changed = match act(cx, args, "modprobe", "loading")? {
        Ok(changed) => changed,
        Err(text) => return Ok(text),
    };
    let asked = args.str("mod")?;
    if let Some(name) = first_word(&asked).filter(|_| args.truthy("persist"))
        && !persistent(cx).contains(name)
        && available(cx)?.contains(name)
    {
        let text = fs::read_to_string(config(cx)).unwrap_or_default();
        store(cx, &with_module(&text, asked.trim()))?;
        changed.insert(name.to_owned());
    }
    Ok(Value::list(changed))
}

fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut changed = match act(cx, args, "rmmod", "removing")? {
        Ok(changed) => changed,
        Err(text) => return Ok(text),
    };
    let asked = args.str("mod")?;
    if let Some(name) = first_word(&asked).filter(|_| args.truthy("persist"))
        && persistent(cx).contains(name)
    {
        let text = fs::read_to_string(config(cx)).unwrap_or_default();
        store(cx, &without_module(&text, name, args.truthy("comment")))?;
        changed.insert(name.to_owned());
    }
    Ok(Value::list(changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_put_into_the_file_and_taken_out() {
        assert_eq!(with_module("a\n# b\n", "b"), "a\nb\n");
        assert_eq!(with_module("a", "b x=1"), "a\nb x=1\n");
        assert_eq!(without_module("a\nb x=1\n", "b", true), "a\n#b x=1\n");
        assert_eq!(without_module("a\nb x=1\n", "b", false), "a\n");
    }
}
