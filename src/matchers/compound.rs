//! Compound targets: `G@os:Ubuntu and ( web* or not L@a,b )`. Salt: matchers/compound_match.py for minions,
//! utils/minions.py (`_check_compound_minions`) for masters.
//!
//! The two sides of Salt read the same words by two grammars: a minion makes a Python expression of truth values, a
//! master one of sets. Both are built here from one list of words, so that each side decides as the original does:
//! a master takes `( a`, a minion does not.

use super::leaf::Leaf;
use super::nodegroups::words_of;
use super::{ParseOptions, TargetError};

/// The words that are no targets.
pub(super) const OPERATORS: [&str; 5] = ["and", "or", "not", "(", ")"];

/// Python refuses more brackets inside each other; a master's sets have braces of their own.
const MAX_DEPTH: usize = 200;
/// Words of one target, nodegroups expanded.
const MAX_WORDS: usize = 200_000;

/// A compound target, read for both sides.
#[derive(Debug)]
pub(super) struct Compound {
    pub leaves: Vec<Leaf>,
    /// How a minion decides, or why it never matches.
    pub minion: Result<Node, TargetError>,
    /// How a master decides, or why nobody is chosen.
    pub master: Result<Node, TargetError>,
    /// Leaves whose names are reported when no such minion is accepted.
    pub reports_missing: Vec<usize>,
}

/// An expression over leaves, by their index.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(usize),
    /// What is not in it, of the accepted minions.
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    /// `( )`: false for a minion.
    Nothing,
    /// `a ( b )`, which is a call for Python: an error, but only if the evaluation gets there.
    Call,
}

/// A minion's expression met a call; the target then matches nobody.
#[derive(Debug)]
pub(super) struct Called;

