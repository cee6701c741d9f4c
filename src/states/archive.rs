//! `archive.extracted`: what is in an archive lies in a directory. Salt: states/archive.py.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use super::{failure, signature};
use crate::loader::Default::{False, None as Nothing, True};
use crate::loader::{Args, Fault, Running, State, StateReturn, States, always, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, redacted_url, str_of, url_scheme};

pub(super) static STATES: States = States {
    file: "archive",
    provides: "archive",
    available: always,
    functions: &[State::new(
        "extracted",
        &[
            req("name"),
            req("source"),
            opt("source_hash", Nothing),
            opt("source_hash_name", Nothing),
            opt("source_hash_update", False),
            opt("skip_files_list_verify", False),
            opt("skip_verify", False),
            opt("password", Nothing),
            opt("options", Nothing),
            opt("list_options", Nothing),
            opt("force", False),
            opt("overwrite", False),
            opt("clean", False),
            opt("clean_parent", False),
            opt("user", Nothing),
            opt("group", Nothing),
            opt("if_missing", Nothing),
            opt("trim_output", False),
            opt("use_cmd_unzip", Nothing),
            opt("extract_perms", True),
            opt("enforce_toplevel", True),
            opt("enforce_ownership_on", Nothing),
            opt("archive_format", Nothing),
            opt("use_etag", False),
            keywords("kwargs"),
        ],
        "What is in an archive lies in a directory, and belongs to these owners.",
        extracted,
    )],
    mod_watch: None,
    mod_aggregate: None,
};

/// A failed return, or a fault.
enum Stop {
    Refused(String),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Execution { text, .. } | Fault::NotFound(text) => Stop::Refused(text),
            other => Stop::Fault(other),
        }
    }
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(text.into()))
}

/// What the state asks for, read from its arguments.
struct Wanted<'a> {
    args: &'a Args,
    /// With a slash at its end.
    name: String,
    source: String,
    shown: String,
    local: bool,
    format: String,
    uid: Option<u32>,
    gid: Option<u32>,
    trim: Value,
    strip: Value,
    saltenv: String,
}

