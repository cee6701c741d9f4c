//! What a failed call says in the comment of a state. Salt: exceptions.py (`CommandExecutionError`).

use crate::loader::{Fault, StateReturn};
use crate::output::{OUTPUTTERS, OutputOptions};
use crate::value::{Map, Value, repr};

/// A value as the outputter `nested` prints it, without colours.
pub(super) fn nested(value: &Value) -> String {
    let outputter = OUTPUTTERS.iter().find(|outputter| outputter.name == "nested");
    let rendered = outputter.and_then(|outputter| (outputter.render)(value, &OutputOptions::default()).ok());
    rendered.unwrap_or_else(|| repr(value)).trim_end().to_owned()
}

fn with_info(text: &str, info: &Value) -> String {
    let end = if text.is_empty() || text.ends_with(['.', '?', '!']) { "" } else { "." };
    let blank = if text.is_empty() { "" } else { " " };
    format!("{text}{end}{blank}Additional info follows:\n\n{}", nested(info))
}

/// All of it (Python's `str(exc)`).
pub(super) fn text(fault: &Fault) -> String {
    match fault {
        Fault::Execution { text, info: Some(info) } if info.truthy() => with_info(text, info),
        Fault::Exception { text, .. } => text.clone(),
        other => other.to_string(),
    }
}

/// A failed state with the changes that were made nevertheless; `doing` is said where the failure has no more to tell.
pub(super) fn failed(name: &Value, fault: &Fault, doing: &str) -> StateReturn {
    let Fault::Execution { text, info: Some(info) } = fault else {
        return StateReturn::new(name.clone(), Some(false), format!("{doing}{}", self::text(fault)));
    };
    let mut rest = info.as_map().cloned().unwrap_or_default();
    let changes = rest.remove("changes").unwrap_or_else(|| Map::new().into());
    let comment = if rest.is_empty() { text.clone() } else { with_info(text, &rest.into()) };
    StateReturn::new(name.clone(), Some(false), comment).with(changes)
}
