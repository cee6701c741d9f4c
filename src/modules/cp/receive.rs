//! What `salt-cp` sends to minions. Salt: modules/cp.py (`recv`, `recv_chunked`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use crate::loader::{Args, Context, Fault, os_error_text};
use crate::value::{Map, Value, str_of};

/// No part of a file unpacks to more.
const MAX_CHUNK_LEN: u64 = 0x1000_0000;

pub(super) fn recv(_: &Context, args: &Args) -> Result<Value, Fault> {
    let dest = args.str("dest")?;
    // What ends with a slash is a directory, there or not.
    let (folder, name) = match dest.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        parts => parts.unwrap_or(("", &dest)),
    };
    let files = args.get("files").as_map().ok_or_else(|| Fault::invocation("'files' must be a map"))?;
    let mut written = Map::new();
    for (path, text) in files {
        let path = PathBuf::from(str_of(path));
        let own_name = path.file_name().unwrap_or_default();
        let place = if Path::new(&dest).is_dir() {
            Path::new(&dest).join(own_name)
        } else if own_name == name || Path::new(folder).is_dir() {
            PathBuf::from(&dest)
        } else {
            return Ok(Value::text("Destination unavailable"));
        };
        let done = fs::write(&place, str_of(text)).is_ok();
        written.insert(place.to_string_lossy().as_ref(), done);
    }
    Ok(written.into())
}

pub(super) fn recv_chunked(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let dest = PathBuf::from(args.str("dest")?);
    let failed = |text: String| {
        cx.set_retcode(1);
        Ok(Value::Text(text))
    };
    let Some(chunk) = args.given("chunk") else {
        return match make_directory(&dest) {
            Ok(None) => Ok(Value::Bool(true)),
            Ok(Some(said)) => Ok(Value::text(said)),
            Err(error) => failed(os_error_text(&error, &dest.to_string_lossy())),
        };
    };
    let octets = chunk.as_octets().ok_or_else(|| Fault::invocation("'chunk' must be text"))?;
    let lines: Vec<u8> = octets.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let octets = STANDARD.decode(lines).map_err(|error| Fault::exception("Error", error.to_string()))?;
    let octets = if args.truthy("compressed") { unpack(&octets)? } else { octets };
    let append = args.truthy("append");
    let mut file = match open(&dest, append) {
        Ok(file) => file,
        Err((error, path)) => return failed(os_error_text(&error, &path.to_string_lossy())),
    };
    if let Err(error) = file.write_all(&octets) {
        return failed(os_error_text(&error, &dest.to_string_lossy()));
    }
    if let Some(mode) = args.given("mode").and_then(Value::as_int).filter(|_| !append) {
        let mode = u32::try_from(mode & 0o7777).unwrap_or_default();
        if let Err(error) = file.set_permissions(fs::Permissions::from_mode(mode)) {
            return failed(os_error_text(&error, &dest.to_string_lossy()));
        }
    }
    Ok(Value::Bool(true))
}

/// An empty directory. `Some` is what Salt says where a file is in the way.
fn make_directory(dest: &Path) -> io::Result<Option<&'static str>> {
    if dest.is_dir() {
        return Ok(None);
    }
    if dest.is_file() {
        return Ok(Some("Path exists and is a file"));
    }
    fs::create_dir_all(dest).map(|()| None)
}

fn open(dest: &Path, append: bool) -> Result<File, (io::Error, PathBuf)> {
    let open = || {
        let mut options = OpenOptions::new();
        options.create(true).write(true);
        if append {
            options.append(true)
        } else {
            options.truncate(true)
        };
        options.open(dest)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = dest.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(directory).map_err(|error| (error, directory.to_owned()))?;
            open()
        }
        opened => opened,
    }
    .map_err(|error| (error, dest.to_owned()))
}

fn unpack(octets: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(octets).take(MAX_CHUNK_LEN + 1).read_to_end(&mut unpacked);
    read.map_err(|error| Fault::exception("BadGzipFile", error.to_string()))?;
    if unpacked.len() as u64 > MAX_CHUNK_LEN {
        return Err(Fault::execution(format!(
            "a part of a file unpacks to more than {MAX_CHUNK_LEN} octets"
        )));
    }
    Ok(unpacked)
}
