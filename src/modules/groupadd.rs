//! `group`: groups, by groupadd, groupmod, gpasswd and groupdel. Salt: modules/groupadd.py.

use std::fs;
use std::path::Path;

use crate::host::{Group, all_groups};
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const ROOT: Param = opt("root", Default::None);
const MEMBER: &[Param] = &[req("name"), req("username"), ROOT];

pub(super) static MODULE: Module = Module {
    file: "groupadd",
    provides: "group",
    available: always,
    functions: &[
        Function::new(
            "add",
            &[
                req("name"),
                opt("gid", Default::None),
                opt("system", Default::False),
                ROOT,
                opt("non_unique", Default::False),
            ],
            "Adds a group. True on success.",
            add,
        ),
        Function::new("adduser", MEMBER, "Makes a user a member.", |cx, args| {
            gpasswd(cx, args, "--add", &args.str("username")?)
        }),
        Function::new(
            "chgid",
            &[req("name"), req("gid"), ROOT, opt("non_unique", Default::False)],
            "Sets the gid of a group.",
            chgid,
        ),
        Function::new("delete", &[req("name"), ROOT], "Removes a group. True on success.", |cx, args| {
            let mut line = vec![program(cx, "groupdel")?];
            line.extend(root_words(args, "-R"));
            line.push(args.str("name")?);
            Ok(cx.program(&line)?.ok().into())
        }),
        Function::new("deluser", MEMBER, "Takes a member out.", |cx, args| {
            let username = args.str("username")?;
            let group = cx.ask("group.info", &[args.get("name").clone()])?;
            let members = group.get("members").and_then(Value::as_list).unwrap_or_default();
            if !members.iter().any(|member| member.as_str() == Some(&username)) {
                return Ok(true.into());
            }
            gpasswd(cx, args, "--del", &username)
        }),
        Function::new(
            "getent",
            &[opt("refresh", Default::False), ROOT],
            "What is known of every group: a list of what `group.info` gives.",
            |_, args| Ok(Value::list(everything(args)?.iter().map(describe))),
        ),
        Function::new(
            "info",
            &[req("name"), ROOT],
            "What is known of a group: `{name, passwd, gid, members}`; empty without one.",
            |cx, args| Ok(info(cx, args)?.into()),
        ),
        Function::new(
            "members",
            &[req("name"), req("members_list"), ROOT],
            "Sets the members, names with commas.",
            |cx, args| gpasswd(cx, args, "--members", &args.str("members_list")?),
        ),
    ],
};

fn program(cx: &Context, name: &str) -> Result<String, Fault> {
    cx.which(name).ok_or_else(|| Fault::execution(format!("Command '{name}' cannot be found")))
}

fn root_words(args: &Args, flag: &str) -> Vec<String> {
    args.given("root").map(|root| vec![flag.to_owned(), str_of(root)]).unwrap_or_default()
}

/// Every group of group(5), of the host or below `root`.
fn everything(args: &Args) -> Result<Vec<Group>, Fault> {
    let Some(root) = args.given("root") else { return Ok(all_groups()) };
    let path = Path::new(&str_of(root)).join("etc/group");
    let text = fs::read_to_string(&path).map_err(|error| {
        Fault::exception("OSError", crate::loader::os_error_text(&error, &path.to_string_lossy()))
    })?;
    Ok(text.lines().filter_map(Group::parse).collect())
}

fn describe(group: &Group) -> Map {
    map! {
        "name" => &group.name,
        "passwd" => &group.password,
        "gid" => group.gid,
        "members" => Value::list(&group.members),
    }
}

fn info(cx: &Context, args: &Args) -> Result<Map, Fault> {
    let name = args.str("name")?;
    let group = match args.given("root") {
        None => cx.host.group(&name),
        Some(_) => everything(args)?.into_iter().find(|group| group.name == name),
    };
    Ok(group.as_ref().map(describe).unwrap_or_default())
}

fn add(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut line = vec![program(cx, "groupadd")?];
    if args.truthy("gid") {
        // One word: groupadd skips the blank.
        line.push(format!("-g {}", str_of(args.get("gid"))));
        if args.truthy("non_unique") {
            line.push("-o".to_owned());
        }
    }
    if args.truthy("system") {
        line.push("-r".to_owned());
    }
    line.extend(root_words(args, "-R"));
    line.push(args.str("name")?);
    Ok(cx.program(&line)?.ok().into())
}

fn chgid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let wanted = args.get("gid");
    let is_set = |group: &Map| group.get("gid").is_some_and(|gid| gid.loosely_equals(wanted));
    let before = info(cx, args)?;
    if before.is_empty() || is_set(&before) {
        return Ok((!before.is_empty()).into());
    }
    let mut line = vec![program(cx, "groupmod")?];
    line.extend(root_words(args, "-R"));
    line.push(if args.truthy("non_unique") { "-og" } else { "-g" }.to_owned());
    line.extend([str_of(wanted), args.str("name")?]);
    cx.program(&line)?;
    Ok(is_set(&info(cx, args)?).into())
}

/// `gpasswd --add|--del|--members WHO GROUP`.
fn gpasswd(cx: &Context, args: &Args, flag: &str, who: &str) -> Result<Value, Fault> {
    let mut line = vec![program(cx, "gpasswd")?, flag.to_owned(), who.to_owned(), args.str("name")?];
    line.extend(root_words(args, "--root"));
    Ok(cx.program(&line)?.ok().into())
}
