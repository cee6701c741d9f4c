//! Tokens to statements. Jinja2 3.1: `parser.py`, the extensions `do` and `loopcontrols`; Salt: `SerializerExtension`.

mod expression;
mod statement;

use std::rc::Rc;

use super::fault::{Fault, Res};
use super::lex::{Tok, Token, tokens};
use super::options::Options;
use super::syntax::{BlockDef, Body, Expr, Node, Parsed, Statement, Stmt};

/// How deep statements and expressions may be nested, and how long a chain of operators may be.
const MAX_DEPTH: u32 = 100;
const MAX_CHAIN: usize = 1_000;

/// Parses a template.
///
/// # Errors
/// A syntax error with its line, in Jinja's words.
pub(super) fn parse(source: &str, options: &Options, knows: &dyn Fn(Tag, &str) -> bool) -> Res<Parsed> {
    let mut parser = Parser {
        tokens: tokens(source, options),
        at: 0,
        ends: Vec::new(),
        tags: Vec::new(),
        blocks: Vec::new(),
        uses: Vec::new(),
        special: Special::default(),
        depth: 0,
        nested: 0,
        loops: 0,
        in_for: 0,
    };
    parser.check()?;
    let body = parser.body(None)?;
    for used in &parser.uses {
        if !used.soft && !knows(used.tag, &used.name) {
            let what = if used.tag == Tag::Filter { "filter" } else { "test" };
            return Err(Fault::syntax(format!("No {what} named '{}'.", used.name), used.line));
        }
    }
    Ok(Parsed { body, blocks: parser.blocks })
}

/// What a name is looked up as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Filter,
    Test,
}

/// A filter or test that is used; inside an `if` it is only missed when it runs.
struct Use {
    tag: Tag,
    name: Rc<str>,
    line: u32,
    soft: bool,
    settled: bool,
}

/// Which of a macro's special names its body reads.
#[derive(Clone, Copy, Default)]
struct Special {
    caller: bool,
    kwargs: bool,
    varargs: bool,
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// What the statements around are looking for, outermost first.
    ends: Vec<&'static [&'static str]>,
    tags: Vec<Rc<str>>,
    blocks: Vec<(Rc<str>, Rc<BlockDef>)>,
    uses: Vec<Use>,
    special: Special,
    depth: u32,
    /// Statements around that `extends` must not stand in.
    nested: u32,
    loops: u32,
    /// Loops around, those outside of a macro too: none lets its `loop` be set.
    in_for: u32,
}

impl Parser {
    fn current(&self) -> &Tok {
        &self.tokens[self.at].kind
    }

    fn line(&self) -> u32 {
        self.tokens[self.at].line
    }

    fn look(&self) -> &Tok {
        let next = (self.at + 1).min(self.tokens.len() - 1);
        &self.tokens[next].kind
    }

    /// Fails when the text is wrong from the current token on.
    fn check(&self) -> Res<()> {
        match self.current() {
            Tok::Wrong(text) => super::lex::wrong(self.line(), text),
            _ => Ok(()),
        }
    }

