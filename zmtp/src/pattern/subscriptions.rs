//! What the peers of a publisher subscribed to: a radix tree from topics to peers. RFC 29, "PUB", "XPUB".
//!
//! Nothing here recurses, so a topic may be as long as it likes. A node lives in an arena and keeps its number as
//! long as a subscription ends at it, so a peer's subscriptions are plain lists of node numbers.
//!
//! RFC 37: "A subscription of "A" SHALL match all messages starting with "A". An empty subscription SHALL match all
//! messages." It also says that they are counted; but libzmq's SUB sends SUBSCRIBE for every call, but CANCEL only for the
//! last one, so here they are a set per connection.

const ROOT: u32 = 0;

/// Peers and what they subscribed to.
#[derive(Debug)]
pub struct Subscriptions<P> {
    /// `nodes[ROOT]` always exists and has an empty edge.
    nodes: Vec<Node>,
    free_nodes: Vec<u32>,
    peers: Vec<Option<Peer<P>>>,
    free_peers: Vec<u32>,
    /// Peers with at least one subscription.
    subscribers: usize,
    /// Number of the running match, so that each peer is told once.
    round: u64,
}

#[derive(Debug, Default)]
struct Node {
    /// Octets between the parent and this node; empty for the root only.
    edge: Box<[u8]>,
    parent: u32,
    /// First octet of the child's edge and the child, sorted.
    children: Vec<(u8, u32)>,
    peers: PeerSet,
}

#[derive(Debug)]
struct Peer<P> {
    peer: P,
    /// Nodes this peer subscribed to, sorted.
    topics: Vec<u32>,
    /// Octets of all those topics.
    octets: usize,
    seen: u64,
}

/// Sorted; most topics have one peer, and one topic may have all.
#[derive(Debug, Default)]
enum PeerSet {
    #[default]
    None,
    One(u32),
    Many(Vec<u32>),
}

/// Names a peer in one [`Subscriptions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerKey(u32);

/// Names a place in the tree, until that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicPlace(u32);

/// What one peer may hold.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionLimits {
    /// Number of topics.
    pub topics: usize,
    /// Octets of all topics together.
    pub octets: usize,
}

/// The peer has more subscriptions than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded;

/// What a change did: to this peer, and to the topic over all peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The peer's set changed.
    pub peer: bool,
    /// The topic got its first peer or lost its last one.
    pub topic: bool,
}

impl<P> Default for Subscriptions<P> {
    fn default() -> Self {
        Subscriptions {
            nodes: vec![Node::default()],
            free_nodes: Vec::new(),
            peers: Vec::new(),
            free_peers: Vec::new(),
            subscribers: 0,
            round: 0,
        }
    }
}

impl<P> Subscriptions<P> {
    /// No peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a peer without subscriptions.
    pub fn add_peer(&mut self, peer: P) -> PeerKey {
        let peer = Some(Peer { peer, topics: Vec::new(), octets: 0, seen: self.round });
        let free = self.free_peers.pop();
        if let Some((key, slot)) = free.and_then(|key| Some((key, self.peers.get_mut(index(key))?))) {
            *slot = peer;
            return PeerKey(key);
        }
        self.peers.push(peer);
        PeerKey(number(self.peers.len() - 1))
    }

    /// Removes a peer and its subscriptions; `last` hears of every topic that no peer wants any more.
    pub fn remove_peer(&mut self, key: PeerKey, mut last: impl FnMut(Vec<u8>)) {
        let Some(peer) = self.peers.get_mut(index(key.0)).and_then(Option::take) else { return };
        self.free_peers.push(key.0);
        if !peer.topics.is_empty() {
            self.subscribers -= 1;
        }
        for node in peer.topics {
            self.node_mut(node).peers.remove(key.0);
            if self.node(node).peers.is_empty() {
                last(self.topic_of(node));
                self.prune(node);
            }
        }
    }

