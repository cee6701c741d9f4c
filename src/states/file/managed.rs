//! `file.managed`: a file with this content, owner and mode. Salt: states/file.py (`managed`, `mod_run_check_cmd`).

use std::fs;

use super::super::signature;
use super::accumulated::accumulators;
use super::ret::{
    Outcome, changed, check_user, exists, failed, first, fresh, from_value, is_dir, is_file, keywords, owner,
    path_in, saltenv, text_of, texts, to_map, warn, wrong,
};
use crate::host::normalize_mode;
use crate::loader::{Args, Call, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, split_lines, str_of, url_scheme};

/// Arguments that go on to the execution functions by name, and so cannot be variables of a template.
const TAKEN: [&str; 4] = ["env", "saltenv", "name", "source"];

/// What the state asks for, read from its arguments.
struct Wanted<'a> {
    args: &'a Args,
    name: String,
    user: Value,
    mode: Option<String>,
    keep_mode: bool,
    replace: bool,
    contents: Option<Value>,
    context: Map,
    source: Value,
    source_hash: Value,
    saltenv: String,
    keywords: Map,
}

/// What arguments say that cannot be, before anything is looked at.
fn contradiction(args: &Args, keep_mode: bool) -> Option<&'static str> {
    let sources = ["contents", "contents_pillar", "contents_grains"];
    let given = sources.iter().filter(|name| !args.get(name).is_null()).count();
    if args.truthy("source") && given > 0 {
        return Some(
            "'source' cannot be used in combination with 'contents', 'contents_pillar', or 'contents_grains'",
        );
    }
    if keep_mode && given > 0 {
        return Some(
            "Mode preservation cannot be used in combination with 'contents', 'contents_pillar', or 'contents_grains'",
        );
    }
    (given > 1).then_some("Only one of 'contents', 'contents_pillar', and 'contents_grains' is permitted")
}

/// What the pillar or the grains have for the content: one key, or several whose values follow each other.
fn looked_up(
    running: &Running,
    keys: &Value,
    fun: &str,
    what: &str,
    delimiter: &Value,
) -> Result<Result<Value, String>, Fault> {
    const NOT_THERE: &str = "\u{0}not there";
    let one = |key: &Value| {
        let call = Call {
            args: vec![key.clone(), NOT_THERE.into()],
            kwargs: map! { "delimiter" => delimiter.clone() },
        };
        running.call(fun, call)
    };
    let missing = |key: &Value| Ok(Err(format!("{what} {} does not exist", str_of(key))));
    let Value::List(several) = keys else {
        let found = one(keys)?;
        return if found.as_str() == Some(NOT_THERE) { missing(keys) } else { Ok(Ok(found)) };
    };
    let mut parts = Vec::new();
    for key in several {
        let found = one(key)?;
        match found {
            Value::Text(text) if text.as_str() == NOT_THERE => return missing(key),
            Value::Text(text) => parts.push(text.to_string()),
            other => {
                let (at, found) = (parts.len(), other.type_name());
                return Err(Fault::Type(format!("sequence item {at}: expected str instance, {found} found")));
            }
        }
    }
    Ok(Ok(parts.join("\n").into()))
}

/// The lines of what was given, each with an end.
fn normalized(contents: &Value, newline: bool) -> Value {
    if let Value::Bytes(octets) = contents {
        match std::str::from_utf8(octets) {
            Ok(text) => return normalized(&text.into(), newline),
            Err(_) => return contents.clone(),
        }
    }
    let mut text = String::new();
    for part in texts(contents) {
        for line in split_lines(&part, false) {
            text.push_str(line.trim_end_matches('\n').trim_end_matches('\r'));
            text.push('\n');
        }
    }
    if !newline {
        let trimmed = text.trim_end_matches('\n').trim_end_matches('\r').len();
        text.truncate(trimmed);
    }
    text.into()
}

