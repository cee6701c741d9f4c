//! `txt`: every line of a return behind the name of its minion. Salt: output/txt.py.

use super::{OutputOptions, Outputter, Unfit, push_line, python_pformat, python_splitlines};
use crate::value::{Value, repr, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "txt", render };

fn render(value: &Value, _: &OutputOptions) -> Result<String, Unfit> {
    let mut out = String::new();
    match value {
        Value::Map(map) => {
            for (key, value) in map {
                let key = str_of(key);
                match value {
                    Value::Text(text) => {
                        for line in python_splitlines(text) {
                            push_line(&mut out, format_args!("{key}: {line}"));
                        }
                    }
                    Value::Bytes(bytes) => {
                        for line in byte_lines(bytes) {
                            let line = Value::Bytes(bytes.slice_ref(line).into());
                            push_line(&mut out, format_args!("{key}: {}", repr(&line)));
                        }
                    }
                    other => push_line(&mut out, format_args!("{key}: {}", str_of(other))),
                }
            }
        }
        Value::Text(text) => push_line(&mut out, format_args!("{text}")),
        other => push_line(&mut out, format_args!("{}", python_pformat(other, 1))),
    }
    Ok(out)
}

/// `bytes.splitlines`: LF, CR and CRLF only.
fn byte_lines(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(at) = rest.iter().position(|octet| matches!(octet, b'\n' | b'\r')) {
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        lines.push(&rest[..at]);
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}
