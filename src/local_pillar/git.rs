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
use crate::value::{Map, Value, redacted_url, sort, str_of};

/// When each repository was fetched.
pub(super) type Fetched = HashMap<PathBuf, Instant>;

/// How long git may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Commits of one repository that stay checked out.
const KEPT: usize = 8;

/// One entry of the configuration.
struct Remote {
    url: String,
    branch: String,
    env: String,
    root: String,
    base: String,
    fallback: String,
    /// A private key for ssh.
    key: String,
    ssl_verify: bool,
}

impl Remote {
    /// `branch url`, or `{branch url: [{option: value}]}`.
    fn parse(entry: &Value, opts: &Map) -> Result<Self, Fault> {
        let text = |name: &str| {
            let set = opts.get(&format!("git_pillar_{name}")).filter(|value| value.truthy());
            set.map(str_of).unwrap_or_default()
        };
        let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
        let (what, options) = match entry {
            Value::Map(map) => match map.at(0) {
                Some((what, Value::List(options))) => (str_of(what), options.as_slice()),
                Some((what, _)) => (str_of(what), [].as_slice()),
                None => return Err(Fault::execution("git_pillar: an entry is empty")),
            },
            other => (str_of(other), [].as_slice()),
        };
        let base = or(text("base"), "master");
        let (branch, url) = match what.split_once(char::is_whitespace) {
            Some((branch, url)) => (branch.to_owned(), url.trim().to_owned()),
            None => (or(text("branch"), "master"), what),
        };
        let mut remote = Remote {
            url,
            branch,
            base,
            env: text("env"),
            root: text("root"),
            fallback: text("fallback"),
            key: text("privkey"),
            ssl_verify: opts.get("git_pillar_ssl_verify").is_none_or(Value::truthy),
        };
        let (mut user, mut password) = (text("user"), text("password"));
        for (name, value) in options.iter().filter_map(Value::as_map).flatten() {
            let place = match str_of(name).as_str() {
                "env" => &mut remote.env,
                "root" => &mut remote.root,
                "base" => &mut remote.base,
                "fallback" => &mut remote.fallback,
                "privkey" => &mut remote.key,
                "user" => &mut user,
                "password" => &mut password,
                "ssl_verify" => {
                    remote.ssl_verify = value.truthy();
                    continue;
                }
                // A label, and what ssh finds by itself.
                "name" | "pubkey" => continue,
                other => return Err(Fault::NotSupported(format!("the option {other} of git_pillar"))),
            };
            *place = str_of(value);
        }
        if !user.is_empty()
            && let Some(rest) = remote.url.strip_prefix("https://")
        {
            remote.url = format!("https://{user}:{password}@{rest}");
        }
        Ok(remote)
    }

    /// The branch or tag, and the environment that it is.
    fn target(&self, asked: Option<&str>) -> (String, String) {
        let asked = asked.unwrap_or("base");
        let any = self.branch == "__env__";
        let target = if any { asked } else { &self.branch };
        let target = if target == "base" { &self.base } else { target };
        let env = match (self.env.as_str(), any) {
            ("__env__", _) | ("", true) => asked,
            ("", false) if target == self.base => "base",
            ("", false) => target,
            (env, _) => env,
        };
        (target.to_owned(), env.to_owned())
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
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let pillarenv = filled(&who.request.pillarenv);
        let asked = pillarenv.clone().or_else(|| filled(&who.request.saltenv));
        let mut directories: Vec<(PathBuf, String)> = Vec::new();
        for entry in config.as_list().unwrap_or(std::slice::from_ref(config)) {
            let remote = Remote::parse(entry, &self.opts)?;
            let (target, env) = remote.target(asked.as_deref());
            match self.checkout(cx.host, &remote, &target)? {
                Some(tree) => directories.push((tree.join(&remote.root), env)),
                None => crate::log::error!(
                    url = redacted_url(&remote.url),
                    target,
                    "git_pillar: there is no such branch or tag"
                ),
            }
        }
        let includes = self.opts.get("git_pillar_includes").is_none_or(Value::truthy);
        let mut merged = Map::new();
        for (directory, env) in &directories {
            if pillarenv.as_ref().is_some_and(|asked| asked != env) {
                continue;
            }
            let others = directories.iter().filter(|(other, of)| includes && of == env && other != directory);
            let paths = std::iter::once(directory).chain(others.map(|(other, _)| other));
            let paths = Value::list(paths.map(|path| path.display().to_string()));
            let roots = map! { env.as_str() => paths };
            let config = RootsConfig::for_pillar(&map! { "pillar_roots" => roots.clone() });
            let source = std::sync::Arc::new(LocalSource::of_roots(std::sync::Arc::new(Roots::new(config))));
            let request = Request { ext: None, pillarenv: Some(env.clone()), ..who.request.clone() };
            let plain = map! { "pillar_roots" => roots, "ext_pillar" => Value::List(Vec::new()) };
            let who = Who { request: &request, ..*who };
            let own = self.with_compiler(&who, &source, plain, |compiler, _| compiler.compile());
            merged = merge_with(merged, own, Strategy::of_opts(&self.opts));
        }
        Ok(merged.into())
    }

    /// The directory with the files of a branch or tag; `None` where there is none.
    fn checkout(&self, host: &dyn Host, remote: &Remote, target: &str) -> Result<Option<PathBuf>, Fault> {
        let own = Path::new(self.opts.str("cachedir").unwrap_or("/var/cache/salt/master"))
            .join("git_pillar")
            .join(HashType::Sha256.hex(&remote.url));
        let repository = own.join("repository");
        let unwritable = |error: std::io::Error| Fault::execution(format!("{}: {error}", own.display()));
        // One at a time, in all repositories.
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = self.opts.get("git_pillar_update_interval").and_then(Value::as_int).unwrap_or(60);
        let interval = Duration::from_secs(u64::try_from(interval).unwrap_or(0));
        if fetched.get(&repository).is_none_or(|at| at.elapsed() >= interval) {
            let is_new = !repository.exists();
            if is_new {
                fs::create_dir_all(own.join("trees")).map_err(unwritable)?;
                remote.git(host, &repository, &["init", "--bare", "--quiet"])?;
            }
            let refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
            let words = ["fetch", "--quiet", "--prune", "--no-tags", "--", &remote.url, refs[0], refs[1]];
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
            ["heads", "tags"].iter().find_map(|kind| {
                let commit = format!("refs/{kind}/{name}^{{commit}}");
                remote.git(host, &repository, &["rev-parse", "--quiet", "--verify", &commit]).ok()
            })
        };
        let fallback =
            || Some(&remote.fallback).filter(|name| !name.is_empty()).and_then(|name| commit_of(name));
        let Some(commit) = commit_of(target).or_else(fallback) else { return Ok(None) };
        let tree = own.join("trees").join(&commit);
        if !tree.exists() {
            let begun = own.join("begun");
            let _ = fs::remove_dir_all(&begun);
            fs::create_dir_all(&begun).map_err(unwritable)?;
            let place = format!("--work-tree={}", begun.display());
            remote.git(host, &repository, &[&place, "checkout", "--quiet", "--force", &commit, "--", "."])?;
            fs::rename(&begun, &tree).map_err(unwritable)?;
            forget_old(&own.join("trees"));
        }
        Ok(Some(tree))
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
