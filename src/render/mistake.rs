//! Mistakes in rendered YAML, shown in the file that it came from. Salt: renderers/yaml.py, exceptions.py
//! (`SaltRenderError`). Salt names the line of the rendered text; we name that of the template.

use std::fmt::Write;

use super::{RenderError, Source};
use crate::jinja::{self, Places};
use crate::value::yaml::YamlError;

/// Where a mistake is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `None` for a text that is no file.
    pub path: Option<String>,
    /// From 1; 0 where it is not known.
    pub line: u32,
    /// From 1; 0 where it is not known.
    pub column: u32,
}

impl RenderError {
    /// Where the mistake is, as far as that is known.
    pub fn place(&self) -> Option<Place> {
        match self {
            RenderError::Jinja(error) => Some(Place {
                path: error.path.as_deref().map(str::to_owned),
                line: error.line,
                column: error.column,
            }),
            RenderError::Yaml { place, .. } => Some(place.clone()),
            _ => None,
        }
    }

    /// What Salt does not tell, in lines of their own: the data that cannot be read, and the place in the file.
    pub fn told_place(&self, path: &str) -> String {
        let mut text = String::new();
        if let RenderError::Jinja(jinja::Error { data: Some(data), .. }) = self {
            text.push_str(&format!("\nin the data of {data}"));
        }
        let place = self.place().unwrap_or_default();
        if place.line > 0 {
            let path = place.path.as_deref().unwrap_or(path);
            text.push_str(&format!("\nin {path}, line {}, column {}", place.line, place.column));
        }
        text
    }

    /// The name that was probably meant, in a line of its own.
    pub fn told_near(&self) -> String {
        match self {
            RenderError::Jinja(jinja::Error { near: Some(near), .. }) => did_you_mean(near),
            _ => String::new(),
        }
    }
}

/// How errors of SLS files go on with the name that was probably meant.
pub fn did_you_mean(near: &str) -> String {
    format!("\ndid you mean '{near}'?")
}

/// Salt's words for the mistake, the file and the line, and the lines around it.
pub(super) fn in_yaml(
    error: &YamlError,
    rendered: &str,
    source: &Source,
    places: Option<&Places>,
) -> RenderError {
    let at = error.position();
    let rendered_line = u32::try_from(at.line).unwrap_or(u32::MAX);
    let column = u32::try_from(at.column).unwrap_or(u32::MAX);
    let begin = begin_of_line(rendered, rendered_line);
    // The first sign of the line, not its indent, which may be of a text before.
    let indent = rendered[begin..].len() - rendered[begin..].trim_start_matches([' ', '\t']).len();
    let found = places.and_then(|places| places.of(rendered, begin + indent));
    let (other, line) = found.unwrap_or((None, rendered_line));
    let path = other.or(source.path).map(str::to_owned);
    let around = match other {
        // Of another file only what it became is at hand.
        Some(_) => jinja::context(rendered, rendered_line),
        None => jinja::context(source.text, line),
    };
    let mut text = match error {
        YamlError::Marked { context, problem, .. }
            if is_of_scanner(context.as_deref().map(|it| &*it.0), problem) =>
        {
            format!("{}; line {line}\n\n", words(problem))
        }
        error => format!(
            "{error}\n\n{}line {line}:\n",
            path.as_ref().map_or(String::new(), |path| format!("{path}, "))
        ),
    };
    text.push_str(&around);
    let shown = rendered[begin..].lines().next().unwrap_or_default();
    let written = source.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let mut column = column;
    if places.is_some() && other.is_none() && written != shown {
        // What a tag became is not in the template: there the mistake is where the tag begins.
        let same = written.chars().zip(shown.chars()).take_while(|(a, b)| a == b).count();
        column = column.min(u32::try_from(same + 1).unwrap_or(u32::MAX));
        let shown: String = shown.chars().take(200).collect();
        let _ = write!(text, "\nrendered as line {rendered_line}: {shown}");
    }
    RenderError::Yaml { text, place: Place { path, line, column } }
}

fn begin_of_line(text: &str, line: u32) -> usize {
    let before = line.saturating_sub(1) as usize;
    text.split_inclusive('\n').take(before).map(str::len).sum()
}

/// Mistakes that PyYAML's scanner finds; Salt gives their bare words.
fn is_of_scanner(context: Option<&str>, problem: &str) -> bool {
    context.is_some_and(|context| context.starts_with("while scanning"))
        || problem.ends_with("not allowed in this context")
        || problem == "could not find expected ':'"
}

/// Salt's words for the usual mistakes.
fn words(problem: &str) -> &str {
    match problem {
        "found character '\\t' that cannot start any token" => "Illegal tab character",
        other => other,
    }
}
