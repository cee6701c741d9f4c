//! `archive`: packing, unpacking and listing archives, with the programs of the host. Salt: modules/archive.py.
//!
//! Salt lists and unpacks with Python's own libraries; here `tar` and `unzip` do it.

use std::collections::BTreeSet;

use crate::host::glob;
use crate::loader::shlex::split;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const fn none(name: &'static str) -> Param {
    opt(name, Default::None)
}

const GZIP: &[Param] = &[req("sourcefile"), none("template"), none("runas"), none("options")];
const GUNZIP: &[Param] = &[req("gzipfile"), none("template"), none("runas"), none("options")];
const ZIP: &[Param] = &[req("zip_file"), req("sources"), none("template"), none("cwd"), none("runas")];
const UNZIP: &[Param] = &[
    req("zip_file"),
    req("dest"),
    none("excludes"),
    none("options"),
    none("template"),
    none("runas"),
    opt("trim_output", Default::False),
    none("password"),
    opt("extract_perms", Default::True),
];

pub(super) static MODULE: Module = Module {
    file: "archive",
    provides: "archive",
    available: always,
    functions: &[
        Function::new("cmd_unzip", UNZIP, "Unpacks a zip archive: what `unzip` says.", cmd_unzip),
        Function::new("cmd_zip", ZIP, "Packs files into a zip archive: what `zip` says.", zip),
        Function::new("gunzip", GUNZIP, "Unpacks a gzip file.", |cx, args| {
            gzip(cx, args, "gunzip", "gzipfile")
        }),
        Function::new("gzip", GZIP, "Packs a file with gzip.", |cx, args| {
            gzip(cx, args, "gzip", "sourcefile")
        }),
        Function::new(
            "is_encrypted",
            &[
                req("name"),
                opt("clean", Default::False),
                opt("saltenv", Default::Str("base")),
                none("source_hash"),
                opt("use_etag", Default::False),
            ],
            "Whether a zip archive asks for a password.",
            is_encrypted,
        ),
        Function::new(
            "list",
            &[
                req("name"),
                none("archive_format"),
                none("options"),
                none("strip_components"),
                opt("clean", Default::False),
                opt("verbose", Default::False),
                opt("saltenv", Default::Str("base")),
                none("source_hash"),
                opt("use_etag", Default::False),
            ],
            "What is in an archive: paths, or with `verbose` a map of directories, files and links.",
            list,
        ),
        Function::new(
            "rar",
            &[req("rarfile"), req("sources"), none("template"), none("cwd"), none("runas")],
            "Packs files into a rar archive: the lines that `rar` prints.",
            rar,
        ),
        Function::new(
            "tar",
            &[
                req("options"),
                req("tarfile"),
                none("sources"),
                none("dest"),
                none("cwd"),
                none("template"),
                none("runas"),
            ],
            "Runs `tar`: the lines that it prints.",
            tar,
        ),
        Function::new(
            "unrar",
            &[
                req("rarfile"),
                req("dest"),
                none("excludes"),
                none("template"),
                none("runas"),
                opt("trim_output", Default::False),
            ],
            "Unpacks a rar archive: the lines that `unrar` prints.",
            unrar,
        ),
        Function::new("unzip", UNZIP, "Unpacks a zip archive: the paths in it.", unzip),
        Function::new("zip", ZIP, "Packs files into a zip archive.", zip),
    ],
};

fn run(cx: &Context, fun: &str, words: Vec<String>, mut how: Map) -> Result<Value, Fault> {
    how.insert("python_shell", false);
    cx.ask_with(fun, &[Value::list(words)], how)
}

/// `template`, `runas` and `cwd` of a call.
fn options(args: &Args) -> Map {
    let named = ["template", "runas", "cwd"].into_iter().filter(|name| !args.get(name).is_null());
    named.map(|name| (name, args.get(name).clone())).collect()
}

fn has(cx: &Context, program: &str) -> Result<(), Fault> {
    if cx.ask("cmd.which", &[program.into()])?.as_str().is_some() {
        return Ok(());
    }
    Err(Fault::NotFound(format!("'{program}' command not available")))
}

