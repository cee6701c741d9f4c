//! Where a file comes from, and the hash that it should have. Salt: modules/file.py (`source_list`,
//! `get_source_sum`, `extract_hash`), utils/url.py.

use std::fs;
use std::path::Path;

use super::paths::basename;
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{Map, Value, decode_lossless as decode, is_remote_scheme, str_of, url_scheme};

/// Kinds of hashes and how many digits each has, by length.
pub(super) const HASHES: [(&str, usize); 6] =
    [("md5", 32), ("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];
/// Salt's order in its messages.
const HASH_NAMES: &str = "sha512, sha384, sha256, sha224, sha1, md5";
/// Python prints a set here.
const VALID_PROTOS: &str = "salt, file, http, https, ftp, swift, s3";

pub(super) fn is_valid(scheme: &str) -> bool {
    is_remote_scheme(scheme) || matches!(scheme, "salt" | "file")
}

/// Host and path of a URL, joined; the whole text where there is no scheme.
pub(super) fn url_path(url: &str) -> String {
    let Some((_, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.to_owned()
}

/// `salt.utils.url.parse`: the path below the file server and the environment in the URL.
fn parse(url: &str) -> (String, Option<String>) {
    let Some(rest) = url.strip_prefix("salt://") else { return (url.to_owned(), None) };
    let (path, query) = rest.split_once('?').map_or((rest, ""), |(path, query)| (path, query));
    let env = query.split('&').find_map(|pair| pair.strip_prefix("saltenv="));
    (path.trim_start_matches('/').to_owned(), env.map(str::to_owned))
}

/// What the file server has in an environment.
fn on_server(cx: &Context, saltenv: &str) -> Result<Vec<String>, Fault> {
    let files = cx.minion.files();
    let mut names = files.file_list(saltenv, "")?;
    names.extend(files.dir_list(saltenv, "")?);
    Ok(names)
}

/// The first source of a list that is there, with its hash.
///
/// # Errors
/// When none is.
pub(super) fn choose(
    cx: &Context,
    source: &Value,
    hash: &Value,
    saltenv: &str,
) -> Result<(Value, Value), Fault> {
    let Value::List(sources) = source else { return Ok((source.clone(), hash.clone())) };
    let mut listed: Vec<(String, Vec<String>)> = Vec::new();
    let mut served = |path: &str, env: &str| -> Result<bool, Fault> {
        if !listed.iter().any(|(known, _)| known == env) {
            listed.push((env.to_owned(), on_server(cx, env)?));
        }
        Ok(listed.iter().any(|(known, names)| {
            known == env && names.iter().any(|name| name == path.trim_end_matches('/'))
        }))
    };
    for single in sources {
        let (url, own_hash) = match single {
            Value::Map(pair) if pair.len() == 1 => match pair.at(0) {
                Some((url, own)) => (str_of(url), if own.truthy() { own.clone() } else { hash.clone() }),
                None => continue,
            },
            Value::Text(url) => (url.clone(), hash.clone()),
            _ => continue,
        };
        let there = match url_scheme(&url).as_str() {
            "salt" => {
                let (path, env) = parse(&url);
                served(&path, env.as_deref().unwrap_or(saltenv))?
            }
            "file" => Path::new(&url_path(&url)).exists(),
            remote if remote.starts_with("http") || remote == "ftp" => {
                // A fetch is what tells whether it is there.
                cx.minion.files().get_url(&url, saltenv, None, true).is_ok_and(|found| found.is_some())
            }
            _ => url.starts_with('/') && Path::new(&url).exists(),
        };
        if there {
            return Ok((url.into(), own_hash));
        }
    }
    let first = sources.iter().find_map(Value::as_str).unwrap_or_default();
    let near = cx.near_source(first, saltenv);
    Err(Fault::execution(format!("none of the specified sources were found{near}")))
}

pub(super) fn source_list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = args.str("saltenv")?;
    let (source, hash) = choose(cx, args.get("source"), args.get("source_hash"), &saltenv)?;
    Ok(Value::List(vec![source, hash]))
}

fn lengths() -> String {
    let all: Vec<String> = HASHES.iter().map(|(name, length)| format!("{name} ({length})")).collect();
    all.join(", ")
}

fn by_length(length: usize) -> Option<&'static str> {
    HASHES.iter().find(|(_, own)| *own == length).map(|(name, _)| *name)
}

/// What a `source_hash` says: `{hash_type, hsum}`.
pub(super) struct SumQuery<'a> {
    pub file_name: &'a str,
    pub source: &'a str,
    pub source_hash: &'a Value,
    pub source_hash_name: Option<String>,
    pub saltenv: &'a str,
    pub verify_ssl: &'a Value,
}

/// # Errors
/// When the text is none of the forms of a source hash, or its file is not there.
pub(super) fn source_sum(cx: &Context, query: &SumQuery) -> Result<Map, Fault> {
    let shown = str_of(query.source_hash);
    let invalid = || {
        Fault::execution(format!(
            "Source hash {shown} format is invalid. The supported formats are: 1) a hash, 2) an expression in the format \
             <hash_type>=<hash>, or 3) either a path to a local file containing hashes, or a URI of a remote hash file. \
             Supported protocols for remote hash files are: {VALID_PROTOS}. The hash may also not be of a valid length, \
             the following are supported hash types and lengths: {}.",
            lengths()
        ))
    };
    let Value::Text(text) = query.source_hash else { return Err(invalid()) };
    let scheme = url_scheme(text);
    let file = if text.starts_with('/') {
        Some(text.clone())
    } else if is_valid(&scheme) {
        let call = Call {
            args: vec![text.as_str().into(), query.saltenv.into()],
            kwargs: map! { "verify_ssl" => query.verify_ssl.clone() },
        };
        // Salt's client of files raises another error than this function itself does, and is caught elsewhere.
        let unreachable = |fault| match fault {
            Fault::Execution { text, .. } => Fault::exception("MinionError", text),
            other => other,
        };
        match cx.call("cp.cache_file", call).map_err(unreachable)? {
            Value::Text(path) if !path.is_empty() => Some(path),
            _ => return Err(Fault::execution(format!("Source hash file {text} not found"))),
        }
    } else if scheme.is_empty() {
        None
    } else {
        return Err(invalid());
    };
    if let Some(file) = file {
        let octets = fs::read(&file).map_err(|error| Fault::os(&error, &file))?;
        let found =
            hash_in(&decode(&octets), None, query.file_name, query.source, query.source_hash_name.as_deref());
        return found.map(|(kind, hash)| sum(kind, &hash)).ok_or_else(invalid);
    }
    let (kind, hash) = match text.split_once('=') {
        Some((kind, hash)) => (kind.trim(), hash.trim()),
        None => {
            if text.is_empty() || !text.chars().all(|char| char.is_ascii_hexdigit()) {
                return Err(invalid());
            }
            (by_length(text.len()).ok_or_else(invalid)?, text.as_str())
        }
    };
    let Some((_, expected)) = HASHES.iter().find(|(name, _)| *name == kind) else {
        return Err(Fault::execution(format!(
            "Invalid hash type '{kind}'. Supported hash types are: {HASH_NAMES}. Either remove the hash type and simply \
             use '{hash}' as the source_hash, or change the hash type to a supported type."
        )));
    };
    match by_length(hash.len()) {
        None => Err(invalid()),
        Some(_) if hash.len() == *expected => Ok(sum(kind, hash)),
        Some(other) => Err(Fault::execution(format!(
            "Invalid length ({}) for hash type '{kind}'. Either remove the hash type and simply use '{hash}' as the \
             source_hash, or change the hash type to '{other}'",
            hash.len()
        ))),
    }
}

fn sum(kind: &str, hash: &str) -> Map {
    map! { "hash_type" => kind, "hsum" => hash.to_lowercase() }
}

pub(super) fn get_source_sum(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("file_name")?;
    let source = args.opt_str("source")?.unwrap_or_default();
    let saltenv = args.str("saltenv")?;
    let query = SumQuery {
        file_name: &name,
        source: &source,
        source_hash: args.get("source_hash"),
        source_hash_name: args.opt_str("source_hash_name")?,
        saltenv: &saltenv,
        verify_ssl: args.get("verify_ssl"),
    };
    Ok(source_sum(cx, &query)?.into())
}

/// The hash of a file in a list of hashes such as `sha256sum` writes: that of the line that names the file, or else
/// the first of all.
fn hash_in(
    text: &str,
    kind: Option<&str>,
    file_name: &str,
    source: &str,
    hash_name: Option<&str>,
) -> Option<(&'static str, String)> {
    let wanted =
        kind.and_then(|kind| HASHES.iter().find(|(name, _)| *name == kind)).map(|(_, length)| *length);
    let source_name = basename(url_path(source).as_str()).to_owned();
    let mut first = None;
    let mut found: [Option<(&'static str, String)>; 3] = [None, None, None];
    for line in text.lines().map(str::trim) {
        let Some(hash) = first_hash(line, wanted) else { continue };
        let Some(kind) = by_length(hash.len()) else { continue };
        let matched = (kind, hash.to_owned());
        first.get_or_insert_with(|| matched.clone());
        let names_it = |name: &str, whole: &str, separators: &str| {
            if name.is_empty() {
                return false;
            }
            match line.strip_suffix(name) {
                Some(before) => before
                    .chars()
                    .next_back()
                    .is_some_and(|char| char.is_ascii_whitespace() || separators.contains(char)),
                None => line.strip_prefix(whole).is_some_and(|rest| rest.starts_with(char::is_whitespace)),
            }
        };
        let tests = [
            hash_name.is_some_and(|name| names_it(name, name, "")),
            names_it(basename(file_name), file_name, "\\/*"),
            !source.is_empty() && names_it(&source_name, source, "\\/*"),
        ];
        for (place, is_it) in found.iter_mut().zip(tests) {
            if is_it && place.is_none() {
                *place = Some(matched.clone());
            }
        }
    }
    found.into_iter().flatten().next().or(first)
}

/// The first run of hexadecimal digits that is as long as a hash can be and stands alone.
fn first_hash(line: &str, wanted: Option<usize>) -> Option<&str> {
    let fits = |length: usize| wanted.map_or((32..=128).contains(&length), |wanted| wanted == length);
    line.split(|char: char| !char.is_ascii_alphanumeric())
        .find(|word| fits(word.len()) && word.chars().all(|char| char.is_ascii_hexdigit()))
}

pub(super) fn extract_hash(_: &Context, args: &Args) -> Result<Value, Fault> {
    let file = args.str("hash_fn")?;
    let octets = fs::read(&file).map_err(|error| Fault::os(&error, &file))?;
    let kind = args.opt_str("hash_type")?;
    let name = args.opt_str("file_name")?.unwrap_or_default();
    let source = args.opt_str("source")?.unwrap_or_default();
    let hash_name = args.opt_str("source_hash_name")?.filter(|name| !name.is_empty());
    let found = hash_in(&decode(&octets), kind.as_deref(), &name, &source, hash_name.as_deref());
    Ok(found.map_or(Value::Null, |(kind, hash)| map! { "hsum" => hash, "hash_type" => kind }.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_names_the_file_has_its_hash() {
        let (a, b) = ("a".repeat(32), "b".repeat(40));
        let text = format!("{a}  other.txt\n{b} *dir/file.txt\n");
        assert_eq!(hash_in(&text, None, "/x/file.txt", "", None), Some(("sha1", b.clone())));
        assert_eq!(hash_in(&text, None, "/x/none", "http://h/d/file.txt", None), Some(("sha1", b.clone())));
        assert_eq!(hash_in(&text, None, "/x/none", "", None), Some(("md5", a)));
        assert_eq!(hash_in(&text, Some("sha1"), "/x/none", "", None), Some(("sha1", b)));
        assert_eq!(hash_in("no hash", None, "", "", None), None);
    }
}
