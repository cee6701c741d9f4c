//! Repositories: listed, added, changed and removed. Salt: modules/aptpkg.py.

use std::fs;
use std::path::Path;

use super::sources::{Source, main_file, read_all, save};
use super::{apt, flag, is_true, keys, keyword, query, words};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, repr, str_of};

fn describe(source: &Source, line: &str) -> Map {
    map! {
        "file" => &source.file,
        "comps" => Value::list(&source.comps),
        "disabled" => source.disabled,
        "dist" => &source.dist,
        "type" => &source.kind,
        "uri" => &source.uri,
        "line" => line.trim(),
        "architectures" => Value::list(&source.architectures),
        "signedby" => &source.signedby,
    }
}

pub(super) fn list_repos(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut repos = Map::new();
    for source in read_all(cx)?.iter().filter(|source| !source.invalid) {
        if let Value::List(all) = repos.entry(source.uri.as_str(), || Value::List(Vec::new())) {
            all.push(describe(source, &source.line).into());
        }
    }
    Ok(repos.into())
}

/// The line of a PPA on the hosts that have them.
fn expand_ppa(cx: &Context, repo: &str, ppa_auth: Option<&Value>) -> Result<String, Fault> {
    let Some(ppa) = repo.strip_prefix("ppa:").filter(|_| has_ppas(cx)) else { return Ok(repo.to_owned()) };
    let (owner, name) = ppa.split_once('/').ok_or_else(|| Fault::execution(wrong_ppa(ppa)))?;
    let dist = cx.grain("oscodename");
    Ok(match ppa_auth.filter(|auth| auth.truthy()) {
        Some(auth) => {
            format!(
                "deb https://{}@private-ppa.launchpad.net/{owner}/{name}/ubuntu {dist} main",
                str_of(auth)
            )
        }
        None => format!("deb http://ppa.launchpad.net/{owner}/{name}/ubuntu {dist} main"),
    })
}

fn wrong_ppa(ppa: &str) -> String {
    format!(
        "Unable to get PPA info from argument. Expected format \"<PPA_OWNER>/<PPA_NAME>\" (e.g. saltstack/salt) not found.  \
         Received '{ppa}' instead."
    )
}

fn has_ppas(cx: &Context) -> bool {
    ["Ubuntu", "Mint", "neon"].contains(&cx.grain("os"))
}

pub(super) fn get_repo(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let repo = expand_ppa(cx, &args.str("repo")?, keyword(args, "ppa_auth"))?;
    Ok(find(cx, &repo)?.into())
}

fn find(cx: &Context, repo: &str) -> Result<Map, Fault> {
    let wanted = Source::parse(repo, "");
    let fits = |source: &&Source| {
        !source.invalid
            && source.is_same(&wanted)
            && (wanted.comps.is_empty() || wanted.comps.iter().any(|comp| source.comps.contains(comp)))
    };
    let sources = read_all(cx)?;
    // Salt looks through them address by address.
    let mut ordered: Vec<&Source> = Vec::new();
    for source in &sources {
        let at = ordered.iter().rposition(|other| other.uri == source.uri).map_or(ordered.len(), |at| at + 1);
        ordered.insert(at, source);
    }
    Ok(ordered.into_iter().find(fits).map(|source| describe(source, &source.line)).unwrap_or_default())
}

pub(super) fn split_repo_str(_: &Context, args: &Args) -> Result<Value, Fault> {
    let source = Source::parse(&args.str("repo")?, "");
    Ok(map! {
        "invalid" => source.invalid,
        "type" => source.kind,
        "architectures" => Value::list(source.architectures),
        "uri" => source.uri,
        "dist" => source.dist,
        "comps" => Value::list(source.comps),
        "signedby" => source.signedby,
    }
    .into())
}

fn list_of(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(|part| part.trim().to_owned()).collect(),
    }
}

/// Sets what the keywords say of a repository.
fn set(source: &mut Source, args: &Args, key: &str) {
    let Some(value) = args.keywords.get(key) else { return };
    match key {
        "architectures" => source.architectures = list_of(value),
        "comps" => source.comps = list_of(value),
        "disabled" => source.disabled = is_true(value),
        "dist" => source.dist = str_of(value),
        "file" => source.file = str_of(value),
        "signedby" => source.signedby = str_of(value),
        "uri" => source.uri = str_of(value),
        _ => {}
    }
}