fn lines(said: &Value) -> Value {
    Value::list(str_of(said).lines())
}

fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(|part| part.trim().to_owned()).collect(),
    }
}

fn sources(value: &Value) -> Vec<String> {
    let one = |source: String| if source.contains(['*', '?', '[']) { glob(&source) } else { vec![source] };
    listed(value).into_iter().flat_map(one).collect()
}

fn tar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !args.truthy("options") {
        return Err(Fault::invocation("Tar options can not be empty"));
    }
    has(cx, "tar")?;
    let mut words = vec!["tar".to_owned()];
    words.extend(str_of(args.get("options")).split_whitespace().map(str::to_owned));
    words.push(str_of(args.get("tarfile")));
    words.extend(sources(args.get("sources")));
    if args.truthy("dest") {
        words.extend(["-C".to_owned(), str_of(args.get("dest"))]);
    }
    Ok(lines(&run(cx, "cmd.run", words, options(args))?))
}

fn gzip(cx: &Context, args: &Args, program: &str, file: &str) -> Result<Value, Fault> {
    has(cx, program)?;
    let mut words = vec![program.to_owned()];
    words.extend(args.given("options").map(str_of));
    words.push(str_of(args.get(file)));
    Ok(lines(&run(cx, "cmd.run", words, options(args))?))
}

fn zip(cx: &Context, args: &Args) -> Result<Value, Fault> {
    has(cx, "zip")?;
    let mut words = vec!["zip".to_owned(), "-r".to_owned(), str_of(args.get("zip_file"))];
    words.extend(sources(args.get("sources")));
    Ok(lines(&run(cx, "cmd.run", words, options(args))?))
}

fn rar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if cx.which("rar").is_none() {
        return Err(Fault::NotFound("The 'rar' binary was not found in $PATH.".to_owned()));
    }
    let mut words = vec!["rar".to_owned(), "a".to_owned(), "-idp".to_owned(), str_of(args.get("rarfile"))];
    words.extend(sources(args.get("sources")));
    Ok(lines(&run(cx, "cmd.run", words, options(args))?))
}

fn unrar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let program = ["unrar", "rar"].into_iter().find_map(|name| cx.which(name));
    let program = program.ok_or_else(|| {
        let text = "None of provided binaries([\"'unrar'\", \"'rar'\"]) were found in $PATH.";
        Fault::NotFound(text.to_owned())
    })?;
    let mut words = vec![program, "x".to_owned(), "-idp".to_owned(), str_of(args.get("rarfile"))];
    for exclude in listed(args.get("excludes")) {
        words.extend(["-x".to_owned(), exclude]);
    }
    words.push(str_of(args.get("dest")));
    let said = str_of(&run(cx, "cmd.run", words, options(args))?);
    Ok(trimmed(said.lines().map(str::to_owned).collect(), args.get("trim_output")))
}

/// Names and kinds that `rar lt` tells.
fn rar_members(cx: &Context, name: &str) -> Result<Members, Fault> {
    if cx.which("rar").is_none() {
        return Err(Fault::execution("rar command not available, is it installed?"));
    }
    let words = ["rar", "lt", name].map(str::to_owned).to_vec();
    let said = str_of(&run(cx, "cmd.run", words, Map::new())?);
    let mut members = Members::new();
    let mut lines = said.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().and_then(|next| next.strip_prefix("Type:"));
        if let (Some(path), Some(kind)) = (line.strip_prefix("Name:"), next) {
            let kind = if kind.trim() == "Directory" { Kind::Directory } else { Kind::File };
            members.push((kind, path.trim().to_owned()));
        }
    }
    if members.is_empty() {
        return Err(Fault::Execution {
            text: format!(
                "Failed to list {name}, is it a rar file? If so, the installed version of rar may be too old to list data in \
                 a parsable format. Installing the rarfile Python module may be an easier workaround if newer rar is not \
                 readily available."
            ),
            info: Some(map! { "error" => said }.into()),
        });
    }
    Ok(members)
}

