//! `for`, and the `loop` variable. Jinja2 3.1: `runtime.py` (`LoopContext`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::super::call::Args;
use super::super::compare::equal;
use super::super::fault::{Fault, FrameKind, Res};
use super::super::iterate::{Source, known_length};
use super::super::object::Obj;
use super::super::syntax::ForLoop;
use super::super::val::{Val, Why};
use super::{Cx, Flow, Run};

/// The state behind `loop`.
pub(in super::super) struct LoopState {
    source: RefCell<Source>,
    /// Where the condition of `for … if` is evaluated.
    filter: Option<(Rc<ForLoop>, Cx)>,
    /// What `len()` of the iterable says, if it has one and nothing is filtered.
    fixed_length: Cell<Option<usize>>,
    /// From 0; -1 before the first item.
    index0: Cell<i64>,
    before: RefCell<Option<Val>>,
    current: RefCell<Option<Val>>,
    /// Items that have been read ahead.
    ahead: RefCell<std::collections::VecDeque<Val>>,
    changed: RefCell<Option<Vec<Val>>>,
    depth0: i64,
    /// How the body is run again for `loop(…)`.
    recurse: Option<(Rc<ForLoop>, u32, Cx)>,
}

impl LoopState {
    pub(in super::super) fn index(&self) -> i64 {
        self.index0.get() + 1
    }

    /// The length as far as it is known without running anything.
    pub(in super::super) fn known_length(&self) -> usize {
        let seen = usize::try_from(self.index()).unwrap_or_default();
        self.fixed_length.get().unwrap_or(seen + self.ahead.borrow().len())
    }

    /// One item from the source that passes the condition.
    fn pull(&self, run: &mut Run<'_>) -> Res<Option<Val>> {
        loop {
            let Some(item) = self.source.borrow_mut().next()? else { return Ok(None) };
            let Some((it, cx)) = &self.filter else { return Ok(Some(item)) };
            run.tick()?;
            let inner = cx.inner();
            run.assign(&it.target, item.clone(), &inner)?;
            if let Some(test) = &it.test
                && run.eval(test, &inner)?.truthy()?
            {
                return Ok(Some(item));
            }
        }
    }

    fn advance(&self, run: &mut Run<'_>) -> Res<Option<Val>> {
        let ahead = self.ahead.borrow_mut().pop_front();
        let next = match ahead {
            Some(item) => Some(item),
            None => self.pull(run)?,
        };
        if let Some(item) = &next {
            self.index0.set(self.index0.get() + 1);
            let current = self.current.replace(Some(item.clone()));
            self.before.replace(current);
        }
        Ok(next)
    }

    fn peek(&self, run: &mut Run<'_>) -> Res<Option<Val>> {
        if let Some(item) = self.ahead.borrow().front() {
            return Ok(Some(item.clone()));
        }
        let next = self.pull(run)?;
        self.ahead.borrow_mut().extend(next.clone());
        Ok(next)
    }

    fn length(&self, run: &mut Run<'_>) -> Res<i64> {
        if self.fixed_length.get().is_none() {
            while let Some(item) = self.pull(run)? {
                run.charge(24)?;
                self.ahead.borrow_mut().push_back(item);
            }
            let seen = usize::try_from(self.index()).unwrap_or_default();
            self.fixed_length.set(Some(seen + self.ahead.borrow().len()));
        }
        Ok(i64::try_from(self.fixed_length.get().unwrap_or_default()).unwrap_or(i64::MAX))
    }

    /// `loop.name`; `None` when there is no such thing.
    pub(in super::super) fn attr(self: &Rc<Self>, name: &str, run: &mut Run<'_>) -> Res<Option<Val>> {
        Ok(Some(match name {
            "index" => Val::Int(self.index()),
            "index0" => Val::Int(self.index0.get()),
            "first" => Val::Bool(self.index0.get() == 0),
            "last" => Val::Bool(self.peek(run)?.is_none()),
            "length" => Val::Int(self.length(run)?),
            "revindex" => Val::Int(self.length(run)? - self.index0.get()),
            "revindex0" => Val::Int(self.length(run)? - self.index()),
            "depth" => Val::Int(self.depth0 + 1),
            "depth0" => Val::Int(self.depth0),
            "previtem" if self.index0.get() == 0 => {
                run.undefined(Why::Hint("there is no previous item".to_owned()))
            }
            "previtem" => self.before.borrow().clone().unwrap_or(Val::None),
            "nextitem" => match self.peek(run)? {
                Some(item) => item,
                None => run.undefined(Why::Hint("there is no next item".to_owned())),
            },
            "cycle" | "changed" => {
                Val::obj(Obj::Method { of: Val::obj(Obj::Loop(Rc::clone(self))), name: name.into() })
            }
            _ => return Ok(None),
        }))
    }

