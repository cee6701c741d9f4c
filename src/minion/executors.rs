//! Executors: what stands between a job and its function (`module_executors`). `direct_call` calls it; `splay` waits before,
//! as long as the minion's id says, so that not all work at once; `sudo` has a `salt-call` of another user call it. Salt:
//! minion.py (`_execute_job_function`), executors/splay.py, executors/sudo.py.

use std::time::Duration;

use super::scheduled::SCHEDULE;
use crate::host::which;
use crate::loader::{Call, Context, Fault};
use crate::value::{Map, Value, repr, str_of};

/// Seconds that the calls of a fleet are spread over.
const SPLAY: i64 = 300;

/// The program that calls the function.
const CALLER: &str = "salt-call";

/// How many different delays there are.
const PLACES: u32 = 8192;

/// States that run as another user, who knows nothing of the runs of others.
const CONCURRENT: [&str; 3] = ["state.sls", "state.highstate", "state.apply"];

/// Those of one call.
pub struct Executors<'a> {
    chosen: Option<&'a Value>,
    options: Option<&'a Value>,
    /// `sudo` stands in the place of the last one, as a minion's option `sudo_user` wishes it.
    sudo: bool,
}

impl<'a> Executors<'a> {
    /// Those of a job, or else of the options; a scheduled job has none.
    pub fn of(job: &'a Map, opts: &'a Map) -> Self {
        if job.contains(SCHEDULE) {
            return Executors { chosen: None, options: None, sudo: false };
        }
        let asked = job.get("module_executors").filter(|value| value.truthy());
        let chosen = asked.or_else(|| opts.get("module_executors")).filter(|value| !value.is_null());
        let options = job.get("executor_opts").or_else(|| opts.get("executor_opts"));
        // The `salt-call` that is called through sudo has the same options.
        let sudo = sudo_user(opts).is_some() && !opts.contains("caller");
        Executors { chosen, options, sudo }
    }

    /// Whether nothing stands before the function.
    pub fn are_direct(&self) -> bool {
        let direct = |value: &Value| value.as_str() == Some("direct_call");
        let chosen = self.chosen.is_none_or(|chosen| {
            direct(chosen) || chosen.as_list().is_some_and(|names| names.first().is_some_and(direct))
        });
        chosen && !self.sudo
    }

    /// Goes through them, as they stand before the function `fun`. What one of them has in the function's place, or
    /// `None` where it is to be called.
    ///
    /// # Errors
    /// For those that are not there, and options that they cannot work with.
    pub fn pass(&self, cx: &Context<'_>, fun: &str, call: &mut Call) -> Result<Option<Value>, Fault> {
        let direct = Value::from("direct_call");
        let names = match self.chosen {
            None => std::slice::from_ref(&direct),
            Some(name @ Value::Text(_)) => std::slice::from_ref(name),
            Some(Value::List(names)) if !names.is_empty() => names,
            Some(other) => {
                return Err(Fault::invocation(format!(
                    "Wrong executors specification: {}. String or non-empty list expected",
                    repr(other)
                )));
            }
        };
        let last = names.len() - 1;
        for (place, name) in names.iter().enumerate() {
            let name = if self.sudo && place == last { "sudo" } else { &*str_of(name) };
            let sudo = || Some((sudo_user(cx.opts)?, which("sudo", &path(cx))?));
            match (name, sudo()) {
                ("direct_call", _) => return Ok(None),
                ("splay", _) => cx.host.sleep(self.delay(cx.opts)?),
                ("sudo", Some((user, _))) => {
                    let value = call_as(cx, user, fun, call)?;
                    if !value.is_null() {
                        return Ok(Some(value));
                    }
                }
                _ => return Err(Fault::invocation(format!("Executor '{name}' is not available"))),
            }
        }
        Ok(Some(Value::Null))
    }

