//! How a template is read: the delimiters and switches of Jinja2's `Environment`, and the bounds on a render.

use std::time::Duration;

/// Delimiters, whitespace rules, and what an undefined value does.
#[derive(Clone, Debug)]
pub struct Options {
    pub block_start: String,
    pub block_end: String,
    pub variable_start: String,
    pub variable_end: String,
    pub comment_start: String,
    pub comment_end: String,
    pub line_statement_prefix: Option<String>,
    pub line_comment_prefix: Option<String>,
    pub trim_blocks: bool,
    pub lstrip_blocks: bool,
    pub keep_trailing_newline: bool,
    /// Salt's `allow_undefined`: an undefined value prints as nothing instead of failing.
    pub allow_undefined: bool,
    pub limits: Limits,
}

/// What one render may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statements and operations.
    pub steps: u64,
    /// Time of the processor, as far as [`super::Surroundings::time_used`] tells it.
    pub time: Duration,
    /// Bytes of text and containers made, output included.
    pub bytes: u64,
    /// Bytes of stack below the caller of the render.
    pub stack_bytes: usize,
    /// Calls within calls.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            steps: 200_000_000,
            time: Duration::from_secs(2),
            bytes: 1 << 30,
            stack_bytes: 1 << 20,
            depth: 300,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            block_start: "{%".into(),
            block_end: "%}".into(),
            variable_start: "{{".into(),
            variable_end: "}}".into(),
            comment_start: "{#".into(),
            comment_end: "#}".into(),
            line_statement_prefix: None,
            line_comment_prefix: None,
            trim_blocks: false,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            allow_undefined: false,
            limits: Limits::default(),
        }
    }
}
