//! Events to nodes: aliases found, tags resolved, one document. PyYAML: composer.py (the C parser's form of it).

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Parser};

use super::node::{Content, Node, NodeId, Tree, implicit_tag};
use super::{MAX_DEPTH, YamlError, resolve};

/// The tree of the one document, or `None` where there is no document.
pub(super) fn compose(text: &str, file: &str) -> Result<Option<(Tree, NodeId)>, YamlError> {
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut composer = Composer { parser, text, file, tree: Tree::default(), anchors: HashMap::new() };
    composer.next()?; // stream start
    let first = composer.next()?;
    if matches!(first.data, EventData::StreamEnd) {
        return Ok(None);
    }
    let event = composer.next()?;
    let root = composer.node(event, 0)?;
    composer.next()?; // document end
    let after = composer.next()?;
    if !matches!(after.data, EventData::StreamEnd) {
        let context = ("expected a single document in the stream", composer.tree.node(root).mark);
        return Err(YamlError::within(file, context, after.start_mark, "but found another document"));
    }
    Ok(Some((composer.tree, root)))
}

struct Composer<'t, 'p> {
    parser: Parser<&'p mut &'t [u8]>,
    text: &'t str,
    file: &'t str,
    tree: Tree,
    anchors: HashMap<String, NodeId>,
}

impl Composer<'_, '_> {
    fn next(&mut self) -> Result<Event, YamlError> {
        self.parser.parse().map_err(|error| YamlError::from_parser(&error, self.text, self.file))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<NodeId, YamlError> {
        let mark = event.start_mark;
        if depth > MAX_DEPTH {
            let problem = format!("collections are nested deeper than {MAX_DEPTH}");
            return Err(YamlError::at(self.file, mark, problem));
        }
        match event.data {
            EventData::Alias { anchor } => match self.anchors.get(&anchor) {
                Some(id) => Ok(*id),
                None => Err(YamlError::at(self.file, mark, "found undefined alias")),
            },
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let tag = match tag {
                    Some(tag) if tag != "!" => tag,
                    _ => implicit_tag(&value, plain_implicit).to_owned(),
                };
                self.add(anchor, Node { tag, mark, content: Content::Scalar(value) })
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                let tag = own_tag(tag, resolve::SEQ);
                let id = self.add(anchor, Node { tag, mark, content: Content::Sequence(Vec::new()) })?;
                let mut items = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, depth + 1)?);
                }
                self.tree.node_mut(id).content = Content::Sequence(items);
                Ok(id)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                let tag = own_tag(tag, resolve::MAP);
                let id = self.add(anchor, Node { tag, mark, content: Content::Mapping(Vec::new()) })?;
                let mut pairs = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, depth + 1)?;
                    let event = self.next()?;
                    pairs.push((key, self.node(event, depth + 1)?));
                }
                self.tree.node_mut(id).content = Content::Mapping(pairs);
                Ok(id)
            }
            _ => Err(YamlError::at(self.file, mark, "expected a node")),
        }
    }

    fn add(&mut self, anchor: Option<String>, node: Node) -> Result<NodeId, YamlError> {
        let mark = node.mark;
        let id = self.tree.add(node);
        if let Some(anchor) = anchor {
            if let Some(first) = self.anchors.get(&anchor) {
                let context = ("found duplicate anchor; first occurrence", self.tree.node(*first).mark);
                return Err(YamlError::within(self.file, context, mark, "second occurrence"));
            }
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }
}

fn own_tag(tag: Option<String>, default: &str) -> String {
    tag.filter(|tag| tag != "!").unwrap_or_else(|| default.to_owned())
}
