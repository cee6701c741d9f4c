//! YAML 1.1 as Salt reads and writes it. Salt: utils/yamlloader.py, utils/yamldumper.py; PyYAML: resolver.py,
//! constructor.py, representer.py; libyaml: scanner.c, parser.c.
//!
//! Reading: `yes` and `on` are booleans, integers with leading zeros are decimal (Salt's own rule), `1:30` is 90,
//! timestamps stay text, `<<` merges, a key that is there twice is an error, order is kept. Every error has a
//! position. Depth and the growth through aliases are bounded, so that no text can exhaust the machine.

mod args;
mod compose;
mod construct;
mod dump;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod node;
mod resolve;
mod scalar;
mod scan;
mod stand_in;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use args::{condition_input, parse_input, parse_kwarg, yamlify_arg};
pub use dump::{Flow, Style, dump};
pub use error::{Position, YamlError};

use super::Value;

/// How deep collections may be nested.
pub const MAX_DEPTH: usize = 128;

/// How many values aliases may add to a document.
pub const MAX_ALIASED_VALUES: usize = 500_000;

/// How many octets of text aliases may add to a document.
pub const MAX_ALIASED_OCTETS: usize = 64 << 20;

/// The line (from 1) of each top-level key that is text.
pub type Lines = HashMap<String, u64>;

/// Reads the one document of a text; an empty one is `Null`. `file` is the name that errors show.
///
/// # Errors
/// When the text is not YAML, not one document, has a tag without meaning, a key twice, or is larger than the
/// bounds allow once aliases are followed.
pub fn load(text: &str, file: &str) -> Result<Value, YamlError> {
    match compose::compose(text, file)? {
        Some((mut tree, root)) => construct::construct(&mut tree, root, file),
        None => Ok(Value::Null),
    }
}

/// As [`load`], with the lines of the top-level keys.
///
/// # Errors
/// As [`load`].
pub fn load_with_lines(text: &str, file: &str) -> Result<(Value, Lines), YamlError> {
    let Some((mut tree, root)) = compose::compose(text, file)? else {
        return Ok((Value::Null, Lines::new()));
    };
    let value = construct::construct(&mut tree, root, file)?;
    let lines = tree.lines_of_keys(root);
    Ok((value, lines))
}
