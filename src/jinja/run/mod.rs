//! The interpreter: one render, its variables and its bounds. Jinja2 3.1: `compiler.py`, `runtime.py`.

mod calls;
mod expression;
mod loops;
mod macros;
mod members;
mod statement;
mod templates;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexMap;

pub(super) use loops::LoopState;
pub(super) use macros::Macro;

use super::convert::{from_map, from_value};
use super::fault::{Fault, FrameKind, Place, Res};
use super::object::Obj;
use super::options::Options;
use super::surroundings::Surroundings;
use super::syntax::{BlockDef, Parsed};
use super::val::{Val, Why};
use crate::value::{Map, Value};

/// Variables by name.
pub(super) type Vars = HashMap<Rc<str>, Val>;

/// A template that has been loaded.
#[derive(Debug)]
pub(super) struct Template {
    /// As it was asked for; `None` for the one that was given as text.
    pub name: Option<Rc<str>>,
    pub path: Option<Rc<str>>,
    pub source: Rc<str>,
    pub parsed: Parsed,
}

/// One level of a block: its body and the template it stands in.
pub(super) type BlockLevel = (Rc<BlockDef>, Rc<Template>);

/// The variables of one run of a template: what it sets at its top, and what it was given.
pub(super) struct Context {
    pub vars: RefCell<IndexMap<Rc<str>, Val>>,
    /// Names that an import of this template sees.
    pub exported: RefCell<Vec<Rc<str>>>,
    /// What was visible where it was included or imported, above the globals.
    pub given: Rc<Vars>,
    pub blocks: RefCell<HashMap<Rc<str>, Vec<BlockLevel>>>,
}

/// Variables of a body that has a scope of its own.
pub(super) struct Scope {
    pub vars: RefCell<Vec<(Rc<str>, Val)>>,
    pub up: Option<Rc<Scope>>,
}

/// Steps between two looks at the clock: a hundredth of a second or so.
const BETWEEN_LOOKS: u64 = 1 << 16;

/// Where a statement or expression stands.
#[derive(Clone)]
pub(super) struct Cx {
    /// `None` at the top of a template.
    pub scope: Option<Rc<Scope>>,
    pub context: Rc<Context>,
    /// The template that the running one extends, once that is known; `None` where output is never held back.
    pub parent: Option<Rc<RefCell<Option<Rc<Template>>>>>,
}

impl Cx {
    /// The same place with a scope of its own.
    pub(super) fn inner(&self) -> Cx {
        let scope = Scope { vars: RefCell::default(), up: self.scope.clone() };
        Cx { scope: Some(Rc::new(scope)), context: Rc::clone(&self.context), parent: self.parent.clone() }
    }

    /// Whether output is held back, because the template extends another.
    fn is_silent(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.borrow().is_some())
    }

    /// Sets a variable of this scope.
    pub(super) fn set(&self, name: &Rc<str>, val: Val) {
        match &self.scope {
            None => {
                self.context.vars.borrow_mut().insert(Rc::clone(name), val);
            }
            Some(scope) => {
                let mut vars = scope.vars.borrow_mut();
                match vars.iter_mut().find(|(known, _)| known == name) {
                    Some(slot) => slot.1 = val,
                    None => vars.push((Rc::clone(name), val)),
                }
            }
        }
    }
}

/// What control flow a body ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

/// One render.
pub(super) struct Run<'h> {
    pub around: &'h dyn Surroundings,
    pub options: &'h Options,
    /// What the caller gives to every template.
    vars: &'h Map,
    /// Those of them that have been looked at.
    globals: RefCell<Vars>,
    /// `tplfile`, `tpldir` and `tpldot` of the file loaded last: each load changes them for all that follow.
    loaded: Rc<Vars>,
    templates: HashMap<Rc<str>, Rc<Template>>,
    /// Modules that were imported without context.
    modules: HashMap<Rc<str>, Val>,
    /// Contexts and scopes that macros may hold; emptied at the end, so that no circle stays.
    kept: Vec<Kept>,
    template: Rc<Template>,
    pub line: u32,
    steps: u64,
    /// How many steps there will be when the time is looked at again.
    next_look: u64,
    /// What [`Surroundings::time_used`] said at the beginning.
    started: Option<Duration>,
    bytes: u64,
    depth: u32,
    stack_base: usize,
    /// The address of the output of the whole render: only what is written straight to it has a place.
    whole: usize,
    places: Vec<Written>,
}