    fn delay(&self, opts: &Map) -> Result<Duration, Fault> {
        let own = self.options.and_then(|options| options.get("splaytime"));
        let over = own.or_else(|| opts.get("splaytime")).cloned().unwrap_or(SPLAY.into());
        let Some(seconds) = over.as_float() else {
            let kind = over.type_name();
            return Err(Fault::Type(format!("'<=' not supported between instances of '{kind}' and 'int'")));
        };
        if seconds <= 0.0 {
            return Err(Fault::exception("ValueError", "splaytime must be a positive integer"));
        }
        let place = f64::from(hash(opts.str("id").unwrap_or_default()) % PLACES);
        let delay = (seconds * place / f64::from(PLACES)).trunc();
        Ok(Duration::try_from_secs_f64(delay).unwrap_or(Duration::MAX))
    }
}

fn sudo_user(opts: &Map) -> Option<&str> {
    opts.str("sudo_user").filter(|user| !user.is_empty())
}

fn path(cx: &Context<'_>) -> String {
    cx.host.env("PATH").unwrap_or_default()
}

/// Has the function called by `sudo -u USER salt-call`: its value and its retcode, or what the program complains of.
fn call_as(cx: &Context<'_>, user: &str, fun: &str, call: &mut Call) -> Result<Value, Fault> {
    if CONCURRENT.contains(&fun) {
        call.kwargs.insert("concurrent", true);
    }
    let dir = cx.opt_str("config_dir");
    let options = [CALLER, "--priv", user, "--out", "json", "--metadata", "-c", dir, "--", fun];
    // Where Salt's name is no program, this one is.
    let own = which(CALLER, &path(cx)).is_none().then(std::env::current_exe);
    let own = own.and_then(Result::ok).map(|own| own.display().to_string());
    let begin = ["sudo", "-u", user].into_iter().chain(own.as_deref()).chain(options);
    let mut words: Vec<String> = begin.map(str::to_owned).collect();
    words.extend(call.args.iter().map(str_of));
    words.extend(call.kwargs.iter().map(|(key, value)| format!("{}={}", str_of(key), str_of(value))));
    let mut ran = Call { args: vec![Value::list(words)], ..Call::default() };
    ran.kwargs.insert("python_shell", false);
    ran.kwargs.insert("rstrip", false);
    let ran = cx.call("cmd.run_all", ran)?;
    let text = |name: &str| ran.get(name).and_then(Value::as_str).unwrap_or_default();
    let retcode = ran.get("retcode").and_then(Value::as_int).unwrap_or(1);
    if retcode != 0 {
        cx.set_retcode(retcode);
        return Ok(text("stderr").into());
    }
    let told = Value::from_json(text("stdout"))
        .map_err(|error| Fault::exception("json.decoder.JSONDecodeError", error.to_string()))?;
    let told = told.get("local").cloned().unwrap_or_default();
    cx.set_retcode(told.get("retcode").and_then(Value::as_int).unwrap_or_default());
    told.get("return").cloned().ok_or_else(|| Fault::exception("KeyError", "'return'"))
}

/// Jenkins' one-at-a-time hash.
fn hash(text: &str) -> u32 {
    let mut hash = text.bytes().fold(0_u32, |hash, octet| {
        let hash = hash.wrapping_add(u32::from(octet));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ (hash >> 6)
    });
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    /// What `_calc_splay(300)` of 3006.25 gives for these ids.
    #[test]
    fn a_minion_waits_as_long_as_its_id_says() {
        for (id, expected) in WAITS {
            let (job, opts) = (Map::new(), map! { "id" => *id });
            let delay = Executors::of(&job, &opts).delay(&opts).expect("a delay");
            assert_eq!(delay, Duration::from_secs(*expected), "{id}");
        }
        for (over, told) in [
            (Value::from("x"), "'<=' not supported between instances of 'str' and 'int'"),
            (0.into(), "ValueError: splaytime must be a positive integer"),
        ] {
            let job = map! { "executor_opts" => map! { "splaytime" => over } };
            let refused = Executors::of(&job, &Map::new()).delay(&Map::new());
            assert_eq!(refused.expect_err("refused").to_string(), told);
        }
    }

    const WAITS: &[(&str, u64)] = &[
        ("a", 189),
        ("minion-a", 295),
        ("web1.example.com", 156),
        ("grüße", 261),
        ("", 0),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 42),
    ];
}
