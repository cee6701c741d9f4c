//! What files were before states replaced them. Salt: modules/file.py (`list_backups`, `restore_backup`,
//! `delete_backup`).

use std::fs;
use std::path::Path;

use jiff::civil::DateTime;

use super::paths::{basename, dirname, path};
use super::place::{backup_root, keep_backup};
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

/// The backups of a file, youngest first.
fn backups(cx: &Context, path: &str) -> Vec<(DateTime, Map)> {
    let directory = backup_root(cx).join(dirname(path).trim_start_matches('/'));
    let begin = format!("{}_", basename(path));
    let mut found: Vec<(DateTime, Map)> = Vec::new();
    for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (Some(stamp), Ok(meta)) = (name.strip_prefix(&begin), entry.metadata()) else { continue };
        let Some(time) = time_of(stamp).filter(|_| meta.is_file()) else { continue };
        let told = map! {
            "Backup Time" => format!("{}.{:06}", time.strftime("%a %b %d %Y %H:%M:%S"), time.subsec_nanosecond() / 1000),
            "Size" => meta.len(),
            "Location" => entry.path().to_string_lossy().as_ref(),
        };
        found.push((time, told));
    }
    sort::by(&mut found, |(a, _), (b, _)| b.cmp(a));
    found
}

/// `Wed_Nov_25_17:02:41_123456_2026`.
fn time_of(stamp: &str) -> Option<DateTime> {
    let (rest, year) = stamp.rsplit_once('_')?;
    let (rest, micros) = rest.rsplit_once('_')?;
    let time = DateTime::strptime("%a_%b_%d_%H:%M:%S_%Y", format!("{rest}_{year}")).ok()?;
    let micros: i32 = micros.parse().ok()?;
    time.with().subsec_nanosecond(micros.checked_mul(1000)?).build().ok()
}

pub(super) fn list_backups(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let limit = str_of(args.get("limit")).parse::<usize>().unwrap_or(usize::MAX);
    let found = backups(cx, &path).into_iter().take(limit).enumerate();
    let numbered: Map = found.map(|(number, (_, told))| (Value::from(number), told)).collect();
    Ok(numbered.into())
}

pub(super) fn list_backups_dir(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let limit = str_of(args.get("limit")).parse::<usize>().unwrap_or(usize::MAX);
    let directory = backup_root(cx).join(dirname(&path).trim_start_matches('/'));
    let mut names: Vec<String> = fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().split('_').next().map(str::to_owned))
        .collect();
    sort::all(&mut names);
    names.dedup();
    let mut files = Map::new();
    for name in names {
        let own = format!("{}/{name}", dirname(&path));
        let found = backups(cx, &own).into_iter().take(limit).enumerate();
        let numbered: Map = found.map(|(number, (_, told))| (Value::from(number), told)).collect();
        files.insert(name, numbered);
    }
    Ok(files.into())
}

/// The backup of a number; the text says why there is none.
fn chosen(cx: &Context, path: &str, id: &Value) -> Result<String, String> {
    let text = str_of(id);
    let number = text.parse::<usize>().ok().filter(|number| number.to_string().len() == text.len());
    let Some(number) = number else { return Err(format!("Invalid backup_id '{text}'")) };
    let found = backups(cx, path).into_iter().nth(number);
    found
        .and_then(|(_, told)| told.str("Location").map(str::to_owned))
        .ok_or_else(|| format!("backup_id '{text}' does not exist for {path}"))
}

fn outcome(result: bool, comment: String) -> Value {
    map! { "result" => result, "comment" => comment }.into()
}

pub(super) fn restore_backup(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    let kept = match chosen(cx, &path, args.get("backup_id")) {
        Ok(kept) => kept,
        Err(comment) => return Ok(outcome(false, comment)),
    };
    keep_backup(cx, &path).map_err(|error| Fault::os(&error, &path))?;
    let restored = fs::read(&kept).and_then(|octets| fs::write(&path, octets));
    Ok(match restored {
        Ok(()) => outcome(true, format!("Successfully restored {kept} to {path}")),
        Err(error) => {
            outcome(false, format!("Unable to restore {kept} to {path}: {}", os_error_text(&error, &path)))
        }
    })
}

pub(super) fn delete_backup(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = path(cx, args, "path")?;
    Ok(match chosen(cx, &path, args.get("backup_id")) {
        Err(comment) => outcome(false, comment),
        Ok(kept) => match fs::remove_file(Path::new(&kept)) {
            Ok(()) => outcome(true, format!("Successfully removed {kept}")),
            Err(error) => {
                outcome(false, format!("Unable to remove {kept}: {}", os_error_text(&error, &kept)))
            }
        },
    })
}