fn extracted(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut ret = StateReturn::new(args.get("name").clone(), Some(false), "");
    if args.truthy("source_hash_update") && !args.truthy("source_hash") {
        let text = "The 'source_hash_update' argument is ignored when 'source_hash' is not also specified.";
        ret.extra.insert("warnings", Value::list([text]));
    }
    match run(running, args, &mut ret) {
        Ok(()) => Ok(ret),
        Err(Stop::Refused(text)) => {
            ret.comment = text;
            Ok(ret)
        }
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

fn is_absolute(args: &Args, name: &str) -> bool {
    args.get(name).is_null() || args.get(name).as_str().is_some_and(|path| path.starts_with('/'))
}

/// An account by its number; the text says that there is none.
fn number(running: &Running, fun: &str, what: &str, name: &Value) -> Result<Option<u32>, Stop> {
    if !name.truthy() {
        return Ok(None);
    }
    match running.ask(fun, std::slice::from_ref(name))? {
        Value::Int(number) => Ok(u32::try_from(number).ok()),
        _ => refuse(format!("{what} {} does not exist", str_of(name))),
    }
}

/// Salt: utils/files.py (`guess_archive_type`).
fn guess(source: &str) -> Option<&'static str> {
    const TAR: [&str; 10] =
        ["tar", "tar.gz", "tgz", "tar.bz2", "tbz2", "tbz", "tar.xz", "txz", "tar.lzma", "tlz"];
    let name = source.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let ends = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
    if TAR.iter().any(|ending| ends(ending)) {
        return Some("tar");
    }
    ["zip", "rar"].into_iter().find(|ending| ends(ending))
}

/// `--strip-components 1` in the options of tar.
fn strip(options: &str) -> Value {
    let mut words = options.split_whitespace().flat_map(|word| word.split('='));
    let found =
        words.find(|word| matches!(*word, "--strip" | "--strip-components")).and_then(|_| words.next());
    found.and_then(|count| count.trim_matches(['"', '\'']).parse::<i64>().ok()).into()
}

fn read<'a>(running: &Running, args: &'a Args) -> Result<Wanted<'a>, Stop> {
    if args.truthy("skip_files_list_verify") && args.truthy("skip_verify") {
        return refuse("Only one of \"skip_files_list_verify\" and \"skip_verify\" can be set to True");
    }
    let name = str_of(args.get("name"));
    if !name.starts_with('/') {
        return refuse(format!("{name} is not an absolute path"));
    }
    let name = name.trim_end_matches('/').to_owned();
    if Path::new(&name).is_file() {
        return refuse(format!("{name} exists and is not a directory"));
    }
    let name = format!("{name}/");
    for argument in ["if_missing", "enforce_ownership_on"] {
        if !is_absolute(args, argument) {
            return refuse(format!("Value for '{argument}' is not an absolute path"));
        }
    }
    if let Some(path) = args.given("enforce_ownership_on").map(str_of)
        && !format!("{path}/").starts_with(&name)
    {
        return refuse(format!("Value for 'enforce_ownership_on' must be within {name}"));
    }
    let uid = number(running, "file.user_to_uid", "User", args.get("user"))?;
    let gid = number(running, "file.group_to_gid", "Group", args.get("group"))?;
    let saltenv = running.low.str("__env__").unwrap_or("base").to_owned();
    let asked = [args.get("source").clone(), args.get("source_hash").clone(), saltenv.as_str().into()];
    let chosen = running.ask("file.source_list", &asked)?;
    let mut source = chosen.as_list().and_then(|pair| pair.first()).map(str_of).unwrap_or_default();
    if source.is_empty() {
        return refuse(format!("Invalid source \"{}\"", str_of(args.get("source"))));
    }
    let local = matches!(url_scheme(&source).as_str(), "" | "file");
    if local {
        let path = source.strip_prefix("file://").unwrap_or(&source).to_owned();
        source = fs::canonicalize(&path).map_or(path, |real| real.to_string_lossy().into_owned());
        if !Path::new(&source).is_file() {
            return refuse(format!("Source file '{}' does not exist", redacted_url(&source)));
        }
    }
    let format = match args.get("archive_format") {
        format if format.truthy() => str_of(format).to_lowercase(),
        _ => match guess(&source) {
            Some(format) => format.to_owned(),
            None => {
                return refuse(
                    "Could not guess archive_format from the value of the 'source' argument. Please set this \
                     archive_format to one of the following: tar, rar, zip",
                );
            }
        },
    };
    if !matches!(format.as_str(), "tar" | "rar" | "zip") {
        return refuse(format!(
            "Invalid archive_format '{format}'. Either set it to a supported value (tar, rar, zip) or remove this argument \
             and the archive format will be guessed based on file extension."
        ));
    }
    let options = args.given("options").map(str_of).unwrap_or_default();
    if args.truthy("password") && format != "zip" {
        return refuse("The 'password' argument is only supported for zip archives");
    }
    if format == "rar" {
        return refuse("archive.unrar function not available, rar/unrar might not be installed on minion");
    }
    if format == "zip" && !options.is_empty() && args.get("use_cmd_unzip") == &Value::Bool(false) {
        return refuse(
            "'use_cmd_unzip' cannot be set to False if CLI options are being specified (via the 'options' argument). Either \
             remove 'use_cmd_unzip', or set it to True.",
        );
    }
    let trim = match args.get("trim_output") {
        Value::Bool(true) => Value::Int(100),
        Value::Bool(false) => Value::Bool(false),
        other => match str_of(other).parse::<i64>() {
            Ok(most) => most.into(),
            Err(_) => return refuse("Invalid value for trim_output, must be True/False or an integer"),
        },
    };
    let strip = if format == "tar" { strip(&options) } else { Value::Null };
    Ok(Wanted {
        args,
        shown: redacted_url(&source),
        name,
        source,
        local,
        format,
        uid,
        gid,
        trim,
        strip,
        saltenv,
    })
}

