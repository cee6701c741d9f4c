//! `file.patch` and `file.mknod`. Salt: states/file.py.

use std::fs;

use super::managed;
use super::ret::{
    Outcome, dirname, exists, first, fresh, from_value, is_dir, is_file, path_in, saltenv, text_of, warn,
};
use crate::loader::{Args, Fault, Running, StateReturn};
use crate::map;
use crate::output::{OutputOptions, render};
use crate::value::{Map, Value, redacted_url, str_of};

/// Options of `patch` that the state sets itself.
const REFUSED: [&str; 6] = ["-N", "--forward", "-r", "--reject-file", "-o", "--output"];

/// Words of `options`, and how many leading parts of paths go.
fn read_options(options: &Value, strip: &Value) -> Result<(Vec<String>, Value), String> {
    let words: Vec<String> = match options {
        Value::List(words) => words.iter().map(str_of).collect(),
        other => str_of(other).split_whitespace().map(str::to_owned).collect(),
    };
    let (mut kept, mut refused, mut strip) = (Vec::new(), Vec::new(), strip.clone());
    let number = |text: &str, option: &str| {
        text.parse::<i64>().map(Value::from).map_err(|_| {
            format!(
                "Invalid format for '{option}' CLI option. Consider using the 'strip' option for this state."
            )
        })
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if REFUSED.iter().any(|option| word.starts_with(option)) {
            refused.push(word.clone());
        }
        if let Some(count) = word.strip_prefix("-p") {
            strip = number(count, "-p")?;
        } else if word.starts_with("--strip") {
            let count = match word.rsplit_once('=') {
                Some((_, count)) => count.to_owned(),
                None => words.next().unwrap_or_default(),
            };
            strip = number(&count, "-strip")?;
        } else {
            kept.push(word);
        }
    }
    if !refused.is_empty() {
        return Err(format!("The following CLI options are not allowed: {}", refused.join(", ")));
    }
    Ok((kept, strip))
}

/// Files that go when the state ends.
struct Temporaries(Vec<String>);

impl Temporaries {
    fn file(&mut self) -> Result<String, Fault> {
        use std::os::unix::fs::OpenOptionsExt;
        let random = crate::crypt::digest::hex(&crate::crypt::random::bytes::<4>());
        let path = std::env::temp_dir().join(format!("__salt.tmp.{random}")).to_string_lossy().into_owned();
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(|error| Fault::os(&error, &path))?;
        self.0.push(path.clone());
        Ok(path)
    }
}

