//! Renderer pipes: a text through `jinja`, `yaml`, `json` and others to data or text. Salt: template.py, renderers/.

mod gpg;
mod mistake;
mod pipe;
mod py;
mod sls;
mod surroundings;
mod variables;

use std::path::PathBuf;

use thiserror::Error;

pub use gpg::decrypt;
pub use mistake::{Place, did_you_mean};
pub use pipe::{Step, names, pipe};
pub use sls::{Rendered, SlsFile, file_from, file_through_pipe, find_sls, find_sls_in, read_template, sls};
pub use variables::{jinja_options, sls_variables};

use crate::jinja::{self, Places};
use crate::loader::{Context, FileClient};
use crate::value::{Map, Value, msgpack, toml, yaml};
use surroundings::Around;
use variables::own_variables;

/// What is to be rendered.
pub struct Source<'a> {
    pub text: &'a str,
    /// Where the file lies; `None` for text that came as an argument.
    pub path: Option<&'a str>,
    pub saltenv: &'a str,
    /// The SLS name (`web.nginx`), or an empty one.
    pub sls: &'a str,
    /// More variables for templates.
    pub variables: &'a Map,
}

/// Why nothing could be made of a text.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A renderer of the pipe that is not offered; nothing of the pipe is run.
    #[error(
        "the renderer '{0}' is not supported by Halite; jinja, yaml, json, text, gpg, msgpack, toml and py are"
    )]
    NotSupported(String),
    /// An argument that a renderer does not take.
    #[error("Unknown renderer option: {0}")]
    Option(String),
    /// The template is wrong or fails.
    #[error("{0}")]
    Jinja(#[from] jinja::Error),
    /// The rendered text is no YAML: what is wrong in Salt's words, and where in the file.
    #[error("{text}")]
    Yaml { text: String, place: Place },
    /// The rendered text is no JSON.
    #[error("{0}")]
    Json(String),
    /// The text is no msgpack.
    #[error("{0}")]
    Msgpack(String),
    /// The text is no TOML.
    #[error("{0}")]
    Toml(String),
    /// A Python program that fails, or cannot be run.
    #[error("{0}")]
    Py(String),
    /// A secret that cannot be opened.
    #[error("{0}")]
    Gpg(String),
    /// There is no SLS file of that name.
    #[error("No matching sls found for '{sls}' in env '{saltenv}'")]
    NoSuchSls { sls: String, saltenv: String },
    /// The file server could not be asked.
    #[error("{0}")]
    Fetch(String),
    /// A file that cannot be a template.
    #[error("{}: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: String },
    /// A renderer for text came after one that makes data.
    #[error("the renderer '{0}' works on text, but the one before it has made data")]
    NotText(&'static str),
}

/// Sends a text through the renderers that its first line (`#!jinja|yaml`) or else `default` names. An empty text is
/// an empty map, as in Salt. Templates import files of the minion's file client.
///
/// # Errors
/// When the pipe names what is not there, or a renderer fails.
pub fn render(cx: &Context, source: &Source, default: &str) -> Result<Value, RenderError> {
    render_from(cx, cx.minion.files(), source, default)
}

/// As [`render`], with another place that templates import files from.
///
/// # Errors
/// As [`render`].
pub fn render_from(
    cx: &Context,
    files: &dyn FileClient,
    source: &Source,
    default: &str,
) -> Result<Value, RenderError> {
    if source.text.trim().is_empty() {
        return Ok(Value::Map(Map::new()));
    }
    let pipe = pipe(source.text, default)?;
    let mut value = Value::text(source.text);
    let mut places = None;
    for step in pipe {
        if is_allowed(cx.opts, step) {
            value = run(cx, files, source, step, value, &mut places)?;
        }
    }
    Ok(value)
}

/// A text through Jinja alone, with these variables over `opts`, `grains` and `pillar`: templates of files.
///
/// # Errors
/// When the template is wrong or fails.
pub fn jinja_text(cx: &Context, text: &str, variables: &Map, saltenv: &str) -> Result<String, RenderError> {
    let around = Around { cx, files: cx.minion.files(), saltenv };
    Ok(jinja::render(text, variables, &around, &jinja_options(cx.opts, ""))?)
}

/// `renderer_whitelist`, `renderer_blacklist`.
fn is_allowed(opts: &Map, step: Step) -> bool {
    let listed = |name: &str| {
        let list = opts.get(name).and_then(Value::as_list).filter(|list| !list.is_empty());
        list.map(|list| list.iter().any(|item| item.as_str() == Some(step.name())))
    };
    let allowed =
        listed("renderer_whitelist").unwrap_or(true) && !listed("renderer_blacklist").unwrap_or(false);
    if !allowed {
        crate::log::warn!(
            "The renderer \"{}\" is disallowed by configuration and will be skipped.",
            step.name()
        );
    }
    allowed
}

fn run(
    cx: &Context,
    files: &dyn FileClient,
    source: &Source,
    step: Step,
    value: Value,
    places: &mut Option<Places>,
) -> Result<Value, RenderError> {
    let text = || match &value {
        Value::Text(text) => Ok(without_shebang(text)),
        _ => Err(RenderError::NotText(step.name())),
    };
    match step {
        Step::Jinja => {
            let variables = own_variables(source);
            let options = jinja_options(cx.opts, source.sls);
            let around = Around { cx, files, saltenv: source.saltenv };
            // The first line stays, so that lines in messages are those of the file.
            let Value::Text(text) = &value else { return Err(RenderError::NotText("jinja")) };
            let (text, written) = jinja::render_with_places(text, &variables, &around, &options)?;
            // A second template works on the output of the first: lines are lost then.
            *places = places.is_none().then_some(written);
            Ok(Value::Text(text))
        }
        Step::Text => Ok(Value::Text(text()?.to_owned())),
        // To YAML the first line is a comment: lines in messages stay those of the file.
        Step::Yaml => match &value {
            Value::Text(text) => load_yaml(text, source, places.as_ref()),
            _ => Err(RenderError::NotText("yaml")),
        },
        Step::Json => {
            if text()?.trim().is_empty() {
                return Ok(Map::new().into());
            }
            Value::from_json(text()?).map_err(|error| RenderError::Json(error.to_string()))
        }
        Step::Msgpack => {
            let octets = match &value {
                Value::Bytes(octets) => &octets[..],
                _ => text()?.trim().as_bytes(),
            };
            if octets.is_empty() {
                return Ok(Map::new().into());
            }
            msgpack::decode(octets, msgpack::Reading::Wire)
                .map_err(|error| RenderError::Msgpack(error.to_string()))
        }
        Step::Gpg => decrypt(cx, value),
        Step::Toml => toml::load(text()?).map_err(RenderError::Toml),
        // The first line is a comment of Python's, too.
        Step::Py => match &value {
            Value::Text(text) => py::run(cx, source, text),
            _ => Err(RenderError::NotText("py")),
        },
    }
}

/// The text without a first line `#!…`, where a renderer cannot read over it.
fn without_shebang(text: &str) -> &str {
    if text.starts_with("#!") && !text.starts_with("#!/") {
        text.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        text
    }
}

/// Salt: renderers/yaml.py.
fn load_yaml(text: &str, source: &Source, places: Option<&Places>) -> Result<Value, RenderError> {
    match yaml::load(text, "<unicode string>") {
        Ok(data) if data.truthy() => Ok(data.keeping_order()),
        Ok(_) => Ok(Value::Map(Map::new())),
        Err(error) => Err(mistake::in_yaml(&error, text, source, places)),
    }
}

#[cfg(test)]
mod tests;
