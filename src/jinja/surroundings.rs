//! What a template may ask of the world around it: files, Salt's functions, chance and time. Nothing else gets in.

use std::time::Duration;

use crate::value::{DateTime, Map, Value};

/// A file of the file server.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Where it lies; errors name it.
    pub path: String,
    pub text: String,
}

/// Why a Salt function gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// `SaltInvocationError` or `CommandExecutionError`: told as "Problem running salt function".
    Refused(String),
    /// Any other exception.
    Failed(String),
}

/// The world of a template. Everything has an answer for templates that need nothing.
pub trait Surroundings {
    /// The file at a path below the roots (`dir/file.jinja`), if there is one.
    fn source(&self, _path: &str) -> Option<SourceFile> {
        None
    }

    /// The path that was probably meant by one that is not there.
    fn source_near(&self, _path: &str) -> Option<String> {
        None
    }

    /// A large variable that every template sees (`opts`, `grains` …), which is not copied for each; those that are
    /// given to the render come before it.
    fn large(&self, _name: &str) -> Option<&Map> {
        None
    }

    /// The names of these variables.
    fn large_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether `salt` is there and has this function (`cmd.run`).
    fn has_function(&self, _name: &str) -> bool {
        false
    }

    /// The function that was probably meant by a name that `salt` does not have.
    fn function_near(&self, _name: &str) -> Option<String> {
        None
    }

    /// Whether `salt` has functions of this module (`cmd`).
    fn has_module(&self, _name: &str) -> bool {
        false
    }

    /// Calls a function that [`Surroundings::has_function`] knows. Arguments that the function changes, as
    /// `defaults.merge` does, are changed in place and seen by the template.
    ///
    /// # Errors
    /// When the function refuses or fails.
    fn call(&self, name: &str, _args: &mut Vec<Value>, _kwargs: &mut Map) -> Result<Value, CallFault> {
        Err(CallFault::Failed(format!("'{name}' is not available.")))
    }

    /// Whether a call of this function may change its arguments.
    fn changes_arguments(&self, _name: &str) -> bool {
        false
    }

    /// A filter that looks at the machine (`which`, `is_text_file`, `file_hashsum` …); `None` when that is not
    /// possible here.
    fn outside(&self, _filter: &str, _args: &[Value], _kwargs: &Map) -> Option<Result<Value, String>> {
        None
    }

    /// A random number.
    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        std::hash::RandomState::new().build_hasher().finish()
    }

    /// The local time of a moment, in seconds since 1970, or now.
    fn local_time(&self, _seconds: Option<f64>) -> Option<DateTime> {
        None
    }

    /// The processor time that this thread has used; `None` where that is not known.
    fn time_used(&self) -> Option<Duration> {
        None
    }

    /// A line for the log, with its level (`debug`, `profile`).
    fn log(&self, _level: &str, _text: &str) {}
}

/// No files and no functions.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Surroundings for Nothing {}
