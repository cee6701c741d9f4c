//! Repositories of dnf: sections of the files in `/etc/yum.repos.d`. Salt: modules/yumpkg.py.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::value::{Map, Value, repr, sort, str_of};

/// One file: what stands before the first section, and the sections.
struct Repos {
    path: PathBuf,
    header: String,
    /// `{id: {option: value, comments: [text]}}`.
    sections: Map,
}

impl Repos {
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (header, sections) = parse(&text);
        Some(Repos { path: path.to_owned(), header, sections })
    }

    fn write(&self, cx: &Context, text: &str) -> Result<(), Fault> {
        cx.host
            .write_atomic(&self.path, text.as_bytes(), 0o644, FileOwner::default())
            .map_err(|error| Fault::execution(os_error_text(&error, &self.path.to_string_lossy())))
    }
}

fn parse(text: &str) -> (String, Map) {
    let (mut header, mut sections) = (String::new(), Map::new());
    let mut current: Option<String> = None;
    let mut option = String::new();
    for line in text.lines() {
        let continued = line.starts_with([' ', '\t']);
        let line = line.trim();
        let section = current.as_ref().and_then(|id| sections.get_mut(id)).and_then(Value::as_map_mut);
        if let Some(rest) = line.strip_prefix('#') {
            match section {
                None => header += &format!("{line}\n"),
                Some(section) => {
                    if let Value::List(comments) = section.entry("comments", || Value::List(Vec::new())) {
                        comments.push(rest.trim_start().into());
                    }
                }
            }
        } else if let Some(id) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.insert(id, Map::new());
            current = Some(id.to_owned());
        } else if let Some(section) = section {
            if let Some(Value::Text(value)) =
                section.get_mut(&option).filter(|_| continued && !line.is_empty())
            {
                *value += &format!("\n{line}");
            } else if let Some((key, value)) = line.split_once('=') {
                option = key.trim().to_lowercase();
                section.insert(option.as_str(), value.trim());
            }
        }
    }
    (header, sections)
}

fn directories(args: &Args) -> Vec<String> {
    match args.get("basedir") {
        Value::Text(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        Value::List(items) if !items.is_empty() => items.iter().map(str_of).collect(),
        _ => ["/etc/yum/repos.d", "/etc/yum.repos.d"].map(str::to_owned).to_vec(),
    }
}

fn files(args: &Args) -> Vec<Repos> {
    let mut paths: Vec<PathBuf> = directories(args)
        .iter()
        .flat_map(|directory| fs::read_dir(directory).into_iter().flatten())
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "repo"))
        .collect();
    sort::all(&mut paths);
    paths.iter().filter_map(|path| Repos::read(path)).collect()
}

fn id_of(repo: &str) -> String {
    match repo.strip_prefix("copr:").and_then(|rest| rest.split_once('/')) {
        Some((owner, project)) => format!("copr:copr.fedorainfracloud.org:{owner}:{project}"),
        None => repo.to_owned(),
    }
}

pub(super) fn list_repos(_: &Context, args: &Args) -> Result<Value, Fault> {
    let mut all = Map::new();
    for file in files(args) {
        for (id, section) in &file.sections {
            let mut section = section.as_map().cloned().unwrap_or_default();
            section.insert("file", file.path.to_string_lossy().into_owned());
            all.insert(id.clone(), section);
        }
    }
    Ok(all.into())
}

pub(super) fn get_repo(_: &Context, args: &Args) -> Result<Value, Fault> {
    let id = id_of(&args.str("repo")?);
    let found = files(args).into_iter().rev().find_map(|file| file.sections.get(&id).cloned());
    Ok(found.unwrap_or_else(|| Map::new().into()))
}

fn comments(section: &mut Map) -> String {
    let said = section.remove("comments").unwrap_or_default();
    let lines: Vec<String> = said.as_list().unwrap_or(&[]).iter().map(str_of).collect();
    lines
        .iter()
        .map(|line| if line.starts_with('#') { format!("{line}\n") } else { format!("# {line}\n") })
        .collect()
}

fn line(key: &Value, value: &Value) -> String {
    let value = match value {
        Value::Bool(value) => i32::from(*value).to_string(),
        other => str_of(other).replace('\n', "\n "),
    };
    format!("{}={value}\n", str_of(key))
}

