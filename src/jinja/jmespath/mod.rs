//! JMESPath, the query language of the filter `json_query`. Specification: the Python package jmespath 1.1.0 (lexer.py,
//! parser.py, visitor.py, functions.py, exceptions.py), which Salt asks; its texts are what a template's error shows.
//!
//! An expression becomes words (`lex`), these a tree (`parse`), and `search` walks the tree along the data. What is found
//! is the data itself, not a copy, as in Python: what a template does to it is seen in both. Steps, memory and stack are
//! those of the render.

mod functions;
mod lex;
mod parse;
mod search;
mod tree;

use std::rc::Rc;

pub(super) use tree::{Id, Tree};

use super::call::{Args, given};
use super::convert::not_iterable;
use super::fault::{Fault, Res};
use super::run::Run;
use super::val::Val;

/// The filter. Salt: utils/data.py (`json_query`).
///
/// # Errors
/// When the expression is wrong, or asks of the data what it cannot give.
pub(super) fn json_query(run: &mut Run<'_>, args: Args) -> Res<Val> {
    let [data, expression] = args.bind("json_query", ["data", "expr"], 2)?;
    let expression = given(expression);
    // The cache of the original looks it up before it looks at it.
    expression.key()?;
    if !expression.truthy()? {
        return Err(Fault::other("Invalid JMESPath expression: cannot be empty."));
    }
    let Some(text) = expression.as_str() else { return Err(not_iterable(&expression)) };
    let tree = Rc::new(parse::parse(run, text)?);
    search::visit(run, &tree, tree.root, &given(data))
}