    /// Adds a topic to a peer's set.
    ///
    /// # Errors
    /// When the set would exceed `limits`; it is then unchanged.
    pub fn subscribe(
        &mut self,
        key: PeerKey,
        topic: &[u8],
        limits: SubscriptionLimits,
    ) -> Result<Change, LimitExceeded> {
        let unchanged = Ok(Change { peer: false, topic: false });
        let Some(peer) = self.peer(key) else { return unchanged };
        let octets = peer.octets.saturating_add(topic.len());
        if peer.topics.len() >= limits.topics || octets > limits.octets {
            let known = self.find(topic).is_some_and(|node| peer.topics.binary_search(&node).is_ok());
            return if known { unchanged } else { Err(LimitExceeded) };
        }
        let node = self.find_or_insert(topic);
        let first = self.node(node).peers.is_empty();
        if !self.node_mut(node).peers.insert(key.0) {
            return unchanged;
        }
        let Some(peer) = self.peer_mut(key) else { return unchanged };
        if let Err(at) = peer.topics.binary_search(&node) {
            peer.topics.insert(at, node);
        }
        peer.octets = octets;
        if peer.topics.len() == 1 {
            self.subscribers += 1;
        }
        Ok(Change { peer: true, topic: first })
    }

    /// Takes a topic out of a peer's set. A topic that is not in it is ignored.
    pub fn cancel(&mut self, key: PeerKey, topic: &[u8]) -> Change {
        let unchanged = Change { peer: false, topic: false };
        let Some(node) = self.find(topic) else { return unchanged };
        if !self.node_mut(node).peers.remove(key.0) {
            return unchanged;
        }
        if let Some(peer) = self.peer_mut(key) {
            if let Ok(at) = peer.topics.binary_search(&node) {
                peer.topics.remove(at);
            }
            peer.octets = peer.octets.saturating_sub(topic.len());
            if peer.topics.is_empty() {
                peer.topics = Vec::new();
                self.subscribers -= 1;
            }
        }
        let last = self.node(node).peers.is_empty();
        self.prune(node);
        Change { peer: true, topic: last }
    }

    /// Calls `deliver` once for every peer with a topic that is a prefix of `first_frame`.
    /// RFC 29: "SHALL perform a binary comparison of the subscription against the start of the first frame of the message".
    pub fn for_each_match(&mut self, first_frame: &[u8], mut deliver: impl FnMut(&P)) {
        self.round += 1;
        let round = self.round;
        let Subscriptions { nodes, peers, .. } = self;
        let mut rest = first_frame;
        let mut node = nodes.first();
        while let Some(here) = node {
            for &key in here.peers.as_slice() {
                if let Some(peer) = peers.get_mut(index(key)).and_then(Option::as_mut)
                    && peer.seen != round
                {
                    peer.seen = round;
                    deliver(&peer.peer);
                }
            }
            node =
                rest.first().and_then(|octet| here.child(*octet)).and_then(|child| nodes.get(index(child)));
            match node.and_then(|child| rest.strip_prefix(&*child.edge)) {
                Some(after) => rest = after,
                None => break,
            }
        }
    }

    /// Where the search for a first frame ends: messages with the same place go to the same peers.
    pub fn place_of(&self, first_frame: &[u8]) -> TopicPlace {
        let (mut at, mut rest) = (ROOT, first_frame);
        while let Some(child) = rest.first().and_then(|octet| self.node(at).child(*octet))
            && let Some(after) = rest.strip_prefix(&*self.node(child).edge)
        {
            (at, rest) = (child, after);
        }
        TopicPlace(at)
    }

    /// As [`Subscriptions::for_each_match`], or with `inverted` for every peer that it leaves out.
    pub fn for_each_wanting(&mut self, first_frame: &[u8], inverted: bool, mut deliver: impl FnMut(&P)) {
        if !inverted {
            return self.for_each_match(first_frame, deliver);
        }
        self.for_each_match(first_frame, |_| {});
        let others = self.peers.iter().flatten().filter(|peer| peer.seen != self.round);
        others.for_each(|peer| deliver(&peer.peer));
    }

