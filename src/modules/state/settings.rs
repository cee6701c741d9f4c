//! What a state run is set up with: options of its own, a pillar of its own, `test`. Salt: modules/state.py,
//! utils/state.py (`get_sls_opts`), state.py (`__gen_opts`, `_gather_pillar`).

use std::time::Duration;

use crate::loader::{Context, Fault, Scope};
use crate::map;
use crate::state::{Reloads, Run, RunOptions};
use crate::value::{Map, MergeStrategy, Value, merge_maps, str_of};

/// Options and pillar of one run.
pub(super) struct Settings {
    pub opts: Map,
    pillar: Option<Map>,
    run: RunOptions,
}

/// Options that the master decides about, when there is one.
const OF_MASTER: &[&str] = &[
    "renderer",
    "failhard",
    "state_top",
    "state_top_saltenv",
    "nodegroups",
    "state_auto_order",
    "file_roots",
    "top_file_merging_strategy",
    "env_order",
    "default_top",
    "jinja_env",
    "jinja_sls_env",
    "jinja_lstrip_blocks",
    "jinja_trim_blocks",
];

impl Settings {
    /// For states that come from SLS files of the file server.
    ///
    /// # Errors
    /// When arguments do not fit, or the master does not answer.
    pub(super) fn of_highstate(cx: &Context, kwargs: &Map) -> Result<Self, Fault> {
        let mut settings = Self::of_state(cx, kwargs)?;
        if cx.opt_str("file_client") == "local" {
            return Ok(settings);
        }
        let load = map! { "cmd" => "_master_opts" };
        let Value::Map(of_master) = cx.minion.request(load, Duration::from_secs(60))? else {
            return Ok(settings);
        };
        for name in OF_MASTER {
            if let Some(value) = of_master.get(name) {
                settings.opts.insert(*name, value.clone());
            }
        }
        for name in ["state_events", "state_aggregate"] {
            if !settings.opts.get(name).is_some_and(Value::truthy) {
                let value = of_master.get(name).filter(|value| value.truthy()).cloned();
                settings.opts.insert(name, value.unwrap_or(Value::Bool(false)));
            }
        }
        if let Some(wanted) = kwargs.get("state_events") {
            settings.opts.insert("state_events", wanted.clone());
        }
        Ok(settings)
    }

    /// For states that are given as data or text.
    ///
    /// # Errors
    /// As [`Settings::of_highstate`].
    pub(super) fn of_state(cx: &Context, kwargs: &Map) -> Result<Self, Fault> {
        let mut opts = cx.opts.clone();
        sls_opts(cx, kwargs, &mut opts)?;
        opts.insert("test", test_value(cx, kwargs));
        let overrides = match kwargs.get("pillar") {
            None | Some(Value::Null) => None,
            Some(_) if kwargs.get("pillar_enc").is_some_and(|enc| !enc.is_null()) => {
                return Err(Fault::NotSupported(
                    "pillar_enc: an encrypted pillar on the command line".to_owned(),
                ));
            }
            Some(Value::Map(overrides)) => Some(overrides.clone()),
            Some(_) => {
                return Err(Fault::invocation(
                    "Pillar data must be formatted as a dictionary, unless pillar_enc is specified.",
                ));
            }
        };
        let pillar = fresh_pillar(cx, &opts, overrides.as_ref())?;
        let jid = kwargs.get("__pub_jid").filter(|jid| jid.truthy()).map(str_of);
        let mocked = kwargs.get("mock").is_some_and(Value::truthy);
        Ok(Settings { opts, pillar, run: RunOptions { jid, mocked } })
    }

    /// The environment whose SLS files are meant; `base` where none is named.
    pub(super) fn saltenv(&mut self) -> String {
        match self.opts.get("saltenv") {
            None | Some(Value::Null) => {
                self.opts.insert("saltenv", "base");
                "base".to_owned()
            }
            Some(env) => str_of(env),
        }
    }

    /// The pillar of the run.
    pub(super) fn pillar<'s>(&'s self, cx: &'s Context) -> &'s Map {
        self.pillar.as_ref().unwrap_or_else(|| cx.pillar.map())
    }

    /// What went wrong in the pillar, unless `force` says not to mind.
    pub(super) fn pillar_errors(&self, cx: &Context, kwargs: &Map) -> Option<Vec<Value>> {
        if kwargs.get("force").is_some_and(Value::truthy) {
            return None;
        }
        match self.pillar(cx).get("_errors") {
            Some(Value::List(errors)) if !errors.is_empty() => Some(errors.clone()),
            Some(other) if other.truthy() => Some(vec![other.clone()]),
            _ => None,
        }
    }

    /// The same as a return.
    pub(super) fn refuse_pillar(&self, cx: &Context, kwargs: &Map) -> Option<Value> {
        let errors = self.pillar_errors(cx, kwargs)?;
        cx.set_retcode(PILLAR_FAILURE);
        let mut all: Vec<Value> = vec!["Pillar failed to render with the following messages:".into()];
        all.extend(errors);
        Some(all.into())
    }

