//! What stands in files: reading, writing, adding lines, hashes, looking for text. Salt: modules/file.py.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::paths::path;
use crate::crypt::HashType;
use crate::loader::{Args, Context, Fault};
use crate::patterns::PyRegex;
use crate::value::{Value, str_of};

/// As Salt's `BufferedReader`: where text may be looked for, a file is read in parts of this size.
const BUFFER: usize = 64 << 10;

pub(super) fn read(_: &Context, args: &Args) -> Result<Value, Fault> {
    let path = args.str("path")?;
    let octets = fs::read(&path).map_err(|error| Fault::os(&error, &path))?;
    if args.get("binary") == &Value::Bool(true) {
        return Ok(Value::Bytes(octets.into()));
    }
    Ok(String::from_utf8_lossy(&octets).replace("\r\n", "\n").into())
}

/// The lines given: those in `args=`, or the others.
fn lines(args: &Args) -> Vec<String> {
    let given = match args.keywords.get("args") {
        Some(Value::List(lines)) => lines.clone(),
        Some(line) => vec![line.clone()],
        None => args.rest.clone(),
    };
    given.iter().map(|line| format!("{}\n", str_of(line))).collect()
}

pub(super) fn write(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, lines) = (path(cx, args, "path")?, lines(args));
    fs::write(&path, lines.concat()).map_err(|error| Fault::os(&error, &path))?;
    Ok(format!("Wrote {} lines to \"{path}\"", lines.len()).into())
}

pub(super) fn append(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, lines) = (path(cx, args, "path")?, lines(args));
    let append = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last)?;
        }
        file.seek(SeekFrom::End(0))?;
        let ending = if last == [b'\n'] { "" } else { "\n" };
        file.write_all(format!("{ending}{}", lines.concat()).as_bytes())
    };
    append().map_err(|error| Fault::os(&error, &path))?;
    Ok(format!("Wrote {} lines to \"{path}\"", lines.len()).into())
}

pub(super) fn prepend(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (path, lines) = (path(cx, args, "path")?, lines(args));
    let mut whole = lines.concat().into_bytes();
    whole.extend(fs::read(&path).unwrap_or_default());
    fs::write(&path, whole).map_err(|error| Fault::os(&error, &path))?;
    Ok(format!("Prepended {} lines to \"{path}\"", lines.len()).into())
}

pub(super) fn truncate(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let length = u64::try_from(args.int("length")?)
        .map_err(|_| Fault::exception("OSError", "[Errno 22] Invalid argument"))?;
    let file = OpenOptions::new().read(true).write(true).open(&path);
    file.and_then(|file| file.set_len(length)).map_err(|error| Fault::os(&error, &path))?;
    Ok(Value::Null)
}

pub(super) fn seek_read(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let (size, offset) = (args.int("size")?, args.int("offset")?);
    let (Ok(size), Ok(offset)) = (u64::try_from(size), u64::try_from(offset)) else {
        return Err(Fault::exception("OSError", "[Errno 22] Invalid argument"));
    };
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut octets = Vec::new();
        file.take(size).read_to_end(&mut octets)?;
        Ok(octets)
    };
    Ok(Value::Bytes(read().map_err(|error| Fault::os(&error, &path))?.into()))
}

/// The digest of a file.
pub(super) fn hash_of(path: &str, form: &str) -> Result<String, Fault> {
    let unknown = |_| Fault::exception("ValueError", format!("Invalid hash type: {form}"));
    let mut hasher = form.parse::<HashType>().map_err(unknown)?.hasher();
    let mut hash = || -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = file.read(&mut buffer)?;
            match buffer.get(..count) {
                Some(read) if count > 0 => hasher.update(read),
                _ => return Ok(()),
            }
        }
    };
    hash().map_err(|error| Fault::os(&error, path))?;
    Ok(hasher.finish_hex())
}

pub(super) fn get_hash(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok(hash_of(&path(cx, args, "path")?, &args.str("form")?)?.into())
}

