//! The contract of the catalogue: all that an extension may know, and all that the daemons know of extensions.
//!
//! An execution module is a [`Module`] row with [`Function`] rows of plain `fn` pointers. Modules call each other
//! by name through [`Context::call`]; they reach the machine through [`Scope::host`] and the daemon they run in
//! through [`Scope::minion`] or [`Scope::master`], and never know which daemon that is.

mod args;
mod ask;
mod bind;
mod context;
pub mod exceptions;
mod fault;
mod master_call;
mod registry;
mod returner;
mod services;
pub mod shlex;
mod state;
mod wake;

pub use args::Args;
pub use ask::Ran;
pub use bind::{Call, bind};
pub use context::{Context, Late, Scope, Source};
pub use fault::{Fault, Returned, errno_text, os_error_text, settle};
pub use master_call::{ORCHESTRATING, arguments, failure, refused};
pub use registry::Registry;
pub use returner::Returner;
pub use services::{
    Executed, FileClient, Forget, HashOf, MasterServices, MinionServices, Nowhere, WithFiles,
};
pub use state::{Running, State, StateReturn, StateRun, States};
pub use wake::wake;

use crate::value::Value;

/// One file of functions: an execution module, a runner or a wheel module.
pub struct Module {
    /// Salt's file name without `.py`.
    pub file: &'static str,
    /// The name that users call it by (Salt's `__virtualname__`).
    pub provides: &'static str,
    /// `Ok`, or the reason that the user will read (Salt's `__virtual__`).
    pub available: fn(&Context) -> Result<(), String>,
    /// In alphabetical order.
    pub functions: &'static [Function],
}

/// One function of a module.
pub struct Function {
    pub name: &'static str,
    pub params: &'static [Param],
    /// One or more sentences for `sys.doc`.
    pub doc: &'static str,
    pub run: fn(&Context, &Args) -> Result<Value, Fault>,
    /// The outputter that the result wants unless the user names one (Salt's `__outputter__`).
    pub outputter: Option<&'static str>,
    /// Quick, without side effects on the process: a minion runs it without starting a job process.
    pub in_process: bool,
}

impl Function {
    /// A function without extras.
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        doc: &'static str,
        run: fn(&Context, &Args) -> Result<Value, Fault>,
    ) -> Self {
        Function { name, params, doc, run, outputter: None, in_process: false }
    }

    /// With an outputter of its own.
    pub const fn output(mut self, outputter: &'static str) -> Self {
        self.outputter = Some(outputter);
        self
    }

    /// Cheap enough to run inside the daemon.
    pub const fn cheap(mut self) -> Self {
        self.in_process = true;
        self
    }
}

/// One parameter of a function, as Python has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param {
    /// Has to be given.
    Required(&'static str),
    /// Has a default.
    Optional(&'static str, Default),
    /// `*args`.
    Rest(&'static str),
    /// `**kwargs`. Such a function also gets `__pub_*`.
    Keywords(&'static str),
    /// `**kwargs` of which the function refuses all but these. Salt: utils/args.py (`invalid_kwargs`).
    Only(&'static [&'static str]),
}

impl Param {
    /// Whether it takes keywords that no other parameter has.
    pub fn is_open(&self) -> bool {
        matches!(self, Param::Keywords(_) | Param::Only(_))
    }

    /// Whether it has this name. Most names differ in their length already.
    fn is(&self, name: &str) -> bool {
        let own = self.name();
        own.len() == name.len() && own == name
    }

    /// As Python knows it.
    #[inline]
    pub fn name(&self) -> &'static str {
        match self {
            Param::Required(name) | Param::Optional(name, _) | Param::Rest(name) | Param::Keywords(name) => {
                name
            }
            Param::Only(_) => "kwargs",
        }
    }

    fn only(&self) -> Option<&'static [&'static str]> {
        match self {
            Param::Only(names) => Some(names),
            _ => None,
        }
    }
}

/// A parameter that has to be given.
pub const fn req(name: &'static str) -> Param {
    Param::Required(name)
}

/// A parameter with a default.
pub const fn opt(name: &'static str, default: Default) -> Param {
    Param::Optional(name, default)
}

/// `*args`.
pub const fn rest(name: &'static str) -> Param {
    Param::Rest(name)
}

/// `**kwargs`.
pub const fn keywords(name: &'static str) -> Param {
    Param::Keywords(name)
}

/// `**kwargs` of which these alone are taken.
pub const fn only(names: &'static [&'static str]) -> Param {
    Param::Only(names)
}

/// A default value that can stand in a `static`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    None,
    True,
    False,
    Int(i64),
    Float(f64),
    Str(&'static str),
    EmptyList,
    EmptyMap,
}

impl Default {
    /// The value.
    pub fn value(self) -> Value {
        match self {
            Default::None => Value::Null,
            Default::True => Value::Bool(true),
            Default::False => Value::Bool(false),
            Default::Int(int) => Value::Int(int),
            Default::Float(float) => Value::Float(float),
            Default::Str(text) => text.into(),
            Default::EmptyList => Value::List(Vec::new()),
            Default::EmptyMap => Value::Map(crate::value::Map::new()),
        }
    }
}

/// For modules that are there on every host: `available: always`.
pub fn always(_: &Context) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests;
