//! `mount.mounted`. Salt: states/mount.py.

use std::fs;
use std::path::Path;

use regex::Regex;

use super::options::{Rules, texts};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

fn real(path: &str) -> String {
    fs::canonicalize(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

fn field(mount: Option<&Value>, key: &str) -> String {
    mount.and_then(|mount| mount.get(key)).filter(|value| !value.is_null()).map(str_of).unwrap_or_default()
}

/// What the state wants, once its arguments are understood.
struct Wanted {
    name: String,
    /// As given.
    device: String,
    /// As the kernel names it.
    real_device: String,
    fstype: String,
    opts: Vec<String>,
    /// `name` without links.
    place: String,
    /// `place` as tables write it.
    key: String,
    /// Devices that count as the same.
    alike: Vec<String>,
}

impl Wanted {
    fn change(&self, args: &Args) -> ([Value; 2], Map) {
        let options = map! {
            "mkmnt" => args.get("mkmnt").clone(),
            "fstype" => self.fstype.as_str(),
            "opts" => Value::list(&self.opts),
        };
        ([self.place.as_str().into(), self.device.as_str().into()], options)
    }
}

fn active(running: &Running) -> Result<Map, Fault> {
    let active = running.ask_with("mount.active", &[], map! { "extended" => true })?;
    Ok(active.as_map().cloned().unwrap_or_default())
}

/// A bind mount is shown with the device below it, and has its options.
fn follow_bind(wanted: &mut Wanted, active: &mut Map, copies: bool) {
    let on_device = field(active.get(&wanted.key), "device").starts_with('/');
    let mut below = wanted.device.replace(' ', "\\040");
    while on_device && !active.contains(&below) {
        let plain = below.replace("\\040", " ");
        let Some(parent) = Path::new(&plain).parent() else { break };
        below = parent.display().to_string();
    }
    let source = active.get(&below).cloned();
    if let Some(source) = &source {
        if copies {
            for key in ["opts", "superopts"] {
                wanted.opts.extend(source.get(key).map(texts).unwrap_or_default());
            }
            sort::all(&mut wanted.opts);
            wanted.opts.dedup();
        }
        if let Some(Value::List(opts)) =
            active.get_mut(&wanted.key).and_then(Value::as_map_mut).and_then(|mount| mount.get_mut("opts"))
        {
            opts.push("bind".into());
        }
    }
    let shown = if on_device { source } else { active.get(&wanted.key).cloned() };
    wanted.real_device = field(shown.as_ref(), "device");
}

/// Understands the device; the comment where there is none with the label.
fn find_device(
    running: &Running,
    wanted: &mut Wanted,
    active: &mut Map,
    copies: bool,
) -> Result<Option<String>, Fault> {
    let device = wanted.device.clone();
    let upper = device.to_uppercase();
    let value = device.split_once('=').map(|(_, value)| value).unwrap_or_default();
    if device.starts_with('/') {
        if wanted.opts.iter().any(|option| option == "bind") && active.contains(&wanted.key) {
            follow_bind(wanted, active, copies);
        } else {
            wanted.real_device = real(&device);
        }
    } else if upper.starts_with("UUID=") {
        wanted.real_device = value.trim_matches('"').to_lowercase();
    } else if upper.starts_with("LABEL=") {
        let ran = running.ask("cmd.run_all", &[format!("blkid -t LABEL={value}").into()])?;
        let said = ran.get("stdout").map(str_of).unwrap_or_default();
        wanted.alike = said.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
        match wanted.alike.first() {
            Some(first) if !ran.get("retcode").is_some_and(Value::truthy) => {
                wanted.real_device.clone_from(first);
            }
            _ => return Ok(Some(format!("Unable to find device with label {value}."))),
        }
    }
    // Logical volumes have two names; the kernel shows the one below /dev/mapper, with dashes doubled.
    let parts: Vec<&str> = device.split('/').collect();
    if let ["", "dev", group, volume] = parts.as_slice() {
        let mapped = format!("/dev/mapper/{}-{}", group.replace('-', "--"), volume.replace('-', "--"));
        if Path::new(&mapped).exists() {
            wanted.real_device = mapped;
        }
    }
    // Of a FUSE file system only what follows the kind is shown.
    if let Some((kind, rest)) = device.split_once('#') {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        if !kind.is_empty() && kind.chars().all(is_word) && !rest.is_empty() {
            wanted.real_device = rest.to_owned();
        }
    }
    Ok(None)
}

fn note(ret: &mut StateReturn, key: &str, value: impl Into<Value>) {
    if let Some(changes) = ret.changes.as_map_mut() {
        changes.insert(key, value);
    }
}

/// Gives a mounted file system the options that it should have. `Some` ends the state.
fn reoption(
    running: &Running,
    args: &Args,
    wanted: &mut Wanted,
    ret: &mut StateReturn,
    changed: &str,
) -> Result<bool, Fault> {
    let (asked, options) = wanted.change(args);
    let fresh = ["nfs", "cvfs"].contains(&wanted.fstype.as_str()) || wanted.fstype.starts_with("fuse");
    let how = if fresh { "unmount and mount" } else { "remount" };
    note(ret, "umount", format!("Forced {how} because options ({changed}) changed"));
    let out = if fresh {
        let out = running.ask("mount.umount", &[wanted.place.as_str().into()])?;
        if out.as_bool() != Some(true) {
            ret.result = Some(false);
            ret.comment = format!("Unable to unmount {}: {}.", wanted.place, str_of(&out));
            return Ok(false);
        }
        running.ask_with("mount.mount", &asked, options)?
    } else {
        running.ask_with("mount.remount", &asked, options)?
    };
    wanted.opts.retain(|option| fresh || option != "remount");
    if out.as_bool() != Some(true) {
        ret.result = Some(false);
        ret.comment = str_of(&out);
        return Ok(false);
    }
    Ok(true)
}

/// What is mounted there: is it that device, with those options? `Err` ends the state.
fn compare(
    running: &Running,
    args: &Args,
    wanted: &mut Wanted,
    active: &mut Map,
    ret: &mut StateReturn,
) -> Result<Result<bool, ()>, Fault> {
    let mut update_cache = false;
    let mount = active.get(&wanted.key).cloned().unwrap_or_default();
    for device in [field(Some(&mount), "device"), String::new()] {
        let device =
            if device.is_empty() { wanted.alike.first().map(|first| real(first)) } else { Some(device) };
        wanted.alike.extend(device);
    }
    for key in ["alt_device", "device_uuid", "device_label"] {
        let other = field(Some(&mount), key);
        if !other.is_empty() && !wanted.alike.contains(&other) {
            wanted.alike.push(other);
        }
    }
    if !wanted.opts.is_empty() {
        let rules = Rules::of(args, &wanted.fstype);
        let opts = wanted.opts.clone();
        let missing = rules.missing(running, &opts, &wanted.fstype, &mount)?;
        let cache = running.ask("mount.read_mount_cache", &[wanted.place.as_str().into()])?;
        let gone: Option<Vec<String>> = cache
            .get("opts")
            .map(|kept| texts(kept).into_iter().filter(|option| !wanted.opts.contains(option)).collect());
        update_cache = gone.is_none();
        for (changed, space) in [(missing.join(","), " "), (gone.unwrap_or_default().join(","), "")] {
            if changed.is_empty() {
                continue;
            }
            if running.test() {
                ret.result = None;
                ret.comment = format!("Remount would be forced because options ({changed}){space}changed");
                return Ok(Err(()));
            }
            if !reoption(running, args, wanted, ret, &changed)? {
                return Ok(Err(()));
            }
            update_cache = true;
        }
    }
    if wanted.alike.contains(&wanted.real_device) {
        ret.comment = "Target was already mounted".to_owned();
        return Ok(Ok(update_cache));
    }
    let patterns = texts_of_list(args.get("device_name_regex"));
    let excused = patterns.iter().find_map(|pattern| {
        let regex = Regex::new(&format!("^(?:{pattern})")).ok()?;
        wanted.alike.iter().find(|device| regex.is_match(device))
    });
    if let Some(device) = excused {
        ret.comment =
            format!("An umount will not be forced because device matched device_name_regex: {device}");
    } else if running.test() {
        ret.result = None;
        ret.comment = format!(
            "An umount would have been forced because devices do not match.  Watched: {}",
            wanted.device
        );
    } else {
        let real = if wanted.real_device == wanted.device {
            String::new()
        } else {
            format!(" ({})", wanted.real_device)
        };
        let text = format!(
            "Forced unmount because devices don't match. Wanted: {}{real}, current: {}",
            wanted.device,
            wanted.alike.join(", ")
        );
        note(ret, "umount", text);
        let user = map! { "user" => args.get("user").clone() };
        running.ask_with("mount.umount", &[wanted.place.as_str().into()], user)?;
        *active = self::active(running)?;
        if active.contains(&wanted.key) {
            ret.result = None;
            ret.comment = "Unable to unmount".to_owned();
            return Ok(Err(()));
        }
        update_cache = true;
    }
    Ok(Ok(update_cache))
}

fn texts_of_list(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => vec![str_of(other)],
    }
}

/// Nothing is mounted there. `Ok(true)`: it is now. `Err` ends the state.
fn bring(
    running: &Running,
    args: &Args,
    wanted: &Wanted,
    ret: &mut StateReturn,
) -> Result<Result<bool, ()>, Fault> {
    let name = &wanted.name;
    let (exists, makes) = (Path::new(name).exists(), args.truthy("mkmnt"));
    let test = running.test();
    if args.truthy("mount") {
        if test {
            ret.result = None;
            ret.comment = match (exists, makes) {
                (true, _) => format!("{name} would be mounted"),
                (false, true) => format!("{name} would be created and mounted"),
                (false, false) => format!("{name} does not exist and would not be created"),
            };
            return Ok(Err(()));
        }
        if !exists && !makes {
            ret.result = Some(false);
            ret.comment = "Mount directory is not present".to_owned();
            return Ok(Err(()));
        }
        let asked = [
            name.as_str().into(),
            wanted.device.as_str().into(),
            makes.into(),
            wanted.fstype.as_str().into(),
            Value::list(&wanted.opts),
        ];
        let out = running.ask_with("mount.mount", &asked, map! { "user" => args.get("user").clone() })?;
        if let Value::Text(text) = out {
            ret.result = Some(false);
            ret.comment = text;
            return Ok(Err(()));
        }
        if active(running)?.contains(&wanted.key) {
            ret.comment = "Target was successfully mounted".to_owned();
            note(ret, "mount", true);
        }
        return Ok(Ok(true));
    }
    ret.comment = match (exists, makes, test) {
        (true, _, true) => format!("{name} would not be mounted"),
        (true, _, false) => format!("{name} not mounted"),
        (false, true, true) => format!("{name} would be created, but not mounted"),
        (false, false, true) => format!("{name} does not exist and would neither be created nor mounted"),
        (false, true, false) => format!("{name} was created, not mounted"),
        (false, false, false) => format!("{name} not present and not mounted"),
    };
    if !exists && test {
        ret.result = None;
    } else if !exists && makes {
        running.ask_with(
            "file.mkdir",
            &[name.as_str().into()],
            map! { "user" => args.get("user").clone() },
        )?;
    }
    Ok(Ok(false))
}

/// The entry of the table.
fn keep(
    running: &Running,
    args: &Args,
    wanted: &Wanted,
    ret: &mut StateReturn,
) -> Result<Option<String>, Fault> {
    let asked = [
        wanted.name.as_str().into(),
        wanted.device.as_str().into(),
        wanted.fstype.as_str().into(),
        Value::list(&wanted.opts),
        args.get("dump").clone(),
        args.get("pass_num").clone(),
        args.get("config").clone(),
    ];
    let mut options = map! { "match_on" => args.get("match_on").clone() };
    if running.test() {
        options.insert("test", true);
    }
    let done = str_of(&running.ask_with("mount.set_fstab", &asked, options)?);
    if !running.test() {
        return Ok(Some(done));
    }
    let (name, mounts) = (&wanted.name, args.truthy("mount"));
    let write = "needs to be written to the fstab in order to be made persistent.";
    let comment = match (done.as_str(), mounts) {
        ("present", _) => return Ok(Some(done)),
        ("new", true) => format!("{name} is mounted, but {write}"),
        ("new", false) => format!("{name} {write}"),
        ("change", true) => format!("{name} is mounted, but its fstab entry must be updated."),
        ("change", false) => format!("The {name} fstab entry must be updated."),
        _ => format!(
            "Unable to detect fstab status for mount point {name} due to unexpected output '{done}' from call to \
             mount.set_fstab. This is most likely a bug."
        ),
    };
    ret.result = if ["new", "change"].contains(&done.as_str()) { None } else { Some(false) };
    ret.comment = format!("{}. {comment}", ret.comment);
    Ok(None)
}

pub(super) fn mounted(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let text = |key: &str| Ok::<_, Fault>(args.opt_str(key)?.unwrap_or_default());
    let (mut name, device, fstype) = (text("name")?, text("device")?, text("fstype")?);
    for (key, value) in [("name", &name), ("device", &device), ("fstype", &fstype)] {
        if value.is_empty() {
            return Ok(StateReturn::new(
                name.as_str(),
                Some(false),
                format!("Must provide {key} to mount.mounted"),
            ));
        }
    }
    let mut ret = StateReturn::new(name.as_str(), Some(true), "");
    if name != "/" {
        name.truncate(name.trim_end_matches('/').len());
    }
    let mut active = active(running)?;
    let place = real(&name);
    let mut wanted = Wanted {
        key: place.replace(' ', "\\040"),
        place,
        real_device: device.clone(),
        device,
        name,
        fstype,
        opts: texts(args.get("opts")),
        alike: Vec::new(),
    };
    let copies = args.truthy("bind_mount_copy_active_opts");
    if let Some(comment) = find_device(running, &mut wanted, &mut active, copies)? {
        ret.result = Some(false);
        ret.comment = comment;
        return Ok(ret);
    }
    let mut update_cache = false;
    if active.contains(&wanted.key) && args.truthy("mount") {
        match compare(running, args, &mut wanted, &mut active, &mut ret)? {
            Ok(update) => update_cache = update,
            Err(()) => return Ok(ret),
        }
    }
    if !active.contains(&wanted.key) {
        match bring(running, args, &wanted, &mut ret)? {
            Ok(update) => update_cache |= update,
            Err(()) => return Ok(ret),
        }
    }
    if args.truthy("persist") {
        let Some(done) = keep(running, args, &wanted, &mut ret)? else { return Ok(ret) };
        if update_cache && !running.test() {
            let (asked, mut options) = wanted.change(args);
            options.remove("opts");
            options.insert("mount_opts", Value::list(&wanted.opts));
            running.ask_with("mount.write_mount_cache", &asked, options)?;
        }
        super::note_entry(&mut ret, &done);
    }
    Ok(ret)
}
