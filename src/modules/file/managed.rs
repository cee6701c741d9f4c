//! The parts of `file.managed`: get what a file should hold, compare, put it in place. Salt: modules/file.py
//! (`get_managed`, `check_managed`, `check_managed_changes`, `check_file_meta`, `manage_file`).

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::attributes::real_path;
use super::content::hash_of;
use super::diff::{self, Show};
use super::encode::encode;
use super::paths::{dirname, path};
use super::perms::{self, Owned, Perms, add_change, empty_ret, no_selinux};
use super::place::{clean, copy_file, fault_text, temporary_with, umask};
use super::programs::attributes_differ;
use super::source::{SumQuery, choose, is_valid, source_sum, url_path};
use super::{template, tree};
use crate::host::{directory_mode, normalize_mode};
use crate::loader::{Args, Call, Context, Fault};
use crate::map;
use crate::value::{
    Map, Value, is_remote_scheme as is_remote, redacted_url as redacted, str_of, url_scheme as scheme,
};

/// Where the content lies, its hash, and what went wrong.
type Managed = (String, Map, String);

/// What `get_managed` is asked.
struct Query<'a> {
    name: String,
    template: &'a Value,
    source: Value,
    source_hash: Value,
    args: &'a Args,
    saltenv: String,
    keywords: &'a Map,
}

impl<'a> Query<'a> {
    fn new(cx: &Context, args: &'a Args) -> Result<Self, Fault> {
        Ok(Query {
            name: path(cx, args, "name")?,
            template: args.get("template"),
            source: args.get("source").clone(),
            source_hash: args.get("source_hash").clone(),
            args,
            saltenv: args.opt_str("saltenv")?.unwrap_or_else(|| "base".to_owned()),
            keywords: &args.keywords,
        })
    }

    fn flag(&self, name: &str) -> bool {
        self.args.truthy(name)
    }
}

pub(super) fn get_managed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (file, sum, comment) = managed(cx, &Query::new(cx, args)?)?;
    Ok(Value::List(vec![file.into(), sum.into(), comment.into()]))
}

fn sum_of(path: &str, kind: &str) -> Result<Map, Fault> {
    Ok(map! { "hsum" => hash_of(path, kind)?, "hash_type" => kind })
}

fn managed(cx: &Context, query: &Query) -> Result<Managed, Fault> {
    let wrong = |text: String| Ok((String::new(), Map::new(), text));
    let source = match &query.source {
        source if !source.truthy() => return Ok((String::new(), Map::new(), String::new())),
        source => str_of(source),
    };
    let own_scheme = Some(scheme(&source)).filter(|scheme| is_valid(scheme)).unwrap_or_default();
    let has_hash = query.source_hash.truthy();
    let (skip_verify, use_etag) = (query.flag("skip_verify"), query.flag("use_etag"));
    let (mut file, mut sum) = (String::new(), Map::new());
    match own_scheme.as_str() {
        "" | "file" => {
            let local = url_path(&source);
            file = if own_scheme.is_empty() { local } else { local.trim_end_matches('/').to_owned() };
            if !Path::new(&file).exists() {
                return wrong(format!("Local file source {file} does not exist"));
            }
        }
        _ => {}
    }
    if own_scheme == "salt" {
        let call = Call::positional([source.as_str().into(), query.saltenv.as_str().into()]);
        match cx.call("cp.hash_file", call)? {
            Value::Map(found) if !found.is_empty() => sum = found,
            _ => {
                let near = cx.near_source(&source, &query.saltenv);
                return wrong(format!("Source file {source} not found in saltenv '{}'{near}", query.saltenv));
            }
        }
    } else if !has_hash && !is_remote(&own_scheme) {
        sum = sum_of(&file, "sha256")?;
    } else if !skip_verify {
        if has_hash {
            let asked = SumQuery {
                file_name: &query.name,
                source: &source,
                source_hash: &query.source_hash,
                source_hash_name: query.args.opt_str("source_hash_name")?,
                saltenv: &query.saltenv,
                verify_ssl: query.args.get("verify_ssl"),
            };
            match source_sum(cx, &asked) {
                Ok(found) => sum = found,
                Err(Fault::Execution { text, .. }) => return wrong(text),
                Err(other) => return Err(other),
            }
        } else if !use_etag {
            return wrong(format!(
                "Unable to verify upstream hash of source file {}, please set source_hash or set skip_verify to True",
                redacted(&source)
            ));
        }
    }
    if query.template.truthy() || is_remote(&own_scheme) {
        if let Err(comment) = fetch(cx, query, &source, &mut file, &mut sum)? {
            return Ok((file, Map::new(), comment));
        }
        if file == query.name {
            return Err(Fault::invocation("Source file cannot be the same as destination"));
        }
        if query.template.truthy() {
            let engine = str_of(query.template);
            if !template::known(&engine)? {
                return Ok((
                    file,
                    Map::new(),
                    format!("Specified template format {engine} is not supported"),
                ));
            }
            let own = template_variables(query, &source);
            file = template::render_file(cx, &file, &own, &query.saltenv, &source)?;
            sum = sum_of(&file, "sha256")?;
        }
    }
    Ok((file, sum, String::new()))
}

