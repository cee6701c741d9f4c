//! What modules there are and which files provide them. Salt: modules/test.py (`module_report`, `providers`,
//! `not_loaded`).

use std::collections::BTreeSet;

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value};

/// Everything can be reached in every way, so the lists of what is missing are empty.
pub(super) fn module_report(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut functions = Vec::new();
    let mut modules = BTreeSet::new();
    for module in cx.registry.available(cx) {
        modules.insert(module.provides);
        functions
            .extend(module.functions.iter().map(|function| format!("{}.{}", module.provides, function.name)));
    }
    let functions = Value::list(functions);
    let modules = Value::list(modules);
    Ok(map! {
        "functions" => functions.clone(),
        "function_attrs" => functions.clone(),
        "function_subs" => functions,
        "modules" => modules.clone(),
        "module_attrs" => modules,
        "missing_attrs" => Value::List(Vec::new()),
        "missing_subs" => Value::List(Vec::new()),
    }
    .into())
}

/// The file of a module; empty text where there is no such module.
pub(super) fn provider(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("module")?;
    let module = cx.registry.available(cx).find(|module| module.provides == name);
    Ok(module.map_or("", |module| module.file).into())
}

/// `{file: module}`.
pub(super) fn providers(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(cx.registry.available(cx).map(|module| (module.file, module.provides)).collect::<Map>().into())
}

/// `[file]`, sorted.
pub(super) fn not_loaded(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let modules = cx.registry.modules().iter().filter(|module| (module.available)(cx).is_err());
    Ok(Value::list(modules.map(|module| module.file).collect::<BTreeSet<_>>()))
}
