//! Splitting text into words as a shell does. Python: `shlex`, POSIX mode, `whitespace_split`.

/// The words of `text`; with `comments`, `#` hides the rest of its line. An open quote ends with the text.
pub(super) fn split(text: &str, comments: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if comments => {
                words.extend(word.take());
                while chars.next().is_some_and(|char| char != '\n') {}
            }
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|char| *char != '\''));
            }
            '"' => quoted(&mut chars, word.get_or_insert_default()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

fn quoted(chars: &mut std::str::Chars, word: &mut String) {
    while let Some(char) = chars.next() {
        match char {
            '"' => return,
            '\\' => match chars.next() {
                Some(char @ ('"' | '\\')) => word.push(char),
                Some(char) => word.extend(['\\', char]),
                None => word.push('\\'),
            },
            char => word.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_python_splits_them() {
        assert_eq!(split("a  'b c'd \"e \\\" \\x\" f\\ g ''", false), ["a", "b cd", "e \" \\x", "f g", ""]);
        assert_eq!(split("a#b c\nd # e", true), ["a", "d"]);
        assert_eq!(split("a#b", false), ["a#b"]);
        assert_eq!(split("'open", false), ["open"]);
    }
}
