//! States that are given as data or text, not as SLS files. Salt: modules/state.py (`single`, `low`, `high`,
//! `template`, `template_str`).

use super::settings::Settings;
use super::{compiler_error, queue, set_retcode};
use crate::loader::{Context, Fault};
use crate::map;
use crate::render::{Source, render};
use crate::state::{
    Available, Compiler, all_succeeded, failure_handlers, run_high, tag, template_declarations, verify_chunk,
};
use crate::value::{Map, Value, str_of};

pub(super) fn single(cx: &Context, mut kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let fun = kwargs.remove("fun").map(|fun| str_of(&fun)).unwrap_or_default();
    let name = kwargs.remove("name").unwrap_or_default();
    let Some((module, function)) = fun.split_once('.') else {
        cx.set_retcode(1);
        return Ok("Invalid function passed".into());
    };
    let settings = Settings::of_state(cx, &kwargs)?;
    let mut low = kwargs;
    for own in ["test", "queue"] {
        low.remove(own);
    }
    low.insert("state", module);
    low.insert("fun", function.split('.').next().unwrap_or_default());
    low.insert("__id__", name.clone());
    low.insert("name", name);
    settings.with_run(cx, |run| {
        let errors = verify_chunk(&run.cx, &low);
        if !errors.is_empty() {
            return Ok(compiler_error(cx, errors));
        }
        let tag = tag(&low);
        let ret = run.call_low(low)?;
        let ret: Value = map! { tag => ret }.into();
        set_retcode(cx, &ret, None);
        Ok(ret)
    })
}

pub(super) fn low(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let Some(Value::Map(mut low)) = kwargs.get("data").cloned() else {
        return Err(Fault::invocation("'data' has to be a dictionary"));
    };
    let settings = Settings::of_state(cx, &kwargs)?;
    settings.with_run(cx, |run| {
        let errors = verify_chunk(&run.cx, &low);
        if !errors.is_empty() {
            return Ok(compiler_error(cx, errors));
        }
        if !low.contains("__id__") {
            return Err(Fault::exception("KeyError", "'__id__'"));
        }
        let ret: Value = run.call_low(std::mem::take(&mut low))?.into();
        // Salt quirk: modules/state.py: it is the run that succeeded that gets the retcode of a failure.
        if all_succeeded(&ret, None) {
            cx.set_retcode(2);
        }
        Ok(ret)
    })
}

pub(super) fn high(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let Some(Value::Map(high)) = kwargs.get("data").cloned() else {
        return Ok(compiler_error(cx, vec!["High data is not a dictionary and is invalid".to_owned()]));
    };
    let settings = Settings::of_state(cx, &kwargs)?;
    let handlers = failure_handlers(&high);
    let ret = settings.with_run(cx, |run| run_high(run, high, None))?;
    set_retcode(cx, &ret, Some(&handlers));
    Ok(ret)
}

pub(super) fn template(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_highstate(cx, &kwargs)?;
    settings.raise_pillar(cx, &kwargs)?;
    let mut path = kwargs.get("tem").map(str_of).unwrap_or_default();
    if !path.ends_with(".sls") {
        path.push_str(".sls");
    }
    let saltenv = kwargs.get("saltenv").map(str_of).unwrap_or_default();
    let (high, errors) = settings.with_context(cx, |cx| {
        let available = Available::new(cx);
        Compiler::new(cx, &available).local_file(&path, &saltenv)
    })?;
    if !errors.is_empty() {
        return Ok(compiler_error(cx, errors));
    }
    let handlers = failure_handlers(&high);
    let ret = settings.with_run(cx, |run| run_high(run, high, None))?;
    set_retcode(cx, &ret, Some(&handlers));
    Ok(ret)
}

pub(super) fn template_str(cx: &Context, kwargs: Map) -> Result<Value, Fault> {
    const NAME: &str = "<template-str>";
    if let Some(refused) = queue::refused(cx, &kwargs) {
        return Ok(refused);
    }
    let settings = Settings::of_state(cx, &kwargs)?;
    let text = kwargs.get("tem").map(str_of).unwrap_or_default();
    let rendered = settings.with_context(cx, |cx| {
        let none = Map::new();
        let source = Source { text: &text, path: None, saltenv: "base", sls: "", variables: &none };
        render(cx, &source, cx.opts.str("renderer").unwrap_or("jinja|yaml"))
    });
    let rendered =
        rendered.map_err(|error| Fault::exception("salt.exceptions.SaltRenderError", error.to_string()))?;
    let ret = match rendered {
        Value::Map(mut high) if !high.is_empty() => {
            let errors = template_declarations(&mut high, NAME);
            if errors.is_empty() {
                settings.with_run(cx, |run| run_high(run, high, None))?
            } else {
                Value::list(errors)
            }
        }
        other if other.truthy() => Value::list([format!("Template {NAME} does not render to a dictionary")]),
        empty => empty,
    };
    set_retcode(cx, &ret, None);
    Ok(ret)
}
