//! The world of a template on a minion: files of the file server, and functions by their names.

use super::read_template;
use crate::jinja::{CallFault, Nothing, SourceFile, Surroundings};
use crate::loader::{Call, Context, Fault, FileClient};
use crate::value::{DateTime, Map, Value};

pub(super) struct Around<'a, 'c> {
    pub cx: &'a Context<'c>,
    /// Where imported files come from.
    pub files: &'a dyn FileClient,
    pub saltenv: &'a str,
}

impl Surroundings for Around<'_, '_> {
    fn source(&self, path: &str) -> Option<SourceFile> {
        // Salt: an absolute path is that of a file of this machine, whatever the file server has.
        if path.starts_with('/')
            && let Ok(text) = read_template(std::path::Path::new(path))
        {
            return Some(SourceFile { path: path.to_owned(), text });
        }
        let url = format!("salt://{path}");
        let file = match self.files.get_url(&url, self.saltenv, None, true) {
            Ok(file) => file?,
            Err(error) => {
                tracing::error!(%url, %error, "a template could not be fetched");
                return None;
            }
        };
        let text = read_template(&file)
            .inspect_err(|error| tracing::error!(%url, %error, "a template cannot be read"))
            .ok()?;
        Some(SourceFile { path: file.display().to_string(), text })
    }

    fn has_function(&self, name: &str) -> bool {
        self.cx.registry.function(self.cx, name).is_ok()
    }

    fn has_module(&self, name: &str) -> bool {
        self.cx.registry.available(self.cx).any(|module| module.provides == name)
    }

    fn random(&self) -> u64 {
        self.cx.set_changeable();
        Nothing.random()
    }

    fn call(&self, name: &str, args: &mut Vec<Value>, kwargs: &mut Map) -> Result<Value, CallFault> {
        if !is_steady(name) {
            self.cx.set_changeable();
        }
        let call = Call { args: std::mem::take(args), kwargs: std::mem::take(kwargs) };
        self.cx.call(name, call).map_err(|fault| match fault {
            Fault::Invocation(_) | Fault::Execution { .. } | Fault::NotFound(_) => {
                CallFault::Refused(fault.to_string())
            }
            Fault::Exception { text, .. } => CallFault::Failed(text),
            other => CallFault::Failed(other.to_string()),
        })
    }

    fn local_time(&self, seconds: Option<f64>) -> Option<DateTime> {
        let Some(seconds) = seconds else {
            self.cx.set_changeable();
            return Some(self.cx.host.now());
        };
        if !(-6e10..2.5e11).contains(&seconds) {
            return None;
        }
        let moment = jiff::Timestamp::from_microsecond((seconds * 1e6) as i64).ok()?;
        Some(moment.to_zoned(jiff::tz::TimeZone::system()).datetime())
    }

    fn log(&self, level: &str, text: &str) {
        tracing::debug!(level, "{text}");
    }
}

/// Functions that give the same for the same arguments, grains and pillar.
fn is_steady(name: &str) -> bool {
    const STEADY: [&str; 22] = [
        "config.get",
        "config.option",
        "defaults.deepcopy",
        "defaults.merge",
        "defaults.update",
        "grains.fetch",
        "grains.filter_by",
        "grains.get",
        "grains.has_value",
        "grains.item",
        "hashutil.base64_b64decode",
        "hashutil.base64_b64encode",
        "hashutil.digest",
        "match.compound",
        "match.glob",
        "match.grain",
        "pillar.filter_by",
        "pillar.get",
        "slsutil.merge",
        "slsutil.merge_all",
        "slsutil.update",
        "test.echo",
    ];
    STEADY.binary_search(&name).is_ok()
}
