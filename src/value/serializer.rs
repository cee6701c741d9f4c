//! Data as YAML and JSON, with the options that Python's libraries take. Salt: serializers/yaml.py, serializers/json.py.

use super::{JsonStyle, Map, Value, str_of, yaml};

/// YAML without the end of its last line.
///
/// # Errors
/// The name of an option that is not known here.
pub fn to_yaml(data: &Value, options: &Map, unicode: bool) -> Result<String, String> {
    let mut style = yaml::Style { allow_unicode: unicode, ..yaml::Style::PYYAML };
    for (option, value) in options {
        let number = || value.as_int().and_then(|number| i32::try_from(number).ok());
        match option.as_str().unwrap_or_default() {
            "default_flow_style" => {
                style.flow = match value {
                    Value::Null => yaml::Flow::Leaves,
                    value if value.truthy() => yaml::Flow::Always,
                    _ => yaml::Flow::Never,
                }
            }
            "sort_keys" => style.sort_keys = value.truthy(),
            "allow_unicode" => style.allow_unicode = value.truthy(),
            "explicit_start" => style.explicit_start = value.truthy(),
            "explicit_end" => style.explicit_end = value.truthy(),
            "indent" => style.indent = number().unwrap_or(style.indent),
            "width" => style.width = number().unwrap_or(style.width),
            _ => return Err(str_of(option)),
        }
    }
    let text = yaml::dump(data, style);
    let text = text.strip_suffix("\n...\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    Ok(text.to_owned())
}

/// JSON; `style` is what holds where the options do not say otherwise.
///
/// # Errors
/// The name of an option that is not known here.
pub fn to_json(data: &Value, options: &Map, mut style: JsonStyle) -> Result<String, String> {
    for (option, value) in options {
        match option.as_str().unwrap_or_default() {
            "indent" => style.indent = value.as_int().and_then(|indent| usize::try_from(indent).ok()),
            "sort_keys" => style.sort_keys = value.truthy(),
            "ensure_ascii" => style.ensure_ascii = value.truthy(),
            "separators" => {
                let separators: Vec<String> = value.as_list().into_iter().flatten().map(str_of).collect();
                style.compact = match separators.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    [",", ":"] => true,
                    [",", ": "] | [", ", ": "] => false,
                    _ => return Err(str_of(option)),
                };
            }
            _ => return Err(str_of(option)),
        }
    }
    Ok(data.to_json(style))
}
