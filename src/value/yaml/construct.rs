//! Nodes to values. PyYAML: constructor.py; Salt: utils/yamlloader.py (merge keys, keys that are there twice).

use std::collections::HashSet;

use super::node::{Content, NodeId, Tree};
use super::scan::Mark;
use super::{MAX_ALIASED_OCTETS, MAX_ALIASED_VALUES, MAX_DEPTH, YamlError, resolve, scalar};
use crate::value::{Map, Value, repr, str_of};

/// The value of a node.
pub(super) fn construct(tree: &mut Tree, root: NodeId, file: &str) -> Result<Value, YamlError> {
    let mut constructor = Constructor {
        file,
        marks: vec![Marks::default(); tree.len()],
        tree,
        aliased_values: 0,
        aliased_octets: 0,
    };
    constructor.value(root, 0, false)
}

struct Constructor<'a> {
    tree: &'a mut Tree,
    file: &'a str,
    /// Of each node.
    marks: Vec<Marks>,
    aliased_values: usize,
    aliased_octets: usize,
}

/// How far a node is.
#[derive(Clone, Copy, Default)]
struct Marks {
    /// It was made already: meeting it again means an alias.
    seen: bool,
    /// A collection that is being made: meeting it again means that it holds itself.
    open: bool,
    flattening: bool,
}

const IN_MAPPING: &str = "while constructing a mapping";

