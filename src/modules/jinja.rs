//! `jinja`: what the maps of a formula come to on this minion. Salt: modules/jinja.py.

use crate::loader::{Context, Fault, Function, Module, always, req};
use crate::map;
use crate::value::Value;

pub(super) static MODULE: Module = Module {
    file: "jinja",
    provides: "jinja",
    available: always,
    functions: &[
        Function::new("import_json", &[req("path")], "A JSON file as a template imports it.", |cx, args| {
            rendered(cx, &format!("{{% import_json \"{}\" as imported %}}", args.str("path")?), "imported")
        }),
        Function::new("import_yaml", &[req("path")], "A YAML file as a template imports it.", |cx, args| {
            rendered(cx, &format!("{{% import_yaml \"{}\" as imported %}}", args.str("path")?), "imported")
        }),
        Function::new(
            "load_map",
            &[req("path"), req("value")],
            "A variable of a `map.jinja`: `jinja.load_map myformula/map.jinja myformula`.",
            |cx, args| {
                let (path, value) = (args.str("path")?, args.str("value")?);
                let import = format!("{{% from \"{path}\" import {value} with context %}}");
                rendered(cx, &import, &value)
            },
        ),
    ],
};

fn rendered(cx: &Context, import: &str, name: &str) -> Result<Value, Fault> {
    let template = format!("{import}\n{{{{ {name} | tojson }}}}\n");
    cx.ask_with("slsutil.renderer", &[], map! { "string" => template })
}
