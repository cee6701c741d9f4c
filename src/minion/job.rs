//! A job as it arrives, and the return that it becomes. Salt: minion.py (`_thread_return`, `_thread_multi_return`,
//! `_prepare_return_pub`); salt-wire.md §9.2, §10.1.

use std::time::Instant;

use thiserror::Error;

use crate::loader::Returned;
use crate::log::warn;
use crate::value::{Map, Value};

/// Why a publish is no job.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JobError {
    #[error("the job has no usable '{0}'")]
    Field(&'static str),
    #[error("the job id {0:?} cannot be a file name")]
    Jid(String),
    #[error("the job names {funs} functions but has {args} lists of arguments")]
    Uneven { funs: usize, args: usize },
}

/// One function of a job with its arguments, as published.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub fun: String,
    pub arg: Vec<Value>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    One(Step),
    /// `salt '*' test.ping,test.echo ,hello`.
    Many(Vec<Step>),
}

/// A published job. Salt's `data`.
#[derive(Clone, Debug)]
pub struct Job {
    /// Safe as a file name.
    pub jid: String,
    pub work: Work,
    /// The publish load as received.
    pub load: Map,
    pub arrived: Instant,
}

impl Job {
    /// Reads a publish load.
    ///
    /// # Errors
    /// [`JobError`] names what is missing.
    pub fn parse(load: Map) -> Result<Self, JobError> {
        let jid = load.str("jid").ok_or(JobError::Field("jid"))?.to_owned();
        if jid.is_empty() || jid.len() > 128 || jid.starts_with('.') || jid.contains(['/', '\\', '\0']) {
            return Err(JobError::Jid(jid.chars().take(64).collect()));
        }
        let arg = load.get("arg").and_then(Value::as_list).ok_or(JobError::Field("arg"))?;
        let work = match load.get("fun") {
            Some(Value::Text(fun)) => Work::One(Step { fun: fun.clone(), arg: arg.to_vec() }),
            Some(Value::List(funs)) => Work::Many(steps(funs, arg)?),
            _ => return Err(JobError::Field("fun")),
        };
        Ok(Job { jid, work, load, arrived: Instant::now() })
    }

    /// The functions, joined by commas.
    pub fn funs(&self) -> String {
        match &self.work {
            Work::One(step) => step.fun.clone(),
            Work::Many(steps) => steps.iter().map(|step| step.fun.as_str()).collect::<Vec<_>>().join(","),
        }
    }
}

fn steps(funs: &[Value], args: &[Value]) -> Result<Vec<Step>, JobError> {
    if funs.len() != args.len() {
        return Err(JobError::Uneven { funs: funs.len(), args: args.len() });
    }
    let step = |(fun, arg): (&Value, &Value)| {
        let fun = fun.as_str().ok_or(JobError::Field("fun"))?.to_owned();
        let arg = arg.as_list().ok_or(JobError::Field("arg"))?.to_vec();
        Ok(Step { fun, arg })
    };
    funs.iter().zip(args).map(step).collect()
}

/// The `_return` load of a job: `{cmd, id, success, return, retcode, out?, jid, fun, fun_args, user?, …}`.
///
/// `ordered` is the option `multifunc_ordered`: results of several functions as lists instead of maps by name.
pub fn return_load(id: &str, job: &Job, results: Vec<Returned>, ordered: bool) -> Map {
    let mut load = Map::new();
    load.insert("cmd", "_return");
    load.insert("id", id);
    match &job.work {
        Work::One(_) => {
            let Some(result) = results.into_iter().next() else { return load };
            load.insert("success", result.success);
            load.insert("return", result.value);
            load.insert("retcode", result.retcode);
            if let Some(out) = result.out {
                load.insert("out", out);
            }
        }
        Work::Many(steps) => {
            let [mut values, mut retcodes, mut successes] = [(); 3].map(|()| Map::new());
            let [mut value_list, mut code_list, mut success_list] = [(); 3].map(|()| Vec::new());
            for (step, result) in steps.iter().zip(results) {
                if ordered {
                    value_list.push(result.value);
                    code_list.push(result.retcode.into());
                    success_list.push(result.success.into());
                } else {
                    values.insert(step.fun.as_str(), result.value);
                    retcodes.insert(step.fun.as_str(), result.retcode);
                    successes.insert(step.fun.as_str(), result.success);
                }
            }
            let pick = |list: Vec<Value>, map: Map| if ordered { Value::List(list) } else { Value::Map(map) };
            load.insert("return", pick(value_list, values));
            load.insert("retcode", pick(code_list, retcodes));
            load.insert("success", pick(success_list, successes));
        }
    }
    load.insert("jid", job.jid.as_str());
    for (ours, theirs) in [("fun", "fun"), ("fun_args", "arg"), ("user", "user"), ("master_id", "master_id")]
    {
        if let Some(value) = job.load.get(theirs) {
            load.insert(ours, value.clone());
        }
    }
    match job.load.get("metadata") {
        Some(metadata @ Value::Map(_)) => {
            load.insert("metadata", metadata.clone());
        }
        Some(_) => warn!("The metadata parameter must be a dictionary. Ignoring."),
        None => {}
    }
    load
}

