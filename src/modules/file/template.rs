//! Files and texts through a template engine. Salt: utils/templates.py (`wrap_tmpl_func`), modules/file.py
//! (`apply_template_on_contents`).

use std::fs;

use super::place::temporary_with;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::render;
use crate::value::{Map, Value, str_of};

/// Engines that Salt knows by name.
const ENGINES: [&str; 6] = ["jinja", "mako", "py", "wempy", "genshi", "cheetah"];

/// Whether Salt has an engine of that name.
///
/// # Errors
/// For those that only Salt has.
pub(super) fn known(template: &str) -> Result<bool, Fault> {
    match template {
        "jinja" => Ok(true),
        other if ENGINES.contains(&other) => {
            Err(Fault::NotSupported(format!("the template engine '{other}' (jinja is)")))
        }
        _ => Ok(false),
    }
}

/// The variables of `context` over those of `defaults`.
pub(super) fn merged(defaults: &Value, context: &Value) -> Map {
    let mut merged = defaults.as_map().cloned().unwrap_or_default();
    for (name, value) in context.as_map().into_iter().flatten() {
        merged.insert(name.clone(), value.clone());
    }
    merged
}

/// A text with its variables filled in.
///
/// # Errors
/// Salt's text of what is wrong with the template.
pub(super) fn render_text(cx: &Context, text: &str, own: Map, saltenv: &str) -> Result<String, Fault> {
    let rendered = render::jinja_text(cx, text, &own, saltenv);
    rendered.map_err(|error| Fault::exception("salt.exceptions.SaltRenderError", error.to_string()))
}

/// A rendered copy of a file that came from `source`, to be removed after use. What is no text stays what it is.
///
/// # Errors
/// As [`render_text`], with the place in the file and the name that was probably meant, and when files cannot be read or
/// written.
pub(super) fn render_file(
    cx: &Context,
    path: &str,
    own: &Map,
    saltenv: &str,
    source: &str,
) -> Result<String, Fault> {
    let octets = fs::read(path).map_err(|error| Fault::os(&error, path))?;
    let Ok(text) = String::from_utf8(octets) else { return Ok(path.to_owned()) };
    let rendered = render::jinja_text(cx, &text, own, saltenv).map_err(|error| {
        let told = format!("{error}{}{}", error.told_place(source), error.told_near());
        Fault::exception("salt.exceptions.SaltRenderError", told)
    });
    temporary_with(rendered?.as_bytes())
}

pub(super) fn apply_template_on_contents(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let template = args.str("template")?;
    if !known(&template)? {
        return Ok(map! {
            "result" => false,
            "comment" => format!("Specified template format {template} is not supported"),
        }
        .into());
    }
    let saltenv = args.str("saltenv")?;
    let mut own = merged(args.get("defaults"), args.get("context"));
    own.entry("saltenv", || saltenv.as_str().into());
    Ok(render_text(cx, &str_of(args.get("contents")), own, &saltenv)?.into())
}
