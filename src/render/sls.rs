//! SLS files by their names: found with the file client, rendered to data. Salt: fileclient.py (`get_state`),
//! template.py (`compile_template`).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{RenderError, Source, render_from};
use crate::loader::{Context, Fault, FileClient};
use crate::value::{Map, Value};

/// SLS files and templates may be as large as this, in octets.
pub const MAX_TEMPLATE: u64 = 64 << 20;

/// Where an SLS file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlsFile {
    /// `salt://a/b.sls` or `salt://a/b/init.sls`.
    pub url: String,
    /// Where it lies on this machine.
    pub path: PathBuf,
}

/// What an SLS file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// A map as a rule; that it is one is for the caller to check. An empty file is an empty map.
    pub data: Value,
    pub file: SlsFile,
}

/// Finds `a.b` as `a/b.sls` or `a/b/init.sls` in an environment of the file server.
///
/// # Errors
/// When the file server cannot be asked.
pub fn find_sls(cx: &Context, sls: &str, saltenv: &str) -> Result<Option<SlsFile>, Fault> {
    find_sls_in(cx.minion.files(), sls, saltenv)
}

/// As [`find_sls`], among other files than the minion's.
///
/// # Errors
/// When they cannot be asked for.
pub fn find_sls_in(files: &dyn FileClient, sls: &str, saltenv: &str) -> Result<Option<SlsFile>, Fault> {
    let base = sls.replace('.', "/");
    let base = base.trim_start_matches('/');
    for url in [format!("salt://{base}.sls"), format!("salt://{base}/init.sls")] {
        if let Some(path) = files.get_url(&url, saltenv, None, true)? {
            return Ok(Some(SlsFile { url, path }));
        }
    }
    Ok(None)
}

/// Finds an SLS file and sends it through its renderers (those of the option `renderer`, unless its first line names
/// others). `variables` are for its templates, beside those that every template sees.
///
/// # Errors
/// [`RenderError::NoSuchSls`] when there is no such file; otherwise as [`super::render`].
pub fn sls(cx: &Context, sls: &str, saltenv: &str, variables: &Map) -> Result<Rendered, RenderError> {
    let file = find_sls(cx, sls, saltenv).map_err(|fault| RenderError::Fetch(fault.to_string()))?;
    let Some(file) = file else {
        return Err(RenderError::NoSuchSls { sls: sls.to_owned(), saltenv: saltenv.to_owned() });
    };
    let data = file_through_pipe(cx, &file.path, sls, saltenv, variables)?;
    Ok(Rendered { data, file })
}

/// A file of this machine through its renderers; `sls` is its name as SLS file, or an empty one.
///
/// # Errors
/// As [`super::render`], and when it cannot be read.
pub fn file_through_pipe(
    cx: &Context,
    path: &Path,
    sls: &str,
    saltenv: &str,
    variables: &Map,
) -> Result<Value, RenderError> {
    file_from(cx, cx.minion.files(), path, sls, saltenv, variables)
}

/// As [`file_through_pipe`], with templates that import from other files than the minion's.
///
/// # Errors
/// As [`file_through_pipe`].
pub fn file_from(
    cx: &Context,
    files: &dyn FileClient,
    path: &Path,
    sls: &str,
    saltenv: &str,
    variables: &Map,
) -> Result<Value, RenderError> {
    let text = read_template(path)?;
    let shown = path.to_string_lossy();
    let source = Source { text: &text, path: Some(&shown), saltenv, sls, variables };
    let default = cx.opts.str("renderer").unwrap_or("jinja|yaml");
    render_from(cx, files, &source, default)
}

/// The text of a template.
///
/// # Errors
/// When it cannot be read, is too large, or no UTF-8.
pub fn read_template(path: &Path) -> Result<String, RenderError> {
    let unreadable = |problem: String| RenderError::Unreadable { path: path.to_owned(), problem };
    let io = |error: std::io::Error| unreadable(error.to_string());
    let size = fs::metadata(path).map_err(io)?.len();
    if size > MAX_TEMPLATE {
        return Err(unreadable(format!("it has {size} octets; a template may have {MAX_TEMPLATE}")));
    }
    let mut octets = Vec::new();
    // It may grow while it is read.
    File::open(path).and_then(|file| file.take(MAX_TEMPLATE).read_to_end(&mut octets)).map_err(io)?;
    String::from_utf8(octets).map_err(|error| unreadable(format!("it is not UTF-8: {error}")))
}
