//! What a template can hold that is no plain data: functions, macros, modules, namespaces, `loop`, `salt`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use indexmap::IndexMap;

use super::call::Args;
use super::fault::Res;
use super::run::{Context, LoopState, Macro, Run};
use super::val::Val;

/// A function written here.
pub(super) type Native = fn(&mut Run<'_>, Args) -> Res<Val>;

pub(super) enum Obj {
    Namespace(RefCell<IndexMap<Rc<str>, Val>>),
    Loop(Rc<LoopState>),
    Cycler {
        items: Vec<Val>,
        at: Cell<usize>,
    },
    Joiner {
        separator: Val,
        used: Cell<bool>,
    },
    /// An imported template.
    Module {
        name: Rc<str>,
        exported: RefCell<IndexMap<Rc<str>, Val>>,
        body: Rc<str>,
    },
    /// `self`
    SelfRef(Rc<Context>),
    /// `super`, `self.block`
    BlockRef {
        name: Rc<str>,
        context: Rc<Context>,
        depth: usize,
    },
    Macro(Macro),
    /// A method with the value it belongs to.
    Method {
        of: Val,
        name: Rc<str>,
    },
    /// A function or type that is there for every template.
    Native {
        name: &'static str,
        run: Native,
        is_type: bool,
    },
    /// `&name` of a JMESPath expression
    Expression(Rc<super::jmespath::Tree>, super::jmespath::Id),
    /// `salt`
    Salt,
    /// `salt.cmd`
    SaltModule(Rc<str>),
    /// `salt['cmd.run']`
    SaltFunction(Rc<str>),
}

impl Obj {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Obj::Namespace(_) => "Namespace",
            Obj::Loop(_) => "LoopContext",
            Obj::Cycler { .. } => "Cycler",
            Obj::Joiner { .. } => "Joiner",
            Obj::Module { .. } => "TemplateModule",
            Obj::SelfRef(_) => "TemplateReference",
            Obj::BlockRef { .. } => "BlockReference",
            Obj::Macro(_) => "Macro",
            Obj::Method { .. } => "builtin_function_or_method",
            Obj::Native { is_type: true, .. } => "type",
            Obj::Native { .. } | Obj::SaltFunction(_) => "function",
            Obj::Expression(..) => "_Expression",
            Obj::Salt => "AliasedLoader",
            Obj::SaltModule(_) => "LoadedMod",
        }
    }

    /// With the Python module before it.
    pub(super) fn full_name(&self) -> String {
        let module = match self {
            Obj::Namespace(_) | Obj::Cycler { .. } | Obj::Joiner { .. } => "jinja2.utils.",
            Obj::Loop(_) | Obj::SelfRef(_) | Obj::BlockRef { .. } | Obj::Macro(_) => "jinja2.runtime.",
            Obj::Module { .. } => "jinja2.environment.",
            Obj::Expression(..) => "jmespath.visitor.",
            Obj::Salt => "salt.utils.templates.",
            Obj::SaltModule(_) => "salt.loader.lazy.",
            _ => "",
        };
        format!("{module}{}", self.type_name())
    }

    pub(super) fn is_callable(&self) -> bool {
        matches!(
            self,
            Obj::Loop(_)
                | Obj::Joiner { .. }
                | Obj::BlockRef { .. }
                | Obj::Macro(_)
                | Obj::Method { .. }
                | Obj::Native { .. }
                | Obj::SaltFunction(_)
        )
    }
}
