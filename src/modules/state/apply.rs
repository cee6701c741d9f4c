//! SLS files and highstates, applied. Salt: modules/state.py (`apply_`, `sls`, `highstate`, `sls_id`, `top`), state.py
//! (`call_highstate`).

use std::fs;
use std::path::{Path, PathBuf};

use super::disabled::disabled;
use super::settings::Settings;
use super::{compiler_error, queue, set_retcode, split_input};
use crate::host::write_cache_file;
use crate::loader::{Call, Context, Fault};
use crate::map;
use crate::state::{
    Available, Chunks, Compiler, TopError, compile_for_one, failure_handlers, merged_top, run_high,
    top_matches, verify_top,
};
use crate::value::msgpack::{Dialect, Reading, decode, encode, encode_map};
use crate::value::{Map, Value, str_of};

pub(super) fn apply(cx: &Context, mut kwargs: Map) -> Result<Value, Fault> {
    if kwargs.get("mods").is_some_and(Value::truthy) {
        return sls(cx, kwargs);
    }
    kwargs.remove("mods");
    highstate(cx, kwargs)
}

fn truthy(kwargs: &Map, name: &str) -> bool {
    kwargs.get(name).is_some_and(Value::truthy)
}

/// The file that keeps high data for `cache=True`.
fn cache_file(cx: &Context, kwargs: &Map) -> PathBuf {
    let name = kwargs.get("cache_name").map_or_else(|| "highstate".to_owned(), str_of);
    let name = name.replace('/', "_");
    PathBuf::from(cx.opt_str("cachedir")).join(format!("{name}.cache.p"))
}

fn cached(cx: &Context, kwargs: &Map) -> Option<Map> {
    if !truthy(kwargs, "cache") {
        return None;
    }
    let octets = fs::read(cache_file(cx, kwargs)).ok()?;
    match decode(&octets, Reading::Wire) {
        Ok(Value::Map(high)) => Some(high),
        _ => None,
    }
}

fn keep_packed(path: &Path, packed: &[u8]) {
    if let Err(error) = write_cache_file(path, packed, 0o600) {
        crate::log::error!("Unable to write to highstate cache file {}: {error}", path.display());
    }
}

/// Writes high data down and gives it back: there is no second copy of it while it runs.
fn kept(path: &Path, high: Map) -> Map {
    keep_packed(path, &encode_map(&high, Dialect::Wire));
    high
}

fn exclude(high: &mut Map, kwargs: &Map) {
    let Some(wanted) = kwargs.get("exclude").filter(|exclude| exclude.truthy()) else { return };
    if let Value::List(all) = high.entry("__exclude__", || Value::List(Vec::new())) {
        all.extend(split_input(wanted));
    }
}

/// Only what failed or changed.
fn without_unchanged(ret: Value) -> Value {
    match ret {
        Value::Map(mut ret) => {
            ret.retain(|_, ret| {
                let is = |key: &str| ret.get(key).is_some_and(Value::truthy);
                !is("result") || is("changes")
            });
            ret.into()
        }
        other => other,
    }
}

fn is_terse(cx: &Context, kwargs: &Map) -> bool {
    cx.opt_str("state_data") == "terse" || truthy(kwargs, "terse")
}