fn run(running: &Running, args: &Args, ret: &mut StateReturn) -> Result<(), Stop> {
    let if_missing = args.given("if_missing").map(str_of);
    if let Some(path) = if_missing.as_ref().filter(|path| path.starts_with('/') && Path::new(path).exists()) {
        ret.result = Some(true);
        ret.comment = format!("Path {path} exists");
        return Ok(());
    }
    let wanted = read(running, args)?;
    let sum = match args.get("source_hash") {
        hash if hash.truthy() => running
            .ask_with(
                "file.get_source_sum",
                &[],
                map! {
                    "source" => wanted.source.as_str(),
                    "source_hash" => hash.clone(),
                    "source_hash_name" => args.get("source_hash_name").clone(),
                    "saltenv" => wanted.saltenv.as_str(),
                },
            )
            // Salt shows the frames of Python where the list of hashes can not be fetched.
            .map_err(|fault| match fault {
                Fault::Exception { text, .. } => Fault::execution(text),
                other => other,
            })?,
        _ => Value::Null,
    };
    if args.truthy("skip_files_list_verify") && is_known(running, &wanted, &sum)? {
        ret.result = if running.test() { None } else { Some(true) };
        ret.comment = format!(
            "Archive {} existing source sum is the same as the expected one and skip_files_list_verify argument was \
             set to True. Extraction is not needed",
            wanted.shown
        );
        return Ok(());
    }
    if running.test() && !wanted.local {
        ret.result = None;
        ret.comment = format!(
            "Archive {} would be cached (if necessary) and checked to discover if extraction is needed",
            wanted.shown
        );
        return Ok(());
    }
    let Some(cached) = cached(running, &wanted, ret)? else { return Ok(()) };
    let before = known_sum(running, &cached);
    let now = running.ask("file.get_hash", &[cached.as_str().into(), hash_type(running).into()])?;
    if args.truthy("source_hash") && args.truthy("source_hash_update") && !args.truthy("skip_verify") {
        remember_sum(running, &cached, &str_of(&now));
    }
    if wanted.format == "zip" && !args.truthy("password") {
        let how = map! { "clean" => false, "saltenv" => wanted.saltenv.as_str() };
        let secret = running.ask_with("archive.is_encrypted", &[cached.as_str().into()], how);
        if secret.is_ok_and(|secret| secret.truthy()) {
            return refuse(format!(
                "Archive {} is password-protected, but no password was specified. Please set the 'password' argument.",
                wanted.shown
            ));
        }
    }
    let how = map! {
        "archive_format" => wanted.format.as_str(),
        "options" => args.get("list_options").clone(),
        "strip_components" => wanted.strip.clone(),
        "clean" => false,
        "verbose" => true,
    };
    let contents = match running.ask_with("archive.list", &[cached.as_str().into()], how) {
        Err(fault @ Fault::Execution { .. }) => return refuse(unlisted(&wanted, &fault)),
        listed => listed?,
    };
    let paths = |key: &str| -> Vec<String> {
        contents.get(key).and_then(Value::as_list).into_iter().flatten().map(str_of).collect()
    };
    let (top_dirs, top_files) = (paths("top_level_dirs"), paths("top_level_files"));
    if args.truthy("enforce_toplevel") && (top_dirs.len() > 1 || !top_files.is_empty()) {
        return refuse(format!(
            "Archive does not have a single top-level directory. To allow this archive to be extracted, set \
             'enforce_toplevel' to False. To avoid a '{}-bomb' it may also be advisable to set a top-level directory by \
             adding it to the 'name' value (for example, setting 'name' to {}some_dir instead of {}).",
            wanted.format, wanted.name, wanted.name
        ));
    }
    if args.truthy("clean") && args.truthy("clean_parent") {
        return refuse("Only one of 'clean' and 'clean_parent' can be set to True");
    }
    let (absent, wrong) = inspect(&wanted, &paths);
    let mut needed = args.truthy("overwrite") || absent;
    if !wrong.is_empty() && !make_way(running, &wanted, &wrong, ret, &mut needed)? {
        return Ok(());
    }
    let by_hash = !needed
        && args.truthy("source_hash_update")
        && before.as_ref().is_some_and(|before| *before != str_of(&now));
    needed |= by_hash;
    let explained = match (by_hash, absent) {
        (true, _) => ", due to source_hash update",
        (false, true) => ", due to absence of one or more files/dirs",
        _ => "",
    };
    let mut files = Value::Null;
    let mut created = false;
    if needed {
        if wanted.local && sum.truthy() && !args.truthy("skip_verify") {
            let expected = sum.get("hsum").map(str_of).unwrap_or_default();
            let asked = [wanted.source.as_str().into(), expected.as_str().into()];
            if !running.ask("file.check_hash", &asked)?.truthy() {
                return refuse(format!("{} does not match the desired source_hash {expected}", wanted.shown));
            }
        }
        if running.test() {
            ret.result = None;
            let cleaned = if args.truthy("clean") { ", after cleaning destination path(s)" } else { "" };
            ret.comment =
                format!("Archive {} would be extracted to {}{cleaned}{explained}", wanted.shown, wanted.name);
            return Ok(());
        }
        clean(&wanted, top_dirs.iter().chain(&top_files), ret)?;
        if !Path::new(&wanted.name).is_dir() {
            make_directory(running, &wanted)?;
            created = true;
        }
        match extract(running, &wanted, &cached)? {
            Ok(found) => files = found,
            Err((changes, comment)) => {
                if created {
                    let _ = fs::remove_dir(&wanted.name);
                }
                if let Some(changes) = changes {
                    ret.changes = changes;
                }
                ret.comment = comment;
                return Ok(());
            }
        }
    }
    let owned = own(running, &wanted, &paths, ret)?;
    conclude(running, &wanted, needed, files, created, explained, ret);
    add_paths(ret, owned, if_missing.is_some());
    if !wanted.local && !keeps_source(args) {
        let how = map! { "saltenv" => wanted.saltenv.as_str() };
        state(running, "file", "not_cached", map! { "name" => wanted.source.as_str() }, how)?;
    }
    Ok(())
}

