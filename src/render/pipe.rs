//! The pipe of renderers that a text asks for. Salt: template.py (`template_shebang`, `check_render_pipe_str`).

use super::RenderError;

/// One renderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Jinja,
    Yaml,
    Json,
    Text,
    Msgpack,
    Gpg,
    Toml,
    Py,
}

const STEPS: [(&str, Step); 8] = [
    ("jinja", Step::Jinja),
    ("yaml", Step::Yaml),
    ("json", Step::Json),
    ("text", Step::Text),
    ("msgpack", Step::Msgpack),
    ("gpg", Step::Gpg),
    ("toml", Step::Toml),
    ("py", Step::Py),
];

/// The names of all renderers.
pub fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|(name, _)| *name)
}

impl Step {
    /// Salt's name of it.
    pub fn name(self) -> &'static str {
        STEPS.iter().find(|(_, step)| *step == self).map_or("", |(name, _)| name)
    }
}

/// The renderers of a text: those of its first line `#!a|b`, or else of `default`.
///
/// # Errors
/// When a renderer is not offered, or gets an argument that it does not take.
pub fn pipe(text: &str, default: &str) -> Result<Vec<Step>, RenderError> {
    let first = text.lines().next().unwrap_or_default();
    let names = match first.strip_prefix("#!") {
        Some(names) if !names.starts_with('/') => names.trim(),
        _ => default,
    };
    let names = match names {
        // Names that Salt had for pipes once.
        "yaml_jinja" => "jinja|yaml",
        "json_jinja" => "jinja|json",
        names => names,
    };
    names.split('|').map(|part| step(part.trim())).collect()
}

fn step(part: &str) -> Result<Step, RenderError> {
    let (name, argument) = part.split_once(' ').map_or((part, ""), |(name, rest)| (name, rest.trim()));
    let step = STEPS.iter().find(|(known, _)| *known == name).map(|(_, step)| *step);
    let step = step.ok_or_else(|| RenderError::NotSupported(name.to_owned()))?;
    // `-s` says that the text comes from standard input, as it does here anyway.
    if step == Step::Jinja && !argument.is_empty() && argument != "-s" {
        return Err(RenderError::Option(argument.to_owned()));
    }
    Ok(step)
}
