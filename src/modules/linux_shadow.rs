//! `shadow`: passwords and their ages, in shadow(5). Salt: modules/linux_shadow.py.
//!
//! Hashes never reach a log: programs that get one run with `output_loglevel: quiet`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

const ROOT: Param = opt("root", Default::None);
const NAME: &[Param] = &[req("name"), ROOT];
const KEYS: [&str; 8] = ["name", "passwd", "lstchg", "min", "max", "warn", "inact", "expire"];

pub(super) static MODULE: Module = Module {
    file: "linux_shadow",
    provides: "shadow",
    available: always,
    functions: &[
        Function::new("default_hash", &[], "The password of a new account.", |_, _| Ok("!".into())),
        Function::new("del_password", NAME, "Takes the password away: anybody may log in.", |cx, args| {
            passwd(cx, args, "-d")?;
            let now = info(args)?;
            Ok((!truthy(&now, "passwd") && now.get("name") == Some(args.get("name"))).into())
        }),
        Function::new(
            "gen_password",
            &[req("password"), opt("crypt_salt", Default::None), opt("algorithm", Default::Str("sha512"))],
            "The hash of a password for shadow(5): sha512 or sha256.",
            super::sha_crypt::gen_password,
        ),
        Function::new(
            "info",
            NAME,
            "A user's line: `{name, passwd, lstchg, min, max, warn, inact, expire}`; days, and empty texts without one.",
            |_, args| Ok(info(args)?.into()),
        ),
        Function::new("list_users", &[ROOT], "The names in shadow(5), sorted.", |_, args| {
            let mut names: Vec<String> =
                lines(args)?.iter().filter_map(|line| line.split(':').next()).map(str::to_owned).collect();
            sort::all(&mut names);
            Ok(Value::list(names))
        }),
        Function::new("lock_password", NAME, "Locks the password.", |cx, args| lock(cx, args, true)),
        Function::new(
            "set_date",
            &[req("name"), req("date"), ROOT],
            "When it was changed last.",
            |cx, args| set(cx, args, "lstchg", args.get("date"), "-d", false),
        ),
        Function::new(
            "set_expire",
            &[req("name"), req("expire"), ROOT],
            "When the account ends.",
            |cx, args| set(cx, args, "expire", args.get("expire"), "-E", false),
        ),
        Function::new(
            "set_inactdays",
            &[req("name"), req("inactdays"), ROOT],
            "Days from an old password to a locked account.",
            |cx, args| set(cx, args, "inact", args.get("inactdays"), "-I", true),
        ),
        Function::new(
            "set_maxdays",
            &[req("name"), req("maxdays"), ROOT],
            "Days until a password has to be changed.",
            |cx, args| set(cx, args, "max", args.get("maxdays"), "-M", true),
        ),
        Function::new(
            "set_mindays",
            &[req("name"), req("mindays"), ROOT],
            "Days until a password may be changed.",
            |cx, args| set(cx, args, "min", args.get("mindays"), "-m", true),
        ),
        Function::new(
            "set_password",
            &[req("name"), req("password"), opt("use_usermod", Default::False), ROOT],
            "Sets the hash of a user's password.",
            set_password,
        ),
        Function::new(
            "set_warndays",
            &[req("name"), req("warndays"), ROOT],
            "Days of warning before a password gets old.",
            |cx, args| set(cx, args, "warn", args.get("warndays"), "-W", true),
        ),
        Function::new("unlock_password", NAME, "Unlocks the password.", |cx, args| lock(cx, args, false)),
    ],
};

fn file(args: &Args) -> PathBuf {
    let root = args.given("root").map(str_of).unwrap_or_else(|| "/".to_owned());
    Path::new(&root).join("etc/shadow")
}

fn lines(args: &Args) -> Result<Vec<String>, Fault> {
    let path = file(args);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().map(|line| line.trim().to_owned()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(Fault::exception("PermissionError", os_error_text(&error, &path.to_string_lossy())))
        }
    }
}

fn info(args: &Args) -> Result<Map, Fault> {
    Ok(parse(&lines(args)?, &args.str("name")?))
}

/// A user's line as a map: numbers that are not there are -1, a user that is not there has empty texts.
fn parse(lines: &[String], name: &str) -> Map {
    let Some(line) = lines.iter().find(|line| line.split(':').next() == Some(name)) else {
        return KEYS.into_iter().map(|key| (key, Value::from(""))).collect();
    };
    let fields = KEYS.into_iter().zip(line.split(':').chain(std::iter::repeat(""))).enumerate();
    fields
        .map(|(index, (key, field))| {
            let number = || field.parse::<i64>().unwrap_or(-1).into();
            (key, if index < 2 { Value::from(field) } else { number() })
        })
        .collect()
}

fn truthy(map: &Map, key: &str) -> bool {
    map.get(key).is_some_and(Value::truthy)
}

