//! What a state changed, as text. Salt: output/highstate.py (`_format_changes`).

use super::super::{OutputOptions, nested, python_splitlines, python_trim_end};
use super::{host_text, whole};
use crate::output::Unfit;
use crate::value::{Map, Value, str_of};

const INDENT: usize = 14;

pub(super) struct Shown {
    pub changed: bool,
    pub text: String,
}

/// Changes as `nested` shows them, or the states of minions that an orchestration ran.
pub(super) fn changed_text(ret: &Map, options: &OutputOptions, level: usize) -> Result<Shown, Unfit> {
    let changes = ret.get("changes").unwrap_or(&Value::Null);
    if matches!(ret.str("name"), Some("state.orch" | "state.orchestrate" | "state.sls")) {
        let inner = whole(changes, options, level + 1)?;
        let margin = " ".repeat(INDENT * level);
        let text: Vec<String> =
            format!("\n{inner}").split('\n').map(|line| format!("{margin}{line}")).collect();
        return Ok(Shown { changed: true, text: text.join("\n") });
    }
    let Value::Map(map) = changes else {
        let text = if changes.truthy() {
            format!("Invalid Changes data: {}", str_of(changes))
        } else {
            String::new()
        };
        return Ok(Shown { changed: changes.truthy(), text });
    };
    if map.is_empty() {
        return Ok(Shown { changed: false, text: String::new() });
    }
    match map.get("ret").filter(|ret| !ret.is_null()) {
        Some(Value::Map(hosts)) if map.str("out") == Some("highstate") => {
            let (mut text, mut changed) = (String::new(), false);
            for (host, data) in hosts {
                let host = host_text(&str_of(host), data, options, 1)?;
                let margin = " ".repeat(INDENT);
                let lines: Vec<String> =
                    python_splitlines(&host.text).iter().map(|line| format!("{margin}{line}")).collect();
                text.push('\n');
                text.push_str(&lines.join("\n"));
                changed |= host.changed;
            }
            Ok(Shown { changed, text })
        }
        _ => {
            let options = OutputOptions { nested_indent: INDENT, retcode: 0, ..options.clone() };
            let text = (nested::OUTPUTTER.render)(changes, &options)?;
            Ok(Shown { changed: true, text: format!("\n{}", python_trim_end(&text)) })
        }
    }
}