/// The content that was asked for: `Ok(Err)` says why there is none.
fn contents(running: &Running, args: &Args) -> Result<Result<Option<Value>, StateReturn>, Fault> {
    let refuse = |text: String| Ok(Err(StateReturn::new(path_in(running, args, "name"), Some(false), text)));
    let delimiter = args.get("contents_delimiter");
    let (pillar, grains) = (args.get("contents_pillar"), args.get("contents_grains"));
    let found = if !pillar.is_null() {
        looked_up(running, pillar, "pillar.get", "Pillar", delimiter)?
    } else if !grains.is_null() {
        looked_up(running, grains, "grains.get", "Grain", delimiter)?
    } else if !args.get("contents").is_null() {
        Ok(args.get("contents").clone())
    } else {
        return Ok(Ok(None));
    };
    let found = match found {
        Ok(found) => found,
        Err(text) => return refuse(text),
    };
    if found.is_null() && args.truthy("allow_empty") {
        return Ok(Ok(None));
    }
    if !args.truthy("allow_empty") && !found.truthy() {
        let what = if pillar.truthy() {
            format!("contents_pillar {}", str_of(pillar))
        } else if grains.truthy() {
            format!("contents_grains {}", str_of(grains))
        } else {
            "'contents'".to_owned()
        };
        return refuse(format!(
            "{what} value would result in empty contents. Set allow_empty to True to allow the managed file to be empty."
        ));
    }
    if matches!(&found, Value::List(items) if items.is_empty()) {
        return refuse(
            "Contents specified by contents/contents_pillar/contents_grains is not a string or list of strings, and is not \
             binary data. SLS is likely malformed."
                .to_owned(),
        );
    }
    let text = normalized(&found, args.truthy("contents_newline"));
    if !args.truthy("template") {
        return Ok(Ok(Some(text)));
    }
    if matches!(text, Value::Bytes(_)) {
        return refuse(
            "Contents specified by contents/contents_pillar/contents_grains appears to be binary data, and as will not be \
             able to be treated as a Jinja template."
                .to_owned(),
        );
    }
    let rendered = running.call(
        "file.apply_template_on_contents",
        Call {
            args: vec![text],
            kwargs: map! {
                "template" => args.get("template").clone(),
                "context" => args.get("context").clone(),
                "defaults" => args.get("defaults").clone(),
                "saltenv" => saltenv(running),
            },
        },
    )?;
    match rendered {
        text @ Value::Text(_) => Ok(Ok(Some(text))),
        other => {
            let comment =
                other.get("comment").map_or("Error while applying template on contents".into(), str_of);
            refuse(comment)
        }
    }
}

