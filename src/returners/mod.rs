//! Returners: where returns go besides the master. One file per Salt returner; rows in alphabetical order.

mod http;
mod local;
mod multi_returner;
mod options;
mod rawfile_json;
mod syslog_return;

use crate::loader::{Context, Returner};
use crate::value::{Map, Value};

/// Every returner.
pub static ALL: &[&Returner] = &[
    &http::RETURNER,
    &local::RETURNER,
    &multi_returner::RETURNER,
    &rawfile_json::RETURNER,
    &syslog_return::RETURNER,
];

/// Brings a return to each of `names`, separated by commas. One that does not exist or fails is told in the log, and
/// the others have theirs nevertheless. Salt: minion.py (`_thread_return`).
pub fn save(cx: &Context, names: &str, ret: &Map) {
    let mut done: Vec<&str> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        let disabled = cx.opts.get("disable_returners").and_then(Value::as_list).unwrap_or_default();
        let enabled = !disabled.iter().any(|disabled| disabled.as_str() == Some(name));
        let Some(returner) = ALL.iter().find(|returner| enabled && returner.name == name) else {
            crate::log::error!(
                "Returner {name}.returner could not be loaded: '{name}.returner' is not available."
            );
            continue;
        };
        if let Err(fault) = (returner.save)(cx, ret) {
            let jid = ret.str("jid").unwrap_or_default();
            crate::log::error!("The return failed for job {jid}: {name}: {fault}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::loader::{Default, Function, Module, Nowhere, Registry, Scope, always, opt, req};
    use crate::map;
    use crate::value::str_of;

    static CONFIG: Module = Module {
        file: "config",
        provides: "config",
        available: always,
        functions: &[Function::new(
            "option",
            &[req("value"), opt("default", Default::None)],
            "",
            |cx, args| Ok(cx.opts.get(&str_of(args.get("value"))).cloned().unwrap_or_default()),
        )],
    };

    #[test]
    fn a_disabled_returner_gets_nothing() {
        let saved = |disabled: &str| {
            let file =
                std::env::temp_dir().join(format!("halite-disabled-{}-{disabled}", std::process::id()));
            let opts = map! {
                "disable_returners" => Value::list([disabled]),
                "rawfile_json.filename" => file.display().to_string(),
            };
            with(&opts, &FakeHost::default(), |cx| save(cx, "rawfile_json", &map! { "jid" => "1" }));
            std::fs::remove_file(file).is_ok()
        };
        assert!(!saved("rawfile_json") && saved("local"));
    }

    /// Gives a function the context of a returner.
    pub(super) fn with<T>(opts: &Map, host: &FakeHost, run: impl FnOnce(&Context) -> T) -> T {
        let empty = Map::new();
        let registry = Registry::new(&[&[&CONFIG]]);
        run(&Context::new(Scope {
            opts,
            grains: (&empty).into(),
            pillar: (&empty).into(),
            published: &empty,
            registry: &registry,
            host,
            minion: &Nowhere,
            master: &Nowhere,
        }))
    }
}
