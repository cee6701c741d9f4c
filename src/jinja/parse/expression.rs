//! Expressions, with Jinja's order of precedence (`**` binds to the left, a unary minus before a filter).

use std::rc::Rc;

use num_bigint::BigInt;

use super::super::fault::{Fault, Res};
use super::super::lex::Tok;
use super::super::syntax::{BinaryOp, CallArgs, CompareOp, CondExpr, Expr, Node};
use super::super::val::Val;
use super::{MAX_CHAIN, Parser, Tag, Use};

impl Parser {
    pub(super) fn expression(&mut self) -> Res<Node> {
        self.down()?;
        let node = self.conditional()?;
        self.up();
        Ok(node)
    }

    fn chain(&self, length: usize) -> Res<()> {
        if length > MAX_CHAIN { self.fail("the expression is too long") } else { Ok(()) }
    }

    fn conditional(&mut self) -> Res<Node> {
        let from = self.uses.len();
        let mut line = self.line();
        let mut node = self.or()?;
        let mut length = 0;
        while self.skip_name("if")? {
            let test = self.or()?;
            let otherwise = if self.skip_name("else")? {
                self.down()?;
                let otherwise = self.conditional()?;
                self.up();
                Some(otherwise)
            } else {
                None
            };
            node = Node { line, expr: Expr::Cond(Box::new(CondExpr { test, then: node, otherwise })) };
            line = self.line();
            self.soften(from);
            length += 1;
            self.chain(length)?;
        }
        Ok(node)
    }