fn keeps_source(args: &Args) -> bool {
    let given = args.keywords.get("keep_source").or_else(|| args.keywords.get("keep"));
    given.is_none_or(Value::truthy)
}

/// Runs another state by name.
fn state(running: &Running, module: &str, fun: &str, own: Map, more: Map) -> Result<StateReturn, Stop> {
    let (_, state) = running.registry.state(running, module, fun)?;
    let mut kwargs = own;
    for (key, value) in more {
        kwargs.insert(key, value);
    }
    Ok((state.run)(running, &state.bind(kwargs)?)?)
}

/// Where the archive lies. `None`: it cannot be had, and the return says why.
fn cached(running: &Running, wanted: &Wanted, ret: &mut StateReturn) -> Result<Option<String>, Stop> {
    if wanted.local {
        return Ok(Some(wanted.source.clone()));
    }
    let args = wanted.args;
    let options = &args.keywords;
    if let Some(text) = signature::check_hashes(running, options, args.get("source_hash"), &wanted.saltenv)? {
        return refuse(text);
    }
    let mut how = map! { "saltenv" => wanted.saltenv.as_str() };
    for name in ["source_hash", "source_hash_name", "skip_verify", "use_etag"] {
        how.insert(name, args.get(name).clone());
    }
    let done = state(running, "file", "cached", map! { "name" => wanted.source.as_str() }, how)?;
    if done.result != Some(true) {
        *ret = done;
        return Ok(None);
    }
    let asked = [wanted.source.as_str().into(), wanted.saltenv.as_str().into()];
    let mut path = str_of(&running.ask("cp.is_cached", &asked)?);
    if path.is_empty() {
        path = str_of(&running.ask("cp.cache_file", &asked)?);
    }
    if let Some(asked) = options.get("signature").filter(|asked| asked.truthy())
        && let Some(text) = signature::check(running, options, &path, asked, &wanted.saltenv)?
    {
        return refuse(text);
    }
    Ok(Some(path))
}