fn trimmed(mut names: Vec<String>, trim: &Value) -> Value {
    let most = match trim {
        Value::Bool(true) => Some(100),
        other => other.as_int().and_then(|most| usize::try_from(most).ok()),
    };
    if let Some(most) = most.filter(|most| names.len() > *most) {
        names.truncate(most);
        names.push(format!("List trimmed after {most} files."));
    }
    Value::list(names)
}

fn unzipped(cx: &Context, args: &Args) -> Result<String, Fault> {
    has(cx, "unzip")?;
    let mut words = vec!["unzip".to_owned()];
    let secret = args.truthy("password");
    if secret {
        words.extend(["-P".to_owned(), str_of(args.get("password"))]);
    }
    if args.truthy("options") {
        words.extend(split(&str_of(args.get("options")))?);
    } else {
        words.push("-o".to_owned());
    }
    words.extend([str_of(args.get("zip_file")), "-d".to_owned(), str_of(args.get("dest"))]);
    let excludes = listed(args.get("excludes"));
    if !excludes.is_empty() {
        words.push("-x".to_owned());
        words.extend(excludes);
    }
    let mut how = options(args);
    how.insert("redirect_stderr", true);
    if secret {
        how.insert("output_loglevel", "quiet");
    }
    let ran = run(cx, "cmd.run_all", words, how)?;
    let said = ran.get("stdout").map(str_of).unwrap_or_default();
    if ran.get("retcode").and_then(Value::as_int) == Some(0) { Ok(said) } else { Err(Fault::execution(said)) }
}

fn cmd_unzip(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let said = unzipped(cx, args)?;
    Ok(trimmed(said.lines().map(str::to_owned).collect(), args.get("trim_output")))
}

fn unzip(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let archive = str_of(args.get("zip_file"));
    let excludes = listed(args.get("excludes"));
    let members = zip_members(cx, &archive, &archive)?;
    unzipped(cx, args)
        .map_err(|fault| Fault::execution(format!("Exception encountered unpacking zipfile: {fault}")))?;
    let names = members.into_iter().map(|(_, name)| name).filter(|name| !excludes.contains(name)).collect();
    Ok(trimmed(names, args.get("trim_output")))
}

/// What a path in an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link,
}

impl Kind {
    fn of(letter: Option<char>) -> Self {
        match letter {
            Some('d') => Kind::Directory,
            Some('l') => Kind::Link,
            _ => Kind::File,
        }
    }
}

type Members = Vec<(Kind, String)>;

/// `-rw-r--r-- 0/0  5 2026-01-01 10:00 name`: the first letter says what it is.
fn tar_line(line: &str) -> Option<(Kind, String)> {
    let kind = Kind::of(line.chars().next());
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start();
        rest = &rest[rest.find(char::is_whitespace)?..];
    }
    let name = rest.strip_prefix(' ')?;
    let name = match (kind, line.starts_with('h')) {
        (Kind::Link, _) => name.split(" -> ").next()?,
        (_, true) => name.split(" link to ").next()?,
        _ => name,
    };
    Some((kind, name.to_owned()))
}

fn tar_members(cx: &Context, name: &str, cached: &str, how: &Value) -> Result<Members, Fault> {
    has(cx, "tar").map_err(|fault| Fault::execution(fault.to_string()))?;
    let read = |program: Option<String>| {
        let mut words = vec!["tar".to_owned()];
        words.extend(program);
        words.extend(["--numeric-owner", "--quoting-style=literal", "-tvf", cached].map(str::to_owned));
        run(cx, "cmd.run_all", words, map! { "ignore_retcode" => true })
    };
    let mut ran = read(None)?;
    // Only what tar does not read by itself needs a program.
    if how.truthy() && ran.get("retcode").and_then(Value::as_int) != Some(0) {
        ran = read(Some(format!("--use-compress-program={}", str_of(how))))?;
    }
    if ran.get("retcode").and_then(Value::as_int) != Some(0) {
        return Err(Fault::execution(format!(
            "Unable to list contents of {name}. If this is an XZ-compressed tar archive, install XZ Utils to enable listing \
             its contents. If it is compressed using something other than XZ, it may be necessary to specify CLI options to \
             decompress the archive. See the documentation for details."
        )));
    }
    Ok(ran.get("stdout").map(str_of).unwrap_or_default().lines().filter_map(tar_line).collect())
}

