//! What Python takes for lines and white space in text: more than Rust does. Python: `str.splitlines`, `str.rstrip`.

/// Lines without their ends. Besides LF, CR and CRLF, Python ends lines at VT, FF, FS, GS, RS, NEL, LS and PS.
pub fn python_splitlines(text: &str) -> Vec<&str> {
    lines_with_ends(text).into_iter().map(|(line, end)| &line[..line.len() - end]).collect()
}

/// Lines together with their ends, and the length of the end in octets.
pub(super) fn lines_with_ends(text: &str) -> Vec<(&str, usize)> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((at, char)) = rest.char_indices().find(|(_, char)| ends_line(*char)) {
        let end = if rest[at..].starts_with("\r\n") { 2 } else { char.len_utf8() };
        lines.push((&rest[..at + end], end));
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push((rest, 0));
    }
    lines
}

fn ends_line(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Python's `str.isspace` for one character.
pub(super) fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\x1c'..='\x1f')
}

/// The text without white space at its end.
pub fn python_trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: CPython 3.11.
    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(
            python_splitlines("a\nb\r\nc\rd\x0be\x0cf\x1cg\x1dh\x1ei\u{85}j\u{2028}k\u{2029}l"),
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]
        );
        assert_eq!(python_splitlines(""), Vec::<&str>::new());
        assert_eq!(python_splitlines("\n"), [""]);
        assert_eq!(python_splitlines("a\n\nb\n"), ["a", "", "b"]);
        assert_eq!(python_splitlines("a\x1fb"), ["a\x1fb"]);
        assert_eq!(python_trim_end("a \x1f\u{a0}\n"), "a");
    }
}
