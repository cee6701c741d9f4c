//! A Saltfile: defaults for command lines, by the name of the program. Salt: utils/parsers.py (`SaltfileMixIn`).
//!
//! The file of `--saltfile`, else of `SALT_SALTFILE`, else `Saltfile` here, else `~/.salt/Saltfile`.

use std::fs;
use std::path::PathBuf;

use super::config_files::home;
use super::syntax::{Parsed, Syntax};
use super::{Exit, Stop};
use crate::value::{Value, yaml};

/// Gives `parsed` what the Saltfile has for this program and the command line does not.
///
/// # Errors
/// When the file that was named is not there, or a file is none.
pub(super) fn merge(syntax: &Syntax, parsed: &mut Parsed) -> Result<(), Stop> {
    let Some(path) = find(parsed.text("saltfile")) else { return Ok(()) };
    let wrong = |text: &str| syntax.wrong(&parsed.prog, text);
    if !path.is_file() {
        return Err(wrong(&format!("'{}' file does not exist.\n", path.display())));
    }
    let name = path.display().to_string();
    let text = fs::read_to_string(&path)
        .map_err(|error| Stop::failed(Exit::GENERIC, format!("{}: {name}: {error}\n", parsed.prog)))?;
    let whole = yaml::load(&text, &name)
        .map_err(|error| wrong(&format!("Error parsing configuration file: {name} - {error}")))?;
    let Some(own) = whole.get(&parsed.prog).and_then(Value::as_map) else { return Ok(()) };
    for (key, value) in own {
        if let Some(flag) = key.as_str().and_then(|key| syntax.flags().rev().find(|flag| flag.dest == key)) {
            syntax.default(parsed, flag, value)?;
        }
    }
    Ok(())
}

fn find(named: Option<&str>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named).filter(|path| !path.is_empty()).map(PathBuf::from);
    }
    if let Some(named) = std::env::var_os("SALT_SALTFILE") {
        return Some(named).filter(|path| !path.is_empty()).map(PathBuf::from);
    }
    let own = PathBuf::from(home()).join(".salt/Saltfile");
    [PathBuf::from("Saltfile"), own].into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Flag, Group, Takes, options};

    const SYNTAX: Syntax = Syntax {
        usage: "WORD",
        about: "",
        groups: &[Group {
            title: "",
            about: "",
            flags: &[
                options::SALTFILE,
                options::CONFIG_DIR,
                options::TIMEOUT,
                Flag::new(&["-v"], "verbose", ""),
                Flag::off(&["--hide-timeout"], "show_timeout", ""),
                Flag::value(&["--subset"], "subset", Takes::Int, "N", ""),
            ],
        }],
    };

    #[test]
    fn the_command_line_has_the_last_word_over_a_saltfile() {
        let file = std::env::temp_dir().join(format!("halite-saltfile-{}", std::process::id()));
        let text = "salt:\n  config_dir: /somewhere\n  timeout: 9\n  verbose: true\n  show_timeout: false\nsalt-key:\n  \
                    config_dir: /elsewhere\n";
        fs::write(&file, text).expect("written");
        let words = |more: &[&str]| -> Vec<String> {
            let file = file.display().to_string();
            ["--saltfile", &file].iter().chain(more).map(|word| (*word).to_owned()).collect()
        };
        let parsed = SYNTAX.parse("salt", &words(&["-t", "3"])).expect("parsed");
        assert_eq!((parsed.text("config_dir"), parsed.int("timeout")), (Some("/somewhere"), Some(3)));
        assert!(parsed.flag("verbose") && parsed.turned_off("show_timeout"));
        let parsed = SYNTAX.parse("salt-key", &words(&[])).expect("parsed");
        assert_eq!((parsed.text("config_dir"), parsed.flag("verbose")), (Some("/elsewhere"), false));
        fs::write(&file, "salt:\n  subset: many\n").expect("written");
        let stop = SYNTAX.parse("salt", &words(&[])).expect_err("no number");
        assert!(stop.stderr.contains("option subset: invalid integer value: 'many'"), "{}", stop.stderr);
        fs::remove_file(&file).expect("removed");
        let stop = SYNTAX.parse("salt", &words(&[])).expect_err("no such file");
        assert!(stop.stderr.contains("file does not exist."), "{}", stop.stderr);
    }
}