impl Constructor<'_> {
    fn value(&mut self, id: NodeId, depth: usize, aliased: bool) -> Result<Value, YamlError> {
        let aliased = std::mem::replace(&mut self.marks(id).seen, true) || aliased;
        let mark = self.tree.node(id).mark;
        if aliased {
            self.pay(id, mark)?;
        }
        if depth > MAX_DEPTH {
            return Err(self.error(mark, format!("collections are nested deeper than {MAX_DEPTH}")));
        }
        if let Some(text) = self.tree.scalar(id) {
            return self.scalar(id, text);
        }
        if std::mem::replace(&mut self.marks(id).open, true) {
            return Err(self.error(mark, "found unconstructable recursive node"));
        }
        let made = self.collection(id, depth, aliased);
        self.marks(id).open = false;
        made
    }

    fn marks(&mut self, id: NodeId) -> &mut Marks {
        // There is one for each node.
        &mut self.marks[id.place()]
    }

    fn pay(&mut self, id: NodeId, mark: Mark) -> Result<(), YamlError> {
        self.aliased_values += 1;
        self.aliased_octets += self.tree.scalar(id).map_or(0, str::len);
        if self.aliased_values > MAX_ALIASED_VALUES || self.aliased_octets > MAX_ALIASED_OCTETS {
            return Err(self.error(mark, "aliases make this document grow beyond bounds"));
        }
        Ok(())
    }

    fn scalar(&self, id: NodeId, text: &str) -> Result<Value, YamlError> {
        let node = self.tree.node(id);
        let bad = |what: &str| self.error(node.mark, format!("{} is not {what}", repr(&text.into())));
        match &*node.tag {
            resolve::STR | resolve::TIMESTAMP | "tag:yaml.org,2002:python/unicode" => Ok(text.into()),
            resolve::NULL => Ok(Value::Null),
            resolve::BOOL => resolve::bool_of(text).map(Value::Bool).ok_or_else(|| bad("a boolean")),
            resolve::INT => scalar::int(text).ok_or_else(|| bad("an integer")),
            resolve::FLOAT => scalar::float(text).map(Value::Float).ok_or_else(|| bad("a float")),
            "tag:yaml.org,2002:binary" => match scalar::binary(text) {
                Ok(octets) => Ok(Value::Bytes(octets.into())),
                Err(problem) => Err(self.error(node.mark, problem)),
            },
            tag => Err(self.wrong_kind(tag, id)),
        }
    }

    fn collection(&mut self, id: NodeId, depth: usize, aliased: bool) -> Result<Value, YamlError> {
        let node = self.tree.node(id);
        match (&*node.tag, &node.content) {
            (resolve::SEQ, Content::Sequence(items)) => {
                let mut values = Vec::with_capacity(items.len());
                while let Some(item) = self.tree.item(id, values.len()) {
                    values.push(self.value(item, depth + 1, aliased)?);
                }
                Ok(Value::List(values))
            }
            (resolve::MAP, Content::Mapping(_)) => Ok(Value::Map(self.mapping(id, depth, aliased)?)),
            (SET, Content::Mapping(_)) => {
                let map = self.mapping(id, depth, aliased)?;
                Ok(Value::List(map.into_iter().map(|(key, _)| key).collect()))
            }
            (OMAP | PAIRS, Content::Sequence(items)) => {
                let items = items.clone();
                self.pairs(id, &items, depth, aliased)
            }
            (tag, Content::Mapping(pairs)) if !is_collection(tag) => {
                // A mapping may stand for the scalar below its `=` key.
                let stands_for = pairs.iter().find(|(key, _)| self.tree.node(*key).tag == resolve::VALUE);
                match stands_for.and_then(|(_, value)| self.tree.scalar(*value)) {
                    Some(text) => self.scalar(id, text),
                    None => Err(self.wrong_kind(tag, id)),
                }
            }
            (tag, _) => Err(self.wrong_kind(tag, id)),
        }
    }

    /// `!!omap` and `!!pairs`: lists of one-entry mappings, as lists of two.
    fn pairs(
        &mut self,
        id: NodeId,
        items: &[NodeId],
        depth: usize,
        aliased: bool,
    ) -> Result<Value, YamlError> {
        let node = self.tree.node(id);
        let context = (in_pairs(&node.tag), node.mark);
        let mut pairs = Vec::with_capacity(items.len());
        for &item in items {
            let node = self.tree.node(item);
            let Content::Mapping(entries) = &node.content else {
                let problem = format!("expected a mapping of length 1, but found {}", node.content.kind());
                return Err(YamlError::within(self.file, context, node.mark, problem));
            };
            let &[(key, value)] = entries.as_slice() else {
                let problem = format!("expected a single mapping item, but found {} items", entries.len());
                return Err(YamlError::within(self.file, context, node.mark, problem));
            };
            let key = self.value(key, depth + 2, aliased)?;
            pairs.push(Value::List(vec![key, self.value(value, depth + 2, aliased)?]));
        }
        Ok(Value::List(pairs))
    }

    fn mapping(&mut self, id: NodeId, depth: usize, aliased: bool) -> Result<Map, YamlError> {
        self.flatten(id, 0)?;
        let node = self.tree.node(id);
        let context = (IN_MAPPING, node.mark);
        let Content::Mapping(pairs) = &node.content else { return Ok(Map::new()) };
        let mut map = Map::with_capacity(pairs.len());
        // Keys that are no text: a text is equal to the same text alone.
        let mut others = HashSet::new();
        let mut place = 0;
        while let Some((key_id, value_id)) = self.tree.pair(id, place) {
            place += 1;
            let key_mark = self.tree.node(key_id).mark;
            if is_collection(&self.tree.node(key_id).tag) {
                let problem = format!("found unacceptable key {}", self.tree.printed(key_id));
                return Err(YamlError::within(self.file, context, key_mark, problem));
            }
            let key = self.value(key_id, depth + 1, aliased)?;
            let value = self.value(value_id, depth + 1, aliased)?;
            let there = match &key {
                Value::Text(text) => map.contains(text),
                other => !others.insert(as_python_compares(other)),
            };
            if there {
                let problem = format!("found conflicting ID '{}'", str_of(&key));
                return Err(YamlError::within(self.file, context, key_mark, problem));
            }
            map.insert(key, value);
        }
        Ok(map)
    }

    /// Replaces the merge keys of a mapping by the entries they stand for: before its own, and only those whose key it
    /// does not have.
    fn flatten(&mut self, id: NodeId, depth: usize) -> Result<(), YamlError> {
        let mark = self.tree.node(id).mark;
        if depth > MAX_DEPTH || std::mem::replace(&mut self.marks(id).flattening, true) {
            return Err(self.error(mark, "found unconstructable recursive node"));
        }
        let Content::Mapping(pairs) = &self.tree.node(id).content else { return Ok(()) };
        if !pairs.iter().any(|(key, _)| matches!(&*self.tree.node(*key).tag, resolve::MERGE | resolve::VALUE))
        {
            self.marks(id).flattening = false;
            return Ok(());
        }
        let pairs = pairs.clone();
        let (mut own, mut merged) = (Vec::with_capacity(pairs.len()), Vec::new());
        for (key, value) in pairs {
            match self.tree.node(key).tag.as_ref() {
                resolve::MERGE => self.merge(id, value, depth, &mut merged)?,
                resolve::VALUE => {
                    self.tree.node_mut(key).tag = resolve::STR.into();
                    own.push((key, value));
                }
                _ => own.push((key, value)),
            }
        }
        self.marks(id).flattening = false;
        if !merged.is_empty() {
            let there: HashSet<&str> = own.iter().filter_map(|(key, _)| self.tree.scalar(*key)).collect();
            merged.retain(|(key, _)| self.tree.scalar(*key).is_none_or(|key| !there.contains(key)));
            self.aliased_values += merged.len();
            if self.aliased_values > MAX_ALIASED_VALUES {
                return Err(self.error(mark, "aliases make this document grow beyond bounds"));
            }
            merged.append(&mut own);
            own = merged;
        }
        self.tree.node_mut(id).content = Content::Mapping(own);
        Ok(())
    }

    fn merge(
        &mut self,
        id: NodeId,
        from: NodeId,
        depth: usize,
        merged: &mut Vec<(NodeId, NodeId)>,
    ) -> Result<(), YamlError> {
        let mark = self.tree.node(id).mark;
        let node = self.tree.node(from);
        let sources = match &node.content {
            Content::Mapping(_) => vec![from],
            Content::Sequence(items) => items.iter().rev().copied().collect(),
            Content::Scalar(_) => {
                let problem = "expected a mapping or list of mappings for merging, but found scalar";
                return Err(YamlError::within(self.file, (IN_MAPPING, mark), node.mark, problem));
            }
        };
        // Python reports the first item that cannot be merged, in the order of the list.
        for &source in sources.iter().rev() {
            let node = self.tree.node(source);
            if !matches!(node.content, Content::Mapping(_)) {
                let problem = format!("expected a mapping for merging, but found {}", node.content.kind());
                return Err(YamlError::within(self.file, (IN_MAPPING, mark), node.mark, problem));
            }
            if source != id {
                self.flatten(source, depth + 1)?;
            }
        }
        // A mapping merged into itself adds nothing.
        for source in sources.into_iter().filter(|source| *source != id) {
            if let Content::Mapping(pairs) = &self.tree.node(source).content {
                merged.extend_from_slice(pairs);
            }
            if merged.len() > MAX_ALIASED_VALUES {
                return Err(self.error(mark, "aliases make this document grow beyond bounds"));
            }
        }
        Ok(())
    }

    /// The error of a tag on a node that it cannot be on, or of a tag without meaning.
    fn wrong_kind(&self, tag: &str, id: NodeId) -> YamlError {
        let node = self.tree.node(id);
        let kind = node.content.kind();
        match tag {
            resolve::MAP | SET => self.error(node.mark, format!("expected a mapping node, but found {kind}")),
            resolve::SEQ => self.error(node.mark, format!("expected a sequence node, but found {kind}")),
            OMAP | PAIRS => {
                let problem = format!("expected a sequence, but found {kind}");
                YamlError::within(self.file, (in_pairs(tag), node.mark), node.mark, problem)
            }
            resolve::STR
            | resolve::NULL
            | resolve::BOOL
            | resolve::INT
            | resolve::FLOAT
            | resolve::TIMESTAMP
            | "tag:yaml.org,2002:binary" => {
                self.error(node.mark, format!("expected a scalar node, but found {kind}"))
            }
            tag => {
                let problem = format!("could not determine a constructor for the tag {}", repr(&tag.into()));
                self.error(node.mark, problem)
            }
        }
    }

    fn error(&self, mark: Mark, problem: impl Into<String>) -> YamlError {
        YamlError::at(self.file, mark, problem)
    }
}

fn in_pairs(tag: &str) -> &'static str {
    if tag == OMAP { "while constructing an ordered map" } else { "while constructing pairs" }
}

fn is_collection(tag: &str) -> bool {
    tag != resolve::STR && matches!(tag, resolve::SEQ | resolve::MAP | SET | OMAP | PAIRS)
}

const SET: &str = "tag:yaml.org,2002:set";
const OMAP: &str = "tag:yaml.org,2002:omap";
const PAIRS: &str = "tag:yaml.org,2002:pairs";

/// The form of a key under which Python finds it equal to others: `1`, `1.0` and `true` are one key.
fn as_python_compares(key: &Value) -> Value {
    match key {
        Value::Bool(bool) => Value::Int(i64::from(*bool)),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e15 => {
            // The bound above keeps this exact.
            #[allow(clippy::cast_possible_truncation)]
            Value::Int(*float as i64)
        }
        other => other.clone(),
    }
}