    fn or(&mut self) -> Res<Node> {
        let mut line = self.line();
        let mut left = self.and()?;
        let mut length = 0;
        while self.skip_name("or")? {
            left = Node { line, expr: Expr::Or(Box::new((left, self.and()?))) };
            line = self.line();
            length += 1;
            self.chain(length)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Res<Node> {
        let mut line = self.line();
        let mut left = self.not()?;
        let mut length = 0;
        while self.skip_name("and")? {
            left = Node { line, expr: Expr::And(Box::new((left, self.not()?))) };
            line = self.line();
            length += 1;
            self.chain(length)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Res<Node> {
        if self.current().is_name("not") {
            let line = self.next()?.line;
            self.down()?;
            let node = self.not()?;
            self.up();
            return Ok(Node { line, expr: Expr::Not(Box::new(node)) });
        }
        self.compare()
    }

    fn compare_op(&mut self) -> Res<Option<CompareOp>> {
        let op = match self.current() {
            Tok::Op("==") => CompareOp::Eq,
            Tok::Op("!=") => CompareOp::Ne,
            Tok::Op("<") => CompareOp::Lt,
            Tok::Op("<=") => CompareOp::Le,
            Tok::Op(">") => CompareOp::Gt,
            Tok::Op(">=") => CompareOp::Ge,
            Tok::Name(name) if &**name == "in" => CompareOp::In,
            Tok::Name(name) if &**name == "not" && self.look().is_name("in") => {
                self.next()?;
                CompareOp::NotIn
            }
            _ => return Ok(None),
        };
        self.next()?;
        Ok(Some(op))
    }

    fn compare(&mut self) -> Res<Node> {
        let mut line = self.line();
        let first = self.sum()?;
        let mut rest = Vec::new();
        while let Some(op) = self.compare_op()? {
            rest.push((op, self.sum()?));
            line = self.line();
            self.chain(rest.len())?;
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Node { line, expr: Expr::Compare(Box::new(first), rest) })
    }

    fn sum(&mut self) -> Res<Node> {
        self.binary(&[("+", BinaryOp::Add), ("-", BinaryOp::Sub)], Parser::concat)
    }

    fn concat(&mut self) -> Res<Node> {
        let line = self.line();
        let first = self.product()?;
        if !self.current().is_op("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_op("~")? {
            parts.push(self.product()?);
        }
        Ok(Node { line, expr: Expr::Concat(parts) })
    }

    fn product(&mut self) -> Res<Node> {
        self.binary(
            &[("*", BinaryOp::Mul), ("/", BinaryOp::Div), ("//", BinaryOp::FloorDiv), ("%", BinaryOp::Mod)],
            Parser::power,
        )
    }

    fn power(&mut self) -> Res<Node> {
        self.binary(&[("**", BinaryOp::Pow)], |parser| parser.unary(true))
    }

    fn binary(&mut self, ops: &[(&str, BinaryOp)], operand: fn(&mut Parser) -> Res<Node>) -> Res<Node> {
        let mut line = self.line();
        let mut left = operand(self)?;
        let mut length = 0;
        while let Some((_, op)) = ops.iter().find(|(sign, _)| self.current().is_op(sign)) {
            self.next()?;
            left = Node { line, expr: Expr::Binary(*op, Box::new((left, operand(self)?))) };
            line = self.line();
            length += 1;
            self.chain(length)?;
        }
        Ok(left)
    }

    fn unary(&mut self, with_filter: bool) -> Res<Node> {
        let line = self.line();
        let node = if self.skip_op("-")? {
            self.down()?;
            let node = self.unary(false)?;
            self.up();
            Node { line, expr: Expr::Neg(Box::new(node)) }
        } else if self.skip_op("+")? {
            self.down()?;
            let node = self.unary(false)?;
            self.up();
            Node { line, expr: Expr::Pos(Box::new(node)) }
        } else {
            self.primary(false)?
        };
        let node = self.postfix(node)?;
        if with_filter { self.filter_expr(node) } else { Ok(node) }
    }

    fn primary(&mut self, with_namespace: bool) -> Res<Node> {
        let line = self.line();
        let expr = match self.current().clone() {
            Tok::Name(name) => {
                self.next()?;
                match &*name {
                    "true" | "True" => Expr::Const(Val::Bool(true)),
                    "false" | "False" => Expr::Const(Val::Bool(false)),
                    "none" | "None" => Expr::Const(Val::None),
                    _ if with_namespace && self.skip_op(".")? => {
                        Expr::NamespaceRef(name, self.expect_any_name()?.0)
                    }
                    special => {
                        match special {
                            "caller" => self.special.caller = true,
                            "kwargs" => self.special.kwargs = true,
                            "varargs" => self.special.varargs = true,
                            _ => {}
                        }
                        Expr::Name(name)
                    }
                }
            }
            Tok::Str(text) => {
                self.next()?;
                if matches!(self.current(), Tok::Str(_)) {
                    let mut joined = text.to_string();
                    while let Tok::Str(more) = self.current() {
                        joined.push_str(more);
                        self.next()?;
                    }
                    Expr::Const(Val::Str(joined.into()))
                } else {
                    Expr::Const(Val::Str(text))
                }
            }
            Tok::Int(int) => {
                self.next()?;
                Expr::Const(int_value(int))
            }
            Tok::Float(float) => {
                self.next()?;
                Expr::Const(Val::Float(float))
            }
            Tok::Op("(") => {
                self.next()?;
                self.down()?;
                let node = self.parenthesised()?;
                self.up();
                self.expect_op(")")?;
                return Ok(node);
            }
            Tok::Op("[") => self.list()?,
            Tok::Op("{") => self.dict()?,
            other => {
                let what = super::super::print::text_repr_owned(&other.describe());
                return self.fail(format!("unexpected {what}"));
            }
        };
        Ok(Node { line, expr })
    }

    fn list(&mut self) -> Res<Expr> {
        self.next()?;
        let mut items = Vec::new();
        while !self.current().is_op("]") {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.current().is_op("]") {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect_op("]")?;
        Ok(Expr::List(items))
    }

    fn dict(&mut self) -> Res<Expr> {
        self.next()?;
        let mut items = Vec::new();
        while !self.current().is_op("}") {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.current().is_op("}") {
                break;
            }
            let key = self.expression()?;
            self.expect_op(":")?;
            items.push((key, self.expression()?));
        }
        self.expect_op("}")?;
        Ok(Expr::Dict(items))
    }

    fn tuple_ends(&self) -> bool {
        matches!(self.current(), Tok::VariableEnd | Tok::BlockEnd | Tok::Op(")"))
    }

    /// One expression, or several with commas between, which make a tuple.
    pub(super) fn tuple(&mut self, with_condition: bool) -> Res<Node> {
        self.down()?;
        let item: fn(&mut Parser) -> Res<Node> =
            if with_condition { Parser::conditional } else { Parser::or };
        let node = self.tuple_of(item, false)?;
        self.up();
        Ok(node)
    }

    fn parenthesised(&mut self) -> Res<Node> {
        self.tuple_of(Parser::conditional, true)
    }

    fn tuple_of(&mut self, item: fn(&mut Parser) -> Res<Node>, may_be_empty: bool) -> Res<Node> {
        let mut line = self.line();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.tuple_ends() {
                break;
            }
            items.push(item(self)?);
            if !self.current().is_op(",") {
                break;
            }
            is_tuple = true;
            line = self.line();
        }
        if !is_tuple {
            if let Some(only) = items.pop() {
                return Ok(only);
            }
            if !may_be_empty {
                let got = super::super::print::text_repr_owned(&self.current().describe());
                return self.fail(format!("Expected an expression, got {got}"));
            }
        }
        Ok(Node { line, expr: Expr::Tuple(items) })
    }

    /// What can be assigned to: names, tuples of them, and with `namespace` also `ns.attr`.
    pub(super) fn target(&mut self, namespace: bool) -> Res<Node> {
        let item: fn(&mut Parser) -> Res<Node> =
            if namespace { |parser| parser.primary(true) } else { |parser| parser.primary(false) };
        let special = self.special;
        let node = self.tuple_of(item, false)?;
        self.special = special;
        if self.in_for > 0 && assigns_loop(&node) {
            return Err(Fault::syntax("Can't assign to special loop variable in for-loop target", node.line));
        }
        if !can_assign(&node) {
            return Err(Fault::syntax(format!("can't assign to '{}'", node.expr.kind()), node.line));
        }
        Ok(node)
    }

    pub(super) fn name_target(&mut self) -> Res<(Rc<str>, u32)> {
        let (name, line) = self.expect_any_name()?;
        if matches!(&*name, "true" | "false" | "none" | "True" | "False" | "None") {
            return Err(Fault::syntax("can't assign to 'name'", line));
        }
        Ok((name, line))
    }

    fn postfix(&mut self, mut node: Node) -> Res<Node> {
        let mut length = 0;
        loop {
            node = match self.current() {
                Tok::Op("." | "[") => self.subscript(node)?,
                Tok::Op("(") => self.call(node)?,
                _ => return Ok(node),
            };
            length += 1;
            self.chain(length)?;
        }
    }

    fn filter_expr(&mut self, mut node: Node) -> Res<Node> {
        let mut length = 0;
        loop {
            node = match self.current() {
                Tok::Op("|") => match self.filters(Some(node), false)? {
                    Some(node) => node,
                    None => return self.fail("expected a filter"),
                },
                Tok::Name(name) if &**name == "is" => self.test(node)?,
                Tok::Op("(") => self.call(node)?,
                _ => return Ok(node),
            };
            length += 1;
            self.chain(length)?;
        }
    }

    fn subscript(&mut self, node: Node) -> Res<Node> {
        let token = self.next()?;
        let line = token.line;
        if token.kind.is_op(".") {
            let attr = self.next()?;
            return match attr.kind {
                Tok::Name(name) => Ok(Node { line, expr: Expr::Attr(Box::new(node), name) }),
                Tok::Int(int) => {
                    let index = Node { line: attr.line, expr: Expr::Const(int_value(int)) };
                    Ok(Node { line, expr: Expr::Item(Box::new(node), Box::new(index)) })
                }
                _ => Err(Fault::syntax("expected name or number", attr.line)),
            };
        }
        let mut items = Vec::new();
        while !self.current().is_op("]") {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            items.push(self.subscribed()?);
        }
        self.expect_op("]")?;
        let index = match items.pop() {
            Some(only) if items.is_empty() => only,
            last => {
                items.extend(last);
                Node { line, expr: Expr::Tuple(items) }
            }
        };
        Ok(Node { line, expr: Expr::Item(Box::new(node), Box::new(index)) })
    }

    fn subscribed(&mut self) -> Res<Node> {
        let line = self.line();
        let start = if self.current().is_op(":") {
            None
        } else {
            let node = self.expression()?;
            if !self.current().is_op(":") {
                return Ok(node);
            }
            Some(node)
        };
        self.next()?;
        let part = |parser: &mut Parser| match parser.current() {
            Tok::Op("]" | "," | ":") => Ok(None),
            _ => parser.expression().map(Some),
        };
        let stop = part(self)?;
        let step = if self.skip_op(":")? { part(self)? } else { None };
        Ok(Node { line, expr: Expr::Slice(Box::new([start, stop, step])) })
    }

    fn call(&mut self, node: Node) -> Res<Node> {
        let line = self.line();
        let args = self.call_args()?;
        Ok(Node { line, expr: Expr::Call(Box::new(node), Box::new(args)) })
    }

    fn call_args(&mut self) -> Res<CallArgs> {
        let line = self.expect_op("(")?.line;
        let mut args = CallArgs::default();
        let ensure = |ok: bool| {
            if ok { Ok(()) } else { Err(Fault::syntax("invalid syntax for function call expression", line)) }
        };
        let mut first = true;
        while !self.current().is_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.current().is_op(")") {
                    break;
                }
            }
            first = false;
            match self.current().clone() {
                Tok::Op("*") => {
                    ensure(args.star.is_none() && args.star_star.is_none())?;
                    self.next()?;
                    args.star = Some(self.expression()?);
                }
                Tok::Op("**") => {
                    ensure(args.star_star.is_none())?;
                    self.next()?;
                    args.star_star = Some(self.expression()?);
                }
                Tok::Name(name) if self.look().is_op("=") => {
                    ensure(args.star_star.is_none())?;
                    self.next()?;
                    self.next()?;
                    args.kwargs.push((name, self.expression()?));
                }
                _ => {
                    ensure(args.star.is_none() && args.star_star.is_none() && args.kwargs.is_empty())?;
                    args.args.push(self.expression()?);
                }
            }
        }
        self.expect_op(")")?;
        Ok(args)
    }

    fn dotted_name(&mut self) -> Res<(Rc<str>, u32)> {
        let (name, line) = self.expect_any_name()?;
        if !self.current().is_op(".") {
            return Ok((name, line));
        }
        let mut whole = name.to_string();
        while self.skip_op(".")? {
            whole.push('.');
            whole.push_str(&self.expect_any_name()?.0);
        }
        Ok((whole.into(), line))
    }

    /// `|name(args)`, as many as there are; `inline` when the first has no pipe before it.
    pub(super) fn filters(&mut self, mut node: Option<Node>, mut inline: bool) -> Res<Option<Node>> {
        let mut length = 0;
        while inline || self.current().is_op("|") {
            if !inline {
                self.next()?;
            }
            inline = false;
            let (name, line) = self.dotted_name()?;
            let args = if self.current().is_op("(") { self.call_args()? } else { CallArgs::default() };
            self.used(Tag::Filter, &name, line);
            node = Some(Node { line, expr: Expr::Filter(node.map(Box::new), name, Box::new(args)) });
            length += 1;
            self.chain(length)?;
        }
        Ok(node)
    }

    fn used(&mut self, tag: Tag, name: &Rc<str>, line: u32) {
        self.uses.push(Use { tag, name: Rc::clone(name), line, soft: false, settled: false });
    }

    fn test(&mut self, node: Node) -> Res<Node> {
        let line = self.next()?.line;
        let negated = self.skip_name("not")?;
        let (name, _) = self.dotted_name()?;
        let args = match self.current() {
            Tok::Op("(") => self.call_args()?,
            Tok::Name(word) if matches!(&**word, "else" | "or" | "and") => CallArgs::default(),
            Tok::Name(word) if &**word == "is" => {
                return self.fail("You cannot chain multiple tests with is");
            }
            Tok::Name(_) | Tok::Str(_) | Tok::Int(_) | Tok::Float(_) | Tok::Op("[" | "{") => {
                let arg = self.primary(false)?;
                CallArgs { args: vec![self.postfix(arg)?], ..CallArgs::default() }
            }
            _ => CallArgs::default(),
        };
        self.used(Tag::Test, &name, line);
        let node = Node { line, expr: Expr::Test(Box::new(node), name, Box::new(args)) };
        if negated { Ok(Node { line, expr: Expr::Not(Box::new(node)) }) } else { Ok(node) }
    }
}

fn can_assign(node: &Node) -> bool {
    match &node.expr {
        Expr::Name(_) | Expr::NamespaceRef(..) => true,
        Expr::Tuple(items) => items.iter().all(can_assign),
        _ => false,
    }
}

fn assigns_loop(node: &Node) -> bool {
    match &node.expr {
        Expr::Name(name) => &**name == "loop",
        Expr::Tuple(items) => items.iter().any(assigns_loop),
        _ => false,
    }
}

fn int_value(int: BigInt) -> Val {
    Val::from_big(int)
}
