//! The tree of an expression. jmespath: ast.py.

use std::rc::Rc;

use super::super::val::Val;

/// The place of a node in its tree.
pub(in super::super) type Id = usize;

/// All nodes of an expression, in one row: so nothing recurses where it is dropped, however deep it is nested.
pub(in super::super) struct Tree {
    pub nodes: Vec<Node>,
    pub root: Id,
}

/// Why one step follows another: the parser makes chains of the same kind longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Link {
    /// `a.b`
    Field,
    /// `a[0]`, `a[1:2]`
    Index,
    /// `a | b`
    Pipe,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Comparator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

pub(in super::super) enum Node {
    /// `@`, and what stands where nothing is written.
    Current,
    Field(Rc<str>),
    Literal(Val),
    Index(i64),
    Slice([Option<i64>; 3]),
    /// Each step is taken from where the last one led.
    Chain(Link, Vec<Id>),
    /// `left[*].right`, of a list or of the values of a dict; `left[?condition].right`.
    Projection {
        of_values: bool,
        left: Id,
        right: Id,
        condition: Option<Id>,
    },
    /// `left[]`
    Flatten(Id),
    Compare(Comparator, Id, Id),
    Or(Id, Id),
    And(Id, Id),
    Not(Id),
    /// `&a`
    Reference(Id),
    Call(Rc<str>, Vec<Id>),
    /// `[a, b]`
    List(Vec<Id>),
    /// `{name: a}`
    Hash(Vec<(Rc<str>, Id)>),
}
