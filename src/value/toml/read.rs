//! TOML 1.0 as data.

use crate::value::{DateTime, Map, Value};

/// Tables and arrays may be as deep as this.
const MAX_DEPTH: usize = 64;

/// The tables of a text.
///
/// # Errors
/// With the line where it is no TOML.
pub fn load(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let mut root = Map::new();
    let read = reader.document(&mut root);
    read.map(|()| root.into()).map_err(|problem| {
        let line = text.get(..reader.at).unwrap_or(text).matches('\n').count() + 1;
        format!("{problem} (line {line})")
    })
}

type Read<T> = Result<T, String>;

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn expect(&mut self, token: &str) -> Read<()> {
        if self.eat(token) { Ok(()) } else { Err(format!("'{token}' is missing")) }
    }

    fn take(&mut self, wanted: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.take(|c| matches!(c, ' ' | '\t'));
    }

    /// Blanks, ends of lines and comments.
    fn gap(&mut self) {
        loop {
            self.take(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            if self.next() != Some('#') {
                return;
            }
            self.take(|c| c != '\n');
        }
    }

    fn line_end(&mut self) -> Read<()> {
        self.blanks();
        if self.next() == Some('#') {
            self.take(|c| c != '\n');
        }
        if self.rest().is_empty() || self.eat("\n") || self.eat("\r\n") {
            return Ok(());
        }
        Err("the line should end here".to_owned())
    }

    fn document(&mut self, root: &mut Map) -> Read<()> {
        let mut table: Vec<String> = Vec::new();
        // Tables that have had their header.
        let mut opened: Vec<Vec<String>> = Vec::new();
        loop {
            self.gap();
            if self.rest().is_empty() {
                return Ok(());
            }
            if self.eat("[[") {
                table = self.keys()?;
                self.expect("]]")?;
                let (last, before) = table.split_last().ok_or("a key is missing")?;
                match descend(root, before)?.entry(last.as_str(), || Value::List(Vec::new())) {
                    Value::List(tables) => tables.push(Map::new().into()),
                    _ => return Err(format!("'{last}' is no array of tables")),
                }
                opened.retain(|known| !known.starts_with(&table));
                self.line_end()?;
            } else if self.eat("[") {
                table = self.keys()?;
                self.expect("]")?;
                if opened.contains(&table) {
                    return Err(format!("the table '{}' is there twice", table.join(".")));
                }
                descend(root, &table)?;
                opened.push(table.clone());
                self.line_end()?;
            } else {
                self.pair(descend(root, &table)?, 0)?;
                self.line_end()?;
            }
        }
    }

    fn pair(&mut self, into: &mut Map, depth: usize) -> Read<()> {
        let keys = self.keys()?;
        self.expect("=")?;
        self.blanks();
        let value = self.value(depth)?;
        let (last, before) = keys.split_last().ok_or("a key is missing")?;
        let into = descend(into, before)?;
        if into.contains(last) {
            return Err(format!("the key '{last}' is there twice"));
        }
        into.insert(last.as_str(), value);
        Ok(())
    }

    fn keys(&mut self) -> Read<Vec<String>> {
        let mut keys = Vec::new();
        loop {
            self.blanks();
            let key = match self.next() {
                Some('"' | '\'') => self.string()?,
                _ => self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).to_owned(),
            };
            if key.is_empty() && !self.text.get(..self.at).unwrap_or_default().ends_with(['"', '\'']) {
                return Err("a key is missing".to_owned());
            }
            keys.push(key);
            self.blanks();
            if keys.len() > MAX_DEPTH || !self.eat(".") {
                return Ok(keys);
            }
        }
    }

    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deep".to_owned());
        }
        match self.next() {
            Some('"' | '\'') => Ok(self.string()?.into()),
            Some('[') => {
                self.expect("[")?;
                let mut items = Vec::new();
                loop {
                    self.gap();
                    if self.eat("]") {
                        return Ok(Value::List(items));
                    }
                    items.push(self.value(depth + 1)?);
                    self.gap();
                    if !self.eat(",") && self.next() != Some(']') {
                        return Err("',' or ']' is missing".to_owned());
                    }
                }
            }
            Some('{') => {
                self.expect("{")?;
                let mut map = Map::new();
                self.blanks();
                while !self.eat("}") {
                    self.pair(&mut map, depth + 1)?;
                    self.blanks();
                    if !self.eat(",") && self.next() != Some('}') {
                        return Err("',' or '}' is missing".to_owned());
                    }
                    self.blanks();
                }
                Ok(map.into())
            }
            _ => self.bare(),
        }
    }

    /// Numbers, booleans and times.
    fn bare(&mut self) -> Read<Value> {
        let mut word =
            self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | ':')).to_owned();
        // A date may have its time after a blank.
        let time = self.rest().strip_prefix(' ').is_some_and(|rest| rest.as_bytes().get(2) == Some(&b':'));
        if word.len() == 10 && time && word.as_bytes().get(4) == Some(&b'-') {
            self.expect(" ")?;
            word =
                format!("{word}T{}", self.take(|c| !matches!(c, ' ' | ',' | ']' | '}' | '#' | '\r' | '\n')));
        }
        let digits = word.replace('_', "");
        let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
        if let Some((digits, radix)) =
            radix.iter().find_map(|(head, radix)| Some((digits.strip_prefix(head)?, *radix)))
        {
            return i64::from_str_radix(digits, radix)
                .map(Value::Int)
                .map_err(|_| format!("'{word}' is no number"));
        }
        Ok(match digits.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            "inf" | "+inf" => Value::Float(f64::INFINITY),
            "-inf" => Value::Float(f64::NEG_INFINITY),
            "nan" | "+nan" | "-nan" => Value::Float(f64::NAN),
            digits => {
                // More digits than Python reads take too long.
                if let (..=4300, Ok(number)) = (digits.len(), digits.parse()) {
                    Value::from_bigint(number)
                } else if let Ok(time) = word.parse::<DateTime>() {
                    Value::Time(Box::new(time))
                } else if let (true, Ok(number)) = (digits.contains(['.', 'e', 'E']), digits.parse::<f64>()) {
                    Value::Float(number)
                } else if digits.contains(':') {
                    // With a zone, or without a day: Salt's data knows no such times.
                    word.into()
                } else {
                    return Err(format!("'{word}' is no value; a text needs quotes"));
                }
            }
        })
    }

    fn string(&mut self) -> Read<String> {
        let literal = self.next() == Some('\'');
        let quote = if literal { "'" } else { "\"" };
        let long = quote.repeat(3);
        let is_long = self.eat(&long);
        if is_long {
            let _ = self.eat("\n") || self.eat("\r\n");
        } else {
            self.expect(quote)?;
        }
        let end = if is_long { long.as_str() } else { quote };
        let mut text = String::new();
        loop {
            if self.eat(end) {
                // Up to two quotes may stand before the three that end it.
                while is_long && self.eat(quote) {
                    text.push_str(quote);
                }
                return Ok(text);
            }
            let c = self.next().ok_or("a text without end")?;
            self.at += c.len_utf8();
            match c {
                '\n' if !is_long => return Err("a text without end".to_owned()),
                '\\' if !literal => self.escape(&mut text, is_long)?,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String, is_long: bool) -> Read<()> {
        let c = self.next().unwrap_or_default();
        if is_long && c.is_whitespace() {
            self.take(char::is_whitespace);
            return Ok(());
        }
        self.at += c.len_utf8();
        text.push(match c {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            '"' | '\\' => c,
            'u' | 'U' => {
                let length = if c == 'u' { 4 } else { 8 };
                let digits = self.rest().get(..length).unwrap_or_default();
                let sign = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                self.at += length;
                sign.ok_or_else(|| format!("'{digits}' is no character"))?
            }
            other => return Err(format!("'\\{other}' means nothing")),
        });
        Ok(())
    }
}

/// The table below these keys, made where it is missing; of an array of tables the last.
fn descend<'m>(mut map: &'m mut Map, keys: &[String]) -> Read<&'m mut Map> {
    for key in keys {
        let mut value = map.entry(key.as_str(), || Map::new().into());
        if let Value::List(tables) = value {
            value = tables.last_mut().ok_or_else(|| format!("'{key}' is no table"))?;
        }
        map = match value {
            Value::Map(map) => map,
            _ => return Err(format!("'{key}' is no table")),
        };
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::JsonStyle;

    fn json(text: &str) -> Result<String, String> {
        load(text).map(|data| data.to_json(JsonStyle::default()))
    }

    #[test]
    fn tables_arrays_and_values_become_data() {
        let text = "a.b = 1 # one\n\"c d\" = '''\nx'y'''\n[t]\nn = [1_000, 0xff,\n  -2.5e3, ] \np = { q = true, r = \"\\u00e9\\n\" }\n\
                    [[s]]\nname = \"x\"\n[s.more]\nz = 1\n[[s]]\nname = \"y\"\n";
        let expected = "{\"a\":{\"b\":1},\"c d\":\"x'y\",\"t\":{\"n\":[1000,255,-2500.0],\"p\":{\"q\":true,\"r\":\"\\u00e9\\n\"}},\
                        \"s\":[{\"name\":\"x\",\"more\":{\"z\":1}},{\"name\":\"y\"}]}";
        let squeezed = |text: String| text.replace(": ", ":").replace(", ", ",");
        assert_eq!(json(text).map(squeezed), Ok(expected.to_owned()));
    }

    #[test]
    fn mistakes_have_their_line() {
        for (text, line) in
            [("a = 1\nb = x\n", 2), ("a = 1\na = 2", 2), ("a = \"x\n", 2), ("[t]\n[t]\n", 2), ("= 1", 1)]
        {
            let error = json(text).expect_err(text);
            assert!(error.ends_with(&format!("(line {line})")), "{text}: {error}");
        }
    }
}
