//! `yaml`: one YAML document per return. Salt: output/yaml_out.py.

use super::{Indent, OutputOptions, Outputter, Unfit};
use crate::value::Value;
use crate::value::yaml::{Flow, Style, dump};

pub(super) static OUTPUTTER: Outputter = Outputter { name: "yaml", render };

fn render(value: &Value, options: &OutputOptions) -> Result<String, Unfit> {
    let style = match options.indent {
        Indent::Unset => Style::SALT,
        Indent::Spaces(spaces) if spaces < 0 => Style { flow: Flow::Always, ..Style::SALT },
        Indent::Spaces(spaces) => Style { indent: i32::try_from(spaces).unwrap_or_default(), ..Style::SALT },
        Indent::Null | Indent::Pretty | Indent::Other => {
            return Err(Unfit { outputter: "yaml", problem: "an indentation that is not a number" });
        }
    };
    Ok(dump(value, style))
}