pub(super) fn expand_repo_def(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let repo =
        keyword(args, "repo").map(str_of).ok_or_else(|| Fault::invocation("missing 'repo' argument"))?;
    let mut source = Source::parse(&expand_ppa(cx, &repo, keyword(args, "ppa_auth"))?, &main_file(cx));
    for key in ["architectures", "comps", "disabled", "dist", "file", "signedby", "uri"] {
        set(&mut source, args, key);
    }
    let mut parts = vec![source.kind.clone()];
    let mut options = Vec::new();
    if !source.architectures.is_empty() {
        options.push(format!("arch={}", source.architectures.join(",")));
    }
    if !source.signedby.is_empty() {
        options.push(format!("signed-by={}", source.signedby));
    }
    if !options.is_empty() {
        parts.push(format!("[{}]", options.join(" ")));
    }
    parts.extend([source.uri.clone(), source.dist.clone(), source.comps.join(" ")]);
    parts.retain(|part| !part.trim().is_empty());
    let mut expanded = Source::parse(&parts.join(" "), &main_file(cx));
    expanded.disabled = source.disabled;
    let line = expanded.text();
    Ok(describe(&expanded, &line).into())
}

pub(super) fn del_repo(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let asked = args.str("repo")?;
    let is_ppa = asked.starts_with("ppa:") && has_ppas(cx);
    let repo = expand_ppa(cx, &asked, keyword(args, "ppa_auth"))?;
    let wanted = Source::parse(&repo, "");
    let mut touched: Vec<String> = Vec::new();
    let mut left = Vec::new();
    for mut source in read_all(cx)? {
        let mut source_of_ppa = wanted.clone();
        "deb-src".clone_into(&mut source_of_ppa.kind);
        let same = source.is_same(&wanted) && source.architectures == wanted.architectures;
        let also = is_ppa && wanted.kind == "deb" && source.is_same(&source_of_ppa);
        if !source.invalid && (same || also) {
            let both_empty = source.comps.is_empty() && wanted.comps.is_empty();
            if both_empty || source.comps.iter().any(|comp| wanted.comps.contains(comp)) {
                if !touched.contains(&source.file) {
                    touched.push(source.file.clone());
                }
                source.comps.retain(|comp| !wanted.comps.contains(comp));
                if source.comps.is_empty() {
                    continue;
                }
            }
        }
        left.push(source);
    }
    if touched.is_empty() {
        return Err(Fault::execution(format!("Repo {repo} doesn't exist in the sources.list(s)")));
    }
    save(cx, &left)?;
    let mut text = String::new();
    for file in touched {
        let is_empty = !left.iter().any(|source| source.file == file);
        if is_empty && file.contains("sources.list.d/") && Path::new(&file).is_file() {
            let _ = fs::remove_file(&file);
            text += &format!("File {file} containing repo '{repo}' has been removed.");
        } else {
            text += &format!("Repo '{repo}' has been removed from {file}.\n");
        }
    }
    query::refresh(cx, &Value::Null, false)?;
    Ok(text.into())
}

/// Has `apt-add-repository` add a PPA; `None` where it cannot be asked.
fn add_ppa(cx: &Context, args: &Args, repo: &str, refresh: bool) -> Result<Option<Value>, Fault> {
    let Some(ppa) = repo.strip_prefix("ppa:") else { return Ok(None) };
    if !has_ppas(cx) {
        return Err(Fault::execution(format!("cannot parse \"ppa:\" style repo definitions: {repo}")));
    }
    if cx.which("apt-add-repository").is_none() || args.keywords.contains("ppa_auth") {
        return Err(Fault::NotSupported(format!(
            "{repo} without the program apt-add-repository, or with ppa_auth"
        )));
    }
    let found = find(cx, &expand_ppa(cx, repo, None)?)?;
    if !found.is_empty() {
        return Ok(Some([(repo, found)].into_iter().collect::<Map>().into()));
    }
    let line = words(&["apt-add-repository", "-y", repo]);
    let ran = apt(cx, &line, false, keys::proxy(cx)?)?;
    if !ran.ok() {
        return Err(Fault::execution(format!(
            "Unable to add PPA '{ppa}'. '{}' exited with status {}: '{}' ",
            repr(&Value::list(&line)),
            ran.retcode,
            ran.stderr
        )));
    }
    if refresh {
        query::refresh(cx, &Value::Null, false)?;
    }
    let out = map! { "pid" => 1, "retcode" => ran.retcode, "stdout" => ran.stdout, "stderr" => ran.stderr };
    Ok(Some([(repo, out)].into_iter().collect::<Map>().into()))
}

