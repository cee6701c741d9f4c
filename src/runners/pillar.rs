//! `pillar`: pillars as minions would be given them. Salt: runners/pillar.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "pillar",
    provides: "pillar",
    available: always,
    functions: &[
        Function::new(
            "clear_pillar_cache",
            &[opt("minion", Default::Str("*")), keywords("kwargs")],
            "False: pillars are remembered only while nothing that they hang on changes, so there is nothing to clear.",
            |_, _| Ok(false.into()),
        ),
        Function::new(
            "show_pillar",
            &[opt("minion", Default::Str("*")), keywords("kwargs")],
            "The pillar of a minion with the grains that the master knows of it. `saltenv` and `pillarenv` name \
             environments; other arguments are grains.",
            show_pillar,
        ),
        Function::new(
            "show_pillar_cache",
            &[opt("minion", Default::Str("*")), keywords("kwargs")],
            "False: see `clear_pillar_cache`.",
            |_, _| Ok(false.into()),
        ),
        Function::new(
            "show_top",
            &[opt("minion", Default::None), opt("saltenv", Default::Str("base"))],
            "The merged top file of pillars, or what is wrong with it.",
            |cx, args| {
                let id = args.opt_str("minion")?;
                let grains = id.as_deref().and_then(|id| grains_of(cx, id)).unwrap_or_default();
                cx.master.pillar_top(id.as_deref().unwrap_or_default(), &grains, &args.str("saltenv")?)
            },
        ),
    ],
};

fn grains_of(cx: &Context, id: &str) -> Option<Map> {
    cx.master.minion_data(id)?.get("grains").and_then(Value::as_map).cloned()
}

fn show_pillar(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let id = args.str("minion")?;
    let mut grains = grains_of(cx, &id).unwrap_or_else(|| map! { "fqdn" => id.as_str() });
    let (mut saltenv, mut pillarenv) = (Some("base".to_owned()), None);
    for (name, value) in &args.keywords {
        let text = (!value.is_null()).then(|| str_of(value));
        match name.as_str() {
            Some("saltenv") => saltenv = text,
            Some("pillarenv") => pillarenv = text,
            Some(name) if name.starts_with("__pub_") => {}
            _ => {
                grains.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(cx.master.compile_pillar(&id, &grains, saltenv.as_deref(), pillarenv.as_deref())?.into())
}
