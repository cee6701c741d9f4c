//! Owner, group, mode and attributes as they should be. Salt: modules/file.py (`check_perms`).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::attributes::{change_owner, group_name, metadata, mode_text, user_name};
use super::paths::path;
use super::programs;
use crate::host::normalize_mode;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// Sets a mode written in octal digits; nothing happens for one that is none, as in Salt.
pub(super) fn set_mode(path: &str, mode: &str) {
    let digits = mode.trim_start_matches(['0', 'O', 'o']);
    let digits = if digits.is_empty() { "0" } else { digits };
    if let Some(mode) = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777)
        && let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(mode))
    {
        crate::log::debug!(path, %error, "the mode cannot be set");
    }
}

/// What a file should be like.
pub(super) struct Perms<'a> {
    pub user: &'a Value,
    pub group: &'a Value,
    pub mode: &'a Value,
    pub attrs: &'a Value,
    pub follow_symlinks: bool,
}

/// What a file is like.
pub(super) struct Owned {
    user: Value,
    uid: Value,
    group: Value,
    gid: Value,
    mode: String,
}

impl Owned {
    pub(super) fn of(cx: &Context, path: &str, follow: bool) -> Result<Self, Fault> {
        let found = metadata(path, follow)?;
        Ok(Owned {
            user: user_name(cx, found.uid()),
            uid: found.uid().into(),
            group: group_name(cx, found.gid()),
            gid: found.gid().into(),
            mode: mode_text(found.mode()),
        })
    }

    pub(super) fn is_user(&self, user: &Value) -> bool {
        user.loosely_equals(&self.user) || user.loosely_equals(&self.uid)
    }

    pub(super) fn is_group(&self, group: &Value) -> bool {
        group.loosely_equals(&self.group) || group.loosely_equals(&self.gid)
    }

    pub(super) fn mode(&self) -> &str {
        &self.mode
    }
}

/// An empty return of the kind that these functions hand to each other.
pub(super) fn empty_ret(name: &str) -> Map {
    map! { "name" => name, "changes" => Map::new(), "comment" => "", "result" => true }
}

/// `{key: value}` into the changes of a return.
pub(super) fn add_change(ret: &mut Map, key: &str, value: impl Into<Value>) {
    if let Value::Map(changes) = ret.entry("changes", || Map::new().into()) {
        changes.insert(key, value);
    }
}

/// Makes owner, group, mode and attributes right, or says with `test=True` what would be done: the return with its
/// changes, and what was and is wanted (`luser`, `lgroup`, `lmode`, `cuser`, `cgroup`, `cmode`).
///
/// # Errors
/// When there is no such path.
pub(super) fn check(cx: &Context, name: &str, ret: Option<Map>, wanted: &Perms) -> Result<(Map, Map), Fault> {
    let test = cx.test();
    let mode = normalize_mode(wanted.mode);
    // Salt: a return that is given keeps its comment before the new ones.
    let mut ret = ret.filter(|ret| !ret.is_empty()).unwrap_or_else(|| empty_ret(name));
    let mut comments: Vec<String> =
        ret.get("comment").map(str_of).filter(|text| !text.is_empty()).into_iter().collect();
    let Perms { user, group, attrs, follow_symlinks: follow, .. } = *wanted;
    let before = Owned::of(cx, name, follow)?;
    let (is_dir, is_link) = (Path::new(name).is_dir(), Path::new(name).is_symlink());
    let of_link = is_link && !follow;
    let mut perms = map! {
        "luser" => if matches!(user, Value::Int(_)) { before.uid.clone() } else { before.user.clone() },
        "lgroup" => if matches!(group, Value::Int(_)) { before.gid.clone() } else { before.group.clone() },
        "lmode" => before.mode.as_str(),
    };
    let new_user = user.truthy() && !before.is_user(user);
    let new_group = group.truthy() && !before.is_group(group);
    if new_user {
        perms.insert("cuser", user.clone());
    }
    if new_group {
        perms.insert("cgroup", group.clone());
    }
    if (new_user || new_group) && !test {
        let owner = if user.is_null() { &before.uid } else { user };
        let owning = if group.is_null() { &before.gid } else { group };
        match change_owner(cx, name, owner, owning, of_link) {
            Ok(wrong) if wrong.truthy() => {
                ret.insert("result", false);
                comments.push(str_of(&wrong));
            }
            // Giving a file away takes its setuid bits.
            Ok(_) if !is_link => set_mode(name, &before.mode),
            Ok(_) => {}
            Err(_) => {
                ret.insert("result", false);
            }
        }
    }
    let mut new_mode = false;
    if let Some(mode) = mode.as_deref().filter(|_| !test && !of_link)
        && mode != before.mode
    {
        new_mode = true;
        perms.insert("cmode", mode);
        set_mode(name, mode);
    }
    let after = Owned::of(cx, name, follow)?;
    let mut outcome = |key: &str, value: &Value, right: bool, changed: bool| {
        if !right && !test {
            ret.insert("result", false);
            comments.push(format!("Failed to change {key} to {}", str_of(value)));
        } else if (!right && test) || (right && changed) {
            add_change(&mut ret, key, value.clone());
        }
    };
    if user.truthy() {
        outcome("user", user, after.is_user(user), new_user);
    }
    if group.truthy() {
        outcome("group", group, after.is_group(group), new_group);
    }
    if let Some(mode) = mode.filter(|_| !of_link) {
        outcome("mode", &mode.as_str().into(), mode == after.mode, new_mode);
    }
    if let Some(attrs) = Some(attrs).filter(|attrs| !attrs.is_null() && !is_dir && !of_link) {
        let wanted: String = match attrs {
            Value::List(letters) => letters.iter().map(str_of).collect(),
            letters => str_of(letters),
        };
        let (change, comment) = programs::make_attributes(cx, name, &wanted, test)?;
        if let Some(comment) = comment {
            ret.insert("result", false);
            comments.push(comment);
        }
        if let Some(change) = change {
            add_change(&mut ret, "attrs", change);
        }
    }
    ret.insert("comment", comments.join("; "));
    if test && ret.get("changes").is_some_and(Value::truthy) {
        ret.insert("result", Value::Null);
    }
    Ok((ret, perms))
}

pub(super) fn check_perms(cx: &Context, args: &Args) -> Result<Value, Fault> {
    no_selinux(|name| args.get(name).clone())?;
    let name = path(cx, args, "name")?;
    let ret = match args.get("ret") {
        Value::Map(ret) => Some(ret.clone()),
        _ => None,
    };
    let wanted = Perms {
        user: args.get("user"),
        group: args.get("group"),
        mode: args.get("mode"),
        attrs: args.get("attrs"),
        follow_symlinks: args.truthy("follow_symlinks"),
    };
    let (ret, perms) = check(cx, &name, ret, &wanted)?;
    Ok(Value::List(vec![ret.into(), perms.into()]))
}

/// # Errors
/// When something of an SELinux context is asked for.
pub(super) fn no_selinux(given: impl Fn(&str) -> Value) -> Result<(), Fault> {
    if ["seuser", "serole", "setype", "serange"].iter().any(|name| given(name).truthy()) {
        return Err(Fault::NotSupported(
            "SELinux contexts of files (seuser, serole, setype, serange)".to_owned(),
        ));
    }
    Ok(())
}
