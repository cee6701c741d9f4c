//! `user`: accounts, by useradd, usermod and userdel. Salt: modules/useradd.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::host::{User, all_users};
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

const ROOT: Param = opt("root", Default::None);
const NAME: &[Param] = &[req("name"), ROOT];

pub(super) static MODULE: Module = Module {
    file: "useradd",
    provides: "user",
    available: always,
    functions: &[
        Function::new(
            "add",
            &[
                req("name"),
                opt("uid", Default::None),
                opt("gid", Default::None),
                opt("groups", Default::None),
                opt("home", Default::None),
                opt("shell", Default::None),
                opt("unique", Default::True),
                opt("system", Default::False),
                opt("fullname", Default::Str("")),
                opt("roomnumber", Default::Str("")),
                opt("workphone", Default::Str("")),
                opt("homephone", Default::Str("")),
                opt("other", Default::Str("")),
                opt("createhome", Default::True),
                opt("loginclass", Default::None),
                opt("nologinit", Default::False),
                ROOT,
                opt("usergroup", Default::None),
            ],
            "Adds a user. True on success.",
            add,
        ),
        Function::new(
            "chfullname",
            &[req("name"), req("fullname"), ROOT],
            "Sets the full name.",
            |cx, args| set_gecos(cx, args, 0, args.get("fullname")),
        ),
        Function::new(
            "chgid",
            &[req("name"), req("gid"), ROOT],
            "Sets the primary group, a number.",
            |cx, args| set(cx, args, "gid", args.get("gid"), &["-g"]),
        ),
        Function::new(
            "chgroups",
            &[req("name"), req("groups"), opt("append", Default::False), ROOT],
            "Sets the groups (a list, or names with commas); `append=True` keeps the others.",
            |cx, args| Ok(set_groups(cx, args, &groups_of(args.get("groups")), args.truthy("append"))?.into()),
        ),
        Function::new(
            "chhome",
            &[req("name"), req("home"), opt("persist", Default::False), ROOT],
            "Sets the home directory; `persist=True` moves what is in it.",
            |cx, args| {
                let flags: &[&str] = if args.truthy("persist") { &["-m", "-d"] } else { &["-d"] };
                set(cx, args, "home", args.get("home"), flags)
            },
        ),
        Function::new(
            "chhomephone",
            &[req("name"), req("homephone"), ROOT],
            "Sets the home phone.",
            |cx, args| set_gecos(cx, args, 3, args.get("homephone")),
        ),
        Function::new(
            "chloginclass",
            &[req("name"), req("loginclass"), ROOT],
            "False: login classes are OpenBSD's.",
            |_, _| Ok(false.into()),
        ),
        Function::new(
            "chother",
            &[req("name"), req("other"), ROOT],
            "Sets the last field of GECOS.",
            |cx, args| set_gecos(cx, args, 4, args.get("other")),
        ),
        Function::new(
            "chroomnumber",
            &[req("name"), req("roomnumber"), ROOT],
            "Sets the room number.",
            |cx, args| set_gecos(cx, args, 1, args.get("roomnumber")),
        ),
        Function::new("chshell", &[req("name"), req("shell"), ROOT], "Sets the login shell.", |cx, args| {
            set(cx, args, "shell", args.get("shell"), &["-s"])
        }),
        Function::new("chuid", &[req("name"), req("uid"), ROOT], "Sets the uid.", |cx, args| {
            set(cx, args, "uid", args.get("uid"), &["-u"])
        }),
        Function::new(
            "chworkphone",
            &[req("name"), req("workphone"), ROOT],
            "Sets the work phone.",
            |cx, args| set_gecos(cx, args, 2, args.get("workphone")),
        ),
        Function::new(
            "delete",
            &[req("name"), opt("remove", Default::False), opt("force", Default::False), ROOT],
            "Removes a user; `remove=True` with the home directory and mail, `force=True` also when logged in: salt '*' \
             user.delete name remove=True force=True",
            delete,
        ),
        Function::new("get_loginclass", &[req("name")], "False: login classes are OpenBSD's.", |_, _| {
            Ok(false.into())
        }),
        Function::new(
            "getent",
            &[opt("refresh", Default::False), ROOT],
            "What is known of every user: a list of what `user.info` gives.",
            |cx, args| Ok(Value::list(everybody(cx, args)?.iter().map(|user| describe(cx, user)))),
        ),
        Function::new(
            "info",
            NAME,
            "What is known of a user: `{uid, gid, groups, home, shell, passwd, fullname, …}`; empty without one.",
            |cx, args| Ok(info(cx, args, &args.str("name")?).into()),
        ),
        Function::new("list_groups", &[req("name")], "The groups of a user, sorted.", |cx, args| {
            let user = cx.host.user(&args.str("name")?);
            Ok(Value::list(user.map(|user| group_names(cx, &user)).unwrap_or_default()))
        }),
        Function::new("list_users", &[ROOT], "The names of all users, sorted.", |cx, args| {
            let names = crate::value::sort::into_set(everybody(cx, args)?.into_iter().map(|user| user.name));
            Ok(Value::list(names))
        }),
        Function::new("primary_group", &[req("name")], "The name of the primary group.", |cx, args| {
            let ran = cx.program(&words(&["id", "-g", "-n", &args.str("name")?]))?;
            Ok(if ran.ok() { ran.stdout } else { ran.stderr }.into())
        }),
        Function::new(
            "rename",
            &[req("name"), req("new_name"), ROOT],
            "Changes the name of a user.",
            |cx, args| {
                let new = args.str("new_name")?;
                if !info(cx, args, &new).is_empty() {
                    return Err(Fault::execution(format!("User '{new}' already exists")));
                }
                // Salt looks for the new name under the old one and so reports a failure.
                set(cx, args, "name", args.get("new_name"), &["-l"])
            },
        ),
    ],
};