fn hash_type(running: &Running) -> String {
    running.opts.str("hash_type").unwrap_or("sha256").to_owned()
}

fn sum_file(running: &Running, path: &str) -> PathBuf {
    let cache = Path::new(running.opt_str("cachedir"));
    let own = match Path::new(path).strip_prefix(cache) {
        Ok(own) => format!("{}.hash", own.display()),
        Err(_) => format!("local/{}", path.trim_start_matches('/')),
    };
    cache.join("archive_hash").join(own)
}

fn known_sum(running: &Running, path: &str) -> Option<String> {
    let text = fs::read_to_string(sum_file(running, path)).ok()?;
    let kind = hash_type(running);
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(own, _)| *own == kind)
        .map(|(_, sum)| sum.to_owned())
}

/// Whether the archive had this sum when it was extracted last, also when it is not in the cache any more.
fn is_known(running: &Running, wanted: &Wanted, sum: &Value) -> Result<bool, Fault> {
    let mut path = wanted.source.clone();
    if !wanted.local {
        let asked = [path.as_str().into(), wanted.saltenv.as_str().into()];
        let cached = str_of(&running.ask("cp.is_cached", &asked)?);
        path = if cached.is_empty() { extern_path(running, wanted) } else { cached };
    }
    let known = known_sum(running, &path);
    Ok(known.is_some() && known == sum.get("hsum").map(str_of))
}

