//! Calling with Python's rules: which argument goes to which parameter, and what is said when one does not fit.
//! Salt: minion.py (`load_args_and_kwargs`), CPython's call errors.

use super::{Args, Fault, Function, Param};
use crate::value::{Map, Value, str_of, yaml};

/// Arguments before binding.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub args: Vec<Value>,
    pub kwargs: Map,
}

impl Call {
    /// Positional arguments only.
    pub fn positional(args: impl IntoIterator<Item = Value>) -> Self {
        Call { args: args.into_iter().collect(), kwargs: Map::new() }
    }

    /// Takes the maps with `__kwarg__: true` out of arguments, and gives what they hold. Of others that key alone is taken,
    /// as in Salt.
    pub fn take_keywords(args: &mut Vec<Value>) -> Map {
        let mut keywords = Map::new();
        args.retain_mut(|item| {
            let Value::Map(map) = item else { return true };
            let marked = map.remove("__kwarg__") == Some(Value::Bool(true));
            if marked {
                keywords.extend(std::mem::take(map));
            }
            !marked
        });
        keywords
    }

    /// Separates a published `arg` list: maps with `__kwarg__: true` hold keyword arguments, and so do words such as
    /// `key=value` that the command line left alone.
    ///
    /// # Errors
    /// When the function takes no such keyword.
    pub fn from_published(function: &Function, arg: &[Value], published: &Map) -> Result<Self, Fault> {
        let mut call = Call::default();
        let mut invalid = Vec::new();
        let open = function.params.iter().any(Param::is_open);
        let mut keyword = |call: &mut Call, key: &Value, value: &Value| {
            if open || key.as_str().is_some_and(|key| takes(function.params, key)) {
                call.kwargs.insert(key.clone(), value.clone());
            } else {
                invalid.push(format!("{}={}", str_of(key), str_of(value)));
            }
        };
        for item in arg {
            match item {
                Value::Map(map) if map.get("__kwarg__") == Some(&Value::Bool(true)) => {
                    for (key, value) in map {
                        if key.as_str() != Some("__kwarg__") {
                            keyword(&mut call, key, value);
                        }
                    }
                }
                Value::Text(word) => match yaml::parse_kwarg(word) {
                    Some((key, value)) => keyword(&mut call, &key.into(), &yaml::yamlify_arg(value)),
                    None => call.args.push(item.clone()),
                },
                other => call.args.push(other.clone()),
            }
        }
        if !invalid.is_empty() {
            return Err(not_valid(&invalid));
        }
        if open {
            for (key, value) in published {
                call.kwargs.insert(format!("__pub_{}", str_of(key)), value.clone());
            }
        }
        Ok(call)
    }
}

/// Salt: utils/args.py (`invalid_kwargs`).
fn not_valid(words: &[String]) -> Fault {
    Fault::invocation(format!("The following keyword arguments are not valid: {}", words.join(", ")))
}

fn takes(params: &[Param], name: &str) -> bool {
    params.iter().any(|param| match param {
        Param::Required(own) | Param::Optional(own, _) => *own == name,
        Param::Rest(_) | Param::Keywords(_) | Param::Only(_) => false,
    })
}

/// Gives every parameter of `function` its value.
///
/// # Errors
/// [`Fault::Type`] with CPython's words where the arguments do not fit.
pub fn bind(function: &Function, call: Call) -> Result<Args, Fault> {
    bind_params(function.name, function.params, call)
}

/// [`bind`] for anything that has a name and parameters.
pub(super) fn bind_params(name: &str, params: &[Param], call: Call) -> Result<Args, Fault> {
    let positional: Vec<&Param> =
        params.iter().filter(|param| matches!(param, Param::Required(_) | Param::Optional(..))).collect();
    let mut args = Args::default();
    let given = call.args.len();
    let mut values = call.args.into_iter();
    let mut named: Vec<Option<Value>> = values.by_ref().take(positional.len()).map(Some).collect();
    named.resize_with(positional.len(), || None);
    let extra: Vec<Value> = values.collect();
    if params.iter().any(|param| matches!(param, Param::Rest(_))) {
        args.rest = extra;
    } else if !extra.is_empty() {
        return Err(Fault::Type(too_many(name, &positional, given)));
    }
    let open = params.iter().any(Param::is_open);
    for (key, value) in call.kwargs {
        let place = key.as_str().and_then(|key| positional.iter().position(|param| param.is(key)));
        match place.and_then(|place| named.get_mut(place)) {
            Some(Some(_)) => {
                let key = str_of(&key);
                return Err(Fault::Type(format!("{name}() got multiple values for argument '{key}'")));
            }
            Some(own) => *own = Some(value),
            None if open => {
                args.keywords.insert(key, value);
            }
            None => {
                return Err(Fault::Type(format!(
                    "{name}() got an unexpected keyword argument '{}'",
                    str_of(&key)
                )));
            }
        }
    }
    let mut missing = Vec::new();
    args.named.reserve_exact(positional.len());
    for (param, value) in positional.into_iter().zip(named) {
        let value = match (value, param) {
            (Some(value), _) => value,
            (None, Param::Optional(_, default)) => default.value(),
            (None, _) => {
                missing.push(param.name());
                continue;
            }
        };
        args.named.push((param.name(), value));
    }
    if !missing.is_empty() {
        return Err(Fault::Type(missing_text(name, &missing)));
    }
    for names in params.iter().filter_map(Param::only) {
        let fits = |key: &str| key.starts_with("__") || names.contains(&key);
        let others = args.keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(fits));
        let others: Vec<String> =
            others.map(|(key, value)| format!("{}={}", str_of(key), str_of(value))).collect();
        if !others.is_empty() {
            return Err(not_valid(&others));
        }
    }
    Ok(args)
}

fn too_many(name: &str, positional: &[&Param], given: usize) -> String {
    let most = positional.len();
    let least = positional.iter().filter(|param| matches!(param, Param::Required(_))).count();
    let were = if given == 1 { "was" } else { "were" };
    if least == most {
        let plural = if most == 1 { "" } else { "s" };
        format!("{name}() takes {most} positional argument{plural} but {given} {were} given")
    } else {
        format!("{name}() takes from {least} to {most} positional arguments but {given} {were} given")
    }
}

fn missing_text(name: &str, missing: &[&str]) -> String {
    let quoted: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
    let listed = match quoted.as_slice() {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        [] => String::new(),
    };
    let plural = if missing.len() == 1 { "" } else { "s" };
    format!("{name}() missing {} required positional argument{plural}: {listed}", missing.len())
}
