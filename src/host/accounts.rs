//! Users and groups: `/etc/passwd` and `/etc/group` first, then `getent` for those that come from a directory
//! (a static binary has no NSS).

use std::fs;

use super::{Command, process};

/// One line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// Almost always `x`: the hash stands in shadow(5).
    pub password: String,
    pub uid: u32,
    pub gid: u32,
    pub gecos: String,
    pub home: String,
    pub shell: String,
}

/// One line of group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// Almost always `x`.
    pub password: String,
    pub gid: u32,
    pub members: Vec<String>,
}

impl User {
    /// From a line; `None` for one that is none.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
        let password = fields.next()?.to_owned();
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let mut text = || fields.next().unwrap_or_default().to_owned();
        Some(User { name, password, uid, gid, gecos: text(), home: text(), shell: text() })
    }
}

impl Group {
    /// From a line; `None` for one that is none.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
        let password = fields.next()?.to_owned();
        let gid = fields.next()?.parse().ok()?;
        let members = fields.next().unwrap_or_default().split(',').filter(|name| !name.is_empty());
        Some(Group { name, password, gid, members: members.map(str::to_owned).collect() })
    }
}

pub(super) fn user(name: &str) -> Option<User> {
    find("/etc/passwd", "passwd", name, User::parse, |user| user.name == name)
}

pub(super) fn user_by_uid(uid: u32) -> Option<User> {
    find("/etc/passwd", "passwd", &uid.to_string(), User::parse, |user| user.uid == uid)
}

pub(super) fn group(name: &str) -> Option<Group> {
    find("/etc/group", "group", name, Group::parse, |group| group.name == name)
}

pub(super) fn group_by_gid(gid: u32) -> Option<Group> {
    find("/etc/group", "group", &gid.to_string(), Group::parse, |group| group.gid == gid)
}

/// Every user of `/etc/passwd`.
pub fn all_users() -> Vec<User> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines().filter_map(User::parse).collect()
}

/// Every group of `/etc/group`.
pub fn all_groups() -> Vec<Group> {
    let text = fs::read_to_string("/etc/group").unwrap_or_default();
    text.lines().filter_map(Group::parse).collect()
}

pub(super) fn groups_of(user: &User) -> Vec<Group> {
    let text = fs::read_to_string("/etc/group").unwrap_or_default();
    let is_in = |group: &Group| group.gid == user.gid || group.members.contains(&user.name);
    text.lines().filter_map(Group::parse).filter(is_in).collect()
}

fn find<T>(
    path: &str,
    database: &str,
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
    is_it: impl Fn(&T) -> bool,
) -> Option<T> {
    let text = fs::read_to_string(path).unwrap_or_default();
    if let Some(found) = text.lines().filter_map(&parse).find(&is_it) {
        return Some(found);
    }
    if key.is_empty() || key.starts_with('-') {
        return None;
    }
    let output = process::run(&Command::new("getent", [database, key])).ok()?;
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd_and_group_are_read() {
        let user = User::parse("www-data:x:33:34:www,,,:/var/www:/usr/sbin/nologin").expect("a line");
        assert_eq!(
            (user.name.as_str(), user.uid, user.gid, user.home.as_str()),
            ("www-data", 33, 34, "/var/www")
        );
        let group = Group::parse("adm:x:4:syslog,me").expect("a line");
        assert_eq!((group.gid, group.members.len()), (4, 2));
        assert_eq!(User::parse("broken"), None);
    }
}
