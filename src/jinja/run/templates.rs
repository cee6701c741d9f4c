//! Templates that use others: include, import, extends, blocks. Salt: `SaltCacheLoader.get_source`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::super::fault::{Fault, FrameKind, Kind, Place, Res};
use super::super::iterate::items_of;
use super::super::methods::path::{directory, normalise};
use super::super::object::Obj;
use super::super::parse::parse;
use super::super::print::{str_of, text_repr_owned};
use super::super::syntax::{BlockDef, Node};
use super::super::val::{Val, Why};
use super::{BlockLevel, Context, Cx, Run, Template, Vars};

impl Run<'_> {
    /// Runs a template from its top, and then the one it extends.
    pub(super) fn root(
        &mut self,
        template: &Rc<Template>,
        context: &Rc<Context>,
        out: &mut String,
    ) -> Res<()> {
        self.frame(FrameKind::Root, template, |run| {
            let parent = Rc::new(RefCell::new(None));
            let cx = Cx { scope: None, context: Rc::clone(context), parent: Some(Rc::clone(&parent)) };
            run.body(&template.parsed.body, &cx, out)?;
            let parent = parent.borrow_mut().take();
            match parent {
                Some(parent) => run.root(&parent, context, out),
                None => Ok(()),
            }
        })
    }

    /// Loads a template by name, relative names from `tpldir`. Each file is read once.
    pub(in super::super) fn load(&mut self, name: &Val) -> Res<Rc<Template>> {
        let name = match name {
            Val::Undefined(undefined) => return Err(undefined.fault()),
            Val::Str(name) | Val::Markup(name) => Rc::clone(name),
            other => str_of(other)?,
        };
        if let Some(known) = self.templates.get(&name) {
            return Ok(Rc::clone(known));
        }
        let missing = || Fault::new(Kind::NotFound, name.to_string());
        let is_relative = matches!(name.split('/').next(), Some("." | ".."));
        let mut path = name.to_string();
        let key = |text: &str| -> Rc<str> { Rc::from(text) };
        if is_relative {
            let Some(dir) = self.loaded.get("tpldir").cloned().or_else(|| self.global(&key("tpldir"))) else {
                return Err(missing());
            };
            path = normalise(&format!("{}/{name}", str_of(&dir)?));
            if path.split('/').next() == Some("..") {
                return Err(missing());
            }
        }
        let file = self.around.source(&path);
        // The loader sets these before it knows whether the file is there, and for all templates.
        let dir = if is_relative {
            match self.loaded.get("tpldir").cloned().or_else(|| self.global(&key("tpldir"))) {
                Some(dir) => str_of(&dir)?.to_string(),
                None => String::new(),
            }
        } else {
            directory(&path).to_owned()
        };
        let loaded: Vars = HashMap::from([
            (key("tplfile"), Val::str(if is_relative { &*name } else { &*path })),
            (key("tpldir"), Val::str(if dir.is_empty() { "." } else { &dir })),
            (key("tpldot"), Val::str(dir.replace('/', "."))),
        ]);
        self.loaded = Rc::new(loaded);
        let file = file.ok_or_else(missing)?;
        self.charge(file.text.len() * 8)?;
        let source: Rc<str> = file.text.into();
        let parsed = parse(&source, self.options, &super::super::knows).map_err(|mut fault| {
            let line = fault.take_line().unwrap_or(1);
            fault.passed(Place {
                kind: FrameKind::Root,
                path: Some(Rc::from(&*file.path)),
                source: Rc::clone(&source),
                line,
            });
            fault
        })?;
        let template =
            Rc::new(Template { name: Some(Rc::clone(&name)), path: Some(file.path.into()), source, parsed });
        self.templates.insert(name, Rc::clone(&template));
        Ok(template)
    }

    /// A template by its name, or the first that is there of a list of names.
    fn load_any(&mut self, names: &Val) -> Res<Rc<Template>> {
        if matches!(names, Val::Str(_) | Val::Markup(_) | Val::Undefined(_)) {
            return self.load(names);
        }
        let names = items_of(names)?;
        if names.is_empty() {
            return Err(Fault::new(Kind::NotFound, "Tried to select from an empty list of templates."));
        }
        for name in &names {
            match self.load(name) {
                Err(fault) if fault.kind() == Kind::NotFound => {}
                other => return other,
            }
        }
        let names: Vec<String> =
            names.iter().map(|name| str_of(name).map(|name| name.to_string())).collect::<Res<_>>()?;
        Err(Fault::new(
            Kind::NotFound,
            format!("none of the templates given were found: {}", names.join(", ")),
        ))
    }

    pub(super) fn include(
        &mut self,
        template: &Node,
        ignore_missing: bool,
        with_context: bool,
        cx: &Cx,
        out: &mut String,
    ) -> Res<()> {
        let line = self.line;
        let names = self.eval(template, cx)?;
        self.line = line;
        let template = match self.load_any(&names) {
            Err(fault) if ignore_missing && fault.kind() == Kind::NotFound => return Ok(()),
            other => other?,
        };
        if with_context {
            let given = Rc::new(self.visible(cx));
            self.charge(given.len() * 48)?;
            let context = self.context(given, &template);
            self.root(&template, &context, out)
        } else {
            let Val::Obj(module) = self.default_module(&template)? else { return Ok(()) };
            if let Obj::Module { body, .. } = &*module {
                out.push_str(body);
                self.charge(body.len())?;
            }
            Ok(())
        }
    }

    pub(super) fn import(&mut self, template: &Node, with_context: bool, cx: &Cx) -> Res<Val> {
        let line = self.line;
        let name = self.eval(template, cx)?;
        self.line = line;
        self.import_named(name, with_context, cx)
    }

    pub(super) fn import_named(&mut self, name: Val, with_context: bool, cx: &Cx) -> Res<Val> {
        let template = self.load(&name)?;
        if with_context {
            let given = Rc::new(self.visible(cx));
            self.charge(given.len() * 48)?;
            self.module(&template, given)
        } else {
            self.default_module(&template)
        }
    }

    /// The module of a template without context: made once.
    fn default_module(&mut self, template: &Rc<Template>) -> Res<Val> {
        let name = template.name.clone().unwrap_or_else(|| Rc::from(""));
        if let Some(module) = self.modules.get(&name) {
            return Ok(module.clone());
        }
        let given = Rc::clone(&self.loaded);
        let module = self.module(template, given)?;
        self.modules.insert(name, module.clone());
        Ok(module)
    }

    fn module(&mut self, template: &Rc<Template>, given: Rc<Vars>) -> Res<Val> {
        let context = self.context(given, template);
        let mut body = String::new();
        self.root(template, &context, &mut body)?;
        let vars = context.vars.borrow();
        let exported: IndexMap<Rc<str>, Val> = context
            .exported
            .borrow()
            .iter()
            .filter_map(|name| Some((Rc::clone(name), vars.get(name)?.clone())))
            .collect();
        let name = template.name.clone().unwrap_or_else(|| Rc::from("<template>"));
        Ok(Val::obj(Obj::Module { name, exported: RefCell::new(exported), body: body.into() }))
    }

    pub(super) fn import_names(
        &mut self,
        template: &Node,
        names: &[(Rc<str>, Rc<str>)],
        with_context: bool,
        line: u32,
        cx: &Cx,
    ) -> Res<()> {
        let module = self.import(template, with_context, cx)?;
        let Val::Obj(obj) = &module else { return Ok(()) };
        let Obj::Module { name: file, exported, .. } = &**obj else { return Ok(()) };
        for (name, alias) in names {
            let val = exported.borrow().get(name).cloned().unwrap_or_else(|| {
                let place = match &self.template.name {
                    Some(here) => format!("line {line} in {}", text_repr_owned(here)),
                    None => format!("line {line}"),
                };
                self.undefined(Why::Hint(format!(
                    "the template {} (imported on {place}) does not export the requested name {}",
                    text_repr_owned(file),
                    text_repr_owned(name)
                )))
            });
            cx.set(alias, val);
            cx.unexport(alias);
        }
        Ok(())
    }

    pub(super) fn extends(&mut self, template: &Node, cx: &Cx) -> Res<()> {
        let line = self.line;
        let name = self.eval(template, cx)?;
        self.line = line;
        let Some(slot) = &cx.parent else { return Ok(()) };
        if slot.borrow().is_some() {
            return Err(Fault::template("extended multiple times"));
        }
        let parent = self.load(&name)?;
        let mut blocks = cx.context.blocks.borrow_mut();
        for (name, block) in &parent.parsed.blocks {
            blocks.entry(Rc::clone(name)).or_default().push((Rc::clone(block), Rc::clone(&parent)));
        }
        drop(blocks);
        slot.replace(Some(parent));
        Ok(())
    }

    pub(super) fn block(
        &mut self,
        name: &Rc<str>,
        scoped: bool,
        required: bool,
        cx: &Cx,
        out: &mut String,
    ) -> Res<()> {
        if cx.scope.is_none() && cx.is_silent() {
            return Ok(());
        }
        if required && cx.context.blocks.borrow().get(name).is_none_or(|levels| levels.len() <= 1) {
            return Err(Fault::template(format!("Required block {} not found", text_repr_owned(name))));
        }
        let context = if scoped && cx.scope.is_some() {
            let given = Rc::new(self.visible(cx));
            let blocks = cx.context.blocks.borrow().clone();
            self.context_with(given, blocks)
        } else {
            Rc::clone(&cx.context)
        };
        self.block_level(name, &context, 0, out)
    }

    fn block_level(
        &mut self,
        name: &Rc<str>,
        context: &Rc<Context>,
        level: usize,
        out: &mut String,
    ) -> Res<()> {
        let found: Option<BlockLevel> =
            context.blocks.borrow().get(name).and_then(|levels| levels.get(level)).cloned();
        let Some((block, template)) = found else { return Ok(()) };
        let block: Rc<BlockDef> = block;
        self.frame(FrameKind::Block, &template, |run| {
            let cx = Cx { scope: None, context: Rc::clone(context), parent: None }.inner();
            let above = run.block_ref(name, context, level + 1);
            cx.set(&Rc::from("super"), above);
            run.body(&block.body, &cx, out)?;
            Ok(())
        })
    }

    /// `super` or `self.name`: the block at a level, or an undefined that says there is none.
    pub(in super::super) fn block_ref(&self, name: &Rc<str>, context: &Rc<Context>, level: usize) -> Val {
        let known = context.blocks.borrow().get(name).is_some_and(|levels| level < levels.len());
        if known {
            return Val::obj(Obj::BlockRef {
                name: Rc::clone(name),
                context: Rc::clone(context),
                depth: level,
            });
        }
        self.undefined(Why::Hint(format!("there is no parent block called {}.", text_repr_owned(name))))
    }

    pub(in super::super) fn call_block(
        &mut self,
        name: &Rc<str>,
        context: &Rc<Context>,
        level: usize,
    ) -> Res<Val> {
        let mut out = String::new();
        self.block_level(name, context, level, &mut out)?;
        Ok(Val::Str(out.into()))
    }
}
