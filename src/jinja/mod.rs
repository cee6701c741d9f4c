//! Jinja as Salt's users write it: an engine with Jinja2 3.1 as its specification. Salt: utils/jinja.py,
//! utils/templates.py (`render_jinja_tmpl`); Jinja2 3.1: lexer.py, parser.py, compiler.py, runtime.py, sandbox.py.
//!
//! Text goes through `lex` and `parse` to a tree (`syntax`), which `run` walks. A template knows plain data, the
//! methods of Python's types (`methods`), filters, tests and globals; everything else it has to ask of its
//! [`Surroundings`]. Nothing of Python's object model is there to walk into. Steps, memory, depth and stack of a
//! render are bounded by [`Limits`].

mod call;
mod compare;
mod convert;
mod fault;
mod filters;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod globals;
mod iterate;
mod jmespath;
mod lex;
mod methods;
mod number;
mod object;
mod operate;
mod options;
mod parse;
mod pattern;
mod percent;
mod places;
mod print;
mod run;
mod surroundings;
mod syntax;
mod tests;
mod val;
mod walk;

use std::rc::Rc;

pub use fault::{Error, context};
pub use options::{Limits, Options};
pub use places::Places;
pub use surroundings::{CallFault, Nothing, SourceFile, Surroundings};

use crate::value::Map;
use fault::{Fault, FrameKind, Place};
use parse::{Tag, parse};
use run::{Run, Template};

/// Renders a template. `vars` are the variables that every template sees (`grains`, `pillar`, `opts`, `sls`, `tpldir`
/// …); `salt` is there by itself. A final line end is kept, as Salt does.
///
/// # Errors
/// When the template is wrong, fails, or uses more than its limits; the text is Salt's.
pub fn render(
    source: &str,
    vars: &Map,
    around: &dyn Surroundings,
    options: &Options,
) -> Result<String, Error> {
    render_with_places(source, vars, around, options).map(|(text, _)| text)
}

/// As [`render`], telling where each part of the output comes from.
///
/// # Errors
/// As [`render`].
pub fn render_with_places(
    source: &str,
    vars: &Map,
    around: &dyn Surroundings,
    options: &Options,
) -> Result<(String, Places), Error> {
    let text: Rc<str> = source.into();
    let sls = vars.str("sls");
    let parsed = parse(source, options, &knows)
        .map_err(|fault| placed(fault, &text).into_error(&text, sls).with_near(None, vars, around))?;
    let template = Rc::new(Template { name: None, path: None, source: Rc::clone(&text), parsed });
    let rendered = Run::new(template, vars, around, options).main();
    let (mut out, written) = rendered.map_err(|fault| {
        let missing = fault.missing();
        fault.into_error(&text, sls).with_near(missing.as_deref(), vars, around)
    })?;
    if source.ends_with('\n') {
        out.push('\n');
    }
    Ok((out, Places::new(written)))
}

/// Checks the syntax of a template without running it.
///
/// # Errors
/// As [`render`], for what can be seen without running.
pub fn check(source: &str, options: &Options) -> Result<(), Error> {
    let text: Rc<str> = source.into();
    parse(source, options, &knows).map(|_| ()).map_err(|fault| placed(fault, &text).into_error(&text, None))
}

fn placed(mut fault: Fault, source: &Rc<str>) -> Fault {
    let line = fault.take_line().unwrap_or(1);
    fault.passed(Place { kind: FrameKind::Root, path: None, source: Rc::clone(source), line });
    fault
}

fn knows(tag: Tag, name: &str) -> bool {
    match tag {
        Tag::Filter => filters::find(name).is_some(),
        Tag::Test => tests::find(name).is_some(),
    }
}
