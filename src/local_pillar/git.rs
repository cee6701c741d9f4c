//! The external pillar `git`: branches of repositories, each a directory of `pillar_roots`. Salt:
//! pillar/git_pillar.py, utils/gitfs.py (`GitPillar`). The program `git` fetches; each commit is checked out once, into a
//! directory of its own, so that nobody sees half of one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{LocalPillar, Who};
use crate::crypt::HashType;
use crate::fileclient::LocalSource;
use crate::fileserver::roots::{Roots, RootsConfig};
use crate::host::{Command, Host};
use crate::loader::{Context, Fault};
use crate::map;
use crate::pillar::{Request, Strategy, merge_with};
use crate::value::{Map, Value, redacted_url, sort, str_of, url_scheme};

/// When each repository was fetched.
pub(super) type Fetched = HashMap<PathBuf, Instant>;

/// How long git may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Commits of one repository that stay checked out.
const KEPT: usize = 8;

/// The environment, or as a branch the one, that is asked for.
const ANY: &str = "__env__";

/// A directory of pillars.
struct Directory {
    path: String,
    env: String,
    /// Others see it; its top file counts for nothing.
    mounted: bool,
}

/// A list, or text with commas. Salt: utils/gitfs.py (`enforce_types`).
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(|text| text.trim().to_owned()).collect(),
    }
}

/// Whether it has a URL that Salt takes. Salt: utils/gitfs.py (`validate_remote`), utils/verify.py (`URLValidator`).
fn is_remote(id: &str) -> bool {
    let url = id.split_once(' ').map_or(id, |(_, url)| url);
    let plain = |text: &str, others: &str| {
        let known = |char| "-._~!$&'();=:@,".contains(char) || others.contains(char);
        text.chars().all(|char| char.is_ascii_alphanumeric() || known(char))
    };
    let path = match (url_scheme(url).as_str(), url.split_once(':')) {
        ("http" | "https" | "ssh" | "ftp" | "sftp" | "file", Some((_, rest))) => {
            let path =
                rest.strip_prefix("//").map(|rest| rest.find('/').map_or("", |at| rest.split_at(at).1));
            path.unwrap_or(rest)
        }
        // `git@host:path`.
        (_, Some((host, path))) if host.contains('@') && !host.contains('/') => path,
        _ => return false,
    };
    let path = path.find(['?', '#']).map_or(path, |end| path.split_at(end).0);
    plain(url, "/?#[]*+%") && plain(path, "/%")
}

/// One entry of the configuration.
struct Remote {
    url: String,
    branch: String,
    /// An environment, or `__env__` for the one that is asked for.
    env: String,
    root: String,
    base: String,
    fallback: String,
    /// Below which path others find the files.
    mountpoint: String,
    /// The branch that is every environment.
    all_saltenvs: Option<String>,
    refspecs: Vec<String>,
    /// A private key for ssh.
    key: String,
    ssl_verify: bool,
}

/// What Salt says of a mistake in the configuration, and what it is.
fn mistake(id: &str, why: impl std::fmt::Display) -> Fault {
    Fault::execution(format!("Failed to load git_pillar\n\n{why} (remote '{}')", redacted_url(id)))
}

