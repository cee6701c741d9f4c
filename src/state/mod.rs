//! The state engine: top file, SLS files, high data, requisites, order, run. Salt: state.py.
//!
//! ```text
//! top.sls -> top::matches -> sls::Compiler -> high data -> verify, extend, requisite_in -> chunks -> Run -> results
//! ```
//!
//! Whatever it wants of the machine or of the master it asks [`Context`](crate::loader::Context) for: rendered files
//! through `render`, functions by their names, states by their rows.

mod available;
mod call;
mod check;
mod chunks;
mod declarations;
mod exclude;
mod extend;
mod high;
mod index;
mod keywords;
mod lint;
mod listen;
mod no_log;
mod outcome;
mod parallel;
mod pause;
mod requisite;
mod requisite_in;
mod retry;
mod run;
mod slots;
mod sls;
mod tag;
mod told;
mod top;
mod verify;

pub use available::Available;
pub use call::verify_chunk;
pub use chunks::{Chunks, INCLUDED_FROM, low_of};
pub use declarations::template_declarations;
pub use high::{Compiled, compile, compile_for_one, run_high};
pub use keywords::{REQUISITES, REQUISITES_IN, RUNTIME, is_internal};
pub use lint::{Mistake, lint};
pub use no_log::conceal;
pub use outcome::{all_succeeded, failure_handlers};
pub use pause::{pause_dir, pause_path};
pub use run::{Reloads, Run, RunOptions, compile_pillar};
pub use sls::Compiler;
pub use tag::{split_tag, tag};
pub use top::{TopError, matches as top_matches, merged_top, verify_top};
pub use verify::verify_high;

#[cfg(test)]
mod tests;
