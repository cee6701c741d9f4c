//! `state.lint`: mistakes in a tree of SLS files, found without running it. An addition to Salt's `state`.

use super::split_input;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::state::{Mistake, lint};
use crate::value::{Value, str_of};

pub(super) fn run(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let saltenv = args.opt_str("saltenv")?.filter(|env| !env.is_empty());
    let saltenv =
        saltenv.or_else(|| cx.opts.str("saltenv").map(str::to_owned)).unwrap_or_else(|| "base".to_owned());
    let wanted = args.given("mods").map(split_input).unwrap_or_default();
    let wanted: Vec<String> = wanted.iter().map(str_of).collect();
    let as_data = match args.str("format")?.as_str() {
        "text" => false,
        "json" => true,
        other => {
            return Err(Fault::invocation(format!("the format '{other}' is not known: it is text or json")));
        }
    };
    let (mistakes, files) = lint(cx, &saltenv, &wanted)?;
    if !mistakes.is_empty() {
        cx.set_retcode(1);
    }
    Ok(if as_data {
        map! { "files" => files, "mistakes" => Value::list(mistakes.into_iter().map(data)) }.into()
    } else {
        let mut lines: Vec<String> = mistakes.iter().map(line).collect();
        lines.push(format!("{files} SLS files read, {} mistakes", mistakes.len()));
        lines.join("\n").into()
    })
}

fn data(mistake: Mistake) -> Value {
    let number = |number: u32| if number == 0 { Value::Null } else { i64::from(number).into() };
    map! {
        "sls" => mistake.sls,
        "saltenv" => mistake.saltenv,
        "file" => mistake.place.path.map_or(Value::Null, Value::from),
        "line" => number(mistake.place.line),
        "column" => number(mistake.place.column),
        "text" => mistake.text,
    }
    .into()
}

/// As compilers write it: `file:line:column: text`.
fn line(mistake: &Mistake) -> String {
    let mut line = mistake.place.path.clone().unwrap_or_else(|| mistake.sls.clone());
    for number in [mistake.place.line, mistake.place.column] {
        if number == 0 {
            break;
        }
        line.push_str(&format!(":{number}"));
    }
    format!("{line}: {}", mistake.text)
}