    /// All peers.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.peers.iter().flatten().map(|peer| &peer.peer)
    }

    /// Peers with at least one subscription.
    pub fn subscribers(&self) -> usize {
        self.subscribers
    }

    /// All peers.
    pub fn peers(&self) -> usize {
        self.peers.len() - self.free_peers.len()
    }

    /// How many topics this peer subscribed to.
    pub fn topics_of(&self, key: PeerKey) -> usize {
        self.peer(key).map_or(0, |peer| peer.topics.len())
    }

    fn peer(&self, key: PeerKey) -> Option<&Peer<P>> {
        self.peers.get(index(key.0))?.as_ref()
    }

    fn peer_mut(&mut self, key: PeerKey) -> Option<&mut Peer<P>> {
        self.peers.get_mut(index(key.0))?.as_mut()
    }

    fn node(&self, node: u32) -> &Node {
        &self.nodes[index(node)]
    }

    fn node_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[index(node)]
    }

    fn find(&self, topic: &[u8]) -> Option<u32> {
        let mut node = ROOT;
        let mut rest = topic;
        while let Some(&octet) = rest.first() {
            node = self.node(node).child(octet)?;
            rest = rest.strip_prefix(&*self.node(node).edge)?;
        }
        Some(node)
    }

    fn find_or_insert(&mut self, topic: &[u8]) -> u32 {
        let mut node = ROOT;
        let mut rest = topic;
        while let Some(&octet) = rest.first() {
            let Some(child) = self.node(node).child(octet) else { return self.add_node(node, rest) };
            let common = common_prefix(&self.node(child).edge, rest);
            node = if common == self.node(child).edge.len() { child } else { self.split(child, common) };
            rest = rest.get(common..).unwrap_or_default();
        }
        node
    }

    fn add_node(&mut self, parent: u32, edge: &[u8]) -> u32 {
        let node = Node { edge: edge.into(), parent, ..Node::default() };
        let at = match self.free_nodes.pop() {
            Some(at) => {
                *self.node_mut(at) = node;
                at
            }
            None => {
                self.nodes.push(node);
                number(self.nodes.len() - 1)
            }
        };
        self.node_mut(parent).set_child(edge[0], at);
        at
    }

    /// Puts a new node between `node` and its parent, `at` octets down; `node` keeps its number.
    fn split(&mut self, node: u32, at: usize) -> u32 {
        let edge = std::mem::take(&mut self.node_mut(node).edge);
        let (upper, lower) = edge.split_at(at);
        let middle = self.add_node(self.node(node).parent, upper);
        self.node_mut(middle).children.push((lower[0], node));
        let node = self.node_mut(node);
        node.edge = lower.into();
        node.parent = middle;
        middle
    }

    /// Removes `node` and its ancestors as far as nothing needs them.
    fn prune(&mut self, mut node: u32) {
        while node != ROOT && self.node(node).peers.is_empty() {
            let parent = self.node(node).parent;
            match self.node(node).children[..] {
                [] => {
                    let octet = self.node(node).edge[0];
                    self.node_mut(parent).remove_child(octet);
                    self.free(node);
                    node = parent;
                }
                [(_, child)] => {
                    let edge = [&*self.node(node).edge, &*self.node(child).edge].concat();
                    self.node_mut(parent).set_child(edge[0], child);
                    let below = self.node_mut(child);
                    below.edge = edge.into();
                    below.parent = parent;
                    return self.free(node);
                }
                _ => return,
            }
        }
    }

    fn free(&mut self, node: u32) {
        *self.node_mut(node) = Node::default();
        self.free_nodes.push(node);
        if self.free_nodes.len() + 1 == self.nodes.len() && self.nodes.len() > 32 {
            self.nodes.truncate(1);
            self.nodes.shrink_to_fit();
            self.free_nodes = Vec::new();
        }
    }

    fn topic_of(&self, mut node: u32) -> Vec<u8> {
        let mut edges = Vec::new();
        while node != ROOT {
            edges.push(&self.node(node).edge);
            node = self.node(node).parent;
        }
        edges.into_iter().rev().flat_map(|edge| edge.iter().copied()).collect()
    }
}

