//! Words become a tree, by the power with which they bind. jmespath: parser.py, ast.py.

use std::rc::Rc;

use super::super::fault::{Fault, Res};
use super::super::print::str_of;
use super::super::run::Run;
use super::super::val::Val;
use super::lex::{Kind, Token, blanks, tokens};
use super::tree::{Comparator, Id, Link, Node, Tree};

/// Words that bind weaker end what is done to each item of a projection.
const PROJECTION_STOP: u8 = 10;

/// No word makes more nodes than `[]`: what stands before it, what is flat, what is done to each, and the whole.
const NODES_PER_TOKEN: usize = 4;

/// The tree of an expression.
pub(super) fn parse(run: &mut Run<'_>, text: &str) -> Res<Tree> {
    let tokens = tokens(run, text)?;
    run.charge(tokens.len() * NODES_PER_TOKEN * size_of::<Node>())?;
    let mut parser = Parser { run, text, tokens, at: 0, nodes: Vec::new() };
    let root = parser.expression(0)?;
    let rest = parser.at;
    if parser.ahead(0) != Kind::Eof {
        let shown = parser.shown(rest);
        return Err(parser.mistake(rest, &format!("Unexpected token: {shown}")));
    }
    Ok(Tree { nodes: parser.nodes, root })
}

struct Parser<'r, 'h> {
    run: &'r mut Run<'h>,
    text: &'r str,
    tokens: Vec<Token>,
    at: usize,
    nodes: Vec<Node>,
}

impl Parser<'_, '_> {
    /// The kind of the word `by` words from here; the end is never passed.
    fn ahead(&self, by: usize) -> Kind {
        self.tokens.get(self.at + by).map_or(Kind::Eof, |token| token.kind)
    }

    /// Passes a word, which is returned.
    fn advance(&mut self) -> usize {
        let at = self.at;
        self.at = (at + 1).min(self.tokens.len() - 1);
        at
    }

    fn value(&self, at: usize) -> &Val {
        &self.tokens[at].value
    }

    /// The text of an identifier.
    fn name(&self, at: usize) -> Rc<str> {
        self.value(at).as_str().cloned().unwrap_or_default()
    }

