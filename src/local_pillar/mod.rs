//! Pillars compiled on this machine: by a master for its minions, by a minion without master for itself. Salt:
//! master.py (`AESFuncs._pillar`), pillar/__init__.py.
//!
//! A pillar is remembered with everything that it hung on: the files that were read and those that were looked for in
//! vain, the lists of directories, the grains and the options of the request. It is used again only while none of this
//! has changed, and not at all where a template or an external pillar asked for something else.

mod cache;
mod git;
mod services;

use std::path::Path;
use std::sync::{Arc, Mutex};

pub use crate::pillar::Request;
use cache::{Cache, Key};
use services::LocalServices;

use crate::ext_pillar;
use crate::fileclient::{Files, LocalSource};
use crate::fileserver::roots::{Roots, RootsConfig};
use crate::host::RealHost;
use crate::loader::{Call, Context, Fault, Nowhere, Param, Registry, Scope, bind};
use crate::pillar::{Compiler, External};
use crate::value::{Map, Value};

/// A pillar, and what of it may not be shown.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    pub pillar: Map,
    pub secrets: Vec<String>,
}

/// Compiles pillars with the options of one daemon.
pub struct LocalPillar {
    opts: Map,
    /// `pillar_roots`.
    roots: Arc<Roots>,
    /// `file_roots`, for functions that templates call.
    files: Arc<Roots>,
    registry: Registry,
    cache: Cache,
    /// No external pillar may change what comes out.
    steady: bool,
    fetched: Mutex<git::Fetched>,
}

/// The minion that a pillar is for, and what it asks for.
#[derive(Clone, Copy)]
struct Who<'a> {
    id: &'a str,
    grains: &'a Map,
    request: &'a Request,
}

impl LocalPillar {
    /// With the options of a master or a minion and the functions that templates may call.
    pub fn new(opts: &Map, registry: Registry) -> Self {
        let mut opts = opts.clone();
        opts.insert("file_client", "local");
        let roots = Arc::new(Roots::new(RootsConfig::for_pillar(&opts)));
        let files = Arc::new(Roots::new(RootsConfig::from_opts(&opts)));
        let steady = !opts.get("ext_pillar").is_some_and(Value::truthy);
        LocalPillar {
            opts,
            roots,
            files,
            registry,
            cache: Cache::default(),
            steady,
            fetched: Mutex::default(),
        }
    }

    /// The pillar of minion `id`. Blocks on the disk, and on programs that templates run.
    pub fn compile(&self, id: &str, grains: &Map, request: &Request) -> Arc<Compiled> {
        let key = Key::of(id, grains, request);
        if let Some(known) = self.cache.get(&key, &self.roots) {
            return known;
        }
        let source = Arc::new(LocalSource::traced(Arc::clone(&self.roots)));
        let who = Who { id, grains, request };
        let (pillar, changeable) = self.with_compiler(&who, &source, Map::new(), |compiler, cx| {
            let pillar = compiler.compile();
            (Arc::new(Compiled { pillar, secrets: cx.take_secrets() }), cx.is_changeable())
        });
        if self.steady && request.ext.is_none() && !changeable {
            self.cache.keep(key, &pillar, source.looked());
        }
        pillar
    }

    /// The merged top file, `{saltenv: {target: [{match: type}, sls …]}}`, and what is wrong with it.
    pub fn show_top(&self, id: &str, grains: &Map, request: &Request) -> (Map, Vec<String>) {
        let source = Arc::new(LocalSource::of_roots(Arc::clone(&self.roots)));
        let who = Who { id, grains, request };
        self.with_compiler(&who, &source, Map::new(), |compiler, _| compiler.show_top())
    }

    /// `own` options take the place of the daemon's.
    fn with_compiler<T>(
        &self,
        who: &Who<'_>,
        source: &Arc<LocalSource>,
        own: Map,
        run: impl FnOnce(&Compiler<'_>, &Context) -> T,
    ) -> T {
        let Who { id, grains, request } = *who;
        let mut opts = self.opts.clone();
        opts.extend(own);
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        if request.saltenv.is_some() {
            opts.insert("saltenv", text(&request.saltenv));
        }
        if request.pillarenv.is_some() {
            opts.insert("pillarenv", text(&request.pillarenv));
        }
        opts.insert("id", id);
        opts.insert("minion_id", id);
        opts.insert("grains", grains.clone());
        let cachedir = Path::new(opts.str("cachedir").unwrap_or("/var/cache/salt/master")).to_owned();
        let hash_type = opts.str("hash_type").and_then(|name| name.parse().ok()).unwrap_or_default();
        let templates = Files::new(source.clone(), &cachedir, hash_type);
        let files =
            Files::new(Arc::new(LocalSource::of_roots(Arc::clone(&self.files))), &cachedir, hash_type);
        let services = LocalServices { files };
        let (empty, published) = (Map::new(), Map::new());
        let scope = Scope {
            opts: &opts,
            grains: grains.into(),
            pillar: (&empty).into(),
            published: &published,
            registry: &self.registry,
            host: &RealHost,
            minion: &services,
            master: &Nowhere,
        };
        let cx = Context::new(scope);
        run(&Compiler::new(&cx, &templates, &Table { pillars: self, who: *who }, request), &cx)
    }
}

/// The table of external pillars.
struct Table<'a> {
    pillars: &'a LocalPillar,
    who: Who<'a>,
}

impl External for Table<'_> {
    fn call(
        &self,
        name: &str,
        cx: &Context,
        pillar: &Map,
        extra: &Map,
        config: &Value,
    ) -> Option<Result<Value, Fault>> {
        if name == "git" {
            return Some(self.pillars.git(cx, &self.who, config));
        }
        let function = ext_pillar::ALL.iter().find(|function| function.name == name)?;
        let mut call = Call { args: vec![self.who.id.into(), pillar.clone().into()], kwargs: Map::new() };
        match config {
            Value::Map(named) => call.kwargs = named.clone(),
            Value::List(items) => call.args.extend(items.iter().cloned()),
            other => call.args.push(other.clone()),
        }
        const EXTRA: &str = "extra_minion_data";
        let takes_extra = |param: &Param| matches!(param, Param::Optional(EXTRA, _) | Param::Required(EXTRA));
        if !extra.is_empty() && function.params.iter().any(takes_extra) {
            call.kwargs.insert(EXTRA, extra.clone());
        }
        // Salt calls all of them so.
        let bound = bind(function, call).map_err(|fault| match fault {
            Fault::Type(text) => Fault::Type(text.replacen(&format!("{name}()"), "ext_pillar()", 1)),
            other => other,
        });
        Some(bound.and_then(|args| (function.run)(cx, &args)))
    }
}

#[cfg(test)]
mod tests;