/// Where a part of the output was written.
#[derive(Debug)]
pub(super) struct Written {
    /// Offset in the output where it begins.
    pub at: usize,
    /// The line of the template where it begins.
    pub line: u32,
    /// It is text of the template itself, whose lines count.
    pub data: bool,
    /// `None` for the template that was asked for.
    pub path: Option<Rc<str>>,
}

/// Places that are remembered of one render.
const MAX_PLACES: usize = 200_000;

enum Kept {
    Context(Rc<Context>),
    Scope(Rc<Scope>),
}

impl<'h> Run<'h> {
    pub(super) fn new(
        template: Rc<Template>,
        vars: &'h Map,
        around: &'h dyn Surroundings,
        options: &'h Options,
    ) -> Self {
        Run {
            around,
            options,
            vars,
            globals: RefCell::default(),
            loaded: Rc::default(),
            templates: HashMap::new(),
            modules: HashMap::new(),
            kept: Vec::new(),
            template,
            line: 0,
            steps: 0,
            next_look: BETWEEN_LOOKS,
            started: around.time_used(),
            bytes: 0,
            depth: 0,
            stack_base: here(),
            whole: 0,
            places: Vec::new(),
        }
    }

    /// Renders the template that this run was made for.
    pub(super) fn main(&mut self) -> Res<(String, Vec<Written>)> {
        let template = Rc::clone(&self.template);
        let context = self.context(Rc::default(), &template);
        let mut out = String::new();
        self.whole = std::ptr::from_ref(&out).addr();
        let result = self.root(&template, &context, &mut out);
        self.clear();
        result.map(|()| (out, std::mem::take(&mut self.places)))
    }

    /// Notes the place of what is about to be written to `out`.
    pub(super) fn note_place(&mut self, out: &String, line: u32, data: bool) {
        if self.whole == std::ptr::from_ref(out).addr() && self.places.len() < MAX_PLACES {
            let path = self.template.path.clone();
            self.places.push(Written { at: out.len(), line, data, path });
        }
    }

    fn clear(&mut self) {
        for kept in std::mem::take(&mut self.kept) {
            match kept {
                Kept::Context(context) => {
                    drop(context.vars.take());
                    drop(context.blocks.take());
                }
                Kept::Scope(scope) => drop(scope.vars.take()),
            }
        }
        self.modules.clear();
        self.globals.take();
    }

    fn context(&mut self, given: Rc<Vars>, template: &Rc<Template>) -> Rc<Context> {
        let blocks = template
            .parsed
            .blocks
            .iter()
            .map(|(name, block)| (Rc::clone(name), vec![(Rc::clone(block), Rc::clone(template))]))
            .collect();
        self.context_with(given, blocks)
    }

    fn context_with(&mut self, given: Rc<Vars>, blocks: HashMap<Rc<str>, Vec<BlockLevel>>) -> Rc<Context> {
        let context = Rc::new(Context {
            vars: RefCell::default(),
            exported: RefCell::default(),
            given,
            blocks: RefCell::new(blocks),
        });
        self.kept.push(Kept::Context(Rc::clone(&context)));
        context
    }

    fn keep(&mut self, scope: Option<&Rc<Scope>>) {
        if let Some(scope) = scope {
            self.kept.push(Kept::Scope(Rc::clone(scope)));
        }
    }

    /// The value of a name, or an undefined.
    pub(super) fn lookup(&self, name: &Rc<str>, cx: &Cx) -> Val {
        self.find(name, cx).unwrap_or_else(|| self.undefined(Why::Name(Rc::clone(name))))
    }

    fn find(&self, name: &Rc<str>, cx: &Cx) -> Option<Val> {
        let mut scope = cx.scope.as_ref();
        while let Some(it) = scope {
            if let Some((_, val)) = it.vars.borrow().iter().find(|(known, _)| known == name) {
                return Some(val.clone());
            }
            scope = it.up.as_ref();
        }
        if let Some(val) = cx.context.vars.borrow().get(name) {
            return Some(val.clone());
        }
        if let Some(val) = cx.context.given.get(name) {
            return Some(val.clone());
        }
        if &**name == "self" {
            return Some(Val::obj(Obj::SelfRef(Rc::clone(&cx.context))));
        }
        self.global(name)
    }

