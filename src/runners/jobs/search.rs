//! Finding jobs by what they were. Salt: runners/jobs.py (`list_jobs`).

use crate::loader::Fault;
use crate::names::Jid;
use crate::patterns::fnmatch;
use crate::value::{DateTime, Map, Value, str_of};

/// What a job has to fit; what is not truthy is not asked for.
pub(super) struct Search<'a> {
    pub metadata: &'a Value,
    pub function: &'a Value,
    pub target: &'a Value,
    pub start_time: &'a Value,
    pub end_time: &'a Value,
}

/// Times between which a job has to have begun.
pub(super) struct Range {
    from: Option<DateTime>,
    to: Option<DateTime>,
}

impl Range {
    /// Whether a job with this jid began in time.
    pub fn contains(&self, jid: &str) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        let Some(began) = Jid::parse(jid).ok().and_then(|jid| read_time(&jid.start_time())) else {
            return false;
        };
        self.from.is_none_or(|from| began >= from) && self.to.is_none_or(|to| began <= to)
    }
}

impl Search<'_> {
    /// The times.
    ///
    /// # Errors
    /// When a time cannot be understood.
    pub fn range(&self) -> Result<Range, Fault> {
        let time = |value: &Value| {
            if !value.truthy() {
                return Ok(None);
            }
            let text = str_of(value);
            read_time(&text).map(Some).ok_or_else(|| {
                let why = format!("Unknown string format: {text}");
                Fault::exception("dateutil.parser._parser.ParserError", why)
            })
        };
        Ok(Range { from: time(self.start_time)?, to: time(self.end_time)? })
    }

    /// Whether a job (as it is shown) fits all but the times.
    pub fn fits(&self, job: &Map) -> bool {
        (!self.metadata.truthy() || self.metadata_fits(job))
            && (!self.target.truthy() || any_glob(self.target, job.get("Target")))
            && (!self.function.truthy() || any_glob(self.function, job.get("Function")))
    }

    /// One of the pairs is enough.
    fn metadata_fits(&self, job: &Map) -> bool {
        let (Some(wanted), Some(own)) = (self.metadata.as_map(), job.get("Metadata").and_then(Value::as_map))
        else {
            return false;
        };
        wanted.iter().any(|(key, value)| own.get_value(key).is_some_and(|own| own.loosely_equals(value)))
    }
}

/// Whether one of the globs (a list, or text with commas) fits the text, or one of several texts.
fn any_glob(globs: &Value, texts: Option<&Value>) -> bool {
    let globs: Vec<String> = match globs {
        Value::List(globs) => globs.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(|glob| glob.trim().to_owned()).collect(),
    };
    let fits = |text: &Value| globs.iter().any(|glob| fnmatch(glob, &str_of(text)));
    match texts {
        Some(Value::List(texts)) => texts.iter().any(fits),
        Some(text) => fits(text),
        None => false,
    }
}

/// Times as people write them: `2026-01-02`, `2026-01-02 03:04[:05[.6]]`, `2026-01-02T03:04`, and Salt's own
/// `2026, Jan 02 03:04[:05[.678901]]`.
fn read_time(text: &str) -> Option<DateTime> {
    const FORMATS: &[&str] = &[
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y, %b %d %H:%M:%S%.f",
        "%Y, %b %d %H:%M",
    ];
    let text = text.trim();
    if let Some(time) = FORMATS.iter().find_map(|format| DateTime::strptime(format, text).ok()) {
        return Some(time);
    }
    let day =
        ["%Y-%m-%d", "%Y, %b %d"].iter().find_map(|format| jiff::civil::Date::strptime(format, text).ok())?;
    Some(day.to_datetime(jiff::civil::Time::midnight()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn times_are_read_as_people_write_them() {
        for text in [
            "2026-01-02 03:04",
            "2026-01-02T03:04:00",
            "2026, Jan 02 03:04:00.000000",
            "2026, Jan 02 03:04",
            " 2026-01-02 03:04:00.0 ",
        ] {
            assert_eq!(read_time(text), Some("2026-01-02T03:04:00".parse().expect("a time")), "{text}");
        }
        assert_eq!(read_time("2026-01-02"), Some("2026-01-02T00:00:00".parse().expect("a time")));
        assert_eq!(read_time("yesterday"), None);
    }

    #[test]
    fn a_job_has_to_fit_every_search() {
        let job = map! {
            "Function" => Value::list(["test.ping", "cmd.run"]), "Target" => "web*", "Metadata" => map! { "a" => 1 },
        };
        let fits = |metadata: Value, function: Value, target: Value| {
            let null = Value::Null;
            let search = Search {
                metadata: &metadata,
                function: &function,
                target: &target,
                start_time: &null,
                end_time: &null,
            };
            search.fits(&job)
        };
        assert!(fits(Value::Null, Value::Null, Value::Null));
        assert!(fits(map! { "a" => 1, "b" => 2 }.into(), "pkg.*, cmd.*".into(), Value::list(["db", "web?"])));
        assert!(!fits(map! { "a" => 2 }.into(), Value::Null, Value::Null));
        assert!(!fits(Value::Null, "pkg.*".into(), Value::Null));
        assert!(!fits("a".into(), Value::Null, Value::Null));
    }
}
