//! Command lines as Python's optparse reads them, because scripts rely on it: options anywhere between the words,
//! `-t5` and `-t 5`, `--timeout=5`, clustered short flags, unambiguous abbreviations of long ones, `--` ends them.
//! Salt: utils/parsers.py; CPython: Lib/optparse.py.

use std::collections::{BTreeMap, BTreeSet};

use super::{Exit, Stop};
use super::{help, saltfile};
use crate::value::{Value, sort, str_of};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// Nothing; being there makes it true.
    Nothing,
    /// Nothing; being there makes it false (it is true otherwise).
    NothingFalse,
    Text,
    Int,
    Float,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Spellings with dashes: `-t`, `--timeout`. Short ones first.
    pub names: &'static [&'static str],
    /// What the program asks for: also the configuration option that it overrides.
    pub dest: &'static str,
    pub takes: Takes,
    /// Name of the value in the help.
    pub metavar: &'static str,
    pub help: &'static str,
}

impl Flag {
    /// A flag that takes nothing.
    pub const fn new(names: &'static [&'static str], dest: &'static str, help: &'static str) -> Self {
        Flag { names, dest, takes: Takes::Nothing, metavar: "", help }
    }

    /// A flag that turns something off.
    pub const fn off(names: &'static [&'static str], dest: &'static str, help: &'static str) -> Self {
        Flag { takes: Takes::NothingFalse, ..Self::new(names, dest, help) }
    }

    /// An option with a value.
    pub const fn value(
        names: &'static [&'static str],
        dest: &'static str,
        takes: Takes,
        metavar: &'static str,
        help: &'static str,
    ) -> Self {
        Flag { takes, metavar, ..Self::new(names, dest, help) }
    }
}

/// Options under a heading of the help.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Empty for the first group.
    pub title: &'static str,
    pub about: &'static str,
    pub flags: &'static [Flag],
}

/// The command line of one program.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// What follows `Usage: PROG `.
    pub usage: &'static str,
    pub about: &'static str,
    /// Later groups take over spellings of earlier ones.
    pub groups: &'static [Group],
}

/// A command line, read.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The program's own name.
    pub prog: String,
    /// Words that are no options.
    pub words: Vec<String>,
    values: BTreeMap<&'static str, String>,
    set: BTreeSet<&'static str>,
    cleared: BTreeSet<&'static str>,
}

/// Options of every program.
pub(super) const COMMON: &[Flag] = &[
    Flag::new(&["--version"], "version", "Print the version and exit."),
    Flag::new(
        &["-V", "--versions-report"],
        "versions_report",
        "Print what this program is made of and exit.",
    ),
    Flag::new(&["-h", "--help"], "help", "Print this help and exit."),
];

impl Syntax {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// A [`Stop`] that carries what to print and the exit code: for `--help` and `--version`, and for mistakes
    /// (optparse's sentences, exit code 64).
    pub fn parse(&self, prog: &str, words: &[String]) -> Result<Parsed, Stop> {
        let mut parsed = Parsed { prog: prog.to_owned(), ..Default::default() };
        self.read(&mut parsed, words)?;
        if parsed.flag("versions_report") {
            return Err(Stop::said(help::versions_report()));
        }
        if self.find("--saltfile").is_some() {
            saltfile::merge(self, &mut parsed)?;
        }
        Ok(parsed)
    }

