//! Slots: arguments that are asked of an execution module at the last moment, `__slot__:salt:test.echo(hello)`. Salt:
//! state.py (`format_slots`), utils/args.py (`parse_function`).

use crate::log::{error, warn};

use crate::loader::{Call, Context, Fault};
use crate::value::{Map, Value, traverse};

const MARK: &str = "__slot__:";

/// Fills the slots in arguments: texts, and texts one level down in maps and lists.
pub(super) fn fill(cx: &Context, kwargs: &mut Map) -> Result<(), Fault> {
    for (_, value) in kwargs.iter_mut() {
        if mentions(value) {
            fill_value(cx, value, 0)?;
        }
    }
    Ok(())
}

fn mentions(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.starts_with(MARK),
        Value::List(items) => items.iter().any(|item| match item {
            Value::Map(map) => {
                map.values().any(|value| matches!(value, Value::Text(text) if text.starts_with(MARK)))
            }
            Value::Text(text) => text.starts_with(MARK),
            _ => false,
        }),
        Value::Map(map) => {
            map.values().any(|value| matches!(value, Value::Text(text) if text.starts_with(MARK)))
        }
        _ => false,
    }
}

fn fill_value(cx: &Context, value: &mut Value, depth: usize) -> Result<(), Fault> {
    match value {
        Value::Text(text) if text.starts_with(MARK) => *value = answer(cx, text)?,
        Value::Map(map) if depth < 2 => {
            for (_, value) in map.iter_mut() {
                if matches!(value, Value::Text(_)) {
                    fill_value(cx, value, depth + 1)?;
                }
            }
        }
        Value::List(items) if depth == 0 => {
            for item in items {
                fill_value(cx, item, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn answer(cx: &Context, slot: &str) -> Result<Value, Fault> {
    let parts: Vec<&str> = slot.splitn(3, ':').collect();
    let [_, "salt", written] = parts.as_slice() else {
        warn!("Malformed slot: {slot}");
        return Ok(slot.into());
    };
    let parsed = parse_function(written);
    let Some((fun, call)) = parsed.filter(|(fun, _)| cx.registry.function(cx, fun).is_ok()) else {
        warn!("Malformed slot: {slot}. It has to be a call such as test.arg('arg', kw='kwarg')");
        return Ok(slot.into());
    };
    let mut answer = cx.call(&fun, call)?;
    let (text, append) = match written.split_once('~') {
        Some((text, append)) => (text, Some(append)),
        None => (*written, None),
    };
    // `….not.exist` behind the call walks into what it gives.
    let path = text.rfind(')').and_then(|end| text.get(end + 1..)).unwrap_or_default();
    if !path.is_empty() {
        // Salt quirk: state.py, `__eval_slot`: white space between `)` and `~` ends in this.
        let missing = || Fault::exception("IndexError", "list index out of range");
        let (_, path) = path.split_once('.').ok_or_else(missing)?;
        answer = traverse(&answer, path.trim(), ".").cloned().unwrap_or_default();
    }
    if let Some(append) = append {
        match &mut answer {
            Value::Text(text) => text.push_str(append.trim()),
            _ => error!("Ignoring slot append, slot result is not a string"),
        }
    }
    Ok(answer)
}

/// `module.function(word, 'words', key=value)`: the name, and texts as arguments.
fn parse_function(text: &str) -> Option<(String, Call)> {
    let mut tokens = tokens(text)?.into_iter();
    let mut name = String::new();
    loop {
        match tokens.next()? {
            Token::Sign('(') => break,
            token => token.add_to(&mut name),
        }
    }
    if name.is_empty() {
        return None;
    }
    let mut call = Call::default();
    let (mut word, mut has_word, mut key, mut brackets) = (String::new(), false, None::<String>, Vec::new());
    for token in tokens {
        match token {
            Token::Sign(open @ ('(' | '[' | '{')) => {
                brackets.push(open);
                word.push(open);
                has_word = true;
            }
            Token::Sign(sign @ (',' | ')')) if brackets.is_empty() => {
                let word = std::mem::take(&mut word);
                match key.take() {
                    Some(key) => {
                        call.kwargs.insert(key, word);
                    }
                    None if has_word => call.args.push(word.into()),
                    None => {}
                }
                has_word = false;
                if sign == ')' {
                    return Some((name, call));
                }
            }
            Token::Sign(close @ (')' | ']' | '}')) => {
                let fits =
                    matches!((brackets.pop(), close), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
                if !fits {
                    return None;
                }
                word.push(close);
            }
            Token::Sign('=') if brackets.is_empty() => {
                key = Some(std::mem::take(&mut word));
                has_word = false;
            }
            token => {
                token.add_to(&mut word);
                has_word = true;
            }
        }
    }
    None
}

enum Token {
    Word(String),
    Sign(char),
}

impl Token {
    fn add_to(self, text: &mut String) {
        match self {
            Token::Word(word) => text.push_str(&word),
            Token::Sign(sign) => text.push(sign),
        }
    }
}

/// Words of letters, digits and `_`, quoted texts, and single signs, as Python's `shlex` in its POSIX mode.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            char if char.is_whitespace() => {}
            '#' => break,
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                loop {
                    match chars.next()? {
                        end if end == quote => break,
                        '\\' if chars.peek().is_some_and(|next| *next == quote || *next == '\\') => {
                            word.extend(chars.next());
                        }
                        other => word.push(other),
                    }
                }
                tokens.push(Token::Word(word));
            }
            '\\' => tokens.push(Token::Word(chars.next()?.to_string())),
            char if char.is_alphanumeric() || char == '_' => {
                let mut word = String::from(char);
                while let Some(next) = chars.peek().filter(|next| next.is_alphanumeric() || **next == '_') {
                    word.push(*next);
                    chars.next();
                }
                tokens.push(Token::Word(word));
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn calls_are_read_with_quotes_brackets_and_keys() {
        let parsed = |text: &str| parse_function(text).map(|(name, call)| (name, call.args, call.kwargs));
        let none = Map::new;
        assert_eq!(parsed("test.echo(hello)"), Some(("test.echo".into(), vec!["hello".into()], none())));
        assert_eq!(
            parsed("test.arg('a b', \"c,d\", key=[1, 2]).x ~ /y"),
            Some(("test.arg".into(), vec!["a b".into(), "c,d".into()], map! { "key" => "[1,2]" }))
        );
        assert_eq!(parsed("test.ping()"), Some(("test.ping".into(), Vec::new(), none())));
        assert_eq!(parsed("test.ping"), None);
        assert_eq!(parsed("test.arg([1)"), None);
    }
}
