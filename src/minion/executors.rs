//! Executors: what stands between a job and its function (`module_executors`). `direct_call` calls it; `splay` waits before,
//! as long as the minion's id says, so that not all work at once. Salt: minion.py (`_execute_job_function`),
//! executors/splay.py.

use std::time::Duration;

use crate::loader::{Fault, Scope};
use crate::value::{Map, Value, repr, str_of};

/// Seconds that the calls of a fleet are spread over.
const SPLAY: i64 = 300;

/// How many different delays there are.
const PLACES: u32 = 8192;

/// Those of one call.
pub struct Executors<'a> {
    chosen: Option<&'a Value>,
    options: Option<&'a Value>,
}

impl<'a> Executors<'a> {
    /// Those of a job, or else of the options.
    pub fn of(job: &'a Map, opts: &'a Map) -> Self {
        let asked = job.get("module_executors").filter(|value| value.truthy());
        let chosen = asked.or_else(|| opts.get("module_executors")).filter(|value| !value.is_null());
        Executors { chosen, options: job.get("executor_opts").or_else(|| opts.get("executor_opts")) }
    }

    /// Whether nothing stands before the function.
    pub fn are_direct(&self) -> bool {
        let direct = |value: &Value| value.as_str() == Some("direct_call");
        self.chosen.is_none_or(|chosen| {
            direct(chosen) || chosen.as_list().is_some_and(|names| names.first().is_some_and(direct))
        })
    }

    /// Goes through them; false where none of them calls the function, and nothing is returned.
    ///
    /// # Errors
    /// For those that are not there, and options that they cannot work with.
    pub fn pass(&self, scope: &Scope<'_>) -> Result<bool, Fault> {
        if scope.opts.str("sudo_user").is_some_and(|user| !user.is_empty()) {
            return Err(Fault::NotSupported("sudo_user".to_owned()));
        }
        let names = match self.chosen {
            None => return Ok(true),
            Some(name @ Value::Text(_)) => std::slice::from_ref(name),
            Some(Value::List(names)) if !names.is_empty() => names,
            Some(other) => {
                return Err(Fault::invocation(format!(
                    "Wrong executors specification: {}. String or non-empty list expected",
                    repr(other)
                )));
            }
        };
        for name in names {
            match name.as_str() {
                Some("direct_call") => return Ok(true),
                Some("splay") => scope.host.sleep(self.delay(scope.opts)?),
                _ => return Err(Fault::invocation(format!("Executor '{}' is not available", str_of(name)))),
            }
        }
        Ok(false)
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