/// `-rw-r--r--  3.0 unx  5 tx stor 26-Nov-25 17:02 name`.
fn zip_line(line: &str) -> Option<(Kind, String)> {
    let kind = Kind::of(line.chars().next().filter(|letter| matches!(letter, '-' | 'd' | 'l' | '?')));
    let mut rest = line;
    for _ in 0..8 {
        rest = rest.trim_start();
        rest = &rest[rest.find(char::is_whitespace)?..];
    }
    let name = rest.strip_prefix(' ')?.to_owned();
    Some((if name.ends_with('/') { Kind::Directory } else { kind }, name))
}

fn zip_members(cx: &Context, name: &str, cached: &str) -> Result<Members, Fault> {
    has(cx, "unzip").map_err(|fault| Fault::execution(fault.to_string()))?;
    let words = ["unzip", "-Z", "-s", "-h-t", cached].map(str::to_owned).to_vec();
    let ran = run(cx, "cmd.run_all", words, map! { "ignore_retcode" => true })?;
    if ran.get("retcode").and_then(Value::as_int) != Some(0) {
        return Err(Fault::execution(format!("{name} is not a ZIP file")));
    }
    let said = ran.get("stdout").map(str_of).unwrap_or_default();
    let lines = said.lines().filter(|line| line.starts_with(['-', 'd', 'l', '?']));
    Ok(lines.filter_map(zip_line).collect())
}

fn cache(cx: &Context, args: &Args) -> Result<String, Fault> {
    let name = str_of(args.get("name"));
    let how = map! {
        "source_hash" => args.get("source_hash").clone(),
        "use_etag" => args.get("use_etag").clone(),
    };
    let asked = [name.as_str().into(), args.get("saltenv").clone()];
    match cx.ask_with("cp.cache_file", &asked, how)? {
        Value::Text(path) if !path.is_empty() => Ok(path),
        _ => Err(Fault::execution(format!("Failed to cache {name}"))),
    }
}

fn is_encrypted(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let cached = cache(cx, args)?;
    has(cx, "unzip")?;
    let words = ["unzip", "-Z", "-v", &cached].map(str::to_owned).to_vec();
    let ran = run(cx, "cmd.run_all", words, map! { "ignore_retcode" => true })?;
    if ran.get("retcode").and_then(Value::as_int) != Some(0) {
        return Err(Fault::Execution {
            text: format!("{} is not a ZIP file", str_of(args.get("name"))),
            info: Some(map! { "archive location" => cached }.into()),
        });
    }
    if args.truthy("clean") {
        let _ = std::fs::remove_file(&cached);
    }
    let said = ran.get("stdout").map(str_of).unwrap_or_default();
    let secret = |line: &str| {
        line.trim_start().strip_prefix("file security status:").is_some_and(|rest| rest.trim() == "encrypted")
    };
    Ok(said.lines().any(secret).into())
}

/// Salt: utils/files.py (`guess_archive_type`).
fn guess(name: &str) -> Option<&'static str> {
    const TAR: [&str; 10] =
        [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz"];
    let name = name.to_lowercase();
    if TAR.iter().any(|ending| name.ends_with(ending)) {
        return Some("tar");
    }
    [(".zip", "zip"), (".rar", "rar")].into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind)
}

fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = str_of(args.get("name"));
    let cached = cache(cx, args)?;
    // Who asked can then look at what was fetched.
    let listed = members(cx, args, &name, &cached).map_err(|fault| match fault {
        Fault::Execution { text, info } => {
            let mut info = info.as_ref().and_then(Value::as_map).cloned().unwrap_or_default();
            info.insert("archive location", cached.as_str());
            Fault::Execution { text, info: Some(info.into()) }
        }
        other => other,
    })?;
    if args.truthy("clean") {
        let _ = std::fs::remove_file(&cached);
    }
    Ok(listed)
}

