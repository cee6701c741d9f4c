//! `overstatestage`: a list of stages, each a map of names to what they are made of. Salt: output/overstatestage.py.

use super::colors::Color;
use super::nested::sort_as_python;
use super::{OutputOptions, Outputter, Unfit, push_line};
use crate::value::{Value, str_of};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "overstatestage", render };

const fn unfit(problem: &'static str) -> Unfit {
    Unfit { outputter: "overstatestage", problem }
}

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let stages = match value {
        Value::List(stages) => stages.as_slice(),
        Value::Map(_) | Value::Text(_) if !value.truthy() => &[],
        _ => return Err(unfit("anything but a list")),
    };
    let (blue, end) = (Color::LightBlue.sequence(options), Color::End.sequence(options));
    let mut out = String::new();
    for stage in stages {
        for (name, parts) in stage.as_map().ok_or(unfit("stages that are no maps"))? {
            push_line(&mut out, format_args!("{blue}{}: {end}", str_of(name)));
            let mut parts: Vec<_> = parts.as_map().ok_or(unfit("a stage without parts"))?.iter().collect();
            if !sort_as_python(&mut parts) {
                return Err(unfit("keys of several types"));
            }
            for (key, part) in parts {
                push_line(&mut out, format_args!("    {blue}{}: {}{end}", str_of(key), str_of(part)));
            }
        }
    }
    Ok(out)
}