impl Node {
    fn child(&self, octet: u8) -> Option<u32> {
        let at = self.children.binary_search_by_key(&octet, |(first, _)| *first).ok()?;
        self.children.get(at).map(|(_, child)| *child)
    }

    fn set_child(&mut self, octet: u8, child: u32) {
        match self.children.binary_search_by_key(&octet, |(first, _)| *first) {
            Ok(at) => self.children[at].1 = child,
            Err(at) => self.children.insert(at, (octet, child)),
        }
    }

    fn remove_child(&mut self, octet: u8) {
        if let Ok(at) = self.children.binary_search_by_key(&octet, |(first, _)| *first) {
            self.children.remove(at);
        }
    }
}

impl PeerSet {
    fn as_slice(&self) -> &[u32] {
        match self {
            PeerSet::None => &[],
            PeerSet::One(key) => std::slice::from_ref(key),
            PeerSet::Many(keys) => keys,
        }
    }

    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn insert(&mut self, key: u32) -> bool {
        match self {
            PeerSet::None => *self = PeerSet::One(key),
            PeerSet::One(only) if *only == key => return false,
            PeerSet::One(only) => *self = PeerSet::Many(vec![key.min(*only), key.max(*only)]),
            PeerSet::Many(keys) => match keys.binary_search(&key) {
                Ok(_) => return false,
                Err(at) => keys.insert(at, key),
            },
        }
        true
    }

    fn remove(&mut self, key: u32) -> bool {
        match self {
            PeerSet::One(only) if *only == key => *self = PeerSet::None,
            PeerSet::None | PeerSet::One(_) => return false,
            PeerSet::Many(keys) => {
                let Ok(at) = keys.binary_search(&key) else { return false };
                keys.remove(at);
                match keys[..] {
                    [] => *self = PeerSet::None,
                    [only] => *self = PeerSet::One(only),
                    _ if keys.capacity() > 4 * keys.len() + 16 => keys.shrink_to(2 * keys.len()),
                    _ => {}
                }
            }
        }
        true
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn index(number: u32) -> usize {
    number as usize // widening on every platform that has sockets
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("4 billion peers or topics do not fit into memory")
}

impl SubscriptionLimits {
    /// No limits.
    pub const NONE: SubscriptionLimits = SubscriptionLimits { topics: usize::MAX, octets: usize::MAX };
}

/// The tree against a list of pairs.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties {
    use super::*;

    /// One operation per three octets: what, which peer, which topic.
    pub fn tree_equals_model(operations: &[u8]) {
        let mut tree = Subscriptions::new();
        let mut keys = Vec::new();
        let mut model: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 4];
        for peer in 0..4_usize {
            keys.push(tree.add_peer(peer));
        }
        for operation in operations.chunks_exact(3) {
            let peer = usize::from(operation[1] & 3);
            let topic = topic(operation[2]);
            match operation[0] % 8 {
                0..4 => {
                    let topic_new = !model.iter().flatten().any(|t| *t == topic);
                    let peer_new = !model[peer].contains(&topic);
                    let change = tree.subscribe(keys[peer], &topic, SubscriptionLimits::NONE).unwrap();
                    assert_eq!(change, Change { peer: peer_new, topic: topic_new });
                    if peer_new {
                        model[peer].push(topic);
                    }
                }
                4..6 => {
                    let was = model[peer].contains(&topic);
                    model[peer].retain(|t| *t != topic);
                    let gone = was && !model.iter().flatten().any(|t| *t == topic);
                    assert_eq!(tree.cancel(keys[peer], &topic), Change { peer: was, topic: gone });
                }
                6 => {
                    let mut last = Vec::new();
                    tree.remove_peer(keys[peer], |topic| last.push(topic));
                    let mut gone = std::mem::take(&mut model[peer]);
                    gone.retain(|t| !model.iter().flatten().any(|other| other == t));
                    gone.sort();
                    last.sort();
                    assert_eq!(last, gone);
                    keys[peer] = tree.add_peer(peer);
                }
                _ => {
                    let mut matched = Vec::new();
                    tree.for_each_match(&topic, |peer| matched.push(*peer));
                    matched.sort_unstable();
                    let wanted = |p: &usize| model[*p].iter().any(|t| topic.starts_with(t));
                    assert_eq!(matched, (0..4).filter(wanted).collect::<Vec<_>>());
                }
            }
            assert_eq!(tree.subscribers(), model.iter().filter(|topics| !topics.is_empty()).count());
        }
        for key in keys {
            tree.remove_peer(key, |_| {});
        }
        assert_eq!((tree.peers(), tree.subscribers()), (0, 0));
        assert_eq!(tree.nodes.len(), tree.free_nodes.len() + 1, "a node leaked");
        assert!(tree.nodes[0].children.is_empty());
    }