fn members(cx: &Context, args: &Args, name: &str, cached: &str) -> Result<Value, Fault> {
    let strip = match args.get("strip_components") {
        value if !value.truthy() => 0,
        value => match str_of(value).parse::<usize>() {
            Ok(count) if count > 0 => count,
            _ => return Err(Fault::execution("'strip_components' must be a positive integer")),
        },
    };
    let format = match args.get("archive_format") {
        format if format.truthy() => str_of(format),
        _ => guess(name.split(['?', '#']).next().unwrap_or_default())
            .ok_or_else(|| {
                Fault::execution("Unable to guess archive format, please pass an 'archive_format' argument.")
            })?
            .to_owned(),
    };
    let members = match format.as_str() {
        "tar" => tar_members(cx, name, cached, args.get("options"))?,
        "zip" => zip_members(cx, name, cached)?,
        "rar" => rar_members(cx, name)?,
        other => return Err(Fault::execution(format!("Unsupported archive format '{other}'"))),
    };
    Ok(told(members, &format, strip, args.truthy("verbose")))
}

/// The members as `archive.list` gives them.
fn told(members: Members, format: &str, strip: usize, verbose: bool) -> Value {
    let mut parts: [BTreeSet<String>; 3] = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for (kind, name) in members {
        let mut add = |place: usize, name: &str| {
            let name = match strip {
                0 => name.to_owned(),
                strip => name.splitn(strip + 1, '/').nth(strip).unwrap_or_default().to_owned(),
            };
            if let Some(names) = parts.get_mut(place).filter(|_| !name.is_empty()) {
                names.insert(name);
            }
        };
        match kind {
            Kind::Directory => add(0, &format!("{}/", name.trim_end_matches('/'))),
            Kind::File => {
                add(1, &name);
                // Archives of this kind need not name their directories.
                if let (Some(at), "zip") = (name.rfind('/'), format) {
                    add(0, &name[..=at]);
                }
            }
            Kind::Link => add(2, &name),
        }
    }
    let [dirs, files, links] = parts;
    if !verbose {
        let all = crate::value::sort::into_set(dirs.into_iter().chain(files).chain(links));
        return Value::list(all);
    }
    let mut top: Vec<String> = dirs.iter().filter(|name| name.matches('/').count() == 1).cloned().collect();
    if let (Some(first), Some(last)) = (dirs.first(), dirs.last()) {
        let common: String =
            first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(char, _)| char).collect();
        if let Some((head, _)) = common.split_once('/') {
            let head = format!("{head}/");
            if !top.contains(&head) {
                top.push(head);
            }
        }
    }
    let flat = |names: &BTreeSet<String>| -> Vec<String> {
        names.iter().filter(|name| !name.contains('/')).cloned().collect()
    };
    let (top_files, top_links) = (flat(&files), flat(&links));
    map! {
        "dirs" => Value::list(dirs),
        "files" => Value::list(files),
        "links" => Value::list(links),
        "top_level_dirs" => Value::list(top),
        "top_level_files" => Value::list(top_files),
        "top_level_links" => Value::list(top_links),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tar_and_unzip_are_read() {
        assert_eq!(
            tar_line("lrwxrwxrwx 0/0               0 2026-11-25 17:02 d/my link -> t"),
            Some((Kind::Link, "d/my link".to_owned()))
        );
        assert_eq!(
            tar_line("drwxr-xr-x 1000/1000 0 2026-11-25 17:02 d/"),
            Some((Kind::Directory, "d/".to_owned()))
        );
        assert_eq!(
            zip_line("-rw-r--r--  3.0 unx        5 tx stor 26-Nov-25 17:02 d/a b.txt"),
            Some((Kind::File, "d/a b.txt".to_owned()))
        );
        assert_eq!((guess("X.TAR.GZ"), guess("a.zip"), guess("a.gz")), (Some("tar"), Some("zip"), None));
    }
}
