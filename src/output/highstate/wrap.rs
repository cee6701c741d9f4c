//! Text in lines of a given width. Python: textwrap.py (`TextWrapper.fill` with its defaults).

/// At most `width` characters a line, each after `indent` spaces.
pub(super) fn fill(text: &str, width: usize, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let room = width.saturating_sub(indent).max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut chunks = chunks(text);
    chunks.reverse();
    while let Some(chunk) = chunks.pop() {
        let blank = chunk.trim().is_empty();
        if line.is_empty() && blank && !lines.is_empty() {
            continue;
        }
        let taken = line.chars().count();
        let length = chunk.chars().count();
        if taken + length <= room {
            line.push_str(&chunk);
        } else if line.is_empty() || (length > room && taken < room && !blank) {
            let head: String = chunk.chars().take(room - taken).collect();
            chunks.push(chunk.chars().skip(room - taken).collect());
            line.push_str(&head);
            lines.push(std::mem::take(&mut line));
        } else {
            lines.push(std::mem::take(&mut line));
            chunks.push(chunk);
        }
    }
    lines.push(line);
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.trim_end())
        .filter(|line| !line.is_empty())
        .map(|line| format!("{margin}{line}"))
        .collect();
    lines.join("\n")
}

/// Words, spaces, and the parts of words with hyphens.
fn chunks(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().map(|char| if char.is_whitespace() { ' ' } else { char }).collect();
    let mut chunks: Vec<String> = Vec::new();
    let mut chunk = String::new();
    for (place, char) in chars.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| chars.get(before));
        let is_break = match before {
            None => false,
            Some(before) if (*before == ' ') != (*char == ' ') => true,
            Some('-') => {
                let letter = |place: Option<usize>| {
                    place.and_then(|place| chars.get(place)).is_some_and(|char| char.is_alphabetic())
                };
                letter(place.checked_sub(2)) && letter(place.checked_sub(3)) && char.is_alphanumeric()
            }
            Some(_) => false,
        };
        if is_break {
            chunks.push(std::mem::take(&mut chunk));
        }
        chunk.push(*char);
    }
    chunks.push(chunk);
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        let text = "one two three four-five six";
        assert_eq!(fill(text, 12, 2), "  one two\n  three\n  four-five\n  six");
        assert_eq!(fill("aaaaaaaaaaaa bb", 8, 2), "  aaaaaa\n  aaaaaa\n  bb");
        assert_eq!(fill("a\nb", 80, 2), "  a b");
    }
}
