//! The files of apt's repositories, one line each. Source: sources.list(5); Salt: modules/aptpkg.py (`SourceEntry`,
//! `SourcesList`). Files in deb822 form (`*.sources`) are not read, as in Salt.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::host::FileOwner;
use crate::loader::{Context, Fault, os_error_text};
use crate::value::sort;

/// Options as `[arch=amd64 signed-by=/x]`.
static OPTIONS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[(.*=.*?)\]").ok());
static CDROM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("(.*)(cdrom:.*/)(.*)").ok());

/// One line of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// The line as it stands in its file.
    pub line: String,
    /// It says nothing that is a repository; only `line` counts.
    pub invalid: bool,
    pub disabled: bool,
    pub kind: String,
    pub uri: String,
    pub dist: String,
    pub comps: Vec<String>,
    pub architectures: Vec<String>,
    pub signedby: String,
    pub comment: String,
    pub file: String,
}

/// Options of a line with their kind: `arch`, `signedby` or their own name.
fn options(line: &str) -> Vec<(String, String)> {
    let found = OPTIONS.as_ref().and_then(|regex| regex.find(line));
    let Some(found) = found else { return Vec::new() };
    let words = found.as_str().trim_matches(['[', ']']).split_whitespace();
    words
        .map(|word| {
            let kind = match word.split('=').next().unwrap_or_default() {
                _ if word.starts_with("arch") => "arch",
                _ if word.starts_with("signed-by") => "signedby",
                other => other,
            };
            (kind.to_owned(), word.to_owned())
        })
        .collect()
}

fn value_of(option: &str) -> &str {
    option.split_once('=').map_or("", |(_, value)| value)
}

impl Source {
    /// Reads one line.
    pub(super) fn parse(line: &str, file: &str) -> Self {
        let mut source = Source { line: line.to_owned(), file: file.to_owned(), ..Default::default() };
        source.invalid = source.read().is_none();
        source
    }

    fn read(&mut self) -> Option<()> {
        let line = self.line.clone();
        let mut text = line.trim();
        if let Some(rest) = text.strip_prefix('#') {
            self.disabled = true;
            text = rest;
        }
        if let Some((before, comment)) = text.split_once('#').filter(|(before, _)| !before.is_empty()) {
            comment.clone_into(&mut self.comment);
            text = before;
        }
        let cdrom = CDROM.as_ref().and_then(|regex| regex.captures(text.trim()));
        let mut words: Vec<String> = match cdrom {
            Some(parts) => {
                let part = |at: usize| parts.get(at).map_or("", |part| part.as_str());
                let before = part(1).split_whitespace().map(str::to_owned);
                let after = part(3).split_whitespace().map(str::to_owned);
                before.chain([part(2).trim().to_owned()]).chain(after).collect()
            }
            None => text.split_whitespace().map(str::to_owned).collect(),
        };
        let known = ["deb", "deb-src", "rpm", "rpm-src"];
        if words.len() < 3 || !words.first().is_some_and(|kind| known.contains(&kind.as_str())) {
            return None;
        }
        if words.get(1).is_some_and(|word| word.starts_with('[')) {
            if !words.iter().skip(1).any(|word| word.ends_with(']')) {
                return None;
            }
            words = words.iter().map(|word| word.trim_matches(['[', ']']).to_owned()).collect();
            words.retain(|word| !word.is_empty());
            for (kind, option) in options(&line) {
                match kind.as_str() {
                    "arch" => self.architectures.extend(value_of(&option).split(',').map(str::to_owned)),
                    "signedby" => value_of(&option).clone_into(&mut self.signedby),
                    _ => {}
                }
                if let Some(at) = words.iter().position(|word| *word == option) {
                    words.remove(at);
                }
            }
        }
        let mut words = words.into_iter();
        self.kind = words.next()?;
        self.uri = words.next()?;
        self.dist = words.next()?;
        self.comps = words.collect();
        Some(())
    }