    fn node(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The text of what a word stands for.
    fn shown(&self, token: usize) -> Rc<str> {
        str_of(self.value(token)).unwrap_or_default()
    }

    fn told(&self, problem: &str, at: usize, token: usize) -> Fault {
        let shown = self.shown(token);
        let kind = self.tokens[token].kind.name().to_uppercase();
        let (text, before) = (self.text, blanks(self.text, at));
        let column = before.len();
        Fault::other(format!(
            "{problem}: Parse error at column {column}, token \"{shown}\" ({kind}), for expression:\n\"{text}\"\n{before} ^"
        ))
    }

    fn mistake(&self, token: usize, problem: &str) -> Fault {
        self.told(problem, self.tokens[token].start, token)
    }

    fn incomplete(&self) -> Fault {
        let (text, before) = (self.text, blanks(self.text, self.text.len()));
        Fault::other(format!("Invalid jmespath expression: Incomplete expression:\n\"{text}\"\n{before} ^"))
    }

    /// Another word was expected here.
    fn unexpected(&self, expected: &str) -> Fault {
        match self.ahead(0) {
            Kind::Eof => self.incomplete(),
            kind => self.mistake(self.at, &format!("Expecting: {expected}, got: {}", kind.name())),
        }
    }

    fn expect(&mut self, kind: Kind) -> Res<()> {
        if self.ahead(0) != kind {
            return Err(self.unexpected(kind.name()));
        }
        self.advance();
        Ok(())
    }

    /// Whether the next word is of this kind, which is passed then.
    fn passes(&mut self, kind: Kind) -> bool {
        let is = self.ahead(0) == kind;
        if is {
            self.advance();
        }
        is
    }

    /// An expression up to a word that does not bind stronger than `power`.
    fn expression(&mut self, power: u8) -> Res<Id> {
        self.run.check_stack()?;
        let mut left = self.begin()?;
        while power < self.ahead(0).power() {
            self.run.tick()?;
            left = self.go_on(left)?;
        }
        Ok(left)
    }

    /// What begins with the next word.
    fn begin(&mut self) -> Res<Id> {
        let token = self.advance();
        match self.tokens[token].kind {
            Kind::Literal => Ok(self.node(Node::Literal(self.value(token).clone()))),
            Kind::Unquoted => Ok(self.node(Node::Field(self.name(token)))),
            Kind::Quoted if self.ahead(0) == Kind::Lparen => {
                Err(self.told("Quoted identifier not allowed for function names.", 0, self.at))
            }
            Kind::Quoted => Ok(self.node(Node::Field(self.name(token)))),
            Kind::Star => {
                let left = self.node(Node::Current);
                let right = match self.ahead(0) {
                    Kind::Rbracket => left,
                    _ => self.projected(Kind::Star)?,
                };
                Ok(self.projection(true, left, right, None))
            }
            Kind::Filter => {
                let left = self.node(Node::Current);
                self.filter(left)
            }
            Kind::Lbrace => self.hash(),
            Kind::Lparen => {
                let inside = self.expression(0)?;
                self.expect(Kind::Rparen)?;
                Ok(inside)
            }
            Kind::Flatten => {
                let left = self.node(Node::Current);
                self.flatten(left)
            }
            Kind::Not => {
                let inside = self.expression(Kind::Not.power())?;
                Ok(self.node(Node::Not(inside)))
            }
            Kind::Lbracket => match (self.ahead(0), self.ahead(1)) {
                (Kind::Number | Kind::Colon, _) => {
                    let left = self.node(Node::Current);
                    self.index(left)
                }
                (Kind::Star, Kind::Rbracket) => {
                    let left = self.node(Node::Current);
                    self.every(left)
                }
                _ => self.list(),
            },
            Kind::Current => Ok(self.node(Node::Current)),
            Kind::Expref => {
                let inside = self.expression(Kind::Expref.power())?;
                Ok(self.node(Node::Reference(inside)))
            }
            Kind::Eof => Err(self.incomplete()),
            _ => Err(self.mistake(token, "invalid token")),
        }
    }

    /// What the next word makes of what stands before it.
    fn go_on(&mut self, left: Id) -> Res<Id> {
        let token = self.at;
        let kind = self.ahead(0);
        if matches!(kind, Kind::Star | Kind::Not | Kind::Lbrace) {
            return Err(self.mistake(token, "invalid token"));
        }
        self.advance();
        match kind {
            Kind::Dot if self.passes(Kind::Star) => {
                let right = self.projected(Kind::Dot)?;
                Ok(self.projection(true, left, right, None))
            }
            Kind::Dot => {
                let right = self.after_dot(Kind::Dot)?;
                Ok(self.chain(Link::Field, left, right))
            }
            Kind::Filter => self.filter(left),
            Kind::Flatten => self.flatten(left),
            Kind::Lbracket if matches!(self.ahead(0), Kind::Number | Kind::Colon) => self.index(left),
            Kind::Lbracket => self.every(left),
            Kind::Lparen => self.call(left, token),
            _ => {
                let right = self.expression(kind.power())?;
                let compared = |comparator| Node::Compare(comparator, left, right);
                let node = match kind {
                    Kind::Pipe => Node::Chain(Link::Pipe, vec![left, right]),
                    Kind::Or => Node::Or(left, right),
                    Kind::And => Node::And(left, right),
                    Kind::Eq => compared(Comparator::Eq),
                    Kind::Ne => compared(Comparator::Ne),
                    Kind::Lt => compared(Comparator::Lt),
                    Kind::Lte => compared(Comparator::Le),
                    Kind::Gt => compared(Comparator::Gt),
                    _ => compared(Comparator::Ge),
                };
                Ok(self.node(node))
            }
        }
    }

    fn projection(&mut self, of_values: bool, left: Id, right: Id, condition: Option<Id>) -> Id {
        self.node(Node::Projection { of_values, left, right, condition })
    }

    /// One step more, in the chain that `left` is already.
    fn chain(&mut self, link: Link, left: Id, right: Id) -> Id {
        if let Node::Chain(own, steps) = &mut self.nodes[left]
            && *own == link
        {
            steps.push(right);
            return left;
        }
        self.node(Node::Chain(link, vec![left, right]))
    }

    fn flatten(&mut self, left: Id) -> Res<Id> {
        let left = self.node(Node::Flatten(left));
        let right = self.projected(Kind::Flatten)?;
        Ok(self.projection(false, left, right, None))
    }

    /// `*]` after a bracket.
    fn every(&mut self, left: Id) -> Res<Id> {
        self.expect(Kind::Star)?;
        self.expect(Kind::Rbracket)?;
        let right = self.projected(Kind::Star)?;
        Ok(self.projection(false, left, right, None))
    }

    fn filter(&mut self, left: Id) -> Res<Id> {
        let condition = self.expression(0)?;
        self.expect(Kind::Rbracket)?;
        let right = match self.ahead(0) {
            Kind::Flatten => self.node(Node::Current),
            _ => self.projected(Kind::Filter)?,
        };
        Ok(self.projection(false, left, right, Some(condition)))
    }

    /// An index or a slice, after its bracket.
    fn index(&mut self, left: Id) -> Res<Id> {
        let is_slice = self.ahead(0) == Kind::Colon || self.ahead(1) == Kind::Colon;
        let right = if is_slice {
            let parts = self.slice()?;
            self.node(Node::Slice(parts))
        } else {
            let token = self.advance();
            self.expect(Kind::Rbracket)?;
            self.node(Node::Index(int(self.value(token))))
        };
        // A quirk of the original: a slice after an index does not project.
        let goes_on = matches!(self.nodes[left], Node::Chain(Link::Index, _));
        let left = self.chain(Link::Index, left, right);
        if goes_on || !is_slice {
            return Ok(left);
        }
        let right = self.projected(Kind::Star)?;
        Ok(self.projection(false, left, right, None))
    }

    fn slice(&mut self) -> Res<[Option<i64>; 3]> {
        let mut parts = [None; 3];
        let mut index = 0;
        while self.ahead(0) != Kind::Rbracket {
            match (self.ahead(0), parts.get_mut(index)) {
                (Kind::Number, Some(part)) => *part = Some(int(&self.tokens[self.at].value)),
                (Kind::Colon, _) if index < 2 => index += 1,
                _ => return Err(self.mistake(self.at, "syntax error")),
            }
            self.advance();
        }
        self.expect(Kind::Rbracket)?;
        Ok(parts)
    }

    /// What is done to each item of a projection.
    fn projected(&mut self, by: Kind) -> Res<Id> {
        match self.ahead(0) {
            kind if kind.power() < PROJECTION_STOP => Ok(self.node(Node::Current)),
            Kind::Lbracket | Kind::Filter => self.expression(by.power()),
            Kind::Dot => {
                self.advance();
                self.after_dot(by)
            }
            _ => Err(self.mistake(self.at, "syntax error")),
        }
    }

    fn after_dot(&mut self, by: Kind) -> Res<Id> {
        match self.ahead(0) {
            Kind::Quoted | Kind::Unquoted | Kind::Star => self.expression(by.power()),
            Kind::Lbracket => {
                self.advance();
                self.list()
            }
            Kind::Lbrace => {
                self.advance();
                self.hash()
            }
            kind => {
                let allowed = "['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace']";
                Err(self.mistake(self.at, &format!("Expecting: {allowed}, got: {}", kind.name())))
            }
        }
    }

    /// The arguments of the function that `left` names; commas between them are not asked for.
    fn call(&mut self, left: Id, bracket: usize) -> Res<Id> {
        let Node::Field(name) = &self.nodes[left] else {
            let before = bracket.saturating_sub(1);
            let shown = self.shown(before);
            return Err(self.mistake(before, &format!("Invalid function name '{shown}'")));
        };
        let name = Rc::clone(name);
        let mut args = Vec::new();
        while !self.passes(Kind::Rparen) {
            args.push(self.expression(0)?);
            self.passes(Kind::Comma);
        }
        Ok(self.node(Node::Call(name, args)))
    }

    fn list(&mut self) -> Res<Id> {
        let mut items = vec![self.expression(0)?];
        while !self.passes(Kind::Rbracket) {
            self.expect(Kind::Comma)?;
            items.push(self.expression(0)?);
        }
        Ok(self.node(Node::List(items)))
    }

    /// Names and what they stand for; commas between them are not asked for.
    fn hash(&mut self) -> Res<Id> {
        let mut pairs = Vec::new();
        loop {
            if !matches!(self.ahead(0), Kind::Quoted | Kind::Unquoted) {
                return Err(self.unexpected("['quoted_identifier', 'unquoted_identifier']"));
            }
            let token = self.advance();
            self.expect(Kind::Colon)?;
            pairs.push((self.name(token), self.expression(0)?));
            if !self.passes(Kind::Comma) && self.passes(Kind::Rbrace) {
                return Ok(self.node(Node::Hash(pairs)));
            }
        }
    }
}

/// The number of an index: no list is longer than the largest.
fn int(val: &Val) -> i64 {
    match val {
        Val::Int(int) => *int,
        Val::Big(big) if big.sign() == num_bigint::Sign::Minus => i64::MIN,
        _ => i64::MAX,
    }
}
