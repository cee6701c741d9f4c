//! Where a returner finds its options: `<name>.<option>` or `<name>: {option: …}`, with `--return_config X` first
//! below `X.`, and with `--return_kwargs` above all. Salt: returners/__init__.py (`get_returner_options`).

use crate::loader::{Call, Context};
use crate::value::{Map, Value};

/// An option of the returner `name`, for the return `ret`; `None` where it is not set.
pub fn option(cx: &Context, ret: &Map, name: &str, attribute: &str) -> Option<Value> {
    if let Some(given) = ret.get("ret_kwargs").and_then(|kwargs| kwargs.get(attribute)) {
        return Some(given.clone());
    }
    let find =
        |key: &str| cx.call("config.option", Call::positional([key.into()])).ok().filter(Value::truthy);
    let below = |start: &str| {
        let table = find(start).and_then(|table| table.get(attribute).cloned()).filter(Value::truthy);
        table.or_else(|| find(&format!("{start}.{attribute}")))
    };
    let config = ret.str("ret_config").filter(|config| !config.is_empty());
    config.and_then(|config| below(&format!("{config}.{name}"))).or_else(|| below(name))
}
