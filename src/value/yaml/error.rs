//! What is wrong with a YAML text, and where. PyYAML: error.py (the layout of the messages).

use std::fmt;

use thiserror::Error;

use super::scan::Mark;

/// A place in a file; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub file: String,
    pub line: u64,
    pub column: u64,
}

impl Position {
    pub(super) fn new(file: &str, mark: Mark) -> Self {
        Position { file: file.to_owned(), line: mark.line + 1, column: mark.column + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "  in \"{}\", line {}, column {}", self.file, self.line, self.column)
    }
}

/// Why a text could not be read. Printed as PyYAML prints it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum YamlError {
    /// The text holds a character that YAML does not allow.
    #[error("unacceptable character #x{character:04x}: {problem}\n  in \"{}\", position {offset}", at.file)]
    Character { character: u32, problem: String, offset: usize, at: Box<Position> },
    /// The text breaks the grammar, or says something that has no meaning.
    #[error("{}", Marked { context, problem, at })]
    Marked { context: Option<Box<(String, Position)>>, problem: String, at: Box<Position> },
}

impl YamlError {
    /// Where it is.
    pub fn position(&self) -> &Position {
        match self {
            YamlError::Character { at, .. } | YamlError::Marked { at, .. } => at,
        }
    }

    /// What is wrong, without the place.
    pub fn problem(&self) -> &str {
        match self {
            YamlError::Character { problem, .. } | YamlError::Marked { problem, .. } => problem,
        }
    }

    pub(super) fn at(file: &str, mark: Mark, problem: impl Into<String>) -> Self {
        YamlError::Marked { context: None, problem: problem.into(), at: Box::new(Position::new(file, mark)) }
    }

    pub(super) fn within(
        file: &str,
        (context, context_mark): (&str, Mark),
        mark: Mark,
        problem: impl Into<String>,
    ) -> Self {
        YamlError::Marked {
            context: Some(Box::new((context.to_owned(), Position::new(file, context_mark)))),
            problem: problem.into(),
            at: Box::new(Position::new(file, mark)),
        }
    }
}

struct Marked<'a> {
    context: &'a Option<Box<(String, Position)>>,
    problem: &'a str,
    at: &'a Position,
}

impl fmt::Display for Marked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((context, position)) = self.context.as_deref() {
            writeln!(formatter, "{context}")?;
            if position != self.at {
                writeln!(formatter, "{position}")?;
            }
        }
        write!(formatter, "{}\n{}", self.problem, self.at)
    }
}
