//! What each expression is worth.

use std::rc::Rc;

use super::super::call::Args;
use super::super::compare::{Order, equal, ordered};
use super::super::fault::{Fault, Res};
use super::super::iterate::items_of;
use super::super::number::Num;
use super::super::print::str_of;
use super::super::syntax::{CallArgs, CompareOp, Expr, Node};
use super::super::val::{Entries, Undefined, Val, Why};
use super::{Cx, Run};

impl Run<'_> {
    pub(super) fn eval(&mut self, node: &Node, cx: &Cx) -> Res<Val> {
        self.tick()?;
        self.check_stack()?;
        Ok(match &node.expr {
            Expr::Const(val) => val.clone(),
            Expr::Data(text) => Val::Str(Rc::clone(text)),
            Expr::Name(name) => self.lookup(name, cx),
            Expr::Attr(of, name) => {
                let val = self.eval(of, cx)?;
                self.attr(&val, name)?
            }
            Expr::Item(of, index) => {
                let val = self.eval(of, cx)?;
                self.item(&val, index, cx)?
            }
            Expr::Call(..) => self.call_node(node, None, cx)?,
            Expr::Filter(subject, name, args) => {
                let Some(subject) = subject else {
                    return Err(Fault::template("a filter needs something to filter"));
                };
                let found = super::super::filters::find(name);
                let val = self.eval(subject, cx)?;
                let mut args = self.args(args, None, cx)?;
                args.pos.insert(0, val);
                let Some(filter) = found else {
                    return Err(Fault::template(format!("No filter named '{name}' found.")));
                };
                (filter.run)(self, args)?
            }
            Expr::Test(subject, name, args) => {
                let val = self.eval(subject, cx)?;
                let mut args = self.args(args, None, cx)?;
                args.pos.insert(0, val);
                self.test(name, args)?
            }
            Expr::Slice(_) => return Err(Fault::other("a slice can only stand alone between brackets")),
            Expr::Tuple(items) => Val::tuple(self.eval_all(items, cx)?),
            Expr::List(items) => Val::list(self.eval_all(items, cx)?),
            Expr::Dict(items) => {
                let mut entries = Entries::with_capacity(items.len());
                for (key, value) in items {
                    let key = self.eval(key, cx)?;
                    let value = self.eval(value, cx)?;
                    entries.insert(key.key()?, value);
                }
                self.charge(items.len() * 64)?;
                Val::dict(entries)
            }
            Expr::And(pair) => {
                let left = self.eval(&pair.0, cx)?;
                if left.truthy()? { self.eval(&pair.1, cx)? } else { left }
            }
            Expr::Or(pair) => {
                let left = self.eval(&pair.0, cx)?;
                if left.truthy()? { left } else { self.eval(&pair.1, cx)? }
            }
            Expr::Not(of) => Val::Bool(!self.eval(of, cx)?.truthy()?),
            Expr::Cond(it) => {
                if self.eval(&it.test, cx)?.truthy()? {
                    self.eval(&it.then, cx)?
                } else if let Some(otherwise) = &it.otherwise {
                    self.eval(otherwise, cx)?
                } else {
                    // Always the lenient kind, also where others are strict.
                    let place = match &self.template.name {
                        Some(name) => {
                            format!("line {} in {}", node.line, super::super::print::text_repr_owned(name))
                        }
                        None => format!("line {}", node.line),
                    };
                    let hint = format!(
                        "the inline if-expression on {place} evaluated to false and no else section was defined."
                    );
                    Val::Undefined(Rc::new(Undefined { why: Why::Hint(hint), strict: false }))
                }
            }
            Expr::Binary(op, pair) => {
                let left = self.eval(&pair.0, cx)?;
                let right = self.eval(&pair.1, cx)?;
                self.binary(*op, &left, &right)?
            }
            Expr::Neg(of) => {
                let val = self.eval(of, cx)?;
                match Num::of(&val) {
                    Some(Num::Float(float)) => Val::Float(-float),
                    Some(num) => Val::from_big(-num.big()),
                    None => return Err(bad_unary('-', &val)),
                }
            }
            Expr::Pos(of) => {
                let val = self.eval(of, cx)?;
                match (&val, Num::of(&val)) {
                    (Val::Bool(bool), _) => Val::Int(i64::from(*bool)),
                    (_, Some(_)) => val,
                    _ => return Err(bad_unary('+', &val)),
                }
            }
            Expr::Compare(first, rest) => self.compare(first, rest, cx)?,
            Expr::Concat(parts) => {
                let parts = self.eval_all(parts, cx)?;
                self.join(&parts)?
            }
            Expr::NamespaceRef(..) => {
                return Err(Fault::template("a namespace can only be assigned to here"));
            }
        })
    }

    fn eval_all(&mut self, nodes: &[Node], cx: &Cx) -> Res<Vec<Val>> {
        self.charge(nodes.len() * 24)?;
        nodes.iter().map(|node| self.eval(node, cx)).collect()
    }

    fn compare(&mut self, first: &Node, rest: &[(CompareOp, Node)], cx: &Cx) -> Res<Val> {
        let mut left = self.eval(first, cx)?;
        for (op, node) in rest {
            let right = self.eval(node, cx)?;
            let holds = match op {
                CompareOp::Eq => equal(&left, &right)?,
                CompareOp::Ne => !equal(&left, &right)?,
                CompareOp::Lt => ordered(Order::Lt, &left, &right)?,
                CompareOp::Le => ordered(Order::Le, &left, &right)?,
                CompareOp::Gt => ordered(Order::Gt, &left, &right)?,
                CompareOp::Ge => ordered(Order::Ge, &left, &right)?,
                CompareOp::In => self.contains(&right, &left)?,
                CompareOp::NotIn => !self.contains(&right, &left)?,
            };
            if !holds {
                return Ok(Val::Bool(false));
            }
            left = right;
        }
        Ok(Val::Bool(true))
    }

    /// `val[index]`, where the index may be a slice.
    fn item(&mut self, val: &Val, index: &Node, cx: &Cx) -> Res<Val> {
        if let Expr::Slice(parts) = &index.expr {
            let mut bounds: [Option<Val>; 3] = [None, None, None];
            for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                *bound = part.as_ref().map(|part| self.eval(part, cx)).transpose()?;
            }
            return self.slice(val, &bounds)?.ok_or_else(|| match val {
                Val::Undefined(undefined) => undefined.fault(),
                Val::Dict(_) => Fault::other("unhashable type: 'slice'"),
                other => Fault::other(format!("'{}' object is not subscriptable", other.type_name())),
            });
        }
        let index = self.eval(index, cx)?;
        self.subscript(val, &index)
    }

    /// The arguments of a call, a `caller` among them.
    pub(super) fn args(&mut self, nodes: &CallArgs, caller: Option<Val>, cx: &Cx) -> Res<Args> {
        let mut args = Args { pos: Vec::with_capacity(nodes.args.len() + 1), kw: Vec::new() };
        for node in &nodes.args {
            args.pos.push(self.eval(node, cx)?);
        }
        let mut star = None;
        let mut named = Vec::with_capacity(nodes.kwargs.len());
        if let Some(node) = &nodes.star {
            star = Some(self.eval(node, cx)?);
        }
        for (name, node) in &nodes.kwargs {
            named.push((Rc::clone(name), self.eval(node, cx)?));
        }
        if let Some(star) = star {
            let items = items_of(&star).map_err(|fault| match &star {
                Val::Undefined(_) => fault,
                other => {
                    Fault::other(format!("Value after * must be an iterable, not {}", other.type_name()))
                }
            })?;
            self.charge(items.len() * 24)?;
            args.pos.extend(items);
        }
        args.kw = named;
        if let Some(caller) = caller {
            args.kw.push((Rc::from("caller"), caller));
        }
        if let Some(node) = &nodes.star_star {
            let val = self.eval(node, cx)?;
            let Val::Dict(dict) = &val else {
                return match &val {
                    Val::Undefined(undefined) => Err(undefined.fault()),
                    other => Err(Fault::other(format!(
                        "jinja2.sandbox.SandboxedEnvironment.call() argument after ** must be a mapping, not {}",
                        other.type_name()
                    ))),
                };
            };
            for (key, val) in dict.entries.borrow().iter() {
                let Some(name) = key.0.as_str() else { return Err(Fault::other("keywords must be strings")) };
                if args.kw.iter().any(|(known, _)| known == name) {
                    return Err(Fault::other(format!(
                        "jinja2.sandbox.SandboxedEnvironment.call() got multiple values for keyword argument '{name}'"
                    )));
                }
                args.kw.push((Rc::clone(name), val.clone()));
            }
        }
        Ok(args)
    }

    /// A filter over the text of a block.
    pub(super) fn filter_block(&mut self, node: &Node, text: String, cx: &Cx) -> Res<Val> {
        let Expr::Filter(subject, name, args) = &node.expr else {
            return Err(Fault::template("a block can only be filtered by a filter"));
        };
        let val = match subject {
            Some(inner) => self.filter_block(inner, text, cx)?,
            None => Val::Str(text.into()),
        };
        let mut args = self.args(args, None, cx)?;
        args.pos.insert(0, val);
        let Some(filter) = super::super::filters::find(name) else {
            return Err(Fault::template(format!("No filter named '{name}' found.")));
        };
        (filter.run)(self, args)
    }

    /// One filter, by name, without arguments.
    pub(super) fn apply_filter(&mut self, name: &str, val: Val) -> Res<Val> {
        self.filter(name, Args::of(vec![val]))
    }

    /// One filter by name, as `map` uses it.
    pub(in super::super) fn filter(&mut self, name: &str, args: Args) -> Res<Val> {
        let Some(filter) = super::super::filters::find(name) else {
            return Err(Fault::template(format!("No filter named '{name}'.")));
        };
        (filter.run)(self, args)
    }

    /// One test by name, as `select` uses it too.
    pub(in super::super) fn test(&mut self, name: &str, args: Args) -> Res<Val> {
        let Some(test) = super::super::tests::find(name) else {
            return Err(Fault::template(format!("No test named '{name}' found.")));
        };
        (test.run)(self, args)
    }

    /// `str(val)`, counted.
    pub(in super::super) fn text_of(&mut self, val: &Val) -> Res<Rc<str>> {
        let text = str_of(val)?;
        if !matches!(val, Val::Str(_) | Val::Markup(_)) {
            self.charge(text.len())?;
        }
        Ok(text)
    }
}

fn bad_unary(sign: char, val: &Val) -> Fault {
    match val {
        Val::Undefined(undefined) => undefined.fault(),
        other => Fault::other(format!("bad operand type for unary {sign}: '{}'", other.type_name())),
    }
}