/// Words of a command line.
fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The path of a program, or Salt's complaint.
fn program(cx: &Context, name: &str) -> Result<String, Fault> {
    cx.which(name).ok_or_else(|| Fault::execution(format!("Command '{name}' cannot be found")))
}

fn root_words(args: &Args) -> Vec<String> {
    args.given("root").map(|root| vec!["-R".to_owned(), str_of(root)]).unwrap_or_default()
}

fn groups_of(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) => text.split(',').map(str::to_owned).collect(),
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

/// Everybody in passwd(5), of the host or below `root`.
fn everybody(_: &Context, args: &Args) -> Result<Vec<User>, Fault> {
    let Some(root) = args.given("root") else { return Ok(all_users()) };
    let path = Path::new(&str_of(root)).join("etc/passwd");
    let text = fs::read_to_string(&path).map_err(|error| {
        Fault::exception("OSError", crate::loader::os_error_text(&error, &path.to_string_lossy()))
    })?;
    Ok(text.lines().filter_map(User::parse).collect())
}

fn find(cx: &Context, args: &Args, name: &str) -> Option<User> {
    match args.given("root") {
        None => cx.host.user(name),
        Some(_) => everybody(cx, args).ok()?.into_iter().find(|user| user.name == name),
    }
}

fn group_names(cx: &Context, user: &User) -> Vec<String> {
    let mut names: Vec<String> = cx.host.groups_of(user).into_iter().map(|group| group.name).collect();
    if names.is_empty()
        && let Some(group) = cx.host.group_by_gid(user.gid)
    {
        names.push(group.name);
    }
    sort::all(&mut names);
    names.dedup();
    names
}

fn gecos(user: &User) -> [String; 5] {
    let mut parts = user.gecos.splitn(5, ',').map(str::to_owned);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn describe(cx: &Context, user: &User) -> Map {
    let [fullname, roomnumber, workphone, homephone, other] = gecos(user);
    // A user that is only below `root` has no groups here.
    let groups = cx.host.user(&user.name).map(|user| group_names(cx, &user)).unwrap_or_default();
    map! {
        "gid" => user.gid,
        "groups" => Value::list(groups),
        "home" => &user.home,
        "name" => &user.name,
        "passwd" => &user.password,
        "shell" => &user.shell,
        "uid" => user.uid,
        "fullname" => fullname,
        "roomnumber" => roomnumber,
        "workphone" => workphone,
        "homephone" => homephone,
        "other" => other,
    }
}

fn info(cx: &Context, args: &Args, name: &str) -> Map {
    find(cx, args, name).map(|user| describe(cx, &user)).unwrap_or_default()
}

/// Sets one attribute by usermod and looks whether it is there afterwards.
fn set(cx: &Context, args: &Args, key: &str, value: &Value, flags: &[&str]) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let before = info(cx, args, &name);
    if before.is_empty() {
        return Err(Fault::execution(format!("User '{name}' does not exist")));
    }
    let is_set = |info: &Map| info.get(key).is_some_and(|now| now.loosely_equals(value));
    if is_set(&before) {
        return Ok(true.into());
    }
    let mut line = vec![program(cx, "usermod")?];
    line.extend(root_words(args));
    line.extend(flags.iter().map(|&flag| flag.to_owned()));
    line.extend([str_of(value), name.clone()]);
    cx.program(&line)?;
    Ok(is_set(&info(cx, args, &name)).into())
}

fn set_gecos(cx: &Context, args: &Args, field: usize, value: &Value) -> Result<Value, Fault> {
    let value = if value.is_null() { String::new() } else { str_of(value) };
    Ok(set_gecos_field(cx, args, field, &value)?.into())
}

