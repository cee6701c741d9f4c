//! Which options of a mounted file system are not what they should be. Salt: states/mount.py.

use crate::loader::{Args, Fault, Running};
use crate::value::{Map, Value, sort, str_of};

/// Options that the kernel does not show.
const INVISIBLE: &[&str] = &[
    "_netdev",
    "actimeo",
    "bg",
    "comment",
    "defaults",
    "delay_connect",
    "direct-io-mode",
    "intr",
    "loop",
    "nointr",
    "nobootwait",
    "nofail",
    "password",
    "reconnect",
    "retry",
    "soft",
    "auto",
    "users",
    "bind",
    "nonempty",
    "transform_symlinks",
    "port",
    "backup-volfile-servers",
];

/// Options with a value that the kernel does not show.
const INVISIBLE_KEYS: &[&str] =
    &["actimeo", "comment", "credentials", "direct-io-mode", "password", "port", "retry", "secretfile"];

pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        Value::Null => Vec::new(),
        other => str_of(other).split(',').map(str::to_owned).collect(),
    }
}

/// `size=1m` and `size=1g` in kilobytes, as the kernel shows them; `None` for anything else.
fn size(option: &str) -> Option<String> {
    let rest = option.strip_prefix("size=")?;
    let digits = rest.trim_start_matches(|char: char| char.is_ascii_digit());
    let number: u64 = rest.strip_suffix(digits)?.parse().ok()?;
    let factor = match digits.chars().next()? {
        'k' => 1,
        'm' => 1024,
        'g' => 1024 * 1024,
        _ => return None,
    };
    Some(format!("size={}k", number.checked_mul(factor)?))
}

/// What the state knows of options beside those that it wants.
pub(super) struct Rules {
    invisible: Vec<String>,
    invisible_keys: Vec<String>,
    ignored: Vec<String>,
    translated: Map,
}

impl Rules {
    pub(super) fn of(args: &Args, fstype: &str) -> Self {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let more = |name: &str| texts(args.get(name));
        let ignored = match args.get("extra_mount_ignore_fs_keys").get(fstype) {
            Some(keys) => texts(keys),
            None if fstype == "ramfs" => own(&["size"]),
            None => Vec::new(),
        };
        let mut translated: Map = [("tcp", "proto=tcp"), ("udp", "proto=udp")].into_iter().collect();
        if let Some(extra) = args.get("extra_mount_translate_options").as_map() {
            translated.extend(extra.clone());
        }
        Rules {
            invisible: [own(INVISIBLE), more("extra_mount_invisible_options"), more("hidden_opts")].concat(),
            invisible_keys: [own(INVISIBLE_KEYS), more("extra_mount_invisible_keys")].concat(),
            ignored,
            translated,
        }
    }

    /// The options of `wanted` that `mount` (of `mount.active`) does not have.
    pub(super) fn missing(
        &self,
        running: &Running,
        wanted: &[String],
        fstype: &str,
        mount: &Value,
    ) -> Result<Vec<String>, Fault> {
        let plain = |key: &str| mount.get(key).map(texts).unwrap_or_default();
        let (active, superopts) = (plain("opts"), plain("superopts"));
        let superopts: Vec<String> =
            superopts.into_iter().map(|option| size(&option).unwrap_or(option)).collect();
        let mut missing = Vec::new();
        for option in wanted {
            let option = self.shown(running, option, fstype)?;
            // The option that limits the size is shown among others of the file system; its value may be rounded.
            let has_size = superopts.iter().any(|option| option.starts_with("size="));
            let known = active.contains(&option)
                || superopts.contains(&option)
                || self.invisible.contains(&option)
                || self.ignored.contains(&option)
                || self.invisible_keys.contains(&option)
                || (has_size && option.starts_with("size="));
            if !known {
                missing.push(option);
            }
        }
        sort::all(&mut missing);
        Ok(missing)
    }

    /// An option as the kernel shows it.
    fn shown(&self, running: &Running, option: &str, fstype: &str) -> Result<String, Fault> {
        let mut option = self.translated.get(option).map_or_else(|| option.to_owned(), str_of);
        let key = option.split('=').next().unwrap_or_default().to_owned();
        if self.invisible_keys.contains(&key) {
            option.clone_from(&key);
        }
        if let Some(size) = size(&option) {
            option = size;
        }
        if self.ignored.contains(&key) {
            return Ok(key);
        }
        Ok(match option.split_once('=') {
            Some(("user", name)) if fstype == "cifs" => format!("username={name}"),
            Some((key @ ("uid" | "gid"), name)) if !name.starts_with(|char: char| char.is_ascii_digit()) => {
                let info =
                    running.ask(if key == "uid" { "user.info" } else { "group.info" }, &[name.into()])?;
                format!("{key}={}", info.get(key).map_or_else(|| name.to_owned(), str_of))
            }
            _ => option,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_compared_in_kilobytes() {
        assert_eq!(size("size=2m").as_deref(), Some("size=2048k"));
        assert_eq!(size("size=1g").as_deref(), Some("size=1048576k"));
        assert_eq!(size("size=50%"), None);
        assert_eq!(size("mode=755"), None);
    }
}