    /// The same as a failure.
    pub(super) fn raise_pillar(&self, cx: &Context, kwargs: &Map) -> Result<(), Fault> {
        match self.pillar_errors(cx, kwargs) {
            None => Ok(()),
            Some(errors) => {
                cx.set_retcode(PILLAR_FAILURE);
                Err(Fault::Execution {
                    text: "Pillar failed to render".to_owned(),
                    info: Some(errors.into()),
                })
            }
        }
    }

    fn scope<'s>(&'s self, cx: &'s Context) -> Scope<'s> {
        Scope { opts: &self.opts, pillar: self.pillar(cx).into(), ..**cx }
    }

    /// A context with these options and this pillar, which shares the memory of the other.
    pub(super) fn with_context<R>(&self, cx: &Context, work: impl FnOnce(&Context) -> R) -> R {
        let own = Context::new(self.scope(cx));
        own.memory.swap(&cx.memory);
        let result = work(&own);
        own.memory.swap(&cx.memory);
        result
    }

    /// A run with these options and this pillar.
    pub(super) fn with_run<R>(&self, cx: &Context, work: impl FnOnce(&mut Run<'_, '_>) -> R) -> R {
        let reloads = Reloads::default();
        let scope = self.scope(cx);
        std::thread::scope(|threads| {
            let mut run = Run::new(scope, threads, &reloads, &self.run);
            run.cx.memory.swap(&cx.memory);
            run.cx.set_retcode(cx.retcode());
            let result = work(&mut run);
            run.cx.memory.swap(&cx.memory);
            result
        })
    }
}

const PILLAR_FAILURE: i64 = 5;

fn sls_opts(cx: &Context, kwargs: &Map, opts: &mut Map) -> Result<(), Fault> {
    if kwargs.contains("localconfig") {
        return Err(Fault::NotSupported("localconfig: a configuration for one run".to_owned()));
    }
    if let Some(saltenv) = kwargs.get("saltenv").filter(|saltenv| !saltenv.is_null()) {
        let saltenv = str_of(saltenv);
        let own = cx.opts.get("saltenv").map(str_of).unwrap_or_default();
        if cx.opts.get("lock_saltenv").is_some_and(Value::truthy) && own != saltenv {
            return Err(Fault::execution("lock_saltenv is enabled, saltenv cannot be changed"));
        }
        opts.insert("saltenv", saltenv);
    }
    if kwargs.contains("pillarenv") || cx.opts.get("pillarenv_from_saltenv").is_some_and(Value::truthy) {
        let given = |name: &str| kwargs.get(name).filter(|value| value.truthy()).map(str_of);
        opts.insert("pillarenv", given("pillarenv").or_else(|| given("saltenv")));
    }
    Ok(())
}

/// `test=`, in any spelling; else what grains, pillar or configuration say.
fn test_value(cx: &Context, kwargs: &Map) -> Value {
    match kwargs.get("test") {
        Some(Value::Bool(false)) => return false.into(),
        Some(value) if !value.is_null() => return true.into(),
        _ => {}
    }
    let spelled = kwargs.iter().any(|(name, value)| {
        let yes = match value {
            Value::Text(text) => text.eq_ignore_ascii_case("true"),
            Value::Int(_) | Value::Float(_) => value.as_float().is_some_and(|number| number > 0.0),
            other => other.truthy(),
        };
        yes && name.as_str().is_some_and(|name| name.eq_ignore_ascii_case("test"))
    });
    let on = |value: Option<&Value>| value == Some(&Value::Bool(true));
    if spelled || on(cx.grains.get("test")) || on(cx.pillar.get("test")) {
        return true.into();
    }
    cx.opts.get("test").cloned().unwrap_or_default()
}

/// The pillar of the run; `None` where the one at hand is new enough.
fn fresh_pillar(cx: &Context, opts: &Map, overrides: Option<&Map>) -> Result<Option<Map>, Fault> {
    let text = |opts: &Map, name: &str| opts.get(name).filter(|value| value.truthy()).map(str_of);
    let pillarenv = text(opts, "pillarenv");
    let overrides = overrides.filter(|overrides| !overrides.is_empty());
    let at_hand = cx.opt_str("__cli") == "salt-call" && pillarenv == text(cx.opts, "pillarenv");
    if at_hand && overrides.is_none() {
        return Ok(None);
    }
    let saltenv = text(opts, "saltenv");
    let none = Map::new();
    let mut pillar =
        cx.minion.compile_pillar(saltenv.as_deref(), pillarenv.as_deref(), overrides.unwrap_or(&none))?;
    if let Some(overrides) = overrides {
        let lists = cx.opts.get("pillar_merge_lists").is_some_and(Value::truthy);
        let strategy = match cx.opt_str("pillar_source_merging_strategy") {
            "overwrite" => MergeStrategy::Overwrite,
            _ if lists => MergeStrategy::RecurseMergeLists,
            _ => MergeStrategy::Recurse,
        };
        merge_maps(&mut pillar, overrides.clone(), strategy);
    }
    Ok(Some(pillar))
}
