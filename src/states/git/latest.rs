//! `git.latest`: what is asked for, and what the other repository has. Salt: states/git.py.

use std::path::Path;

use super::report::{Report, complaint, short};
use super::{Repo, clone, own_keywords, unknown_keywords, update, with_user};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::value::{Map, Value, redacted_url, str_of};

/// How the revision was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Branch,
    Tag,
    Hash,
}

/// The branch of the other repository that the local one shall follow.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Upstream {
    /// Whichever.
    Any,
    None,
    Branch(String),
}

/// What the other repository has of the revision.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub refs: Map,
    pub rev: Option<String>,
    pub kind: Option<Kind>,
    pub upstream: Upstream,
    /// How comments name it.
    pub place: String,
    pub default_branch: Option<String>,
}

/// What the state wants, and where it does it.
pub(super) struct Job<'r, 'x, 'c> {
    pub repo: Repo<'r, 'x, 'c>,
    pub name: String,
    pub rev: String,
    pub branch: Option<String>,
    pub remote_name: String,
    pub bare: bool,
    pub remote: Remote,
    pub refspecs: Vec<String>,
    /// The key is handed on where large files are kept elsewhere.
    pub lfs: Map,
}

impl Job<'_, '_, '_> {
    pub(super) fn flag(&self, name: &str) -> bool {
        self.repo.args.truthy(name)
    }

    pub(super) fn matches(&self, local: Option<&str>) -> bool {
        same(local, self.remote.rev.as_deref(), self.remote.kind)
    }

    /// The place as the beginning of a sentence.
    pub(super) fn place_first(&self) -> String {
        let place = &self.remote.place;
        if self.rev != "HEAD" {
            return place.clone();
        }
        let mut chars = place.chars();
        let first = chars.next().map(|char| char.to_uppercase().to_string()).unwrap_or_default();
        first + &chars.as_str().to_lowercase()
    }

    /// What a new branch starts at.
    pub(super) fn start(&self) -> String {
        match (&self.remote.upstream, self.rev.as_str()) {
            (_, "HEAD") => self.remote.rev.clone().unwrap_or_default(),
            (Upstream::Branch(branch), _) => branch.clone(),
            (_, rev) => rev.to_owned(),
        }
    }

    /// The options that make a branch follow another, and what is said of it.
    pub(super) fn follow(
        &self,
        upstream: Option<&str>,
        branches: &[String],
    ) -> Option<(Vec<String>, String)> {
        let wanted = match &self.remote.upstream {
            Upstream::Any => return None,
            Upstream::None => {
                let unset = (vec!["--unset-upstream".to_owned()], "Tracking branch was unset".to_owned());
                return upstream.map(|_| unset);
            }
            Upstream::Branch(wanted) => wanted,
        };
        let text = match upstream {
            Some(upstream) if upstream == wanted => return None,
            Some(_) => format!("Tracking branch was updated to {wanted}"),
            None => format!("Tracking branch was set to {wanted}"),
        };
        let is_new = self.branch.as_ref().is_some_and(|branch| !branches.contains(branch));
        (!is_new).then(|| (vec!["--set-upstream-to".to_owned(), wanted.clone()], text))
    }
}

/// Whether two revisions are the same; hashes may be abbreviated. Pure.
pub(super) fn same(local: Option<&str>, remote: Option<&str>, kind: Option<Kind>) -> bool {
    match (local, remote) {
        (None, None) => true,
        (Some(local), Some(remote)) if kind == Some(Kind::Hash) => local.starts_with(remote),
        (local, remote) => local == remote,
    }
}

pub(super) fn is_hash(rev: &str) -> bool {
    rev.len() <= 40 && rev.chars().all(|char| char.is_ascii_hexdigit())
}

