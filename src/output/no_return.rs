//! `no_return`: the notice about a minion that did not answer, in red. Salt: output/no_return.py.

use super::colors::Color;
use super::nested::sort_as_python;
use super::{OutputOptions, Outputter, Unfit, push_line};
use crate::value::{Value, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "no_return", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let mut out = String::new();
    display(value, 0, options, &mut out)?;
    Ok(out)
}

fn display(value: &Value, indent: usize, options: &OutputOptions, out: &mut String) -> Result<(), Unfit> {
    let end = Color::End.sequence(options);
    match value {
        Value::Text(text) => {
            let red = Color::Red.sequence(options);
            for line in text.split('\n') {
                push_line(out, format_args!("{red}{:indent$}{line}{end}", ""));
            }
        }
        Value::Map(map) => {
            let cyan = Color::Cyan.sequence(options);
            let mut entries: Vec<(&Value, &Value)> = map.iter().collect();
            if !sort_as_python(&mut entries) {
                return Err(Unfit { outputter: "no_return", problem: "keys of several types" });
            }
            for (key, value) in entries {
                push_line(out, format_args!("{cyan}{:indent$}{}{end}:", "", str_of(key)));
                display(value, indent + 4, options, out)?;
            }
        }
        _ => {}
    }
    Ok(())
}