/// Makes the source local, unless a copy with the right hash is there. `Ok(Err)`: it cannot be had.
fn fetch(
    cx: &Context,
    query: &Query,
    source: &str,
    file: &mut String,
    sum: &mut Map,
) -> Result<Result<(), String>, Fault> {
    let url = || Value::from(source);
    let cached = cx.call("cp.is_cached", Call::positional([url(), query.saltenv.as_str().into()]))?;
    let (skip_verify, use_etag) = (query.flag("skip_verify"), query.flag("use_etag"));
    let mut again = false;
    if cached.truthy() && (query.source_hash.truthy() || skip_verify || use_etag) {
        let cached = str_of(&cached);
        let kind = sum.str("hash_type").unwrap_or("sha256").to_owned();
        let there = hash_of(&cached, &kind)?;
        if skip_verify {
            *file = cached;
            *sum = map! { "hsum" => there, "hash_type" => kind };
        } else if use_etag || sum.str("hsum") != Some(there.as_str()) {
            again = true;
        } else {
            *file = cached;
        }
    }
    if file.is_empty() || again {
        let call = Call {
            args: vec![url(), query.saltenv.as_str().into()],
            kwargs: map! {
                "source_hash" => sum.get("hsum").cloned().unwrap_or_default(),
                "verify_ssl" => query.args.get("verify_ssl").clone(),
                "use_etag" => use_etag,
            },
        };
        match cx.call("cp.cache_file", call) {
            Ok(Value::Text(path)) => *file = path,
            Ok(_) => file.clear(),
            Err(fault) => {
                return Ok(Err(format!("Failed to cache {}: {}", redacted(source), fault_text(&fault))));
            }
        }
    }
    if file.is_empty() || !Path::new(file.as_str()).exists() {
        return Ok(Err(format!("Source file '{}' not found", redacted(source))));
    }
    Ok(Ok(()))
}

fn template_variables(query: &Query, source: &str) -> Map {
    let mut variables = map! { "saltenv" => query.saltenv.as_str() };
    // `cp.get_template` asks without a name.
    if !query.name.is_empty() {
        variables.insert("name", query.name.as_str());
        variables.insert("source", source);
        for name in ["user", "group", "mode", "attrs"] {
            variables.insert(name, query.args.get(name).clone());
        }
    }
    for (name, value) in query.keywords {
        variables.insert(name.clone(), value.clone());
    }
    for (name, value) in template::merged(query.args.get("defaults"), query.args.get("context")) {
        variables.insert(name, value);
    }
    variables
}

/// Mode of the source, where that is what is wanted.
fn kept_mode(cx: &Context, args: &Args, source: &Value, saltenv: &str) -> Option<Value> {
    if !args.truthy("keep_mode") || !source.truthy() {
        return None;
    }
    let url = str_of(source);
    if !matches!(scheme(&url).as_str(), "salt" | "file" | "") {
        return None;
    }
    let call = Call { args: vec![url.into()], kwargs: map! { "saltenv" => saltenv, "octal" => true } };
    cx.call("cp.stat_file", call).ok()
}

/// A pair that says `False` and why, or changes as a map.
enum Compared {
    Wrong(String),
    Changes(Map),
}

