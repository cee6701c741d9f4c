//! The words of the command line: a command and `--name value` pairs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;

/// What was asked for.
pub struct Words(HashMap<String, String>);

impl Words {
    /// The command and its options.
    pub fn read(mut words: impl Iterator<Item = String>) -> anyhow::Result<(String, Self)> {
        let command = words.next().context("`keys` or `load`?")?;
        let mut options = HashMap::new();
        while let Some(name) = words.next() {
            let name = name.strip_prefix("--").with_context(|| format!("{name:?}: options begin with --"))?;
            let value = words.next().with_context(|| format!("--{name} needs a value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok((command, Words(options)))
    }

    /// A path that has to be given.
    pub fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.0.get(name).map(PathBuf::from).with_context(|| format!("--{name} is missing"))
    }

    /// A number; without a default it has to be given.
    pub fn number<T: FromStr>(&self, name: &str, default: Option<T>) -> anyhow::Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        match (self.0.get(name), default) {
            (Some(text), _) => text.parse().with_context(|| format!("--{name} {text}")),
            (None, Some(default)) => Ok(default),
            (None, None) => anyhow::bail!("--{name} is missing"),
        }
    }
}