/// Where the file client keeps a file that is not of the master.
fn extern_path(running: &Running, wanted: &Wanted) -> String {
    let rest = wanted.source.split_once("://").map_or(wanted.source.as_str(), |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{}/extrn_files/{}/{rest}", running.opt_str("cachedir"), wanted.saltenv)
}

fn remember_sum(running: &Running, path: &str, sum: &str) {
    let file = sum_file(running, path);
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    if let Err(error) = made.and_then(|()| fs::write(&file, format!("{}:{sum}\n", hash_type(running)))) {
        crate::log::warn!(path, %error, "the checksum of an archive cannot be kept");
    }
}

/// Whether anything is missing, and what is of another kind than in the archive.
fn inspect(wanted: &Wanted, paths: &dyn Fn(&str) -> Vec<String>) -> (bool, Vec<String>) {
    let (mut missing, mut wrong) = (false, Vec::new());
    for kind in ["dirs", "files", "links"] {
        for path in paths(kind) {
            let full = format!("{}{}", wanted.name, path.trim_end_matches('/'));
            match fs::symlink_metadata(&full) {
                Ok(found) => {
                    let right = match kind {
                        "dirs" => found.is_dir(),
                        "links" => found.is_symlink(),
                        _ => !found.is_dir() && !found.is_symlink(),
                    };
                    if !right {
                        wrong.push(path);
                    }
                }
                Err(error) => missing |= error.kind() == std::io::ErrorKind::NotFound,
            }
        }
    }
    (missing, wrong)
}

/// Paths of the wrong kind go, or are complained about. `false`: the return is complete.
fn make_way(
    running: &Running,
    wanted: &Wanted,
    wrong: &[String],
    ret: &mut StateReturn,
    needed: &mut bool,
) -> Result<bool, Stop> {
    let args = wanted.args;
    let list: String = wrong.iter().map(|path| format!("\n- {path}")).collect();
    let text = format!(
        "The below paths (relative to {}) exist, but are the incorrect type (file instead of directory, symlink instead of \
         file, etc.).",
        wanted.name
    );
    if running.test() && (args.truthy("clean") || args.truthy("clean_parent")) {
        ret.result = None;
        ret.comment = if args.truthy("clean") {
            format!(
                "{text} Since the 'clean' option is enabled, the destination paths would be cleared and the archive would \
                 be extracted.\n{list}"
            )
        } else {
            format!(
                "{text} Since the 'clean_parent' option is enabled, the destination parent directory would be removed first \
                 and then re-created and the archive would be extracted"
            )
        };
        return Ok(false);
    }
    if args.truthy("clean") {
        return Ok(true);
    }
    if !args.truthy("force") {
        return refuse(format!(
            "{text} To proceed with extraction, set 'force' to True. Note that this will remove these paths before \
             extracting.\n{list}"
        ));
    }
    *needed = true;
    if running.test() {
        return Ok(true);
    }
    remove(wanted, wrong.iter(), ret).map_err(|list| {
        Stop::Refused(format!(
            "One or more paths existed by were the incorrect type (i.e. file instead of directory or vice-versa), but could \
             not be removed. The following errors were observed:\n{list}"
        ))
    })?;
    Ok(true)
}

/// An archive whose files cannot be listed, and how it could be extracted nevertheless.
fn unlisted(wanted: &Wanted, fault: &Fault) -> String {
    let args = wanted.args;
    let mut text = failure::text(fault);
    let mut ways = String::new();
    if !args.truthy("if_missing") {
        ways.push_str("\n- 'if_missing' must be set");
    }
    if !args.truthy("enforce_ownership_on") && (args.truthy("user") || args.truthy("group")) {
        ways.push_str("\n- Ownership cannot be managed without setting 'enforce_ownership_on'.");
    }
    if !ways.is_empty() {
        text.push_str(match wanted.format.as_str() {
            "tar" => {
                "\n\nIf the source archive is a tar archive compressed using a compression type not natively supported by \
                 the tar command, then setting the 'list_options' argument may allow the contents to be listed. Otherwise, \
                 if Salt is unable to determine the files/directories in the archive, the following workaround(s) would \
                 need to be used for this state to proceed"
            }
            _ => "\n\nThe following workarounds must be used for this state to proceed",
        });
        text.push_str(&format!(" (assuming the source file is a valid {} archive):\n{ways}", wanted.format));
    }
    text
}

/// Removes paths and says so in the changes; `Err` lists what went wrong.
fn remove<'p>(
    wanted: &Wanted,
    paths: impl Iterator<Item = &'p String>,
    ret: &mut StateReturn,
) -> Result<(), String> {
    let (mut removed, mut errors) = (Vec::new(), String::new());
    for path in paths {
        let full = format!("{}{path}", wanted.name);
        let bare = full.trim_end_matches('/');
        let done = match fs::symlink_metadata(bare) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(bare),
            Ok(_) => fs::remove_file(bare),
            Err(_) => continue,
        };
        match done {
            Ok(()) => removed.push(full),
            Err(error) => errors.push_str(&format!("\n- {}", crate::loader::os_error_text(&error, bare))),
        }
    }
    if let Value::Map(changes) = &mut ret.changes
        && !removed.is_empty()
    {
        changes.insert("removed", Value::list(removed));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn clean<'p>(
    wanted: &Wanted,
    top: impl Iterator<Item = &'p String>,
    ret: &mut StateReturn,
) -> Result<(), Stop> {
    let bare = wanted.name.trim_end_matches('/');
    if wanted.args.truthy("clean_parent") && Path::new(bare).exists() {
        fs::remove_dir_all(bare).map_err(|error| {
            Stop::Refused(format!(
                "Unable to remove the directory {}. The following errors were observed:\n\n- {}",
                wanted.name,
                crate::loader::os_error_text(&error, bare)
            ))
        })?;
        if let Value::Map(changes) = &mut ret.changes {
            changes
                .insert("removed", format!("Directory {} was removed prior to the extraction", wanted.name));
        }
    }
    if wanted.args.truthy("clean") {
        remove(wanted, top, ret).map_err(|list| {
            Stop::Refused(format!(
                "One or more paths could not be cleaned. The following errors were observed:\n{list}"
            ))
        })?;
    }
    Ok(())
}