/// The return of a job that did not come to its end.
pub fn failed_load(id: &str, job: &Job, text: &str) -> Map {
    let failed = || Returned {
        value: format!("ERROR: {text}").into(),
        retcode: 1,
        success: false,
        out: Some("nested".to_owned()),
    };
    let count = match &job.work {
        Work::One(_) => 1,
        Work::Many(steps) => steps.len(),
    };
    return_load(id, job, std::iter::repeat_with(failed).take(count).collect(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn published(fun: impl Into<Value>, arg: impl Into<Value>) -> Map {
        map! {
            "fun" => fun, "arg" => arg, "tgt" => "*", "jid" => "20260102030405678901", "ret" => "",
            "tgt_type" => "glob", "user" => "root",
        }
    }

    fn returned(value: impl Into<Value>, retcode: i64) -> Returned {
        Returned { value: value.into(), retcode, success: retcode == 0, out: None }
    }

    #[test]
    fn a_job_becomes_a_return_with_salts_keys_in_salts_order() {
        let mut load = published("test.echo", Value::list(["hi"]));
        load.insert("metadata", map! { "ticket" => 1 });
        let job = Job::parse(load).expect("a job");
        let load = return_load("web1", &job, vec![returned("hi", 0)], false);
        let expected = map! {
            "cmd" => "_return", "id" => "web1", "success" => true, "return" => "hi", "retcode" => 0,
            "jid" => "20260102030405678901", "fun" => "test.echo", "fun_args" => Value::list(["hi"]),
            "user" => "root", "metadata" => map! { "ticket" => 1 },
        };
        assert!(load.iter().eq(expected.iter()), "{load:?}");
    }

    #[test]
    fn several_functions_return_by_name_or_in_order() {
        let funs = Value::list(["test.ping", "test.echo"]);
        let args = Value::list([Value::List(vec![]), Value::list(["hello"])]);
        let job = Job::parse(published(funs, args)).expect("a job");
        let results = || vec![returned(true, 0), returned("hello", 2)];
        let load = return_load("web1", &job, results(), false);
        assert_eq!(load.get("return"), Some(&map! { "test.ping" => true, "test.echo" => "hello" }.into()));
        assert_eq!(load.get("retcode"), Some(&map! { "test.ping" => 0, "test.echo" => 2 }.into()));
        let load = return_load("web1", &job, results(), true);
        assert_eq!(load.get("success"), Some(&Value::list([true, false])));
    }

    #[test]
    fn a_publish_that_is_no_job_is_refused() {
        let check = |load: Map, expected: &str| {
            assert_eq!(Job::parse(load).expect_err("refused").to_string(), expected);
        };
        let arg = || Value::List(vec![]);
        check(published(7, arg()), "the job has no usable 'fun'");
        check(published("test.ping", "x"), "the job has no usable 'arg'");
        check(
            published(Value::list(["a.b", "c.d"]), Value::list([arg()])),
            "the job names 2 functions but has 1 lists of arguments",
        );
        for bad in ["", "../../etc/passwd", ".x", "a/b", "a\0b"] {
            let mut load = published("test.ping", arg());
            load.insert("jid", bad);
            assert!(matches!(Job::parse(load), Err(JobError::Jid(_))), "{bad:?}");
        }
    }
}
