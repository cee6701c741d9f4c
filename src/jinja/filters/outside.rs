//! Filters that look at the machine: only the surroundings can answer them.

use super::super::call::Args;
use super::super::convert::{from_value, to_value};
use super::super::fault::{Fault, Res};
use super::super::run::Run;
use super::super::val::Val;
use crate::value::Map;

fn ask(run: &mut Run<'_>, name: &str, args: Args) -> Res<Val> {
    let pos = args.pos.iter().map(to_value).collect::<Res<Vec<_>>>()?;
    let mut kw = Map::new();
    for (key, val) in &args.kw {
        kw.insert(&**key, to_value(val)?);
    }
    match run.around.outside(name, &pos, &kw) {
        Some(Ok(value)) => Ok(from_value(&value)),
        Some(Err(problem)) => Err(Fault::other(problem)),
        None => Err(Fault::other(format!("the filter '{name}' is not supported here"))),
    }
}

macro_rules! outside {
    ($($name:ident),*) => {$(
        pub(super) fn $name(run: &mut Run<'_>, args: Args) -> Res<Val> {
            ask(run, stringify!($name), args)
        }
    )*};
}

outside!(
    dns_check,
    file_hashsum,
    get_uid,
    http_query,
    is_bin_file,
    is_empty,
    is_text_file,
    list_files,
    which
);
