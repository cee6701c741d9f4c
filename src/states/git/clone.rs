//! `git.latest` where there is no repository yet. Salt: states/git.py.

use std::fs;
use std::path::Path;

use super::latest::{Job, Kind};
use super::report::{Report, complaint, sentences};
use crate::loader::{Args, Fault, StateReturn};
use crate::map;
use crate::value::{Map, Value, str_of};

/// What a remote whose HEAD goes nowhere needs.
pub(super) const NO_BRANCH: &str = "If you are unable to fix the remote repository, you can work around this by setting \
     the 'branch' argument (which will ensure that the named branch is created if it does not already exist).";

/// Makes room for a clone. `Some` ends the state.
pub(super) fn make_room(
    args: &Args,
    report: &mut Report,
    name: &str,
    target: &str,
    note: bool,
) -> Option<StateReturn> {
    let path = Path::new(target);
    if !path.is_dir() {
        return None;
    }
    let entries: Vec<_> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if !args.truthy("force_clone") {
        let text = format!(
            "Target '{target}' exists, is non-empty and is not a git repository. Set the 'force_clone' option to True to \
             remove this directory's contents and proceed with cloning the remote repository"
        );
        return (!entries.is_empty()).then(|| report.fail(text));
    }
    if report.test {
        if note {
            report.changes.insert("forced clone", true);
            report.changes.insert("new", format!("{name} => {target}"));
        }
        return Some(report.neutral(format!(
            "Target directory {target} exists. Since force_clone=True, the contents of {target} would be deleted, and {name} \
             would be cloned into this directory."
        )));
    }
    let mut errors = Vec::new();
    for entry in entries {
        let is_directory = fs::symlink_metadata(&entry).is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) };
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let entry = entry.display().to_string();
            errors.push(format!("  {entry}\n    {}", crate::loader::os_error_text(&error, &entry)));
        }
    }
    if !errors.is_empty() {
        return Some(report.fail(format!("Unable to remove\n{}", errors.join("\n"))));
    }
    report.changes.insert("forced clone", true);
    None
}

fn list(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(str_of).collect()
}

pub(super) fn clone(job: &Job, report: &mut Report) -> Result<StateReturn, Fault> {
    let (repo, args) = (&job.repo, job.repo.args);
    let target = repo.target.as_str();
    if let Some(ended) = make_room(args, report, &job.name, target, true) {
        return Ok(ended);
    }
    if report.test {
        report.changes.insert("new", format!("{} => {target}", job.name));
        return Ok(report.neutral(format!("Repository {} would be cloned to {target}", job.name)));
    }
    let mirror = args.truthy("mirror");
    let mut opts: Vec<String> = Vec::new();
    opts.extend(job.bare.then(|| if mirror { "--mirror" } else { "--bare" }.to_owned()));
    if job.remote_name != "origin" {
        opts.extend(["--origin".to_owned(), job.remote_name.clone()]);
    }
    if let Some(depth) = args.given("depth") {
        opts.extend(["--depth".to_owned(), str_of(depth), "--branch".to_owned(), job.rev.clone()]);
    }
    let mut asked = repo.keys();
    asked.insert("opts", Value::list(opts));
    asked.insert("https_user", args.get("https_user").clone());
    asked.insert("https_pass", args.get("https_pass").clone());
    match repo.ask("clone", &[job.name.as_str().into()], asked) {
        Ok(_) => {}
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(report.fail(format!("Clone failed: {}", complaint(&fault))));
        }
        Err(fault) => return Err(fault),
    }
    report.changes.insert("new", format!("{} => {target}", job.name));
    let how = match (mirror, job.bare) {
        (true, _) => " as mirror",
        (false, true) => " as bare repository",
        (false, false) => "",
    };
    report.comments.push(format!("{} cloned to {target}{how}", job.name));
    if !job.bare
        && job.remote.rev.is_some()
        && let Some(ended) = check_out(job, report)?
    {
        return Ok(ended);
    }
    if args.truthy("submodules") && job.remote.rev.is_some() {
        let mut asked = repo.keys();
        asked.remove("saltenv");
        if let Some(ended) = update_submodules(job, report, asked)? {
            return Ok(ended);
        }
    }
    if let Some(new) = repo.revision()? {
        report.changes.insert("revision", map! { "old" => Value::Null, "new" => new });
    }
    Ok(report.done(Some(true), sentences(&report.comments)))
}

/// `Some` ends the state.
pub(super) fn update_submodules(
    job: &Job,
    report: &Report,
    mut asked: Map,
) -> Result<Option<StateReturn>, Fault> {
    asked.insert("opts", Value::list(["--init", "--recursive"]));
    match job.repo.ask("submodule", &["update".into()], asked) {
        Ok(_) => Ok(None),
        Err(fault @ Fault::Execution { .. }) => {
            Ok(Some(report.fail(format!("Failed to update submodules: {}", complaint(&fault)))))
        }
        Err(fault) => Err(fault),
    }
}

/// Brings a fresh clone to the branch and the revision. `Some` ends the state.
fn check_out(job: &Job, report: &mut Report) -> Result<Option<StateReturn>, Fault> {
    let (repo, remote) = (&job.repo, &job.remote);
    if remote.kind == Some(Kind::Tag) && !list(&repo.ask("list_tags", &[], Map::new())?).contains(&job.rev) {
        return Ok(Some(report.fail(format!("Revision '{}' does not exist in clone", job.rev))));
    }
    let branches = list(&repo.ask("list_branches", &[], Map::new())?);
    if let Some(branch) = job.branch.as_ref().filter(|branch| !branches.contains(branch)) {
        let opts = map! { "opts" => Value::list(["-b", branch.as_str()]) };
        repo.ask("checkout", &[job.start().into()], opts)?;
        let place = &remote.place;
        report.comments.push(format!("Branch '{branch}' checked out, with {place} as a starting point"));
    }
    let local_rev = repo.revision()?;
    let local_branch = repo.quietly("current_branch", &[], Map::new())?;
    let Some(local_branch) = local_branch.or_else(|| remote.refs.contains("HEAD").then(|| "None".to_owned()))
    else {
        return Ok(Some(report.fail(format!(
            "Remote HEAD refers to a ref that does not exist. This can happen when the default branch on the remote \
             repository is renamed or deleted. {NO_BRANCH}"
        ))));
    };
    if !job.matches(local_rev.as_deref()) {
        let opts =
            map! { "opts" => Value::list(["--hard".to_owned(), remote.rev.clone().unwrap_or_default()]) };
        repo.ask("reset", &[], opts)?;
        report.comments.push(format!("Repository was reset to {}", remote.place));
    }
    let branches = list(&repo.ask("list_branches", &[], Map::new())?);
    let upstream = repo.quietly(
        "rev_parse",
        &[format!("{local_branch}@{{upstream}}").into()],
        map! { "opts" => Value::list(["--abbrev-ref"]) },
    )?;
    if let Some((opts, text)) = job.follow(upstream.as_deref(), &branches) {
        repo.ask("branch", &[], map! { "opts" => Value::list(opts) })?;
        report.comments.push(text);
    }
    Ok(None)
}
