//! One state run at a time. Salt: modules/state.py (`running`, `_check_queue`).

use std::time::Duration;

use crate::loader::{Call, Context};
use crate::names::Jid;
use crate::value::{Map, Value, str_of};

/// State functions that other jobs are running: `{fun, jid, pid …}`.
fn active(cx: &Context) -> Vec<Map> {
    let own = cx.published.get("jid").map(str_of);
    let pid = i64::from(cx.host.pid());
    let call = Call::positional(["state.*".into()]);
    let Ok(Value::List(jobs)) = cx.call("saltutil.is_running", call) else { return Vec::new() };
    jobs.into_iter()
        .filter_map(|job| match job {
            Value::Map(job) => Some(job),
            _ => None,
        })
        .filter(|job| {
            job.get("jid").map(str_of) != own && job.get("pid").and_then(Value::as_int) != Some(pid)
        })
        .collect()
}

/// A text for each of them.
pub(super) fn conflicts(cx: &Context) -> Vec<String> {
    active(cx)
        .iter()
        .map(|job| {
            let text = |key: &str| job.get(key).map(str_of).unwrap_or_default();
            let jid = text("jid");
            let began = Jid::parse(&jid).map(|jid| jid.start_time()).unwrap_or_default();
            format!(
                "The function \"{}\" is running as PID {} and was started at {began} with jid {jid}",
                text("fun"),
                text("pid")
            )
        })
        .collect()
}

/// Jobs that were there before this one.
fn prior(cx: &Context) -> usize {
    let own = cx.published.get("jid").map(str_of);
    let earlier =
        |job: &Map| own.as_ref().is_none_or(|own| job.get("jid").map(str_of).is_some_and(|jid| jid < *own));
    active(cx).iter().filter(|job| earlier(job)).count()
}

/// Waits for others where `queue` or the option `state_queue` say so, at most behind that many; the texts to return
/// where this run is not to be.
pub(super) fn refused(cx: &Context, kwargs: &Map) -> Option<Value> {
    let queue = kwargs.get("queue").or_else(|| cx.opts.get("state_queue")).cloned().unwrap_or_default();
    let most = match queue {
        Value::Bool(true) => Some(usize::MAX),
        Value::Int(most) => usize::try_from(most).ok().map(|most| if most == 0 { usize::MAX } else { most }),
        _ => None,
    };
    if let Some(most) = most
        && prior(cx) < most
    {
        while prior(cx) > 0 {
            cx.host.sleep(Duration::from_secs(1));
        }
        return None;
    }
    if kwargs.get("concurrent").is_some_and(Value::truthy) {
        return None;
    }
    let conflicts = conflicts(cx);
    if conflicts.is_empty() {
        return None;
    }
    cx.set_retcode(1);
    Some(Value::list(conflicts))
}
