//! `git.latest` where there is a repository: is it as the other one, and how does it become so? Salt: states/git.py.

use super::clone::{NO_BRANCH, update_submodules};
use super::latest::{Job, Kind, Upstream, address, shown};
use super::report::{Report, complaint, sentences, short};
use crate::loader::{Fault, StateReturn};
use crate::map;
use crate::value::{Map, Value, sort, str_of};

/// What was found in the repository.
struct Found {
    branches: Vec<String>,
    tags: Vec<String>,
    rev: Option<String>,
    branch: Option<String>,
    /// Where the branch that is asked for stands.
    base_rev: Option<String>,
    local_changes: bool,
    revs_match: bool,
    has_remote_rev: bool,
    upstream: Option<String>,
    fetch_url: Option<String>,
    /// `None`: it cannot be told before the revision is there.
    fast_forward: Option<bool>,
}

enum Reset {
    No,
    Yes,
    RemoteChanges,
}

fn list(value: &Value) -> Vec<String> {
    value.as_list().unwrap_or_default().iter().map(str_of).collect()
}

impl Job<'_, '_, '_> {
    fn reset(&self) -> Reset {
        match self.repo.args.get("force_reset") {
            Value::Bool(true) => Reset::Yes,
            Value::Bool(false) => Reset::No,
            _ => Reset::RemoteChanges,
        }
    }

    fn rev_list(&self) -> &str {
        self.remote.rev.as_deref().unwrap_or_default()
    }

    fn changes_branch(&self, local: Option<&str>) -> bool {
        self.branch.is_some() && self.branch.as_deref() != local
    }

    fn is_ancestor(&self, base: &str, ignore: bool) -> Result<bool, Fault> {
        let mut asked = map! { "refs" => Value::list([base, self.rev_list()]), "is_ancestor" => true };
        if ignore {
            asked.insert("ignore_retcode", true);
        }
        Ok(self.repo.ask("merge_base", &[], asked)?.truthy())
    }
}

