//! `file.append` and `file.prepend`: lines that a file holds. Salt: states/file.py, utils/stringutils.py
//! (`build_whitespace_split_regex`).

use std::fs;

use super::copy;
use super::ret::{Outcome, changed, check_file, dirname, failed, is_dir, path_in, saltenv, texts, wrong};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::patterns::regex_escape;
use crate::value::{Value, is_text, split_lines, str_of, unified_diff};

/// Sources with their hashes.
pub(super) fn sources(args: &Args) -> Result<Vec<Value>, &'static str> {
    let (source, several) = (args.get("source"), args.get("sources"));
    if source.truthy() && several.truthy() {
        return Err("source and sources are mutually exclusive");
    }
    if args.truthy("source_hash") && args.truthy("source_hashes") {
        return Err("source_hash and source_hashes are mutually exclusive");
    }
    if source.truthy() {
        return Ok(vec![source.clone()]);
    }
    match several {
        Value::List(several) => Ok(several.clone()),
        // Python finds letters in a text.
        Value::Text(text) => Ok(text.chars().map(|letter| letter.to_string().into()).collect()),
        several if several.truthy() => Err("sources must be a list"),
        _ => Ok(Vec::new()),
    }
}

/// The texts of sources, rendered: `Ok(Err)` is a failed return.
pub(super) fn template_texts(
    running: &Running,
    args: &Args,
) -> Result<Result<Option<Vec<String>>, StateReturn>, Fault> {
    let sources = sources(args).map_err(Fault::invocation)?;
    if sources.is_empty() {
        return Ok(Ok(None));
    }
    let mut context = args.get("defaults").as_map().cloned().unwrap_or_default();
    for (name, value) in args.get("context").as_map().into_iter().flatten() {
        context.insert(name.clone(), value.clone());
    }
    let mut all = Vec::new();
    for source in sources {
        let how = map! {
            "template" => args.get("template").clone(),
            "saltenv" => saltenv(running),
            "context" => context.clone(),
        };
        let path = str_of(&running.ask_with("cp.get_template", &[source.clone(), "".into()], how)?);
        let shown = str_of(&source);
        let failed = |text: String| {
            let mut ret = StateReturn::new(shown.as_str(), Some(false), text);
            ret.extra.insert("data", Value::List(Vec::new()));
            Ok(Err(ret))
        };
        if path.is_empty() || path == "False" {
            return failed(format!("Failed to load template file {shown}"));
        }
        let text = fs::read(&path).map_err(|error| Fault::os(&error, &path))?;
        if text.is_empty() {
            return failed(format!("Failed to read rendered template file {path} ({shown})"));
        }
        all.push(String::from_utf8_lossy(&text).into_owned());
    }
    Ok(Ok(Some(all)))
}

/// A pattern for the same words in the same order, whatever stands between them.
fn whatever_space(text: &str) -> Result<String, Fault> {
    let mut pattern = String::from("(?m)^");
    for line in split_lines(text, false) {
        let quote = if text.contains('\'') {
            Some('"')
        } else if text.contains('"') {
            Some('\'')
        } else {
            None
        };
        let words: Vec<String> = words(line, quote)?.iter().map(|word| regex_escape(word)).collect();
        pattern.push_str(&format!("(?:[\\s]+)?{}(?:[\\s]+)?", words.join("(?:[\\s]+)?")));
    }
    pattern.push('$');
    Ok(pattern)
}

/// Words between white space; one that begins with the quote ends with it.
fn words(line: &str, quote: Option<char>) -> Result<Vec<String>, Fault> {
    let (mut words, mut chars) = (Vec::new(), line.chars().peekable());
    while let Some(char) = chars.next() {
        if char.is_ascii_whitespace() {
            continue;
        }
        let mut word = String::from(char);
        if Some(char) == quote {
            loop {
                let next =
                    chars.next().ok_or_else(|| Fault::exception("ValueError", "No closing quotation"))?;
                word.push(next);
                if Some(next) == quote {
                    break;
                }
            }
        } else {
            while let Some(next) = chars.next_if(|char| !char.is_ascii_whitespace()) {
                word.push(next);
            }
        }
        words.push(word);
    }
    Ok(words)
}

fn found(running: &Running, name: &str, pattern: &str) -> Result<bool, Fault> {
    let how = map! { "multiline" => true };
    Ok(running.ask_with("file.search", &[name.into(), pattern.into()], how)?.truthy())
}

fn read(name: &str) -> Result<(Vec<u8>, String), Fault> {
    let octets = fs::read(name).map_err(|error| Fault::os(&error, name))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok((text.as_bytes().to_vec(), text)),
        Err(error) => Err(Fault::exception(
            "UnicodeDecodeError",
            format!("'utf-8' codec can't decode bytes of {name}: {}", error.utf8_error()),
        )),
    }
}

