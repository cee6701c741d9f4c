//! Command lines and their words: split as a POSIX shell would, without expanding anything, and quoted for one. CPython:
//! Lib/shlex.py (`split`, POSIX mode, no comments; `quote`).

use super::Fault;

/// The words of `line`.
///
/// # Errors
/// When a quotation has no end, or the line ends with a lone backslash.
pub fn split(line: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    // `Some` once a word has begun: `''` is a word too.
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => quoted(char, &mut chars, word.get_or_insert_default())?,
            '\\' => {
                let next = chars.next().ok_or_else(|| unfinished("No escaped character"))?;
                word.get_or_insert_default().push(next);
            }
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Ok(words)
}

/// A text as one word for a POSIX shell.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_-+=:,./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn quoted(quote: char, chars: &mut std::str::Chars, word: &mut String) -> Result<(), Fault> {
    let no_end = || unfinished("No closing quotation");
    loop {
        match chars.next().ok_or_else(no_end)? {
            char if char == quote => return Ok(()),
            '\\' if quote == '"' => {
                let next = chars.next().ok_or_else(|| unfinished("No escaped character"))?;
                // Between double quotes a backslash stands for itself before anything but these two.
                if next != '"' && next != '\\' {
                    word.push('\\');
                }
                word.push(next);
            }
            char => word.push(char),
        }
    }
}

fn unfinished(text: &str) -> Fault {
    Fault::exception("ValueError", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `shlex.quote(text)` of CPython 3.11.
    #[test]
    fn what_is_quoted_is_one_word() {
        for (text, expected) in [
            ("", "''"),
            ("a-b/c.d", "a-b/c.d"),
            ("a b", "'a b'"),
            ("$(x)", "'$(x)'"),
            ("it's", r#"'it'"'"'s'"#),
        ] {
            assert_eq!(quote(text), expected);
            assert_eq!(split(&quote(text)).expect(text), [text]);
        }
    }

    /// Expected: `shlex.split(line)` of CPython 3.11.
    #[test]
    fn lines_are_split_as_python_does() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split(line).expect(line), expected, "{line}");
        check("", &[]);
        check("  a  b\tc\n", &["a", "b", "c"]);
        check("a 'b c' \"d 'e'\"", &["a", "b c", "d 'e'"]);
        check("a''b '' \"\"", &["ab", "", ""]);
        check(r#"a\ b "\$x \" \\ \n" '\n'"#, &["a b", r#"\$x " \ \n"#, r"\n"]);
        check("echo #no comment", &["echo", "#no", "comment"]);
        check("a;b|c>d", &["a;b|c>d"]);
        check("\u{a0}x", &["\u{a0}x"]);
        for (line, text) in [
            ("'a", "No closing quotation"),
            ("a\\", "No escaped character"),
            ("\"a\\", "No escaped character"),
        ] {
            assert_eq!(split(line).expect_err(line).to_string(), format!("ValueError: {text}"));
        }
    }
}
