//! The bound on a walk through a value. Values share parts: of forty lists, each of which holds the next one twice, a
//! walk makes a tree of 2^40, and between two of its steps nothing of the interpreter runs.

use std::cell::Cell;

use super::fault::{Fault, Res};
use super::print::{MAX_NESTING, too_deep};

/// So many values are met in one walk.
const MAX_VALUES: u32 = 1 << 22;

/// The text of one value has so many octets.
const MAX_TEXT: usize = 1 << 28;

/// Where a walk is.
#[derive(Clone, Copy)]
pub(super) struct Walk<'w> {
    depth: u32,
    left: &'w Cell<u32>,
}

/// A walk from its beginning.
pub(super) fn walk<T>(visit: impl FnOnce(Walk<'_>) -> T) -> T {
    visit(Walk { depth: 0, left: &Cell::new(MAX_VALUES) })
}

impl Walk<'_> {
    /// Counts a value; what comes back goes on to what it holds.
    pub(super) fn enter(self) -> Res<Self> {
        if self.depth > MAX_NESTING {
            return Err(too_deep());
        }
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(too_large()),
        }
        Ok(Walk { depth: self.depth + 1, ..self })
    }
}

/// The same for a walk that writes text, by what it has written.
pub(super) fn bounded(out: &str, depth: u32) -> Res<()> {
    if depth > MAX_NESTING {
        return Err(too_deep());
    }
    if out.len() > MAX_TEXT { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Fault {
    Fault::other("a value is too large to be gone through")
}
