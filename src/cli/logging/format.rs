//! Python's `%(name)-17s` formats of log lines, read once.

use jiff::Zoned;

/// One line to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub name: &'a str,
    pub line: u32,
    pub level: &'a str,
    pub process: u32,
    pub message: &'a str,
}

/// A format of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pieces: Vec<Piece>,
    date: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value { name: String, left: bool, zeros: bool, width: usize },
}

const DEFAULT: &str =
    "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s";

impl Format {
    /// Reads a format; what is no `%(name)…` stays text. Empty ones are Salt's defaults for files.
    pub(super) fn parse(format: &str, date: &str) -> Self {
        let mut rest = if format.is_empty() { DEFAULT } else { format };
        let mut pieces = Vec::new();
        while let Some((text, after)) = rest.split_once("%(") {
            pieces.push(Piece::Text(text.to_owned()));
            match value(after) {
                Some((piece, after)) => {
                    pieces.push(piece);
                    rest = after;
                }
                None => {
                    pieces.push(Piece::Text("%(".to_owned()));
                    rest = after;
                }
            }
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Format {
            pieces,
            date: if date.is_empty() { "%Y-%m-%d %H:%M:%S".to_owned() } else { date.to_owned() },
        }
    }

    /// The line of a record.
    pub(super) fn line(&self, record: &Record<'_>, now: &Zoned) -> String {
        let mut line = String::new();
        for piece in &self.pieces {
            let (name, left, zeros, width) = match piece {
                Piece::Text(text) => {
                    line.push_str(text);
                    continue;
                }
                Piece::Value { name, left, zeros, width } => (name, *left, *zeros, *width),
            };
            let value = match name.as_str() {
                "asctime" => now.strftime(&self.date).to_string(),
                "msecs" => now.millisecond().to_string(),
                "name" => record.name.to_owned(),
                "lineno" => record.line.to_string(),
                "levelname" => record.level.to_owned(),
                // The console's variants with brackets and colour, without the colour.
                "colorlevel" => format!("[{:<8}]", record.level),
                "colorname" => format!("[{:<17}]", record.name),
                "colorprocess" => format!("[{:>5}]", record.process),
                "colormsg" | "message" => record.message.to_owned(),
                "process" => record.process.to_string(),
                _ => String::new(),
            };
            let padded = match (left, zeros) {
                (true, _) => format!("{value:<width$}"),
                (false, true) => format!("{value:0>width$}"),
                (false, false) => format!("{value:>width$}"),
            };
            line.push_str(&padded);
        }
        line
    }
}

/// Reads `name)-17s`.
fn value(text: &str) -> Option<(Piece, &str)> {
    let (name, rest) = text.split_once(')')?;
    let end = rest.find(|char: char| char.is_ascii_alphabetic())?;
    let (flags, rest) = rest.split_at_checked(end)?;
    let left = flags.starts_with('-');
    let digits = flags.trim_start_matches('-');
    let width = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let zeros = digits.starts_with('0');
    Some((Piece::Value { name: name.to_owned(), left, zeros, width: usize::min(width, 256) }, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_like_salts() {
        let record =
            Record { name: "halite.minion", line: 7, level: "INFO", process: 42, message: "100% up" };
        let now: Zoned = "2026-11-25T10:00:00.005[UTC]".parse().expect("a time");
        let line = |format: &str, date: &str| Format::parse(format, date).line(&record, &now);
        assert_eq!(line("", ""), "2026-11-25 10:00:00,005 [halite.minion    :7   ][INFO    ][42] 100% up");
        assert_eq!(line("[%(levelname)-8s] %(message)s", "%H"), "[INFO    ] 100% up");
        assert_eq!(line("%(asctime)s %d %(", "%H:%M"), "10:00 %d %(");
    }
}
