//! `Returner`: a place beside the master that returns are brought to. Salt: the `returners` of the loader.

use super::{Context, Fault};
use crate::value::Map;

/// One returner. The minion that ran the job calls it with the whole return.
pub struct Returner {
    /// As in `salt --return NAME`.
    pub name: &'static str,
    /// Takes `{jid, id, fun, fun_args, return, retcode, success, ret_config?, ret_kwargs? …}`.
    pub save: fn(&Context, &Map) -> Result<(), Fault>,
}