impl Remote {
    /// `branch url`, or `{branch url: [{option: value}]}`. `None` for what has no URL: Salt leaves that out, too.
    fn parse(entry: &Value, opts: &Map) -> Result<Option<Self>, Fault> {
        let text = |name: &str| {
            let set = opts.get(&format!("git_pillar_{name}")).filter(|value| value.truthy());
            set.map(str_of).unwrap_or_default()
        };
        let (id, options) = match entry {
            Value::Map(map) => match map.iter().find(|(id, _)| is_remote(&str_of(id))) {
                Some((id, Value::List(options))) => (str_of(id), Some(options.as_slice())),
                Some((id, _)) => (str_of(id), Some([].as_slice())),
                None => (String::new(), None),
            },
            other => (str_of(other), None),
        };
        if !is_remote(&id) {
            crate::log::warn!("Found bad url data '{}'", redacted_url(&str_of(entry)));
            return Ok(None);
        }
        if options.is_some_and(<[Value]>::is_empty) {
            return Err(mistake(&id, "There are no options after the colon"));
        }
        let (branch, url) = match id.split_once(char::is_whitespace) {
            Some((branch, url)) => (branch.to_owned(), url.trim().to_owned()),
            None => (text("branch"), id.clone()),
        };
        let mut remote = Remote {
            url,
            branch,
            env: text("env"),
            root: text("root"),
            base: text("base"),
            fallback: text("fallback"),
            mountpoint: String::new(),
            all_saltenvs: None,
            refspecs: opts.get("git_pillar_refspecs").map(texts).unwrap_or_default(),
            key: text("privkey"),
            ssl_verify: opts.get("git_pillar_ssl_verify").is_none_or(Value::truthy),
        };
        let (mut user, mut password, mut passphrase) = (text("user"), text("password"), text("passphrase"));
        let mut insecure = opts.get("git_pillar_insecure_auth").is_some_and(Value::truthy);
        for (name, value) in options.unwrap_or_default().iter().filter_map(Value::as_map).flatten() {
            let place = match str_of(name).as_str() {
                "env" => &mut remote.env,
                "root" => &mut remote.root,
                "base" if remote.branch == ANY => &mut remote.base,
                "base" => return Err(mistake(&id, "base is for the branch __env__ only")),
                "fallback" => &mut remote.fallback,
                "mountpoint" => &mut remote.mountpoint,
                "all_saltenvs" => remote.all_saltenvs.insert(String::new()),
                "privkey" => &mut remote.key,
                "user" => &mut user,
                "password" => &mut password,
                "passphrase" => &mut passphrase,
                "insecure_auth" => {
                    insecure = value.truthy();
                    continue;
                }
                "ssl_verify" => {
                    remote.ssl_verify = value.truthy();
                    continue;
                }
                "refspecs" => {
                    remote.refspecs = texts(value);
                    continue;
                }
                // A label, and what ssh finds by itself.
                "name" | "pubkey" => continue,
                other => return Err(mistake(&id, format!("There is no option {other}"))),
            };
            *place = str_of(value);
        }
        let mountpoint = remote.mountpoint.strip_prefix("salt://").unwrap_or(&remote.mountpoint);
        remote.mountpoint = mountpoint.trim_matches('/').to_owned();
        if remote.mountpoint.split('/').any(|part| part == "..") {
            return Err(mistake(&id, "The mountpoint leads out of the pillar"));
        }
        if !passphrase.is_empty() {
            return Err(mistake(&id, "A key with a passphrase is for ssh-agent, not for an option"));
        }
        match remote.url.split_once("://") {
            Some(("http", _)) if !user.is_empty() && !insecure => {
                return Err(mistake(&id, "A password for http wants insecure_auth: True"));
            }
            Some((scheme @ ("http" | "https"), rest)) if !user.is_empty() => {
                remote.url = format!("{scheme}://{user}:{password}@{rest}");
            }
            _ => {}
        }
        Ok(Some(remote))
    }

    /// The branch or tag.
    fn target<'a>(&'a self, asked: Option<&'a str>) -> &'a str {
        match (&self.all_saltenvs, asked.unwrap_or("base")) {
            _ if self.branch != ANY => &self.branch,
            (Some(branch), _) => branch,
            (None, "base") => &self.base,
            (None, asked) => asked,
        }
    }

    /// The environment that it is.
    fn env<'a>(&'a self, asked: Option<&'a str>) -> &'a str {
        match self.target(asked) {
            _ if self.branch == ANY && self.all_saltenvs.is_some() => asked.unwrap_or("base"),
            _ if !self.env.is_empty() => &self.env,
            target if target == self.base => "base",
            target => target,
        }
    }

