//! Tokens to nodes: the grammar, aliases found, tags resolved, one document. libyaml: parser.c; PyYAML: composer.py
//! (the C parser's form of it).

use std::borrow::Cow;
use std::collections::HashMap;

use super::node::{Content, Node, NodeId, Tree, implicit_tag};
use super::scan::{Data, Mark, Scanner, Token};
use super::{MAX_DEPTH, YamlError, resolve};

/// The tree of the one document, or `None` where there is no document.
pub(super) fn compose(text: &str, file: &str) -> Result<Option<(Tree, NodeId)>, YamlError> {
    let mut composer = Composer {
        scanner: Scanner::new(text, file)?,
        file,
        tree: Tree::default(),
        anchors: HashMap::new(),
        tag_prefixes: HashMap::new(),
    };
    let Some(root) = composer.first_document()? else { return Ok(None) };
    composer.expect_no_more(root)?;
    Ok(Some((composer.tree, root)))
}

/// Keys and values of a mapping.
type Pairs = Vec<(NodeId, NodeId)>;

struct Composer<'t> {
    scanner: Scanner<'t>,
    file: &'t str,
    tree: Tree,
    anchors: HashMap<String, NodeId>,
    tag_prefixes: HashMap<String, String>,
}

/// Where a node stands: it decides what may be there.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The root, or an item of a block sequence.
    Block,
    /// Key or value of a block mapping: a sequence needs no indentation there.
    BlockMapping,
    Flow,
}

