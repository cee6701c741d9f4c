//! `mount.fstab_present` and `mount.fstab_absent`. Salt: states/mount.py.

use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Value, str_of};

/// The device as the table shall name it: as it is, or by what `blkid` knows of it.
fn converted(running: &Running, name: &str, to: &Value) -> Result<Option<String>, Fault> {
    let to = str_of(to);
    let upper = to.to_uppercase();
    if (to == "device" && name.starts_with('/')) || name.starts_with(&format!("{upper}=")) {
        return Ok(Some(name.to_owned()));
    }
    let asked = map! { if name.starts_with('/') { "device" } else { "token" } => name };
    let known = running.ask_with("disk.blkid", &[], asked)?;
    let Some((device, info)) = known.as_map().filter(|known| known.len() == 1).and_then(|known| known.at(0))
    else {
        return Ok(None);
    };
    if to == "device" {
        return Ok(Some(str_of(device)));
    }
    Ok(info.get(&upper).map(|value| format!("{upper}={}", str_of(value))))
}

/// Place, device and table, as the functions want them; or why there is no such device.
fn wanted(running: &Running, args: &Args) -> Result<Result<(String, String, String), StateReturn>, Fault> {
    let (name, config) = (args.str("name")?, args.str("config")?);
    let mut place = args.str("fs_file")?;
    if place != "/" {
        place.truncate(place.trim_end_matches('/').len());
    }
    let by = args.get("mount_by");
    let device = if by.truthy() { converted(running, &name, by)? } else { Some(name.clone()) };
    let comment = format!("Device {name} cannot be converted to {}", str_of(by));
    Ok(device
        .map(|device| (place, device, config))
        .ok_or_else(|| StateReturn::new(name, Some(false), comment)))
}

pub(super) fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (place, device, config) = match wanted(running, args)? {
        Ok(wanted) => wanted,
        Err(failed) => return Ok(failed),
    };
    let name = args.str("name")?;
    let test = running.test();
    let mut entry = map! {
        "name" => place.as_str(),
        "device" => device,
        "fstype" => args.get("fs_vfstype").clone(),
        "opts" => args.get("fs_mntops").clone(),
        "dump" => args.get("fs_freq").clone(),
        "pass_num" => args.get("fs_passno").clone(),
        "config" => config.as_str(),
    };
    if test {
        entry.insert("test", true);
    }
    entry.insert("match_on", args.get("match_on").clone());
    entry.insert("not_change", args.get("not_change").clone());
    let done = str_of(&running.ask_with("mount.set_fstab", &[], entry)?);
    let mut ret = StateReturn::new(name.as_str(), if test { None } else { Some(true) }, "");
    let says = |text: &str| format!("{place} entry {text} {config}.");
    ret.comment = match (done.as_str(), test) {
        ("present", true) => says("is already in"),
        ("new", true) => says("will be written in"),
        ("change", true) => says("will be updated in"),
        ("present", false) => says("was already in"),
        ("new", false) => says("added in"),
        ("change", false) => says("updated in"),
        (_, test) => {
            ret.result = Some(false);
            let verb = if test { "created" } else { "changed" };
            format!("{place} entry cannot be {verb} in {config}: {done}.")
        }
    };
    if !test && ["new", "change"].contains(&done.as_str()) {
        ret.changes = map! { "persist" => done.as_str() }.into();
    }
    if done == "new" && args.truthy("mount") {
        let more = if test {
            format!("Will mount {name} on {place}")
        } else {
            match running.ask("mount.mount", &[place.as_str().into()])? {
                Value::Text(text) => {
                    ret.result = Some(false);
                    format!(
                        "Error while mounting {}",
                        text.split_once(':').map_or(text.as_str(), |(_, rest)| rest)
                    )
                }
                _ => format!("Mounted {name} on {place}"),
            }
        };
        ret.comment += &format!("\n{more}");
    }
    Ok(ret)
}

pub(super) fn absent(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let (place, device, config) = match wanted(running, args)? {
        Ok(wanted) => wanted,
        Err(failed) => return Ok(failed),
    };
    let test = running.test();
    let is_there = super::table(running, &config)?.contains(&place);
    let answer = |result, text: &str, end: &str| {
        StateReturn::new(args.get("name").clone(), result, format!("{place} entry {text} {end} {config}."))
    };
    Ok(match (is_there, test) {
        (false, true) => answer(None, "is already missing", "in"),
        (true, true) => answer(None, "will be removed", "from"),
        (false, false) => answer(Some(true), "is already missing", "in"),
        (true, false) => {
            let asked = map! { "name" => place.as_str(), "device" => device, "config" => config.as_str() };
            if running.ask_with("mount.rm_fstab", &[], asked)?.as_bool() == Some(true) {
                answer(Some(true), "removed", "from").with(map! { "persist" => "removed" })
            } else {
                answer(Some(false), "failed when removing", "from")
            }
        }
    })
}
