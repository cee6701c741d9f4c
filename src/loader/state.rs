//! `States`: the rows of a file of state functions, what each of them sees and what it gives. Salt: states/*.py,
//! state.py (`State.call`).

use super::bind::bind_params;
use super::{Args, Call, Context, Fault, Param, Registry};
use crate::value::{Map, Value};

/// One file of state functions.
pub struct States {
    /// Salt's file name without `.py`.
    pub file: &'static str,
    /// The name that SLS files call it by.
    pub provides: &'static str,
    /// `Ok`, or the reason that the user will read (Salt's `__virtual__`).
    pub available: fn(&Context) -> Result<(), String>,
    /// In alphabetical order.
    pub functions: &'static [State],
    /// What runs after the state itself when something that it watches has changed. It gets the arguments of the
    /// chunk and, as `sfun`, the name of the state's function.
    pub mod_watch: Option<&'static State>,
    /// Joins chunks of one kind before they run: the chunk with what it takes over from later ones.
    pub mod_aggregate: Option<fn(&Running, Map) -> Map>,
}

/// One state function.
pub struct State {
    pub name: &'static str,
    /// `name` first, as in Salt. With [`Param::Keywords`] the function also gets what it does not name.
    pub params: &'static [Param],
    /// One or more sentences for `sys.state_doc`.
    pub doc: &'static str,
    pub run: StateRun,
}

/// A state function's code. A failed state is a [`StateReturn`] with `result: Some(false)`; a [`Fault`] is what Salt
/// would raise, and the driver makes a failed state of it.
pub type StateRun = fn(&Running, &Args) -> Result<StateReturn, Fault>;

impl State {
    /// A state function.
    pub const fn new(name: &'static str, params: &'static [Param], doc: &'static str, run: StateRun) -> Self {
        State { name, params, doc, run }
    }

    /// Gives every parameter its value, by Python's rules.
    ///
    /// # Errors
    /// [`Fault::Type`] with CPython's words where the arguments do not fit.
    pub fn bind(&self, kwargs: Map) -> Result<Args, Fault> {
        bind_params(self.name, self.params, Call { args: Vec::new(), kwargs })
    }
}

/// What a state function sees: the context of the run (`running.call("cmd.run_all", …)`, `running.test()`, which
/// already knows `test: True` of the chunk), and where in the run it stands.
pub struct Running<'r, 'c> {
    pub cx: &'r Context<'c>,
    /// The low chunk as compiled: `state`, `fun`, `name`, `__id__`, `__sls__`, `__env__`, requisites and arguments.
    pub low: &'r Map,
    /// Every low chunk of the run in order (Salt's `__lowstate__`).
    pub lowstate: &'r [Map],
    /// What has run: `{tag: return}` (Salt's `__running__`).
    pub results: &'r Map,
}

impl<'c> std::ops::Deref for Running<'_, 'c> {
    type Target = Context<'c>;

    fn deref(&self) -> &Context<'c> {
        self.cx
    }
}

/// What a state function gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateReturn {
    pub name: Value,
    /// What was done; with `test=True` what would be. Salt's states almost always give a map.
    pub changes: Value,
    /// `None`: `test=True`, and something would change.
    pub result: Option<bool>,
    pub comment: String,
    /// Other keys: `warnings`, `pchanges`, `data`, `skip_watch` …
    pub extra: Map,
}

impl StateReturn {
    /// Nothing to do, or not yet known what: `changes` is empty.
    pub fn new(name: impl Into<Value>, result: Option<bool>, comment: impl Into<String>) -> Self {
        StateReturn {
            name: name.into(),
            changes: Map::new().into(),
            result,
            comment: comment.into(),
            extra: Map::new(),
        }
    }

    /// With changes.
    #[must_use]
    pub fn with(mut self, changes: impl Into<Value>) -> Self {
        self.changes = changes.into();
        self
    }
}

impl Registry {
    /// With state functions beside the execution modules.
    #[must_use]
    pub fn with_states(mut self, tables: &[&[&'static States]]) -> Self {
        self.states = tables.concat();
        self
    }

    /// Every file of state functions, available or not.
    pub fn states(&self) -> &[&'static States] {
        &self.states
    }

    /// The file that provides `module`, and its function `name`.
    ///
    /// # Errors
    /// [`Fault::NotAvailable`] with the reason of the file that is not available here; empty where there is none.
    pub fn state(
        &self,
        cx: &Context,
        module: &str,
        name: &str,
    ) -> Result<(&'static States, &'static State), Fault> {
        let mut reason = String::new();
        for states in self.states.iter().filter(|states| states.provides == module) {
            match (states.available)(cx) {
                Ok(()) => {
                    if let Some(state) = states.functions.iter().find(|state| state.name == name) {
                        return Ok((states, state));
                    }
                }
                Err(text) => reason = text,
            }
        }
        Err(Fault::NotAvailable(reason))
    }
}
