//! High data from beginning to end: extended, verified, compiled, run. Salt: state.py (`call_high`,
//! `compile_low_chunks`).

use super::chunks::low_of;
use super::exclude::apply_exclude;
use super::extend::reconcile_extend;
use super::requisite_in::requisite_in;
use super::run::Run;
use super::verify::verify_high;
use crate::loader::Fault;
use crate::value::{Map, Value, str_of};

/// Chunks in order, or every mistake that was found.
pub type Compiled = Result<Vec<Map>, Vec<String>>;

/// High data with its extensions and requisites put in place, as chunks. `errors` are mistakes that are known already.
pub fn compile(
    mut high: Map,
    opts: &Map,
    orchestration_jid: Option<&Value>,
    mut errors: Vec<String>,
) -> Compiled {
    errors.extend(reconcile_extend(&mut high, false));
    errors.extend(verify_high(&high));
    if !errors.is_empty() {
        return Err(errors);
    }
    errors.extend(requisite_in(&mut high, &disabled(opts)));
    apply_exclude(&mut high);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(low_of(high, orchestration_jid))
}

/// The same for a run of single states, as `state.sls_id` does it: `extend` of SLS files is left out.
pub fn compile_for_one(mut high: Map, opts: &Map, mut errors: Vec<String>) -> Compiled {
    errors.extend(verify_high(&high));
    errors.extend(requisite_in(&mut high, &disabled(opts)));
    if errors.is_empty() { Ok(low_of(high, None)) } else { Err(errors) }
}

/// Requisites that the option `disabled_requisites` takes away.
pub(super) fn disabled(opts: &Map) -> Vec<String> {
    match opts.get("disabled_requisites") {
        Some(Value::List(names)) => names.iter().map(str_of).collect(),
        Some(Value::Text(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// Runs high data: `{tag: return}`, or a list of mistakes.
///
/// # Errors
/// As [`Run::call_chunks`].
pub fn run_high(run: &mut Run<'_, '_>, high: Map, orchestration_jid: Option<&Value>) -> Result<Value, Fault> {
    let chunks = match compile(high, run.cx.opts, orchestration_jid, Vec::new()) {
        Ok(chunks) => chunks,
        Err(errors) => return Ok(Value::list(errors)),
    };
    let after =
        chunks.iter().any(|low| ["listen", "listen_in", "beacon"].iter().any(|key| low.contains(key)));
    let kept = if after { chunks.clone() } else { Vec::new() };
    let mut results = run.call_chunks(chunks)?;
    run.call_listen(&kept, &mut results)?;
    run.call_beacons(&kept, &mut results)?;
    Ok(results.into())
}
