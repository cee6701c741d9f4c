//! What functions of git have to do with other repositories. Salt: modules/git.py.

use std::path::Path;

use regex::Regex;

use super::run::{Git, options, push, redacted, with_login};
use super::words;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

fn address(args: &Args, url: &str) -> Result<String, Fault> {
    with_login(&args.str(url)?, args.get("https_user"), args.get("https_pass"))
}

/// `{ref: hash}` of lines `hash ref`.
fn refs(text: &str) -> Value {
    let lines = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    lines.map(|(hash, name)| (name.trim(), hash)).collect::<Map>().into()
}

pub(super) fn clone(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if !args.truthy("url") {
        return Err(Fault::invocation("Missing 'url' argument"));
    }
    let mut git = Git::of(cx, args)?;
    let mut words = options(args, "opts")?;
    words.extend(["--".to_owned(), address(args, "url")?]);
    match args.opt_str("name")? {
        Some(name) => {
            words.push(name);
            if let Some(cwd) = git.cwd.as_deref().filter(|cwd| !Path::new(cwd).exists()) {
                std::fs::create_dir_all(cwd).map_err(|error| Fault::os(&error, cwd))?;
            }
        }
        None => words.extend(git.cwd.replace("/tmp".to_owned())),
    }
    git.printed("clone", &words)?;
    Ok(true.into())
}

pub(super) fn fetch(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = if args.truthy("force") { words(&["--force"]) } else { Vec::new() };
    words.extend(options(args, "opts")?.into_iter().filter(|word| word != "-f" && word != "--force"));
    words.extend(args.opt_str("remote")?.filter(|remote| !remote.is_empty()));
    words.extend(args.list("refspecs")?.iter().map(str_of));
    let said = str_of(&Git::of(cx, args)?.merged().printed("fetch", &words)?);
    let line = r"^[\s*]*(?:([0-9a-f]+)\.\.([0-9a-f]+)|\[(?:new (tag|branch)|tag update)\])\s+(.+)->";
    let line = Regex::new(line).map_err(|error| Fault::execution(error.to_string()))?;
    let mut news = Map::new();
    for found in said.lines().filter_map(|text| line.captures(text)) {
        let part = |at| found.get(at).map(|part| part.as_str());
        let name = part(4).unwrap_or_default().trim_end();
        match (part(1), part(3)) {
            (_, Some("tag")) => push(&mut news, "new tags", name),
            (_, Some(_)) => push(&mut news, "new branches", name),
            (Some(old), None) => {
                if let Value::Map(updated) = news.entry("updated branches", || Map::new().into()) {
                    updated.insert(name, map! { "old" => old, "new" => part(2) });
                }
            }
            (None, None) => push(&mut news, "updated tags", name),
        }
    }
    Ok(news.into())
}

pub(super) fn ls_remote(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = options(args, "opts")?;
    words.push(address(args, "remote")?);
    words.extend(args.opt_str("ref")?.filter(|name| !name.is_empty()));
    Ok(refs(&str_of(&Git::of(cx, args)?.printed("ls-remote", &words)?)))
}

pub(super) fn remote_refs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut words = Vec::new();
    words.extend(args.truthy("heads").then(|| "--heads".to_owned()));
    words.extend(args.truthy("tags").then(|| "--tags".to_owned()));
    words.push(address(args, "url")?);
    words.extend(args.keywords.get("filter").filter(|filter| filter.truthy()).map(str_of));
    Ok(refs(&str_of(&Git::of(cx, args)?.printed("ls-remote", &words)?)))
}

pub(super) fn remotes(git: &Git, redact: bool) -> Result<Map, Fault> {
    let said = str_of(&git.printed("remote", &words(&["--verbose"]))?);
    let mut found = Map::new();
    for line in said.lines() {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [name, url, action, ..] = parts.as_slice() else { continue };
        let action = action.trim_start_matches('(').trim_end_matches(')').to_lowercase();
        if !["fetch", "push"].contains(&action.as_str()) {
            continue;
        }
        let url = if redact { redacted(url) } else { (*url).to_owned() };
        if let Value::Map(remote) = found.entry(*name, || Map::new().into()) {
            remote.insert(action, url);
        }
    }
    Ok(found)
}

pub(super) fn remote_set(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let git = Git::of(cx, args)?;
    let name = args.str("remote")?;
    if remotes(&git, true)?.contains(&name) {
        git.printed("remote", &["rm".to_owned(), name.clone()])?;
    }
    git.printed("remote", &["add".to_owned(), name.clone(), address(args, "url")?])?;
    if args.truthy("push_url") {
        let url =
            with_login(&args.str("push_url")?, args.get("push_https_user"), args.get("push_https_pass"))?;
        git.printed("remote", &["set-url".to_owned(), "--push".to_owned(), name.clone(), url])?;
    }
    remotes(&git, true)?.remove(&name).ok_or_else(|| {
        let cwd = git.cwd.clone().unwrap_or_default();
        Fault::execution(format!("Remote '{name}' not present in git checkout located at {cwd}"))
    })
}