pub(super) fn mod_repo(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let repo = args.str("repo")?;
    let refresh =
        args.keywords.get("refresh_db").or_else(|| args.keywords.get("refresh")).is_none_or(Value::truthy);
    if let Some(done) = add_ppa(cx, args, &repo, refresh)? {
        return Ok(done);
    }
    let wanted = Source::parse(&repo, &main_file(cx));
    if wanted.invalid {
        return Err(Fault::invocation(format!(
            "Name {repo} is not valid. This must be the complete repo entry as seen in the sources file"
        )));
    }
    if flag(args, "consolidate") {
        return Err(Fault::NotSupported("consolidate=True".to_owned()));
    }
    let aptkey = args.truthy("aptkey") && cx.which("apt-key").is_some();
    if !aptkey && wanted.signedby.is_empty() {
        return Err(Fault::invocation("missing 'signedby' option when apt-key is missing"));
    }
    keys::fetch(cx, args, aptkey, &wanted.signedby)?;
    let mut comps = wanted.comps.clone();
    let own_comps = keyword(args, "comps").map(list_of);
    comps.extend(own_comps.iter().flatten().filter(|comp| !wanted.comps.contains(comp)).cloned());
    let architectures = keyword(args, "architectures").map_or_else(|| wanted.architectures.clone(), list_of);
    let (kind, dist) = (keyword(args, "type").map(str_of), keyword(args, "dist").map(str_of));
    let mut sources = read_all(cx)?;
    let fits = |source: &Source| {
        let by_name = dist.as_ref() == Some(&source.dist) && kind.as_ref() == Some(&source.kind);
        (source.is_same(&wanted) || by_name)
            && (source.comps.is_empty()
                || comps.iter().any(|comp| source.comps.contains(comp))
                || architectures != source.architectures)
    };
    let at = sources.iter().position(fits).unwrap_or_else(|| {
        sources.push(Source::parse(&repo, &main_file(cx)));
        sources.len() - 1
    });
    let Some(source) = sources.get_mut(at) else { return Ok(Map::new().into()) };
    if let Some(comments) = keyword(args, "comments") {
        source.comment = match comments {
            Value::List(items) => items.iter().map(str_of).collect::<Vec<_>>().join(" ").trim().to_owned(),
            other => str_of(other).trim().to_owned(),
        };
    }
    source.line = format!("{}\n", wanted.line.trim_end_matches('\n'));
    source.invalid = false;
    for key in ["dist", "file", "uri"] {
        set(source, args, key);
    }
    source.signedby.clone_from(&wanted.signedby);
    source.architectures = architectures;
    source.comps = own_comps.unwrap_or(comps);
    if let Some(disabled) = args.keywords.get("disabled") {
        source.disabled = is_true(disabled);
    } else if let Some(enabled) = args.keywords.get("enabled") {
        source.disabled = !is_true(enabled);
    }
    if source.uri != wanted.uri {
        source.uri.clone_from(&wanted.uri);
        source.line = source.text();
    }
    let outcome = map! {
        "architectures" => Value::list(&source.architectures),
        "comps" => Value::list(&source.comps),
        "disabled" => source.disabled,
        "file" => &source.file,
        "type" => &source.kind,
        "uri" => &source.uri,
        "line" => &source.line,
        "signedby" => &source.signedby,
    };
    save(cx, &sources)?;
    if refresh {
        query::refresh(cx, &Value::Null, false)?;
    }
    Ok([(repo, outcome)].into_iter().collect::<Map>().into())
}