    /// Topics that share prefixes: up to three letters of two.
    fn topic(code: u8) -> Vec<u8> {
        (0..code & 3).map(|i| b'a' + (code >> (2 + i) & 1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(tree: &mut Subscriptions<u32>, first: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        tree.for_each_match(first, |peer| found.push(*peer));
        found.sort_unstable();
        found
    }

    #[test]
    fn a_topic_is_a_prefix_and_each_peer_hears_once() {
        let mut tree = Subscriptions::new();
        let a = tree.add_peer(1);
        let b = tree.add_peer(2);
        for topic in [&b""[..], b"abc", b"abd", b"ab"] {
            tree.subscribe(a, topic, SubscriptionLimits::NONE).unwrap();
        }
        tree.subscribe(b, b"abd", SubscriptionLimits::NONE).unwrap();
        assert_eq!(matches(&mut tree, b"abde"), [1, 2]);
        assert_eq!(matches(&mut tree, b""), [1]);
        assert_eq!(matches(&mut tree, b"ab"), [1]);
        assert_eq!(tree.topics_of(a), 4);
    }

    #[test]
    fn subscriptions_are_not_counted() {
        let mut tree = Subscriptions::new();
        let a = tree.add_peer(1);
        for _ in 0..2 {
            tree.subscribe(a, b"t", SubscriptionLimits::NONE).unwrap();
        }
        assert_eq!(tree.cancel(a, b"t"), Change { peer: true, topic: true });
        assert_eq!(tree.cancel(a, b"t"), Change { peer: false, topic: false });
        assert_eq!(matches(&mut tree, b"t"), [0; 0]);
    }

    /// Covers: pitfalls B13
    #[test]
    fn topics_of_a_mebibyte_do_not_recurse() {
        let mut tree = Subscriptions::new();
        let a = tree.add_peer(1);
        let long = vec![b'x'; 1 << 20];
        for end in (0..long.len()).step_by(16 * 1024) {
            tree.subscribe(a, &long[..end], SubscriptionLimits::NONE).unwrap();
        }
        assert_eq!(matches(&mut tree, &long), [1]);
        tree.remove_peer(a, |_| {});
        assert_eq!(tree.nodes.len(), tree.free_nodes.len() + 1);
    }

    #[test]
    fn a_peer_cannot_exceed_its_limits() {
        let mut tree = Subscriptions::new();
        let a = tree.add_peer(1);
        let limits = SubscriptionLimits { topics: 2, octets: 5 };
        tree.subscribe(a, b"abc", limits).unwrap();
        assert_eq!(tree.subscribe(a, b"def", limits), Err(LimitExceeded));
        tree.subscribe(a, b"de", limits).unwrap();
        assert_eq!(tree.subscribe(a, b"", limits), Err(LimitExceeded));
        assert!(tree.subscribe(a, b"de", limits).is_ok(), "a known one again costs nothing");
        tree.cancel(a, b"abc");
        assert!(tree.subscribe(a, b"abc", limits).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn the_tree_equals_a_list_of_pairs(operations in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            properties::tree_equals_model(&operations);
        }
    }
}