    pub(in super::super) fn method(&self, name: &str, args: Args) -> Res<Val> {
        match name {
            "cycle" => {
                if args.pos.is_empty() {
                    return Err(Fault::other("no items for cycling given"));
                }
                let index = usize::try_from(self.index0.get()).unwrap_or_default() % args.pos.len();
                Ok(args.pos.get(index).cloned().unwrap_or(Val::None))
            }
            _ => {
                let last = self.changed.borrow().clone();
                if let Some(last) = &last
                    && last.len() == args.pos.len()
                {
                    let mut same = true;
                    for (a, b) in last.iter().zip(&args.pos) {
                        same &= equal(a, b)?;
                    }
                    if same {
                        return Ok(Val::Bool(false));
                    }
                }
                self.changed.replace(Some(args.pos));
                Ok(Val::Bool(true))
            }
        }
    }
}

impl Run<'_> {
    pub(super) fn for_loop(&mut self, it: &Rc<ForLoop>, line: u32, cx: &Cx, out: &mut String) -> Res<()> {
        let iterable = self.eval(&it.iter, cx)?;
        self.line = line;
        if it.recursive {
            let template = Rc::clone(&self.template);
            let inner = Cx { parent: None, ..cx.clone() };
            let text = self.frame(FrameKind::Macro, &template, |run| {
                let mut text = String::new();
                run.run_loop(it, line, &iterable, 0, &inner, &mut text)?;
                Ok(text)
            })?;
            out.push_str(&text);
            return Ok(());
        }
        self.run_loop(it, line, &iterable, 0, cx, out)
    }

    fn run_loop(
        &mut self,
        it: &Rc<ForLoop>,
        line: u32,
        iterable: &Val,
        depth0: i64,
        cx: &Cx,
        out: &mut String,
    ) -> Res<()> {
        let fixed_length = if it.test.is_none() { known_length(iterable) } else { None };
        let state = Rc::new(LoopState {
            source: RefCell::new(Source::of(iterable)?),
            filter: it.test.as_ref().map(|_| (Rc::clone(it), cx.clone())),
            fixed_length: Cell::new(fixed_length),
            index0: Cell::new(-1),
            before: RefCell::default(),
            current: RefCell::default(),
            ahead: RefCell::default(),
            changed: RefCell::default(),
            depth0,
            recurse: it.recursive.then(|| (Rc::clone(it), line, cx.clone())),
        });
        let loop_name: Rc<str> = Rc::from("loop");
        let loop_val = Val::obj(Obj::Loop(Rc::clone(&state)));
        // Jinja runs `else` when no round came to its end, so also after a `break` in the first.
        let mut completed = false;
        loop {
            self.line = line;
            let Some(item) = state.advance(self)? else { break };
            self.tick()?;
            let inner = cx.inner();
            inner.set(&loop_name, loop_val.clone());
            self.assign(&it.target, item, &inner)?;
            match self.body(&it.body, &inner, out)? {
                Flow::Next => completed = true,
                Flow::Continue => {}
                Flow::Break => break,
            }
        }
        if !completed && !it.otherwise.is_empty() {
            self.body(&it.otherwise, &cx.inner(), out)?;
        }
        Ok(())
    }

    /// `loop(iterable)` in a recursive loop.
    pub(in super::super) fn recurse(&mut self, state: &LoopState, args: Args) -> Res<Val> {
        let [iterable] = args.bind("LoopContext.__call__", ["iterable"], 1)?;
        let Some((it, line, cx)) = &state.recurse else {
            return Err(Fault::other("The loop must have the 'recursive' marker to be called recursively."));
        };
        let template = Rc::clone(&self.template);
        let text = self.frame(FrameKind::Macro, &template, |run| {
            let mut text = String::new();
            let iterable = iterable.unwrap_or(Val::None);
            run.run_loop(it, *line, &iterable, state.depth0 + 1, cx, &mut text)?;
            Ok(text)
        })?;
        Ok(Val::Str(text.into()))
    }
}