impl Drop for Temporaries {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// What is wrong before anything is fetched.
fn refusal(running: &Running, args: &Args, name: &str) -> Result<Option<String>, Fault> {
    if running.ask("cmd.which", &["patch".into()])?.as_str().is_none() {
        return Ok(Some("patch executable not found on minion".to_owned()));
    }
    if name.is_empty() {
        return Ok(Some("A file/directory to be patched is required".to_owned()));
    }
    if !name.starts_with('/') {
        return Ok(Some(format!("{name} is not an absolute path")));
    }
    if !exists(name) {
        return Ok(Some(format!("{name} does not exist")));
    }
    let Some(reject) = args.given("reject_file").map(str_of) else { return Ok(None) };
    let parent = dirname(&reject);
    if !parent.starts_with('/') {
        return Ok(Some(format!("'{reject}' is not an absolute path")));
    }
    Ok((!is_dir(parent)).then(|| {
        format!("Parent directory for reject_file '{reject}' either does not exist, or is not a directory")
    }))
}

pub(super) fn patch(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = StateReturn::new(name.as_str(), Some(false), "");
    if let Some(text) = refusal(running, args, &name)? {
        ret.comment = text;
        return Ok(ret);
    }
    for gone in ["hash", "dry_run_first"] {
        if args.keywords.contains(gone) {
            warn(&mut ret, format!("The '{gone}' argument is no longer used and has been ignored."));
        }
    }
    let (options, strip) = match read_options(args.get("options"), args.get("strip")) {
        Ok(read) => read,
        Err(text) => {
            ret.comment = text;
            return Ok(ret);
        }
    };
    let asked = [args.get("source").clone(), args.get("source_hash").clone(), saltenv(running).into()];
    let source = match running.ask("file.source_list", &asked) {
        Ok(found) => str_of(&first(found)),
        Err(fault @ Fault::Execution { .. }) => {
            ret.comment = text_of(&fault);
            return Ok(ret);
        }
        Err(other) => return Err(other),
    };
    let mut temporaries = Temporaries(Vec::new());
    let file = temporaries.file()?;
    // The patch itself is fetched, also where nothing is to be changed.
    let test = running.test();
    running.set_test(Some(false));
    let mut kwargs = map! { "name" => file.as_str(), "source" => source.as_str() };
    for name in ["source_hash", "source_hash_name", "skip_verify", "template", "context", "defaults"] {
        if !args.get(name).is_null() {
            kwargs.insert(name, args.get(name).clone());
        }
    }
    let fetched = managed::with(running, kwargs);
    running.set_test(Some(test));
    match fetched {
        Err(fault) => {
            ret.comment =
                format!("Failed to cache patch file {}: {}", redacted_url(&source), text_of(&fault));
            return Ok(ret);
        }
        Ok(fetched) if fetched.result != Some(true) && !test => return Ok(fetched),
        Ok(_) => {}
    }
    apply(running, args, &name, &file, (&options, &strip), &mut temporaries, ret)
}

fn apply(
    running: &Running,
    args: &Args,
    name: &str,
    file: &str,
    (options, strip): (&[String], &Value),
    temporaries: &mut Temporaries,
    mut ret: StateReturn,
) -> Outcome {
    let run = |patch: &str, more: &[String], dry_run: bool| {
        let words: Vec<&String> = options.iter().chain(more).collect();
        let how = map! { "options" => Value::list(words), "dry_run" => dry_run };
        running.ask_with("file.patch", &[name.into(), patch.into()], how)
    };
    let code = |said: &Value| said.get("retcode").and_then(Value::as_int).unwrap_or(-1);
    let reject = args.given("reject_file").map(str_of);
    let rejects = match &reject {
        Some(path) => path.clone(),
        None => temporaries.file()?,
    };
    let output = temporaries.file()?;
    let strip: Vec<String> =
        if is_dir(name) && !strip.is_null() { vec![format!("-p{}", str_of(strip))] } else { Vec::new() };
    let mut words = ["-N", "-r", &rejects, "-o", &output].map(str::to_owned).to_vec();
    words.extend(strip.clone());
    let tried = run(file, &words, false)?;
    if code(&tried) != 0 {
        let back = run(&rejects, &["-R".to_owned(), "-f".to_owned()], true)?;
        let stderr = tried.get("stderr").map(str_of).unwrap_or_default();
        if code(&tried) == 2 && !stderr.is_empty() {
            ret.comment = stderr;
        } else if code(&back) == 0 {
            ret.comment = "Patch was already applied".to_owned();
            ret.result = Some(true);
        } else {
            ret.comment =
                "Patch would not apply cleanly, no changes made. Results of dry-run are below.".to_owned();
            if reject.is_none() {
                ret.comment.push_str(
                    " Run state again using the reject_file option to save rejects to a persistent file.",
                );
            }
            let options = OutputOptions { nested_indent: 14, color: false, ..OutputOptions::default() };
            ret.comment.push_str(&format!("\n\n{}", render(Some("nested"), &tried, &options)));
        }
        return Ok(ret);
    }
    if running.test() {
        ret.result = None;
        ret.comment = "The patch would be applied".to_owned();
        ret.changes = tried;
        return Ok(ret);
    }
    ret.changes = run(file, &strip, false)?;
    if code(&ret.changes) == 0 {
        ret.comment = "Patch successfully applied".to_owned();
        ret.result = Some(true);
    } else {
        ret.comment = "Failed to apply patch".to_owned();
    }
    Ok(ret)
}

pub(super) fn mknod(running: &Running, args: &Args) -> Outcome {
    let name = path_in(running, args, "name");
    let mut ret = fresh(&name);
    ret.result = Some(false);
    if name.is_empty() {
        ret.comment = "Must provide name to file.mknod".to_owned();
        return Ok(ret);
    }
    let kind = str_of(args.get("ntype"));
    let (what, lower, test) = match kind.as_str() {
        "c" => ("Character device", "a character device", "file.is_chrdev"),
        "b" => ("Block device", "a block device", "file.is_blkdev"),
        "p" => ("Fifo pipe", "a fifo pipe", "file.is_fifo"),
        _ => {
            ret.comment = format!(
                "Node type unavailable: '{kind}'. Available node types are character ('c'), block ('b'), and pipe ('p')"
            );
            return Ok(ret);
        }
    };
    if is_file(&name) {
        ret.comment = format!("File {name} exists and is not {lower}. Refusing to continue");
        return Ok(ret);
    }
    let owned = ["user", "group", "mode"].map(|name| args.get(name).clone());
    if !running.ask(test, &[name.as_str().into()])?.truthy() {
        if running.test() {
            ret.comment = format!("{what} {name} is set to be created");
            ret.result = None;
            return Ok(ret);
        }
        let mut asked = vec![name.as_str().into(), kind.into()];
        asked.extend([args.get("major").clone(), args.get("minor").clone()]);
        asked.extend(owned);
        return Ok(from_value(running.ask("file.mknod", &asked)?));
    }
    if kind != "p" {
        let device = running.ask("file.get_devmm", &[name.as_str().into()])?;
        let wanted = Value::List(vec![args.get("major").clone(), args.get("minor").clone()]);
        if device != wanted {
            let number =
                |at: usize| device.as_list().and_then(|pair| pair.get(at)).map(str_of).unwrap_or_default();
            ret.comment = format!(
                "{what} {name} exists and has a different major/minor {}/{}. Refusing to continue",
                number(0),
                number(1)
            );
            return Ok(ret);
        }
    }
    let mut asked = vec![name.as_str().into(), Map::new().into()];
    asked.extend(owned);
    let mut ret = from_value(first(running.ask("file.check_perms", &asked)?));
    if !ret.changes.truthy() {
        ret.comment = format!("{what} {name} is in the correct state");
    }
    Ok(ret)
}