fn compare(cx: &Context, args: &Args) -> Result<Compared, Fault> {
    no_selinux(|name| args.get(name).clone())?;
    let mut query = Query::new(cx, args)?;
    (query.source, query.source_hash) = choose(cx, &query.source, &query.source_hash, &query.saltenv)?;
    let contents = args.given("contents");
    let mut mode = args.get("mode").clone();
    let (file, sum) = match contents {
        Some(_) => (String::new(), Map::new()),
        None => {
            let (file, sum, comment) = managed(cx, &query)?;
            if !comment.is_empty() {
                clean(&file);
                return Ok(Compared::Wrong(comment));
            }
            if !file.is_empty()
                && let Some(kept) = kept_mode(cx, args, &query.source, &query.saltenv)
            {
                mode = kept;
            }
            (file, sum)
        }
    };
    let changes = meta(
        cx,
        &Meta {
            name: &query.name,
            file: &file,
            source: &query.source,
            sum: &sum,
            verify_ssl: args.get("verify_ssl"),
            saltenv: &query.saltenv,
            contents,
            perms: Perms {
                user: args.get("user"),
                group: args.get("group"),
                mode: &mode,
                attrs: args.get("attrs"),
                follow_symlinks: args.truthy("follow_symlinks"),
            },
        },
    );
    clean(&file);
    Ok(Compared::Changes(changes?))
}

pub(super) fn check_managed(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = path(cx, args, "name")?;
    Ok(match compare(cx, args)? {
        Compared::Wrong(comment) => Value::List(vec![false.into(), comment.into()]),
        Compared::Changes(mut changes) => {
            if name.starts_with(&*std::env::temp_dir().to_string_lossy()) {
                changes.retain(|key, _| !matches!(key.as_str(), Some("user" | "group" | "mode")));
            }
            if changes.is_empty() {
                Value::List(vec![true.into(), format!("The file {name} is in the correct state").into()])
            } else {
                let lines: String = changes
                    .iter()
                    .map(|(key, value)| format!("{}: {}\n", str_of(key), str_of(value)))
                    .collect();
                let text = format!("The following values are set to be changed:\n{lines}");
                Value::List(vec![Value::Null, text.into()])
            }
        }
    })
}

pub(super) fn check_managed_changes(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(match compare(cx, args)? {
        Compared::Wrong(comment) => Value::List(vec![false.into(), comment.into()]),
        Compared::Changes(changes) => changes.into(),
    })
}

struct Meta<'a> {
    name: &'a str,
    file: &'a str,
    source: &'a Value,
    sum: &'a Map,
    verify_ssl: &'a Value,
    saltenv: &'a str,
    contents: Option<&'a Value>,
    perms: Perms<'a>,
}

/// What would change about a file; nothing is written.
fn meta(cx: &Context, wanted: &Meta) -> Result<Map, Fault> {
    let mut changes = Map::new();
    let Perms { user, group, mode, attrs, follow_symlinks } = wanted.perms;
    let Ok(there) = Owned::of(cx, wanted.name, follow_symlinks) else {
        changes.insert("newfile", wanted.name);
        return Ok(changes);
    };
    if let Some(expected) = wanted.sum.str("hsum") {
        let kind = wanted.sum.str("hash_type").unwrap_or("sha256");
        if hash_of(wanted.name, kind)? != expected.to_lowercase() {
            let mut file = wanted.file.to_owned();
            if file.is_empty() && wanted.source.truthy() {
                let call = Call {
                    args: vec![wanted.source.clone(), wanted.saltenv.into()],
                    kwargs: map! { "source_hash" => expected, "verify_ssl" => wanted.verify_ssl.clone() },
                };
                if let Value::Text(path) = cx.call("cp.cache_file", call)? {
                    file = path;
                }
            }
            if file.is_empty() {
                changes.insert("sum", "Checksum differs");
            } else {
                match diff::between(cx, wanted.name, &file, Show::Diff, true) {
                    Ok(text) => changes.insert("diff", text),
                    Err(fault) => changes.insert("diff", fault_text(&fault)),
                };
            }
        }
    }
    if let Some(contents) = wanted.contents {
        let temporary = temporary_with(&octets(contents))?;
        let differs = diff::between(cx, wanted.name, &temporary, Show::Diff, false);
        clean(&temporary);
        let text = differs.unwrap_or_else(|fault| fault_text(&fault));
        if !text.is_empty() {
            let hidden = diff::obfuscated(cx);
            changes.insert("diff", if hidden { "<Obfuscated Template>".to_owned() } else { text });
        }
    }
    if !user.is_null() && !there.is_user(user) {
        changes.insert("user", user.clone());
    }
    if !group.is_null() && !there.is_group(group) {
        changes.insert("group", group.clone());
    }
    if let Some(mode) = normalize_mode(mode)
        && Some(mode.as_str()) != normalize_mode(&there.mode().into()).as_deref()
    {
        changes.insert("mode", mode);
    }
    if attrs.truthy() && attributes_differ(cx, wanted.name, &str_of(attrs))? {
        changes.insert("attrs", attrs.clone());
    }
    Ok(changes)
}