pub(super) fn managed(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    if name.is_empty() {
        return failed(ret, "Destination file name is required");
    }
    if args.truthy("selinux") {
        return Err(Fault::NotSupported("the option selinux of file.managed".to_owned()));
    }
    let keep_mode = args.get("mode").as_str().is_some_and(|mode| mode.to_lowercase() == "keep");
    if let Some(text) = contradiction(args, keep_mode) {
        return failed(ret, text);
    }
    let source = args.get("source");
    let has_contents =
        ["contents", "contents_pillar", "contents_grains"].iter().any(|name| !args.get(name).is_null());
    // Without anything to replace it with, a file that is there stays as it is.
    let replace = args.truthy("replace") && (source.truthy() || has_contents);
    if args.keywords.contains("file_mode") {
        warn(
            &mut ret,
            "The 'file_mode' argument will be ignored.  Please use 'mode' instead to set file permissions.",
        );
    }
    let contents = match contents(running, args)? {
        Ok(contents) => contents,
        Err(refusal) => return Ok(refusal),
    };
    let user = owner(args);
    if !args.truthy("create") && !is_file(&name) {
        ret.comment = format!("File {name} is not present and is not set for creation");
        return Ok(ret);
    }
    if let Some(text) = check_user(running, &user, args.get("group"))? {
        return failed(ret, text);
    }
    if !name.starts_with('/') {
        return failed(ret, format!("Specified file {name} is not an absolute path"));
    }
    if is_dir(&name) {
        return failed(ret, format!("Specified target {name} is a directory"));
    }
    let context = match args.get("context") {
        Value::Null => Map::new(),
        Value::Map(context) => context.clone(),
        _ => return failed(ret, "Context must be formed as a dict"),
    };
    if args.truthy("defaults") && args.get("defaults").as_map().is_none() {
        return failed(ret, "Defaults must be formed as a dict");
    }
    let mut passed = args.keywords.clone();
    passed.retain(|key, _| key.as_str().is_none_or(|key| !TAKEN.contains(&key)));
    let mode = if keep_mode { Value::Null } else { args.get("mode").clone() };
    let mut wanted = Wanted {
        args,
        user,
        mode: normalize_mode(&mode),
        keep_mode,
        replace,
        contents,
        context,
        source: source.clone(),
        source_hash: args.get("source_hash").clone(),
        saltenv: saltenv(running),
        keywords: passed,
        name,
    };
    if has_right_hash(running, &mut wanted)? {
        wanted.replace = false;
    }
    if !wanted.replace && exists(&wanted.name) {
        return only_permissions(running, &wanted, ret);
    }
    if let Some(texts) = accumulators(running).0.get(&wanted.name) {
        wanted.context.insert("accumulator", texts.clone());
    }
    if running.test() { plan(running, &wanted, ret) } else { apply(running, wanted, ret) }
}

