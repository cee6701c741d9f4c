//! The tree between events and values: tags resolved, aliases as shared nodes. PyYAML: nodes.py.

use std::borrow::Cow;

use super::scan::Mark;
use super::{Lines, resolve};
use crate::value::repr;

/// The place of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NodeId(usize);

impl NodeId {
    /// Below [`Tree::len`].
    pub fn place(self) -> usize {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Node {
    /// Almost always one of YAML's own.
    pub tag: Cow<'static, str>,
    pub mark: Mark,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(String),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
}

impl Content {
    /// PyYAML's name of the kind, as its messages have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Scalar(_) => "scalar",
            Content::Sequence(_) => "sequence",
            Content::Mapping(_) => "mapping",
        }
    }
}

/// The nodes of a document.
#[derive(Debug, Default)]
pub(super) struct Tree(Vec<Node>);

impl Tree {
    pub fn add(&mut self, node: Node) -> NodeId {
        self.0.push(node);
        NodeId(self.0.len() - 1)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One item of a sequence.
    pub fn item(&self, id: NodeId, place: usize) -> Option<NodeId> {
        match &self.node(id).content {
            Content::Sequence(items) => items.get(place).copied(),
            _ => None,
        }
    }

    /// One key of a mapping with its value.
    pub fn pair(&self, id: NodeId, place: usize) -> Option<(NodeId, NodeId)> {
        match &self.node(id).content {
            Content::Mapping(pairs) => pairs.get(place).copied(),
            _ => None,
        }
    }

    pub fn node(&self, id: NodeId) -> &Node {
        // Ids are made by `add` alone, and nodes are never taken out.
        &self.0[id.0]
    }

    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.0[id.0]
    }

    /// The value that PyYAML's scalar nodes are compared by.
    pub fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The lines of the root's text keys; the later place wins where a key came by merging, too.
    pub fn lines_of_keys(&self, root: NodeId) -> Lines {
        let Content::Mapping(pairs) = &self.node(root).content else { return Lines::new() };
        let line = |(key, _): &(NodeId, NodeId)| {
            Some((self.scalar(*key)?.to_owned(), self.node(*key).mark.line + 1))
        };
        pairs.iter().filter_map(line).collect()
    }

    /// The content of a node as Python prints the `value` of PyYAML's node, up to a bound: it is part of the
    /// message about keys that cannot be keys.
    pub fn printed(&self, id: NodeId) -> String {
        const MOST: usize = 2_000;
        let mut out = String::new();
        self.print_content(&mut out, id, MOST);
        out
    }

    fn print_node(&self, out: &mut String, id: NodeId, most: usize) {
        let node = self.node(id);
        let kind = match node.content {
            Content::Scalar(_) => "ScalarNode",
            Content::Sequence(_) => "SequenceNode",
            Content::Mapping(_) => "MappingNode",
        };
        out.push_str(&format!("{kind}(tag={}, value=", repr(&(&*node.tag).into())));
        match &node.content {
            Content::Scalar(text) => out.push_str(&repr(&text.as_str().into())),
            _ => self.print_content(out, id, most),
        }
        out.push(')');
    }

    fn print_content(&self, out: &mut String, id: NodeId, most: usize) {
        if out.len() > most {
            out.push_str("...");
            return;
        }
        match &self.node(id).content {
            Content::Scalar(text) => out.push_str(text),
            Content::Sequence(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    self.print_node(out, *item, most);
                }
                out.push(']');
            }
            Content::Mapping(pairs) => {
                out.push('[');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if index > 0 { ", (" } else { "(" });
                    self.print_node(out, *key, most);
                    out.push_str(", ");
                    self.print_node(out, *value, most);
                    out.push(')');
                }
                out.push(']');
            }
        }
    }
}

/// The tag of a scalar that has none of its own.
pub(super) fn implicit_tag(text: &str, plain: bool) -> &'static str {
    if plain { resolve::resolve(text).as_str() } else { resolve::Tag::Str.as_str() }
}
