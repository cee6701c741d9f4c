//! `git`: repositories, by the program `git`. Salt: modules/git.py.

mod config;
mod remote;
mod run;
mod worktree;

use run::{Git, options};

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, only, opt, req};
use crate::value::{Map, Value, str_of};

const CWD: Param = req("cwd");
const OPTS: Param = opt("opts", Default::Str(""));
const GIT_OPTS: Param = opt("git_opts", Default::Str(""));
const USER: Param = opt("user", Default::None);
const PASSWORD: Param = opt("password", Default::None);
const IDENTITY: Param = opt("identity", Default::None);
const HTTPS_USER: Param = opt("https_user", Default::None);
const HTTPS_PASS: Param = opt("https_pass", Default::None);
const IGNORE: Param = opt("ignore_retcode", Default::False);
const ENCODING: Param = opt("output_encoding", Default::None);
const ENV: Param = opt("saltenv", Default::Str("base"));
const NO_OTHERS: Param = only(&[]);

/// What a command takes: its own, then what all take, in Salt's order; after a semicolon further keywords.
macro_rules! command {
    ($($own:expr),+ $(; $others:expr)?) => {
        &[$($own,)+ OPTS, GIT_OPTS, USER, PASSWORD, IGNORE, ENCODING $(, $others)?]
    };
}

/// The same for what has no options of its own.
macro_rules! query {
    ($($own:expr),+ $(; $others:expr)?) => { &[$($own,)+ USER, PASSWORD, IGNORE, ENCODING $(, $others)?] };
}

