//! `stateful: True`: the last line of a command's output says what it did, `changed=yes comment='…'`, or all of it
//! does as JSON. Salt: states/cmd.py (`_reinterpreted_state`).

use crate::loader::{Fault, StateReturn};
use crate::value::{Map, Value, str_of};

/// The return by what the output says.
pub(super) fn reinterpreted(mut outcome: StateReturn) -> Result<StateReturn, Fault> {
    let Value::Map(ran) = std::mem::replace(&mut outcome.changes, Map::new().into()) else {
        return Ok(outcome);
    };
    outcome.comment = String::new();
    let text = ran.get("stdout").map(str_of).unwrap_or_default();
    if text.is_empty() {
        if let Some(errors) = ran.get("stderr").filter(|errors| errors.truthy()) {
            outcome.comment = str_of(errors);
        }
        return Ok(outcome);
    }
    let (mut said, rest) = match Value::from_json(&text) {
        Ok(Value::Map(said)) => (said, String::new()),
        Ok(_) => {
            outcome.comment = "script JSON output must be a JSON object (e.g., {})!".to_owned();
            outcome.result = Some(false);
            return Ok(outcome);
        }
        Err(_) => {
            let (rest, line) = match text.trim_end().rfind('\n') {
                Some(end) => text.split_at(end),
                // Salt quirk: states/cmd.py: of a single line the last character is taken away.
                None => {
                    let end = text.char_indices().next_back().map_or(0, |(end, _)| end);
                    (text.get(..end).unwrap_or_default(), text.as_str())
                }
            };
            match pairs(line) {
                Some(said) => (said, rest.to_owned()),
                None => {
                    outcome.comment =
                        "Failed parsing script output! Stdout must be JSON or a line of name=value pairs."
                            .to_owned();
                    outcome.result = Some(false);
                    return Ok(outcome.with(ran));
                }
            }
        }
    };
    let is_json = Value::from_json(&text).is_ok();
    let changed = is_true(said.get("changed"))?;
    if let Some(comment) = said.remove("comment") {
        outcome.comment = str_of(&comment);
    }
    if changed {
        let own = said.contains("stdout");
        for (key, value) in &ran {
            said.entry(key.clone(), || value.clone());
        }
        let stdout = match said.get("stdout") {
            _ if is_json => String::new(),
            Some(stdout) if own => str_of(stdout).chars().take(rest.chars().count()).collect(),
            _ => rest,
        };
        said.insert("stdout", stdout);
        outcome.changes = said.into();
    }
    Ok(outcome)
}

fn is_true(value: Option<&Value>) -> Result<bool, Fault> {
    let text = value.map_or_else(|| "no".to_owned(), str_of);
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(Fault::exception("ValueError", format!("Failed parsing boolean value: {text}"))),
    }
}

/// `key=value` words, split as a shell does.
fn pairs(line: &str) -> Option<Map> {
    let mut said = Map::new();
    for word in words(line)? {
        let (key, value) = word.split_once('=')?;
        if value.contains('=') {
            return None;
        }
        said.insert(key, value);
    }
    Some(said)
}

fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            char if char.is_whitespace() => words.extend(word.take()),
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => word.extend(chars.next()),
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn ran(stdout: &str) -> StateReturn {
        let ran = map! { "retcode" => 0, "stdout" => stdout, "stderr" => "" };
        reinterpreted(StateReturn::new("x", Some(true), "run").with(ran)).expect("a return")
    }

    #[test]
    fn the_last_line_says_what_was_done() {
        let outcome = ran("working\nchanged=yes comment='done well' n=1");
        assert_eq!(outcome.comment, "done well");
        assert_eq!(outcome.changes.get("stdout"), Some(&"working".into()));
        assert_eq!(outcome.changes.get("n"), Some(&"1".into()));
        assert_eq!(ran("changed=no comment=fine").changes, Map::new().into());
        assert_eq!(ran("whatever it is").result, Some(false));
        assert_eq!(ran("{\"changed\": true, \"comment\": \"c\"}").comment, "c");
    }
}
