//! Where a program is. Salt: utils/path.py (`which`).

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Directories that are searched after those of `PATH`.
const USUAL: [&str; 6] = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];

/// The path of an executable file `name`, searched in `path` (the value of `PATH`) and the usual directories. A name
/// that is itself the path of one is given back.
pub fn which(name: &str, path: &str) -> Option<PathBuf> {
    which_below(Path::new("/"), name, path)
}

/// The same in a tree below `root`; the answer is as seen from inside.
pub fn which_below(root: &Path, name: &str, path: &str) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    let executable = |path: &Path| {
        let inside = root.join(path.strip_prefix("/").unwrap_or(path));
        inside.is_file() && access(&inside, Access::EXEC_OK).is_ok()
    };
    if executable(Path::new(name)) {
        return Some(PathBuf::from(name));
    }
    let listed: Vec<&str> = path.split(':').collect();
    let more = USUAL.into_iter().filter(|usual| !listed.contains(usual));
    let directories = listed.iter().copied().chain(more);
    directories.map(|directory| Path::new(directory).join(name)).find(|it| executable(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_path_and_in_the_usual_places() {
        assert!(which("sh", "").is_some());
        assert_eq!(which("/bin/sh", "/nowhere"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(which("no-such-program", "/bin:/usr/bin"), None);
        assert_eq!(which("", "/bin"), None);
        assert_eq!(which("/etc", ""), None);
    }
}
