//! `pam`: the accounts of the master's host, by PAM with its account check. Salt: auth/pam.py. We link no C library, so a
//! program asks PAM: Python with ctypes (as Salt does with the option `auth.pam.python`), or `unix_chkpwd`, which comes
//! with PAM and knows the accounts of `pam_unix` alone.
//!
//! Options: `auth.pam.service` (login), `auth.pam.python` (python3).

use std::path::Path;
use std::time::Duration;

use super::{Backend, Login};
use crate::host::{Command, Host, Output, RealHost};
use crate::value::Map;

pub(super) static BACKEND: Backend =
    Backend { name: "pam", check: |opts, login| check(&RealHost, opts, login), groups };

const PATIENCE: Duration = Duration::from_secs(60);

/// What the script says when there is no PAM that it could ask.
const NO_PAM: i64 = 3;

/// Reads service, user and password; ends with 0, 1 (refused) or [`NO_PAM`].
const SCRIPT: &str = include_str!("pam_ask.py");

const CHKPWD: [&str; 2] = ["/usr/sbin/unix_chkpwd", "/sbin/unix_chkpwd"];

fn check(host: &dyn Host, opts: &Map, login: Login<'_>) -> Result<bool, String> {
    if login.username.is_empty() || login.username.contains('\0') || login.password.contains('\0') {
        return Ok(false);
    }
    let option = |name: &str, default: &str| {
        opts.str(name).filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
    };
    let service = option("auth.pam.service", "login");
    let asked = format!("{service}\0{}\0{}", login.username, login.password);
    let python = option("auth.pam.python", "python3");
    match run(host, &python, &["-I", "-c", SCRIPT], asked) {
        Ok(output) if output.code == 0 => return Ok(true),
        Ok(output) if output.code == 1 && output.stderr.is_empty() => return Ok(false),
        Ok(output) if output.code == NO_PAM => crate::log::debug!("{python} finds no libpam.so.0"),
        Ok(output) => crate::log::warn!(
            "{python} could not ask PAM (exit code {}): {}",
            output.code,
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => crate::log::debug!("{python}: {error}"),
    }
    let Some(program) = CHKPWD.into_iter().find(|path| Path::new(path).exists()) else {
        return Err(format!(
            "external_auth pam asks PAM through {python} (the option auth.pam.python) or unix_chkpwd, and neither works \
             here: install python3 or PAM's own programs"
        ));
    };
    let ask = |what: &str, password: String| {
        let output = run(host, program, &[login.username, what], password);
        output.map(|output| output.code == 0).map_err(|error| format!("{program}: {error}"))
    };
    Ok(ask("nonull", format!("{}\0", login.password))? && ask("chkexpiry", String::new())?)
}

/// Groups of the host, the primary one among them.
fn groups(username: &str) -> Vec<String> {
    let Some(user) = RealHost.user(username) else { return Vec::new() };
    RealHost.groups_of(&user).into_iter().map(|group| group.name).collect()
}

fn run(host: &dyn Host, program: &str, args: &[&str], stdin: String) -> std::io::Result<Output> {
    let command = Command::new(program, args.iter().copied());
    host.run(&Command { stdin: Some(stdin.into_bytes()), timeout: Some(PATIENCE), ..command })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn no_password_opens_an_account_that_is_not_there() {
        let ask = |username, password| check(&RealHost, &Map::new(), Login { username, password });
        // Whether PAM or its programs are here at all is the host's affair: nobody gets in either way.
        for (username, password) in
            [("no-such-user-here", "x"), ("root", "surely not this"), ("", ""), ("a\0b", "x")]
        {
            assert!(!matches!(ask(username, password), Ok(true)), "{username}");
        }
    }

    #[test]
    fn an_interpreter_decides_by_its_exit_code() {
        let folder = std::env::temp_dir().join(format!("halite-pam-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let ask = |name: &str, script: &str| {
            let path = folder.join(name);
            let text = format!("#!/bin/sh\n{script}\n");
            crate::host::write_atomic(&path, text.as_bytes(), 0o755, Default::default()).expect("written");
            let opts = map! { "auth.pam.python" => path.display().to_string(), "auth.pam.service" => "salt" };
            check(&RealHost, &opts, Login { username: "fred", password: "p w" })
        };
        let compare = "[ \"$(tr '\\000' '|')\" = 'salt|fred|p w' ] || exit 1";
        assert_eq!(ask("yes", compare), Ok(true));
        assert_eq!(ask("no", "exit 1"), Ok(false));
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