fn set_gecos_field(cx: &Context, args: &Args, field: usize, value: &str) -> Result<bool, Fault> {
    let name = args.str("name")?;
    let unknown = || Fault::exception("KeyError", format!("getpwnam(): name not found: '{name}'"));
    let mut fields = gecos(&find(cx, args, &name).ok_or_else(unknown)?);
    let Some(slot) = fields.get_mut(field).filter(|slot| *slot != value) else { return Ok(true) };
    value.clone_into(slot);
    let mut line = vec![program(cx, "usermod")?];
    line.extend(root_words(args));
    line.extend(["-c".to_owned(), fields.join(",").trim_end_matches(',').to_owned(), name.clone()]);
    cx.program(&line)?;
    Ok(find(cx, args, &name).is_some_and(|user| gecos(&user).get(field).is_some_and(|now| now == value)))
}

fn set_groups(cx: &Context, args: &Args, groups: &[String], append: bool) -> Result<bool, Fault> {
    let name = args.str("name")?;
    let now: BTreeSet<String> =
        groups_of(&cx.ask("user.list_groups", &[name.as_str().into()])?).into_iter().collect();
    if now == groups.iter().cloned().collect() {
        return Ok(true);
    }
    let mut line = vec![program(cx, "usermod")?];
    if append {
        line.push("-a".to_owned());
    }
    line.extend(["-G".to_owned(), groups.join(","), name.clone()]);
    line.extend(root_words(args));
    let ran = cx.program(&line)?;
    if ran.ok() || !ran.stderr.contains("not found in") {
        return Ok(ran.ok());
    }
    // Groups of a directory: usermod does not know them.
    let mut all = true;
    for group in groups {
        all &= cx.program(&words(&["gpasswd", "-a", &name, group]))?.ok();
    }
    Ok(all)
}

/// Whether useradd would make a group of the user's name (login.defs(5), `USERGROUPS_ENAB`).
fn makes_user_group() -> bool {
    let text = fs::read_to_string("/etc/login.defs").unwrap_or_default();
    let line = text.lines().find(|line| line.get(..15).unwrap_or(line).contains("USERGROUPS_ENAB"));
    line.is_some_and(|line| line.contains("yes"))
}

fn add(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let groups = groups_of(args.get("groups"));
    let mut line = vec![program(cx, "useradd")?];
    let mut flag = |flag: &str, value: Option<String>| {
        line.push(flag.to_owned());
        line.extend(value);
    };
    let numbered = |key: &str| args.given(key).filter(|value| value.as_str() != Some("")).map(str_of);
    if args.truthy("shell") {
        flag("-s", Some(args.str("shell")?));
    }
    if let Some(uid) = numbered("uid") {
        flag("-u", Some(uid));
    }
    if let Some(gid) = numbered("gid") {
        flag("-g", Some(gid));
    } else if args.truthy("usergroup") {
        flag("-U", None);
    } else if groups.contains(&name) && makes_user_group() {
        flag("-g", Some(str_of(&cx.ask("file.group_to_gid", &[name.as_str().into()])?)));
    }
    if args.get("usergroup").as_bool() == Some(false) {
        flag("-N", None);
    }
    flag(if args.truthy("createhome") { "-m" } else { "-M" }, None);
    if args.truthy("nologinit") {
        flag("-l", None);
    }
    if let Some(home) = args.given("home") {
        flag("-d", Some(str_of(home)));
    }
    if !args.truthy("unique") {
        flag("-o", None);
    }
    if args.truthy("system") {
        flag("-r", None);
    }
    line.push(name);
    line.extend(root_words(args));
    if !cx.program(&line)?.ok() {
        return Ok(false.into());
    }
    if !groups.is_empty() {
        set_groups(cx, args, &groups, false)?;
    }
    for (field, key) in ["fullname", "roomnumber", "workphone", "homephone", "other"].into_iter().enumerate()
    {
        if args.truthy(key) {
            set_gecos_field(cx, args, field, &args.str(key)?)?;
        }
    }
    Ok(true.into())
}

fn delete(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut line = vec![program(cx, "userdel")?];
    for (key, flag) in [("remove", "-r"), ("force", "-f")] {
        if args.truthy(key) {
            line.push(flag.to_owned());
        }
    }
    line.push(args.str("name")?);
    line.extend(root_words(args));
    let ran = cx.program(&line)?;
    // userdel of Debian says 12 where there was no mail to remove.
    let no_mail = ran.retcode == 12
        && cx.grain("os_family") == "Debian"
        && ["var/mail", "var/spool/mail"].iter().any(|part| ran.stderr.contains(part));
    Ok((ran.ok() || no_mail).into())
}