    /// Goes one token on and gives the one that was current.
    fn next(&mut self) -> Res<Token> {
        let token = self.tokens[self.at].clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        self.check()?;
        Ok(token)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Res<T> {
        Err(Fault::syntax(message, self.line()))
    }

    fn skip_name(&mut self, name: &str) -> Res<bool> {
        let found = self.current().is_name(name);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn skip_op(&mut self, op: &str) -> Res<bool> {
        let found = self.current().is_op(op);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn expect(&mut self, matches: bool, expected: &str) -> Res<Token> {
        if matches {
            return self.next();
        }
        if *self.current() == Tok::Eof {
            return self.fail(format!("unexpected end of template, expected '{expected}'."));
        }
        let got = self.current().describe();
        let got = super::print::text_repr_owned(&got);
        self.fail(format!("expected token '{expected}', got {got}"))
    }

    fn expect_op(&mut self, op: &str) -> Res<Token> {
        self.expect(self.current().is_op(op), op)
    }

    fn expect_name(&mut self, name: &str) -> Res<Token> {
        self.expect(self.current().is_name(name), name)
    }

    fn expect_any_name(&mut self) -> Res<(Rc<str>, u32)> {
        let token = self.expect(matches!(self.current(), Tok::Name(_)), "name")?;
        match token.kind {
            Tok::Name(name) => Ok((name, token.line)),
            _ => self.fail("expected token 'name'"),
        }
    }

    fn expect_block_end(&mut self) -> Res<()> {
        self.expect(*self.current() == Tok::BlockEnd, "end of statement block")?;
        Ok(())
    }

    /// One level deeper; the level ends with [`Parser::up`].
    fn down(&mut self) -> Res<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("too much nesting");
        }
        Ok(())
    }

    fn up(&mut self) {
        self.depth -= 1;
    }

    /// Statements up to one of the tags in `ends`, which becomes the current token; or to the end of the template.
    fn body(&mut self, ends: Option<&'static [&'static str]>) -> Res<Body> {
        let mut body = Body::new();
        let mut data: Vec<Node> = Vec::new();
        fn flush(body: &mut Body, data: &mut Vec<Node>) {
            if let Some(first) = data.first() {
                let line = first.line;
                body.push(Statement { line, stmt: Stmt::Output(std::mem::take(data)) });
            }
        }
        self.ends.extend(ends);
        loop {
            let line = self.line();
            match self.current().clone() {
                Tok::Eof => break,
                Tok::Data(text) => {
                    data.push(Node { line, expr: Expr::Data(text) });
                    self.next()?;
                }
                Tok::VariableBegin => {
                    self.next()?;
                    data.push(self.tuple(true)?);
                    self.expect(*self.current() == Tok::VariableEnd, "end of print statement")?;
                }
                Tok::BlockBegin => {
                    flush(&mut body, &mut data);
                    self.next()?;
                    if ends.is_some_and(|ends| ends.iter().any(|end| self.current().is_name(end))) {
                        self.ends.pop();
                        return Ok(body);
                    }
                    self.down()?;
                    let statement = self.statement()?;
                    self.up();
                    body.push(statement);
                    self.expect_block_end()?;
                }
                _ => return self.fail("internal parsing error"),
            }
        }
        flush(&mut body, &mut data);
        if ends.is_some() {
            self.ends.pop();
        }
        Ok(body)
    }

    /// The body of a statement; the tag that ends it is the current token afterwards.
    fn statements(&mut self, ends: &'static [&'static str]) -> Res<Body> {
        self.skip_op(":")?;
        self.expect_block_end()?;
        let body = self.body(Some(ends))?;
        if *self.current() == Tok::Eof {
            self.ends.push(ends);
            return self.fail_lost(None, self.line());
        }
        Ok(body)
    }

    /// As [`Parser::statements`], and eats the one tag that ends it.
    fn statements_to(&mut self, end: &'static [&'static str]) -> Res<Body> {
        let body = self.statements(end)?;
        self.next()?;
        Ok(body)
    }

    /// An unknown tag, or the end of the template inside a block.
    fn fail_lost<T>(&self, name: Option<&str>, line: u32) -> Res<T> {
        let quoted = |name: &str| super::print::text_repr_owned(name);
        let mut message = match name {
            Some(name) => format!("Encountered unknown tag {}.", quoted(name)),
            None => "Unexpected end of template.".to_owned(),
        };
        if let Some(last) = self.ends.last() {
            let looking = last.iter().map(|end| quoted(end)).collect::<Vec<_>>().join(" or ");
            let expected = name.is_some_and(|name| self.ends.iter().any(|ends| ends.contains(&name)));
            message.push_str(&if expected {
                format!(
                    " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for \
                     {looking}."
                )
            } else {
                format!(" Jinja was looking for the following tags: {looking}.")
            });
        }
        if let Some(tag) = self.tags.last() {
            message.push_str(&format!(" The innermost block that needs to be closed is {}.", quoted(tag)));
        }
        Err(Fault::syntax(message, line))
    }

    /// Filters and tests used since `from` are only missed when they run.
    fn soften(&mut self, from: usize) {
        for used in &mut self.uses[from..] {
            used.soft |= !used.settled;
        }
    }

    /// Filters and tests used since `from` stay as they are, whatever stands around.
    fn settle(&mut self, from: usize) {
        for used in &mut self.uses[from..] {
            used.settled = true;
        }
    }
}
