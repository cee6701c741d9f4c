//! `halite man DIR` writes manual pages, `halite completions SHELL` prints what makes a shell complete options: both
//! from the rows that the programs parse their command lines with.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::syntax::COMMON;
use super::{APPLETS, Applet, Call, Exit, Flag, Group, Syntax, Takes, print};

const SYNTAX: Syntax = Syntax {
    usage: "DIR",
    about: "Writes a manual page for each program into DIR: salt.1 and so on.",
    groups: &[],
};

const COMPLETIONS: Syntax = Syntax {
    usage: "bash|zsh|fish",
    about: "Prints a script that makes the shell complete the options of every program. For bash: halite completions \
            bash > /etc/bash_completion.d/halite; for zsh: into a file _halite of $fpath; for fish: into \
            ~/.config/fish/conf.d/halite.fish.",
    groups: &[],
};

/// Programs with their command lines.
fn programs() -> impl Iterator<Item = (&'static Applet, &'static Syntax)> {
    APPLETS.iter().filter_map(|applet| Some((applet, applet.syntax?)))
}

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let [dir] = parsed.words.as_slice() else {
        return Err(SYNTAX.wrong(&call.prog, "one directory is needed").into());
    };
    for (applet, syntax) in programs() {
        let path = Path::new(dir).join(format!("{}.1", applet.name));
        let text = page(applet, syntax);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::OK)
}

pub(super) fn completions(call: &Call) -> anyhow::Result<Exit> {
    let parsed = COMPLETIONS.parse(&call.prog, &call.words)?;
    let text = match parsed.words.as_slice() {
        [shell] if shell == "bash" => bash(),
        [shell] if shell == "zsh" => zsh(),
        [shell] if shell == "fish" => fish(),
        _ => return Err(COMPLETIONS.wrong(&call.prog, "one shell is needed: bash, zsh or fish").into()),
    };
    print(&text)?;
    Ok(Exit::OK)
}

/// A manual page in roff's `man` macros.
fn page(applet: &Applet, syntax: &Syntax) -> String {
    let name = roff(applet.name);
    let mut text = format!(
        ".TH {} 1 \"\" \"Halite {}\" \"Salt\"\n.SH NAME\n{name} \\- {}\n.SH SYNOPSIS\n.B {name}\n{}\n.SH \
         DESCRIPTION\n{}\n.SH OPTIONS\n",
        applet.name.to_uppercase(),
        env!("CARGO_PKG_VERSION"),
        roff(applet.about),
        roff(syntax.usage),
        roff(syntax.about)
    );
    let common = Group { title: "", about: "", flags: COMMON };
    for group in std::iter::once(&common).chain(syntax.groups) {
        if !group.title.is_empty() {
            text.push_str(&format!(".SS {}\n", roff(group.title)));
            if !group.about.is_empty() {
                text.push_str(&format!("{}\n", roff(group.about)));
            }
        }
        for flag in group.flags {
            let names: Vec<String> =
                flag.names.iter().map(|name| format!("\\fB{}\\fR", roff(name))).collect();
            let value =
                if takes_value(flag) { format!(" \\fI{}\\fR", roff(flag.metavar)) } else { String::new() };
            text.push_str(&format!(".TP\n{}{value}\n{}\n", names.join(", "), roff(flag.help)));
        }
    }
    text.push_str(
        ".SH FILES\n.TP\n/etc/salt/master, /etc/salt/minion\nThe configuration.\n.TP\n~/.saltrc\nOptions of your own.\n\
         .TP\nSaltfile, ~/.salt/Saltfile\nDefaults for command lines, by the name of the program.\n.SH \
         ENVIRONMENT\nSALT_CONFIG_DIR, SALT_MASTER_CONFIG, SALT_MINION_CONFIG, SALT_CLIENT_CONFIG, SALT_SALTFILE\n",
    );
    text
}

/// Text that roff prints as it is.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn takes_value(flag: &Flag) -> bool {
    !matches!(flag.takes, Takes::Nothing | Takes::NothingFalse)
}

