//! External pillars: values from programs, directories, and web servers. Salt: pillar/*.py (`ext_pillar`).
//!
//! A row is a function of `(minion_id, pillar, …)`, called with what the option `ext_pillar` gives it, by Python's
//! rules for arguments; it returns a map.

mod cmd;
mod extra;
mod file_tree;
mod http;
mod nodegroups;
mod stack;

use crate::loader::Function;

/// Every external pillar, in alphabetical order.
pub static ALL: &[Function] =
    &[cmd::JSON, cmd::YAML, extra::ROW, file_tree::ROW, http::JSON, http::YAML, nodegroups::ROW, stack::ROW];
