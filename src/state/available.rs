//! Which environments and which SLS files the file server has, listed when first asked for. Salt: state.py
//! (`LazyAvailStates`, `_get_envs`), fileclient.py (`list_states`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::loader::{Context, Fault};
use crate::patterns::Glob;
use crate::value::{Map, Value, nearest, str_of};

/// SLS files by environment.
pub struct Available<'r, 'c> {
    cx: &'r Context<'c>,
    envs: RefCell<Option<Rc<Vec<String>>>>,
    states: RefCell<HashMap<String, Rc<Names>>>,
}

struct Names {
    in_order: Vec<String>,
    all: HashSet<String>,
}

impl<'r, 'c> Available<'r, 'c> {
    /// Nothing is listed yet.
    pub fn new(cx: &'r Context<'c>) -> Self {
        Available { cx, envs: RefCell::default(), states: RefCell::default() }
    }

    /// Environments in the order in which their top files are read.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn envs(&self) -> Result<Rc<Vec<String>>, Fault> {
        if let Some(envs) = &*self.envs.borrow() {
            return Ok(Rc::clone(envs));
        }
        let envs = Rc::new(self.list_envs()?);
        *self.envs.borrow_mut() = Some(Rc::clone(&envs));
        Ok(envs)
    }

    fn list_envs(&self) -> Result<Vec<String>, Fault> {
        let of_server = self.cx.minion.files().envs()?;
        let order: Vec<String> = match self.cx.opts.get("env_order") {
            Some(Value::List(names)) => unique(names.iter().map(str_of)),
            _ => Vec::new(),
        };
        if !order.is_empty() {
            return Ok(if of_server.is_empty() {
                order
            } else {
                order.into_iter().filter(|env| of_server.contains(env)).collect()
            });
        }
        let of_opts = self.cx.opts.get("file_roots").and_then(Value::as_map);
        let of_opts = of_opts.into_iter().flat_map(Map::keys).map(str_of);
        Ok(unique(std::iter::once("base".to_owned()).chain(of_opts).chain(of_server)))
    }

    /// Whether there is such an environment; `base` always is.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn has(&self, saltenv: &str) -> Result<bool, Fault> {
        Ok(saltenv == "base" || self.envs()?.iter().any(|env| env == saltenv))
    }

    fn names(&self, saltenv: &str) -> Result<Rc<Names>, Fault> {
        if let Some(names) = self.states.borrow().get(saltenv) {
            return Ok(Rc::clone(names));
        }
        let files = self.cx.minion.files().file_list(saltenv, "")?;
        let in_order: Vec<String> = files.iter().filter_map(|path| sls_name(path)).collect();
        let names = Rc::new(Names { all: in_order.iter().cloned().collect(), in_order });
        self.states.borrow_mut().insert(saltenv.to_owned(), Rc::clone(&names));
        Ok(names)
    }

    /// Every SLS file of an environment, in the order of the file list.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn states(&self, saltenv: &str) -> Result<Vec<String>, Fault> {
        Ok(self.names(saltenv)?.in_order.clone())
    }

    /// The SLS file that was probably meant by the one that an error does not find. Not in Salt.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub(super) fn near_missing(&self, saltenv: &str, error: &str) -> Result<Option<String>, Fault> {
        const BEFORE: [&str; 2] = ["pecified SLS ", "No matching sls found for '"];
        const AFTER: [&str; 4] = [" is not", " is available", " in saltenv", "' in env"];
        let Some(rest) = BEFORE.iter().find_map(|before| error.split_once(before)).map(|(_, rest)| rest)
        else {
            return Ok(None);
        };
        let name = AFTER.iter().fold(rest, |name, after| name.split(after).next().unwrap_or(name));
        let name = name.rsplit(": ").next().unwrap_or(name);
        let names = self.names(saltenv)?;
        Ok(nearest(name, &mut names.in_order.iter().map(String::as_str)).map(str::to_owned))
    }

    /// Those that a pattern fits.
    ///
    /// # Errors
    /// When the file server cannot be asked.
    pub fn matching(&self, saltenv: &str, pattern: &str) -> Result<Vec<String>, Fault> {
        let names = self.names(saltenv)?;
        if !pattern.contains(['*', '?', '[']) {
            return Ok(names.all.get(pattern).cloned().into_iter().collect());
        }
        let glob = Glob::new(pattern);
        Ok(names.in_order.iter().filter(|name| glob.matches(name)).cloned().collect())
    }
}

fn sls_name(path: &str) -> Option<String> {
    let stem = path.strip_suffix("/init.sls").or_else(|| path.strip_suffix(".sls"))?;
    Some(stem.replace('/', "."))
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}
