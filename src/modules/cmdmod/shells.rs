//! Which shells there are, and in which versions. Salt: modules/cmdmod.py (`shells`, `shell_info`).

use crate::patterns::{PySearch, regex_flags as flags};
use std::fs;
use std::time::Duration;

use super::which;
use crate::host::Command;
use crate::loader::{Args, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Map, Value};

/// The lines of `/etc/shells` that are not comments.
pub(super) fn shells(_: &Context, _: &Args) -> Result<Value, Fault> {
    let text = fs::read_to_string("/etc/shells").unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(Value::list(lines))
}

/// What finds the version in the output of which command, by shell.
static KNOWN: &[(&str, &str, &[&str])] = &[
    ("bash", r"version (\d\S*)", &["bash", "--version"]),
    ("bash-test-env", "(HOME=.*)", &["bash", "-c", "declare"]),
    ("bash-test-error", r"versioZ ([-\w.]+)", &["bash", "--version"]),
    ("cmd", r"Version ([\d.]+)", &["cmd.exe", "/C", "ver"]),
    ("perl", r"^(\d\S*)", &["perl", "-e", "printf \"%vd\n\", $^V;"]),
    ("php", r"^PHP (\d\S*)", &["php", "-v"]),
    ("powershell", r"PSVersion\s+(\d\S*)", &["powershell", "-NonInteractive", "$PSVersionTable"]),
    ("python", r"^Python (\d\S*)", &["python", "-V"]),
    ("ruby", r"^ruby (\d\S*)", &["ruby", "-v"]),
    ("tcsh", r"^tcsh (\d\S*)", &["tcsh", "--version"]),
    ("zsh", r"^zsh (\d\S*)", &["zsh", "--version"]),
];

/// `{installed, path, version, version_raw}`, or `{installed, error}`.
pub(super) fn shell_info(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let shell = args.str("shell")?;
    let Some((_, pattern, words)) = KNOWN.iter().find(|(name, ..)| *name == shell) else {
        let error = format!("Salt does not know how to get the version number for {shell}");
        return Ok(map! { "error" => error, "installed" => Value::Null }.into());
    };
    let (program, rest) = words.split_first().unwrap_or((&"", &[]));
    let command = Command {
        merge_stderr: true,
        timeout: Some(Duration::from_secs(10)),
        ..Command::new(*program, rest.iter().copied())
    };
    let failed = |reason: String| -> Value {
        let error = format!("Unable to run command '{}' Reason: {reason}", words.join(" "));
        map! { "error" => error, "installed" => false }.into()
    };
    let output = match cx.host.run(&command) {
        Ok(output) if output.timed_out => return Ok(failed("Timed out.".to_owned())),
        Ok(output) => output,
        Err(error) => return Ok(failed(os_error_text(&error, program))),
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found = map! { "installed" => Value::Null, "path" => which::find(cx, program) };
    if let Some(raw) = first_group(pattern, &printed) {
        found.insert("version_raw", raw.as_str());
        add_version(&mut found, &raw);
    }
    if !found.contains("version") {
        let error = format!("The version regex pattern for shell {shell}, could not find the version string");
        found.insert("error", error);
        found.insert("stdout", printed);
    }
    Ok(found.into())
}

fn first_group(pattern: &str, text: &str) -> Option<String> {
    let found = PySearch::new(pattern, flags::IGNORECASE).ok()?.captures(text, 0).ok()??;
    Some(found.get(1)?.as_str().to_owned())
}

/// The first three numbers; at least two.
fn add_version(found: &mut Map, raw: &str) {
    let version: String = raw.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect();
    if version.is_empty() {
        // Salt quirk: 3006.25 cmdmod.py leaves what it began with.
        found.insert("installed", false);
        return;
    }
    let mut parts: Vec<&str> = version.split('.').take(3).collect();
    if parts.len() == 1 {
        parts.push("0");
    }
    found.insert("installed", true);
    found.insert("version", parts.join("."));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_two_or_three_parts() {
        let check = |raw: &str, expected: &str| {
            let mut found = Map::new();
            add_version(&mut found, raw);
            assert_eq!(found.str("version"), Some(expected));
        };
        check("5.2.15(1)-release", "5.2.15");
        check("7", "7.0");
        check("1.2.3.4", "1.2.3");
    }
}
