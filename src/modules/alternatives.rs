//! `alternatives`: which of several programs a name means. Salt: modules/alternatives.py.

use std::fs;
use std::path::Path;

use crate::loader::{Args, Context, Fault, Function, Module, Param, Ran, req};
use crate::map;
use crate::value::{Value, str_of};

const NAME: &[Param] = &[req("name")];
const PATH: &[Param] = &[req("name"), req("path")];

pub(super) static MODULE: Module = Module {
    file: "alternatives",
    provides: "alternatives",
    available: |_| {
        if Path::new("/etc/alternatives").is_dir() {
            return Ok(());
        }
        Err("Cannot load alternatives module: /etc/alternatives dir not found".to_owned())
    },
    functions: &[
        Function::new("auto", NAME, "The alternative with the highest priority.", |cx, args| {
            act(cx, args, "--auto", &["name"])
        }),
        Function::new("check_exists", PATH, "Whether a path is one of a name's alternatives.", |cx, args| {
            let ran = ask(cx, "--display", &args.str("name")?)?;
            let path = args.str("path")?;
            let known = ran.stdout.lines().any(|line| line.starts_with(&path));
            let failed = ran.retcode > 0 && !ran.stderr.is_empty();
            Ok((known && !failed).into())
        }),
        Function::new("check_installed", PATH, "Whether a path is the one that a name means.", |_, args| {
            Ok((link(&args.str("name")?) == Some(args.str("path")?)).into())
        }),
        Function::new("display", NAME, "What is known of a name.", |cx, args| {
            let ran = ask(cx, "--display", &args.str("name")?)?;
            Ok(said(ran, false).into())
        })
        .output("txt"),
        Function::new(
            "install",
            &[req("name"), req("link"), req("path"), req("priority")],
            "Adds an alternative.",
            |cx, args| {
                let words = ["link", "name", "path", "priority"].map(|key| str_of(args.get(key)));
                Ok(said(run(cx, "--install", &words)?, false).into())
            },
        )
        .output("txt"),
        Function::new("remove", PATH, "Removes an alternative.", |cx, args| {
            act(cx, args, "--remove", &["name", "path"])
        })
        .output("txt"),
        Function::new("set", PATH, "Chooses an alternative.", |cx, args| {
            act(cx, args, "--set", &["name", "path"])
        }),
        Function::new("show_current", NAME, "The path that a name means; False without one.", |_, args| {
            Ok(link(&args.str("name")?).map_or(Value::Bool(false), Value::from))
        }),
        Function::new("show_link", NAME, "The link of a name; False without one.", show_link),
    ],
};

fn program(cx: &Context) -> &'static str {
    if cx.grain("os_family") == "RedHat" { "alternatives" } else { "update-alternatives" }
}

fn run(cx: &Context, action: &str, words: &[String]) -> Result<Ran, Fault> {
    let mut line = vec![program(cx).to_owned(), action.to_owned()];
    line.extend_from_slice(words);
    cx.program(&line)
}

fn ask(cx: &Context, action: &str, name: &str) -> Result<Ran, Fault> {
    let line = [program(cx), action, name].map(str::to_owned);
    cx.program_with(&line, map! { "ignore_retcode" => true })
}

/// stdout, or stderr of a failure; an empty one counts only where `any` says so.
fn said(ran: Ran, any: bool) -> String {
    if ran.retcode > 0 && (any || !ran.stderr.is_empty()) { ran.stderr } else { ran.stdout }
}

fn act(cx: &Context, args: &Args, action: &str, keys: &[&str]) -> Result<Value, Fault> {
    let words: Vec<String> = keys.iter().map(|key| str_of(args.get(key))).collect();
    Ok(said(run(cx, action, &words)?, true).into())
}

fn link(name: &str) -> Option<String> {
    let target = fs::read_link(Path::new("/etc/alternatives").join(name)).ok()?;
    Some(target.to_string_lossy().into_owned())
}

fn show_link(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let directory = match cx.grain("os_family") {
        "RedHat" => Some("/var/lib/alternatives"),
        "Suse" => Some("/var/lib/rpm/alternatives"),
        _ => None,
    };
    let found = match directory {
        Some(directory) => {
            let text = fs::read_to_string(Path::new(directory).join(&name)).unwrap_or_default();
            text.lines().nth(1).map(str::to_owned)
        }
        None => {
            let ran = ask(cx, "--query", &name)?;
            let block = ran.stdout.split("\n\n").next().unwrap_or_default();
            let link = block.lines().find_map(|line| line.strip_prefix("Link:"));
            link.map(|link| link.trim().to_owned()).filter(|_| ran.ok() || ran.stderr.is_empty())
        }
    };
    Ok(found.map_or(Value::Bool(false), Value::from))
}
