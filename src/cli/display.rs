//! Where results go: standard output, or the file of `--out-file`. Salt: output/__init__.py (`display_output`).

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;

use crate::config::Opts;
use crate::output::{OutputOptions, printed, render};
use crate::value::Value;

/// Prints results as the options say.
pub struct Display {
    pub options: OutputOptions,
    file: Option<PathBuf>,
}

impl Display {
    /// Reads the options; an `--out-file` that is there is emptied unless it is to be appended to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(opts: &Opts) -> anyhow::Result<Self> {
        let file = Some(opts.str("output_file")).filter(|file| !file.is_empty()).map(PathBuf::from);
        if let Some(path) = file.as_ref().filter(|path| path.is_file())
            && !opts.bool("output_file_append")
        {
            File::create(path).with_context(|| format!("{}: Access denied", path.display()))?;
        }
        let options = OutputOptions::from_opts(opts.as_map(), io::stdout().is_terminal());
        Ok(Display { options, file })
    }

    /// Shows a value as the outputter `out` (or the one that the user wants) has it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn show(&self, value: &Value, out: Option<&str>, retcode: i64) -> anyhow::Result<()> {
        let text = render(out, value, &self.options.clone().with_retcode(retcode));
        self.write(&printed(&text).unwrap_or_default())
    }

    /// Writes text that was made by an outputter.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let Some(path) = &self.file else { return Ok(super::print(text)?) };
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot open the output file {}", path.display()))?;
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write to {}", path.display()))
    }
}