impl Composer<'_> {
    fn first_document(&mut self) -> Result<Option<NodeId>, YamlError> {
        match self.peek()?.data {
            Data::StreamEnd => Ok(None),
            Data::Version { .. } | Data::TagDirective { .. } | Data::DocumentStart => {
                self.explicit_start()?;
                self.content().map(Some)
            }
            _ => {
                self.default_prefixes();
                self.node(Place::Block, 0).map(Some)
            }
        }
    }

    /// Directives and `---`.
    fn explicit_start(&mut self) -> Result<(), YamlError> {
        let mut version_seen = false;
        self.tag_prefixes.clear();
        loop {
            let start = self.peek()?.start;
            match &self.peek()?.data {
                Data::Version { .. } if version_seen => {
                    return Err(self.error(start, "found duplicate %YAML directive"));
                }
                Data::Version { major: 1, minor: 1 | 2 } => version_seen = true,
                Data::Version { .. } => return Err(self.error(start, "found incompatible YAML document")),
                Data::TagDirective { handle, prefix } => {
                    let (handle, prefix) = (handle.clone(), prefix.clone());
                    if self.tag_prefixes.insert(handle, prefix).is_some() {
                        return Err(self.error(start, "found duplicate %TAG directive"));
                    }
                }
                _ => break,
            }
            self.scanner.take();
        }
        self.default_prefixes();
        let token = self.peek()?;
        if !matches!(token.data, Data::DocumentStart) {
            let start = token.start;
            return Err(self.error(start, "did not find expected <document start>"));
        }
        self.scanner.take();
        Ok(())
    }

    fn default_prefixes(&mut self) {
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            self.tag_prefixes.entry(handle.to_owned()).or_insert_with(|| prefix.to_owned());
        }
    }

    fn content(&mut self) -> Result<NodeId, YamlError> {
        let token = self.peek()?;
        match token.data {
            Data::Version { .. }
            | Data::TagDirective { .. }
            | Data::DocumentStart
            | Data::DocumentEnd
            | Data::StreamEnd => {
                let mark = token.start;
                self.empty(mark)
            }
            _ => self.node(Place::Block, 0),
        }
    }

    fn expect_no_more(&mut self, root: NodeId) -> Result<(), YamlError> {
        while matches!(self.peek()?.data, Data::DocumentEnd) {
            self.scanner.take();
        }
        let token = self.peek()?;
        let start = token.start;
        if matches!(token.data, Data::StreamEnd) {
            return Ok(());
        }
        self.explicit_start()?;
        let context = ("expected a single document in the stream", self.tree.node(root).mark);
        Err(YamlError::within(self.file, context, start, "but found another document"))
    }

    fn node(&mut self, place: Place, depth: usize) -> Result<NodeId, YamlError> {
        let first = self.peek()?;
        let mut start = first.start;
        if depth > MAX_DEPTH {
            return Err(self.error(start, format!("collections are nested deeper than {MAX_DEPTH}")));
        }
        if let Data::Alias(name) = &first.data {
            let name = name.clone();
            let found = self.anchored(&name, start)?;
            self.scanner.take();
            return Ok(found);
        }
        let (anchor, tag) = self.properties(&mut start)?;
        let token = self.peek()?;
        let token_start = token.start;
        let in_block = place != Place::Flow;
        match token.data {
            Data::BlockEntry if place == Place::BlockMapping => {
                self.sequence(anchor, tag, start, Self::indentless_sequence, depth)
            }
            Data::FlowSequenceStart => self.sequence(anchor, tag, start, Self::flow_sequence, depth),
            Data::BlockSequenceStart if in_block => {
                self.sequence(anchor, tag, start, Self::block_sequence, depth)
            }
            Data::FlowMappingStart => self.mapping(anchor, tag, start, Self::flow_mapping, depth),
            Data::BlockMappingStart if in_block => {
                self.mapping(anchor, tag, start, Self::block_mapping, depth)
            }
            Data::Scalar { .. } => self.scalar(anchor, tag, start),
            _ if anchor.is_some() || tag.is_some() => {
                let tag = match tag {
                    Some(tag) if tag != "!" => tag.into(),
                    tag => implicit_tag("", tag.is_none()).into(),
                };
                self.open(anchor, tag, start, Content::Scalar(String::new()))
            }
            _ => {
                let context = if place == Place::Flow {
                    "while parsing a flow node"
                } else {
                    "while parsing a block node"
                };
                let problem = "did not find expected node content";
                Err(YamlError::within(self.file, (context, start), token_start, problem))
            }
        }
    }

    fn scalar(
        &mut self,
        anchor: Option<String>,
        tag: Option<String>,
        start: Mark,
    ) -> Result<NodeId, YamlError> {
        let Some(Token { data: Data::Scalar { value, plain }, .. }) = self.scanner.take() else {
            return Err(self.error(start, "did not find expected node content"));
        };
        let tag = match tag {
            Some(tag) if tag != "!" => tag.into(),
            // `!` before a scalar, even a quoted one, means: decide by its look.
            tag => implicit_tag(&value, plain || tag.is_some()).into(),
        };
        self.open(anchor, tag, start, Content::Scalar(value))
    }

    fn sequence(
        &mut self,
        anchor: Option<String>,
        tag: Option<String>,
        start: Mark,
        read: fn(&mut Self, usize) -> Result<Vec<NodeId>, YamlError>,
        depth: usize,
    ) -> Result<NodeId, YamlError> {
        // Anchors are known before their content: a sequence can hold itself, as far as the grammar goes.
        let id = self.open(anchor, own_tag(tag, resolve::SEQ), start, Content::Sequence(Vec::new()))?;
        let items = read(self, depth + 1)?;
        self.close(id, Content::Sequence(items))
    }

    fn mapping(
        &mut self,
        anchor: Option<String>,
        tag: Option<String>,
        start: Mark,
        read: fn(&mut Self, usize) -> Result<Pairs, YamlError>,
        depth: usize,
    ) -> Result<NodeId, YamlError> {
        let id = self.open(anchor, own_tag(tag, resolve::MAP), start, Content::Mapping(Vec::new()))?;
        let pairs = read(self, depth + 1)?;
        self.close(id, Content::Mapping(pairs))
    }

    /// Anchor and tag before a node, in any order.
    fn properties(&mut self, start: &mut Mark) -> Result<(Option<String>, Option<String>), YamlError> {
        let (mut anchor, mut tag) = (None, None);
        for nth in 0..2 {
            let token = self.peek()?;
            let mark = token.start;
            match &token.data {
                Data::Anchor(name) if anchor.is_none() => anchor = Some(name.clone()),
                Data::Tag { handle, suffix } if tag.is_none() => {
                    tag = Some((handle.clone(), suffix.clone(), mark));
                }
                _ => break,
            }
            if nth == 0 {
                *start = mark;
            }
            self.scanner.take();
        }
        // What follows is looked at before the tag is looked up: its error comes first.
        self.peek()?;
        let tag = match tag {
            None => None,
            Some((handle, suffix, _)) if handle.is_empty() => Some(suffix),
            Some((handle, suffix, mark)) => match self.tag_prefixes.get(&handle) {
                Some(prefix) => Some(format!("{prefix}{suffix}")),
                None => {
                    let context = ("while parsing a node", *start);
                    return Err(YamlError::within(self.file, context, mark, "found undefined tag handle"));
                }
            },
        };
        Ok((anchor, tag))
    }

    fn block_sequence(&mut self, depth: usize) -> Result<Vec<NodeId>, YamlError> {
        let start = self.taken_start()?;
        let mut items = Vec::new();
        loop {
            let token = self.peek()?;
            let (at, end) = (token.start, token.end);
            match token.data {
                Data::BlockEntry => {
                    self.scanner.take();
                    items.push(match self.peek()?.data {
                        Data::BlockEntry | Data::BlockEnd => self.empty(end)?,
                        _ => self.node(Place::Block, depth)?,
                    });
                }
                Data::BlockEnd => {
                    self.scanner.take();
                    return Ok(items);
                }
                _ => {
                    let context = ("while parsing a block collection", start);
                    let problem = "did not find expected '-' indicator";
                    return Err(YamlError::within(self.file, context, at, problem));
                }
            }
        }
    }

    fn indentless_sequence(&mut self, depth: usize) -> Result<Vec<NodeId>, YamlError> {
        let mut items = Vec::new();
        loop {
            let token = self.peek()?;
            let end = token.end;
            if !matches!(token.data, Data::BlockEntry) {
                return Ok(items);
            }
            self.scanner.take();
            items.push(match self.peek()?.data {
                Data::BlockEntry | Data::Key | Data::Value | Data::BlockEnd => self.empty(end)?,
                _ => self.node(Place::Block, depth)?,
            });
        }
    }

    fn block_mapping(&mut self, depth: usize) -> Result<Pairs, YamlError> {
        let start = self.taken_start()?;
        let mut pairs = Vec::new();
        loop {
            let token = self.peek()?;
            let (at, end) = (token.start, token.end);
            match token.data {
                Data::Key => {
                    self.scanner.take();
                    let key = self.block_mapping_part(end, depth)?;
                    let token = self.peek()?;
                    let (at, end) = (token.start, token.end);
                    let value = if matches!(token.data, Data::Value) {
                        self.scanner.take();
                        self.block_mapping_part(end, depth)?
                    } else {
                        self.empty(at)?
                    };
                    pairs.push((key, value));
                }
                Data::BlockEnd => {
                    self.scanner.take();
                    return Ok(pairs);
                }
                _ => {
                    let context = ("while parsing a block mapping", start);
                    return Err(YamlError::within(self.file, context, at, "did not find expected key"));
                }
            }
        }
    }

    fn block_mapping_part(&mut self, mark: Mark, depth: usize) -> Result<NodeId, YamlError> {
        match self.peek()?.data {
            Data::Key | Data::Value | Data::BlockEnd => self.empty(mark),
            _ => self.node(Place::BlockMapping, depth),
        }
    }

    fn flow_sequence(&mut self, depth: usize) -> Result<Vec<NodeId>, YamlError> {
        let start = self.taken_start()?;
        let mut items = Vec::new();
        loop {
            if !items.is_empty() && !self.separator(start, "sequence", "]")? {
                return Ok(items);
            }
            let token = self.peek()?;
            let mark = token.start;
            match token.data {
                Data::FlowSequenceEnd => {
                    self.scanner.take();
                    return Ok(items);
                }
                Data::Key => {
                    self.scanner.take();
                    items.push(self.pair_in_sequence(mark, depth)?);
                }
                _ => items.push(self.node(Place::Flow, depth)?),
            }
        }
    }

    /// `a: b` in a flow sequence: a mapping of one entry.
    fn pair_in_sequence(&mut self, mark: Mark, depth: usize) -> Result<NodeId, YamlError> {
        let id = self.open(None, resolve::MAP.into(), mark, Content::Mapping(Vec::new()))?;
        let token = self.peek()?;
        let end = token.end;
        let key = match token.data {
            Data::Value | Data::FlowEntry => {
                // libyaml takes this token, whichever it is: `[? : a]` is an error there.
                self.scanner.take();
                self.empty(end)?
            }
            Data::FlowSequenceEnd => self.empty(end)?,
            _ => self.node(Place::Flow, depth + 1)?,
        };
        let value = self.pair_value(depth + 1)?;
        self.close(id, Content::Mapping(vec![(key, value)]))
    }

    fn pair_value(&mut self, depth: usize) -> Result<NodeId, YamlError> {
        if matches!(self.peek()?.data, Data::Value) {
            self.scanner.take();
            if !matches!(self.peek()?.data, Data::FlowEntry | Data::FlowSequenceEnd) {
                return self.node(Place::Flow, depth);
            }
        }
        let mark = self.peek()?.start;
        self.empty(mark)
    }

    fn flow_mapping(&mut self, depth: usize) -> Result<Pairs, YamlError> {
        let start = self.taken_start()?;
        let mut pairs = Vec::new();
        loop {
            if !pairs.is_empty() && !self.separator(start, "mapping", "}")? {
                return Ok(pairs);
            }
            let token = self.peek()?;
            match token.data {
                Data::FlowMappingEnd => {
                    self.scanner.take();
                    return Ok(pairs);
                }
                Data::Key => {
                    self.scanner.take();
                    let key = self.flow_mapping_part(depth, true)?;
                    let value = if matches!(self.peek()?.data, Data::Value) {
                        self.scanner.take();
                        self.flow_mapping_part(depth, false)?
                    } else {
                        let mark = self.peek()?.start;
                        self.empty(mark)?
                    };
                    pairs.push((key, value));
                }
                _ => {
                    let key = self.node(Place::Flow, depth)?;
                    let mark = self.peek()?.start;
                    pairs.push((key, self.empty(mark)?));
                }
            }
        }
    }

    fn flow_mapping_part(&mut self, depth: usize, is_key: bool) -> Result<NodeId, YamlError> {
        let token = self.peek()?;
        let mark = token.start;
        match token.data {
            Data::FlowEntry | Data::FlowMappingEnd => self.empty(mark),
            Data::Value if is_key => self.empty(mark),
            _ => self.node(Place::Flow, depth),
        }
    }

    /// Takes the `,` between items; false at the end of the collection, which is taken, too.
    fn separator(&mut self, start: Mark, kind: &str, end: &str) -> Result<bool, YamlError> {
        let token = self.peek()?;
        let at = token.start;
        let ends = match (&token.data, end) {
            (Data::FlowEntry, _) => false,
            (Data::FlowSequenceEnd, "]") | (Data::FlowMappingEnd, "}") => true,
            _ => {
                let context = format!("while parsing a flow {kind}");
                let problem = format!("did not find expected ',' or '{end}'");
                return Err(YamlError::within(self.file, (&context, start), at, problem));
            }
        };
        self.scanner.take();
        Ok(!ends)
    }

    /// Takes the token that opens a collection, for its place.
    fn taken_start(&mut self) -> Result<Mark, YamlError> {
        let start = self.peek()?.start;
        self.scanner.take();
        Ok(start)
    }

    fn open(
        &mut self,
        anchor: Option<String>,
        tag: Cow<'static, str>,
        mark: Mark,
        content: Content,
    ) -> Result<NodeId, YamlError> {
        let id = self.tree.add(Node { tag, mark, content });
        if let Some(anchor) = anchor {
            if let Some(first) = self.anchors.get(&anchor) {
                let context = ("found duplicate anchor; first occurrence", self.tree.node(*first).mark);
                return Err(YamlError::within(self.file, context, mark, "second occurrence"));
            }
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn close(&mut self, id: NodeId, content: Content) -> Result<NodeId, YamlError> {
        self.tree.node_mut(id).content = content;
        Ok(id)
    }

    /// A node where nothing is written: null.
    fn empty(&mut self, mark: Mark) -> Result<NodeId, YamlError> {
        self.open(None, resolve::NULL.into(), mark, Content::Scalar(String::new()))
    }

    fn anchored(&self, name: &str, mark: Mark) -> Result<NodeId, YamlError> {
        self.anchors.get(name).copied().ok_or_else(|| self.error(mark, "found undefined alias"))
    }

    fn peek(&mut self) -> Result<&Token, YamlError> {
        self.scanner.peek()
    }

    fn error(&self, mark: Mark, problem: impl Into<String>) -> YamlError {
        YamlError::at(self.file, mark, problem)
    }
}

fn own_tag(tag: Option<String>, default: &'static str) -> Cow<'static, str> {
    tag.filter(|tag| tag != "!").map_or(Cow::Borrowed(default), Cow::Owned)
}
