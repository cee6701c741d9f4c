//! Files of the minion sent to the master. Salt: modules/cp.py (`push`); salt-wire.md §12 (`_file_recv`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::cache::collect;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::patterns::fnmatch;
use crate::value::Value;

const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn push(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let upload = args.opt_str("upload_path")?.filter(|path| !path.is_empty());
    let what =
        Push { keep_symlinks: args.truthy("keep_symlinks"), remove_source: args.truthy("remove_source") };
    send(cx, &args.str("path")?, upload.as_deref(), &what)
}

pub(super) fn push_dir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let given = args.str("path")?;
    if given.contains("../") || !given.starts_with('/') {
        return Ok(Value::Bool(false));
    }
    let upload = args.opt_str("upload_path")?.filter(|path| !path.is_empty());
    let what = Push::default();
    let root = fs::canonicalize(&given).map_or(given, |path| path.to_string_lossy().into_owned());
    if Path::new(&root).is_file() {
        return send(cx, &root, upload.as_deref(), &what);
    }
    let mut files = BTreeSet::new();
    collect(Path::new(&root), 0, &mut files);
    if let Some(glob) = args.opt_str("glob")? {
        files.retain(|file| fnmatch(&glob, file.rsplit('/').next().unwrap_or_default()));
    }
    if files.is_empty() {
        return Ok(Value::Bool(false));
    }
    for file in files {
        let place = upload
            .as_deref()
            .zip(file.strip_prefix(&root))
            .map(|(upload, rest)| format!("/{}/{}", upload.trim_matches('/'), rest.trim_matches('/')));
        let sent = send(cx, &file, place.as_deref(), &what)?;
        if !sent.truthy() {
            return Ok(sent);
        }
    }
    Ok(Value::Bool(true))
}

#[derive(Default)]
struct Push {
    keep_symlinks: bool,
    remove_source: bool,
}

fn send(cx: &Context, given: &str, upload: Option<&str>, what: &Push) -> Result<Value, Fault> {
    let refused = Ok(Value::Bool(false));
    if given.contains("../") || !given.starts_with('/') || upload.is_some_and(|upload| upload.contains("../"))
    {
        return refused;
    }
    let real = if what.keep_symlinks { None } else { fs::canonicalize(given).ok() };
    let path = real.map_or_else(|| given.to_owned(), |path| path.to_string_lossy().into_owned());
    if !Path::new(&path).is_file() {
        return refused;
    }
    let parts = parts(upload.unwrap_or(&path));
    let mut file = File::open(&path).map_err(|error| Fault::os(&error, &path))?;
    let size = file.metadata()?.len();
    let chunk_len = cx.opts.get("file_buffer_size").and_then(Value::as_int);
    let chunk_len =
        chunk_len.and_then(|length| u64::try_from(length).ok()).unwrap_or(262_144).clamp(1, 0x100_0000);
    let mut at = 0_u64;
    loop {
        let mut chunk = Vec::new();
        file.by_ref().take(chunk_len).read_to_end(&mut chunk)?;
        // An empty file is sent too, as one empty part.
        if chunk.is_empty() && at > 0
            || chunk.is_empty() && size == 0 && at == 0 && sent_empty(cx, &parts, size)?
        {
            return Ok(Value::Bool(remove(&path, what.remove_source)));
        }
        if chunk.is_empty() {
            return refused;
        }
        let length = chunk.len();
        let reply = cx.minion.request(load(cx, &parts, size, at, chunk), TIMEOUT)?;
        if !reply.truthy() {
            crate::log::error!(
                path,
                "cp.push failed: the master has to have file_recv: True, and the file has to be smaller than \
                 its file_recv_max_size"
            );
            return Ok(reply);
        }
        at += u64::try_from(length).unwrap_or_default();
    }
}

fn sent_empty(cx: &Context, parts: &[String], size: u64) -> Result<bool, Fault> {
    Ok(cx.minion.request(load(cx, parts, size, 0, Vec::new()), TIMEOUT)?.truthy())
}

fn load(cx: &Context, parts: &[String], size: u64, at: u64, chunk: Vec<u8>) -> crate::value::Map {
    map! {
        "cmd" => "_file_recv",
        "id" => cx.opt_str("id"),
        "path" => Value::list(parts.iter()),
        "size" => size,
        "loc" => at,
        "data" => Bytes::from(chunk),
    }
}

/// The names between the slashes, `.` and `..` resolved.
fn parts(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

fn remove(path: &str, wanted: bool) -> bool {
    if !wanted {
        return true;
    }
    let removed = fs::remove_file(path);
    if let Err(error) = &removed {
        crate::log::error!(path, %error, "cp.push failed to remove the file");
    }
    removed.is_ok()
}
