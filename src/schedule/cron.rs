//! `Cron`: a crontab line of five fields, of six (seconds are the last) or of seven (then years), or one of its names
//! (`@daily`), and when it is next. Salt uses croniter: names of months and days, lists, ranges and steps, `L` and `15W` as
//! days of the month, `L5` and `5#2` as days of the week; days of both kinds mean either.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan as _};

use crate::value::DateTime;

/// The values of one field.
type Field = Vec<i16>;

/// When a crontab line fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Field,
    hours: Field,
    /// [`LAST`] among them is the last of the month.
    days: Field,
    months: Field,
    /// 0 is Sunday.
    weekdays: Field,
    /// Empty where the line has none: then it fires at the full minute.
    seconds: Field,
    /// Empty where any will do.
    years: Field,
    /// `15W`: the working day next to a day of the month.
    nearest: Option<i16>,
    /// `5#2`, `L5`: a day of the week and which of the month's, [`LAST`] for its last.
    nth: Vec<(i16, i16)>,
    /// Both kinds of days are restricted: either is enough.
    either_day: bool,
}

const NAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Lowest and highest value of each field, its names, and the value of the first.
const FIELDS: [(i16, i16, &[&str], i16); 7] = [
    (0, 59, &[], 0),
    (0, 23, &[], 0),
    (1, 31, &[], 0),
    (1, 12, MONTHS, 1),
    (0, 6, WEEKDAYS, 0),
    (0, 59, &[], 0),
    (1970, 2099, &[], 0),
];

const DAY: usize = 2;
const WEEKDAY: usize = 4;
const LAST: i16 = 0;

/// What croniter looks ahead (`max_years_between_matches`).
const YEARS_AHEAD: i16 = 50;

