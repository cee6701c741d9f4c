//! `git.present`. Salt: states/git.py.

use std::fs;
use std::path::Path;

use super::Repo;
use super::report::{Report, sentences};
use crate::loader::{Args, Fault, Running, StateReturn, os_error_text};
use crate::value::Map;

pub(super) fn present(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let bare = args.truthy("bare");
    let mut report = Report {
        name: name.as_str().into(),
        test: running.test(),
        comments: Vec::new(),
        changes: Map::new(),
    };
    let repo = Repo { running, args, target: name.clone() };
    let path = Path::new(&name);
    let kind = if bare { "bare " } else { "" };
    if path.is_dir() {
        let is_there = if bare { path.join("HEAD").is_file() } else { repo.exists(".git")? };
        if is_there {
            return Ok(report.done(Some(true), ""));
        }
        let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if args.truthy("force") {
            if report.test {
                report.changes.insert("new", name.as_str());
                report.changes.insert("forced init", true);
                return Ok(report.neutral(format!(
                    "Target directory {name} exists. Since force=True, the contents of {name} would be deleted, and a \
                     {kind}repository would be initialized in its place."
                )));
            }
            let removed = if path.is_symlink() { fs::remove_file(path) } else { fs::remove_dir_all(path) };
            if let Err(error) = removed {
                return Ok(report.fail(format!("Unable to remove {name}: {}", os_error_text(&error, &name))));
            }
            report.changes.insert("forced init", true);
        } else if !is_empty {
            return Ok(report.fail(format!(
                "Target '{name}' exists, is non-empty, and is not a git repository. Set the 'force' option to True to remove \
                 this directory's contents and proceed with initializing a repository"
            )));
        }
    }
    report.changes.insert("new", name.as_str());
    if report.test {
        return Ok(report.neutral(format!("New {kind}repository would be created")));
    }
    let mut asked = Map::new();
    for key in ["bare", "template", "separate_git_dir", "shared"] {
        asked.insert(key, args.get(key).clone());
    }
    repo.ask("init", &[], asked)?;
    report.comments.push(format!("Initialized {kind}repository in {name}"));
    for (key, text) in [("template", "Template directory"), ("separate_git_dir", "Gitdir")] {
        if args.truthy(key) {
            report.comments.push(format!("{text} set to {}", args.str(key)?));
        }
    }
    Ok(report.done(Some(true), sentences(&report.comments)))
}
