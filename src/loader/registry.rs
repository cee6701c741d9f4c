//! `Registry`: the tables of the catalogue, joined; answers which function a name means. Salt: loader/lazy.py.

use super::{Context, Fault, Function, Module, Returner, States};
use crate::value::Map;

/// All modules of one kind.
pub struct Registry {
    modules: Vec<&'static Module>,
    pub(super) states: Vec<&'static States>,
    runners: &'static [&'static Module],
    returners: &'static [&'static Returner],
}

impl Registry {
    /// Joins tables of modules; of two that provide the same name, a function comes from the
    /// first available one that has it.
    pub fn new(tables: &[&[&'static Module]]) -> Self {
        Registry { modules: tables.concat(), states: Vec::new(), runners: &[], returners: &[] }
    }

    /// With what is only spoken of here (`sys.list_runners` and its kin).
    #[must_use]
    pub fn knowing(
        mut self,
        runners: &'static [&'static Module],
        returners: &'static [&'static Returner],
    ) -> Self {
        (self.runners, self.returners) = (runners, returners);
        self
    }

    /// Every runner that this program has.
    pub fn runners(&self) -> &'static [&'static Module] {
        self.runners
    }

    /// Every returner that this program has.
    pub fn returners(&self) -> &'static [&'static Returner] {
        self.returners
    }

    /// Without the modules that are not to be kept.
    #[must_use]
    pub fn keep(mut self, wanted: impl Fn(&Module) -> bool) -> Self {
        self.modules.retain(|module| wanted(module));
        self
    }

    /// Every module, available or not.
    pub fn modules(&self) -> &[&'static Module] {
        &self.modules
    }

    /// Modules that say they work here.
    pub fn available<'s>(&'s self, cx: &'s Context) -> impl Iterator<Item = &'static Module> + 's {
        self.modules.iter().copied().filter(|module| (module.available)(cx).is_ok())
    }

    /// The documentation of every function: `{module.function: text}`.
    pub fn docs(&self) -> Map {
        let mut docs = Map::new();
        for module in &self.modules {
            for function in module.functions {
                docs.insert(format!("{}.{}", module.provides, function.name), function.doc);
            }
        }
        docs
    }

    /// The function that `module.function` names.
    ///
    /// # Errors
    /// [`Fault::NotAvailable`] with Salt's words: no such function, or the reason why the module is not available.
    pub fn function(&self, cx: &Context, fun: &str) -> Result<&'static Function, Fault> {
        let not_available = || Fault::NotAvailable(format!("'{fun}' is not available."));
        let (module_name, name) = fun.split_once('.').ok_or_else(not_available)?;
        let (mut reason, mut found) = (None, false);
        let named = |module: &&&Module| module.provides == module_name || module.file == module_name;
        for module in self.modules.iter().filter(named) {
            match (module.available)(cx) {
                // By the name of its file it only says why it is not there.
                Ok(()) if module.provides != module_name => {}
                Ok(()) => {
                    if let Some(function) = module.functions.iter().find(|function| function.name == name) {
                        return Ok(function);
                    }
                    found = true;
                }
                Err(text) => reason = Some(text),
            }
        }
        Err(match reason {
            Some(reason) if !found => {
                Fault::NotAvailable(format!("'{module_name}' __virtual__ returned False: {reason}"))
            }
            _ => not_available(),
        })
    }

    /// The row of a function, whether its module is available or not.
    pub fn row(&self, fun: &str) -> Option<&'static Function> {
        let (module_name, name) = fun.split_once('.')?;
        let modules = self.modules.iter().filter(|module| module.provides == module_name);
        modules.flat_map(|module| module.functions).find(|function| function.name == name)
    }
}