pub(super) fn get_sum(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    if !Path::new(&path).is_file() {
        return Ok("File not found".into());
    }
    Ok(hash_of(&path, &args.str("form")?)?.into())
}

pub(super) fn check_hash(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let Value::Text(given) = args.get("file_hash") else {
        return Err(Fault::invocation("hash must be a string"));
    };
    let (form, hash) = match given.split_once(':').or_else(|| given.split_once('=')) {
        Some(both) => both,
        None => {
            let form = match given.chars().count() {
                32 => "md5",
                40 => "sha1",
                56 => "sha224",
                64 => "sha256",
                96 => "sha384",
                128 => "sha512",
                length => {
                    return Err(Fault::invocation(format!(
                        "Hash {given} (length: {length}) could not be matched to a supported hash type. The supported \
                         hash types and lengths are: md5 (32), sha1 (40), sha224 (56), sha256 (64), sha384 (96), \
                         sha512 (128)"
                    )));
                }
            };
            (form, given.as_str())
        }
    };
    Ok((hash_of(&path, form)? == hash).into())
}

/// Whether a text stands in a file.
pub(super) fn contains(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let text = str_of(args.get("text"));
    let Ok(octets) = fs::read(path) else { return Ok(false.into()) };
    Ok(String::from_utf8_lossy(&octets).contains(text.trim()).into())
}

/// Whether a line of a file holds what a pattern describes.
pub(super) fn contains_regex(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let Ok(octets) = fs::read(path) else { return Ok(false.into()) };
    let pattern = args.str("regex")?;
    PyRegex::new(&pattern).map_err(|error| Fault::exception("re.error", error.to_string()))?;
    // A search is a match behind anything.
    let regex = PyRegex::new(&format!("[\\s\\S]*?(?:{pattern})"))
        .map_err(|_| Fault::NotSupported(format!("searching for the pattern {pattern}")))?;
    let lchar = str_of(args.get("lchar"));
    let text = String::from_utf8_lossy(&octets).into_owned();
    let strip = |char: char| lchar.contains(char);
    Ok(text
        .split_inclusive('\n')
        .any(|line| regex.matches(if lchar.is_empty() { line } else { line.trim_start_matches(strip) }))
        .into())
}

/// Whether a part of a file is like a glob.
pub(super) fn contains_glob(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let Ok(octets) = fs::read(path) else { return Ok(false.into()) };
    let glob = args.str("glob_expr")?;
    Ok(octets
        .chunks(BUFFER)
        .any(|part| crate::patterns::fnmatch(&glob, &String::from_utf8_lossy(part)))
        .into())
}

pub(super) fn seek_write(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let offset = u64::try_from(args.int("offset")?)
        .map_err(|_| Fault::exception("OSError", "[Errno 22] Invalid argument"))?;
    let data = args.get("data").as_octets().map(<[u8]>::to_vec).unwrap_or_default();
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&data)?;
        file.sync_all()
    };
    write().map_err(|error| Fault::os(&error, &path))?;
    Ok(data.len().into())
}

pub(super) fn path_exists_glob(cx: &Context, args: &Args) -> Result<Value, Fault> {
    Ok((!crate::host::glob(&path(cx, args, "path")?).is_empty()).into())
}

/// Octets of a file, or of all files below a directory, those with several names once.
pub(super) fn diskusage(_: &Context, args: &Args) -> Result<Value, Fault> {
    use std::os::unix::fs::MetadataExt;
    let path = args.str("path")?;
    let mut waiting = vec![std::path::PathBuf::from(&path)];
    if let Ok(found) = fs::metadata(&path)
        && found.is_file()
    {
        return Ok(found.len().into());
    }
    let (mut total, mut seen) = (0, std::collections::HashSet::new());
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if let Ok(found) = fs::metadata(entry.path())
                && !found.is_dir()
                && seen.insert(found.ino())
            {
                total += found.len();
            }
        }
    }
    Ok(total.into())
}
