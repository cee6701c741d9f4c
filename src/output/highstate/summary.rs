//! What came of a run, in numbers. Salt: output/highstate.py (`_format_host`).

use super::Paint;
use crate::output::colors::Color;
use crate::value::{Map, Value, repr};

#[derive(Default)]
pub(super) struct Counts {
    /// By result.
    results: Vec<(Value, usize)>,
    pub warnings: usize,
    pub changed: usize,
    durations: f64,
    /// Of states that ran beside each other, the longest.
    parallel: Option<f64>,
}

impl Counts {
    pub(super) fn add(&mut self, ret: &Map, result: &Value, merged: usize) {
        match self.results.iter_mut().find(|(other, _)| other == result) {
            Some((_, count)) => *count += merged,
            None => self.results.push((result.clone(), merged)),
        }
        let duration = match ret.get("duration") {
            Some(Value::Text(text)) => {
                text.split(" ms").next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
            }
            Some(number) => number.as_float().unwrap_or(0.0),
            None => 0.0,
        };
        if ret.contains("__parallel__") {
            self.parallel = Some(self.parallel.map_or(duration, |longest| longest.max(duration)));
        } else {
            self.durations += duration;
        }
    }

    pub(super) fn changes(&mut self, ret: &Map, changed: bool, merged: usize) {
        if !changed {
            return;
        }
        let together = ret.get("changes").and_then(|changes| changes.get("compressed changes"));
        let several = together.and_then(Value::as_map).map_or(0, Map::len);
        self.changed += if merged > 1 { several.max(1) } else { 1 };
    }

    fn of(&self, result: &Value) -> usize {
        self.results.iter().find(|(other, _)| other == result).map_or(0, |(_, count)| *count)
    }

    pub(super) fn summary(&self, host: &str, paint: &Paint, lines: &mut Vec<String>) {
        const LABEL: usize = "Succeeded".len();
        let options = &paint.options.state;
        let warned = (self.warnings > 0).then_some(self.warnings);
        let widest = self
            .results
            .iter()
            .map(|(_, count)| *count)
            .chain(warned)
            .map(|count| count.to_string().len())
            .max();
        let width = LABEL + widest.unwrap_or(0) + 2;
        let count =
            |label: &str, count: &str| format!("{label}: {count:>width$}", width = width - label.len() - 2);
        lines.push(paint.line(Color::Cyan, &format!("\nSummary for {host}\n{}", "-".repeat(width))));
        let (good, open, bad) =
            (self.of(&Value::Bool(true)), self.of(&Value::Null), self.of(&Value::Bool(false)));
        let mut remarks = Vec::new();
        if open > 0 {
            remarks.push(paint.line(Color::LightYellow, &format!("unchanged={open}")));
        }
        if self.changed > 0 {
            remarks.push(paint.line(Color::Green, &format!("changed={}", self.changed)));
        }
        let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
        let succeeded = count("Succeeded", &(good + open).to_string());
        lines.push(paint.line(Color::Green, &succeeded) + &remarks);
        let failure = if bad > 0 { Color::Red } else { Color::Cyan };
        lines.push(paint.line(failure, &count("Failed", &bad.to_string())));
        let total: usize = self.results.iter().map(|(_, count)| *count).sum();
        if options.pct && total > 0 {
            let percent = |part: usize| repr(&Value::Float(hundredths(part as f64 / total as f64 * 100.0)));
            lines.push(paint.line(Color::Green, &count("Success %", &percent(good + open))));
            lines.push(paint.line(failure, &count("Failure %", &percent(bad))));
        }
        if self.warnings > 0 {
            lines.push(paint.line(Color::LightRed, &count("Warnings", &self.warnings.to_string())));
        }
        let rule = "-".repeat(width);
        lines.push(
            paint.line(Color::Cyan, &format!("{rule}\nTotal states run: {total:>width$}", width = width - 7)),
        );
        if options.profile {
            let (mut sum, mut unit) = (self.durations + self.parallel.unwrap_or(0.0), "ms");
            if sum > 999.0 {
                (sum, unit) = (sum / 1_000.0, "s");
            }
            let text = format!("{sum:.3}");
            lines.push(
                paint.line(Color::Cyan, &format!("Total run time: {text:>width$} {unit}", width = width - 5)),
            );
        }
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