    /// Reads more words into what was read before (`--args-stdin`).
    ///
    /// # Errors
    /// As [`Syntax::parse`].
    pub fn read(&self, parsed: &mut Parsed, words: &[String]) -> Result<(), Stop> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                parsed.words.extend(words.cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                self.long(parsed, long, &mut words)?;
            } else if word.len() > 1 && word.starts_with('-') {
                self.short(parsed, word, &mut words)?;
            } else {
                parsed.words.push(word.clone());
            }
        }
        Ok(())
    }

    /// Takes `value` for an option that was not given.
    ///
    /// # Errors
    /// When it is no value for this option.
    pub(super) fn default(
        &self,
        parsed: &mut Parsed,
        flag: &'static Flag,
        value: &Value,
    ) -> Result<(), Stop> {
        let given = parsed.values.contains_key(flag.dest)
            || parsed.set.contains(flag.dest)
            || parsed.cleared.contains(flag.dest);
        match flag.takes {
            _ if given => Ok(()),
            Takes::Nothing if !value.truthy() => Ok(()),
            Takes::NothingFalse if value.truthy() => Ok(()),
            Takes::Nothing | Takes::NothingFalse => self.store(parsed, flag.dest, flag, None),
            _ => self.store(parsed, flag.dest, flag, Some(str_of(value))),
        }
    }

    /// What `--help` prints.
    pub fn help(&self, prog: &str) -> String {
        help::text(self, prog)
    }

    /// Every option; where two share a spelling, the later group has it.
    pub(super) fn flags(&self) -> impl DoubleEndedIterator<Item = &'static Flag> {
        COMMON.iter().chain(self.groups.iter().flat_map(|group| group.flags))
    }

    fn find(&self, name: &str) -> Option<&'static Flag> {
        self.flags().rev().find(|flag| flag.names.contains(&name))
    }

    fn long(&self, parsed: &mut Parsed, word: &str, rest: &mut std::slice::Iter<String>) -> Result<(), Stop> {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let (name, flag) = self.abbreviated(&parsed.prog, &format!("--{name}"))?;
        let value = match flag.takes {
            Takes::Nothing | Takes::NothingFalse if inline.is_some() => {
                return Err(self.wrong(&parsed.prog, &format!("{name} option does not take a value")));
            }
            Takes::Nothing | Takes::NothingFalse => None,
            _ => Some(match inline.or_else(|| rest.next().cloned()) {
                Some(value) => value,
                None => return Err(self.wrong(&parsed.prog, &format!("{name} option requires 1 argument"))),
            }),
        };
        self.store(parsed, &name, flag, value)
    }

    fn short(
        &self,
        parsed: &mut Parsed,
        word: &str,
        rest: &mut std::slice::Iter<String>,
    ) -> Result<(), Stop> {
        for (place, char) in word.char_indices().skip(1) {
            let name = format!("-{char}");
            let Some(flag) = self.find(&name) else {
                return Err(self.wrong(&parsed.prog, &format!("no such option: {name}")));
            };
            if matches!(flag.takes, Takes::Nothing | Takes::NothingFalse) {
                self.store(parsed, &name, flag, None)?;
                continue;
            }
            let inline = word.get(place + char.len_utf8()..).filter(|inline| !inline.is_empty());
            let Some(value) = inline.map(str::to_owned).or_else(|| rest.next().cloned()) else {
                return Err(self.wrong(&parsed.prog, &format!("{name} option requires 1 argument")));
            };
            return self.store(parsed, &name, flag, Some(value));
        }
        Ok(())
    }

    /// The flag that a long spelling, or its unambiguous beginning, means.
    fn abbreviated(&self, prog: &str, name: &str) -> Result<(String, &'static Flag), Stop> {
        if let Some(flag) = self.find(name) {
            return Ok((name.to_owned(), flag));
        }
        let mut meant: Vec<&'static str> = self
            .flags()
            .flat_map(|flag| flag.names)
            .copied()
            .filter(|long| long.starts_with(name) && long.starts_with("--"))
            .collect();
        sort::all(&mut meant);
        meant.dedup();
        match meant.as_slice() {
            [] => Err(self.wrong(prog, &format!("no such option: {name}"))),
            [one] => self
                .find(one)
                .map(|flag| ((*one).to_owned(), flag))
                .ok_or_else(|| self.wrong(prog, &format!("no such option: {name}"))),
            many => Err(self.wrong(prog, &format!("ambiguous option: {name} ({}?)", many.join(", ")))),
        }
    }

    fn store(
        &self,
        parsed: &mut Parsed,
        name: &str,
        flag: &'static Flag,
        value: Option<String>,
    ) -> Result<(), Stop> {
        // These end the reading: what comes after them is not looked at.
        match flag.dest {
            "help" => return Err(Stop::said(help::text(self, &parsed.prog))),
            "version" => return Err(Stop::said(help::version(&parsed.prog))),
            _ => {}
        }
        if let Some(value) = &value
            && let Some(complaint) = misfit(name, flag.takes, value)
        {
            return Err(self.wrong(&parsed.prog, &complaint));
        }
        match (flag.takes, value) {
            (Takes::NothingFalse, _) => {
                parsed.cleared.insert(flag.dest);
            }
            (_, Some(value)) => {
                parsed.values.insert(flag.dest, value);
            }
            (_, None) => {
                parsed.set.insert(flag.dest);
            }
        }
        Ok(())
    }

    /// The end of a program that was called wrongly: usage and one line, exit code 64.
    pub fn wrong(&self, prog: &str, complaint: &str) -> Stop {
        Stop::failed(Exit::USAGE, format!("Usage: {prog} {}\n\n{prog}: error: {complaint}\n", self.usage))
    }
}

