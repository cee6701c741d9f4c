//! Worktrees, archives and what is rare: `git archive`, `git rebase`, `git merge-tree`, `git worktree`. Salt:
//! modules/git.py.

use std::fs;
use std::path::Path;

use super::run::{Git, options};
use crate::loader::{Args, Context, Fault};
use crate::value::{Map, Value, str_of};

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

pub(super) fn archive(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let format = args.keyword("format");
    let git = Git::of(cx, args)?;
    let mut words = Vec::new();
    let prefix = match args.get("prefix") {
        Value::Null => format!("{}/", base(git.cwd.as_deref().unwrap_or_default())),
        prefix => str_of(prefix),
    };
    if !prefix.is_empty() {
        words.extend(["--prefix".to_owned(), prefix]);
    }
    if format.truthy() {
        words.extend(["--format".to_owned(), str_of(format)]);
    }
    words.extend(["--output".to_owned(), git.absolute(args.str("output")?), args.str("rev")?]);
    git.printed("archive", &words)?;
    Ok(true.into())
}

pub(super) fn rebase(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = options(args, "opts")?;
    if words.iter().any(|word| word == "-i" || word == "--interactive") {
        return Err(Fault::invocation("Interactive rebases are not supported"));
    }
    words.extend(crate::loader::shlex::split(&str_of(args.get("rev")))?);
    Git::of(cx, args)?.printed("rebase", &words)
}

pub(super) fn merge_tree(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (one, other) = (args.str("ref1")?, args.str("ref2")?);
    let base = match args.opt_str("base")? {
        Some(base) => base,
        None => {
            let refs = crate::map! { "refs" => Value::list([one.as_str(), other.as_str()]) };
            match cx.ask_with("git.merge_base", &[args.get("cwd").clone()], refs) {
                Ok(base) => str_of(&base),
                Err(_) => {
                    let text = format!("Unable to determine merge base for {one} and {other}");
                    return Err(Fault::execution(text));
                }
            }
        }
    };
    Git::of(cx, args)?.printed("merge-tree", &[base, one, other])
}

pub(super) fn add(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let branch = args.keyword("branch");
    let path = args.str("worktree_path")?;
    let mut words = vec!["add".to_owned()];
    if args.truthy("detach") {
        if branch.truthy() {
            return Err(Fault::invocation("Only one of 'branch' and 'detach' is allowed"));
        }
        if args.truthy("force") {
            crate::log::warn!("'force' argument to git.worktree_add is ignored when detach=True");
        }
        words.push("--detach".to_owned());
    } else {
        let branch = if branch.truthy() { str_of(branch) } else { base(&path).to_owned() };
        words.extend([if args.truthy("reset_branch") { "-B" } else { "-b" }.to_owned(), branch]);
        if args.truthy("force") {
            words.push("--force".to_owned());
        }
    }
    words.extend(options(args, "opts")?);
    words.push(path);
    words.extend(args.opt_str("ref")?.filter(|name| !name.is_empty()));
    Git::of(cx, args)?.merged().printed("worktree", &words)
}

/// What was pruned: since git 2.35 it says so on stderr.
pub(super) fn prune(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = vec!["prune".to_owned()];
    for (name, word) in [("dry_run", "--dry-run"), ("verbose", "--verbose")] {
        if args.truthy(name) {
            words.push(word.to_owned());
        }
    }
    if args.truthy("expire") {
        words.extend(["--expire".to_owned(), str_of(args.get("expire"))]);
    }
    words.extend(options(args, "opts")?);
    let ran = Git::of(cx, args)?.succeeded("worktree", &words)?;
    Ok(if ran.stderr.is_empty() { ran.stdout } else { ran.stderr }.into())
}

pub(super) fn remove(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let cwd = Git::of(cx, args)?.cwd.unwrap_or_default();
    if !Path::new(&cwd).exists() {
        return Err(Fault::execution(format!("{cwd} does not exist")));
    }
    if !cx.ask("git.is_worktree", &[cwd.as_str().into()])?.truthy() {
        return Err(Fault::execution(format!("{cwd} is not a git worktree")));
    }
    fs::remove_dir_all(&cwd).map_err(|error| Fault::execution(format!("Unable to remove {cwd}: {error}")))?;
    Ok(true.into())
}

/// `{path: {stale, HEAD, detached, branch, tags?}}`: those that are there, with `stale` those that are gone, with `all`
/// both.
pub(super) fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (all, stale) = (args.keyword("all").truthy(), args.truthy("stale"));
    if all && stale {
        return Err(Fault::execution("'all' and 'stale' cannot both be set to True"));
    }
    let git = Git::of(cx, args)?;
    let text = str_of(&git.printed("worktree", &["list".to_owned(), "--porcelain".to_owned()])?);
    let mut found = Map::new();
    for entry in text.trim().split("\n\n") {
        let of = |key: &str| entry.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(' '));
        let detached = entry.lines().any(|line| line == "detached");
        let (Some(path), Some(head)) = (of("worktree"), of("HEAD")) else {
            crate::log::error!("git.worktree: Incomplete worktree data: {entry}");
            continue;
        };
        let branch = of("branch");
        if branch.is_none() && !detached {
            crate::log::error!("git.worktree: Incomplete worktree data, missing the branch: {entry}");
            continue;
        }
        let is_stale = !Path::new(path).is_dir();
        if !all && is_stale != stale {
            continue;
        }
        let mut worktree =
            crate::map! { "stale" => is_stale, "HEAD" => head, "detached" => branch.is_none() };
        let branch = branch.map(|branch| branch.replacen("refs/heads/", "", 1));
        if branch.is_none() {
            let words = ["--points-at".to_owned(), head.to_owned()];
            let tags = str_of(&git.printed("tag", &words)?);
            if !tags.is_empty() {
                worktree.insert("tags", Value::list(tags.lines()));
            }
        }
        worktree.insert("branch", branch);
        found.insert(path, worktree);
    }
    Ok(found.into())
}