fn inspect(job: &Job, report: &mut Report) -> Result<Result<Found, StateReturn>, Fault> {
    let (repo, remote) = (&job.repo, &job.remote);
    let branches = list(&repo.ask("list_branches", &[], Map::new())?);
    let tags = list(&repo.ask("list_tags", &[], Map::new())?);
    let rev = repo.revision()?;
    let branch = repo.quietly("current_branch", &[], Map::new())?;
    if !job.bare && remote.rev.is_none() && rev.is_some() {
        return Ok(Err(
            report.fail("Remote repository is empty, cannot update from a non-empty to an empty repository")
        ));
    }
    let (mut base_rev, mut base_branch) = (rev.clone(), branch.clone());
    if let Some(wanted) = job.branch.as_ref().filter(|_| job.changes_branch(branch.as_deref())) {
        if branches.contains(wanted) {
            base_branch = Some(wanted.clone());
            let asked = [format!("{wanted}^{{commit}}").into()];
            match repo.ask("rev_parse", &asked, map! { "ignore_retcode" => true }) {
                Ok(hash) => base_rev = Some(str_of(&hash)),
                Err(fault) => {
                    let text = complaint(&fault);
                    return Ok(Err(
                        report.fail(format!("Unable to get position of local branch '{wanted}': {text}"))
                    ));
                }
            }
        } else {
            base_rev.clone_from(&remote.rev);
        }
    }
    let remotes = repo.ask("remotes", &[], map! { "redact_auth" => false })?;
    let fetch_url = remotes.get(&job.remote_name).and_then(|remote| remote.get("fetch")).map(str_of);
    let revs_match = job.matches(rev.as_deref());
    let local_changes = !job.bare
        && match repo.ask("diff", &["HEAD".into()], Map::new()) {
            Ok(said) => said.truthy(),
            Err(Fault::Execution { .. }) => false,
            Err(fault) => return Err(fault),
        };
    if local_changes && revs_match {
        if !matches!(job.reset(), Reset::Yes) {
            return Ok(Err(report.up_to_date(&repo.target, true)));
        }
        if report.test {
            report.changes.insert("forced update", true);
            return Ok(Err(report.neutral(format!(
                "{} is up-to-date, but with uncommitted changes. Since 'force_reset' is set to True, these local changes \
                 would be reset. To only reset when there are changes in the remote repository, set 'force_reset' to \
                 'remote-changes'.",
                repo.target
            ))));
        }
    }
    let mut has_remote_rev = false;
    if let Some(wanted) = &remote.rev {
        if remote.kind == Some(Kind::Hash) && base_rev.as_ref().is_some_and(|base| base.starts_with(wanted)) {
            has_remote_rev = true;
        } else if repo.commit(&format!("{wanted}^{{commit}}"))?.is_some() {
            match (&remote.kind, &remote.upstream) {
                (Some(Kind::Hash), _) => has_remote_rev = true,
                (Some(Kind::Tag), _) if tags.contains(&job.rev) => {
                    let local = repo.commit(&format!("{}^{{commit}}", job.rev))?;
                    has_remote_rev = local.as_ref() == Some(wanted);
                    if !has_remote_rev && matches!(job.reset(), Reset::No) {
                        return Ok(Err(report.done(
                            Some(false),
                            format!(
                                "'{}' is a tag, but the remote SHA1 for this tag ({}) doesn't match the local SHA1 ({}). Set \
                                 'force_reset' to True to force this update.",
                                job.rev,
                                short(Some(wanted)),
                                short(local.as_deref())
                            ),
                        )));
                    }
                }
                (Some(Kind::Branch), Upstream::Branch(upstream)) if fetch_url.is_some() => {
                    has_remote_rev = repo.commit(upstream)?.as_ref() == Some(wanted);
                }
                _ => {}
            }
        }
    }
    let mut fast_forward =
        if local_changes && !matches!(job.reset(), Reset::RemoteChanges) { Some(false) } else { None };
    let stays = job.branch.is_none() || job.branch == branch;
    if has_remote_rev {
        if !revs_match && !job.flag("update_head") && stays {
            return Ok(Err(report.done(Some(true), head_stays(job, rev.as_deref()))));
        }
        if fast_forward.is_none() {
            fast_forward = Some(match &base_rev {
                None => true,
                Some(base) => job.is_ancestor(base, true)?,
            });
        }
    }
    let upstream = match &base_branch {
        None => None,
        Some(base) => repo.quietly(
            "rev_parse",
            &[format!("{base}@{{upstream}}").into()],
            map! { "opts" => Value::list(["--abbrev-ref"]) },
        )?,
    };
    Ok(Ok(Found {
        branches,
        tags,
        rev,
        branch,
        base_rev,
        local_changes,
        revs_match,
        has_remote_rev,
        upstream,
        fetch_url,
        fast_forward,
    }))
}

fn head_stays(job: &Job, rev: Option<&str>) -> String {
    format!(
        "{} is already present and local HEAD ({}) does not match, but update_head=False. HEAD has not been updated locally.",
        job.place_first(),
        short(rev)
    )
}

