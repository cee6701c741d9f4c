//! States shown, not applied. Salt: modules/state.py (`show_*`, `sls_exists`, `id_exists`, `clear_cache`).

use std::collections::HashSet;
use std::fs;

use super::apply::rendered;
use super::settings::Settings;
use super::{compiler_error, queue, set_retcode, split_input};
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::state::{
    Available, Compiler, INCLUDED_FROM, TopError, compile, conceal, low_of, merged_top, top_matches,
    verify_high, verify_top,
};
use crate::value::{Map, Value, str_of};

fn top_of(cx: &Context, available: &Available<'_, '_>) -> Result<Map, Fault> {
    merged_top(cx, available).map_err(|error| match error {
        TopError::Fault(fault) => fault,
        error => Fault::exception("salt.exceptions.SaltRenderError", error.to_string()),
    })
}

pub(super) fn highstate(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_highstate(cx, &kwargs)?;
    settings.raise_pillar(cx, &kwargs)?;
    let (high, errors) = settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        let top = top_of(cx, &available)?;
        let mut errors = verify_top(&top);
        let matches = top_matches(cx, &available, &top)?;
        let (high, more) = Compiler::new(cx, &available).highstate(&matches)?;
        errors.extend(more);
        Ok::<_, Fault>((high, errors))
    })?;
    let ret = if errors.is_empty() { shown(high.into()) } else { Value::list(errors) };
    set_retcode(cx, &ret, None);
    Ok(ret)
}

/// High data or chunks as Salt 3006 shows them, which does not note who includes an SLS file; without the arguments of
/// `no_log` states.
fn shown(mut value: Value) -> Value {
    let strip = |part: &mut Value| {
        if let Value::Map(part) = part {
            part.remove(INCLUDED_FROM);
        }
    };
    match &mut value {
        Value::Map(high) => high.iter_mut().for_each(|(_, body)| {
            strip(body);
            body.as_map_mut().into_iter().flat_map(Map::iter_mut).for_each(|(_, args)| conceal(args));
        }),
        Value::List(chunks) => chunks.iter_mut().for_each(|low| {
            strip(low);
            conceal(low);
        }),
        _ => {}
    }
    value
}

/// Low chunks of the highstate, or every mistake.
fn chunks(cx: &Context, kwargs: &Map) -> Result<Result<Vec<Map>, Vec<String>>, Fault> {
    let settings = Settings::of_highstate(cx, kwargs)?;
    settings.raise_pillar(cx, kwargs)?;
    settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        let top = top_of(cx, &available)?;
        let matches = top_matches(cx, &available, &top)?;
        let (high, errors) = Compiler::new(cx, &available).highstate(&matches)?;
        Ok(compile(high, cx.opts, None, errors))
    })
}

pub(super) fn lowstate(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    Ok(match chunks(cx, &kwargs)? {
        Ok(chunks) => shown(Value::list(chunks)),
        Err(errors) => Value::list(errors),
    })
}

pub(super) fn states(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    match chunks(cx, &kwargs)? {
        Ok(chunks) => {
            let mut seen = HashSet::new();
            let names =
                chunks.iter().filter_map(|low| low.get("__sls__")).filter(|sls| seen.insert((*sls).clone()));
            Ok(Value::list(names.cloned()))
        }
        Err(errors) => Ok(compiler_error(cx, errors)),
    }
}

pub(super) fn top(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_highstate(cx, &kwargs)?;
    settings.raise_pillar(cx, &kwargs)?;
    let found = settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        let top = top_of(cx, &available)?;
        let errors = verify_top(&top);
        if !errors.is_empty() {
            return Ok(Err(errors));
        }
        top_matches(cx, &available, &top).map(Ok)
    })?;
    Ok(match found {
        Ok(matches) => matches.into(),
        Err(errors) => compiler_error(cx, errors),
    })
}

pub(super) fn usage(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_highstate(cx, &kwargs)?;
    let ret = settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        let top = top_of(cx, &available)?;
        let errors = verify_top(&top);
        if !errors.is_empty() {
            return Ok(Value::list(errors));
        }
        let matches = top_matches(cx, &available, &top)?;
        let mut all = Map::new();
        for env in available.envs()?.iter() {
            let wanted = matches.get(env).and_then(Value::as_list).unwrap_or_default();
            let states = available.states(env)?;
            let (used, unused): (Vec<String>, Vec<String>) = states
                .into_iter()
                .partition(|state| wanted.iter().any(|wanted| wanted.as_str() == Some(state)));
            all.insert(
                env.as_str(),
                map! {
                    "used" => Value::list(&used),
                    "unused" => Value::list(&unused),
                    "count_all" => used.len() + unused.len(),
                    "count_used" => used.len(),
                    "count_unused" => unused.len(),
                },
            );
        }
        Ok::<Value, Fault>(all.into())
    })?;
    set_retcode(cx, &ret, None);
    Ok(ret)
}

fn high_of(cx: &Context, kwargs: &Map) -> Result<Result<Map, Vec<String>>, Fault> {
    let mut settings = Settings::of_highstate(cx, kwargs)?;
    let saltenv = settings.saltenv();
    settings.raise_pillar(cx, kwargs)?;
    let mods = split_input(kwargs.get("mods").unwrap_or(&Value::Null));
    let (high, mut errors) = rendered(cx, &settings, &saltenv, mods)?;
    errors.extend(verify_high(&high));
    Ok(if errors.is_empty() { Ok(high) } else { Err(errors) })
}

pub(super) fn sls(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    Ok(match high_of(cx, &kwargs)? {
        Ok(high) => shown(high.into()),
        Err(errors) => compiler_error(cx, errors),
    })
}

pub(super) fn low_sls(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    // Salt quirk: modules/state.py, `show_low_sls`: extensions and requisites of the other end are left out.
    Ok(match high_of(cx, &kwargs)? {
        Ok(high) => shown(Value::list(low_of(high, None))),
        Err(errors) => compiler_error(cx, errors),
    })
}

pub(super) fn sls_exists(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    Ok(matches!(sls(cx, kwargs)?, Value::Map(_)).into())
}

pub(super) fn id_exists(cx: &Context, ids: &Value, kwargs: Map) -> Result<Value, Fault> {
    let chunks = low_sls(cx, kwargs)?;
    let found: HashSet<String> =
        chunks.as_list().unwrap_or_default().iter().filter_map(|low| low.get("__id__").map(str_of)).collect();
    Ok(split_input(ids).iter().map(str_of).all(|id| found.contains(&id)).into())
}

pub(super) fn clear_cache(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(cx.opt_str("cachedir"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cache.p") && entry.path().is_file() && fs::remove_file(entry.path()).is_ok() {
            removed.push(name);
        }
    }
    Ok(Value::list(removed))
}