fn misfit(name: &str, takes: Takes, value: &str) -> Option<String> {
    match takes {
        Takes::Int if value.trim().parse::<i64>().is_err() => {
            Some(format!("option {name}: invalid integer value: '{value}'"))
        }
        Takes::Float if value.trim().parse::<f64>().is_err() => {
            Some(format!("option {name}: invalid floating-point value: '{value}'"))
        }
        Takes::Choice(words) if !words.contains(&value) => {
            let listed: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            Some(format!("option {name}: invalid choice: '{value}' (choose from {})", listed.join(", ")))
        }
        _ => None,
    }
}

impl Parsed {
    /// Whether a flag that takes nothing was given.
    pub fn flag(&self, dest: &str) -> bool {
        self.set.contains(dest)
    }

    /// Whether a flag that turns something off was given.
    pub fn turned_off(&self, dest: &str) -> bool {
        self.cleared.contains(dest)
    }

    /// The value of an option, if it was given.
    pub fn text(&self, dest: &str) -> Option<&str> {
        self.values.get(dest).map(String::as_str)
    }

    /// The number of an option, if it was given.
    pub fn int(&self, dest: &str) -> Option<i64> {
        self.text(dest)?.trim().parse().ok()
    }

    /// The number of an option, if it was given.
    pub fn float(&self, dest: &str) -> Option<f64> {
        self.text(dest)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax = Syntax {
        usage: "[options] WORD",
        about: "",
        groups: &[Group {
            title: "",
            about: "",
            flags: &[
                Flag::value(&["-t", "--timeout"], "timeout", Takes::Int, "TIMEOUT", "Seconds."),
                Flag::value(
                    &["-l", "--log-level"],
                    "log_level",
                    Takes::Choice(&["info", "debug"]),
                    "L",
                    "L.",
                ),
                Flag::new(&["-v", "--verbose"], "verbose", "More."),
                Flag::new(&["-s", "--static"], "static", "Together."),
                Flag::off(&["--hide-timeout"], "show_timeout", "Less."),
                Flag::value(&["--log-file"], "log_file", Takes::Text, "F", "F."),
            ],
        }],
    };

    fn parse(line: &str) -> Result<Parsed, Stop> {
        SYNTAX.parse("prog", &line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_anywhere_between_the_words() {
        for line in
            ["-t 5 a b -v", "a -t5 b --verbose", "a b --timeout=5 -v", "-vt5 a b", "a --time 5 --verb b"]
        {
            let parsed = parse(line).expect(line);
            assert_eq!(parsed.words, ["a", "b"], "{line}");
            assert_eq!((parsed.int("timeout"), parsed.flag("verbose")), (Some(5), true), "{line}");
        }
        assert_eq!(parse("a -- -v --x").expect("words").words, ["a", "-v", "--x"]);
        assert_eq!(parse("a - b").expect("words").words, ["a", "-", "b"]);
        assert!(parse("--hide-timeout").expect("a flag").turned_off("show_timeout"));
    }

    #[test]
    fn help_and_version_end_the_reading() {
        for (line, exit) in [
            ("--version --nope", Exit::OK),
            ("a -h -t x", Exit::OK),
            ("-v --help --timeout", Exit::OK),
            ("--nope --version", Exit::USAGE),
            ("-t x -h", Exit::USAGE),
        ] {
            let stop = parse(line).expect_err(line);
            assert_eq!(stop.exit, exit, "{line}");
            assert_eq!(stop.stdout.is_empty(), exit == Exit::USAGE, "{line}");
        }
        let [version, help] =
            ["--version -h", "-h --version"].map(|line| parse(line).expect_err(line).stdout);
        assert!(version.lines().count() < help.lines().count());
    }

    #[test]
    fn mistakes_are_told_as_optparse_tells_them() {
        for (line, complaint) in [
            ("-x", "no such option: -x"),
            ("--nope", "no such option: --nope"),
            ("-t x", "option -t: invalid integer value: 'x'"),
            ("--timeout", "--timeout option requires 1 argument"),
            ("--verbose=1", "--verbose option does not take a value"),
            ("--log x", "ambiguous option: --log (--log-file, --log-level?)"),
            ("-l x", "option -l: invalid choice: 'x' (choose from 'info', 'debug')"),
        ] {
            let stop = parse(line).expect_err(line);
            assert_eq!(stop.exit, Exit::USAGE);
            assert_eq!(
                stop.stderr,
                format!("Usage: prog [options] WORD\n\nprog: error: {complaint}\n"),
                "{line}"
            );
        }
    }
}
