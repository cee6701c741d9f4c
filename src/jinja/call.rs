//! Arguments of a call, and Python's rules for binding them to names.

use std::rc::Rc;

use super::fault::{Fault, Res};
use super::val::Val;

/// Arguments as they were given.
#[derive(Clone, Default)]
pub(super) struct Args {
    pub pos: Vec<Val>,
    pub kw: Vec<(Rc<str>, Val)>,
}

impl Args {
    pub(super) fn of(pos: Vec<Val>) -> Self {
        Args { pos, kw: Vec::new() }
    }

    /// Takes a keyword argument out.
    pub(super) fn take(&mut self, name: &str) -> Option<Val> {
        let at = self.kw.iter().position(|(key, _)| &**key == name)?;
        Some(self.kw.remove(at).1)
    }

    /// The arguments in the order of `params`; the first `required` of them have to be there.
    ///
    /// # Errors
    /// With the text of Python's `TypeError` for `function`.
    pub(super) fn bind<const N: usize>(
        self,
        function: &str,
        params: [&str; N],
        required: usize,
    ) -> Res<[Option<Val>; N]> {
        let mut bound: [Option<Val>; N] = std::array::from_fn(|_| None);
        self.bind_to(function, &params, required, &mut bound)?;
        Ok(bound)
    }

    /// The same for any number of parameters: one copy of it for all.
    fn bind_to(self, function: &str, params: &[&str], required: usize, bound: &mut [Option<Val>]) -> Res<()> {
        let (given, most) = (self.pos.len(), params.len());
        if given > most {
            let takes = if required < most { format!("from {required} to {most}") } else { most.to_string() };
            let plural = if required < most || most != 1 { "s" } else { "" };
            let were = if given == 1 { "was" } else { "were" };
            return Err(Fault::other(format!(
                "{function}() takes {takes} positional argument{plural} but {given} {were} given"
            )));
        }
        for (slot, val) in bound.iter_mut().zip(self.pos) {
            *slot = Some(val);
        }
        for (name, val) in self.kw {
            let index = params.iter().position(|param| *param == &*name);
            let Some(slot) = index.and_then(|index| bound.get_mut(index)) else {
                return Err(Fault::other(format!(
                    "{function}() got an unexpected keyword argument '{name}'"
                )));
            };
            if slot.is_some() {
                return Err(Fault::other(format!("{function}() got multiple values for argument '{name}'")));
            }
            *slot = Some(val);
        }
        let needed = params.iter().zip(bound.iter()).take(required);
        let missing: Vec<String> =
            needed.filter(|(_, slot)| slot.is_none()).map(|(param, _)| format!("'{param}'")).collect();
        if !missing.is_empty() {
            return Err(missing_arguments(function, &missing));
        }
        Ok(())
    }
}

fn missing_arguments(function: &str, missing: &[String]) -> Fault {
    let names = match missing {
        [only] => only.clone(),
        [a, b] => format!("{a} and {b}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
        [] => String::new(),
    };
    let plural = if missing.len() == 1 { "" } else { "s" };
    Fault::other(format!(
        "{function}() missing {} required positional argument{plural}: {names}",
        missing.len()
    ))
}

/// A required argument that has been bound.
pub(super) fn given(slot: Option<Val>) -> Val {
    slot.unwrap_or(Val::None)
}

/// An integer argument, or what it is when it is left out.
pub(super) fn int(slot: Option<Val>, default: i64) -> Res<i64> {
    match slot {
        None => Ok(default),
        Some(Val::Undefined(undefined)) => Err(undefined.fault()),
        Some(val) => val.as_index().ok_or_else(|| {
            Fault::other(format!("'{}' object cannot be interpreted as an integer", val.type_name()))
        }),
    }
}

/// The truth of an argument, or what it is when it is left out.
pub(super) fn flag(slot: Option<Val>, default: bool) -> Res<bool> {
    slot.map_or(Ok(default), |val| val.truthy())
}