/// Makes the directory and the file where they are missing: `Some` ends the state.
fn make_file(
    running: &Running,
    args: &Args,
    name: &str,
    ret: &mut StateReturn,
) -> Result<Option<StateReturn>, Fault> {
    if args.get("makedirs") == &Value::Bool(true) {
        let directory = dirname(name);
        if running.test() {
            ret.comment = format!("Directory {directory} is set to be updated");
            ret.result = None;
        } else if !is_dir(directory) {
            running.ask("file.makedirs", &[name.into()])?;
        }
    }
    if check_file(name).is_none() {
        return Ok(None);
    }
    let touched = copy::touch_file(running, name, &Value::Null, &Value::Null, args.truthy("makedirs"))?;
    if running.test() {
        return Ok(Some(touched));
    }
    Ok(check_file(name).map(|text| StateReturn { result: Some(false), comment: text, ..ret.clone() }))
}

/// What is said about lines that have changed; `end` joins the lines of the diff.
fn show(ret: &mut StateReturn, octets: &[u8], old: &[&str], new: &[&str], end: &str) {
    if old == new {
        return;
    }
    let diff = if is_text(octets) {
        unified_diff(old, new, ("", "")).join(end)
    } else {
        "Replace binary file".to_owned()
    };
    changed(ret, "diff", diff);
}

/// The name, the return so far, and the texts.
type Begun = (String, StateReturn, Vec<String>);

/// What `append` and `prepend` begin with.
fn begin(running: &Running, args: &Args, what: &str) -> Result<Result<Begun, StateReturn>, Fault> {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    if name.is_empty() {
        return Ok(Err(wrong("", format!("Must provide name to file.{what}"))?));
    }
    if let Err(text) = sources(args) {
        return Ok(Err(failed(ret, text)?));
    }
    if let Some(end) = make_file(running, args, &name, &mut ret)? {
        return Ok(Err(end));
    }
    let texts = match template_texts(running, args)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Some(rendered)) => rendered,
        Ok(None) => texts(args.get("text")),
    };
    Ok(Ok((name, ret, texts)))
}

pub(super) fn append(running: &Running, args: &Args) -> Outcome {
    let (name, mut ret, texts) = match begin(running, args, "append")? {
        Ok(begun) => begun,
        Err(end) => return Ok(end),
    };
    let (octets, before) = read(&name)?;
    let old = split_lines(&before, false);
    let mut lines: Vec<&str> = Vec::new();
    for chunk in &texts {
        let pattern = if args.truthy("ignore_whitespace") { whatever_space(chunk)? } else { chunk.clone() };
        if !found(running, &name, &pattern)? {
            lines.extend(split_lines(chunk, false));
        }
    }
    let correct = format!("File {name} is in correct state");
    if running.test() {
        let new: Vec<&str> = old.iter().chain(&lines).copied().collect();
        if old == new {
            ret.comment = correct;
            ret.result = Some(true);
        } else {
            ret.comment = format!("File {name} is set to be updated");
            ret.result = None;
            show(&mut ret, &octets, &old, &new, "\n");
        }
        return Ok(ret);
    }
    ret.comment = correct;
    if !lines.is_empty() {
        let count = lines.len();
        let how = map! { "args" => Value::list(lines) };
        running.ask_with("file.append", &[name.as_str().into()], how)?;
        ret.comment = format!("Appended {count} lines");
    }
    let (octets, after) = read(&name)?;
    show(&mut ret, &octets, &old, &split_lines(&after, false), "\n");
    ret.result = Some(true);
    Ok(ret)
}

pub(super) fn prepend(running: &Running, args: &Args) -> Outcome {
    let (name, mut ret, texts) = match begin(running, args, "prepend")? {
        Ok(begun) => begun,
        Err(end) => return Ok(end),
    };
    let (octets, before) = read(&name)?;
    let old = split_lines(&before, true);
    let header = args.truthy("header");
    let mut lines: Vec<&str> = Vec::new();
    for chunk in &texts {
        if header || !found(running, &name, &whatever_space(chunk)?)? {
            lines.extend(split_lines(chunk, false));
        }
    }
    let correct = format!("File {name} is in correct state");
    if running.test() {
        let ended: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        let new: Vec<&str> = ended.iter().map(String::as_str).chain(old.iter().copied()).collect();
        if old == new {
            ret.comment = correct;
            ret.result = Some(true);
        } else {
            ret.comment = format!("File {name} is set to be updated");
            ret.result = None;
            show(&mut ret, &octets, &old, &new, "");
        }
        return Ok(ret);
    }
    let mut count = lines.len();
    let head: Vec<&str> = split_lines(&before, false).into_iter().take(count).collect();
    if header && head == lines {
        count = 0;
    } else {
        let asked: Vec<Value> = std::iter::once(name.as_str()).chain(lines).map(Value::from).collect();
        running.ask("file.prepend", &asked)?;
    }
    let (octets, after) = read(&name)?;
    show(&mut ret, &octets, &old, &split_lines(&after, true), "");
    ret.comment = if count > 0 { format!("Prepended {count} lines") } else { correct };
    ret.result = Some(true);
    Ok(ret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_stands_between_them() {
        let pattern = whatever_space("a  b.c").expect("a pattern");
        assert_eq!(pattern, "(?m)^(?:[\\s]+)?a(?:[\\s]+)?b\\.c(?:[\\s]+)?$");
        assert_eq!(words("x 'y z'", Some('\'')).expect("words"), ["x", "'y z'"]);
        assert!(words("'y", Some('\'')).is_err());
    }
}
