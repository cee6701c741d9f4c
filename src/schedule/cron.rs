//! `Cron`: the five fields of a crontab line, or one of its names (`@daily`), and when it is next. Salt uses croniter:
//! names of months and days, lists, ranges and steps; day of month and day of week both restricted mean either.

use jiff::civil::Weekday;
use jiff::{Span, ToSpan as _};

use crate::value::DateTime;

/// When a crontab line fires: a bit for each minute, hour, day, month and day of the week (0 is Sunday).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both kinds of days are restricted: either is enough.
    either_day: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A February 29 on a certain weekday comes within this many days.
const FARTHEST_DAY: i32 = 366 * 41;

impl Cron {
    /// Reads a line; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text.trim().to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *".to_owned(),
            "@monthly" => "0 0 1 * *".to_owned(),
            "@weekly" => "0 0 * * 0".to_owned(),
            "@daily" | "@midnight" => "0 0 * * *".to_owned(),
            "@hourly" => "0 * * * *".to_owned(),
            other => other.to_owned(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else { return None };
        let mut week = field(weekdays, 0, 7, &DAYS, 0)?;
        if week & (1 << 7) != 0 {
            week = (week | 1) & !(1 << 7);
        }
        Some(Cron {
            minutes: field(minutes, 0, 59, &[], 0)?,
            hours: field(hours, 0, 23, &[], 0)?,
            days: field(days, 1, 31, &[], 0)?,
            months: field(months, 1, 12, &MONTHS, 1)?,
            weekdays: week,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }

    /// The first time after `now`; `None` where there is none in decades (`30 2 *`).
    pub fn next_after(&self, now: DateTime) -> Option<DateTime> {
        let whole = now.date().at(now.hour(), now.minute(), 0, 0);
        let mut at = whole.checked_add(1.minute()).ok()?;
        for _ in 0..FARTHEST_DAY {
            if !self.has_day(at) {
                at = midnight_after(at)?;
                continue;
            }
            match self.time_of_day(at) {
                Some((hour, minute)) => return Some(at.date().at(hour, minute, 0, 0)),
                None => at = midnight_after(at)?,
            }
        }
        None
    }

    fn has_day(&self, at: DateTime) -> bool {
        let day = bit(self.days, at.day());
        let weekday = bit(self.weekdays, at.weekday().since(Weekday::Sunday));
        bit(self.months, at.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first hour and minute of the day, not before `at`.
    fn time_of_day(&self, at: DateTime) -> Option<(i8, i8)> {
        for hour in at.hour()..24 {
            if !bit(self.hours, hour) {
                continue;
            }
            let from = if hour == at.hour() { at.minute() } else { 0 };
            if let Some(minute) = (from..60).find(|minute| bit(self.minutes, *minute)) {
                return Some((hour, minute));
            }
        }
        None
    }
}

fn bit(bits: u64, place: i8) -> bool {
    u32::try_from(place).is_ok_and(|place| bits.checked_shr(place).is_some_and(|bits| bits & 1 == 1))
}

fn midnight_after(at: DateTime) -> Option<DateTime> {
    let day: Span = 1.day();
    Some(at.date().checked_add(day).ok()?.at(0, 0, 0, 0))
}

/// The bits of one field: parts with commas between them, each `*`, `n`, `n-m`, any of them with `/step`.
fn field(text: &str, low: u32, high: u32, names: &[&str], first_name: u32) -> Option<u64> {
    let number = |word: &str| -> Option<u32> {
        let named = names.iter().position(|name| *name == word);
        let number = match named {
            Some(place) => u32::try_from(place).ok()? + first_name,
            None => word.parse().ok()?,
        };
        (low..=high).contains(&number).then_some(number)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/15` is `5-59/15`.
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            // `fri-mon` goes over the end.
            (from..=high).chain(low..=to).step_by(usize::try_from(step).ok()?).for_each(|n| bits |= 1 << n);
        } else {
            (from..=to).step_by(usize::try_from(step).ok()?).for_each(|n| bits |= 1 << n);
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, now: &str, expected: Option<&str>) {
        let next = Cron::parse(line).expect("a line").next_after(now.parse().expect("a time"));
        assert_eq!(next, expected.map(|time| time.parse().expect("a time")), "{line} after {now}");
    }

    #[test]
    fn lines_fire_when_croniter_says() {
        check("*/15 * * * *", "2026-11-25T17:19:40", Some("2026-11-25T17:30:00"));
        check("0 0 * * *", "2026-12-31T00:00:00", Some("2027-01-01T00:00:00"));
        check("30 4 1,15 * fri", "2026-11-25T12:00:00", Some("2026-11-27T04:30:00"));
        check("0 12 * * mon-fri", "2026-11-27T12:00:00", Some("2026-11-30T12:00:00"));
        check("0 0 29 2 *", "2026-01-01T00:00:00", Some("2028-02-29T00:00:00"));
        check("0 0 30 2 *", "2026-01-01T00:00:00", None);
        check("5/20 3 * jan 7", "2026-11-25T12:00:00", Some("2027-01-03T03:05:00"));
        check("@hourly", "2026-11-25T23:59:59", Some("2026-11-26T00:00:00"));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "a * * * *", "* * * * 8"] {
            assert_eq!(Cron::parse(line), None, "{line:?}");
        }
    }
}
