//! Times as people write them. Salt: dateutil's parser, of which these forms are understood: ISO dates and times,
//! `January 2 2026 5:00pm`, `Monday 5:00pm`, `5pm`, and numbers with slashes (month first). What is not said is today's.

use jiff::ToSpan as _;
use jiff::civil::{Date, Time, Weekday};

use crate::value::DateTime;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a time; what is left out is taken from midnight of `now`.
pub fn parse(text: &str, now: DateTime) -> Option<DateTime> {
    if let Some(time) = plain(text) {
        return Some(time);
    }
    let mut found = Found::default();
    let text = text.to_ascii_lowercase().replace(',', " ");
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let next_is_half = words.peek().is_some_and(|next| half_of(next).is_some());
        let half = if next_is_half { words.next() } else { None };
        found.take(word, half)?;
    }
    found.finish(now)
}

/// `2026-01-02`, `2026-01-02 03:04[:05[.6]]`, `2026-01-02T03:04`.
fn plain(text: &str) -> Option<DateTime> {
    let text = text.trim();
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = DateTime::strptime(format, text) {
            return Some(time);
        }
    }
    Date::strptime("%Y-%m-%d", text).ok().map(|day| day.to_datetime(Time::midnight()))
}

#[derive(Default)]
struct Found {
    date: Option<Date>,
    month: Option<i8>,
    day: Option<i8>,
    year: Option<i16>,
    weekday: Option<Weekday>,
    time: Option<Time>,
}

/// Hours to be added for `am` and `pm`.
fn half_of(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m." => Some(false),
        "pm" | "p.m." => Some(true),
        _ => None,
    }
}

fn clock(word: &str, afternoon: Option<bool>) -> Option<Time> {
    let mut parts = word.split(':');
    let mut hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next().unwrap_or("0").parse().ok()?;
    let second: i8 = parts.next().unwrap_or("0").split('.').next()?.parse().ok()?;
    match afternoon {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    parts.next().is_none().then_some(())?;
    Time::new(hour, minute, second, 0).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let place = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(word))?;
    Weekday::from_monday_zero_offset(i8::try_from(place).ok()?).ok()
}

impl Found {
    fn take(&mut self, word: &str, half: Option<&str>) -> Option<()> {
        let glued = ["am", "pm"].into_iter().find(|half| word.ends_with(half) && word.len() > 2);
        let (digits, afternoon) = match (glued, half.and_then(half_of)) {
            (Some(half), _) => (word.strip_suffix(half)?, half_of(half)),
            (None, afternoon) => (word, afternoon),
        };
        if digits.contains(':') || afternoon.is_some() {
            self.time = Some(clock(digits, afternoon)?);
            return Some(());
        }
        if let Some(place) = MONTHS.iter().position(|name| word.len() >= 3 && word.starts_with(name)) {
            self.month = i8::try_from(place + 1).ok();
            return Some(());
        }
        if let Some(day) = weekday(word) {
            self.weekday = Some(day);
            return Some(());
        }
        if let Some(time) = plain(word) {
            self.date = Some(time.date());
            return Some(());
        }
        let parts: Vec<&str> = word.split('/').collect();
        if let [month, day, year] = parts[..] {
            let year: i16 = year.parse().ok()?;
            let year = if year < 100 { year + 2000 } else { year };
            self.date = Some(Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?);
            return Some(());
        }
        let plain_number = ["st", "nd", "rd", "th"].into_iter().find_map(|end| word.strip_suffix(end));
        let number: i16 = plain_number.unwrap_or(word).parse().ok()?;
        if number > 31 {
            self.year = Some(number)
        } else {
            self.day = Some(i8::try_from(number).ok()?)
        }
        Some(())
    }

    fn finish(self, now: DateTime) -> Option<DateTime> {
        let today = now.date();
        let mut date = match self.date {
            Some(date) => date,
            None => Date::new(
                self.year.unwrap_or(today.year()),
                self.month.unwrap_or(today.month()),
                self.day.unwrap_or(today.day()),
            )
            .ok()?,
        };
        if let Some(weekday) = self.weekday
            && self.day.is_none()
            && self.date.is_none()
        {
            // The next one, which may be today.
            date = date.checked_add(i64::from(weekday.since(date.weekday())).days()).ok()?;
        }
        let said = [self.day.is_some(), self.month.is_some(), self.year.is_some()];
        let nothing = self.date.is_none() && self.weekday.is_none() && said == [false; 3];
        if nothing && self.time.is_none() {
            return None;
        }
        Some(date.to_datetime(self.time.unwrap_or(Time::midnight())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_dateutil_reads_them() {
        let now: DateTime = "2026-11-25T17:19:40".parse().expect("a time");
        for (text, expected) in [
            ("2026-01-02 03:04", "2026-01-02T03:04:00"),
            ("2026-01-02", "2026-01-02T00:00:00"),
            ("5:00pm", "2026-11-25T17:00:00"),
            ("12:30am", "2026-11-25T00:30:00"),
            ("8:30", "2026-11-25T08:30:00"),
            ("5 pm", "2026-11-25T17:00:00"),
            ("Monday 5:00pm", "2026-11-30T17:00:00"),
            ("Wednesday 3:00pm", "2026-11-25T15:00:00"),
            ("11/29/2017 4:00pm", "2017-11-29T16:00:00"),
            ("January 2 2026 5:00pm", "2026-01-02T17:00:00"),
            ("Nov 29th, 2017 16:05:10", "2017-11-29T16:05:10"),
        ] {
            assert_eq!(parse(text, now), Some(expected.parse().expect("a time")), "{text}");
        }
        for text in ["", "tomorrow", "25:00", "13pm", "2026-13-01"] {
            assert_eq!(parse(text, now), None, "{text:?}");
        }
    }
}
