//! What a template of Salt sees: `grains`, `pillar`, `opts`, `sls`, `tpldir` and their kin, and how Jinja is set up.
//! Salt: utils/templates.py (`generate_sls_context`, `render_jinja_tmpl`).

use super::Source;
use crate::jinja::Options;
use crate::loader::Context;
use crate::value::{Map, Value};

/// The variables of a template: the context of the daemon, the names of the SLS file, and what the source brings.
pub fn sls_variables(cx: &Context, source: &Source) -> Map {
    let mut variables = Map::new();
    variables.insert("opts", cx.opts.clone());
    variables.insert("grains", (*cx.grains).clone());
    variables.insert("pillar", cx.pillar.map().clone());
    variables.extend(own_variables(source));
    variables
}

/// The same without the context of the daemon, which is large.
pub(super) fn own_variables(source: &Source) -> Map {
    let mut variables = Map::new();
    variables.insert("saltenv", source.saltenv);
    variables.insert("sls", source.sls);
    variables.insert("proxy", Value::Null);
    variables.insert("tmplpath", source.path.unwrap_or(":string:"));
    variables.extend(names(source.path.unwrap_or(":string:"), source.sls));
    for (name, value) in source.variables {
        variables.insert(name.clone(), value.clone());
    }
    variables
}

/// `tplpath`, `tplfile`, `tpldir`, `tpldot`, `slspath`, `slsdotpath`, `slscolonpath`, `sls_path`.
fn names(path: &str, sls: &str) -> Map {
    let slspath = sls.replace('.', "/");
    let mut template = path;
    if sls.is_empty() {
        template = path.rsplit('/').next().unwrap_or(path);
    } else {
        for tail in [format!("{slspath}.sls"), format!("{slspath}/init.sls")] {
            if path.ends_with(&tail) {
                template = &path[path.len() - tail.len()..];
                break;
            }
        }
    }
    let dir = template.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut names = Map::new();
    names.insert("tplpath", path);
    names.insert("tplfile", template);
    names.insert("tpldir", if dir.is_empty() { "." } else { dir });
    names.insert("tpldot", dir.replace('/', "."));
    names.insert("slspath", dir);
    names.insert("slsdotpath", dir.replace('/', "."));
    names.insert("slscolonpath", dir.replace('/', ":"));
    names.insert("sls_path", dir.replace('/', "_"));
    names
}

/// Jinja as `jinja_env`, `jinja_sls_env`, `jinja_trim_blocks`, `jinja_lstrip_blocks` and `allow_undefined` ask for.
/// Names are Jinja's own, in either case; what it does not know is left alone, as Salt does with a warning.
pub fn jinja_options(opts: &Map, sls: &str) -> Options {
    let flag = |name: &str| opts.get(name).is_some_and(Value::truthy);
    let mut options = Options {
        trim_blocks: flag("jinja_trim_blocks"),
        lstrip_blocks: flag("jinja_lstrip_blocks"),
        allow_undefined: flag("allow_undefined"),
        ..Options::default()
    };
    let env = opts.get(if sls.is_empty() { "jinja_env" } else { "jinja_sls_env" });
    for (name, value) in env.and_then(Value::as_map).into_iter().flatten() {
        let text = || value.as_str().unwrap_or_default().to_owned();
        let prefix = || value.as_str().map(str::to_owned);
        match name.as_str().unwrap_or_default().to_lowercase().as_str() {
            "block_start_string" => options.block_start = text(),
            "block_end_string" => options.block_end = text(),
            "variable_start_string" => options.variable_start = text(),
            "variable_end_string" => options.variable_end = text(),
            "comment_start_string" => options.comment_start = text(),
            "comment_end_string" => options.comment_end = text(),
            "line_statement_prefix" => options.line_statement_prefix = prefix(),
            "line_comment_prefix" => options.line_comment_prefix = prefix(),
            "trim_blocks" => options.trim_blocks = value.truthy(),
            "lstrip_blocks" => options.lstrip_blocks = value.truthy(),
            "keep_trailing_newline" => options.keep_trailing_newline = value.truthy(),
            other => crate::log::warn!(name = other, "Jinja2 environment option is not recognized"),
        }
    }
    options
}
