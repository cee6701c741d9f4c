//! `cmd_json`, `cmd_yaml`: what a command prints. Salt: pillar/cmd_json.py, pillar/cmd_yaml.py.

use crate::loader::{Args, Call, Context, Fault, Function, Param, req};
use crate::map;
use crate::value::{Map, Value, str_of, yaml};

const PARAMS: &[Param] = &[req("minion_id"), req("pillar"), req("command")];

pub(super) const JSON: Function = Function::new(
    "cmd_json",
    PARAMS,
    "The JSON that a command prints; `%s` in it is the id of the minion.",
    |cx, args| {
        let (command, output) = printed(cx, args)?;
        Ok(Value::from_json(&output).unwrap_or_else(|error| unreadable("JSON", &command, &error.to_string())))
    },
);

pub(super) const YAML: Function = Function::new(
    "cmd_yaml",
    PARAMS,
    "The YAML that a command prints; `%s` in it is the id of the minion.",
    |cx, args| {
        let (command, output) = printed(cx, args)?;
        let loaded = yaml::load(&output, "<unicode string>");
        Ok(loaded.unwrap_or_else(|error| unreadable("YAML", &command, &error.to_string())))
    },
);

fn printed(cx: &Context, args: &Args) -> Result<(String, String), Fault> {
    let command = str_of(args.get("command")).replace("%s", &str_of(args.get("minion_id")));
    let call = Call { args: vec![command.as_str().into()], kwargs: map! { "python_shell" => true } };
    // A command that fails gives nothing, as in Salt.
    let output = cx.call("cmd.run_stdout", call).map(|output| str_of(&output)).unwrap_or_else(|fault| {
        crate::log::error!(command, %fault, "an external pillar's command failed");
        String::new()
    });
    Ok((command, output))
}

/// The output is not shown: there may be secrets in it.
fn unreadable(what: &str, command: &str, problem: &str) -> Value {
    crate::log::error!(command, problem, "{what} data from the command failed to parse");
    Map::new().into()
}
