//! What each statement does.

use std::rc::Rc;

use super::super::fault::{Fault, Res};
use super::super::iterate::Source;
use super::super::object::Obj;
use super::super::print::{str_of, write_output};
use super::super::syntax::{Body, Expr, Node, Statement, Stmt};
use super::super::val::Val;
use super::{Cx, Flow, Run};

impl Run<'_> {
    /// Runs statements; what they print goes to `out`.
    pub(super) fn body(&mut self, body: &Body, cx: &Cx, out: &mut String) -> Res<Flow> {
        for statement in body {
            let flow = self.statement(statement, cx, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// Runs statements whose output is wanted as text, with no regard to `extends`.
    pub(super) fn captured(&mut self, body: &Body, cx: &Cx) -> Res<String> {
        let mut out = String::new();
        let cx = Cx { parent: None, ..cx.clone() };
        self.body(body, &cx, &mut out)?;
        Ok(out)
    }

    fn statement(&mut self, statement: &Statement, cx: &Cx, out: &mut String) -> Res<Flow> {
        self.tick()?;
        self.line = statement.line;
        match &statement.stmt {
            Stmt::Output(nodes) => self.output(nodes, cx, out)?,
            Stmt::Set(target, value) => {
                let val = self.eval(value, cx)?;
                self.line = statement.line;
                self.assign(target, val, cx)?;
            }
            Stmt::SetBlock { target, filter, body } => {
                let inner = cx.inner();
                let text = self.captured(body, &inner)?;
                self.line = statement.line;
                let val = match filter {
                    Some(filter) => self.filter_block(filter, text, &inner)?,
                    None => Val::Str(text.into()),
                };
                self.assign(target, val, cx)?;
            }
            Stmt::If { branches, otherwise } => {
                for (line, test, body) in branches {
                    self.line = *line;
                    if self.eval(test, cx)?.truthy()? {
                        return self.body(body, cx, out);
                    }
                }
                return self.body(otherwise, cx, out);
            }
            Stmt::For(it) => self.for_loop(it, statement.line, cx, out)?,
            Stmt::With { assignments, body } => {
                let inner = cx.inner();
                for (target, value) in assignments {
                    let val = self.eval(value, cx)?;
                    self.assign(target, val, &inner)?;
                }
                return self.body(body, &inner, out);
            }
            Stmt::Scope(body) => return self.body(body, &cx.inner(), out),
            Stmt::Macro(def) => {
                let val = self.define(def, cx);
                if let Some(name) = &def.name {
                    self.store(name, val, cx);
                }
            }
            Stmt::CallBlock { call, block } => {
                let caller = self.define(block, cx);
                let val = self.call_node(call, Some(caller), cx)?;
                self.note_place(out, statement.line, false);
                let before = out.len();
                write_output(out, &val)?;
                self.charge(out.len() - before)?;
            }
            Stmt::FilterBlock { filter, body } => {
                let inner = cx.inner();
                let text = self.captured(body, &inner)?;
                self.line = statement.line;
                let val = self.filter_block(filter, text, &inner)?;
                self.note_place(out, statement.line, false);
                let before = out.len();
                write_output(out, &val)?;
                self.charge(out.len() - before)?;
            }
            Stmt::Block { name, scoped, required } => self.block(name, *scoped, *required, cx, out)?,
            Stmt::Extends(template) => self.extends(template, cx)?,
            Stmt::Include { template, ignore_missing, with_context } => {
                self.include(template, *ignore_missing, *with_context, cx, out)?;
            }
            Stmt::Import { template, target, with_context } => {
                let module = self.import(template, *with_context, cx)?;
                cx.set(target, module);
                cx.unexport(target);
            }
            Stmt::FromImport { template, names, with_context } => {
                self.import_names(template, names, *with_context, statement.line, cx)?;
            }
            Stmt::ImportData { filter, template, target, with_context } => {
                let label = self.eval(template, cx)?;
                self.line = statement.line;
                let file = str_of(&label).ok();
                let module = self.import_named(label, *with_context, cx)?;
                let text = match &module {
                    Val::Obj(obj) => match &**obj {
                        Obj::Module { body, .. } => Val::Str(Rc::clone(body)),
                        _ => module.clone(),
                    },
                    other => other.clone(),
                };
                let val = self.apply_filter(filter, text).map_err(|fault| match &file {
                    Some(file) => fault.of_data(Rc::clone(file)),
                    None => fault,
                })?;
                self.store(target, val, cx);
            }
            Stmt::Load { filter, target, body } => {
                let template = Rc::clone(&self.template);
                let inner = Cx { parent: None, ..cx.inner() };
                let text =
                    self.frame(super::FrameKind::Macro, &template, |run| run.captured(body, &inner))?;
                self.line = statement.line;
                let val = self.apply_filter(filter, Val::Str(text.into()))?;
                self.assign(target, val, cx)?;
            }
            Stmt::Profile { label, body } => {
                let label = self.eval(label, cx)?;
                let flow = self.body(body, cx, out)?;
                let label = str_of(&label).unwrap_or_else(|_| Rc::from("Undefined"));
                self.around.log("profile", &format!("rendered profile block '{label}'"));
                return Ok(flow);
            }
            Stmt::Do(value) => {
                self.eval(value, cx)?;
            }
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn output(&mut self, nodes: &[Node], cx: &Cx, out: &mut String) -> Res<()> {
        if cx.is_silent() {
            return Ok(());
        }
        let before = out.len();
        for node in nodes {
            self.note_place(out, node.line, matches!(node.expr, Expr::Data(_)));
            if let Expr::Data(text) = &node.expr {
                out.push_str(text);
                continue;
            }
            self.line = node.line;
            let val = self.eval(node, cx)?;
            self.line = node.line;
            write_output(out, &val)?;
        }
        self.charge(out.len() - before)
    }

    /// Sets a variable; at the top of a template it is exported.
    pub(super) fn store(&mut self, name: &Rc<str>, val: Val, cx: &Cx) {
        cx.set(name, val);
        if cx.scope.is_none() && !name.starts_with('_') {
            let mut exported = cx.context.exported.borrow_mut();
            if !exported.contains(name) {
                exported.push(Rc::clone(name));
            }
        }
    }

    /// Assigns to a name, a tuple of names, or an attribute of a namespace.
    pub(super) fn assign(&mut self, target: &Node, val: Val, cx: &Cx) -> Res<()> {
        match &target.expr {
            Expr::Name(name) => {
                self.store(name, val, cx);
                Ok(())
            }
            Expr::NamespaceRef(name, attr) => {
                if let Val::Obj(obj) = self.lookup(name, cx)
                    && let Obj::Namespace(vars) = &*obj
                {
                    vars.borrow_mut().insert(Rc::clone(attr), val);
                    return Ok(());
                }
                Err(Fault::template("cannot assign attribute on non-namespace object"))
            }
            Expr::Tuple(targets) => {
                let items = self.unpack(&val, targets.len())?;
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, cx)?;
                }
                Ok(())
            }
            other => Err(Fault::template(format!("can't assign to '{}'", other.kind()))),
        }
    }

    fn unpack(&mut self, val: &Val, wanted: usize) -> Res<Vec<Val>> {
        if let Val::Tuple(tuple) = val
            && tuple.items.len() == wanted
        {
            return Ok(tuple.items.clone());
        }
        let mut source = Source::of(val).map_err(|fault| match val {
            Val::Undefined(_) => fault,
            other => Fault::other(format!("cannot unpack non-iterable {} object", other.type_name())),
        })?;
        let mut items = Vec::with_capacity(wanted);
        while let Some(item) = source.next()? {
            if items.len() == wanted {
                return Err(Fault::other(format!("too many values to unpack (expected {wanted})")));
            }
            items.push(item);
        }
        if items.len() < wanted {
            let got = items.len();
            return Err(Fault::other(format!("not enough values to unpack (expected {wanted}, got {got})")));
        }
        Ok(items)
    }
}

impl Cx {
    /// An imported name is not exported again.
    pub(super) fn unexport(&self, name: &Rc<str>) {
        if self.scope.is_none() {
            self.context.exported.borrow_mut().retain(|known| known != name);
        }
    }
}