pub(super) fn check_file_meta(cx: &Context, args: &Args) -> Result<Value, Fault> {
    no_selinux(|name| args.get(name).clone())?;
    let name = path(cx, args, "name")?;
    let file = args.opt_str("sfn")?.unwrap_or_default();
    let saltenv = args.opt_str("saltenv")?.unwrap_or_default();
    let none = Map::new();
    let changes = meta(
        cx,
        &Meta {
            name: &name,
            file: &file,
            source: args.get("source"),
            sum: args.get("source_sum").as_map().unwrap_or(&none),
            verify_ssl: args.get("verify_ssl"),
            saltenv: &saltenv,
            contents: args.given("contents"),
            perms: Perms {
                user: args.get("user"),
                group: args.get("group"),
                mode: args.get("mode"),
                attrs: args.get("attrs"),
                follow_symlinks: args.truthy("follow_symlinks"),
            },
        },
    )?;
    Ok(changes.into())
}

fn octets(contents: &Value) -> Vec<u8> {
    match contents {
        Value::Bytes(octets) => octets.to_vec(),
        other => str_of(other).into_bytes(),
    }
}

fn failed(mut ret: Map, text: impl Into<Value>) -> Result<Value, Fault> {
    ret.insert("result", false);
    ret.insert("comment", text);
    Ok(ret.into())
}

/// What `manage_file` puts in place.
struct Placing<'a> {
    name: String,
    file: String,
    sum: Map,
    source: Value,
    mode: Value,
    saltenv: String,
    args: &'a Args,
    /// Whether what was fetched has to have the hash that was said.
    checked: bool,
}

impl Placing<'_> {
    fn perms(&self, follow_symlinks: bool) -> Perms<'_> {
        Perms {
            user: self.args.get("user"),
            group: self.args.get("group"),
            mode: &self.mode,
            attrs: self.args.get("attrs"),
            follow_symlinks,
        }
    }

    /// Makes the source local where it is not. `false`: there is none.
    fn fetch(&mut self, cx: &Context) -> Result<bool, Fault> {
        if self.file.is_empty() {
            let call = Call {
                args: vec![self.source.clone(), self.saltenv.as_str().into()],
                kwargs: map! { "verify_ssl" => self.args.get("verify_ssl").clone() },
            };
            if let Value::Text(path) = cx.call("cp.cache_file", call)? {
                self.file = path;
            }
        }
        Ok(!self.file.is_empty())
    }

    fn missing(&self) -> String {
        format!("Source file '{}' not found", str_of(&self.source))
    }

    /// The hash that was said and the one that the source has, where they differ.
    fn wrong_hash(&self, of: &str) -> Result<Option<String>, Fault> {
        if !self.checked {
            return Ok(None);
        }
        let kind = self.sum.str("hash_type").unwrap_or("sha256");
        let expected = self.sum.str("hsum").unwrap_or_default();
        let actual = hash_of(&self.file, kind)?;
        Ok((actual != expected).then(|| {
            format!(
                "Specified {kind} checksum for {of} ({expected}) does not match actual checksum ({actual})"
            )
        }))
    }

    fn contents(&self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(contents) = self.args.given("contents") else { return Ok(None) };
        match self.args.opt_str("encoding")?.filter(|encoding| !encoding.is_empty()) {
            Some(encoding) if !matches!(contents, Value::Bytes(_)) => {
                let errors = self.args.str("encoding_errors")?;
                encode(&str_of(contents), &encoding, &errors).map(Some)
            }
            _ => Ok(Some(octets(contents))),
        }
    }
}

