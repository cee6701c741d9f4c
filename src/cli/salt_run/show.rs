//! What `salt-run` prints: events of the runner as they come, and its result. Salt: client/mixins.py
//! (`print_async_event`), cli/run.py.

use super::{Order, documented};
use crate::cli::profile::Profile;
use crate::cli::{Display, Exit, print};
use crate::loader::Registry;
use crate::map;
use crate::runners::STDOUT;
use crate::value::{Map, Value};

/// Prints what one runner does.
pub(super) struct Shower<'a> {
    display: &'a Display,
    registry: &'a Registry,
    fun: &'a str,
    quiet: bool,
    pub profile: &'a Profile,
}

impl<'a> Shower<'a> {
    pub fn new(display: &'a Display, registry: &'a Registry, order: &'a Order, profile: &'a Profile) -> Self {
        Shower { display, registry, fun: &order.fun, quiet: order.quiet, profile }
    }

    /// Whether the runner is one of ours.
    pub fn knows(&self) -> bool {
        self.registry.row(self.fun).is_some()
    }

    /// An event below the runner's tag, other than its end: `suffix` is the rest of the tag.
    pub fn event(&self, suffix: &str, data: &Map) -> anyhow::Result<()> {
        match suffix {
            // `args` is for those who watch an orchestration.
            "new" | "args" => Ok(()),
            STDOUT => Ok(print(data.str("text").unwrap_or_default())?),
            _ if self.quiet => Ok(()),
            _ => {
                let outputter = data.get("outputter").and_then(Value::as_str);
                let shown = map! { "suffix" => suffix, "event" => data.clone() };
                self.display.show(&shown.into(), outputter, 0)
            }
        }
    }

    /// The master refuses to run it, in these words.
    pub fn refused(&self, told: &str) -> anyhow::Result<Exit> {
        if !self.quiet {
            self.display.show(&told.into(), Some("nested"), 0)?;
        }
        Ok(Exit::OK)
    }

    /// The end: the data of the event `salt/run/<jid>/ret`. Gives the exit code.
    pub fn result(&self, data: &Map) -> anyhow::Result<Exit> {
        let _phase = self.profile.phase("output");
        let returned = data.get("return").cloned().unwrap_or_default();
        if not_available(&returned, self.fun) {
            return nearest_documentation(self.registry, self.fun, self.display, self.quiet);
        }
        if !self.quiet {
            let (value, outputter) = unwrapped(&returned);
            self.display.show(value, outputter, 0)?;
        }
        Ok(exit_code(data, &returned))
    }
}

/// A result may bring its outputter: `{"data": any, "outputter": str}`.
fn unwrapped(returned: &Value) -> (&Value, Option<&str>) {
    match (returned.as_map().map(Map::len), returned.get("data"), returned.get("outputter")) {
        (Some(2), Some(data), Some(outputter)) => (data, outputter.as_str()),
        // With more beside it, all is shown by that outputter.
        (_, _, outputter) => (returned, outputter.and_then(Value::as_str)),
    }
}

fn exit_code(data: &Map, returned: &Value) -> Exit {
    let retcode = data
        .get("retcode")
        .or_else(|| returned.get("retcode"))
        .or_else(|| returned.get("data")?.get("retcode"))
        .and_then(Value::as_int);
    Exit::of(retcode.unwrap_or(0))
}

/// Whether the master says that there is no such runner: in one line, or (Salt's) at the end of a traceback.
fn not_available(returned: &Value, fun: &str) -> bool {
    let sentence = format!("'{fun}' is not available.");
    returned.as_str().is_some_and(|text| {
        text == sentence
            || (text.starts_with("Exception occurred in runner") && text.trim_end().ends_with(&sentence))
    })
}

/// What Salt prints when a runner cannot be called so: the documentation of those whose names begin alike, or that it
/// is not available.
pub(super) fn nearest_documentation(
    registry: &Registry,
    fun: &str,
    display: &Display,
    quiet: bool,
) -> anyhow::Result<Exit> {
    let docs = documented(registry, &format!("{fun}*"));
    let shown: Value =
        if docs.is_empty() { format!("'{fun}' is not available.").into() } else { docs.into() };
    if !quiet {
        display.show(&shown, Some("nested"), 0)?;
    }
    Ok(Exit::OK)
}

/// `-d`.
pub(super) fn documentation(registry: &Registry, wanted: &str) -> anyhow::Result<()> {
    for (name, doc) in &documented(registry, wanted) {
        let (name, doc) = (name.as_str().unwrap_or_default(), doc.as_str().unwrap_or_default());
        let doc: String = doc.lines().map(|line| format!("    {line}\n")).collect();
        print(&format!("{name}:\n\n{doc}\n"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_found_where_salt_looks() {
        let code = |data: Map| exit_code(&data, data.get("return").unwrap_or(&Value::Null)).0;
        assert_eq!(code(map! { "return" => "x" }), 0);
        assert_eq!(code(map! { "return" => "x", "retcode" => 1 }), 1);
        assert_eq!(code(map! { "return" => map! { "retcode" => 2 } }), 2);
        assert_eq!(code(map! { "return" => map! { "data" => map! { "retcode" => 3 } } }), 3);
    }

    #[test]
    fn a_missing_runner_is_known_in_both_forms() {
        let trace = "Exception occurred in runner a.b: Traceback …\nsalt.exceptions.CommandExecutionError: \
                     'a.b' is not available.\n";
        assert!(not_available(&"'a.b' is not available.".into(), "a.b"));
        assert!(not_available(&trace.into(), "a.b"));
        assert!(!not_available(&"'a.c' is not available.".into(), "a.b"));
    }
}
