//! Whether an installed version is one that is asked for. Salt: states/pkg.py, utils/pkg, utils/versions.py.

use crate::loader::{Fault, Running};
use crate::patterns::Glob;
use crate::value::{Map, Value};

/// `>= 1.0` as `>=` and `1.0`; `==` where there is none.
pub(super) fn condition(text: &str) -> (&str, &str) {
    let text = text.trim();
    for oper in ["<=>", "!=", ">=", "<=", ">>", "<<", "<>", ">", "<", "="] {
        if let Some(rest) = text.strip_prefix(oper) {
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            return (if oper == "=" { "==" } else { oper }, rest);
        }
    }
    ("==", text)
}

fn conditions(text: &str) -> Vec<(&str, &str)> {
    if text.trim().is_empty() { Vec::new() } else { text.trim().split(',').map(condition).collect() }
}

/// Whether one of the installed versions meets all conditions of `wanted`, such as `>1.0,<2.0`.
pub(super) fn fulfills(
    running: &Running,
    installed: &[String],
    wanted: &str,
    ignore_epoch: &Value,
    allow_updates: bool,
) -> Result<bool, Fault> {
    let conditions = conditions(wanted);
    for version in installed {
        let mut all = true;
        for (oper, wanted) in &conditions {
            let oper = if allow_updates && conditions.len() == 1 && *oper == "==" { ">=" } else { oper };
            all = all && meets(running, version, oper, wanted, ignore_epoch)?;
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

fn meets(
    running: &Running,
    version: &str,
    oper: &str,
    wanted: &str,
    ignore_epoch: &Value,
) -> Result<bool, Fault> {
    if oper == "==" && (version == wanted || Glob::new(wanted).matches(version)) {
        return Ok(true);
    }
    if !running.offers("pkg.version_cmp") {
        return Ok(false);
    }
    let ignore = match ignore_epoch {
        Value::Null => !oper.contains(['<', '>']) && !wanted.contains(':'),
        given => given.truthy(),
    };
    let options: Map = [("ignore_epoch", ignore)].into_iter().collect();
    let order = running.ask_with("pkg.version_cmp", &[version.into(), wanted.into()], options)?;
    let Some(order) = order.as_int() else { return Ok(false) };
    Ok(match oper {
        "==" => order == 0,
        "!=" => order != 0,
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        ">=" => order >= 0,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        assert_eq!(condition(" >= 1.0 "), (">=", "1.0"));
        assert_eq!(condition("=1.0"), ("==", "1.0"));
        assert_eq!(condition("1:1.0*"), ("==", "1:1.0*"));
        assert_eq!(conditions(">1.0,<2"), [(">", "1.0"), ("<", "2")]);
        assert_eq!(conditions(" "), []);
    }
}