fn sync(cx: &Context, kwargs: &Map, saltenv: &str) -> Result<(), Fault> {
    let mut kinds = match kwargs.get("sync_mods") {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
        Some(Value::Bool(true)) => vec!["all".into()],
        Some(kinds) => split_input(kinds),
    };
    if kinds.iter().any(|kind| kind.as_str() == Some("all")) {
        kinds = vec!["all".into()];
    }
    for kind in kinds.iter().map(str_of) {
        let call = Call { args: Vec::new(), kwargs: map! { "saltenv" => saltenv } };
        match cx.call(&format!("saltutil.sync_{kind}"), call) {
            Ok(_) => {}
            Err(Fault::NotAvailable(_)) => crate::log::warn!("Invalid custom module type '{kind}', ignoring"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

pub(super) fn sls(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let mods = match kwargs.get("mods") {
        Some(mods @ Value::List(_)) => split_input(mods),
        Some(mods) => vec![mods.clone()],
        None => Vec::new(),
    };
    let disabled = disabled(cx, &mods);
    if !disabled.is_empty() {
        return Ok(compiler_error(cx, disabled));
    }
    let mut settings = Settings::of_highstate(cx, &kwargs)?;
    let saltenv = settings.saltenv();
    sync(cx, &kwargs, &saltenv)?;
    if let Some(refused) = settings.refuse_pillar(cx, &kwargs) {
        return Ok(refused);
    }
    let orchestration = kwargs.get("orchestration_jid");
    if let Some(high) = cached(cx, &kwargs) {
        return settings.with_run(cx, |run| run_high(run, high, orchestration));
    }
    let mods: Vec<Value> = mods.iter().flat_map(split_input).collect();
    let (mut high, errors) = rendered(cx, &settings, &saltenv, mods)?;
    if !errors.is_empty() {
        return Ok(compiler_error(cx, errors));
    }
    exclude(&mut high, &kwargs);
    let high = kept(&cache_file(cx, &kwargs), high);
    let handlers = failure_handlers(&high);
    let mut ret = settings.with_run(cx, |run| run_high(run, high, orchestration))?;
    if is_terse(cx, &kwargs) {
        ret = without_unchanged(ret);
    }
    keep_packed(&PathBuf::from(cx.opt_str("cachedir")).join("sls.p"), &encode(&ret, Dialect::Wire));
    set_retcode(cx, &ret, Some(&handlers));
    Ok(ret)
}

/// High data of SLS files of one environment, and what is wrong with them.
pub(super) fn rendered(
    cx: &Context,
    settings: &Settings,
    saltenv: &str,
    mods: Vec<Value>,
) -> Result<(Map, Vec<String>), Fault> {
    settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        Compiler::new(cx, &available).highstate(&map! { saltenv => mods })
    })
}

pub(super) fn highstate(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if !disabled(cx, &["highstate".into()]).is_empty() {
        let text = "Salt highstate run is disabled. To re-enable, run state.enable highstate";
        return Ok(map! { "name" => text, "result" => "False", "comment" => "Disabled" }.into());
    }
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_highstate(cx, &kwargs)?;
    if let Some(refused) = settings.refuse_pillar(cx, &kwargs) {
        return Ok(refused);
    }
    call_highstate(cx, &settings, &kwargs)
}

pub(super) fn top(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let mut settings = Settings::of_highstate(cx, &kwargs)?;
    if let Some(refused) = settings.refuse_pillar(cx, &kwargs) {
        return Ok(refused);
    }
    let name = kwargs.get("topfn").map(str_of).unwrap_or_default();
    settings.opts.insert("state_top", format!("salt://{}", name.trim_start_matches("salt://")));
    if let Some(saltenv) = kwargs.get("saltenv") {
        settings.opts.insert("state_top_saltenv", saltenv.clone());
    }
    call_highstate(cx, &settings, &kwargs)
}

/// A run that consists of a remark.
fn nothing(comment: &str) -> Value {
    map! {
        "no_|-states_|-states_|-None" => map! {
            "result" => false,
            "comment" => comment,
            "name" => "No States",
            "changes" => Map::new(),
            "__run_num__" => 0,
        },
    }
    .into()
}

fn call_highstate(cx: &Context, settings: &Settings, kwargs: &Map) -> Result<Value, Fault> {
    let orchestration = kwargs.get("orchestration_jid");
    let (mut ret, high) = match cached(cx, kwargs) {
        Some(high) => (settings.with_run(cx, |run| run_high(run, high, orchestration))?, Map::new()),
        None => match compiled_highstate(cx, settings, kwargs)? {
            Ok(mut high) => {
                exclude(&mut high, kwargs);
                let high = kept(&cache_file(cx, kwargs), high);
                let handlers = failure_handlers(&high);
                (settings.with_run(cx, |run| run_high(run, high, orchestration))?, handlers)
            }
            Err(ret) => (ret, Map::new()),
        },
    };
    if matches!(ret, Value::Map(_)) && is_terse(cx, kwargs) {
        ret = without_unchanged(ret);
    }
    set_retcode(cx, &ret, Some(&high));
    Ok(ret)
}

/// The high data of the highstate, or what is to be returned instead.
fn compiled_highstate(cx: &Context, settings: &Settings, kwargs: &Map) -> Result<Result<Map, Value>, Fault> {
    settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        let top = match merged_top(cx, &available) {
            Ok(top) => top,
            Err(TopError::Render(why)) => {
                return Ok(Err(nothing(&format!("Unable to render top file: {why}"))));
            }
            Err(TopError::Fault(fault)) => return Err(fault),
        };
        let mut errors = verify_top(&top);
        let mut matches = top_matches(cx, &available, &top)?;
        if matches.is_empty() {
            let comment = "No Top file or master_tops data matches found. Please see master log for details.";
            return Ok(Err(nothing(comment)));
        }
        if let Some(whitelist) = kwargs.get("whitelist").filter(|whitelist| whitelist.truthy()) {
            let wanted = split_input(whitelist);
            for (_, states) in matches.iter_mut() {
                if let Value::List(states) = states {
                    states.retain(|state| wanted.contains(state));
                }
            }
            matches.retain(|_, states| states.truthy());
        }
        let (high, more) = Compiler::new(cx, &available).highstate(&matches)?;
        errors.extend(more);
        Ok(if !errors.is_empty() {
            Err(Value::list(errors))
        } else if high.is_empty() {
            Err(nothing("No states found for this minion"))
        } else {
            Ok(high)
        })
    })
}

pub(super) fn sls_id(cx: &Context, id: &Value, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let mut settings = Settings::of_highstate(cx, &kwargs)?;
    let saltenv = settings.saltenv();
    if let Some(refused) = settings.refuse_pillar(cx, &kwargs) {
        return Ok(refused);
    }
    let mods = kwargs.get("mods").cloned().unwrap_or_default();
    let (high, errors) = rendered(cx, &settings, &saltenv, split_input(&mods))?;
    let handlers = failure_handlers(&high);
    let chunks = match compile_for_one(high, &settings.opts, errors) {
        Ok(chunks) => chunks,
        Err(errors) => return Ok(compiler_error(cx, errors)),
    };
    let places: Vec<usize> = chunks
        .iter()
        .enumerate()
        .filter(|(_, low)| low.get("__id__") == Some(id))
        .map(|(place, _)| place)
        .collect();
    let ret = settings.with_run(cx, |run| {
        let mut chunks = Chunks::new(chunks);
        let mut ret = Map::new();
        for place in places {
            ret.extend(run.call_one(&mut chunks, place)?);
        }
        Ok::<Map, Fault>(ret)
    })?;
    let ret: Value = ret.into();
    set_retcode(cx, &ret, Some(&handlers));
    if !ret.truthy() {
        return Err(Fault::invocation(format!(
            "No matches for ID '{}' found in SLS '{}' within saltenv '{saltenv}'",
            str_of(id),
            str_of(&mods)
        )));
    }
    Ok(ret)
}