pub(super) static MODULE: Module = Module {
    file: "git",
    provides: "git",
    available: |cx| {
        let missing = "The git execution module cannot be loaded: git unavailable.";
        cx.which("git").map(|_| ()).ok_or_else(|| missing.to_owned())
    },
    functions: &[
        Function::new("add", command![CWD, req("filename")], "`git add`: what it prints.", |cx, args| {
            let git = Git::of(cx, args)?;
            let opts = options(args, "opts")?.into_iter().filter(|word| word != "-v" && word != "--verbose");
            let words =
                [vec!["--verbose".to_owned()], opts.collect(), vec!["--".to_owned(), args.str("filename")?]];
            git.printed("add", &words.concat())
        }),
        Function::new(
            "archive",
            query![CWD, req("output"), opt("rev", Default::Str("HEAD")), opt("prefix", Default::None), GIT_OPTS; only(&["format"])],
            "`git archive` into a file; `format` is an option. True.",
            worktree::archive,
        ),
        Function::new(
            "branch",
            command![CWD, opt("name", Default::None)],
            "`git branch`. True.",
            |cx, args| {
                simple(cx, args, "branch", &["name"])?;
                Ok(true.into())
            },
        ),
        Function::new(
            "checkout",
            command![CWD, opt("rev", Default::None), opt("force", Default::False)],
            "`git checkout`: what it prints.",
            |cx, args| {
                let opts = options(args, "opts")?;
                let makes = opts.iter().any(|word| word == "-b" || word == "-B");
                if args.get("rev").is_null() && !makes {
                    return Err(Fault::invocation("'rev' argument is required unless -b or -B in opts"));
                }
                let mut words = if args.truthy("force") { vec!["--force".to_owned()] } else { Vec::new() };
                words.extend(opts);
                words.extend(args.opt_str("rev")?);
                Git::of(cx, args)?.merged().printed("checkout", &words)
            },
        ),
        Function::new(
            "clone",
            &[
                CWD,
                opt("url", Default::None),
                opt("name", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                IGNORE,
                ENV,
                ENCODING,
            ],
            "`git clone` into `cwd`, or with `name` below it. True.",
            remote::clone,
        ),
        Function::new(
            "commit",
            &[
                CWD,
                req("message"),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                opt("filename", Default::None),
                IGNORE,
                ENCODING,
            ],
            "`git commit`: what it prints.",
            |cx, args| {
                let mut words = vec!["-m".to_owned(), args.str("message")?];
                words.extend(options(args, "opts")?);
                if args.truthy("filename") {
                    words.extend(["--".to_owned(), args.str("filename")?]);
                }
                Git::of(cx, args)?.printed("commit", &words)
            },
        ),
        Function::new(
            "config_get",
            query![req("key"), opt("cwd", Default::None); only(&["all", "global"])],
            "An option: its last value, or with `all=True` all of them; None where it is not set.",
            config::get,
        ),
        Function::new(
            "config_get_regex",
            query![req("key"), opt("value_regex", Default::None), opt("cwd", Default::None); only(&["global"])],
            "Options whose names match: `{option: [value]}`.",
            config::get_regexp,
        ),
        Function::new(
            "config_get_regexp",
            query![req("key"), opt("value_regex", Default::None), opt("cwd", Default::None); only(&["global"])],
            "Options whose names match: `{option: [value]}`.",
            config::get_regexp,
        ),
        Function::new(
            "config_set",
            query![req("key"), opt("value", Default::None), opt("multivar", Default::None), opt("cwd", Default::None); only(&["add", "global"])],
            "Sets an option: all its values.",
            config::set,
        ),
        Function::new(
            "config_unset",
            query![req("key"), opt("value_regex", Default::None), opt("cwd", Default::None); only(&["all", "global"])],
            "Takes an option out. True.",
            config::unset,
        ),
        Function::new("current_branch", query![CWD], "The branch that is checked out.", |cx, args| {
            Git::of(cx, args)?.printed("rev-parse", &words(&["--abbrev-ref", "HEAD"]))
        }),
        Function::new(
            "describe",
            query![CWD, opt("rev", Default::Str("HEAD"))],
            "`git describe --always`.",
            |cx, args| Git::of(cx, args)?.printed("describe", &["--always".to_owned(), args.str("rev")?]),
        ),
        Function::new(
            "diff",
            &[
                CWD,
                opt("item1", Default::None),
                opt("item2", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                opt("no_index", Default::False),
                opt("cached", Default::False),
                opt("paths", Default::None),
                IGNORE,
                ENCODING,
            ],
            "`git diff`: what it prints.",
            |cx, args| {
                let mut words = options(args, "opts")?;
                if args.truthy("no_index") {
                    words.push("--no-index".to_owned());
                }
                if args.truthy("cached") {
                    words.push("--cached".to_owned());
                }
                for item in ["item1", "item2"] {
                    words.extend(args.opt_str(item)?.filter(|item| !item.is_empty()));
                }
                let paths = args.list("paths")?;
                if !paths.is_empty() {
                    words.push("--".to_owned());
                    words.extend(paths.iter().map(str_of));
                }
                Git::of(cx, args)?.merged().printed("diff", &words)
            },
        ),
        Function::new(
            "discard_local_changes",
            query![CWD, opt("path", Default::Str("."))],
            "Puts files back to what is committed.",
            |cx, args| Git::of(cx, args)?.merged().printed("checkout", &["--".to_owned(), args.str("path")?]),
        ),
        Function::new(
            "fetch",
            &[
                CWD,
                opt("remote", Default::None),
                opt("force", Default::False),
                opt("refspecs", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                IGNORE,
                ENV,
                ENCODING,
            ],
            "`git fetch`: what is new, `{new branches, new tags, updated branches, updated tags}`.",
            remote::fetch,
        ),
        Function::new(
            "init",
            command![
                CWD,
                opt("bare", Default::False),
                opt("template", Default::None),
                opt("separate_git_dir", Default::None),
                opt("shared", Default::None)
            ],
            "`git init`: what it prints.",
            |cx, args| {
                let mut words = if args.truthy("bare") { vec!["--bare".to_owned()] } else { Vec::new() };
                for (name, flag) in [("template", "template"), ("separate_git_dir", "separate-git-dir")] {
                    words.extend(args.opt_str(name)?.map(|value| format!("--{flag}={value}")));
                }
                words.extend(match args.get("shared") {
                    Value::Null => None,
                    Value::Int(mode) => Some(format!("--shared=0{mode}")),
                    other => Some(format!("--shared={}", str_of(other).to_lowercase())),
                });
                words.extend(options(args, "opts")?);
                let mut git = Git::of(cx, args)?;
                words.extend(git.cwd.take());
                git.printed("init", &words)
            },
        ),
        Function::new(
            "is_worktree",
            &[CWD, USER, PASSWORD, ENCODING],
            "Whether a directory is a further work tree of a repository.",
            |cx, args| {
                let top = match Git::of(cx, args)?.printed("rev-parse", &words(&["--show-toplevel"])) {
                    Ok(top) => str_of(&top),
                    Err(Fault::Execution { .. }) => return Ok(false.into()),
                    Err(fault) => return Err(fault),
                };
                let text = std::fs::read_to_string(format!("{top}/.git")).unwrap_or_default();
                let path = text.strip_prefix("gitdir:").map(str::trim_start);
                Ok(path.is_some_and(|path| path.starts_with('/')).into())
            },
        ),
        Function::new(
            "list_branches",
            query![CWD, opt("remote", Default::False)],
            "Branches of the repository, or those of its remotes.",
            |cx, args| refs(cx, args, if args.truthy("remote") { "refs/remotes/" } else { "refs/heads/" }),
        ),
        Function::new("list_tags", query![CWD], "Tags of the repository.", |cx, args| {
            refs(cx, args, "refs/tags/")
        }),
        Function::new(
            "list_worktrees",
            &[CWD, opt("stale", Default::False), USER, PASSWORD, ENCODING, only(&["all"])],
            "Worktrees that are there (`stale=True`: are gone; `all=True`: both): `{path: {stale, HEAD, detached, branch}}`.",
            worktree::list,
        ),
        Function::new(
            "ls_remote",
            &[
                opt("cwd", Default::None),
                opt("remote", Default::Str("origin")),
                opt("ref", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                IGNORE,
                ENCODING,
                ENV,
            ],
            "`git ls-remote`: `{ref: hash}`.",
            remote::ls_remote,
        ),
        Function::new(
            "merge",
            &[
                CWD,
                opt("rev", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                IGNORE,
                ENCODING,
                NO_OTHERS,
            ],
            "`git merge`: what it prints.",
            |cx, args| simple(cx, args, "merge", &["rev"]),
        ),
        Function::new(
            "merge_base",
            command![CWD, opt("refs", Default::None), opt("octopus", Default::False), opt("is_ancestor", Default::False), opt("independent", Default::False), opt("fork_point", Default::None); only(&["all"])],
            "The commit where histories part; with `is_ancestor`, whether the first is one of the second.",
            merge_base,
        ),
        Function::new(
            "merge_tree",
            query![CWD, req("ref1"), req("ref2"), opt("base", Default::None)],
            "`git merge-tree`: what a merge would do.",
            worktree::merge_tree,
        ),
        Function::new(
            "pull",
            &[CWD, OPTS, GIT_OPTS, USER, PASSWORD, IDENTITY, IGNORE, ENV, ENCODING],
            "`git pull`: what it prints.",
            |cx, args| simple(cx, args, "pull", &[]),
        ),
        Function::new(
            "push",
            &[
                CWD,
                opt("remote", Default::None),
                opt("ref", Default::None),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                IGNORE,
                ENV,
                ENCODING,
                NO_OTHERS,
            ],
            "`git push`: what it prints.",
            |cx, args| simple(cx, args, "push", &["remote", "ref"]),
        ),
        Function::new(
            "rebase",
            command![CWD, opt("rev", Default::Str("master"))],
            "`git rebase`: what it prints.",
            worktree::rebase,
        ),
        Function::new(
            "remote_get",
            &[
                CWD,
                opt("remote", Default::Str("origin")),
                USER,
                PASSWORD,
                opt("redact_auth", Default::True),
                IGNORE,
                ENCODING,
            ],
            "The addresses of a remote: `{fetch, push}`.",
            |cx, args| {
                let git = Git::of(cx, args)?;
                let name = args.str("remote")?;
                let mut remotes = remote::remotes(&git, args.truthy("redact_auth"))?;
                remotes.remove(&name).ok_or_else(|| {
                    let cwd = git.cwd.clone().unwrap_or_default();
                    Fault::execution(format!("Remote '{name}' not present in git checkout located at {cwd}"))
                })
            },
        ),
        Function::new(
            "remote_refs",
            &[
                req("url"),
                opt("heads", Default::False),
                opt("tags", Default::False),
                USER,
                PASSWORD,
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                IGNORE,
                ENCODING,
                ENV,
                only(&["filter"]),
            ],
            "What a remote repository has: `{ref: hash}`.",
            remote::remote_refs,
        ),
        Function::new(
            "remote_set",
            &[
                CWD,
                req("url"),
                opt("remote", Default::Str("origin")),
                USER,
                PASSWORD,
                HTTPS_USER,
                HTTPS_PASS,
                opt("push_url", Default::None),
                opt("push_https_user", Default::None),
                opt("push_https_pass", Default::None),
                IGNORE,
                ENCODING,
            ],
            "Gives a remote its address: `{fetch, push}`.",
            remote::remote_set,
        ),
        Function::new(
            "remotes",
            &[CWD, USER, PASSWORD, opt("redact_auth", Default::True), IGNORE, ENCODING],
            "The remotes of a repository: `{name: {fetch, push}}`.",
            |cx, args| Ok(remote::remotes(&Git::of(cx, args)?, args.truthy("redact_auth"))?.into()),
        ),
        Function::new(
            "reset",
            &[CWD, OPTS, GIT_OPTS, USER, PASSWORD, IDENTITY, IGNORE, ENCODING],
            "`git reset`: what it prints.",
            |cx, args| simple(cx, args, "reset", &[]),
        ),
        Function::new(
            "rev_parse",
            command![CWD, opt("rev", Default::None)],
            "`git rev-parse`: what it prints.",
            |cx, args| simple(cx, args, "rev-parse", &["rev"]),
        ),
        Function::new(
            "revision",
            query![CWD, opt("rev", Default::Str("HEAD")), opt("short", Default::False)],
            "The hash of a commit.",
            |cx, args| {
                let mut words = if args.truthy("short") { vec!["--short".to_owned()] } else { Vec::new() };
                words.push(args.str("rev")?);
                Git::of(cx, args)?.printed("rev-parse", &words)
            },
        ),
        Function::new("rm", command![CWD, req("filename")], "`git rm`: what it prints.", |cx, args| {
            let words = [options(args, "opts")?, vec!["--".to_owned(), args.str("filename")?]];
            Git::of(cx, args)?.printed("rm", &words.concat())
        }),
        Function::new(
            "stash",
            command![CWD, opt("action", Default::Str("save"))],
            "`git stash`: what it prints.",
            |cx, args| {
                let words = [vec![args.str("action")?], options(args, "opts")?];
                Git::of(cx, args)?.printed("stash", &words.concat())
            },
        ),
        Function::new(
            "status",
            query![CWD],
            "Files that are not as committed: `{modified, new, deleted, untracked: [file]}`.",
            |cx, args| {
                let said = str_of(&Git::of(cx, args)?.printed("status", &words(&["-z", "--porcelain"]))?);
                let mut found = Map::new();
                for (state, file) in
                    said.split('\0').filter_map(|line| line.trim_start().split_once(char::is_whitespace))
                {
                    let state = match state {
                        "M" => "modified",
                        "A" => "new",
                        "D" => "deleted",
                        "??" => "untracked",
                        other => other,
                    };
                    run::push(&mut found, state, file.trim_start());
                }
                Ok(found.into())
            },
        ),
        Function::new(
            "submodule",
            &[
                CWD,
                req("command"),
                OPTS,
                GIT_OPTS,
                USER,
                PASSWORD,
                IDENTITY,
                IGNORE,
                ENV,
                ENCODING,
                only(&["init"]),
            ],
            "`git submodule`: what it prints.",
            |cx, args| {
                let words = [vec![args.str("command")?], options(args, "opts")?];
                Git::of(cx, args)?.printed("submodule", &words.concat())
            },
        ),
        Function::new(
            "symbolic_ref",
            command![CWD, req("ref"), opt("value", Default::None)],
            "`git symbolic-ref`: what it prints.",
            |cx, args| simple(cx, args, "symbolic-ref", &["ref", "value"]),
        ),
        Function::new(
            "tag",
            command![CWD, req("name"), opt("ref", Default::Str("HEAD")), opt("message", Default::None)],
            "`git tag`: what it prints.",
            |cx, args| {
                let mut words = options(args, "opts")?;
                words.retain(|word| word != "-a" && word != "--annotate");
                if words.iter().any(|word| word == "-m" || word.contains("--message")) {
                    return Err(Fault::invocation("Tag messages must be passed in the \"message\" argument"));
                }
                let deletes = words.iter().any(|word| word == "-d" || word == "--delete");
                if let Some(message) = args.opt_str("message")? {
                    words.extend(["-m".to_owned(), message]);
                }
                words.push(args.str("name")?);
                if !deletes {
                    words.push(args.str("ref")?);
                }
                Git::of(cx, args)?.merged().printed("tag", &words)
            },
        ),
        Function::new(
            "version",
            &[opt("versioninfo", Default::False)],
            "The version of git; with `versioninfo` as a list.",
            |cx, args| {
                let said = str_of(&cx.ask_with("cmd.run", &["git --version".into()], Map::new())?);
                let plain = said.split('(').next().unwrap_or_default().trim();
                let version = plain.rsplit(' ').next().unwrap_or("unknown").to_owned();
                if !args.truthy("versioninfo") {
                    return Ok(version.into());
                }
                let part = |part: &str| part.parse::<i64>().map_or_else(|_| part.into(), Value::Int);
                Ok(Value::list(version.split('.').map(part)))
            },
        ),
        Function::new(
            "worktree_add",
            command![CWD, req("worktree_path"), opt("ref", Default::None), opt("reset_branch", Default::None), opt("force", Default::None), opt("detach", Default::False); only(&["branch"])],
            "`git worktree add`, on the new branch `branch`: what it prints.",
            worktree::add,
        ),
        Function::new(
            "worktree_prune",
            command![
                CWD,
                opt("dry_run", Default::False),
                opt("verbose", Default::True),
                opt("expire", Default::None)
            ],
            "`git worktree prune`: what it prints.",
            worktree::prune,
        ),
        Function::new("worktree_rm", &[CWD, USER, ENCODING], "Removes a worktree. True.", worktree::remove),
    ],
};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// `git VERB [opts] [arguments that are given]`.
fn simple(cx: &Context, args: &Args, verb: &str, names: &[&str]) -> Result<Value, Fault> {
    let mut words = options(args, "opts")?;
    for name in names {
        words.extend(args.opt_str(name)?.filter(|word| !word.is_empty()));
    }
    Git::of(cx, args)?.printed(verb, &words)
}

fn refs(cx: &Context, args: &Args, below: &str) -> Result<Value, Fault> {
    let said =
        Git::of(cx, args)?.printed("for-each-ref", &words(&["--format", "%(refname:short)", below]))?;
    Ok(Value::list(str_of(&said).lines()))
}

fn merge_base(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut refs: Vec<String> = args.list("refs")?.iter().map(str_of).collect();
    let flags = ["octopus", "independent", "is_ancestor", "fork_point"];
    let (all, ancestor) = (args.keywords.get("all").is_some_and(Value::truthy), args.truthy("is_ancestor"));
    if all && flags.iter().any(|flag| *flag != "octopus" && args.truthy(flag)) {
        return Err(Fault::invocation(
            "The 'all' argument is not compatible with 'independent', 'is_ancestor', or 'fork_point'",
        ));
    }
    if flags.iter().filter(|flag| args.truthy(flag)).count() > 1 {
        return Err(Fault::invocation(
            "Only one of 'octopus', 'independent', 'is_ancestor', and 'fork_point' is permitted",
        ));
    }
    if ancestor && refs.len() != 2 {
        return Err(Fault::invocation("Two refs/commits are required if 'is_ancestor' is True"));
    }
    if args.truthy("fork_point") {
        if refs.len() > 1 {
            return Err(Fault::invocation(
                "At most one ref/commit can be passed if 'fork_point' is specified",
            ));
        }
        if refs.is_empty() {
            refs.push("HEAD".to_owned());
        }
    }
    let mut words = options(args, "opts")?;
    if all {
        words.push("--all".to_owned());
    }
    for (name, flag) in
        [("octopus", "--octopus"), ("is_ancestor", "--is-ancestor"), ("independent", "--independent")]
    {
        words.extend(args.truthy(name).then(|| flag.to_owned()));
    }
    if args.truthy("fork_point") {
        words.extend(["--fork-point".to_owned(), args.str("fork_point")?]);
    }
    words.extend(refs);
    let git = Git::of(cx, args)?;
    if ancestor {
        return Ok(git.ran("merge-base", &words)?.ok().into());
    }
    let said = str_of(&git.printed("merge-base", &words)?);
    Ok(if all { Value::list(said.lines()) } else { said.lines().next().into() })
}
