//! `multi_returner`: brings a return to each returner of the option `multi_returner`. Salt: returners/multi_returner.py.

use crate::loader::{Context, Fault, Returner};
use crate::value::{Map, Value};

pub(super) static RETURNER: Returner = Returner { name: "multi_returner", save };

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let names: Vec<&str> = match cx.opts.get("multi_returner") {
        Some(Value::List(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Text(name)) => vec![name.as_str()],
        _ => return Err(Fault::invocation("the option multi_returner names no returners")),
    };
    let names: Vec<&str> = names.into_iter().filter(|name| *name != RETURNER.name).collect();
    super::save(cx, &names.join(","), ret);
    Ok(())
}