/// Whether the file that is there has the hash that was said, so that nothing need be fetched.
fn has_right_hash(running: &Running, wanted: &mut Wanted) -> Result<bool, Fault> {
    let args = wanted.args;
    let asks = wanted.contents.is_none()
        && !args.truthy("template")
        && wanted.source.truthy()
        && !args.truthy("skip_verify")
        && exists(&wanted.name)
        && wanted.replace;
    if !asks {
        return Ok(false);
    }
    match right_hash(running, wanted) {
        Ok(answer) => Ok(answer),
        Err(error @ (Fault::Execution { .. } | Fault::Exception { .. })) => {
            crate::log::error!("Failed checking existing file's hash against specified source_hash: {error}");
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

fn right_hash(running: &Running, wanted: &mut Wanted) -> Result<bool, Fault> {
    choose(running, wanted)?;
    let source = str_of(&wanted.source);
    let local = matches!(url_scheme(&source).as_str(), "salt" | "file") || source.starts_with('/');
    if !wanted.source.truthy() || !wanted.source_hash.truthy() || local {
        return Ok(false);
    }
    let call = Call {
        args: vec![
            wanted.name.as_str().into(),
            wanted.source.clone(),
            wanted.source_hash.clone(),
            wanted.args.get("source_hash_name").clone(),
            wanted.saltenv.as_str().into(),
        ],
        kwargs: map! { "verify_ssl" => wanted.args.get("verify_ssl").clone() },
    };
    let sum = running.call("file.get_source_sum", call)?;
    let field = |key| sum.get(key).cloned().unwrap_or_default();
    let there = running.ask("file.get_hash", &[wanted.name.as_str().into(), field("hash_type")])?;
    Ok(there == field("hsum"))
}

/// The source of a list that is there.
fn choose(running: &Running, wanted: &mut Wanted) -> Result<(), Fault> {
    let saltenv = wanted.saltenv.as_str().into();
    let chosen =
        running.ask("file.source_list", &[wanted.source.clone(), wanted.source_hash.clone(), saltenv])?;
    if let Value::List(pair) = chosen {
        let mut pair = pair.into_iter();
        wanted.source = pair.next().unwrap_or_default();
        wanted.source_hash = pair.next().unwrap_or_default();
    }
    Ok(())
}

/// The content stays: owner and mode are made right.
fn only_permissions(running: &Running, wanted: &Wanted, ret: StateReturn) -> Outcome {
    let args = wanted.args;
    let checked = running.ask(
        "file.check_perms",
        &[
            wanted.name.as_str().into(),
            to_map(&ret).into(),
            wanted.user.clone(),
            args.get("group").clone(),
            wanted.mode.clone().into(),
            args.get("attrs").clone(),
            args.get("follow_symlinks").clone(),
        ],
    )?;
    let perms = checked.as_list().and_then(|pair| pair.get(1)).cloned().unwrap_or_default();
    let mut ret = from_value(first(checked));
    let name = &wanted.name;
    if running.test() {
        let before = perms.get("lmode").map(str_of).unwrap_or_default();
        ret.comment = match &wanted.mode {
            Some(mode) if *mode != before => format!(
                "File {name} will be updated with permissions {mode} from its current state of {before}"
            ),
            _ => format!("File {name} not updated"),
        };
    } else if !ret.changes.truthy() && ret.result == Some(true) {
        ret.comment = format!("File {name} exists with proper permissions. No changes made.");
    }
    Ok(ret)
}

/// The arguments that the execution functions share.
fn shared(wanted: &Wanted) -> Map {
    let args = wanted.args;
    let mut kwargs = map! {
        "name" => wanted.name.as_str(),
        "source" => wanted.source.clone(),
        "user" => wanted.user.clone(),
        "mode" => wanted.mode.clone(),
        "saltenv" => wanted.saltenv.as_str(),
    };
    for name in ["group", "attrs", "template", "skip_verify"] {
        kwargs.insert(name, args.get(name).clone());
    }
    for (key, value) in &wanted.keywords {
        kwargs.entry(key.clone(), || value.clone());
    }
    kwargs
}

/// What a run would do.
fn plan(running: &Running, wanted: &Wanted, mut ret: StateReturn) -> Outcome {
    let args = wanted.args;
    let mut kwargs = shared(wanted);
    kwargs.insert("source_hash", wanted.source_hash.clone());
    kwargs.insert("context", wanted.context.clone());
    kwargs.insert("contents", wanted.contents.clone());
    kwargs.insert("keep_mode", wanted.keep_mode);
    for name in ["source_hash_name", "defaults", "verify_ssl", "follow_symlinks"] {
        kwargs.insert(name, args.get(name).clone());
    }
    let name = &wanted.name;
    match running.call("file.check_managed_changes", keywords(kwargs)) {
        Err(Fault::Execution { text, .. }) => {
            return failed(ret, format!("Unable to manage file: {text}"));
        }
        Err(other) => return Err(other),
        Ok(Value::List(pair)) => {
            ret.result = pair.first().and_then(Value::as_bool);
            ret.comment = pair.get(1).map(str_of).unwrap_or_default();
        }
        Ok(changes) if changes.truthy() => {
            ret.changes = changes;
            ret.result = None;
            ret.comment = format!(
                "The file {name} is set to be changed\nNote: No changes made, actual changes may\nbe different due to other \
                 states."
            );
            if ret.changes.get("diff").is_some() && !args.truthy("show_changes") {
                changed(&mut ret, "diff", "<show_changes=False>");
            }
        }
        Ok(_) => ret.comment = format!("The file {name} is in the correct state"),
    }
    Ok(ret)
}

fn apply(running: &Running, mut wanted: Wanted, mut ret: StateReturn) -> Outcome {
    let args = wanted.args;
    if let Err(fault) = choose(running, &mut wanted) {
        return match fault {
            Fault::Execution { text, .. } => failed(ret, format!("Unable to manage file: {text}")),
            other => Err(other),
        };
    }
    let (options, saltenv) = (&args.keywords, wanted.saltenv.clone());
    if let Some(text) = signature::check_hashes(running, options, &wanted.source_hash, &saltenv)? {
        return failed(ret, text);
    }
    let mut kwargs = shared(&wanted);
    kwargs.insert("source_hash", wanted.source_hash.clone());
    kwargs.insert("context", wanted.context.clone());
    for name in ["source_hash_name", "defaults", "verify_ssl", "use_etag"] {
        kwargs.insert(name, args.get(name).clone());
    }
    let got = match running.call("file.get_managed", keywords(kwargs)) {
        Ok(Value::List(got)) => got,
        Ok(_) => Vec::new(),
        Err(fault) => return failed(ret, format!("Unable to manage file: {}", text_of(&fault))),
    };
    let mut got = got.into_iter();
    let mut file = got.next().unwrap_or_default();
    let sum = got.next().unwrap_or_default();
    let comment = got.next().map(|comment| str_of(&comment)).unwrap_or_default();
    if let Some(asked) = options.get("signature").filter(|asked| asked.truthy() && comment.is_empty()) {
        let place = if file.truthy() {
            file.clone()
        } else {
            running.ask("cp.cache_file", &[wanted.source.clone(), saltenv.as_str().into()])?
        };
        if let Some(text) = signature::check(running, options, &str_of(&place), asked, &saltenv)? {
            return failed(ret, format!("Failed checking new file's signature: {text}"));
        }
    }
    let mut temporary = None;
    if args.truthy("check_cmd") {
        let make = |path: &str| manage(running, &wanted, path, &fresh(&wanted.name), &file, &sum);
        match checked(running, args, &wanted.name, &make)? {
            Checked::Refused(refusal) => return Ok(*refusal),
            Checked::Passed(Some(path)) => {
                file = path.as_str().into();
                temporary = Some(path);
            }
            Checked::Passed(None) => {}
        }
        let warnings = std::mem::take(&mut ret.extra);
        ret = StateReturn { extra: warnings, ..fresh(&wanted.name) };
    }
    if !comment.is_empty() && wanted.contents.is_none() {
        return failed(ret, comment);
    }
    let managed = manage(running, &wanted, &wanted.name, &ret, &file, &sum);
    if let Some(path) = temporary {
        let _ = fs::remove_file(path);
    }
    if !args.truthy("keep_source") {
        forget(running, &wanted, &file)?;
    }
    match managed {
        Ok(ret) => Ok(ret),
        Err(fault @ Fault::NotSupported(_)) => Err(fault),
        Err(fault) => {
            ret.changes = Map::new().into();
            failed(ret, format!("Unable to manage file: {}", text_of(&fault)))
        }
    }
}

fn manage(
    running: &Running,
    wanted: &Wanted,
    name: &str,
    ret: &StateReturn,
    file: &Value,
    sum: &Value,
) -> Outcome {
    let args = wanted.args;
    let mut kwargs = shared(wanted);
    kwargs.insert("name", name);
    kwargs.insert("sfn", file.clone());
    kwargs.insert("ret", to_map(ret));
    kwargs.insert("source_sum", sum.clone());
    kwargs.insert("contents", wanted.contents.clone());
    kwargs.insert("keep_mode", wanted.keep_mode);
    for name in [
        "backup",
        "makedirs",
        "show_changes",
        "dir_mode",
        "follow_symlinks",
        "encoding",
        "encoding_errors",
        "use_etag",
    ] {
        kwargs.insert(name, args.get(name).clone());
    }
    running.call("file.manage_file", keywords(kwargs)).map(from_value)
}

/// What `check_cmd` said of the new file.
pub(super) enum Checked {
    Refused(Box<StateReturn>),
    /// Where the new file is, if there is anything new.
    Passed(Option<String>),
}

/// Has `make` make the new file in another place and lets `check_cmd` look at it.
///
/// # Errors
/// When there is no place for it.
pub(super) fn checked(
    running: &Running,
    args: &Args,
    name: &str,
    make: &dyn Fn(&str) -> Outcome,
) -> Result<Checked, Fault> {
    let directory = Some(str_of(args.get("tmp_dir"))).filter(|directory| !directory.is_empty());
    let directory = directory.unwrap_or_else(|| std::env::temp_dir().to_string_lossy().into_owned());
    let random = crate::crypt::digest::hex(&crate::crypt::random::bytes::<4>());
    let temporary = format!("{directory}/__salt.tmp.{random}{}", str_of(args.get("tmp_ext")));
    let made = {
        use std::os::unix::fs::OpenOptionsExt;
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)
    };
    made.map_err(|error| Fault::os(&error, &temporary))?;
    let refuse = |text: String| {
        let _ = fs::remove_file(&temporary);
        Ok(Checked::Refused(Box::new(StateReturn::new(name, Some(false), text))))
    };
    if is_file(name)
        && let Err(fault) = running.ask("file.copy", &[name.into(), temporary.as_str().into()])
    {
        return refuse(format!("Unable to copy file {name} to {temporary}: {}", text_of(&fault)));
    }
    let managed = match make(&temporary) {
        Ok(managed) => managed,
        Err(fault) => return refuse(format!("Unable to check_cmd file: {}", text_of(&fault))),
    };
    if !managed.changes.truthy() {
        let _ = fs::remove_file(&temporary);
        return Ok(Checked::Passed(None));
    }
    let mut kwargs = Map::new();
    if let Some(shell) = running.grains.get("shell") {
        kwargs.insert("shell", shell.clone());
    }
    match run_check(running, &str_of(args.get("check_cmd")), &temporary, kwargs)? {
        Some(refusal) => {
            let _ = fs::remove_file(&temporary);
            Ok(Checked::Refused(Box::new(StateReturn { name: name.into(), ..refusal })))
        }
        None => Ok(Checked::Passed(Some(temporary))),
    }
}

/// Runs a command with a file as its last word. `None`: it had nothing against it.
fn run_check(running: &Running, cmd: &str, file: &str, kwargs: Map) -> Result<Option<StateReturn>, Fault> {
    let said = running.call("cmd.run_all", Call { args: vec![format!("{cmd} {file}").into()], kwargs })?;
    if said.get("retcode").and_then(Value::as_int) == Some(0) {
        return Ok(None);
    }
    let mut comment = "check_cmd execution failed".to_owned();
    for stream in ["stdout", "stderr"] {
        if let Some(text) = said.get(stream).filter(|text| text.truthy()) {
            comment.push('\n');
            comment.push_str(&str_of(text));
        }
    }
    let mut ret = StateReturn::new("", Some(false), comment);
    ret.extra.insert("skip_watch", true);
    Ok(Some(ret))
}

/// `file.mod_run_check_cmd` as a state of its own.
pub(super) fn mod_run_check_cmd(running: &Running, args: &Args) -> Outcome {
    let (cmd, file) = (str_of(args.get("cmd")), str_of(args.get("filename")));
    Ok(run_check(running, &cmd, &file, args.keywords.clone())?.unwrap_or_else(|| fresh("")))
}

/// Takes the cached source away.
fn forget(running: &Running, wanted: &Wanted, file: &Value) -> Result<(), Fault> {
    let mut path = str_of(file);
    if path.is_empty() && url_scheme(&str_of(&wanted.source)) == "salt" {
        let saltenv = wanted.saltenv.as_str().into();
        path = str_of(&running.ask("cp.is_cached", &[wanted.source.clone(), saltenv])?);
    }
    // A source that lies where it is served, or anywhere else but in the cache, is nobody's copy.
    let cache = running.opts.str("cachedir").filter(|cache| !cache.is_empty());
    if cache.is_some_and(|cache| std::path::Path::new(&path).starts_with(cache)) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// A file of this kind, for the states that make one on their way.
///
/// # Errors
/// As `file.managed`.
pub(super) fn with(running: &Running, kwargs: Map) -> Outcome {
    match super::row("managed").map(|row| (row, row.bind(kwargs))) {
        Some((row, bound)) => (row.run)(running, &bound?),
        None => wrong("", "file.managed is not there"),
    }
}
