//! Macros and call blocks. Jinja2 3.1: `runtime.py` (`Macro`), `compiler.py` (`macro_body`).

use std::rc::Rc;

use super::super::call::Args;
use super::super::fault::{Fault, FrameKind, Res};
use super::super::object::Obj;
use super::super::print::text_repr_owned;
use super::super::syntax::MacroDef;
use super::super::val::{Entries, Key, Val, Why};
use super::{Cx, Run, Template};

/// A macro with the scope it was defined in.
pub(in super::super) struct Macro {
    pub def: Rc<MacroDef>,
    cx: Cx,
    template: Rc<Template>,
}

impl Macro {
    /// `macro.name` and its kin; `None` when there is no such thing.
    pub(in super::super) fn attr(&self, name: &str) -> Option<Val> {
        let def = &self.def;
        Some(match name {
            "name" => def.name.clone().map_or(Val::None, Val::Str),
            "arguments" => Val::tuple(def.args.iter().cloned().map(Val::Str).collect()),
            "catch_kwargs" => Val::Bool(def.uses_kwargs),
            "catch_varargs" => Val::Bool(def.uses_varargs),
            "caller" => Val::Bool(def.uses_caller),
            "explicit_caller" => Val::Bool(def.args.iter().any(|arg| &**arg == "caller")),
            _ => return None,
        })
    }

    fn name_repr(&self) -> String {
        self.def.name.as_ref().map_or_else(|| "None".to_owned(), |name| text_repr_owned(name))
    }
}

impl Run<'_> {
    pub(super) fn define(&mut self, def: &Rc<MacroDef>, cx: &Cx) -> Val {
        self.keep(cx.scope.as_ref());
        Val::obj(Obj::Macro(Macro {
            def: Rc::clone(def),
            cx: Cx { parent: None, ..cx.clone() },
            template: Rc::clone(&self.template),
        }))
    }

    pub(in super::super) fn call_macro(&mut self, it: &Macro, args: Args) -> Res<Val> {
        let def = Rc::clone(&it.def);
        let inner = it.cx.inner();
        let Args { mut pos, kw } = args;
        let mut kwargs = kw;
        let rest = if pos.len() > def.args.len() { pos.split_off(def.args.len()) } else { Vec::new() };
        let explicit_caller = def.args.iter().any(|arg| &**arg == "caller");
        let all_positional = pos.len() == def.args.len();
        let mut found_caller = all_positional && explicit_caller;
        let mut arguments: Vec<Option<Val>> = pos.into_iter().map(Some).collect();
        for name in &def.args[arguments.len()..] {
            let at = kwargs.iter().position(|(key, _)| key == name);
            arguments.push(at.map(|at| kwargs.remove(at).1));
            found_caller |= &**name == "caller";
        }
        if def.uses_caller && !found_caller {
            let at = kwargs.iter().position(|(key, _)| &**key == "caller");
            let caller = at.map(|at| kwargs.remove(at).1).filter(|caller| !matches!(caller, Val::None));
            let caller = caller.unwrap_or_else(|| self.undefined(Why::Hint("No caller defined".to_owned())));
            inner.set(&Rc::from("caller"), caller);
        }
        if def.uses_kwargs {
            let entries: Entries = kwargs.into_iter().map(|(name, val)| (Key(Val::Str(name)), val)).collect();
            inner.set(&Rc::from("kwargs"), Val::dict(entries));
        } else if let Some((first, _)) = kwargs.first() {
            let name = it.name_repr();
            if kwargs.iter().any(|(key, _)| &**key == "caller") {
                return Err(Fault::other(format!(
                    "macro {name} was invoked with two values for the special caller argument. This is most likely \
                     a bug."
                )));
            }
            return Err(Fault::other(format!(
                "macro {name} takes no keyword argument {}",
                text_repr_owned(first)
            )));
        }
        if def.uses_varargs {
            inner.set(&Rc::from("varargs"), Val::tuple(rest));
        } else if !rest.is_empty() {
            return Err(Fault::other(format!(
                "macro {} takes not more than {} argument(s)",
                it.name_repr(),
                def.args.len()
            )));
        }
        let template = Rc::clone(&it.template);
        let text = self.frame(FrameKind::Macro, &template, |run| {
            run.bind_arguments(&def, arguments, &inner)?;
            let mut out = String::new();
            run.body(&def.body, &inner, &mut out)?;
            Ok(out)
        })?;
        Ok(Val::Str(text.into()))
    }

    /// Sets each argument, or its default, which sees the arguments before it.
    fn bind_arguments(&mut self, def: &MacroDef, arguments: Vec<Option<Val>>, cx: &Cx) -> Res<()> {
        let first_default = def.args.len() - def.defaults.len();
        for (index, (name, argument)) in def.args.iter().zip(arguments).enumerate() {
            let val = match argument {
                Some(val) => val,
                None => match index.checked_sub(first_default).and_then(|at| def.defaults.get(at)) {
                    Some(default) => {
                        cx.set(name, self.undefined(Why::Name(Rc::clone(name))));
                        self.line = default.line;
                        self.eval(default, cx)?
                    }
                    None => self.undefined(Why::Hint(format!(
                        "parameter {} was not provided",
                        text_repr_owned(name)
                    ))),
                },
            };
            cx.set(name, val);
        }
        Ok(())
    }
}