/// Why histories that went apart are left alone. Pure.
fn not_fast_forward(job: &Job, found: &Found, report: &Report) -> StateReturn {
    let (rev, local) = (&job.rev, found.branch.as_deref().unwrap_or("None"));
    let mut hint = String::new();
    if job.branch.is_none() {
        let default = job.remote.default_branch.as_deref();
        if rev != "HEAD" && found.branch.as_ref() != Some(rev) {
            hint = format!(
                " The desired rev ({rev}) differs from the name of the local branch ({local}), if the desired rev is a branch \
                 name then a forced update could possibly be avoided by setting the 'branch' argument to '{rev}' instead."
            );
        } else if let Some(default) = default.filter(|default| rev == "HEAD" && *default != local) {
            hint = format!(
                " The default remote branch ({default}) differs from the local branch ({local}). This could be caused by \
                 changing the default remote branch, or if the local branch was manually changed. Rather than forcing an \
                 update, it may be advisable to set the 'branch' argument to '{default}' instead. To ensure that this state \
                 follows the '{default}' branch instead of the remote HEAD, set the 'rev' argument to '{default}'."
            );
        }
    }
    let (before, after) = (short(found.base_rev.as_deref()), short(job.remote.rev.as_deref()));
    let changed = found.local_changes;
    let way =
        if changed && before != after { format!("from {before} to {after}") } else { format!("to {after}") };
    let after_checkout = match &job.branch {
        Some(branch) if job.changes_branch(found.branch.as_deref()) => {
            format!(" (after checking out local branch '{branch}')")
        }
        _ => String::new(),
    };
    let (why, or, and) = if changed {
        ("there are uncommitted changes", " (or 'remote-changes')", " and discard these changes")
    } else {
        ("this is not a fast-forward merge", "", "")
    };
    report.fail(format!(
        "Repository would be updated {way}{after_checkout}, but {why}. Set 'force_reset' to True{or} to force this \
         update{and}.{hint}"
    ))
}

/// `test=True`: what would be done once the address is right. Pure.
fn planned(job: &Job, found: &Found, report: &mut Report, forced: bool) -> StateReturn {
    let (remote, mut actions) = (&job.remote, Vec::new());
    let wanted = short(remote.rev.as_deref());
    let local = short(found.rev.as_deref());
    let updates = job.flag("update_head");
    if !found.has_remote_rev {
        actions.push(format!("Remote '{}' would be fetched", job.remote_name));
    }
    let changes_branch = job.changes_branch(found.branch.as_deref());
    if !found.revs_match && (updates || changes_branch) {
        report.changes.insert("revision", map! { "old" => found.rev.clone(), "new" => remote.rev.clone() });
    }
    if let Some(branch) = job.branch.as_ref().filter(|_| changes_branch) {
        if found.branches.contains(branch) {
            let action = action(found.fast_forward);
            actions.push(format!("Branch '{branch}' would be checked out and {action} to {wanted}"));
        } else {
            let place = &remote.place;
            actions.push(format!(
                "New branch '{branch}' would be checked out, with {place} as a starting point"
            ));
            if let Upstream::Branch(upstream) = &remote.upstream {
                actions.push(format!("Tracking branch would be set to {upstream}"));
            }
        }
    } else if !found.revs_match && !updates {
        actions.push(format!(
            "Local HEAD ({local}) does not match {} but update_head=False, HEAD would not be updated locally",
            remote.place
        ));
    } else if !found.revs_match {
        let verb = match found.fast_forward {
            Some(true) => "fast-forwarded",
            _ if forced && found.has_remote_rev => "hard-reset",
            _ => "updated",
        };
        actions.push(format!("Repository would be {verb} from {local} to {wanted}"));
    }
    match (&remote.upstream, found.upstream.as_deref()) {
        (Upstream::Branch(wanted), None) => actions.push(format!("Tracking branch would be set to {wanted}")),
        (Upstream::None, Some(_)) => actions.push("Tracking branch would be unset".to_owned()),
        (Upstream::Branch(wanted), Some(now)) if wanted != now => {
            actions.push(format!("Tracking branch would be updated to {wanted}"));
        }
        _ => {}
    }
    conclude(job, found, report, actions, updates)
}

/// The end of `test=True`.
fn conclude(
    job: &Job,
    found: &Found,
    report: &mut Report,
    actions: Vec<String>,
    updates: bool,
) -> StateReturn {
    if !report.changes.is_empty() {
        return report.neutral(sentences(&actions));
    }
    if !found.revs_match && !updates && !actions.is_empty() {
        return report.done(Some(true), sentences(&actions));
    }
    report.comments = actions;
    report.up_to_date(&job.repo.target, false)
}

