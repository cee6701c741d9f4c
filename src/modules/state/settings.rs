//! What a state run is set up with: options of its own, a pillar of its own, `test`. Salt: modules/state.py,
//! utils/state.py (`get_sls_opts`), state.py (`__gen_opts`, `_gather_pillar`).

use std::time::Duration;

use crate::loader::{Context, Fault, FileClient, Scope, WithFiles};
use crate::log::error;
use crate::map;
use crate::render;
use crate::state::{Reloads, Run, RunOptions, compile_pillar};
use crate::value::{Map, Value, str_of, yaml};

/// Options and pillar of one run.
pub(super) struct Settings {
    pub opts: Map,
    pillar: Option<Map>,
    /// In the place of the minion's own.
    pub grains: Option<Map>,
    /// The file client of these options, where it is not the minion's.
    files: Option<Box<dyn FileClient>>,
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
            Some(sealed) if kwargs.get("pillar_enc").is_some_and(|enc| !enc.is_null()) => {
                opened(cx, sealed, &str_of(kwargs.get("pillar_enc").unwrap_or(&Value::Null)))
            }
            Some(Value::Map(overrides)) => Some(overrides.clone()),
            Some(_) => {
                return Err(Fault::invocation(
                    "Pillar data must be formatted as a dictionary, unless pillar_enc is specified.",
                ));
            }
        };
        let overrides = overrides.unwrap_or_default();
        let pillar = fresh_pillar(cx, &opts, &overrides)?;
        let jid = kwargs.get("__pub_jid").filter(|jid| jid.truthy()).map(str_of);
        let mocked = kwargs.get("mock").is_some_and(Value::truthy);
        let run = RunOptions { jid, mocked, pillar: overrides };
        let mut settings = Settings { opts, pillar, grains: None, files: None, run };
        if kwargs.contains("localconfig") && settings.opts.str("file_client") == Some("local") {
            settings.take_own_files(cx)?;
        }
        Ok(settings)
    }

    /// Files come from the `file_roots` of these options from now on.
    ///
    /// # Errors
    /// When there is no file client for options here.
    pub(super) fn take_own_files(&mut self, cx: &Context) -> Result<(), Fault> {
        self.files = Some(cx.minion.local_files(&self.opts)?);
        Ok(())
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

    fn beside<'s>(&'s self, cx: &'s Context) -> WithFiles<'s> {
        WithFiles { minion: cx.minion, files: self.files.as_deref().unwrap_or_else(|| cx.minion.files()) }
    }

    fn scope<'s>(&'s self, cx: &'s Context, minion: &'s WithFiles<'s>) -> Scope<'s> {
        let grains = self.grains.as_ref().map_or(cx.grains, Into::into);
        Scope { opts: &self.opts, pillar: self.pillar(cx).into(), grains, minion, ..**cx }
    }

    /// A context with these options and this pillar, which shares the memory of the other.
    pub(super) fn with_context<R>(&self, cx: &Context, work: impl FnOnce(&Context) -> R) -> R {
        let minion = self.beside(cx);
        let own = Context::new(self.scope(cx, &minion));
        own.memory.swap(&cx.memory);
        let result = work(&own);
        own.memory.swap(&cx.memory);
        result
    }

    /// A run with these options and this pillar.
    pub(super) fn with_run<R>(&self, cx: &Context, work: impl FnOnce(&mut Run<'_, '_>) -> R) -> R {
        let reloads = Reloads::default();
        let minion = self.beside(cx);
        let scope = self.scope(cx, &minion);
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
    if let Some(path) = kwargs.get("localconfig") {
        // Salt quirk: utils/state.py: nothing else that the call says of options counts then.
        return local_config(&str_of(path), opts);
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

/// A file with options for one run; none where it is not there.
fn local_config(path: &str, opts: &mut Map) -> Result<(), Fault> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            error!("localconfig {path} cannot be read, the options stay as they are: {error}");
            return Ok(());
        }
    };
    let read = yaml::load(&text, path)
        .map_err(|error| Fault::execution(format!("Error parsing configuration file: {path} - {error}")))?;
    if let Value::Map(own) = read {
        opts.extend(own);
    }
    opts.insert("conf_file", path);
    Ok(())
}

/// The pillar of a call that `pillar_enc` seals: texts of a map, or the YAML of a map as one text. What cannot be opened
/// is told in the log, and is no pillar. Salt: state.py (`_gather_pillar`), utils/crypt.py (`decrypt`).
fn opened(cx: &Context, sealed: &Value, renderer: &str) -> Option<Map> {
    let allowed = cx.opts.get("decrypt_pillar_renderers").and_then(Value::as_list).unwrap_or_default();
    let mut pillar = sealed.clone();
    if !allowed.is_empty() && !allowed.iter().any(|name| name.as_str() == Some(renderer)) {
        let names: Vec<String> = allowed.iter().map(str_of).collect();
        error!(
            "Failed to decrypt pillar override: '{renderer}' is not a valid decryption renderer. Valid choices are: {}",
            names.join(", ")
        );
    } else if renderer != "gpg" {
        error!("Failed to decrypt pillar override: Decryption renderer '{renderer}' is not available");
    } else {
        match render::decrypt(cx, pillar.clone()) {
            Ok(opened) => pillar = opened,
            Err(problem) => error!("Failed to decrypt pillar override: {problem}"),
        }
    }
    if let Value::Text(text) = &pillar {
        match yaml::load(text, "pillar") {
            Ok(read) => pillar = read,
            Err(problem) => error!("Failed to load CLI pillar override: {problem}"),
        }
    }
    match pillar {
        Value::Map(pillar) => Some(pillar),
        _ => {
            error!("Pillar override was not passed as a dictionary");
            None
        }
    }
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
fn fresh_pillar(cx: &Context, opts: &Map, overrides: &Map) -> Result<Option<Map>, Fault> {
    let text = |opts: &Map, name: &str| opts.get(name).filter(|value| value.truthy()).map(str_of);
    let pillarenv = text(opts, "pillarenv");
    let at_hand = cx.opt_str("__cli") == "salt-call" && pillarenv == text(cx.opts, "pillarenv");
    if at_hand && overrides.is_empty() {
        return Ok(None);
    }
    let fresh = compile_pillar(cx.minion, opts, overrides)?;
    Ok(Some(crate::pillar::over_own(cx, fresh)))
}
