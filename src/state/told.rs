//! What a run says in the log of each state. Salt: state.py (`State.call`, `format_log`).

use super::no_log;
use super::outcome::Watch;
use super::tag::field;
use crate::host::Host;
use crate::log::{Level, error, info, wanted};
use crate::value::{Map, Value, str_of};

/// A state begins.
pub(super) fn begins(low: &Map, watch: &Watch) {
    if wanted(Level::Info) {
        info!("Running state [{}] at time {}", name(low), watch.start_time());
    }
}

pub(super) fn executes(low: &Map) {
    if wanted(Level::Info) {
        info!("Executing state {}.{} for [{}]", field(low, "state"), field(low, "fun"), name(low));
    }
}

/// What came of it: an error where it failed.
pub(super) fn outcome(ret: &Map) {
    let failed = ret.get("result") == Some(&false.into());
    if !wanted(if failed { Level::Error } else { Level::Info }) {
        return;
    }
    let message = message(ret);
    let message = message.trim_end();
    if failed { error!("{message}") } else { info!("{message}") }
}

pub(super) fn completed(low: &Map, host: &dyn Host, ret: &Map) {
    if wanted(Level::Info) {
        let duration = ret.get("duration").map(str_of).unwrap_or_default();
        let at = Watch::start(host).start_time();
        info!("Completed state [{}] at time {at} (duration_in_ms={duration})", name(low));
    }
}

fn name(low: &Map) -> String {
    no_log::shown_name(low).trim().to_owned()
}

fn message(ret: &Map) -> String {
    let text = |key: &str| ret.get(key).filter(|value| value.truthy()).map(str_of);
    let Some(changes) = text("changes") else {
        return text("comment")
            .unwrap_or_else(|| format!("No changes made for {}", text("name").unwrap_or_default()));
    };
    let Some(Value::Map(items)) = ret.get("changes") else { return changes };
    let pairs: Option<Vec<_>> =
        items.iter().map(|(name, item)| Some((name, item.get("old")?, item.get("new")?))).collect();
    if let Some(pairs) = pairs {
        let shown = |value: &Value| match value {
            Value::Bool(false) | Value::Null => str_of(value),
            value if value.truthy() => str_of(value),
            _ => "absent".to_owned(),
        };
        let mut lines = "Made the following changes:".to_owned();
        for (name, old, new) in pairs {
            lines += &format!("\n'{}' changed from '{}' to '{}'", str_of(name), shown(old), shown(new));
        }
        return lines;
    }
    match items.get("diff") {
        Some(Value::Text(diff)) => format!("File changed:\n{diff}"),
        _ => changes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    /// Expected is what Salt 3006.25 wrote, without the end of the last line.
    #[test]
    fn a_state_tells_the_log_of_its_changes_or_else_of_its_comment() {
        let told = |changes: Map| message(&map! { "name" => "n", "comment" => "c", "changes" => changes });
        assert_eq!(told(Map::new()), "c");
        assert_eq!(
            message(&map! { "name" => "n", "comment" => "", "changes" => Map::new() }),
            "No changes made for n"
        );
        assert_eq!(told(map! { "diff" => "New file" }), "File changed:\nNew file");
        assert_eq!(told(map! { "pid" => 5, "stderr" => "" }), "{'pid': 5, 'stderr': ''}");
        let packages = map! {
            "a" => map! { "old" => "", "new" => "1.0" }, "b" => map! { "old" => false, "new" => Value::Null },
        };
        let expected = "Made the following changes:\n'a' changed from 'absent' to '1.0'\n'b' changed from 'False' to 'None'";
        assert_eq!(told(packages), expected);
        assert_eq!(told(map! { "a" => map! { "new" => "1.0" } }), "{'a': {'new': '1.0'}}");
    }
}
