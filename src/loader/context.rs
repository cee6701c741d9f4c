//! `Context`: what a running function sees. It takes the place of the names that Salt puts into every module
//! (`__opts__`, `__grains__`, `__pillar__`, `__salt__`, `__context__`).

use std::cell::{Cell, RefCell};

use super::{Call, Fault, MasterServices, MinionServices, Registry, bind};
use crate::host::Host;
use crate::value::{Map, Value};

/// What stays the same for all functions of one job.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Every option of the daemon, by Salt's names.
    pub opts: &'a Map,
    pub grains: Late<'a>,
    pub pillar: Late<'a>,
    /// The load of the publish that started the job (`jid`, `fun`, `arg`, `tgt`, `user` …); empty outside of jobs.
    pub published: &'a Map,
    pub registry: &'a Registry,
    pub host: &'a dyn Host,
    pub minion: &'a dyn MinionServices,
    pub master: &'a dyn MasterServices,
}

/// Something that has a map once it is asked.
pub trait Source: Sync {
    /// The whole map, always the same.
    fn map(&self) -> &Map;
}

/// Grains or a pillar: at hand, or made when a function first looks at it. Making them takes longer than most functions.
#[derive(Clone, Copy)]
pub enum Late<'a> {
    Here(&'a Map),
    Later(&'a dyn Source),
}

impl<'a> Late<'a> {
    /// All of it.
    pub fn map(self) -> &'a Map {
        match self {
            Late::Here(map) => map,
            Late::Later(source) => source.map(),
        }
    }
}

impl std::ops::Deref for Late<'_> {
    type Target = Map;

    fn deref(&self) -> &Map {
        self.map()
    }
}

impl<'a> From<&'a Map> for Late<'a> {
    fn from(map: &'a Map) -> Self {
        Late::Here(map)
    }
}

/// The scope of a job, and what its function leaves behind.
pub struct Context<'a> {
    scope: Scope<'a>,
    retcode: Cell<i64>,
    test: Cell<Option<bool>>,
    /// What functions of one run remember for each other (Salt's `__context__`), by names of their choice. Nobody keeps
    /// it borrowed while calling others.
    pub memory: RefCell<Map>,
    changeable: Cell<bool>,
    secrets: RefCell<Vec<String>>,
}

impl<'a> std::ops::Deref for Context<'a> {
    type Target = Scope<'a>;

    fn deref(&self) -> &Scope<'a> {
        &self.scope
    }
}

impl<'a> Context<'a> {
    /// A context with retcode 0 and an empty memory.
    pub fn new(scope: Scope<'a>) -> Self {
        Context {
            scope,
            retcode: Cell::new(0),
            changeable: Cell::new(false),
            secrets: RefCell::default(),
            test: Cell::new(None),
            memory: RefCell::default(),
        }
    }

    /// Calls a function by its name, with Python's rules for arguments.
    ///
    /// # Errors
    /// When there is no such function, the arguments do not fit, or it fails.
    pub fn call(&self, fun: &str, call: Call) -> Result<Value, Fault> {
        let function = self.registry.function(self, fun)?;
        let args = bind(function, call)?;
        (function.run)(self, &args)
    }

    /// Sets the retcode of the job (Salt's `__context__["retcode"]`).
    pub fn set_retcode(&self, retcode: i64) {
        self.retcode.set(retcode);
    }

    /// The retcode of the job so far.
    pub fn retcode(&self) -> i64 {
        self.retcode.get()
    }

    /// Notes that a template asked for what may be different next time: a program, the time, chance.
    pub fn set_changeable(&self) {
        self.changeable.set(true);
    }

    /// Whether a template asked for more than its variables and files.
    pub fn is_changeable(&self) -> bool {
        self.changeable.get()
    }

    /// Notes that what is rendered holds a secret: no log, event, diff or return of this minion may show it. A master
    /// sends it along with the pillar, and does not show it in its own log.
    pub fn note_secret(&self, text: &str) {
        let text = text.to_owned();
        crate::log::secrets::conceal(std::slice::from_ref(&text));
        self.secrets.borrow_mut().push(text);
    }

    /// The secrets that were noted since they were asked for.
    pub fn take_secrets(&self) -> Vec<String> {
        self.secrets.take()
    }

    /// Text of an option, or an empty one.
    pub fn opt_str(&self, name: &str) -> &'a str {
        self.scope.opts.str(name).unwrap_or_default()
    }

    /// `test=True` for states and for functions that honour it: of the state that runs, or else the option.
    pub fn test(&self) -> bool {
        self.test.get().unwrap_or_else(|| self.opts.get("test").is_some_and(Value::truthy))
    }

    /// What [`Context::set_test`] was told last.
    pub fn own_test(&self) -> Option<bool> {
        self.test.get()
    }

    /// What [`Context::test`] says from now on; `None` leaves it to the option again.
    pub fn set_test(&self, test: Option<bool>) {
        self.test.set(test);
    }
}