pub(super) fn manage_file(cx: &Context, args: &Args) -> Result<Value, Fault> {
    no_selinux(|name| args.get(name).clone())?;
    let name = path(cx, args, "name")?;
    let ret = match args.get("ret") {
        Value::Map(ret) if !ret.is_empty() => ret.clone(),
        _ => empty_ret(&name),
    };
    let source = args.get("source").clone();
    let url = str_of(&source);
    let mut placing = Placing {
        file: args.opt_str("sfn")?.unwrap_or_default(),
        sum: args.get("source_sum").as_map().cloned().unwrap_or_default(),
        mode: args.get("mode").clone(),
        saltenv: args.opt_str("saltenv")?.unwrap_or_else(|| "base".to_owned()),
        checked: source.truthy()
            && scheme(&url) != "salt"
            && !args.truthy("skip_verify")
            && !args.truthy("use_etag"),
        source,
        args,
        name,
    };
    if let Some(hash) = placing.sum.str("hsum").map(str::to_lowercase) {
        placing.sum.insert("hsum", hash);
    }
    if placing.source.truthy() {
        if placing.file.is_empty() {
            if !placing.fetch(cx)? {
                let text = placing.missing();
                return failed(ret, text);
            }
            let kind =
                placing.sum.str("hash_type").or(cx.opts.str("hash_type")).unwrap_or("sha256").to_owned();
            placing.sum = sum_of(&placing.file, &kind)?;
        }
        if let Some(mode) = kept_mode(cx, args, &placing.source, &placing.saltenv) {
            placing.mode = mode;
        }
    }
    let there = Path::new(&placing.name);
    if there.is_file() || there.is_symlink() { replace(cx, placing, ret) } else { create(cx, placing, ret) }
}

/// The file is there.
fn replace(cx: &Context, mut placing: Placing, mut ret: Map) -> Result<Value, Fault> {
    let args = placing.args;
    let (follow, show_changes) = (args.truthy("follow_symlinks"), args.truthy("show_changes"));
    let is_link = Path::new(&placing.name).is_symlink();
    let real = if is_link && follow { real_path(&placing.name) } else { placing.name.clone() };
    let backup = args.get("backup").clone();
    if placing.source.truthy() {
        let kind = placing.sum.str("hash_type").or(cx.opts.str("hash_type")).unwrap_or("sha256").to_owned();
        let there = if is_link && !follow { None } else { Some(hash_of(&real, &kind)?) };
        if there.is_none() || there.as_deref() != placing.sum.str("hsum") {
            if !placing.fetch(cx)? {
                let text = placing.missing();
                return failed(ret, text);
            }
            if let Some(text) = placing.wrong_hash(&str_of(&placing.source))? {
                return failed(
                    ret,
                    format!(
                        "{text}. If the 'source_hash' value refers to a remote file with multiple possible matches, then \
                         it may be necessary to set 'source_hash_name'."
                    ),
                );
            }
            if diff::obfuscated(cx) {
                add_change(&mut ret, "diff", "<Obfuscated Template>");
            } else if !show_changes {
                add_change(&mut ret, "diff", "<show_changes=False>");
            } else {
                match diff::between(cx, &real, &placing.file, Show::Diff, false) {
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => add_change(&mut ret, "diff", text),
                    Err(fault) => add_change(&mut ret, "diff", fault_text(&fault)),
                }
            }
            if let Err(error) = copy_file(cx, &placing.file, &real, &backup) {
                clean(&placing.file);
                return failed(ret, format!("Failed to commit change: {error}"));
            }
        }
    }
    if let Some(contents) = placing.contents()? {
        let temporary = temporary_with(&contents)?;
        let show = if show_changes { Show::Diff } else { Show::Nothing };
        match diff::between(cx, &real, &temporary, show, true) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                add_change(&mut ret, "diff", text);
                if let Err(error) = copy_file(cx, &temporary, &real, &backup) {
                    clean(&temporary);
                    return failed(ret, format!("Failed to commit change: {error}"));
                }
            }
            Err(fault) => {
                let text = format!("Failed to detect changes to file: {}", fault_text(&fault));
                if let Value::List(warnings) = ret.entry("warnings", || Value::List(Vec::new())) {
                    warnings.push(text.into());
                }
            }
        }
        clean(&temporary);
    }
    if Path::new(&placing.name).is_symlink() && !follow {
        if !placing.fetch(cx)? {
            let text = placing.missing();
            return failed(ret, text);
        }
        if let Some(text) = placing.wrong_hash(&placing.name)? {
            return failed(ret, text);
        }
        if let Err(error) = copy_file(cx, &placing.file, &placing.name, &backup) {
            clean(&placing.file);
            return failed(ret, format!("Failed to commit change: {error}"));
        }
        add_change(&mut ret, "diff", "Replace symbolic link with regular file");
    }
    let (mut ret, _) = perms::check(cx, &placing.name, Some(ret), &placing.perms(follow))?;
    if ret.get("changes").is_some_and(Value::truthy) {
        ret.insert("comment", format!("File {} updated", placing.name));
    } else if ret.get("result").is_some_and(Value::truthy) {
        ret.insert("comment", format!("File {} is in the correct state", placing.name));
    }
    clean(&placing.file);
    Ok(ret.into())
}

