//! `git.detached`. Salt: states/git.py.

use std::path::Path;

use super::clone::make_room;
use super::latest::{address, identities, is_hash};
use super::report::{Report, complaint, sentences};
use super::{Repo, own_keywords, unknown_keywords};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::states::failure;
use crate::value::{Map, Value, str_of};

/// What is wrong with the arguments.
fn mistake(running: &Running, args: &Args) -> Result<Option<String>, Fault> {
    let (rev, target) = (str_of(args.get("rev")), str_of(args.get("target")));
    if let Some(text) = unknown_keywords(&own_keywords(args)) {
        return Ok(Some(text));
    }
    for name in ["rev", "target"] {
        if !args.truthy(name) {
            return Ok(Some(format!("'{rev}' is not a valid value for the '{name}' argument")));
        }
    }
    if !target.starts_with('/') {
        return Ok(Some(format!("Target '{target}' is not an absolute path")));
    }
    if let Some(text) = identities(running, args, "Identity")? {
        return Ok(Some(text));
    }
    if Path::new(&target).is_file() {
        return Ok(Some(format!("Target '{target}' exists and is a regular file, cannot proceed")));
    }
    Ok(address(args, &args.str("name")?).err())
}

pub(super) fn detached(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let name = args.str("name")?;
    let mut report = Report {
        name: name.as_str().into(),
        test: running.test(),
        comments: Vec::new(),
        changes: Map::new(),
    };
    if let Some(text) = mistake(running, args)? {
        return Ok(report.fail(text));
    }
    let repo = Repo { running, args, target: str_of(args.get("target")) };
    let done = bring(&repo, &mut report, &name);
    done.or_else(|fault| Ok(report.fail(complaint(&fault))))
}

fn login(args: &Args, mut options: Map) -> Map {
    for key in ["https_user", "https_pass"] {
        options.insert(key, args.get(key).clone());
    }
    options
}

fn bring(repo: &Repo, report: &mut Report, name: &str) -> Result<StateReturn, Fault> {
    let (args, target) = (repo.args, repo.target.as_str());
    let (mut rev, remote) = (str_of(args.get("rev")), str_of(args.get("remote")));
    let by_hash = is_hash(&rev);
    if by_hash {
        rev = rev.to_lowercase();
    }
    let (mut local, mut is_here) = (None, false);
    if repo.exists(".git")? {
        local = repo.revision()?;
        if by_hash {
            is_here = repo.quietly("describe", &[rev.as_str().into()], Map::new())?.is_some();
        } else {
            let remotes = repo.ask("remotes", &[], map! { "redact_auth" => false })?;
            let url = remotes.get(&remote).and_then(|remote| remote.get("fetch")).map(str_of);
            if !url.as_ref().is_some_and(|url| url.contains(name)) {
                if report.test {
                    return Ok(report.neutral(format!("Remote {remote} would be set to {name}")));
                }
                let asked = login(args, map! { "url" => name, "remote" => remote.as_str() });
                repo.ask("remote_set", &[], asked)?;
                let before = url.unwrap_or_else(|| "None".to_owned());
                report.comments.push(format!("Remote {remote} updated from '{before}' to '{name}'"));
            }
        }
    } else {
        if let Some(ended) = make_room(args, report, name, target, false) {
            return Ok(ended);
        }
        if report.test {
            return Ok(report.neutral(format!("Repository {name} would be cloned to {target}")));
        }
        let mut opts = vec!["--no-checkout"];
        if remote != "origin" {
            opts.extend(["--origin", remote.as_str()]);
        }
        let mut asked = login(args, repo.keys());
        asked.insert("opts", Value::list(opts));
        repo.ask("clone", &[name.into()], asked)?;
        report.comments.push(format!("{name} cloned to {target}"));
    }
    if !is_here && args.truthy("fetch_remote") {
        if report.test {
            return Ok(report.neutral(format!("Repository remote {remote} would be fetched")));
        }
        let refspecs =
            [format!("refs/heads/*:refs/remotes/{remote}/*"), "+refs/tags/*:refs/tags/*".to_owned()];
        let mut asked = repo.keys();
        asked.insert("remote", remote.as_str());
        asked.insert("force", true);
        asked.insert("refspecs", Value::list(refspecs));
        match repo.ask("fetch", &[], asked) {
            Ok(news) if news.truthy() => {
                report.comments.push(format!("Remote {remote} was fetched, resulting in updated refs"));
            }
            Ok(_) => {}
            Err(fault) => return Ok(report.fail(format!("Fetch failed:\n\n{}", failure::text(&fault)))),
        }
    }
    let commit = if by_hash {
        repo.ask("describe", &[rev.as_str().into()], Map::new())?.truthy().then(|| rev.clone())
    } else {
        let mut asked = login(args, map! { "ignore_retcode" => false });
        asked.insert("identity", args.get("identity").clone());
        let refs = match repo.ask("remote_refs", &[], asked) {
            Ok(refs) => refs,
            Err(fault) => {
                let text = format!("Failed to list refs for {remote}: {}", complaint(&fault));
                return Ok(report.done(Some(false), text));
            }
        };
        let found = refs
            .get(&format!("refs/remotes/{remote}/{rev}"))
            .or_else(|| refs.get(&format!("refs/tags/{rev}")));
        found.map(str_of)
    };
    let Some(commit) = commit else {
        return Ok(report.done(Some(false), format!("Revision '{rev}' does not exist")));
    };
    if args.truthy("hard_reset") {
        if report.test {
            return Ok(report.neutral(format!("Hard reset to HEAD would be performed on {target}")));
        }
        repo.ask("reset", &[], map! { "opts" => Value::list(["--hard", "HEAD"]) })?;
        report.comments.push("Repository was reset to HEAD before checking out revision".to_owned());
    }
    let mut new = None;
    if Some(&commit) != local.as_ref() {
        if report.test {
            report.changes.insert("HEAD", map! { "old" => local, "new" => commit.as_str() });
            return Ok(report.neutral(format!("Commit ID {commit} would be checked out at {target}")));
        }
        let force = map! { "force" => args.truthy("force_checkout") };
        repo.ask("checkout", &[commit.as_str().into()], force)?;
        report.comments.push(format!("Commit ID {commit} was checked out at {target}"));
        new = repo.revision()?;
    }
    if args.truthy("submodules") && !report.test {
        let asked = map! { "opts" => Value::list(["--init", "--recursive"]), "identity" => args.get("identity").clone() };
        repo.ask("submodule", &["update".into()], asked)?;
        report.comments.push("Submodules were updated".to_owned());
    }
    match new {
        Some(new) => {
            report.changes.insert("HEAD", map! { "old" => local, "new" => new });
        }
        None => report.comments.push("Already checked out at correct revision".to_owned()),
    }
    Ok(report.done(Some(true), sentences(&report.comments)))
}