fn action(fast_forward: Option<bool>) -> &'static str {
    match fast_forward {
        Some(false) => "hard-reset",
        Some(true) => "fast-forwarded",
        None => "updated",
    }
}

/// Makes the address of the remote right. `Some` ends the state.
fn set_remote(job: &Job, found: &Found, report: &mut Report) -> Result<Option<StateReturn>, Fault> {
    let wanted = address(job.repo.args, &job.name).unwrap_or_else(|_| job.name.clone());
    if found.fetch_url.as_ref() == Some(&wanted) {
        return Ok(None);
    }
    let (before, after) =
        (found.fetch_url.as_deref().map_or_else(|| "None".to_owned(), shown), shown(&wanted));
    let name = &job.remote_name;
    if report.test {
        let mut actions = vec![format!("Remote '{name}' would be changed from {before} to {after}")];
        if !found.has_remote_rev {
            actions.push("Remote would be fetched".to_owned());
        }
        let updates = job.flag("update_head");
        if !found.revs_match && updates {
            report
                .changes
                .insert("revision", map! { "old" => found.rev.clone(), "new" => job.remote.rev.clone() });
            if found.fast_forward == Some(false) {
                report.changes.insert("forced update", true);
            }
            let (action, rev) = (action(found.fast_forward), short(job.remote.rev.as_deref()));
            actions.push(format!("Repository would be {action} to {rev}"));
        }
        return Ok(Some(conclude(job, found, report, actions, updates)));
    }
    let mut asked = map! { "url" => job.name.as_str(), "remote" => name.as_str() };
    for key in ["https_user", "https_pass"] {
        asked.insert(key, job.repo.args.get(key).clone());
    }
    job.repo.ask("remote_set", &[], asked)?;
    if found.fetch_url.is_none() {
        report.comments.push(format!("Remote '{name}' set to {after}"));
        report.changes.insert("new", format!("{} => {name}", job.name));
    } else {
        report.comments.push(format!("Remote '{name}' changed from {before} to {after}"));
    }
    Ok(None)
}

/// Compares the tags of both repositories. Whether there is something to fetch.
fn sync_tags(job: &Job, found: &Found, report: &mut Report) -> Result<(bool, Vec<String>), Fault> {
    let mut asked = job.repo.keys();
    asked.insert("remote", job.remote_name.as_str());
    asked.insert("opts", "--tags");
    asked.insert("ignore_retcode", true);
    let listed = job.repo.ask("ls_remote", &[], asked)?;
    let remote: Vec<String> = listed
        .as_map()
        .into_iter()
        .flatten()
        .map(|(name, _)| str_of(name))
        .filter(|name| !name.contains("^{}"))
        .map(|name| name.replace("refs/tags/", ""))
        .collect();
    let missing = |all: &[String], others: &[String]| -> Vec<String> {
        let mut rest: Vec<String> = all.iter().filter(|name| !others.contains(name)).cloned().collect();
        sort::all(&mut rest);
        rest
    };
    let (new, gone) = (missing(&remote, &found.tags), missing(&found.tags, &remote));
    let differs = !new.is_empty() || !gone.is_empty();
    if !new.is_empty() {
        report.changes.insert("new_tags", Value::list(new));
    }
    let (mut warnings, mut deleted) = (Vec::new(), Vec::new());
    for tag in gone.into_iter().filter(|_| job.flag("sync_tags")) {
        match job.repo.ask("tag", &[tag.as_str().into()], map! { "opts" => "-d" }) {
            Ok(_) => deleted.push(tag),
            Err(fault) => {
                let text = crate::states::failure::text(&fault);
                warnings.push(format!("Failed to remove local tag '{tag}':\n\n{text}\n\n"));
            }
        }
    }
    if !deleted.is_empty() {
        let names = deleted.join(", ");
        report.comments.push(format!("The following tags were removed from the local checkout: {names}"));
        report.changes.insert("deleted_tags", Value::list(deleted));
    }
    Ok((differs, warnings))
}

