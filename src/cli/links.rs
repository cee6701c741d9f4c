//! `halite install-links DIR`: links by the names of Salt's programs to this binary.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{APPLETS, Call, Exit, Flag, Group, Stop, Syntax, print};

const SYNTAX: Syntax = Syntax {
    usage: "[options] DIR",
    about: "Makes links named salt, salt-master and so on in DIR, each to this binary. Links that are there already \
            are left alone, and so is anything else that has such a name, unless --force is given.",
    groups: &[Group {
        title: "",
        about: "",
        flags: &[
            Flag::new(&["-f", "--force"], "force", "Replace files and links of other programs."),
            Flag::new(&["-n", "--dry-run"], "dry_run", "Only tell what would be done."),
        ],
    }],
};

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let [folder] = parsed.words.as_slice() else {
        return Err(SYNTAX.wrong(&call.prog, "one directory is needed").into());
    };
    let binary = std::env::current_exe().context("the path of this binary cannot be found")?;
    let names: Vec<&str> = APPLETS.iter().filter(|applet| applet.link).map(|applet| applet.name).collect();
    install(Path::new(folder), &binary, &names, parsed.flag("force"), parsed.flag("dry_run"))
}

enum Found {
    Nothing,
    OurLink,
    Foreign(String),
}

fn install(folder: &Path, binary: &Path, names: &[&str], force: bool, dry_run: bool) -> anyhow::Result<Exit> {
    if !folder.is_dir() {
        bail!("{} is not a directory: make it first, or name another one", folder.display());
    }
    let mut foreign = Vec::new();
    for name in names {
        let link = folder.join(name);
        let found = look(&link, binary)?;
        let what = match found {
            Found::OurLink => "is there",
            Found::Foreign(what) if !force => {
                foreign.push(format!("{} is {what}", link.display()));
                continue;
            }
            Found::Foreign(_) | Found::Nothing if dry_run => "would be made",
            Found::Foreign(_) => {
                replace(&link, binary)?;
                "replaced"
            }
            Found::Nothing => {
                symlink(binary, &link).with_context(|| format!("cannot make the link {}", link.display()))?;
                "made"
            }
        };
        print(&format!("{}: {what}\n", link.display()))?;
    }
    if foreign.is_empty() {
        return Ok(Exit::OK);
    }
    let text = format!("{}\nThese were left alone; --force replaces them.\n", foreign.join("\n"));
    Err(Stop::failed(Exit::CANNOT_CREATE, text).into())
}

fn look(link: &Path, binary: &Path) -> anyhow::Result<Found> {
    let kind = match fs::symlink_metadata(link) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", link.display())),
    };
    if kind.is_dir() {
        bail!("{} is a directory: move it away first", link.display());
    }
    if !kind.is_symlink() {
        return Ok(Found::Foreign("a file of another program".to_owned()));
    }
    let target = fs::read_link(link).with_context(|| format!("cannot read {}", link.display()))?;
    if target == binary {
        Ok(Found::OurLink)
    } else {
        Ok(Found::Foreign(format!("a link to {}", target.display())))
    }
}

/// The new link takes the place of the old file in one step.
fn replace(link: &Path, binary: &Path) -> anyhow::Result<()> {
    let mut temporary = PathBuf::from(link).into_os_string();
    temporary.push(format!(".{}", std::process::id()));
    symlink(binary, &temporary).with_context(|| format!("cannot make a link beside {}", link.display()))?;
    fs::rename(&temporary, link).with_context(|| format!("cannot replace {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_once_and_foreign_files_left_alone() {
        let folder = std::env::temp_dir().join(format!("halite-links-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a directory");
        fs::write(folder.join("salt-key"), "not ours").expect("written");
        let binary = Path::new("/usr/bin/halite");
        let go = |force| install(&folder, binary, &["salt", "salt-key"], force, false);
        for _ in 0..2 {
            let error = go(false).expect_err("one file is foreign");
            let stop = error.downcast_ref::<Stop>().expect("a stop");
            assert_eq!(stop.exit, Exit::CANNOT_CREATE);
            assert_eq!(fs::read_link(folder.join("salt")).expect("a link"), binary);
            assert_eq!(fs::read_to_string(folder.join("salt-key")).expect("a file"), "not ours");
        }
        assert_eq!(go(true).expect("forced"), Exit::OK);
        assert_eq!(fs::read_link(folder.join("salt-key")).expect("a link"), binary);
        assert_eq!(go(false).expect("all there"), Exit::OK);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