/// Finds the revision among what the other repository has. Pure.
pub(super) fn find(refs: Map, rev: &str, remote: &str, bare: bool) -> Remote {
    let head = refs.str("HEAD").map(str::to_owned);
    let default_branch = refs
        .iter()
        .filter(|(_, hash)| head.is_some() && hash.as_str() == head.as_deref())
        .find_map(|(name, _)| name.as_str()?.strip_prefix("refs/heads/").map(str::to_owned));
    let has = |name: String| refs.str(&name).map(str::to_owned);
    let mut found = Remote {
        rev: None,
        kind: None,
        upstream: Upstream::None,
        place: String::new(),
        default_branch,
        refs: Map::new(),
    };
    if bare {
    } else if rev == "HEAD" {
        if head.is_some() {
            (found.kind, found.upstream) = (Some(Kind::Hash), Upstream::Any);
        }
        found.rev = head;
    } else if let Some(hash) = has(format!("refs/heads/{rev}")) {
        (found.rev, found.kind) = (Some(hash), Some(Kind::Branch));
        found.upstream = Upstream::Branch(format!("{remote}/{rev}"));
    } else if let Some(hash) =
        has(format!("refs/tags/{rev}^{{}}")).or_else(|| has(format!("refs/tags/{rev}")))
    {
        (found.rev, found.kind) = (Some(hash), Some(Kind::Tag));
    } else if is_hash(rev) {
        (found.rev, found.kind) = (Some(rev.to_lowercase()), Some(Kind::Hash));
    }
    let hash = short(found.rev.as_deref());
    found.place = match (found.kind, rev) {
        (None, _) => "None".to_owned(),
        (Some(Kind::Hash), "HEAD") => format!("remote HEAD ({hash})"),
        (Some(Kind::Hash), _) => hash.to_owned(),
        (Some(Kind::Branch), rev) => format!("{remote}/{rev} ({hash})"),
        (Some(Kind::Tag), rev) => format!("{rev} ({hash})"),
    };
    found.refs = refs;
    found
}

/// Keys as absolute paths, or what is wrong with them.
pub(super) fn identities(running: &Running, args: &Args, word: &str) -> Result<Option<String>, Fault> {
    let all: Vec<String> = match args.get("identity") {
        Value::Null => Vec::new(),
        Value::Text(path) => vec![path.clone()],
        Value::List(paths) => paths.iter().map(str_of).collect(),
        _ => return Ok(Some(format!("{word} must be either a list or a string"))),
    };
    for path in all {
        if path.contains("salt://") {
            if !running.ask("cp.cache_file", &[path.as_str().into()])?.truthy() {
                return Ok(Some(format!("{word} '{path}' does not exist.")));
            }
        } else if !path.starts_with('/') && !path.starts_with('~') {
            return Ok(Some(format!("{word} '{path}' is not an absolute path")));
        }
    }
    Ok(None)
}

/// The address with user and password, as git keeps it, or what is wrong with it.
pub(super) fn address(args: &Args, url: &str) -> Result<String, String> {
    let part = |key: &str| args.given(key).map(str_of);
    let (user, password) = (part("https_user"), part("https_pass"));
    if user.is_none() && password.is_none() {
        return Ok(url.to_owned());
    }
    let rest =
        url.strip_prefix("https://").ok_or_else(|| "Basic Auth only supported for HTTPS".to_owned())?;
    let password = password.map(|password| format!(":{password}")).unwrap_or_default();
    Ok(format!("https://{}{password}@{rest}", user.unwrap_or_else(|| "None".to_owned())))
}

/// What is wrong with the arguments.
fn mistake(running: &Running, args: &Args) -> Result<Option<String>, Fault> {
    if let Some(text) = unknown_keywords(&own_keywords(args)) {
        return Ok(Some(text));
    }
    for name in ["remote", "target"] {
        if !args.truthy(name) {
            return Ok(Some(format!("'{name}' argument is required")));
        }
    }
    let (rev, target) = (str_of(args.get("rev")), str_of(args.get("target")));
    if !args.truthy("rev") {
        return Ok(Some(format!("'{rev}' is not a valid value for the 'rev' argument")));
    }
    if !matches!(args.get("force_reset"), Value::Bool(_))
        && args.get("force_reset").as_str() != Some("remote-changes")
    {
        return Ok(Some("'force_reset' must be one of True, False, or 'remote-changes'".to_owned()));
    }
    if !target.starts_with('/') {
        return Ok(Some(format!("target '{target}' is not an absolute path")));
    }
    if let Some(text) = identities(running, args, "identity")? {
        return Ok(Some(text));
    }
    if Path::new(&target).is_file() {
        return Ok(Some(format!("Target '{target}' exists and is a regular file, cannot proceed")));
    }
    if let Err(text) = address(args, &args.str("name")?) {
        return Ok(Some(text));
    }
    let is_bare = args.truthy("bare") || args.truthy("mirror");
    let text = "'rev' is not compatible with the 'mirror' and 'bare' arguments";
    Ok((rev != "HEAD" && is_bare).then(|| text.to_owned()))
}

