//! `git.cloned`. Salt: states/git.py.

use std::path::Path;

use super::Repo;
use super::report::{Report, complaint, sentences};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, str_of};

pub(super) fn cloned(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let mut report = Report {
        name: name.as_str().into(),
        test: running.test(),
        comments: Vec::new(),
        changes: Map::new(),
    };
    let (target, branch) = (str_of(args.get("target")), args.opt_str("branch")?);
    let wrong = if args.get("target").is_null() {
        "'target' argument is required"
    } else if !target.starts_with('/') {
        "'target' path must be absolute"
    } else if branch.as_deref() == Some("") {
        "Invalid 'branch' argument"
    } else {
        ""
    };
    if !wrong.is_empty() {
        return Ok(report.fail(wrong));
    }
    let repo = Repo { running, args, target: target.clone() };
    if !Path::new(&target).exists() {
        return clone(&repo, &mut report, &name, branch.as_deref());
    }
    if let Err(fault) = repo.ask("status", &[], Map::new()) {
        return Ok(report.fail(failure::text(&fault)));
    }
    let exists = |report: &Report, on: &str| {
        report.done(Some(true), format!("Repository already exists at {target}{on}{}", report.but_made()))
    };
    let Some(branch) = branch else { return Ok(exists(&report, "")) };
    let now = str_of(&repo.ask("current_branch", &[], Map::new())?);
    if now == branch {
        return Ok(exists(&report, &format!(" and is checked out to branch '{branch}'")));
    }
    let changes = map! { "branch" => map! { "old" => now, "new" => branch.as_str() } };
    if report.test {
        report.changes = changes;
        return Ok(report.neutral(format!("Branch would be changed to '{branch}'")));
    }
    let is_known = repo.commit(&branch)?.is_some();
    let (rev, opts) = if is_known {
        (branch.clone(), Vec::new())
    } else {
        (format!("origin/{branch}"), vec!["-b", branch.as_str()])
    };
    match repo.ask("checkout", &[], map! { "rev" => rev, "opts" => Value::list(opts) }) {
        Ok(_) => {}
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(
                report.fail(format!("Failed to change branch to '{branch}': {}", failure::text(&fault)))
            );
        }
        Err(fault) => return Err(fault),
    }
    report.changes = changes;
    Ok(report.done(Some(true), format!("Branch changed to '{branch}'")))
}

fn clone(repo: &Repo, report: &mut Report, name: &str, branch: Option<&str>) -> Result<StateReturn, Fault> {
    let target = &repo.target;
    let with = branch.map(|branch| format!(" with branch '{branch}'")).unwrap_or_default();
    let changes = map! { "new" => format!("{name} => {target}") };
    if report.test {
        report.changes = changes;
        return Ok(report.neutral(format!("{name} would be cloned to {target}{with}")));
    }
    let mut asked = Map::new();
    asked.insert("opts", branch.map(|branch| Value::list(["--branch", branch])));
    for key in ["identity", "https_user", "https_pass"] {
        asked.insert(key, repo.args.get(key).clone());
    }
    match repo.ask("clone", &[name.into()], asked) {
        Ok(_) => {}
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(report.fail(format!("Clone failed: {}", complaint(&fault))));
        }
        Err(fault) => return Err(fault),
    }
    report.changes = changes;
    report.comments.push(format!("{name} cloned to {target}{with}"));
    Ok(report.done(Some(true), sentences(&report.comments)))
}
