//! Modes of files as users write them. Salt: utils/files.py (`normalize_mode`), modules/file.py (`manage_file`).

use crate::value::{Value, str_of};

/// Four octal digits at least, whatever was written: `644`, `0o644`, `"0644"`. `None` stays `None`.
pub fn normalize_mode(mode: &Value) -> Option<String> {
    if mode.is_null() {
        return None;
    }
    let text = str_of(mode).replace("0o", "0");
    let digits = text.trim_matches('"').trim_matches('\'').trim_start_matches('0');
    Some(format!("{digits:0>4}"))
}

/// The mode of a directory for files of a mode: its last three digits, with `x` where there is anything.
pub fn directory_mode(mode: &str) -> String {
    let digits: Vec<char> = mode.chars().collect();
    let last = digits.get(digits.len().saturating_sub(3)..).unwrap_or_default();
    last.iter()
        .map(|digit| match digit.to_digit(10) {
            None | Some(0) => *digit,
            Some(number) => char::from_digit(number | 1, 10).unwrap_or(*digit),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_one_way() {
        for (mode, expected) in [("644", "0644"), ("0o644", "0644"), ("'0755'", "0755"), ("1777", "1777")] {
            assert_eq!(normalize_mode(&mode.into()).as_deref(), Some(expected));
        }
        assert_eq!(normalize_mode(&Value::Int(600)).as_deref(), Some("0600"));
        assert_eq!(normalize_mode(&Value::Null), None);
        assert_eq!(directory_mode("0640"), "750");
    }
}
