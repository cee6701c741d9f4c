//! One statement: what stands between `{%` and `%}`, and its body.

use std::rc::Rc;

use super::super::fault::{Fault, Res};
use super::super::lex::Tok;
use super::super::syntax::{BlockDef, Body, Expr, ForLoop, MacroDef, Node, Statement, Stmt};
use super::{Parser, Special};

impl Parser {
    pub(super) fn statement(&mut self) -> Res<Statement> {
        let line = self.line();
        let Tok::Name(name) = self.current().clone() else {
            return self.fail("tag name expected");
        };
        self.tags.push(Rc::clone(&name));
        let from = self.uses.len();
        let nests = matches!(
            &*name,
            "for"
                | "macro"
                | "call"
                | "filter"
                | "with"
                | "autoescape"
                | "load_yaml"
                | "load_json"
                | "load_text"
        );
        self.nested += u32::from(nests);
        let stmt = match &*name {
            "set" => self.set(),
            "if" => self.if_(),
            "for" => self.for_(),
            "with" => self.with(),
            "macro" => self.macro_(),
            "call" => self.call_block(),
            "filter" => self.filter_block(),
            "block" => self.block(),
            "extends" => self.extends(),
            "include" => self.include(),
            "import" => self.import(),
            "from" => self.import_names(),
            "print" => self.print(),
            "autoescape" => self.autoescape(),
            "do" => self.next().and_then(|_| Ok(Stmt::Do(self.tuple(true)?))),
            "break" | "continue" => self.loop_control(&name, line),
            "load_yaml" => self.load("load_yaml"),
            "load_json" => self.load("load_json"),
            "load_text" => self.load("load_text"),
            "import_yaml" => self.import_data("load_yaml"),
            "import_json" => self.import_data("load_json"),
            "import_text" => self.import_data("load_text"),
            "profile" => self.profile(),
            _ => {
                self.tags.pop();
                return self.fail_lost(Some(&name), line);
            }
        }?;
        self.nested -= u32::from(nests);
        self.tags.pop();
        if matches!(
            &*name,
            "for" | "macro" | "call" | "filter" | "with" | "block" | "load_yaml" | "load_json" | "load_text"
        ) || matches!(stmt, Stmt::SetBlock { .. })
        {
            self.settle(from);
        }
        Ok(Statement { line, stmt })
    }

    fn set(&mut self) -> Res<Stmt> {
        self.next()?;
        let target = self.target(true)?;
        if self.skip_op("=")? {
            return Ok(Stmt::Set(target, self.tuple(true)?));
        }
        let filter = self.filters(None, false)?;
        let body = self.statements_to(&["endset"])?;
        Ok(Stmt::SetBlock { target, filter, body })
    }

    fn if_(&mut self) -> Res<Stmt> {
        let from = self.uses.len();
        let mut line = self.next()?.line;
        let mut branches = Vec::new();
        let mut otherwise = Body::new();
        loop {
            let test = self.tuple(false)?;
            let body = self.statements(&["elif", "else", "endif"])?;
            branches.push((line, test, body));
            let end = self.next()?.kind;
            if end.is_name("elif") {
                line = self.line();
                continue;
            }
            if end.is_name("else") {
                otherwise = self.statements_to(&["endif"])?;
            }
            break;
        }
        self.soften(from);
        Ok(Stmt::If { branches, otherwise })
    }

    fn for_(&mut self) -> Res<Stmt> {
        self.next()?;
        self.in_for += 1;
        let target = self.target(false)?;
        self.expect_name("in")?;
        let iter = self.tuple(false)?;
        let test = if self.skip_name("if")? { Some(self.expression()?) } else { None };
        let recursive = self.skip_name("recursive")?;
        self.loops += 1;
        let body = self.statements(&["endfor", "else"])?;
        self.loops -= 1;
        let otherwise =
            if self.next()?.kind.is_name("endfor") { Body::new() } else { self.statements_to(&["endfor"])? };
        self.in_for -= 1;
        Ok(Stmt::For(Rc::new(ForLoop { target, iter, body, otherwise, test, recursive })))
    }

    fn loop_control(&mut self, name: &str, line: u32) -> Res<Stmt> {
        self.next()?;
        if self.loops == 0 {
            let problem =
                if name == "break" { "'break' outside loop" } else { "'continue' not properly in loop" };
            return Err(Fault::syntax(problem, line));
        }
        Ok(if name == "break" { Stmt::Break } else { Stmt::Continue })
    }

