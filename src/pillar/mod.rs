//! The pillar of one minion: top file, SLS files with their includes, external sources, merged. Salt:
//! pillar/__init__.py (`Pillar`).
//!
//! What goes wrong stands in the pillar itself, under `_errors`, in Salt's words; the rest of it is still there.

mod decrypt;
mod ext;
mod marked;
mod names;
mod sls;
mod strategy;
mod top;

pub use strategy::{Strategy, merge_with};
pub use top::Top;

use crate::log::error;

use crate::loader::{Context, Fault, FileClient, Scope};
use crate::value::{Map, Value, str_of};

/// Who makes external pillars: the table of them, which stands above this room.
pub trait External: Sync {
    /// Calls one with its configuration; `pillar` is what there is so far. `None`: there is none of that name.
    ///
    /// # Errors
    /// When it fails.
    fn call(
        &self,
        name: &str,
        cx: &Context,
        pillar: &Map,
        extra: &Map,
        config: &Value,
    ) -> Option<Result<Value, Fault>>;
}

/// What the pillar is asked for with, beside what the context says of the minion.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub saltenv: Option<String>,
    pub pillarenv: Option<String>,
    /// `pillar=` of the command line: laid on top of everything.
    pub overrides: Map,
    /// What the minion passes to external pillars.
    pub extra: Map,
    /// An external pillar on demand, `{name: config}`.
    pub ext: Option<Map>,
}

/// A pillar that is compiled in the middle of a call. Without a master it lies on the one that the call began with: keys
/// that it has not stay, as those of another `pillarenv`. Salt quirk: pillar/__init__.py (`ssh_merge_pillar`).
pub fn over_own(cx: &Context, mut fresh: Map) -> Map {
    let alone = cx.opts.str("file_client") == Some("local") && cx.opt_str("__cli") == "salt-call";
    let is = |name: &str, otherwise: bool| cx.opts.get(name).map_or(otherwise, Value::truthy);
    if alone && is("ssh_merge_pillar", true) && !is("use_master_when_local", false) {
        let errors = fresh.remove("_errors");
        let mut merged = merge_with(cx.pillar.map().clone(), fresh, Strategy::of_opts(cx.opts));
        if let Some(errors) = errors {
            merged.insert("_errors", errors);
        }
        return merged;
    }
    fresh
}

/// Compiles pillars.
pub struct Compiler<'a> {
    cx: &'a Context<'a>,
    files: &'a dyn FileClient,
    external: &'a dyn External,
    request: &'a Request,
    saltenv: Option<String>,
    pillarenv: Option<String>,
    envs: Vec<String>,
    strategy: Strategy,
}

/// What external pillars of a request are called with when the option names none.
static NO_EXTERNAL: Value = Value::List(Vec::new());

impl<'a> Compiler<'a> {
    /// `cx` is the minion's: its grains, and the options (of the master, as a rule) with the minion's `id`. `files`
    /// answers from `pillar_roots`.
    pub fn new(
        cx: &'a Context<'a>,
        files: &'a dyn FileClient,
        external: &'a dyn External,
        request: &'a Request,
    ) -> Self {
        let option = |name: &str| cx.opts.get(name).filter(|value| !value.is_null()).map(str_of);
        let saltenv = request.saltenv.clone().or_else(|| option("saltenv"));
        let asked = request.pillarenv.clone();
        let from_saltenv = cx.opts.get("pillarenv_from_saltenv").is_some_and(Value::truthy);
        let pillarenv = match asked {
            Some(env) => Some(env),
            None if from_saltenv => request.saltenv.clone(),
            None => option("pillarenv"),
        }
        .filter(|env| !env.is_empty());
        let envs = names::environments(cx.opts, pillarenv.as_deref().or(saltenv.as_deref()));
        let strategy = Strategy::of_opts(cx.opts);
        Compiler { cx, files, external, request, saltenv, pillarenv, envs, strategy }
    }

    /// The whole pillar.
    pub fn compile(&self) -> Map {
        let (top, mut top_errors) = self.top();
        let first = self.cx.opts.get("ext_pillar_first").is_some_and(Value::truthy);
        let mut errors = Vec::new();
        let mut pillar = if first {
            let outside = self.external(self.request.overrides.clone(), &mut errors);
            // Templates and targets see what came from outside.
            let scope = Scope { pillar: (&outside).into(), ..**self.cx };
            let cx = Context::new(scope);
            let inner = Compiler { cx: &cx, envs: self.envs.clone(), ..self.shallow() };
            let matches = inner.matches(&top, &mut errors);
            let own = inner.render(&top, &matches, &mut errors);
            cx.take_secrets().iter().for_each(|secret| self.cx.note_secret(secret));
            self.merged(outside.clone(), own)
        } else {
            let matches = self.matches(&top, &mut errors);
            let own = self.render(&top, &matches, &mut errors);
            self.external(own, &mut errors)
        };
        errors.append(&mut top_errors);
        if self.cx.opts.get("pillar_opts").is_some_and(Value::truthy) {
            let mut opts = self.cx.opts.clone();
            opts.remove("grains");
            opts.insert("saltversion", crate::names::SALT_VERSION);
            pillar.insert("master", opts);
        }
        if !errors.is_empty() {
            for error in &errors {
                error!("Pillar render error: {error}");
            }
            pillar.insert("_errors", Value::list(errors));
        }
        if !self.request.overrides.is_empty() {
            pillar = self.merged(pillar, self.request.overrides.clone());
        }
        decrypt::decrypt(self.cx, &mut pillar);
        marked::note(self.cx, &pillar);
        pillar
    }

    /// The merged top file, `{saltenv: {target: [{match: type}, sls …]}}`, and what is wrong with it.
    pub fn show_top(&self) -> (Map, Vec<String>) {
        let (top, errors) = self.top();
        (top.to_map(), errors)
    }

    fn shallow(&self) -> Compiler<'_> {
        Compiler {
            cx: self.cx,
            files: self.files,
            external: self.external,
            request: self.request,
            saltenv: self.saltenv.clone(),
            pillarenv: self.pillarenv.clone(),
            envs: Vec::new(),
            strategy: self.strategy,
        }
    }

    fn merged(&self, base: Map, update: Map) -> Map {
        merge_with(base, update, self.strategy)
    }
}

#[cfg(test)]
mod tests;
