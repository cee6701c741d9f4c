//! `mount.unmounted`. Salt: states/mount.py.

use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Value, str_of};

pub(super) fn unmounted(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    if name.is_empty() {
        return Ok(StateReturn::new("", Some(false), "Must provide name to mount.unmounted"));
    }
    let device = args.opt_str("device")?.filter(|device| !device.is_empty());
    let mut ret = StateReturn::new(name.as_str(), Some(true), "Target was already unmounted");
    let active = running.ask_with("mount.active", &[], map! { "extended" => true })?;
    if active.get(&name.replace(' ', "\\040")).is_some() {
        if running.test() {
            let comment = format!("Mount point {name} is mounted but should not be");
            return Ok(StateReturn::new(name, None, comment));
        }
        let mut asked = vec![Value::from(name.as_str())];
        asked.extend(device.as_deref().map(Value::from));
        let out = running.ask_with("mount.umount", &asked, map! { "user" => args.get("user").clone() })?;
        match out {
            Value::Bool(true) => {
                ret.comment = "Target was successfully unmounted".to_owned();
                ret.changes = map! { "umount" => true }.into();
            }
            Value::Text(text) => {
                ret.comment = text;
                ret.result = Some(false);
            }
            _ => ret.comment = "Execute set to False, Target was not unmounted".to_owned(),
        }
        running.ask("mount.delete_mount_cache", &[name.as_str().into()])?;
    }
    if args.truthy("persist") {
        purge(running, &mut ret, &name, device, &args.str("config")?)?;
    }
    Ok(ret)
}

/// Takes the entry out of the table.
fn purge(
    running: &Running,
    ret: &mut StateReturn,
    name: &str,
    device: Option<String>,
    config: &str,
) -> Result<(), Fault> {
    let table = super::table(running, config)?;
    if !table.contains(name) {
        ret.comment += ". fstab entry not found";
        return Ok(());
    }
    if let Some(device) = device.as_deref().filter(|device| *device != super::device_in(&table, name)) {
        ret.comment += &format!(". fstab entry for device {device} not found");
        return Ok(());
    }
    if running.test() {
        ret.result = None;
        ret.comment = format!(
            "Mount point {name} is unmounted but needs to be purged from {config} to be made persistent"
        );
        return Ok(());
    }
    let out = running.ask("mount.rm_fstab", &[name.into(), device.into(), config.into()])?;
    if out.as_bool() == Some(true) {
        ret.comment += ". Removed target from fstab";
        if let Some(changes) = ret.changes.as_map_mut() {
            changes.insert("persist", "purged");
        }
    } else {
        ret.result = Some(false);
        ret.comment +=
            &format!(". Failed to persist purge{}", if out.is_null() { String::new() } else { str_of(&out) });
    }
    Ok(())
}