pub(super) fn latest(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
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
    let (rev, remote_name) = (str_of(args.get("rev")), str_of(args.get("remote")));
    let bare = args.truthy("bare") || args.truthy("mirror");
    let large = with_user(args, map! { "global" => true, "ignore_retcode" => true });
    let uses_lfs = running.ask_with("git.config_get_regexp", &["filter\\.lfs\\.".into()], large)?.truthy();
    let mut asked = with_user(args, map! { "heads" => false, "tags" => false, "ignore_retcode" => false });
    for key in ["identity", "https_user", "https_pass"] {
        asked.insert(key, args.get(key).clone());
    }
    asked.insert("saltenv", running.low.str("__env__").unwrap_or("base"));
    let refs = match running.ask_with("git.remote_refs", &[name.as_str().into()], asked) {
        Ok(refs) => refs.as_map().cloned().unwrap_or_default(),
        Err(fault @ Fault::Execution { .. }) => {
            return Ok(report.fail(format!("Failed to check remote refs: {}", complaint(&fault))));
        }
        Err(fault) => return Err(fault),
    };
    let remote = find(refs, &rev, &remote_name, bare);
    if !args.get("depth").is_null() && !matches!(remote.kind, Some(Kind::Branch | Kind::Tag)) {
        return Ok(report.fail(
            "When 'depth' is used, 'rev' must be set to the name of a branch or tag on the remote repository",
        ));
    }
    if remote.rev.is_none() && !bare && rev != "HEAD" {
        return Ok(report.fail(format!("No revision matching '{rev}' exists in the remote repository")));
    }
    let mut refspecs = Vec::new();
    if args.truthy("fetch_tags") {
        let (branches, tags) = (str_of(args.get("refspec_branch")), str_of(args.get("refspec_tag")));
        refspecs.push(format!("refs/heads/{branches}:refs/remotes/{remote_name}/{branches}"));
        refspecs.push(format!("+refs/tags/{tags}:refs/tags/{tags}"));
    }
    let job = Job {
        repo: Repo { running, args, target: str_of(args.get("target")) },
        branch: args.opt_str("branch")?,
        bare,
        remote,
        refspecs,
        lfs: if uses_lfs {
            map! { "identity" => args.get("identity").clone() }
        } else {
            Map::new()
        },
        rev: if is_hash(&rev) { rev.to_lowercase() } else { rev },
        remote_name,
        name,
    };
    let done = if job.repo.exists(if bare { "refs" } else { ".git" })? {
        update::update(&job, &mut report)
    } else {
        clone::clone(&job, &mut report)
    };
    done.or_else(|fault| Ok(report.fail(complaint(&fault))))
}

/// The address as it may be shown.
pub(super) fn shown(url: &str) -> String {
    redacted_url(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_branch_a_tag_or_a_hash() {
        let refs = map! {
            "HEAD" => "aaaaaaaaaa", "refs/heads/main" => "aaaaaaaaaa", "refs/tags/v1" => "bbbbbbbbbb",
            "refs/tags/v1^{}" => "cccccccccc",
        };
        let check = |rev: &str, expected: (Option<&str>, Option<Kind>, &str)| {
            let found = find(refs.clone(), rev, "origin", false);
            assert_eq!((found.rev.as_deref(), found.kind, found.place.as_str()), expected, "{rev}");
            assert_eq!(found.default_branch.as_deref(), Some("main"));
        };
        check("HEAD", (Some("aaaaaaaaaa"), Some(Kind::Hash), "remote HEAD (aaaaaaa)"));
        check("main", (Some("aaaaaaaaaa"), Some(Kind::Branch), "origin/main (aaaaaaa)"));
        check("v1", (Some("cccccccccc"), Some(Kind::Tag), "v1 (ccccccc)"));
        check("ABCDEF012", (Some("abcdef012"), Some(Kind::Hash), "abcdef0"));
        check("nothing", (None, None, "None"));
    }

    #[test]
    fn abbreviated_hashes_agree() {
        assert!(same(Some("abcdef"), Some("abc"), Some(Kind::Hash)));
        assert!(!same(Some("abcdef"), Some("abc"), Some(Kind::Tag)));
        assert!(same(None, None, None));
        assert!(!same(None, Some("abc"), Some(Kind::Hash)));
    }
}