impl Node {
    /// The value for one minion, evaluated from left to right as far as needed.
    pub(super) fn evaluate(&self, leaf: &mut impl FnMut(usize) -> bool) -> Result<bool, Called> {
        Ok(match self {
            Node::Leaf(index) => leaf(*index),
            Node::Not(inner) => !inner.evaluate(leaf)?,
            Node::All(nodes) => {
                for node in nodes {
                    if !node.evaluate(leaf)? {
                        return Ok(false);
                    }
                }
                true
            }
            Node::Any(nodes) => {
                for node in nodes {
                    if node.evaluate(leaf)? {
                        return Ok(true);
                    }
                }
                false
            }
            Node::Nothing => false,
            Node::Call => return Err(Called),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    And,
    Or,
    Not,
    Open,
    Close,
    Leaf(usize),
}

impl Compound {
    /// Reads words.
    ///
    /// # Errors
    /// What fails on both sides: an engine that is not supported, a regular expression that is none.
    pub(super) fn parse(
        words: Vec<String>,
        options: &ParseOptions<'_>,
        pillar_exact: bool,
    ) -> Result<Self, TargetError> {
        let shown = words.join(" ");
        let mut leaves = Vec::new();
        let mut list = Vec::new();
        // The next word is the last of this.
        let mut pending: Vec<String> = words.into_iter().rev().collect();
        let mut taken = 0_usize;
        while let Some(word) = pending.pop() {
            taken += 1;
            if taken > MAX_WORDS {
                return Err(TargetError::TooLong);
            }
            list.push(match word.as_str() {
                "and" => Word::And,
                "or" => Word::Or,
                "not" => Word::Not,
                "(" => Word::Open,
                ")" => Word::Close,
                word => {
                    let (engine, delimiter, pattern) = split_word(word);
                    if engine == Some('N') {
                        pending.extend(words_of(pattern, options.nodegroups).into_iter().rev());
                        continue;
                    }
                    leaves.push(Leaf::of_engine(engine, delimiter, pattern, word, pillar_exact)?);
                    Word::Leaf(leaves.len() - 1)
                }
            });
        }
        let reports_missing = reports_missing(&list);
        Ok(Compound {
            minion: minion_node(&list, &shown),
            master: master_node(&list, &shown),
            leaves,
            reports_missing,
        })
    }
}

/// Where a compound target stops making sense to a master, in characters from its start, and why; `None` where it does
/// not. For whoever wrote it: the master itself says nothing but that nobody is meant.
pub fn compound_problem(target: &str, options: &ParseOptions<'_>) -> Option<(usize, String)> {
    let problem = |byte: usize, why: &str| {
        Some((target.get(..byte).unwrap_or_default().chars().count(), why.to_owned()))
    };
    let end = target.trim_end().len();
    let (mut open, mut wanted, mut before) = (Vec::new(), true, "");
    let mut from = 0;
    for word in target.split_whitespace() {
        let at = from + target.get(from..)?.find(word)?;
        from = at + word.len();
        match word {
            "and" | "or" if wanted => return problem(at, "an operator without anything before it"),
            "and" | "or" => wanted = true,
            "not" if before == "not" => return problem(at, "not stands there twice"),
            "not" => wanted = true,
            "(" if !wanted => return problem(at, "a parenthesis without an operator before it"),
            "(" => open.push(at),
            ")" if wanted => return problem(at, "a parenthesis closes where something is missing"),
            ")" if open.pop().is_none() => return problem(at, "a parenthesis closes that was not opened"),
            ")" => {}
            _ if !wanted => return problem(at, "no operator before this"),
            word => {
                let (engine, delimiter, pattern) = split_word(word);
                if engine == Some('N') && words_of(pattern, options.nodegroups).is_empty() {
                    return problem(at, "this nodegroup stands for nothing");
                }
                let leaf =
                    Leaf::of_engine(engine.filter(|engine| *engine != 'N'), delimiter, pattern, word, false);
                if let Err(error) = leaf {
                    return problem(at, &error.to_string());
                }
                wanted = false;
            }
        }
        before = word;
    }
    if wanted {
        return problem(end, "something is missing at the end");
    }
    if let Some(at) = open.pop() {
        return problem(at, "a parenthesis is not closed: minions will not answer");
    }
    let words = target.split_whitespace().map(str::to_owned).collect();
    match Compound::parse(words, options, false) {
        Ok(Compound { master: Ok(_), .. }) => None,
        Ok(Compound { master: Err(error), .. }) | Err(error) => problem(end, &error.to_string()),
    }
}

/// Engine, delimiter and pattern of `G@os:x`, `G|@os|x`, `web*`. A delimiter is for grains and pillar only.
fn split_word(word: &str) -> (Option<char>, Option<&str>, &str) {
    let whole = (None, None, word);
    // Python's `.` does not match line ends, and its `$` ignores the last one.
    let text = word.strip_suffix('\n').unwrap_or(word);
    let mut chars = text.chars();
    let Some(engine) = chars.next().filter(|engine| "GPIJLNSER".contains(*engine) && !text.contains('\n'))
    else {
        return whole;
    };
    let after = chars.as_str();
    if "GPIJ".contains(engine)
        && let Some(delimiter) = after.chars().next()
        && let (delimiter, rest) = after.split_at(delimiter.len_utf8())
        && let Some(pattern) = rest.strip_prefix('@').filter(|pattern| !pattern.is_empty())
    {
        return (Some(engine), Some(delimiter), pattern);
    }
    match after.strip_prefix('@').filter(|pattern| !pattern.is_empty()) {
        Some(pattern) => (Some(engine), None, pattern),
        None => whole,
    }
}

/// A name that is excluded need not exist.
fn reports_missing(list: &[Word]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut before = None;
    for word in list {
        if let Word::Leaf(index) = word
            && before != Some(Word::Not)
        {
            found.push(*index);
        }
        before = Some(*word);
    }
    found
}

/// What both sides refuse in the words before they evaluate anything.
fn check_order(before: Option<Word>, word: Word) -> Result<(), TargetError> {
    let text = match word {
        Word::And => "and",
        Word::Or => "or",
        Word::Close => ")",
        Word::Not | Word::Open | Word::Leaf(_) => return Ok(()),
    };
    match before {
        None => Err(TargetError::BeginsWithOperator(text)),
        Some(Word::Open) if word != Word::Close => Err(TargetError::OperatorAfterParenthesis(text)),
        _ => Ok(()),
    }
}

/// A minion's reading: `not` gets an `and` before it where an operator is missing.
fn minion_node(list: &[Word], shown: &str) -> Result<Node, TargetError> {
    let mut tokens = Vec::with_capacity(list.len());
    for word in list {
        check_order(tokens.last().copied(), *word)?;
        if *word == Word::Not && !matches!(tokens.last(), None | Some(Word::And | Word::Or | Word::Open)) {
            tokens.push(Word::And);
        }
        tokens.push(*word);
    }
    parse(&tokens, Side::Minion).ok_or_else(|| TargetError::Invalid(shown.to_owned()))
}

/// A master's reading: parentheses that are left open are closed at the end.
fn master_node(list: &[Word], shown: &str) -> Result<Node, TargetError> {
    let mut tokens: Vec<Word> = Vec::with_capacity(list.len());
    // What is open: a parenthesis, or a `not` that waits for its operand.
    let mut open: Vec<Word> = Vec::new();
    for word in list {
        check_order(tokens.last().copied(), *word)?;
        match word {
            Word::Not => {
                if !matches!(tokens.last(), None | Some(Word::And | Word::Or | Word::Open)) {
                    tokens.push(Word::And);
                }
                open.push(Word::Not);
            }
            Word::Open => open.push(Word::Open),
            Word::Close => {
                if open.pop() != Some(Word::Open) {
                    return Err(TargetError::UnexpectedParenthesis(shown.to_owned()));
                }
                if open.last() == Some(&Word::Not) {
                    open.pop();
                }
            }
            Word::Leaf(_) => {
                if open.last() == Some(&Word::Not) {
                    open.pop();
                }
            }
            Word::And | Word::Or => {}
        }
        tokens.push(*word);
    }
    tokens.extend(open.iter().filter(|word| **word == Word::Open).map(|_| Word::Close));
    parse(&tokens, Side::Master).ok_or_else(|| TargetError::Invalid(shown.to_owned()))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Minion,
    Master,
}

fn parse(tokens: &[Word], side: Side) -> Option<Node> {
    let mut parser = Parser { tokens, at: 0, depth: 0, side };
    let node = parser.any()?;
    (parser.at == tokens.len()).then_some(node)
}

/// `or` binds weakest, then `and`, then `not`. `None` is Python's `SyntaxError` or `TypeError`.
struct Parser<'t> {
    tokens: &'t [Word],
    at: usize,
    depth: usize,
    side: Side,
}

impl Parser<'_> {
    fn eat(&mut self, word: Word) -> bool {
        let found = self.tokens.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<Node> {
        let mut nodes = vec![self.all()?];
        while self.eat(Word::Or) {
            nodes.push(self.all()?);
        }
        if nodes.len() == 1 { nodes.pop() } else { Some(Node::Any(nodes)) }
    }

    fn all(&mut self) -> Option<Node> {
        let mut nodes = vec![self.not()?];
        while self.eat(Word::And) {
            nodes.push(self.not()?);
        }
        if nodes.len() == 1 { nodes.pop() } else { Some(Node::All(nodes)) }
    }

    fn not(&mut self) -> Option<Node> {
        if !self.eat(Word::Not) {
            return self.call();
        }
        Some(Node::Not(Box::new(self.call()?)))
    }

    fn call(&mut self) -> Option<Node> {
        let mut node = self.atom()?;
        while self.tokens.get(self.at) == Some(&Word::Open) {
            if self.side == Side::Master {
                return None;
            }
            self.parentheses()?;
            node = Node::Call;
        }
        Some(node)
    }

    fn atom(&mut self) -> Option<Node> {
        match self.tokens.get(self.at)? {
            Word::Leaf(index) => {
                self.at += 1;
                Some(Node::Leaf(*index))
            }
            Word::Open => self.parentheses(),
            _ => None,
        }
    }

    fn parentheses(&mut self) -> Option<Node> {
        let braces = usize::from(self.side == Side::Master);
        if !self.eat(Word::Open) || self.depth + braces >= MAX_DEPTH {
            return None;
        }
        if self.eat(Word::Close) {
            return (self.side == Side::Minion).then_some(Node::Nothing);
        }
        self.depth += 1;
        let inner = self.any()?;
        self.depth -= 1;
        self.eat(Word::Close).then_some(inner)
    }
}