fn bash() -> String {
    let mut text =
        "_halite() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prog=${1##*/} words=\n  [ \"$prog\" = halite ] \
                    && prog=${COMP_WORDS[1]}\n  case $prog in\n"
            .to_owned();
    let mut names = Vec::new();
    for (applet, syntax) in programs() {
        let words: Vec<&str> = syntax.flags().flat_map(|flag| flag.names).copied().collect();
        text.push_str(&format!("    {}) words=\"{}\" ;;\n", applet.name, words.join(" ")));
        names.push(applet.name);
    }
    let programs = names.join(" ");
    text.push_str(&format!(
        "  esac\n  if [ \"${{1##*/}}\" = halite ] && [ \"$COMP_CWORD\" = 1 ]; then words=\"{programs}\"; fi\n  case $cur \
         in\n    -*) ;;\n    *) [ \"$COMP_CWORD\" = 1 ] || words= ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \
         \"$cur\"))\n}}\ncomplete -o default -F _halite halite {programs}\n"
    ));
    text
}

fn zsh() -> String {
    let names: Vec<&str> = programs().map(|(applet, _)| applet.name).collect();
    let mut text = format!("#compdef {}\ncase $service in\n", names.join(" "));
    for (applet, syntax) in programs() {
        text.push_str(&format!("{})\n  _arguments \\\n", applet.name));
        for flag in syntax.flags() {
            let help = flag.help.replace('\'', "").replace('[', "(").replace(']', ")").replace(':', "\\:");
            let value = match flag.takes {
                Takes::Nothing | Takes::NothingFalse => String::new(),
                Takes::Choice(words) => format!(":{}:({})", flag.metavar, words.join(" ")),
                _ => format!(":{}:_files", flag.metavar),
            };
            for name in flag.names {
                let joined = if takes_value(flag) && name.starts_with("--") { "=" } else { "" };
                text.push_str(&format!("    '{name}{joined}[{help}]{value}' \\\n"));
            }
        }
        text.push_str("    '*:word:_files'\n  ;;\n");
    }
    text.push_str("esac\n");
    text
}

fn fish() -> String {
    let mut text = String::new();
    for (applet, syntax) in programs() {
        for flag in syntax.flags() {
            text.push_str(&format!("complete -c {}", applet.name));
            for name in flag.names {
                match name.strip_prefix("--") {
                    Some(long) => text.push_str(&format!(" -l {long}")),
                    None => text.push_str(&format!(" -s {}", name.trim_start_matches('-'))),
                }
            }
            match flag.takes {
                Takes::Nothing | Takes::NothingFalse => {}
                Takes::Choice(words) => text.push_str(&format!(" -x -a '{}'", words.join(" "))),
                _ => text.push_str(" -r"),
            }
            text.push_str(&format!(" -d '{}'\n", flag.help.replace('\\', "\\\\").replace('\'', "\\'")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_stands_in_pages_and_completions() {
        let (bash, zsh, fish) = (bash(), zsh(), fish());
        for (applet, syntax) in programs() {
            let page = page(applet, syntax);
            for flag in syntax.flags() {
                for name in flag.names {
                    assert!(page.contains(&format!("\\fB{}\\fR", roff(name))), "{} {name}", applet.name);
                    assert!(
                        bash.contains(name) && zsh.contains(&format!("'{name}")),
                        "{} {name}",
                        applet.name
                    );
                }
            }
            assert!(fish.contains(&format!("complete -c {} -l version", applet.name)));
            assert!(!page.contains("\n\n"), "{}: an empty line is a request in roff", applet.name);
        }
    }

    /// What Salt 3006.25 has, and what takes a value; recorded by `tests/golden/options/record.py`.
    #[test]
    fn every_option_of_salt_is_known_under_its_names() {
        let recorded = include_str!("../../tests/golden/options/options.txt");
        for line in recorded.lines() {
            let mut words = line.split(' ');
            let (prog, dest, value) = (words.next(), words.next(), words.next());
            let (prog, dest, value) = (prog.expect("prog"), dest.expect("dest"), value.expect("value"));
            let (_, syntax) = programs().find(|(applet, _)| applet.name == prog).expect(prog);
            for name in words {
                let flag = syntax.flags().rev().find(|flag| flag.names.contains(&name));
                let flag = flag.unwrap_or_else(|| panic!("{prog} has no {name}"));
                assert_eq!(takes_value(flag), value == "value", "{prog} {name}");
                // A target option is named here as its `tgt_type`.
                if dest != "-" && dest != "pillar_target" {
                    assert_eq!(flag.dest, dest, "{prog} {name}");
                }
            }
        }
    }
}