fn make_directory(running: &Running, wanted: &Wanted) -> Result<(), Stop> {
    let own = map! { "name" => wanted.name.as_str() };
    let how = map! { "user" => wanted.args.get("user").clone(), "makedirs" => true };
    state(running, "file", "directory", own, how).map(|_| ())
}

type Refusal = (Option<Value>, String);

/// Unpacks: the paths, or what the program said.
fn extract(running: &Running, wanted: &Wanted, cached: &str) -> Result<Result<Value, Refusal>, Stop> {
    let args = wanted.args;
    if wanted.format == "zip" {
        let fun = if args.truthy("options") || args.truthy("use_cmd_unzip") {
            "archive.cmd_unzip"
        } else {
            "archive.unzip"
        };
        let mut how = map! { "trim_output" => wanted.trim.clone() };
        for name in ["options", "password", "extract_perms"] {
            how.insert(name, args.get(name).clone());
        }
        return Ok(Ok(running.ask_with(fun, &[cached.into(), wanted.name.as_str().into()], how)?));
    }
    if running.ask("cmd.which", &["tar".into()])?.as_str().is_none() {
        return refuse("tar command not available, it might not be installed on minion");
    }
    let options = args.given("options").map(str_of).unwrap_or_default();
    let (mut short, mut long) = ("xv".to_owned(), Vec::new());
    let words = options.split_whitespace().filter(|word| !matches!(*word, "v" | "-v" | "--verbose"));
    for (position, word) in words.enumerate() {
        if word.starts_with('-') || position > 0 {
            long.push(word.trim_matches(['"', '\'']).to_owned());
        } else {
            short.push_str(&word.replace(['x', 'f'], ""));
        }
    }
    let mut words = vec!["tar".to_owned(), short];
    words.extend(long);
    words.extend(["-f".to_owned(), cached.to_owned()]);
    let how = map! { "cwd" => wanted.name.as_str(), "python_shell" => false };
    let ran = running.ask_with("cmd.run_all", &[Value::list(words)], how)?;
    if ran.get("retcode").and_then(Value::as_int) != Some(0) {
        return Ok(Err((Some(ran), String::new())));
    }
    let said = ran.get("stdout").map(str_of).unwrap_or_default();
    // Without options Salt reads the archive itself, and names directories without a slash.
    let bare = args.get("options").is_null();
    let mut names: Vec<&str> =
        said.lines().map(|line| if bare { line.trim_end_matches('/') } else { line }).collect();
    if let Some(most) =
        wanted.trim.as_int().and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0)
    {
        names.truncate(most);
    }
    if names.is_empty() && !bare {
        return Ok(Ok("no tar output so far".into()));
    }
    Ok(Ok(Value::list(names)))
}

/// What could not be given to its owner: what was not there, and what could not be changed.
#[derive(Default)]
struct NotOwned {
    missing: Vec<String>,
    failed: Vec<String>,
}