/// Fetches. `Err` ends the state.
fn fetch(job: &Job, report: &Report) -> Result<Result<bool, StateReturn>, Fault> {
    let mut asked = job.repo.keys();
    asked.insert("remote", job.remote_name.as_str());
    asked.insert("force", job.flag("force_fetch"));
    asked.insert("refspecs", Value::list(&job.refspecs));
    match job.repo.ask("fetch", &[], asked) {
        Ok(news) => Ok(Ok(news.truthy())),
        Err(fault @ Fault::Execution { .. }) => Ok(Err(report.failed_fetch(&fault))),
        Err(fault) => Err(fault),
    }
}

pub(super) fn update(job: &Job, report: &mut Report) -> Result<StateReturn, Fault> {
    let mut found = match inspect(job, report)? {
        Ok(found) => found,
        Err(ended) => return Ok(ended),
    };
    if found.fast_forward == Some(false) && matches!(job.reset(), Reset::No) {
        return Ok(not_fast_forward(job, &found, report));
    }
    let mut warnings = Vec::new();
    if job.remote.rev.is_some() {
        if let Some(ended) = set_remote(job, &found, report)? {
            return Ok(ended);
        }
        if report.test {
            let forced = !matches!(job.reset(), Reset::No);
            return Ok(planned(job, &found, report, forced));
        }
        match bring(job, &mut found, report)? {
            Ok(more) => warnings = more,
            Err(ended) => return Ok(ended),
        }
    } else if job.bare {
        if report.test {
            report.comments = vec![format!("Bare repository at {} would be fetched", job.repo.target)];
            return Ok(report.up_to_date(&job.repo.target, false));
        }
        match fetch(job, report)? {
            Ok(news) => {
                let more = if news { ", resulting in updated refs" } else { "" };
                report.comments.push(format!("Bare repository at {} was fetched{more}", job.repo.target));
            }
            Err(ended) => return Ok(ended),
        }
    }
    let new_rev = job.repo.revision()?;
    if !job.bare && !job.matches(new_rev.as_deref()) {
        return Ok(report.fail("Failed to update repository"));
    }
    let mut ret = if found.rev == new_rev {
        report.up_to_date(&job.repo.target, false)
    } else {
        report.changes.insert("revision", map! { "old" => found.rev.clone(), "new" => new_rev });
        report.done(Some(true), sentences(&report.comments))
    };
    if !warnings.is_empty() {
        ret.extra.insert("warnings", Value::list(warnings));
    }
    Ok(ret)
}

