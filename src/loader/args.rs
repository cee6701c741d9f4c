//! `Args`: what a function was called with, after binding.

use super::Fault;
use crate::value::{Map, Value, repr};

/// Bound arguments: every parameter has a value.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// In the order of the function's row. A state function can have sixty, most of them at their defaults: that is less
    /// to make, and faster to look through, than a map of them.
    pub(super) named: Vec<(&'static str, Value)>,
    /// What `*args` took.
    pub rest: Vec<Value>,
    /// What `**kwargs` took, `__pub_*` included.
    pub keywords: Map,
}

static NULL: Value = Value::Null;

impl Args {
    /// The value of a parameter; `Null` for a name that the row does not have.
    pub fn get(&self, name: &str) -> &Value {
        let is_it = |(own, _): &&(&str, Value)| own.len() == name.len() && *own == name;
        self.named.iter().find(is_it).map_or(&NULL, |(_, value)| value)
    }

    /// One of the further keywords; `Null` where it was not given.
    pub fn keyword(&self, name: &str) -> &Value {
        self.keywords.get(name).unwrap_or(&NULL)
    }

    /// The value of a parameter unless it is `None`.
    pub fn given(&self, name: &str) -> Option<&Value> {
        Some(self.get(name)).filter(|value| !value.is_null())
    }

    /// Python's truth of a parameter.
    pub fn truthy(&self, name: &str) -> bool {
        self.get(name).truthy()
    }

    /// Text, or the text form of a number or boolean.
    ///
    /// # Errors
    /// When the parameter is a list, a map or `None`.
    pub fn str(&self, name: &str) -> Result<String, Fault> {
        match self.get(name) {
            Value::Text(text) => Ok(text.clone()),
            value @ (Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_)) => Ok(repr(value)),
            other => Err(Fault::invocation(format!("'{name}' must be text, not {}", other.type_name()))),
        }
    }

    /// As [`Args::str`], with `None` for `None`.
    ///
    /// # Errors
    /// When the parameter is a list or a map.
    pub fn opt_str(&self, name: &str) -> Result<Option<String>, Fault> {
        if self.get(name).is_null() { Ok(None) } else { self.str(name).map(Some) }
    }

    /// An integer, or text that is one.
    ///
    /// # Errors
    /// When the parameter is neither.
    pub fn int(&self, name: &str) -> Result<i64, Fault> {
        match self.get(name) {
            Value::Int(int) => Ok(*int),
            Value::Bool(bool) => Ok(i64::from(*bool)),
            Value::Text(text) if text.trim().parse::<i64>().is_ok() => {
                Ok(text.trim().parse().unwrap_or_default())
            }
            other => Err(Fault::invocation(format!("'{name}' must be an integer, not {}", repr(other)))),
        }
    }

    /// A list; text becomes its comma-separated parts, as in much of Salt.
    ///
    /// # Errors
    /// When the parameter is neither list, text nor `None`.
    pub fn list(&self, name: &str) -> Result<Vec<Value>, Fault> {
        match self.get(name) {
            Value::Null => Ok(Vec::new()),
            Value::List(items) => Ok(items.clone()),
            Value::Text(text) => Ok(text.split(',').map(|part| part.trim().into()).collect()),
            other => Err(Fault::invocation(format!("'{name}' must be a list, not {}", other.type_name()))),
        }
    }
}