impl Cron {
    /// Reads a line; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let line = NAMES.iter().find(|(name, _)| *name == text).map_or(text.as_str(), |(_, line)| line);
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if !(5..=FIELDS.len()).contains(&words.len()) {
            return None;
        }
        let nearest = words[DAY].strip_prefix('w').or_else(|| words[DAY].strip_suffix('w'));
        let nearest = match nearest {
            Some(day) => Some(number(day).filter(|day| (1..=31).contains(day))?),
            None => None,
        };
        let mut nth = Vec::new();
        let mut fields: [Field; 7] = Default::default();
        for (place, word) in words.iter().enumerate() {
            if place != DAY || nearest.is_none() {
                fields[place] = field(word, place, &mut nth)?;
            }
        }
        let [minutes, hours, days, months, weekdays, seconds, years] = fields;
        let single = |day: &i16| !nth.iter().any(|(weekday, _)| weekday == day);
        if !nth.is_empty() && weekdays.len() < 7 && weekdays.iter().any(single) {
            return None;
        }
        let any = |place: usize, values: &Field, other: usize| {
            let (low, high, ..) = FIELDS[place];
            words[place].split(',').any(|part| part == "*" || part == "?")
                || (words[other].contains('*') && (low..=high).all(|value| values.contains(&value)))
        };
        let either_day = !any(DAY, &days, WEEKDAY) && !any(WEEKDAY, &weekdays, DAY);
        Some(Cron { minutes, hours, days, months, weekdays, seconds, years, nearest, nth, either_day })
    }

    /// The first time after `now`; `None` where there is none in decades (`30 2 *`).
    pub fn next_after(&self, now: DateTime) -> Option<DateTime> {
        let step: Span = if self.seconds.is_empty() { 1.minute() } else { 1.second() };
        let at = now.checked_add(step).ok()?;
        let mut from = i32::from(at.hour()) * 3600 + i32::from(at.minute()) * 60;
        if !self.seconds.is_empty() {
            from += i32::from(at.second());
        }
        let mut date = at.date();
        while date.year() <= at.year() + YEARS_AHEAD {
            if self.has_day(date)
                && let Some(second) = (from..86_400).find(|second| self.has_time(*second))
            {
                return date.at(0, 0, 0, 0).checked_add(second.seconds()).ok();
            }
            from = 0;
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn has_time(&self, second: i32) -> bool {
        let has = |field: &Field, value: i32| field.iter().any(|one| i32::from(*one) == value);
        let in_minute =
            if self.seconds.is_empty() { second % 60 == 0 } else { has(&self.seconds, second % 60) };
        in_minute && has(&self.hours, second / 3600) && has(&self.minutes, second / 60 % 60)
    }

    fn has_day(&self, date: Date) -> bool {
        let (number, last) = (i16::from(date.day()), i16::from(date.days_in_month()));
        let weekday = i16::from(date.weekday().since(Weekday::Sunday));
        let day = match self.nearest {
            Some(wanted) => working_day(date, wanted.min(last)) == number,
            None => self.days.contains(&number) || (number == last && self.days.contains(&LAST)),
        };
        let nth = |(wanted, which): &(i16, i16)| {
            *wanted == weekday && if *which == LAST { number + 7 > last } else { (number + 6) / 7 == *which }
        };
        let week =
            if self.nth.is_empty() { self.weekdays.contains(&weekday) } else { self.nth.iter().any(nth) };
        let year = self.years.is_empty() || self.years.contains(&date.year());
        year && self.months.contains(&i16::from(date.month()))
            // What is no plain value always counts: `15W` and `5#2` beside days of the other kind stand alone.
            && match (self.either_day, self.nearest.is_some(), self.nth.is_empty()) {
                (true, false, true) => day || week,
                (true, true, true) => day,
                (true, false, false) => week,
                _ => day && week,
            }
    }
}

/// The working day of the month of `date` that is next to its day `day`.
fn working_day(date: Date, day: i16) -> i16 {
    let first = date.first_of_month().weekday().since(Weekday::Monday);
    match (i16::from(first) + day - 1) % 7 {
        5 if day > 1 => day - 1,
        5 => day + 2,
        6 if day < i16::from(date.days_in_month()) => day + 1,
        6 => day - 2,
        _ => day,
    }
}

fn number(word: &str) -> Option<i16> {
    // Python's `int` reads a sign, too, croniter does not.
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

/// The values of one field: parts with commas between them, each `*`, `n`, `n-m`, any of them with `/step`.
fn field(text: &str, place: usize, nth: &mut Vec<(i16, i16)>) -> Option<Field> {
    let (low, high, names, first) = FIELDS[place];
    let value = |word: &str| match names.iter().zip(first..).find(|(name, _)| **name == word) {
        Some((_, number)) => Some(number),
        None => number(word).map(|number| if place == WEEKDAY && number == 7 { 0 } else { number }),
    };
    let mut values = Field::new();
    if text == "?" {
        return matches!(place, DAY | WEEKDAY).then(|| (low..=high).collect());
    }
    for part in text.split(',') {
        if part == "l" && place == DAY {
            values.push(LAST);
            continue;
        }
        let (mut part, mut which) = (part, None);
        if place == WEEKDAY {
            if let Some((day, number)) = part.split_once('#') {
                // Only names have ranges here.
                let plain = !day.contains('-') || !day.starts_with(|c: char| c.is_ascii_digit());
                which = Some(value(number).filter(|which| plain && (1..=5).contains(which))?);
                part = day;
            } else if let Some(day) = part.strip_prefix('l') {
                which = Some(LAST);
                part = day;
                number(day)?;
            }
        }
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0 && which.is_none())?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            None if range == "*" && which.is_none() => (low, high),
            Some((from, "l")) if place == DAY => (value(from)?, high),
            Some((from, to)) => match (value(from)?, value(to)?) {
                // A range from a day to itself is the whole week.
                (from, to) if from == to && from <= high => (low, high),
                ends => ends,
            },
            // `5/15` is `5-59/15`.
            None => (value(range)?, if step.is_some() { high } else { value(range)? }),
        };
        if from.max(to) > high {
            return None;
        }
        let step = step.unwrap_or(1);
        let steps = |from: i16, to: i16| (from..=to).step_by(usize::from(step.unsigned_abs()));
        let mut found: Field = steps(from, if from > to { high } else { to }).collect();
        if from > to {
            // `fri-mon` goes over the end, with croniter's way to count the steps there.
            let last = *found.last()?;
            let over = last + step - low > high - low + 1 && high - last < step;
            found.extend(steps(low + if over { step - (high - last) } else { 0 }, to));
        }
        if found.iter().any(|value| *value < low) {
            return None;
        }
        nth.extend(which.iter().flat_map(|which| found.iter().map(|day| (*day, *which))));
        values.append(&mut found);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_line_is_refused() {
        for line in ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "a * * * *", "* * * * 8"] {
            assert_eq!(Cron::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_time_that_never_comes_is_found_out() {
        let now = "2026-01-01T00:00:00".parse().expect("a time");
        assert_eq!(Cron::parse("0 0 30 2 *").expect("a line").next_after(now), None);
    }
}