/// Fetches, checks out, merges or resets. The warnings; `Err` ends the state.
fn bring(
    job: &Job,
    found: &mut Found,
    report: &mut Report,
) -> Result<Result<Vec<String>, StateReturn>, Fault> {
    let (repo, remote) = (&job.repo, &job.remote);
    let wanted = job.rev_list().to_owned();
    let follow = job.follow(found.upstream.as_deref(), &found.branches);
    if follow.is_some() && found.branch.is_none() {
        return Ok(Err(report.fail(format!(
            "Cannot set/unset upstream tracking branch, local HEAD refers to nonexistent branch. This may have been caused by \
             cloning a remote repository for which the default branch was renamed or deleted. {NO_BRANCH}"
        ))));
    }
    let (differs, warnings) = sync_tags(job, found, report)?;
    if differs || !found.has_remote_rev {
        match fetch(job, report)? {
            Ok(true) => report.comments.push(format!("{} was fetched, resulting in updated refs", job.name)),
            Ok(false) => {}
            Err(ended) => return Ok(Err(ended)),
        }
        let asked = [format!("{wanted}^{{commit}}").into()];
        if let Err(fault) = repo.ask("rev_parse", &asked, map! { "ignore_retcode" => true }) {
            let (rev, name) = (&job.rev, &job.name);
            let text = crate::states::failure::text(&fault);
            return Ok(Err(
                report.fail(format!("Fetch did not successfully retrieve rev '{rev}' from {name}: {text}"))
            ));
        }
        let stays = job.branch.is_none() || job.branch == found.branch;
        if !found.revs_match && !job.flag("update_head") && stays {
            return Ok(Err(report.done(Some(true), head_stays(job, found.rev.as_deref()))));
        }
        let ahead = match &found.base_rev {
            None => true,
            Some(base) => job.is_ancestor(base, false)?,
        };
        found.fast_forward = Some(ahead);
        if matches!(job.reset(), Reset::No) && (!ahead || found.local_changes) {
            return Ok(Err(not_fast_forward(job, found, report)));
        }
    }
    if let Some(branch) = job.branch.as_ref().filter(|_| job.changes_branch(found.branch.as_deref())) {
        if found.local_changes && !job.flag("force_checkout") {
            let local = found.branch.as_deref().unwrap_or("None");
            return Ok(Err(report.fail(format!(
                "Local branch '{local}' has uncommitted changes. Set 'force_checkout' to True to discard them and proceed."
            ))));
        }
        let is_new = !found.branches.contains(branch);
        let (rev, opts) =
            if is_new { (job.start(), vec!["-b", branch]) } else { (branch.clone(), Vec::new()) };
        let asked = map! { "force" => job.flag("force_checkout"), "opts" => Value::list(opts) };
        repo.ask("checkout", &[rev.as_str().into()], asked)?;
        report.comments.push(if is_new {
            format!("New branch '{branch}' was checked out, with {} as a starting point", remote.place)
        } else {
            format!("'{rev}' was checked out")
        });
    }
    let hard = |rev: &str| {
        let mut asked = job.lfs.clone();
        asked.insert("opts", Value::list(["--hard", rev]));
        repo.ask("reset", &[], asked)
    };
    let discarded = "Uncommitted changes were discarded".to_owned();
    if found.fast_forward == Some(false) {
        hard(&wanted)?;
        report.changes.insert("forced update", true);
        report.comments.extend(found.local_changes.then_some(discarded));
        report.comments.push(format!("Repository was hard-reset to {}", remote.place));
    } else if found.fast_forward == Some(true) && found.local_changes && !matches!(job.reset(), Reset::No) {
        repo.ask("discard_local_changes", &[], Map::new())?;
        report.comments.push(discarded);
    }
    if let Some((opts, text)) = follow {
        repo.ask("branch", &[], map! { "opts" => Value::list(opts) })?;
        report.comments.push(text);
    }
    if found.fast_forward == Some(true) && !job.matches(found.base_rev.as_deref()) {
        if matches!(remote.upstream, Upstream::Branch(_)) || job.rev == "HEAD" {
            let on_branch =
                repo.quietly("symbolic_ref", &["HEAD".into()], map! { "opts" => Value::list(["--quiet"]) })?;
            if on_branch.is_none_or(|name| name.is_empty()) {
                return Ok(Err(report.fail("Unable to fast-forward, HEAD is detached")));
            }
            let mut asked = job.lfs.clone();
            asked.insert("rev", wanted);
            asked.insert("opts", Value::list(["--ff-only"]));
            repo.ask("merge", &[], asked)?;
            report.comments.push(format!("Repository was fast-forwarded to {}", remote.place));
        } else {
            hard(&job.rev)?;
            report.comments.push(format!("Repository was reset to {} (fast-forward)", job.rev));
        }
    }
    if job.flag("submodules")
        && let Some(ended) = update_submodules(job, report, repo.keys())?
    {
        return Ok(Err(ended));
    }
    Ok(Ok(warnings))
}