    /// The line that says what the parts say, with its new line.
    pub(super) fn text(&self) -> String {
        if self.invalid {
            return self.line.clone();
        }
        let mut all = options(&self.line);
        let mut set = |kind: &str, text: String| match all.iter_mut().find(|(own, _)| own == kind) {
            Some((_, option)) => *option = text,
            None => all.push((kind.to_owned(), text)),
        };
        if !self.architectures.is_empty() {
            set("arch", format!("arch={}", self.architectures.join(",")));
        }
        if !self.signedby.is_empty() {
            set("signedby", format!("signed-by={}", self.signedby));
        }
        let mut words = Vec::new();
        if self.disabled {
            words.push("#".to_owned());
        }
        words.push(self.kind.clone());
        if !all.is_empty() {
            let options: Vec<&str> = all.iter().map(|(_, option)| option.as_str()).collect();
            words.push(format!("[{}]", options.join(" ")));
        }
        words.extend([self.uri.clone(), self.dist.clone(), self.comps.join(" ")]);
        if !self.comment.is_empty() {
            words.push(format!("#{}", self.comment));
        }
        words.join(" ") + "\n"
    }

    /// Same repository: kind, address and distribution.
    pub(super) fn is_same(&self, other: &Source) -> bool {
        self.kind == other.kind
            && self.uri.trim_end_matches('/') == other.uri.trim_end_matches('/')
            && self.dist == other.dist
    }
}

/// Where apt's files are.
pub(super) fn directory(cx: &Context) -> PathBuf {
    cx.memory
        .borrow()
        .get("aptpkg.directory")
        .and_then(|path| path.as_str().map(PathBuf::from))
        .unwrap_or_else(|| "/etc/apt".into())
}

/// The file of repositories that name none.
pub(super) fn main_file(cx: &Context) -> String {
    directory(cx).join("sources.list").to_string_lossy().into_owned()
}

/// Every line of every file, the main one first.
pub(super) fn read_all(cx: &Context) -> Result<Vec<Source>, Fault> {
    let directory = directory(cx);
    let mut files = vec![directory.join("sources.list")];
    let mut more: Vec<PathBuf> = fs::read_dir(directory.join("sources.list.d"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "list"))
        .collect();
    sort::all(&mut more);
    files.extend(more);
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| path.is_file()) {
        let name = path.to_string_lossy();
        let text = fs::read_to_string(path).map_err(|error| {
            Fault::execution(format!("Cannot read the repositories: {}", os_error_text(&error, &name)))
        })?;
        sources.extend(text.split_inclusive('\n').map(|line| Source::parse(line, &name)));
    }
    Ok(sources)
}

/// Writes every file that still has a line. Salt quirk (3006.25, `SourcesList.save`): a file that has none stays as it
/// was.
pub(super) fn save(cx: &Context, sources: &[Source]) -> Result<(), Fault> {
    let mut files: Vec<(&str, String)> = Vec::new();
    for source in sources {
        match files.iter_mut().find(|(name, _)| *name == source.file) {
            Some((_, text)) => *text += &source.text(),
            None => files.push((&source.file, source.text())),
        }
    }
    for (name, text) in files {
        if fs::read_to_string(name).is_ok_and(|now| now == text) {
            continue;
        }
        cx.host.write_atomic(Path::new(name), text.as_bytes(), 0o644, FileOwner::default()).map_err(
            |error| Fault::execution(format!("Cannot write a repository: {}", os_error_text(&error, name))),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written_again() {
        for (line, expected) in [
            ("deb http://a.b/c stable main", "deb http://a.b/c stable main\n"),
            (
                "deb [arch=amd64 signed-by=/k.gpg] http://a.b/ x y z # why\n",
                "deb [arch=amd64 signed-by=/k.gpg] http://a.b/ x y z # why\n",
            ),
            ("#deb-src  http://a.b stable main", "# deb-src http://a.b stable main\n"),
            ("# a remark\n", "# a remark\n"),
            ("deb cdrom:[Debian 12]/ bookworm main", "deb cdrom:[Debian 12]/ bookworm main\n"),
        ] {
            assert_eq!(Source::parse(line, "f").text(), expected, "{line}");
        }
        assert!(Source::parse("deb http://only.two", "f").invalid);
    }
}
