//! Keys that are accepted or rejected without asking: `auto_accept`, `autosign_file`, `autoreject_file`, stubs in
//! `minions_autosign`, `autosign_grains_dir`. Salt: daemons/masterapi.py `AutoKey`; salt-wire.md §7.4.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::names::MinionId;
use crate::patterns::expr_match;
use crate::value::{Map, Value};

/// The largest list that is read, in octets.
const MAX_FILE: u64 = 16 << 20;

/// The options.
#[derive(Clone, Debug, Default)]
pub struct Autosign {
    pub auto_accept: bool,
    pub autosign_file: Option<PathBuf>,
    pub autoreject_file: Option<PathBuf>,
    pub autosign_grains_dir: Option<PathBuf>,
    /// How long a stub counts; `None`: for ever.
    pub stub_life: Option<Duration>,
    pub permissive_pki_access: bool,
}

impl Autosign {
    /// From the options of a master.
    pub fn from_opts(opts: &Map) -> Self {
        let path = |name| opts.str(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let set = |name| opts.get(name).is_some_and(Value::truthy);
        let minutes = opts.get("autosign_timeout").and_then(Value::as_int).unwrap_or(120);
        Autosign {
            auto_accept: set("auto_accept"),
            autosign_file: path("autosign_file"),
            autoreject_file: path("autoreject_file"),
            autosign_grains_dir: path("autosign_grains_dir"),
            stub_life: u64::try_from(minutes)
                .ok()
                .filter(|&it| it > 0)
                .map(|it| Duration::from_secs(it * 60)),
            permissive_pki_access: set("permissive_pki_access"),
        }
    }

    /// Whether a key is to be rejected at once.
    pub fn rejects(&self, id: &MinionId) -> bool {
        self.autoreject_file.as_deref().is_some_and(|path| self.lists(path, id))
    }

    /// Whether a key is to be accepted at once. Takes the stub of the id away, if there is one.
    pub fn signs(&self, id: &MinionId, stubs: &Path, grains: &Map, now: SystemTime) -> bool {
        let stub = self.take_stub(stubs, id, now);
        self.auto_accept
            || stub
            || self.autosign_file.as_deref().is_some_and(|path| self.lists(path, id))
            || self.signs_by_grains(grains)
    }

    fn take_stub(&self, stubs: &Path, id: &MinionId, now: SystemTime) -> bool {
        let path = stubs.join(id.as_str());
        let Ok(stat) = fs::symlink_metadata(&path) else { return false };
        if !stat.is_file() || fs::remove_file(&path).is_err() {
            return false;
        }
        let age = stat.modified().ok().and_then(|made| now.duration_since(made).ok()).unwrap_or_default();
        let counts = self.stub_life.is_none_or(|life| age <= life);
        if !counts {
            crate::log::warn!(path = %path.display(), "an autosign stub was too old and has been removed");
        }
        counts
    }

    fn lists(&self, path: &Path, id: &MinionId) -> bool {
        let lines = match self.read(path) {
            Ok(text) => text,
            Err(None) => return false,
            Err(Some(reason)) => {
                crate::log::warn!(path = %path.display(), reason, "a list of keys was not used");
                return false;
            }
        };
        lines
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .any(|line| expr_match(id.as_str(), line))
    }

    fn signs_by_grains(&self, grains: &Map) -> bool {
        let Some(dir) = &self.autosign_grains_dir else { return false };
        grains.iter().any(|(name, value)| {
            // The name comes from a stranger and becomes a file name.
            let Some(name) = name.as_str().and_then(|name| MinionId::parse(name).ok()) else { return false };
            let Some(value) = value.as_str() else { return false };
            match self.read(&dir.join(name.as_str())) {
                Ok(text) => text.lines().map(str::trim).any(|line| !line.starts_with('#') && line == value),
                Err(None) => false,
                Err(Some(reason)) => {
                    crate::log::warn!(grain = name.as_str(), reason, "a list of grains was not used");
                    false
                }
            }
        })
    }

    /// `Err(None)`: there is no such file.
    fn read(&self, path: &Path) -> Result<String, Option<&'static str>> {
        let stat = fs::metadata(path).map_err(|_| None)?;
        if !stat.is_file() {
            return Err(None);
        }
        if stat.len() > MAX_FILE {
            return Err(Some("it is larger than 16 MiB"));
        }
        if !self.is_safe(&stat) {
            return Err(Some("others may write it: take their permission away (chmod go-w)"));
        }
        fs::read_to_string(path).map_err(|_| Some("it cannot be read, or is not UTF-8"))
    }

    fn is_safe(&self, stat: &Metadata) -> bool {
        let mode = stat.permissions().mode();
        if mode & 0o002 != 0 {
            return false;
        }
        mode & 0o020 == 0
            || self.permissive_pki_access
                && (!rustix::process::geteuid().is_root()
                    || stat.gid() == rustix::process::getegid().as_raw())
    }
}
