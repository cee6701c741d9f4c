//! Versions of Python's packages and what is asked of them. PEP 440, "Version scheme" and "Version specifiers".

use std::cmp::Ordering;

/// A version, in the order of PEP 440.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PyVersion {
    epoch: u64,
    /// Without zeros at its end.
    release: Vec<u64>,
    /// Development releases come before pre-releases, these before the release, and what follows it last.
    stage: (Stage, u64),
    post: Option<u64>,
    /// `None` sorts after every number here.
    not_dev: bool,
    dev: u64,
    local: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Dev,
    Alpha,
    Beta,
    Candidate,
    Final,
}

fn number(text: &mut &str) -> Option<u64> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    *text = rest;
    digits.parse().ok()
}

/// Takes one of `words` and the number after it, with separators around them.
fn part(text: &mut &str, words: &[&str]) -> Option<u64> {
    let rest = text.trim_start_matches(['.', '-', '_']);
    let word = words.iter().find(|word| rest.starts_with(**word))?;
    let mut rest = rest.get(word.len()..)?.trim_start_matches(['.', '-', '_']);
    let value = number(&mut rest).unwrap_or(0);
    *text = rest;
    Some(value)
}

impl PyVersion {
    /// `None` for what is no version.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        let (public, local) = lower.split_once('+').unwrap_or((&lower, ""));
        let mut rest = public.strip_prefix('v').unwrap_or(public);
        let mut epoch = 0;
        if let Some((before, after)) = rest.split_once('!') {
            (epoch, rest) = (before.parse().ok()?, after);
        }
        let mut release = vec![number(&mut rest)?];
        while let Some(mut after) =
            rest.strip_prefix('.').filter(|after| after.starts_with(|c: char| c.is_ascii_digit()))
        {
            release.push(number(&mut after)?);
            rest = after;
        }
        while release.len() > 1 && release.last() == Some(&0) {
            release.pop();
        }
        let stages: [(Stage, &[&str]); 3] = [
            (Stage::Candidate, &["rc", "preview", "pre", "c"]),
            (Stage::Alpha, &["alpha", "a"]),
            (Stage::Beta, &["beta", "b"]),
        ];
        let pre = stages.iter().find_map(|(stage, words)| Some((*stage, part(&mut rest, words)?)));
        let post = part(&mut rest, &["post", "rev", "r"]).or_else(|| {
            let mut after = rest.strip_prefix('-')?;
            let value = number(&mut after)?;
            rest = after;
            Some(value)
        });
        let dev = part(&mut rest, &["dev"]);
        if !rest.is_empty() {
            return None;
        }
        let stage = match (pre, post, dev) {
            (Some(pre), ..) => pre,
            (None, None, Some(_)) => (Stage::Dev, 0),
            _ => (Stage::Final, 0),
        };
        let local = local.to_owned();
        Some(PyVersion { epoch, release, stage, post, not_dev: dev.is_none(), dev: dev.unwrap_or(0), local })
    }

    /// Whether it comes before the release of its number.
    pub fn is_prerelease(&self) -> bool {
        self.stage.0 < Stage::Final || !self.not_dev
    }

    fn public(&self) -> Self {
        PyVersion { local: String::new(), ..self.clone() }
    }

    /// Whether its number begins like this one.
    fn starts_with(&self, prefix: &[u64]) -> bool {
        prefix.iter().enumerate().all(|(at, number)| self.release.get(at).unwrap_or(&0) == number)
    }
}

/// Whether a version meets every one of `(operator, version)`. `None`: one of them is no specifier.
pub fn fulfills(version: &str, specs: &[(String, String)]) -> Option<bool> {
    let Some(found) = PyVersion::parse(version) else {
        return specs.is_empty().then_some(true);
    };
    let mut admits_prereleases = specs.is_empty();
    let mut all = true;
    for (operator, asked) in specs {
        if operator == "===" {
            all &= asked.trim() == version;
            continue;
        }
        let plain = asked.trim();
        let wildcard = plain.strip_suffix(".*");
        let wanted = PyVersion::parse(wildcard.unwrap_or(plain))?;
        admits_prereleases |= wanted.is_prerelease();
        let numbers: Vec<u64> =
            wildcard.unwrap_or(plain).split('.').map_while(|part| part.parse().ok()).collect();
        let order = if wanted.local.is_empty() { found.public().cmp(&wanted) } else { found.cmp(&wanted) };
        let same_release = found.epoch == wanted.epoch && found.release == wanted.release;
        all &= match operator.as_str() {
            "==" if wildcard.is_some() => found.epoch == wanted.epoch && found.starts_with(&numbers),
            "!=" if wildcard.is_some() => found.epoch != wanted.epoch || !found.starts_with(&numbers),
            "==" => order == Ordering::Equal,
            "!=" => order != Ordering::Equal,
            "<=" => order != Ordering::Greater,
            ">=" => order != Ordering::Less,
            "<" => {
                order == Ordering::Less && (wanted.is_prerelease() || !found.is_prerelease() || !same_release)
            }
            ">" => {
                order == Ordering::Greater && (wanted.post.is_some() || found.post.is_none() || !same_release)
            }
            "~=" => {
                let prefix = numbers.get(..numbers.len().checked_sub(1)?)?;
                order != Ordering::Less && found.starts_with(prefix)
            }
            _ => return None,
        };
    }
    Some(all && (admits_prereleases || !found.is_prerelease()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order is that of PEP 440, "Summary of permitted suffixes and relative ordering".
    #[test]
    fn versions_are_in_order() {
        let all = [
            "1.dev1",
            "1.0a1.dev2",
            "1a1",
            "1.0b2",
            "1rc1",
            "1.0",
            "1.0+x",
            "1.post1",
            "1.0.1",
            "1.2",
            "1.10",
            "1!0.1",
        ];
        let parsed: Vec<PyVersion> = all.iter().map(|text| PyVersion::parse(text).expect(text)).collect();
        assert!(parsed.is_sorted(), "{parsed:?}");
        assert_eq!(PyVersion::parse("1.0.0"), PyVersion::parse("v1"));
        assert_eq!(PyVersion::parse("x"), None);
        assert_eq!(PyVersion::parse("1.x"), None);
    }

    /// Expected: `SpecifierSet(specs).contains(version)` of packaging 24.
    #[test]
    fn specifiers_are_met_as_packaging_has_it() {
        let check = |version: &str, specs: &[(&str, &str)], expected: bool| {
            let specs: Vec<(String, String)> = specs
                .iter()
                .map(|(operator, wanted)| ((*operator).to_owned(), (*wanted).to_owned()))
                .collect();
            assert_eq!(fulfills(version, &specs), Some(expected), "{version} {specs:?}");
        };
        check("1.4.2", &[(">=", "1.4"), ("<", "2")], true);
        check("1.4.2", &[("==", "1.4.*")], true);
        check("1.4.2", &[("~=", "1.4.1")], true);
        check("1.5", &[("~=", "1.4.1")], false);
        check("1.5", &[("~=", "1.4")], true);
        check("2.0a1", &[(">=", "1.0")], false);
        check("2.0a1", &[(">=", "2.0a0")], true);
        check("1.0+local", &[("==", "1.0")], true);
        check("1.0.post1", &[(">", "1.0")], false);
        check("1.0", &[("!=", "1.0")], false);
        assert_eq!(fulfills("1.0", &[("=".to_owned(), "1.0".to_owned())]), None);
    }
}
