//! What Python's `distro` library says of a machine; Salt asks it where os-release and lsb-release leave gaps.
//! Source: distro 1.9 (`LinuxDistribution`), without the output of the `lsb_release` program.

use regex::Regex;

use crate::grains::machine::Machine;
use crate::grains::shlex;
use crate::value::Map;

/// Name, best version and codename; each empty where nothing says it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Distro {
    pub name: String,
    pub version: String,
    pub codename: String,
}

/// Files that look like one of a distribution but are none.
const IGNORED: [&str; 9] = [
    "debian_version",
    "lsb-release",
    "oem-release",
    "os-release",
    "system-release",
    "plesk-release",
    "iredmail-release",
    "board-release",
    "ec2_version",
];

impl Distro {
    /// Reads the files of the machine.
    pub fn of(machine: &Machine) -> Self {
        let os_release =
            ["/etc/os-release", "/usr/lib/os-release"].into_iter().find(|path| machine.is_file(path));
        let variables =
            os_release.and_then(|path| machine.text(path)).map(|text| variables(&text)).unwrap_or_default();
        let text = |name: &str| variables.str(name).unwrap_or_default();
        let content = Content::new();
        let file = release_file(machine, &content);
        let name = if text("name").is_empty() { file.name.clone() } else { text("name").to_owned() };
        let mut versions = vec![
            text("version_id").to_owned(),
            file.version.clone(),
            content.parse(text("pretty_name")).version,
        ];
        if text("id") == "debian" || text("id_like").split_whitespace().any(|id| id == "debian") {
            let version = machine.text("/etc/debian_version").unwrap_or_default();
            versions.push(version.lines().next().unwrap_or_default().trim_end().to_owned());
        }
        let codename = match variables.str("codename") {
            Some(codename) => codename.to_owned(),
            None => file.codename,
        };
        Distro { name, version: best(versions), codename }
    }
}

/// The most precise version: more dots win, the earlier of equal ones.
fn best(versions: Vec<String>) -> String {
    let dots = |version: &str| version.matches('.').count();
    versions.into_iter().fold(String::new(), |best, version| {
        if best.is_empty() || dots(&version) > dots(&best) { version } else { best }
    })
}

/// Variables of os-release in lower case, and `codename`.
fn variables(text: &str) -> Map {
    let mut variables = Map::new();
    for word in shlex::split(text, true) {
        if let Some((name, value)) = word.split_once('=') {
            variables.insert(name.to_lowercase(), value);
        }
    }
    let in_version = variables.str("version").and_then(codename_in);
    if let Some(codename) = in_version {
        variables.insert("codename", codename);
    }
    let named = variables.get("version_codename").or_else(|| variables.get("ubuntu_codename")).cloned();
    if let Some(codename) = named {
        variables.insert("codename", codename);
    }
    variables
}

/// The codename in `12 (bookworm)` or `16.04, Xenial`.
fn codename_in(version: &str) -> Option<String> {
    let pattern = Regex::new(r"\((\D+)\)|,\s*(\D+)").ok()?;
    let found = pattern.captures(version)?;
    found.get(1).or_else(|| found.get(2)).map(|codename| codename.as_str().to_owned())
}

/// One line such as `CentOS Linux release 7.9.2009 (Core)`.
#[derive(Default)]
struct Line {
    name: String,
    version: String,
    codename: String,
}

struct Content(Option<Regex>);

impl Content {
    fn new() -> Self {
        // Matched against the reversed line, so that the version nearest to the end is found.
        Content(Regex::new(r"^(?:[^)]*\)(.*)\()? *(?:STL )?([\d.+\-a-z]*\d) *(?:esaeler *)?(.+)").ok())
    }

    fn parse(&self, line: &str) -> Line {
        let reverse = |text: &str| text.chars().rev().collect::<String>();
        let reversed = reverse(line.trim());
        let Some(found) = self.0.as_ref().and_then(|pattern| pattern.captures(&reversed)) else {
            return Line { name: line.trim().to_owned(), ..Default::default() };
        };
        let group = |n| found.get(n).map(|group| reverse(group.as_str())).unwrap_or_default();
        Line { name: group(3), version: group(2), codename: group(1) }
    }
}

/// What the first `/etc/<name>-release` that says something says.
fn release_file(machine: &Machine, content: &Content) -> Line {
    for name in machine.sorted_names_in("/etc") {
        let stem = ["-release", "_release", "-version", "_version"]
            .into_iter()
            .find_map(|end| name.strip_suffix(end));
        let is_word = |stem: &str| stem.chars().any(|char| char.is_alphanumeric() || char == '_');
        let starts = stem.is_some_and(|stem| {
            is_word(stem) && stem.chars().all(|char| char.is_alphanumeric() || char == '_')
        });
        let path = format!("/etc/{name}");
        if !starts || IGNORED.contains(&name.as_str()) || !machine.is_file(&path) {
            continue;
        }
        let text = machine.text(&path).unwrap_or_default();
        let line = content.parse(text.lines().next().unwrap_or_default());
        if !line.name.is_empty() {
            return line;
        }
    }
    Line::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_release_files_are_read_from_their_end() {
        let check = |line, expected: [&str; 3]| {
            let Line { name, version, codename } = Content::new().parse(line);
            assert_eq!([name.as_str(), &version, &codename], expected, "{line}");
        };
        check("CentOS Linux release 7.9.2009 (Core)", ["CentOS Linux", "7.9.2009", "Core"]);
        check("Amazon Linux release 2 (Karoo)", ["Amazon Linux", "2", "Karoo"]);
        check("Arch Linux", ["Arch Linux", "", ""]);
        check("Ubuntu 20.04.3 LTS", ["Ubuntu", "20.04.3", ""]);
        check("", ["", "", ""]);
    }

    #[test]
    fn the_version_with_most_dots_is_best() {
        let check = |versions: &[&str], expected| {
            assert_eq!(best(versions.iter().map(|&version| version.to_owned()).collect()), expected);
        };
        check(&["7", "7.9.2009", "7"], "7.9.2009");
        check(&["", "", "rolling"], "rolling");
        check(&["12", "", "12", "12.5"], "12.5");
    }

    #[test]
    fn codenames_stand_in_brackets_or_after_a_comma() {
        assert_eq!(codename_in("12 (bookworm)").as_deref(), Some("bookworm"));
        assert_eq!(codename_in("16.04.1 LTS, Trusty Tahr").as_deref(), Some("Trusty Tahr"));
        assert_eq!(codename_in("33"), None);
    }
}