pub(super) fn del_repo(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let id = id_of(&args.str("repo")?);
    let Some(mut file) = files(args).into_iter().rev().find(|file| file.sections.contains(&id)) else {
        let directories = repr(&Value::list(directories(args)));
        return Ok(format!("Error: the {id} repo does not exist in {directories}").into());
    };
    let path = file.path.to_string_lossy().into_owned();
    file.sections.remove(&id);
    if file.sections.is_empty() {
        fs::remove_file(&file.path).map_err(|error| Fault::execution(os_error_text(&error, &path)))?;
        return Ok(format!("File {path} containing repo {id} has been removed").into());
    }
    let mut text = file.header.clone();
    for (id, section) in &file.sections {
        let mut section = section.as_map().cloned().unwrap_or_default();
        let comments = comments(&mut section);
        let lines: String = section.iter().map(|(key, value)| line(key, value)).collect();
        text += &format!("\n[{}]\n{lines}{comments}\n", str_of(id));
    }
    file.write(cx, &text)?;
    Ok(format!("Repo {id} has been removed from {path}").into())
}

pub(super) fn mod_repo(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let refused = |text: &str| Err(Fault::invocation(text));
    if args.str("repo")?.starts_with("copr:") {
        return Err(Fault::NotSupported("COPR repositories in pkg.mod_repo".to_owned()));
    }
    let id = args.str("repo")?;
    let mut wanted = args.keywords.clone();
    wanted.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__") || key == "saltenv"));
    if wanted.contains("mirrorlist") && wanted.contains("baseurl") {
        return refused("Only one of 'mirrorlist' and 'baseurl' can be specified");
    }
    let is_empty = |value: &Value| !value.truthy() && !matches!(value, Value::Int(0) | Value::Bool(false));
    let mut gone: Vec<String> =
        wanted.iter().filter(|(_, value)| is_empty(value)).map(|(key, _)| str_of(key)).collect();
    wanted.retain(|_, value| !is_empty(value));
    if wanted.contains("mirrorlist") {
        gone.push("baseurl".to_owned());
    } else if wanted.contains("baseurl") {
        gone.push("mirrorlist".to_owned());
    }
    if gone.iter().any(|key| key == "name") {
        return refused("The repo name cannot be deleted");
    }
    let mut file = match files(args).into_iter().rev().find(|file| file.sections.contains(&id)) {
        Some(file) => file,
        None => {
            let directories = directories(args);
            let Some(directory) = directories.iter().find(|directory| Path::new(directory).is_dir()) else {
                return Err(Fault::invocation(format!(
                    "The repo does not exist and needs to be created, but none of the following basedir directories exist: {}",
                    repr(&Value::list(&directories))
                )));
            };
            if !wanted.contains("name") {
                return refused("The repo does not exist and needs to be created, but a name was not given");
            }
            if !wanted.contains("baseurl") && !wanted.contains("mirrorlist") {
                return refused(
                    "The repo does not exist and needs to be created, but either a baseurl or a mirrorlist needs to be given",
                );
            }
            if id.contains(['/', '\n', ']']) {
                return Err(Fault::invocation(format!("'{id}' is no id of a repository")));
            }
            let sections = [(id.as_str(), Map::new())].into_iter().collect();
            Repos { path: Path::new(directory).join(format!("{id}.repo")), header: String::new(), sections }
        }
    };
    let section = file.sections.get_mut(&id).and_then(Value::as_map_mut);
    let Some(section) = section else { return refused("The repo does not exist") };
    for (one, other) in [("baseurl", "mirrorlist"), ("mirrorlist", "baseurl")] {
        if gone.iter().any(|key| key == one) && !wanted.contains(other) && !section.contains(other) {
            return Err(Fault::invocation(format!("Cannot delete {one} without specifying {other}")));
        }
    }
    for key in &gone {
        section.remove(key);
    }
    section.extend(wanted);
    let mut text = file.header.clone();
    let mut written = Map::new();
    for (id, section) in &file.sections {
        let mut section = section.as_map().cloned().unwrap_or_default();
        let comments = comments(&mut section);
        text += &format!("[{}]\n", str_of(id));
        text += &section.iter().map(|(key, value)| line(key, value)).collect::<String>();
        text += &format!("{comments}\n");
        written.insert(id.clone(), section);
    }
    file.write(cx, &text)?;
    Ok([(file.path.to_string_lossy().into_owned(), written)].into_iter().collect::<Map>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let (header, sections) =
            parse("# top\n[a]\nname = A\n# said\nbaseurl=http://x\n http://y\n[b]\nEnabled=0\n");
        assert_eq!(header, "# top\n");
        let a = sections.get("a").and_then(Value::as_map).expect("a");
        assert_eq!(a.str("baseurl"), Some("http://x\nhttp://y"));
        assert_eq!(a.get("comments"), Some(&Value::list(["said"])));
        assert_eq!(sections.get("b").and_then(|b| b.get("enabled")), Some(&"0".into()));
    }
}