fn own(
    running: &Running,
    wanted: &Wanted,
    paths: &dyn Fn(&str) -> Vec<String>,
    ret: &mut StateReturn,
) -> Result<NotOwned, Stop> {
    let args = wanted.args;
    let mut not_owned = NotOwned::default();
    if !args.truthy("user") && !args.truthy("group") {
        return Ok(not_owned);
    }
    let test = running.test();
    let only = args.given("enforce_ownership_on").map(str_of);
    let (dirs, files) = match only {
        Some(path) if Path::new(&path).is_dir() => (vec![path], Vec::new()),
        Some(path) => (Vec::new(), vec![path]),
        None => {
            let below = |key: &str| -> Vec<String> {
                paths(key).into_iter().map(|path| format!("{}{path}", wanted.name)).collect()
            };
            (below("top_level_dirs"), [below("top_level_files"), below("top_level_links")].concat())
        }
    };
    let mut updated = false;
    for path in dirs {
        if !Path::new(&path).is_dir() {
            if !test {
                not_owned.missing.push(path);
            }
            continue;
        }
        let recurse = ["user", "group"].into_iter().filter(|name| args.truthy(name));
        let how = map! {
            "user" => args.get("user").clone(),
            "group" => args.get("group").clone(),
            "recurse" => Value::list(recurse),
        };
        let done = state(running, "file", "directory", map! { "name" => path.as_str() }, how)?;
        updated |= done.changes.truthy();
        if done.result == Some(false) || (done.result.is_none() && !test) {
            not_owned.failed.push(path);
        }
    }
    for path in files {
        match fs::symlink_metadata(&path) {
            Err(_) if test => {}
            Err(_) => {
                not_owned.missing.push(path.clone());
                not_owned.failed.push(path);
            }
            Ok(found) => {
                let right = wanted.uid.is_none_or(|uid| uid == found.uid())
                    && wanted.gid.is_none_or(|gid| gid == found.gid());
                if right {
                    continue;
                }
                if test || lchown(&path, wanted.uid, wanted.gid).is_ok() {
                    updated = true;
                } else {
                    not_owned.failed.push(path);
                }
            }
        }
    }
    if updated && let Value::Map(changes) = &mut ret.changes {
        changes.insert("updated ownership", true);
    }
    Ok(not_owned)
}

fn conclude(
    running: &Running,
    wanted: &Wanted,
    needed: bool,
    files: Value,
    created: bool,
    explained: &str,
    ret: &mut StateReturn,
) {
    ret.result = Some(true);
    if !needed {
        ret.comment = "All files in archive are already present".to_owned();
        if running.test() && ret.changes.get("updated ownership").is_some() {
            ret.result = None;
            ret.comment.push_str(". Ownership would be updated on one or more files/directories.");
        }
        return;
    }
    if !files.truthy() {
        ret.result = Some(false);
        ret.comment = format!("No files were extracted from {}", wanted.shown);
        return;
    }
    if let Value::Map(changes) = &mut ret.changes {
        if created {
            changes.insert("directories_created", Value::list([wanted.name.as_str()]));
        }
        changes.insert("extracted_files", files);
    }
    // Salt quirk (3006.25): the number of lines is told whether there is one or not.
    ret.comment = format!(
        "{} extracted to {}{explained}. Output was trimmed to {} number of lines",
        wanted.shown,
        wanted.name,
        str_of(&wanted.trim)
    );
}

fn add_paths(ret: &mut StateReturn, not_owned: NotOwned, if_missing: bool) {
    let list = |paths: &[String]| -> String { paths.iter().map(|path| format!("\n- {path}")).collect() };
    if !not_owned.missing.is_empty() {
        if !if_missing {
            ret.result = Some(false);
        }
        ret.comment.push_str(&format!(
            "\n\nWhile trying to enforce user/group ownership, the following paths were missing:\n{}",
            list(&not_owned.missing)
        ));
    }
    if !not_owned.failed.is_empty() {
        ret.result = Some(false);
        ret.comment.push_str(&format!(
            "\n\nWhile trying to enforce user/group ownership, Salt was unable to change ownership on the following paths:\n{}",
            list(&not_owned.failed)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_options_are_read() {
        assert_eq!(
            (guess("salt://a/b.tar.gz?saltenv=dev"), guess("/x/tar"), guess("b.ZIP")),
            (Some("tar"), None, Some("zip"))
        );
        assert_eq!(strip("--strip-components=1"), Value::Int(1));
        assert_eq!(strip("z --strip 2"), Value::Int(2));
        assert_eq!(strip("z"), Value::Null);
    }
}
