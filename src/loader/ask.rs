//! How functions ask each other: by name, with few words; and how they run programs. Salt: `__salt__[…](…)`.

use super::{Call, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// What a program did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    pub retcode: i64,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.retcode == 0
    }
}

impl Context<'_> {
    /// Calls a function with positional arguments.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub fn ask(&self, fun: &str, args: &[Value]) -> Result<Value, Fault> {
        self.call(fun, Call { args: args.to_vec(), kwargs: Map::new() })
    }

    /// Calls a function with positional and keyword arguments.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub fn ask_with(&self, fun: &str, args: &[Value], kwargs: Map) -> Result<Value, Fault> {
        self.call(fun, Call { args: args.to_vec(), kwargs })
    }

    /// Whether there is such a function here (`"x.y" in __salt__`).
    pub fn offers(&self, fun: &str) -> bool {
        self.registry.function(self, fun).is_ok()
    }

    /// Runs a program, word by word, by `cmd.run_all`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn program(&self, words: &[String]) -> Result<Ran, Fault> {
        self.program_with(words, Map::new())
    }

    /// As [`Context::program`], with further options of `cmd.run_all`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn program_with(&self, words: &[String], mut options: Map) -> Result<Ran, Fault> {
        options.entry("python_shell", || false.into());
        self.run_all(Value::list(words), options)
    }

    /// Runs a line by the shell, by `cmd.run_all`.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn shell_line(&self, line: &str) -> Result<Ran, Fault> {
        self.run_all(line.into(), map! { "python_shell" => true })
    }

    fn run_all(&self, command: Value, options: Map) -> Result<Ran, Fault> {
        let ran = self.ask_with("cmd.run_all", &[command], options)?;
        let text = |key: &str| ran.get(key).map(str_of).unwrap_or_default();
        Ok(Ran {
            retcode: ran.get("retcode").and_then(Value::as_int).unwrap_or(1),
            stdout: text("stdout"),
            stderr: text("stderr"),
        })
    }

    /// The path of a program, by `cmd.which`.
    pub fn which(&self, name: &str) -> Option<String> {
        self.ask("cmd.which", &[name.into()]).ok().filter(Value::truthy).map(|path| str_of(&path))
    }

    /// What a message goes on with that does not find a file or directory of the file server: the one that was probably
    /// meant. Not in Salt.
    pub fn near_source(&self, url: &str, saltenv: &str) -> String {
        let path = url.trim_start_matches("salt://").split('?').next().unwrap_or_default();
        let near = self.minion.files().near(path, saltenv);
        near.map(|near| format!("\ndid you mean 'salt://{near}'?")).unwrap_or_default()
    }

    /// Text of a grain, or an empty one.
    pub fn grain(&self, name: &str) -> &str {
        self.grains.map().str(name).unwrap_or_default()
    }
}