    fn git(&self, host: &dyn Host, repository: &Path, words: &[&str]) -> Result<String, Fault> {
        let directory = format!("--git-dir={}", repository.display());
        let mut args = vec![directory.as_str()];
        if !self.ssl_verify {
            args.extend(["-c", "http.sslVerify=false"]);
        }
        args.extend(words);
        let mut command = Command::new("git", args);
        let mut ssh = "ssh -o BatchMode=yes".to_owned();
        if !self.key.is_empty() {
            ssh.push_str(&format!(" -o IdentitiesOnly=yes -i '{}'", self.key.replace('\'', "'\\''")));
        }
        command.env = [("GIT_TERMINAL_PROMPT", "0"), ("GIT_SSH_COMMAND", &ssh)]
            .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
            .into();
        command.timeout = Some(PATIENCE);
        let failed = |why: &str| {
            let word = words.first().copied().unwrap_or_default();
            Fault::execution(format!("git {word} of {}: {}", redacted_url(&self.url), why.trim()))
        };
        let output = host.run(&command).map_err(|error| failed(&error.to_string()))?;
        if output.code != 0 {
            let said = String::from_utf8_lossy(&output.stderr).replace(&self.url, &redacted_url(&self.url));
            return Err(failed(if output.timed_out { "it took too long" } else { &said }));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl LocalPillar {
    /// The pillars of all repositories of `config`, merged.
    pub(super) fn git(&self, cx: &Context, who: &Who<'_>, config: &Value) -> Result<Value, Fault> {
        let filled = |name: &str| cx.opts.str(name).filter(|text| !text.is_empty());
        let (saltenv, mut pillarenv) = (filled("saltenv"), filled("pillarenv"));
        if who.request.pillarenv.is_none() && cx.opts.get("pillarenv_from_saltenv").is_some_and(Value::truthy)
        {
            pillarenv = who.request.saltenv.as_deref().filter(|text| !text.is_empty());
        }
        let asked = pillarenv.or(saltenv);
        let mut directories: Vec<Directory> = Vec::new();
        for entry in config.as_list().unwrap_or(std::slice::from_ref(config)) {
            let Some(remote) = Remote::parse(entry, &self.opts)? else { continue };
            let target = remote.target(asked);
            let found = self.checkout(cx.host, &remote, target)?;
            let url = redacted_url(&remote.url);
            match found {
                Some(path) if path.is_dir() => {
                    let (env, mounted) = (remote.env(asked).to_owned(), !remote.mountpoint.is_empty());
                    directories.push(Directory { path: path.display().to_string(), env, mounted });
                }
                Some(_) => crate::log::error!(url, root = remote.root, "git_pillar: there is no such root"),
                None => crate::log::error!(url, target, "git_pillar: there is no such branch or tag"),
            }
        }
        let includes = self.opts.get("git_pillar_includes").is_none_or(Value::truthy);
        let base = self.opts.str("git_pillar_base");
        let mut merged = Map::new();
        for (at, directory) in directories.iter().enumerate().filter(|(_, directory)| !directory.mounted) {
            let env = match directory.env.as_str() {
                ANY => asked.or(base).unwrap_or_default(),
                env => env,
            };
            if pillarenv.is_some_and(|asked| asked != env) {
                continue;
            }
            let others = directories.iter().enumerate().filter(|(place, _)| includes && *place != at);
            let others = others.filter(|(_, other)| other.env == env).map(|(_, other)| &other.path);
            let roots = map! { env => Value::list(std::iter::once(&directory.path).chain(others)) };
            let config = RootsConfig::for_pillar(&map! { "pillar_roots" => roots.clone() });
            let source = std::sync::Arc::new(LocalSource::of_roots(std::sync::Arc::new(Roots::new(config))));
            let saltenv = Some(env.to_owned());
            let request = Request { ext: None, pillarenv: None, saltenv, ..who.request.clone() };
            let plain = map! {
                "pillar_roots" => roots, "ext_pillar" => Value::List(Vec::new()), "pillarenv" => pillarenv,
            };
            let who = Who { request: &request, ..*who };
            let own = self.with_compiler(&who, &source, plain, |compiler, _| compiler.compile());
            merged = merge_with(merged, own, Strategy::of_opts(&self.opts));
        }
        Ok(merged.into())
    }

    /// The directory with the files of a branch or tag, or with the mountpoint that they are below; `None` where there is
    /// no such branch or tag.
    fn checkout(&self, host: &dyn Host, remote: &Remote, target: &str) -> Result<Option<PathBuf>, Fault> {
        let own = Path::new(self.opts.str("cachedir").unwrap_or("/var/cache/salt/master"))
            .join("git_pillar")
            .join(HashType::Sha256.hex(format!("{} {}", remote.url, remote.refspecs.join(" "))));
        let (repository, commits) = (own.join("repository"), own.join("commits"));
        let unwritable = |error: std::io::Error| Fault::execution(format!("{}: {error}", own.display()));
        // One at a time, in all repositories.
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = self.opts.get("git_pillar_update_interval").and_then(Value::as_int).unwrap_or(60);
        let interval = Duration::from_secs(u64::try_from(interval).unwrap_or(0));
        if fetched.get(&repository).is_none_or(|at| at.elapsed() >= interval) {
            let is_new = !repository.exists();
            if is_new {
                fs::create_dir_all(&commits).map_err(unwritable)?;
                remote.git(host, &repository, &["init", "--bare", "--quiet"])?;
            }
            let mut words = vec!["fetch", "--quiet", "--prune", "--no-tags", "--", &remote.url];
            words.extend(remote.refspecs.iter().map(String::as_str));
            match remote.git(host, &repository, &words) {
                Ok(_) => {}
                Err(fault) if is_new => {
                    let _ = fs::remove_dir_all(&repository);
                    return Err(fault);
                }
                // What was fetched before is better than nothing.
                Err(fault) => crate::log::error!("{fault}"),
            }
            fetched.insert(repository.clone(), Instant::now());
        }
        let commit_of = |name: &str| {
            ["remotes/origin", "tags"].iter().find_map(|kind| {
                let commit = format!("refs/{kind}/{name}^{{commit}}");
                remote.git(host, &repository, &["rev-parse", "--quiet", "--verify", &commit]).ok()
            })
        };
        let fallback =
            || Some(&remote.fallback).filter(|name| !name.is_empty()).and_then(|name| commit_of(name));
        let Some(commit) = commit_of(target).or_else(fallback) else { return Ok(None) };
        let place = commits.join(&commit);
        if !place.exists() {
            let begun = own.join("begun");
            let _ = fs::remove_dir_all(&begun);
            let tree = begun.join("tree");
            fs::create_dir_all(&tree).map_err(unwritable)?;
            let tree = format!("--work-tree={}", tree.display());
            remote.git(host, &repository, &[&tree, "checkout", "--quiet", "--force", &commit, "--", "."])?;
            fs::rename(&begun, &place).map_err(unwritable)?;
            forget_old(&commits);
        }
        let files = place.join("tree").join(remote.root.trim_matches('/'));
        if remote.mountpoint.is_empty() {
            return Ok(Some(files));
        }
        let mount = place.join(HashType::Sha256.hex(format!("{}\0{}", remote.root, remote.mountpoint)));
        let link = mount.join(&remote.mountpoint);
        if files.is_dir() && !link.is_symlink() {
            fs::create_dir_all(link.parent().unwrap_or(&mount)).map_err(unwritable)?;
            std::os::unix::fs::symlink(&files, &link).map_err(unwritable)?;
        }
        Ok(Some(mount))
    }
}

fn forget_old(trees: &Path) {
    let Ok(entries) = fs::read_dir(trees) else { return };
    let made = |path: &PathBuf| fs::metadata(path).and_then(|stat| stat.modified()).ok();
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    sort::by_cached_key(&mut all, made);
    for old in all.iter().take(all.len().saturating_sub(KEPT)) {
        let _ = fs::remove_dir_all(old);
    }
}