    fn with(&mut self) -> Res<Stmt> {
        self.next()?;
        let mut assignments = Vec::new();
        while *self.current() != Tok::BlockEnd {
            if !assignments.is_empty() {
                self.expect_op(",")?;
            }
            let target = self.target(false)?;
            self.expect_op("=")?;
            assignments.push((target, self.expression()?));
        }
        let body = self.statements_to(&["endwith"])?;
        Ok(Stmt::With { assignments, body })
    }

    fn autoescape(&mut self) -> Res<Stmt> {
        self.next()?;
        self.expression()?;
        Ok(Stmt::Scope(self.statements_to(&["endautoescape"])?))
    }

    fn block(&mut self) -> Res<Stmt> {
        let line = self.next()?.line;
        let (name, _) = self.expect_any_name()?;
        let scoped = self.skip_name("scoped")?;
        let required = self.skip_name("required")?;
        if self.current().is_op("-") {
            return self.fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an \
                 underscore instead.",
            );
        }
        let special = self.special;
        let loops = std::mem::take(&mut self.loops);
        let nested = self.nested;
        self.nested += 1;
        let body = self.statements_to(&["endblock"])?;
        self.nested = nested;
        self.loops = loops;
        self.special = special;
        let blank = |node: &Node| match &node.expr {
            Expr::Data(text) => text.chars().all(super::super::lex::is_space),
            _ => false,
        };
        if required
            && !body.iter().all(|it| matches!(&it.stmt, Stmt::Output(nodes) if nodes.iter().all(blank)))
        {
            return self.fail("Required blocks can only contain comments or whitespace");
        }
        self.skip_name(&name)?;
        if self.blocks.iter().any(|(known, _)| *known == name) {
            return Err(Fault::syntax(format!("block '{name}' defined twice"), line));
        }
        self.blocks.push((Rc::clone(&name), Rc::new(BlockDef { body })));
        Ok(Stmt::Block { name, scoped, required })
    }

    fn extends(&mut self) -> Res<Stmt> {
        let line = self.next()?.line;
        let template = self.expression()?;
        if self.nested > 0 {
            return Err(Fault::syntax("cannot use extend from a non top-level scope", line));
        }
        Ok(Stmt::Extends(template))
    }

    /// `with context`, `without context`, or nothing.
    fn context(&mut self) -> Res<Option<bool>> {
        let with = match self.current() {
            Tok::Name(name) if matches!(&**name, "with" | "without") => &**name == "with",
            _ => return Ok(None),
        };
        if !self.look().is_name("context") {
            return Ok(None);
        }
        self.next()?;
        self.next()?;
        Ok(Some(with))
    }

    fn include(&mut self) -> Res<Stmt> {
        self.next()?;
        let template = self.expression()?;
        let ignore_missing = self.current().is_name("ignore") && self.look().is_name("missing");
        if ignore_missing {
            self.next()?;
            self.next()?;
        }
        let with_context = self.context()?.unwrap_or(true);
        Ok(Stmt::Include { template, ignore_missing, with_context })
    }

    fn import(&mut self) -> Res<Stmt> {
        self.next()?;
        let template = self.expression()?;
        self.expect_name("as")?;
        let (target, _) = self.name_target()?;
        let with_context = self.context()?.unwrap_or(false);
        Ok(Stmt::Import { template, target, with_context })
    }

    fn import_names(&mut self) -> Res<Stmt> {
        self.next()?;
        let template = self.expression()?;
        self.expect_name("import")?;
        let mut names: Vec<(Rc<str>, Rc<str>)> = Vec::new();
        let with_context = loop {
            if !names.is_empty() {
                self.expect_op(",")?;
            }
            if !matches!(self.current(), Tok::Name(_)) {
                self.expect_any_name()?;
            }
            let with_context = self.context()?;
            if with_context.is_some() {
                break with_context;
            }
            let (name, line) = self.name_target()?;
            if name.starts_with('_') {
                return Err(Fault::syntax("names starting with an underline can not be imported", line));
            }
            let alias = if self.skip_name("as")? { self.name_target()?.0 } else { Rc::clone(&name) };
            names.push((name, alias));
            let with_context = self.context()?;
            if with_context.is_some() || !self.current().is_op(",") {
                break with_context;
            }
        };
        Ok(Stmt::FromImport { template, names, with_context: with_context.unwrap_or(false) })
    }

    fn print(&mut self) -> Res<Stmt> {
        self.next()?;
        let mut nodes = Vec::new();
        while *self.current() != Tok::BlockEnd {
            if !nodes.is_empty() {
                self.expect_op(",")?;
            }
            nodes.push(self.expression()?);
        }
        Ok(Stmt::Output(nodes))
    }

    fn signature(&mut self) -> Res<(Vec<Rc<str>>, Vec<Node>)> {
        let mut args: Vec<Rc<str>> = Vec::new();
        let mut defaults = Vec::new();
        self.expect_op("(")?;
        while !self.current().is_op(")") {
            if !args.is_empty() {
                self.expect_op(",")?;
            }
            let (name, _) = self.name_target()?;
            if self.skip_op("=")? {
                defaults.push(self.expression()?);
            } else if !defaults.is_empty() {
                return self.fail("non-default argument follows default argument");
            }
            args.push(name);
        }
        self.expect_op(")")?;
        Ok((args, defaults))
    }

    fn macro_(&mut self) -> Res<Stmt> {
        let line = self.next()?.line;
        let (name, _) = self.name_target()?;
        let around = std::mem::take(&mut self.special);
        let (args, defaults) = self.signature()?;
        self.special = Special::default();
        let loops = std::mem::take(&mut self.loops);
        let body = self.statements_to(&["endmacro"])?;
        self.loops = loops;
        let def = self.definition(Some(name), args, defaults, body, around, line)?;
        Ok(Stmt::Macro(Rc::new(def)))
    }

    fn call_block(&mut self) -> Res<Stmt> {
        let line = self.next()?.line;
        let around = self.special;
        let (args, defaults) =
            if self.current().is_op("(") { self.signature()? } else { (Vec::new(), Vec::new()) };
        let call = self.expression()?;
        if !matches!(call.expr, Expr::Call(..)) {
            return Err(Fault::syntax("expected call", line));
        }
        let around = Special {
            caller: around.caller || self.special.caller,
            kwargs: around.kwargs || self.special.kwargs,
            varargs: around.varargs || self.special.varargs,
        };
        self.special = Special::default();
        let loops = std::mem::take(&mut self.loops);
        let body = self.statements_to(&["endcall"])?;
        self.loops = loops;
        let def = self.definition(None, args, defaults, body, around, line)?;
        Ok(Stmt::CallBlock { call, block: Rc::new(def) })
    }

    /// A macro of its parts; what its body reads of the special names is also read by the macro around.
    fn definition(
        &mut self,
        name: Option<Rc<str>>,
        args: Vec<Rc<str>>,
        defaults: Vec<Node>,
        body: Body,
        around: Special,
        line: u32,
    ) -> Res<MacroDef> {
        let uses = self.special;
        self.special = Special {
            caller: around.caller || uses.caller,
            kwargs: around.kwargs || uses.kwargs,
            varargs: around.varargs || uses.varargs,
        };
        let is_arg = |name: &str| args.iter().position(|arg| &**arg == name);
        if uses.caller && is_arg("caller").is_some_and(|at| at < args.len() - defaults.len()) {
            return Err(Fault::syntax(
                "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a \
                 default.",
                line,
            ));
        }
        let uses_kwargs = uses.kwargs && is_arg("kwargs").is_none();
        let uses_varargs = uses.varargs && is_arg("varargs").is_none();
        Ok(MacroDef { name, args, defaults, body, uses_caller: uses.caller, uses_kwargs, uses_varargs })
    }

    fn filter_block(&mut self) -> Res<Stmt> {
        self.next()?;
        let line = self.line();
        let Some(filter) = self.filters(None, true)? else {
            return Err(Fault::syntax("expected token 'name'", line));
        };
        let body = self.statements_to(&["endfilter"])?;
        Ok(Stmt::FilterBlock { filter, body })
    }

    fn load(&mut self, filter: &'static str) -> Res<Stmt> {
        self.next()?;
        self.expect_name("as")?;
        let target = self.target(false)?;
        let loops = std::mem::take(&mut self.loops);
        let body = Rc::new(self.statements_to(&["endload"])?);
        self.loops = loops;
        Ok(Stmt::Load { filter, target, body })
    }

    fn import_data(&mut self, filter: &'static str) -> Res<Stmt> {
        match self.import()? {
            Stmt::Import { template, target, with_context } => {
                Ok(Stmt::ImportData { filter, template, target, with_context })
            }
            other => Ok(other),
        }
    }

    fn profile(&mut self) -> Res<Stmt> {
        self.next()?;
        self.expect_name("as")?;
        let label = self.expression()?;
        let body = self.statements_to(&["endprofile"])?;
        Ok(Stmt::Profile { label, body })
    }
}
