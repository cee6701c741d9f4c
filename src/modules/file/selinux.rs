//! Labels of SELinux, by the programs of the host. Salt: modules/file.py (`get_selinux_context`, `restorecon`,
//! `set_selinux_context`).

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Value, str_of};

fn succeeds(cx: &Context, words: &[String]) -> Result<bool, Fault> {
    let retcode = cx.ask_with("cmd.retcode", &[Value::list(words)], map! { "python_shell" => false })?;
    Ok(!retcode.truthy())
}

fn context_of(cx: &Context, path: &str) -> Result<Value, Fault> {
    let ran = cx.program(&["stat", "-c", "%C", path].map(str::to_owned))?;
    let none = || format!("No selinux context information is available for {path}");
    Ok(if ran.ok() { ran.stdout } else { none() }.into())
}

pub(super) fn get(cx: &Context, args: &Args) -> Result<Value, Fault> {
    context_of(cx, &args.str("path")?)
}

pub(super) fn restore(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let flags = if args.truthy("recursive") { "-FR" } else { "-F" };
    Ok(succeeds(cx, &["restorecon".to_owned(), flags.to_owned(), args.str("path")?])?.into())
}

pub(super) fn set(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const PARTS: [(&str, &str); 4] = [("user", "-u"), ("role", "-r"), ("type", "-t"), ("range", "-l")];
    let path = args.str("path")?;
    let mut words = vec!["chcon".to_owned()];
    for (name, flag) in PARTS {
        if args.truthy(name) {
            words.extend([flag.to_owned(), str_of(args.get(name))]);
        }
    }
    if words.len() == 1 {
        return Ok(false.into());
    }
    if args.truthy("persist") {
        let policy = map! {
            "sel_type" => args.get("type").clone(),
            "sel_user" => args.get("user").clone(),
            "sel_level" => args.get("range").clone(),
        };
        let said = cx.ask_with("selinux.fcontext_add_policy", &[path.as_str().into()], policy)?;
        if said.get("retcode").and_then(Value::as_int) != Some(0) {
            return Err(Fault::execution(format!("Problem setting fcontext: {}", str_of(&said))));
        }
    }
    words.push(path.clone());
    if succeeds(cx, &words)? { context_of(cx, &path) } else { Ok(false.into()) }
}
