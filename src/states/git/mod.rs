//! `git`: repositories as they should be. Salt: states/git.py.

mod clone;
mod cloned;
mod config;
mod detached;
mod latest;
mod present;
mod report;
mod update;

use crate::loader::{Args, Default, Fault, Param, Running, State, States, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const USER: Param = opt("user", Default::None);
const PASSWORD: Param = opt("password", Default::None);
const IDENTITY: Param = opt("identity", Default::None);
const HTTPS_USER: Param = opt("https_user", Default::None);
const HTTPS_PASS: Param = opt("https_pass", Default::None);
const ENCODING: Param = opt("output_encoding", Default::None);
const KWARGS: Param = keywords("kwargs");

pub(super) static STATES: States = States {
    file: "git",
    provides: "git",
    available: |cx| {
        if cx.offers("git.version") { Ok(()) } else { Err("git module could not be loaded".to_owned()) }
    },
    functions: &[
        State::new(
            "cloned",
            &[
                req("name"),
                req("target"),
                opt("branch", Default::None),
                USER,
                PASSWORD,
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                ENCODING,
            ],
            "The repository `name` has been cloned to `target`, and `branch` is checked out.",
            cloned::cloned,
        ),
        State::new(
            "config_set",
            &[
                req("name"),
                opt("value", Default::None),
                opt("multivar", Default::None),
                opt("repo", Default::None),
                USER,
                PASSWORD,
                ENCODING,
                KWARGS,
            ],
            "An option of git has this value, in a repository or (`global`) for a user.",
            config::set,
        ),
        State::new(
            "config_unset",
            &[
                req("name"),
                opt("value_regex", Default::None),
                opt("repo", Default::None),
                USER,
                PASSWORD,
                ENCODING,
                KWARGS,
            ],
            "An option of git is not set, in a repository or (`global`) for a user.",
            config::unset,
        ),
        State::new(
            "detached",
            &[
                req("name"),
                req("rev"),
                req("target"),
                opt("remote", Default::Str("origin")),
                USER,
                PASSWORD,
                opt("force_clone", Default::False),
                opt("force_checkout", Default::False),
                opt("fetch_remote", Default::True),
                opt("hard_reset", Default::False),
                opt("submodules", Default::False),
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                ENCODING,
                KWARGS,
            ],
            "The commit `rev` of the repository `name` is checked out at `target`, with no branch.",
            detached::detached,
        ),
        State::new(
            "latest",
            &[
                req("name"),
                req("target"),
                opt("rev", Default::Str("HEAD")),
                opt("branch", Default::None),
                USER,
                PASSWORD,
                opt("update_head", Default::True),
                opt("force_checkout", Default::False),
                opt("force_clone", Default::False),
                opt("force_fetch", Default::False),
                opt("force_reset", Default::False),
                opt("submodules", Default::False),
                opt("bare", Default::False),
                opt("mirror", Default::False),
                opt("remote", Default::Str("origin")),
                opt("fetch_tags", Default::True),
                opt("sync_tags", Default::True),
                opt("depth", Default::None),
                IDENTITY,
                HTTPS_USER,
                HTTPS_PASS,
                opt("refspec_branch", Default::Str("*")),
                opt("refspec_tag", Default::Str("*")),
                ENCODING,
                KWARGS,
            ],
            "`target` is a clone of the repository `name`, at its revision `rev`.",
            latest::latest,
        ),
        State::new(
            "present",
            &[
                req("name"),
                opt("force", Default::False),
                opt("bare", Default::True),
                opt("template", Default::None),
                opt("separate_git_dir", Default::None),
                opt("shared", Default::None),
                USER,
                PASSWORD,
                ENCODING,
            ],
            "There is a repository at `name`.",
            present::present,
        ),
    ],
    mod_watch: None,
    mod_aggregate: None,
};

/// The repository of a state.
struct Repo<'r, 'x, 'c> {
    running: &'r Running<'x, 'c>,
    args: &'r Args,
    target: String,
}

impl Repo<'_, '_, '_> {
    /// Calls a function of the module with the repository, as the state's user.
    fn ask(&self, fun: &str, more: &[Value], options: Map) -> Result<Value, Fault> {
        let mut asked = vec![Value::from(self.target.as_str())];
        asked.extend_from_slice(more);
        self.running.ask_with(&format!("git.{fun}"), &asked, with_user(self.args, options))
    }

    /// As [`Repo::ask`], without a failure of `git` in the statistics of the job.
    fn quietly(&self, fun: &str, more: &[Value], mut options: Map) -> Result<Option<String>, Fault> {
        options.insert("ignore_retcode", true);
        match self.ask(fun, more, options) {
            Ok(said) => Ok(Some(str_of(&said))),
            Err(Fault::Execution { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The hash of a commit; `None` where there is none.
    fn commit(&self, name: &str) -> Result<Option<String>, Fault> {
        self.quietly("rev_parse", &[name.into()], Map::new())
    }

    /// Whether it is there already.
    fn exists(&self, directory: &str) -> Result<bool, Fault> {
        let is_there = std::path::Path::new(&self.target).join(directory).is_dir();
        Ok(is_there || self.ask("is_worktree", &[], Map::new())?.truthy())
    }

    fn revision(&self) -> Result<Option<String>, Fault> {
        self.quietly("revision", &[], Map::new())
    }

    /// What talks to the other repository also gets the keys.
    fn keys(&self) -> Map {
        map! { "identity" => self.args.get("identity").clone(), "saltenv" => self.running.low.str("__env__").unwrap_or("base") }
    }
}

fn with_user(args: &Args, mut options: Map) -> Map {
    for name in ["user", "password", "output_encoding"] {
        options.insert(name, args.get(name).clone());
    }
    options
}

fn own_keywords(args: &Args) -> Vec<(String, Value)> {
    let own = args.keywords.iter().map(|(key, value)| (str_of(key), value.clone()));
    own.filter(|(key, _)| !key.starts_with("__")).collect()
}

fn unknown_keywords(words: &[(String, Value)]) -> Option<String> {
    let all: Vec<String> = words.iter().map(|(key, value)| format!("{key}={}", str_of(value))).collect();
    let text = format!("The following keyword arguments are not valid: {}", all.join(", "));
    (!all.is_empty()).then_some(text)
}
