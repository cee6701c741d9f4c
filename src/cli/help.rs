//! What `--help`, `--version` and `--versions-report` print, made from the rows of [`Syntax`].

use crate::names::SALT_VERSION;

use super::syntax::{COMMON, Flag, Syntax, Takes};

const WIDTH: usize = 80;
const HELP_COLUMN: usize = 24;

/// `salt 3006.25 (Halite 0.1.0)`: the second word is a version that scripts made for Salt understand.
pub(super) fn version(prog: &str) -> String {
    format!("{prog} {SALT_VERSION} (Halite {})\n", env!("CARGO_PKG_VERSION"))
}

/// What `--versions-report` prints.
pub(super) fn versions_report() -> String {
    format!(
        "Halite: {}\nCompatible with Salt: {SALT_VERSION} and 3007.14 (wire protocol 3)\nTarget: {}-{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
}

/// The whole help of a program.
pub(super) fn text(syntax: &Syntax, prog: &str) -> String {
    let mut text = format!("Usage: {prog} {}\n", syntax.usage);
    if !syntax.about.is_empty() {
        text.push_str(&format!("\n{}\n", fill(syntax.about, 0)));
    }
    text.push_str("\nOptions:\n");
    for flag in COMMON {
        flag_lines(&mut text, flag, 2);
    }
    for group in syntax.groups {
        let indent = if group.title.is_empty() { 2 } else { 4 };
        if !group.title.is_empty() {
            text.push_str(&format!("\n  {}:\n", group.title));
        }
        if !group.about.is_empty() {
            text.push_str(&format!("{}\n\n", fill(group.about, indent)));
        }
        for flag in group.flags {
            flag_lines(&mut text, flag, indent);
        }
    }
    text
}

fn flag_lines(text: &mut String, flag: &Flag, indent: usize) {
    let spelling = |name: &&str| match flag.takes {
        Takes::Nothing | Takes::NothingFalse => (*name).to_owned(),
        _ if name.starts_with("--") => format!("{name}={}", flag.metavar),
        _ => format!("{name} {}", flag.metavar),
    };
    let names = flag.names.iter().map(spelling).collect::<Vec<_>>().join(", ");
    let left = format!("{:indent$}{names}", "");
    let right = fill(flag.help, HELP_COLUMN);
    if left.chars().count() + 2 <= HELP_COLUMN {
        text.push_str(&format!("{left:<HELP_COLUMN$}{}\n", right.trim_start()));
    } else {
        text.push_str(&format!("{left}\n{right}\n"));
    }
}

/// Text in lines of at most 80 columns, each behind `indent` spaces.
fn fill(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && indent + line + 1 + word.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{:indent$}{line}", "")).collect::<Vec<_>>().join("\n")
}