    /// A variable that every template sees.
    pub(super) fn global(&self, name: &Rc<str>) -> Option<Val> {
        if let Some(val) = self.globals.borrow().get(name) {
            return Some(val.clone());
        }
        let val = match (self.vars.get(name), self.around.large(name)) {
            (Some(value), _) => from_value(value),
            (None, Some(map)) => from_map(map),
            (None, None) => super::globals::builtin(name)?,
        };
        self.globals.borrow_mut().insert(Rc::clone(name), val.clone());
        Some(val)
    }

    /// Everything that is visible, for `show_full_context`.
    pub(super) fn everything(&self, cx: &Cx) -> IndexMap<Rc<str>, Val> {
        let mut all: IndexMap<Rc<str>, Val> = IndexMap::new();
        let large = self.around.large_names().iter().copied();
        for name in large.chain(self.vars.keys().filter_map(Value::as_str)) {
            let name: Rc<str> = name.into();
            if let Some(val) = self.global(&name) {
                all.insert(name, val);
            }
        }
        for (name, val) in self.visible(cx) {
            all.insert(name, val);
        }
        all
    }

    /// The variables that are set here and around, without the globals.
    pub(super) fn visible(&self, cx: &Cx) -> Vars {
        let mut vars: Vars = (*cx.context.given).clone();
        for (name, val) in cx.context.vars.borrow().iter() {
            vars.insert(Rc::clone(name), val.clone());
        }
        let mut scopes = Vec::new();
        let mut scope = cx.scope.as_ref();
        while let Some(it) = scope {
            scopes.push(it);
            scope = it.up.as_ref();
        }
        for scope in scopes.iter().rev() {
            for (name, val) in scope.vars.borrow().iter() {
                vars.insert(Rc::clone(name), val.clone());
            }
        }
        vars
    }

    pub(super) fn undefined(&self, why: Why) -> Val {
        Val::undefined(why, !self.options.allow_undefined)
    }

    /// Counts one operation.
    pub(super) fn tick(&mut self) -> Res<()> {
        self.ticks(1)
    }

    pub(super) fn ticks(&mut self, n: usize) -> Res<()> {
        self.steps = self.steps.saturating_add(n as u64);
        if self.steps > self.options.limits.steps {
            return Err(Fault::other(format!(
                "the template does not end: it was stopped after {} operations",
                self.options.limits.steps
            )));
        }
        if self.steps >= self.next_look { self.look_at_time() } else { Ok(()) }
    }

    /// Ends a render that has had its time.
    #[cold]
    fn look_at_time(&mut self) -> Res<()> {
        self.next_look = self.steps.saturating_add(BETWEEN_LOOKS);
        let limit = self.options.limits.time;
        match (self.started, self.around.time_used()) {
            (Some(started), Some(now)) if now.saturating_sub(started) > limit => Err(Fault::other(format!(
                "the template does not end: it was stopped after {} s of work",
                limit.as_secs_f64()
            ))),
            _ => Ok(()),
        }
    }

    /// Counts bytes that are about to be made.
    pub(super) fn charge(&mut self, bytes: usize) -> Res<()> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.options.limits.bytes {
            return Err(Fault::other(format!(
                "the template makes too much: it was stopped after {} bytes of text and data",
                self.options.limits.bytes
            )));
        }
        Ok(())
    }

    /// Fails when a text that is being made has become larger than all that may still be made.
    pub(super) fn has_room(&mut self, bytes: usize) -> Res<()> {
        let made = self.bytes;
        let room = self.charge(bytes);
        self.bytes = made;
        room
    }

    /// Fails before the stack of the thread is used up.
    pub(super) fn check_stack(&self) -> Res<()> {
        if self.stack_base.abs_diff(here()) > self.options.limits.stack_bytes {
            return Err(super::print::too_deep());
        }
        Ok(())
    }

    /// Runs one call deeper, in a frame that errors can name.
    fn frame<T>(
        &mut self,
        kind: FrameKind,
        template: &Rc<Template>,
        run: impl FnOnce(&mut Self) -> Res<T>,
    ) -> Res<T> {
        self.check_stack()?;
        if self.depth >= self.options.limits.depth {
            return Err(super::print::too_deep());
        }
        self.depth += 1;
        let line = self.line;
        let around = std::mem::replace(&mut self.template, Rc::clone(template));
        let result = run(self).map_err(|mut fault| {
            let line = fault.take_line().unwrap_or(self.line);
            fault.passed(Place {
                kind,
                path: template.path.clone(),
                source: Rc::clone(&template.source),
                line,
            });
            fault
        });
        self.template = around;
        self.line = line;
        self.depth -= 1;
        result
    }
}

/// About where the stack is now: the address of a local.
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}