/// The file is not there.
fn create(cx: &Context, mut placing: Placing, mut ret: Map) -> Result<Value, Fault> {
    let args = placing.args;
    let test = cx.test();
    if placing.source.truthy() {
        if !placing.fetch(cx)? {
            let text = placing.missing();
            return failed(ret, text);
        }
        if let Some(text) = placing.wrong_hash(&placing.name)? {
            return failed(ret, text);
        }
        add_change(&mut ret, "diff", "New file");
    }
    if !Path::new(dirname(&placing.name)).is_dir() {
        if !args.truthy("makedirs") {
            clean(&placing.file);
            if let Some(Value::Map(changes)) = ret.get_mut("changes") {
                changes.remove("diff");
            }
            return failed(ret, "Parent directory not present");
        }
        make_parents(cx, &placing)?;
    }
    if !placing.source.truthy() && !test {
        let has_contents = args.given("contents").is_some();
        let mode = if placing.mode.truthy() { 0o600 } else { 0o666 };
        let made = fs::OpenOptions::new().append(true).create(true).mode(mode).open(&placing.name);
        made.map_err(|error| {
            Fault::execution(error.to_string().split(" (os error").next().unwrap_or_default())
        })?;
        if has_contents {
            add_change(&mut ret, "diff", "New file");
        } else {
            add_change(&mut ret, "new", format!("file {} created", placing.name));
            ret.insert("comment", "Empty file");
        }
    }
    let backup = args.get("backup").clone();
    let placed = match placing.contents()? {
        Some(contents) => {
            let temporary = temporary_with(&contents)?;
            let placed = copy_file(cx, &temporary, &placing.name, &backup);
            clean(&temporary);
            placed
        }
        None if !placing.file.is_empty() => {
            let placed = copy_file(cx, &placing.file, &placing.name, &backup);
            clean(&placing.file);
            placed
        }
        None => Ok(()),
    };
    placed.map_err(|text| Fault::exception("OSError", text))?;
    if placing.mode.is_null() {
        placing.mode = format!("0o{:o}", (0o777 ^ umask()) & 0o666).into();
    }
    let (mut ret, _) = perms::check(cx, &placing.name, Some(ret), &placing.perms(false))?;
    if !ret.get("comment").is_some_and(Value::truthy) {
        ret.insert("comment", format!("File {} updated", placing.name));
    }
    if test {
        ret.insert("comment", format!("File {} not updated", placing.name));
    } else if !ret.get("changes").is_some_and(Value::truthy) && ret.get("result").is_some_and(Value::truthy) {
        ret.insert("comment", format!("File {} is in the correct state", placing.name));
    }
    Ok(ret.into())
}

/// A directory may be entered by all who may read the file.
fn make_parents(cx: &Context, placing: &Placing) -> Result<(), Fault> {
    let mut mode = placing.args.get("dir_mode").clone();
    if mode.is_null() && !placing.mode.is_null() {
        mode = directory_mode(&str_of(&placing.mode)).into();
    }
    tree::make_parents(cx, &placing.name, placing.args.get("user"), placing.args.get("group"), &mode)
        .map(|_| ())
}