fn with_root(program: &str, args: &Args, more: &[String]) -> Vec<String> {
    let mut line = vec![program.to_owned()];
    if let Some(root) = args.given("root") {
        line.extend(["-R".to_owned(), str_of(root)]);
    }
    line.extend_from_slice(more);
    line
}

fn passwd(cx: &Context, args: &Args, flag: &str) -> Result<(), Fault> {
    let line = with_root("passwd", args, &[flag.to_owned(), args.str("name")?]);
    cx.program_with(&line, map! { "output_loglevel" => "quiet" }).map(drop)
}

fn is_locked(info: &Map) -> bool {
    info.str("passwd").is_some_and(|hash| hash.starts_with('!'))
}

fn lock(cx: &Context, args: &Args, wanted: bool) -> Result<Value, Fault> {
    let before = info(args)?;
    if !truthy(&before, "name") {
        return Ok(false.into());
    }
    if is_locked(&before) == wanted {
        return Ok(true.into());
    }
    passwd(cx, args, if wanted { "-l" } else { "-u" })?;
    Ok((is_locked(&info(args)?) == wanted).into())
}

fn set(
    cx: &Context,
    args: &Args,
    key: &str,
    value: &Value,
    flag: &str,
    look_again: bool,
) -> Result<Value, Fault> {
    let before = info(args)?;
    if !truthy(&before, "name") {
        return Ok(false.into());
    }
    let is_set = |info: &Map| info.get(key).is_some_and(|now| now.loosely_equals(value));
    if is_set(&before) {
        return Ok(true.into());
    }
    let line = with_root("chage", args, &[flag.to_owned(), str_of(value), args.str("name")?]);
    let ran = cx.program(&line)?;
    Ok(if look_again { is_set(&info(args)?) } else { ran.ok() }.into())
}

/// The lines of shadow(5) with a new hash for `name`, changed on day `day`.
fn with_password(lines: &[String], name: &str, hash: &str, day: i64) -> String {
    let mut found = false;
    let mut text = String::new();
    for line in lines {
        let mut fields: Vec<&str> = line.split(':').take(9).collect();
        let day = day.to_string();
        if fields.first() == Some(&name) {
            found = true;
            fields.resize(9, "");
            for (slot, new) in fields.iter_mut().skip(1).zip([hash, day.as_str()]) {
                *slot = new;
            }
            text += &fields.join(":");
        } else {
            text += line;
        }
        text.push('\n');
    }
    if !found {
        text += &format!("{name}:{hash}:{day}::::::\n");
    }
    text
}

fn set_password(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (name, hash) = (args.str("name")?, args.str("password")?);
    if [&name, &hash].iter().any(|text| text.contains([':', '\n'])) {
        return Err(Fault::execution(
            "Neither a user's name nor the hash of a password holds ':' or a new line",
        ));
    }
    let known = cx.ask_with(
        "cmd.retcode",
        &[Value::list(["id", &name])],
        map! { "ignore_retcode" => true, "python_shell" => false },
    )?;
    if known.as_int() != Some(0) {
        crate::log::warn!(%name, "user does not exist, cannot set password");
        return Ok(false.into());
    }
    if args.truthy("use_usermod") {
        let line = with_root("usermod", args, &["-p".to_owned(), hash.clone(), name]);
        cx.program_with(&line, map! { "output_loglevel" => "quiet" })?;
    } else {
        let path = file(args);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(Map::new().into()) };
        let day = cx.host.now().date().since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| span.get_days());
        let text = with_password(&lines(args)?, &name, &hash, i64::from(day));
        let owner = FileOwner { uid: Some(metadata.uid()), gid: Some(metadata.gid()) };
        cx.host
            .write_atomic(&path, text.as_bytes(), metadata.mode() & 0o7777, owner)
            .map_err(|error| Fault::exception("OSError", os_error_text(&error, &path.to_string_lossy())))?;
    }
    Ok((info(args)?.str("passwd") == Some(&hash)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_put_into_its_line_and_nothing_else_changes() {
        let lines = ["root:*:1:0:99999:7:::".to_owned(), "me:!:5:0".to_owned()];
        let text = with_password(&lines, "me", "$6$x$y", 20_000);
        assert_eq!(text, "root:*:1:0:99999:7:::\nme:$6$x$y:20000:0:::::\n");
        let text = with_password(&lines[..1], "new", "h", 7);
        assert_eq!(text, "root:*:1:0:99999:7:::\nnew:h:7::::::\n");
    }

    #[test]
    fn a_line_is_read_and_none_is_empty() {
        let lines = ["me:!:5:0:99999:7:::".to_owned()];
        let expected = map! {
            "name" => "me", "passwd" => "!", "lstchg" => 5, "min" => 0, "max" => 99999, "warn" => 7,
            "inact" => -1, "expire" => -1,
        };
        assert_eq!(parse(&lines, "me"), expected);
        assert_eq!(parse(&lines, "you").str("passwd"), Some(""));
    }
}
