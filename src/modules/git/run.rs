//! Running `git`: where, as whom, with which key, and what becomes of a failure. Salt: modules/git.py.

use std::path::Path;

use crate::loader::shlex;
use crate::loader::{Args, Context, Fault, Ran};
use crate::map;
use crate::value::{Map, Value, redacted_url, str_of};

/// How the functions of a call run `git`.
pub(super) struct Git<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    pub(super) cwd: Option<String>,
    home: String,
    merged: bool,
}

/// Options as words: a list, or a line as for a shell.
///
/// # Errors
/// When the line ends within quotes.
pub(super) fn options(args: &Args, name: &str) -> Result<Vec<String>, Fault> {
    match args.get(name) {
        Value::List(items) => Ok(items.iter().map(str_of).collect()),
        Value::Null => Ok(Vec::new()),
        other => {
            let mut words = shlex::split(&str_of(other))?;
            if words.last().is_some_and(|word| word == "--") {
                words.pop();
            }
            Ok(words)
        }
    }
}

/// Puts a value at the end of the list under `key`.
pub(super) fn push(map: &mut Map, key: &str, value: impl Into<Value>) {
    if let Value::List(items) = map.entry(key, || Value::List(Vec::new())) {
        items.push(value.into());
    }
}

/// A URL with user and password.
///
/// # Errors
/// When it is no https.
pub(super) fn with_login(url: &str, user: &Value, password: &Value) -> Result<String, Fault> {
    if user.is_null() && password.is_null() {
        return Ok(url.to_owned());
    }
    let Some(rest) = url.strip_prefix("https://") else {
        return Err(Fault::invocation("Basic Auth only supported for HTTPS"));
    };
    let password = if password.is_null() { String::new() } else { format!(":{}", str_of(password)) };
    Ok(format!("https://{}{password}@{rest}", str_of(user)))
}

/// Text without the passwords of its URLs.
pub(super) fn redacted(text: &str) -> String {
    text.split_inclusive(['\n', ' ', '\'']).map(redacted_url).collect()
}

impl<'a, 'c> Git<'a, 'c> {
    /// # Errors
    /// When an argument is no text.
    pub(super) fn of(cx: &'a Context<'c>, args: &'a Args) -> Result<Self, Fault> {
        let home = || {
            let told = args.given("user").filter(|user| user.truthy()).map(str_of);
            match told {
                Some(user) => cx.host.user(&user).map(|user| user.home),
                None => cx.host.env("HOME"),
            }
        };
        let cwd = args.opt_str("cwd")?.map(|cwd| {
            if cwd.starts_with('/') {
                cwd
            } else {
                Path::new(&home().unwrap_or_default()).join(cwd).display().to_string()
            }
        });
        Ok(Git { cx, args, cwd, home: home().unwrap_or_default(), merged: false })
    }

    /// A path as seen from the home of who runs it.
    pub(super) fn absolute(&self, path: String) -> String {
        if path.starts_with('/') { path } else { Path::new(&self.home).join(path).display().to_string() }
    }

    /// What goes to stderr counts as printed.
    pub(super) fn merged(mut self) -> Self {
        self.merged = true;
        self
    }

    /// Runs it with options of git before the verb.
    ///
    /// # Errors
    /// When it cannot be started, or no key lets in.
    pub(super) fn ran(&self, verb: &str, words: &[String]) -> Result<Ran, Fault> {
        let identities: Vec<String> = match self.args.get("identity") {
            Value::Null => Vec::new(),
            Value::List(items) => items.iter().map(str_of).collect(),
            other => vec![str_of(other)],
        };
        if identities.is_empty() {
            return self.once(verb, words, None);
        }
        let (mut errors, mut missing) = (Vec::new(), Vec::new());
        for identity in identities {
            let path = if identity.contains("salt://") {
                let asked = [identity.as_str().into(), self.args.get("saltenv").clone()];
                str_of(&self.cx.ask("cp.cache_file", &asked)?)
            } else {
                identity.clone()
            };
            if !Path::new(&path).is_file() {
                missing.push(identity);
                continue;
            }
            let ran = self.once(verb, words, Some(&path))?;
            if ran.ok() {
                return Ok(ran);
            }
            let error = if self.merged { ran.stdout } else { ran.stderr };
            errors.push(redacted(&error));
        }
        let mut text = format!("Unable to authenticate using identity file:\n\n{}", errors.join("\n"));
        if !missing.is_empty() {
            text += if errors.is_empty() { "" } else { "\n\n" };
            text += &format!("The following identity file(s) were not found: {}", missing.join(", "));
        }
        Err(Fault::execution(text))
    }

    fn once(&self, verb: &str, words: &[String], identity: Option<&str>) -> Result<Ran, Fault> {
        let mut command = self.command(verb)?;
        command.extend_from_slice(words);
        let mut asked = map! { "ignore_retcode" => self.args.get("ignore_retcode").clone() };
        if self.merged {
            asked.insert("redirect_stderr", true);
        }
        asked.extend(self.cwd.as_deref().map(|cwd| ("cwd", Value::from(cwd))));
        asked.extend(self.args.given("user").map(|user| ("runas", user.clone())));
        if let Some(path) = identity {
            let ssh = "ssh -oStrictHostKeyChecking=no -oPasswordAuthentication=no -oKbdInteractiveAuthentication=no";
            let quoted = path.replace('\'', "'\\''");
            asked.insert("env", map! { "GIT_SSH_COMMAND" => format!("{ssh} -i '{quoted}'") });
        }
        self.cx.program_with(&command, asked)
    }

    fn command(&self, verb: &str) -> Result<Vec<String>, Fault> {
        let mut command = vec!["git".to_owned()];
        command.extend(options(self.args, "git_opts")?);
        command.push(verb.to_owned());
        Ok(command)
    }

    /// What it prints.
    ///
    /// # Errors
    /// When it cannot be started, or fails: `Command 'git …' failed: …`.
    pub(super) fn printed(&self, verb: &str, words: &[String]) -> Result<Value, Fault> {
        Ok(self.succeeded(verb, words)?.stdout.into())
    }

    /// Runs it, and it succeeds.
    ///
    /// # Errors
    /// As [`Git::printed`].
    pub(super) fn succeeded(&self, verb: &str, words: &[String]) -> Result<Ran, Fault> {
        let ran = self.ran(verb, words)?;
        if ran.ok() {
            return Ok(ran);
        }
        let mut command = self.command(verb)?;
        command.extend_from_slice(words);
        let mut text = format!("Command '{}' failed", redacted(&command.join(" ")));
        let error = if self.merged { ran.stdout } else { ran.stderr };
        if !error.is_empty() {
            text += &format!(": {}", redacted(&error));
        }
        Err(Fault::execution(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            redacted("git clone -- https://me:secret@host/x /y"),
            "git clone -- https://<redacted>@host/x /y"
        );
        let url = with_login("https://host/x", &"me".into(), &"pw".into()).expect("https");
        assert_eq!(url, "https://me:pw@host/x");
        assert!(with_login("http://host/x", &"me".into(), &Value::Null).is_err());
    }
}
